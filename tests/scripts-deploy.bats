# scripts-deploy.bats - the incremental deploy, around a docker that only
# records.

load helpers
load recorders

local_setup() {
	scripts_setup
	recorder_docker
	recorder_builders
	export IMAGE_REPO_BASE=reg.example/o
}

# git_repo: the repository with source files, committed.
git_repo() {
	local d

	mkdir proto
	for d in core router server providers sandbox policy; do
		mkdir -p crates/openshell-$d
		echo x > crates/openshell-$d/lib.rs
	done
	echo x > proto/a.proto
	echo x > Cargo.toml
	echo x > Cargo.lock
	printf '/.cache/\n/deploy/docker/.build/\n' > .gitignore
	git init -q .
	git add .
	commit x
}
commit() {
	git -c user.name=a -c user.email=b commit -qam "$1"
}

deploy() {
	rm -f "$calls"
	tool "$1" "$scripts/cluster-deploy-fast.sh" "${@:2}"
}

# deployed: everything is, and the state says so.
deployed() {
	git_repo
	up
	export OPENSHELL_PREBUILT=$PWD/.cache/pre
	mkdir -p .cache/pre/supervisor/arm64
	echo new > .cache/pre/supervisor/arm64/openshell-sandbox
	deploy 0
}

exec='docker exec -e KUBECONFIG=/etc/rancher/k3s/k3s.yaml openshell-cluster-a-repo'
bin=/opt/openshell/bin/openshell-sandbox
gateway=('img-build -f deploy/docker/Dockerfile.gateway'
	'docker exec openshell-cluster-a-repo crictl rmi reg.example/o/gateway:dev'
	'docker exec openshell-cluster-a-repo rm -rf /opt/openshell/chart'
	'docker cp deploy/helm/openshell openshell-cluster-a-repo:/opt/openshell/chart'
	'helm upgrade openshell /opt/openshell/chart --install -n openshell --values - '
	"$exec kubectl -n openshell rollout restart statefulset/openshell"
	"$exec kubectl -n openshell rollout status statefulset/openshell")
supervisor=("docker cp $BATS_TEST_TMPDIR/tmp/tmp."
	"docker exec openshell-cluster-a-repo chmod 755 $bin.new"
	"docker exec openshell-cluster-a-repo mv -f $bin.new $bin")

@test "cluster-deploy-fast: without a running cluster it says how to get one" {
	tool 1 "$scripts/cluster-deploy-fast.sh"
	is 'openshell-cluster-a-repo does not run: make it with cluster-bootstrap.sh' \
	    "$(cat err)"
	tool 2 "$scripts/cluster-deploy-fast.sh" helm
	is 'unknown target: helm (gateway, supervisor, chart or all)' "$(cat err)"
	DEPLOY_FAST_MODE=slow tool 2 "$scripts/cluster-deploy-fast.sh"
	is 'unknown DEPLOY_FAST_MODE: slow (auto or full)' "$(cat err)"
}

@test "cluster-deploy-fast: the first time everything, then nothing" {
	deployed
	called "${gateway[@]}"
	called "${supervisor[@]}"
	called '--push .'
	deploy 0
	is 'No local change since the last deploy: nothing to do.' "$(cat out)"
	uncalled 'docker exec' 'docker cp' img-build
	# A commit, a touch, an ignored file: the content is what it was.
	echo y > proto/a.proto
	deploy 0
	called "${gateway[@]}"
	commit y
	find . -path ./.git -prune -o -type f -exec touch {} +
	echo ignored > .cache/x
	deploy 0
	is 'No local change since the last deploy: nothing to do.' "$(cat out)"
	left_nothing
}

@test "cluster-deploy-fast: each component has its own files and its own way" {
	deployed
	echo y > crates/openshell-server/lib.rs
	deploy 0
	called "${gateway[@]}"
	uncalled "$bin"
	echo y > crates/openshell-policy/untracked.rs
	deploy 0
	called "${supervisor[@]}"
	uncalled helm rollout crictl img-build
	echo '# y' >> deploy/helm/openshell/values.yaml
	deploy 0
	called "${gateway[2]}" "${gateway[3]}" "${gateway[4]}"
	uncalled img-build crictl rollout "$bin"
	# Reverting what was deployed is a change.
	git checkout -q crates/openshell-server
	deploy 0
	called "${gateway[@]}"
}

@test "cluster-deploy-fast: the state is of one cluster and one container" {
	deployed
	up c2
	deploy 0
	called "${gateway[@]}"
	uncalled "$bin"
	deploy 0
	uncalled 'docker exec'
	CLUSTER_NAME=other deploy 0
	called 'openshell-cluster-other:/opt/openshell/bin' 'helm upgrade'
}

@test "cluster-deploy-fast: targets are deployed, and the fingerprints left alone" {
	deployed
	state=$(sha256sum .cache/cluster-deploy-fast.state)
	echo y > crates/openshell-core/lib.rs
	deploy 0 supervisor
	called "${supervisor[@]}"
	uncalled helm
	deploy 0 gateway
	called "${gateway[@]}"
	uncalled "$bin"
	deploy 0 chart
	called "${gateway[4]}"
	uncalled img-build rollout
	deploy 0 all
	called "${gateway[@]}"
	called "${supervisor[@]}"
	is "$state" "$(sha256sum .cache/cluster-deploy-fast.state)"
	deploy 0
	called "${gateway[@]}"
	called "${supervisor[@]}"
}

@test "cluster-deploy-fast: its variables" {
	deployed
	FORCE_HELM_UPGRADE=1 DEPLOY_FAST_HELM_WAIT=1 deploy 0
	uncalled img-build
	is 1 "$(grep -c -- --wait "$calls")"
	DEPLOY_FAST_MODE=full deploy 0
	called "${gateway[@]}"
	called "${supervisor[@]}"
	uncalled --wait
	DEPLOY_FAST_STATE_FILE='another state/f' IMAGE_REPO_BASE=z/y IMAGE_TAG=t deploy 0
	called '-t z/y/gateway:t' \
	    '--set-string image.repository=z/y/gateway --set-string image.tag=t'
	[ -s 'another state/f' ]
}

@test "cluster-deploy-fast: what failed is done again, all of it" {
	deployed
	echo y > proto/a.proto
	for step in '*mv -f*' '*helm upgrade*' '*rollout status*'; do
		echo "$step" > "$calls.fails"
		deploy 1
		says 'docker: no luck'
		left_nothing
	done
	rm "$calls.fails"
	deploy 0
	called "${gateway[@]}"
	called "${supervisor[@]}"
	deploy 0
	uncalled 'docker exec'
}

@test "cluster-deploy-fast: the release keeps its secret and its host's address" {
	deployed
	grep -qxE '\{"server":\{"sshHandshakeSecret":"[0-9a-f]{64}"\}\}' "$calls.given"
	cp "$calls.given" first
	# Not from a release, then a new one each time; the chart's own is kept.
	FORCE_HELM_UPGRADE=1 deploy 0
	! cmp -s first "$calls.given" || return 1
	printf '%064d' 7 | base64 -w 0 > "$calls.secret"
	FORCE_HELM_UPGRADE=1 deploy 0
	is "$(printf '%064d' 7)" "$(jq -r .server.sshHandshakeSecret "$calls.given")"
	# What the release was given comes before that.
	echo '{"server":{"sshHandshakeSecret":"s3cr3t \"x","logLevel":"debug"},"hostGatewayIP":"192.0.2.1"}' \
	    > "$calls.values"
	FORCE_HELM_UPGRADE=1 deploy 0
	is '{"server":{"sshHandshakeSecret":"s3cr3t \"x"},"hostGatewayIP":"192.0.2.1"}' \
	    "$(cat "$calls.given")"
	! grep s3cr3t "$calls" out err || return 1
	called image.repository=reg.example/o/gateway
	called image.pullPolicy=Always
	called server.grpcEndpoint=https://openshell.openshell.svc.cluster.local:8080
	called server.tls.certSecretName=openshell-server-tls
	left_nothing
}

@test "cluster-deploy-fast: a release that can't be read is not overwritten" {
	deployed
	echo '*helm get values*' > "$calls.fails"
	FORCE_HELM_UPGRADE=1 deploy 3
	says 'docker: no luck'
	uncalled 'helm upgrade'
}

@test "cluster-deploy-fast: helm is the cluster's own, else this machine's" {
	deployed
	echo '*helm version*' > "$calls.fails"
	recorder helm
	FORCE_HELM_UPGRADE=1 deploy 0
	called "docker cp -L $BATS_TEST_TMPDIR/bin/helm openshell-cluster-a-repo:/usr/local/bin/helm" \
	    'helm upgrade'
	rm "$BATS_TEST_TMPDIR/bin/helm"
	command -v helm && skip "peer helm is installed"
	FORCE_HELM_UPGRADE=1 deploy 1
	is 'helm is missing: the Helm upgrade needs it, in openshell-cluster-a-repo or on this machine' "$(cat err)"
}

@test "cluster-deploy-fast: killed in the middle, it leaves the state as it was" {
	deployed
	echo y > proto/a.proto
	state=$(sha256sum .cache/cluster-deploy-fast.state)
	recorder img-build 'touch "$calls.builds"; exec sleep 60'
	"$scripts/cluster-deploy-fast.sh" > out 2> err 3>&- &
	pid=$!
	until [ -e "$calls.builds" ]; do
		kill -0 $pid
		sleep .02
	done
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	is 143 $status
	is "$state" "$(sha256sum .cache/cluster-deploy-fast.state)"
	left_nothing
	recorder_builders
	deploy 0
	called "${gateway[@]}"
}

@test "cluster-deploy-fast: --dry-run shows what would be done" {
	git_repo
	up
	deploy 0 --dry-run
	uncalled img-build 'docker exec' 'docker cp' push
	grep -q '^+ img-build -f deploy/docker/Dockerfile.gateway ' out
	grep -q '^+ img-build .*--target supervisor' out
	says '+ docker exec openshell-cluster-a-repo crictl rmi reg.example/o/gateway:dev'
	says "+ $exec kubectl -n openshell rollout restart statefulset/openshell"
	[ ! -s .cache/cluster-deploy-fast.state ]
}

@test "cluster-deploy-fast: the supervisor comes out of its stage, for the cluster" {
	git_repo
	up
	# shellcheck disable=SC2016
	recorder img-build '
		while [ $# -gt 0 ]; do
			[ "$1" != -o ] || dir=${2#oci:}
			shift
		done
		mkdir -p "$dir/blobs/sha256" arm64
		echo compiled > arm64/openshell-sandbox
		tar -czf "$dir/blobs/sha256/aa" arm64
		echo "{\"image\":{\"layers\":[{\"digest\":\"sha256:aa\"}]}}"'
	# shellcheck disable=SC2016
	recorder docker '
		case "$*" in
		"inspect --type"*) cat "$calls.container" ;;
		"image inspect"*) echo arm64 ;;
		cp*) cp -p "$2" "$calls.copied" ;;
		esac'
	deploy 0 supervisor
	called '-f deploy/docker/Dockerfile.cluster --target supervisor --platform linux/arm64 -t'
	is compiled "$(cat "$calls.copied")"
	is 755 "$(stat -c %a "$calls.copied")"
}
