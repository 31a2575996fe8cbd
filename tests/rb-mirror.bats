#!/usr/bin/env bats
# rb-pack --mirror and rb-fetch docker://: bundles in registries.

load helpers
load bundle
load registry

# $hub, a registry behind a log of requests, and a tarball.
local_setup() {
	needs docker-registry python3 jq curl
	registry_home
	export SLIPWAY_CACHE_DIR=$PWD/cache
	registry_start store
	registry_front hub
	hub=$registry
	mkdir b
	head -c 300000 /dev/urandom > b/x
	tar -czf b_1.0_amd64.tar.gz b
	sum=$(sha256sum < b_1.0_amd64.tar.gz)
	sum=${sum%% *}
}

local_teardown() {
	registry_stop_all
}

# given [MEMBERS]: a record of the tarball.
given() {
	printf '{"tarball":"b_1.0_amd64.tar.gz","arch":"amd64","bundle":{"version":"1.0"}%s}\n' \
	    "${1:-}"
}

@test "rb-pack: --mirror pushes the bundle that it made" {
	mkdir -p root/bin
	echo tool > root/bin/tool
	printf '{"name":"mine","required":["bin/tool"]}' > c.json
	tool 0 rb-pack --arch amd64 --bundle-name runtime \
	    --bundle-version 1.2 --component "ctk=1@abcdef0" --contract c.json \
	    --mirror "docker://$hub/rb/runtime:{version}-{arch}" root
	is "$hub/rb/runtime:1.2-amd64" "$(field .mirror.ref)"
	cp out packed
	tool 0 rb-fetch "docker://$hub/rb/runtime:1.2-amd64" -o got
	cmp got "$(field .tarball packed)"
	is "$(field .sha256 packed)" "$(field .sha256)"
}

@test "rb-pack: --mirror takes a tarball as it is, digest for digest" {
	given > in
	tool 0 rb-pack --mirror "docker://$hub/rb/b:{version}-{arch}" < in
	is "$sum $(stat -c %s b_1.0_amd64.tar.gz)" \
	    "$(field '"\(.sha256) \(.size)"')"
	is true "$(field '.mirror.tags[0].moved')"
	digest=$(field .mirror.digest)
	is "docker://$hub/rb/b@$digest" "$(field .mirror.location)"
	curl -s -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
	    "http://$hub/v2/rb/b/manifests/1.0-amd64" > manifest
	is "$digest" "sha256:$(sha256sum < manifest | cut -d ' ' -f 1)"
	is "sha256:$sum b_1.0_amd64.tar.gz 1.0 amd64" "$(field '"\(.layers[0].digest) \(.layers[0].annotations["org.opencontainers.image.title"]) \(.annotations["org.opencontainers.image.version"]) \(.annotations["dev.slipway.arch"])"' manifest)"
	is application/vnd.slipway.runtime-bundle.v1 \
	    "$(field .artifactType manifest)"
	# an operand is one as well; it is there, which takes one request
	: > hub.requests
	tool 0 rb-pack --arch amd64 --bundle-version 1.0 \
	    --mirror "docker://$hub/rb/b:{version}-{arch}" b_1.0_amd64.tar.gz
	is "$digest false" "$(field '.mirror | "\(.digest) \(.tags[0].moved)"')"
	is 1 "$(grep -c . hub.requests)"
}

@test "rb-pack: a tarball that is not what its record says is not mirrored" {
	given ",\"sha256\":\"$(printf '%064d' 0)\"" > in
	tool 1 rb-pack --mirror "docker://$hub/rb/b:1" < in
	is checksum_mismatch "$(field .error.code)"
	given ',"size":1' > in
	tool 1 rb-pack --mirror "docker://$hub/rb/b:1" < in
	is size_mismatch "$(field .error.code)"
	is 0 "$(grep -c . hub.requests)"
	given | sed 's/b_1/c_1/' > in
	tool 1 rb-pack --mirror "docker://$hub/rb/b:1" < in
	is not_found "$(field .error.code)"
	given > in
	tool 2 rb-pack --mirror "oci:b" < in
	is location_unsupported "$(field .error.code)"
	tool 2 rb-pack --mirror "docker://u:p@$hub/rb/b:1" < in
	is credentials_in_url "$(field .error.code)"
	! grep -q 'u:p' out err || return 1
	{ given; given; } > in
	tool 2 rb-pack --mirror "docker://$hub/rb/b:1" < in
	is destination_conflict "$(field '.error.code // empty')"
}

@test "rb-fetch: docker:// takes the file, once" {
	given > in
	tool 0 rb-pack --mirror "docker://$hub/rb/b:1" < in
	location=$(field .mirror.location)
	tool 0 rb-fetch --arch amd64 "docker://$hub/rb/b:1"
	is "$sum false docker://$hub/rb/b:1" \
	    "$(field '"\(.sha256) \(.fetch.cached) \(.fetch.url)"')"
	cmp "$(field .tarball)" b_1.0_amd64.tar.gz
	: > hub.requests
	tool 0 rb-fetch --arch amd64 "docker://$hub/rb/b:1"
	is true "$(field .fetch.cached)"
	is 0 "$(grep -c . hub.requests)"
	# by digest, and with what it has to be
	echo "{\"url\":\"$location\",\"sha256\":\"$sum\"}" > in
	tool 0 rb-fetch --cache-dir other < in
	is "$location" "$(field .url)"
	tool 0 rb-fetch -d . --cache-dir third < in
	cmp "$(field .tarball)" b_1.0_amd64.tar.gz
	echo "{\"url\":\"$location\",\"sha256\":\"$(printf '%064d' 0)\"}" > in
	tool 1 rb-fetch < in
	is checksum_mismatch "$(field .error.code)"
}

@test "rb-fetch: what is no file in a registry" {
	tool 1 rb-fetch "docker://$hub/rb/b:none"
	is not_found "$(field .error.code)"
	tool 2 rb-fetch "docker://$hub/Rb:1"
	is reference_invalid "$(field .error.code)"
	tool 2 rb-fetch "docker://u:p@$hub/rb/b:1"
	is credentials_in_url "$(field .error.code)"
	! grep -q 'u:p' out err || return 1
	mkdir c
	printf 'FROM scratch\nCOPY a /a\nCOPY b /b\n' > c/Dockerfile
	echo a > c/a
	echo b > c/b
	tool 0 img-build --platform linux/amd64 -t "$hub/rb/image:1" --push c
	tool 1 rb-fetch "docker://$hub/rb/image:1"
	is not_an_artifact "$(field .error.code)"
}

@test "rb-fetch: a registry that asks who is there, with tokens" {
	registry_start_token auth
	auth=$registry
	given > in
	tool 0 rb-pack --creds ann:secret --mirror "docker://$auth/ann/b:1" < in
	tool 1 rb-fetch "docker://$auth/ann/b:1"
	is unauthorized "$(field .error.code)"
	tool 0 rb-fetch --creds ann:secret "docker://$auth/ann/b:1"
	is "$sum" "$(field .sha256)"
	! grep -q secret out err || return 1
}

@test "rb-fetch: a download from a registry that breaks off goes on" {
	given > in
	tool 0 rb-pack --mirror "docker://$hub/rb/b:1" < in
	registry_front bad --drop-down 2
	tool 0 rb-fetch "docker://$registry/rb/b:1"
	is "$sum" "$(field .sha256)"
}

@test "rb-fetch: a registry is one place of several" {
	given > in
	tool 0 rb-pack --mirror "docker://$hub/rb/b:1" < in
	printf '{"url":"file:///no/such","urls":["docker://%s/rb/b:1"]}\n' \
	    "$hub" > in
	tool 0 rb-fetch < in
	is "docker://$hub/rb/b:1" "$(field .fetch.url)"
}

@test "rb-pack: other programs read what was mirrored" {
	given > in
	tool 0 rb-pack --mirror "docker://$hub/rb/b:1" < in
	peer skopeo
	skopeo copy -q --src-tls-verify=false "docker://$hub/rb/b:1" dir:d
	cmp "d/$sum" b_1.0_amd64.tar.gz
	if command -v regctl > /dev/null; then
		regctl registry set --tls disabled "$hub"
		regctl artifact get "$hub/rb/b:1" > got
		cmp got b_1.0_amd64.tar.gz
	fi
}
