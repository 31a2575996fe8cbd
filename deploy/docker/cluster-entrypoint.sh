#!/bin/sh
# cluster-entrypoint.sh - give k3s our chart and manifests, then become k3s.
#
# Arguments are k3s's own (`server` by default).  What k3s finds in its two
# folders at the start it applies by itself, so that a fresh container and a
# restarted one come up alike.
set -eu

share=${OPENSHELL_SHARE:-/opt/openshell}
data=${K3S_DATA_DIR:-/var/lib/rancher/k3s}

# What an older image left in the volume goes; what others put there stays.
refresh() {	# refresh FROM PATTERN TO
	mkdir -p "$3"
	rm -f "$3"/openshell-*
	for f in "$1"/$2; do
		[ -e "$f" ] || continue
		name=${f##*/}
		cp "$f" "$3/openshell-${name#openshell-}"
	done
}

refresh "$share/charts" '*.tgz' "$data/server/static/charts"
refresh "$share/manifests" '*.yaml' "$data/server/manifests"

# A GPU is there when its driver's control device is.
if [ -e /dev/nvidiactl ] || [ "${OPENSHELL_GPU:-auto}" = on ]; then
	if [ "${OPENSHELL_GPU:-auto}" != off ]; then
		for f in "$share"/gpu-manifests/*.yaml; do
			[ -e "$f" ] || continue
			cp "$f" "$data/server/manifests/openshell-gpu-${f##*/}"
		done
	fi
fi

# What the chart should know about this container, not about the image.
values=$data/server/manifests/openshell-chart.yaml
if [ -e "$values" ] && [ -n "${OPENSHELL_GATEWAY_IMAGE:-}" ]; then
	# A reference's tag follows its last colon.
	repository=${OPENSHELL_GATEWAY_IMAGE%:*}
	tag=${OPENSHELL_GATEWAY_IMAGE##*:}
	sed -i -e "s|^\( *repository:\).*|\1 \"$repository\"|" \
		-e "s|^\( *tag:\).*|\1 \"$tag\"|" "$values"
fi

exec k3s "$@"
