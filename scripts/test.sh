#!/usr/bin/env bash
# test.sh - install what is missing, build, run every suite.
#
# The first command on a fresh clone.  Ends with one line over all suites,
# `N passed, N failed, N skipped`.  Arguments name suites to run alone.
set -euo pipefail
exec < /dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/deps.sh
. scripts/lib/deps.sh

deps_install build demo test
echo "Building in ${B:-build}"
make -s -j"$(nproc)" WERROR=1 CC="${CC:-gcc}" B="${B:-build}" all units
SLIPWAY_BIN=$(realpath "${B:-build}") exec scripts/run-suites.sh "$@"
