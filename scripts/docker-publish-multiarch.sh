#!/usr/bin/env bash
# docker-publish-multiarch.sh [-x] --mode registry|ecr - both images for all
# platforms, each under one tag.
#
# Both bundles are verified and staged before anything is pushed.  Then the
# gateway; then the cluster's images TAG-ARCH and their multi-arch manifest
# TAG; at last the further tags, as copies of the same manifests.  -x shows the
# plan.
#
# DOCKER_REGISTRY	mode registry: DOCKER_REGISTRY/openshell-{gateway,cluster}
# AWS_ACCOUNT_ID, AWS_REGION	mode ecr: the account's openshell/{gateway,cluster}
# OPENSHELL_RUNTIME_BUNDLE_TARBALL_AMD64, OPENSHELL_RUNTIME_BUNDLE_TARBALL_ARM64
#			the bundles; required for their platforms
# DOCKER_PLATFORMS	linux/amd64,linux/arm64
# IMAGE_TAG		dev
# EXTRA_DOCKER_TAGS	more tags, with commas or spaces between them
# TAG_LATEST=true	latest, too
# and those of scripts/lib/images.sh
set -euo pipefail
# shellcheck source=scripts/lib/openshell.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/openshell.sh"
# shellcheck source=scripts/lib/images.sh
. "$os_scripts/lib/images.sh"

os_start "$@"
set -- "${os_rest[@]}"
mode=
while [ $# -gt 0 ]; do
	case $1 in
	--mode) os_value "$1" $#; mode=$2; shift ;;
	--mode=*) mode=${1#*=} ;;
	-x | --dry-run) os_dry=yes ;;
	-h | --help) os_help ;;
	*) os_usage "unknown argument: $1" ;;
	esac
	shift
done

case $mode in
registry)
	os_required DOCKER_REGISTRY
	images=${DOCKER_REGISTRY%/}/openshell-
	;;
ecr)
	os_required AWS_ACCOUNT_ID AWS_REGION
	images=$AWS_ACCOUNT_ID.dkr.ecr.$AWS_REGION.amazonaws.com/openshell/
	;;
'') os_usage "missing required argument: --mode" ;;
*) os_usage "unknown mode: $mode (registry or ecr)" ;;
esac

# The platforms, the bundles that they need, and the gateway's records.
platforms=
bundles=()
os_words "${DOCKER_PLATFORMS:-linux/amd64,linux/arm64}"
for platform in "${os_word[@]}"; do
	case $platform in
	linux/amd64 | linux/arm64) ;;
	*) os_usage "unsupported docker platform: $platform" ;;
	esac
	case ,$platforms, in
	*,"$platform",*) os_usage "$platform is there twice" ;;
	esac
	arch=${platform#linux/}
	name=OPENSHELL_RUNTIME_BUNDLE_TARBALL_$(echo "$arch" | tr '[:lower:]' '[:upper:]')
	os_required "$name"
	platforms=${platforms:+$platforms,}$platform
	bundles+=("$arch" "${!name}")
	os_record gateway "$arch" >> "$os_tmp/gateway.in"
done
[ -n "$platforms" ] || os_usage "no platform in $DOCKER_PLATFORMS"
for ((i = 1; i < ${#bundles[@]}; i += 2)); do
	[ -f "${bundles[i]}" ] || os_fail "tarball not found: ${bundles[i]}"
done

os_words "${EXTRA_DOCKER_TAGS:-}"
case ${TAG_LATEST:-} in
1 | true) os_word+=(latest) ;;
esac
tags=()
for tag in "${os_word[@]}"; do
	[ "$tag" = "$os_tag" ] || tags+=("$tag")
done

os_repo deploy/docker/Dockerfile.{cluster,gateway} \
	deploy/helm/openshell/Chart.yaml
os_need "publishing" rb-verify rb-stage img-build manifest-assemble jq

# publish COMPONENT RECORDS: push its images and the manifest of them.
publish() {
	local component=$1 in=$2 status=0 out=$os_tmp/$1
	local build assemble

	os_options "$component"
	build=(img-build "${os_option[@]}" "${os_label[@]}"
		-t "$images$component:$os_tag-{arch}" --push .)
	assemble=(manifest-assemble -t "$images$component:$os_tag"
		--require "$platforms" --push)
	echo "Publishing $images$component:$os_tag"
	if [ -n "$os_dry" ]; then
		os_show "${build[@]}" '|' "${assemble[@]}"
		return
	fi
	os_wait publish_pipe < "$in" > "$out" || status=$?
	[ "$status" -eq 0 ] || finish "$status"
}
# shellcheck disable=SC2317	# os_wait calls it
publish_pipe() { "${build[@]}" | "${assemble[@]}"; }

# more_tags COMPONENT: its manifest under the other tags.
more_tags() {
	local tag options=() status=0

	for tag in "${tags[@]}"; do
		options+=(-t "$images$1:$tag")
	done
	set -- "$1" manifest-assemble "${options[@]}" --push
	if [ -n "$os_dry" ]; then
		os_show "${@:2}"
		return
	fi
	os_wait "${@:2}" < "$os_tmp/$1" > "$os_tmp/$1.tagged" || status=$?
	[ "$status" -eq 0 ] || finish "$status"
}

# finish STATUS: keep the last record of each image that there is, and end.
finish() {
	local component file

	for component in gateway cluster; do
		file=$os_tmp/$component
		[ ! -s "$file.tagged" ] || file=$file.tagged
		[ ! -e "$file" ] || os_keep "$file" 0
	done
	exit "$1"
}

os_stage "${bundles[@]}"
os_chart
os_labels
publish gateway "$os_tmp/gateway.in"
publish cluster "$os_tmp/staged"
if [ ${#tags[@]} -gt 0 ]; then
	echo "Tagging: ${tags[*]}"
	more_tags gateway
	more_tags cluster
fi
[ -n "$os_dry" ] || jq -r '.index | "\(.ref)  \(.digest)"' \
	"$os_tmp/gateway" "$os_tmp/cluster"
finish 0
