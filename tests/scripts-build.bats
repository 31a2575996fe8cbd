# scripts-build.bats - the scripts that build one image, and what holds for all
# of them.

load helpers
load bundle
load recorders

local_setup() {
	scripts_setup
	recorder docker
	recorder_builders
}

staged=deploy/docker/.build/runtime-bundle

@test "docker-build-cluster: without the bundle's variable nothing is done" {
	DOCKER_PLATFORM=a,b tool 2 "$scripts/docker-build-cluster.sh"
	is 'missing required variable: OPENSHELL_RUNTIME_BUNDLE_TARBALL' "$(cat err)"
	[ ! -s out ]
	[ ! -e "$calls" ]
	left_nothing
}

@test "docker-build-cluster: stages, packages, builds and loads, in this order" {
	bundle b.tar.gz "$arch"
	OPENSHELL_RUNTIME_BUNDLE_TARBALL=b.tar.gz \
	    tool 0 "$scripts/docker-build-cluster.sh"
	[ -d $staged/"$arch" ]
	[ -e deploy/docker/.build/charts/openshell-0.1.0.tgz ]
	grep '\.\.\.$' out |
	    diff - <(printf 'Packaging helm chart...\nBuilding cluster image...\n')
	is "img-build -f deploy/docker/Dockerfile.cluster -t openshell/cluster:dev --load ." \
	    "$(cat "$calls")"
	says 'openshell/cluster:dev  sha256:aa'
	[ ! -s err ]
	left_nothing
}

@test "docker-build-cluster: an absent or bad bundle stops it before all else" {
	bundle bad.tar.gz "$arch" sha256=0
	printf x >> bad.tar.gz
	for b in none.tar.gz bad.tar.gz; do
		OPENSHELL_RUNTIME_BUNDLE_TARBALL=$b \
		    tool 1 "$scripts/docker-build-cluster.sh"
		grep -q 'runtime bundle validation failed: ' err
		[ ! -s out ]
		[ ! -e "$calls" ]
		[ ! -e deploy/docker/.build/charts ]
		[ ! -e $staged/"$arch" ]
		left_nothing
	done
}

@test "docker-build-cluster: a bundle of the other architecture is refused" {
	other=arm64
	[ "$arch" = amd64 ] || other=amd64
	bundle b.tar.gz "$arch"
	DOCKER_PLATFORM=linux/$other OPENSHELL_RUNTIME_BUNDLE_TARBALL=b.tar.gz \
	    tool 1 "$scripts/docker-build-cluster.sh"
	grep -q 'runtime bundle validation failed: ' err
	[ ! -e "$calls" ]
}

@test "docker-build-cluster: VERIFY_ONLY stops when the bundle is staged" {
	bundle b.tar.gz arm64
	DOCKER_PLATFORM=linux/arm64 OPENSHELL_RUNTIME_BUNDLE_VERIFY_ONLY=1 \
	    OPENSHELL_RUNTIME_BUNDLE_TARBALL=b.tar.gz \
	    tool 0 "$scripts/docker-build-cluster.sh"
	is "Runtime bundle staged at $staged/arm64/$(ls $staged/arm64)" "$(cat out)"
	[ ! -e deploy/docker/.build/charts ]
	[ ! -e "$calls" ]
}

@test "docker-build-cluster: one platform of two is built at a time" {
	export OPENSHELL_RUNTIME_BUNDLE_TARBALL=b.tar.gz
	DOCKER_PLATFORM=linux/amd64,linux/arm64 \
	    tool 2 "$scripts/docker-build-cluster.sh"
	is 'multi-platform builds are not supported yet: linux/amd64,linux/arm64' \
	    "$(cat err)"
	for p in linux/riscv64 linux/arm/v7 amd64; do
		DOCKER_PLATFORM=$p tool 2 "$scripts/docker-build-cluster.sh"
		is "unsupported docker platform: $p" "$(cat err)"
	done
	[ ! -e "$calls" ]
}

@test "docker-build-cluster: registry, tag, arguments and builder go to the build" {
	bundle b.tar.gz amd64
	export DOCKER_PLATFORM=linux/amd64 DOCKER_PUSH=1 IMAGE_TAG=1.2 \
	    IMAGE_REGISTRY=127.0.0.1:5000/me DOCKER_BUILDER='my builder' \
	    K3S_VERSION=v1.30.1+k3s1 OPENSHELL_CARGO_VERSION=0.2.0 \
	    SCCACHE_MEMCACHED_ENDPOINT='' BASE_IMAGE=other \
	    OPENSHELL_RUNTIME_BUNDLE_TARBALL=b.tar.gz
	tool 0 "$scripts/docker-build-cluster.sh" --label $'a=x "y"\n$(z)'
	is 1 "$(wc -l < "$calls")"
	called "img-build -f deploy/docker/Dockerfile.cluster --build-arg K3S_VERSION --build-arg OPENSHELL_CARGO_VERSION --builder my\\ builder -t 127.0.0.1:5000/me/cluster:1.2 --label org."
	called " --push --label $(printf %q $'a=x "y"\n$(z)') ."
	uncalled SCCACHE BASE_IMAGE --load
	recorder img-build 'echo "$K3S_VERSION" > "$calls.k3s"; cat'
	tool 0 "$scripts/docker-build-cluster.sh"
	is v1.30.1-k3s1 "$(cat "$calls.k3s")"
}

@test "docker-build-cluster: the bundle's path is a path, whatever is in it" {
	odd=$'-a b\'"$(touch evil);\n*.tar.gz'
	bundle x.tar.gz "$arch"
	mv x.tar.gz "./$odd"
	OPENSHELL_RUNTIME_BUNDLE_TARBALL=$odd OPENSHELL_RUNTIME_BUNDLE_VERIFY_ONLY=1 \
	    tool 0 "$scripts/docker-build-cluster.sh"
	[ ! -e evil ]
	is 1 "$(wc -l < out)"
}

@test "docker-build-cluster: without an engine the image is left as a layout" {
	[ ! -S /var/run/docker.sock ] || skip "peer dockerd runs on this machine"
	bundle b.tar.gz "$arch"
	mkdir path
	for p in bash sh env awk cat cp mv rm mkdir mktemp dirname basename sed \
	    grep tar gzip jq uname git head chmod ps rb-stage; do
		ln -s "$(command -v $p)" path/
	done
	ln -s "$BATS_TEST_TMPDIR/bin/img-build" path/
	PATH=$PWD/path OPENSHELL_RUNTIME_BUNDLE_TARBALL=b.tar.gz \
	    tool 0 "$scripts/docker-build-cluster.sh"
	called '-o oci:.cache/images/cluster:dev .'
	says 'No container engine here: the image will be in oci:.cache/images/cluster:dev'
}

@test "docker-build-cluster: records are kept, also of what failed" {
	export OPENSHELL_RECORDS=$PWD/r.jsonl OPENSHELL_RUNTIME_BUNDLE_TARBALL=b
	tool 1 "$scripts/docker-build-cluster.sh"
	is tarball_not_found "$(jq -r .error.code r.jsonl)"
	rm r.jsonl
	bundle b "$arch"
	tool 0 "$scripts/docker-build-cluster.sh"
	is "sha256:aa $arch" "$(jq -r '"\(.image.digest) \(.arch)"' r.jsonl)"
}

@test "docker-build-cluster: prebuilt programs take the compile stage's place" {
	bundle b.tar.gz "$arch"
	OPENSHELL_PREBUILT='/a b' OPENSHELL_RUNTIME_BUNDLE_TARBALL=b.tar.gz \
	    tool 0 "$scripts/docker-build-cluster.sh"
	called '--build-context supervisor=/a\ b/supervisor'
}

@test "scripts: away from the repository's root they say so" {
	cd ..
	OPENSHELL_RUNTIME_BUNDLE_TARBALL=b \
	    tool 2 "$scripts/docker-build-cluster.sh"
	grep -q '^no deploy/docker/Dockerfile.cluster here: run this from the root' err
}

@test "scripts: a missing program is named, with what needs it" {
	mkdir path
	for p in bash env awk mktemp dirname rm uname cat; do
		ln -s "$(command -v $p)" path/
	done
	unset SLIPWAY_BIN
	cp -r "$scripts" elsewhere
	PATH=$PWD/path tool 1 elsewhere/docker-build-component.sh gateway
	is 'img-build is missing: the gateway image needs it' "$(cat err)"
}

@test "scripts: the filters are found beside the scripts" {
	cp -r "$scripts" elsewhere
	cp "$SLIPWAY_BIN/rb-stage" elsewhere/
	bundle b.tar.gz "$arch"
	mkdir path
	for p in bash sh env awk mktemp dirname rm uname cat jq sed grep tar ps; do
		ln -s "$(command -v $p)" path/
	done
	ln -s "$BATS_TEST_TMPDIR/bin/img-build" path/
	SLIPWAY_BIN='' PATH=$PWD/path OPENSHELL_RUNTIME_BUNDLE_VERIFY_ONLY=1 \
	    OPENSHELL_RUNTIME_BUNDLE_TARBALL=b.tar.gz \
	    tool 0 elsewhere/docker-build-cluster.sh
}

@test "docker-build-component: the gateway image, and no other component" {
	tool 0 "$scripts/docker-build-component.sh" gateway
	is "img-build -f deploy/docker/Dockerfile.gateway -t openshell/gateway:dev --load ." \
	    "$(cat "$calls")"
	tool 2 "$scripts/docker-build-component.sh"
	is 'missing required argument: gateway' "$(cat err)"
	tool 2 "$scripts/docker-build-component.sh" cluster
	is 'unknown component: cluster (gateway is one)' "$(cat err)"
	DOCKER_PLATFORM=x tool 2 "$scripts/docker-build-component.sh" gateway
	is 'unsupported docker platform: x' "$(cat err)"
	is 1 "$(wc -l < "$calls")"
}

@test "docker-build-component: a pushed image says where it comes from, and no more" {
	git init -q .
	git -c user.name=a -c user.email=b commit -q --allow-empty -m x
	head=$(git rev-parse HEAD)
	for url in https://me:s3cr3t@github.com/o/r.git git@github.com:o/r.git \
	    ssh://git@github.com/o/r 'https://me:s3cr3t/c@r3t@github.com/o/r?s3cr3t'; do
		rm -f "$calls"
		git config remote.origin.url "$url"
		DOCKER_PUSH=1 IMAGE_REGISTRY=r tool 0 \
		    "$scripts/docker-build-component.sh" gateway
		called "--label org.opencontainers.image.revision=$head"
		called "--label org.opencontainers.image.version=${head:0:7}"
		uncalled s3cr3t cr3t
	done
	git config remote.origin.url git@github.com:o/r.git
	DOCKER_PUSH=1 tool 0 "$scripts/docker-build-component.sh" gateway
	called "--label org.opencontainers.image.source=https://github.com/o/r "
	git config remote.origin.url /a/b
	rm "$calls"
	DOCKER_PUSH=1 tool 0 "$scripts/docker-build-component.sh" gateway
	uncalled image.source
	GITHUB_REPOSITORY=p/q DOCKER_PUSH=1 tool 0 \
	    "$scripts/docker-build-component.sh" gateway
	called "--label org.opencontainers.image.source=https://github.com/p/q "
}

@test "scripts: a failed build ends them with its status and reason" {
	: > "$calls.img-build-fails"
	tool 1 "$scripts/docker-build-component.sh" gateway
	says 'img-build: no luck'
	left_nothing
}

@test "scripts: a signal ends what runs, and leaves nothing behind" {
	recorder img-build 'echo $$ > "$calls.pid"; exec sleep 60'
	for sig in INT TERM; do
		rm -f "$calls.pid"
		# In the background of a script, SIGINT would be ignored.
		python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])' \
		    "$scripts/docker-build-component.sh" gateway > out 2> err 3>&- &
		pid=$!
		until [ -s "$calls.pid" ]; do
			kill -0 $pid
			sleep .02
		done
		kill -$sig $pid
		status=0
		wait $pid || status=$?
		case $sig in
		INT) is 130 $status ;;
		TERM) is 143 $status ;;
		esac
		for _ in $(seq 100); do
			kill -0 "$(cat "$calls.pid")" 2> /dev/null || break
			sleep .02
		done
		! kill -0 "$(cat "$calls.pid")" 2> /dev/null || return 1
		left_nothing
	done
}

@test "make: the pipeline's targets call the scripts, in the repository" {
	cp -r "$scripts" sc
	for s in cluster docker-build-cluster docker-build-component \
	    docker-publish-multiarch; do
		recorder $s 'printf "%s %s\n" "${PWD##*/}" "${OPENSHELL_RUNTIME_BUNDLE_TARBALL:-}" >> "$calls"'
		cp "$BATS_TEST_TMPDIR/bin/$s" sc/$s.sh
	done
	mkdir tree
	cp "$SLIPWAY_ROOT/Makefile" tree/
	mv sc tree/scripts
	mk() {
		tool 0 make -s -C tree -o all PKG_LIBS=-lm REPO="$PWD" "$@"
	}
	mk cluster TARGETS='gateway supervisor'
	OPENSHELL_RUNTIME_BUNDLE_TARBALL='x y' mk cluster-image
	OPENSHELL_RUNTIME_BUNDLE_TARBALL=/x mk gateway-image
	mk publish
	mk publish MODE=ecr
	printf '%s\n' 'cluster gateway supervisor' 'a repo ' \
	    docker-build-cluster "a repo $PWD/tree/x y" \
	    'docker-build-component gateway' 'a repo /x' \
	    'docker-publish-multiarch --mode registry' 'a repo ' \
	    'docker-publish-multiarch --mode ecr' 'a repo ' | diff - "$calls"
}

@test "make: without a repository, the pipeline runs in a copy of the example" {
	needs make git
	tool 2 make -s -C "$SLIPWAY_ROOT" -o all B="$BATS_TEST_TMPDIR/b" cluster-image
	grep -q 'missing required variable: OPENSHELL_RUNTIME_BUNDLE_TARBALL' err
	for f in Cargo.toml .git mise.toml scripts/cluster.sh \
	    deploy/docker/Dockerfile.cluster; do
		[ -e "$BATS_TEST_TMPDIR/b/openshell/$f" ]
	done
}

@test "mise: its tasks are the names that people type" {
	peer mise
	cp "$SLIPWAY_ROOT/mise.toml" .
	cp -r "$scripts" scripts
	recorder cluster
	cp "$BATS_TEST_TMPDIR/bin/cluster" scripts/cluster.sh
	mise trust -q mise.toml
	tool 0 mise run cluster -- supervisor
	called 'cluster supervisor'
	mise tasks ls --no-header | cut -d ' ' -f 1 | sort | diff - <(printf \
	    '%s\n' cluster docker:build:cluster docker:build:cluster:multiarch \
	    docker:build:gateway)
}

@test "scripts: a closed standard input is none" {
	tool 0 "$scripts/docker-build-component.sh" gateway <&-
	says 'openshell/gateway:dev  sha256:aa'
}
