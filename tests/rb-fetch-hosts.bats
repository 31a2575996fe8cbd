# rb-fetch-hosts.bats - whom it believes, and whom it tells what.

load helpers
load net

local_setup() {
	net_setup
	archive www/a.tar.gz
	archive www/b.tar.gz
	a_sha=$(sha www/a.tar.gz)
	b_sha=$(sha www/b.tar.gz)
}

local_teardown() {
	net_teardown
}

@test "rb-fetch: a certificate has to be valid, for this name, of an authority" {
	make_cert good
	make_cert late '' expired
	make_cert else DNS:other.example
	serve s www --tls good.pem good.key
	tool 0 rb-fetch --cacert ca.pem "$s/a.tar.gz"
	rm -r cache
	tool 1 rb-fetch "$s/a.tar.gz"
	error_is check tls
	serve x www --tls late.pem late.key
	tool 1 rb-fetch --cacert ca.pem "$x/a.tar.gz"
	error_is check tls
	grep -qi expired err
	serve y www --tls else.pem else.key
	tool 1 rb-fetch --cacert ca.pem "$y/a.tar.gz"
	error_is check tls
	is '0 0' "$(requests x) $(requests y)"
	nothing_kept
	tool 2 rb-fetch --cacert none.pem "$s/a.tar.gz"
}

@test "rb-fetch: plain http off the loopback needs a digest, or to be allowed" {
	serve s www
	export http_proxy=$s
	tool 2 rb-fetch http://files.example/a.tar.gz
	error_is input insecure_http
	record http://files.example/a.tar.gz "\"sha256\":\"$b_sha\"" > in
	tool 1 rb-fetch < in
	error_is check checksum_mismatch
	is 'files.example absolute' \
	    "$(log s 'map("\(.headers.host) \(.proxy)") | unique | join(",")')"
	record http://files.example/a.tar.gz "\"sha256\":\"$a_sha\"" > in
	tool 0 rb-fetch < in
	tool 0 rb-fetch --insecure-http http://files.example/b.tar.gz
	cmp www/b.tar.gz "$(field .tarball)"
}

@test "rb-fetch: the environment's proxies are used, for the loopback none" {
	make_cert good DNS:files.example
	serve s www --tls good.pem good.key
	serve p www --connect "$s_port"
	export https_proxy=$p http_proxy=$p
	tool 0 rb-fetch --cacert ca.pem https://files.example/a.tar.gz
	cmp www/a.tar.gz "$(field .tarball)"
	is 'connect files.example:443' "$(log p '.[0].proxy')"
	is 'files.example' "$(log s '.[0].headers.host')"
	serve t www
	rm -r cache
	: > p.log
	tool 0 rb-fetch "$t/a.tar.gz" "http://localhost:$t_port/b.tar.gz"
	is 0 "$(requests p)"
	no_proxy=files.example tool 3 rb-fetch --retries 1 --cacert ca.pem \
	    https://files.example/b.tar.gz
	is 0 "$(requests p)"
}

@test "rb-fetch: user info in a URL is refused, and repeated nowhere" {
	serve s www
	url=http://me:hunter2@127.0.0.1:$s_port/a.tar.gz
	mkdir given
	record "$url" > given/in
	tool 2 rb-fetch < given/in
	error_is input credentials_in_url
	nothing_of hunter2
	tool 2 rb-fetch "$url"
	nothing_of hunter2
	jq -nc --arg u "$url" '{urls: [$u]}' > given/in
	tool 2 rb-fetch < given/in
	nothing_of hunter2
	is 0 "$(requests s)"
}

@test "rb-fetch: a signed query is used, and stands nowhere afterwards" {
	serve s www
	url="$s/stall=50000,times=1/a.tar.gz?X-Amz-Signature=sig-secret&X-Amz-Date=now"
	mkdir given
	record "$url" '"arch":"amd64"' > given/in
	rb-fetch -v -d dl < given/in > out 2> err &
	pid=$!
	until_true has_stalled s 1
	if tr '\0' ' ' < /proc/$pid/cmdline | grep -F sig-secret; then
		false
	fi
	kill $pid
	wait $pid || :
	nothing_of sig-secret
	tool 0 rb-fetch -v -d dl < given/in
	cmp www/a.tar.gz "$(field .tarball)"
	is 'X-Amz-Signature=sig-secret&X-Amz-Date=now' "$(log s '.[0].query')"
	nothing_of sig-secret
	is "true ${url%%\?*}" "$(field '"\(.url_redacted) \(.url)"')"
	[ -z "$(find . -name '*sig-secret*')" ]
	sed 's/a.tar.gz/none.tar.gz/' given/in > given/bad
	tool 1 rb-fetch < given/bad
	nothing_of sig-secret
	is true "$(field .url_redacted)"
}

@test "rb-fetch: --header goes to the host that was asked, and to no other" {
	serve s www
	serve t www
	mkdir given
	printf 'X-Secret: from-a-file\r\n\nX-Two: 2\n' > given/headers
	tool 0 rb-fetch --header 'X-Secret: on-the-line' "$s/a.tar.gz"
	tool 0 rb-fetch --header @given/headers "$s/b.tar.gz"
	is '["on-the-line",null]' "$(log s '.[0].headers |
	    [.["x-secret"], .["x-two"]]' | jq -c .)"
	is '["from-a-file","2"]' "$(log s '.[1].headers |
	    [.["x-secret"], .["x-two"]]' | jq -c .)"
	nothing_of on-the-line from-a-file
	for to in "$t_port" "localhost:$s_port"; do
		rm -rf cache
		tool 0 rb-fetch --header @given/headers \
		    --header 'Cookie: from-a-jar' \
		    --header 'Authorization: Basic from-a-vault' \
		    "$s/to=$to/a.tar.gz"
		is '["from-a-file","from-a-jar","Basic from-a-vault"]' \
		    "$(log s 'map(select(.path | contains("/to="))) | last | .headers |
		    [.["x-secret"], .cookie, .authorization]' | jq -c .)"
	done
	is '[null,null,null]' "$(log t '.[0].headers |
	    [.["x-secret"], .cookie, .authorization]' | jq -c .)"
	is '[null,null,null]' \
	    "$(log s 'map(select(.headers.host | startswith("localhost")))[0].headers |
	    [.["x-secret"], .cookie, .authorization]' | jq -c .)"
	nothing_of from-a-jar from-a-vault
}

@test "rb-fetch: a header that would smuggle another one in is refused" {
	serve s www
	tool 2 rb-fetch --header $'X: a\r\nY: b' "$s/a.tar.gz"
	tool 2 rb-fetch --header 'no colon' "$s/a.tar.gz"
	tool 2 rb-fetch --header @none "$s/a.tar.gz"
	is 0 "$(requests s)"
}

@test "rb-fetch: netrc knows the user, for its host alone" {
	serve s www
	serve t www
	printf 'machine 127.0.0.1 login me password hunter2\n' > home/.netrc
	chmod 600 home/.netrc
	tool 0 rb-fetch "$s/basic/a.tar.gz"
	is "Basic $(printf me:hunter2 | base64)" \
	    "$(log s 'last | .headers.authorization')"
	nothing_of hunter2 "$(printf me:hunter2 | base64)"
	rm -r cache home/.netrc
	tool 1 rb-fetch "$s/basic/a.tar.gz"
	error_is check unauthorized
	mkdir given
	printf 'machine localhost\nlogin me\npassword hunter2\n' > given/netrc
	chmod 600 given/netrc
	NETRC=$PWD/given/netrc tool 0 rb-fetch \
	    "http://localhost:$s_port/to=$t_port/noauth/a.tar.gz"
	is null "$(log t '.[0].headers.authorization')"
}
