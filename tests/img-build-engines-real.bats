#!/usr/bin/env bats
# img-build with the engines that people have: what they build is what a record
# says of it.

load helpers
load engine
load registry

local_setup() {
	needs jq busybox
	[ "$(id -u)" = 0 ] || skip "owners need root"
	file -L "$(command -v busybox)" | grep -q 'statically linked' ||
		skip "busybox is not installed as a static program"
	unset DOCKER_HOST DOCKER_CONTEXT BUILDAH_LAYERS
	export HOME=$PWD DOCKER_CONFIG=$PWD/docker TMPDIR=$PWD/tmp
	mkdir tmp docker c
	echo '{}' > docker/config.json
	echo f > c/f
	root base
	cat > c/Dockerfile <<-'END'
		FROM base AS compile
		ARG V=0
		RUN echo "made $V" > /made && chmod 4751 /made
		FROM base AS unused
		RUN false
		FROM scratch
		COPY --from=compile /made /bin/
		COPY f /bin/
		HEALTHCHECK CMD ["/bin/made"]
		USER 5:6
	END
}

# root DIR: a root file system that RUN can use, and an image of it in ./base.
root() {
	mkdir -p "$1/bin" "$1/tmp" "$1/etc"
	cp "$(command -v busybox)" "$1/bin/busybox"
	for p in sh cat chmod echo ls false sleep; do
		ln -s busybox "$1/bin/$p"
	done
	printf 'FROM scratch\nCOPY . /\nENV PATH=/bin\n' > base.df
	img-build --platform linux/amd64 -f base.df -o oci:bases:1 "$1" \
	    > /dev/null
}

build() {
	img-build --platform linux/amd64 "$@"
}

# The image's config and the names and modes of its files.
config() {
	skopeo inspect --config --raw "$1" | jq -r "$2"
}
files() {
	rm -rf u
	umoci unpack --image "$1" u > /dev/null 2>&1
	(cd u/rootfs && find . -mindepth 1 -printf '%P %m %U\n' | sort | xargs)
}

# sound ENGINE: ./out and the image o:1 are what c/Dockerfile asks for.
sound() {
	is "$1 linux/amd64" "$(field '.image | "\(.engine) \(.platform)"')"
	is "$(skopeo inspect --raw oci:o:1 | sha256sum | cut -c 1-64)" \
	    "$(field .image.digest | cut -d : -f 2)"
	is "5:6 /bin/made" "$(config oci:o:1 \
	    '.config | "\(.User) \(.Healthcheck.Test[1])"')"
	is "bin 755 0 bin/f 644 0 bin/made 4751 0" "$(files o:1)"
	is "made 1 x" "$(cat u/rootfs/bin/made)"
	is "" "$(ls -A tmp)"
}

buildah_start() {
	needs buildah umoci skopeo
	printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' \
	    "$PWD/st" "$PWD/rr" > storage.conf
	export CONTAINERS_STORAGE_CONF=$PWD/storage.conf
	printf 'FROM base\nRUN true\n' > probe
	buildah build -q --build-context base=container-image://oci:bases:1 \
	    -f probe c > log 2>&1 ||
		skip "buildah can not run programs here: $(tail -n 1 log)"
	buildah rmi -a -f > /dev/null 2>&1
}

local_teardown() {
	registry_stop_all
	[ ! -e st ] || buildah rmi -a -f > /dev/null 2>&1 || :
	[ ! -s buildkit.pid ] || kill "$(cat buildkit.pid)" || :
	engine_stop
}

@test "img-build: buildah builds what has RUN, twice the same" {
	buildah_start
	tool 0 build --build-context base=oci:bases:1 --build-arg 'V=1 x' \
	    -o oci:o:1 c
	sound buildah
	grep 'amd64: .*STEP .*: RUN echo "made' err
	# but for the base, which has no name
	is 1 "$(buildah images -q | wc -l)"
	is 0 "$(buildah images -q --filter dangling=false | wc -l)"
	jq -c .image out > first
	touch c/f
	tool 0 build -q --no-cache --build-context base=oci:bases:1 \
	    --build-arg 'V=1 x' -o oci:o:1 c
	jq -c .image out | diff first -
	[ ! -s err ]
	# an archive, Docker's types, annotations
	tool 0 build -q --build-context base=oci:bases:1 --format docker \
	    --build-arg 'V=1 x' -t x:1 -o docker-archive:a.tar c
	is application/vnd.docker.distribution.manifest.v2+json \
	    "$(field .image.media_type)"
	is "$(jq -r .config_digest first)" "$(field .image.config_digest)"
	is /bin/made "$(config docker-archive:a.tar .config.Healthcheck.Test[1])"
	tool 0 build -q --build-context base=oci:bases:1 --annotation a=b \
	    --label l=m --dry-run c
	tool 0 build -q --build-context base=oci:bases:1 --annotation a=b \
	    --label l=m -o oci:o:2 c
	is b "$(skopeo inspect --raw oci:o:2 | jq -r .annotations.a)"
	is m "$(config oci:o:2 .config.Labels.l)"
}

@test "img-build: what buildah builds is pushed as what we build" {
	needs docker-registry
	buildah_start
	registry_start reg
	tool 0 build --build-context base=oci:bases:1 --build-arg 'V=1 x' \
	    -t "$registry/me/app:1" -o oci:o:1 --push c
	sound buildah
	is "docker://$registry/me/app@$(field .image.digest)" \
	    "$(field .image.location)"
	skopeo copy -q --src-tls-verify=false "docker://$registry/me/app:1" \
	    oci:p:1
	is "$(field .image.digest | cut -d : -f 2)" \
	    "$(skopeo inspect --raw oci:p:1 | sha256sum | cut -c 1-64)"
}

@test "img-build: buildah's layers are kept where one asks for it" {
	buildah_start
	export BUILDAH_LAYERS=true
	tool 0 build --build-context base=oci:bases:1 --build-arg 'V=1 x' \
	    -o oci:o:1 c
	sound buildah
	tool 0 build --build-context base=oci:bases:1 --build-arg 'V=1 x' \
	    -o oci:o:1 c
	grep 'Using cache' err
	sound buildah
}

@test "img-build: a failing RUN of buildah's is its refusal" {
	buildah_start
	tool 1 build --build-context base=oci:bases:1 --target unused -o oci:o:1 c
	is engine_failed "$(field .error.code)"
	field .error.detail | grep 'RUN false'
	[ ! -e o ]
	# and nothing of it goes on when we are killed
	local sleeps=4$$

	printf 'FROM base\nRUN echo started; sleep %s\n' $sleeps > c/Dockerfile
	img-build --platform linux/amd64 --build-context base=oci:bases:1 \
	    --dry-run c > out 2> err 3>&- &
	for _ in $(seq 600); do
		! grep -q 'amd64: started' err || break
		sleep 0.05
	done
	pgrep -f "^sleep $sleeps$"
	kill $!
	wait $! || :
	for _ in $(seq 200); do
		pgrep -f "^sleep $sleeps$" > /dev/null || break
		sleep 0.05
	done
	! pgrep -f "^sleep $sleeps$" || return 1
}

@test "img-build: secrets reach buildah's RUN and nobody else" {
	buildah_start
	printf s3cret > token
	printf 'FROM base\nRUN --mount=type=secret,id=t cat /run/secrets/t > /got\n' \
	    > c/Dockerfile
	tool 0 build --build-context base=oci:bases:1 --secret id=t,src=token \
	    -o oci:o:1 c
	files o:1 > /dev/null
	is s3cret "$(cat u/rootfs/got)"
	! grep s3cret out err || return 1
}

@test "img-build: contexts of every kind, a staged bundle and another platform" {
	buildah_start
	needs python3
	skopeo copy -q oci:bases:1 oci-archive:base.oci.tar
	skopeo copy -q oci:bases:1 docker-archive:base.tar:base:1
	mkdir dir && echo d > dir/made
	cat > c/Dockerfile <<-'END'
		FROM one AS a
		RUN false
		FROM two AS b
		RUN ls /bin/sh > /b
		FROM scratch AS runtime-bundle
		RUN false
		FROM three
		COPY --from=a /made /a
		COPY --from=b /b /b
		COPY --from=runtime-bundle /manifest.json /m
	END
	python3 -ES "$SLIPWAY_ROOT/tests/data/make-bundle.py" b.tar.gz
	rb-stage --root staged --arch amd64 b.tar.gz > in
	tool 0 img-build --engine buildah --build-context a=dir \
	    --build-context "unused=oci:bases@$(skopeo inspect --raw \
	    oci:bases:1 | sha256sum | sed 's/\(.*\)  -/sha256:\1/')" \
	    --build-context two=oci-archive:base.oci.tar \
	    --build-context three=docker-archive:base.tar \
	    -o oci:o:1 --context c < in
	files o:1 > /dev/null
	is d "$(cat u/rootfs/a)"
	is /bin/sh "$(cat u/rootfs/b)"
	cmp staged/amd64/*/manifest.json u/rootfs/m
	printf 'FROM scratch\nCOPY f /\n' > c/Dockerfile
	tool 0 img-build --engine buildah --platform linux/arm64 -o oci:o:2 c
	is "arm64 linux/arm64" "$(config oci:o:2 .architecture) $(field \
	    .image.platform)"
}

# dockerd in a network of its own, where it may do as it likes: RUN needs one.
dockerd() {
	exec unshare -n "$(type -P dockerd)" "$@"
}

docker_client() {
	needs unshare umoci skopeo
	docker_start --bridge=
	DOCKER=/usr/bin/docker
	[ -x "$DOCKER" ] || skip "docker's own client is not installed"
	tar -C base -c . | "$DOCKER" import -c 'ENV PATH=/bin' - base > /dev/null
}

@test "img-build: docker builds what has RUN" {
	docker_client
	tool 0 build --build-arg 'V=1 x' -o oci:o:1 c
	sound docker
	grep 'amd64: #[0-9]* .*RUN echo "made' err
	# it stays in the engine where it is wanted there alone
	tool 0 build --build-arg 'V=1 x' -t me/app:1 -t me/app:2 --load c
	is "base:latest me/app:1 me/app:2" "$(engine_tags)"
	is "null $(engine_api /images/me/app:1/json | jq -r .Id)" \
	    "$(field '.image | "\(.digest) \(.config_digest)"')"
	is docker-daemon:me/app:1 "$(field .image.location)"
	tool 0 build --build-arg 'V=1 x' --text -o docker-daemon:me/app:3 c
	grep '^        config sha256:' out
	# the digest of its manifest is known where it comes out
	tool 0 build --build-arg 'V=1 x' -t me/app:4 --load --digestfile d c
	is "$(field .image.digest)" "$(cat d)"
	is "base:latest me/app:1 me/app:2 me/app:3 me/app:4" "$(engine_tags)"
	tool 1 build --target unused -o oci:o:2 c
	is engine_failed "$(field .error.code)"
	field .error.detail | grep 'executor failed running'
	printf s3cret > token
	printf 'FROM base\nRUN --mount=type=secret,id=t cat /run/secrets/t > /got\n' \
	    > c/Dockerfile
	tool 0 build --secret id=t,src=token -o oci:o:3 c
	files o:3 > /dev/null
	is s3cret "$(cat u/rootfs/got)"
	! grep s3cret out err || return 1
	printf 'FROM scratch\nCOPY f /\n' > c/Dockerfile
	tool 0 img-build --engine docker --platform linux/arm64 -o oci:o:4 c
	is arm64 "$(config oci:o:4 .architecture)"
	is "" "$(ls -A tmp)"
}

buildx_start() {
	peer buildx
	mkdir -p docker/cli-plugins
	ln -s "$(command -v buildx)" docker/cli-plugins/docker-buildx
}

@test "img-build: buildx builds in the engine" {
	buildx_start
	docker_client
	tool 0 build --build-arg 'V=1 x' -o oci:o:1 c
	sound docker
	grep 'using docker driver' err
	tool 0 build --builder default --build-arg 'V=1 x' -t me/app:1 --load c
	is "base:latest me/app:1" "$(engine_tags)"
	is "$(engine_api /images/me/app:1/json | jq -r .Id)" \
	    "$(field .image.config_digest)"
	tool 1 build --builder nobody -o oci:o:1 c
	is engine_missing "$(field .error.code)"
	grep "buildx has no builder 'nobody' (.*no builder" err
}

@test "img-build: buildx builds on another machine's BuildKit, twice the same" {
	buildx_start
	peer buildkitd
	needs umoci skopeo runc
	ENGINE=$(mktemp -d /tmp/ib-XXXXXX)
	buildkitd --root "$ENGINE/root" --addr "unix://$ENGINE/s" \
	    --oci-worker-net=host > log 2>&1 3>&- &
	echo $! > buildkit.pid
	for _ in $(seq 200); do
		! docker buildx create --name far --driver remote --bootstrap \
		    "unix://$ENGINE/s" > log2 2>&1 || break
		docker buildx rm far > /dev/null 2>&1 || :
		sleep 0.1
	done
	docker buildx inspect far | grep '^Driver: *remote' ||
		skip "peer buildkitd does not start here"
	skopeo copy -q oci:bases:1 docker-archive:base.tar:base:1
	for cached in '' --no-cache; do
		tool 0 build --builder far --build-context base=oci:bases:1 \
		    --cache-to type=local,dest=cache --build-arg 'V=1 x' \
		    --annotation a=b $cached -o oci:o:1 c
		sound docker
		field .image.digest >> digests
		touch c/f
	done
	is 1 "$(sort -u digests | wc -l)"
	is b "$(skopeo inspect --raw oci:o:1 | jq -r .annotations.a)"
	jq -e '.manifests | length > 0' cache/index.json
	# a base's layers are as they were
	printf 'FROM base\nRUN echo > /x\n' > c/Dockerfile
	tool 0 build --builder far --build-context base=docker-archive:base.tar \
	    -o oci:o:2 c
	skopeo inspect oci:bases:1 | jq -r '.Layers[]' > want
	field '.image.layers[0].digest' | diff want -
}
