# package.bats - the Debian package that scripts/package-deb.sh makes of an
# installed tree.  tests/arm64 has what takes longer: both architectures,
# built for it, and installed.

load helpers

local_setup() {
	needs dpkg-deb dpkg-shlibdeps make
	package=$SLIPWAY_ROOT/scripts/package-deb.sh
	make -s -C "$SLIPWAY_ROOT" -o all B="$SLIPWAY_BIN" DESTDIR="$PWD/root" \
	    PREFIX=/usr install
	arch=$(dpkg --print-architecture)
	version=$(make -s -C "$SLIPWAY_ROOT" print-VERSION)
	deb=$PWD/b/slipway_${version}_$arch.deb
}

@test "package-deb: a package has all that is installed, and says what it needs" {
	B=$PWD/b tool 0 "$package" --root root
	is "$deb" "$(cat out)"
	f() { dpkg-deb -f "$deb" "$1"; }
	is "slipway $version $arch" "$(f Package) $(f Version) $(f Architecture)"
	for p in libarchive13 libc6 libcurl4 libjq1 libssl3 libgit2; do
		[[ "$(f Depends)" =~ (^|, )${p}[^,]*\ \(\>= ]]
	done
	grep -q jq <(f Recommends)
	(cd root/usr && find . -type f -printf '%m %p\n' |
	    sed '/man\//s/$/.gz/; s/LICENSE/copyright/' | sort) > want
	dpkg-deb -x "$deb" x
	(cd x/usr && find . -type f -printf '%m %p\n' | sort) | diff want -
	dpkg-deb -c "$deb" | awk '$2 != "root/root" { exit 1 }'
	dpkg-deb -e "$deb" control
	(cd x && md5sum --quiet -c ../control/md5sums)
	is "$(find x -type f | wc -l)" "$(wc -l < control/md5sums)"
	# What was stripped still runs, and the pages are whole.
	is "rb-stage $version" "$(x/usr/bin/rb-stage --version)"
	zcat x/usr/share/man/man1/rb-stage.1.gz |
	    diff - "$SLIPWAY_ROOT/man/rb-stage.1"
	grep -q common-licenses/Apache-2.0 x/usr/share/doc/slipway/copyright
}

@test "package-deb: the same bytes in another folder, time zone, locale and umask" {
	B=$PWD/b tool 0 "$package" --root root
	mv root again
	find again -exec touch -d 2001-02-03 {} +
	(umask 077 && TZ=Asia/Tokyo LC_ALL=C.UTF-8 B=$PWD/c \
	    tool 0 "$package" --root again "$arch")
	cmp "$deb" "c/${deb##*/}"
	SOURCE_DATE_EPOCH=86400 B=$PWD/b tool 0 "$package" --root again
	dpkg-deb -c "$deb" | awk '$4 != "1970-01-02" { exit 1 }'
}

@test "package-deb: what can't be done is said" {
	tool 2 "$package" riscv64
	is 'unsupported architecture: riscv64 (amd64 or arm64)' "$(cat err)"
	tool 2 "$package" --wrong
	is 'unknown argument: --wrong' "$(cat err)"
	tool 2 "$package" --root
	is 'missing argument of --root' "$(cat err)"
	tool 2 "$SLIPWAY_ROOT/scripts/make-sysroot.sh" x riscv64
	[ ! -e x ]
	rm root/usr/bin/*
	B=$PWD/b tool 1 "$package" --root root
	grep -q 'no programs' err
	[ ! -e "$deb" ]
}
