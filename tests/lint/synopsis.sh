#!/usr/bin/env bash
# synopsis.sh BUILD-DIR - SYNOPSIS in the page is the usage line of --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

bad=$(
	for tool in $(make -s print-TOOLS); do
		page=$(mandoc -T utf8 -O width=500 "man/$tool.1" | col -b |
			awk '/^[A-Z]/ { on = $1 == "SYNOPSIS"; next } on' |
			tr -s ' \n\t' ' ' | sed 's/^ //; s/ $//')
		help=$("$1/$tool" --help |
			sed -n 's/^[Uu]sage: *//p; /^$/q' | tr -s ' \n\t' ' ' |
			sed 's/ $//')
		[ "$page" = "$help" ] ||
			printf '%s: the page: %s\n\t--help:   %s\n' \
			    "$tool" "$page" "$help"
	done
)
[ -z "$bad" ] || { printf '%s\n' "$bad"; exit 1; }
