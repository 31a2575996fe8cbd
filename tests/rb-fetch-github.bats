# rb-fetch-github.bats - release assets, and a token that stays with the API.

load helpers
load net

# The API and the site are $hub, over TLS; what they lead to is $store, which
# refuses whoever comes with a token.
local_setup() {
	net_setup
	make_cert good
	mkdir hub
	archive www/app_1.0_amd64.tar.gz
	archive www/app_1.0_arm64.tar.gz
	amd64=$(sha www/app_1.0_amd64.tar.gz)
	arm64=$(sha www/app_1.0_arm64.tar.gz)
	serve store www --tls good.pem good.key
	github '{}'
	serve hub hub --tls good.pem good.key
	export GITHUB_API_URL=$hub GITHUB_SERVER_URL=$hub
	token=tok-secret
}

local_teardown() {
	net_teardown
}

# github MEMBERS: how it is from now on; see github.py.
github() {
	jq -n --arg s "$store" --arg a "$amd64" --arg b "$arm64" \
	    --argjson more "$1" '{
	repo: "O/R", token: "tok-secret", tls: true, storage: "\($s)/noauth",
	latest: "v1",
	releases: { v1: [
		{ name: "app_1.0_amd64.tar.gz", digest: "sha256:\($a)", size: 100000 },
		{ name: "app_1.0_arm64.tar.gz", digest: "sha256:\($b)", size: 100000 } ] }
	} + $more' > hub/github.json
}

# The record of the amd64 asset.
asset() {
	echo '{"github":{"repo":"O/R","tag":"v1","asset":"app_1.0_amd64.tar.gz"}}'
}

fetch() {
	tool "$1" rb-fetch --cacert ca.pem "${@:2}"
}

# The token went to the API alone, and its storage's signature nowhere.
token_stayed() {
	until_true is_quiet store
	if grep -F tok-secret store.log; then
		false
	fi
	if grep -il '"authorization"' store.log; then
		false
	fi
	nothing_of tok-secret sig-secret
}

@test "rb-fetch: a token gets the asset of a private release" {
	asset > in
	for name in GH_TOKEN GITHUB_TOKEN; do
		rm -rf cache
		: > hub.log
		export $name=$token
		fetch 0 < in
		unset $name
		is "$amd64" "$(field .sha256)"
		cmp www/app_1.0_amd64.tar.gz "$(field .tarball)"
		is true "$(log hub 'all(.headers.authorization == "Bearer tok-secret")')"
		is application/octet-stream \
		    "$(log hub 'last | .headers.accept')"
		token_stayed
	done
	# GH_TOKEN is the one that gh takes first
	GH_TOKEN=$token GITHUB_TOKEN=other fetch 0 --refresh < in
	token_stayed
}

@test "rb-fetch: without a token a private release is not there, and why is said" {
	asset > in
	fetch 1 < in
	error_is check not_found
	grep -q GH_TOKEN err
}

@test "rb-fetch: a public release needs no token" {
	github '{"public":true}'
	asset > in
	fetch 0 < in
	is "$amd64" "$(field .sha256)"
	fetch 0 "$hub/O/R/releases/download/v1/app_1.0_arm64.tar.gz"
	is "$arm64" "$(field .sha256)"
	nothing_of sig-secret
}

@test "rb-fetch: the plain URL of a private asset works with a token" {
	GH_TOKEN=$token fetch 0 -d dl --arch amd64 \
	    "$hub/O/R/releases/download/v1/app_1.0_amd64.tar.gz"
	is "$amd64" "$(field .sha256)"
	case $(field .tarball) in
	"$PWD"/dl/amd64-*-app_1.0_amd64.tar.gz) ;;
	*) false ;;
	esac
	token_stayed
}

@test "rb-fetch: URLs are derived for each architecture" {
	github '{"public":true}'
	fetch 0 --github-repo O/R --release-tag v1 --filename-prefix app \
	    --bundle-version 1.0 --arch amd64,arm64
	is "$(printf '%s\n' "amd64 $hub/O/R/releases/download/v1/app_1.0_amd64.tar.gz $amd64" \
	    "arm64 $hub/O/R/releases/download/v1/app_1.0_arm64.tar.gz $arm64")" \
	    "$(field '"\(.arch) \(.url) \(.sha256)"')"
	# the records give the architectures
	printf '{"arch":"arm64","n":1}\n{"arch":"amd64","n":2}\n' > in
	fetch 0 --github-repo O/R --release-tag v1 --filename-prefix app \
	    --bundle-version 1.0 - < in
	is "$arm64 $amd64" "$(field .sha256 | xargs)"
	is '1 2' "$(field .n | xargs)"
	GH_TOKEN=$token fetch 0 --github-repo O/R --release-tag latest \
	    --filename-prefix app --bundle-version 1.0 --arch amd64
	is "$amd64" "$(field .sha256)"
}

@test "rb-fetch: derived URLs need all four parts, and an architecture" {
	set -- --github-repo O/R --release-tag v1 --filename-prefix app \
	    --bundle-version 1.0
	fetch 2 "$@"
	[ ! -s out ]
	for n in 1 3 5 7; do
		a=("$@")
		unset "a[n-1]" "a[n]"
		fetch 2 "${a[@]}" --arch amd64
		[ ! -s out ]
		# which one is missing is said
		grep -qF -e "${!n}" err
	done
	fetch 2 "$@" --arch mips
	fetch 2 --github-repo 'O/R/../x' --release-tag v1 \
	    --filename-prefix app --bundle-version 1.0 --arch amd64
	is 0 "$(requests hub)"
}

@test "rb-fetch: the latest release can be asked for" {
	github '{"public":true}'
	asset | sed 's/"v1"/"latest"/' > in
	fetch 0 < in
	is "$amd64" "$(field .sha256)"
	log hub 'map(.path) | join(" ")' | grep -q releases/latest
}

@test "rb-fetch: an asset or a release that is not there is named" {
	export GH_TOKEN=$token
	asset | sed 's/app_1.0/none_1.0/' > in
	fetch 1 < in
	error_is check not_found
	grep -q none_1.0_amd64.tar.gz err
	asset | sed 's/"v1"/"v9"/' > in
	fetch 1 < in
	error_is check not_found
	grep -q v9 err
	nothing_of tok-secret
}

@test "rb-fetch: a token that is refused is tried without, once" {
	asset > in
	github '{"public":true}'
	GH_TOKEN=stale-secret fetch 0 < in
	is "$amd64" "$(field .sha256)"
	nothing_of stale-secret
	rm -rf cache
	github '{}'
	: > hub.log
	GH_TOKEN=stale-secret fetch 1 < in
	error_is check unauthorized
	grep -qi token err
	is 2 "$(requests hub)"
	nothing_of stale-secret
}

@test "rb-fetch: the permission that a token lacks is named" {
	github '{"scope":false}'
	asset > in
	GH_TOKEN=$token fetch 1 < in
	case $(field .error.code) in
	forbidden | not_found) ;;
	*) false ;;
	esac
	grep -qi 'contents' err
	token_stayed
	github '{"scope":false,"public":true}'
	GH_TOKEN=$token fetch 0 < in
}

@test "rb-fetch: GitHub's own digest is checked" {
	github "$(jq -nc --arg d "sha256:$arm64" '{public: true, releases: { v1: [
		{ name: "app_1.0_amd64.tar.gz", digest: $d } ] } }')"
	asset > in
	fetch 1 -d dl < in
	error_is check checksum_mismatch
	is "$arm64 $amd64" "$(field '.error | "\(.expected) \(.actual)"')"
	is '' "$(find dl cache/blobs -type f 2> /dev/null)"
	# an asset of the time before there were digests
	github '{"public":true,"releases":{"v1":[{"name":"app_1.0_amd64.tar.gz"}]}}'
	fetch 0 < in
}

@test "rb-fetch: a rate limit of the API is no \"not found\"" {
	github '{"public":true,"limited":3600}'
	asset > in
	fetch 3 --retries 1 < in
	error_is system rate_limited
	grep -qi token err
	is 1 "$(requests hub)"
	GH_TOKEN=$token fetch 0 < in
}

@test "rb-fetch: a known file is not asked for at the API" {
	export GH_TOKEN=$token
	asset > in
	fetch 0 < in
	: > hub.log
	fetch 0 < in
	is true "$(field .fetch.cached)"
	is 0 "$(requests hub)"
	fetch 0 --offline < in
	rm -rf cache
	fetch 1 --offline < in
	error_is check offline_miss
}

@test "rb-fetch: the token never goes out over plain http" {
	cp -r hub plain
	jq '.tls = false | .public = true' hub/github.json > plain/github.json
	serve plain plain
	asset > in
	GITHUB_API_URL=$plain GITHUB_SERVER_URL=$plain GH_TOKEN=$token \
	    fetch 0 < in || [ "$(field .error.kind)" = input ]
	if grep -F tok-secret plain.log; then
		false
	fi
	# nor to a host that is not GitHub's
	serve other www --tls good.pem good.key
	GH_TOKEN=$token fetch 0 "$other/app_1.0_amd64.tar.gz"
	if grep -F tok-secret other.log; then
		false
	fi
	nothing_of tok-secret
}

@test "rb-fetch: the token is in no process list, also while it works" {
	github "$(jq -nc --arg s "$store/noauth,stall=50000" '{storage: $s}')"
	asset > in
	GH_TOKEN=$token rb-fetch --cacert ca.pem < in > out 2> err &
	pid=$!
	until_true has_stalled store 1
	# other processes may look for the same words just now
	for p in $pid $(cat /proc/$pid/task/*/children); do
		if tr '\0' ' ' < "/proc/$p/cmdline" |
		    grep -F -e tok-secret -e sig-secret; then
			false
		fi
	done
	kill $pid
	wait $pid || :
	token_stayed
}

@test "rb-fetch: GitHub Enterprise has its API below a path" {
	export GITHUB_API_URL=$hub/api/v3 GITHUB_SERVER_URL=$hub GH_TOKEN=$token
	asset > in
	fetch 0 < in
	is true "$(log hub 'all(.path | startswith("/api/v3/"))')"
	rm -rf cache
	fetch 0 "$hub/O/R/releases/download/v1/app_1.0_amd64.tar.gz"
	token_stayed
}

@test "rb-fetch: without more said, it is github.com and api.github.com" {
	unset GITHUB_API_URL GITHUB_SERVER_URL
	make_cert world DNS:api.github.com,DNS:github.com,DNS:storage.example
	github '{"storage":"https://storage.example/noauth"}'
	cp www/* hub
	serve world hub --tls world.pem world.key
	serve proxy www --connect "$world_port"
	export https_proxy=$proxy GH_TOKEN=$token
	asset > in
	fetch 0 < in
	is 'api.github.com storage.example' \
	    "$(log world 'map(.headers.host) | unique | join(" ")')"
	is 'storage.example' "$(log world 'map(select(.headers.authorization == null)
	    .headers.host) | unique | join(" ")')"
	nothing_of tok-secret sig-secret
	rm -rf cache
	fetch 0 https://github.com/O/R/releases/download/v1/app_1.0_amd64.tar.gz
	is "$amd64" "$(field .sha256)"
	unset GH_TOKEN
	rm -rf cache
	jq '.public = true' hub/github.json > x
	cp x hub/github.json
	: > world.log
	fetch 0 --github-repo O/R --release-tag v1 --filename-prefix app \
	    --bundle-version 1.0 --arch amd64
	is '["https://github.com/O/R/releases/download/v1/app_1.0_amd64.tar.gz"]' \
	    "$(jq -c '[.url]' out)"
	is 'github.com storage.example' "$(log world 'map(.headers.host) | unique | join(" ")')"
}

@test "rb-fetch: a token with a line break in it is refused, and not shown" {
	asset > in
	got=0
	GH_TOKEN=$'tok-secret\r\nX-Evil: 1' rb-fetch --cacert ca.pem < in \
	    > out 2> err || got=$?
	is 2 $got
	nothing_of tok-secret
	if grep -i x-evil hub.log; then
		false
	fi
}

@test "rb-fetch: a large private asset comes in ranges, each asked for anew" {
	archive www/app_1.0_amd64.tar.gz 30000000
	amd64=$(sha www/app_1.0_amd64.tar.gz)
	github '{}'
	asset > in
	GH_TOKEN=$token fetch 0 < in
	is "$amd64" "$(field .sha256)"
	is 30000000 "$(transferred store)"
	token_stayed
}
