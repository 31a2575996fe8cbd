# layouts.bats - the tools for arm64 and this machine's write the same bytes.
# scripts/check-arm64.sh runs it.

load ../helpers

local_setup() {
	[ -n "${SLIPWAY_ARM64:-}" ] || skip "make check-arm64 builds the tools"
}

@test "arm64: the tools are this machine's version" {
	for t in $(make -s -C "$SLIPWAY_ROOT" print-TOOLS); do
		"$SLIPWAY_ARM64/$t" --version > arm64
		"$SLIPWAY_BIN/$t" --version | diff - arm64
	done
}

@test "arm64: bundles and layouts are byte for byte those of this machine" {
	for d in own arm64; do
		bin=$SLIPWAY_BIN
		[ $d = own ] || bin=$SLIPWAY_ARM64
		SLIPWAY_BIN=$bin DEMO_DIR=$PWD/$d \
		    tool 0 "$SLIPWAY_ROOT/scripts/demo.sh"
	done
	# A stamp has its own tarball's inode and times.
	for part in images bases SHA256SUMS openshell/deploy/docker/.build; do
		diff -r --no-dereference -x '.*.stamp' own/$part arm64/$part
	done
	for f in own/*.tar.gz; do
		cmp "$f" "arm64/${f#own/}"
	done
	# Both did all of it.
	is 2 "$(ls own/*.tar.gz | wc -l)"
	[ "$(find arm64/images/blobs -type f | wc -l)" -gt 8 ]
}
