#!/bin/sh
# script.sh TARBALL OUT - how bundles were verified and staged before: unpack,
# hash each file in Python, copy.
set -eu

work=$(mktemp -d "$2.XXXXXX")
trap 'rm -rf "$work"' EXIT
tar -xzf "$1" -C "$work"
python3 - "$work" <<'PYTHON'
import hashlib
import json
import os
import sys

(top,) = os.listdir(sys.argv[1])
root = os.path.join(sys.argv[1], top)
with open(os.path.join(root, "manifest.json")) as f:
    manifest = json.load(f)
for entry in manifest["files"]:
    path = os.path.join(root, entry["path"])
    if entry["entry_type"] != "file":
        continue
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        while chunk := f.read(1 << 20):
            digest.update(chunk)
    if digest.hexdigest() != entry["sha256"]:
        sys.exit("checksum mismatch: " + entry["path"])
PYTHON
rm -rf "$2"
mkdir -p "$2"
cp -a "$work"/*/. "$2"
