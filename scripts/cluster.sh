#!/usr/bin/env bash
# cluster.sh [-x] [gateway|supervisor|chart|all]... - the everyday command.
#
# Where the container openshell-cluster-NAME runs and is healthy, deploys what
# has changed (cluster-deploy-fast.sh), else makes the cluster anew
# (cluster-bootstrap.sh fast).  -x shows the plan.
#
# CLUSTER_NAME		the folder's name
set -euo pipefail
# shellcheck source=scripts/lib/openshell.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/openshell.sh"
# shellcheck source=scripts/lib/cluster.sh
. "$os_scripts/lib/cluster.sh"

os_start "$@"
os_targets "${os_rest[@]}"
command -v docker > /dev/null ||
	os_fail "docker is missing: the cluster needs it"

# A cluster that has just been started says so for a while.
for ((i = 0; i < 120; i++)); do
	os_inspect || [ $? -ne 3 ] || exit 3
	[ "$os_status $os_health" = "running starting" ] || break
	[ "$i" -gt 0 ] || echo "Waiting for $os_container to be healthy..."
	sleep .5
done
if [ "$os_status $os_health" = "running healthy" ]; then
	os_script cluster-deploy-fast.sh "${os_rest[@]}"
else
	os_script cluster-bootstrap.sh fast
fi
