# shellcheck shell=bash disable=SC2034	# what it sets is the suites'
# recorders.bash - a repository to run the scripts in, and programs that only
# record how they are called.

scripts=$SLIPWAY_ROOT/scripts

# Nobody's own settings: what the scripts read is what a test gives.
clean_environment() {
	local name

	for name in $(compgen -e); do
		case $name in
		OPENSHELL_* | DOCKER_* | IMAGE_* | CI_REGISTRY* | AWS_* | \
			GATEWAY_* | DEPLOY_FAST_* | SKIP_* | K3S_* | CLUSTER_NAME | \
			FORCE_HELM_UPGRADE | TAG_LATEST | EXTRA_DOCKER_TAGS | \
			GITHUB_*) unset "$name" ;;
		esac
	done
	export HOME=$PWD
	arch=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
}

# repo DIR: the example repository there, without its source.
repo() {
	mkdir -p "$1"
	cp -r "$SLIPWAY_ROOT/deploy" "$1/deploy"
	rm -rf "$1/deploy/docker/.build"
}

# recorder NAME [BODY]: a program NAME in ./bin, first on PATH.  Each call is a
# line in $calls: its name and its arguments, as one would type them.  BODY is
# what it does then, in bash.
recorder() {
	calls=$BATS_TEST_TMPDIR/calls
	export calls
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	case $PATH in
	"$BATS_TEST_TMPDIR/bin":*) ;;
	*) PATH=$BATS_TEST_TMPDIR/bin:$PATH ;;
	esac
	{
		printf '#!/bin/bash\nline=%s\n' "$1"
		cat <<-'BASH'
		for a; do
			printf -v a %q "$a"
			line="$line $a"
		done
		printf '%s\n' "$line" >> "$calls"
		BASH
		printf '%s\n' "${2:-}"
	} > "$BATS_TEST_TMPDIR/bin/$1"
	chmod +x "$BATS_TEST_TMPDIR/bin/$1"
}

# Filters that hand on what comes in, with an image or an index.
recorder_builders() {
	# shellcheck disable=SC2016
	recorder img-build '
		if [ -e "$calls.img-build-fails" ] &&
			[[ $line == *$(cat "$calls.img-build-fails")* ]]; then
			echo "img-build: no luck" >&2
			exit 1
		fi
		while [ $# -gt 0 ]; do
			case $1 in
			-t) ref=$2; shift ;;
			esac
			shift
		done
		while IFS= read -r line; do
			echo "${line%\}},\"image\":{\"ref\":\"$ref\",\"digest\":\"sha256:aa\"}}"
		done'
	# shellcheck disable=SC2016
	recorder manifest-assemble '
		cat > "$calls.assembled"
		echo "{\"index\":{\"ref\":\"$2\",\"digest\":\"sha256:bb\"}}"'
}

# recorder_docker: a docker that knows what the files $calls.* say.
recorder_docker() {
	# shellcheck disable=SC2016
	recorder docker '
		if [ -e "$calls.fails" ] && [[ $line == $(cat "$calls.fails") ]]; then
			echo "docker: no luck" >&2
			exit 1
		fi
		case "$*" in
		"inspect --type container"*openshell-local-registry)
			cat "$calls.registry" 2> /dev/null ;;
		"inspect --type container"*) cat "$calls.container" 2> /dev/null ;;
		"inspect -f {{.State.Running}}"*) cat "$calls.running" ;;
		"image inspect -f"*) echo arm64 ;;
		"image inspect"*) [ -e "$calls.image" ] ;;
		*"helm get values"*)
			cat "$calls.values" 2> /dev/null || {
				echo "Error: release: not found" >&2
				exit 1
			} ;;
		*"helm upgrade"*) cat > "$calls.given" ;;
		*"get secret"*) cat "$calls.secret" 2> /dev/null ;;
		"login"*) cat > "$calls.password" ;;
		esac'
}

# up [ID [HEALTH]]: the cluster's container runs.
up() {
	echo "${1:-c1} running sha256:1 ${2:-healthy}" > "$calls.container"
}

# called PATTERN...: the calls are these, in this order; a pattern stands for
# one line and need not match all of it.
called() {
	local line

	while IFS= read -r line; do
		if [ $# -gt 0 ] && [[ $line == *"$1"* ]]; then
			shift
		fi
	done < "$calls"
	[ $# -eq 0 ] || {
		printf 'not called, or not in order: %s\nthe calls:\n' "$1"
		cat "$calls"
		return 1
	}
}

# uncalled PATTERN...: none of them was.
uncalled() {
	local pattern

	[ -e "$calls" ] || return 0
	for pattern; do
		! grep -F -e "$pattern" "$calls" || return 1
	done
}

# says LINE...: each is a line of ./out or ./err.
says() {
	local line

	for line; do
		grep -qxF -e "$line" out err || {
			echo "nobody said: $line"
			cat out err
			return 1
		}
	done
}

# left_nothing: no temporary folder of a script is left.
left_nothing() {
	is '' "$(ls -A "$TMPDIR")"
}

# scripts_setup: a repository with a bundle, and a TMPDIR of our own.
scripts_setup() {
	clean_environment
	mkdir tmp
	export TMPDIR=$PWD/tmp
	calls=$PWD/calls
	export calls
	repo 'a repo'
	cd 'a repo' || return
}
