# rb-fetch-cache.bats - what was fetched once, and who shares it.

load helpers
load net
load bundle

size=300000

local_setup() {
	net_setup
	archive www/a.tar.gz $size
	archive www/b.tar.gz $size
	a_sha=$(sha www/a.tar.gz)
	b_sha=$(sha www/b.tar.gz)
	serve s www
}

local_teardown() {
	net_teardown
	chmod -R u+w "$BATS_TEST_TMPDIR" 2> /dev/null || :
	if mountpoint -q "$BATS_TEST_TMPDIR/ro" 2> /dev/null; then
		umount "$BATS_TEST_TMPDIR/ro"
	fi
}

# cached TRUE|FALSE FILE: the record in ./out says so, and has this content.
cached() {
	is "$1" "$(field .fetch.cached)"
	cmp "$2" "$(field .tarball)"
}

@test "rb-fetch: a second fetch of one URL costs no transfer" {
	tool 0 rb-fetch "$s/a.tar.gz"
	cached false www/a.tar.gz
	is false "$(field '.trace[0].cached')"
	tool 0 rb-fetch "$s/a.tar.gz"
	cached true www/a.tar.gz
	is true "$(field '.trace[0].cached')"
	is "$a_sha $size" "$(field '"\(.sha256) \(.size)"')"
	is 1 "$(requests s)"
	# a server that is gone does not matter
	serve_stop s
	tool 0 rb-fetch "$s/a.tar.gz"
	cached true www/a.tar.gz
}

@test "rb-fetch: --refresh asks, and takes what has changed" {
	tool 0 rb-fetch "$s/a.tar.gz"
	tool 0 rb-fetch --refresh "$s/a.tar.gz"
	cached true www/a.tar.gz
	is '200 304 ' "$(log s 'map(if .status == 206 then 200 else .status end) |
	    map("\(.) ") | add')"
	is $size "$(transferred s)"
	archive www/a.tar.gz $size another
	tool 0 rb-fetch "$s/a.tar.gz"
	is "$a_sha" "$(field .sha256)"
	tool 0 rb-fetch --refresh "$s/a.tar.gz"
	cached false www/a.tar.gz
	tool 0 rb-fetch "$s/a.tar.gz"
	cached true www/a.tar.gz
	# by its date, where there is no ETag; anew, where there is neither
	tool 0 rb-fetch "$s/noetag/b.tar.gz" "$s/noetag,nomod/b.tar.gz"
	: > s.log
	tool 0 rb-fetch --refresh "$s/noetag/b.tar.gz" \
	    "$s/noetag,nomod/b.tar.gz"
	is '["/noetag/b.tar.gz"]' \
	    "$(log s 'map(select(.status == 304).path)' | jq -c .)"
	# what is gone is an error, and the cache has it all the same
	rm www/a.tar.gz
	tool 1 rb-fetch --refresh "$s/a.tar.gz"
	error_is check not_found
	tool 0 rb-fetch --offline "$s/a.tar.gz"
}

@test "rb-fetch: --offline never asks" {
	tool 1 rb-fetch --offline "$s/a.tar.gz"
	error_is check offline_miss
	is 0 "$(requests s)"
	tool 0 rb-fetch "$s/a.tar.gz"
	tool 0 rb-fetch --offline -d dl --arch amd64 "$s/a.tar.gz"
	cached true www/a.tar.gz
	is 1 "$(requests s)"
	printf '{"url":"%s","sha256":"%s"}\n' "$s/a.tar.gz" "$b_sha" > in
	got=0
	rb-fetch --offline < in > out 2> err || got=$?
	is 1 $got
	is 1 "$(requests s)"
}

@test "rb-fetch: a file that is known by its digest costs no transfer" {
	tool 0 rb-fetch "$s/a.tar.gz"
	for url in "$s/x/a.tar.gz" http://192.0.2.1/mirror.tar.gz; do
		printf '{"url":"%s","sha256":"%s"}\n' "$url" "$a_sha" > in
		tool 0 rb-fetch --retries 1 < in
		cached true www/a.tar.gz
		tool 0 rb-fetch --offline < in
	done
	is 1 "$(requests s)"
}

@test "rb-fetch: two secrets in a query are two URLs" {
	tool 0 rb-fetch "$s/a.tar.gz?X-Amz-Signature=one"
	tool 0 rb-fetch "$s/b.tar.gz?X-Amz-Signature=two"
	cmp www/b.tar.gz "$(field .tarball)"
	tool 0 rb-fetch "$s/a.tar.gz?q=1" "$s/a.tar.gz?q=2"
	is 4 "$(requests s)"
}

@test "rb-fetch: 20 processes fetch one URL once" {
	archive www/big.tar.gz 20000000
	url=$s/rate=20000000,delay=50/big.tar.gz
	pids=
	for n in $(seq 20); do
		rb-fetch -d dl --arch amd64 "$url" > $n.out 2> $n.err &
		pids="$pids $!"
	done
	for p in $pids; do
		wait "$p"
	done
	is 20000000 "$(transferred s)"
	is "$(sha www/big.tar.gz)" "$(field .sha256 - < <(cat ./*.out) | sort -u)"
	is 1 "$(jq -s 'map(select(.fetch.cached == false)) | length' <(cat [0-9]*.out))"
	cmp www/big.tar.gz "$(field .tarball 1.out)"
	is 1 "$(find dl -type f | wc -l)"
	cat ./[0-9]*.err
	[ -z "$(cat ./[0-9]*.err)" ]
}

@test "rb-fetch: one run fetches a URL that stands in many records once" {
	for n in $(seq 20); do
		printf '{"n":%d,"url":"%s"}\n' $n "$s/delay=100/a.tar.gz"
	done > in
	tool 0 rb-fetch -j 20 < in
	is $size "$(transferred s)"
	is 1 "$(field .sha256 | sort -u | wc -l)"
}

@test "rb-fetch: 20 processes fetch 20 URLs, each its own" {
	pids=
	for n in $(seq 20); do
		archive www/$n.tar.gz 500000
		rb-fetch "$s/delay=20/$n.tar.gz" > $n.out 2> $n.err &
		pids="$pids $!"
	done
	for p in $pids; do
		wait "$p"
	done
	for n in $(seq 20); do
		cmp www/$n.tar.gz "$(field .tarball $n.out)"
	done
	is 10000000 "$(transferred s)"
}

@test "rb-fetch: where the one that fetches is killed, another goes on" {
	url=$s/stall=100000,noranges,times=1/a.tar.gz
	rb-fetch "$url" > first 2> first.err &
	first=$!
	until_true has_stalled s 1
	pids=
	for n in 1 2 3; do
		rb-fetch "$url" > $n.out 2> $n.err &
		pids="$pids $!"
	done
	kill -9 $first
	wait $first || :
	for p in $pids; do
		wait "$p"
	done
	for n in 1 2 3; do
		cmp www/a.tar.gz "$(field .tarball $n.out)"
	done
	is 2 "$(requests s)"
}

@test "rb-fetch: a damaged entry is noticed, and fetched anew" {
	for damage in 'truncate -s 1000 $f' ': > $f' 'echo x >> $f' \
	    'printf x | dd of=$f bs=1 seek=500 conv=notrunc status=none' \
	    'rm $f' 'rm $f; mkdir $f' 'cp www/b.tar.gz $f' \
	    'rm $f; ln -s $PWD/www/b.tar.gz $f'; do
		rm -rf cache
		tool 0 rb-fetch "$s/a.tar.gz"
		f=$(find cache/blobs -type f)
		chmod u+w "$f"
		f=$f sh -c "$damage"
		echo "$damage"
		tool 0 rb-fetch "$s/a.tar.gz"
		cached false www/a.tar.gz
		tool 0 rb-fetch "$s/a.tar.gz"
		cached true www/a.tar.gz
		is "$b_sha" "$(sha www/b.tar.gz)"
	done
}

@test "rb-fetch: a damaged entry is not used --offline either" {
	tool 0 rb-fetch "$s/a.tar.gz"
	f=$(find cache/blobs -type f)
	chmod u+w "$f"
	printf x | dd of="$f" bs=1 seek=500 conv=notrunc status=none
	tool 1 rb-fetch --offline "$s/a.tar.gz"
	error_is check offline_miss
}

@test "rb-fetch: what is known of a URL may be damaged too" {
	for damage in ': > $f' 'echo "{" > $f' 'echo "[]" > $f' 'rm $f' \
	    'head -c 100 /dev/urandom > $f' 'rm $f; mkdir $f' \
	    'echo "{\"sha256\":\"../../../etc/passwd\",\"size\":1}" > $f'; do
		rm -rf cache
		tool 0 rb-fetch "$s/a.tar.gz"
		f=$(find cache/urls -type f)
		chmod u+w "$f"
		f=$f sh -c "$damage"
		echo "$damage"
		tool 0 rb-fetch "$s/a.tar.gz"
		cmp www/a.tar.gz "$(field .tarball)"
	done
}

@test "rb-fetch: the cache is where it was said to be, first of all" {
	tool 0 rb-fetch --cache-dir one "$s/a.tar.gz"
	[ -d one/blobs ]
	[ ! -e cache ]
	tool 0 rb-fetch "$s/a.tar.gz"
	[ -d cache/blobs ]
	unset SLIPWAY_CACHE_DIR
	XDG_CACHE_HOME=$PWD/xdg tool 0 rb-fetch "$s/a.tar.gz"
	[ -d xdg/slipway/blobs ]
	tool 0 rb-fetch "$s/a.tar.gz"
	[ -d home/.cache/slipway/blobs ]
	for d in one cache xdg/slipway home/.cache/slipway; do
		is 700 "$(stat -c %a $d)"
	done
}

# read_only: the cache belongs to an ordinary user, who can not write it.
read_only() {
	chmod -R a-w cache
	if [ "$(id -u)" -eq 0 ]; then
		chown -R 65534:65534 cache
		mkdir -p dl
		chown 65534:65534 dl
		: > out
		: > err
		chmod 666 out err
	fi
	export HOME=/nonexistent
}

@test "rb-fetch: a read-only cache gives what it has" {
	tool 0 rb-fetch "$s/a.tar.gz"
	mkdir dl
	read_only
	tool 0 as_user rb-fetch "$s/a.tar.gz"
	cached true www/a.tar.gz
	tool 0 as_user rb-fetch --offline -d dl --arch amd64 "$s/a.tar.gz"
	cached true www/a.tar.gz
	tool 3 as_user rb-fetch "$s/b.tar.gz"
	is system "$(field .error.kind)"
	grep -qF "$PWD/cache" err
	is 1 "$(requests s)"
	for to in '-d dl' '-o dl/x.tar.gz'; do
		# shellcheck disable=SC2086
		tool 0 as_user rb-fetch $to --arch amd64 "$s/b.tar.gz"
		is false "$(field .fetch.cached)"
		as_user cat "$(field .tarball)" | cmp www/b.tar.gz
	done
	# a wrong one is no file there either
	rm -rf dl/*
	tool 3 as_user rb-fetch --retries 1 -d dl --arch amd64 \
	    "$s/noranges,cut=1000/b.tar.gz"
	is '' "$(ls -A dl)"
}

@test "rb-fetch: so does one on a read-only file system" {
	[ "$(id -u)" -eq 0 ] || skip "only root can mount"
	tool 0 rb-fetch "$s/a.tar.gz"
	mkdir ro
	mount --bind cache ro && mount -o remount,ro,bind ro ||
	    skip "only root can mount here"
	tool 0 rb-fetch --cache-dir ro "$s/a.tar.gz"
	cached true www/a.tar.gz
	tool 3 rb-fetch --cache-dir ro "$s/b.tar.gz"
	tool 0 rb-fetch --cache-dir ro -o x.tar.gz "$s/b.tar.gz"
	cmp www/b.tar.gz x.tar.gz
	umount ro
}

@test "rb-fetch: a cache that can not be is no hindrance to -o" {
	: > file
	tool 3 rb-fetch --cache-dir file/cache "$s/a.tar.gz"
	tool 0 rb-fetch --cache-dir file/cache -o x.tar.gz "$s/a.tar.gz"
	cmp www/a.tar.gz x.tar.gz
}

# age WHEN: everything in the cache was last used then.
age() {
	find cache -exec touch -h -d "$1" {} +
}

# blobs: how many files the cache has.
blobs() {
	find cache/blobs -type f | wc -l
}

@test "rb-fetch: --cache-max-bytes removes what was used longest ago" {
	archive www/c.tar.gz $size
	tool 0 rb-fetch "$s/a.tar.gz"
	age '5 days ago'
	tool 0 rb-fetch "$s/b.tar.gz"
	find cache -newermt '4 days ago' -exec touch -h -d '3 days ago' {} +
	tool 0 rb-fetch --cache-max-bytes $((2 * size)) "$s/c.tar.gz"
	is 2 "$(blobs)"
	: > s.log
	tool 0 rb-fetch "$s/b.tar.gz" "$s/c.tar.gz"
	is 0 "$(requests s)"
	tool 0 rb-fetch "$s/a.tar.gz"
	is 1 "$(requests s)"
	tool 2 rb-fetch --cache-max-bytes x "$s/a.tar.gz"
}

@test "rb-fetch: what was used within a day stays, whatever the limit" {
	tool 0 rb-fetch "$s/a.tar.gz"
	age '5 days ago'
	tool 0 rb-fetch "$s/a.tar.gz"
	tool 0 rb-fetch --cache-max-bytes 1 "$s/b.tar.gz"
	is 2 "$(blobs)"
	cmp www/b.tar.gz "$(field .tarball)"
	age '5 days ago'
	tool 0 rb-fetch --cache-max-bytes 1 "$s/b.tar.gz"
	is 1 "$(blobs)"
	cached true www/b.tar.gz
}

@test "rb-fetch: a download that nobody goes on with is swept" {
	rb-fetch "$s/stall=200000,noranges/a.tar.gz" > out 2> err &
	pid=$!
	until_true has_stalled s 1
	kill -9 $pid
	wait $pid || :
	[ -n "$(find cache/part -type f)" ]
	age '10 days ago'
	tool 0 rb-fetch --cache-max-bytes 100000000 "$s/b.tar.gz"
	is '' "$(find cache/part -type f)"
}

@test "rb-fetch: killed at any call, the cache is whole" {
	needs strace
	strace -o /dev/null -e trace=write true > /dev/null 2>&1 ||
	    skip "strace can not trace here"
	for call in renameat,renameat2 fsync,fdatasync unlinkat linkat \
	    ftruncate,fallocate; do
		for when in 1 2 3 4; do
			rm -rf cache dl
			got=0
			ASAN_OPTIONS=detect_leaks=0 SLIPWAY_SANDBOX=off \
			    strace -f -o /dev/null \
			    -e trace=$call -e inject=$call:signal=KILL:when=$when \
			    rb-fetch -d dl --arch amd64 "$s/a.tar.gz" \
			    > out 2> err || got=$?
			[ $got -eq 0 ] || [ $got -eq 137 ] || { cat err; false; }
			find cache/blobs dl -type f ! -name '.*' 2> /dev/null |
			    while IFS= read -r f; do
				cmp www/a.tar.gz "$f"
			done
			[ $got -eq 137 ] || break
			tool 0 rb-fetch -d dl --arch amd64 "$s/a.tar.gz"
			cmp www/a.tar.gz "$(field .tarball)"
			is 1 "$(ls -A dl | wc -l)"
			is '' "$(find cache/part -type f)"
			tool 0 rb-fetch --offline "$s/a.tar.gz"
			cached true www/a.tar.gz
		done
	done
}

@test "rb-fetch: a sharer who writes what he likes harms no file of others" {
	tool 0 rb-fetch -d dl --arch amd64 "$s/a.tar.gz"
	f=$(find cache/blobs -type f)
	is 444 "$(stat -c %a "$f")"
	# not a link to what the next reader gets
	is 1 "$(stat -c %h "$f")"
	is 1 "$(stat -c %h dl/*)"
}
