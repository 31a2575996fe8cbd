#!/usr/bin/env bash
# cluster-bootstrap.sh [-x] [build|fast] - a cluster from nothing.
#
# Checks the bundle, pushes the gateway image, builds the cluster image, starts
# the cluster (openshell gateway start) and drops the state of incremental
# deploys.  Where images go to 127.0.0.1:5000, a registry is started there.
# fast makes an existing cluster anew.  -x shows the plan.
#
# OPENSHELL_RUNTIME_BUNDLE_TARBALL	required, unless
# SKIP_CLUSTER_IMAGE_BUILD=1
# SKIP_IMAGE_PUSH=1	the gateway image is in the registry already
# OPENSHELL_CLUSTER_IMAGE	the image to start; the one that is built
# IMAGE_REPO_BASE	127.0.0.1:5000/openshell, or CI_REGISTRY_IMAGE
# GATEWAY_PORT		.env's, else 8080, or a free one in fast mode
# GATEWAY_HOST		a name that the gateway is reached by
# CI_REGISTRY, CI_REGISTRY_USER, CI_REGISTRY_PASSWORD	to log in with
# CLUSTER_NAME		the folder's name
set -euo pipefail
# shellcheck source=scripts/lib/openshell.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/openshell.sh"
# shellcheck source=scripts/lib/images.sh
. "$os_scripts/lib/images.sh"
# shellcheck source=scripts/lib/cluster.sh
. "$os_scripts/lib/cluster.sh"
registry_container=openshell-local-registry

os_start "$@"
mode=${os_rest[*]:-build}
case $mode in
build | fast) ;;
*) os_usage "unknown mode: $mode (build or fast)" ;;
esac
skip_image=${SKIP_CLUSTER_IMAGE_BUILD:-}
[ "$skip_image" = 1 ] || os_required OPENSHELL_RUNTIME_BUNDLE_TARBALL
os_need "the cluster" docker openshell

# registry_answers: whoever it is.
registry_answers() {
	curl -fsS --noproxy '*' -m 2 -o "$os_tmp/registry" \
		"http://$os_local_registry/v2/" 2> /dev/null
}

# The cluster pulls from it through the host, hence not on the loopback alone.
registry_run() {
	os_run docker run -d --restart always --name "$registry_container" \
		-p 5000:5000 registry:2
}

local_registry() {
	local env running i

	if env=$(docker inspect --type container -f \
		'{{range .Config.Env}}{{println .}}{{end}}' \
		"$registry_container" 2> /dev/null); then
		case $'\n'$env in
		*$'\n'REGISTRY_PROXY_REMOTEURL=?*)
			echo "Replacing $registry_container, which is a proxy"
			os_run docker rm -f "$registry_container"
			registry_run
			;;
		*)
			running=$(docker inspect -f '{{.State.Running}}' \
				"$registry_container")
			[ "$running" = true ] ||
				os_run docker start "$registry_container"
			;;
		esac
	elif ! registry_answers; then
		registry_run
	fi
	[ -z "$os_dry" ] || return 0
	for ((i = 0; i < 150; i++)); do
		registry_answers && return
		sleep .2
	done
	os_fail "no registry answers at $os_local_registry" 3
}

# Where openshell lets the cluster pull from.
registry_access() {
	local host=${os_repo_base%%/*} endpoint insecure=false

	endpoint=$host
	case $host in
	127.0.0.1:* | localhost:*)
		endpoint=host.docker.internal:${host##*:}
		insecure=true
		;;
	esac
	export OPENSHELL_REGISTRY_HOST=${OPENSHELL_REGISTRY_HOST:-$host}
	export OPENSHELL_REGISTRY_NAMESPACE=${OPENSHELL_REGISTRY_NAMESPACE:-${os_repo_base#*/}}
	export OPENSHELL_REGISTRY_ENDPOINT=${OPENSHELL_REGISTRY_ENDPOINT:-$endpoint}
	export OPENSHELL_REGISTRY_INSECURE=${OPENSHELL_REGISTRY_INSECURE:-$insecure}
	[ -z "${CI_REGISTRY_USER:-}" ] ||
		export OPENSHELL_REGISTRY_USERNAME="$CI_REGISTRY_USER"
	[ -z "${CI_REGISTRY_PASSWORD:-}" ] ||
		export OPENSHELL_REGISTRY_PASSWORD="$CI_REGISTRY_PASSWORD"
}

# env_value KEY: its value in .env; 1 where it is not there.
env_value() {
	local line

	line=$(grep -E "^[[:space:]]*(export[[:space:]]+)?$1=" .env \
		2> /dev/null | tail -n 1) || return 1
	line=${line#*=}
	line=${line%$'\r'}
	line=${line#[\"\']}
	printf '%s\n' "${line%[\"\']}"
}

# env_record KEY VALUE: into .env, where it is absent.
env_record() {
	! env_value "$1" > "$os_tmp/env" || return 0
	if [ -n "$os_dry" ]; then
		echo "+ $1=$2 into .env"
		return
	fi
	if [ -s .env ] && [ -n "$(tail -c 1 .env)" ]; then
		echo >> .env
	fi
	printf '%s=%s\n' "$1" "$2" >> .env
}

free_port() {
	local port i

	for ((i = 0; i < 100; i++)); do
		port=$((20000 + RANDOM))
		(: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null || {
			echo $port
			return
		}
	done
	return 1
}

port=${GATEWAY_PORT:-$(env_value GATEWAY_PORT || :)}
if [ -z "$port" ] && [ "$mode" = fast ]; then
	port=$(free_port) || os_fail "no free port was found" 3
fi
port=${port:-8080}
case $port in
*[!0-9]*) os_usage "GATEWAY_PORT is no port: $port" ;;
esac
export IMAGE_TAG=$os_tag IMAGE_REPO_BASE=$os_repo_base

if [ "$skip_image" != 1 ]; then
	OPENSHELL_RUNTIME_BUNDLE_VERIFY_ONLY=1 os_script docker-build-cluster.sh
fi
case $os_repo_base in
127.0.0.1:5000/* | localhost:5000/*)
	[ "${SKIP_IMAGE_PUSH:-}" = 1 ] || {
		os_need "the local registry" curl
		local_registry
	}
	;;
esac
env_record GATEWAY_PORT "$port"
env_record OPENSHELL_GATEWAY "$os_cluster"
export GATEWAY_PORT=$port
registry_access

if [ -n "${CI_REGISTRY:-}" ] && [ -n "${CI_REGISTRY_USER:-}" ] &&
	[ -n "${CI_REGISTRY_PASSWORD:-}" ]; then
	printf %s "$CI_REGISTRY_PASSWORD" | os_run docker login \
		-u "$CI_REGISTRY_USER" --password-stdin "$CI_REGISTRY"
fi
if [ "${SKIP_IMAGE_PUSH:-}" != 1 ]; then
	os_script cluster-push-component.sh gateway
fi
if [ "$skip_image" != 1 ]; then
	os_script docker-build-cluster.sh
	built=${IMAGE_REGISTRY:-openshell}/cluster:$os_tag
	export OPENSHELL_CLUSTER_IMAGE=${OPENSHELL_CLUSTER_IMAGE:-$built}
fi
if [ "$mode" = fast ] && os_inspect; then
	os_run openshell gateway destroy --name "$os_cluster"
fi
os_run openshell gateway start --name "$os_cluster" --port "$port" \
	${GATEWAY_HOST:+--gateway-host "$GATEWAY_HOST"}
os_run rm -rf "$os_state" "$os_state.d"
[ -n "$os_dry" ] || echo "Cluster $os_cluster is up, on port $port."
