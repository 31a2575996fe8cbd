#!/usr/bin/env bats
# img-build: what a Dockerfile becomes, without a base and without a bundle.

load helpers

# The host's platform, where a test does not care.
build() {
	img-build --platform linux/amd64 "$@"
}

# unpack LAYOUT:TAG DIR: the image's root file system, by another tool.
unpack() {
	rm -rf "$2"
	umoci unpack --rootless --image "$1" "$2" > /dev/null 2>&1
}

# config FILTER [TAG]: a value of the image's config in ./o.
config() {
	local digest

	digest=$(skopeo inspect --raw "oci:o:${2:-t}" | jq -r .config.digest)
	jq -c "$1" "o/blobs/${digest/://}"
}

# members TAG N: the tar headers of layer N, as tar shows them.
members() {
	local digest

	digest=$(skopeo inspect --raw "oci:o:$1" |
		jq -r ".layers[$2].digest")
	zcat "o/blobs/${digest/://}" | TZ=UTC tar --numeric-owner \
		--quoting-style=literal -tvf -
}

local_setup() {
	needs jq skopeo umoci
	mkdir -p c/bin c/etc
	printf 'hello\n' > c/bin/app
	chmod 755 c/bin/app
	ln -s app c/bin/link
	printf 'conf\n' > c/etc/conf
}

@test "img-build: FROM scratch and COPY make an image that other tools read" {
	printf 'FROM scratch\nCOPY bin /usr/bin/\nCOPY etc/conf /etc/\n' \
	    > c/Dockerfile
	tool 0 build -o oci:o:t c
	is linux/amd64 "$(field .image.platform)"
	is native "$(field .image.engine)"
	is 2 "$(field '.image.layers | length')"
	is "oci:$PWD/o:t" "$(field .image.location)"
	is "$(field .image.digest)" \
	    "$(jq -r '.manifests[0].digest' o/index.json)"
	is "$(field .image.digest)" "$(skopeo inspect oci:o:t | jq -r .Digest)"
	skopeo copy -q oci:o:t dir:d
	unpack o:t u
	cmp c/bin/app u/rootfs/usr/bin/app
	is app "$(readlink u/rootfs/usr/bin/link)"
	cmp c/etc/conf u/rootfs/etc/conf
}

@test "img-build: every blob is in the layout once, right, and none is left over" {
	printf 'FROM scratch\nCOPY . /\nWORKDIR /x\nENV A=b\n' > c/Dockerfile
	tool 0 build -o oci:o:t c
	python3 "$SLIPWAY_ROOT/tests/layout-check.py" o
}

@test "img-build: records of two platforms in, two images in one layout out" {
	cat > c/Dockerfile <<-'END'
		FROM scratch
		ARG TARGETARCH TARGETPLATFORM
		COPY etc/conf /${TARGETARCH}/
		ENV P=$TARGETPLATFORM
	END
	printf '%s\n' '{"arch":"amd64","x":1.0}' '{"platform":"linux/arm64"}' > in
	tool 0 img-build --context c -t 'me/app:1-{arch}' -o oci:o -j 2 < in
	is 2 "$(jq -s length out)"
	is "me/app:1-amd64 me/app:1-arm64" \
	    "$(jq -rs 'map(.image.ref) | join(" ")' out)"
	grep -q '^{"arch":"amd64","x":1.0,' out
	is '"amd64"' "$(config .architecture 1-amd64)"
	is '"P=linux/arm64"' "$(config '.config.Env[1]' 1-arm64)"
	unpack o:1-arm64 u
	[ -f u/rootfs/arm64/conf ]
}

@test "img-build: a person at a terminal gets this machine's platform" {
	needs script
	printf 'FROM scratch\nCOPY bin /\n' > c/Dockerfile
	script -qec 'img-build --json -o oci:o:t c > out' /dev/null > screen
	is "$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')" \
	    "$(field .arch)"
}

@test "img-build: no records behind a context is an error, not a build" {
	printf 'FROM scratch\nCOPY bin /\n' > c/Dockerfile
	tool 2 img-build -o oci:o:t c < /dev/null
	is no_records "$(field .error.code)"
	: | tool 2 img-build -o oci:o:t c
	[ ! -e o ]
}

@test "img-build: the operand is the context of the records on stdin" {
	printf 'FROM scratch\nCOPY bin /\n' > c/Dockerfile
	echo '{"arch":"arm64"}' > in
	tool 0 img-build -o oci:o:t c < in
	is linux/arm64 "$(field .image.platform)"
	cat in | tool 0 img-build -o oci:o:t c
	is linux/arm64 "$(field .image.platform)"
}

@test "img-build: the config has what docker's would" {
	cat > c/Dockerfile <<-'END'
		FROM scratch
		ENV A=1 B="x y"
		ENV A=2 C=$A
		ENV old style  value
		LABEL z=1 "a b"="c d"
		EXPOSE 80 8000-8002/UDP
		VOLUME /data /more
		USER 5:6
		WORKDIR rel
		WORKDIR sub
		ENTRYPOINT ["/bin/x", "a b"]
		CMD echo $A
		STOPSIGNAL SIGQUIT
		HEALTHCHECK --interval=1m30s --timeout=5s --start-period=500ms \
		    --retries=60 CMD ["a", "b"]
	END
	tool 0 build -o oci:o:t --label l=m c
	is '["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","A=2","B=x y","C=1","old=style  value"]' \
	    "$(config .config.Env)"
	is '{"a b":"c d","l":"m","z":"1"}' "$(config .config.Labels)"
	is '{"80/tcp":{},"8000/udp":{},"8001/udp":{},"8002/udp":{}}' \
	    "$(config .config.ExposedPorts)"
	is '{"/data":{},"/more":{}}' "$(config .config.Volumes)"
	is '"5:6"' "$(config .config.User)"
	is '"/rel/sub"' "$(config .config.WorkingDir)"
	is '["/bin/x","a b"]' "$(config .config.Entrypoint)"
	is '["/bin/sh","-c","echo $A"]' "$(config .config.Cmd)"
	is '"SIGQUIT"' "$(config .config.StopSignal)"
	is '{"Test":["CMD","a","b"],"Interval":90000000000,"Timeout":5000000000,"StartPeriod":500000000,"Retries":60}' \
	    "$(config .config.Healthcheck)"
	is '"1970-01-01T00:00:00Z"' "$(config .created)"
	is 13 "$(config '.history | length')"
	is 2 "$(config '[.history[] | select(.empty_layer | not)] | length')"
	is 2 "$(config '.rootfs.diff_ids | length')"
}

@test "img-build: an ENTRYPOINT voids the CMD of the stage it builds on" {
	cat > c/Dockerfile <<-'END'
		FROM scratch AS a
		CMD ["a"]
		FROM a AS kept
		CMD ["b"]
		ENTRYPOINT ["e"]
		FROM a
		ENTRYPOINT ["e"]
	END
	tool 0 build -o oci:o:t c
	is null "$(config .config.Cmd)"
	tool 0 build -o oci:o:t --target kept c
	is '["b"]' "$(config .config.Cmd)"
}

@test "img-build: arguments come from options, defaults and the global scope" {
	cat > c/Dockerfile <<-'END'
		ARG BASE=scratch
		ARG G=global
		FROM ${BASE} AS one
		ARG G
		ARG D=default
		ARG N
		ENV E=env
		ARG E=arg
		LABEL g=$G d=$D n=${N:-none} e=$E u=$UNSET t=$TARGETARCH
		FROM one
		LABEL again=$D
	END
	tool 0 build -o oci:o:t --build-arg N=new --build-arg E=opt c
	is '{"again":"default","d":"default","e":"env","g":"global","n":"new","t":"","u":""}' \
	    "$(config .config.Labels)"
	FROM_ENV=1 D=d tool 0 build -o oci:o:t --build-arg D --build-arg G=x \
	    --build-arg UNUSED=1 --build-arg HTTP_PROXY=p c
	is '"d"' "$(config .config.Labels.d)"
	is '"x"' "$(config .config.Labels.g)"
	grep -q 'warning: .*one or more build-args \[UNUSED\] were not consumed' \
	    err
}

@test "img-build: here-documents are none in quotes, and some in ONBUILD" {
	cat > c/Dockerfile <<-'END'
		FROM debian AS compile
		RUN echo "see <<EOF here" && sh -c 'cat <<X'
		RUN ["sh", "-c", "cat <<EOF"]
		RUN cat <<EOF "and <<more"
		no instruction
		EOF
		ONBUILD RUN <<EOF
		nor this
		EOF
		FROM scratch
		COPY bin /
	END
	tool 0 build -o oci:o:t c
}

@test "img-build: stages are built only where the target needs them" {
	cat > c/Dockerfile <<-'END'
		FROM debian AS compile
		RUN <<EOF
		make
		EOF
		FROM scratch AS bins
		COPY bin /out/
		FROM scratch AS unused
		COPY no-such-file /
		FROM scratch
		COPY --from=BINS /out/app /app
		COPY --from=1 /out/ /all/
	END
	tool 0 build -o oci:o:t c
	unpack o:t u
	cmp c/bin/app u/rootfs/app
	is app "$(readlink u/rootfs/all/link)"
	is 2 "$(field '.image.layers | length')"
	tool 2 build --engine native -o oci:o:t --target compile c
	is "img-build: linux/amd64: Dockerfile:2: RUN is not supported by the native engine" \
	    "$(cat err)"
}

@test "img-build: a build context takes the place of a stage or an image" {
	mkdir -p pre/out
	echo prebuilt > pre/out/server
	cat > c/Dockerfile <<-'END'
		FROM rust:1 AS compile
		RUN cargo build
		FROM runtime
		COPY --from=compile /out/server /usr/bin/
		COPY --from=extra /out /e/
	END
	printf 'FROM scratch\nCOPY etc /etc/\nENV X=y\n' > base
	tool 0 build -f base -o oci:b:1 c
	tool 0 build -o oci:o:t --build-context compile=pre \
	    --build-context runtime=oci:b:1 --build-context extra=pre c
	unpack o:t u
	is prebuilt "$(cat u/rootfs/usr/bin/server)"
	is prebuilt "$(cat u/rootfs/e/server)"
	cmp c/etc/conf u/rootfs/etc/conf
	is '"X=y"' "$(config '.config.Env[1]')"
	tool 0 build -o oci:o:t --target compile --build-context compile=pre c
	unpack o:t u
	is prebuilt "$(cat u/rootfs/out/server)"
}

@test "img-build: a build context can be another for each architecture" {
	mkdir -p pre/amd64 pre/arm64
	echo x86 > pre/amd64/server
	echo arm > pre/arm64/server
	printf 'FROM rust AS compile\nRUN x\nFROM scratch\nCOPY --from=compile server /\n' \
	    > c/Dockerfile
	tool 0 img-build --platform linux/amd64,linux/arm64 \
	    --build-context 'compile=pre/{arch}' -o 'oci:o:{arch}' c
	unpack o:arm64 u
	is arm "$(cat u/rootfs/server)"
	unpack o:amd64 u
	is x86 "$(cat u/rootfs/server)"
}

@test "img-build: where the output lies in the context it is no part of it" {
	printf 'FROM scratch\nCOPY . /\n' > c/Dockerfile
	tool 0 img-build -j 2 --platform linux/amd64,linux/arm64 \
	    -o 'oci:./c/o/:{arch}' c
	jq -r .image.digest out > first
	tool 0 img-build -j 2 --platform linux/amd64,linux/arm64 \
	    -o 'oci:./c/o/:{arch}' c
	jq -r .image.digest out | diff first -
	# whichever way leads there
	ln -s c link
	tool 0 img-build --platform linux/amd64,linux/arm64 \
	    -o 'oci:./link/o:{arch}' c
	jq -r .image.digest out | diff first -
	tool 0 img-build --platform linux/amd64,linux/arm64 \
	    -o 'oci:c/o:{arch}' link
	jq -r .image.digest out | diff first -
}

@test "img-build: a layer is sorted, owned by root and has one time" {
	mkdir -p 'c/s/a' c/s/a.b
	touch c/s/a/x c/s/a.b/y c/s/a-
	chmod 700 c/s/a c/s/a/x
	chmod 4777 c/s/a-
	printf 'FROM scratch\nCOPY s /s\n' > c/Dockerfile
	tool 0 build -o oci:o:t c
	members t 0 > list
	diff - list <<-'END'
		drwxr-xr-x 0/0               0 1970-01-01 00:00 s/
		drwxr-xr-x 0/0               0 1970-01-01 00:00 s/a/
		-rwxr-xr-x 0/0               0 1970-01-01 00:00 s/a-
		drwxr-xr-x 0/0               0 1970-01-01 00:00 s/a.b/
		-rw-r--r-- 0/0               0 1970-01-01 00:00 s/a.b/y
		-rwxr-xr-x 0/0               0 1970-01-01 00:00 s/a/x
	END
	SOURCE_DATE_EPOCH=86400 tool 0 build --context-modes keep -o oci:o:t c
	members t 0 > list
	diff - list <<-'END'
		drwxr-xr-x 0/0               0 1970-01-02 00:00 s/
		drwx------ 0/0               0 1970-01-02 00:00 s/a/
		-rwsrwxrwx 0/0               0 1970-01-02 00:00 s/a-
		drwxr-xr-x 0/0               0 1970-01-02 00:00 s/a.b/
		-rw-r--r-- 0/0               0 1970-01-02 00:00 s/a.b/y
		-rwx------ 0/0               0 1970-01-02 00:00 s/a/x
	END
	is '"1970-01-02T00:00:00Z"' "$(config .created)"
}

@test "img-build: --chown and --chmod mean what they say" {
	cat > c/Dockerfile <<-'END'
		FROM scratch
		COPY passwd group /etc/
		COPY --chown=app bin/app /new/dir/app
		COPY --chown=7 --chmod=4755 bin/app /seven
		COPY --chown=app:staff etc /e
		COPY --chown=root:0 etc/conf /r
		COPY --from=0 /etc/group /g
	END
	sed -i '$d' c/Dockerfile
	echo 'app:x:100:101::/:/x' > c/passwd
	echo 'staff:x:50:' > c/group
	tool 0 build -o oci:o:t c
	{ members t 1; members t 2; members t 3; members t 4; } |
		sed 's/ \+0 19.* / /; s/ \+[0-9]* 19.* / /' > list
	diff - list <<-'END'
		drwxr-xr-x 100/101 new/
		drwxr-xr-x 100/101 new/dir/
		-rwxr-xr-x 100/101 new/dir/app
		-rwsr-xr-x 7/7 seven
		drwxr-xr-x 100/50 e/
		-rw-r--r-- 100/50 e/conf
		-rw-r--r-- 0/0 r
	END
}

@test "img-build: .dockerignore keeps files out and is named when one is missed" {
	printf '*\n!bin\nbin/link\n' > c/.dockerignore
	printf 'FROM scratch\nCOPY . /\n' > c/Dockerfile
	tool 0 build -o oci:o:t c
	unpack o:t u
	is "./bin ./bin/app " "$(cd u/rootfs && find . -mindepth 1 | sort |
	    tr '\n' ' ')"
	printf 'FROM scratch\nCOPY etc/conf /\n' > c/Dockerfile
	tool 1 build -o oci:o:t c
	is "img-build: linux/amd64: Dockerfile:2: no such file in the context: etc/conf (.dockerignore excludes it)" \
	    "$(cat err)"
	is "check not_found 2" \
	    "$(field '"\(.error.kind) \(.error.code) \(.error.line)"')"
	# the one beside the Dockerfile wins
	echo bin > c/Dockerfile.dockerignore
	tool 0 build -o oci:o:t c
}

@test "img-build: a .dockerignore pattern of ** and an ending matches the ending" {
	mkdir -p c/etc/.git
	touch c/a.pyc c/etc/b.pyc c/etc/.pyc c/etc/.git/x c/etc/pyc
	printf '**.pyc\n**.git\n**/conf\n' > c/.dockerignore
	printf 'FROM scratch\nCOPY etc *.pyc /\n' > c/Dockerfile
	tool 0 build -o oci:o:t c
	unpack o:t u
	is "./pyc " "$(cd u/rootfs && find . -mindepth 1 | tr '\n' ' ')"
}

@test "img-build: symlinks of the context never lead out of it" {
	echo secret > secret
	ln -s ../secret c/out
	ln -s .. c/up
	ln -s etc c/in
	ln -s /etc/hostname c/abs
	printf 'FROM scratch\nCOPY in/conf /\nCOPY in /d/\nCOPY . /all/\n' \
	    > c/Dockerfile
	tool 0 build -o oci:o:t c
	unpack o:t u
	cmp c/etc/conf u/rootfs/conf
	cmp c/etc/conf u/rootfs/d/conf
	is ../secret "$(readlink u/rootfs/all/out)"
	for f in out up/secret abs; do
		printf 'FROM scratch\nCOPY %s /\n' "$f" > c/Dockerfile
		tool 1 build -o oci:o:t c
		is "img-build: linux/amd64: Dockerfile:2: no such file in the context: $f" \
		    "$(cat err)"
	done
}

@test "img-build: names with spaces, quotes, newlines and other bytes are data" {
	local n

	mkdir c/n
	for n in 'a b' "it's" 'q"q' $'new\nline' 'ünï' '[x]' '*' \
	    "$(printf '%0120d' 0)"; do
		echo "$n" > "c/n/$n"
	done
	printf 'FROM scratch\nCOPY n /n\nCOPY ["n/a b", "n/[[]x]", "/j s/"]\n' \
	    > c/Dockerfile
	tool 0 build -o oci:o:t c
	unpack o:t u
	diff -r c/n u/rootfs/n
	cmp 'c/n/[x]' 'u/rootfs/j s/[x]'
	cmp 'c/n/a b' 'u/rootfs/j s/a b'
}

@test "img-build: the same input is the same bytes under any -j, umask, TZ, locale and order" {
	mkdir c/many
	for i in $(seq 1 300); do
		echo "$i" > "c/many/f$i"
	done
	head -c 3000000 /dev/urandom > c/big
	printf 'FROM scratch\nCOPY . /\nWORKDIR /w\nENV A=b\n' > c/Dockerfile
	img-build --platform linux/amd64,linux/arm64 -j 1 -o 'oci:o1:{arch}' c \
	    > /dev/null
	mkdir c2
	(cd c && find . -mindepth 1 -print0 | sort -rz | cpio -0pdm ../c2) \
	    2> /dev/null || cp -a c/. c2
	touch -d 2001-01-01 c2/etc/conf
	chmod g+w c2/etc/conf
	(umask 077 && TZ=Asia/Tokyo LC_ALL=C.UTF-8 taskset -c 0 img-build \
	    --platform linux/amd64,linux/arm64 -j 8 -o 'oci:o2:{arch}' c2 \
	    > /dev/null)
	diff -r o1 o2
}

@test "img-build: gzip, zstd and plain layers have the same diff_id" {
	printf 'FROM scratch\nCOPY . /\n' > c/Dockerfile
	for how in gzip gzip:9 zstd zstd:10 none; do
		tool 0 build --compression "$how" -o "oci:o:t" c
		field '.image.layers[0].diff_id' >> ids
		skopeo copy -q oci:o:t "dir:d"
	done
	is 1 "$(sort -u ids | wc -l)"
	is application/vnd.oci.image.layer.v1.tar \
	    "$(skopeo inspect --raw oci:o:t | jq -r '.layers[0].mediaType')"
	for how in gzip:0 gzip:13 zstd:20 xz none:1 gzip:x; do
		tool 2 build --compression "$how" -o oci:o:t c
	done
}

@test "img-build: the record's build stands before the options" {
	mkdir other
	cp -a c/bin other/
	printf 'FROM scratch AS a\nARG V\nLABEL v=$V\nFROM scratch\n' \
	    > other/D
	echo '{"arch":"arm64","component":"web","build":{"file":"other/D","context":"other","target":"a","args":{"V":"rec"},"tags":["x/{component}:9"]}}' > in
	printf 'FROM scratch\n' > c/Dockerfile
	tool 0 img-build --context c -f c/Dockerfile -t y/z:1 --target b \
	    --build-arg V=opt -o oci:o < in
	is x/web:9 "$(field .image.ref)"
	is '{"v":"rec"}' "$(config .config.Labels 9)"
	! grep -q '"V":"opt"' out || false
}

@test "img-build: every -t becomes a name, and a place is taken once" {
	printf 'FROM scratch\nCOPY bin /\n' > c/Dockerfile
	tool 0 build -t a/b:1 -t c/d:2 -t e/f:1 -o oci:o c
	is "1 2" "$(jq -r '[.manifests[].annotations[]] | join(" ")' o/index.json)"
	tool 2 img-build --platform linux/amd64,linux/arm64 -t a/b:1 -o oci:o c
	is "null destination_conflict" \
	    "$(jq -rs 'map(.error.code) | join(" ")' out | sed 's/^ /null /')"
	is amd64 "$(skopeo inspect oci:o:1 | jq -r .Architecture)"
}

@test "img-build: --dry-run tells the digests and writes nothing" {
	printf 'FROM scratch\nCOPY . /\n' > c/Dockerfile
	tool 0 build --dry-run c
	is null "$(field .image.location)"
	jq -c '.image | del(.location, .ref)' out > dry
	rm -rf o
	tool 0 build --dry-run -o oci:o:t c
	[ ! -e o ]
	tool 0 build -o oci:o:t c
	jq -c '.image | del(.location, .ref)' out | diff dry -
}

@test "img-build: annotations go into the manifest, sorted" {
	printf 'FROM scratch\nCOPY bin /\n' > c/Dockerfile
	tool 0 build --annotation b=2 --annotation a=1=x -o oci:o:t c
	is '{"a":"1=x","b":"2"}' \
	    "$(skopeo inspect --raw oci:o:t | jq -c .annotations)"
}

@test "img-build: a failed build leaves the layout's names and blobs as they were" {
	printf 'FROM scratch\nCOPY bin /\n' > c/Dockerfile
	tool 0 build -o oci:o:t c
	cp -a o before
	printf 'FROM scratch\nCOPY etc /\nCOPY missing /\n' > c/Dockerfile
	tool 1 build -o oci:o:t c
	diff -r before o
	tool 1 build -o oci:fresh:t c
	[ ! -e fresh ]
}

@test "img-build: a FIFO in the context is refused where it is copied, and never opened" {
	printf 'FROM scratch\nCOPY bin /\n' > c/Dockerfile
	mkfifo c/f
	tool 0 timeout 10 img-build --platform linux/amd64 -o oci:o:t c
	printf 'FROM scratch\nCOPY f /\n' > c/Dockerfile
	tool 2 timeout 10 img-build --platform linux/amd64 -o oci:o:t c
	is "img-build: linux/amd64: Dockerfile:2: neither a file nor a directory nor a symlink: '/f'" \
	    "$(cat err)"
}

@test "img-build: sockets are left out, as docker does" {
	needs python3
	python3 -c 'import socket
s = socket.socket(socket.AF_UNIX); s.bind("c/sock")'
	printf 'FROM scratch\nCOPY . /\n' > c/Dockerfile
	tool 0 build -o oci:o:t c
	! members t 0 | grep sock || false
}

@test "img-build: nothing changed is no layer" {
	cat > c/Dockerfile <<-'END'
		FROM scratch
		WORKDIR /a/b
		WORKDIR /a
		COPY none* /x/
		VOLUME /v
	END
	tool 0 build -o oci:o:t c
	is 1 "$(field '.image.layers | length')"
	is "[false,true,true,true]" \
	    "$(config '[.history[] | .empty_layer == true]')"
}

@test "img-build: 20,000 small files are no trouble" {
	needs python3
	python3 - <<-'END'
		import os
		for d in range(200):
		    os.makedirs(f"c/m/{d}")
		    for i in range(100):
		        open(f"c/m/{d}/{i}", "w").write(f"{d} {i}\n")
	END
	printf 'FROM scratch\nCOPY m /m\n' > c/Dockerfile
	tool 0 timeout 60 img-build --platform linux/amd64 -o oci:o:t c
	is 20201 "$(members t 0 | wc -l)"
}

@test "img-build: a full disk is a failure that may be tried again" {
	printf 'FROM scratch\nCOPY bin /\n' > c/Dockerfile
	tool 3 sh -c 'img-build --platform linux/amd64 -o oci:o:t c > /dev/full'
}

@test "img-build: usage errors name the ways, and write no record" {
	printf 'FROM scratch\n' > c/Dockerfile
	tool 2 build c
	grep -q 'nowhere to put the image: give --push, -o oci:DIR\[:TAG\], --load, or --dry-run' err
	[ ! -s out ]
	tool 2 build -o o c
	grep -q "takes oci:DIR\[:TAG\], .*, not 'o'" err
	tool 2 build -o oci:o:t c c2
	tool 2 build -o oci:o:t --context c c
	tool 2 build -o oci:o:t --context-modes x c
	tool 2 build -o oci:o:t --build-context x c
	tool 2 build -o oci:o:t --label =x c
	tool 2 build --platform linux/x/y/z -o oci:o:t c
	tool 2 build -o oci:o c
	is tag_missing "$(field .error.code)"
	SOURCE_DATE_EPOCH=x tool 2 build -o oci:o:t c
}
