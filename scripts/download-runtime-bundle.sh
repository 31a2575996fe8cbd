#!/usr/bin/env bash
# download-runtime-bundle.sh [-x] --arch ARCH --url URL - a bundle's file.
#
# Downloads URL into deploy/docker/.build/runtime-bundles, once: what is in the
# cache of rb-fetch is not transferred again.  Prints the absolute path of the
# tarball and nothing else.  The environment is rb-fetch's (GH_TOKEN,
# SLIPWAY_CACHE_DIR, proxies).  -x shows the plan.
set -euo pipefail
# shellcheck source=scripts/lib/openshell.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/openshell.sh"

os_start "$@"
arch='' url=''
set -- "${os_rest[@]}"
while [ $# -gt 0 ]; do
	case $1 in
	--arch) arch=${2-} ;;
	--url) url=${2-} ;;
	*) os_usage "unknown argument: $1" ;;
	esac
	shift $(($# > 1 ? 2 : 1))
done
[ -n "$arch" ] || os_usage "missing required argument: --arch"
[ -n "$url" ] || os_usage "missing required argument: --url"
os_need "a download" rb-fetch jq

fetch=(rb-fetch -d deploy/docker/.build/runtime-bundles --arch "$arch"
	-- "$url")
if [ -n "$os_dry" ]; then
	os_show "${fetch[@]}"
	exit 0
fi
os_wait "${fetch[@]}" > "$os_tmp/record"
jq -r .tarball "$os_tmp/record"
