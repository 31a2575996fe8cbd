# shellcheck shell=bash
# images.bash - small images and indexes, made by hand into OCI layouts.
#
# With family=docker an image has Docker's media types.

check_layout=$SLIPWAY_ROOT/tests/layout-check.py
oci_image=application/vnd.oci.image.manifest.v1+json
oci_index=application/vnd.oci.image.index.v1+json
# shellcheck disable=SC2034	# for the suites
docker_list=application/vnd.docker.distribution.manifest.list.v2+json

# put DIR FILE: the file is a blob now; its digest.
put() {
	local hex

	hex=$(sha256sum < "$2")
	hex=${hex%% *}
	cp "$2" "$1/blobs/sha256/$hex"
	echo "sha256:$hex"
}

# descriptor TYPE DIR FILE
descriptor() {
	printf '{"mediaType":"%s","digest":"%s","size":%d}' "$1" \
	    "$(put "$2" "$3")" "$(stat -c %s "$3")"
}

# name DIR TAG DESCRIPTOR
name() {
	jq -c --arg t "$2" --argjson d "$3" '.manifests += [$d +
	    {annotations: {"org.opencontainers.image.ref.name": $t}}]' \
	    "$1/index.json" > index.new
	mv index.new "$1/index.json"
}

# image DIR TAG ARCH [VARIANT [TEXT]]: an image with the file `hello`.
image() {
	local dir=$1 variant=${4:+,\"variant\":\"${4-}\"} diff types

	types=("$oci_image" application/vnd.oci.image.config.v1+json
	    application/vnd.oci.image.layer.v1.tar+gzip)
	[ "${family:-oci}" = oci ] || types=(
	    application/vnd.docker.distribution.manifest.v2+json
	    application/vnd.docker.container.image.v1+json
	    application/vnd.docker.image.rootfs.diff.tar.gzip)
	mkdir -p "$dir/blobs/sha256" tree
	if [ ! -e "$dir/oci-layout" ]; then
		printf '{"imageLayoutVersion":"1.0.0"}' > "$dir/oci-layout"
		echo '{"schemaVersion":2,"manifests":[]}' > "$dir/index.json"
	fi
	echo "${5-$3}" > tree/hello
	tar -C tree --mtime=@0 --owner=0 --group=0 --numeric-owner \
	    -cf layer.tar hello
	gzip -n < layer.tar > layer.tgz
	diff=$(sha256sum < layer.tar)
	printf '{"architecture":"%s","os":"linux"%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
	    "$3" "$variant" "${diff%% *}" > config
	printf '{"schemaVersion":2,"mediaType":"%s","config":%s,"layers":[%s]}' \
	    "${types[0]}" "$(descriptor "${types[1]}" "$dir" config)" \
	    "$(descriptor "${types[2]}" "$dir" layer.tgz)" > manifest
	name "$dir" "$2" "$(descriptor "${types[0]}" "$dir" manifest)"
}

# index DIR TAG ENTRY...: an index of these descriptors.
index() {
	local dir=$1 tag=$2

	shift 2
	printf '%s\n' "$@" | jq -cs --arg m "$oci_index" \
	    '{schemaVersion: 2, mediaType: $m, manifests: .}' > index
	name "$dir" "$tag" "$(descriptor "$oci_index" "$dir" index)"
}

# entry DIR TAG: what index.json says of it, without the name.
entry() {
	jq -c --arg t "$2" '.manifests[] | select(
	    .annotations["org.opencontainers.image.ref.name"] == $t) |
	    del(.annotations)' "$1/index.json"
}

# for_platform DIR TAG ARCH: the same with a platform.
for_platform() {
	entry "$1" "$2" | jq -c --arg a "$3" \
	    '.platform = {os: "linux", architecture: $a}'
}

digest() {
	entry "$1" "$2" | jq -r .digest
}

# record DIR TAG PLATFORM: as img-build writes it.
record() {
	entry "$1" "$2" | jq -c --arg l "oci:$PWD/$1:$2" --arg p "$3" \
	    '{arch: ($p | split("/")[1]), image: {platform: $p,
	      digest, media_type: .mediaType, size, location: $l}}'
}

layout_good() {
	needs python3
	python3 "$check_layout" "$@"
}
