# scripts-remote.bats - remote-deploy, sandbox-image and the report.

load helpers
load recorders

local_setup() {
	scripts_setup
	# The other machine is a folder of this one.
	mkdir "$BATS_TEST_TMPDIR/remote home"
	# shellcheck disable=SC2016
	recorder ssh '
		while [ "$1" != -- ]; do shift; done
		cd "$BATS_TEST_TMPDIR/remote home" || exit
		shift 2
		HOME=$PWD exec "$@"'
	recorder rsync
	recorder openshell 'env | grep -E "^(OPENSHELL|IMAGE)_" | sort > "$calls.env"'
	remote=$BATS_TEST_TMPDIR/'remote home'
}

deploy() {
	rm -f "$calls"
	tool "$1" "$scripts/remote-deploy.sh" "${@:2}"
}

# there DIR: an earlier sync, with scripts that record.
there() {
	mkdir -p "$1/scripts" "$1/deploy/docker"
	: > "$1/deploy/docker/Dockerfile.cluster"
	# shellcheck disable=SC2016
	recorder docker-build 'printf "bundle %q\n" "$OPENSHELL_RUNTIME_BUNDLE_TARBALL" >> "$calls"
		pwd > "$calls.pwd"
		cat'
	cp "$BATS_TEST_TMPDIR/bin/docker-build" "$1/scripts/docker-build-cluster.sh"
	cp "$BATS_TEST_TMPDIR/bin/docker-build" "$1/scripts/docker-build-component.sh"
}

@test "remote-deploy: what is missing or does not fit is refused" {
	deploy 2
	is 'missing required argument: USER@HOST' "$(cat err)"
	deploy 2 me@h
	is 'missing required argument: --runtime-bundle-tarball' "$(cat err)"
	deploy 1 me@h --runtime-bundle-tarball none
	is 'tarball not found: none' "$(cat err)"
	deploy 2 me@h --skip-sync
	is '--skip-sync requires --remote-runtime-bundle-tarball' "$(cat err)"
	: > b
	OPENSHELL_RUNTIME_BUNDLE_TARBALL=b deploy 2 me@h --skip-sync
	is '--skip-sync requires --remote-runtime-bundle-tarball' "$(cat err)"
	deploy 2 me@h --plaintext --runtime-bundle-tarball b --disable-gateway-auth
	grep -q '^--plaintext with --disable-gateway-auth ' err
	deploy 2 me@h --port
	is 'missing argument of --port' "$(cat err)"
	deploy 2 me@h other
	deploy 2 -oProxyCommand=x --skip-sync
	is 'unknown argument: -oProxyCommand=x' "$(cat err)"
	[ ! -e "$calls" ]
	left_nothing
}

@test "remote-deploy: the source and the bundle are sent, built and started" {
	there "$remote/openshell"
	: > 'my bundle.tar.gz'
	OPENSHELL_RUNTIME_BUNDLE_TARBALL='my bundle.tar.gz' deploy 0 me@h
	d="$remote/openshell"
	called 'ssh -- me@h sh -s' 'rsync -s -az -e ssh --delete ' \
	    "rsync -s -az -e ssh -- my\\ bundle.tar.gz $(printf %q "me@h:$d/.cache/runtime-bundles/my bundle.tar.gz")" \
	    'docker-build' "bundle $(printf %q "$d/.cache/runtime-bundles/my bundle.tar.gz")" \
	    'docker-build gateway' \
	    'openshell gateway start --name openshell --port 8080'
	for x in /target /.git /.cache /deploy/docker/.build; do
		called " --exclude=$x "
	done
	is "$d" "$(cat "$calls.pwd")"
	grep -qx OPENSHELL_CLUSTER_IMAGE=openshell/cluster:dev "$calls.env"
	grep -qx OPENSHELL_PUSH_IMAGES=openshell/gateway:dev "$calls.env"
	left_nothing
}

@test "remote-deploy: --skip-sync sends nothing" {
	there "$remote/src"
	deploy 0 me@h --skip-sync --remote-dir \~/src --name n --port 9 \
	    --recreate --plaintext --image-tag t --cargo-version 1.2 \
	    --remote-runtime-bundle-tarball .cache/b.tar.gz
	uncalled rsync
	is 1 "$(grep -c ^ssh "$calls")"
	called "bundle $(printf %q "$remote/src/.cache/b.tar.gz")" \
	    'openshell gateway start --name n --port 9 --recreate --plaintext'
	grep -qx IMAGE_TAG=t "$calls.env"
	grep -qx OPENSHELL_CARGO_VERSION=1.2 "$calls.env"
	OPENSHELL_REMOTE_RUNTIME_BUNDLE_TARBALL=/x/b deploy 0 me@h \
	    --remote-dir=src --skip-sync --disable-gateway-auth
	called 'bundle /x/b' '--disable-gateway-auth'
}

@test "remote-deploy: what is odd stays data, on both machines" {
	odd=$'a b\'c"$(touch evil)`touch evil`;\n*\\'
	there "$remote/$odd"
	# Where the repository has no scripts, ours are sent along.
	mkdir -p "$remote/$odd/.cache/slipway"
	mv "$remote/$odd/scripts" "$remote/$odd/.cache/slipway/scripts"
	: > "./-$odd.gz"
	deploy 0 me@h --remote-dir "$odd" --name "$odd" --port "$odd" \
	    --image-tag "$odd" --runtime-bundle-tarball "-$odd.gz" \
	    --ssh-key "k'$odd"
	is '' "$(find "$BATS_TEST_TMPDIR" -name evil)"
	called "ssh -i $(printf %q "k'$odd") -- me@h sh -s"
	called "rsync -s -az -e $(printf %q "ssh -i 'k''${odd//\'/\'\'}'") -- $(printf %q "./-$odd.gz") $(printf %q "me@h:$remote/$odd/.cache/runtime-bundles/-$odd.gz")"
	called "openshell gateway start --name $(printf %q "$odd") --port $(printf %q "$odd")"
	grep -zq "IMAGE_TAG=${odd%%$'\n'*}" "$calls.env"
}

@test "remote-deploy: somebody else's folder is left alone" {
	mkdir "$remote/openshell"
	: > "$remote/openshell/thesis.tex"
	: > b
	deploy 1 me@h --runtime-bundle-tarball b
	grep -q 'openshell on .* has other things in it' err
	uncalled rsync
	is thesis.tex "$(ls -A "$remote/openshell")"
}

@test "remote-deploy: a failed build starts nothing; openshell is named" {
	there "$remote/openshell"
	printf '#!/bin/sh\nexit 7\n' > "$remote/openshell/scripts/docker-build-component.sh"
	: > b
	deploy 7 me@h --runtime-bundle-tarball b
	uncalled 'openshell gateway'
	rm "$BATS_TEST_TMPDIR/bin/openshell"
	deploy 1 me@h --runtime-bundle-tarball b
	grep -q '^openshell is missing on .*: the gateway needs it$' err
	uncalled docker-build
}

@test "remote-deploy: --dry-run speaks to nobody" {
	: > b
	deploy 0 me@h --runtime-bundle-tarball b --dry-run
	[ ! -e "$calls" ]
	grep -q '^+ rsync -s -az -e ssh --delete ' out
	grep -q 'openshell gateway start' out
}

@test "sandbox-image: prints the reference that openshell pulls" {
	tool 0 "$scripts/sandbox-image.sh"
	is ghcr.io/nvidia/openshell-community/sandboxes/base:latest "$(cat out)"
	tool 0 "$scripts/sandbox-image.sh" python
	is ghcr.io/nvidia/openshell-community/sandboxes/python:latest "$(cat out)"
	for name in A 'a b' ../x -- .a; do
		tool 2 "$scripts/sandbox-image.sh" "$name"
		[ ! -s out ]
	done
}

@test "sandbox-image: --check wants both platforms" {
	# shellcheck disable=SC2016
	recorder manifest-assemble 'echo "{}"; [ ! -e "$calls.fails" ]'
	tool 0 "$scripts/sandbox-image.sh" --check x
	ref=ghcr.io/nvidia/openshell-community/sandboxes/x:latest
	is "manifest-assemble --check $ref --require linux/amd64\\,linux/arm64" \
	    "$(cat "$calls")"
	is "$ref" "$(cat out)"
	: > "$calls.fails"
	tool 1 "$scripts/sandbox-image.sh" x --check
	rm "$calls"
	tool 0 "$scripts/sandbox-image.sh" x --check -x
	[ ! -e "$calls" ]
	says "+ manifest-assemble --check $ref --require linux/amd64\\,linux/arm64"
}

report=$SLIPWAY_ROOT/scripts/pipeline-report.sh

@test "pipeline-report: images, indexes and who worked when" {
	cat > in <<-'JSON'
	{"index":{"ref":"r/a:1","tags":[{"ref":"r/a:1"},{"ref":"r/a:2"}],"digest":"sha256:ii","manifests":[{"platform":"linux/amd64"},{"platform":"linux/arm64"}]},"parts":[{"arch":"amd64","bundle":{"name":"b","version":"0.1"},"image":{"ref":"r/a:1-amd64","platform":"linux/amd64","digest":"sha256:aa","layers":[{"size":1000000},{"size":500000}]}}],"trace":[{"tool":"img-build","start":"2026-01-02T03:04:06.5Z","seconds":1.25,"bytes":10,"subject":"amd64"},{"tool":"rb-stage","start":"2026-01-02T03:04:05.678Z","seconds":0.5,"bytes":0,"subject":"amd64","cached":true}]}
	JSON
	tool 0 "$report" in
	[ ! -s err ]
	says '1 records, all good.' \
	    '| `r/a:1` | `sha256:ii` | linux/amd64, linux/arm64 |' \
	    '| `r/a:2` | `sha256:ii` | linux/amd64, linux/arm64 |' \
	    '| `r/a:1-amd64` | linux/amd64 | `sha256:aa` | 1.5 MB | b 0.1 |' \
	    '2.1 seconds from the first start to the last end.' \
	    '```mermaid' gantt '    section rb-stage' \
	    '    amd64 500 ms, cached : 1767323045678, 500ms' \
	    '    amd64 1250 ms, 10 B : 1767323046500, 1250ms'
	cp out first
	tool 0 "$report" < in
	diff first out
}

@test "pipeline-report: the exit status is that of the records" {
	f() { printf '{"error":{"kind":%s,"code":"c","message":"m"}}\n' "$1"; }
	echo '{"a":1}' | tool 0 "$report"
	tool 2 "$report" < /dev/null
	says 'No record came in.'
	f '"check"' | tool 1 "$report"
	says '**1 of 1 records failed.**' '|  |  | c | m |'
	f '"input"' | tool 2 "$report"
	f '"system"' | tool 3 "$report"
	f 7 | tool 1 "$report"
	(f '"system"'; f '"check"') | tool 1 "$report"
	(f '"system"'; f '"check"'; f '"input"') | tool 2 "$report"
	echo '{"error":"odd"}' | tool 1 "$report"
	echo '{"error":null}' | tool 0 "$report"
	for line in '[1]' '{"a":' 'nonsense'; do
		echo "$line" | tool 2 "$report"
		says '|  |  | malformed\_line | a line is not a JSON object |'
	done
	tool 3 "$report" none
	tool 2 "$report" --nonsense
}

@test "pipeline-report: text from outside is no markup" {
	cat > in <<-'JSON'
	{"arch":"a|b\n## x","error":{"tool":"t`","kind":"check","code":"<b>","message":"*see* [x](http://y) <img src=x>\u001b[31m"},"trace":[{"tool":"t\nsection x","start":"2026-01-02T03:04:06Z","seconds":1,"subject":"a:b;#\ncrit"}],"image":{"ref":"r`|x","platform":7,"layers":{}}}
	{"trace":[{"tool":1,"start":"yesterday","seconds":1},7],"parts":[3],"index":{}}
	JSON
	tool 1 "$report" in
	! grep -P '\x1b|<b>|<img|^## x|^ *crit' out || return 1
	says '| a\|b ## x | t\` | &lt;b> | \*see\* \[x\](http://y) &lt;img src=x> \[31m |' \
	    '    section t section x' '    a b   crit 1000 ms : 1767323046000, 1000ms' \
	    '| `r  x` | 7 | `` |  |  |'
}
