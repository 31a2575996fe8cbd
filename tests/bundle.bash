# bundle.bash - bundles for tests, made on the fly, and what the tools say.

make_bundle=$SLIPWAY_ROOT/tests/data/make-bundle.py
# a shim in front of Python costs more than the bundle
python=/usr/bin/python3
[ -x $python ] || python=python3
prefix='runtime bundle validation failed: '

# bundle FILE [ARCH] [OPTION CODE]...: an honest bundle, or one with a fault;
# the options are those of make-bundle.py.
bundle() {
	$python -ES "$make_bundle" "$@"
}

# judged CODE MESSAGE: every record of ./out was refused so, and every line of
# ./err, one a record, says so behind the prefix.
judged() {
	jq -r '.error | "\(.kind) \(.code) \(.message)"' out | sort -u > found
	printf 'check %s %s\n' "$1" "$2" | diff - found
	is "$(wc -l < out)" "$(wc -l < err)"
	# what stands in parentheses behind the message is the detail
	is "$(wc -l < out)" "$(grep -cF ": $prefix$2" err)"
}

# refused CODE MESSAGE COMMAND...: status 1 and nothing but such refusals.
refused() {
	tool 1 "${@:3}"
	judged "$1" "$2"
}

# fault CODE MESSAGE [OPTION CODE]...: an amd64 bundle with the fault is refused
# so, with its manifest first and last, and by --all-errors too.
fault() {
	rm -f bad.tar.gz bad.tar.gz.last
	bundle bad.tar.gz amd64 -o both "${@:3}"
	refused "$1" "$2" rb-verify --arch amd64 bad.tar.gz*
	refused "$1" "$2" rb-verify --all-errors --arch amd64 bad.tar.gz*
	jq -r '.error.all[0] | "check \(.code) \(.message)"' out | sort -u |
	    diff - found
	jq -e 'select(.error) | .bundle == null' out > /dev/null
	head -1 out > one
	mv one out
}

# unsafe PATH WHY [OPTION CODE]...: an entry that is refused as unsafe.
unsafe() {
	fault unsafe_entry "unsafe archive entry: $1: $2" "${@:3}"
}

# damaged [OPTION CODE]...: an archive that readers could take for two trees.
damaged() {
	fault archive_damaged 'tar extraction reported warnings or errors' "$@"
	grep -q '"detail":"' out
}

# sound FILE [OPTION...]: rb-verify accepts it.
sound() {
	tool 0 rb-verify "$@"
	[ ! -s err ]
}

# tree DIR: modes, types, targets and digests of all that is in it, sorted.
tree() (
	cd "$1" || return 1
	find . -mindepth 1 \( -type l -printf '%p l %l\n' \) -o \
	    \( -type d -printf '%p d %m\n' \) -o -printf '%p %y %m %s\n' |
	    LC_ALL=C sort
	# an ordinary user can not read them all
	find . -type f -readable -print0 | LC_ALL=C sort -z | xargs -0r sha256sum
)

# as_user COMMAND...: as an ordinary user, who reaches the test's folder; the
# files are the caller's business.
as_user() {
	local d

	if [ "$(id -u)" -ne 0 ]; then
		"$@"
		return
	fi
	for d in "$PWD" "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/.." \
	    "$BATS_TEST_TMPDIR/../.."; do
		chmod a+x "$d"
	done
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

needs_root() {
	[ "$(id -u)" -eq 0 ] || skip "root alone can mount"
}
