# fp-diff.bash - repositories for the suites of fp-diff.
# shellcheck shell=bash

components=$SLIPWAY_ROOT/deploy/components.jsonl

# No setting of the machine's or of who tests plays a part.
local_setup() {
	local v

	for v in $(compgen -e GIT_) $(compgen -e GITHUB_); do
		unset "$v"
	done
	unset XDG_CONFIG_HOME SUDO_UID
	export HOME=$BATS_TEST_TMPDIR/home
	export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b
	export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
	mkdir -p home
	# libgit2 1.5 does not give back what a regular expression took
	echo 'leak:libpcre' > lsan
	export LSAN_OPTIONS=suppressions=$PWD/lsan:print_suppressions=0
	git config --global init.defaultBranch main
	git config --global protocol.file.allow always
	git config --global advice.detachedHead false
	mkdir work
	cd work || return 1
}

# put PATH [TEXT]: a file with this text (its own name).
put() {
	mkdir -p "$(dirname "$1")"
	printf '%s\n' "${2-$1}" > "$1"
}

commit() {
	git add -A
	git commit -q --allow-empty -m change
}

# A repository like OpenShell's, committed.
openshell() {
	local f

	git init -q
	printf '/target/\n*.o\n' > .gitignore
	for f in Cargo.toml Cargo.lock proto/a.proto README.md \
	    deploy/docker/cross-build.sh deploy/docker/Dockerfile.gateway \
	    deploy/docker/Dockerfile.cluster deploy/helm/openshell/Chart.yaml \
	    deploy/helm/openshell/templates/sts.yaml; do
		put "$f"
	done
	for f in core router server providers sandbox policy cli; do
		put "crates/openshell-$f/src/lib.rs"
		put "crates/openshell-$f/Cargo.toml"
	done
	commit
}

# deployed [OPTION...]: the work tree as it stands is what was deployed.
deployed() {
	fp-diff --state ../state "$@" < "$components" |
		fp-diff --state ../state --save "$@" > /dev/null
}

# changed: the components that are to be done, in ./out's order.
changed() {
	jq -r 'select(.changed) | .component' "${1:-../out}" | xargs
}

# plan STATUS [OPTION...]: of OpenShell's rules, output in ../out, ../err.
plan() {
	local want=$1 got=0

	shift
	fp-diff --state ../state "$@" < "$components" > ../out 2> ../err ||
		got=$?
	cat ../err
	[ "$got" -eq "$want" ]
}

# fp [PATTERN...]: the fingerprint of one component of these patterns.
fp() {
	[ $# -gt 0 ] || set -- /src/
	jq -cn '{component: "x", paths: $ARGS.positional}' --args "$@" |
		fp-diff -q | jq -r .fingerprint
}
