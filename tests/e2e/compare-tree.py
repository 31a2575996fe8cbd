#!/usr/bin/env python3
"""compare-tree.py TARBALL ROOTFS - is every entry of the bundle in the tree?

Bytes as the bundle's manifest promised them, mode and link text as the
archive's entry has them.  manifest.json itself is not part of the install
root.  Prints the number of entries compared.
"""
import hashlib
import json
import os
import stat
import sys
import tarfile

tarball, rootfs = sys.argv[1:]
compared = 0
with tarfile.open(tarball) as tar:
    members = {m.name.partition("/")[2]: m for m in tar if "/" in m.name}
    manifest = json.load(tar.extractfile(members["manifest.json"]))

for entry in manifest["files"]:
    path = entry["path"]
    member = members[path]
    target = os.path.join(rootfs, path)
    st = os.lstat(target)
    if entry["entry_type"] == "symlink":
        assert member.issym() and stat.S_ISLNK(st.st_mode), path
        assert os.readlink(target) == member.linkname, path
    else:
        assert member.isreg() and stat.S_ISREG(st.st_mode), path
        with open(target, "rb") as f:
            digest = hashlib.sha256(f.read()).hexdigest()
        assert digest == entry["sha256"], path
        assert st.st_size == entry["size"], path
        assert stat.S_IMODE(st.st_mode) == member.mode, path
    compared += 1
for path, member in members.items():
    if member.isdir() and path:
        st = os.lstat(os.path.join(rootfs, path))
        assert stat.S_ISDIR(st.st_mode), path
print(compared)
