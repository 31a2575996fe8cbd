# pipeline.bats - the whole path, from payloads to one multi-arch image, and
# what other people's programs make of it.

load ../helpers

fixtures=$SLIPWAY_ROOT/tests/fixtures

setup_file() {
	E2E=$(mktemp -d)
	export E2E
	chmod 755 "$E2E"
	for arch in amd64 arm64; do
		"$fixtures/make-payload.sh" "$E2E/payload/$arch" $arch
	done
	"$fixtures/make-prebuilt.sh" "$E2E/prebuilt"
	"$fixtures/make-bases.sh" "$E2E"
	"$fixtures/make-example.sh" "$E2E/openshell"
	(cd "$E2E/openshell" && "$SLIPWAY_ROOT/scripts/package-chart.sh")
	pack "$E2E"
	run_pipe "$E2E" "$E2E/bundles.jsonl"
	# For the users that some tests become.
	chmod -R go+rX "$E2E"
}

teardown_file() {
	if [ -e "$E2E/docker.pid" ]; then
		kill "$(cat "$E2E/docker.pid")"
		while kill -0 "$(cat "$E2E/docker.pid")" 2> /dev/null; do
			sleep .1
		done
	fi
	chmod -R u+w "$E2E"
	rm -rf "$E2E"
}

# $EMU stands before each of our programs: an emulator and its options.
EMU=()
ours() {
	local name=$1

	shift
	"${EMU[@]}" "$SLIPWAY_BIN/$name" "$@"
}

# pack DIR: both payloads as bundles in DIR, records in DIR/bundles.jsonl.
pack() {
	ours rb-pack -d "$1" --bundle-name openshell-gpu-runtime-bundle \
		--bundle-version 0.1.0 "${J[@]}" \
		--component nvidia_container_toolkit=1.17.8@f202b80 \
		--component libnvidia_container=1.17.8@95d3e86 \
		--arch amd64 "$E2E/payload/amd64" \
		--arch arm64 "$E2E/payload/arm64" > "$1/bundles.jsonl"
}

# run_pipe DIR RECORDS: the pipe, in DIR/openshell, into the layout DIR/images;
# what comes out is in DIR/cluster.jsonl.
J=()
run_pipe() {
	(
		set -o pipefail
		cd "$1/openshell"
		jq -c '{arch, tarball, sha256, size}' "$2" |
			ours rb-verify --gate "${J[@]}" |
			ours rb-stage "${J[@]}" |
			ours img-build -f deploy/docker/Dockerfile.cluster "${J[@]}" \
				--build-arg "K3S_IMAGE=oci:$E2E/bases:k3s" \
				--build-context "supervisor=$E2E/prebuilt/supervisor" \
				-t 'openshell/cluster:dev-{arch}' -o oci:../images . |
			ours manifest-assemble -t openshell/cluster:dev \
				-o oci:../images:dev \
				--require linux/amd64,linux/arm64 > ../cluster.jsonl
	)
}

# The same example in another folder, with other times.
another() {
	mkdir -p "$1"
	cp -a "$E2E/openshell" "$1/openshell"
	rm -rf "$1/openshell/deploy/docker/.build/runtime-bundle"
	find "$1/openshell" -exec touch -hd "$2" {} +
}

sanitized() {
	grep -q '__[at]san_init' "$SLIPWAY_BIN/rb-verify"
}

@test "pipeline: one index comes out, of both platforms, with its whole story" {
	is 1 "$(wc -l < "$E2E/cluster.jsonl")"
	is null "$(field .error "$E2E/cluster.jsonl")"
	is "linux/amd64 linux/arm64" \
		"$(field '[.index.manifests[].platform] | join(" ")' "$E2E/cluster.jsonl")"
	digest=$(field .index.digest "$E2E/cluster.jsonl")
	is "$digest" "sha256:$(sha256sum < "$E2E/images/blobs/sha256/${digest#sha256:}" | cut -d ' ' -f 1)"
	is "amd64 arm64" "$(field '[.parts[].arch] | sort | join(" ")' "$E2E/cluster.jsonl")"
	for arch in amd64 arm64; do
		is "$(sha256sum < "$E2E/openshell-gpu-runtime-bundle_0.1.0_$arch.tar.gz" | cut -d ' ' -f 1)" \
			"$(field ".parts[] | select(.arch == \"$arch\").sha256" "$E2E/cluster.jsonl")"
	done
	is "img-build manifest-assemble rb-stage rb-verify" \
		"$(field '[.trace[].tool] | unique | join(" ")' "$E2E/cluster.jsonl")"
}

@test "pipeline: the layout is valid by another program's reading" {
	"$SLIPWAY_ROOT/tests/layout-check.py" "$E2E/images"
}

@test "pipeline: the image says what the Dockerfile says" {
	digest=$(field '.parts[0].image.config_digest' "$E2E/cluster.jsonl")
	config=$E2E/images/blobs/sha256/${digest#sha256:}
	is '["/usr/local/bin/cluster-entrypoint.sh"]' "$(jq -c .config.Entrypoint "$config")"
	is '["server"]' "$(jq -c .config.Cmd "$config")"
	is '{"Test":["CMD","/usr/local/bin/cluster-healthcheck.sh"],"Interval":5000000000,"Timeout":5000000000,"StartPeriod":20000000000,"Retries":60}' \
		"$(jq -c '.config.Healthcheck | {Test, Interval, Timeout, StartPeriod, Retries}' "$config")"
	is '6443/tcp 8080/tcp' "$(jq -r '.config.ExposedPorts | keys | join(" ")' "$config")"
}

@test "pipeline: skopeo inspects and copies the index and each platform" {
	peer skopeo
	skopeo inspect --raw "oci:$E2E/images:dev" > raw
	cmp raw "$E2E/images/blobs/sha256/$(field .index.digest "$E2E/cluster.jsonl" | cut -d : -f 2)"
	skopeo copy --all --quiet "oci:$E2E/images:dev" oci:all:dev
	skopeo inspect --raw oci:all:dev | cmp - raw
	for arch in amd64 arm64; do
		skopeo copy --override-arch $arch --quiet "oci:$E2E/images:dev" "oci:one-$arch:dev"
		is $arch "$(skopeo --override-arch $arch inspect "oci:one-$arch:dev" | jq -r .Architecture)"
	done
}

@test "pipeline: umoci unpacks every file as the bundle promised it" {
	peer umoci
	for arch in amd64 arm64; do
		umoci unpack --rootless --image "$E2E/images:dev-$arch" $arch
		n=$("$SLIPWAY_ROOT/tests/e2e/compare-tree.py" \
			"$E2E/openshell-gpu-runtime-bundle_0.1.0_$arch.tar.gz" $arch/rootfs)
		[ "$n" -gt 15 ]
		root=$arch/rootfs
		cmp "$E2E/prebuilt/supervisor/$arch/openshell-sandbox" $root/opt/openshell/bin/openshell-sandbox
		is 755 "$(stat -c %a $root/opt/openshell/bin/openshell-sandbox)"
		cmp "$SLIPWAY_ROOT/deploy/docker/cluster-entrypoint.sh" $root/usr/local/bin/cluster-entrypoint.sh
		ls $root/opt/openshell/charts/openshell-0.1.0.tgz \
			$root/opt/openshell/manifests/openshell-chart.yaml \
			$root/opt/openshell/gpu-manifests/nvidia-runtime-class.yaml
	done
}

@test "pipeline: the arm64 image's programs run" {
	emu=$(command -v qemu-aarch64-static || command -v qemu-aarch64) ||
		skip "peer qemu-aarch64 is not installed"
	peer umoci
	umoci unpack --rootless --image "$E2E/images:dev-arm64" i
	"$emu" i/rootfs/bin/k3s --version | grep arm64
	"$emu" i/rootfs/opt/openshell/bin/openshell-sandbox --version | grep arm64
	"$emu" i/rootfs/usr/bin/nvidia-ctk | grep 'nvidia-ctk.*arm64'
}

# A Docker daemon of our own, for the rest of the file.
docker_up() {
	peer dockerd docker skopeo
	[ "$(id -u)" -eq 0 ] || skip "peer dockerd needs root"
	export DOCKER_HOST=unix://$E2E/docker.sock
	[ ! -e "$E2E/docker.pid" ] || return 0
	dockerd --data-root "$E2E/docker" --exec-root "$E2E/docker.run" \
		-H "$DOCKER_HOST" -p "$E2E/docker.pid" --iptables=false \
		--bridge=none > "$E2E/docker.log" 2>&1 3>&- &
	for ((i = 0; i < 300; i++)); do
		docker version > /dev/null 2>&1 && return 0
		[ -d "/proc/$!" ] || break
		sleep .1
	done
	tail -n 5 "$E2E/docker.log"
	rm -f "$E2E/docker.pid"
	grep -qE 'ermitted|ermission|cgroup|mount' "$E2E/docker.log" &&
		skip "peer dockerd can't run here: $(tail -n 1 "$E2E/docker.log")"
	return 1
}

host_arch() { uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/'; }

@test "pipeline: docker runs the host's cluster image, and it is healthy" {
	docker_up
	skopeo copy --quiet "oci:$E2E/images:dev-$(host_arch)" docker-archive:a.tar:openshell/cluster:dev
	docker load -q -i a.tar
	docker run -d --name cluster --network none openshell/cluster:dev
	for ((i = 0; i < 100; i++)); do
		docker logs cluster | grep -q 'k3s is up' && break
		sleep .1
	done
	docker exec cluster cat /run/k3s-calls | grep -x 'k3s server'
	docker exec cluster /usr/local/bin/cluster-healthcheck.sh
	docker exec cluster ls /var/lib/rancher/k3s/server/static/charts/openshell-0.1.0.tgz \
		/var/lib/rancher/k3s/server/manifests/openshell-chart.yaml
	docker exec cluster /usr/bin/nvidia-ctk | grep '^nvidia-ctk 1.17.8'
	docker stop -t 10 cluster
	is 0 "$(docker inspect -f '{{.State.ExitCode}}' cluster)"
	docker rm cluster
}

@test "pipeline: the gateway image is built for both, and docker runs it" {
	cd "$E2E/openshell"
	img-build --platform linux/amd64,linux/arm64 \
		-f deploy/docker/Dockerfile.gateway \
		--build-arg "BASE_IMAGE=oci:$E2E/bases:base" \
		--build-context "gateway=$E2E/prebuilt/gateway" \
		-t 'openshell/gateway:dev-{arch}' -o "oci:$BATS_TEST_TMPDIR/gw" . |
		manifest-assemble -t openshell/gateway:dev \
			-o "oci:$BATS_TEST_TMPDIR/gw:dev" \
			--require linux/amd64,linux/arm64 > "$BATS_TEST_TMPDIR/out"
	cd "$BATS_TEST_TMPDIR"
	"$SLIPWAY_ROOT/tests/layout-check.py" gw
	digest=$(field '.parts[0].image.config_digest')
	is '65532:65532 8080/tcp openshell-server' \
		"$(jq -r '"\(.config.User) \(.config.ExposedPorts | keys[0]) \(.config.Entrypoint[0])"' \
			"gw/blobs/sha256/${digest#sha256:}")"
	docker_up
	skopeo copy --quiet "oci:gw:dev-$(host_arch)" docker-archive:g.tar:openshell/gateway:dev
	docker load -q -i g.tar
	docker run -d --name gateway --network none --read-only openshell/gateway:dev
	for ((i = 0; i < 100; i++)); do
		docker logs gateway | grep -qx 'listening on port 8080' && break
		sleep .1
	done
	docker logs gateway | grep -x 'listening on port 8080'
	docker stop -t 10 gateway
	is 0 "$(docker inspect -f '{{.State.ExitCode}}' gateway)"
	docker rm gateway
}

@test "pipeline: another folder, clock, umask, locale, zone and -j give the same bytes" {
	another "$PWD/b" '2031-07-08 09:10:11'
	(
		umask 077
		export TZ=Pacific/Kiritimati LC_ALL=C.UTF-8 LANG=tr_TR.UTF-8
		J=(-j 1)
		pack b
		run_pipe b "$PWD/b/bundles.jsonl"
	)
	for arch in amd64 arm64; do
		cmp "$E2E/openshell-gpu-runtime-bundle_0.1.0_$arch.tar.gz" \
			"b/openshell-gpu-runtime-bundle_0.1.0_$arch.tar.gz"
	done
	diff -r "$E2E/images" b/images
}

@test "pipeline: another user gives the same bytes" {
	[ "$(id -u)" -eq 0 ] || skip "only root can become another user"
	command -v setpriv || skip "setpriv is not installed"
	another "$E2E/c" '2001-02-03 04:05:06'
	chown -R 65534:65534 "$E2E/c"
	export -f ours pack run_pipe
	export SLIPWAY_BIN
	# shellcheck disable=SC2016
	setpriv --reuid=65534 --regid=65534 --clear-groups bash -c '
		set -e; J=(-j 8) EMU=(); cd "$E2E"; pack c
		run_pipe c "$E2E/c/bundles.jsonl"'
	diff -r "$E2E/images" "$E2E/c/images"
}

@test "pipeline: an old and a new processor give the same bytes" {
	case $(uname -m) in
	x86_64) emu=qemu-x86_64 cpus='Nehalem Haswell' ;;
	aarch64) emu=qemu-aarch64 cpus='cortex-a53 max' ;;
	*) skip "peer qemu: no pair of processors for $(uname -m)" ;;
	esac
	emu=$(command -v "$emu-static" || command -v "$emu") ||
		skip "peer $emu is not installed"
	! sanitized || skip "peer qemu does not run a sanitizer's build"
	for cpu in $cpus; do
		another "$PWD/$cpu" '2011-01-01 01:01:01'
		# What qemu can't give of a processor it says, and goes on.
		EMU=("$emu" -cpu "$cpu")
		pack "$cpu" 2> warnings
		run_pipe "$cpu" "$PWD/$cpu/bundles.jsonl" 2>> warnings
		cmp "$E2E/openshell-gpu-runtime-bundle_0.1.0_arm64.tar.gz" \
			"$cpu/openshell-gpu-runtime-bundle_0.1.0_arm64.tar.gz"
		diff -r "$E2E/images" "$cpu/images"
	done
}

@test "pipeline: one bad bundle of the two, and nothing comes out" {
	another "$PWD/d" '2020-01-01'
	cp "$E2E"/*_arm64.tar.gz d/bad.tar.gz
	printf '\377' | dd of=d/bad.tar.gz bs=1 seek=5000000 conv=notrunc status=none
	jq -c --arg bad "$PWD/d/bad.tar.gz" 'if .arch == "arm64" then
		{arch, tarball: $bad} else . end' "$E2E/bundles.jsonl" > d/records
	tool 1 run_pipe d "$PWD/d/records"
	grep 'runtime bundle validation failed: tar extraction reported warnings or errors' err
	[ ! -e d/images ] || [ -z "$(ls d/images/blobs/sha256)" ]
	[ -z "$(ls -A d/openshell/deploy/docker/.build/runtime-bundle 2> /dev/null)" ]
	is "archive_damaged held_back" \
		"$(jq -r '.error.code' d/cluster.jsonl | sort | tr '\n' ' ' | sed 's/ $//')"
}

@test "pipeline: half a release is refused" {
	another "$PWD/h" '2020-01-01'
	head -n 1 "$E2E/bundles.jsonl" > h/records
	tool 1 run_pipe h "$PWD/h/records"
	[ ! -e h/images/index.json ] ||
		is null "$(jq -c '[.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "dev")][0]' h/images/index.json)"
}

# A bundle of a few kilobytes that meets the contract.
small_bundle() {
	mkdir -p s/usr/bin s/usr/lib/x86_64-linux-gnu s/etc/nvidia-container-runtime
	for n in cdi-hook container-runtime container-runtime-hook container-cli ctk; do
		echo "program $n" > s/usr/bin/nvidia-$n
		chmod 755 s/usr/bin/nvidia-$n
	done
	echo 'a = 1' > s/etc/nvidia-container-runtime/config.toml
	seq 500 > s/usr/lib/x86_64-linux-gnu/libnvidia-container.so.1.17.8
	ln -s libnvidia-container.so.1.17.8 s/usr/lib/x86_64-linux-gnu/libnvidia-container.so.1
	rb-pack -o small.tar.gz --bundle-name b --bundle-version 1 --arch amd64 \
		--component nvidia_container_toolkit=1@a \
		--component libnvidia_container=1@b s > record
}

# flips FILE COUNT: COUNT places spread over FILE, one bit flipped in each, are
# refused by rb-stage and leave nothing, or give the tree at ./good.
flips() {
	local size at bit byte status same=0

	size=$(stat -c %s "$1")
	for ((i = 0; i < $2; i++)); do
		at=$((i * (size - 1) / ($2 - 1))) bit=$((i % 8))
		cp "$1" flipped
		byte=$(od -An -tu1 -j "$at" -N 1 flipped)
		# shellcheck disable=SC2059
		printf "\\x$(printf %02x $((byte ^ 1 << bit)))" |
			dd of=flipped bs=1 seek="$at" conv=notrunc status=none
		status=0
		rb-stage --root r --arch amd64 flipped > out 2> err || status=$?
		case $status in
		0)
			diff -r good r/amd64
			same=$((same + 1))
			;;
		1) [ ! -e r/amd64 ] ;;
		*)
			echo "bit $bit of byte $at: status $status"
			cat err
			return 1
			;;
		esac
	done
	echo "$same of $2 were in no content"
	[ "$same" -lt $(($2 / 4)) ]
}

@test "pipeline: a flipped bit is refused, or is in no content" {
	small_bundle
	rb-stage --root good.d --arch amd64 small.tar.gz > out
	ln -s good.d/amd64 good
	flips small.tar.gz 240
	# The gzip around it tells most of it; the tar inside must too.
	gzip -dc small.tar.gz > small.tar
	flips small.tar 160
}

@test "pipeline: a flipped bit in a real bundle is refused" {
	cp "$E2E"/*_amd64.tar.gz real.tar.gz
	rb-stage --root good.d --arch amd64 real.tar.gz > out
	ln -s good.d/amd64 good
	flips real.tar.gz 16
}

@test "pipeline: make install needs no root, make uninstall leaves nothing" {
	as=()
	if [ "$(id -u)" -eq 0 ]; then
		command -v setpriv || skip "setpriv is not installed"
		as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	fi
	mkdir "$E2E/install"
	chmod 777 "$E2E/install"
	prefix="$E2E/install/a prefix"
	mk() {
		"${as[@]}" make -s -C "$SLIPWAY_ROOT" -o all B="$SLIPWAY_BIN" \
			PREFIX="$prefix" "$@"
	}
	mk install
	for t in rb-fetch rb-pack rb-verify rb-stage img-build \
	    manifest-assemble; do
		"$prefix/bin/$t" --version | grep -Ex "$t [0-9]+\.[0-9]+\.[0-9]+"
		cmp "$SLIPWAY_ROOT/man/$t.1" "$prefix/share/man/man1/$t.1"
	done
	cmp "$SLIPWAY_ROOT/man/records.5" "$prefix/share/man/man5/records.5"
	mk uninstall
	is "" "$(find "$prefix" ! -type d)"
}

@test "pipeline: the demo shows the index and both platforms" {
	DEMO_DIR=$PWD/demo "$SLIPWAY_ROOT/scripts/demo.sh" > out
	grep -E '^  index +sha256:[0-9a-f]{64}  openshell/cluster:dev$' out
	grep -E '^  linux/amd64  sha256:[0-9a-f]{64}  ' out
	grep -E '^  linux/arm64  sha256:[0-9a-f]{64}  ' out
}
