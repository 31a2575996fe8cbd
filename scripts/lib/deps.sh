# shellcheck shell=bash
# deps.sh - what this machine must have, and how it gets it.  Sourced.
#
# A need is known by what it gives (a program, a pkg-config module, a header),
# never by a package's name, so that any system where it is there will do.

# SET  NEED  DEBIAN-PACKAGE.  A need is cmd:NAME (several by |), pc:MODULE or
# h:HEADER, or py:MODULE.  A `?` before it: good to have, its absence is said
# and no more.
deps_table() {
	local cross

	# The other architecture's programs, compiled here.
	case $(uname -m) in
	x86_64) cross='aarch64-linux-gnu gcc-aarch64-linux-gnu
		libc6-dev-arm64-cross' ;;
	aarch64) cross='x86_64-linux-gnu gcc-x86-64-linux-gnu
		libc6-dev-amd64-cross' ;;
	*) cross='' ;;
	esac
	cat <<-TABLE
	build	cmd:cc|gcc	gcc
	build	h:stdlib.h	libc6-dev
	build	cmd:make	make
	build	cmd:pkg-config	pkg-config
	build	pc:libarchive	libarchive-dev
	build	pc:libcrypto	libssl-dev
	build	pc:libcurl	libcurl4-openssl-dev
	build	pc:libgit2	libgit2-dev
	build	pc:zlib	zlib1g-dev
	build	pc:libzstd	libzstd-dev
	build	pc:liblzma	liblzma-dev
	build	pc:libdeflate	libdeflate-dev
	build	h:jv.h	libjq-dev
	build	?pc:libisal	libisal-dev
	run	cmd:jq	jq
	deb	cmd:dpkg-deb	dpkg
	deb	cmd:dpkg-shlibdeps	dpkg-dev
	demo	cmd:jq	jq
	demo	cmd:file	file
	TABLE
	if [ -n "$cross" ]; then
		# shellcheck disable=SC2086
		set -- $cross
		printf 'demo\tcmd:%s-gcc\t%s\n' "$1" "$2"
		printf 'demo\tx:%s-gcc\t%s\n' "$1" "$3"
	fi
	cat <<-TABLE
	test	cmd:jq	jq
	test	cmd:bats	bats
	test	cmd:git	git
	test	cmd:python3	python3
	test	py:yaml	python3-yaml
	test	cmd:shellcheck	shellcheck
	test	cmd:dpkg-shlibdeps	dpkg-dev
	test	cmd:zstd	zstd
	test	cmd:xz	xz-utils
	test	cmd:bsdtar	libarchive-tools
	test	cmd:setfattr	attr
	test	cmd:file	file
	test	cmd:mandoc	mandoc
	test	cmd:strace	strace
	test	cmd:setcap|/sbin/setcap	libcap2-bin
	test	cmd:script	bsdutils
	test	cmd:busybox	busybox-static
	test	cmd:openssl	openssl
	test	cmd:curl	curl
	test	cmd:nginx|/usr/sbin/nginx	nginx-light
	test	cmd:docker-registry	docker-registry
	test	cmd:htpasswd	apache2-utils
	test	?cmd:skopeo	skopeo
	test	?cmd:ssh	openssh-client
	test	?cmd:rsync	rsync
	test	?cmd:umoci	umoci
	test	?cmd:qemu-x86_64-static|qemu-x86_64	qemu-user-static
	arm64	cmd:bats	bats
	arm64	cmd:qemu-aarch64-static|qemu-aarch64	qemu-user-static
	arm64	?cmd:debootstrap|/usr/sbin/debootstrap	debootstrap
	lint	cmd:clang	clang
	lint	cmd:clang-tidy	clang-tidy
	lint	cmd:cppcheck	cppcheck
	lint	cmd:shellcheck	shellcheck
	lint	cmd:mandoc	mandoc
	lint	cmd:yamllint	yamllint
	lint	cmd:bats	bats
	TABLE
}

# Is the need there?
deps_have() {
	local name=${1#*:} one

	case $1 in
	cmd:*)
		IFS='|' read -ra one <<< "$name"
		for name in "${one[@]}"; do
			command -v "$name" > /dev/null && return 0
		done
		return 1
		;;
	pc:*)
		pkg-config --exists "$name" 2> /dev/null
		;;
	h:*)
		printf '#include <stddef.h>\n#include <%s>\n' "$name" |
			${CC:-cc} -E -x c - > /dev/null 2>&1
		;;
	py:*)
		python3 -c "import $name" > /dev/null 2>&1 ||
			/usr/bin/python3 -c "import $name" > /dev/null 2>&1
		;;
	x:*)	# a cross compiler that can link
		printf 'int main(void) { return 0; }\n' |
			"$name" -x c -o /dev/null - > /dev/null 2>&1
		;;
	esac
}

# deps_missing SET...: NEED and package of what is not there, one a line.
deps_missing() {
	local set need package seen=' '

	while IFS=$'\t' read -r set need package; do
		case " $* " in
		*" $set "*) ;;
		*) continue ;;
		esac
		case $seen in
		*" $need "*) continue ;;
		esac
		seen="$seen$need "
		deps_have "${need#\?}" || printf '%s\t%s\n' "$need" "$package"
	done < <(deps_table)
}

deps_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

deps_list() {
	local need package

	while IFS=$'\t' read -r need package; do
		case $need in
		\?*) printf '  %-36s (%s; may be missing)\n' \
			"${need#*:}" "$package" ;;
		*) printf '  %-36s (%s)\n' "${need#*:}" "$package" ;;
		esac
	done
}

# deps_install SET...: install what is missing.  Where that can't be done, say
# what is to be installed by hand, and return 1.
deps_install() {
	local missing want

	missing=$(deps_missing "$@")
	[ -n "$missing" ] || return 0
	if ! command -v apt-get > /dev/null; then
		if ! printf '%s\n' "$missing" | grep -qv '^?'; then
			return 0
		fi
		{
			echo "This system has no apt-get.  Please install" \
				"(in brackets: Debian's name):"
			printf '%s\n' "$missing" | deps_list
		} >&2
		return 1
	fi
	if [ "$(id -u)" -ne 0 ] && ! command -v sudo > /dev/null; then
		printf '%s\n' "$missing" | grep -qv '^?' || return 0
		{
			echo "Not root, and no sudo here.  As root, please run:"
			printf '  apt-get install'
			printf '%s\n' "$missing" | cut -f 2 | sort -u |
				tr '\n' ' ' | sed 's/^/ /'
			echo
		} >&2
		return 1
	fi
	export DEBIAN_FRONTEND=noninteractive
	echo "Installing: $(printf '%s\n' "$missing" | cut -f 2 | sort -u |
		tr '\n' ' ')"
	deps_root apt-get -q update > /dev/null ||
		echo "apt-get update failed; trying with what is known" >&2
	mapfile -t want < <(printf '%s\n' "$missing" | grep -v '^?' |
		cut -f 2 | sort -u)
	if [ ${#want[@]} -gt 0 ]; then
		deps_root env DEBIAN_FRONTEND=noninteractive apt-get -q install \
			-y --no-install-recommends "${want[@]}" || return 1
	fi
	# One by one: a release that lacks one of these may have the others.
	mapfile -t want < <(printf '%s\n' "$missing" | grep '^?' |
		cut -f 2 | sort -u)
	for package in "${want[@]}"; do
		deps_root env DEBIAN_FRONTEND=noninteractive apt-get -q install \
			-y --no-install-recommends "$package" ||
			echo "going on without $package" >&2
	done
	missing=$(deps_missing "$@" | grep -v '^?' || :)
	[ -z "$missing" ] && return 0
	echo "Still missing:" >&2
	printf '%s\n' "$missing" | deps_list >&2
	return 1
}
