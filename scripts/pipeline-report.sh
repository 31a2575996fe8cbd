#!/usr/bin/env bash
# pipeline-report.sh [FILE...] - a report in Markdown of finished records.
#
# Reads JSON lines (standard input without a FILE) and writes what failed,
# images, indexes and sizes as tables, and who worked when as a Mermaid gantt,
# which GitHub shows as a picture:
#
#   pipeline-report.sh < records.jsonl >> "$GITHUB_STEP_SUMMARY"
#
# The exit status is that of the records: 0 all good, 1 a definite no, 2
# malformed or none at all, 3 trying again may help.
set -euo pipefail

case ${1-} in
-h | --help)
	awk 'NR == 1 { next } !/^#/ { exit } { sub(/^# ?/, ""); print }' "$0"
	exit 0
	;;
--) shift ;;
-?*)
	echo "pipeline-report: unknown argument: $1" >&2
	exit 2
	;;
esac
command -v jq > /dev/null || {
	echo "jq is missing: the report needs it" >&2
	exit 3
}

# shellcheck disable=SC2016	# jq's own variables
report='
# Text from outside: it can end neither a cell nor a line, nor be markup.
def text: tostring | gsub("[\\x00-\\x1f\\x7f]"; " ") | gsub("&"; "&amp;") |
	gsub("<"; "&lt;") | gsub("(?<c>[\\\\`*_|\\[\\]])"; "\\\(.c)");
def coded: "`" + (tostring | gsub("[\\x00-\\x1f\\x7f`|]"; " ")) + "`";
def plain: tostring | gsub("[^A-Za-z0-9._/@+-]"; " ");
def short: if type == "string" then .[0:19] else "" end;
def round1: . * 10 | round / 10;
def size:
	if type != "number" then ""
	elif . < 1000 then "\(.) B"
	elif . < 1000000 then "\(. / 1000 | round1) kB"
	elif . < 1000000000 then "\(. / 1000000 | round1) MB"
	else "\(. / 1000000000 | round1) GB" end;
def ms: capture("^(?<s>[^.Z]+)(\\.(?<f>[0-9]+))?Z$") |
	((.s + "Z" | fromdateiso8601) * 1000) +
	((.f // "0") + "000" | .[0:3] | tonumber);
def objects: if type == "object" then . else {} end;
def lists: if type == "array" then .[] else empty end;

[inputs | . as $line |
	(try (fromjson | if type == "object" then . else error end)
	catch {error: {kind: "input", code: "malformed_line",
		message: "a line is not a JSON object"}})] as $records |
($records | map(select(.error != null))) as $failed |
[$records[] | (., (.parts | lists | objects)) |
	{image: .image, arch, bundle: (.bundle | objects)} |
	select(.image | type == "object")] as $images |
[$records[].index | select(type == "object")] as $indexes |
[$records[].trace | lists | objects | select((.seconds | type) == "number") |
	. + {ms: (try (.start | ms) catch null)} |
	select(.ms != null)] | unique | sort_by(.ms) as $trace |

"## Pipeline", "",
(if ($records | length) == 0 then "No record came in."
elif ($failed | length) > 0 then
	"**\($failed | length) of \($records | length) records failed.**", "",
	"| | tool | code | message |", "| --- | --- | --- | --- |",
	($failed[] | (.error | objects) as $e |
		"| \((.component // .arch // .platform // "") | text) " +
		"| \($e.tool // "" | text) | \($e.code // "" | text) " +
		"| \($e.message // "" | text) |")
else "\($records | length) records, all good." end),
(if ($indexes | length) > 0 then "",
	"| index | digest | platforms |", "| --- | --- | --- |",
	($indexes[] | . as $i | ([.tags | lists | objects | .ref | strings] |
		if length > 0 then . else [$i.ref // ""] end)[] |
		"| \(coded) | \($i.digest // "" | coded) | \([$i.manifests | lists |
			objects | .platform] | join(", ") | text) |")
else empty end),
(if ($images | length) > 0 then "",
	"| image | platform | digest | size | bundle |",
	"| --- | --- | --- | ---: | --- |",
	($images[] | .bundle as $b | .image |
		"| \(.ref // .location // "" | coded) | \(.platform // "" | text) " +
		"| \(.digest // .config_digest // "" | coded) " +
		"| \([.layers | lists | objects | .size | numbers] | add | size) " +
		"| \(if $b.name then "\($b.name) \($b.version // "")" else ""
			end | text) |")
else empty end),
(if ($trace | length) > 0 then
	(($trace | map(.ms + .seconds * 1000) | max) - $trace[0].ms) as $all |
	"", "\($all / 100 | round / 10) seconds from the first start to the last end.",
	"", "```mermaid", "gantt", "    dateFormat x", "    axisFormat %M:%S",
	((reduce $trace[].tool as $t ([]; if index([$t]) then . else . + [$t]
		end))[] as $tool |
		"    section \($tool // "" | plain)",
		($trace[] | select(.tool == $tool) |
			(.seconds * 1000 | round) as $d |
			"    \(.subject // "all" | plain) \($d) ms" +
			"\(if (.bytes // 0 | numbers) > 0 then ", " + (.bytes |
				size) else "" end)" +
			"\(if .cached == true then ", cached" else "" end) " +
			": \(.ms), \([$d, 1] | max)ms")),
	"```"
else empty end),
# The last line is for us.
(if ($records | length) == 0 then 2
else [$failed[] | (.error | objects).kind |
	{"input": 2, "system": 3}[tostring] // 1] |
	if any(. == 2) then 2 elif any(. == 1) then 1
	elif any(. == 3) then 3 else 0 end
end | "status \(.)")'

out=$(jq -Rnr "$report" "$@") || {
	echo "pipeline-report: the records could not be read" >&2
	exit 3
}
printf '%s\n' "${out%$'\n'status *}"
exit "${out##*$'\n'status }"
