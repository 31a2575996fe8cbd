#!/usr/bin/env bats
# img-build: images to build on, and the staged runtime bundle.

load helpers

build() {
	img-build --platform linux/amd64 "$@"
}

unpack() {
	rm -rf "$2"
	umoci unpack --rootless --image "$1" "$2" > /dev/null 2>&1
}

blob() {	# LAYOUT DIGEST
	printf '%s/blobs/%s' "$1" "${2/://}"
}

local_setup() {
	needs jq skopeo umoci
	mkdir -p c
	echo file > c/f
}

# raw_base: an image of two hand-made layers in ./b, with what only others make.
raw_base() {
	mkdir -p l1/dir/sub l1/old l2/dir l2/old
	echo a > l1/a
	ln l1/a l1/hard
	echo x > l1/dir/x
	echo y > l1/dir/sub/y
	ln -s dir l1/link
	mkfifo l1/fifo
	echo lower > l1/old/lower
	echo gone > l1/gone
	echo new > l2/dir/new
	touch l2/.wh.gone l2/old/.wh..wh..opq
	echo upper > l2/old/upper
	tar --format=gnu --owner=3 --group=4 -C l1 -cf l1.tar .
	tar --format=pax -C l2 -cf l2.tar old dir .wh.gone
	umoci init --layout b
	umoci new --image b:1
	umoci raw add-layer --image b:1 l1.tar
	umoci raw add-layer --image b:1 l2.tar
	umoci config --image b:1 --config.env BASE=yes \
	    --config.cmd run --architecture amd64 --author someone
}

@test "img-build: a base's layers, config and history go on as they are" {
	raw_base
	printf 'FROM oci:b:1\nCOPY f /link/\nENV X=y\n' > c/Dockerfile
	tool 0 build -o oci:o:t c
	for t in b:1 o:t; do
		skopeo inspect --raw "oci:$t" > m
		jq -c '.layers[:2]' m >> layers
		jq -c .history[:2] \
		    "$(blob "${t%:*}" "$(jq -r .config.digest m)")" >> history
	done
	is 1 "$(uniq layers | wc -l)"
	is 1 "$(uniq history | wc -l)"
	is 3 "$(jq '.layers | length' m)"
	c=$(blob o "$(jq -r .config.digest m)")
	is someone "$(jq -r .author "$c")"
	is '["run"]' "$(jq -c .config.Cmd "$c")"
	is "BASE=yes X=y" "$(jq -r '.config.Env | join(" ")' "$c" |
	    sed 's/^PATH=[^ ]* //')"
	unpack o:t u
	is file "$(cat u/rootfs/dir/f)"
	python3 "$SLIPWAY_ROOT/tests/layout-check.py" o
}

@test "img-build: COPY --from an image sees whiteouts, opaque directories and hard links" {
	raw_base
	cat > c/Dockerfile <<-'END'
		FROM scratch
		COPY --from=oci:b:1 /dir /dir
		COPY --from=oci:b:1 /hard /a* /gone* /files/
		COPY --from=oci:b:1 /old/ /old/
		COPY --from=oci:b:1 /link/x /x
	END
	tool 0 build -o oci:o:t c
	unpack o:t u
	is "a hard " "$(ls u/rootfs/files | tr '\n' ' ')"
	is upper "$(ls u/rootfs/old)"
	is "new sub x " "$(ls u/rootfs/dir | tr '\n' ' ')"
	is a "$(cat u/rootfs/files/hard)"
	cmp l1/dir/sub/y u/rootfs/dir/sub/y
	is x "$(cat u/rootfs/x)"
	# owners are those of the image
	skopeo inspect --raw oci:o:t | jq -r '.layers[1].digest' > d
	zcat "$(blob o "$(cat d)")" | tar --numeric-owner -tvf - files/hard |
		grep -q ' 3/4 '
	printf 'FROM scratch\nCOPY --from=oci:b:1 / /\n' > c/Dockerfile
	tool 2 build -o oci:o2:t c
	is file_type "$(field .error.code)"
}

@test "img-build: it builds on what it has built, in one layout or two" {
	printf 'FROM scratch\nCOPY . /one/\n' > c/Dockerfile
	head -c 4000000 /dev/urandom > c/big
	tool 0 build -o oci:o:base c
	printf 'FROM oci:o:base\nCOPY f /two/\n' > c/Dockerfile
	tool 0 build -o oci:o:t c
	# two layers, two configs, two manifests
	is 6 "$(find o/blobs -type f | wc -l)"
	tool 0 build -o oci:p:t c
	unpack p:t u
	cmp c/big u/rootfs/one/big
	cmp c/f u/rootfs/two/f
	is "$(skopeo inspect oci:o:t | jq -r .Digest)" \
	    "$(skopeo inspect oci:p:t | jq -r .Digest)"
	tool 0 build --compression zstd -o oci:z:base c
	printf 'FROM oci:z:base\nCOPY --from=oci:z:base /two/f /three\n' \
	    > c/Dockerfile
	tool 0 build --compression none -o oci:q:t c
	python3 "$SLIPWAY_ROOT/tests/layout-check.py" q
}

@test "img-build: the base must be for the record's platform" {
	printf 'FROM scratch\nCOPY f /\n' > c/Dockerfile
	tool 0 build -o oci:b:1 c
	printf 'FROM oci:b:1\n' > c/Dockerfile
	tool 1 img-build --platform linux/arm64 -o oci:o:t c
	is platform_mismatch "$(field .error.code)"
	is "linux/arm64 linux/amd64" \
	    "$(field '"\(.error.expected) \(.error.actual)"')"
	printf 'FROM scratch\nCOPY --from=oci:b:1 f /\n' > c/Dockerfile
	tool 1 img-build --platform linux/arm64 -o oci:o:t c
	is platform_mismatch "$(field .error.code)"
	[ ! -e o ]
}

@test "img-build: a missing, damaged or symlinked base blob is refused and nothing is written" {
	local how blob

	printf 'FROM scratch\nCOPY f /\n' > c/Dockerfile
	tool 0 build -o oci:good:1 c
	blob=$(blob '' "$(field '.image.layers[0].digest')")
	printf 'FROM oci:b:1\nCOPY f /x\n' > c/Dockerfile
	for how in missing flip short symlink fifo; do
		rm -rf b
		cp -a good b
		case $how in
		missing) rm "b$blob" ;;
		flip) printf '\377' | dd of="b$blob" bs=1 seek=40 \
		    conv=notrunc 2> /dev/null ;;
		short) truncate -s -1 "b$blob" ;;
		symlink) mv "b$blob" x && ln -s "$PWD/x" "b$blob" ;;
		fifo) rm "b$blob" && mkfifo "b$blob" ;;
		esac
		tool 1 timeout 10 img-build --platform linux/amd64 \
		    -o oci:o:t c
		is check "$(field .error.kind)"
		[ ! -e o ]
	done
}

@test "img-build: a layer whose diff_id is another's is refused" {
	raw_base
	skopeo inspect --raw oci:b:1 > m
	c=$(jq -r .config.digest m)
	jq -c '.rootfs.diff_ids |= reverse' "$(blob b "$c")" > new
	n=sha256:$(sha256sum < new | cut -d ' ' -f 1)
	cp new "$(blob b "$n")"
	jq -c --arg d "$n" --argjson s "$(stat -c %s new)" \
	    '.config.digest = $d | .config.size = $s' m > m2
	n=sha256:$(sha256sum < m2 | cut -d ' ' -f 1)
	cp m2 "$(blob b "$n")"
	jq -c --arg d "$n" --argjson s "$(stat -c %s m2)" \
	    '.manifests[0].digest = $d | .manifests[0].size = $s' \
	    b/index.json > i
	cp i b/index.json
	printf 'FROM oci:b:1\n' > c/Dockerfile
	tool 1 build -o oci:o:t c
	is diff_id_mismatch "$(field .error.code)"
}

@test "img-build: a base with ONBUILD is refused" {
	needs buildah
	printf 'FROM scratch\nONBUILD COPY f /\n' > c/Dockerfile
	s="buildah --storage-driver vfs --root $PWD/st --runroot $PWD/rr"
	$s bud -q --format docker -t x c > /dev/null || skip "buildah bud fails"
	$s push -q --format oci x oci:b:1
	jq -e .config.OnBuild "$(blob b "$(skopeo inspect --raw oci:b:1 |
	    jq -r .config.digest)")" > /dev/null ||
		skip "buildah's OCI form drops OnBuild"
	printf 'FROM oci:b:1\n' > c/Dockerfile
	tool 1 build -o oci:o:t c
	is onbuild_unsupported "$(field .error.code)"
}

# keep FILE: it as a blob of ./b; its digest and size.
keep() {
	local sum

	sum=$(sha256sum < "$1" | head -c 64)
	cp "$1" "b/blobs/sha256/$sum"
	jq -nc --arg d "sha256:$sum" --argjson n "$(stat -c %s "$1")" \
	    '{digest:$d,size:$n}'
}

# reconfigure FILTER: the raw base, with a config as the filter makes it.
reconfigure() {
	local m

	rm -rf b l1 l2
	raw_base
	m=$(blob b "$(jq -r '.manifests[0].digest' b/index.json)")
	jq -c "$1" "$(blob b "$(jq -r .config.digest "$m")")" > config
	jq -c --argjson c "$(keep config)" '.config += $c' "$m" > manifest
	jq -c --argjson m "$(keep manifest)" '.manifests[0] += $m' \
	    b/index.json > index
	mv index b/index.json
}

@test "img-build: the base's SHELL runs what is in shell form" {
	reconfigure '.config.Shell = ["/bin/bash", "-o", "pipefail", "-c"]'
	printf 'FROM oci:b:1 AS x\nFROM x\nENTRYPOINT a | b\nCMD c\n' \
	    > c/Dockerfile
	tool 0 build -o oci:o:t c
	jq -c .config "$(blob o "$(field .image.config_digest)")" > found
	is '["/bin/bash","-o","pipefail","-c","a | b"]' \
	    "$(jq -c .Entrypoint found)"
	is '["/bin/bash","-o","pipefail","-c","c"]' "$(jq -c .Cmd found)"
	is '["/bin/bash","-o","pipefail","-c"]' "$(jq -c .Shell found)"
	reconfigure '.config.Shell = null'
	tool 0 build -o oci:o:t c
	is '["/bin/sh","-c","c"]' \
	    "$(jq -c .config.Cmd "$(blob o "$(field .image.config_digest)")")"
}

@test "img-build: a base's label with a = in its name stays what it is" {
	reconfigure '.config.Labels = {"a=b": "c=d", "x": "y"}'
	printf 'FROM oci:b:1 AS x\nFROM x\nLABEL z=1\n' > c/Dockerfile
	tool 0 build -o oci:o:t c
	is '{"a=b":"c=d","x":"y","z":"1"}' "$(jq -cS .config.Labels \
	    "$(blob o "$(field .image.config_digest)")")"
}

@test "img-build: FROM --platform can not make the image one for another platform" {
	reconfigure '.architecture = "arm64"'
	printf 'FROM --platform=linux/arm64 oci:b:1 AS x\nFROM x\nCOPY f /\n' \
	    > c/Dockerfile
	for i in x 1; do
		tool 2 build -o oci:o:t --target $i c
		is "platform_mismatch linux/amd64 linux/arm64" "$(field \
		    '"\(.error.code) \(.error.expected) \(.error.actual)"')"
	done
	is "img-build: linux/amd64: Dockerfile:2: the stage is for linux/arm64 by --platform, the image for linux/amd64" \
	    "$(cat err)"
	[ ! -e o ]
	tool 0 img-build --platform linux/arm64 -o oci:o:t c
	# what such a stage has can be copied
	printf 'FROM --platform=linux/arm64 oci:b:1 AS x\nFROM scratch\nCOPY --from=x /a /\n' \
	    > c/Dockerfile
	tool 0 build -o oci:o:t c
}

@test "img-build: a base that names a version of its system is for the platform too" {
	reconfigure '.["os.version"] = "6.1"'
	printf 'FROM oci:b:1\nCOPY f /\n' > c/Dockerfile
	tool 0 build -o oci:o:t c
	is 6.1 "$(jq -r '.["os.version"]' \
	    "$(blob o "$(field .image.config_digest)")")"
}

# stage: a staged bundle in root/amd64/bdl, and its record in ./in.
stage() {
	local d=root/amd64/bdl

	rm -rf root
	mkdir -p $d/usr/bin $d/usr/lib
	echo tool > $d/usr/bin/nvidia-tool
	chmod 755 $d/usr/bin/nvidia-tool
	echo lib > $d/usr/lib/lib.so.1
	ln -s lib.so.1 $d/usr/lib/lib.so
	: > $d/usr/empty
	chmod 600 $d/usr/empty
	jq -nc --arg t "$(sha256sum < $d/usr/bin/nvidia-tool | head -c 64)" \
	    --arg l "$(sha256sum < $d/usr/lib/lib.so.1 | head -c 64)" \
	    --arg e "$(sha256sum < $d/usr/empty | head -c 64)" \
	    '{schema_version:1, architecture:"amd64", x:[{files:[{}]}], files:[
	    {path:"usr/bin/nvidia-tool",entry_type:"file",size:5,sha256:$t},
	    {path:"usr/lib/lib.so.1",entry_type:"file",size:4,sha256:$l},
	    {path:"usr/empty",entry_type:"file",size:0,sha256:$e},
	    {path:"usr/lib/lib.so",entry_type:"symlink",target:"lib.so.1"}]}' \
	    > $d/manifest.json
	record
}

record() {
	jq -nc --arg s "$PWD/root/amd64/bdl" --arg m \
	    "$(sha256sum < root/amd64/bdl/manifest.json | head -c 64)" \
	    '{arch:"amd64",staged:$s,bundle:{version:"1",manifest_sha256:$m}}' \
	    > in
}

staged_dockerfile() {
	cat > c/Dockerfile <<-'END'
		FROM scratch AS runtime-bundle
		ARG TARGETARCH
		COPY .build/${TARGETARCH}/*/ /
		FROM scratch
		COPY --from=runtime-bundle /usr/bin/nvidia-* /usr/bin/
		COPY --from=runtime-bundle /usr/lib/ /usr/lib/
	END
}

@test "img-build: the staged tree takes the place of the stage runtime-bundle" {
	stage
	staged_dockerfile
	tool 0 img-build --context c -o oci:o:t < in
	unpack o:t u
	cmp root/amd64/bdl/usr/bin/nvidia-tool u/rootfs/usr/bin/nvidia-tool
	is 755 "$(stat -c %a u/rootfs/usr/bin/nvidia-tool)"
	is lib.so.1 "$(readlink u/rootfs/usr/lib/lib.so)"
	tool 0 img-build --context c -o oci:o:all --target runtime-bundle < in
	unpack o:all u
	diff -r root/amd64/bdl u/rootfs
	is 600 "$(stat -c %a u/rootfs/usr/empty)"
	# the same Dockerfile without the record's tree reads the context
	mkdir -p c/.build
	cp -a root/amd64 c/.build/
	jq -c 'del(.staged)' in > plain
	cp in staged-in
	mv o before
	tool 0 img-build --context c -o oci:o:t < staged-in
	is "$(jq -r .image.digest out)" \
	    "$(img-build --context c --dry-run < plain | jq -r .image.digest)"
}

# changed WHAT: the build finds that something is not what was verified.
changed() {
	tool 1 img-build --context c -o oci:o:t < in
	is "staged_changed check" \
	    "$(field '"\(.error.code) \(.error.kind)"')"
	grep -qF "the staged bundle is no longer what was verified: $1" err
	[ ! -e o/index.json ] || is 0 "$(jq '.manifests | length' o/index.json)"
	is 0 "$(find o -path '*blobs/*' -type f 2> /dev/null | wc -l)"
	stage
}

@test "img-build: whatever changed in a staged tree is staged_changed" {
	local b=root/amd64/bdl

	staged_dockerfile
	stage
	echo toot > $b/usr/bin/nvidia-tool
	changed 'usr/bin/nvidia-tool: the digest differs'
	echo longer > $b/usr/lib/lib.so.1
	changed 'usr/lib/lib.so.1: the size differs'
	rm $b/usr/empty
	changed 'usr/empty: not there'
	touch $b/more
	changed 'more: its manifest does not list it'
	ln -sf other $b/usr/lib/lib.so
	changed 'usr/lib/lib.so: the symlink has another target'
	rm $b/usr/lib/lib.so && cp $b/usr/lib/lib.so.1 $b/usr/lib/lib.so
	changed 'usr/lib/lib.so: a file took the symlink'
	rm $b/usr/empty && ln -s bin/nvidia-tool $b/usr/empty
	changed "usr/empty: a symlink took the file's place"
	rm $b/usr/empty && mkdir $b/usr/empty
	changed "usr/empty: a directory took the file's place"
	rm $b/usr/empty && mkfifo $b/usr/empty
	changed 'usr/empty: no file, directory or symlink'
	chmod u+s $b/usr/bin/nvidia-tool
	changed 'usr/bin/nvidia-tool: it has a setuid'
	echo >> $b/manifest.json
	changed 'manifest.json: the digest differs'
	rm $b/manifest.json
	changed 'manifest.json: not there'
	mv $b/usr moved && ln -s "$PWD/moved" $b/usr
	changed 'usr: its manifest does not list it'
	rm -rf moved root/amd64/bdl
	changed "$PWD/root/amd64/bdl: no such directory"
	mv root/amd64 real && ln -s "$PWD/real" root/amd64
	changed "$PWD/root/amd64: not a real directory"
	rm -rf real
}

@test "img-build: a staged link whose text the manifest leaves out stays inside" {
	local b=root/amd64/bdl to

	staged_dockerfile
	for to in /etc/passwd ../../../x dir/../../../../x; do
		stage
		mkdir -p $b/usr/a/b
		ln -s ../a/b $b/usr/lib/dir
		jq -c 'del(.files[].target) | .files += [{path:"usr/lib/dir",
		    entry_type:"symlink"}]' $b/manifest.json > m
		mv m $b/manifest.json
		record
		# by way of the other link this one stays in the bundle
		ln -sfn dir/../../lib/lib.so.1 $b/usr/lib/lib.so
		tool 0 img-build --context c -o oci:o:t < in
		rm -rf o
		ln -sfn $to $b/usr/lib/lib.so
		changed 'usr/lib/lib.so: the symlink leads out of the bundle'
	done
}

@test "img-build: files of a staged tree that nobody copies are not read" {
	stage
	staged_dockerfile
	printf 'x' | dd of=root/amd64/bdl/usr/bin/nvidia-tool conv=notrunc \
	    2> /dev/null
	sed -i '/nvidia-/d' c/Dockerfile
	tool 0 img-build --context c -o oci:o:t < in
}

@test "img-build: a staged bundle for another architecture is refused" {
	stage
	staged_dockerfile
	sed -i 's/"arch":"amd64"/"arch":"arm64"/' in
	tool 1 img-build --context c -o oci:o:t < in
	is arch_mismatch "$(field .error.code)"
}

@test "img-build: a shared lock is held on the staged tree's parent while it is read" {
	needs flock
	stage
	staged_dockerfile
	# behind an exclusive lock it waits, for as long as the lock is held
	tool 124 flock root/amd64 timeout 1 img-build --context c -o oci:o:t < in
	[ ! -e o/index.json ] || is '[]' "$(jq -c .manifests o/index.json)"
	flock -s root/amd64 timeout 5 img-build --context c -o oci:o:t < in
}
