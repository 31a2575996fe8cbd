#!/usr/bin/env bash
# tidy.sh CACHE FILE FLAG... - clang-tidy on one file, unless it was clean in
# this very form before: the analyser takes seconds for each file.
set -euo pipefail

cache=$1 file=$2
shift 2
key=$( {
	clang-tidy --version
	cat .clang-tidy tests/.clang-tidy
	clang -E "$@" "$file" 2>&1
} | sha256sum | cut -c 1-64)
[ ! -e "$cache/$key" ] || exit 0
clang-tidy --quiet "$file" -- "$@" \
	2> >(grep -v 'warnings\? generated\|^Suppressed' >&2)
mkdir -p "$cache"
: > "$cache/$key"
