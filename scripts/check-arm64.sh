#!/usr/bin/env bash
# check-arm64.sh - the packages, and the tools for arm64 run by qemu-user.
#
# Makes both packages, builds the unit programs for arm64 as well, and runs
# tests/arm64 and those suites that an emulator can run.  The tools of this
# machine, which the others are compared with, are in $B (build).
set -euo pipefail
exec < /dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/deps.sh
. scripts/lib/deps.sh
B=$(realpath -m "${B:-build}")
export SLIPWAY_BIN=$B
suites=(rb-pack rb-verify rb-stage img-build manifest-assemble fp-diff records)

deps_install build demo test deb arm64
SLIPWAY_DEB=$(B=$B scripts/package-deb.sh)
export SLIPWAY_DEB
if [ "$(uname -m)" = aarch64 ]; then
	echo "this machine is arm64: its own suites are the check"
	exec bats tests/arm64/deb.bats
fi
SLIPWAY_DEB_ARM64=$(B=$B scripts/package-deb.sh arm64)
export SLIPWAY_DEB_ARM64

# What the package has, and the unit programs.
arm64=$B/arm64
rm -rf "$arm64"
mkdir -p "$arm64/bin/tests/unit"
dpkg-deb -x "$SLIPWAY_DEB_ARM64" "$arm64/root"
sysroot=$B/sysroot-arm64
# shellcheck source=/dev/null
(. "$sysroot/env" && make -s -j"$(nproc)" B="$B/deb-arm64/build" CFLAGS=-O2 \
	CC="$CROSS_CC" WERROR=1 units)

# wrap NAME PROGRAM: NAME runs it.  The loader is named, not qemu's -L: that
# would look for every file in the sysroot first.
qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64)
library=$sysroot/root/lib/aarch64-linux-gnu
wrap() {
	printf '#!/bin/sh\nexec %s %s --library-path %s --argv0 %s %s "$@"\n' \
		"$qemu" "$library/ld-linux-aarch64.so.1" \
		"$library:$sysroot/root/usr/lib/aarch64-linux-gnu" \
		"${1##*/}" "$2" > "$arm64/bin/$1"
	chmod +x "$arm64/bin/$1"
}
for tool in $(make -s print-TOOLS); do
	wrap "$tool" "$arm64/root/usr/bin/$tool"
done
for unit in tests/unit/*.c; do
	unit=${unit%.c}
	wrap "$unit" "$B/deb-arm64/build/$unit"
done
export SLIPWAY_ARM64=$arm64/bin

# What suites ask for this machine's name.
mkdir "$arm64/names"
printf '#!/bin/sh\n[ "$*" != -m ] || { echo aarch64; exit; }\nexec %s "$@"\n' \
	"$(command -v uname)" > "$arm64/names/uname"
chmod +x "$arm64/names/uname"

status=0
bats tests/arm64/*.bats || status=1
# shellcheck disable=SC2046	# names of ours
PATH=$arm64/names:$PATH SLIPWAY_BIN=$SLIPWAY_ARM64 \
	scripts/run-suites.sh "${suites[@]}" \
	$(basename -as .c tests/unit/*.c | sed 's|^|unit/|') || status=1
exit $status
