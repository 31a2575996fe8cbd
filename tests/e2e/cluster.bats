# cluster.bats - the pipeline's scripts with a real engine and a real registry:
# a cluster is made, deployed into, and published.  The programs in it (k3s,
# kubectl, crictl, helm) are small ones that record their calls.

load ../helpers
load ../bundle
load ../registry
load ../engine
load ../net

scripts=$SLIPWAY_ROOT/scripts
fixtures=$SLIPWAY_ROOT/tests/fixtures
arch=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
cluster=openshell-cluster-my-repo

setup_file() {
	E2E=$(mktemp -d)
	export E2E
	cd "$E2E" || return
	"$fixtures/make-bases.sh" "$E2E"
	"$fixtures/make-prebuilt.sh" "$E2E/prebuilt"
	"$fixtures/make-example.sh" "$E2E/my repo"
	for a in amd64 arm64; do
		bundle "$E2E/$a.tar.gz" $a
	done
	base_with_helm
	printf '/.cache/\n/deploy/docker/.build/\n/.env\n' > 'my repo/.gitignore'
	git -C 'my repo' init -q
	git -C 'my repo' add .
	git -C 'my repo' -c user.name=a -c user.email=b commit -qm x
	BATS_TEST_TMPDIR=$E2E
	registry_start registry
	echo "$registry" > "$E2E/registry"
	stand_in
}

teardown_file() {
	BATS_TEST_TMPDIR=$E2E registry_stop_all
	if [ -e "$E2E/engine" ]; then
		ENGINE=$(cat "$E2E/engine")
		DOCKER_HOST=unix://$ENGINE/s docker rm -f "$cluster" \
			> /dev/null 2>&1 || :
		engine_stop
	fi
	rm -rf "$E2E"
}

# The k3s base, with a helm that keeps a release, in the layout bases:helm.
base_with_helm() {
	mkdir -p helm/bin
	cat > helm/bin/helm <<-'SH'
	#!/bin/sh
	echo "helm $*" >> /run/k3s-calls
	case $1 in
	get) echo '{"server":{"sshHandshakeSecret":"kept"},"hostGatewayIP":"192.0.2.7"}' ;;
	upgrade)
		cat > /run/helm-values
		while [ -e /run/hold ]; do sleep 1; done
		;;
	esac
	SH
	chmod 755 helm/bin/helm
	ln -s busybox helm/bin/chmod
	ln -s busybox helm/bin/mv
	printf 'FROM oci:%s/bases:k3s\nCOPY bin/ /bin/\n' "$E2E" > helm/Dockerfile
	img-build --platform "linux/$arch" -t helm -o "oci:$E2E/bases:helm" \
		helm > /dev/null
}

# openshell, which starts the container that the scripts deploy into.
stand_in() {
	mkdir bin
	cat > bin/openshell <<-'SH'
	#!/bin/bash
	echo "openshell $*" >> "$E2E/openshell.calls"
	case "$1 $2" in
	"gateway start")
		exec docker run -d --network none \
			--name "openshell-cluster-$4" "$OPENSHELL_CLUSTER_IMAGE" ;;
	"gateway destroy") exec docker rm -f "openshell-cluster-$4" ;;
	esac
	SH
	chmod 755 bin/openshell
}

local_setup() {
	local name

	for name in $(compgen -e); do
		case $name in
		OPENSHELL_* | DOCKER_* | IMAGE_* | CI_REGISTRY* | GATEWAY_*) \
			unset "$name" ;;
		esac
	done
	HOME=$BATS_TEST_TMPDIR
	PATH=$E2E/bin:$PATH
	registry=$(cat "$E2E/registry")
	export OPENSHELL_PREBUILT=$E2E/prebuilt K3S_IMAGE=oci:$E2E/bases:helm \
	    BASE_IMAGE=oci:$E2E/bases:base IMAGE_REPO_BASE=$registry/openshell \
	    OPENSHELL_RUNTIME_BUNDLE_TARBALL=$E2E/$arch.tar.gz
	cd "$E2E/my repo" || return
}

local_teardown() {
	net_teardown
}

# One engine for the file.
engine() {
	needs docker
	[ -e "$E2E/busybox" ] || { needs busybox; : > "$E2E/busybox"; }
	if [ ! -e "$E2E/engine" ]; then
		docker_start
		echo "$ENGINE" > "$E2E/engine"
	fi
	ENGINE=$(cat "$E2E/engine")
	export DOCKER_HOST=unix://$ENGINE/s
}

# in_tmp STATUS COMMAND...: ./out and ./err are not the repository's.
in_tmp() {
	tool "$@"
	mv out err "$BATS_TEST_TMPDIR"
}

# running: a cluster is there, of this file's tests the first that asks.
running() {
	engine
	[ -n "$(docker ps -q --filter "name=$cluster")" ] ||
		in_tmp 0 "$scripts/cluster-bootstrap.sh"
}

# settled: nothing is left to deploy; the calls are forgotten.
settled() {
	running
	in_tmp 0 "$scripts/cluster-deploy-fast.sh"
	docker exec "$cluster" sh -c ': > /run/k3s-calls'
	started=$(docker inspect -f '{{.Id}} {{.State.StartedAt}}' "$cluster")
}

# calls CALL...: so the programs in the cluster were called, in this order.
calls() {
	docker exec "$cluster" cat /run/k3s-calls | grep -v readyz |
	    grep -v readyReplicas > "$BATS_TEST_TMPDIR/calls" || :
	for c; do
		echo "$c"
	done | diff - <(cut -d ' ' -f 1-3 "$BATS_TEST_TMPDIR/calls")
}

digest() {
	curl -fsI --noproxy '*' -H 'Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json' \
	    "http://$registry/v2/$1/manifests/$2" |
	    tr -d '\r' | sed -n 's/^[Dd]ocker-[Cc]ontent-[Dd]igest: //p'
}

@test "cluster: make cluster makes one, and its container is healthy" {
	engine
	in_tmp 0 "$scripts/cluster.sh"
	is "openshell gateway start --name my-repo" \
	    "$(cut -d ' ' -f 1-5 "$E2E/openshell.calls")"
	[ -n "$(digest openshell/gateway dev)" ]
	registry_until 60 sh -c "docker inspect -f '{{.State.Health.Status}}' \
	    $cluster | grep -x healthy"
	docker exec "$cluster" cat /opt/openshell/bin/openshell-sandbox |
	    cmp - "$E2E/prebuilt/supervisor/$arch/openshell-sandbox"
	docker exec "$cluster" ls /opt/openshell/charts/openshell-0.1.0.tgz
	is '["/usr/local/bin/cluster-entrypoint.sh"]' \
	    "$(docker inspect -f '{{json .Config.Entrypoint}}' "$cluster")"
	port=$(sed -n 's/^GATEWAY_PORT=//p' .env)
	grep -q -- "--port $port\$" "$E2E/openshell.calls"
	# The next one finds it, and deploys.
	in_tmp 0 "$scripts/cluster.sh"
	is 1 "$(grep -c start "$E2E/openshell.calls")"
	in_tmp 0 "$scripts/cluster.sh"
	is 'No local change since the last deploy: nothing to do.' \
	    "$(cat "$BATS_TEST_TMPDIR/out")"
}

@test "cluster: a new supervisor is in the container, which goes on" {
	settled
	echo '// new' >> crates/openshell-policy/src/lib.rs
	echo new >> "$E2E/prebuilt/supervisor/$arch/openshell-sandbox"
	in_tmp 0 "$scripts/cluster-deploy-fast.sh"
	docker exec "$cluster" cat /opt/openshell/bin/openshell-sandbox |
	    cmp - "$E2E/prebuilt/supervisor/$arch/openshell-sandbox"
	docker exec "$cluster" ls -l /opt/openshell/bin | grep '^-rwxr-xr-x '
	is openshell-sandbox "$(docker exec "$cluster" ls -A /opt/openshell/bin)"
	is "$started" "$(docker inspect -f '{{.Id}} {{.State.StartedAt}}' "$cluster")"
	calls
}

@test "cluster: a new gateway is pushed, the old one evicted, the release upgraded" {
	settled
	old=$(digest openshell/gateway dev)
	echo '// new' >> crates/openshell-server/src/main.rs
	echo new >> "$E2E/prebuilt/gateway/$arch/openshell-server"
	in_tmp 0 "$scripts/cluster-deploy-fast.sh"
	new=$(digest openshell/gateway dev)
	[ -n "$new" ]
	[ "$old" != "$new" ]
	calls "crictl rmi $registry/openshell/gateway:dev" 'helm version' \
	    'helm get values' 'kubectl -n openshell' 'helm upgrade openshell' \
	    'kubectl -n openshell' 'kubectl -n openshell'
	grep 'rollout restart statefulset/openshell' "$BATS_TEST_TMPDIR/calls"
	grep 'rollout status statefulset/openshell' "$BATS_TEST_TMPDIR/calls"
	is '{"server":{"sshHandshakeSecret":"kept"},"hostGatewayIP":"192.0.2.7"}' \
	    "$(docker exec "$cluster" cat /run/helm-values)"
	! grep kept "$BATS_TEST_TMPDIR"/{calls,out,err} || return 1
}

@test "cluster: a changed chart is a Helm upgrade and no more" {
	settled
	echo '# new' >> deploy/helm/openshell/values.yaml
	in_tmp 0 "$scripts/cluster-deploy-fast.sh"
	calls 'helm version' 'helm get values' 'kubectl -n openshell' \
	    'helm upgrade openshell'
	docker exec "$cluster" cat /opt/openshell/chart/values.yaml |
	    cmp - deploy/helm/openshell/values.yaml
	# What the chart no longer has is not left there.
	mv deploy/helm/openshell/templates/role.yaml "$BATS_TEST_TMPDIR"
	in_tmp 0 "$scripts/cluster-deploy-fast.sh"
	! docker exec "$cluster" ls /opt/openshell/chart/templates |
	    grep role || return 1
	mv "$BATS_TEST_TMPDIR/role.yaml" deploy/helm/openshell/templates/
}

@test "cluster: killed in the middle, the next deploy does it all" {
	settled
	docker exec "$cluster" sh -c ': > /run/hold'
	echo '// newer' >> proto/openshell.proto
	"$scripts/cluster-deploy-fast.sh" > "$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
	pid=$!
	registry_until 60 sh -c "docker exec $cluster cat /run/k3s-calls |
	    grep 'helm upgrade'"
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	is 143 $status
	docker exec "$cluster" rm /run/hold
	docker exec "$cluster" sh -c ': > /run/k3s-calls'
	in_tmp 0 "$scripts/cluster-deploy-fast.sh"
	docker exec "$cluster" cat /run/k3s-calls > "$BATS_TEST_TMPDIR/calls"
	for c in 'crictl rmi' 'helm upgrade' 'rollout restart'; do
		grep "$c" "$BATS_TEST_TMPDIR/calls"
	done
	grep -x 'To be deployed: gateway, supervisor, helm' "$BATS_TEST_TMPDIR/out"
}

@test "cluster: another container voids gateway and Helm, not the supervisor" {
	settled
	docker rm -f "$cluster" > /dev/null
	docker run -d --network none --name "$cluster" openshell/cluster:dev
	in_tmp 0 "$scripts/cluster-deploy-fast.sh"
	grep -x 'To be deployed: gateway, helm' "$BATS_TEST_TMPDIR/out"
}

publish() {
	DOCKER_REGISTRY=$registry/$1 K3S_IMAGE=oci:$E2E/bases:k3s \
	    OPENSHELL_RUNTIME_BUNDLE_TARBALL_AMD64=$E2E/amd64.tar.gz \
	    OPENSHELL_RUNTIME_BUNDLE_TARBALL_ARM64=${2:-$E2E/arm64.tar.gz} \
	    IMAGE_TAG=1.2 EXTRA_DOCKER_TAGS=1,stable TAG_LATEST=1 \
	    "$scripts/docker-publish-multiarch.sh" --mode registry
}

@test "publish: both images, one multi-arch tag, the others copies of it" {
	in_tmp 0 publish pub
	for c in gateway cluster; do
		one=$(digest pub/openshell-$c 1.2)
		[ -n "$one" ]
		for tag in 1 stable latest; do
			is "$one" "$(digest pub/openshell-$c $tag)"
		done
		curl -fs --noproxy '*' "http://$registry/v2/pub/openshell-$c/manifests/1.2" \
		    -H 'Accept: application/vnd.oci.image.index.v1+json' > "$BATS_TEST_TMPDIR/i"
		is "amd64 $(digest pub/openshell-$c 1.2-amd64) arm64 $(digest pub/openshell-$c 1.2-arm64)" \
		    "$(jq -r '[.manifests[] | .platform.architecture, .digest] | join(" ")' "$BATS_TEST_TMPDIR/i")"
	done
	grep -x "$registry/pub/openshell-cluster:1.2  $one" "$BATS_TEST_TMPDIR/out"
	config=$(curl -fs --noproxy '*' "http://$registry/v2/pub/openshell-cluster/manifests/1.2-arm64" \
	    -H 'Accept: application/vnd.oci.image.manifest.v1+json' | jq -r .config.digest)
	curl -fs --noproxy '*' "http://$registry/v2/pub/openshell-cluster/blobs/$config" |
	    jq -e --arg r "$(git rev-parse HEAD)" '.config.Labels |
		."org.opencontainers.image.revision" == $r'
	# And again, when all of it is there.
	in_tmp 0 publish pub
	is "$one" "$(digest pub/openshell-cluster 1.2)"
	export OPENSHELL_COMMUNITY_REGISTRY=$registry/pub
	in_tmp 0 "$scripts/sandbox-image.sh" --check openshell-cluster
	in_tmp 1 "$scripts/sandbox-image.sh" --check nobody
}

@test "publish: one bad bundle of the two, and the registry has nothing" {
	head -c 300 "$E2E/arm64.tar.gz" > "$BATS_TEST_TMPDIR/bad.tar.gz"
	in_tmp 1 publish none "$BATS_TEST_TMPDIR/bad.tar.gz"
	grep -q 'runtime bundle validation failed: ' "$BATS_TEST_TMPDIR/err"
	curl -fs --noproxy '*' "http://$registry/v2/_catalog" > "$BATS_TEST_TMPDIR/c"
	is 0 "$(jq '[.repositories[] | select(startswith("none"))] | length' "$BATS_TEST_TMPDIR/c")"
}

@test "publish: from the bundles' URLs, with a report of it" {
	mkdir "$BATS_TEST_TMPDIR/www"
	cp "$E2E"/{amd64,arm64}.tar.gz "$BATS_TEST_TMPDIR/www"
	cd "$BATS_TEST_TMPDIR"
	serve s www
	cd "$E2E/my repo"
	export OPENSHELL_RECORDS=$BATS_TEST_TMPDIR/records \
	    SLIPWAY_CACHE_DIR=$BATS_TEST_TMPDIR/cache DOCKER_REGISTRY=$registry/ci \
	    K3S_IMAGE=oci:$E2E/bases:k3s
	in_tmp 0 "$scripts/ci-build-cluster-image.sh" \
	    --platform linux/amd64,linux/arm64 \
	    --runtime-bundle-url-amd64 "$s/amd64.tar.gz" \
	    --runtime-bundle-url-arm64 "$s/arm64.tar.gz"
	one=$(digest ci/openshell-cluster dev)
	[ -n "$one" ]
	in_tmp 0 "$scripts/pipeline-report.sh" "$OPENSHELL_RECORDS"
	grep -F "| \`$registry/ci/openshell-cluster:dev\` | \`$one\` | linux/amd64, linux/arm64 |" \
	    "$BATS_TEST_TMPDIR/out"
	for t in rb-verify rb-stage img-build manifest-assemble; do
		grep -x "    section $t" "$BATS_TEST_TMPDIR/out"
	done
}
