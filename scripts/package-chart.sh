#!/usr/bin/env bash
# package-chart.sh [CHART-DIR [OUT-DIR]] - the chart as NAME-VERSION.tgz.
#
# Run from the repository's root; by default deploy/helm/openshell goes into
# deploy/docker/.build/charts.  Where helm is, `helm package` checks the chart
# and says what belongs into it.  helm's archives carry the clock, so the
# archive is ours either way: one top-level NAME/, the same bytes every time.
# Prints the file's path.
set -euo pipefail

chart=${1:-deploy/helm/openshell}
out=${2:-deploy/docker/.build/charts}

# A top-level scalar of Chart.yaml.
scalar() {
	sed -nE "s/^$1: *[\"']?([^\"' #]+).*/\1/p" "$chart/Chart.yaml" | head -n 1
}

if [ ! -f "$chart/Chart.yaml" ]; then
	echo "package-chart: no chart at $chart" >&2
	exit 1
fi
name=$(scalar name) version=$(scalar version)
if [ -z "$name" ] || [ -z "$version" ]; then
	echo "package-chart: $chart/Chart.yaml lacks a name or a version" >&2
	exit 1
fi
mkdir -p "$out"
# Another version's archive must not go into the image beside this one.
rm -f "$out/$name"-*.tgz
file=$out/$name-$version.tgz
work=$(mktemp -d)
trap 'rm -rf "$work" "$file.tmp"' EXIT

if command -v helm > /dev/null; then
	helm package --destination "$work" "$chart" > /dev/null
	tar -xzf "$work/$name-$version.tgz" -C "$work"
else
	# The simple patterns of .helmignore mean the same to tar.
	grep -v '^#' "$chart/.helmignore" 2> /dev/null | sed 's|/$||' \
		> "$work/ignore" || :
	mkdir "$work/$name"
	tar -C "$chart" --exclude-from="$work/ignore" -cf - . |
		tar -xf - -C "$work/$name"
fi
tar -C "$work" --sort=name --format=ustar --mode=u=rwX,go=rX \
	--mtime="@${SOURCE_DATE_EPOCH:-0}" --owner=0 --group=0 \
	--numeric-owner -cf - "$name" | gzip -n > "$file.tmp"
chmod 644 "$file.tmp"
mv "$file.tmp" "$file"
echo "$file"
