# workflows.bats - what .github says, and its steps run with the environment
# that GitHub would give them.

load helpers
load bundle
load recorders
load registry

github=$SLIPWAY_ROOT/.github
workflows=$github/workflows
yml=("$workflows"/*.yml "$github"/actions/*/action.yml)

# The one with PyYAML.
for yaml_python in python3 /usr/bin/python3; do
	"$yaml_python" -c 'import yaml' 2> /dev/null && break
done

workflow() {
	"$yaml_python" "$SLIPWAY_ROOT/tests/workflow.py" "$@"
}

local_setup() {
	clean_environment
	registry_home
	mkdir temp
	export RUNNER_TEMP=$PWD/temp GITHUB_OUTPUT=$PWD/outputs \
	    GITHUB_STEP_SUMMARY=$PWD/summary GITHUB_PATH=$PWD/path \
	    GITHUB_REPOSITORY=Me/Slip GITHUB_ACTOR=ann GITHUB_ACTIONS=true
	: > outputs
	: > summary
}

local_teardown() {
	registry_stop_all
}

# facts FILTER: of every workflow, by jq.
facts() {
	local f

	for f in "$workflows"/*.yml; do
		workflow facts "$f" | jq -r --arg f "${f##*/}" "$1"
	done
}

# step STATUS FILE JOB STEP [CONTEXTS]: run it in ./checkout; the contexts are
# jq's, on top of what every run has.
step() {
	jq -n --arg temp "$RUNNER_TEMP" '{runner: {temp: $temp},
		github: {token: "t0ken", ref: "refs/heads/main", ref_name: "main",
			event_name: "workflow_dispatch", repository_owner: "Me"}}
		* ('"${5:-{\}}"')' > contexts.json
	tool "$1" env -C "${checkout:-.}" "$yaml_python" \
	    "$SLIPWAY_ROOT/tests/workflow.py" run "$workflows/$2" "$3" "$4" \
	    "$PWD/contexts.json"
}

@test "workflows: every run block passes shellcheck" {
	needs shellcheck
	mkdir blocks
	workflow scripts blocks "${yml[@]}"
	[ "$(ls blocks | wc -l)" -gt 10 ]
	shellcheck -e SC1091 -s bash blocks/*
}

@test "workflows: actions are pinned by commit, and checkouts keep no credentials" {
	grep -hE '^ *(- )?uses:' "${yml[@]}" | sed 's/.*uses: *//' |
	    grep -v '^\./' > uses
	! grep -vE '^[a-z-]+/[a-z-]+@[0-9a-f]{40} # v[0-9.]+$' uses || return 1
	# One version of each.
	is "$(cut -d @ -f 1 uses | sort -u | wc -l)" "$(sort -u uses | wc -l)"
	facts '.jobs[] | .steps[]? | select((.uses // "") | startswith(
	    "actions/checkout@")) | .with["persist-credentials"]' > keep
	is false "$(sort -u keep)"
}

@test "workflows: shell, groups and permissions are said, and no more is allowed" {
	facts '"\(.defaults.run.shell) \(.concurrency.group != null) \($f)"' > said
	! grep -v '^bash true ' said || return 1
	# What a job may beyond reading the source.
	facts 'def more: to_entries[] | select(.value != "read") |
	    "\(.key): \(.value)";
	    (.permissions // {} | more | "\($f) \(.)"),
	    (.jobs | to_entries[] | .key as $j | .value.permissions // {} |
		more | "\($f) \($j) \(.)")' | sort > beyond
	diff beyond - <<-'WANT'
	publish.yml assemble packages: write
	publish.yml build packages: write
	release.yml release contents: write
	WANT
	# Without a word on permissions a job has the repository's default; the
	# reusable workflow has its caller's.
	facts 'if (.on | has("workflow_call")) and (.on | length == 1) then
	    empty elif .permissions == null then $f else empty end' > silent
	[ ! -s silent ]
	facts '.jobs[] | select(.uses == null) | .["timeout-minutes"] | type' |
	    sort -u > limits
	! grep -q null limits || return 1
}

@test "workflows: no expression stands in a run block" {
	for f in "${yml[@]}"; do
		workflow facts "$f" | jq -r '(.jobs // {runs}) | .[].steps[]?.run //
		    empty' >> runs
	done
	[ -s runs ]
	! grep -F '${{' runs || return 1
	! grep -q pull_request_target "${yml[@]}" || return 1
}

@test "workflows: actionlint has nothing to say" {
	peer actionlint
	cd "$SLIPWAY_ROOT"
	actionlint
}

@test "workflows: zizmor has nothing to say" {
	peer zizmor
	zizmor --offline --no-progress -q --min-severity medium "$github"
}

# A repository, its bundles on a server, a registry, and what the Dockerfiles
# stand on; small, as nothing here asks what the programs do.
pipeline() {
	checkout=$PWD/checkout
	repo checkout
	cp -r "$scripts" checkout/scripts
	registry_start reg
	mkdir -p bases/{amd64,arm64} www
	echo k3s | tee bases/{amd64,arm64}/file > /dev/null
	printf 'FROM scratch\nARG TARGETARCH\nCOPY ${TARGETARCH}/ /\n' \
	    > bases/Dockerfile
	for a in amd64 arm64; do
		bundle "www/b_1_$a.tar.gz" "$a"
		mkdir -p prebuilt/{supervisor,gateway}/$a
		echo $a | tee prebuilt/supervisor/$a/openshell-sandbox \
		    > prebuilt/gateway/$a/openshell-server
	done
	img-build --platform linux/amd64,linux/arm64 -t base:1 \
	    -o 'oci:base:1-{arch}' bases |
	    manifest-assemble -t base:1 -o oci:base:1 > /dev/null
	export OPENSHELL_PREBUILT=$PWD/prebuilt K3S_IMAGE=oci:$PWD/base:1 \
	    BASE_IMAGE=oci:$PWD/base:1 SLIPWAY_CACHE_DIR=$PWD/cache
	registry_run www python3 -u -m http.server --bind 127.0.0.1 \
	    --directory www 0
	registry_until 20 grep -q 'port [0-9]' www.log
	www=http://127.0.0.1:$(grep -o 'port [0-9]*' www.log | cut -d ' ' -f 2)
	vars="IMAGE_REGISTRY: \"$registry/Me/x\",
	    RUNTIME_BUNDLE_URL_AMD64: \"$www/b_1_amd64.tar.gz\",
	    RUNTIME_BUNDLE_URL_ARM64: \"$www/b_1_arm64.tar.gz\""
	PATH=$SLIPWAY_ROOT/scripts:$PATH
}

# image STATUS COMPONENT ARCH [CONTEXTS]: the job of docker-build.yml.
image() {
	local status=0 more=${4:-{\}}
	local contexts="{vars: {$vars}, inputs: {component: \"$2\",
	    platform: \"linux/$3\", push: true, \"image-tag\": \"1.2-$3\"},
	    steps: {repository: {outputs: {root: \".\"}}}} * $more"

	rm -f temp/records.jsonl
	export COMPONENT=$2
	step "$1" docker-build.yml build Build "$contexts" || return
	cp out build.out
	cp err build.err
	# Of what failed, the report fails too.
	step "$1" docker-build.yml build Records "$contexts" || return
}

# tags IMAGE: what the registry has.
tags() {
	curl -s "http://$registry/v2/me/x/$1/tags/list" | jq -c '.tags // []|sort'
}

@test "workflows: from bundles' URLs to both images, each under one tag" {
	pipeline
	step 0 publish.yml verify 'Verify both bundles' "{vars: {$vars}}"
	is 2 "$(grep -c '^Runtime bundle staged at ' out)"
	is '[]' "$(tags cluster)"

	mkdir temp/records
	for component in gateway cluster; do
		for a in amd64 arm64; do
			image 0 $component $a
			file=temp/records-$component-$a.jsonl
			is "name=records-$component-$a" \
			    "$(grep ^name= outputs | tail -1)"
			is "file=$PWD/$file" "$(grep ^file= outputs | tail -1)"
			is "linux/$a" "$(field .image.platform $file)"
			cp $file temp/records/
		done
	done
	is '["1.2-amd64","1.2-arm64"]' "$(tags cluster)"
	grep -q '```mermaid' summary
	: > summary

	step 0 publish.yml assemble Assemble "{vars: {$vars},
	    needs: {build: {result: \"success\"}},
	    github: {event_name: \"push\", ref_name: \"1.2\"},
	    inputs: {\"extra-tags\": \"stable,edge\"}}"
	step 0 publish.yml assemble Report
	for component in gateway cluster; do
		is '["1.2","1.2-amd64","1.2-arm64","edge","latest","stable"]' \
		    "$(tags $component)"
		grep -q "$registry/me/x/$component:stable" summary
	done
	# Those that were built, by digest.
	curl -s -H 'Accept: application/vnd.oci.image.index.v1+json' \
	    "http://$registry/v2/me/x/cluster/manifests/latest" > index
	jq -r '.manifests[].digest' index | sort > children
	jq -r .image.digest temp/records/records-cluster-*.jsonl | sort |
	    diff - children
	! grep -r t0ken temp/*.jsonl temp/records summary outputs out err || return 1
}

@test "workflows: a bad bundle of the two stops it before anything is built" {
	pipeline
	printf x >> www/b_1_arm64.tar.gz
	step 1 publish.yml verify 'Verify both bundles' "{vars: {$vars}}"
	grep -q 'runtime bundle validation failed: ' err
	step 1 publish.yml verify Report '{failed: true}'
	grep -q 'tar extraction reported' summary
	step 0 publish.yml verify Report
	is 'skipped: Report' "$(cat out)"

	# And where it was good when it was verified: the record goes on as
	# failed, nothing is pushed, no tag moves.
	image 1 cluster arm64
	mkdir temp/records
	cp temp/records-cluster-arm64.jsonl temp/records/
	step 1 publish.yml assemble Assemble "{vars: {$vars},
	    needs: {build: {result: \"failure\"}}, inputs: {\"image-tag\": \"1.2\"}}"
	grep -q '^::error::an image could not be built: no tag was moved' out
	step 1 publish.yml assemble Report
	is '[]' "$(tags cluster)"
}

@test "workflows: a build that left no record is a failed one" {
	pipeline
	image 2 cluster amd64 '{vars: {RUNTIME_BUNDLE_URL_AMD64: ""}}' || :
	grep -q 'missing required runtime bundle default metadata' build.err
	is 'system no_records' "$(field '.error | "\(.kind) \(.code)"' \
	    temp/records-cluster-amd64.jsonl)"
	grep -q 'the build left no record' summary
}

@test "workflows: an input beats a variable, and neither goes to the wrong platform" {
	checkout=$PWD/checkout
	mkdir -p checkout/scripts
	vars='RUNTIME_BUNDLE_URL: "v", RUNTIME_BUNDLE_URL_AMD64: "va",
	    RUNTIME_BUNDLE_URL_ARM64: "vb", RUNTIME_BUNDLE_VERSION: "vv"'
	recorder ci-build-cluster-image.sh 'echo "$IMAGE_REGISTRY $DOCKER_PUSH" >&2'
	recorder docker-build-component.sh 'echo "$OPENSHELL_CARGO_VERSION" >&2'
	cp bin/* checkout/scripts/
	b() {
		: > calls
		step 0 docker-build.yml build Build "{vars: {$vars},
		    inputs: {component: \"cluster\", platform: \"$1\", push: false},
		    steps: {repository: {outputs: {root: \".\"}}}} * {inputs: $2}"
	}
	url='--runtime-bundle-url'
	b linux/amd64 '{}'
	called "$url v $url-amd64 va $url-arm64 '' "
	is 'ghcr.io/me/slip ' "$(cat err)"
	b linux/arm64 '{"runtime-bundle-url-arm64": "i"}'
	called "$url '' $url-amd64 '' $url-arm64 i "
	b linux/arm64 '{"runtime-bundle-url": "i", "runtime-bundle-version": "w"}'
	called "$url i $url-amd64 '' $url-arm64 vb "
	called 'runtime-bundle-version w'
	b linux/amd64,linux/arm64 '{push: true}'
	called "$url '' $url-amd64 va $url-arm64 vb "
	is 'ghcr.io/me/slip 1' "$(cat err)"
	# Text from outside stays text.
	b linux/amd64 "{\"runtime-bundle-url\": \"\$(touch evil) 'x\\\"\"}"
	called "$url $(printf %q "\$(touch evil) 'x\"")"
	[ ! -e checkout/evil ]
	b linux/amd64 '{component: "gateway", "cargo-version": "1"}'
	called 'docker-build-component.sh gateway'
	is 1 "$(cat err)"
	: > calls
	step 2 docker-build.yml build Build '{inputs: {component: "cluster",
	    platform: "linux/amd64,linux/arm64", push: false},
	    steps: {repository: {outputs: {root: "."}}}}'
	grep -q 'images of several platforms are published' err
	[ ! -s calls ]
}

@test "workflows: in Slipway itself, the example is what is built" {
	checkout=$SLIPWAY_ROOT
	mkdir checkout
	cp -r "$SLIPWAY_ROOT/tests/fixtures" fixtures
	checkout=$PWD/checkout
	step 0 docker-build.yml build Repository
	is root=. "$(cat outputs)"
	mkdir checkout/tests
	cp -r "$SLIPWAY_ROOT"/{deploy,scripts,mise.toml,.dockerignore} checkout/
	cp -r "$SLIPWAY_ROOT/tests/fixtures" checkout/tests/
	step 0 docker-build.yml build Repository
	is root=build/openshell "$(tail -1 outputs)"
	[ -e checkout/build/openshell/Cargo.toml ]
	[ -x checkout/build/openshell/scripts/ci-build-cluster-image.sh ]
}

@test "workflows: a release has both packages, pages, source and their checksums" {
	needs git
	checkout=$PWD/checkout
	mkdir -p checkout temp/release
	cp -r "$SLIPWAY_ROOT"/{Makefile,man,README.md} checkout/
	git -C checkout init -q
	git -C checkout add .
	git -C checkout -c user.name=a -c user.email=b commit -q -m x
	version=$(make -s -C checkout print-VERSION)
	echo a > temp/release/slipway_${version}_amd64.deb
	# One package of two, or another tag, is no release.
	step 1 release.yml release Files "{github: {ref_name: \"v$version\"}}"
	echo b > temp/release/slipway_${version}_arm64.deb
	step 1 release.yml release Files '{github: {ref_name: "v9.9"}}'
	grep -q '^::error::the tag is v9.9' out
	step 0 release.yml release Files "{github: {ref_name: \"v$version\"}}"
	(cd temp/release && sha256sum -c SHA256SUMS > /dev/null)
	is 4 "$(wc -l < temp/release/SHA256SUMS)"
	tar -tzf temp/release/slipway-$version-man.tar.gz |
	    grep -q "^slipway-$version-man/rb-stage.1$"
	grep -q SHA256SUMS summary || grep -q "_arm64.deb" summary
	recorder gh
	step 0 release.yml release Publish "{github: {ref_name: \"v$version\"}}"
	called "gh release create v$version --verify-tag "
	uncalled t0ken
}

# A checkout whose programs only record their calls.
hollow() {
	checkout=$PWD/checkout
	mkdir -p checkout/scripts/lib checkout/.ci
	cat > checkout/scripts/lib/deps.sh <<-'SH'
	deps_install() { echo "deps_install $*" >> "$calls"; }
	deps_root() { "$@"; }
	SH
	recorder demo.sh 'echo "with $SLIPWAY_BIN" >> "$calls"'
	recorder run
	cp bin/demo.sh checkout/scripts/
	cp bin/run checkout/.ci/
	recorder apt-get
	recorder make '
	case $* in
	*print-VERSION) echo 1.2 ;;
	*deb*) mkdir -p build; : > build/slipway_1.2_arm64.deb
		echo "at ${SOURCE_DATE_EPOCH:-}" >> "$calls" ;;
	esac'
}

@test "workflows: a release's package is as old as its commit, and is tried" {
	needs git
	hollow
	git -C checkout init -q
	GIT_COMMITTER_DATE='@86400 +0000' git -C checkout -c user.name=a \
	    -c user.email=b commit -q --allow-empty -m x
	export ARCH=arm64
	step 0 release.yml package Package '{matrix: {arch: "arm64"}}'
	is deb=build/slipway_1.2_arm64.deb "$(cat outputs)"
	step 0 release.yml package 'Install and try it' '{steps: {package:
	    {outputs: {deb: "build/slipway_1.2_arm64.deb"}}}}'
	called 'deps_install build deb' 'make -s deb ARCH=arm64' 'at 86400' \
	    'apt-get -q install -y ./build/slipway_1.2_arm64.deb' demo.sh \
	    'with /usr/bin'
}

@test "workflows: ci checks, shows, packages" {
	hollow
	step 0 ci.yml check Check
	step 0 ci.yml demo Demo
	step 0 ci.yml package 'Package, install and try it'
	called run demo.sh 'make -s deb' \
	    'apt-get -q install -y ./build/slipway_1.2_arm64.deb' demo.sh \
	    'with /usr/bin'
}

@test "setup-slipway: it builds the commit that it is of, and says where" {
	mkdir -p src/.github/actions/setup-slipway src/scripts/lib
	printf 'deps_install() { echo "deps $*"; }\n' > src/scripts/lib/deps.sh
	recorder make
	GITHUB_ACTION_PATH=$PWD/src/.github/actions/setup-slipway \
	    step 0 ../actions/setup-slipway/action.yml action Build
	is 'deps build run' "$(cat out)"
	called "make -s -C $PWD/src "
	called "PREFIX=$RUNNER_TEMP/slipway install"
	is "$RUNNER_TEMP/slipway/bin" "$(cat path)"
}
