#!/usr/bin/env bash
# build.sh DIR - build the programs that the go.mod files here name into DIR,
# once.
#
# Other projects' programs that tests ask for their opinion and that Debian
# does not have.  No part of Slipway needs them.  helm and buildx want different
# versions of what both stand on, hence several modules.  zizmor comes by pip;
# without it the rest is built.
set -euo pipefail

dir=$(realpath -m "$1")
cd "$(dirname "${BASH_SOURCE[0]}")"
if ! command -v go > /dev/null; then
	echo "check-peers needs go (Debian: golang)" >&2
	exit 1
fi
mkdir -p "$dir"
for module in . engines lint; do
	stamp=$dir/.built-$(basename "$(realpath "$module")")
	if cmp -s "$module/go.sum" "$stamp"; then
		continue
	fi
	(cd "$module" && GOBIN=$dir CGO_ENABLED=0 GOFLAGS=-trimpath \
		go install tool)
	cp "$module/go.sum" "$stamp"
done
stamp=$dir/.built-zizmor
if ! cmp -s lint/requirements.txt "$stamp"; then
	python3 -m pip install -q --no-deps --require-hashes --upgrade \
		--target "$dir/zizmor.d" -r lint/requirements.txt || {
		echo "going on without zizmor" >&2
		exit 0
	}
	ln -sf zizmor.d/bin/zizmor "$dir/zizmor"
	cp lint/requirements.txt "$stamp"
fi
