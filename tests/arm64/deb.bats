# deb.bats - this machine's package in a bare system.  scripts/check-arm64.sh
# runs it.

load ../helpers

local_setup() {
	[ -n "${SLIPWAY_DEB:-}" ] || skip "make check-arm64 builds the package"
	[ "$(id -u)" = 0 ] || skip "debootstrap needs root"
	PATH=$PATH:/usr/sbin:/sbin
	peer debootstrap
}

# inside COMMAND...: run it in the bare system.
inside() {
	DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$PWD/root" "$@"
}

@test "deb: installed into a bare system, it works there and goes without a trace" {
	suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
	debootstrap --variant=minbase "$suite" root > log 2>&1 ||
		{ cat log; skip "peer debootstrap fails here"; }
	inside find /usr/bin /usr/share/man /usr/share/doc -path '*slipway*' \
	    > before
	[ ! -s before ]
	cp "$SLIPWAY_DEB" root/tmp/slipway.deb
	if ! inside apt-get -q update > log 2>&1; then
		cat log
		skip "no network in the bare system"
	fi
	inside apt-get -q install -y --no-install-recommends /tmp/slipway.deb
	inside dpkg -V slipway > changed
	diff /dev/null changed

	# A bundle packed, verified, staged and built into an image, in there and
	# out here.
	mkdir root/job
	"$SLIPWAY_ROOT/tests/fixtures/make-payload.sh" payload \
	    "$(dpkg --print-architecture)"
	cp -r payload root/job/
	cat > work.sh <<-'SH'
	set -eu
	cd "$1"
	arch=$2
	printf 'FROM scratch\nARG TARGETARCH\nCOPY stage/${TARGETARCH}/*/ /\n' > Dockerfile
	rb-pack -d . --bundle-name b --bundle-version 1 --component \
		nvidia_container_toolkit=1@a --component libnvidia_container=1@b \
		--arch "$arch" payload > packed
	rb-verify < packed | rb-stage --root stage |
		img-build -f Dockerfile -t b:1 -o oci:image:1 . > built
	manifest-assemble --inspect oci:image:1 > inspected
	sha256sum *.tar.gz image/index.json > sums
	SH
	cp work.sh root/job/
	mkdir out
	cp -r payload out/
	inside sh /job/work.sh /job "$(dpkg --print-architecture)"
	sh work.sh "$PWD/out" "$(dpkg --print-architecture)"
	diff out/sums root/job/sums
	inside pipeline-report.sh --help > help
	[ -s help ]

	inside apt-get -q purge -y slipway
	inside find /usr /etc /var/lib -name '*slipway*' ! -path '/var/lib/dpkg/*' > left
	diff /dev/null left
	for t in $(make -s -C "$SLIPWAY_ROOT" print-TOOLS); do
		[ ! -e root/usr/bin/$t ]
	done
}
