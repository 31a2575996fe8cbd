# manifest-assemble-registry.bats - indexes from and to registries.

load helpers
load registry
load images

# Two images in layout `in`, and $hub, a registry behind a log of requests.
local_setup() {
	needs docker-registry python3 curl
	registry_home
	image in amd amd64
	image in arm arm64 v8
	registry_start store
	store=$registry
	registry_front hub
	hub=$registry
}

local_teardown() {
	registry_stop_all
}

# The index of both, under a tag of the registry; its digest is $app.
pushed() {
	tool 0 manifest-assemble -t "$hub/me/app:1" --push oci:in:amd \
	    oci:in:arm
	app=$(field .index.digest)
}

# now REF: the digest of a tag, or nothing.
now() {
	curl -sI -H "Accept: $oci_index, $oci_image, $docker_list" \
	    "http://${1%%/*}/v2/$(expr "$1" : '[^/]*/\(.*\):')/manifests/${1##*:}" |
	    tr -d '\r' | sed -n 's/^Docker-Content-Digest: //ip'
}

# raw REF: its bytes.
raw() {
	curl -sf -H "Accept: $oci_index, $oci_image, $docker_list" \
	    "http://${1%%/*}/v2/$(expr "$1" : '[^/]*/\(.*\):')/manifests/${1##*:}"
}

# send REF TYPE FILE: put a manifest by hand.
send() {
	curl -sf -X PUT -H "Content-Type: $2" --data-binary "@$3" \
	    "http://${1%%/*}/v2/$(expr "$1" : '[^/]*/\(.*\):')/manifests/${1##*:}"
}

# send_blob HOST/REPO FILE: a blob; its descriptor with TYPE.
send_blob() {
	local to d

	d=sha256:$(sha256sum < "$2" | cut -d ' ' -f 1)
	to=$(curl -sfi -X POST "http://${1%%/*}/v2/${1#*/}/blobs/uploads/" |
	    tr -d '\r' | sed -n 's/^Location: //ip')
	case $to in
	/*) to=http://${1%%/*}$to ;;
	esac
	curl -sf -X PUT -H 'Content-Type: application/octet-stream' \
	    --data-binary "@$2" "$to&digest=$d"
	printf '{"mediaType":"%s","digest":"%s","size":%d}' "$3" "$d" \
	    "$(stat -c %s "$2")"
}

# requests NAME [METHOD...]: how many there were of these (or all).
requests() {
	local log=$1.requests

	shift
	if [ $# -eq 0 ]; then
		grep -c '' "$log" || :
	else
		grep -cE "^($(IFS='|'; echo "$*")) " "$log" || :
	fi
}

# forget: the log of requests begins anew.
forget() {
	: > hub.requests
}

# lose STORE DIGEST: the blob's bytes are gone from a registry.
lose() {
	rm -r "$1.store/docker/registry/v2/blobs/sha256/${2:7:2}/${2:7}"
}

error_is() {
	is "$1" "$(tail -n 1 out | jq -r '.error | "\(.kind) \(.code)"')"
}

@test "manifest-assemble: two images of a layout become a tag that skopeo reads" {
	needs skopeo
	pushed
	[ ! -s err ]
	is "docker://$hub/me/app@$app" "$(field .index.location)"
	is '[null,true]' "$(field '.index.tags[0] | [.previous, .moved] | tojson')"
	skopeo inspect --raw --tls-verify=false "docker://$hub/me/app:1" > raw
	is "$app" "sha256:$(sha256sum < raw | cut -d ' ' -f 1)"
	for arch in amd64 arm64; do
		skopeo copy -q --src-tls-verify=false --override-arch $arch \
		    "docker://$hub/me/app:1" "oci:$arch:x"
	done
	is "$(digest in arm)" "$(digest arm64 x)"
	tool 0 manifest-assemble --check "$hub/me/app:1"
}

@test "manifest-assemble: crane and regctl find nothing wrong with it" {
	peer crane regctl
	# crane wants a variant that the index leaves out
	image in arm8 arm64 "" 8
	tool 0 manifest-assemble -t "$hub/me/app:1" --push oci:in:amd oci:in:arm8
	app=$(field .index.digest)
	crane validate --insecure --remote "$hub/me/app:1"
	is "$app" "$(crane digest --insecure "$hub/me/app:1")"
	crane pull --insecure --platform linux/arm64 "$hub/me/app:1" pulled.tar
	regctl registry set "$hub" --tls disabled
	regctl manifest get --format raw-body "$hub/me/app:1" | cmp - <(raw "$hub/me/app:1")
	regctl image export "$hub/me/app:1" exported.tar
}

@test "manifest-assemble: an unchanged push sends nothing" {
	pushed
	forget
	tool 0 manifest-assemble -t "$hub/me/app:1" --push oci:in:amd oci:in:arm
	is "$app false" "$(field '.index.tags[0] | "\(.previous) \(.moved)"')"
	is 0 "$(requests hub PUT POST PATCH)"
	# is it http, and what is the tag?
	[ "$(requests hub)" -le 2 ]
	# children of the registry itself: their manifests and configs besides
	jq -c '{image: (.index as $i | $i.manifests[] | {digest, size,
	    media_type, platform, location: $i.location})}' out > records
	forget
	tool 0 manifest-assemble -t "$hub/me/app:1" --push < records
	is "$app false" "$(field '.index.tags[0] | "\(.previous) \(.moved)"')"
	is 0 "$(requests hub PUT POST PATCH)"
	[ "$(requests hub)" -le 6 ]
}

@test "manifest-assemble: images that were pushed are taken by their digests" {
	local amd

	amd=$(digest in amd)
	for a in amd arm; do
		tool 0 manifest-assemble -t "$hub/me/app:1-$a" --push "oci:in:$a"
	done
	is "$amd" "$(now "$hub/me/app:1-amd")"
	jq -c --arg d "docker://$hub/me/app:1-amd@$amd" --arg g "$amd" -n \
	    '{arch: "amd64", image: {digest: $g, location: $d}}' > records
	jq -c --arg d "docker://$hub/me/app@$(digest in arm)" \
	    --arg g "$(digest in arm)" -n \
	    '{arch: "arm64", image: {digest: $g, location: $d}}' >> records
	# the tag is another image by now
	image in other amd64 "" other
	tool 0 manifest-assemble -t "$hub/me/app:1-amd" --push oci:in:other
	forget
	tool 0 manifest-assemble -t "$hub/me/app:1" --push < records
	is "$amd" "$(field '.index.manifests[0].digest')"
	# they are there: nothing but the index is sent
	is 0 "$(requests hub POST PATCH)"
	is 2 "$(requests hub PUT)"
	jq -c 'if .arch == "arm64" then .platform = "linux/amd64" else . end' \
	    records > wrong
	tool 1 manifest-assemble -t "$hub/me/app:2" --push < wrong
	is "held_back platform_mismatch" "$(jq -rs '[.[].error.code] | join(" ")' out)"
	is "" "$(now "$hub/me/app:2")"
}

@test "manifest-assemble: another tag is a copy, digest for digest" {
	# bytes that nobody else would write
	printf '{ "manifests" : [ %s ],\n"schemaVersion":2, "mediaType":"%s" }\n' \
	    "$(for_platform in amd amd64)" "$oci_index" > index
	name in odd "$(descriptor "$oci_index" in index)"
	tool 0 manifest-assemble -t "$hub/me/app:odd" --push oci:in:odd
	raw "$hub/me/app:odd" | cmp - index
	forget
	tool 0 manifest-assemble -t "$hub/me/app:a" -t "$hub/me/app:b" --push \
	    "docker://$hub/me/app:odd"
	raw "$hub/me/app:a" | cmp - index
	raw "$hub/me/app:b" | cmp - index
	is "2 0" "$(requests hub PUT) $(requests hub POST PATCH)"
	# asked to be something else, it is
	tool 0 manifest-assemble -t "$hub/me/app:c" --push --annotation k=v \
	    "docker://$hub/me/app:odd"
	is v "$(raw "$hub/me/app:c" | jq -r .annotations.k)"
	# a single image has one digest, too
	tool 0 manifest-assemble -t "$hub/me/app:one" --push oci:in:amd
	tool 0 manifest-assemble -t "$hub/me/app:two" --push "docker://$hub/me/app:one"
	is "$(digest in amd)" "$(now "$hub/me/app:two")"
	# but one record is a part of an index
	record in amd linux/amd64 > half
	tool 0 manifest-assemble -t "$hub/me/app:half" --push < half
	is "$oci_index" "$(raw "$hub/me/app:half" | jq -r .mediaType)"
}

@test "manifest-assemble: within a registry blobs are mounted" {
	pushed
	forget
	tool 0 manifest-assemble -t "$hub/prod/app:1" --push "docker://$hub/me/app:1"
	is "$app" "$(now "$hub/prod/app:1")"
	is 4 "$(grep -c '^POST .*mount=.* 201 ' hub.requests)"
	is 0 "$(grep -c '^PUT .*/blobs/' hub.requests || :)"
	is 0 "$(requests hub PATCH)"
	tool 0 manifest-assemble --check "docker://$hub/prod/app:1"
}

@test "manifest-assemble: from one registry to another, and to a layout" {
	local far

	head -c 9000000 /dev/urandom | base64 > text
	image in big riscv64 "" "$(cat text)"
	tool 0 manifest-assemble -t "$hub/me/app:1" --push oci:in:amd oci:in:big
	app=$(field .index.digest)
	registry_start far
	far=$registry
	tool 0 manifest-assemble -t "$far/other/name:1" --push -o oci:l:x \
	    "docker://$hub/me/app:1"
	is "$app" "$(now "$far/other/name:1")"
	is "$app" "$(digest l x)"
	is "oci:$PWD/l:x true" "$(field '.index.tags[1] | "\(.ref) \(.moved)"')"
	layout_good l
	tool 0 manifest-assemble --check "$far/other/name:1"
	is 6 "$(field .index.check.blobs)"
}

@test "manifest-assemble: a stream that breaks on either side goes on" {
	local bad

	head -c 9000000 /dev/urandom | base64 > text
	image in big riscv64 "" "$(cat text)"
	tool 0 manifest-assemble -t "$hub/me/app:1" --push oci:in:big
	registry=$store
	registry_front bad --drop-down 2
	bad=$registry
	registry_start far
	registry_front worse --drop-up 2
	tool 0 manifest-assemble -t "$registry/me/app:1" --push \
	    "docker://$bad/me/app:1"
	is "$(digest in big)" "$(now "$registry/me/app:1")"
	tool 0 manifest-assemble --check "$registry/me/app:1"
	# and goes on in the middle, where the registry can
	registry_start near
	registry_front better --drop-up 1 --resume
	tool 0 manifest-assemble -t "$registry/me/app:1" --push \
	    "docker://$hub/me/app:1"
	is "$(digest in big)" "$(now "$registry/me/app:1")"
	is 2 "$(grep -c '^POST ' better.requests)"
}

@test "manifest-assemble: what was pushed a moment ago is waited for" {
	pushed
	jq -c '{image: (.index as $i | $i.manifests[0] | {digest, size,
	    media_type, platform, location: $i.location})}' out > record
	registry=$store
	registry_front slow --late 2
	sed "s/$hub/$registry/" record > late
	tool 0 manifest-assemble -t "$registry/me/app:2" --push < late
	registry=$store
	registry_front slower --late 2
	# who names a tag by hand is told at once
	tool 1 manifest-assemble -t "$registry/me/app:2" --push \
	    "docker://$registry/me/app:1"
	error_is "check not_found"
}

@test "manifest-assemble: a registry that does not show what it took gets no tag" {
	registry=$store
	registry_front blind --late 1000
	tool 1 manifest-assemble -t "$registry/me/app:1" --push oci:in:amd oci:in:arm
	error_is "check blob_missing"
	is "" "$(now "$store/me/app:1")"
	# what was sent is there by its digest
	tool 0 manifest-assemble --check "docker://$store/me/app@$(digest in arm)"
}

@test "manifest-assemble: no tag moves anywhere before all is everywhere" {
	local far

	registry_start_htpasswd far
	far=$registry
	tool 1 manifest-assemble -t "$hub/me/app:1" -t "$far/me/app:1" --push \
	    oci:in:amd oci:in:arm
	error_is "check unauthorized"
	is "" "$(now "$hub/me/app:1")"
	is null "$(field .index)"
	tool 0 manifest-assemble -t "$far/me/app:1" -t "$hub/me/app:1" --push \
	    --creds ann:secret oci:in:amd oci:in:arm
	is 2 "$(field '[.index.tags[] | select(.moved)] | length')"
	is "$(field .index.digest)" "$(now "$hub/me/app:1")"
}

@test "manifest-assemble: a tag does not move while a blob of a child is missing" {
	local layer

	pushed
	layer=$(jq -r '.layers[0].digest' "in/blobs/sha256/$(digest in arm | cut -c 8-)")
	image in new amd64 "" new
	tool 0 manifest-assemble -t "$hub/me/app:new" --push oci:in:new
	lose store "$layer"
	tool 1 manifest-assemble -t "$hub/me/app:1" --push \
	    "docker://$hub/me/app:new" "docker://$hub/me/app@$(digest in arm)"
	error_is "check blob_missing"
	grep -q "blob $layer is missing from 'docker://$hub/me/app'" err
	is "$app" "$(now "$hub/me/app:1")"
	tool 1 manifest-assemble -t "$hub/me/app:2" --push "docker://$hub/me/app:1"
	is "" "$(now "$hub/me/app:2")"
	# what can be had elsewhere is brought along
	tool 0 manifest-assemble -t "$hub/me/app:2" --push oci:in:new oci:in:arm
	tool 0 manifest-assemble --check "$hub/me/app:1"
}

@test "manifest-assemble: --check finds what is gone, --inspect what is there" {
	local layer

	pushed
	layer=$(jq -r '.layers[0].digest' "in/blobs/sha256/$(digest in arm | cut -c 8-)")
	tool 0 manifest-assemble --inspect "$hub/me/app:1" --check "docker://$hub/me/app:1"
	is "$app $app" "$(jq -rs '[.[].index.digest] | join(" ")' out)"
	is 'null {"blobs":6,' "$(jq -rs '[.[].index.check | tojson] | join(" ")' out | sed 's/"bytes.*//')"
	is "$layer" "$(head -n 1 out | jq -r '.index.manifests[1].layers[0].digest')"
	tool 0 manifest-assemble --inspect "docker://$hub/me/app@$(digest in arm)"
	is "linux/arm64 $(digest in arm)" "$(field '.image | "\(.platform) \(.digest)"')"
	tool 0 manifest-assemble --text --check "$hub/me/app:1"
	grep -q '^        6 blobs, .*, all of them there$' out
	tool 0 manifest-assemble --check "$hub/me/app:1" --require linux/amd64,linux/arm64
	tool 1 manifest-assemble --check "$hub/me/app:1" --require linux/s390x
	error_is "check platform_missing"
	lose store "$layer"
	tool 1 manifest-assemble --check "$hub/me/app:1"
	error_is "check blob_missing"
	tool 0 manifest-assemble --inspect "$hub/me/app:1"
	tool 1 manifest-assemble --check "$hub/me/app:gone"
	error_is "check not_found"
	tool 0 manifest-assemble --check oci:in:arm
	rm "in/blobs/sha256/${layer#sha256:}"
	tool 1 manifest-assemble --check oci:in:arm
	error_is "check blob_missing"
	tool 2 manifest-assemble --check "$hub/me/app:1" -t x
	[ ! -s out ]
}

@test "manifest-assemble: --if-tag-is moves a tag from one digest alone" {
	local was

	pushed
	was=$app
	image in new amd64 "" new
	tool 1 manifest-assemble -t "$hub/me/app:1" --push --no-clobber oci:in:new
	error_is "check tag_changed"
	is "absent $was" "$(field '.error | "\(.expected) \(.actual)"')"
	is "$was" "$(now "$hub/me/app:1")"
	tool 1 manifest-assemble -t "$hub/me/app:1" -t "$hub/me/app:free" --push \
	    --if-tag-is absent oci:in:new
	is "" "$(now "$hub/me/app:free")"
	tool 1 manifest-assemble -t "$hub/me/app:1" --push \
	    --if-tag-is "$(digest in arm)" oci:in:new
	error_is "check tag_changed"
	tool 0 manifest-assemble -t "$hub/me/app:1" --push --if-tag-is "$was" \
	    oci:in:new oci:in:arm
	is true "$(field '.index.tags[0].moved')"
	# once more is no harm: it is what it should be
	tool 0 manifest-assemble -t "$hub/me/app:1" --push --if-tag-is "$was" \
	    oci:in:new oci:in:arm
	is false "$(field '.index.tags[0].moved')"
	tool 0 manifest-assemble -t "$hub/me/app:free" --push --no-clobber oci:in:new
	tool 1 manifest-assemble -t x:1 -o oci:in:arm --no-clobber oci:in:new
	error_is "check tag_changed"
	tool 2 manifest-assemble -t x:1 --push --if-tag-is nothing oci:in:new
}

@test "manifest-assemble: --append extends what the tag is" {
	tool 0 manifest-assemble -t "$hub/me/app:1" --push --annotation k=v \
	    oci:in:amd
	tool 1 manifest-assemble -t "$hub/me/app:none" --push --append oci:in:arm
	error_is "check not_found"
	tool 0 manifest-assemble -t "$hub/me/app:1" -t "$hub/me/app:2" --push \
	    --append oci:in:arm
	is "linux/amd64 linux/arm64" "$(field '[.index.manifests[].platform] | join(" ")')"
	is v "$(raw "$hub/me/app:1" | jq -r .annotations.k)"
	is "$(now "$hub/me/app:1")" "$(now "$hub/me/app:2")"
	image in other arm64 "" other
	tool 1 manifest-assemble -t "$hub/me/app:1" --push --append oci:in:other
	error_is "check platform_conflict"
	image in third riscv64
	lose store "$(jq -r '.layers[0].digest' \
	    "in/blobs/sha256/$(digest in amd | cut -c 8-)")"
	tool 1 manifest-assemble -t "$hub/me/app:1" --push --append oci:in:third
	error_is "check blob_missing"
	tool 0 manifest-assemble -t x:1 -o oci:l oci:in:amd
	tool 0 manifest-assemble -t x:1 -o oci:l --append oci:in:arm
	is 2 "$(field '.index.manifests | length')"
	layout_good l
	tool 2 manifest-assemble -t x:1 --dry-run --append oci:in:arm
}

@test "manifest-assemble: Docker's images are a Docker list, mixed ones OCI's" {
	family=docker image in damd amd64
	family=docker image in darm arm64 "" other
	tool 0 manifest-assemble -t "$hub/me/app:1" --push oci:in:damd oci:in:darm
	is "$docker_list $docker_list" "$(field .index.media_type) $(raw "$hub/me/app:1" | jq -r .mediaType)"
	tool 0 manifest-assemble -t "$hub/me/app:mixed" --push oci:in:damd oci:in:arm
	is "$oci_index" "$(raw "$hub/me/app:mixed" | jq -r .mediaType)"
	tool 0 manifest-assemble -t "$hub/me/app:oci" --push --format oci \
	    "docker://$hub/me/app:1"
	is "$oci_index" "$(raw "$hub/me/app:oci" | jq -r .mediaType)"
	tool 2 manifest-assemble -t "$hub/me/app:2" --push --format docker \
	    oci:in:damd oci:in:arm
	error_is "input format_conflict"
	tool 2 manifest-assemble -t "$hub/me/app:2" --push --annotation k=v \
	    oci:in:damd oci:in:darm
	error_is "input annotation_format"
	tool 2 manifest-assemble -t "$hub/me/app:2" --push oci:in:damd \
	    --annotation 'manifest-descriptor[linux/amd64]:k=v'
	is "" "$(now "$hub/me/app:2")"
	tool 0 manifest-assemble -t "$hub/me/app:2" --push --annotation k=v \
	    --format oci oci:in:damd oci:in:darm
	tool 2 manifest-assemble -t x:1 --push --format v2s1 oci:in:amd
}

# attested: tag `built` of layout `in`: an image with what BuildKit says of it.
attested() {
	local type=application/vnd.in-toto+json

	echo '{"predicateType":"https://slsa.dev/provenance/v0.2"}' > statement
	echo '{"architecture":"unknown","os":"unknown","rootfs":{"type":"layers","diff_ids":["sha256:'"$(sha256sum < statement | cut -d ' ' -f 1)"'"]}}' > config
	jq -cn --arg m "$oci_image" \
	    --argjson c "$(descriptor application/vnd.oci.image.config.v1+json in config)" \
	    --argjson l "$(descriptor $type in statement)" \
	    '{schemaVersion: 2, mediaType: $m, config: $c, layers: [$l]}' > manifest
	attestation=$(descriptor "$oci_image" in manifest | jq -c \
	    --arg d "$(digest in amd)" '.platform = {os: "unknown",
	    architecture: "unknown"} | .annotations =
	    {"vnd.docker.reference.digest": $d,
	    "vnd.docker.reference.type": "attestation-manifest"}')
	index in built "$(for_platform in amd amd64)" "$attestation"
}

@test "manifest-assemble: attestations stay with their image, or stay behind" {
	local far

	attested
	tool 0 manifest-assemble -t "$hub/me/app:1" --push --require amd64,arm64 \
	    oci:in:built oci:in:arm
	registry_start far
	far=$registry
	tool 0 manifest-assemble -t "$far/me/app:1" --push "docker://$hub/me/app:1"
	tool 0 manifest-assemble --check "$far/me/app:1"
	is "linux/amd64 linux/arm64 unknown/unknown" \
	    "$(field '[.index.manifests[].platform] | join(" ")')"
	is "$(digest in amd)" "$(field '.index.manifests[2].annotations["vnd.docker.reference.digest"]')"
	tool 0 manifest-assemble -t "$far/me/app:bare" --push --no-attestations \
	    "docker://$hub/me/app:1"
	is "linux/amd64 linux/arm64" \
	    "$(field '[.index.manifests[].platform] | join(" ")')"
	tool 2 manifest-assemble -t "$far/me/app:d" --push --format docker \
	    "docker://$hub/me/app:1"
}

@test "manifest-assemble: --referrers takes signatures and attestations along" {
	local far empty layer sig hex

	pushed
	hex=${app#sha256:}
	printf '{}' > empty
	echo signature > signature
	empty=$(send_blob "$hub/me/app" empty application/vnd.oci.empty.v1+json)
	layer=$(send_blob "$hub/me/app" signature application/x-signature)
	jq -cn --argjson c "$empty" --argjson l "$layer" --arg d "$app" \
	    --arg i "$oci_index" --arg m "$oci_image" '{schemaVersion: 2,
	    mediaType: $m, artifactType: "application/x-sig", config: $c,
	    layers: [$l], subject: {mediaType: $i, digest: $d, size: 1}}' > sig
	sig=sha256:$(sha256sum < sig | cut -d ' ' -f 1)
	send "$hub/me/app:by-subject" "$oci_image" sig
	# docker-registry has no API for it
	jq -cn --arg d "$sig" --argjson s "$(stat -c %s sig)" --arg i "$oci_index" \
	    --arg m "$oci_image" '{schemaVersion: 2, mediaType: $i, manifests:
	    [{mediaType: $m, digest: $d, size: $s,
	    artifactType: "application/x-sig"}]}' > list
	send "$hub/me/app:sha256-$hex" "$oci_index" list
	# cosign's way, for a child
	jq -c 'del(.subject) | .annotations.cosign = "1"' sig > cosign
	send "$hub/me/app:sha256-$(digest in arm | cut -c 8-).sig" "$oci_image" cosign
	registry_start far
	far=$registry
	tool 0 manifest-assemble -t "$far/me/app:1" --push "docker://$hub/me/app:1"
	is "" "$(now "$far/me/app:sha256-$hex")"
	tool 0 manifest-assemble -t "$far/me/app:1" --push --referrers \
	    "docker://$hub/me/app:1"
	raw "$far/me/app:sha256-$(digest in arm | cut -c 8-).sig" | cmp - cosign
	is "$sig application/x-sig" "$(raw "$far/me/app:sha256-$hex" |
	    jq -r '.manifests[] | "\(.digest) \(.artifactType)"')"
	curl -sf "http://$far/v2/me/app/blobs/$(jq -r '.layers[0].digest' sig)" |
	    cmp - signature
	# and once more: they are there
	tool 0 manifest-assemble -t "$far/me/app:1" --push --referrers \
	    "docker://$hub/me/app:1"
	is 1 "$(raw "$far/me/app:sha256-$hex" | jq '.manifests | length')"
	tool 2 manifest-assemble -t x:1 -o oci:l --referrers "docker://$hub/me/app:1"
}

@test "manifest-assemble: a record of an index is promoted, re-tagged, rolled back" {
	local old

	{
		record in amd linux/amd64 | jq -c '.url = "u1"'
		record in arm linux/arm64 | jq -c '.url = "u2"'
	} > records
	tool 0 manifest-assemble -t "$hub/me/app:1" --push < records
	cp out index.jsonl
	old=$(field .index.digest)
	# promote
	tool 0 manifest-assemble -t "$hub/prod/app:1" --push < index.jsonl
	is "$old" "$(now "$hub/prod/app:1")"
	is "u1 u2" "$(field '[.parts[].url] | join(" ")')"
	is 2 "$(field '[.trace[].tool] | length')"
	cp out promoted.jsonl
	# re-tag
	tool 0 manifest-assemble -t "$hub/prod/app:stable" --push < promoted.jsonl
	is "$old" "$(now "$hub/prod/app:stable")"
	# a new release, and back again
	image in new amd64 "" new
	tool 0 manifest-assemble -t "$hub/prod/app:stable" --push oci:in:new oci:in:arm
	[ "$(now "$hub/prod/app:stable")" != "$old" ]
	tool 0 manifest-assemble -t "$hub/prod/app:stable" --push < promoted.jsonl
	is "$old true" "$(field '.index | "\(.digest) \(.tags[0].moved)"')"
	# what --inspect says is a record as well
	tool 0 manifest-assemble --inspect "$hub/prod/app:1"
	cp out seen.jsonl
	tool 0 manifest-assemble -t "$hub/me/app:again" --push < seen.jsonl
	is "$old" "$(now "$hub/me/app:again")"
	# an index that was never put anywhere
	jq -c 'del(.index.location)' index.jsonl > nowhere
	tool 2 manifest-assemble -t "$hub/me/app:x" --push < nowhere
	error_is "input field_missing"
}

# The lines of slipway(7) as they stand there, in their order.
@test "manifest-assemble: the recipes of the manual do what it says" {
	local old new

	for v in 1.1 1.2; do
		image in "amd-$v" amd64 "" "$v"
		tool 0 manifest-assemble -t "$hub/me/app:$v" --push "oci:in:amd-$v" \
		    oci:in:arm
	done
	cp out index.jsonl
	tool 0 manifest-assemble -t "$hub/prod/app:stable" --push \
	    "docker://$hub/me/app:1.1"
	old=$(now "$hub/me/app:1.1")
	new=$(now "$hub/me/app:1.2")
	sed -n 's/^\.Dl \$ \(manifest-assemble.*\)/\1/p' \
	    "$SLIPWAY_ROOT/man/slipway.7" > recipes
	is 6 "$(grep -c '' recipes)"
	while read -r line; do
		echo "$line"
		: > said
		bash -o pipefail -ec "${line//ghcr.io/$hub}" > said
		case $line in
		*--referrers* | *index.jsonl) is "$new" "$(now "$hub/prod/app:1.2")" ;;
		*stable.jsonl) is "$new" "$(now "$hub/prod/app:stable")" ;;
		*previous*) is "$old" "$(now "$hub/prod/app:stable")" ;;
		*--check*) is 2 "$(jq '.index.manifests | length' said)" ;;
		*) is '"linux/amd64" "linux/arm64"' "$(xargs -d '\n' < said)" ;;
		esac
	done < recipes
}

@test "manifest-assemble: --dry-run asks, and writes nothing" {
	pushed
	image in new amd64 "" new
	forget
	tool 0 manifest-assemble -t "$hub/me/app:1" -t "$hub/new/app:1" --push \
	    --dry-run --digestfile d oci:in:new oci:in:arm
	is "$app false null false" "$(field '[.index.tags[] | "\(.previous) \(.moved)"] | join(" ")')"
	is null "$(field .index.location)"
	is 0 "$(requests hub PUT POST PATCH)"
	[ ! -e d ]
	tool 0 manifest-assemble -t "$hub/new/app:1" --push --digestfile d \
	    oci:in:new oci:in:arm
	field .index.digest | tr -d '\n' | cmp - d
}

@test "manifest-assemble: two groups with one tag are a conflict" {
	for c in a b; do
		record in amd linux/amd64 | jq -c --arg c $c '.component = $c'
	done > records
	tool 0 manifest-assemble -t "$hub/me/{component}:1" --push < records
	is 2 "$(jq -rs '[.[] | select(.index.tags[0].moved)] | length' out)"
	tool 2 manifest-assemble -t "$hub/me/{component}:2" -t "$hub/me/x:2" \
	    --push < records
	is "null destination_conflict" "$(jq -rs '[.[] | .error.code // "null"] | join(" ")' out)"
	is "" "$(now "$hub/me/b:2")"
}

@test "manifest-assemble: credentials go to their registry, and are shown nowhere" {
	local far

	registry_start_htpasswd far
	far=$registry
	tool 1 manifest-assemble -t "$far/me/app:1" --push oci:in:amd
	error_is "check unauthorized"
	tool 0 manifest-assemble -t "$far/me/app:1" --push --creds ann:secret -v \
	    oci:in:amd oci:in:arm
	is "" "$(grep -l secret out err)"
	mkdir given
	jq -cn --arg h "$far" --arg a "$(printf ann:secret | base64)" \
	    '{auths: {($h): {auth: $a}}}' > given/auth.json
	tool 0 manifest-assemble --authfile given/auth.json --check "$far/me/app:1"
	tool 0 manifest-assemble --creds ann:secret --inspect "$far/me/app:1"
	# --creds is for where -t is; where the image is has its own
	tool 1 manifest-assemble -t "$hub/me/app:1" --push --creds ann:secret \
	    "docker://$far/me/app:1"
	error_is "check unauthorized"
	tool 0 manifest-assemble -t "$hub/me/app:1" --push \
	    --authfile given/auth.json "docker://$far/me/app:1"
	tool 1 manifest-assemble -t "$far/me/app:1" --push --creds ann:wrong-one \
	    oci:in:amd
	is "" "$(grep -l wrong-one out err)"
	rm -r "$HOME/.config/containers/certs.d"
	tool 1 manifest-assemble --creds ann:secret --check "$far/me/app:1"
	mkdir certs
	cp ca.crt certs
	tool 0 manifest-assemble --cert-dir certs --creds ann:secret --check "$far/me/app:1"
	tool 0 manifest-assemble --tls-verify=false --creds ann:secret --check "$far/me/app:1"
	tool 2 manifest-assemble --tls-verify=perhaps --check "$far/me/app:1"
}

@test "manifest-assemble: a reference with a password in it is refused, unshown" {
	for a in "-t u:hush@$hub/me/app:1" "-t x:1 docker://u:hush@$hub/me/app:1" \
	    "--check u:hush@$hub/me/app:1"; do
		# shellcheck disable=SC2086
		tool 2 manifest-assemble --push $a < /dev/null
		is "" "$(grep -l hush out err)"
	done
	record in amd linux/amd64 | jq -c --arg l "docker://u:hush@$hub/me/app:1" \
	    '.image.location = $l' > records
	tool 2 manifest-assemble -t "$hub/me/app:1" --push < records
	error_is "input credentials_in_url"
	is "" "$(grep -l hush out err)"
}

@test "manifest-assemble: a token server gives what a push across repositories needs" {
	registry_start_token tokens
	tool 0 manifest-assemble -t "$registry/ann/app:1" --push --creds ann:secret \
	    oci:in:amd oci:in:arm
	tool 0 manifest-assemble -t "$registry/ann/prod:1" --push --creds ann:secret \
	    "docker://$registry/ann/app:1"
	tool 1 manifest-assemble -t "$registry/bob/app:1" --push --creds ann:secret \
	    oci:in:amd
	error_is "check unauthorized"
}

@test "manifest-assemble: an archive is a place of an image, too" {
	needs skopeo
	skopeo copy -q oci:in:amd oci-archive:amd.tar:x
	tool 0 manifest-assemble -t "$hub/me/app:1" --push oci-archive:amd.tar \
	    "oci-archive:amd.tar:x" oci:in:arm
	is "oci-archive:$PWD/amd.tar" "$(field '.parts[0].image.location')"
	is "$(digest in amd)" "$(field '.index.manifests[0].digest')"
	tool 0 manifest-assemble --check "$hub/me/app:1"
}

@test "manifest-assemble: an image without a manifest is refused with a reason" {
	echo '{"image":{"config_digest":"'"$(digest in amd)"'","engine":"docker"}}' > r
	tool 1 manifest-assemble -t "$hub/me/app:1" --push < r
	error_is "check image_digest_missing"
	grep -q 'it was neither pushed nor written to a layout' err
}

@test "manifest-assemble: what does not go together writes nothing" {
	usage() {
		tool 2 manifest-assemble "$@" < /dev/null
		[ ! -s out ]
	}
	usage --push
	usage -t x:1 --push --no-clobber --if-tag-is absent oci:in:amd
	usage -t x:1 --push dir:in
	usage --check UPPER
	usage --check x:1 oci:in:amd
	echo '{}' > r
	tool 2 manifest-assemble --check oci:in:amd - < r
	error_is "input usage"
}

# whole REF: it is not there, or all of it is.
whole() {
	local status=0

	manifest-assemble --check "$1" > checked 2> said || status=$?
	[ "$status" -eq 0 ] || { [ "$status" -eq 1 ] &&
	    [ "$(jq -r '.error | "\(.code) \(.message)"' checked |
	    grep -c "^not_found .*manifest '$1' ")" -eq 1 ]; } ||
	    { cat checked; return 1; }
}

@test "manifest-assemble: killed at any request it leaves whole tags" {
	local i status=1

	needs strace
	strace -o log -e trace=openat true 2> /dev/null ||
	    skip "strace may not trace here"
	! grep -q __asan_init "$(command -v manifest-assemble)" ||
	    skip "sanitizers and strace both want to trace"
	for ((i = 1; status != 0; i++)); do
		[ "$i" -lt 100 ]
		status=0
		strace -f -qq -o log -e trace=sendto \
		    -e inject=sendto:signal=KILL:when="$i" \
		    "$(command -v manifest-assemble)" -t "$hub/k$i/app:1" \
		    -t "$hub/k$i/app:2" --push oci:in:amd oci:in:arm \
		    > result 2> /dev/null || status=$?
		[ "$status" -eq 0 ] || [ "$status" -eq 137 ]
		whole "$hub/k$i/app:1"
		whole "$hub/k$i/app:2"
	done
	[ "$i" -gt 8 ]
	is "$(field .index.digest result)" "$(now "$hub/k$((i - 1))/app:2")"
}

# SLIPWAY_KILLS=1000 kills as often.
@test "manifest-assemble: killed at any moment it leaves a whole tag" {
	local kills=${SLIPWAY_KILLS:-30} i far ms

	registry_start far
	far=$registry
	for i in 0 1; do
		image in "amd$i" amd64 "" "$i"
		tool 0 manifest-assemble -t "$hub/me/app:$i" --push "oci:in:amd$i" \
		    oci:in:arm
	done
	tool 0 manifest-assemble -t "$far/me/app:1" --push "docker://$hub/me/app:1"
	for ((i = 0; i < kills; i++)); do
		ms=$((i * 97 % 150))
		# a fresh repository as often as not, so that there is much to do
		timeout -s KILL "$(printf '0.%03d' $((ms + 5)))" \
		    manifest-assemble -t "$far/me/app:1" -t "$far/k$i/app:1" --push \
		    "docker://$hub/me/app:$((i % 2))" > result 2> said || :
		whole "$far/me/app:1"
		whole "$far/k$i/app:1"
	done
	tool 0 manifest-assemble -t "$far/me/app:1" --push "docker://$hub/me/app:0"
	tool 0 manifest-assemble --check "$far/me/app:1"
}
