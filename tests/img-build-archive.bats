#!/usr/bin/env bats
# img-build: images as one file, their media types, and images out of files.

load helpers

local_setup() {
	needs jq skopeo python3
	mkdir -p c tmp
	printf 'hello\n' > c/f
	printf 'FROM scratch\nCOPY f /f\nENV A=b\nCOPY f /g\n' > c/Dockerfile
	export TMPDIR=$PWD/tmp
}

# podman's folders can't be written to.
local_teardown() {
	[ ! -e pr ] || chmod -R u+w pr
}

build() {
	img-build --platform linux/amd64 "$@"
}

# in_tar FILE NAME: a file of an archive.
in_tar() {
	tar -xOf "$1" "$2"
}

# edit FROM TO SCRIPT: an archive with changes; SCRIPT is Python with `files`,
# a list of [name, type, bytes or link].
edit() {
	python3 - "$@" <<-'END'
		import io, json, sys, tarfile
		files = []
		with tarfile.open(sys.argv[1]) as tar:
		    for m in tar:
		        files.append([m.name, m.type, tar.extractfile(m).read()
		                      if m.isreg() else m.linkname])
		def find(name):
		    return next(f for f in files if f[0].startswith(name))
		exec(sys.argv[3])
		with tarfile.open(sys.argv[2], "w") as tar:
		    for name, kind, data in files:
		        m = tarfile.TarInfo(name)
		        m.type = kind
		        if isinstance(data, bytes):
		            m.size = len(data)
		            tar.addfile(m, io.BytesIO(data))
		        else:
		            m.linkname = data or ""
		            tar.addfile(m)
	END
}

@test "img-build: an oci-archive is what its digest says, to every reader" {
	tool 0 build -t me/app:1.2 -o oci-archive:a.tar c
	is "oci-archive:$PWD/a.tar:1.2" "$(field .image.location)"
	is "me/app:1.2" "$(field .image.ref)"
	is application/vnd.oci.image.manifest.v1+json "$(field .image.media_type)"
	is "$(field .image.digest)" \
	    "$(skopeo inspect oci-archive:a.tar:1.2 | jq -r .Digest)"
	mkdir x && tar -xf a.tar -C x
	rm x/manifest.json
	python3 "$SLIPWAY_ROOT/tests/layout-check.py" x
	is "1.2 docker.io/me/app:1.2" "$(jq -r '.manifests[0].annotations |
	    .["org.opencontainers.image.ref.name"] + " " +
	    .["io.containerd.image.name"]' x/index.json)"
	is "" "$(ls -A tmp)"
}

@test "img-build: a docker-archive has a manifest.json with its names" {
	tool 0 build -o docker-archive:a.tar:me/app c
	is "docker-archive:$PWD/a.tar:me/app" "$(field .image.location)"
	in_tar a.tar manifest.json > m
	is docker.io/me/app:latest "$(field '.[0].RepoTags | join(" ")' m)"
	is "$(field .image.config_digest)" \
	    "sha256:$(in_tar a.tar "$(field '.[0].Config' m)" | sha256sum |
	    cut -c 1-64)"
	is 2 "$(field '.[0].Layers | length' m)"
	skopeo copy -q docker-archive:a.tar:me/app:latest dir:d
	is "$(field .image.config_digest)" "$(jq -r .config.digest d/manifest.json)"
	# without a name it has none
	tool 0 build -o docker-archive:b.tar c
	is "docker-archive:$PWD/b.tar" "$(field .image.location)"
	skopeo inspect docker-archive:b.tar > /dev/null
}

@test "img-build: one file is read as either kind of archive" {
	tool 0 build -t x:1 -o oci-archive:a.tar c
	skopeo copy -q oci-archive:a.tar:1 dir:d1
	skopeo copy -q docker-archive:a.tar:x:1 dir:d2
	is "$(jq -r .config.digest d1/manifest.json)" \
	    "$(jq -r .config.digest d2/manifest.json)"
	tool 0 build -t x:1 -o docker-archive:b.tar c
	skopeo copy -q oci-archive:b.tar:1 dir:d3
	is "$(field .image.digest)" \
	    "sha256:$(sha256sum < d3/manifest.json | cut -c 1-64)"
}

@test "img-build: an archive has the same bytes wherever and whenever it is made" {
	tool 0 build -t x:1 -o oci-archive:a.tar c
	mkdir far && cp -r c far/
	(
		cd far
		umask 077
		TZ=Asia/Tokyo LC_ALL=C tool 0 build -t x:1 \
		    -o oci-archive:b.tar c
	)
	cmp a.tar far/b.tar
	SOURCE_DATE_EPOCH=1234567890 tool 0 build -t x:1 -o oci-archive:t.tar c
	TZ=UTC tar -tvf t.tar > list
	is 9 "$(grep -c '2009-02-13 23:31' list)"
	is 9 "$(wc -l < list)"
}

@test "img-build: an archive has every name of its image" {
	tool 0 build -t me/app:1 -t me/app:2 -t localhost:5000/x \
	    -o oci-archive:a.tar c
	for tag in 1 2 latest; do
		skopeo inspect "oci-archive:a.tar:$tag" > /dev/null
	done
	for ref in me/app:1 me/app:2 localhost:5000/x:latest; do
		skopeo inspect "docker-archive:a.tar:$ref" > /dev/null
	done
	is "oci-archive:$PWD/a.tar:1" "$(field .image.location)"
	# a name of its own stands before them; a whole reference is one
	tool 0 build -t me/app:1 -o oci-archive:b.tar:dev c
	skopeo inspect oci-archive:b.tar:dev > /dev/null
	skopeo inspect docker-archive:b.tar:me/app:1 > /dev/null
	tool 0 build -o oci-archive:c.tar:localhost/me/app:3 c
	skopeo inspect oci-archive:c.tar:localhost/me/app:3 > /dev/null
	skopeo inspect docker-archive:c.tar:localhost/me/app:3 > /dev/null
}

@test "img-build: podman loads an archive under its names" {
	local run="podman --root $PWD/pr --runroot $PWD/prr --storage-driver vfs"

	peer podman
	tool 0 build -t me/app:1 -o oci-archive:a.tar c
	tool 0 build -t x:1 -t me/app:2 -o docker-archive:b.tar c
	$run load -q -i a.tar > log 2>&1 || {
		cat log
		skip "peer podman does not work here"
	}
	$run load -q -i b.tar
	is "docker.io/library/x:1 docker.io/me/app:1 docker.io/me/app:2" \
	    "$($run images --format '{{.Repository}}:{{.Tag}}' | sort | xargs)"
}

@test "img-build: of two records that would write one archive the first stands" {
	printf '%s\n' '{"arch":"amd64"}' '{"arch":"arm64"}' > in
	tool 0 img-build -o 'oci-archive:a-{arch}.tar:t' --context c < in
	is arm64 "$(skopeo inspect oci-archive:a-arm64.tar | jq -r .Architecture)"
	tool 2 img-build -o 'oci-archive:a.tar:{arch}' --context c < in
	is "null destination_conflict" "$(jq -r .error.code out | xargs)"
	is amd64 "$(skopeo inspect oci-archive:a.tar | jq -r .Architecture)"
}

@test "img-build: an archive appears whole or not at all" {
	tool 0 build -o oci-archive:a.tar:t c
	sum=$(sha256sum < a.tar)
	printf 'FROM scratch\nCOPY nothing /\n' > c/bad
	tool 1 build -f c/bad -o oci-archive:a.tar:t c
	is "$sum" "$(sha256sum < a.tar)"
	tool 3 build -o oci-archive:none/a.tar:t c
	is "" "$(ls -A tmp)"
	# killed at any moment: the old one or the new one
	head -c 3000000 /dev/urandom > c/f
	tool 0 build -o oci-archive:b.tar:t c
	new=$(sha256sum < b.tar)
	for ms in 5 10 20 30 40 60 80 100 150; do
		timeout -s KILL "0.$(printf %03d $ms)" img-build --platform \
		    linux/amd64 -o oci-archive:a.tar:t c > /dev/null 2>&1 || :
		is=$(sha256sum < a.tar)
		[ "$is" = "$sum" ] || [ "$is" = "$new" ]
	done
	# and the next run sweeps what they have left
	tool 0 build -o oci-archive:a.tar:t c
	is "$new" "$(sha256sum < a.tar)"
	is "" "$(ls -A tmp)"
	is "a.tar b.tar" "$(find . -maxdepth 1 -name '[ab].tar*' | sort |
	    sed 's|./||' | xargs)"
}

@test "img-build: a directory of another user or run in TMPDIR stays" {
	mkdir tmp/slipway-scratch-abcdef
	echo x > tmp/slipway-scratch-abcdef/x
	ln -s "$PWD/c" tmp/slipway-scratch-link
	exec 9< tmp/slipway-scratch-abcdef
	flock -s 9
	tool 0 build -o oci-archive:a.tar:t c
	[ -e tmp/slipway-scratch-abcdef/x ]
	[ -e c/f ]
	exec 9<&-
	tool 0 build -o oci-archive:a.tar:t c
	[ ! -e tmp/slipway-scratch-abcdef ]
}

@test "img-build: the archive is no part of the context that it lies in" {
	printf 'FROM scratch\nCOPY . /\n' > c/Dockerfile
	tool 0 build -o oci-archive:c/a.tar:t c
	field .image.digest > want
	tool 0 build -o oci-archive:c/a.tar:t c
	field .image.digest | diff want -
}

@test "img-build: --format changes the media types and nothing else" {
	tool 0 build -t x:1 -o oci:o c
	mv out oci
	tool 0 build -t x:2 -o oci:o --format docker c
	for f in config_digest layers; do
		is "$(field -c .image.$f oci)" "$(field -c .image.$f)"
	done
	cp "o/blobs/$(field '.image.digest | sub(":"; "/")')" m
	is "$(field .image.digest)" "sha256:$(sha256sum < m | cut -c 1-64)"
	is application/vnd.docker.distribution.manifest.v2+json "$(field .mediaType m)"
	is application/vnd.docker.container.image.v1+json \
	    "$(field .config.mediaType m)"
	is application/vnd.docker.image.rootfs.diff.tar.gzip \
	    "$(field '.layers | map(.mediaType) | unique | join(" ")' m)"
	# skopeo finds Docker's types in a layout, but not by their name
	tool 0 build -o oci:alone:t --format docker c
	skopeo copy -q oci:alone dir:d
	is "$(field .image.digest)" \
	    "sha256:$(sha256sum < d/manifest.json | cut -c 1-64)"
	field .image.digest > want
	tool 0 build --dry-run --format docker c
	field .image.digest | diff want -
	tool 0 build -o oci:plain:t --format docker --compression none c
	is application/vnd.docker.image.rootfs.diff.tar "$(skopeo inspect --raw \
	    oci:plain | jq -r '.layers[0].mediaType')"
	skopeo copy -q oci:plain dir:d3
	tool 2 build --dry-run --format v2s2 c
	grep "\-\-format takes oci or docker, not 'v2s2'" err
}

@test "img-build: zstd is refused where Docker's types have no name for it" {
	tool 2 build --dry-run --format docker --compression zstd c
	grep "Docker's media types have no zstd layers: give --format oci" err
	tool 2 build -o docker-archive:a.tar --compression zstd c
	grep "give --compression gzip, or -o oci-archive:FILE" err
	[ ! -e a.tar ]
	[ ! -s out ]
	tool 0 build -o oci-archive:a.tar:t --compression zstd c
	# a base's layers are not made anew
	mkdir d && printf 'FROM oci-archive:a.tar\n' > d/Dockerfile
	tool 2 build --dry-run --format docker d
	is format_conflict "$(field .error.code)"
	grep "the base image's layer: layer sha256:.* is compressed with zstd" err
	tool 0 build --dry-run d
}

@test "img-build: annotations are refused where a manifest can have none" {
	tool 2 build --dry-run --annotation a=b --format docker c
	grep "Docker's manifests have no annotations: give --format oci, or --label" err
	tool 0 build -o docker-archive:a.tar:x:1 --annotation a=b c
	is b "$(skopeo inspect --raw oci-archive:a.tar:1 | jq -r .annotations.a)"
}

@test "img-build: a base of the other family is converted, its layers as they are" {
	tool 0 build -o oci:o:d --format docker c
	mv out docker
	mkdir d && echo new > d/new
	printf 'FROM oci:o:d\nCOPY new /\n' > d/Dockerfile
	tool 0 build -o oci:o:1 d
	is "$(field -c '.image.layers[].digest' docker)" \
	    "$(field -c '.image.layers[:2][].digest')"
	is application/vnd.oci.image.layer.v1.tar+gzip "$(skopeo inspect --raw \
	    oci:o:1 | jq -r '.layers | map(.mediaType) | unique | join(" ")')"
	printf 'FROM oci:o:1\n' > d/Dockerfile
	tool 0 build -o oci:o2:t --format docker d
	is application/vnd.docker.image.rootfs.diff.tar.gzip "$(skopeo inspect \
	    --raw oci:o2 | jq -r '.layers | map(.mediaType) | unique | join(" ")')"
	skopeo copy -q oci:o2 dir:out2
}

@test "img-build: --digestfile has the digest as skopeo writes it, and last" {
	tool 0 build -t x:1 -o oci:o --digestfile dg c
	skopeo copy -q --digestfile want oci:o:1 dir:d
	cmp want dg
	is "$(field .image.digest)" "$(cat dg)"
	rm dg
	tool 0 build --dry-run --digestfile dg c
	[ ! -e dg ]
	tool 3 build -o oci-archive:none/a.tar:t --digestfile dg c
	[ ! -e dg ]
	tool 3 build -o oci:no:1 --digestfile none/dg c
	[ ! -e no ]
	printf '%s\n' '{"arch":"amd64"}' '{"arch":"arm64"}' > in
	tool 0 img-build -o 'oci:o:{arch}' --digestfile 'dg-{arch}' --context c < in
	is "$(jq -r .image.digest out | xargs)" "$(cat dg-amd64) $(cat dg-arm64)"
	tool 2 img-build -o 'oci:o:{arch}' --digestfile dg --context c < in
	is "null destination_conflict" "$(jq -r .error.code out | xargs)"
}

@test "img-build: a base out of any archive gives the image that went in" {
	tool 0 build -t me/app:1 -o oci-archive:a.tar c
	field .image.digest > want
	skopeo copy -q oci-archive:a.tar docker-archive:s.tar:me/app:1
	gzip -k s.tar
	mkdir d
	for place in oci-archive:a.tar oci-archive:a.tar:1 \
	    oci-archive:a.tar:me/app:1 docker-archive:a.tar:me/app:1 \
	    docker-archive:s.tar docker-archive:s.tar.gz:docker.io/me/app:1; do
		printf 'FROM %s\n' "$place" > d/Dockerfile
		tool 0 build --dry-run d
		field .image.digest | diff want -
	done
	printf 'FROM scratch\nCOPY --from=app /f /f\n' > d/Dockerfile
	tool 0 build -o oci:o:t --build-context "app=oci-archive:$PWD/a.tar" d
	is 1 "$(field '.image.layers | length')"
	is "" "$(ls -A tmp)"
}

@test "img-build: a base out of an archive with layers as links, or with no names" {
	tool 0 build -o oci:o:t c
	field .image.digest > want
	skopeo copy -q oci:o:t docker-archive:s.tar
	edit s.tar links.tar '
m = find("manifest.json")
doc = json.loads(m[2])
one = doc[0]["Layers"][0]
files.append(["x/y/layer.tar", tarfile.SYMTYPE, "../../" + one])
files.append(["x/hard", tarfile.LNKTYPE, "x/y/layer.tar"])
doc[0]["Layers"][0] = "./x/hard"
m[2] = json.dumps(doc).encode()'
	mkdir d
	for f in s links; do
		printf 'FROM docker-archive:%s.tar\n' $f > d/Dockerfile
		tool 0 build --dry-run d
		field .image.digest | diff want -
	done
}

# bad CODE SCRIPT [PLACE]: that change of s.tar is refused for its own reason.
bad() {
	edit "${3:-s}.tar" bad.tar "$2"
	printf 'FROM %s\n' "${4:-docker-archive:bad.tar}" > d/Dockerfile
	tool 1 build --dry-run d
	is "$1" "$(field .error.code)"
	is "" "$(ls -A tmp)"
}

@test "img-build: an archive that is not what it should be is refused" {
	tool 0 build -t me/app:1 -o oci-archive:a.tar c
	skopeo copy -q oci-archive:a.tar docker-archive:s.tar:me/app:1
	mkdir d
	# of either kind
	bad archive_unsafe 'files.append(["../x", tarfile.REGTYPE, b""])'
	bad archive_unsafe 'files.append(["x", tarfile.SYMTYPE, "/etc/passwd"])'
	bad archive_unsafe 'files.append(["x", tarfile.SYMTYPE, "../y"])'
	bad archive_unsafe 'files.append(["x", tarfile.CHRTYPE, ""])'
	bad archive_unsafe 'files.append(list(find("manifest.json")))'
	head -c 5000 s.tar > cut.tar
	printf 'FROM docker-archive:cut.tar\n' > d/Dockerfile
	tool 1 build --dry-run d
	is archive_damaged "$(field .error.code)"
	grep "'$PWD/cut.tar' is no sound archive: tar byte" err
	printf 'FROM oci-archive:s.tar\n' > d/Dockerfile
	tool 1 build --dry-run d
	is not_an_archive "$(field .error.code)"
	printf 'FROM oci-archive:c\n' > d/Dockerfile
	tool 3 build --dry-run d
	printf 'FROM oci-archive:no.tar\n' > d/Dockerfile
	tool 1 build --dry-run d
	is not_found "$(field .error.code)"
	# docker-archive
	bad not_an_archive 'files.remove(find("manifest.json"))'
	bad document_invalid 'find("manifest.json")[2] = b"[{}]"'
	bad document_invalid 'find("manifest.json")[2] = b"[1]"'
	bad tag_not_found 'find("manifest.json")[2] = b"[]"'
	bad tag_ambiguous 'm = find("manifest.json"); m[2] = json.dumps(json.loads(m[2]) * 2).encode()'
	bad tag_not_found '' s docker-archive:bad.tar:me/app:2
	bad blob_missing 'm = find("manifest.json"); files.remove(find(json.loads(m[2])[0]["Layers"][0]))'
	bad blob_missing 'm = find("manifest.json"); n = json.loads(m[2])[0]["Layers"][0]; files.remove(find(n)); files.append([n, tarfile.SYMTYPE, n])'
	bad diff_id_mismatch 'm = find("manifest.json"); f = find(json.loads(m[2])[0]["Layers"][1]); f[2] += bytes(512)'
	bad blob_digest_mismatch 'm = find("manifest.json"); f = find(json.loads(m[2])[0]["Config"]); f[2] += b" "'
	# oci-archive
	a=oci-archive:bad.tar
	bad not_an_archive 'files.remove(find("index.json"))' a $a
	bad not_an_archive 'files.remove(find("oci-layout"))' a $a
	bad layout_invalid 'find("index.json")[2] = b"{"' a $a
	bad blob_digest_mismatch 'files[-1][2] += b" "' a $a
	bad blob_missing 'del files[-1]' a $a
	bad tag_not_found '' a $a:2
	bad tag_ambiguous 'm = find("index.json"); d = json.loads(m[2]); e = dict(d["manifests"][0]); e["digest"] = "sha256:" + 64 * "0"; d["manifests"].append(e); m[2] = json.dumps(d).encode()' a $a:1
}

@test "img-build: a full disk for what is unpacked or packed is noticed" {
	[ "$(id -u)" = 0 ] || skip "only root can mount"
	head -c 3000000 /dev/urandom > c/f
	mkdir small
	mount -t tmpfs -o size=1m none small || skip "no tmpfs can be mounted"
	build -o oci-archive:small/a.tar:t c > out 2> err || got=$?
	ls -A small > left
	TMPDIR=$PWD/small build -o oci-archive:a.tar:t c > out2 2> err2 || got2=$?
	ls -A small >> left
	umount small
	is "3 3" "$got $got2"
	is no_space "$(field .error.code)"
	is no_space "$(field .error.code out2)"
	[ ! -s left ]
	[ ! -e a.tar ]
}

@test "img-build: places that are none are usage errors" {
	for place in oci-archive: oci-archive::t docker-archive: a.tar \
	    docker:x:1 docker:// oci:; do
		tool 2 build -o "$place" c
		[ ! -s out ]
		grep "\-o takes oci:DIR" err
	done
	tool 2 build -o 'oci-archive:a.tar:b c' c
	is tag_invalid "$(field .error.code)"
	tool 2 build -o docker-archive:a.tar:Up c
	is reference_invalid "$(field .error.code)"
	tool 2 build -o oci-archive:a.tar c
	is tag_missing "$(field .error.code)"
	mkdir dir
	tool 2 build -o oci-archive:dir:t c
	is not_a_file "$(field .error.code)"
}
