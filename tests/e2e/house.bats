# house.bats - the runner, the lint checks and the scripts do what they say.

load ../helpers

# A tree with just what the runner needs.
runner() {
	mkdir -p tree/scripts tree/tests/unit bin/tests/unit
	cp "$SLIPWAY_ROOT/scripts/run-suites.sh" tree/scripts/
}

in_ci=false
run_suites() {
	env CI=$in_ci SLIPWAY_BIN="$PWD/bin" tree/scripts/run-suites.sh "$@"
}

unit() {	# NAME, then the program's body
	: > "tree/tests/unit/$1.c"
	printf '#!/bin/sh\n%s\n' "$2" > "bin/tests/unit/$1"
	chmod +x "bin/tests/unit/$1"
}

@test "run-suites: the last line counts units and bats, each skip has its reason" {
	runner
	unit a 'echo "ok one"; echo "ok two"; echo "skip three: no such kernel"'
	printf '@test "x: good" { true; }\n@test "x: left" { skip "peer y is not installed"; }\n' > tree/tests/x.bats
	tool 0 run_suites
	is "3 passed, 0 failed, 2 skipped" "$(tail -n 1 out)"
	grep -x 'skipped: unit/a: three: no such kernel' out
	grep -x 'skipped: x: x: left: peer y is not installed' out
}

@test "run-suites: a failing test shows its output and fails the run" {
	runner
	printf '@test "x: bad" { echo why; false; }\n@test "x: good" { true; }\n' > tree/tests/x.bats
	tool 1 run_suites
	is "1 passed, 1 failed, 0 skipped" "$(tail -n 1 out)"
	grep why out
}

@test "run-suites: a unit program that dies fails, also after its ok lines" {
	runner
	unit a 'echo "ok one"; kill -SEGV $$'
	tool 1 run_suites
	is "1 passed, 1 failed, 0 skipped" "$(tail -n 1 out)"
}

@test "run-suites: a suite that can't be read fails" {
	runner
	printf '@test "x: a" {\n' > tree/tests/x.bats
	unit a 'echo "ok one"'
	tool 1 run_suites
	grep -E '^1 passed, [1-9][0-9]* failed' out
}

@test "run-suites: running nothing fails" {
	runner
	tool 1 run_suites
	is "0 passed, 1 failed, 0 skipped" "$(tail -n 1 out)"
}

@test "run-suites: in CI a skip fails, unless it is a peer's or listed" {
	runner
	unit a 'echo "ok one"; echo "skip two: no mood"; echo "skip three: peer z is not installed"'
	in_ci=true
	tool 1 run_suites
	is "1 passed, 1 failed, 1 skipped" "$(tail -n 1 out)"
	printf 'unit/a: two: *\tsome moods are like that\n' > tree/tests/skips-allowed
	tool 0 run_suites
	is "1 passed, 0 failed, 2 skipped" "$(tail -n 1 out)"
}

@test "run-suites: works with standard input closed, and names choose suites" {
	runner
	unit a 'echo "ok one"'
	unit b 'echo "ok two"; exit 1'
	tool 0 run_suites a <&-
	is "1 passed, 0 failed, 0 skipped" "$(tail -n 1 out)"
}

# floors FILE INCLUDE: what the check says of one line in a tree of its own.
floors() {
	rm -rf tree
	mkdir -p tree/tests/lint tree/cmd tree/lib "tree/$(dirname "$1")"
	cp "$SLIPWAY_ROOT/tests/lint/floors.sh" tree/tests/lint/
	printf '#include %s\n' "$2" > "tree/$1"
	tree/tests/lint/floors.sh
}

@test "lint: an include may point down, and not up or sideways" {
	tool 0 floors lib/oci/a.c '"codec/digest.h"'
	tool 0 floors lib/bundle/a.c '"record/rec.h"'
	tool 0 floors cmd/a.c '"build/stage.h"'
	tool 1 floors lib/base/a.c '"codec/digest.h"'
	tool 1 floors lib/codec/a.c '"record/rec.h"'
	tool 1 floors lib/build/a.h '"bundle/verify.h"'
	tool 1 floors lib/oci/a.h '"build/stage.h"'
	tool 1 floors lib/attic/a.h '"base/buf.h"'
}

@test "lint: includes may not go in a circle" {
	tool 0 floors lib/base/a.h '"base/b.h"'
	printf '#include "base/a.h"\n' > tree/lib/base/b.c
	tool 0 tree/tests/lint/floors.sh
	printf '#include "base/a.h"\n' > tree/lib/base/b.h
	tool 1 tree/tests/lint/floors.sh
	grep circle out
}

@test "lint: a foreign header belongs to one module" {
	tool 0 floors lib/codec/a.c '<archive.h>'
	printf '#include <archive.h>\n' > tree/lib/codec/a.h
	tool 0 tree/tests/lint/floors.sh
	printf '#include <archive.h>\n' > tree/lib/codec/b.c
	tool 1 tree/tests/lint/floors.sh
}

@test "lint: a global symbol carries its module's name" {
	needs gcc
	mkdir -p b/lib/base lib/base
	echo 'int a_x(void); int a_x(void) { return 1; }' > lib/base/a.c
	gcc -c -o b/lib/base/a.o lib/base/a.c
	tool 0 "$SLIPWAY_ROOT/tests/lint/symbols.sh" b
	echo 'int x(void); int x(void) { return 1; }' > lib/base/a.c
	gcc -c -o b/lib/base/a.o lib/base/a.c
	tool 1 "$SLIPWAY_ROOT/tests/lint/symbols.sh" b
}

@test "package-chart: one folder, the same bytes every time, one version" {
	cp -r "$SLIPWAY_ROOT/deploy/helm/openshell" chart
	package=$SLIPWAY_ROOT/scripts/package-chart.sh
	tool 0 "$package" chart one
	is one/openshell-0.1.0.tgz "$(cat out)"
	is openshell "$(tar -tzf one/openshell-0.1.0.tgz | cut -d / -f 1 | sort -u)"
	tar -tzf one/openshell-0.1.0.tgz | grep -x openshell/templates/statefulset.yaml
	find chart -exec touch -d 2001-01-01 {} +
	touch chart/junk.swp
	chmod 700 chart/templates
	(umask 077; "$package" chart two)
	cmp one/openshell-0.1.0.tgz two/openshell-0.1.0.tgz
	sed -i 's/^version: .*/version: 0.2.0/' chart/Chart.yaml
	tool 0 "$package" chart one
	is openshell-0.2.0.tgz "$(ls one)"
}

@test "deps: what is missing is listed where nothing can be installed" {
	mkdir bin
	for p in bash cat cut grep sed tr sort uname id printf; do
		ln -s "$(command -v $p)" bin/$p
	done
	# shellcheck disable=SC2016
	PATH=$PWD/bin tool 1 bash -c '. "$0"; deps_install build' "$SLIPWAY_ROOT/scripts/lib/deps.sh"
	grep 'no apt-get' err
	grep -E 'libarchive +\(libarchive-dev\)' err
}

@test "deploy: scripts in images are executable and POSIX" {
	for f in cross-build cluster-entrypoint cluster-healthcheck; do
		[ -x "$SLIPWAY_ROOT/deploy/docker/$f.sh" ]
		is '#!/bin/sh' "$(head -n 1 "$SLIPWAY_ROOT/deploy/docker/$f.sh")"
	done
}

# The entrypoint with folders of its own and a k3s that prints its arguments.
entrypoint() {
	mkdir -p bin
	printf '#!/bin/sh\necho "k3s $*"\n' > bin/k3s
	chmod +x bin/k3s
	mkdir -p share/charts share/manifests share/gpu-manifests
	: > share/charts/openshell-0.1.0.tgz
	cp "$SLIPWAY_ROOT/deploy/kube/manifests/openshell-chart.yaml" share/manifests/
	cp "$SLIPWAY_ROOT"/deploy/kube/gpu-manifests/*.yaml share/gpu-manifests/
	env PATH="$PWD/bin:$PATH" OPENSHELL_SHARE="$PWD/share" \
		K3S_DATA_DIR="$PWD/data" "$@" \
		"$SLIPWAY_ROOT/deploy/docker/cluster-entrypoint.sh" server --debug
}

@test "deploy: the entrypoint gives k3s chart and manifests, and becomes it" {
	mkdir -p data/server/manifests
	: > data/server/manifests/openshell-old.yaml
	: > data/server/manifests/traefik.yaml
	tool 0 entrypoint OPENSHELL_GPU=off
	is 'k3s server --debug' "$(cat out)"
	is 'openshell-0.1.0.tgz' "$(ls data/server/static/charts)"
	# shellcheck disable=SC2012
	ls data/server/manifests | diff - <(printf 'openshell-chart.yaml\ntraefik.yaml\n')
	tool 0 entrypoint OPENSHELL_GPU=on OPENSHELL_GATEWAY_IMAGE=127.0.0.1:5000/openshell/gateway:dev
	ls data/server/manifests/openshell-gpu-nvidia-runtime-class.yaml
	grep 'repository: "127.0.0.1:5000/openshell/gateway"' data/server/manifests/openshell-chart.yaml
	grep 'tag: "dev"' data/server/manifests/openshell-chart.yaml
}

@test "deploy: the health check wants the API and a ready gateway" {
	for ready in 0 1 ''; do
		# shellcheck disable=SC2016
		printf '#!/bin/sh\ncase $* in *readyz*) exit ${API:-0} ;; *) echo "%s" ;; esac\n' "$ready" > kubectl
		chmod +x kubectl
		want=1
		[ "$ready" != 1 ] || want=0
		KUBECTL=./kubectl tool $want "$SLIPWAY_ROOT/deploy/docker/cluster-healthcheck.sh"
	done
	printf '#!/bin/sh\nexit 1\n' > kubectl
	KUBECTL=./kubectl tool 1 "$SLIPWAY_ROOT/deploy/docker/cluster-healthcheck.sh"
}
