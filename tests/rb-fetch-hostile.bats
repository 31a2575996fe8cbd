# rb-fetch-hostile.bats - whatever servers, records and folders do, a run ends
# with the right file or with an error in the record, and tells no secret.

load helpers
load net

local_setup() {
	net_setup
	archive www/a.tar.gz
	mkdir raw
}

local_teardown() {
	net_teardown
}

# raw_serve: $raw answers /NAME with the bytes of raw/NAME.
raw_serve() {
	$python -E "$SLIPWAY_ROOT/tests/serve/raw.py" raw > raw.out 2>&1 3>&- &
	net_pids="$net_pids $!"
	until_true test -e raw.port
	raw=http://127.0.0.1:$(cat raw.port)
}

# head_of STATUS FIELD...: of an answer; with printf's escapes.
head_of() {
	printf '%b\r\n' "HTTP/1.1 $1" "${@:2}" ''
}

# many BYTES CHARACTER
many() {
	head -c "$1" /dev/zero | tr '\0' "$2"
}

@test "rb-fetch: -d has a name for a URL of any length" {
	long=$(many 220 x).tar.gz
	cp www/a.tar.gz "www/$long"
	serve s www
	tool 0 rb-fetch --arch amd64 -d dl "$s/$long" "$s/$(many 4000 y)/a.tar.gz"
	cmp www/a.tar.gz "$(jq -rs '.[0].tarball' out)"
	cmp www/a.tar.gz "$(jq -rs '.[1].tarball' out)"
	is 2 "$(find dl -type f -name 'amd64-*' | wc -l)"
}

@test "rb-fetch: -d writes in its folder alone, whatever the URL" {
	serve s www
	for name in x -rf $'\033[31mx' $'\342\200\256x'; do
		cp www/a.tar.gz "www/$name"
	done
	for name in '%2e%2e%2fx' '..%2f..%2fx' 'a%5c..%2fx' '%1b%5b31mx' -rf \
	    '%e2%80%aex' '%2fx'; do
		tool 0 rb-fetch -d dl/in --arch amd64 "$s/$name"
		cmp www/a.tar.gz "$(field .tarball)"
	done
	is '' "$(find dl -mindepth 1 -maxdepth 1 ! -name in)"
	is 7 "$(find dl/in -maxdepth 1 -type f -name 'amd64-*' | wc -l)"
	is 7 "$(find dl/in -mindepth 1 | wc -l)"
	is '' "$(find dl/in | LC_ALL=C grep '[^[:print:]]' || :)"
}

@test "rb-fetch: a long name promises an archive, too" {
	serve s www
	tool 3 rb-fetch --retries 1 "$s/html/$(many 220 x).tar.gz"
	error_is system not_an_archive
	nothing_kept
}

@test "rb-fetch: an endless header fails its record, and no other" {
	{
		printf 'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nETag: "'
		many 250000 x
		printf '"\r\n\r\n'
		cat www/a.tar.gz
	} > raw/one.tar.gz
	{
		printf 'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n'
		for ((i = 0; i < 6; i++)); do
			printf 'X-%d: ' $i
			many 50000 x
			printf '\r\n'
		done
		printf '\r\n'
		cat www/a.tar.gz
	} > raw/many.tar.gz
	serve s www
	raw_serve
	tool 1 rb-fetch "$raw/one.tar.gz" "$raw/many.tar.gz" "$s/a.tar.gz"
	is '["too_large","too_large",null]' "$(jq -sc 'map(.error.code)' out)"
}

@test "rb-fetch: what a server calls a file is no way into our requests" {
	archive www/b.tar.gz 9000000
	{
		head_of '206 Partial' 'ETag: "\001\033[31m\377"' \
		    'Content-Range: bytes 0-8388607/9000000' \
		    'Content-Length: 8388608'
		head -c 8388608 www/b.tar.gz
	} > raw/b.tar.gz
	{
		head_of '200 OK' 'ETag: "\001\033[31m\377"' \
		    'Content-Length: 9000000'
		cat www/b.tar.gz
	} > raw/b.tar.gz.2
	raw_serve
	tool 0 rb-fetch "$raw/b.tar.gz"
	cmp www/b.tar.gz "$(field .tarball)"
	is false "$(field '.fetch | has("etag")')"
}

@test "rb-fetch: a validator that was damaged on the disk is not asked for" {
	archive www/b.tar.gz 9000000
	serve s www
	hex=$(printf %s "$s/b.tar.gz" | sha256sum | cut -c 1-64)
	for etag in '\u0001' '\r\nX: y' ''; do
		rm -rf cache
		mkdir -p cache/part
		head -c 1000 www/b.tar.gz > "cache/part/$hex"
		printf '{"length":9000000,"etag":"%s","done":"0-1000"}' "$etag" \
		    > "cache/part/$hex.json"
		tool 0 rb-fetch "$s/b.tar.gz"
		cmp www/b.tar.gz "$(field .tarball)"
		sed -i 's/"etag":"[^,]*"/"etag":"\\u0001"/' cache/urls/*.json
		tool 0 rb-fetch --refresh "$s/b.tar.gz"
		cmp www/b.tar.gz "$(field .tarball)"
	done
}

@test "rb-fetch: a chunked body without its end is no file" {
	raw_serve
	for end in '' '\r\n' '\r\n0\r\n' '\r\n1000\r\n'; do
		rm -rf cache
		{
			head_of '200 OK' 'Transfer-Encoding: chunked'
			printf '1000\r\n'
			head -c 4096 www/a.tar.gz
			printf %b "$end"
		} > raw/c.tar.gz
		tool 3 rb-fetch --retries 1 "$raw/c.tar.gz"
		error_is system connection
		nothing_kept
	done
}

@test "rb-fetch: chunked, without ranges, it is all of it each time" {
	archive www/b.tar.gz 12000000
	serve s www
	want=$(sha www/b.tar.gz)
	for _ in 1 2; do
		pids=()
		for i in 1 2 3 4 5 6; do
			rb-fetch --cache-dir "c$i" --refresh \
			    "$s/noranges,chunked/b.tar.gz" > "out$i" &
			pids+=($!)
		done
		wait "${pids[@]}"
		for i in 1 2 3 4 5 6; do
			is "$want" "$(field .sha256 "out$i")"
			is "$want" "$(sha "$(field .tarball "out$i")")"
			rm -r "c$i"
		done
	done
}

@test "rb-fetch: several ranges in one answer are not what was asked for" {
	type='Content-Type: multipart/byteranges; boundary=x'
	{
		head_of '206 Partial' "$type" 'Content-Length: 100056'
		printf -- '--x\r\nContent-Range: bytes 0-99999/100000\r\n\r\n\r\n'
		cat www/a.tar.gz
	} > raw/m.tar.gz
	{
		head_of '200 OK' 'Content-Length: 100000'
		cat www/a.tar.gz
	} > raw/m.tar.gz.2
	raw_serve
	tool 0 rb-fetch "$raw/m.tar.gz"
	cmp www/a.tar.gz "$(field .tarball)"
}

@test "rb-fetch: a server that dribbles is given up" {
	serve s www
	tool 3 rb-fetch --retries 1 --stall 1 "$s/rate=50/a.tar.gz"
	error_is system stalled
}

@test "rb-fetch: an answer that is none is a failure of its record" {
	head_of '204 No' > raw/204.tar.gz
	head_of '304 No' > raw/304.tar.gz
	head_of '302 No' > raw/302.tar.gz
	head_of '200 OK' 'Content-Length: -5' > raw/minus.tar.gz
	head_of '200 OK' 'Content-Length: 5' 'Content-Length: 6' > raw/two.tar.gz
	printf '\x1f\x8bxxxxxxx' > raw/old.tar.gz
	: > raw/nothing.tar.gz
	head_of '302 Found' 'Location: file:///etc/passwd' > raw/file.tar.gz
	head_of '302 Found' 'Location: http://me:sig-secret@127.0.0.1/' \
	    > raw/user.tar.gz
	head_of '302 Found' 'Location: http://127.0.0.1:1/?token=sig-secret' \
	    > raw/signed.tar.gz
	head_of '404 No' 'Content-Type: text/plain' > raw/said.tar.gz
	printf '\033[31mred\n::error::x\n' >> raw/said.tar.gz
	raw_serve
	for f in raw/*.tar.gz; do
		echo "$raw/${f#raw/}"
	done > urls
	xargs rb-fetch -j 8 --retries 1 < urls > out 2> err || :
	is "$(wc -l < urls)" "$(jq -c 'select(.error != null)' out | wc -l)"
	is '["connection","http_status","not_found","redirect_invalid"]' \
	    "$(jq -sc 'map(.error.code) | unique' out)"
	if grep -qe sig-secret -e $'\033' -e '^::' out err; then
		false
	fi
}

@test "rb-fetch: a proxy that can't be used is not repeated with its password" {
	for p in 'http://me:sig-secret@[bad:1' 'foo://me:sig-secret@127.0.0.1:1' \
	    'http://me:sig-secret@127.0.0.1:99999'; do
		https_proxy=$p tool 2 rb-fetch -v https://files.example/a.tar.gz
		error_is input proxy_invalid
		nothing_of sig-secret
	done
}

@test "rb-fetch: the API's address takes no query, where a path would vanish" {
	for a in 'https://127.0.0.1:1/?sig-secret' 'https://127.0.0.1:1/#x'; do
		GH_TOKEN=tok-secret GITHUB_API_URL=$a tool 2 rb-fetch --retries 1 \
		    --github-repo O/R --release-tag v1 --filename-prefix p \
		    --bundle-version 1 --arch amd64
		grep -F "GITHUB_API_URL is no web address: 'https://127.0.0.1:1/'" err
		[ ! -s out ]
		nothing_of tok-secret sig-secret
	done
}

@test "rb-fetch: a tag or an asset of dots leads to no other path" {
	serve s www
	export GITHUB_SERVER_URL=$s GITHUB_API_URL=$s
	for n in . ..; do
		jq -nc --arg n $n '{github: {repo: "O/R", tag: $n, asset: "a.tar.gz"}},
		    {github: {repo: "O/R", tag: "v1", asset: $n}}' > in
		tool 2 rb-fetch --retries 1 < in
		is '["field_invalid"]' "$(jq -sc 'map(.error.code) | unique' out)"
		tool 2 rb-fetch --retries 1 --github-repo O/R --release-tag $n \
		    --filename-prefix p --bundle-version 1 --arch amd64
	done
	is 0 "$(requests s)"
}

@test "rb-fetch: a file URL tells its secrets as little as others" {
	for u in 'file:///a%00b?sig=sig-secret' 'file:///a%zz?token=sig-secret' \
	    'file:///none?token=sig-secret'; do
		mkdir -p given
		record "$u" > given/in
		got=0
		rb-fetch < given/in > out 2> err || got=$?
		[ $got -eq 1 ] || [ $got -eq 2 ]
		is true "$(field .url_redacted)"
		nothing_of sig-secret
	done
}

@test "rb-fetch: a mirror that is no file here is left for the next" {
	serve s www
	: > plain
	: > secret
	chmod 0 secret
	jq -nc --arg s "$s" --arg d "$PWD" '{urls: ["file://\($d)/plain/x",
	    "file://\($d)/none", "\($s)/a.tar.gz"]}' > in
	[ "$(id -u)" -eq 0 ] || jq -nc --arg s "$s" --arg d "$PWD" '{urls:
	    ["file://\($d)/secret", "\($s)/a.tar.gz"]}' >> in
	tool 0 rb-fetch < in
	is "$s/a.tar.gz" "$(jq -rs 'map(.fetch.url) | unique[]' out)"
	tool 1 rb-fetch "file://$PWD/plain/x"
	error_is check not_found
	[ "$(id -u)" -ne 0 ] || return 0
	tool 1 rb-fetch "file://$PWD/secret"
	error_is check forbidden
}

@test "rb-fetch: neither HOME nor a cache, and -d has the file" {
	serve s www
	tool 3 env -u HOME -u SLIPWAY_CACHE_DIR rb-fetch "$s/a.tar.gz"
	error_is system cache_readonly
	grep -F 'neither SLIPWAY_CACHE_DIR nor HOME is set; give -d or -o' err
	tool 0 env -u HOME -u SLIPWAY_CACHE_DIR rb-fetch -d dl "$s/a.tar.gz"
	cmp www/a.tar.gz "$(field .tarball)"
	is 644 "$(stat -c %a "$(field .tarball)")"
}

@test "rb-fetch: too few descriptors fail records, and the next run is whole" {
	serve s www
	for ((i = 0; i < 24; i++)); do
		record "$s/a.tar.gz?$i"
	done > in
	got=0
	(ulimit -n 24 && exec rb-fetch -j 24 --retries 1 < in > out 2> err) || got=$?
	[ $got -eq 3 ] || [ $got -eq 0 ]
	is 24 "$(wc -l < out)"
	is '' "$(jq -r '.error // empty | select(.kind != "system") | .code' out)"
	tool 0 rb-fetch -j 4 < in
	is 24 "$(jq -r .sha256 out | grep -c "^$(sha www/a.tar.gz)$")"
}

@test "rb-fetch: 300 records at 64 at once keep their order" {
	serve s www
	for ((i = 0; i < 300; i++)); do
		record "$s/a.tar.gz?$i"
	done > in
	tool 0 rb-fetch -j 64 < in
	is "$(seq 0 299)" "$(jq -r '.url | split("?")[1]' out)"
	is '' "$(find cache/part cache/lock -type f)"
}

@test "rb-fetch: -o goes to a file's name, and to nothing else" {
	serve s www
	mkdir folder
	mkfifo pipe
	ln -s www/a.tar.gz link
	before=$(sha www/a.tar.gz)
	for o in folder pipe . folder/ /dev/full; do
		tool 2 rb-fetch -o "$o" "$s/a.tar.gz"
		error_is input not_a_file
	done
	[ -p pipe ] && [ -c /dev/full ]
	archive www/b.tar.gz
	tool 0 rb-fetch -o link "$s/b.tar.gz"
	[ ! -L link ]
	is "$before" "$(sha www/a.tar.gz)"
}
