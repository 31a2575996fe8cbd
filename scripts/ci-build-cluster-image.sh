#!/usr/bin/env bash
# ci-build-cluster-image.sh [-x] --platform P - from URLs of runtime bundles to
# cluster images.
#
# One platform is built by docker-build-cluster.sh, linux/amd64,linux/arm64 by
# docker-publish-multiarch.sh; see there for the variables.  -x shows the plan.
# An empty value is none.
#
#   --platform P		linux/amd64, linux/arm64, or both
#   --mode registry|ecr		how both are published (registry)
#   --runtime-bundle-url URL	for the one platform
#   --runtime-bundle-url-amd64 URL, --runtime-bundle-url-arm64 URL
# or, for what has no URL, all four of
#   --runtime-bundle-github-repo OWNER/REPO
#   --runtime-bundle-release-tag TAG
#   --runtime-bundle-filename-prefix PREFIX
#   --runtime-bundle-version VERSION
set -euo pipefail
# shellcheck source=scripts/lib/openshell.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/openshell.sh"

platform='' mode=registry url=''
# shellcheck disable=SC2034	# url_of and refuse_other read them by name
url_amd64='' url_arm64=''
repo='' release='' prefix='' version=''
while [ $# -gt 0 ]; do
	case $1 in
	-x | --dry-run) os_dry=yes; shift; continue ;;
	-h | --help) os_help ;;
	--*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
	esac
	case $1 in
	--platform) name=platform ;;
	--mode) name=mode ;;
	--runtime-bundle-url) name=url ;;
	--runtime-bundle-url-amd64) name=url_amd64 ;;
	--runtime-bundle-url-arm64) name=url_arm64 ;;
	--runtime-bundle-github-repo) name=repo ;;
	--runtime-bundle-release-tag) name=release ;;
	--runtime-bundle-filename-prefix) name=prefix ;;
	--runtime-bundle-version) name=version ;;
	*) os_usage "unknown argument: $1" ;;
	esac
	os_value "$1" $#
	printf -v "$name" %s "$2"
	shift 2
done
[ -n "$platform" ] || os_usage "missing required argument: --platform"

# url_of ARCH: the bundle's URL, in $found: a given one before a derived one.
url_of() {
	local own=url_$1

	found=${url:-${!own}}
	[ -z "$found" ] || return 0
	if [ -z "$repo" ] || [ -z "$release" ] || [ -z "$prefix" ] ||
		[ -z "$version" ]; then
		os_usage "missing required runtime bundle default metadata"
	fi
	found=https://github.com/$repo/releases/download/$release
	found=$found/${prefix}_${version}_$1.tar.gz
}

# fetch ARCH: the bundle's path, in $tarball.
fetch() {
	local found

	url_of "$1"
	if [ -n "$os_dry" ]; then
		os_show "$os_scripts/download-runtime-bundle.sh" --arch "$1" \
			--url "$found"
		tarball="(the bundle for $1)"
		return
	fi
	os_wait "$os_scripts/download-runtime-bundle.sh" --arch "$1" \
		--url "$found" > "$os_tmp/path"
	tarball=$(cat "$os_tmp/path")
}

# refuse_other ARCH OTHER: a URL for an architecture that is not built.
refuse_other() {
	local other=url_$2

	[ -z "${!other}" ] || os_usage "--runtime-bundle-url-$2 is not \
supported for single-arch platform linux/$1; use --runtime-bundle-url or \
--runtime-bundle-url-$1"
}

case $platform in
linux/amd64 | linux/arm64)
	arch=${platform#linux/}
	[ "$arch" = amd64 ] && refuse_other amd64 arm64
	[ "$arch" = arm64 ] && refuse_other arm64 amd64
	fetch "$arch"
	export DOCKER_PLATFORM=$platform
	export OPENSHELL_RUNTIME_BUNDLE_TARBALL=$tarball
	os_script docker-build-cluster.sh
	;;
linux/amd64,linux/arm64 | linux/arm64,linux/amd64)
	[ -z "$url" ] || os_usage "--runtime-bundle-url is not supported for \
several platforms; use --runtime-bundle-url-amd64 and --runtime-bundle-url-arm64"
	url_of amd64
	url_of arm64
	fetch amd64
	export OPENSHELL_RUNTIME_BUNDLE_TARBALL_AMD64=$tarball
	fetch arm64
	export OPENSHELL_RUNTIME_BUNDLE_TARBALL_ARM64=$tarball
	export DOCKER_PLATFORMS=$platform
	os_script docker-publish-multiarch.sh --mode "$mode"
	;;
*,*) os_usage "unsupported multi-arch platform set: $platform" ;;
*) os_usage "unsupported docker platform: $platform" ;;
esac
