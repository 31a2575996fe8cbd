#!/usr/bin/env bash
# lint.sh - what can be said about the tree without running the tests.
#
# usage: lint.sh [PART ...]	the parts are listed below
#
# Runs every part, shows what each found, and fails if one found something.
# $B is the build directory (default build).
# shellcheck disable=SC2317	# the parts are called by their names
set -euo pipefail
exec < /dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/deps.sh
. scripts/lib/deps.sh
B=${B:-build}
parts=(compile floors symbols clang_tidy cppcheck shellcheck man options
	synopsis yaml)

# Tracked files, and those that are about to be.
tree_files() {
	if git rev-parse --is-inside-work-tree > /dev/null 2>&1; then
		git ls-files -co --exclude-standard
	else
		find . -path "./$B" -prune -o -type f -print | sed 's|^\./||'
	fi | while IFS= read -r f; do
		if [ -f "$f" ] && [ ! -L "$f" ]; then
			echo "$f"
		fi
	done
}

# Shell: by the name, else by the first line.
shell_files() {
	tree_files | while IFS= read -r f; do
		case ${f##*/} in
		*.sh | *.bash) echo "$f" ;;
		*.*) ;;
		*) case $(head -c 64 "$f" | head -n 1 | tr -d '\0') in
			'#!'*/sh* | '#!'*bash*) echo "$f" ;;
			esac ;;
		esac
	done
}

lint_compile() {
	local cc

	for cc in gcc clang; do
		make -s -j"$(nproc)" B="$B/lint-$cc" CC="$cc" WERROR=1 all units
	done
}

lint_floors() { tests/lint/floors.sh; }
lint_symbols() { tests/lint/symbols.sh "$B/lint-gcc"; }
lint_options() { tests/lint/options.sh "$B/lint-gcc"; }
lint_synopsis() { tests/lint/synopsis.sh "$B/lint-gcc"; }

# The flags are the build's own: the last line of its flags file.
lint_clang_tidy() {
	local flags

	eval "flags=($(cat "$B/lint-clang/flags"))"
	find lib cmd tests/unit tests/tools tests/fuzz -name '*.c' | sort |
		xargs -r -P "$(nproc)" -I{} tests/lint/tidy.sh "$B/tidy" {} \
		"${flags[@]:1}" -Wno-unused-command-line-argument
}

lint_cppcheck() {
	cppcheck --quiet --error-exitcode=1 --inline-suppr -j "$(nproc)" \
		--enable=warning,performance,portability --std=c11 \
		--suppress=missingIncludeSystem -Ilib -D_GNU_SOURCE \
		-DHAVE_ISAL '-DTOOL_VERSION="0"' lib cmd
}

# SC1091: what is sourced is checked by itself.  In bats files each test is a
# subshell, `run` sets $status, helpers.bash's functions are not in sight, and
# the files that `ls` lists are the test's own.
lint_shellcheck() {
	local files

	mapfile -t files < <(shell_files)
	shellcheck -x -e SC1091 "${files[@]}"
	mapfile -t files < <(tree_files | grep '\.bats$' || :)
	[ ${#files[@]} -eq 0 ] || shellcheck -s bats -S warning \
		-e SC1083,SC1091,SC2011,SC2030,SC2031,SC2038,SC2154,SC2164 \
		"${files[@]}"
}

lint_man() {
	mandoc -T lint -W warning man/*.[157]
}

lint_yaml() {
	yamllint -s -c tests/lint/yamllint.yml .github deploy/kube \
		deploy/helm/openshell/{Chart,values}.yaml
}

missing=$(deps_missing build lint)
if [ -n "$missing" ]; then
	echo "lint needs these (in brackets: Debian's package):" >&2
	printf '%s\n' "$missing" | deps_list >&2
	exit 1
fi

if [ $# -eq 1 ]; then
	"lint_$1"
	exit
fi
found=0
for part in "${@:-${parts[@]}}"; do
	# A process of its own: `set -e` has no effect inside an `if`.
	if out=$("$BASH" scripts/lint.sh "$part" 2>&1); then
		echo "$part: ok"
	else
		found=1
		echo "$part: FAILED"
		printf '%s\n' "$out" | sed 's/^/	/'
	fi
done
exit $found
