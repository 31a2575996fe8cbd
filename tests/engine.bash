# engine.bash - engines for the suites: docker's own, and one that misbehaves.

# docker_start [OPTION...]: a dockerd that leaves the host's network alone, on
# the socket $ENGINE/s; its name must be short.  Skips where there is none.
docker_start() {
	needs dockerd curl
	[ "$(id -u)" = 0 ] || skip "dockerd needs root"
	ENGINE=$(mktemp -d /tmp/ib-XXXXXX)
	dockerd --data-root "$ENGINE/root" --exec-root "$ENGINE/exec" \
	    -H "unix://$ENGINE/s" -p "$ENGINE/pid" --iptables=false \
	    --bridge=none "$@" > "$ENGINE/log" 2>&1 3>&- &
	engine_wait "$ENGINE/s" || skip "dockerd does not start here"
	export DOCKER_HOST=unix://$ENGINE/s
}

# free_port: one that nobody listens at now.
free_port() {
	python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# engine_wait SOCKET: until it answers.
engine_wait() {
	for _ in $(seq 100); do
		[ "$(curl -s --unix-socket "$1" http://x/_ping)" != OK ] ||
			return 0
		sleep 0.1
	done
	return 1
}

# engine_api PATH: what the engine says.
engine_api() {
	curl -sf --unix-socket "$ENGINE/s" "http://x$1"
}

# engine_tags: the names of its images, sorted.
engine_tags() {
	engine_api /images/json | jq -r '.[].RepoTags[]?' | sort | xargs
}

# fake_start MODE [ADDRESS]: tests/serve/engine.py, see there; its log is
# ./engine.jsonl.
fake_start() {
	needs python3 curl
	ENGINE=$(mktemp -d /tmp/ib-XXXXXX)
	python3 "$SLIPWAY_ROOT/tests/serve/engine.py" "$1" "${2:-$ENGINE/s}" \
	    engine.jsonl "$ENGINE/ready" > "$ENGINE/log" 2>&1 3>&- &
	echo $! > "$ENGINE/pid"
	for _ in $(seq 100); do
		[ ! -s "$ENGINE/ready" ] || break
		sleep 0.05
	done
	DOCKER_HOST=$(cat "$ENGINE/ready")
	export DOCKER_HOST
}

engine_stop() {
	[ -n "${ENGINE:-}" ] || return 0
	local pid

	if [ -s "$ENGINE/pid" ]; then
		pid=$(cat "$ENGINE/pid")
		kill "$pid" 2> /dev/null || :
		for _ in $(seq 100); do
			kill -0 "$pid" 2> /dev/null || break
			sleep 0.1
		done
		kill -9 "$pid" 2> /dev/null || :
	fi
	rm -rf "$ENGINE" 2> /dev/null || :
}
