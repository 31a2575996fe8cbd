#!/usr/bin/env bats
# img-build: which engine builds, and what reaches it.  The engines here are
# small programs on PATH that note what they were called with.

load helpers

local_setup() {
	needs jq
	unset DOCKER_CONTEXT BUILDAH_LAYERS
	export HOME=$PWD DOCKER_HOST=unix://$PWD/none TMPDIR=$PWD/tmp
	IMG_BUILD=$(command -v img-build)
	mkdir tmp bin c
	echo f > c/f
	printf 'FROM scratch AS b\nCOPY f /\nRUN make\nFROM scratch\nCOPY --from=b /f /\n' \
	    > c/Dockerfile
}

# ours ARG...: img-build, with the programs that ./bin has (or $DIRS) and no
# others.
ours() {
	env PATH="${DIRS:-$PWD/bin}" "$IMG_BUILD" "$@"
}

build() {
	ours --platform linux/amd64 "$@"
}

# fake NAME [COMMANDS]: a program that notes its arguments, each ended by a NUL,
# in ./argv and does COMMANDS.  docker has answers for what it is asked before.
fake() {
	cat > "bin/$1" <<-END
		#!/bin/sh
		case \$1-\$2 in
		buildx-version) echo "github.com/docker/buildx v0.99 x"; exit ;;
		buildx-inspect) printf 'Name: n\nDriver: %s\n' "\${DRIVER-remote}"; exit ;;
		esac
		printf '%s\\0' "\$@" > "$PWD/argv"
		$2
	END
	chmod +x "bin/$1"
}

# plain NAME: a docker without buildx; BUILDKIT says if it has BuildKit.
plain() {
	fake docker 'echo no'
	sed -i 's/^buildx-version.*/buildx-*) exit 1 ;;/
		s/^buildx-inspect.*/build---help) echo "$BUILDKIT"; exit ;;/' bin/docker
}

# has ARGUMENT...: the program got each of them, as it is here.
has() {
	local want arg found

	for want; do
		found=no
		while IFS= read -r -d '' arg; do
			[ "$arg" != "$want" ] || found=yes
		done < argv
		[ $found = yes ] || {
			printf 'no argument: %s\n' "$want"
			tr '\0' '\n' < argv
			return 1
		}
	done
}

everything=(
	--build-arg 'A=a "quoted" $(word)'$'\n'"second 'line'" --build-arg B=
	--target 'b' --secret 'id=s,src=/a b' --secret 'id=t,env=T'
	--ssh 'default=/sock et' --cache-from 'type=local,src=/x y'
	--cache-to 'type=local,dest=/z' --no-cache --pull --label 'l=a b'
	--build-context 'n=c d'
)
alike=(
	'--build-arg=A=a "quoted" $(word)'$'\n'"second 'line'" --build-arg=B=
	--target=b '--secret=id=s,src=/a b' '--secret=id=t,env=T'
	'--ssh=default=/sock et' '--cache-from=type=local,src=/x y'
	'--cache-to=type=local,dest=/z' --no-cache '--label=l=a b'
	--platform=linux/amd64
)

@test "img-build: what docker buildx is to do reaches it unharmed" {
	fake docker 'echo $SOURCE_DATE_EPOCH $BUILDX_NO_DEFAULT_ATTESTATIONS >&2; read x || echo nothing >&2; exit 1'
	SOURCE_DATE_EPOCH=7 tool 1 build --engine docker --builder 'my farm' \
	    "${everything[@]}" -f 'c/Docker file' -o oci:o:1 c
	[ ! -e argv ]	# there is no such file
	mv c/Dockerfile 'c/Docker file'
	SOURCE_DATE_EPOCH=7 tool 1 build --engine docker --builder 'my farm' \
	    "${everything[@]}" -f 'c/Docker file' -o oci:o:1 c
	has buildx build "${alike[@]}" '--builder=my farm' --pull \
	    "--build-context=n=$PWD/c d" "--file=$PWD/c/Docker file" \
	    --progress=plain "$PWD/c"
	# nothing can be read, and all that is said is shown
	printf 'img-build: amd64: %s\n' "7 1" nothing |
		diff - <(grep 'amd64: [7n]' err)
	is "" "$(ls -A tmp)"
}

@test "img-build: what buildah is to do reaches it unharmed" {
	fake buildah 'exit 1'
	SOURCE_DATE_EPOCH=7 tool 1 build --engine buildah "${everything[@]}" \
	    -o oci:o:1 c
	has build "${alike[@]}" --pull=always "--build-context=n=$PWD/c d" \
	    --timestamp=7 --layers --format=docker "$PWD/c"
	tool 1 build --engine buildah -o oci:o:1 c
	has --pull=false --timestamp=0
	[ "$(tr '\0' '\n' < argv | grep -c -e --layers)" = 0 ]
}

@test "img-build: a build argument that the environment has is in no process list" {
	fake buildah 'echo "$T"; exit 1'
	T=s3cret tool 1 build --engine buildah --build-arg T -o oci:o:1 c
	has --build-arg=T
	grep s3cret err	# the engine has it, and says it here
	is '***' "$(field .error.detail)"
	! grep s3cret out argv || return 1
	# a record's own is not the environment's
	echo '{"arch":"amd64","build":{"args":{"T":"other"}}}' > in
	T=s3cret tool 1 ours --engine buildah -o oci:o:1 --context c < in
	has --build-arg=T=other
}

@test "img-build: an engine that fails is told by its status and its last words" {
	fake buildah 'echo one; printf "\033[31mred\033[m\n\ntwo words\r\n\n" >&2; exit 7'
	tool 1 build --engine buildah -o oci:o:1 c
	is "check engine_failed" "$(field '.error | "\(.kind) \(.code)"')"
	is "two words" "$(field .error.detail)"
	is "buildah build failed with status 7" "$(field .error.message)"
	grep -x 'img-build: amd64: \\x1b\[31mred\\x1b\[m' err
	is 4 "$(wc -l < err)"
	tool 1 build --engine buildah -q -o oci:o:1 c
	is "img-build: linux/amd64: buildah build failed with status 7 (two words)" \
	    "$(cat err)"
	[ ! -e o ]
	# nothing said, a signal, a file that is no program
	fake buildah 'kill -9 $$'
	tool 3 build --engine buildah -o oci:o:1 c
	is "buildah build was ended by signal 9 (Killed)" \
	    "$(field .error.message)"
	echo > bin/buildah
	tool 3 build --engine buildah -o oci:o:1 c
	# good, it says, and no image is there
	fake buildah 'exit 0'
	tool 1 build --engine buildah -o oci:o:1 c
	is archive_damaged "$(field .error.code)"
	is "" "$(ls -A tmp)"
}

@test "img-build: an engine's words are shown as they come" {
	mkfifo go
	fake buildah "echo first; read x < '$PWD/go'; exit 1"
	build --engine buildah -o oci:o:1 c > out 2> err 3>&- &
	for _ in $(seq 200); do
		! grep -q first err || break
		sleep 0.05
	done
	grep -x 'img-build: amd64: first' err
	echo > go
	status=0
	wait $! || status=$?
	is 1 "$status"
}

@test "img-build: an engine ends when img-build is killed" {
	fake buildah "echo \$\$ > '$PWD/pid'; exec '$(command -v sleep)' 300"
	PATH=$PWD/bin "$IMG_BUILD" --platform linux/amd64 --engine buildah \
	    -o oci:o:1 c > out 2> err 3>&- &
	for _ in $(seq 200); do
		[ ! -s pid ] || break
		sleep 0.05
	done
	kill -0 "$(cat pid)"
	kill -KILL $!
	wait $! || :
	for _ in $(seq 200); do
		kill -0 "$(cat pid)" 2> /dev/null || break
		sleep 0.05
	done
	! kill -0 "$(cat pid)" 2> /dev/null || return 1
	# what the killed one has left goes with the next
	fake buildah 'exit 1'
	tool 1 build --engine buildah -o oci:o:1 c
	is "" "$(ls -A tmp)"
}

@test "img-build: what an engine leaves behind keeps nobody waiting" {
	fake buildah "'$(command -v sleep)' 300 & echo \$! > '$PWD/pid'; exit 1"
	tool 1 build --engine buildah -o oci:o:1 c
	kill "$(cat pid)"
}

@test "img-build: auto takes an engine only where the target needs one" {
	fake docker 'exit 1'
	fake buildah 'exit 1'
	printf 'FROM rust AS b\nRUN x\nFROM scratch\nCOPY f /\n' > c/Dockerfile
	tool 0 build --no-cache --pull -o oci:o:1 c
	is native "$(field .image.engine)"
	mkdir pre && echo x > pre/x
	printf 'FROM scratch\nCOPY --from=b /x /\n' | cat <(printf 'FROM rust AS b\nRUN x\n') - \
	    > c/Dockerfile
	tool 0 build --build-context b=pre -o oci:o:1 c
	is native "$(field .image.engine)"
	[ ! -e argv ]
	# what goes with an engine alone is no reason to need one
	tool 0 build --build-context b=pre --secret id=x,src=/x --cache-to y \
	    --ssh default -o oci:o:1 c
	[ ! -e argv ]
	# mistakes are told by us
	printf 'FROM scratch\nFOO x\n' > c/Dockerfile
	tool 2 build -o oci:o:1 c
	is instruction_unknown "$(field .error.code)"
	[ ! -e argv ]
}

@test "img-build: auto takes docker, else buildah, else names the instruction" {
	fake docker 'exit 1'
	fake buildah 'exit 1'
	tool 1 build -o oci:o:1 c
	has buildx
	# an engine that does not answer
	DRIVER='' tool 1 build -o oci:o:1 c
	has --format=docker
	rm bin/buildah
	DRIVER='' tool 2 build -o oci:o:1 c
	is "input engine_missing 3" \
	    "$(field '.error | "\(.kind) \(.code) \(.line)"')"
	grep "Dockerfile:3: RUN is not supported by the native engine, and no other engine is there (no Docker engine answers: .*; buildah is not installed): install one, or replace the stage 'b' with --build-context b=DIR" err
	# asked for by name
	DRIVER='' tool 3 build --engine docker -o oci:o:1 c
	is engine_unreachable "$(field .error.code)"
	tool 1 build --engine buildah -o oci:o:1 c
	is "check engine_missing" "$(field '.error | "\(.kind) \(.code)"')"
	tool 2 build --engine native -o oci:o:1 c
	is instruction_unsupported "$(field .error.code)"
}

@test "img-build: a stage without a name is one that can get one" {
	printf 'FROM scratch\nCOPY f /\nADD f /\n' > c/Dockerfile
	fake docker 'exit 1'
	DRIVER='' tool 2 build -o oci:o:1 c
	is 3 "$(field .error.line)"
	grep 'ADD is not .*replace its stage, once it has a name, with --build-context NAME=DIR' err
}

@test "img-build: the first docker that can build with BuildKit is taken" {
	mkdir bin2
	plain
	mv bin/docker bin2/docker
	fake docker 'exit 1'
	# the one with buildx, wherever it stands
	DIRS=$PWD/bin2:$PWD/bin tool 1 build --engine docker -o oci:o:1 c
	has buildx
	# BuildKit inside
	BUILDKIT=--secret DIRS=$PWD/bin2 tool 3 build --engine docker \
	    -o oci:o:1 c
	is engine_answer "$(field .error.code)"
	has build --progress=plain
	[ "$(tr '\0' '\n' < argv | grep -c buildx)" = 0 ]
	# a folder of PATH that is not absolute has no program
	DIRS=bin2 BUILDKIT=--secret tool 2 build -o oci:o:1 c
	grep 'docker is not installed\|no Docker engine answers' err
}

@test "img-build: what docker build has no option for is refused by its name" {
	plain
	export BUILDKIT=--secret
	for o in --build-context=n=c --cache-to=x --builder=b; do
		tool 2 build --engine docker $o -o oci:o:1 c
		is engine_option "$(field .error.code)"
		grep -e "has no ${o%%=*}:" err
	done
	# the staged bundle where there is a place for it
	printf '{"arch":"amd64","staged":"%s","bundle":{"manifest_sha256":"%064d"}}\n' \
	    "$PWD/c" 0 > in
	tool 3 ours --engine docker -o oci:o:1 --context c < in
	printf 'FROM scratch AS runtime-bundle\nRUN x\n' > c/Dockerfile
	tool 2 ours --engine docker -o oci:o:1 --context c < in
	grep 'has no --build-context (for the staged bundle)' err
	# auto goes on to the one that can
	fake buildah 'exit 1'
	tool 1 build --build-context=n=c -o oci:o:1 c
	has --format=docker
}

@test "img-build: options that an engine can make nothing of" {
	fake docker 'exit 1'
	fake buildah 'exit 1'
	for o in --secret=x --ssh=x --cache-to=x --cache-from=x --builder=x; do
		tool 2 build --engine native $o -o oci:o:1 c
		[ ! -s out ]
		grep -e "${o%=x} is for engines that run programs" err
	done
	tool 2 build --engine buildah --builder x -o oci:o:1 c
	grep 'is for docker buildx, not for --engine buildah' err
	tool 2 build --engine podman -o oci:o:1 c
	tool 2 build --engine docker --compression zstd -o oci:o:1 c
	is engine_option "$(field .error.code)"
	tool 1 build --engine buildah --build-context x=oci:no:1 -o oci:o:1 c
	is layout_not_found "$(field .error.code)"
	[ ! -e argv ]
}

@test "img-build: a staged bundle that changed reaches no engine" {
	fake buildah 'exit 1'
	printf 'FROM scratch AS runtime-bundle\nRUN x\n' > c/Dockerfile
	mkdir -p r/amd64/b
	echo '{"schema_version":1,"architecture":"amd64","files":[]}' \
	    > r/amd64/b/manifest.json
	printf '{"arch":"amd64","staged":"%s","bundle":{"manifest_sha256":"%s"}}\n' \
	    "$PWD/r/amd64/b" "$(sha256sum < r/amd64/b/manifest.json | cut -c 1-64)" > in
	tool 1 ours --engine buildah -o oci:o:1 --context c < in
	has "--build-context=runtime-bundle=$PWD/r/amd64/b"
	rm argv
	echo more > r/amd64/b/more
	tool 1 ours --engine buildah -o oci:o:1 --context c < in
	is staged_changed "$(field .error.code)"
	[ ! -e argv ]
}
