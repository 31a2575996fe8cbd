#!/usr/bin/env bash
# symbols.sh BUILD-DIR - every global symbol of lib/FLOOR/NAME.o is NAME or NAME_...
set -euo pipefail

bad=$(
	find "$1/lib" -name '*.o' | sort | while IFS= read -r o; do
		name=$(basename "$o" .o)
		[ -e "${o#"$1/"}" ] || [ -e "$(dirname "${o#"$1/"}")/$name.c" ] ||
			continue	# its source is gone
		nm -g --defined-only "$o" | awk -v name="$name" -v o="${o#"$1/"}" '
			NF == 3 && $3 !~ "^" name "(_|$)" &&
			    $3 !~ /^(__|_fini|_init)/ { print o ": " $3 }'
	done
)
[ -z "$bad" ] || { printf '%s\n' "$bad"; exit 1; }
