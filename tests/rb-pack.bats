# rb-pack.bats - the same bundle every time, and one that rb-verify accepts.

load helpers
load bundle

toolkit=usr/bin/nvidia-ctk
ids=(--bundle-name runtime --bundle-version 1.0
    --component nvidia_container_toolkit=1.17.8@f202b80
    --component libnvidia_container=1.17.8@6eda4d7)

local_teardown() {
	if mountpoint -q "$BATS_TEST_TMPDIR/disk" 2> /dev/null; then
		umount "$BATS_TEST_TMPDIR/disk"
	fi
}

# root DIR [ARCH]: an install root.
root() {
	bundle root.tar.gz "${2:-amd64}" -e 'add("usr/share/doc/a b", b"x")
add("usr/share/doc/gr\u00f6\u00dfe", b"y"); add("usr/share/empty", b"")'
	mkdir -p "$1"
	tar -xpzf root.tar.gz --strip-components=1 -C "$1"
	rm "$1/manifest.json"
}

@test "rb-pack: options and an operand make a bundle that rb-verify accepts" {
	root r
	tool 0 rb-pack --arch amd64 "${ids[@]}" r
	[ ! -s err ]
	f=$PWD/runtime_1.0_amd64.tar.gz
	is "$f" "$(field .tarball)"
	is "$PWD/r" "$(field .root | sed "s|^r\$|$PWD/r|")"
	is "$(sha256sum < "$f" | cut -c1-64)" "$(field .sha256)"
	is "$(stat -c %s "$f")" "$(field .size)"
	is runtime_1.0_amd64 "$(field .bundle.dir)"
	is 1970-01-01T00:00:00Z "$(field .bundle.created_at)"
	cp out packed
	tool 0 rb-verify < packed
	is "$(jq -c .bundle packed)" "$(jq -c .bundle out)"
	mkdir t
	tar -xpzf "$f" -C t
	rm t/*/manifest.json
	tree r > want
	tree t/runtime_1.0_amd64 | diff want -
}

@test "rb-pack: a record makes the same bundle as options" {
	root r
	rb-pack --arch amd64 "${ids[@]}" -o one.tar.gz r > out
	cat > in <<'JSON'
{"x":1.0,"root":"r","arch":"amd64","bundle":{"name":"runtime","version":"1.0","components":{"nvidia_container_toolkit":{"version":"1.17.8","commit":"f202b80"},"libnvidia_container":{"version":"1.17.8","commit":"6eda4d7"}}}}
JSON
	tool 0 rb-pack -o two.tar.gz < in
	cmp one.tar.gz two.tar.gz
	grep -q '^{"x":1.0,"root":"r"' out
	is 1 "$(wc -l < out)"
	# and its own record once more
	jq -c .bundle out > want
	cp out again
	tool 0 rb-pack -o two.tar.gz < again
	cmp one.tar.gz two.tar.gz
	jq -c .bundle out | diff want -
	# what the record says stands before the options
	tool 0 rb-pack --bundle-name other --component libnvidia_container=2@x \
	    --component more=1@y -o three.tar.gz < in
	is runtime "$(field .bundle.name)"
	is '{"version":"1.17.8","commit":"6eda4d7"}' \
	    "$(jq -c .bundle.components.libnvidia_container out)"
	is 1 "$(field .bundle.components.more.version)"
}

@test "rb-pack: both architectures in one run, each by its name" {
	root a amd64
	root b arm64
	mkdir dist
	tool 0 rb-pack -d dist --sha256sums dist/SHA256SUMS "${ids[@]}" \
	    --arch amd64 a --arch arm64 b
	is 'SHA256SUMS runtime_1.0_amd64.tar.gz runtime_1.0_arm64.tar.gz' \
	    "$(ls dist | LC_ALL=C sort | xargs)"
	(cd dist && sha256sum -c --strict SHA256SUMS)
	is 2 "$(wc -l < dist/SHA256SUMS)"
	jq -c '{arch,tarball}' out > in
	tool 0 rb-verify --gate < in
}

@test "rb-pack: --sha256sums replaces the line of its tarball alone" {
	root a
	printf '%064d  other\n%064d  runtime_1.0_amd64.tar.gz\n%064d *x_runtime_1.0_amd64.tar.gz' \
	    1 2 3 > SUMS
	tool 0 rb-pack --arch amd64 "${ids[@]}" --sha256sums SUMS a
	is 3 "$(wc -l < SUMS)"
	is "$(field .sha256)  runtime_1.0_amd64.tar.gz" "$(tail -1 SUMS)"
	grep -q '^0*1  other$' SUMS
	grep -q '^0*3 \*x_runtime' SUMS
	cp SUMS before
	tool 0 rb-pack --arch amd64 "${ids[@]}" --sha256sums SUMS a
	diff before SUMS
	tool 3 rb-pack --arch amd64 "${ids[@]}" --sha256sums gone/SUMS a
}

@test "rb-pack: the archive is in order, owned by nobody and of no time" {
	root r
	mkdir r/d r/d-x r/d.y
	: > r/d/z
	rb-pack --arch amd64 "${ids[@]}" -o o.tar.gz r > out
	tar --numeric-owner --full-time -tvzf o.tar.gz > list
	is '0/0 1970-01-01 00:00:00' "$(TZ=UTC tar --numeric-owner --full-time -tvzf o.tar.gz |
	    awk '{ print $2, $4, $5 }' | sort -u)"
	tar -tzf o.tar.gz | sed 's|/$||' > names
	is runtime_1.0_amd64/manifest.json "$(sed -n 2p names)"
	sed 1,2d names > rest
	LC_ALL=C sort rest | diff rest -
	# one gzip member, without name and time
	is '1f8b0800000000' "$(head -c 7 o.tar.gz | od -An -tx1 | tr -d ' \n')"
	gzip -t o.tar.gz
	# manifest.json is for people too
	tar -xOzf o.tar.gz runtime_1.0_amd64/manifest.json > m
	[ "$(wc -l < m)" -gt 10 ]
	is 0 "$(tail -c 1 m | tr -d '\n' | wc -c)"
}

@test "rb-pack: the same bytes whatever the machine does" {
	root r
	cat > in <<'JSON'
{"root":"r","arch":"amd64","bundle":{"name":"runtime","version":"1.0"}}
JSON
	sum() {
		sha256sum < "$1" | cut -c1-64
	}
	rb-pack "${ids[@]}" -o one.tar.gz < in > out
	want=$(sum one.tar.gz)
	for j in 1 2 8; do
		rb-pack -j $j "${ids[@]}" -o two.tar.gz < in > out
		is "$want" "$(sum two.tar.gz)"
	done
	(umask 077 && rb-pack "${ids[@]}" -o two.tar.gz < in > out)
	is "$want" "$(sum two.tar.gz)"
	TZ=Asia/Tokyo LC_ALL=C rb-pack "${ids[@]}" -o two.tar.gz < in > out
	is "$want" "$(sum two.tar.gz)"
	LC_ALL=C.UTF-8 LANG=de_DE.UTF-8 rb-pack "${ids[@]}" -o two.tar.gz < in > out
	is "$want" "$(sum two.tar.gz)"
	# another folder, other times, made in another order
	mkdir -p "else where"
	(cd r && find . | LC_ALL=C sort -r | cpio -pdm --quiet "../else where/r" 2> /dev/null) ||
	    cp -a r "else where/"
	find "else where" -exec touch -h -d @5 {} +
	(cd "else where" && rb-pack "${ids[@]}" -o ../two.tar.gz < ../in > out)
	is "$want" "$(sum two.tar.gz)"
	# components in another order
	rb-pack --component libnvidia_container=1.17.8@6eda4d7 \
	    --component nvidia_container_toolkit=1.17.8@f202b80 \
	    -o two.tar.gz < in > out
	is "$want" "$(sum two.tar.gz)"
	# in another second of the clock
	local now
	now=$(date +%s)
	while [ "$(date +%s)" = "$now" ]; do :; done
	rb-pack "${ids[@]}" -o two.tar.gz < in > out
	is "$want" "$(sum two.tar.gz)"
}

@test "rb-pack: a large file gives the same bytes with 1 thread and with 8" {
	root r
	head -c 20000000 /dev/zero | openssl enc -aes-128-ctr -K 00 -iv 00 2> /dev/null |
	    od -An -tx1 | head -c 30000000 > r/usr/big
	for c in gzip gzip:9 gzip:1 zstd zstd:1; do
		rb-pack -j 1 --compression $c --arch amd64 "${ids[@]}" -o 1 r > out
		rb-pack -j 8 --compression $c --arch amd64 "${ids[@]}" -o 8 r > out
		cmp 1 8
		tool 0 rb-verify 1
	done
}

@test "rb-pack: SOURCE_DATE_EPOCH and --created-at set the times" {
	root r
	SOURCE_DATE_EPOCH=1700000000 tool 0 rb-pack --arch amd64 "${ids[@]}" -o o r
	is 2023-11-14T22:13:20Z "$(field .bundle.created_at)"
	is '2023-11-14 22:13:20' "$(TZ=UTC tar --full-time -tvzf o |
	    awk '{ print $4, $5 }' | sort -u)"
	SOURCE_DATE_EPOCH=1700000000 tool 0 rb-pack --arch amd64 "${ids[@]}" \
	    --created-at 2026-01-02T03:04:05+01:00 -o o r
	is 2026-01-02T03:04:05+01:00 "$(field .bundle.created_at)"
	for t in yesterday 2026-01-02 ''; do
		tool 2 rb-pack --arch amd64 "${ids[@]}" --created-at "$t" -o p r
	done
	[ ! -e p ]
	for t in x -1 1.5 99999999999999; do
		SOURCE_DATE_EPOCH=$t tool 2 rb-pack --arch amd64 "${ids[@]}" -o p r
	done
	[ ! -e p ]
}

@test "rb-pack: zstd by option or by the name of the output" {
	needs zstd
	root r
	tool 0 rb-pack --compression zstd --arch amd64 "${ids[@]}" r
	is "$PWD/runtime_1.0_amd64.tar.zst" "$(field .tarball)"
	zstd -tq runtime_1.0_amd64.tar.zst
	tool 0 rb-verify runtime_1.0_amd64.tar.zst
	tool 0 rb-pack --arch amd64 "${ids[@]}" -o o.tar.zst r
	cmp o.tar.zst runtime_1.0_amd64.tar.zst
	for c in lz4 gzip:0 gzip:10 zstd:20 gzip: zstdx; do
		tool 2 rb-pack --compression $c --arch amd64 "${ids[@]}" r
		[ ! -s out ]
	done
}

# refuses STATUS CODE: rb-pack of r fails so and leaves nothing behind.
refuses() {
	rm -rf dist
	mkdir dist
	tool "$1" rb-pack -d dist --sha256sums dist/SUMS --arch amd64 "${ids[@]}" r
	is "$2" "$(field .error.code)"
	is null "$(field .tarball)"
	is '' "$(ls -A dist)"
}

@test "rb-pack: it refuses what rb-verify would refuse" {
	root r
	chmod u+s r/$toolkit
	refuses 1 unsafe_entry
	is "runtime bundle validation failed: unsafe archive entry: $toolkit: a setuid, setgid or sticky bit" \
	    "$(sed 's/^rb-pack: [^:]*: //' err)"
	chmod u-s r/$toolkit
	chmod +t r/usr
	refuses 1 unsafe_entry
	chmod -t r/usr
	mkfifo r/fifo
	refuses 1 unsafe_entry
	rm r/fifo
	for t in /etc/passwd ../x usr/../../x ''; do
		[ -n "$t" ] || continue
		ln -s "$t" r/link
		refuses 1 unsafe_entry
		rm r/link
	done
	ln -s usr/lib r/a
	ln -s a/../../../x r/b
	refuses 1 unsafe_entry
	rm r/a r/b
	printf x > "r/$(printf 'a\nb')"
	refuses 1 unsafe_entry
	rm r/a*
	printf x > "r/$(printf 'a\377')"
	refuses 1 unsafe_entry
	rm r/a*
	echo '{}' > r/manifest.json
	refuses 1 unsafe_entry
	rm r/manifest.json
	cp r/$toolkit keep
	printf '\267' | dd of=r/$toolkit bs=1 seek=18 conv=notrunc status=none
	refuses 1 elf_arch_mismatch
	cp keep r/$toolkit
	rm r/$toolkit
	refuses 1 required_unlisted
	ln -s nvidia-cdi-hook r/$toolkit
	refuses 1 required_not_file
	rm r/$toolkit
	cp -p keep r/$toolkit
	rm r/usr/lib/*/libnvidia*
	refuses 1 required_glob_missing
	rm -r r
	refuses 1 not_found
}

@test "rb-pack: a missing component or field" {
	root r
	tool 1 rb-pack --arch amd64 --bundle-name n --bundle-version v \
	    --component nvidia_container_toolkit=1@2 r
	is manifest_field_missing "$(field .error.code)"
	is components.libnvidia_container "$(field .error.path)"
	[ ! -e n_v_amd64.tar.gz ]
	for miss in arch bundle-name bundle-version; do
		args=(--arch amd64 "${ids[@]}")
		for i in "${!args[@]}"; do
			if [ "${args[i]}" = --$miss ]; then
				unset "args[i]" "args[i+1]"
			fi
		done
		tool 2 rb-pack "${args[@]}" r
		is field_missing "$(field .error.code)"
	done
	echo '{"arch":"amd64"}' > in
	tool 2 rb-pack "${ids[@]}" < in
	for c in x x=1 x=@c =1@c x=1@ ''; do
		tool 2 rb-pack --arch amd64 --bundle-name n --bundle-version v \
		    --component "$c" r
		[ ! -s out ]
	done
	tool 2 rb-pack --component a=1@2 --component a=1@3 --arch amd64 r
	for v in a/b .. .x '' ' ' "$(printf 'a\nb')"; do
		tool 2 rb-pack --arch amd64 "${ids[@]}" --bundle-version "$v" r
	done
	for c in '{"a":1}' '[]' '{"a":{"version":"1"}}' '{"a":{"version":1,"commit":"x"}}'; do
		echo '{"root":"r","arch":"amd64","bundle":{"name":"n","version":"v","components":'"$c"'}}' > in
		tool 2 rb-pack < in
		is input "$(field .error.kind)"
	done
	is ./root.tar.gz "$(find . -name '*.tar.gz')"
}

@test "rb-pack: another contract, by option or environment" {
	mkdir -p r/bin
	echo x > r/bin/x
	echo '{"name":"mine","required":["bin/x"]}' > c.json
	tool 0 rb-pack --contract c.json --arch arm64 --bundle-name n \
	    --bundle-version 1 r
	is mine "$(field .bundle.contract.name)"
	SLIPWAY_CONTRACT=c.json tool 0 rb-pack --arch arm64 --bundle-name n \
	    --bundle-version 1 r
	tool 1 rb-pack --arch arm64 --bundle-name n --bundle-version 1 r
	tool 1 rb-pack --contract c.json --max-bytes 10 --arch arm64 \
	    --bundle-name n --bundle-version 1 r
	is too_large "$(field .error.code)"
}

@test "rb-pack: a failure leaves an earlier bundle as it was" {
	root r
	rb-pack --arch amd64 "${ids[@]}" r > out
	sha256sum runtime_1.0_amd64.tar.gz > before
	mkfifo r/fifo
	tool 1 rb-pack --arch amd64 "${ids[@]}" r
	sha256sum -c before
	is 'before err out r root.tar.gz runtime_1.0_amd64.tar.gz' \
	    "$(ls -A | LC_ALL=C sort | xargs)"
}

@test "rb-pack: the output may not lie in the root" {
	root r
	for o in r/x.tar.gz r/usr/x.tar.gz; do
		tool 2 rb-pack --arch amd64 "${ids[@]}" -o $o r
		is output_in_root "$(field .error.code)"
	done
	(cd r && tool 2 rb-pack --arch amd64 "${ids[@]}" .)
	[ -z "$(find r -name '*.tar.gz*')" ]
}

@test "rb-pack: a folder that is not there is no place to write" {
	root r
	tool 3 rb-pack --arch amd64 "${ids[@]}" -d gone r
	is system "$(field .error.kind)"
	tool 3 rb-pack --arch amd64 "${ids[@]}" -o gone/x r
}

@test "rb-pack: of two records for one file the first stands" {
	root r
	tool 2 rb-pack "${ids[@]}" --arch amd64 r r
	is '[null,"destination_conflict"]' "$(jq -cs 'map(.error.code)' out)"
	tool 0 rb-verify runtime_1.0_amd64.tar.gz
	tool 2 rb-pack -o o "${ids[@]}" --arch amd64 r --arch arm64 r
}

@test "rb-pack: an unreadable file is a failure of the system" {
	root r
	chmod 0 r/$toolkit
	needs setpriv
	mkdir -m 777 d
	chmod -R a+rX r
	chmod 0 r/$toolkit
	tool 3 as_user rb-pack -d d --arch amd64 "${ids[@]}" r
	is system "$(field .error.kind)"
	grep -q "$toolkit" err
	is '' "$(ls -A d)"
	chmod 755 r/$toolkit
	chmod 0 r/usr/share
	tool 3 as_user rb-pack -d d --arch amd64 "${ids[@]}" r
	is '' "$(ls -A d)"
	chmod 755 r/usr/share
}

@test "rb-pack: a file that changes meanwhile is noticed" {
	root r
	head -c 40000000 /dev/urandom > r/usr/big
	for how in 'printf x | dd of=r/usr/big bs=1 seek=39999990 conv=notrunc status=none' \
	    'truncate -s 30000000 r/usr/big' 'echo x >> r/usr/big'; do
		seen=0
		for i in 1 2 3 4 5 6 7 8; do
			truncate -s 40000000 r/usr/big
			(while [ ! -e stop ]; do sh -c "$how"; done) &
			got=0
			rb-pack --arch amd64 "${ids[@]}" -o o.tar.gz r > out 2> err || got=$?
			: > stop
			wait
			rm stop
			if [ $got -eq 3 ] &&
			    [ "$(field .error.code)" = source_changed ]; then
				seen=1
				[ ! -e o.tar.gz ]
				break
			fi
			# the change came before or after it
			is 0 $got
			rb-verify o.tar.gz > /dev/null
			rm o.tar.gz
		done
		case $how in
		echo*) is 1 $seen ;;
		esac
	done
	is '' "$(find . -name '*.tmp-*')"
}

@test "rb-pack: a full disk leaves nothing" {
	needs_root
	root r
	head -c 400000 /dev/urandom > r/usr/big
	mkdir disk
	mount -t tmpfs -o size=200k none disk || skip "no tmpfs can be mounted"
	tool 3 rb-pack --arch amd64 "${ids[@]}" -d disk r
	is no_space "$(field .error.code)"
	is '' "$(ls -A disk)"
	tool 3 rb-pack --arch amd64 "${ids[@]}" -o /dev/full/x r
}

@test "rb-pack: capabilities of a file are not lost without a word" {
	needs_root
	needs setcap
	root r
	setcap cap_net_raw+ep r/$toolkit || skip "no capabilities on this file system"
	refuses 1 unsafe_entry
}

@test "rb-pack: long names and links, and many files" {
	root r
	d=r/$(printf 'long%.0s/' {1..40})
	mkdir -p "$d"
	printf x > "$d/$(printf 'n%.0s' {1..200})"
	ln -s "$(printf 'l%.0s' {1..200})" r/link
	mkdir r/many
	for i in $(seq 2000); do printf '%d' "$i" > "r/many/$i"; done
	tool 0 rb-pack --arch amd64 "${ids[@]}" -o o.tar.gz r
	tool 0 rb-verify o.tar.gz
	mkdir t
	tar -xpzf o.tar.gz -C t
	rm t/*/manifest.json
	diff -r --no-dereference r t/runtime_1.0_amd64
	command -v bsdtar > /dev/null && bsdtar -tf o.tar.gz > /dev/null
	$python -c 'import tarfile; assert len(tarfile.open("o.tar.gz").getnames()) > 2000'
}

@test "rb-pack: it packs what it unpacked to the same bytes" {
	root r
	rb-pack --arch amd64 "${ids[@]}" -o a.tar.gz r > out
	rb-stage --root stage a.tar.gz > staged
	cp -a "$(field .staged staged)" s
	rm s/manifest.json
	rb-pack --arch amd64 "${ids[@]}" -o b.tar.gz s > out
	cmp a.tar.gz b.tar.gz
}

@test "rb-pack: a full stdout is noticed" {
	root r
	tool 3 sh -c 'rb-pack "$@" > /dev/full' sh --arch amd64 "${ids[@]}" r
}
