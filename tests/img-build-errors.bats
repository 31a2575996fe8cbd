#!/usr/bin/env bats
# img-build: what is refused, one fault each, with its status and message.

load helpers

local_setup() {
	needs jq
	mkdir -p c/d/x
	echo f > c/f
	echo g > c/g
	ln -s loop c/loop
}

# fault STATUS CODE MESSAGE: build the Dockerfile on stdin; it fails so, names
# a line if the message does, and makes no layout.
fault() {
	local status=$1 code=$2 message=$3 line

	cat > c/Dockerfile
	tool "$status" img-build --engine native --platform linux/amd64 \
	    -o oci:o:t c
	is "$message" "$(field .error.message)"
	is "$code" "$(field .error.code)"
	is "img-build: linux/amd64: $message" "$(cat err)"
	line=$(sed -n 's/^Dockerfile:\([0-9]*\): .*/\1/p' <<< "$message")
	is "${line:-null}" "$(field .error.line)"
	is "$([ "$status" = 1 ] && echo check || echo input)" \
	    "$(field .error.kind)"
	[ ! -e o ]
}

# after FROM scratch
scratch() {
	printf 'FROM scratch\n%s\n' "$4" | fault "$1" "$2" "$3"
}

@test "img-build: instructions that the native engine does not run are named with their line" {
	local i

	for i in RUN ADD ONBUILD SHELL MAINTAINER run; do
		scratch 2 instruction_unsupported \
		    "Dockerfile:3: ${i^^} is not supported by the native engine" \
		    $'\n'"$i x"
	done
	scratch 2 instruction_unknown \
	    "Dockerfile:2: unknown instruction: FOO" 'foo x'
	scratch 2 heredoc_unsupported \
	    "Dockerfile:2: COPY with a here-document is not supported by the native engine" \
	    $'COPY <<EOF /x\na\nEOF'
	for i in link parents exclude=x; do
		scratch 2 flag_unsupported \
		    "Dockerfile:2: COPY --${i%=x} is not supported by the native engine" \
		    "COPY --$i f /"
	done
}

@test "img-build: broken Dockerfiles" {
	fault 2 from_missing "Dockerfile:1: no FROM in it" < /dev/null
	echo 'USER x' | fault 2 from_missing \
	    "Dockerfile:1: USER before the first FROM"
	echo 'FROM a b c d' | fault 2 syntax \
	    "Dockerfile:1: FROM takes IMAGE or IMAGE AS NAME"
	echo 'FROM scratch AS 9' | fault 2 stage_name_invalid \
	    "Dockerfile:1: not a name for a stage: '9'"
	printf 'ARG A\nFROM $A\n' | fault 2 syntax \
	    'Dockerfile:2: the name behind FROM ($A) is empty'
	printf '# escape=x\nFROM a\n' | fault 2 syntax \
	    "Dockerfile:1: escape is \\ or \`, not 'x'"
	printf 'FROM scratch\0\n' | fault 2 syntax \
	    "Dockerfile:1: a NUL byte is in it: not a Dockerfile"
	printf 'FROM No:Name:12\n' | fault 2 image_unavailable \
	    "Dockerfile:1: 'No:Name:12' is no stage, and no name of an image in a registry"
	printf 'FROM --platform=windows/x/y/z scratch\n' > c/Dockerfile
	tool 2 img-build --platform linux/amd64 -o oci:o:t c
	is platform_invalid "$(field .error.code)"
}

@test "img-build: broken instructions" {
	scratch 2 syntax "Dockerfile:2: COPY needs a source and a destination" \
	    'COPY f'
	scratch 2 syntax \
	    "Dockerfile:2: a JSON array here holds strings only: [\"f\", 1]" \
	    'COPY ["f", 1]'
	scratch 2 flag_unknown "Dockerfile:2: COPY has no flag '--x=1'" \
	    'COPY --x=1 f /'
	scratch 2 flag_unknown "Dockerfile:2: USER has no flag '--from=a'" \
	    'USER --from=a f'
	scratch 2 syntax "Dockerfile:2: COPY --from needs a value" \
	    'COPY --from f /'
	scratch 2 stage_unknown "Dockerfile:2: no stage 0 before this one" \
	    'COPY --from=0 f /'
	scratch 2 image_unavailable \
	    "Dockerfile:2: 'X' is no stage, and no name of an image in a registry" \
	    'COPY --from=X f /'
	scratch 2 mode_invalid \
	    "Dockerfile:2: --chmod takes an octal mode, not '9'" \
	    'COPY --chmod=9 f /'
	scratch 2 mode_invalid \
	    "Dockerfile:2: --chmod takes an octal mode, not 'u+x'" \
	    'COPY --chmod=u+x f /'
	scratch 2 mode_invalid \
	    "Dockerfile:2: --chmod takes an octal mode, not '77777'" \
	    'COPY --chmod=77777 f /'
	scratch 2 owner_unknown \
	    "Dockerfile:2: no 'bob' in the image's /etc/passwd" \
	    'COPY --chown=bob f /'
	scratch 2 owner_unknown \
	    "Dockerfile:2: no 'grp' in the image's /etc/group" \
	    'COPY --chown=0:grp f /'
	scratch 2 syntax \
	    "Dockerfile:2: ENV needs a name and a value: NAME=VALUE" 'ENV a'
	scratch 2 syntax "Dockerfile:2: '=' is missing in 'c'" 'ENV a=b c'
	scratch 2 syntax "Dockerfile:2: a name is empty" 'ENV =b'
	scratch 2 syntax "Dockerfile:2: LABEL needs an argument" 'LABEL'
	scratch 2 syntax "Dockerfile:2: ARG needs an argument" 'ARG'
	scratch 2 syntax "Dockerfile:2: USER needs an argument" 'USER'
	scratch 2 syntax "Dockerfile:2: WORKDIR needs an argument" 'WORKDIR'
	scratch 2 syntax "Dockerfile:2: VOLUME with an empty path" \
	    'VOLUME [""]'
	scratch 2 port_invalid "Dockerfile:2: not a port: '70000'" \
	    'EXPOSE 70000'
	scratch 2 port_invalid "Dockerfile:2: not a port: '80/x'" \
	    'EXPOSE 80/x'
	scratch 2 port_invalid "Dockerfile:2: not a port: '9-8'" 'EXPOSE 9-8'
	scratch 2 signal_invalid "Dockerfile:2: not a signal: 'SIGFOO'" \
	    'STOPSIGNAL SIGFOO'
	scratch 2 syntax \
	    "Dockerfile:2: a JSON array here holds strings only: [1]" \
	    'CMD [1]'
	scratch 2 syntax \
	    "Dockerfile:2: HEALTHCHECK takes CMD or NONE, not 'x'" \
	    'HEALTHCHECK x'
	scratch 2 syntax "Dockerfile:2: HEALTHCHECK NONE takes no arguments" \
	    'HEALTHCHECK NONE x'
	scratch 2 syntax "Dockerfile:2: HEALTHCHECK CMD needs a command" \
	    'HEALTHCHECK CMD'
	scratch 2 health_invalid \
	    "Dockerfile:2: not a duration (like 30s or 1m30s): '--interval=5'" \
	    'HEALTHCHECK --interval=5 CMD x'
	scratch 2 health_invalid \
	    "Dockerfile:2: a duration under 1ms: '--interval=5us'" \
	    'HEALTHCHECK --interval=5us CMD x'
	scratch 2 health_invalid \
	    "Dockerfile:2: --retries needs a whole number, not 'x'" \
	    'HEALTHCHECK --retries=x CMD x'
	scratch 2 substitution \
	    "Dockerfile:2: unsupported modifier (%) in a substitution" \
	    'ENV a=${b%x}'
	scratch 2 substitution \
	    "Dockerfile:2: a '}' is missing behind '\${b'" 'ENV a=${b'
	scratch 2 substitution \
	    "Dockerfile:2: a closing double quote is missing" 'USER "x'
}

@test "img-build: a VOLUME of nothing is none" {
	scratch 2 syntax "Dockerfile:2: VOLUME needs an argument" 'VOLUME []'
}

@test "img-build: copies that can not be" {
	scratch 1 not_found \
	    "Dockerfile:2: no such file in the context: no" 'COPY no /'
	scratch 1 not_found \
	    "Dockerfile:3: no such file in the context: f/x" \
	    $'COPY f /\nCOPY f/x /'
	scratch 1 symlink_loop \
	    "Dockerfile:2: too many symlinks on the way to '/loop'" \
	    'COPY loop /'
	scratch 2 destination_invalid \
	    "Dockerfile:2: several sources need a destination that ends in '/': /x" \
	    'COPY f g /x'
	scratch 2 pattern_invalid "Dockerfile:2: a malformed pattern: [f" \
	    'COPY [f /x/'
	scratch 2 not_a_directory "Dockerfile:3: not a directory: '/f'" \
	    $'COPY f /\nCOPY f /f/'
	scratch 2 not_a_directory \
	    "Dockerfile:3: a directory can not replace the file or symlink: '/x'" \
	    $'COPY f /x\nCOPY d /'
	scratch 2 is_a_directory \
	    "Dockerfile:3: a file can not replace the directory: '/y/f'" \
	    $'COPY d /y/f\nCOPY f /y/'
	scratch 2 not_a_directory "Dockerfile:3: not a directory: '/f'" \
	    $'COPY f /\nWORKDIR /f/x'
	touch c/.wh.f
	scratch 2 whiteout_name \
	    "Dockerfile:2: a name that starts with '.wh.' can not be in a layer: '/.wh.f'" \
	    'COPY . /'
	rm c/.wh.f
	scratch 2 whiteout_name \
	    "Dockerfile:2: a name that starts with '.wh.' can not be in a layer: '/.wh.g'" \
	    'COPY f /.wh.g'
	scratch 2 whiteout_name \
	    "Dockerfile:2: a name that starts with '.wh.' can not be in a layer: '/x/.wh.d'" \
	    'COPY f /x/.wh.d/'
	scratch 2 whiteout_name \
	    "Dockerfile:2: a name that starts with '.wh.' can not be in a layer: '/.wh.w'" \
	    'WORKDIR /.wh.w/x'
}

@test "img-build: what is not UTF-8 is refused where a config would change it" {
	local text

	for text in $'ENV A=\xff' $'LABEL a=\xff' $'WORKDIR /\xff' \
	    $'USER \xff' $'VOLUME /\xff'; do
		printf 'FROM scratch\n%s\n' "$text" > c/Dockerfile
		tool 2 img-build --platform linux/amd64 -o oci:o:t c
		is "not_utf8 2" "$(field '"\(.error.code) \(.error.line)"')"
		grep -qF 'Dockerfile:2: a config can hold nothing but UTF-8: ' \
		    err
	done
	printf 'FROM scratch\nARG A\nENV B=$A\n' > c/Dockerfile
	tool 2 img-build --platform linux/amd64 -o oci:o:t \
	    --build-arg $'A=\xff' c
	is not_utf8 "$(field .error.code)"
	for text in --label --annotation; do
		tool 2 img-build --platform linux/amd64 -o oci:o:t \
		    "$text" $'a=\xff' c
		grep -qF -e "$text takes UTF-8, not 'a=\xff'" err
	done
	tool 2 img-build --platform linux/amd64 -o $'oci:\xff:t' c
	[ ! -s out ]
	# a file may be called so, and a comment is nobody's business
	printf 'FROM scratch\n# \xff\nCOPY f /\xff\n' > c/Dockerfile
	tool 0 img-build --platform linux/amd64 -o oci:o:t c
}

@test "img-build: targets, files and ignore files that are not there or wrong" {
	echo 'FROM scratch' > c/Dockerfile
	tool 2 img-build --platform linux/amd64 -o oci:o:t --target x c
	is "Dockerfile has no stage 'x'" "$(field .error.message)"
	tool 1 img-build --platform linux/amd64 -o oci:o:t -f no c
	is "no such file: $PWD/no" "$(field .error.message)"
	tool 1 img-build --platform linux/amd64 -o oci:o:t -f c/Dockerfile no
	is "no such directory: $PWD/no" "$(field .error.message)"
	echo '[' > c/.dockerignore
	tool 2 img-build --platform linux/amd64 -o oci:o:t c
	is ".dockerignore:1: a malformed pattern" "$(field .error.message)"
	is 1 "$(field .error.line)"
	rm c/.dockerignore
	echo 'foo' > "c/Other File"
	tool 2 img-build --platform linux/amd64 -o oci:o:t -f "c/Other File" c
	is "Other File:1: unknown instruction: FOO" "$(field .error.message)"
}

@test "img-build: records that make no sense" {
	local rec

	echo 'FROM scratch' > c/Dockerfile
	while IFS=' ' read -r code rec; do
		echo "$rec" > in
		tool 2 img-build --context c -t 'a:{component}' -o oci:o < in
		is "$code" "$(field .error.code)"
	done <<-'END'
		field_missing {"component":"a"}
		platform_invalid {"platform":"x/y/z/w","component":"a"}
		platform_mismatch {"platform":"linux/arm64","arch":"amd64"}
		placeholder {"arch":"amd64"}
		reference_invalid {"arch":"amd64","component":"A B"}
		field_invalid {"arch":"amd64","component":"a","build":{"args":{"a":1}}}
		field_invalid {"arch":"amd64","component":"a","build":{"args":["a"]}}
		field_invalid {"arch":"amd64","component":"a","build":{"tags":"x"}}
		field_invalid {"arch":"amd64","component":"a","build":{"file":1}}
		field_missing {"arch":"amd64","component":"a","staged":"/x/amd64/y"}
		field_invalid {"arch":"amd64","component":"a","staged":"/x/amd64/y","bundle":{"manifest_sha256":"x"}}
	END
	[ ! -e o ]
}

@test "img-build: a failed record is passed on and not built" {
	echo 'FROM scratch' > c/Dockerfile
	echo '{"arch":"amd64","error":{"kind":"check","code":"x"}}' > in
	tool 1 img-build --context c -o oci:o:t < in
	diff in out
	[ ! -e o ]
}
