# rb-fetch.bats - a URL goes in, a file that is what it should be comes out.

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

@test "rb-fetch: a URL becomes a tarball with its digest and size" {
	serve s www
	record "$s/a.tar.gz" '"arch":"amd64","mine":1.50' > in
	tool 0 rb-fetch < in
	[ ! -s err ]
	is "$a_sha 100000" "$(field '"\(.sha256) \(.size)"')"
	cmp www/a.tar.gz "$(field .tarball)"
	case $(field .tarball) in
	/*) ;;
	*) false ;;
	esac
	grep -qF '"mine":1.50' out
	is '["attempts","cached","connections","etag","last_modified","resumed_from","url"]' \
	    "$(field '.fetch | keys' | jq -c .)"
	is "$(jq -cn --arg u "$s/a.tar.gz" '[$u,false,0,1,1]')" \
	    "$(jq -c '.fetch | [.url, .cached, .resumed_from, .attempts, .connections]' out)"
	is "$(curl -sI "$s/a.tar.gz" | tr -d '\r' | sed -n 's/^ETag: //p')" \
	    "$(field .fetch.etag)"
	is '["rb-fetch",100000,false,"amd64"]' \
	    "$(jq -c '.trace[0] | [.tool, .bytes, .cached, .subject]' out)"
	is 1 "$(log s 'map(select(.method == "GET")) | length')"
}

@test "rb-fetch: operands are URLs, each with the --arch before it" {
	serve s www
	tool 0 rb-fetch --arch amd64 "$s/a.tar.gz" --arch arm64 "$s/b.tar.gz"
	is "$(printf '%s\n' "amd64 $a_sha" "arm64 $b_sha")" \
	    "$(field '"\(.arch) \(.sha256)"')"
}

@test "rb-fetch: from nginx over TLS, with its ranges" {
	make_cert good
	archive www/big.tar.gz 40000000
	nginx_start n www good
	tool 0 rb-fetch --cacert ca.pem "$n/big.tar.gz" "$n/a.tar.gz"
	is "$(sha www/big.tar.gz) $a_sha" "$(field .sha256 | xargs)"
	cmp www/big.tar.gz "$(jq -rs '.[0].tarball' out)"
	# all of it came once, whatever the number of connections
	until_true eval '[ "$(jq -s "map(.sent) | add" n.log)" -eq 40100000 ]'
	is 0 "$(jq -s 'map(select(.status >= 300)) | length' n.log)"
}

@test "rb-fetch: -d names the file by architecture, URL and basename" {
	serve s www
	url=$s/a.tar.gz
	name=amd64-$(printf %s "$url" | sha256sum | cut -c 1-64)-a.tar.gz
	umask 027
	tool 0 rb-fetch -d deep/dl --arch amd64 "$url"
	umask 022
	is "$PWD/deep/dl/$name" "$(field .tarball)"
	cmp www/a.tar.gz "deep/dl/$name"
	is 640 "$(stat -c %a "deep/dl/$name")"
	is "$name" "$(ls -A deep/dl)"
	# an edit of it never reaches the cache
	echo more >> "deep/dl/$name"
	tool 0 rb-fetch --arch amd64 "$url"
	cmp www/a.tar.gz "$(field .tarball)"
	tool 0 rb-fetch -d deep/dl --arch amd64 "$url"
	cmp www/a.tar.gz "deep/dl/$name"
	is 100000 "$(transferred s)"
}

@test "rb-fetch: -d keeps two URLs with one basename apart" {
	mkdir other
	cp www/b.tar.gz other/a.tar.gz
	serve s www
	serve t other
	tool 0 rb-fetch -d dl --arch amd64 "$s/a.tar.gz" "$t/a.tar.gz"
	is 2 "$(find dl -type f | wc -l)"
	cmp www/b.tar.gz "$(jq -rs '.[1].tarball' out)"
}

@test "rb-fetch: -o names the file, -C where it is" {
	serve s www
	mkdir w
	echo old > w/x.tar.gz
	tool 0 rb-fetch -C w -o x.tar.gz "$s/a.tar.gz"
	is "$PWD/w/x.tar.gz" "$(field .tarball)"
	cmp www/a.tar.gz w/x.tar.gz
	is x.tar.gz "$(ls -A w)"
}

@test "rb-fetch: of two records for one -o the first stands" {
	serve s www
	for j in 1 8; do
		rm -f x.tar.gz
		tool 2 rb-fetch -j $j -o x.tar.gz "$s/a.tar.gz" "$s/b.tar.gz"
		error_is input destination_conflict
		cmp www/a.tar.gz x.tar.gz
	done
	tool 0 rb-fetch -o '{arch}.tar.gz' --arch amd64 "$s/a.tar.gz" \
	    --arch arm64 "$s/b.tar.gz"
	cmp www/a.tar.gz amd64.tar.gz
	cmp www/b.tar.gz arm64.tar.gz
}

@test "rb-fetch: a digest or size in the record is what has to come" {
	serve s www
	record "$s/a.tar.gz" "\"sha256\":\"$a_sha\",\"size\":100000" > in
	tool 0 rb-fetch -d dl --arch amd64 - < in
	rm -r dl cache
	record "$s/a.tar.gz" "\"sha256\":\"$b_sha\"" > in
	tool 1 rb-fetch -d dl --arch amd64 - < in
	error_is check checksum_mismatch
	is "$b_sha $a_sha" "$(field '.error | "\(.expected) \(.actual)"')"
	nothing_kept
	for size in 99999 100001; do
		record "$s/a.tar.gz" "\"size\":$size" > in
		tool 1 rb-fetch -d dl --arch amd64 - < in
		error_is check size_mismatch
		nothing_kept
	done
	is null "$(field .tarball)"
	# what is in the cache is no better than what was expected
	tool 0 rb-fetch "$s/a.tar.gz"
	record "$s/a.tar.gz" "\"sha256\":\"$b_sha\"" > in
	tool 1 rb-fetch < in
	error_is check checksum_mismatch
	record "$s/a.tar.gz" '"sha256":"abc"' > in
	tool 2 rb-fetch < in
}

@test "rb-fetch: --sha256sums says what has to come" {
	serve s www
	printf '%s  other.tar.gz\n%s *./a.tar.gz\n' "$b_sha" "$a_sha" > www/sums
	tool 0 rb-fetch --sha256sums www/sums "$s/a.tar.gz"
	rm -r cache
	tool 0 rb-fetch --sha256sums "$s/sums" "$s/a.tar.gz"
	rm -r cache
	tool 1 rb-fetch -d dl --sha256sums www/sums --arch amd64 "$s/b.tar.gz"
	error_is check checksum_not_listed
	nothing_kept
	sed -i "s/$a_sha/$b_sha/" www/sums
	for sums in www/sums "$s/sums"; do
		tool 1 rb-fetch -d dl --sha256sums "$sums" --arch amd64 \
		    "$s/a.tar.gz"
		error_is check checksum_mismatch
		nothing_kept
	done
	tool 1 rb-fetch --sha256sums "$s/none" "$s/a.tar.gz"
	error_is check not_found
	tool 1 rb-fetch --sha256sums none "$s/a.tar.gz"
}

@test "rb-fetch: mirrors are tried in their order" {
	serve s www
	serve t www
	dead=http://127.0.0.1:$(free_port)/a.tar.gz
	jq -nc --arg d "$dead" --arg s "$s" --arg t "$t" \
	    '{urls: [$d, "\($s)/none.tar.gz", "\($s)/html/a.tar.gz", "\($t)/a.tar.gz", "\($s)/a.tar.gz"]}' > in
	tool 0 rb-fetch --retries 1 < in
	is "$t/a.tar.gz $a_sha" "$(field '"\(.fetch.url) \(.sha256)"')"
	is '/none.tar.gz /html/a.tar.gz' "$(log s 'map(.path) | join(" ")')"
	jq -nc --arg s "$s" '{urls: ["\($s)/x.tar.gz", "\($s)/y.tar.gz"]}' > in
	tool 1 rb-fetch --retries 1 < in
	error_is check not_found
	grep -q x.tar.gz err
	grep -q y.tar.gz err
	# where one of them may come back, it is worth another try
	jq -nc --arg s "$s" --arg d "$dead" \
	    '{urls: [$d, "\($s)/x.tar.gz"]}' > in
	tool 3 rb-fetch --retries 1 < in
	jq -nc --arg s "$s" --arg d "$dead" \
	    '{urls: ["\($s)/x.tar.gz", $d]}' > in
	tool 3 rb-fetch --retries 1 < in
}

@test "rb-fetch: a mirror with another file is not believed" {
	serve s www
	mkdir other
	cp www/b.tar.gz other/a.tar.gz
	serve t other
	jq -nc --arg s "$s" --arg t "$t" --arg h "$a_sha" \
	    '{urls: ["\($t)/a.tar.gz", "\($s)/a.tar.gz"], sha256: $h}' > in
	tool 0 rb-fetch --retries 1 < in
	is "$s/a.tar.gz" "$(field .fetch.url)"
	cmp www/a.tar.gz "$(field .tarball)"
}

@test "rb-fetch: file URLs are read where they are" {
	tool 0 rb-fetch "file://$PWD/www/a.tar.gz"
	is "$a_sha" "$(field .sha256)"
	cmp www/a.tar.gz "$(field .tarball)"
	tool 0 rb-fetch -d dl --arch amd64 "file://$PWD/www/b.tar.gz"
	cmp www/b.tar.gz "$(field .tarball)"
	case $(field .tarball) in
	"$PWD"/dl/amd64-*-b.tar.gz) ;;
	*) false ;;
	esac
	tool 0 rb-fetch -o x.tar.gz "file://$PWD/www/b.tar.gz"
	echo more >> x.tar.gz
	is "$b_sha" "$(sha www/b.tar.gz)"
	tool 1 rb-fetch "file://$PWD/www/none.tar.gz"
	error_is check not_found
	record "file://$PWD/www/a.tar.gz" "\"sha256\":\"$b_sha\"" > in
	tool 1 rb-fetch < in
	error_is check checksum_mismatch
	# one that has changed is noticed
	archive www/a.tar.gz 100000 another
	tool 0 rb-fetch "file://$PWD/www/a.tar.gz"
	is "$(sha www/a.tar.gz)" "$(field .sha256)"
}

@test "rb-fetch: what is no URL is refused" {
	for url in '' a.tar.gz ftp://127.0.0.1/a.tar.gz 'http://' \
	    'http://127.0.0.1:99999/a.tar.gz' 'http://127.0.0.1/a b.tar.gz' \
	    '\u0001' 'javascript:alert(1)' 'http://127.0.0.1/a\r\nX: y'; do
		printf '{"url":"%s"}\n' "$url" > in
		tool 2 rb-fetch --retries 1 < in
		is input "$(field .error.kind)"
	done
	for in in '{}' '{"url":7}' '{"urls":[]}' '{"urls":"x"}' '{"urls":[7]}' \
	    '{"url":null}'; do
		printf '%s\n' "$in" > in
		tool 2 rb-fetch < in
		is input "$(field .error.kind)"
	done
	tool 2 rb-fetch < /dev/null
}

@test "rb-fetch: --gate holds the good ones back" {
	serve s www
	tool 1 rb-fetch --gate "$s/a.tar.gz" "$s/none.tar.gz" "$s/b.tar.gz"
	is '["held_back","not_found","held_back"]' \
	    "$(jq -cs 'map(.error.code)' out)"
	tool 3 rb-fetch --gate --retries 1 "$s/a.tar.gz" \
	    "$s/status=503/b.tar.gz"
	is '["held_back","http_status"]' "$(jq -cs 'map(.error.code)' out)"
}

@test "rb-fetch: a record that arrives failed is not fetched" {
	serve s www
	record "$s/a.tar.gz" '"error":{"kind":"check","code":"x","message":"m"}' > in
	tool 1 rb-fetch < in
	diff in out
	is 0 "$(requests s)"
}

@test "rb-fetch: results of an earlier run are replaced, not added" {
	serve s www
	record "$s/a.tar.gz" > in
	tool 0 rb-fetch < in
	jq -c 'del(.trace)' out > in
	tool 0 rb-fetch < in
	is true "$(field .fetch.cached)"
	is "$(jq -c keys in)" "$(jq -c 'del(.trace) | keys' out)"
}

@test "rb-fetch: many at once come out in order" {
	for n in $(seq 20); do
		archive www/$n.tar.gz 200000
	done
	serve s www
	for n in $(seq 20); do
		record "$s/delay=$((n % 3 * 40))/$n.tar.gz" "\"n\":$n"
	done > in
	tool 0 rb-fetch -j 20 < in
	is "$(seq 20)" "$(field .n)"
	for n in $(seq 20); do
		sha www/$n.tar.gz
	done > want
	field .sha256 | diff want -
	is 4000000 "$(transferred s)"
	# some were on their way together
	log s '[.[] as $a | .[] | select(.begin > $a.begin and .begin < $a.end)] | length > 0' |
	    grep -qx true
}

@test "rb-fetch: a small file costs one request" {
	serve s www
	tool 0 rb-fetch "$s/a.tar.gz"
	is 1 "$(requests s)"
	is 100000 "$(transferred s)"
}

# ranges NAME: first and last byte of each range that was sent, in order of
# the requests.
ranges() {
	log "$1" 'sort_by(.begin) | .[] | select(.status == 206) |
	    .range | ltrimstr("bytes=") | sub("-"; " ")'
}

@test "rb-fetch: a large file comes over several connections" {
	archive www/big.tar.gz 50000000
	serve s www
	tool 0 rb-fetch "$s/delay=50,rate=40000000/big.tar.gz"
	cmp www/big.tar.gz "$(field .tarball)"
	n=$(log s 'map(.conn) | unique | length')
	[ "$n" -ge 2 ]
	[ "$n" -le 4 ]
	is "$n" "$(field .fetch.connections)"
	is 50000000 "$(transferred s)"
	# handed out in order, none larger than 8 MiB, and without a gap
	ranges s | sort -n > got
	awk '$1 != next_ { exit 1 } { next_ = $2 + 1 }
	    $2 - $1 >= 8388608 { exit 1 }' got
	# several were on their way at one time
	log s '[.[] as $a | .[] | select(.begin > $a.begin and .begin < $a.end)] | length >= 2' |
	    grep -qx true
	rm -r cache
	: > s.log
	tool 0 rb-fetch --connections 1 "$s/big.tar.gz"
	is 1 "$(log s 'map(.conn) | unique | length')"
	is 1 "$(field .fetch.connections)"
	is 50000000 "$(transferred s)"
	tool 2 rb-fetch --connections 0 "$s/a.tar.gz"
	tool 2 rb-fetch --connections x "$s/a.tar.gz"
}

@test "rb-fetch: each range asks for the file that the first one was of" {
	archive www/big.tar.gz 30000000
	serve s www
	tool 0 rb-fetch "$s/delay=20/big.tar.gz"
	# redirects are asked again: a signed target does not live long
	etag=$(field .fetch.etag)
	is true "$(log s 'sort_by(.begin) | .[1:] |
	    all(.headers["if-range"] == '"$(jq -R . <<< "$etag")"')')"
	rm -r cache
	: > s.log
	serve t www
	tool 0 rb-fetch "$t/to=$s_port,sign/delay=20/big.tar.gz"
	is "$(requests s)" "$(requests t)"
	cmp www/big.tar.gz "$(field .tarball)"
	nothing_of sig-secret
}

@test "rb-fetch: progress is plain lines where there is no terminal, or a bar" {
	archive www/big.tar.gz 12000000
	serve s www
	tool 0 rb-fetch --progress plain "$s/rate=6000000/big.tar.gz"
	grep -q '%' err
	rm -r cache
	tool 0 rb-fetch -q "$s/rate=20000000/big.tar.gz"
	[ ! -s err ]
	needs script
	rm -r cache
	script -qec "rb-fetch --json $s/rate=3000000/big.tar.gz > out" /dev/null \
	    < /dev/null > screen
	cmp www/big.tar.gz "$(field .tarball)"
	tr '\r' '\n' < screen > lines
	[ "$(grep -c '%' lines)" -ge 2 ]
	grep -q 'B/s' lines
}

@test "rb-fetch: a person sees digest, size and where the file is" {
	serve s www
	tool 0 rb-fetch --text -o x.tar.gz "$s/a.tar.gz"
	grep -qF "$PWD/x.tar.gz" out
	grep -qF "$a_sha" out
	tool 1 rb-fetch --text "$s/none.tar.gz"
	grep -q not_found out || grep -qi 'not found\|404' err
}

@test "rb-fetch: a full output is noticed" {
	serve s www
	got=0
	rb-fetch "$s/a.tar.gz" > /dev/full 2> err || got=$?
	is 3 $got
	[ -s err ]
}

@test "rb-fetch: --github-output has file and digest" {
	serve s www
	GITHUB_OUTPUT=$PWD/gh tool 0 rb-fetch --github-output=b_ \
	    -o x.tar.gz "$s/a.tar.gz"
	grep -qF "$PWD/x.tar.gz" gh
	grep -qF "$a_sha" gh
	grep -q '^b_tarball<<\|^b_tarball=' gh
}

@test "rb-fetch: what it passes on, rb-verify takes" {
	"$python" -ES "$SLIPWAY_ROOT/tests/data/make-bundle.py" www/real.tar.gz amd64
	serve s www
	rb-fetch --arch amd64 "$s/real.tar.gz" > got
	tool 0 rb-verify < got
	is "$(field .sha256)" "$(field .sha256 got)"
	is rb-fetch,rb-verify "$(field '.trace | map(.tool) | join(",")')"
}
