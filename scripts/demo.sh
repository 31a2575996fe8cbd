#!/usr/bin/env bash
# demo.sh - from two bundles to one multi-arch image, shown step by step.
#
# The first command on a fresh clone: installs what is missing, builds the
# tools, makes payloads of both architectures, packs them, and runs the one
# pipe into an OCI layout.  Everything it makes is in build/demo.  Where
# $SLIPWAY_BIN names a folder of tools, nothing is installed or built.
set -euo pipefail
exec < /dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/deps.sh
. scripts/lib/deps.sh
root=$PWD B=${B:-build}
demo=${DEMO_DIR:-$B/demo}

say() { printf '\n\033[1m%s\033[0m\n' "$*" | plain; }
# Without a terminal, without its escapes.
plain() {
	if [ -t 1 ]; then
		cat
	else
		sed 's/\x1b\[[0-9]*m//g'
	fi
}
show() { printf '  $ %s\n' "$*"; }

if [ -z "${SLIPWAY_BIN:-}" ]; then
	deps_install build demo
	make -s -j"$(nproc)" B="$B" all
fi
PATH=$(realpath "${SLIPWAY_BIN:-$B}"):$PATH
fixtures=$root/tests/fixtures

rm -rf "$demo"
mkdir -p "$demo"
cd "$demo"
"$fixtures/make-example.sh" openshell
cd openshell

say "1. Payloads: real programs and libraries of both architectures"
for arch in amd64 arm64; do
	"$fixtures/make-payload.sh" ../payload/$arch $arch
done
du -sh ../payload/* | sed 's/^/  /'
file ../payload/*/usr/bin/nvidia-ctk | sed 's/, BuildID.*//; s/^/  /'

say "2. rb-pack makes a bundle of each"
show "rb-pack --arch amd64 payload/amd64 --arch arm64 payload/arm64"
rb-pack -d .. --bundle-name openshell-gpu-runtime-bundle \
	--bundle-version 0.1.0 --sha256sums ../SHA256SUMS \
	--component nvidia_container_toolkit=1.17.8@f202b80 \
	--component libnvidia_container=1.17.8@95d3e86 \
	--arch amd64 ../payload/amd64 --arch arm64 ../payload/arm64 \
	> ../bundles.jsonl
sed 's/^/  /' ../SHA256SUMS

say "3. What the images stand on, and the compiled programs"
"$fixtures/make-bases.sh" ..
"$fixtures/make-prebuilt.sh" ../prebuilt
"$root/scripts/package-chart.sh" | sed 's/^/  /'

# Digests, sizes and layers, from the finished record.
summary() {
	jq -r '
	def size: if . < 1000 then "\(.) B"
		elif . < 1000000 then "\(. / 100 | round / 10) kB"
		else "\(. / 100000 | round / 10) MB" end;
	"  index        \(.index.digest)  \(.index.ref)",
	(.parts | sort_by(.image.platform)[].image |
		"  \(.platform)  \(.digest)  \([.layers[].size] | add | size)",
		"    layers: \([.layers[].size | size] | join(", "))")' "$1"
}

start=$(date +%s%N)
say "4. One pipe: verify, stage, build for both, assemble"
show "rb-verify --gate ../*.tar.gz | rb-stage | img-build … | manifest-assemble …"
jq -c '{arch, tarball, sha256, size}' ../bundles.jsonl |
	rb-verify --gate |
	rb-stage |
	img-build -f deploy/docker/Dockerfile.cluster \
		--build-arg K3S_IMAGE=oci:../bases:k3s \
		--build-context supervisor=../prebuilt/supervisor \
		-t 'openshell/cluster:dev-{arch}' -o oci:../images . |
	manifest-assemble -t openshell/cluster:dev -o oci:../images:dev \
		--require linux/amd64,linux/arm64 > ../cluster.jsonl
ms=$((($(date +%s%N) - start) / 1000000))
summary ../cluster.jsonl
echo "  in $ms ms; the filters worked side by side:"
jq -r '.trace | group_by(.tool)[] |
	"    \(.[0].tool): \([.[].seconds] | map(tostring + " s") | join(", "))"' \
	../cluster.jsonl

say "5. The gateway, for both"
img-build --platform linux/amd64,linux/arm64 \
	-f deploy/docker/Dockerfile.gateway \
	--build-arg BASE_IMAGE=oci:../bases:base \
	--build-context gateway=../prebuilt/gateway \
	-t 'openshell/gateway:dev-{arch}' -o 'oci:../images:gateway-dev-{arch}' . |
	manifest-assemble -t openshell/gateway:dev \
		-o oci:../images:gateway-dev \
		--require linux/amd64,linux/arm64 > ../gateway.jsonl
summary ../gateway.jsonl

if command -v skopeo > /dev/null; then
	say "6. What another program sees"
	show "skopeo inspect --raw oci:images:dev"
	skopeo inspect --raw oci:../images:dev | jq -r '.manifests[] |
		"  \(.platform.os)/\(.platform.architecture)  \(.digest)"'
	for arch in amd64 arm64; do
		show "skopeo --override-arch $arch inspect oci:images:dev"
		skopeo --override-arch $arch inspect oci:../images:dev |
			jq -r '"  \(.Os)/\(.Architecture), \(.Layers | length) layers"'
	done
fi
say "All of it is in $demo; the image is oci:$demo/images:dev"
