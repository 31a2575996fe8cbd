#!/usr/bin/env bats
# img-build: images to registries.

load helpers
load registry
load engine

# A context, and $hub, a registry behind a log of requests.
local_setup() {
	needs docker-registry python3 jq curl
	registry_home
	export TMPDIR=$PWD/tmp
	mkdir -p c/d tmp
	echo one > c/one
	head -c 200000 /dev/urandom > c/d/two
	printf 'FROM scratch\nCOPY one /\nCOPY d /d\nENV A=1\n' > c/Dockerfile
	registry_start store
	store=$registry
	registry_front hub
	hub=$registry
}

local_teardown() {
	engine_stop
	registry_stop_all
}

build() {
	img-build --platform linux/amd64 "$@"
}

# asked [LOG]: the requests since the last time, short.
# shellcheck disable=SC2120
asked() {
	sed -E 's/sha256[:%][0-9A-Fa-f]{0,2}[0-9a-f]+/D/g
	    s/uploads\/[^? ]+\?[^ ]+/uploads\/U/; s/ [0-9]+$//' "${1:-hub.requests}"
	: > "${1:-hub.requests}"
}

# now REF: the digest that a tag has.
now() {
	skopeo inspect --tls-verify=false --raw "docker://$1" | sha256sum |
	    sed 's/^/sha256:/; s/ .*//'
}

@test "img-build: --push puts blobs, then the manifest, then every tag" {
	needs skopeo
	tool 0 build -t "$hub/me/app:1" -t "$hub/me/app:2" -t "$hub/you/x" \
	    --push c
	asked > log
	is "$(field .image.digest)" "$(now "$hub/me/app:1")"
	is "$(field .image.digest)" "$(now "$hub/me/app:2")"
	is "$(field .image.digest)" "$(now "$hub/you/x:latest")"
	is "docker://$hub/me/app@$(field .image.digest)" \
	    "$(field .image.location)"
	is "$hub/me/app:1 null true $hub/me/app:2 null true $hub/you/x null true" \
	    "$(field '.image.tags[] | "\(.ref) \(.previous) \(.moved)"' | xargs)"
	is "" "$(ls -A tmp)"
	# the second repository of a registry is given what the first has
	is 2 "$(grep -c '^POST /v2/you/x/blobs/uploads/?mount' log)"
	# no tag moves before each repository has all of it
	is "$(grep -c . log)" "$(grep -n 'PUT .*manifests/latest' log |
	    cut -d : -f 1)"
	[ "$(grep -n 'PUT .*manifests/1' log | cut -d : -f 1)" -gt \
	    "$(grep -n 'HEAD /v2/you/x/manifests/D' log | cut -d : -f 1)" ]
}

@test "img-build: an unchanged image costs one request, and other names little" {
	tool 0 build -t "$hub/me/app:1" --push c
	digest=$(field .image.digest)
	asked > log
	tool 0 build -t "$hub/me/app:1" --push c
	is "GET /v2/me/app/manifests/1 200" "$(asked)"
	is "$digest false" \
	    "$(field '.image.tags[0] | "\(.previous) \(.moved)"')"
	# another name: one for each blob, and its own
	tool 0 build -t "$hub/me/app:2" --push c
	asked > log
	is 3 "$(grep -c '^HEAD .*/blobs/D 200' log)"
	is 0 "$(grep -c 'POST\|PATCH' log)"
	# a change: what was there is not asked about
	echo two > c/one
	tool 0 build -t "$hub/me/app:1" --push c
	is "$digest true" "$(field '.image.tags[0] | "\(.previous) \(.moved)"')"
	asked > log
	is 2 "$(grep -c '^HEAD .*/blobs/D' log)"
	is 2 "$(grep -c '^POST' log)"
}

@test "img-build: --push-by-digest gives no tag" {
	tool 0 build -t "$hub/me/app" --push-by-digest c
	is "docker://$hub/me/app@$(field .image.digest)" \
	    "$(field .image.location)"
	is '[]' "$(field '.image.tags | tostring')"
	asked > log
	is 1 "$(grep -c 'PUT /v2/me/app/manifests/D 201' log)"
	tool 0 manifest-assemble --check "$(field '.image.location')"
	tool 0 build -t "$hub/me/app" --push-by-digest c
	asked > log
	is 0 "$(grep -c 'PUT\|POST' log)"
	tool 2 build -t "$hub/me/app:1" --push-by-digest c
	is tag_unwanted "$(field .error.code)"
	tool 2 build -t "$hub/me/app" --push-by-digest --push c
	grep 'exclude each other' err
}

@test "img-build: two platforms by digest become one tag" {
	needs skopeo
	img-build --platform linux/amd64,linux/arm64 -t "$hub/me/app" \
	    --push-by-digest c > built
	tool 0 manifest-assemble -t "$hub/me/app:1" --push \
	    --require linux/amd64,linux/arm64 < built
	is "amd64 arm64" "$(skopeo inspect --tls-verify=false --raw \
	    "docker://$hub/me/app:1" |
	    jq -r '.manifests[].platform.architecture' | xargs)"
}

@test "img-build: two platforms in one run do not take one tag" {
	tool 2 img-build --platform linux/amd64,linux/arm64 \
	    -t "$hub/me/app:1" --push c
	is destination_conflict "$(field '.error.code // empty')"
	tool 0 img-build --platform linux/amd64,linux/arm64 \
	    -t "$hub/me/app:1-{arch}" --push c
	is "$hub/me/app:1-amd64 $hub/me/app:1-arm64" \
	    "$(field .image.ref | xargs)"
}

@test "img-build: -o docker://, and a push beside other places" {
	needs skopeo
	tool 0 build -o "docker://$hub/me/app:1" c
	is "$(field .image.digest)" "$(now "$hub/me/app:1")"
	is "docker://$hub/me/app@$(field .image.digest)" "$(field .image.ref)"
	tool 0 build -t "$hub/me/app:2" --push -o oci:o:t --digestfile d c
	is "$(field .image.digest)" "$(now "$hub/me/app:2")"
	is "$(field .image.digest)" "$(cat d)"
	is "$(field .image.digest)" "$(jq -r '.manifests[0].digest' o/index.json)"
	tool 2 build --push c
	is tag_missing "$(field .error.code)"
	tool 2 build -o 'docker://u:p@h/x:1' c
	is credentials_in_url "$(field .error.code)"
	! grep -q 'u:p' out err || return 1
}

@test "img-build: Docker's media types, and a fingerprint as an annotation" {
	needs skopeo
	tool 0 build --format docker -t "$hub/me/app:1" --push c
	is application/vnd.docker.distribution.manifest.v2+json \
	    "$(skopeo inspect --tls-verify=false --raw \
	    "docker://$hub/me/app:1" | jq -r .mediaType)"
	f=sha256:$(printf '%064d' 7)
	echo "{\"arch\":\"amd64\",\"fingerprint\":\"$f\"}" > in
	tool 0 img-build --context c -t "$hub/me/app:2" --push < in
	is "$f" "$(skopeo inspect --tls-verify=false --raw \
	    "docker://$hub/me/app:2" |
	    jq -r '.annotations["dev.slipway.fingerprint"]')"
}

@test "img-build: a layer is on its way while the next is made" {
	# seconds of work
	head -c 6000000 /dev/urandom | base64 > c/d/two
	tool 0 build --compression zstd:19 -t "$hub/me/app:1" --push c
	asked > log
	[ "$(grep -n 'PUT .*uploads' log | head -n 1 | cut -d : -f 1)" -lt \
	    "$(grep -n 'HEAD .*/blobs/D' log | sed -n '2s/:.*//p')" ]
	is 3 "$(grep -c '^POST' log)"
}

@test "img-build: what does not answer or lets nobody in is found out first" {
	registry_start_htpasswd auth
	auth=$registry
	tool 1 build -t "$auth/me/app:1" --push c
	is unauthorized "$(field .error.code)"
	tool 1 build --creds ann:wrong -t "$auth/me/app:1" --push c
	is unauthorized "$(field .error.code)"
	! grep -q wrong out err || return 1
	tool 0 build --creds ann:secret -t "$auth/me/app:1" --push c
	! grep -q secret out err || return 1
	echo "{\"auths\":{\"$auth\":{\"auth\":\"$(printf ann:secret | base64)\"}}}" \
	    > auth.json
	tool 0 build --authfile auth.json -t "$auth/me/app:1" --push c
	is false "$(field '.image.tags[0].moved')"
	rm -r "$HOME/.config/containers/certs.d"
	tool 1 build --authfile auth.json -t "$auth/me/app:1" --push c
	is tls "$(field .error.code)"
	tool 0 build --authfile auth.json --tls-verify=false \
	    -t "$auth/me/app:1" --push c
	mkdir certs && cp ca.crt certs/
	tool 0 build --authfile auth.json --cert-dir certs \
	    -t "$auth/me/app:1" --push c
}

@test "img-build: tokens for several repositories" {
	registry_start_token store2
	echo "FROM $registry/ann/base:1" > c/Dockerfile2
	echo 'COPY one /three' >> c/Dockerfile2
	tool 0 build --creds ann:secret -t "$registry/ann/base:1" --push c
	tool 0 build --creds ann:secret -f c/Dockerfile2 \
	    -t "$registry/ann/app:1" -t "$registry/ann/app2:1" --push c
	tool 0 manifest-assemble --creds ann:secret --check \
	    "$registry/ann/app2:1"
	tool 1 build --creds ann:secret -t "$registry/bob/app:1" --push c
	is unauthorized "$(field .error.code)"
}

@test "img-build: a registry on a bad day" {
	registry=$store
	registry_front bad --errors 20 --seed 3 --rate 9 --drop-up 2 \
	    --drop-answer 1 --relative --signed
	tool 0 build -t "$registry/me/app:1" --push c
	tool 0 manifest-assemble --check "$hub/me/app:1"
}

@test "img-build: a refusal in the middle leaves tags as they are" {
	needs skopeo
	tool 0 build -t "$hub/me/app:1" --push c
	before=$(field .image.digest)
	registry_nginx ro 'if ($request_method = PUT) { return 403; }'
	echo change > c/one
	tool 1 build -t "$hub/me/app:1" -t "$registry/me/app:2" --push c
	is "$before" "$(now "$hub/me/app:1")"
	is null "$(field .image)"
}

@test "img-build: what was pushed is what others read" {
	local dir

	needs skopeo
	tool 0 build -t "$hub/me/app:1" --push c
	skopeo copy -q --src-tls-verify=false "docker://$hub/me/app:1" oci:copy:1
	is "$(field .image.digest)" \
	    "$(jq -r '.manifests[0].digest' copy/index.json)"
	if command -v buildah > /dev/null; then
		dir=$(buildah --root pr --runroot prr --storage-driver vfs pull \
		    --tls-verify=false -q "$hub/me/app:1")
		is "$(field .image.config_digest)" "sha256:${dir#sha256:}"
		chmod -R u+w pr
	fi
	if command -v crane > /dev/null; then
		crane validate --remote "$hub/me/app:1"
		crane pull "$hub/me/app:1" crane.tar
	fi
	if command -v regctl > /dev/null; then
		regctl registry set --tls disabled "$hub"
		is "$(field .image.digest)" \
		    "$(regctl manifest head "$hub/me/app:1")"
		regctl image export "$hub/me/app:1" regctl.tar
	fi
}

@test "img-build: docker pulls and runs what was pushed" {
	needs busybox
	docker_start --insecure-registry "$hub"
	[ -x /usr/bin/docker ] || skip "docker's own client is not installed"
	cp "$(command -v busybox)" c/busybox
	printf 'FROM scratch\nCOPY busybox one /\nCMD ["/busybox","cat","/one"]\n' \
	    > c/Dockerfile
	tool 0 build -t "$hub/me/run:oci" --push c
	tool 0 build -t "$hub/me/run:docker" --format docker --push c
	is one "$(/usr/bin/docker run --rm --network none "$hub/me/run:oci")"
	is one "$(/usr/bin/docker run --rm --network none "$hub/me/run:docker")"
}

# whole REF: it is not there, or all of it is.
whole() {
	local status=0

	manifest-assemble --check "$1" > checked 2> said || status=$?
	[ "$status" -eq 0 ] || { [ "$status" -eq 1 ] &&
	    jq -r '"\(.error.code) \(.error.message)"' checked |
	    grep "^not_found .*manifest '$1' "; } || { cat checked; return 1; }
}

# SLIPWAY_KILLS=1000 kills as often.
@test "img-build: killed at any moment it leaves whole tags" {
	local kills=${SLIPWAY_KILLS:-30} i

	tool 0 build -t "$store/me/app:1" --push c
	for ((i = 0; i < kills; i++)); do
		echo "$i" > c/one
		timeout -s KILL "$(printf '0.%03d' $((i * 97 % 150 + 5)))" \
		    img-build --platform linux/amd64 -t "$store/me/app:1" \
		    -t "$store/k$i/app:1" --push c > result 2> said || :
		whole "$store/me/app:1"
		whole "$store/k$i/app:1"
	done
	tool 0 build -t "$store/me/app:1" --push c
	tool 0 manifest-assemble --check "$store/me/app:1"
	# what the killed ones have left went with the last
	is "" "$(ls -A tmp)"
}
