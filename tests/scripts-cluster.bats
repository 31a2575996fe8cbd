# scripts-cluster.bats - the scripts that make a cluster, around a docker that
# only records.

load helpers
load recorders

local_setup() {
	scripts_setup
	recorder_docker
	recorder openshell 'env | grep -E "^OPENSHELL_" | sort > "$calls.env"'
	# shellcheck disable=SC2016
	recorder curl '[ -e "$calls.answers" ]'
	recorder_builders
	export IMAGE_REPO_BASE=reg.example/o
}

@test "cluster: the container's name is the folder's, made fit" {
	for name in '-My_Cluster  (2)ß!' my-cluster-2 $'MY\ncluster/2'; do
		rm -f "$calls"
		CLUSTER_NAME=$name tool 1 "$scripts/cluster-deploy-fast.sh"
		called ' openshell-cluster-my-cluster-2'
	done
	CLUSTER_NAME='--' tool 2 "$scripts/cluster.sh"
	is 'CLUSTER_NAME has neither a letter nor a digit' "$(cat err)"
}

# cluster.sh beside scripts that only record.
alone() {
	cp -r "$scripts" sc
	for s in cluster-deploy-fast cluster-bootstrap docker-build-cluster \
	    cluster-push-component; do
		[ "sc/$s.sh" = "$1" ] || {
			recorder $s
			cp "$BATS_TEST_TMPDIR/bin/$s" sc/$s.sh
		}
	done
}

@test "cluster: a healthy cluster is deployed to, another one is made anew" {
	alone sc/cluster.sh
	up
	tool 0 sc/cluster.sh gateway supervisor
	called 'cluster-deploy-fast gateway supervisor'
	uncalled cluster-bootstrap
	for state in '' 'c1 exited sha256:1 unhealthy' \
	    'c1 running sha256:1 unhealthy'; do
		rm -f "$calls" "$calls.container"
		[ -z "$state" ] || echo "$state" > "$calls.container"
		tool 0 sc/cluster.sh
		called 'cluster-bootstrap fast'
		uncalled cluster-deploy
	done
	tool 2 sc/cluster.sh everything
	is 'unknown target: everything (gateway, supervisor, chart or all)' "$(cat err)"
}

@test "cluster: an engine that does not answer is no reason to make one anew" {
	alone sc/cluster.sh
	echo '*inspect*' > "$calls.fails"
	for s in "sc/cluster.sh" "$scripts/cluster-deploy-fast.sh"; do
		tool 3 "$s"
		is 'docker: no luck' "$(cat err)"
	done
	uncalled cluster-bootstrap
}

@test "cluster: one that has just been started is waited for" {
	alone sc/cluster.sh
	up c1 starting
	# shellcheck disable=SC2016
	recorder sleep 'echo "c1 running sha256:1 healthy" > "$calls.container"'
	tool 0 sc/cluster.sh
	says 'Waiting for openshell-cluster-a-repo to be healthy...'
	called 'sleep .5' cluster-deploy-fast
}

bootstrap() {
	rm -f "$calls"
	tool "$1" sc/cluster-bootstrap.sh "${@:2}"
}
bootstrap_setup() {
	alone sc/cluster-bootstrap.sh
	export OPENSHELL_RUNTIME_BUNDLE_TARBALL=b
	recorder docker-build-cluster 'echo "${OPENSHELL_RUNTIME_BUNDLE_VERIFY_ONLY:-}" >> "$calls.verify"
		[ ! -e "$calls.bad" ]'
	cp "$BATS_TEST_TMPDIR/bin/docker-build-cluster" sc/docker-build-cluster.sh
}

@test "cluster-bootstrap: the bundle first, the gateway, the image, then the start" {
	bootstrap_setup
	mkdir -p .cache/cluster-deploy-fast.state.d
	echo old > .cache/cluster-deploy-fast.state
	GATEWAY_HOST=h bootstrap 0
	called docker-build-cluster 'cluster-push-component gateway' \
	    docker-build-cluster \
	    'openshell gateway start --name a-repo --port 8080 --gateway-host h'
	printf '1\n\n' | diff - "$calls.verify"
	printf 'GATEWAY_PORT=8080\nOPENSHELL_GATEWAY=a-repo\n' | diff - .env
	is '' "$(ls -A .cache)"
	grep -qx OPENSHELL_CLUSTER_IMAGE=openshell/cluster:dev "$calls.env"
	uncalled curl 'docker run' destroy login
	left_nothing
}

@test "cluster-bootstrap: a missing or bad bundle stops it before all else" {
	bootstrap_setup
	: > "$calls.bad"
	bootstrap 1
	is docker-build-cluster "$(cat "$calls")"
	[ ! -e .env ]
	unset OPENSHELL_RUNTIME_BUNDLE_TARBALL
	bootstrap 2
	is 'missing required variable: OPENSHELL_RUNTIME_BUNDLE_TARBALL' "$(cat err)"
	[ ! -e "$calls" ]
	bootstrap 2 slow
	is 'unknown mode: slow (build or fast)' "$(cat err)"
	SKIP_CLUSTER_IMAGE_BUILD=1 SKIP_IMAGE_PUSH=1 OPENSHELL_CLUSTER_IMAGE=i:1 bootstrap 0
	uncalled docker-build-cluster cluster-push
	grep -qx OPENSHELL_CLUSTER_IMAGE=i:1 "$calls.env"
}

@test "cluster-bootstrap: .env keeps what it has, and its port is taken" {
	bootstrap_setup
	printf 'A=b\nexport GATEWAY_PORT="1234"' > .env
	bootstrap 0
	called 'openshell gateway start --name a-repo --port 1234'
	printf 'A=b\nexport GATEWAY_PORT="1234"\nOPENSHELL_GATEWAY=a-repo\n' |
	    diff - .env
	GATEWAY_PORT=99 bootstrap 0
	called '--port 99'
	grep -q 1234 .env
	GATEWAY_PORT=x bootstrap 2
	is 'GATEWAY_PORT is no port: x' "$(cat err)"
}

@test "cluster-bootstrap: fast makes an existing cluster anew, on a free port" {
	bootstrap_setup
	up
	bootstrap 0 fast
	called 'docker-build-cluster' 'openshell gateway destroy --name a-repo' \
	    'openshell gateway start'
	port=$(sed -n 's/^GATEWAY_PORT=//p' .env)
	[ "$port" -ge 20000 ]
	called "--port $port"
	rm "$calls.container" .env
	bootstrap 0 fast
	uncalled destroy
}

@test "cluster-bootstrap: a local registry is started, and one that is a proxy replaced" {
	bootstrap_setup
	unset IMAGE_REPO_BASE
	run='docker run -d --restart always --name openshell-local-registry -p 5000:5000 registry:2'
	# One answers, whosever it is.
	: > "$calls.answers"
	bootstrap 0
	uncalled 'docker run' 'docker start'
	grep -qx OPENSHELL_REGISTRY_INSECURE=true "$calls.env"
	# None does, until it is started.
	rm "$calls.answers"
	# shellcheck disable=SC2016
	recorder curl 'grep -q "docker run\|docker start" "$calls"'
	bootstrap 0
	called "$run" curl cluster-push-component
	# It is there, and was stopped.
	printf 'PATH=/bin\n' > "$calls.registry"
	echo false > "$calls.running"
	bootstrap 0
	called 'docker start openshell-local-registry' curl
	uncalled 'docker run'
	printf 'PATH=/bin\nREGISTRY_PROXY_REMOTEURL=https://r\n' > "$calls.registry"
	bootstrap 0
	called 'docker rm -f openshell-local-registry' "$run" curl
	SKIP_IMAGE_PUSH=1 bootstrap 0
	uncalled 'docker run' curl
}

@test "cluster-bootstrap: the CI's registry is logged in to, and no password shown" {
	bootstrap_setup
	unset IMAGE_REPO_BASE
	CI_REGISTRY=reg.example CI_REGISTRY_IMAGE=reg.example/ci \
	    CI_REGISTRY_USER=me CI_REGISTRY_PASSWORD='s3c r3t' bootstrap 0
	called 'docker login -u me --password-stdin reg.example'
	is 's3c r3t' "$(cat "$calls.password")"
	uncalled s3c curl
	! grep s3c out err .env || return 1
	grep -qx OPENSHELL_REGISTRY_HOST=reg.example "$calls.env"
}

@test "cluster-push-component: what the engine has is pushed, else built" {
	alone sc/cluster-push-component.sh
	tool 0 sc/cluster-push-component.sh gateway
	called 'docker image inspect openshell/gateway:dev' \
	    'img-build -f deploy/docker/Dockerfile.gateway -t reg.example/o/gateway:dev'
	uncalled crictl 'docker push'
	rm "$calls"
	up
	: > "$calls.image"
	IMAGE_TAG=t tool 0 sc/cluster-push-component.sh gateway
	called 'docker tag openshell/gateway:t reg.example/o/gateway:t' \
	    'docker push reg.example/o/gateway:t' \
	    'docker exec openshell-cluster-a-repo crictl rmi reg.example/o/gateway:t'
	uncalled img-build
	tool 2 sc/cluster-push-component.sh cluster
	is 'unknown component: cluster (gateway is one)' "$(cat err)"
	tool 2 sc/cluster-push-component.sh
	is 'missing required argument: gateway' "$(cat err)"
}

@test "cluster-push-component: there may be no stale copy" {
	up
	: > "$calls.image"
	echo '*crictl*' > "$calls.fails"
	tool 0 "$scripts/cluster-push-component.sh" gateway
	called crictl
}

@test "scripts: each names the programs that its cluster needs" {
	mkdir path
	for p in bash env awk mktemp dirname rm uname cat tr sed ps curl grep tail; do
		ln -s "$(command -v $p)" path/
	done
	export OPENSHELL_RUNTIME_BUNDLE_TARBALL=b
	PATH=$PWD/path tool 1 "$scripts/cluster.sh"
	is 'docker is missing: the cluster needs it' "$(cat err)"
	PATH=$PWD/path tool 1 "$scripts/cluster-deploy-fast.sh"
	is 'docker is missing: the incremental deploy needs it' "$(cat err)"
	ln -s "$BATS_TEST_TMPDIR/bin/docker" path/
	PATH=$PWD/path tool 1 "$scripts/cluster-bootstrap.sh"
	is 'openshell is missing: the cluster needs it' "$(cat err)"
}
