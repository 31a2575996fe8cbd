#!/usr/bin/env bash
# docker-build-component.sh [-x] gateway [OPTION...] - the gateway image of one
# platform.
#
# Builds deploy/docker/Dockerfile.gateway, and loads or pushes the image.  Each
# OPTION goes to img-build.  -x shows the plan.  The variables are those of
# docker-build-cluster.sh; the image is IMAGE_REGISTRY/gateway:IMAGE_TAG, else
# openshell/gateway:dev.
set -euo pipefail
# shellcheck source=scripts/lib/openshell.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/openshell.sh"
# shellcheck source=scripts/lib/images.sh
. "$os_scripts/lib/images.sh"

os_start "$@"
case ${os_rest[0]-} in
gateway) ;;
'') os_usage "missing required argument: gateway" ;;
*) os_usage "unknown component: ${os_rest[0]} (gateway is one)" ;;
esac
os_platform
os_repo deploy/docker/Dockerfile.gateway
os_need "the gateway image" img-build jq

echo "Building gateway image..."
os_record gateway "$os_arch" > "$os_tmp/record"
os_build gateway "$os_tmp/record" "${os_rest[@]:1}"
