#!/usr/bin/env bash
# remote-deploy.sh [-x] [OPTION...] USER@HOST - build and start the cluster on
# another machine.
#
# Sends the source and the bundle there, has both images built there, and
# starts the gateway.  -x shows the plan.
#
#   --remote-dir DIR	the source's place there (openshell, from the home)
#   --name NAME		the cluster (openshell)
#   --port PORT		the gateway's (8080)
#   --ssh-key FILE	an identity for ssh
#   --image-tag TAG	of both images ($IMAGE_TAG, dev)
#   --cargo-version V	the programs' version ($OPENSHELL_CARGO_VERSION)
#   --runtime-bundle-tarball FILE
#			the bundle here ($OPENSHELL_RUNTIME_BUNDLE_TARBALL)
#   --skip-sync		send nothing, and build what is there, with
#   --remote-runtime-bundle-tarball FILE
#			the bundle there ($OPENSHELL_REMOTE_RUNTIME_BUNDLE_TARBALL)
#   --recreate		a cluster of that name is made anew
#   --plaintext		the gateway speaks no TLS
#   --disable-gateway-auth	it wants no client certificate
set -euo pipefail
# shellcheck source=scripts/lib/openshell.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/openshell.sh"

target='' dir=openshell name=openshell port=8080 key='' sync=yes
tag=${IMAGE_TAG:-dev} version=${OPENSHELL_CARGO_VERSION:-}
bundle=${OPENSHELL_RUNTIME_BUNDLE_TARBALL:-}
remote_bundle=${OPENSHELL_REMOTE_RUNTIME_BUNDLE_TARBALL:-}
recreate='' plaintext='' no_auth=''
while [ $# -gt 0 ]; do
	case $1 in
	--*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
	esac
	variable=
	case $1 in
	-x | --dry-run) os_dry=yes ;;
	-h | --help) os_help ;;
	--skip-sync) sync= ;;
	--recreate) recreate=--recreate ;;
	--plaintext) plaintext=--plaintext ;;
	--disable-gateway-auth) no_auth=--disable-gateway-auth ;;
	--remote-dir) variable=dir ;;
	--name) variable=name ;;
	--port) variable=port ;;
	--ssh-key) variable=key ;;
	--image-tag) variable=tag ;;
	--cargo-version) variable=version ;;
	--runtime-bundle-tarball) variable=bundle ;;
	--remote-runtime-bundle-tarball) variable=remote_bundle ;;
	-*) os_usage "unknown argument: $1" ;;
	*)
		[ -z "$target" ] || os_usage "unknown argument: $1"
		target=$1
		;;
	esac
	if [ -n "$variable" ]; then
		os_value "$1" $#
		printf -v "$variable" %s "$2"
		shift
	fi
	shift
done

[ -n "$target" ] || os_usage "missing required argument: USER@HOST"
[ -z "$plaintext" ] || [ -z "$no_auth" ] || os_usage "--plaintext with \
--disable-gateway-auth would let everybody in: give one of them"
if [ -n "$sync" ]; then
	[ -n "$bundle" ] ||
		os_usage "missing required argument: --runtime-bundle-tarball"
	[ -f "$bundle" ] || os_fail "tarball not found: $bundle"
	os_repo deploy/docker/Dockerfile.cluster
	os_need "the remote deploy" ssh rsync
else
	[ -n "$remote_bundle" ] || os_usage \
		"--skip-sync requires --remote-runtime-bundle-tarball"
	os_need "the remote deploy" ssh
fi

# quote TEXT: as one word of any POSIX shell.
quote() { printf "'%s'" "${1//\'/\'\\\'\'}"; }

ssh=(ssh)
[ -z "$key" ] || ssh+=(-i "$key")

# remote: run the script on stdin there.  The login shell there sees no word of
# ours, and what the script runs does not eat the rest of it.
remote() {
	if [ -n "$os_dry" ]; then
		os_show "${ssh[@]}" -- "$target" sh -s
		sed 's/^/+	/'
		return
	fi
	{
		echo '{'
		cat
		printf 'exit\n} < /dev/null\n'
	} > "$os_tmp/script"
	os_wait "${ssh[@]}" -- "$target" sh -s < "$os_tmp/script"
}

# Where we may put the source: what is there already is an earlier one's.
prepare() {
	remote <<-SCRIPT
	set -eu
	dir=$(quote "${dir#\~/}")
	mkdir -p -- "\$dir"
	cd -- "\$dir"
	if [ -n "\$(ls -A)" ] && [ ! -e deploy/docker/Dockerfile.cluster ]; then
		echo "\$dir on \$(uname -n) has other things in it" >&2
		exit 1
	fi
	mkdir -p .cache/runtime-bundles .cache/slipway
	pwd
	SCRIPT
}

# send FROM TO OPTION...: TO is an absolute path there.
send() {
	local from=$1 to=$2

	shift 2
	# rsync splits what -e names at blanks; quotes hold, doubled inside.
	os_run rsync -s -az -e "$rsh" "$@" -- "$from" "$target:$to"
}

if [ -n "$sync" ]; then
	rsh=ssh
	[ -z "$key" ] || rsh="ssh -i '${key//\'/\'\'}'"
	if [ -n "$os_dry" ]; then
		prepare
		root=$dir
	else
		prepare > "$os_tmp/root"
		root=$(cat "$os_tmp/root")
	fi
	# A link or a file of these names is not ours either.
	send ./ "$root/" --delete --exclude=/target --exclude=/.git \
		--exclude=/.cache --exclude=/deploy/docker/.build
	[ -e scripts/docker-build-cluster.sh ] ||
		send "$os_scripts/" "$root/.cache/slipway/scripts/" --delete
	remote_bundle=$root/.cache/runtime-bundles/${bundle##*/}
	send "$(os_operand "$bundle")" "$remote_bundle"
fi

remote <<SCRIPT
set -eu
cd -- $(quote "${root:-${dir#\~/}}")
bundle=$(quote "$remote_bundle")
case \$bundle in
/*) ;;
*) bundle=\$(pwd)/\$bundle ;;
esac
export OPENSHELL_RUNTIME_BUNDLE_TARBALL="\$bundle"
IMAGE_TAG=$(quote "$tag")
export IMAGE_TAG
version=$(quote "$version")
[ -z "\$version" ] || export OPENSHELL_CARGO_VERSION="\$version"
if ! command -v openshell > /dev/null; then
	echo "openshell is missing on \$(uname -n): the gateway needs it" >&2
	exit 1
fi
scripts=scripts
[ -e scripts/docker-build-cluster.sh ] || scripts=.cache/slipway/scripts
"\$scripts/docker-build-cluster.sh"
"\$scripts/docker-build-component.sh" gateway
OPENSHELL_CLUSTER_IMAGE=openshell/cluster:\$IMAGE_TAG
OPENSHELL_PUSH_IMAGES=openshell/gateway:\$IMAGE_TAG
export OPENSHELL_CLUSTER_IMAGE OPENSHELL_PUSH_IMAGES
openshell gateway start --name $(quote "$name") --port $(quote "$port") \\
	$recreate $plaintext $no_auth
SCRIPT
