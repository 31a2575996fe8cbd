#!/usr/bin/env bats
# img-build: images in registries to build on, and to copy from.

load helpers
load registry
load images

# $hub, a registry behind a log of requests, with the image base:1.
local_setup() {
	needs docker-registry python3 jq curl
	registry_home
	export TMPDIR=$PWD/tmp
	mkdir -p c/dir tmp
	echo one > c/one
	echo two > c/dir/two
	echo three > c/dir/three
	printf 'FROM scratch\nCOPY one dir /base/\nCOPY dir/two /old/gone\nENV A=1\n' \
	    > c/Dockerfile
	registry_start store
	store=$registry
	registry_front hub
	hub=$registry
	tool 0 build -t "$hub/me/base:1" --push c
	: > hub.requests
}

local_teardown() {
	registry_stop_all
}

build() {
	img-build --platform linux/amd64 "$@"
}

# from TEXT...: a Dockerfile of these lines.
from() {
	printf '%s\n' "$@" > c/Dockerfile
}

unpack() {
	needs umoci
	umoci unpack --rootless --image "$1" "$2" > umoci.log 2>&1
}

# schema2 PLACE REGISTRY/REPO:TAG: another program's image in Docker's types.
schema2() {
	needs skopeo
	skopeo copy -q --src-tls-verify=false --dest-tls-verify=false \
	    --format v2s2 "$1" "docker://$2"
}

@test "img-build: FROM reads manifest and config alone where no file is asked for" {
	from "FROM $hub/me/base:1" 'ENV B=2' 'CMD ["/x"]'
	tool 0 build -t "$hub/me/app:1" --push c
	is 0 "$(grep -c 'GET .*/blobs/.* 30[0-9]' hub.requests)"
	is 1 "$(grep -c 'GET .*/blobs/' hub.requests)"
	is 2 "$(grep -c 'POST .*mount=' hub.requests)"
	is 2 "$(field '.image.layers | length')"
	tool 0 manifest-assemble --check "$hub/me/app:1"
	is "" "$(ls -A tmp)"
	# a layout gets all of it
	tool 0 build -o oci:o:t c
	unpack o:t u
	is one "$(cat u/rootfs/base/one)"
	is "A=1 B=2" "$(jq -r '.process.env[]' u/config.json |
	    grep '^[AB]=' | xargs)"
}

@test "img-build: FROM docker:// and a plain name, by tag and by digest" {
	from "FROM docker://$hub/me/base:1" 'COPY one /base/new'
	tool 0 build -o oci:o:a c
	from "FROM $hub/me/base:1" 'COPY one /base/new'
	tool 0 build -o oci:o:b c
	is "$(jq -r '.manifests[0].digest' o/index.json)" "$(field .image.digest)"
	digest=$(curl -sI -H "Accept: $oci_image" \
	    "http://$hub/v2/me/base/manifests/1" | tr -d '\r' |
	    sed -n 's/^Docker-Content-Digest: //ip')
	from 'ARG D' "FROM $hub/me/base@\$D" 'COPY one /base/new'
	tool 0 build --build-arg "D=$digest" -o oci:o:c c
	is "$(jq -r '.manifests[0].digest' o/index.json)" "$(field .image.digest)"
	unpack o:c u
	is "new one three two" "$(ls u/rootfs/base | xargs)"
}

@test "img-build: COPY --from takes files out of an image in a registry" {
	from 'FROM scratch' "COPY --from=$hub/me/base:1 /base/two /t" \
	    "COPY --from=docker://$hub/me/base:1 /base /all"
	tool 0 build -o oci:o:t c
	unpack o:t u
	is two "$(cat u/rootfs/t)"
	is "one three two" "$(ls u/rootfs/all | xargs)"
	is "" "$(ls -A tmp)"
	# one pass over each layer
	is 3 "$(grep -c 'GET .*/blobs/' hub.requests)"
	from 'FROM scratch' "COPY --from=$hub/me/base:1 /no /t"
	tool 1 build -o oci:o:t c
	is not_found "$(field .error.code)"
}

@test "img-build: --build-context names an image in a registry" {
	from 'FROM alpine' 'COPY --from=other /base/one /one'
	tool 0 build --build-context "alpine=docker://$hub/me/base:1" \
	    --build-context "other=docker://$hub/me/base:1" -o oci:o:t c
	unpack o:t u
	is one "$(cat u/rootfs/one)"
	is 3 "$(field '.image.layers | length')"
}

@test "img-build: whiteouts in a base from a registry" {
	needs umoci
	skopeo copy -q --src-tls-verify=false "docker://$hub/me/base:1" oci:w:t
	umoci unpack --rootless --image w:t wu > umoci.log 2>&1
	rm -r wu/rootfs/old wu/rootfs/base/two
	umoci repack --image w:t wu > umoci.log 2>&1
	skopeo copy -q --dest-tls-verify=false oci:w:t "docker://$hub/me/less:1"
	from 'FROM scratch' "COPY --from=$hub/me/less:1 / /"
	tool 0 build -o oci:o:t c
	unpack o:t u
	is "one three" "$(ls u/rootfs/base | xargs)"
	[ ! -e u/rootfs/old ]
}

@test "img-build: the platform is chosen from an index, of both families" {
	for a in amd64 arm64; do
		echo "$a" > c/one
		from 'FROM scratch' 'COPY one /arch'
		tool 0 img-build --platform "linux/$a" \
		    -t "$hub/me/multi:$a" --push c
		schema2 "docker://$hub/me/multi:$a" "$hub/me/v2:$a"
	done
	tool 0 manifest-assemble -t "$hub/me/multi:1" --push \
	    "docker://$hub/me/multi:amd64" "docker://$hub/me/multi:arm64"
	tool 0 manifest-assemble -t "$hub/me/v2:1" --push \
	    "docker://$hub/me/v2:amd64" "docker://$hub/me/v2:arm64"
	is "$docker_list" "$(field .index.media_type)"
	for base in multi v2; do
		from "FROM $hub/me/$base:1" 'COPY dir/two /two'
		tool 0 img-build --platform linux/arm64/v8 -o "oci:$base:t" c
		unpack "$base:t" "u-$base"
		is arm64 "$(cat "u-$base/rootfs/arch")"
		is two "$(cat "u-$base/rootfs/two")"
	done
	tool 1 img-build --platform linux/s390x -o oci:o:t c
	is platform_not_found "$(field .error.code)"
	from "FROM $hub/me/multi:arm64"
	tool 1 build -o oci:o:t c
	is platform_mismatch "$(field .error.code)"
}

@test "img-build: a base of another registry is streamed to the target" {
	registry_start far
	far=$registry
	from "FROM $hub/me/base:1" 'ENV B=2'
	tool 0 build -t "$far/me/app:1" --push c
	tool 0 manifest-assemble --check "$far/me/app:1"
	# the next time nothing is read but manifest and config
	: > hub.requests
	tool 0 build -t "$far/me/app:1" --push c
	is false "$(field '.image.tags[0].moved')"
	is 1 "$(grep -c 'GET .*/blobs/' hub.requests)"
	is "" "$(ls -A tmp)"
}

@test "img-build: what a base lacks or should not have is refused" {
	local hex

	from "FROM $hub/no/such:1"
	tool 1 build -o oci:o:t c
	is not_found "$(field .error.code)"
	is 1 "$(field .error.line)"
	from 'FROM Not/A/Name'
	tool 2 build --engine native -o oci:o:t c
	is image_unavailable "$(field .error.code)"
	from 'FROM user:pass@host/x'
	tool 2 build --engine native -o oci:o:t c
	is credentials_in_url "$(field .error.code)"
	! grep -q pass out err || return 1
	# a layer that is gone, and one that is another
	hex=$(curl -s -H "Accept: $oci_image" \
	    "http://$hub/v2/me/base/manifests/1" |
	    jq -r '.layers[0].digest[7:]')
	blob=store.store/docker/registry/v2/blobs/sha256/${hex:0:2}/$hex/data
	cp "$blob" good
	tr 'a-z' 'b-za' < good > "$blob"
	from "FROM $hub/me/base:1" 'COPY one /x'
	tool 1 build -o oci:o:t c
	is blob_digest_mismatch "$(field .error.code)"
	rm "$blob"
	tool 1 build -o oci:o:t c
	is blob_missing "$(field .error.code)"
	[ ! -e o ]
}

@test "img-build: foreign layers are refused" {
	registry_start lax "validation:
  manifests: {urls: {allow: ['.*']}}"
	tool 0 build -t "$registry/me/base:1" --push c
	curl -s -H "Accept: $oci_image" \
	    "http://$registry/v2/me/base/manifests/1" |
	    jq -c '.layers[0] += {urls: ["https://example.com/x"], mediaType:
	    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"}' \
	    > foreign
	curl -sf -X PUT -H "Content-Type: $oci_image" --data-binary @foreign \
	    "http://$registry/v2/me/base/manifests/foreign"
	from "FROM $registry/me/base:foreign"
	tool 1 build -o oci:o:t c
	is descriptor_invalid "$(field .error.code)"
	grep "a foreign layer" err
}

@test "img-build: --creds are for the base where nothing is pushed" {
	registry_start_htpasswd auth
	tool 0 build --creds ann:secret -t "$registry/me/base:1" --push c
	from "FROM $registry/me/base:1" 'COPY one /x'
	tool 1 build -o oci:o:t c
	is unauthorized "$(field .error.code)"
	tool 0 build --creds ann:secret -o oci:o:t c
	# and for the target alone where something is
	tool 1 build --creds ann:secret -t "$hub/me/app:1" --push c
	is unauthorized "$(field .error.code)"
}

@test "img-build: a connection that breaks off in a layer goes on" {
	registry=$store
	registry_front bad --drop-down 2
	from "FROM $registry/me/base:1" 'COPY one /x'
	tool 0 build -o oci:o:t c
	is 3 "$(field '.image.layers | length')"
}
