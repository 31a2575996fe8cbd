# helpers.bash - what every suite loads.
#
# The tools under test are those in $SLIPWAY_BIN (make check sets it), else
# build/.  Each test runs in an empty folder of its own.

SLIPWAY_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SLIPWAY_BIN=${SLIPWAY_BIN:-$SLIPWAY_ROOT/build}
PATH=$SLIPWAY_BIN:$PATH
unset SOURCE_DATE_EPOCH SLIPWAY_CONTRACT GITHUB_ACTIONS GITHUB_OUTPUT

setup() {
	# bats before 1.4 (Ubuntu 22.04) makes no folder.
	if [ -z "${BATS_TEST_TMPDIR:-}" ]; then
		BATS_TEST_TMPDIR=$(mktemp -d) || return 1
		helpers_tmp=$BATS_TEST_TMPDIR
	fi
	cd "$BATS_TEST_TMPDIR" || return 1
	umask 022
	if declare -F local_setup > /dev/null; then
		local_setup
	fi
}

teardown() {
	if declare -F local_teardown > /dev/null; then
		local_teardown
	fi
	if [ -n "${helpers_tmp:-}" ]; then
		cd / && rm -rf "$helpers_tmp"
	fi
}

# tool STATUS COMMAND...: run it with its output in ./out and its messages in
# ./err, and require exactly STATUS.  Files, because $output loses newlines at
# the end; an exact status, because "not 0" also accepts a crash.
tool() {
	local want=$1 got=0

	shift
	"$@" > out 2> err || got=$?
	printf '%s -> %s (want %s)\n' "$*" "$got" "$want"
	cat err
	[ "$got" -eq "$want" ]
}

# needs PROGRAM...: skip with the reason where one is missing.  Other projects'
# programs that a test only asks for their opinion are peers: their tests may
# be skipped in CI too.
needs() {
	local p

	for p; do
		command -v "$p" > /dev/null && continue
		case $p in
		buildah | crane | docker | dockerd | go | helm | regctl | \
			skopeo | umoci | qemu-*) skip "peer $p is not installed" ;;
		*) skip "$p is not installed" ;;
		esac
	done
}
peer() {
	local p

	for p; do
		command -v "$p" > /dev/null || skip "peer $p is not installed"
	done
}

# is WANTED FOUND: equal strings, shown where they differ.
is() {
	if [ "$1" != "$2" ]; then
		printf 'wanted: %s\nfound:  %s\n' "$1" "$2"
		return 1
	fi
}

# field FILTER [FILE]: a value out of ./out (or FILE), by jq.
field() {
	jq -r "$1" "${2:-out}"
}
