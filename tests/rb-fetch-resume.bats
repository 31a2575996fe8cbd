# rb-fetch-resume.bats - killed at any point, it goes on, and ends with the file.

load helpers
load net

size=12000000

local_setup() {
	net_setup
	archive www/a.tar.gz $size
	serve s www
}

local_teardown() {
	net_teardown
}

# interrupted N URL: the first N bytes were fetched and noted down (the server
# stalls there), then rb-fetch was killed.
interrupted() {
	local pid

	rb-fetch --connections 1 "$2" > out 2> err &
	pid=$!
	until_true noted "$1"
	kill -9 $pid
	wait $pid || :
	until_true is_quiet s
}
noted() {
	cat cache/part/*.json 2> /dev/null | grep -q "$1"
}

@test "rb-fetch: a killed download goes on where it stopped" {
	archive www/a.tar.gz 48000000
	# behind the end of a range; where no range could be had at first
	for faults in stall=6000000,times=1 noranges,stall=40000000,times=1; do
		rm -rf cache
		: > s.log
		n=${faults#*stall=}
		n=${n%,*}
		interrupted "$n" "$s/$faults/a.tar.gz"
		tool 0 rb-fetch "$s/$faults/a.tar.gz"
		cmp www/a.tar.gz "$(field .tarball)"
		is "$n" "$(field .fetch.resumed_from)"
		is 48000000 "$(transferred s)"
		# the server was told of which file the rest has to be
		is "$(field .fetch.etag)" \
		    "$(log s 'sort_by(.begin) | .[1].headers["if-range"]')"
	done
}

sent_or_ended() {
	has_sent s "$1" || ! kill -0 "$2" 2> /dev/null
}

@test "rb-fetch: killed at many points, it ends with the right file" {
	archive www/a.tar.gz 48000000
	url=$s/rate=5000000/a.tar.gz
	kills=0
	for ((n = 1; n <= 30; n++)); do
		enough=$(($(stats s sent) + n * 700000))
		rb-fetch "$url" > out 2> err &
		pid=$!
		until_true sent_or_ended $enough $pid
		kill -9 $pid 2> /dev/null || :
		if wait $pid; then
			break
		fi
		kills=$((kills + 1))
		find cache/blobs -type f -exec cmp www/a.tar.gz {} +
	done
	echo "killed $kills times, $(transferred s) bytes"
	[ $kills -ge 4 ]
	cmp www/a.tar.gz "$(field .tarball)"
	[ "$(transferred s)" -lt $((48000000 * 4)) ]
}

@test "rb-fetch: what lies there of another file is not gone on with" {
	url=$s/noranges,stall=9000000,times=1/a.tar.gz
	interrupted 9000000 "$url"
	archive www/a.tar.gz $size another
	tool 0 rb-fetch "$url"
	cmp www/a.tar.gz "$(field .tarball)"
	is 0 "$(field .fetch.resumed_from)"
	# nor what no validator can prove to be of one file
	for faults in weak noetag,nomod; do
		url=$s/$faults,noranges,stall=9000000,times=1/a.tar.gz
		rb-fetch "$url" > out 2> err &
		pid=$!
		until_true has_stalled s 1
		kill -9 $pid
		wait $pid || :
		archive www/a.tar.gz $size $faults
		tool 0 rb-fetch "$url"
		cmp www/a.tar.gz "$(field .tarball)"
	done
}

@test "rb-fetch: what was left behind damaged is no part of the file" {
	n=0
	for damage in ': > $f' 'rm $f' 'truncate -s 5000 $f' \
	    'truncate -s 90000000 $f' 'echo x > $f.json' ': > $f.json' \
	    'rm $f.json' 'rm $f.json; mkdir $f.json' 'rm $f; mkdir $f' \
	    'rm $f; ln -s $PWD/www/a.tar.gz $f'; do
		rm -rf cache
		n=$((n + 1))
		url=$s/noranges,stall=9000000,times=1,x=$n/a.tar.gz
		interrupted 9000000 "$url"
		f=$(find cache/part -type f ! -name '*.json')
		f=$f sh -c "$damage"
		echo "$damage"
		tool 0 rb-fetch "$url"
		cmp www/a.tar.gz "$(field .tarball)"
	done
}

@test "rb-fetch: it is whole already, and the server says 416" {
	url=$s/noranges,chunked,stall=$size,times=1/a.tar.gz
	interrupted $size "$url"
	tool 0 rb-fetch "$url"
	cmp www/a.tar.gz "$(field .tarball)"
	is $size "$(transferred s)"
	is 416 "$(log s 'last.status')"
}

@test "rb-fetch: ended by a signal it leaves no file, and the part for the next" {
	for signal in INT TERM HUP; do
		rm -rf cache dl
		# a shell has its background commands ignore SIGINT, nohup SIGHUP
		env --default-signal=INT,TERM,HUP rb-fetch -d dl --arch amd64 \
		    "$s/rate=2000000,x=$signal/a.tar.gz" > out 2> err &
		pid=$!
		until_true has_sent s 1000000
		kill -$signal $pid
		if wait $pid; then
			false
		fi
		is '' "$(find dl cache/blobs -type f 2> /dev/null)"
		serve_stop s
		serve s www
	done
}
