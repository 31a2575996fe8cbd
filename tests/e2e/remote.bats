# remote.bats - remote-deploy.sh with a real sshd and a real rsync, and a
# registry that takes the images.

load ../helpers
load ../bundle
load ../registry

fixtures=$SLIPWAY_ROOT/tests/fixtures
arch=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
# A place that a shell would make something else of.
odd="it's \$(touch evil) \"here\""

local_setup() {
	local name

	for name in $(compgen -e); do
		case $name in
		OPENSHELL_* | DOCKER_* | IMAGE_*) unset "$name" ;;
		esac
	done
	registry_start registry
	sshd_start
	"$fixtures/make-bases.sh" "$PWD"
	"$fixtures/make-prebuilt.sh" "$PWD/prebuilt" "$arch"
	"$fixtures/make-example.sh" "$PWD/my repo"
	bundle "my repo/-a 'b.tar.gz" "$arch"
	mkdir -p 'my repo/target' 'my repo/.cache' 'my repo/crates/target'
	touch 'my repo/target/big' 'my repo/.cache/mine' \
	    'my repo/crates/target/source.rs'
	cd 'my repo' || return
}

local_teardown() {
	registry_stop_all
	[ ! -s "$BATS_TEST_TMPDIR/sshd.pid" ] ||
		kill "$(cat "$BATS_TEST_TMPDIR/sshd.pid")"
}

# sshd_start: one for us alone, which ssh knows as `there`.
sshd_start() {
	local sshd port tries=0

	peer ssh ssh-keygen rsync
	sshd=$(PATH=$PATH:/usr/sbin command -v sshd) ||
	    skip "peer sshd is not installed"
	[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f host
	ssh-keygen -q -t ed25519 -N '' -f "k'ey 1"
	cp "k'ey 1.pub" authorized
	mkdir bin there
	# shellcheck disable=SC2016
	printf '#!/bin/sh\nprintf "%%s|" openshell "$@" >> "%s/calls"\n' "$PWD" \
	    > there/openshell
	until [ -s sshd.pid ]; do
		[ $((tries += 1)) -le 5 ] ||
		    skip "peer sshd does not start here: $(tail -n 1 sshd.log)"
		port=$(python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
		sshd_conf "$port" > sshd.conf
		"$sshd" -D -e -f sshd.conf > sshd.log 2>&1 3>&- &
		registry_until 10 sshd_decided $! || :
	done
	cat > ssh.conf <<-CONF
	Host there
	HostName 127.0.0.1
	Port $port
	User $(id -un)
	StrictHostKeyChecking no
	UserKnownHostsFile $PWD/known
	IdentitiesOnly yes
	BatchMode yes
	LogLevel ERROR
	CONF
	printf '#!/bin/sh\nexec %s -F "%s/ssh.conf" "$@"\n' \
	    "$(command -v ssh)" "$PWD" > bin/ssh
	chmod 755 bin/ssh there/openshell
	PATH=$PWD/bin:$PATH
	ssh -i "k'ey 1" there true 2> log ||
	    skip "peer sshd lets nobody in here: $(cat log)"
}

# SetEnv is what a login there has in its environment.
sshd_conf() {
	cat <<-CONF
	ListenAddress 127.0.0.1
	Port $1
	HostKey $PWD/host
	AuthorizedKeysFile $PWD/authorized
	StrictModes no
	PidFile $PWD/sshd.pid
	PasswordAuthentication no
	PermitRootLogin prohibit-password
	SetEnv PATH=$SLIPWAY_BIN:$PWD/there:$PATH K3S_IMAGE=oci:$PWD/bases:k3s BASE_IMAGE=oci:$PWD/bases:base OPENSHELL_PREBUILT=$PWD/prebuilt DOCKER_PUSH=1 IMAGE_REGISTRY=$registry/r
	CONF
}
sshd_decided() {
	[ -s sshd.pid ] || ! kill -0 "$1" 2> /dev/null
}

digest() {
	curl -fsI --noproxy '*' -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
	    "http://$registry/v2/$1/manifests/$2" |
	    tr -d '\r' | sed -n 's/^[Dd]ocker-[Cc]ontent-[Dd]igest: //p'
}

deploy() {
	tool "$1" "$SLIPWAY_ROOT/scripts/remote-deploy.sh" there \
	    --ssh-key "../k'ey 1" --remote-dir "$BATS_TEST_TMPDIR/there/$odd" \
	    --name "n'1" --image-tag t1 "${@:2}"
}

@test "remote-deploy: sync and build, then build again what is there" {
	there=$BATS_TEST_TMPDIR/there/$odd
	deploy 0 --runtime-bundle-tarball "-a 'b.tar.gz" --port 9
	[ -n "$(digest r/cluster t1)" ]
	[ -n "$(digest r/gateway t1)" ]
	is "openshell|gateway|start|--name|n'1|--port|9|" \
	    "$(cat "$BATS_TEST_TMPDIR/calls")"
	cmp -- "-a 'b.tar.gz" "$there/.cache/runtime-bundles/-a 'b.tar.gz"
	cmp Cargo.lock "$there/Cargo.lock"
	[ -e "$there/crates/target/source.rs" ]
	[ ! -e "$there/target" ]
	[ ! -e "$there/.cache/mine" ]
	is '' "$(find "$BATS_TEST_TMPDIR" -name evil)"
	# What goes here goes there; what is built there stays.
	rm "$BATS_TEST_TMPDIR/calls" Cargo.lock
	: > "$there/.cache/theirs"
	deploy 0 --runtime-bundle-tarball "-a 'b.tar.gz" --recreate
	[ ! -e "$there/Cargo.lock" ]
	[ -e "$there/.cache/theirs" ]
	[ -d "$there/deploy/docker/.build/runtime-bundle/$arch" ]
	grep -q -- '--recreate|' "$BATS_TEST_TMPDIR/calls"
	# Without a sync, what was changed here is not there.
	rm "$BATS_TEST_TMPDIR/calls"
	: > new
	deploy 0 --skip-sync \
	    --remote-runtime-bundle-tarball ".cache/runtime-bundles/-a 'b.tar.gz"
	[ ! -e "$there/new" ]
	[ -s "$BATS_TEST_TMPDIR/calls" ]
	# A bad bundle is refused there, and nothing is started.
	rm "$BATS_TEST_TMPDIR/calls"
	echo bad > bad.tar.gz
	deploy 1 --runtime-bundle-tarball bad.tar.gz
	grep -q 'runtime bundle validation failed: ' err
	[ ! -e "$BATS_TEST_TMPDIR/calls" ]
}
