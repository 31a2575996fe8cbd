#!/usr/bin/env bash
# cluster-deploy-fast.sh [-x] [gateway|supervisor|chart|all]... - deploy what
# has changed into the running cluster.
#
# Without a target, those components of deploy/components.jsonl whose files
# changed since the last deploy, and when all of it has worked, their
# fingerprints are kept.  Targets are deployed as they stand, and leave the
# fingerprints alone.  -x shows the plan.
#
# DEPLOY_FAST_STATE_FILE	.cache/cluster-deploy-fast.state
# DEPLOY_FAST_MODE=full	everything, whether or not it changed
# FORCE_HELM_UPGRADE=1	the Helm upgrade in any case
# DEPLOY_FAST_HELM_WAIT=1	helm waits until all is ready
# IMAGE_REPO_BASE	127.0.0.1:5000/openshell
# CLUSTER_NAME		the folder's name
# and those of docker-build-component.sh
set -euo pipefail
# shellcheck source=scripts/lib/openshell.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/openshell.sh"
# shellcheck source=scripts/lib/images.sh
. "$os_scripts/lib/images.sh"
# shellcheck source=scripts/lib/cluster.sh
. "$os_scripts/lib/cluster.sh"
binary=/opt/openshell/bin/openshell-sandbox
chart=/opt/openshell/chart
# A command in the cluster, with its own access to itself.
access=(-e KUBECONFIG=/etc/rancher/k3s/k3s.yaml "$os_container")
in_cluster=(docker exec "${access[@]}")

os_start "$@"
os_targets "${os_rest[@]}"
case ${DEPLOY_FAST_MODE:-auto} in
auto | full) ;;
*) os_usage "unknown DEPLOY_FAST_MODE: $DEPLOY_FAST_MODE (auto or full)" ;;
esac
os_repo deploy/components.jsonl
os_need "the incremental deploy" docker fp-diff jq
os_inspect || [ $? -ne 3 ] || exit 3
[ "$os_status" = running ] ||
	os_fail "$os_container does not run: make it with cluster-bootstrap.sh"

state=(--state "$os_state" --state-key "cluster=$os_cluster"
	--state-key "container=$os_id")
selection=()
for target in "${os_rest[@]}"; do
	case $target in
	chart) selection+=(helm) ;;
	all) selection+=(gateway supervisor helm) ;;
	*) selection+=("$target") ;;
	esac
done
if [ ${#selection[@]} -eq 0 ] && [ "${DEPLOY_FAST_MODE:-}" = full ]; then
	selection=(--all)
fi
mkdir -p "$(dirname "$os_state")"
os_wait fp-diff "${state[@]}" "${selection[@]}" < deploy/components.jsonl \
	> "$os_tmp/plan"
changed=$(jq -r 'select(.changed).component' "$os_tmp/plan")

# planned COMPONENT
planned() {
	case $'\n'$changed$'\n' in
	*$'\n'"$1"$'\n'*) ;;
	*) return 1 ;;
	esac
}

if [ "${FORCE_HELM_UPGRADE:-}" = 1 ] && ! planned helm; then
	changed=${changed:+$changed$'\n'}helm
fi

# cluster_arch: the architecture of the cluster, in os_arch.
cluster_arch() {
	os_arch=$(docker image inspect -f '{{.Architecture}}' "$os_image" \
		2> /dev/null || :)
	case $os_arch in
	amd64 | arm64) ;;
	*) os_arch=$(os_machine) ;;
	esac
}

build_gateway() {
	IMAGE_REGISTRY=$os_repo_base DOCKER_PUSH=1 \
		DOCKER_PLATFORM=${DOCKER_PLATFORM:-linux/$os_arch} \
		os_script docker-build-component.sh gateway
}

# The supervisor for the cluster, at $os_tmp/openshell-sandbox.
build_supervisor() {
	local digest built=$os_tmp/openshell-sandbox layout=$os_tmp/supervisor

	echo "Building supervisor..."
	if [ -n "${OPENSHELL_PREBUILT:-}" ]; then
		os_run cp -- "$(os_operand "$OPENSHELL_PREBUILT")/supervisor/$os_arch/openshell-sandbox" \
			"$built"
	else
		os_options cluster
		os_run img-build "${os_option[@]}" --target supervisor \
			--platform "linux/$os_arch" -t supervisor:built \
			-o "oci:$layout" . > "$os_tmp/built"
		if [ -n "$os_dry" ]; then
			cat "$os_tmp/built"
		else
			digest=$(jq -r '.image.layers[-1].digest' \
				"$os_tmp/built")
			tar -xOf "$layout/blobs/${digest/://}" \
				"$os_arch/openshell-sandbox" > "$built"
		fi
	fi
	os_run chmod 755 "$built"
}

# By rename, so that a pod that starts meanwhile has the old one or the new.
deploy_supervisor() {
	echo "Copying supervisor into $os_container..."
	os_run docker exec "$os_container" mkdir -p "${binary%/*}"
	os_run docker cp "$os_tmp/openshell-sandbox" \
		"$os_container:$binary.new"
	os_run docker exec "$os_container" chmod 755 "$binary.new"
	os_run docker exec "$os_container" mv -f "$binary.new" "$binary"
}

# The cluster's own helm, or a copy of this machine's in the cluster.
need_helm() {
	local helm

	if "${in_cluster[@]}" helm version > "$os_tmp/helm" 2>&1; then
		return
	fi
	helm=$(command -v helm) || os_fail "helm is missing: the Helm upgrade \
needs it, in $os_container or on this machine"
	os_wait docker cp -L "$helm" "$os_container:/usr/local/bin/helm"
}

# The values that the release keeps, as JSON.  The handshake secret is the
# release's, else the one that the chart made, else a new one.  No command line
# has it, for others can read those.
kept_values() {
	local values kept

	if ! values=$("${in_cluster[@]}" helm get values openshell \
		-n openshell -o json 2> "$os_tmp/values.err"); then
		grep -q 'not found' "$os_tmp/values.err" || {
			cat "$os_tmp/values.err" >&2
			return 3
		}
		values=null
	fi
	kept=$("${in_cluster[@]}" kubectl -n openshell get secret \
		openshell-ssh-handshake -o 'jsonpath={.data.secret}' \
		2> /dev/null | base64 -d 2> /dev/null | tr -d '\n\0' || :)
	[[ $kept =~ ^[0-9a-f]{64}$ ]] ||
		kept=$(od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n')
	printf '%s\n"%s"\n' "${values:-null}" "$kept" | jq -c '
		(input // "") as $kept | . // {} |
		(.hostGatewayIP // .server.hostGatewayIP) as $ip |
		{server: {sshHandshakeSecret:
			([.server.sshHandshakeSecret, $kept] |
				map(select(. != null and . != "")) | first)}} +
		if $ip then {hostGatewayIP: $ip} else {} end'
}

# set_value KEY VALUE: a --set-string option in $helm.
set_value() {
	local value=${2//\\/\\\\}

	helm+=(--set-string "$1=${value//,/\\,}")
}

upgrade_helm() {
	local helm=(helm upgrade openshell "$chart" --install -n openshell
		--values -)

	echo "Upgrading helm release..."
	set_value image.repository "$os_repo_base/gateway"
	set_value image.tag "$os_tag"
	set_value image.pullPolicy Always
	set_value server.grpcEndpoint \
		https://openshell.openshell.svc.cluster.local:8080
	set_value server.tls.certSecretName openshell-server-tls
	set_value server.tls.clientCaSecretName openshell-server-client-ca
	set_value server.tls.clientTlsSecretName openshell-client-tls
	[ "${DEPLOY_FAST_HELM_WAIT:-}" != 1 ] || helm+=(--wait)
	: > "$os_tmp/values"
	[ -n "$os_dry" ] || {
		need_helm
		os_wait kept_values > "$os_tmp/values"
	}
	os_run docker exec "$os_container" rm -rf "$chart"
	os_run docker cp deploy/helm/openshell "$os_container:$chart"
	os_run docker exec -i "${access[@]}" "${helm[@]}" < "$os_tmp/values"
}

restart_gateway() {
	echo "Restarting the gateway..."
	os_run "${in_cluster[@]}" kubectl -n openshell rollout restart \
		statefulset/openshell
	os_run "${in_cluster[@]}" kubectl -n openshell rollout status \
		statefulset/openshell --timeout=5m
}

if [ -z "$changed" ]; then
	echo "No local change since the last deploy: nothing to do."
	exit 0
fi
echo "To be deployed: ${changed//$'\n'/, }"
cluster_arch
# What can fail without a cluster comes first.
! planned gateway || build_gateway
! planned supervisor || build_supervisor
! planned supervisor || deploy_supervisor
! planned gateway || os_evict "$os_repo_base/gateway:$os_tag"
! planned helm || upgrade_helm
! planned gateway || restart_gateway
if [ ${#os_rest[@]} -eq 0 ]; then
	os_run fp-diff "${state[@]}" --save < "$os_tmp/plan" > "$os_tmp/saved"
fi
[ -n "$os_dry" ] || echo "Deployed into $os_container."
