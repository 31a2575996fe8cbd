# manifest-assemble.bats - several images become one multi-platform index.

load helpers
load images

corpora=${SLIPWAY_CORPORA:-$SLIPWAY_ROOT/../shared/corpora}

# Two images in layout `in`, their records in file `records`.
local_setup() {
	image in amd amd64
	image in arm arm64 v8
	{
		record in amd linux/amd64
		record in arm linux/arm64
	} > records
}

# The file of a blob of layout `in`: manifest, config or layer of a tag.
blob_of() {
	local m

	m=in/blobs/sha256/$(digest in "$1" | cut -d: -f2)
	case $2 in
	manifest) echo "$m" ;;
	config) echo "in/blobs/sha256/$(jq -r .config.digest "$m" | cut -d: -f2)" ;;
	layer) echo "in/blobs/sha256/$(jq -r '.layers[0].digest' "$m" | cut -d: -f2)" ;;
	esac
}

@test "manifest-assemble: two records become one index that skopeo shows" {
	needs skopeo
	tool 0 manifest-assemble -t ghcr.io/me/app:1.2 -o oci:l < records
	[ ! -s err ]
	skopeo inspect --raw oci:l:1.2 > raw
	is "linux/amd64 linux/arm64" "$(jq -r '[.manifests[].platform |
	    .os + "/" + .architecture] | join(" ")' raw)"
	is "$oci_index" "$(jq -r .mediaType raw)"
	is "sha256:$(sha256sum < raw | cut -d' ' -f1)" "$(field .index.digest)"
	is "$(digest l 1.2)" "$(field .index.digest)"
	layout_good l
}

@test "manifest-assemble: skopeo copies all of it, and each platform" {
	needs skopeo
	tool 0 manifest-assemble -t app:1.2 -o oci:l < records
	skopeo copy -q --all oci:l:1.2 dir:all
	is 2 "$(find all -name '*.manifest.json' | wc -l)"
	skopeo copy -q --override-arch arm64 oci:l:1.2 oci:one:x
	is arm64 "$(skopeo inspect oci:one:x | jq -r .Architecture)"
}

@test "manifest-assemble: umoci unpacks what the image of a platform holds" {
	needs skopeo umoci
	tool 0 manifest-assemble -t app:1.2 -o oci:l < records
	for arch in amd64 arm64; do
		skopeo copy -q --override-arch $arch oci:l:1.2 oci:$arch:x
		umoci unpack --rootless --image $arch:x $arch.bundle > /dev/null
		is $arch "$(cat $arch.bundle/rootfs/hello)"
	done
}

@test "manifest-assemble: the layout is valid by the specification's schemas" {
	needs python3
	[ -d "$corpora/oci-image-spec/schema" ] ||
	    skip "no corpora/oci-image-spec"
	python3 -c 'import jsonschema' 2> /dev/null ||
	    skip "python3-jsonschema is not installed"
	tool 0 manifest-assemble -t app:1.2 -o oci:l < records \
	    --annotation a=b --annotation 'manifest-descriptor[linux/arm64]:c=d'
	python3 "$check_layout" --schemas "$corpora/oci-image-spec/schema" l
}

@test "manifest-assemble: the same images give the same bytes in any order" {
	tool 0 manifest-assemble -t app:1.2 -o oci:one < records
	mkdir elsewhere
	tac records | (cd elsewhere && umask 077 && TZ=Asia/Tokyo \
	    manifest-assemble -j 1 -t app:1.2 -o oci:two > /dev/null)
	diff -r one elsewhere/two
}

@test "manifest-assemble: images in the target layout stay where they are" {
	find in -type f | sort > before
	tool 0 manifest-assemble -t app:1.2 -o oci:in < records
	find in -type f | sort > after
	is 1 "$(comm -13 before after | wc -l)"
	is "1.2 amd arm" "$(jq -r '[.manifests[].annotations[]] | join(" ")' \
	    in/index.json)"
	layout_good in
}

@test "manifest-assemble: a child is the record's digest, not what its tag is now" {
	local d

	d=$(digest in amd)
	jq -c 'del(.manifests[0])' in/index.json > x
	mv x in/index.json
	image in amd amd64 "" another
	tool 0 manifest-assemble -t app:1.2 -o oci:l < records
	is "$d" "$(field '.index.manifests[0].digest')"
	layout_good l
}

@test "manifest-assemble: a record without size and type is looked up" {
	jq -c 'del(.image.size, .image.media_type)' records > x
	tool 0 manifest-assemble -t app:1.2 -o oci:l < x
	layout_good l
}

@test "manifest-assemble: the record has what is equal in all, the parts and the trace of all" {
	{
		printf '{"same": 1.0e0,"n":1,"a.b":"\\u00e9","url":"u1","trace":[{"tool":"x"}],'
		sed -n 1p records | cut -c2-
		printf '{"n":2,"a.b":"\\u00e9","same": 1.0e0,"url":"u2","trace":[{"tool":"y"}],'
		sed -n 2p records | cut -c2-
	} > in.jsonl
	tool 0 manifest-assemble -t me/app:1.2 -o oci:l < in.jsonl
	is 1 "$(wc -l < out)"
	grep -F '{"same": 1.0e0,"a.b":"\u00e9",' out
	is null "$(field '.n, .url, .arch, .image' | sort -u)"
	is "amd64 u1 linux/amd64" "$(field '.parts[0] |
	    [.arch, .url, .image.platform] | join(" ")')"
	is "arm64 u2 linux/arm64" "$(field '.parts[1] |
	    [.arch, .url, .image.platform] | join(" ")')"
	is "x y manifest-assemble" "$(field '[.trace[].tool] | join(" ")')"
	is "oci:$PWD/l:1.2" "$(field .index.location)"
	is "linux/amd64 linux/arm64" "$(field \
	    '[.index.manifests[].platform] | join(" ")')"
	is "$(sed -n 1p records | jq -r .image.digest)" \
	    "$(field '.index.manifests[0].digest')"
}

@test "manifest-assemble: one index for each set of names" {
	for c in a b; do
		jq -c --arg c $c '.component = $c' records
	done > in.jsonl
	tool 0 manifest-assemble -t 'me/{component}:1' -o 'oci:{component}' < in.jsonl
	is "me/a:1 me/b:1" "$(jq -rs '[.[].index.ref] | join(" ")' out)"
	is "a b" "$(jq -rs '[.[].component] | join(" ")' out)"
	layout_good a b
}

@test "manifest-assemble: half a release is refused, and nothing is written" {
	head -n 1 records > half
	tool 1 manifest-assemble -t app:1.2 -o oci:l \
	    --require linux/amd64,linux/arm64 --require s390x < half
	is "manifest-assemble: <stdin>:1: app:1.2: no image for linux/arm64, linux/s390x; there is linux/amd64" "$(cat err)"
	is platform_missing "$(field .error.code)"
	is check "$(field .error.kind)"
	[ ! -e l ]
}

@test "manifest-assemble: a platform that is not required is welcome" {
	tool 0 manifest-assemble -t app:1 -o oci:l --require linux/arm64/v8 < records
	is 2 "$(field '.index.manifests | length')"
}

@test "manifest-assemble: two images for one platform are refused" {
	image in amd2 amd64 "" other
	record in amd2 linux/amd64 >> records
	tool 1 manifest-assemble -t app:1 -o oci:l < records
	is "held_back held_back platform_conflict" \
	    "$(jq -rs '[.[].error.code] | join(" ")' out)"
	is "two images for linux/amd64: $(digest in amd) and $(digest in amd2)" \
	    "$(jq -rs '.[2].error.message' out)"
	[ ! -e l ]
}

@test "manifest-assemble: arm64 and arm64/v8 are one platform" {
	image in arm2 arm64 "" other
	record in arm2 linux/arm64 >> records
	tool 1 manifest-assemble -t app:1 -o oci:l < records
	is platform_conflict "$(jq -rs '.[2].error.code' out)"
}

@test "manifest-assemble: variants are kept" {
	image in v6 arm v6
	image in v7 arm v7
	tool 0 manifest-assemble -t app:1 -o oci:l oci:in:v7 oci:in:v6 oci:in:arm
	is "linux/arm/v6 linux/arm/v7 linux/arm64" "$(field \
	    '[.index.manifests[].platform] | join(" ")')"
	layout_good l
	record in v6 linux/arm/v6 > v6.jsonl
	is arm "$(jq -r .arch v6.jsonl)"
	tool 0 manifest-assemble --dry-run -t app:1 < v6.jsonl
	jq -c '.platform = "linux/arm"' v6.jsonl > v7.jsonl
	tool 1 manifest-assemble --dry-run -t app:1 < v7.jsonl
	is platform_mismatch "$(field .error.code)"
}

@test "manifest-assemble: an image given twice is there once" {
	cat records records > twice
	tool 0 manifest-assemble -t app:1 -o oci:l < twice
	is 2 "$(field '.index.manifests | length')"
	is 4 "$(field '.parts | length')"
}

@test "manifest-assemble: a failed record goes on untouched, and its group has no index" {
	local kind status

	for kind in check:1 system:3 input:2 strange:1; do
		status=${kind#*:}
		kind=${kind%:*}
		printf '{"x": 1e400,"error":{"kind":"%s","code":"c"}}\n' "$kind" > failed
		{ head -n 1 records; cat failed; tail -n 1 records; } > mixed
		tool "$status" manifest-assemble -t app:1 -o oci:l < mixed
		sed -n 2p out | cmp - failed
		[ "$kind" != strange ] || kind=check
		is "held_back $kind" "$(sed -n 1p out | jq -r '.error | "\(.code) \(.kind)"')"
		is "held_back $kind" "$(sed -n 3p out | jq -r '.error | "\(.code) \(.kind)"')"
		is 3 "$(wc -l < out)"
		[ ! -e l ]
	done
}

@test "manifest-assemble: a failed record stops its own group alone" {
	{
		jq -c '.component = "a"' records
		echo '{"component":"b","error":{"kind":"system"}}'
		jq -c '.component = "b"' records
	} > mixed
	tool 3 manifest-assemble -t 'me/{component}:1' -o oci:l < mixed
	is "me/a:1 null null null" "$(jq -rs '[.[] | .index.ref // "null"] | join(" ")' out)"
	is "null null held_back held_back" "$(jq -rs '[.[] | .error.code // "null"] | join(" ")' out)"
	is "1" "$(jq '.manifests | length' l/index.json)"
	layout_good l
}

@test "manifest-assemble: a failed record that may be of any group stops all" {
	{
		jq -c '.component = "a"' records
		echo '{"error":{"kind":"check"}}'
	} > mixed
	tool 1 manifest-assemble -t 'me/{component}:1' -o oci:l < mixed
	is "held_back held_back null" "$(jq -rs '[.[] | .error.code // "null"] | join(" ")' out)"
	[ ! -e l ]
}

@test "manifest-assemble: after a malformed line nothing is assembled" {
	echo '{"x":' >> records
	tool 2 manifest-assemble -t app:1 -o oci:l < records
	is "held_back held_back malformed_line" "$(jq -rs '[.[].error.code] | join(" ")' out)"
	is "input input input" "$(jq -rs '[.[].error.kind] | join(" ")' out)"
	[ ! -e l ]
}

@test "manifest-assemble: no record at all is an error, unless it is allowed" {
	tool 2 manifest-assemble -t app:1 -o oci:l < /dev/null
	is no_records "$(field .error.code)"
	tool 0 manifest-assemble --allow-empty -t app:1 -o oci:l < /dev/null
	[ ! -s out ]
	[ ! -e l ]
}

# spoilt CODE MESSAGE: a record's own message, nothing written.
spoilt() {
	local target

	for target in l in; do
		find in > before
		cp in/index.json index.before
		tool 1 manifest-assemble -t app:1 -o oci:$target < records
		is "$1 held_back" "$(jq -rs '[.[].error.code] | join(" ")' out)"
		is "check check" "$(jq -rs '[.[].error.kind] | join(" ")' out)"
		is "manifest-assemble: <stdin>:1: $2" "$(head -n 1 err)"
		find in > after
		cmp before after
		cmp index.before in/index.json
		[ ! -e l ]
	done
}

@test "manifest-assemble: a missing blob is refused" {
	local part b

	for part in manifest config layer; do
		b=$(blob_of amd $part)
		mv "$b" kept
		spoilt blob_missing "blob sha256:${b##*/} is missing from '$PWD/in'"
		mv kept "$b"
	done
}

@test "manifest-assemble: a blob with one changed byte is refused" {
	local part b

	for part in manifest config layer; do
		b=$(blob_of amd $part)
		cp "$b" kept
		printf X | dd of="$b" bs=1 seek=20 conv=notrunc status=none
		spoilt blob_digest_mismatch "blob sha256:${b##*/} in '$PWD/in' is damaged: its content is sha256:$(sha256sum < "$b" | cut -d' ' -f1)"
		mv kept "$b"
	done
}

@test "manifest-assemble: a blob of another size is refused" {
	local part b

	for part in manifest config layer; do
		b=$(blob_of amd $part)
		cp "$b" kept
		printf X >> "$b"
		spoilt blob_size_mismatch "blob sha256:${b##*/} in '$PWD/in' has $(stat -c %s "$b") bytes, not $(stat -c %s kept)"
		mv kept "$b"
	done
}

@test "manifest-assemble: a blob that is a symlink is refused" {
	local part b

	for part in manifest config layer; do
		b=$(blob_of amd $part)
		mv "$b" kept
		ln -s ../../../kept "$b"
		spoilt blob_not_a_file "blob sha256:${b##*/} in '$PWD/in' is not a regular file"
		mv kept "$b"
	done
}

@test "manifest-assemble: a record whose platform is not its config's is refused" {
	local key

	for key in image.platform platform arch; do
		jq -c "if .arch == \"amd64\" then .$key = \"arm64\" else . end" \
		    records > wrong
		tool 1 manifest-assemble -t app:1 -o oci:l < wrong
		is "platform_mismatch held_back" "$(jq -rs '[.[].error.code] | join(" ")' out)"
		is "manifest-assemble: <stdin>:1: image $(digest in amd) is for linux/amd64 by its config, but 'arm64' by the record's $key" "$(head -n 1 err)"
		[ ! -e l ]
	done
}

@test "manifest-assemble: a record without a manifest digest is refused" {
	jq -c 'del(.image.digest)' records > x
	tool 2 manifest-assemble -t app:1 -o oci:l < x
	is "missing field: image.digest" "$(sed -n 1p out | jq -r .error.message)"
	jq -c '.image.config_digest = .image.digest | del(.image.digest)' \
	    records > x
	tool 1 manifest-assemble -t app:1 -o oci:l < x
	is image_digest_missing "$(sed -n 1p out | jq -r .error.code)"
	[ ! -e l ]
}

@test "manifest-assemble: a place that is no layout is refused" {
	jq -c '.image.location = "dir:in"' records > x
	tool 2 manifest-assemble -t app:1 -o oci:l < x
	is location_unsupported "$(sed -n 1p out | jq -r .error.code)"
	jq -c '.image.location = "oci:nowhere:x"' records > x
	tool 1 manifest-assemble -t app:1 -o oci:l < x
	is "layout_not_found" "$(sed -n 1p out | jq -r .error.code)"
	tool 1 manifest-assemble -t app:1 -o oci:l oci:in:gone
	is "manifest-assemble: oci:in:gone: '$PWD/in' has no image that is named 'gone'" "$(cat err)"
	tool 1 manifest-assemble -t app:1 -o oci:l oci:in
	is tag_ambiguous "$(field .error.code)"
}

@test "manifest-assemble: a target that is no layout is left alone" {
	mkdir l
	echo mine > l/file
	tool 1 manifest-assemble -t app:1 -o oci:l < records
	is not_a_layout "$(field .error.code)"
	is "manifest-assemble: <stdin>:1: app:1: '$PWD/l' is neither empty nor an OCI image layout" "$(cat err)"
	is file "$(ls l)"
	tool 1 manifest-assemble -t app:1 -o oci:l/file < records
	is "not_a_layout $PWD/l/file" \
	    "$(field '"\(.error.code) \(.error.path)"')"
	is mine "$(cat l/file)"
}

@test "manifest-assemble: an object where a list belongs is refused" {
	local m

	m=$(entry in amd)
	printf '%s\n' "{\"schemaVersion\":2,\"manifests\":{\"a\":$m}}" > index
	name in odd "$(descriptor "$oci_index" in index)"
	tool 1 manifest-assemble -t app:1 -o oci:l oci:in:odd
	is document_invalid "$(field .error.code)"
	grep -q 'invalid field: manifests: an array is wanted$' err
	jq -c '.layers |= {a: .[0]}' "$(blob_of amd manifest)" > odd
	name in odder "$(descriptor "$oci_image" in odd)"
	tool 1 manifest-assemble -t app:1 -o oci:l oci:in:odder
	grep -q 'invalid field: layers: an array is wanted$' err
	[ ! -e l ]
	cp -r in l
	jq -c '.manifests |= {a: .[0]}' in/index.json > l/index.json
	cp l/index.json before
	tool 1 manifest-assemble -t app:1 -o oci:l < records
	is layout_invalid "$(field .error.code)"
	cmp before l/index.json
}

@test "manifest-assemble: operands are images and indexes, flattened into one" {
	image in riscv riscv64
	index in two "$(entry in amd | jq -c '.platform = {os: "linux", architecture: "amd64"} | .annotations = {k: "v"}')" "$(entry in arm)"
	tool 0 manifest-assemble -t app:1 -o oci:l oci:in:riscv oci:in:two
	is "linux/amd64 linux/arm64 linux/riscv64" "$(field \
	    '[.index.manifests[].platform] | join(" ")')"
	is '{"k":"v"}' "$(jq -c '.manifests[0].annotations' \
	    "l/blobs/sha256/$(digest l 1 | cut -d: -f2)")"
	is "$(digest in two)" "$(field '.parts[1].image.digest')"
	layout_good l
	tool 0 manifest-assemble -t app:1 -o oci:m "oci:in@$(digest in two)"
	is 2 "$(field '.index.manifests | length')"
}

@test "manifest-assemble: an operand and records go together with -" {
	image in riscv riscv64
	tool 0 manifest-assemble -t app:1 -o oci:l oci:in:riscv - < records
	is 3 "$(field '.index.manifests | length')"
}

@test "manifest-assemble: an index inside an index is refused" {
	index in inner "$(entry in amd)"
	index in outer "$(entry in inner)"
	tool 1 manifest-assemble -t app:1 -o oci:l oci:in:outer
	is nested_index "$(field .error.code)"
	[ ! -e l ]
}

@test "manifest-assemble: an index whose platform is not the config's is refused" {
	index in wrong "$(entry in amd | jq -c '.platform = {os: "linux", architecture: "arm64"}')"
	tool 1 manifest-assemble -t app:1 -o oci:l oci:in:wrong
	is platform_mismatch "$(field .error.code)"
}

@test "manifest-assemble: attestations are kept, and stand last" {
	local a

	image in attest unknown
	a=$(entry in attest | jq -c --arg d "$(digest in amd)" \
	    '.platform = {os: "unknown", architecture: "unknown"} |
	    .annotations = {"vnd.docker.reference.digest": $d,
	    "vnd.docker.reference.type": "attestation-manifest"}')
	index in built "$a" "$(entry in amd)"
	tool 0 manifest-assemble -t app:1 -o oci:l --require amd64,arm64 \
	    oci:in:built oci:in:arm
	is "linux/amd64 linux/arm64 unknown/unknown" "$(field \
	    '[.index.manifests[].platform] | join(" ")')"
	is "attestation-manifest" "$(jq -r '.manifests[2].annotations["vnd.docker.reference.type"]' \
	    "l/blobs/sha256/$(digest l 1 | cut -d: -f2)")"
	layout_good l
}

@test "manifest-assemble: annotations are sorted, in the index and on a child" {
	tool 0 manifest-assemble -t app:1 -o oci:l --annotation z=1 \
	    --annotation a=x=y --annotation index:z=2 \
	    --annotation 'manifest-descriptor[linux/arm64]:k=v' < records
	jq -c . "l/blobs/sha256/$(digest l 1 | cut -d: -f2)" > x
	is '{"a":"x=y","z":"2"}' "$(jq -c .annotations x)"
	is 'null {"k":"v"}' "$(jq -r '[.manifests[].annotations | tojson] | join(" ")' x)"
	tool 1 manifest-assemble -t app:2 -o oci:m < records \
	    --annotation 'manifest-descriptor[linux/s390x]:k=v'
	is annotation_platform "$(field .error.code)"
	[ ! -e m ]
}

@test "manifest-assemble: --dry-run shows the index and writes nothing" {
	tool 0 manifest-assemble --dry-run -t app:1 < records
	field .index.digest > dry
	is 'app:1 false null' "$(field '.index.tags[0] | "\(.ref) \(.moved) \(.previous)"')"
	is null "$(field .index.location)"
	tool 0 manifest-assemble --dry-run -t app:1 -o oci:l < records
	[ ! -e l ]
	tool 0 manifest-assemble -t app:1 -o oci:l < records
	field .index.digest | cmp - dry
	rm "$(blob_of amd layer)"
	tool 1 manifest-assemble --dry-run -t app:1 < records
	is blob_missing "$(sed -n 1p out | jq -r .error.code)"
}

@test "manifest-assemble: the record says what a tag was and whether it moved" {
	tool 0 manifest-assemble -t app:1 -t app -o oci:l < records
	is "app:1 null true app null true" "$(field \
	    '[.index.tags[] | "\(.ref) \(.previous) \(.moved)"] | join(" ")')"
	is "1 latest" "$(jq -r '[.manifests[].annotations[]] | join(" ")' l/index.json)"
	field .index.digest > first
	cp -a l before
	tool 0 manifest-assemble -t app:1 -t app -o oci:l < records
	is "$(cat first) false" "$(field '.index.tags[0] | "\(.previous) \(.moved)"')"
	diff -r l before
	tool 0 manifest-assemble -t app:1 -o oci:l oci:in:amd
	is "$(cat first) true" "$(field '.index.tags[0] | "\(.previous) \(.moved)"')"
	layout_good --leftovers l
}

@test "manifest-assemble: -o TAG names it in the layout, -t in the record" {
	tool 0 manifest-assemble -t ghcr.io/me/app:1 -o oci:l:x < records
	is "ghcr.io/me/app:1" "$(field .index.ref)"
	is "oci:$PWD/l:x" "$(field .index.location)"
	is x "$(jq -r '.manifests[].annotations[]' l/index.json)"
	tool 0 manifest-assemble -o oci:m:y < records
	is "oci:$PWD/m:y" "$(field .index.ref)"
}

@test "manifest-assemble: two groups with one name in the layout are a conflict" {
	for c in a b; do
		jq -c --arg c $c '.component = $c' records
	done > in.jsonl
	tool 2 manifest-assemble -t 'me/{component}:1' -o oci:l:x < in.jsonl
	is "me/a:1 null" "$(jq -rs '[.[] | .index.ref // "null"] | join(" ")' out)"
	is "null destination_conflict" "$(jq -rs '[.[] | .error.code // "null"] | join(" ")' out)"
	is "$(sed -n 1p out | jq -r .index.digest)" "$(digest l x)"
}

@test "manifest-assemble: a relative place is looked for below -C" {
	jq -c '.image.location = "oci:in:x"' records > x
	mkdir sub
	(cd sub && tool 0 manifest-assemble -C .. -t app:1 -o oci:l < ../x)
	layout_good l
	is "oci:$PWD/l:1" "$(field .index.location sub/out)"
}

@test "manifest-assemble: usage errors write nothing to stdout" {
	usage() {
		local want=$1

		shift
		tool 2 manifest-assemble "$@" < records
		[ ! -s out ]
		is "manifest-assemble: $want" "$(head -n 1 err)"
	}
	usage "nowhere to put the index: give --push, -o oci:DIR[:TAG], or --dry-run to see it" -t app:1
	usage "no name for the index: give -t REF or -o oci:DIR:TAG" -o oci:l
	usage "-o takes oci:DIR[:TAG], not 'l'" -t app:1 -o l
	usage "-t 'app:{arch}': an index is for all platforms, so its name can not have one's" -t 'app:{arch}' -o oci:l
	usage "'App' is no image reference ([HOST/]NAME[:TAG], the name in lower case)" -t App -o oci:l
	usage "--require: 'linux' is no platform (linux/amd64, linux/arm/v7)" -t app:1 -o oci:l --require linux
	usage "an annotation is KEY=VALUE in UTF-8, not 'x'" -t app:1 -o oci:l --annotation x
	usage "an operand is docker://REF, oci:DIR[:TAG] or another place of an image, not 'in'" -t app:1 -o oci:l in
}

@test "manifest-assemble: a record for people says digest, platforms and what moved" {
	tool 0 manifest-assemble --text -t app:1 -o oci:l < records
	{
		echo "app:1  $(digest l 1)"
		echo "        linux/amd64, linux/arm64"
		echo "        app:1 is new"
	} | diff - out
	head -n 1 records > half
	tool 1 manifest-assemble --text -t app:2 -o oci:l --require arm64 < half
	grep -x "FAILED  <stdin>:1: app:2: no image for linux/arm64; there is linux/amd64" out
}

@test "manifest-assemble: --github-output has digest, reference and path" {
	GITHUB_OUTPUT=$PWD/gh tool 0 manifest-assemble --github-output=x_ \
	    -t app:1 -o oci:l < records
	is "x_digest x_ref x_path" "$(sed -n 's/<<.*//p' gh | paste -sd' ')"
	grep -x "$(digest l 1)" gh
}

@test "manifest-assemble: a full standard output is noticed" {
	tool 3 sh -c 'manifest-assemble -t app:1 -o oci:l < records > /dev/full'
	grep "cannot write standard output: No space left on device" err
}

@test "manifest-assemble: killed at any moment it leaves a whole layout" {
	local i call status kills=0

	needs python3 strace
	tool 0 manifest-assemble -t app:1 -o oci:base oci:in:arm
	digest base 1 > old
	tool 0 manifest-assemble --dry-run -t app:1 < records
	field .index.digest > new
	strace -o log -e trace=openat true 2> /dev/null ||
	    skip "strace may not trace here"
	! grep -q __asan_init "$(command -v manifest-assemble)" ||
	    skip "sanitizers and strace both want to trace"
	# The N-th of each call that changes something, until there is no N-th.
	for call in fsync renameat write flock unlinkat openat; do
		status=1
		for ((i = 1; status != 0; i++)); do
			[ "$i" -lt 200 ]
			rm -rf l
			cp -a base l
			status=0
			strace -f -o log -e trace=$call \
			    -e inject=$call:signal=KILL:when="$i" \
			    "$(command -v manifest-assemble)" -j 1 -t app:1 \
			    -o oci:l < records > result 2> /dev/null ||
			    status=$?
			# nothing but the kill may end it early
			[ "$status" -eq 0 ] || [ "$status" -eq 137 ]
			kills=$((kills + 1))
			digest l 1 > now
			cmp -s now old || cmp now new
			[ $((kills % 4)) -ne 0 ] ||
			    python3 "$check_layout" --leftovers l
			manifest-assemble -t app:1 -o oci:l < records > again
			is "" "$(find l -name '*.tmp-*')"
		done
	done
	[ "$kills" -gt 40 ]
	cmp now new
}

@test "manifest-assemble: a full disk is try again, and the name stays" {
	mkdir small
	unshare -rm mount -t tmpfs -o size=1m none small 2> /dev/null ||
	    skip "no tmpfs can be mounted here"
	head -c 2000000 /dev/urandom | od -x > text
	image in big riscv64 "" "$(cat text)"
	record in big linux/riscv64 >> records
	# shellcheck disable=SC2016
	tool 3 unshare -rm sh -c '
		mount -t tmpfs -o size=1m none small &&
		manifest-assemble -t app:1 -o oci:small/l oci:in:arm > /dev/null &&
		cp small/l/index.json before &&
		manifest-assemble -t app:1 -o oci:small/l < records
		status=$?
		cp small/l/index.json after
		find small -name "*.tmp-*" > litter
		exit $status'
	is "no_space system" "$(field '.error | "\(.code) \(.kind)"')"
	cmp before after
	[ ! -s litter ]
}

@test "manifest-assemble: many runs at once lose no name" {
	local i pids=()

	for i in $(seq 8); do
		manifest-assemble -t "app:$i" -o oci:l < records > "o$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	is "1 2 3 4 5 6 7 8" "$(jq -r '[.manifests[].annotations[]] | join(" ")' l/index.json)"
	layout_good l
}

@test "manifest-assemble: what comes out goes in again" {
	tool 0 manifest-assemble -t app:1 -o oci:l < records
	cp out first
	tool 0 manifest-assemble -t app:2 -o oci:l "$(field .index.location)"
	is "$(field .index.digest first)" "$(field .index.digest)"
}
