#!/usr/bin/env bash
# options.sh BUILD-DIR - an option means the same in every tool that has it.
#
# Reads the option lines of each TOOL --help: `  -x, --name ARG  what it does`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

bad=$(
	for tool in $(make -s print-TOOLS); do
		# tool, letter, name, argument, help; a long name has its help on
		# the next line.
		"$1/$tool" --help | awk -v tool="$tool" '
		/^Examples/ { exit }
		/^  (-[A-Za-z], |    )--[a-z0-9-]+/ {
			if (name != "") print tool "\t" letter "\t" name "\t" arg "\t" help
			letter = $1 ~ /^-[A-Za-z],$/ ? substr($1, 1, 2) : ""
			line = substr($0, 7)
			help = match(line, /  +/) ? substr(line, RSTART + RLENGTH) : ""
			if (RSTART > 0) line = substr(line, 1, RSTART - 1)
			name = line; sub(/[ =[,].*/, "", name)
			arg = substr(line, length(name) + 1)
			next
		}
		/^                    / && help == "" { help = $0; sub(/^ +/, "", help) }
		END { if (name != "") print tool "\t" letter "\t" name "\t" arg "\t" help }'
	done | awk -F '\t' '
	{
		n++
		what = $4 " " $5
		if ($3 in arg && arg[$3] != what)
			print $3 ": " by[$3] " says:" arg[$3] "; " $1 " says:" what
		else if ($3 in letter && letter[$3] != $2)
			print $3 ": " by[$3] " calls it " letter[$3] ", " $1 " " $2
		else if ($2 != "" && ($2 in owner) && owner[$2] != $3)
			print $2 ": " owner[$2] " in " by[owner[$2]] ", " $3 " in " $1
		if (!($3 in arg)) {
			arg[$3] = what
			letter[$3] = $2
			by[$3] = $1
		}
		if ($2 != "" && !($2 in owner))
			owner[$2] = $3
	}
	END { if (n < 10) print "only " n " option lines were found" }'
)
[ -z "$bad" ] || { printf '%s\n' "$bad"; exit 1; }
