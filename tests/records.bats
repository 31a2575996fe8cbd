# records.bats - the ten rules of records(5), through the real tools.

load helpers

# Bundles that are as small as a contract lets them be.
local_setup() {
	echo '{"name":"tiny"}' > contract.json
	export SLIPWAY_CONTRACT=$PWD/contract.json
}

# bundle NAME [ARCH]: NAME.tar.gz, and its record in NAME.jsonl.
bundle() {
	mkdir -p "root-$1"
	echo "$1" > "root-$1/payload"
	rb-pack --arch "${2:-amd64}" --bundle-name "$1" --bundle-version 1 \
	    --component c=1@1 -o "$1.tar.gz" "root-$1" > "$1.jsonl"
}

# line TARBALL [MEMBERS]: a record for it.
line() {
	printf '{"tarball":"%s"%s}\n' "$1" "${2:+,$2}"
}

# terminal COMMAND: its output on a terminal of its own, in ./screen; its exit
# status is the function's.  stdin is that terminal too.
terminal() {
	needs script
	local status=0

	script -qec "$1" /dev/null < /dev/null > screen || status=$?
	tr -d '\r' < screen > screen.txt
	cat screen.txt
	return "$status"
}

# big N: a string of N bytes.
big() {
	head -c "$1" /dev/zero | tr '\0' x
}

# never COMMAND: it has to fail, which errexit does not see in a plain `!`.
never() {
	if "$@"; then
		return 1
	fi
}

# The error that stands in the last record: KIND CODE.
last_error_is() {
	is "$1" "$(tail -n 1 out | jq -r '.error | "\(.kind) \(.code)"')"
}

# 1. One in, one out, in order

@test "records: they come out in the order they went in, under any -j" {
	bundle good
	for i in $(seq 60); do
		case $((i % 3)) in
		0) line good.tar.gz "\"n\":$i" ;;
		1) line none.tar.gz "\"n\":$i" ;;
		2) line none.tar.gz "\"n\":$i,\"error\":{\"kind\":\"check\"}" ;;
		esac
	done > in
	for j in 1 2 8 64; do
		tool 1 rb-verify -j $j < in
		is "$(seq 60)" "$(field .n)"
		is 20 "$(field 'select(.error == null) | .n' | wc -l)"
	done
}

@test "records: each is written before the next one comes in" {
	bundle good
	mkfifo to from
	rb-verify < to > from &
	pid=$!
	exec 7> to 8< from
	for i in 1 2 3; do
		line good.tar.gz "\"n\":$i" >&7
		read -r -t 60 got <&8
		is $i "$(jq .n <<< "$got")"
	done
	exec 7>&- 8<&-
	wait $pid
}

@test "records: many that come at once need no more input to come out" {
	bundle good
	mkfifo to from
	for i in $(seq 300); do
		line good.tar.gz "\"n\":$i"
	done > in
	rb-verify -j 1 < to > from &
	pid=$!
	exec 7> to 8< from
	cat in >&7
	for i in $(seq 300); do
		read -r -t 60 got <&8
	done
	is 300 "$(jq .n <<< "$got")"
	exec 7>&- 8<&-
	wait $pid
}

@test "records: --gate lets all pass, or none" {
	bundle one
	bundle two arm64
	{ line one.tar.gz; line two.tar.gz; } > in
	tool 0 rb-verify --gate < in
	is 2 "$(field 'select(.error == null) | .arch' | wc -l)"
	[ ! -s err ]

	{ line one.tar.gz; line none.tar.gz; line two.tar.gz; } > in
	tool 1 rb-verify --gate -j 8 < in
	is "held_back tarball_not_found held_back" "$(field .error.code | xargs)"
	is "check check check" "$(field .error.kind | xargs)"
	is 3 "$(grep -c '^rb-verify: <stdin>:[123]: ' err)"
}

@test "records: what is held back has the kind of what held it" {
	bundle good
	{ line good.tar.gz; echo '{"error":{"kind":"system","code":"x"}}'; } > in
	tool 3 rb-verify --gate < in
	is "system held_back" "$(head -n 1 out | jq -r '.error | "\(.kind) \(.code)"')"
	{ line good.tar.gz; line ''; line none; } > in
	tool 2 rb-verify --gate < in
	is input "$(head -n 1 out | jq -r .error.kind)"
	{ line good.tar.gz; echo '{'; } > in
	tool 2 rb-verify --gate < in
	is "input held_back" "$(head -n 1 out | jq -r '.error | "\(.kind) \(.code)"')"
	last_error_is "input malformed_line"
}

@test "records: --gate holds the others where a result is too long to go on" {
	bundle good
	{ line good.tar.gz; line good.tar.gz "\"x\":\"$(big 1048500)\""; } > in
	tool 2 rb-verify --gate < in
	is "held_back record_too_large" "$(field .error.code | xargs)"
}

# 2. All else to the byte

@test "records: what a tool does not know goes through to the byte" {
	bundle good
	printf ' { "a" : 1.0,\t"b":1e400 , "c":"\\u00e9\\/" ,"\\u0064":0.1234567890123456789, "e":[ 1 , {"x":-0} ], "f":12345678901234567890,"g":"\\u0000\\ud83d\\ude00", "tarball":"good.tar.gz" , "z":null } \n' > in
	tool 0 rb-verify < in
	want=$(sed 's/,* *} *$//; s/,*$//' in)
	is "$want" "$(head -c "${#want}" out)"
	is 1 "$(wc -l < out)"
	jq -e '.sha256 and .trace' out
}

@test "records: results of an earlier run are replaced where they stand" {
	bundle good
	sha=$(jq -r .sha256 good.jsonl)
	tool 0 rb-verify < good.jsonl
	jq -c 'keys_unsorted' < good.jsonl > before
	jq -c 'keys_unsorted' < out > after
	cmp before after
	is "$sha" "$(field .sha256)"
	is 2 "$(field '.trace | length')"
	line good.tar.gz '"sha256":"'"${sha//[0-9]/0}"'"' > in
	tool 1 rb-verify < in
	last_error_is "check tarball_checksum_mismatch"
}

@test "records: an integer beyond 2^53-1 is refused where it is read" {
	bundle good
	for n in 9007199254740992 18446744073709551616; do
		line good.tar.gz "\"size\":$n" > in
		tool 2 rb-verify < in
		last_error_is "input field_invalid"
		grep -q 'write it as a string' err
	done
	for n in 1.0 1e3 -1 '"1"' true; do
		line good.tar.gz "\"size\":$n" > in
		tool 2 rb-verify < in
		last_error_is "input field_invalid"
	done
	line good.tar.gz '"size":null,"bundle":null,"other":9007199254740993' > in
	tool 0 rb-verify < in
	grep -q '"other":9007199254740993' out
}

@test "records: a NUL in a string that is read is refused" {
	printf '{"tarball":"a\\u0000b"}\n' > in
	tool 2 rb-verify < in
	last_error_is "input field_invalid"
}

# 3. Names and paths

@test "records: -C is where a relative path begins, and paths come out whole" {
	mkdir sub
	bundle good
	mv good.tar.gz sub
	line good.tar.gz > in
	tool 1 rb-verify < in
	tool 0 rb-verify -C sub < in
	tool 0 rb-verify -C sub good.tar.gz
	is "$PWD/sub/good.tar.gz" "$(field .tarball)"
	tool 0 rb-verify sub/../sub/good.tar.gz ./sub//good.tar.gz -C .
	is "/" "$(field .tarball | cut -c 1 | sort -u)"
	tool 2 rb-verify -C none < in
	[ ! -s out ]
}

# 4. Failed records

@test "records: one that arrives failed is passed on untouched" {
	bundle good
	cat > in <<-'JSON'
	 { "error" : {"kind":"check","code":"x"}, "tarball":"good.tar.gz" , "n":1.0 } 
	{"tarball":"good.tar.gz","error":"odd"}
	{"error":{"kind":"strange"},"tarball":1}
	{"error":false}
	{"error":{}}
	JSON
	tool 1 rb-verify < in
	cmp in out
	[ ! -s err ]
	tool 1 rb-stage < in
	cmp in out
	is '' "$(find . -name payload -path '*deploy*')"
}

@test "records: \"error\": null is no error" {
	bundle good
	line good.tar.gz '"error":null' > in
	tool 0 rb-verify < in
	is null "$(field .error)"
	line none.tar.gz '"error":null' > in
	tool 1 rb-verify < in
	last_error_is "check tarball_not_found"
}

@test "records: a failure has tool, kind, code and message, and a line on stderr" {
	line none.tar.gz '"arch":"amd64"' > in
	tool 1 rb-verify < in
	is "rb-verify check tarball_not_found" \
	    "$(field '.error | "\(.tool) \(.kind) \(.code)"')"
	is 1 "$(wc -l < err)"
	grep -q '^rb-verify: <stdin>:1: ' err
	grep -qF "$(field .error.message)" err
	is amd64 "$(field '.trace[0].subject')"
}

# 5. Exit status

@test "records: of several failures 2 beats 1 and 1 beats 3" {
	c='{"error":{"kind":"check"}}' i='{"error":{"kind":"input"}}'
	s='{"error":{"kind":"system"}}'
	tool 1 rb-verify <<< "$c"
	tool 2 rb-verify <<< "$i"
	tool 3 rb-verify <<< "$s"
	for order in "$c $s" "$s $c"; do
		tool 1 rb-verify <<< "${order// /$'\n'}"
	done
	for order in "$c $i" "$i $s" "$s $i $c" "$c $s $i"; do
		tool 2 rb-verify <<< "${order// /$'\n'}"
	done
}

@test "records: none at all is an error, unless that is allowed" {
	for tool in rb-verify rb-stage rb-pack; do
		tool 2 $tool < /dev/null
		last_error_is "input no_records"
		is 1 "$(wc -l < out)"
		grep -q "^$tool: no record came in" err
		printf '\n \t\n\r\n' > blank
		tool 2 $tool < blank
		last_error_is "input no_records"
		tool 0 $tool --allow-empty < /dev/null
		[ ! -s out ] && [ ! -s err ]
	done
	tool 2 rb-verify --gate < /dev/null
	last_error_is "input no_records"
}

@test "records: a malformed line ends the run, and says where" {
	bundle good
	for bad in x '{"a":1' '"a"' 1 null '{"a":1,"a":2}' '{"a":1,}' "{'a':1}" \
	    '{"a":NaN}' '{"a":01}' '{"a":"\ud800"}' '{"a":"\udc00\ud800"}' \
	    '{"a":1}{"b":2}' '{"a":1} x' $'{"a":"\x01"}' $'{"a":"\xff"}' \
	    $'{"a":"\xed\xa0\x80"}' $'{"a":"\xc0\x80"}' $'\xef\xbb\xbf{}' \
	    '{"tarball":"a","tarball":"b"}' '{"x":{"\u0061":1,"a":2}}'; do
		{ line good.tar.gz; echo; printf '%s\n' "$bad"; line good.tar.gz; } > in
		tool 2 rb-verify < in
		is 2 "$(wc -l < out)"
		is null "$(head -n 1 out | jq -r .error)"
		last_error_is "input malformed_line"
		is 3 "$(tail -n 1 out | jq .error.line)"
		grep -q '^rb-verify: <stdin>:3: ' err
	done
	printf '{"a":\0}\n' > in
	tool 2 rb-verify < in
	last_error_is "input malformed_line"
	printf '{}\0\n' > in
	tool 2 rb-verify < in
	last_error_is "input malformed_line"
}

@test "records: the next filter takes over what a malformed line left" {
	bundle good
	{ line good.tar.gz; echo '{'; } > in
	rb-verify < in > mid || :
	tool 2 rb-stage < mid
	is 2 "$(wc -l < out)"
	cmp <(tail -n 1 mid) <(tail -n 1 out)
}

@test "records: pretty-printed JSON and arrays get the advice they need" {
	bundle good
	jq . good.jsonl > pretty
	tool 2 rb-verify < pretty
	grep -qF 'jq -c .' err
	is 1 "$(tail -n 1 out | jq .error.line)"
	jq -s . good.jsonl > array
	tool 2 rb-verify < array
	grep -qF "jq -c '.[]'" err
	jq -sc . good.jsonl > array
	tool 2 rb-verify < array
	grep -qF "jq -c '.[]'" err
	# one that is only cut off
	head -c 30 good.jsonl > cut-off
	tool 2 rb-verify < cut-off
	never grep -q 'jq' err
}

@test "records: a line has 1 MiB and no more, with and without a newline" {
	for end in '' '\n' '\r\n'; do
		{
			printf '{"error":1,"x":"'
			big $((1048576 - 18))
			# shellcheck disable=SC2059
			printf "\"}$end"
		} > in
		tool 1 rb-verify < in
		tr -d '\r\n' < in | cmp - <(tr -d '\n' < out)
		sed 's/"x"/"xx"/' in > over
		tool 2 rb-verify < over
		last_error_is "input malformed_line"
		is 1 "$(tail -n 1 out | jq .error.line)"
	done
	# it is noticed before all of it has come
	# shellcheck disable=SC2016
	tool 2 bash -c 'set -o pipefail; { echo; yes | tr -d "\n" 2> /dev/null; } |
	    rb-verify; exit ${PIPESTATUS[1]}'
	is 2 "$(tail -n 1 out | jq .error.line)"
}

@test "records: a result over 1 MiB goes on as a failure that fits" {
	bundle good
	line good.tar.gz "\"x\":\"$(big 1048500)\"" > in
	tool 2 rb-verify < in
	is 1 "$(wc -l < out)"
	last_error_is "input record_too_large"
	[ "$(wc -c < out)" -le 1048577 ]
	line good.tar.gz "\"arch\":\"amd64\",\"x\":\"$(big 1048100)\"" > in
	tool 2 rb-verify < in
	last_error_is "input record_too_large"
	is amd64 "$(field .arch)"
	tool 2 rb-stage < out
}

@test "records: blank lines, CRLF, a BOM and a missing last newline are read" {
	bundle good
	{
		printf '\xef\xbb\xbf'
		line good.tar.gz '"n":1' | sed 's/$/\r/'
		printf '\r\n\n \t \r\n'
		line good.tar.gz '"n":2' | tr -d '\n'
	} > in
	tool 0 rb-verify < in
	is "1 2" "$(field .n | xargs)"
	never grep -q $'[\r\xef]' out
	{ echo; printf '\xef\xbb\xbf{}\n'; } > in
	tool 2 rb-verify < in
	last_error_is "input malformed_line"
}

@test "records: a closed pipe is a quiet death" {
	bundle good
	for i in $(seq 20000); do
		echo '{"error":{"kind":"check"}}'
	done > in
	for before in '' 'trap "" PIPE;'; do
		bash -c "$before rb-verify < in 2> err; echo \$? > status" |
		    head -n 1 > out
		is 141 "$(cat status)"
		[ ! -s err ]
	done
	# one that blocks the signal too
	python3 - <<-'PY'
	import os, signal, subprocess
	signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGPIPE])
	r, w = os.pipe()
	os.close(r)
	p = subprocess.run(["rb-verify"], stdin=open("in"), stdout=w,
	    stderr=subprocess.PIPE)
	assert p.returncode == -signal.SIGPIPE, p.returncode
	assert p.stderr == b"", p.stderr
	PY
}

@test "records: a closed or full stdout is noticed" {
	bundle good
	tool 3 sh -c 'rb-verify < good.jsonl >&-'
	grep -q '^rb-verify: cannot write standard output: Bad file' err
	tool 3 sh -c 'rb-verify < good.jsonl > /dev/full'
	grep -q '^rb-verify: cannot write standard output: No space left' err
	for opt in --help --version --print-contract; do
		tool 3 sh -c "rb-verify $opt > /dev/full"
		grep -q '^rb-verify: cannot write standard output: No space' err
	done
}

@test "records: a stdin that can not be read is the system's failure" {
	tool 3 sh -c 'rb-verify < .'
	last_error_is "system system"
	grep -q '^rb-verify: cannot read <stdin>: Is a directory' err
	tool 3 sh -c 'rb-verify <&-'
	last_error_is "system system"
	bundle good
	tool 0 sh -c 'rb-verify good.tar.gz <&- 2>&-'
	is 1 "$(wc -l < out)"
	# what came before is not taken for the whole
	python3 - <<-'PY'
	import json, os, pty, subprocess
	m, s = pty.openpty()
	import tty; tty.setraw(s)
	os.write(m, open("good.jsonl", "rb").read())
	p = subprocess.Popen(["rb-verify", "-", "--gate"], stdin=s,
	    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
	os.close(s)
	while not os.path.exists("/proc/%d/wchan" % p.pid): pass
	os.close(m)
	out, err = p.communicate()
	last = json.loads(out.splitlines()[-1])
	# a hangup is an error, or the end of the file: never good with a rest
	assert p.returncode in (0, 2, 3), (p.returncode, out, err)
	if p.returncode == 3:
	    assert last["error"]["kind"] == "system"
	PY
}

@test "records: descriptors that do not block are waited for" {
	bundle good
	python3 - <<-'PY'
	import fcntl, os, subprocess, time
	def nonblock(fd):
	    fcntl.fcntl(fd, fcntl.F_SETFL,
	        fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)
	failed = b'{"error":{"kind":"check","x":"' + b"y" * 900 + b'"}}\n'
	ir, iw = os.pipe()
	or_, ow = os.pipe()
	nonblock(ir)
	nonblock(ow)
	p = subprocess.Popen(["rb-verify"], stdin=ir, stdout=ow)
	os.close(ir)
	os.close(ow)
	if os.fork() == 0:
	    os.close(or_)
	    with os.fdopen(iw, "wb") as f:
	        for i in range(1000):
	            f.write(failed)
	    os._exit(0)
	os.close(iw)
	got = b""
	while True:
	    part = os.read(or_, 4096)
	    if not part:
	        break
	    got += part
	assert p.wait() == 1
	assert got == failed * 1000
	PY
}

# 6. Operands

@test "records: operands stand for records, --arch for those after it" {
	bundle one amd64
	bundle two arm64
	tool 0 rb-verify one.tar.gz two.tar.gz < /dev/full
	is "amd64 arm64" "$(field .arch | xargs)"
	tool 0 rb-verify --arch amd64 one.tar.gz --arch arm64 two.tar.gz
	is "amd64 arm64" "$(field .arch | xargs)"
	tool 1 rb-verify one.tar.gz --arch amd64 two.tar.gz
	is "null arch_mismatch" "$(field .error.code | xargs)"
	grep -q '^rb-verify: two.tar.gz: ' err
	tool 2 rb-verify --arch riscv64 one.tar.gz
	[ ! -s out ]
}

@test "records: an --arch that would hold for nothing is refused" {
	bundle one
	tool 2 rb-verify one.tar.gz --arch arm64
	[ ! -s out ]
	grep -q 'stands behind the last operand' err
}

@test "records: --arch without operands is for the records that have none" {
	bundle one
	line one.tar.gz > in
	tool 1 rb-verify --arch arm64 < in
	last_error_is "check arch_mismatch"
	tool 0 rb-verify --arch amd64 < in
	line one.tar.gz '"arch":"amd64"' > in
	tool 0 rb-verify --arch arm64 < in
	echo ' {"error":{"kind":"check"}} ' > in
	tool 1 rb-verify --arch arm64 < in
	cmp in out
}

@test "records: - reads stdin, in its place; -- ends the options" {
	bundle one
	bundle two
	line two.tar.gz > in
	tool 0 rb-verify one.tar.gz - < in
	is "one two" "$(field .bundle.name | xargs)"
	tool 0 rb-verify - one.tar.gz < in
	is "two one" "$(field .bundle.name | xargs)"
	cp one.tar.gz ./-x.tar.gz
	tool 0 rb-verify -- -x.tar.gz
	is "$PWD/-x.tar.gz" "$(field .tarball)"
	tool 0 rb-verify --allow-empty - one.tar.gz < /dev/null
}

@test "records: an operand that no record can hold is a usage error" {
	tool 2 rb-verify $'\xff.tar.gz'
	[ ! -s out ]
	grep -qF '\xff.tar.gz' err
	tool 2 rb-verify ''
	[ ! -s out ]
	grep -q 'empty' err
	tool 1 rb-verify "$(big 100000)"
	iconv -f utf-8 -t utf-8 out > /dev/null
	iconv -f utf-8 -t utf-8 err > /dev/null
}

@test "records: a message cut within a character is still UTF-8" {
	for i in 0 1 2; do
		name=$(big $i)$(printf '€%.0s' $(seq 3000))
		tool 1 rb-verify "$name"
		iconv -f utf-8 -t utf-8 err > /dev/null
		iconv -f utf-8 -t utf-8 out > /dev/null
		never grep -q $'\xef\xbf\xbd' out
		never grep -qF '\x' err
	done
	printf '{"tarball":"none","component":"%s"}\n' \
	    "x$(printf '€%.0s' $(seq 60))" > in
	tool 1 rb-verify < in
	never grep -q $'\xef\xbf\xbd' out
}

@test "records: with no operand and a terminal on stdin the usage is shown" {
	run terminal 'rb-verify > out 2> err'
	is 2 "$status"
	grep -q '^usage: rb-verify ' err
	[ ! -s out ]
}

# 7. Trace

@test "records: each tool leaves a trace" {
	bundle good
	rb-verify < good.jsonl | rb-stage --root s > out
	is "rb-pack rb-verify rb-stage" "$(field '.trace[].tool' | xargs)"
	jq -e '.trace | all(.version == "'"$(rb-pack -V | cut -d' ' -f2)"'"
	    and (.start | test("^[0-9-]{10}T[0-9:]{8}[.][0-9]{3}Z$"))
	    and .seconds >= 0 and .bytes > 0 and .subject == "amd64")' out
	line good.tar.gz '"trace":[ ]' > in
	tool 0 rb-verify < in
	is 1 "$(field '.trace | length')"
	printf '{"tarball":"good.tar.gz","trace":[\r]}\n' > in
	tool 0 rb-verify < in
	is 1 "$(field '.trace | length')"
}

# 8. What people see

@test "records: on a terminal there is text, unless --json is given" {
	bundle good
	run terminal 'rb-verify good.tar.gz'
	is 0 "$status"
	grep -q "^OK  *$PWD/good.tar.gz" screen.txt
	grep -q "$(jq -r .sha256 good.jsonl)" screen.txt
	run terminal 'rb-verify --json good.tar.gz'
	jq -e .sha256 screen.txt
	tool 0 rb-verify --text good.tar.gz
	grep -q '^OK ' out
	tool 0 rb-verify --text --json good.tar.gz
	jq -e .sha256 out
}

@test "records: a failure shows once on a terminal, with wanted and found" {
	bundle good
	line good.tar.gz '"sha256":"'"$(big 64 | tr x 0)"'"' > in
	run terminal 'rb-verify < in'
	is 1 "$status"
	is 1 "$(grep -c 'checksum mismatch' screen.txt)"
	grep -q '^FAILED  <stdin>:1: runtime bundle' screen.txt
	grep -q '^  *wanted  0000' screen.txt
	grep -q "^  *found  *$(jq -r .sha256 good.jsonl)" screen.txt
	# two places, two messages
	run terminal 'rb-verify < in 2> err'
	grep -q 'checksum mismatch' err
	grep -q 'checksum mismatch' screen.txt
	tool 1 rb-verify --text < in
	grep -q 'checksum mismatch' err
	grep -q 'checksum mismatch' out
}

@test "records: text says why a record had failed before" {
	echo '{"error":{"tool":"rb-fetch","kind":"check","message":"not\u001b there"}}' > in
	tool 1 rb-verify --text < in
	is 'FAILED  <stdin>:1: rb-fetch: not\x1b there' "$(cat out)"
	tool 2 rb-verify --text <<< 'x'
	grep -q '^FAILED  <stdin>:1: not a JSON object' out
}

@test "records: control bytes from outside are never shown raw" {
	evil=$'a\e[31m\n::error::x\x7f\xc2\x9b\xe2\x80\xae'
	jq -cn --arg t "$evil" '{tarball: $t, arch: "amd64"}' > in
	for opt in --json --text; do
		tool 1 rb-verify $opt < in
		never grep -q $'[\e\x7f]' out err
		never grep -q $'\xc2\x9b' err
		never grep -q $'\xe2\x80\xae' err
		never grep -q '^::' out err
		if [ $opt = --text ]; then
			never grep -qE $'\xc2\x9b|\xe2\x80\xae' out
		fi
		is 1 "$(wc -l < err)"
	done
	tool 1 rb-verify "$evil"
	is 1 "$(wc -l < err)"
	is 1 "$(wc -l < out)"
	# a good one too
	bundle good
	mkdir $'a\e[31m\n::error::x'
	cp good.tar.gz $'a\e[31m\n::error::x/b.tar.gz'
	tool 0 rb-verify --text $'a\e[31m\n::error::x/b.tar.gz'
	never grep -q $'[\e\x7f]' out err
	never grep -q '^::' out
}

@test "records: under GitHub Actions failures are annotations, escaped" {
	export GITHUB_ACTIONS=true
	jq -cn '{tarball: "a%\n::set-output name=x::y\r\u001b"}' > in
	tool 1 rb-verify < in
	is 2 "$(wc -l < err)"
	is 1 "$(grep -c '^::' err)"
	grep -q '^::error title=rb-verify::<stdin>:1: .*a%25%0A::set-output name=x::y%0D\\x1b$' err
	bundle good
	tool 0 rb-verify good.tar.gz
	[ ! -s err ]
	tool 2 rb-verify <<< 'x'
	is 1 "$(grep -c '^::error ' err)"
}

# value NAME: what $GITHUB_OUTPUT says, read as the runner does.
value() {
	python3 - "$1" <<-'PY'
	import os, sys
	lines = open("outputs").read().split("\n")
	i, found = 0, {}
	while i < len(lines) - 1:
	    name, end = lines[i].split("<<", 1)
	    stop = lines.index(end, i + 1)
	    found[name] = "\n".join(lines[i + 1:stop])
	    i = stop + 1
	sys.stdout.write(found[sys.argv[1]])
	PY
}

@test "records: --github-output can not be led astray" {
	export GITHUB_OUTPUT=$PWD/outputs
	mkdir $'d\nEOF\nsha256=x\nslipway-'
	bundle good
	tool 0 rb-stage --github-output --root $'d\nEOF\nsha256=x\nslipway-' good.tar.gz
	is "$(jq -r .sha256 good.jsonl)" "$(value sha256)"
	is "$(field .staged)" "$(value staged)"
	rm outputs
	tool 0 rb-stage --github-output=my_ --root s good.tar.gz
	is "$(field .staged)" "$(value my_staged)"
	rm outputs
	tool 1 rb-stage --github-output --root s none.tar.gz
	[ ! -s outputs ]
	for prefix in $'a\nb=c\n' 'a=' '1' 'a<<b' ' ' '-x'; do
		tool 2 rb-stage "--github-output=$prefix" --root s good.tar.gz
		[ ! -s out ]
	done
	unset GITHUB_OUTPUT
	tool 2 rb-stage --github-output --root s good.tar.gz
	[ ! -s out ]
	GITHUB_OUTPUT=/dev/full tool 3 rb-stage --github-output --root s good.tar.gz
}

@test "records: a good run into a pipe is silent; progress comes when asked for" {
	bundle good
	tool 0 rb-verify good.tar.gz
	[ ! -s err ]
	tool 0 rb-verify -q --progress=none good.tar.gz
	[ ! -s err ]
	tool 0 rb-verify --progress=plain good.tar.gz
	never grep -q $'[\r\e]' err
	tool 2 rb-verify --progress=often good.tar.gz
}

# 9. -j and destinations

@test "records: -j is a number from 1 to 256" {
	bundle good
	for j in 1 256; do
		tool 0 rb-verify -j $j good.tar.gz
	done
	for j in 0 -1 257 x '' 1.5 99999999999999999999; do
		tool 2 rb-verify -j "$j" good.tar.gz
		[ ! -s out ]
	done
}

@test "records: of two for one destination the first stands" {
	bundle good
	mkdir a b
	echo a > a/f
	echo b > b/f
	tool 2 rb-pack --arch amd64 --bundle-name n --bundle-version 1 \
	    --component c=1@1 -o same.tar.gz a b
	is "null destination_conflict" "$(field .error.code | xargs)"
	is "$(head -n 1 out | jq -r .sha256)" "$(sha256sum < same.tar.gz | cut -d' ' -f1)"
	for j in 1 8; do
		tool 2 rb-stage -j $j --root s good.tar.gz good.tar.gz
		is "null destination_conflict" "$(field .error.code | xargs)"
	done
}

# 10. Options

@test "records: --help fits a screen, on stdout, with two examples last" {
	for tool in rb-fetch rb-pack rb-verify rb-stage img-build manifest-assemble \
	    fp-diff; do
		tool 0 $tool --help
		[ ! -s err ]
		grep -q "^usage: $tool " out
		[ "$(wc -l < out)" -le 60 ]
		is 2 "$(sed '1,/^Examples$/d' out | grep -c '^  [^ ]')"
		cp out long
		tool 0 $tool -h
		cmp long out
		tool 0 $tool --version
		grep -qE "^$tool [0-9]+\.[0-9]+\.[0-9]+$" out
		is 1 "$(wc -l < out)"
		cp out long
		tool 0 $tool -V
		cmp long out
	done
}

@test "records: a usage error says what is wrong, on stderr alone" {
	while IFS='|' read -r args message; do
		# shellcheck disable=SC2086
		tool 2 rb-verify $args < /dev/null
		[ ! -s out ]
		grep -qF -- "rb-verify: $message" err
		grep -q '^usage: rb-verify ' err
	done <<-'ARGS'
	--nonsense|unknown option '--nonsense'
	--nonsense=1|unknown option '--nonsense=1'
	-Z|unknown option '-Z'
	--json -qZq|unknown option '-Z'
	--quiet=1|no value is taken by option '--quiet=1'
	--json=1|no value is taken by option '--json=1'
	--jobs|option '--jobs' needs a value
	-qj|option '-j' needs a value
	--list|option '--list' needs a value
	-C|option '-C' needs a value
	ARGS
}

@test "records: a working directory that is gone does no harm" {
	bundle good
	mkdir gone
	tool 0 bash -c "cd gone && rmdir ../gone && rb-verify '$PWD/good.tar.gz'"
	tool 1 bash -c "mkdir gone && cd gone && rmdir ../gone && rb-verify x"
}

@test "records: a file of results never takes a device's place" {
	bundle good
	mkfifo pipe
	tool 2 rb-verify --list pipe good.tar.gz
	[ -p pipe ]
	mkdir dir
	tool 2 rb-verify --list dir good.tar.gz
	tool 2 rb-verify --list /dev/null good.tar.gz
	[ -c /dev/null ]
}

# Much

@test "records: a million of them need no memory" {
	# a sanitizer's quarantine and shadow are memory too
	if nm -D "$SLIPWAY_BIN/rb-verify" | grep -qE '__(asan|tsan)_'; then
		skip "sanitizers have memory of their own"
	fi
	cat > measure.py <<-'PY'
	import resource, subprocess, sys, threading
	rec = sys.argv[2].encode() + b"\n"
	n = int(sys.argv[1])
	p = subprocess.Popen(["rb-verify"] + sys.argv[3:], stdin=subprocess.PIPE,
	    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
	def feed():
	    for i in range(n // 1000):
	        p.stdin.write(rec * 1000)
	    p.stdin.close()
	threading.Thread(target=feed).start()
	lines = 0
	while True:
	    part = p.stdout.read1(1 << 20)
	    if not part:
	        break
	    lines += part.count(b"\n")
	p.wait()
	kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
	print(p.returncode, lines, kb)
	assert p.returncode == 1 and lines == n
	assert kb < 32 * 1024, kb
	PY
	python3 measure.py 1000000 '{"error":{"kind":"check"},"arch":"amd64","n":1.0}'
	# and those that are worked on
	python3 measure.py 100000 '{"tarball":"none","arch":"amd64"}' -j 8
}
