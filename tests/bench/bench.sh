#!/usr/bin/env bash
# bench.sh [CASE ...] - our filters beside what they replace, in one run.
#
# Cases: mid (a bundle of 60 MB), big (1.5 GB), many (20,000 small files), fetch
# (512 MB from an nginx on the loopback into an empty cache), fp (a repository
# of 80,000 files), push (to a registry and back); all by default.  Each command
# runs in turn, ROUNDS times (default 5, the long cases 3), and the medians stand
# side by side with peak memory and ratio.  A program that is not there is left
# out with a note.  Inputs are made on the first run and kept in $BENCH_DIR
# (default build/bench).
set -euo pipefail
exec < /dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
SLIPWAY_BIN=$(realpath "${SLIPWAY_BIN:-build}")
PATH=$SLIPWAY_BIN:$PATH
dir=$(realpath -m "${BENCH_DIR:-build/bench}")
mkdir -p "$dir"
# shellcheck source=tests/fixtures/lib.sh
. tests/fixtures/lib.sh
arch=$(host_arch)
lib=usr/lib/$(triplet "$arch")
unset SOURCE_DATE_EPOCH

# The payload and the compiler proper: 60 MB of real programs and libraries.
make_mid() {
	"$root/tests/fixtures/make-payload.sh" "$1" "$arch"
	cp "$(gcc -print-prog-name=cc1)" "$1/$lib/nvidia/"
}

# 1.5 GB: no compressor looks back as far as one copy is from the next.
make_big() {
	local i

	make_mid "$1"
	for ((i = 1; i <= 24; i++)); do
		mkdir -p "$1/usr/share/copies/$i"
		cp -r "$1/$lib" "$1/usr/share/copies/$i/"
	done
}

make_many() {
	"$root/tests/fixtures/make-payload.sh" "$1" "$arch"
	find "$1/$lib" -type f ! -name 'libnvidia*' -delete
	python3 - "$1/usr/share/many" <<-'PYTHON'
		import os, random, sys
		random.seed(1)
		words = ["%x" % random.getrandbits(24) for _ in range(2000)]
		for d in range(200):
		    path = os.path.join(sys.argv[1], "%03d" % d)
		    os.makedirs(path)
		    for f in range(100):
		        text = " ".join(random.choices(words, k=random.randint(10, 1000)))
		        with open(os.path.join(path, "%02d.txt" % f), "w") as out:
		            out.write(text)
	PYTHON
}

# Random bytes, and the servers that have them.
make_fetch() {
	mkdir -p "$1"
	head -c 512M /dev/urandom > "$1/file.bin"
}

run_fetch() {
	local plain='' tls=''

	[ -e "$dir/fetch/www/file.bin" ] || make_fetch "$dir/fetch/www"
	cd "$dir/fetch"
	net_pids=
	# shellcheck source=tests/net.bash
	. "$root/tests/net.bash"
	trap net_teardown EXIT
	nginx_start plain www
	make_cert good
	nginx_start tls www good
	URL=$plain/file.bin TLS=$tls/file.bin \
		"$root/tests/bench/measure.py" fetch "$dir/fetch"
}
needs() {
	command -v "$1" > /dev/null || skip "$1 is not installed"
}
skip() {
	echo "fetch is left out: $1" >&2
	exit 0
}

input() {
	local case=$1

	[ ! -e "$dir/$case/bundle.tar.gz" ] || return 0
	echo "making the input of $case" >&2
	rm -rf "${dir:?}/$case"
	mkdir -p "$dir/$case/context"
	"make_$case" "$dir/$case/context/tree"
	printf 'FROM scratch\nCOPY tree/ /\n' > "$dir/$case/context/Dockerfile"
	rb-pack -o "$dir/$case/part.tar.gz" --bundle-name bench --bundle-version 1 \
		--component nvidia_container_toolkit=1@a --arch "$arch" \
		--component libnvidia_container=1@b "$dir/$case/context/tree" \
		> "$dir/$case/record"
	gzip -dc "$dir/$case/part.tar.gz" > "$dir/$case/bundle.tar"
	mv "$dir/$case/part.tar.gz" "$dir/$case/bundle.tar.gz"
}

[ $# -gt 0 ] || set -- mid big many fetch fp push
for case; do
	if [ "$case" = fp ] || [ "$case" = push ]; then
		"$root/tests/bench/$case.py" "$dir"
		continue
	fi
	if [ "$case" = fetch ]; then
		(run_fetch)
		continue
	fi
	input "$case"
	ARCH=$arch "$root/tests/bench/measure.py" "$case" "$dir/$case"
done
