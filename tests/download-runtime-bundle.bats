# download-runtime-bundle.bats - a URL and an architecture in, a path out.

load helpers
load net

script=$SLIPWAY_ROOT/scripts/download-runtime-bundle.sh
into=deploy/docker/.build/runtime-bundles

local_setup() {
	net_setup
	archive www/a.tar.gz
	serve s www
}

local_teardown() {
	net_teardown
}

# named URL [ARCH]: the file's name for it.
named() {
	printf '%s-%s-%s\n' "${2:-amd64}" \
	    "$(printf %s "$1" | sha256sum | cut -c 1-64)" "${1##*/}"
}

@test "download-runtime-bundle: it prints the tarball's path and nothing else" {
	tool 0 "$script" --arch amd64 --url "$s/a.tar.gz"
	is "$PWD/$into/$(named "$s/a.tar.gz")" "$(cat out)"
	is 1 "$(wc -l < out)"
	cmp www/a.tar.gz "$(cat out)"
	is "$(basename "$(cat out)")" "$(ls -A $into)"
	tool 0 "$script" --url "$s/a.tar.gz" --arch arm64
	is "$PWD/$into/$(named "$s/a.tar.gz" arm64)" "$(cat out)"
}

@test "download-runtime-bundle: the same URL does not download again" {
	tool 0 "$script" --arch amd64 --url "$s/a.tar.gz"
	cp out first
	tool 0 "$script" --arch amd64 --url "$s/a.tar.gz"
	diff first out
	is 1 "$(requests s)"
	serve_stop s
	tool 0 "$script" --arch amd64 --url "$s/a.tar.gz"
	diff first out
	cmp www/a.tar.gz "$(cat out)"
}

@test "download-runtime-bundle: two URLs with one basename are two files" {
	mkdir other
	archive other/a.tar.gz 5000 other
	serve t other
	tool 0 "$script" --arch amd64 --url "$s/a.tar.gz"
	cp out first
	tool 0 "$script" --arch amd64 --url "$t/a.tar.gz"
	cmp other/a.tar.gz "$(cat out)"
	cmp www/a.tar.gz "$(cat first)"
	is 2 "$(ls -A $into | wc -l)"
}

@test "download-runtime-bundle: both arguments are required" {
	for args in '' "--url $s/a.tar.gz"; do
		# shellcheck disable=SC2086
		tool 2 "$script" $args
		[ ! -s out ]
		grep -qF 'missing required argument: --arch' err
	done
	for args in '--arch amd64' '--arch amd64 --url'; do
		# shellcheck disable=SC2086
		tool 2 "$script" $args
		[ ! -s out ]
		grep -qF 'missing required argument: --url' err
	done
	tool 2 "$script" --arch amd64 --url "$s/a.tar.gz" --other x
	tool 2 "$script" --arch mips --url "$s/a.tar.gz"
	[ ! -s out ]
	is 0 "$(requests s)"
}

@test "download-runtime-bundle: a failed download leaves no file" {
	tool 1 "$script" --arch amd64 --url "$s/none.tar.gz"
	[ ! -s out ]
	[ -s err ]
	is '' "$(find deploy -type f 2> /dev/null)"
	# a part of it does not pass for a file when it is asked for again
	url=$s/stall=50000,noranges,times=1/a.tar.gz
	"$script" --arch amd64 --url "$url" > out 2> err &
	pid=$!
	until_true has_stalled s 1
	# shellcheck disable=SC2046
	kill -9 $(pgrep -P $pid) $pid
	wait $pid || :
	is '' "$(find deploy -type f ! -name '.*' 2> /dev/null)"
	tool 0 "$script" --arch amd64 --url "$url"
	cmp www/a.tar.gz "$(cat out)"
}

@test "download-runtime-bundle: a URL with shell characters stays data" {
	cp www/a.tar.gz 'www/a $(touch evil);.tar.gz'
	tool 0 "$script" --arch amd64 \
	    --url "$s/a%20%24%28touch%20evil%29%3B.tar.gz"
	cmp www/a.tar.gz "$(cat out)"
	[ ! -e evil ]
	got=0
	"$script" --arch amd64 --url "$s/\$(touch evil)\"; touch evil;.tar.gz" \
	    > out 2> err || got=$?
	[ $got -ne 0 ]
	[ ! -s out ]
	[ ! -e evil ]
}

@test "download-runtime-bundle: rb-fetch beside the scripts' build is found" {
	PATH=/usr/bin:/bin:$SLIPWAY_BIN tool 0 "$script" --arch amd64 \
	    --url "$s/a.tar.gz"
	(
		unset SLIPWAY_CACHE_DIR HOME
		tool 0 "$script" --arch amd64 --url "$s/a.tar.gz"
	)
}
