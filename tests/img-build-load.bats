#!/usr/bin/env bats
# img-build: images into a Docker engine and out of one, through its socket.

load helpers
load engine

local_setup() {
	needs jq
	mkdir c
	printf 'hello\n' > c/f
	printf 'FROM scratch\nCOPY f /f\n' > c/Dockerfile
	unset DOCKER_HOST DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_CERT_PATH
	export HOME=$PWD DOCKER_CONFIG=$PWD/docker TMPDIR=$PWD/tmp
	mkdir tmp
}

# podman's folders can't be written to.
local_teardown() {
	engine_stop
	[ ! -e pr ] || chmod -R u+w pr
}

build() {
	img-build --platform linux/amd64 "$@"
}

@test "img-build: --load puts every name of the image into a real engine" {
	docker_start
	tool 0 build -t me/app:1.2 -t localhost:5000/x --load c
	is docker-daemon:me/app:1.2 "$(field .image.location)"
	is "localhost:5000/x:latest me/app:1.2" "$(engine_tags)"
	is "$(field .image.config_digest)" \
	    "$(engine_api /images/me/app:1.2/json | jq -r .Id)"
	[ ! -s err ]
	# nothing is left where the layout was
	is "" "$(ls -A tmp)"
	# a place as skopeo has it, into an engine that has the layers
	tool 0 build -o docker-daemon:other:2 c
	is docker-daemon:other:2 "$(field .image.location)"
	is "localhost:5000/x:latest me/app:1.2 other:2" "$(engine_tags)"
}

@test "img-build: a real engine runs what was loaded" {
	needs busybox
	docker_start
	[ -x /usr/bin/docker ] || skip "docker's own client is not installed"
	cp "$(command -v busybox)" c/busybox
	printf 'FROM scratch\nCOPY busybox f /\nCMD ["/busybox","cat","/f"]\n' \
	    > c/Dockerfile
	tool 0 build -t run:1 --load --format docker c
	is hello "$(/usr/bin/docker run --rm --network none run:1)"
}

@test "img-build: one build goes to a layout or an archive and into an engine" {
	docker_start
	tool 0 build -t me/app:1 -o oci:o --load c
	is "oci:$PWD/o:1" "$(field .image.location)"
	is "$(field .image.digest)" "$(jq -r '.manifests[0].digest' o/index.json)"
	tool 0 build -t me/app:2 -o oci-archive:a.tar --load c
	is "oci-archive:$PWD/a.tar:2" "$(field .image.location)"
	[ -s a.tar ]
	is "me/app:1 me/app:2" "$(engine_tags)"
	tool 0 build -t me/app:3 -o oci:o --load --text c
	grep "^        docker-daemon:me/app:3$" out
}

@test "img-build: a FROM of a real engine's image gives the digest that it had" {
	docker_start
	tool 0 build -t me/app:1 -o oci:o --load c
	field .image.digest > want
	mkdir d && echo more > d/more
	for ref in me/app:1 docker.io/me/app:1 "$(field .image.config_digest)"; do
		printf 'FROM docker-daemon:%s\n' "$ref" > d/Dockerfile
		tool 0 build --dry-run d
		field .image.digest | diff want -
	done
	# as a context for COPY --from, too
	printf 'FROM scratch\nCOPY --from=app /f /g\n' > d/Dockerfile
	tool 0 build -o oci:o:2 --build-context app=docker-daemon:me/app:1 d
	printf 'FROM docker-daemon:me/no\n' > d/Dockerfile
	tool 1 build --dry-run d
	is not_found "$(field .error.code)"
	grep "has no image 'me/no'" err
	is "" "$(ls -A tmp)"
}

@test "img-build: what was loaded or archived goes on into an index, by its digest" {
	docker_start
	build -t me/app:1 --load c > a
	img-build --platform linux/arm64 -o docker-archive:b.tar:me/app:1 c > b
	tool 0 manifest-assemble -t me/app:1 -o oci:o < <(cat a b)
	is "$(jq -r .image.digest a b | xargs)" \
	    "$(field '.index.manifests | map(.digest) | join(" ")')"
	is "" "$(ls -A tmp)"
}

@test "img-build: a real engine over TLS, with a certificate of ours and of its own" {
	needs openssl python3
	local port

	port=$(free_port)
	mkdir certs
	for who in ca server client; do
		openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$who" \
		    -keyout $who.key -out $who.crt \
		    -addext "subjectAltName=IP:127.0.0.1" 2> /dev/null
	done
	for who in server client; do
		openssl req -new -key $who.key -subj "/CN=$who" -out $who.csr
		printf 'subjectAltName=IP:127.0.0.1\n' > ext
		openssl x509 -req -in $who.csr -CA ca.crt -CAkey ca.key -days 2 \
		    -CAcreateserial -extfile ext -out $who.crt 2> /dev/null
	done
	cp ca.crt certs/ca.pem
	cp client.crt certs/cert.pem
	cp client.key certs/key.pem
	docker_start -H "tcp://127.0.0.1:$port" --tlsverify \
	    --tlscacert "$PWD/ca.crt" --tlscert "$PWD/server.crt" \
	    --tlskey "$PWD/server.key"
	export DOCKER_HOST=tcp://127.0.0.1:$port DOCKER_TLS_VERIFY=1
	DOCKER_CERT_PATH=$PWD/certs tool 0 build -t tls:1 --load c
	is tls:1 "$(engine_tags)"
	# the same by a docker context
	unset DOCKER_HOST DOCKER_TLS_VERIFY
	local id dir

	id=$(printf far | sha256sum | cut -c 1-64)
	dir=docker/contexts/tls/$id/docker
	mkdir -p "docker/contexts/meta/$id" "$dir"
	cp certs/* "$dir"
	printf '{"currentContext":"far"}' > docker/config.json
	printf '{"Name":"far","Endpoints":{"docker":{"Host":"tcp://127.0.0.1:%s","SkipTLSVerify":false}}}' \
	    "$port" > "docker/contexts/meta/$id/meta.json"
	tool 0 build -t tls:2 --load c
	is "tls:1 tls:2" "$(engine_tags)"
	# nobody that the engine knows, and an engine that we do not know
	rm "$dir/cert.pem" "$dir/key.pem"
	tool 3 build -t tls:3 --load c
	is engine_unreachable "$(field .error.code)"
	cp client.crt "$dir/ca.pem"
	tool 1 build -t tls:3 --load c
	is tls "$(field .error.code)"
}

@test "img-build: what a real engine can't read is its refusal, and no digestfile" {
	docker_start
	tool 0 build -t x:1 --load c
	# 20.10 can not; a later one that can is no failure
	echo fresh > c/f
	build -t x:2 --compression zstd --load --digestfile dg c \
	    > out 2> err || got=$?
	[ "${got:-0}" != 0 ] || skip "peer dockerd reads zstd"
	is "1 engine_refused" "$got $(field .error.code)"
	grep "the Docker engine says: " err
	is x:1 "$(engine_tags)"
	[ ! -e dg ]
}

@test "img-build: podman's service is an engine, too" {
	local run="podman --root $PWD/pr --runroot $PWD/prr --storage-driver vfs"

	peer podman
	needs curl
	ENGINE=$(mktemp -d /tmp/ib-XXXXXX)
	$run system service -t 60 "unix://$ENGINE/s" > log 2>&1 3>&- &
	echo $! > "$ENGINE/pid"
	engine_wait "$ENGINE/s" || skip "peer podman's service does not start here"
	export DOCKER_HOST=unix://$ENGINE/s
	tool 0 build -t x:1 -t me/app:1 --load c
	field .image.digest > want
	is "docker.io/library/x:1 docker.io/me/app:1" "$(engine_tags)"
	mkdir d && printf 'FROM docker-daemon:me/app:1\n' > d/Dockerfile
	tool 0 build --dry-run d
	field .image.digest | diff want -
}

@test "img-build: two records go into one engine at once, one name only once" {
	fake_start good
	printf '%s\n' '{"arch":"amd64"}' '{"arch":"arm64"}' > in
	tool 0 img-build -j 2 -t 'me/app:1-{arch}' --load --context c < in
	is "docker-daemon:me/app:1-amd64 docker-daemon:me/app:1-arm64" \
	    "$(jq -r .image.location out | xargs)"
	tool 2 img-build -t me/app:1 --load --context c < in
	is "null destination_conflict" "$(jq -r .error.code out | xargs)"
	# one record's names may be spelled twice
	tool 0 build -t app -t docker.io/library/app:latest --load c
}

@test "img-build: the engine gets the bytes of an archive, in its own version" {
	fake_start good
	tool 0 build -t x:1 --load c
	tool 0 build -o docker-archive:a.tar:x:1 --format oci c
	is "application/x-tar $(stat -c %s a.tar) $(sha256sum < a.tar | cut -c 1-64)" \
	    "$(jq -r 'select(.method == "POST") | "\(.type) \(.size) \(.sha256)"' \
	    engine.jsonl)"
	local ask=/v1.41/images/x:1/json

	is "/_ping $ask /v1.41/images/load $ask" \
	    "$(jq -r .path engine.jsonl | xargs)"
}

@test "img-build: an engine that has the image by all its names gets nothing" {
	fake_start good
	tool 0 build -t x:1 --load c
	rm engine.jsonl
	tool 0 build -t x:1 --load -v c
	grep "engine: it has 'x:1' already" err
	is "/_ping /v1.41/images/x:1/json" "$(jq -r .path engine.jsonl | xargs)"
	rm engine.jsonl
	tool 0 build -t x:1 -t x:2 --load c
	grep '"POST"' engine.jsonl
	echo new > c/f
	rm engine.jsonl
	tool 0 build -t x:1 --load c
	grep '"POST"' engine.jsonl
}

@test "img-build: an engine on TCP, and an old one without a version" {
	fake_start old 127.0.0.1:0
	tool 0 build -t x:1 --load c
	is "/_ping /images/x:1/json /images/load /images/x:1/json" \
	    "$(jq -r .path engine.jsonl | xargs)"
}

@test "img-build: an error in the engine's good answer is a failure" {
	fake_start detail
	tool 1 build -t x:1 --load --digestfile dg c
	is engine_refused "$(field .error.code)"
	grep 'the Docker engine says: bad \\x1b\[31mlayer' err
	[ ! -e dg ]
}

@test "img-build: what an engine refuses is told in its own words" {
	fake_start refuse
	tool 3 build -t x:1 --load c
	is engine_refused "$(field .error.code)"
	is "$DOCKER_HOST" "$(field .error.path)"
	grep "cannot load the image: the Docker engine says: the disk is on fire" err
}

@test "img-build: an engine that hangs up in the middle may be tried again" {
	fake_start drop
	head -c 30000000 /dev/urandom > c/f
	tool 3 build -t x:1 --load c
	is connection "$(field .error.code)"
	grep "cannot load the image" err
}

@test "img-build: a name that stands for another image afterwards is a failure" {
	fake_start other
	tool 1 build -t x:1 --load c
	is engine_image_mismatch "$(field .error.code)"
	is "sha256:$(printf '0%.0s' $(seq 64))" "$(field .error.actual)"
}

@test "img-build: answers that make no sense are failures" {
	fake_start garbage
	tool 3 build -t x:1 --load c
	is engine_answer "$(field .error.code)"
	engine_stop
	fake_start endless
	tool 3 build -t x:1 --load c
	is engine_answer "$(field .error.code)"
}

@test "img-build: no engine: told before the build, with the socket and a way" {
	export DOCKER_HOST=unix://$PWD/none
	printf 'FROM scratch\nCOPY nothing /\n' > c/Dockerfile
	tool 3 build -t x:1 --load c
	is engine_unreachable "$(field .error.code)"
	is "$DOCKER_HOST" "$(field .error.path)"
	grep "no Docker engine answers at $DOCKER_HOST (No such file or directory): start it, or name another with DOCKER_HOST" err
	# a socket that nobody listens at any more
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("none")'
	tool 3 build -t x:1 --load c
	grep "Connection refused" err
	export DOCKER_HOST=tcp://127.0.0.1:1
	tool 3 build -t x:1 --load c
	is engine_unreachable "$(field .error.code)"
}

@test "img-build: a socket that may not be used names the group" {
	local bin run=()

	bin=$(command -v img-build)
	ENGINE=$(mktemp -d /tmp/ib-XXXXXX)
	chmod 755 "$ENGINE"
	if [ "$(id -u)" = 0 ]; then
		needs setpriv
		run=(setpriv --reuid 65534 --regid 65534 --clear-groups)
		"${run[@]}" test -x "$bin" ||
			skip "only root can reach the tools here"
	fi
	python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$ENGINE/s"
	chmod 0 "$ENGINE/s"
	cp -r c "$ENGINE/"
	cd "$ENGINE"
	DOCKER_HOST=unix://$ENGINE/s "${run[@]}" "$bin" \
	    --platform linux/amd64 -t x:1 --load c > out 2> err && return 1
	is "1 engine_forbidden" "$? $(field .error.code)"
	grep "become a member of its group (docker" err
}

@test "img-build: addresses of an engine that we do not speak" {
	DOCKER_HOST=ssh://me:secret@far tool 2 build -t x:1 --load c
	is docker_host "$(field .error.code)"
	grep "DOCKER_HOST: .*needs a tunnel" err
	DOCKER_HOST=tcp://me:secret@far:1 tool 2 build -t x:1 --load c
	DOCKER_HOST=npipe:////./pipe tool 2 build -t x:1 --load c
	run grep -rs secret out err
	is 1 "$status"
	DOCKER_CONTEXT=nowhere tool 1 build -t x:1 --load c
	is docker_context "$(field .error.code)"
}

@test "img-build: --load needs a name, and does not ask for one of a dry run" {
	tool 2 build --load c
	is tag_missing "$(field .error.code)"
	tool 0 build --load --dry-run c
	is null "$(field .image.location)"
	tool 2 build -o docker-daemon: c
	[ ! -s out ]
	tool 2 build -o docker-daemon:Upper c
	is reference_invalid "$(field .error.code)"
}
