# shellcheck shell=bash
# registry.bash - registries on the loopback, each on a port of its own.
#
# Every server is killed in registry_stop_all (call it in local_teardown).  All
# of them leave what they say in NAME.log of the test's folder.

registry_serve=$SLIPWAY_ROOT/tests/serve
PATH=$PATH:/usr/sbin

# Nobody's own credentials and certificates.
registry_home() {
	mkdir -p home
	export HOME=$PWD/home XDG_RUNTIME_DIR=$PWD/run
	unset XDG_CONFIG_HOME DOCKER_CONFIG REGISTRY_AUTH_FILE \
	    DOCKER_AUTH_CONFIG GITHUB_TOKEN GITHUB_ACTOR SSL_CERT_FILE \
	    http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
}

# registry_until SECONDS COMMAND...: true as soon as the command is.
registry_until() {
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# Started in the background, without bats' descriptors: else bats waits for it.
registry_run() {
	local name=$1

	shift
	"$@" > "$name.log" 2>&1 3>&- 4>&- < /dev/null &
	echo $! >> registry.pids
	echo $! > "$name.pid"
}

registry_stop_all() {
	local pid

	[ -e "$BATS_TEST_TMPDIR/registry.pids" ] || return 0
	while IFS= read -r pid; do
		kill -9 "$pid" 2> /dev/null || :
		wait "$pid" 2> /dev/null || :
	done < "$BATS_TEST_TMPDIR/registry.pids"
	rm "$BATS_TEST_TMPDIR/registry.pids"
}

# registry_certs: ca.crt, and tls.crt with tls.key for the loopback.
registry_certs() {
	[ ! -e tls.crt ] || return 0
	{
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
		    -nodes -days 2 -subj /CN=test-ca -keyout ca.key \
		    -out ca.crt -addext basicConstraints=critical,CA:TRUE
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		    -subj /CN=localhost -keyout tls.key -out tls.csr
		openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -days 2 \
		    -CAcreateserial -out tls.crt -extfile <(
			echo subjectAltName=IP:127.0.0.1,DNS:localhost)
	} > openssl.log 2>&1 || { cat openssl.log; return 1; }
}

# registry_trust HOST: ca.crt is good for it.
registry_trust() {
	mkdir -p "$HOME/.config/containers/certs.d/$1"
	cp ca.crt "$HOME/.config/containers/certs.d/$1/"
}

# registry_start NAME [YAML]: docker-registry with its data in NAME.store; its
# address is in $registry then.  YAML: more of its configuration, the members
# of `http` indented by two.
registry_start() {
	local name=$1 port

	mkdir -p "$name.store"
	cat > "$name.yml" <<-YAML
	version: 0.1
	log: {level: info, accesslog: {disabled: true}}
	storage:
	  filesystem: {rootdirectory: $PWD/$name.store}
	  delete: {enabled: true}
	http:
	  addr: 127.0.0.1:0
	  secret: test
	${2:-}
	YAML
	registry_run "$name" docker-registry serve "$name.yml"
	registry_until 20 grep -q 'listening on 127' "$name.log" ||
		{ cat "$name.log"; return 1; }
	port=$(grep -o 'listening on 127.0.0.1:[0-9]*' "$name.log" |
		sed 's/.*://')
	registry=127.0.0.1:$port
}

# The same with TLS, known to clients; more YAML as above.
registry_start_tls() {
	registry_certs
	registry_start "$1" "  tls:
    certificate: $PWD/tls.crt
    key: $PWD/tls.key
${2:-}"
	registry_trust "$registry"
}

# TLS, and ann:secret by Basic.
registry_start_htpasswd() {
	htpasswd -Bbc "$1.htpasswd" ann secret 2> /dev/null
	registry_start_tls "$1" "auth:
  htpasswd: {realm: test, path: $PWD/$1.htpasswd}"
}

# TLS, and tokens: see serve/token.py, which gets the other arguments.  Its log
# is token.requests.
registry_start_token() {
	local name=$1

	shift
	registry_certs
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=signer \
	    -keyout sign.key -out sign.crt > openssl.log 2>&1
	registry_run token python3 "$registry_serve/token.py" --cert tls.crt \
	    --key tls.key --sign-cert sign.crt --sign-key sign.key \
	    --port-file token.port --log token.requests "$@"
	registry_until 20 test -e token.port || { cat token.log; return 1; }
	registry_start_tls "$name" "auth:
  token:
    realm: ${registry_realm:-https://127.0.0.1:$(cat token.port)/token}
    service: test-service
    issuer: test-issuer
    rootcertbundle: $PWD/sign.crt"
}

# registry_front NAME FAULT...: serve/regproxy.py before $registry, which is
# its address from now on; the log of requests is NAME.requests.
registry_front() {
	local name=$1

	shift
	registry_run "$name" python3 "$registry_serve/regproxy.py" \
	    --upstream "${registry##*:}" --port-file "$name.port" \
	    --log "$name.requests" "$@"
	registry_until 20 test -e "$name.port" ||
		{ cat "$name.log"; return 1; }
	registry=127.0.0.1:$(cat "$name.port")
}

# registry_nginx NAME DIRECTIVES: nginx before $registry, on a port that is free
# now (nginx takes no 0).
registry_nginx() {
	local name=$1 port tries=0

	mkdir -p "$name.d"
	while [ $((tries += 1)) -le 5 ]; do
		port=$(python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
		cat > "$name.conf" <<-CONF
		daemon off;
		master_process off;
		pid $PWD/$name.d/pid;
		error_log $PWD/$name.error;
		events {}
		http {
			access_log off;
			client_body_temp_path $PWD/$name.d/body;
			proxy_temp_path $PWD/$name.d/proxy;
			fastcgi_temp_path $PWD/$name.d/fastcgi;
			uwsgi_temp_path $PWD/$name.d/uwsgi;
			scgi_temp_path $PWD/$name.d/scgi;
			limit_req_zone \$server_name zone=all:1m rate=20r/s;
			server {
				listen 127.0.0.1:$port;
				$2
				location / {
					proxy_pass http://$registry;
					proxy_set_header Host \$http_host;
				}
			}
		}
		CONF
		registry_run "$name" nginx -p "$PWD" -c "$PWD/$name.conf"
		if registry_until 10 registry_nginx_decided "$name"; then
			if [ -s "$name.d/pid" ]; then
				registry=127.0.0.1:$port
				return
			fi
		fi
	done
	cat "$name.error" "$name.log"
	return 1
}
# It runs, or has given up.
registry_nginx_decided() {
	[ -s "$1.d/pid" ] || ! kill -0 "$(cat "$1.pid")" 2> /dev/null
}
