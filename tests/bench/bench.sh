#!/usr/bin/env bash
# bench.sh [CASE ...] - our filters beside what they replace, in one run.
#
# Cases: mid (a bundle of 60 MB), big (1.5 GB), many (20,000 small files); all
# by default.  Each command runs in turn, ROUNDS times (default 5, the long
# cases 3), and the medians stand side by side with peak memory and ratio.  A
# program that is not there is left out with a note.  Inputs are made on the
# first run and kept in $BENCH_DIR (default build/bench).
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

[ $# -gt 0 ] || set -- mid big many
for case; do
	input "$case"
	ARCH=$arch "$root/tests/bench/measure.py" "$case" "$dir/$case"
done
