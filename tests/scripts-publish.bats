# scripts-publish.bats - both images for all platforms, and from URLs.

load helpers
load bundle
load recorders

local_setup() {
	scripts_setup
	recorder_builders
}

staged=deploy/docker/.build/runtime-bundle

publish() {
	"$scripts/docker-publish-multiarch.sh" "$@"
}

@test "docker-publish-multiarch: what is missing stops it at once" {
	tool 2 publish
	is 'missing required argument: --mode' "$(cat err)"
	tool 2 publish --mode
	tool 2 publish --mode hub
	is 'unknown mode: hub (registry or ecr)' "$(cat err)"
	tool 2 publish --mode registry
	is 'missing required variable: DOCKER_REGISTRY' "$(cat err)"
	tool 2 publish --mode ecr
	is 'missing required variable: AWS_ACCOUNT_ID' "$(cat err)"
	AWS_ACCOUNT_ID=1 tool 2 publish --mode=ecr
	is 'missing required variable: AWS_REGION' "$(cat err)"
	export DOCKER_REGISTRY=r.example/o
	tool 2 publish --mode registry
	is 'missing required variable: OPENSHELL_RUNTIME_BUNDLE_TARBALL_AMD64' "$(cat err)"
	export OPENSHELL_RUNTIME_BUNDLE_TARBALL_AMD64=a.tar.gz
	tool 2 publish --mode registry
	is 'missing required variable: OPENSHELL_RUNTIME_BUNDLE_TARBALL_ARM64' "$(cat err)"
	export OPENSHELL_RUNTIME_BUNDLE_TARBALL_ARM64=b.tar.gz
	tool 1 publish --mode registry
	is 'tarball not found: a.tar.gz' "$(cat err)"
	: > a.tar.gz
	tool 1 publish --mode registry
	is 'tarball not found: b.tar.gz' "$(cat err)"
	for p in linux/amd64,linux/mips linux/amd64,linux/amd64 ' , '; do
		DOCKER_PLATFORMS=$p tool 2 publish --mode registry
	done
	[ ! -s out ]
	[ ! -e "$calls" ]
	left_nothing
}

both() {
	bundle a.tar.gz amd64
	bundle b.tar.gz arm64
	export OPENSHELL_RUNTIME_BUNDLE_TARBALL_AMD64=a.tar.gz \
	    OPENSHELL_RUNTIME_BUNDLE_TARBALL_ARM64=b.tar.gz
	recorder rb-verify "exec '$SLIPWAY_BIN/rb-verify' \"\$@\""
	recorder rb-stage "exec '$SLIPWAY_BIN/rb-stage' \"\$@\""
}

@test "docker-publish-multiarch: gateway, cluster and the other tags, in this order" {
	both
	DOCKER_REGISTRY=r.example/o/ IMAGE_TAG=1.2 TAG_LATEST=true \
	    EXTRA_DOCKER_TAGS='1, 1.x  stable' tool 0 publish --mode registry
	called 'rb-verify --gate --arch amd64 a.tar.gz --arch arm64 b.tar.gz'
	grep -v ^rb- "$calls" | sort > found
	grep -q -- '-t r.example/o/openshell-gateway:1.2-\\{arch\\} --push .$' found
	grep -q -- '-t r.example/o/openshell-cluster:1.2-\\{arch\\} --push .$' found
	for c in gateway cluster; do
		grep -qxF "manifest-assemble -t r.example/o/openshell-$c:1.2 --require linux/amd64\\,linux/arm64 --push" found
		grep -qxF "manifest-assemble -t r.example/o/openshell-$c:1 -t r.example/o/openshell-$c:1.x -t r.example/o/openshell-$c:stable -t r.example/o/openshell-$c:latest --push" found
	done
	is 6 "$(wc -l < found)"
	is 2 "$(grep -c 'label org.opencontainers.image.version=1.2 ' "$calls")"
	called 'Dockerfile.gateway' 'Dockerfile.cluster' 'openshell-gateway:1 ' \
	    'openshell-cluster:1 '
	says 'r.example/o/openshell-cluster:1.2  sha256:bb'
}

@test "docker-publish-multiarch: ecr has names of its own" {
	both
	AWS_ACCOUNT_ID=123 AWS_REGION=eu-west-1 tool 0 publish --mode ecr
	called 'Dockerfile.gateway' 'Dockerfile.cluster'
	grep -q -- '-t 123.dkr.ecr.eu-west-1.amazonaws.com/openshell/gateway:dev ' "$calls"
	grep -q -- '-t 123.dkr.ecr.eu-west-1.amazonaws.com/openshell/cluster:dev-' "$calls"
}

@test "docker-publish-multiarch: one bad bundle of the two, and nothing is pushed" {
	both
	printf x >> b.tar.gz
	export OPENSHELL_RECORDS=$PWD/r.jsonl
	DOCKER_REGISTRY=r tool 1 publish --mode registry
	grep -q 'runtime bundle validation failed: ' err
	uncalled img-build manifest-assemble
	[ ! -e deploy/docker/.build/charts ]
	[ ! -e $staged/amd64 ]
	is 'held_back' "$(jq -r 'select(.arch == "amd64").error.code' r.jsonl)"
}

@test "docker-publish-multiarch: the first failure ends it; no tag has moved" {
	both
	export OPENSHELL_RECORDS=$PWD/r.jsonl
	echo Dockerfile.cluster > "$calls.img-build-fails"
	DOCKER_REGISTRY=r EXTRA_DOCKER_TAGS=x tool 1 publish --mode registry
	says 'img-build: no luck'
	uncalled openshell-gateway:x openshell-cluster:x
	is r/openshell-gateway:dev "$(head -n 1 r.jsonl | jq -r .index.ref)"
}

@test "docker-publish-multiarch: one platform needs one bundle" {
	both
	unset OPENSHELL_RUNTIME_BUNDLE_TARBALL_ARM64
	DOCKER_REGISTRY=r DOCKER_PLATFORMS=linux/amd64 tool 0 publish --mode registry
	called '--require linux/amd64 --push'
	is 0 "$(grep -c arm64 "$calls" || :)"
}

@test "docker-publish-multiarch: --dry-run shows the plan and does nothing" {
	both
	rm -f "$calls"
	DOCKER_REGISTRY=r EXTRA_DOCKER_TAGS=x tool 0 publish --mode registry --dry-run
	[ ! -e "$calls" ]
	[ ! -e deploy/docker/.build ]
	says '+ rb-verify --gate --arch amd64 a.tar.gz --arch arm64 b.tar.gz | rb-stage'
	grep -q '^+ img-build .*Dockerfile.cluster.* | manifest-assemble -t r/openshell-cluster:dev ' out
	says '+ manifest-assemble -t r/openshell-gateway:x --push'
}

# ci ARGUMENT...: the script beside others that only record.
ci() {
	tool "$1" ./sc/ci-build-cluster-image.sh "${@:2}"
}
ci_setup() {
	cp -r "$scripts" sc
	for s in docker-build-cluster docker-publish-multiarch; do
		# shellcheck disable=SC2016
		recorder $s 'env | grep -E "^(OPENSHELL|DOCKER)_" | sort >> "$calls"'
		cp "$BATS_TEST_TMPDIR/bin/$s" sc/$s.sh
	done
	# shellcheck disable=SC2016
	recorder download '[ ! -e "$calls.fails" ] || exit 3; echo "/the $2"'
	cp "$BATS_TEST_TMPDIR/bin/download" sc/download-runtime-bundle.sh
}

@test "ci-build-cluster-image: one platform is downloaded and built" {
	ci_setup
	ci 0 --platform linux/amd64 --runtime-bundle-url 'https://h/a b'
	printf '%s\n' 'download --arch amd64 --url https://h/a\ b' \
	    docker-build-cluster DOCKER_PLATFORM=linux/amd64 \
	    'OPENSHELL_RUNTIME_BUNDLE_TARBALL=/the amd64' | diff - "$calls"
	rm "$calls"
	ci 0 --platform=linux/arm64 --runtime-bundle-url-arm64=https://h/b \
	    --runtime-bundle-url-amd64= --runtime-bundle-url ''
	called 'download --arch arm64 --url https://h/b' docker-build-cluster
}

@test "ci-build-cluster-image: both are downloaded and published" {
	ci_setup
	ci 0 --platform linux/amd64,linux/arm64 --runtime-bundle-url-amd64 u1 \
	    --runtime-bundle-url-arm64 u2
	printf '%s\n' 'download --arch amd64 --url u1' \
	    'download --arch arm64 --url u2' \
	    'docker-publish-multiarch --mode registry' \
	    DOCKER_PLATFORMS=linux/amd64,linux/arm64 \
	    'OPENSHELL_RUNTIME_BUNDLE_TARBALL_AMD64=/the amd64' \
	    'OPENSHELL_RUNTIME_BUNDLE_TARBALL_ARM64=/the arm64' | diff - "$calls"
}

@test "ci-build-cluster-image: URLs are derived where none is given" {
	ci_setup
	d=(--runtime-bundle-github-repo o/r --runtime-bundle-release-tag v1
	    --runtime-bundle-filename-prefix p --runtime-bundle-version 0.1)
	ci 0 --platform linux/arm64 "${d[@]}"
	called 'download --arch arm64 --url https://github.com/o/r/releases/download/v1/p_0.1_arm64.tar.gz'
	rm "$calls"
	ci 0 --platform linux/arm64,linux/amd64 "${d[@]}" --runtime-bundle-url-amd64 u
	called '--arch amd64 --url u' \
	    '--arch arm64 --url https://github.com/o/r/releases/download/v1/p_0.1_arm64.tar.gz' \
	    docker-publish-multiarch
	rm "$calls"
	for i in 0 2 4 6; do
		e=("${d[@]}")
		e[i + 1]=
		ci 2 --platform linux/amd64 "${e[@]}"
		is 'missing required runtime bundle default metadata' "$(cat err)"
	done
	ci 2 --platform linux/amd64,linux/arm64 --runtime-bundle-url-amd64 u
	is 'missing required runtime bundle default metadata' "$(cat err)"
	[ ! -e "$calls" ]
}

@test "ci-build-cluster-image: what does not fit the platform is refused" {
	ci_setup
	ci 2
	is 'missing required argument: --platform' "$(cat err)"
	ci 2 --platform linux/amd64 --runtime-bundle-url-arm64 u
	is '--runtime-bundle-url-arm64 is not supported for single-arch platform linux/amd64; use --runtime-bundle-url or --runtime-bundle-url-amd64' "$(cat err)"
	ci 2 --platform linux/arm64 --runtime-bundle-url-amd64 u --runtime-bundle-url v
	is '--runtime-bundle-url-amd64 is not supported for single-arch platform linux/arm64; use --runtime-bundle-url or --runtime-bundle-url-arm64' "$(cat err)"
	ci 2 --platform linux/amd64,linux/arm64 --runtime-bundle-url u
	grep -q '^--runtime-bundle-url is not supported for several platforms; ' err
	for p in linux/amd64,linux/amd64 linux/amd64,linux/arm64,linux/amd64 \
	    linux/amd64,linux/mips 'linux/amd64,'; do
		ci 2 --platform $p --runtime-bundle-url-amd64 u
		is "unsupported multi-arch platform set: $p" "$(cat err)"
	done
	ci 2 --platform linux/mips --runtime-bundle-url u
	is 'unsupported docker platform: linux/mips' "$(cat err)"
	ci 2 --platform linux/amd64 --nonsense u
	is 'unknown argument: --nonsense' "$(cat err)"
	[ ! -e "$calls" ]
}

@test "ci-build-cluster-image: a failed download builds nothing" {
	ci_setup
	: > "$calls.fails"
	ci 3 --platform linux/amd64,linux/arm64 --runtime-bundle-url-amd64 u1 \
	    --runtime-bundle-url-arm64 u2
	is 'download --arch amd64 --url u1' "$(cat "$calls")"
}
