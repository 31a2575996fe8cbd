#!/bin/sh
# cluster-healthcheck.sh - is the API up, and does the gateway run?
set -eu

kubectl=${KUBECTL:-kubectl}

"$kubectl" get --raw=/readyz > /dev/null
ready=$("$kubectl" -n openshell get statefulset openshell \
	-o 'jsonpath={.status.readyReplicas}')
[ "${ready:-0}" -ge 1 ]
