# shellcheck shell=bash
# shellcheck disable=SC2034	# the scripts use them
# openshell.sh - what the scripts of the OpenShell pipeline share.  Sourced.
#
# They run from the root of the repository that is being built, say on stdout
# what they do and on stderr what went wrong, and end with the status of what
# failed.  A signal ends what runs, then them.  -x shows the commands and runs
# none.

os_scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
os_dry=''

# A closed standard input would be the first file that is opened.
{ : <&0; } 2> /dev/null || exec < /dev/null

# The folder for what is of use only while we run; nobody else may read it.
os_tmp=$(umask 077 && mktemp -d)
trap 'rm -rf "$os_tmp"' EXIT
trap 'os_ended 129' HUP
trap 'os_ended 130' INT
trap 'os_ended 143' TERM

# os_fail MESSAGE [STATUS]
os_fail() {
	printf '%s\n' "$1" >&2
	exit "${2:-1}"
}

# Usage is 2, as in the filters.
os_usage() { os_fail "$1" 2; }

# os_required NAME...: variables that must not be empty.
os_required() {
	local name

	for name; do
		[ -n "${!name:-}" ] ||
			os_usage "missing required variable: $name"
	done
}

# os_value OPTION COUNT: of COUNT words that are left the first is OPTION; its
# value has to be there.
os_value() {
	[ "$2" -gt 1 ] || os_usage "missing argument of $1"
}

# os_help: the comment at the head of the script.
os_help() {
	awk 'NR == 1 { next } !/^#/ { exit } { sub(/^# ?/, ""); print }' "$0"
	exit 0
}

# os_start ARGUMENT...: takes the options that every script has, in front.
# What is left is in os_rest.
os_start() {
	while [ $# -gt 0 ]; do
		case $1 in
		-x | --dry-run) os_dry=yes ;;
		-h | --help) os_help ;;
		*) break ;;
		esac
		shift
	done
	os_rest=("$@")
}

# os_script NAME ARGUMENT...: another script, which shows its own plan.
os_script() {
	local name=$1

	shift
	os_wait "$os_scripts/$name" ${os_dry:+-x} "$@"
}

# os_repo FILE...: this is the root of a repository that has them.
os_repo() {
	local file

	for file; do
		[ -e "$file" ] || os_usage "no $file here: run this from the \
root of the repository that is to be built"
	done
}

# os_need WHAT PROGRAM...: WHAT needs them.  The filters may also lie beside
# the scripts, or where they are built.
os_need() {
	local what=$1 program dir

	shift
	for dir in "${SLIPWAY_BIN:-}" "$os_scripts" "$os_scripts/../build"; do
		[ -x "$dir/rb-stage" ] && PATH=$PATH:$dir
	done
	[ -z "$os_dry" ] || return 0
	for program; do
		command -v "$program" > /dev/null ||
			os_fail "$program is missing: $what needs it"
	done
}

# os_show WORD...: a command as one would type it; a word that is | joins two.
os_show() {
	local word line=+

	for word; do
		[ "$word" = '|' ] || word=$(printf %q "$word")
		line="$line $word"
	done
	printf '%s\n' "$line"
}

# os_run COMMAND...: run it, or show it.
os_run() {
	if [ -n "$os_dry" ]; then
		os_show "$@"
	else
		os_wait "$@"
	fi
}

# os_wait COMMAND...: run it.  Of a command in the foreground bash would see
# the end before it takes a signal.
os_wait() {
	"$@" <&0 &
	wait $!
}

# The processes below one.
os_below() {
	ps -A -o pid= -o ppid= 2> /dev/null | awk -v of="$1" '
		function walk(p, n, i, list) {
			n = split(kids[p], list, " ")
			for (i = 1; i <= n; i++) {
				print list[i]
				walk(list[i])
			}
		}
		{ kids[$2] = kids[$2] " " $1 }
		END { walk(of) }'
}

os_ended() {
	trap '' HUP INT TERM
	# shellcheck disable=SC2046	# numbers
	kill $(jobs -p) $(os_below $$) 2> /dev/null || :
	wait
	exit "$1"
}

# os_words LIST: its words, between commas or blanks, in os_word.
os_words() {
	IFS=$', \t\n' read -r -d '' -a os_word <<< "$1" || :
}

# os_operand PATH: no path is an option.
os_operand() {
	case $1 in
	-*) printf './%s' "$1" ;;
	*) printf %s "$1" ;;
	esac
}
