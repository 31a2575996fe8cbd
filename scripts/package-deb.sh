#!/usr/bin/env bash
# package-deb.sh [--root DIR] [ARCH] - the Debian package of the tools for ARCH
# (amd64, arm64; this machine's), $B/slipway_VERSION_ARCH.deb.
#
# Another machine's is cross-built against a sysroot of its packages; both end
# in the same bytes wherever they are built from the same packages.  The one
# time in it is SOURCE_DATE_EPOCH, else 0.  Prints the package's path.
#
#   --root DIR	package what `make install DESTDIR=DIR PREFIX=/usr` left there
#
# B			the build directory (build)
# DEBFULLNAME, DEBEMAIL	who is to be asked about the package
# SYSROOT_SOURCES	see make-sysroot.sh
set -euo pipefail
umask 022
root='' arch=''
while [ $# -gt 0 ]; do
	case $1 in
	--root)
		[ $# -gt 1 ] || { echo "missing argument of --root" >&2; exit 2; }
		root=$(realpath "$2")
		shift
		;;
	-*) echo "unknown argument: $1" >&2; exit 2 ;;
	*) arch=$1 ;;
	esac
	shift
done
cd "$(dirname "${BASH_SOURCE[0]}")/.."
B=$(realpath -m "${B:-build}")

# need PROGRAM...
need() {
	local program

	for program; do
		command -v "$program" > /dev/null || {
			echo "$program is missing: a Debian package needs it" >&2
			exit 1
		}
	done
}
need dpkg dpkg-deb dpkg-shlibdeps
host=$(dpkg --print-architecture)
arch=${arch:-$host}
case $arch in
amd64) triplet=x86_64-linux-gnu ;;
arm64) triplet=aarch64-linux-gnu ;;
*) echo "unsupported architecture: $arch (amd64 or arm64)" >&2; exit 2 ;;
esac
need "$triplet-gcc" "$triplet-strip"
version=$(make -s print-VERSION)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0} LC_ALL=C TZ=UTC
work=$B/deb-$arch
tree=$work/debian/slipway
sysroot=$B/sysroot-$arch

# Without -g, so that no name of a folder gets in.
build() {
	local flags=(CFLAGS=-O2)

	if [ "$arch" != "$host" ]; then
		scripts/make-sysroot.sh "$sysroot" "$arch"
		# shellcheck source=/dev/null
		. "$sysroot/env"
		flags+=(CC="$CROSS_CC")
	fi
	make -s -j"$(nproc)" B="$work/build" "${flags[@]}" WERROR=1 \
		DESTDIR="$work/root" PREFIX=/usr install >&2
	root=$work/root
}

# What the programs are linked to, as package relations.
depends() {
	local options=() package

	printf 'Source: slipway\n\nPackage: slipway\nArchitecture: any\n' \
		> "$work/debian/control"
	if [ "$arch" != "$host" ]; then
		for package in "$sysroot"/packages/*; do
			options+=(-S"$package")
		done
	fi
	(cd "$work" && DEB_HOST_ARCH=$arch dpkg-shlibdeps -O "${options[@]}" \
		"${programs[@]}") | sed -n 's/^shlibs:Depends=//p'
}

copyright() {
	cat <<-TEXT
	Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
	Upstream-Name: slipway

	Files: *
	Copyright: the authors of Slipway
	License: Apache-2.0
	 On Debian systems the text of the Apache License, version 2.0, is in
	 /usr/share/common-licenses/Apache-2.0.
	TEXT
}

# Sizes as dpkg counts them: kibibytes, each file rounded up.
control() {
	cat <<-TEXT
	Package: slipway
	Version: $version
	Architecture: $arch
	Maintainer: ${DEBFULLNAME:-The authors of Slipway} <${DEBEMAIL:-root@localhost}>
	Installed-Size: $(find "$tree" ! -path "$tree/DEBIAN*" -printf '%y %s\n' |
		awk '{ n += $1 == "f" ? int(($2 + 1023) / 1024) : 1 }
		END { print n }')
	Depends: $1
	Recommends: ca-certificates, jq
	Section: utils
	Priority: optional
	Description: small filters from a runtime bundle to a container image
	 Unix filters that carry a runtime bundle from a release page into a
	 published multi-architecture container image: they download, verify and
	 stage bundles, build images, join them under one tag, and say what must be
	 rebuilt.  No daemon, no container engine and no root is needed.
	TEXT
}

mkdir -p "$work"
rm -rf "${work:?}"/{root,debian}
[ -n "$root" ] || build
mkdir "$work/debian"
cp -r "$root" "$tree"
mkdir "$tree/DEBIAN"
mapfile -t programs < <(find "$tree/usr/bin" -type f ! -name '*.sh' | sort)
[ ${#programs[@]} -gt 0 ] || { echo "no programs in $root" >&2; exit 1; }
"$triplet-strip" --strip-unneeded -R .comment -R .note "${programs[@]}"
find "$tree/usr/share/man" -type f -exec gzip -9n {} +
rm -f "$tree/usr/share/doc/slipway/LICENSE"
copyright > "$tree/usr/share/doc/slipway/copyright"
needed=$(depends)
(cd "$tree" && find usr -type f -print0 | sort -z | xargs -0 md5sum) \
	> "$tree/DEBIAN/md5sums"
control "$needed" > "$tree/DEBIAN/control"
find "$tree" -type d -exec chmod 755 {} +
find "$tree" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
deb=$B/slipway_${version}_$arch.deb
# More than one thread, and xz cuts elsewhere.
DPKG_DEB_THREADS_MAX=1 dpkg-deb --root-owner-group -Zxz --build "$tree" \
	"$deb.new" > /dev/null
mv "$deb.new" "$deb"
echo "$deb"
