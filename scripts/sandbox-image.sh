#!/usr/bin/env bash
# sandbox-image.sh [--check] [NAME] - the image that `openshell sandbox create
# --from NAME` pulls; NAME is base by default.
#
# Prints the reference.  --check fails unless the registry has all of it for
# linux/amd64 and linux/arm64.  -x shows what --check would ask.
#
# OPENSHELL_COMMUNITY_REGISTRY	where these images are
#			(ghcr.io/nvidia/openshell-community/sandboxes)
set -euo pipefail
# shellcheck source=scripts/lib/openshell.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/openshell.sh"

name='' check=''
while [ $# -gt 0 ]; do
	case $1 in
	--check) check=yes ;;
	-x | --dry-run) os_dry=yes ;;
	-h | --help) os_help ;;
	-*) os_usage "unknown argument: $1" ;;
	*)
		[ -z "$name" ] || os_usage "unknown argument: $1"
		name=$1
		;;
	esac
	shift
done
name=${name:-base}
case $name in
*[!a-z0-9._-]* | [!a-z0-9]*) os_usage "no name of a sandbox: $name" ;;
esac
ref=${OPENSHELL_COMMUNITY_REGISTRY:-ghcr.io/nvidia/openshell-community/sandboxes}
ref=${ref%/}/$name:latest

printf '%s\n' "$ref"
[ -n "$check" ] || exit 0
os_need "the check" manifest-assemble
os_run manifest-assemble --check "$ref" --require linux/amd64,linux/arm64 \
	> "$os_tmp/found"
[ -z "$os_dry" ] || cat "$os_tmp/found"
