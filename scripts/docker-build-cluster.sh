#!/usr/bin/env bash
# docker-build-cluster.sh [-x] [OPTION...] - the cluster image of one platform.
#
# Verifies and stages the runtime bundle, packages the chart, builds
# deploy/docker/Dockerfile.cluster, and loads or pushes the image.  Each OPTION
# goes to img-build.  -x shows the plan.
#
# OPENSHELL_RUNTIME_BUNDLE_TARBALL	the bundle; required
# DOCKER_PLATFORM	linux/amd64 or linux/arm64; this machine's
# IMAGE_REGISTRY, IMAGE_TAG	the image is IMAGE_REGISTRY/cluster:IMAGE_TAG,
#			else openshell/cluster:dev
# DOCKER_PUSH=1		push it; else the engine gets it, and without an engine
#			the layout .cache/images/cluster
# OPENSHELL_RUNTIME_BUNDLE_VERIFY_ONLY=1	stop when the bundle is staged
# and those of scripts/lib/images.sh
set -euo pipefail
# shellcheck source=scripts/lib/openshell.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/openshell.sh"
# shellcheck source=scripts/lib/images.sh
. "$os_scripts/lib/images.sh"

os_start "$@"
os_required OPENSHELL_RUNTIME_BUNDLE_TARBALL
os_platform
os_repo deploy/docker/Dockerfile.cluster deploy/helm/openshell/Chart.yaml
os_need "the cluster image" rb-stage img-build jq

os_stage "$os_arch" "$OPENSHELL_RUNTIME_BUNDLE_TARBALL"
if [ "${OPENSHELL_RUNTIME_BUNDLE_VERIFY_ONLY:-}" = 1 ]; then
	[ -z "$os_dry" ] || exit 0
	os_keep "$os_tmp/staged" 0
	echo "Runtime bundle staged at $os_staged_root/$os_arch/$(
		jq -r .bundle.dir "$os_tmp/staged")"
	exit 0
fi
os_chart
echo "Building cluster image..."
os_build cluster "$os_tmp/staged" "${os_rest[@]}"
