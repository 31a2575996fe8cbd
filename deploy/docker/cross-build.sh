#!/bin/sh
# cross-build.sh ARCH PACKAGE OUT - compile one crate of the workspace for ARCH
# (amd64 or arm64) into OUT/ARCH/PACKAGE, on whatever this machine is.
#
# Runs in the compile stage of the Dockerfiles.  OPENSHELL_CARGO_VERSION, where
# set, becomes the workspace's version; SCCACHE_MEMCACHED_ENDPOINT shares what
# was compiled before, where sccache is there.
set -eu

arch=$1 package=$2 out=$3

case $arch in
amd64) target=x86_64-unknown-linux-gnu; triplet=x86_64-linux-gnu ;;
arm64) target=aarch64-unknown-linux-gnu; triplet=aarch64-linux-gnu ;;
*)
	echo "cross-build: unknown architecture: $arch" >&2
	exit 2
	;;
esac

host=$(rustc -vV | sed -n 's/^host: //p')
if [ "$host" != "$target" ]; then
	if ! command -v "$triplet-gcc" > /dev/null; then
		apt-get update
		apt-get install -y --no-install-recommends \
			"gcc-$(echo "$triplet" | tr _ -)" \
			"libc6-dev-$arch-cross"
	fi
	# Where rustup is, it has the other target's standard library.
	if command -v rustup > /dev/null; then
		rustup target add "$target"
	fi
	name=$(echo "$target" | tr 'a-z-' 'A-Z_')
	export "CARGO_TARGET_${name}_LINKER=$triplet-gcc"
fi

if [ -n "${OPENSHELL_CARGO_VERSION:-}" ]; then
	# Only the workspace's own version: the first one in the manifest.
	sed -i "0,/^version = .*/s//version = \"$OPENSHELL_CARGO_VERSION\"/" \
		Cargo.toml
	locked=
else
	locked=--locked
fi
if [ -n "${SCCACHE_MEMCACHED_ENDPOINT:-}" ] &&
	command -v sccache > /dev/null; then
	export RUSTC_WRAPPER=sccache SCCACHE_MEMCACHED_ENDPOINT
fi

# shellcheck disable=SC2086	# empty or one word
cargo build --release $locked --target "$target" -p "$package"
mkdir -p "$out/$arch"
cp "target/$target/release/$package" "$out/$arch/"
