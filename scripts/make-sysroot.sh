#!/usr/bin/env bash
# make-sysroot.sh DIR ARCH - what the tools for ARCH (amd64, arm64) are linked
# to, unpacked from Debian packages into DIR/root.
#
# apt gets its own lists, cache and (empty) status below DIR: the system's own
# configuration and packages stay as they are, and no root is needed.
# DIR/packages keeps each package by itself, with its control files, for
# dpkg-shlibdeps.  DIR/env, sourced, sets what `make` needs: CROSS_CC for its CC
# and pkg-config's environment.  A DIR that is finished is left alone.
#
# SYSROOT_SOURCES	a sources list that has ARCH, where the system's own
#			has not (Ubuntu keeps some architectures elsewhere)
set -euo pipefail

usage() {
	echo "usage: make-sysroot.sh DIR ARCH" >&2
	exit 2
}
[ $# -eq 2 ] || usage
dir=$(realpath -m "$1") arch=$2
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/deps.sh
. scripts/lib/deps.sh
case $arch in
amd64) triplet=x86_64-linux-gnu ;;
arm64) triplet=aarch64-linux-gnu ;;
*) usage ;;
esac
[ ! -e "$dir/env" ] || exit 0

# The libraries that the build needs, by Debian's names.
mapfile -t packages < <(deps_table | awk -F '\t' '
	$1 == "build" && $2 ~ /^\??(pc|h):/ { print $3 }' | sort -u)

rm -rf "$dir"
mkdir -p "$dir"/{lists,cache/archives}/partial "$dir/packages" "$dir/root"
: > "$dir/status"
apt=(apt-get -q -o APT::Architecture="$arch" -o APT::Architectures="$arch"
	-o Dir::State::lists="$dir/lists" -o Dir::Cache="$dir/cache"
	-o Dir::State::status="$dir/status" -o APT::Sandbox::User=
	-o Debug::NoLocking=true)
if [ -n "${SYSROOT_SOURCES:-}" ]; then
	apt+=(-o Dir::Etc::sourcelist="$(realpath "$SYSROOT_SOURCES")"
		-o Dir::Etc::sourceparts=-)
fi
"${apt[@]}" update > "$dir/log" 2>&1 || :
"${apt[@]}" -y --no-install-recommends --download-only install \
	"${packages[@]}" >> "$dir/log" 2>&1 || {
	cat "$dir/log" >&2
	echo "no packages for $arch: SYSROOT_SOURCES may name a sources list" \
		"that has them" >&2
	exit 3
}

# A link in a package leads from the root of the system.
for deb in "$dir"/cache/archives/*.deb; do
	name=${deb##*/}
	dpkg-deb -R "$deb" "$dir/packages/${name%%_*}"
	dpkg-deb --fsys-tarfile "$deb" | tar -xf - -C "$dir/root"
done
find "$dir/root" -type l -lname '/*' | while IFS= read -r link; do
	ln -sfnr "$dir/root$(readlink "$link")" "$link"
done
rm -rf "$dir/cache" "$dir/lists"
pc=$dir/root/usr/lib/$triplet/pkgconfig:$dir/root/usr/share/pkgconfig
{
	printf 'CROSS_CC=%q\n' "$triplet-gcc --sysroot=$dir/root"
	printf 'export PKG_CONFIG_SYSROOT_DIR=%q\n' "$dir/root"
	printf 'export PKG_CONFIG_LIBDIR=%q\n' "$pc"
} > "$dir/env"
