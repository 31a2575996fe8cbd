#!/usr/bin/env bash
# cluster-push-component.sh [-x] gateway - the gateway image to where the
# cluster pulls it from.
#
# Pushes openshell/gateway:IMAGE_TAG if the engine has it, else builds it and
# pushes that; then evicts the stale copy in the running cluster.  -x shows the
# plan.
#
# IMAGE_REPO_BASE	127.0.0.1:5000/openshell
# and those of docker-build-component.sh
set -euo pipefail
# shellcheck source=scripts/lib/openshell.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/openshell.sh"
# shellcheck source=scripts/lib/cluster.sh
. "$os_scripts/lib/cluster.sh"

os_start "$@"
case ${os_rest[*]-} in
gateway) ;;
'') os_usage "missing required argument: gateway" ;;
*) os_usage "unknown component: ${os_rest[*]} (gateway is one)" ;;
esac
tag=${IMAGE_TAG:-dev}
local=${IMAGE_REGISTRY:-openshell}/gateway:$tag
ref=$os_repo_base/gateway:$tag

if command -v docker > /dev/null &&
	docker image inspect "$local" > /dev/null 2>&1; then
	echo "Pushing $ref"
	os_run docker tag "$local" "$ref"
	os_run docker push "$ref"
else
	export IMAGE_REGISTRY=$os_repo_base DOCKER_PUSH=1
	os_script docker-build-component.sh gateway
fi
if command -v docker > /dev/null && os_inspect &&
	[ "$os_status" = running ]; then
	os_evict "$ref"
fi
