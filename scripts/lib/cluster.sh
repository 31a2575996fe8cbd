# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154	# shared with the scripts
# cluster.sh - the cluster that runs on this machine.  Sourced, after
# openshell.sh.

# os_name TEXT: lower-case, other characters as single hyphens.
os_name() {
	local name

	name=$(printf %s "$1" | LC_ALL=C tr '[:upper:]' '[:lower:]' |
		LC_ALL=C tr -cs a-z0-9 -)
	name=${name#-}
	printf %s "${name%-}"
}

os_cluster=$(os_name "${CLUSTER_NAME:-${PWD##*/}}")
[ -n "$os_cluster" ] ||
	os_usage "CLUSTER_NAME has neither a letter nor a digit"
os_container=openshell-cluster-$os_cluster
os_state=${DEPLOY_FAST_STATE_FILE:-.cache/cluster-deploy-fast.state}
os_local_registry=127.0.0.1:5000
os_repo_base=${IMAGE_REPO_BASE:-${CI_REGISTRY_IMAGE:-$os_local_registry/openshell}}

# os_targets TARGET...: they are known.
os_targets() {
	local target

	for target; do
		case $target in
		gateway | supervisor | chart | all) ;;
		*) os_usage "unknown target: $target (gateway, supervisor, \
chart or all)" ;;
		esac
	done
}

# os_inspect: the container's id, state (running, exited...), image and health
# in os_id, os_status, os_image and os_health; 1 where there is none, 3 where
# docker can't tell.
os_inspect() {
	local all health='{{with .State.Health}}{{.Status}}{{else}}healthy{{end}}'

	os_id='' os_status='' os_image='' os_health=''
	all=$(docker inspect --type container \
		-f "{{.Id}} {{.State.Status}} {{.Image}} $health" \
		"$os_container" 2> "$os_tmp/inspect") || {
		if [ -s "$os_tmp/inspect" ] &&
			! grep -qi 'no such' "$os_tmp/inspect"; then
			cat "$os_tmp/inspect" >&2
			return 3
		fi
		return 1
	}
	read -r os_id os_status os_image os_health <<< "$all"
	[ -n "$os_id" ]
}

# os_evict REF: the cluster's stale copy goes; that there is none is no error.
os_evict() {
	echo "Evicting $1 in $os_container"
	os_run docker exec "$os_container" crictl rmi "$1" \
		> "$os_tmp/evict" 2>&1 || return 0
	[ -z "$os_dry" ] || cat "$os_tmp/evict"
}
