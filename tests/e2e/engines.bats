# engines.bats - the example's Dockerfiles by the native engine, with programs
# that were compiled before, and by others, which compile them in their stage:
# the same files come out.

load ../helpers
load ../engine

fixtures=$SLIPWAY_ROOT/tests/fixtures

setup_file() {
	E2E=$(mktemp -d /tmp/e2e-XXXXXX)
	export E2E
	case $(uname -m) in
	x86_64) ARCH=amd64 ;;
	*) ARCH=arm64 ;;
	esac
	export ARCH
	"$fixtures/make-payload.sh" "$E2E/payload" $ARCH
	"$fixtures/make-bases.sh" "$E2E"
	"$fixtures/make-rust.sh" "$E2E" > "$E2E/rust" 2>&1 || echo $? >> "$E2E/rust"
	"$fixtures/make-example.sh" "$E2E/openshell"
	cd "$E2E/openshell"
	"$SLIPWAY_ROOT/scripts/package-chart.sh"
	rb-pack -d "$E2E" --bundle-name openshell-gpu-runtime-bundle \
		--bundle-version 0.1.0 \
		--component nvidia_container_toolkit=1.17.8@f202b80 \
		--component libnvidia_container=1.17.8@95d3e86 \
		--arch $ARCH "$E2E/payload" |
		jq -c '{arch, tarball, sha256}' | rb-verify | rb-stage \
		> "$E2E/staged.jsonl"
}

teardown_file() {
	chmod -R u+w "$E2E"
	rm -rf "$E2E"
}

local_setup() {
	[ "$(id -u)" = 0 ] || skip "owners need root"
	needs jq umoci skopeo busybox
	[ ! -s "$E2E/rust" ] || skip "peer rust: $(head -n 1 "$E2E/rust")"
	unset DOCKER_HOST DOCKER_CONTEXT BUILDAH_LAYERS
	export DOCKER_CONFIG=$PWD/docker
	mkdir docker && echo '{}' > docker/config.json
	cd "$E2E/openshell"
	W=$BATS_TEST_TMPDIR
}

local_teardown() {
	engine_stop
}

# unpack TAG: as a tree in $W/TAG/rootfs.
unpack() {
	umoci unpack --image "$W/o:$1" "$W/$1" > /dev/null 2>&1
}

# listing TAG: all that a file system says of each file.
listing() {
	(
		cd "$W/$1/rootfs" || exit
		find . -mindepth 1 -printf '%P %y %m %U:%G %l\n' | sort
		find . -type f -exec sha256sum {} + | sort -k 2
	)
}

# What the images are asked for in common: all but time and history.
asked='.config | {User, Env, Cmd, Entrypoint, ExposedPorts, Healthcheck, Volumes} |
	with_entries(select(.value | IN(null, "", {}, []) | not))'

# same COMPONENT STAGE ENGINE OPTION...: the Dockerfile of the component by the
# engine, which compiles in its stage; what it compiles; and the same natively
# with that.  One is as the other.
same() {
	local file=deploy/docker/Dockerfile.$1 stage=$2 engine=$3

	shift 3
	tool 0 img-build --engine "$engine" -f "$file" --context . "$@" \
		-o "oci:$W/o:engine" < "$W/in"
	grep 'RUN cross-build' err
	is "$engine" "$(field .image.engine)"
	tool 0 img-build --engine "$engine" -f "$file" --context . "$@" \
		--target "$stage" -o "oci:$W/o:stage" < "$W/in"
	unpack stage
	tool 0 img-build -f "$file" --context . \
		--build-arg "K3S_IMAGE=oci:$E2E/bases:k3s" \
		--build-arg "BASE_IMAGE=oci:$E2E/bases:base" \
		--build-context "$stage=$W/stage/rootfs" \
		-o "oci:$W/o:native" < "$E2E/staged.jsonl"
	is native "$(field .image.engine)"
	unpack engine
	unpack native
	listing native > "$W/want"
	[ -s "$W/want" ]
	listing engine | diff "$W/want" -
	for tag in engine native; do
		skopeo inspect --config --raw "oci:$W/o:$tag" | jq -S "$asked" \
			> "$W/config.$tag"
	done
	diff "$W/config.engine" "$W/config.native"
}

@test "engines: docker's cluster image is the native one" {
	needs unshare
	# its RUN needs a network; dockerd may make one where nobody else is
	dockerd() { exec unshare -n "$(type -P dockerd)" "$@"; }
	docker_start --bridge=
	[ -x /usr/bin/docker ] || skip "docker's own client is not installed"
	for base in k3s rust; do
		echo "FROM oci:$E2E/bases:$base" > "$W/df"
		img-build --platform linux/$ARCH -f "$W/df" -t $base:1 --load . \
			> /dev/null
	done
	# docker build has no place for the staged bundle but the context
	jq -c '{arch}' "$E2E/staged.jsonl" > "$W/in"
	same cluster supervisor docker --build-arg K3S_IMAGE=k3s:1 \
		--build-arg RUST_IMAGE=rust:1
	"$W/native/rootfs/opt/openshell/bin/openshell-sandbox" true
}

@test "engines: buildah's gateway and cluster images are the native ones" {
	needs buildah
	printf '[storage]\ndriver = "overlay"\ngraphroot = "%s"\nrunroot = "%s"\n' \
		"$W/st" "$W/rr" > "$W/storage.conf"
	export CONTAINERS_STORAGE_CONF=$W/storage.conf BUILDAH_LAYERS=true
	buildah info > "$W/log" 2>&1 ||
		skip "buildah has no overlay here: $(tail -n 1 "$W/log")"
	# a staged bundle elsewhere is a build context
	jq -c '{arch, tarball, sha256}' "$E2E/staged.jsonl" |
		rb-stage --root "$W/staged" > "$W/in"
	# buildah 1.28 finds no build context by the name that an ARG gives
	echo "FROM oci:$E2E/bases:rust" > "$W/df"
	img-build --platform linux/$ARCH -f "$W/df" -t localhost/rust:1 \
		-o "docker-archive:$W/rust.tar" . > /dev/null
	buildah pull -q "docker-archive:$W/rust.tar"
	same gateway gateway buildah --build-arg RUST_IMAGE=localhost/rust:1 \
		--build-context "base=oci:$E2E/bases:base"
	rm -rf "${W:?}"/{engine,native,stage,o}
	same cluster supervisor buildah --build-arg RUST_IMAGE=localhost/rust:1 \
		--build-context "k3s=oci:$E2E/bases:k3s"
	buildah rmi -a -f > /dev/null 2>&1 || :
}
