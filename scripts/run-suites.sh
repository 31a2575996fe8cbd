#!/usr/bin/env bash
# run-suites.sh - run the suites against the tools in $SLIPWAY_BIN.
#
# usage: run-suites.sh [SUITE...]	a suite is unit/NAME, NAME or e2e/NAME
#
# Unit programs print `ok NAME` and `skip NAME: REASON`; bats prints TAP.  The
# last line is `N passed, N failed, N skipped`, before it each skip with its
# reason.  In CI a skip is a failure, but for `peer ...` (another project's
# program that is not there) and what tests/skips-allowed lists.
set -euo pipefail
exec < /dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/.."
SLIPWAY_BIN=${SLIPWAY_BIN:-$PWD/build}
export SLIPWAY_BIN
# What the caller has set for its own work is not the suites' environment.
unset SOURCE_DATE_EPOCH MAKEFLAGS MFLAGS MAKELEVEL
# Suites wait for servers and locks about as much as they work.
jobs=${JOBS:-$(($(nproc) + 1))}

logs=$(mktemp -d)
trap 'rm -rf "$logs"; kill $(jobs -p) 2> /dev/null || :' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The suites, longest first.
suites() {
	local f

	for f in tests/e2e/*.bats tests/*.bats tests/unit/*.c; do
		[ -e "$f" ] || continue
		f=${f#tests/}
		echo "${f%.*}"
	done
}

wanted() {
	local w s=$1

	shift
	[ $# -gt 0 ] || return 0
	for w; do
		case $s in
		"$w" | e2e/"$w" | unit/"$w") return 0 ;;
		esac
	done
	return 1
}

# Run one suite; its log gets lines `pass NAME`, `FAIL NAME`, `skip NAME:
# REASON` for the count, and `| text` for people.
run_unit() {
	local status=0 out=$1.raw

	"$SLIPWAY_BIN/tests/$2" > "$out" 2>&1 || status=$?
	awk -v status="$status" '
		/^ok / { print "pass " substr($0, 4); n++; next }
		/^skip / { print; n++; next }
		{ rest[++r] = $0 }
		END {
			if (status != 0)
				print "FAIL exit status " status
			else if (n == 0)
				print "FAIL it ran nothing"
			if (status != 0 || n == 0)
				for (i = 1; i <= r; i++)
					print "| " rest[i]
		}' "$out" > "$1"
}

run_bats() {
	local out=$1.raw status=0

	bats --tap "tests/$2.bats" > "$out" 2>&1 || status=$?
	awk -v status="$status" '
		/^1\.\.[0-9]+$/ { plan = substr($0, 4); next }
		/^ok .* # skip/ {
			n++; bad = 0
			name = $0; sub(/^ok [0-9]+ /, "", name)
			reason = name; sub(/^.* # skip ?/, "", reason)
			sub(/ # skip.*$/, "", name)
			gsub(/^\(|\)$/, "", reason)
			print "skip " name ": " (reason == "" ? "no reason given" : reason)
			next
		}
		/^ok / { n++; bad = 0; sub(/^ok [0-9]+ /, ""); print "pass " $0; next }
		/^not ok / {
			n++; bad = 1; failed++
			sub(/^not ok [0-9]+ /, ""); print "FAIL " $0; next
		}
		bad || !n { print "| " $0 }
		END {
			if (plan == "" || n < plan)
				print "FAIL " (plan - n) " tests of " plan + 0 " did not run"
			else if (plan == 0)
				print "FAIL it has no tests"
			else if (status != 0 && !failed)
				print "FAIL exit status " status
		}' "$out" > "$1"
}

run() {
	local log=$logs/${1//\//:} start=$SECONDS

	case $1 in
	unit/*) run_unit "$log" "$1" ;;
	*) run_bats "$log" "$1" ;;
	esac
	judge "$1" < "$log" > "$log.done"
	awk -v suite="$1" -v t=$((SECONDS - start)) '
		/^pass / { p++ } /^FAIL / { f++ } /^skip / { s++ }
		/^(FAIL|\|) / { text = text "\n\t" $0 }
		END {
			printf "%-28s %4d passed", suite, p
			if (f) printf ", %d failed", f
			if (s) printf ", %d skipped", s
			if (t > 9) printf "  (%d s)", t
			print text
		}' "$log.done"
}

# In CI, turn a skip that nobody allowed into a failure.
judge() {
	local line

	while IFS= read -r line; do
		case $line in
		skip\ *:\ peer\ *) ;;
		skip\ *)
			if [ "${CI:-}" = true ] && ! allowed "$1" "${line#skip }"; then
				line="FAIL ${line#skip } (a skip that tests/skips-allowed does not list)"
			fi
			;;
		esac
		printf '%s\n' "$line"
	done
}

# tests/skips-allowed: a pattern for `SUITE: NAME: REASON`, a tab, why.
allowed() {
	local pattern why

	[ -e tests/skips-allowed ] || return 1
	while IFS=$'\t' read -r pattern why; do
		if [ -z "$pattern" ] || [ -z "$why" ]; then
			continue
		fi
		# shellcheck disable=SC2053
		[[ "$1: $2" == $pattern ]] && return 0
	done < <(grep -v '^#' tests/skips-allowed)
	return 1
}

names=()
while IFS= read -r s; do
	wanted "$s" "$@" && names+=("$s")
done < <(suites)

running=0
for s in "${names[@]}"; do
	if [ "$running" -ge "$jobs" ]; then
		wait -n || :
		running=$((running - 1))
	fi
	run "$s" &
	running=$((running + 1))
done
wait

passed=0 failed=0 skipped=0
for s in "${names[@]}"; do
	log=$logs/${s//\//:}.done
	if [ ! -e "$log" ]; then
		echo "$s: the runner itself failed" >&2
		failed=$((failed + 1))
		continue
	fi
	while IFS= read -r line; do
		case $line in
		pass\ *) passed=$((passed + 1)) ;;
		FAIL\ *) failed=$((failed + 1)) ;;
		skip\ *)
			skipped=$((skipped + 1))
			echo "skipped: $s: ${line#skip }"
			;;
		esac
	done < "$log"
done
if [ $((passed + failed)) -eq 0 ]; then
	echo "nothing was run" >&2
	failed=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
