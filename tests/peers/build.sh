#!/usr/bin/env bash
# build.sh DIR - build the programs that go.mod names into DIR, once.
#
# Other projects' programs that tests ask for their opinion and that Debian
# does not have.  No part of Slipway needs them.
set -euo pipefail

dir=$(realpath -m "$1")
cd "$(dirname "${BASH_SOURCE[0]}")"
if ! command -v go > /dev/null; then
	echo "check-peers needs go (Debian: golang)" >&2
	exit 1
fi
stamp=$dir/.built
if [ -e "$stamp" ] && cmp -s go.sum "$stamp"; then
	exit 0
fi
mkdir -p "$dir"
GOBIN=$dir CGO_ENABLED=0 GOFLAGS=-trimpath go install tool
cp go.sum "$stamp"
