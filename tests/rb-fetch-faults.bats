# rb-fetch-faults.bats - a server does wrong: the file is right, or there is none.

load helpers
load net

# More than one range.
size=9000000

local_setup() {
	net_setup
	archive www/a.tar.gz $size
	sha256=$(sha www/a.tar.gz)
	serve s www
}

local_teardown() {
	net_teardown
	if mountpoint -q "$BATS_TEST_TMPDIR/disk" 2> /dev/null; then
		umount "$BATS_TEST_TMPDIR/disk"
	fi
}

# fetch STATUS FAULTS [OPTION...]: a.tar.gz with these faults, in an own cache.
fetch() {
	rm -rf cache dl
	# an answer that was broken off may still be on its way into the log
	until_true is_quiet s
	: > s.log
	tool "$1" rb-fetch -d dl --arch amd64 "${@:3}" "$s/$2/a.tar.gz"
	if [ "$1" -eq 0 ]; then
		cmp www/a.tar.gz "$(field .tarball)"
		is "$sha256 $size" "$(field '"\(.sha256) \(.size)"')"
	else
		is null "$(field .tarball)"
		nothing_kept
		# with what was tried
		grep -qF 127.0.0.1 err
	fi
}

@test "rb-fetch: a server without ranges is read in one go" {
	fetch 0 noranges
	is "1 $size" "$(requests s) $(transferred s)"
	fetch 0 noranges,chunked
	fetch 0 noranges,close
	fetch 0 chunked
	fetch 0 noranges,noetag,nomod
	fetch 0 noetag,nomod
	fetch 0 noetag
	fetch 0 weak
	fetch 0 weak,nomod
}

@test "rb-fetch: a range that is not the one that was asked for is no part" {
	for faults in shift ignore=1 ignore=0,from=1 total,from=1; do
		fetch 0 $faults
		# without ranges it can be had
		is "200 $size" "$(log s 'last | "\(.status) \(.sent)"')"
	done
	fetch 0 shift,times=1
	fetch 0 shift,from=1,times=2
	fetch 0 total,times=1
}

@test "rb-fetch: a file that changes between ranges comes whole, the new one" {
	for faults in swap=1 swap=1,lie swap=1,noetag swap=1,weak \
	    swap=1,lie,noetag; do
		archive www/a.tar.gz $size old
		archive new.tar.gz $size new
		mv new.tar.gz www/a.tar.gz.new
		touch -d '1 hour ago' www/a.tar.gz
		rm -rf cache
		tool 0 rb-fetch "$s/$faults/a.tar.gz"
		cmp www/a.tar.gz.new "$(field .tarball)"
	done
	# shorter, and longer
	for n in 8500000 9500000; do
		archive new.tar.gz $n new
		mv new.tar.gz www/a.tar.gz.new
		for faults in swap=1 swap=1,lie; do
			rm -rf cache
			tool 0 rb-fetch "$s/$faults,x=$n/a.tar.gz"
			cmp www/a.tar.gz.new "$(field .tarball)"
		done
	done
}

@test "rb-fetch: a file that is another one in each answer is never one" {
	fetch 3 fickle,lie --retries 2
	fetch 0 fickle,lie,times=2
}

@test "rb-fetch: a body cut short is gone on with, or is an error" {
	for where in 0 1000 5000000 $((size - 1)); do
		fetch 0 noranges,cut=$where,times=1
		is 2 "$(field .fetch.attempts)"
		fetch 0 cut=$where,times=1
		fetch 0 chunked,cut=$where,times=1
	done
	# what was there has not come twice
	fetch 0 cut=5000000,times=1 --connections 1
	[ "$(transferred s)" -le $((size + 1000000)) ]
	fetch 3 noranges,cut=5000000 --retries 2
	error_is system connection
	is 2 "$(requests s)"
	fetch 3 noranges,chunked,cut=5000000 --retries 2
	# a short one in a sound connection
	fetch 3 chunked,less=1000 --retries 2
	fetch 0 chunked,less=1000,times=1
	rm -rf cache
	printf '{"url":"%s","size":%s}\n' "$s/noranges,less=5/a.tar.gz" $size > in
	tool 1 rb-fetch --retries 1 < in
	error_is check size_mismatch
}

@test "rb-fetch: a connection that is reset goes on where it was" {
	for where in 0 100000 8000000; do
		fetch 0 reset=$where,times=1
		fetch 0 noranges,reset=$where,times=2
	done
	fetch 0 reset=3000000,times=1 --connections 1
	fetch 3 noranges,reset=10 --retries 2
	error_is system connection
}

@test "rb-fetch: every connection breaks, and the file comes all the same" {
	fetch 0 cut=1500000
	[ "$(field .fetch.attempts)" -ge 4 ]
	[ "$(transferred s)" -le $((size + size / 2)) ]
	# --retries bounds the tries, also where each brings something
	fetch 3 cut=1500000 --retries 3
	fetch 3 reset=10 --retries 2
	is 2 "$(requests s)"
}

@test "rb-fetch: more than was said is not taken" {
	fetch 0 noranges,more=10
	fetch 0 chunked,more=10
	fetch 0 chunked,more=10,from=1,times=1
}

@test "rb-fetch: Content-Encoding does not change the bytes" {
	fetch 0 gzip
	fetch 0 gzip,noranges
	if grep -i accept-encoding s.log; then
		false
	fi
}

@test "rb-fetch: 503 twice and then good is good" {
	fetch 0 status=503,times=2
	is 3 "$(field .fetch.attempts)"
	for status in 500 502 504 408 429 425; do
		fetch 0 status=$status,times=1
		is 2 "$(field .fetch.attempts)"
	done
	fetch 3 status=503 --retries 3
	error_is system http_status
	is 3 "$(requests s)"
	fetch 3 status=408 --retries 1
	error_is system timeout
	# in the middle of it
	fetch 0 status=503,from=1,times=2
}

# waited SECONDS: so long there was between the first answer and the next
# request.
waited() {
	log s "sort_by(.begin) | .[1].begin - .[0].end >= $1" | grep -qx true
}

@test "rb-fetch: Retry-After is obeyed, in seconds and as a date" {
	fetch 0 status=429,retry=1,times=1
	waited 1
	# a date has no fractions
	fetch 0 status=503,retrydate=2,times=1
	waited 0.9
	fetch 0 status=429,retry=0,times=1
	fetch 0 status=429,retry=soon,times=1
	fetch 0 status=429,retry=-5,times=1
	fetch 0 status=503,retrydate=-100,times=1
	# nobody waits for an hour: it says when
	for faults in status=429,retry=3600 limit=3600 secondary=3600; do
		timeout 20 rb-fetch "$s/$faults/a.tar.gz" > out 2> err && false
		is rate_limited "$(field .error.code)"
		cat err
		grep -q '[0-9][0-9]' err
		is 1 "$(log s "map(select(.path == \"/$faults/a.tar.gz\")) | length")"
	done
}

@test "rb-fetch: a 403 that is a rate limit is waited for, a refusal is not" {
	fetch 0 limit=1,times=1
	fetch 0 secondary=1,times=1
	waited 1
	fetch 3 limit=1 --retries 1
	error_is system rate_limited
	fetch 1 status=403
	error_is check forbidden
	is 1 "$(requests s)"
}

@test "rb-fetch: a definite no is not asked for again" {
	for try in '401 unauthorized' '403 forbidden' '404 not_found' \
	    '410 not_found' '400 http_status' '451 http_status'; do
		fetch 1 status="${try% *}"
		error_is check "${try#* }"
		is 1 "$(requests s)"
	done
}

@test "rb-fetch: redirects lead on, but not for ever" {
	serve t www
	for code in 301 302 303 307 308; do
		fetch 0 to="$t_port",code=$code
	done
	fetch 0 hops=5
	fetch 1 circle
	error_is check redirect_loop
	[ "$(requests s)" -le 20 ]
	fetch 1 hops=50
	error_is check redirect_loop
	fetch 1 to="$t_port"/status=404
	error_is check not_found
}

@test "rb-fetch: a redirect from TLS to plain http is not followed" {
	make_cert good
	serve x www --tls good.pem good.key
	: > s.log
	got=0
	rb-fetch --retries 1 --cacert ca.pem \
	    "$x/to=$s_port,scheme=http/a.tar.gz" > out 2> err || got=$?
	cat err
	[ $got -eq 1 ] || [ $got -eq 3 ]
	is 0 "$(requests s)"
	# the other way it is
	tool 0 rb-fetch --cacert ca.pem "$s/to=$x_port,scheme=https/a.tar.gz"
}

@test "rb-fetch: a token stays home when a redirect leads away" {
	serve t www
	mkdir given
	echo 'Authorization: Bearer tok-secret' > given/headers
	for to in $t_port "localhost:$s_port" "localhost:$t_port"; do
		rm -rf cache
		: > s.log
		: > t.log
		tool 0 rb-fetch --header @given/headers "$s/to=$to/noauth/a.tar.gz"
		is 'Bearer tok-secret' "$(log s 'map(select(.status == 302)) | .[0].headers.authorization')"
		cat s.log t.log | jq -e 'select(.status != 302) |
		    .headers | has("authorization") | not' > /dev/null
		if cat s.log t.log | jq -c 'select(.status != 302)' |
		    grep tok-secret; then
			false
		fi
	done
	nothing_of tok-secret
	# it comes along where the host is the same
	tool 0 rb-fetch --header @given/headers \
	    "$s/to=$s_port/need=tok-secret/a.tar.gz"
}

@test "rb-fetch: a stalled transfer is given up, and tried again" {
	fetch 3 noranges,stall=1000000 --stall 1 --retries 1
	error_is system stalled
	fetch 0 noranges,stall=1000000,times=1 --stall 1
	is 2 "$(field .fetch.attempts)"
	fetch 0 stall=1000000,times=1 --stall 1
	fetch 3 stall=0 --stall 1 --retries 1
	tool 2 rb-fetch --stall x "$s/a.tar.gz"
}

@test "rb-fetch: an error page with status 200 is no archive" {
	for page in html json; do
		fetch 3 $page --retries 2
		error_is system not_an_archive
		is 2 "$(requests s)"
		fetch 0 $page,times=1
		is 2 "$(field .fetch.attempts)"
	done
	for name in x.tar.zst x.tar.xz x.tgz x.tar x.zip; do
		tool 3 rb-fetch --retries 1 "$s/html/$name"
		error_is system not_an_archive
	done
	# what promises nothing is taken as it is
	printf '<!DOCTYPE html>' > www/page.html
	tool 0 rb-fetch "$s/page.html"
	archive www/x.tar.zst
	archive www/x.tar.xz
	archive www/x.tgz
	tar -cf www/x.tar -C www page.html
	tool 0 rb-fetch "$s/x.tar.zst" "$s/x.tar.xz" "$s/x.tgz" "$s/x.tar"
}

@test "rb-fetch: an empty file is no archive" {
	: > www/empty.tar.gz
	tool 3 rb-fetch --retries 1 "$s/empty.tar.gz"
	error_is system not_an_archive
	tool 3 rb-fetch --retries 1 "$s/noranges/empty.tar.gz"
	error_is system not_an_archive
	: > www/empty
	tool 0 rb-fetch "$s/empty" "$s/noranges/empty"
	is '0 0' "$(field .size | xargs)"
}

@test "rb-fetch: files of every size around the ends of ranges" {
	for n in 1 8388607 8388608 8388609 16777216 16777217; do
		archive www/b.bin $n
		rm -rf cache
		tool 0 rb-fetch "$s/b.bin"
		cmp www/b.bin "$(field .tarball)"
		is $n "$(transferred s)"
		serve_stop s
		serve s www
	done
}

@test "rb-fetch: --max-bytes stops what is too large" {
	fetch 1 x --max-bytes 1000000
	error_is check too_large
	# as soon as that is known
	[ "$(transferred s)" -lt $size ]
	fetch 1 noranges,chunked,rate=100000000 --max-bytes 1000000
	error_is check too_large
	fetch 0 x --max-bytes $size
	fetch 0 x --max-bytes 9M
}

@test "rb-fetch: nobody there is a failure of the network" {
	port=$(free_port)
	tool 3 rb-fetch --retries 2 "http://127.0.0.1:$port/a.tar.gz"
	error_is system connection
}

@test "rb-fetch: a server that comes back is waited for" {
	serve_stop s
	rb-fetch "$s/a.tar.gz" > out 2> err &
	pid=$!
	serve s www --port "$s_port"
	wait $pid || { cat err; false; }
	cmp www/a.tar.gz "$(field .tarball)"
}

@test "rb-fetch: a full disk is the system's failure, and leaves no file" {
	[ "$(id -u)" -eq 0 ] || skip "only root can mount"
	mkdir disk
	mount -t tmpfs -o size=4m none disk || skip "no tmpfs can be mounted"
	tool 3 rb-fetch --cache-dir disk/cache "$s/a.tar.gz"
	error_is system no_space
	is '' "$(find disk/cache/blobs -type f 2> /dev/null)"
	is 1 "$(requests s)"
	# a target without room: the cache has it, the target has nothing
	rm -rf disk/*
	tool 3 rb-fetch -o disk/x.tar.gz "$s/a.tar.gz"
	error_is system no_space
	is '' "$(ls -A disk)"
	archive www/small.tar.gz
	tool 0 rb-fetch --cache-dir disk/cache "$s/small.tar.gz"
	umount disk
}
