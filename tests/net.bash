# net.bash - servers on the loopback, certificates and files to fetch.
#
# A suite calls net_setup in local_setup and net_teardown in local_teardown.

python=/usr/bin/python3
[ -x $python ] || python=python3

# No test sees the caller's network, credentials or cache.
net_setup() {
	unset GH_TOKEN GITHUB_TOKEN GITHUB_API_URL GITHUB_SERVER_URL NETRC \
	    XDG_CACHE_HOME SLIPWAY_CACHE_DIR http_proxy https_proxy all_proxy \
	    no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY SSL_CERT_FILE \
	    SSL_CERT_DIR CURL_CA_BUNDLE CURL_HOME
	export HOME=$PWD/home
	export SLIPWAY_CACHE_DIR=$PWD/cache
	mkdir -p home www
	net_pids=
}

net_teardown() {
	local p

	for p in $net_pids; do
		kill "$p" 2> /dev/null && wait "$p" 2> /dev/null
	done
	return 0
}

# until_true COMMAND...: ask again for up to 20 seconds.
until_true() {
	local end=$((SECONDS + 20))

	while [ $SECONDS -lt $end ]; do
		"$@" && return
		sleep 0.02
	done
	printf 'never true: %s\n' "$*"
	return 1
}

# serve NAME DIR [OPTION...]: a fault server of DIR; its port is $NAME_port, its
# log NAME.log, its process $NAME_pid, and $NAME its URL.
serve() {
	local name=$1 dir=$2 scheme=http a

	shift 2
	for a; do
		[ "$a" != --tls ] || scheme=https
	done
	rm -f "$dir.port"
	: > "$name.log"
	$python -E "$SLIPWAY_ROOT/tests/serve/fault.py" "$dir" \
	    --log "$name.log" "$@" > "$name.out" 2>&1 3>&- &
	printf -v "${name}_pid" %s $!
	net_pids="$net_pids $!"
	until_true test -e "$dir.port"
	printf -v "${name}_port" %s "$(cat "$dir.port")"
	rm "$dir.port"
	a=${name}_port
	printf -v "$name" %s "$scheme://127.0.0.1:${!a}"
}

# serve_stop NAME
serve_stop() {
	local pid=$1_pid

	kill "${!pid}"
	wait "${!pid}" 2> /dev/null || :
}

# A free port, for servers that can not choose one themselves.
free_port() {
	$python -ESc 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# nginx_start NAME DIR [CERTIFICATE]: nginx with TLS if there is a certificate
# (CERTIFICATE.pem, CERTIFICATE.key); $NAME is its URL, its log NAME.log.
nginx_start() {
	local name=$1 dir port scheme=http ssl='' user='' nginx

	dir=$(realpath "$2")
	nginx=$(PATH=$PATH:/usr/sbin command -v nginx) ||
	    skip "nginx is not installed"
	[ "$(id -u)" -ne 0 ] || user="user root;"
	if [ -n "${3:-}" ]; then
		scheme=https
		ssl="ssl_certificate $PWD/$3.pem;
			ssl_certificate_key $PWD/$3.key;"
	fi
	for _ in 1 2 3 4 5; do
		port=$(free_port)
		cat > "$name.conf" <<-CONF
		$user
		daemon off;
		worker_processes 2;
		pid $PWD/$name.pid;
		error_log $PWD/$name.error;
		events { worker_connections 512; }
		http {
			log_format line escape=json '{"conn":\$connection,'
			    '"method":"\$request_method","path":"\$uri",'
			    '"range":"\$http_range","status":\$status,'
			    '"sent":\$body_bytes_sent}';
			access_log $PWD/$name.log line;
			client_body_temp_path $PWD/$name.tmp;
			proxy_temp_path $PWD/$name.tmp;
			fastcgi_temp_path $PWD/$name.tmp;
			uwsgi_temp_path $PWD/$name.tmp;
			scgi_temp_path $PWD/$name.tmp;
			sendfile on;
			server {
				listen 127.0.0.1:$port ${ssl:+ssl};
				root $dir;
				$ssl
			}
		}
		CONF
		timeout 3600 "$nginx" -p "$PWD" -c "$PWD/$name.conf" \
		    -e "$PWD/$name.error" > /dev/null 2>&1 3>&- &
		printf -v "${name}_pid" %s $!
		until_true nginx_settled "$name" $! "$port" || return 1
		if kill -0 $! 2> /dev/null; then
			net_pids="$net_pids $!"
			printf -v "$name" %s "$scheme://127.0.0.1:$port"
			return 0
		fi
	done
	cat "$name.error"
	return 1
}

# It listens, or it has ended.  Somebody else may have taken the port: then its
# own process is what ends.
nginx_settled() {
	! kill -0 "$2" 2> /dev/null || { [ -s "$1.pid" ] &&
	    (exec 4<> "/dev/tcp/127.0.0.1/$3") 2> /dev/null; }
}

# make_ca: ca.pem, the authority of make_cert.
make_ca() {
	[ ! -e ca.pem ] || return 0
	needs openssl
	cat > ca.conf <<-CONF
	[ca]
	default_ca = own
	[own]
	database = ca.index
	new_certs_dir = .
	certificate = ca.pem
	private_key = ca.key
	default_md = sha256
	rand_serial = yes
	policy = any
	unique_subject = no
	copy_extensions = copy
	[any]
	commonName = supplied
	[req]
	distinguished_name = name
	[name]
	CONF
	: > ca.index
	openssl req -config ca.conf -x509 -newkey ec \
	    -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key \
	    -out ca.pem -days 2 -subj "/CN=authority of a test" \
	    -addext basicConstraints=critical,CA:true 2> ca.err
}

# make_cert NAME [SUBJECT-ALT-NAMES [good|expired]]: NAME.pem and NAME.key.
make_cert() {
	local dates='-days 1'

	make_ca
	[ "${3:-good}" = good ] ||
	    dates='-startdate 20200101000000Z -enddate 20200102000000Z'
	openssl req -config ca.conf -newkey ec \
	    -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" \
	    -out "$1.csr" -subj "/CN=$1" \
	    -addext "subjectAltName=${2:-IP:127.0.0.1,DNS:localhost}" \
	    2> ca.err
	# shellcheck disable=SC2086
	openssl ca -config ca.conf -batch -notext $dates -in "$1.csr" \
	    -out "$1.pem" 2>> ca.err
}

# archive FILE [BYTES [SEED]]: random bytes that begin as the name says.
archive() {
	$python -ES -c '
import random, sys
name, size, seed = sys.argv[1], int(sys.argv[2]), sys.argv[3]
magic = {"gz": "1f8b0800000000000003", "zst": "28b52ffd", "xz": "fd377a585a00",
         "tgz": "1f8b0800000000000003"}.get(name.split(".")[-1], "")
r = random.Random(seed)
with open(name, "wb") as f:
    f.write(bytes.fromhex(magic))
    while f.tell() < size:
        f.write(r.randbytes(min(1 << 20, size - f.tell())))
' "$1" "${2:-100000}" "${3:-$1}"
}

sha() {
	sha256sum "$1" | cut -c 1-64
}

# same FILE...: they have one content.
same() {
	local f

	for f in "${@:2}"; do
		cmp "$1" "$f"
	done
}

# log NAME FILTER: the log of a fault server, all its lines as one array, when
# all is answered.
log() {
	until_true is_quiet "$1"
	jq -rs "$2" "$1.log"
}
is_quiet() {
	[ "$(stats "$1" active)" -eq 0 ]
}

# transferred NAME: bytes of body in all; requests NAME: how many.
transferred() {
	log "$1" 'map(.sent) | add // 0'
}
requests() {
	log "$1" length
}

# stats NAME FIELD: of what goes on in a fault server now.
stats() {
	curl -sk --noproxy '*' "${!1}/-/stats" | jq ".$2"
}

# has_sent NAME BYTES, has_stalled NAME N: for until_true.
has_sent() {
	[ "$(stats "$1" sent)" -ge "$2" ]
}
has_stalled() {
	[ "$(stats "$1" stalled)" -ge "$2" ]
}

# error_is KIND CODE: of the last record in ./out.
error_is() {
	is "$1 $2" "$(tail -n 1 out | jq -r '.error | "\(.kind) \(.code)"')"
}

# record URL [MEMBERS]: for rb-fetch.
record() {
	printf '{"url":"%s"%s}\n' "$1" "${2:+,$2}"
}

# nothing_kept: no download lies in the cache or in ./dl.
nothing_kept() {
	is '' "$(find cache/blobs dl -type f 2> /dev/null)"
}

# nothing_of SECRET...: none of them is in a file of ours, but for what the test
# gave (in folders `given` and home) and the servers' own files.
nothing_of() {
	local s

	for s; do
		if grep -rlF --exclude='*.log' --exclude=github.json \
		    --exclude-dir=given --exclude-dir=home --exclude-dir=www \
		    -e "$s" .; then
			echo "$s got out"
			return 1
		fi
	done
}
