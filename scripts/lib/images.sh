# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154	# shared with the scripts
# images.sh - how the two images are built.  Sourced, after openshell.sh.
#
# Beside the variables that each script names, these reach every build:
#   DOCKER_BUILDER		the builder of docker buildx
#   K3S_VERSION, OPENSHELL_CARGO_VERSION, SCCACHE_MEMCACHED_ENDPOINT,
#   K3S_IMAGE, BASE_IMAGE, RUST_IMAGE
#				build arguments, where the Dockerfile has them
#   OPENSHELL_PREBUILT		a folder with supervisor/ARCH/openshell-sandbox
#				and gateway/ARCH/openshell-server: nothing is
#				compiled then
#   OPENSHELL_RECORDS		a file that the finished records are added to,
#				failed ones too

os_tag=${IMAGE_TAG:-dev}
os_staged_root=deploy/docker/.build/runtime-bundle

# os_machine: this machine's architecture, as images name it.
os_machine() {
	case $(uname -m) in
	x86_64 | amd64) echo amd64 ;;
	aarch64 | arm64) echo arm64 ;;
	*) uname -m ;;
	esac
}

# os_platform: the one platform to build for; its architecture is os_arch.
os_platform() {
	local platform=${DOCKER_PLATFORM:-linux/$(os_machine)}

	case $platform in
	linux/amd64 | linux/arm64) os_arch=${platform#linux/} ;;
	*,*) os_usage \
		"multi-platform builds are not supported yet: $platform" ;;
	*) os_usage "unsupported docker platform: $platform" ;;
	esac
}

# os_keep FILE STATUS: its records are finished; end where they failed.
os_keep() {
	if [ -n "${OPENSHELL_RECORDS:-}" ] && [ -s "$1" ]; then
		cat "$1" >> "$OPENSHELL_RECORDS"
	fi
	[ "$2" -eq 0 ] || exit "$2"
}

# os_stage ARCH TARBALL [ARCH TARBALL]: verify and stage, all of them or none.
# The records are in $os_tmp/staged.
os_stage() {
	local status=0 count=$# operands=()

	while [ $# -gt 0 ]; do
		operands+=(--arch "$1" "$(os_operand "$2")")
		shift 2
	done
	# Of one bundle, staging itself verifies all there is.
	if [ "$count" -eq 2 ]; then
		set -- rb-stage "${operands[@]}"
	else
		set -- rb-verify --gate "${operands[@]}" '|' rb-stage
	fi
	if [ -n "$os_dry" ]; then
		os_show "$@"
		return
	fi
	os_wait os_stage_now "$count" > "$os_tmp/staged" || status=$?
	[ "$status" -eq 0 ] || os_keep "$os_tmp/staged" "$status"
}
os_stage_now() {
	if [ "$1" -eq 2 ]; then
		rb-stage "${operands[@]}"
	else
		rb-verify --gate "${operands[@]}" | rb-stage
	fi
}

os_chart() {
	echo "Packaging helm chart..."
	os_run "$os_scripts/package-chart.sh"
}

# os_labels: --label options in os_label, which tie an image to its source.
# A remote's URL can have credentials in it: they stay here.
os_labels() {
	local source='' revision='' version=''

	if git rev-parse -q --verify HEAD > "$os_tmp/head" 2> /dev/null; then
		revision=$(cat "$os_tmp/head")
		version=$(git describe --tags --always --dirty 2> /dev/null || :)
		source=$(git remote get-url origin 2> /dev/null |
			sed -E 's,^[^@/:]+@([^:/]+):,ssh://\1/,
				s,[?#].*,,
				s,^(https?|ssh|git)://(.*@)?,https://,
				s,\.git/*$,,' || :)
	fi
	if [ -n "${GITHUB_REPOSITORY:-}" ]; then
		source=${GITHUB_SERVER_URL:-https://github.com}/$GITHUB_REPOSITORY
	fi
	os_label=(--label "org.opencontainers.image.version=${version:-$os_tag}")
	case $source in
	https://*) os_label+=(--label
		"org.opencontainers.image.source=$source") ;;
	esac
	[ -z "$revision" ] || os_label+=(--label
		"org.opencontainers.image.revision=$revision")
}

# os_options COMPONENT: what every build of it gets, in os_option.
os_options() {
	local file=deploy/docker/Dockerfile.$1 name stage=$1

	[ "$1" != cluster ] || stage=supervisor
	os_option=(-f "$file")
	# K3s calls its releases v1.2.3+k3s1, their images v1.2.3-k3s1.
	[ -z "${K3S_VERSION:-}" ] || export K3S_VERSION=${K3S_VERSION//+/-}
	for name in K3S_VERSION OPENSHELL_CARGO_VERSION \
		SCCACHE_MEMCACHED_ENDPOINT K3S_IMAGE BASE_IMAGE RUST_IMAGE; do
		if [ -n "${!name:-}" ] &&
			grep -qE "^ARG[[:space:]]+$name(=|[[:space:]]|\$)" "$file"; then
			export "${name?}"
			os_option+=(--build-arg "$name")
		fi
	done
	[ -z "${DOCKER_BUILDER:-}" ] ||
		os_option+=(--builder "$DOCKER_BUILDER")
	[ -z "${OPENSHELL_PREBUILT:-}" ] ||
		os_option+=(--build-context "$stage=$OPENSHELL_PREBUILT/$stage")
}

# An engine may be there: in vain or not, img-build says.
os_engine() {
	[ -n "${DOCKER_HOST:-}" ] || [ -S /var/run/docker.sock ] ||
		command -v docker > /dev/null
}

# os_build COMPONENT RECORDS [OPTION...]: the image of one platform, to where
# DOCKER_PUSH and the engine want it.  RECORDS is a file.
os_build() {
	local component=$1 in=$2 status=0 place out=$os_tmp/built
	local ref=${IMAGE_REGISTRY:-openshell}/$1:$os_tag

	shift 2
	os_options "$component"
	if [ "${DOCKER_PUSH:-}" = 1 ]; then
		os_labels
		place=("${os_label[@]}" --push)
	elif os_engine; then
		place=(--load)
	else
		place=(-o "oci:.cache/images/$component:$os_tag")
		echo "No container engine here: the image will be in" \
			"${place[1]}"
	fi
	set -- img-build "${os_option[@]}" -t "$ref" "${place[@]}" "$@" .
	[ -z "$os_dry" ] || { os_show "$@"; return; }
	mkdir -p .cache
	os_wait "$@" < "$in" > "$out" || status=$?
	os_keep "$out" "$status"
	jq -r '.image | "\(.ref)  \(.digest // .config_digest)"' "$out"
}

# os_record COMPONENT ARCH: of an image that has no bundle in it.
os_record() {
	printf '{"component":"%s","arch":"%s"}\n' "$1" "$2"
}
