#!/usr/bin/env bash
# floors.sh - no #include points up or in a circle.
#
# The floors, from the ground: base; codec, record; net (its cache is named by
# digests, its credentials are JSON); oci; bundle, build, change; cmd.  Rooms of
# one floor do not know each other.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# A file without includes is no failure.
lines() {
	find lib cmd -name '*.[ch]' | sort | xargs -r grep -HoE "$1" || :
}

includes() {	# file, included: our own
	lines '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]+"' |
		sed -E 's/:[^"]*"([^"]+)"/ \1/'
}

foreign() {	# file, header: other people's
	lines '^[[:space:]]*#[[:space:]]*include[[:space:]]*<[^>]+>' |
		sed -E 's/:[^<]*<([^>]+)>/ \1/'
}

bad=$(
	includes | awk '
	BEGIN {
		may["base"] = " base "
		may["codec"] = " codec base "
		may["record"] = " record base "
		may["net"] = " net codec record base "
		may["oci"] = " oci codec record net base "
		upper = " oci codec record net base "
		may["bundle"] = " bundle" upper
		may["build"] = " build" upper
		may["change"] = " change" upper
		may["cmd"] = " bundle build change" upper
	}
	{
		n = split($1, p, "/")
		room = p[1] == "cmd" ? "cmd" : p[2]
		split($2, q, "/")
		if (!(room in may))
			print $1 ": no floor is called " room
		else if ($2 !~ /^[a-z]+\/[a-z0-9_]+\.h$/)
			print $1 ": write \"" $2 "\" as \"floor/name.h\""
		else if (index(may[room], " " q[1] " ") == 0)
			print $1 ": " room " may not include " $2
	}'

	# tsort names what goes in a circle.
	includes | sed 's|^lib/||' | tsort 2>&1 > /dev/null |
		sed 's/^tsort: -: /circle: /; s/^tsort: /	/'

	# Each of these belongs to one module.
	foreign | sed -E 's|\.[ch] | |' | sort -u | awk '
	$2 ~ /^(archive|archive_entry|git2|jv)\.h$/ || $2 ~ /^(curl|openssl)\// {
		if ($2 in by)
			print $1 ": <" $2 "> belongs to " by[$2]
		else
			by[$2] = $1
	}'
)
[ -z "$bad" ] || { printf '%s\n' "$bad"; exit 1; }
