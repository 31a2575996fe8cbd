#!/usr/bin/env python3
"""Is an OCI image layout what the specification says?

usage: layout-check.py [--leftovers] [--no-diff-ids] [--schemas DIR] DIR ...

Independent of the tools under test.  Looks at every descriptor's size and
digest, at diff_ids (gzip of one or more members, zstd by the zstd program,
plain tar), platforms, media types, and that no blob is missing or left over
(--leftovers allows these: a layout whose names have moved keeps old blobs).
--schemas validates each document with the specification's JSON schemas
(jsonschema must be there).  One line on stderr for each fault; status 1 if
there is one.
"""
import argparse
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import zlib

INDEX = ("application/vnd.oci.image.index.v1+json",
         "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFEST = ("application/vnd.oci.image.manifest.v1+json",
            "application/vnd.docker.distribution.manifest.v2+json")
CONFIG = ("application/vnd.oci.image.config.v1+json",
          "application/vnd.docker.container.image.v1+json")
NAME = "org.opencontainers.image.ref.name"
SCHEMA = {INDEX[0]: "image-index-schema.json",
          MANIFEST[0]: "image-manifest-schema.json",
          CONFIG[0]: "config-schema.json",
          "layout": "image-layout-schema.json"}
DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")


def unique(pairs):
    keys = [k for k, _ in pairs]
    if len(keys) != len(set(keys)):
        raise ValueError("duplicate keys")
    return dict(pairs)


class Schemas:
    """The specification's schemas, which refer to each other by file name."""

    def __init__(self, folder):
        self.folder = folder

    def load(self, uri):
        path = os.path.join(self.folder, os.path.basename(uri))
        with open(path, encoding="utf-8") as f:
            return json.load(f)

    def faults(self, kind, value):
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        import jsonschema

        if kind not in SCHEMA:
            return []
        schema = self.load(SCHEMA[kind])
        resolver = jsonschema.RefResolver.from_schema(schema)
        resolver.resolve_remote = self.load     # nothing from the network
        cls = jsonschema.validators.validator_for(schema)
        return [e.message for e in
                cls(schema, resolver=resolver).iter_errors(value)]


class Layout:
    def __init__(self, root, options, schemas):
        self.root = root
        self.options = options
        self.schemas = schemas
        self.faults = []
        self.seen = set()

    def fault(self, text):
        self.faults.append(text)

    def document(self, data, kind, name):
        try:
            value = json.loads(data.decode("utf-8"),
                               object_pairs_hook=unique)
        except ValueError as e:
            self.fault(f"{name}: {e}")
            return None
        if not isinstance(value, dict):
            self.fault(f"{name}: no object")
            return None
        if self.schemas is not None:
            for text in self.schemas.faults(kind, value):
                self.fault(f"{name}: schema: {text}")
        return value

    def path(self, digest):
        return os.path.join(self.root, "blobs", "sha256", digest[7:])

    def blob(self, desc, where):
        """Size and digest of what desc names; its bytes, or None."""
        if not isinstance(desc, dict):
            self.fault(f"{where}: no descriptor")
            return None
        digest = desc.get("digest")
        if not isinstance(digest, str) or not DIGEST.match(digest):
            self.fault(f"{where}: bad digest {digest!r}")
            return None
        if not isinstance(desc.get("mediaType"), str):
            self.fault(f"{where}: no mediaType")
        self.seen.add(digest[7:])
        try:
            if not stat.S_ISREG(os.lstat(self.path(digest)).st_mode):
                self.fault(f"{where}: {digest} is not a regular file")
                return None
            with open(self.path(digest), "rb") as f:
                data = f.read()
        except OSError as e:
            self.fault(f"{where}: {digest}: {e.strerror}")
            return None
        size = desc.get("size")
        if type(size) is not int or size != len(data):
            self.fault(f"{where}: {digest} has {len(data)} bytes, "
                       f"the descriptor says {size!r}")
        if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
            self.fault(f"{where}: {digest} has another content")
        return data

    def plain(self, data, where):
        """The tar in a layer's bytes, whatever its media type says."""
        if data[:2] == b"\x1f\x8b":
            out = []
            try:
                while data:
                    z = zlib.decompressobj(31)
                    out.append(z.decompress(data) + z.flush())
                    if not z.eof:
                        self.fault(f"{where}: gzip ends too early")
                        break
                    data = z.unused_data
            except zlib.error as e:
                self.fault(f"{where}: gzip: {e}")
            return b"".join(out)
        if data[:4] == b"\x28\xb5\x2f\xfd":
            p = subprocess.run(["zstd", "-dcq"], input=data, check=False,
                               stdout=subprocess.PIPE)
            if p.returncode != 0:
                self.fault(f"{where}: zstd says no")
            return p.stdout
        return data

    def compression(self, media_type, data, where):
        for suffix, magic in (("gzip", b"\x1f\x8b"),
                              ("zstd", b"\x28\xb5\x2f\xfd")):
            if media_type.endswith(suffix) != data.startswith(magic):
                self.fault(f"{where}: {media_type} is not what it holds")

    def manifest(self, desc, data, where):
        m = self.document(data, desc.get("mediaType"), where)
        if m is None:
            return
        if m.get("schemaVersion") != 2:
            self.fault(f"{where}: schemaVersion")
        if m.get("mediaType", desc.get("mediaType")) != desc["mediaType"]:
            self.fault(f"{where}: mediaType {m['mediaType']} is not the "
                       "descriptor's")
        if "manifests" in m:
            self.fault(f"{where}: manifest and index in one")
        config = self.blob(m.get("config"), f"{where} config")
        layers = [(d, self.blob(d, f"{where} layer {i}"))
                  for i, d in enumerate(m.get("layers", []))]
        if config is None or m["config"].get("mediaType") not in CONFIG:
            return
        c = self.document(config, m["config"]["mediaType"],
                          f"{where} config")
        if c is None:
            return
        self.platform(desc, c, where)
        ids = c.get("rootfs", {}).get("diff_ids", [])
        if len(ids) != len(layers):
            self.fault(f"{where}: {len(ids)} diff_ids, "
                       f"{len(layers)} layers")
        if self.options.no_diff_ids or \
                (desc.get("platform") or {}).get("os") == "unknown":
            return
        for i, ((d, raw), want) in enumerate(zip(layers, ids)):
            if raw is None:
                continue
            self.compression(d["mediaType"], raw, f"{where} layer {i}")
            tar = self.plain(raw, f"{where} layer {i}")
            got = "sha256:" + hashlib.sha256(tar).hexdigest()
            if got != want:
                self.fault(f"{where}: diff_id {i} is {got}, not {want}")

    def platform(self, desc, config, where):
        want = desc.get("platform")
        if want is None or want.get("os") == "unknown":
            return          # an attestation is for no platform
        for key in ("os", "architecture", "variant"):
            a, b = want.get(key, ""), config.get(key, "")
            if config.get("architecture") == "arm64" and key == "variant":
                a, b = a.replace("v8", ""), b.replace("v8", "")
            if a != b:
                self.fault(f"{where}: platform {key} is {a!r}, the "
                           f"config's {b!r}")

    def index(self, desc, data, where, top):
        x = self.document(data, INDEX[0] if top else desc["mediaType"],
                          where)
        if x is None:
            return
        if x.get("schemaVersion") != 2:
            self.fault(f"{where}: schemaVersion")
        if "config" in x or "layers" in x:
            self.fault(f"{where}: index and manifest in one")
        if x.get("mediaType", desc["mediaType"]) != desc["mediaType"]:
            self.fault(f"{where}: mediaType is not the descriptor's")
        names = []
        platforms = []
        for i, d in enumerate(x.get("manifests", [])):
            at = f"{where}[{i}]"
            child = self.blob(d, at)
            names.append((d.get("annotations") or {}).get(NAME))
            p = d.get("platform")
            if p and p.get("os") != "unknown":
                platforms.append(json.dumps(p, sort_keys=True))
            if child is None:
                continue
            kind = d.get("mediaType")
            if kind in INDEX:
                if not top:
                    self.fault(f"{at}: an index in an index")
                self.index(d, child, at, False)
            elif kind in MANIFEST:
                self.manifest(d, child, at)
        names = [n for n in names if n is not None]
        if top and len(names) != len(set(names)):
            self.fault(f"{where}: a name is there twice")
        if not top and names:
            self.fault(f"{where}: a name inside an index")
        if not top and len(platforms) != len(set(platforms)):
            self.fault(f"{where}: a platform is there twice")

    def read(self, name):
        path = os.path.join(self.root, name)
        try:
            if not stat.S_ISREG(os.lstat(path).st_mode):
                self.fault(f"{name}: not a regular file")
            with open(path, "rb") as f:
                return f.read()
        except OSError as e:
            self.fault(f"{name}: {e.strerror}")
            return None

    def leftovers(self):
        for folder, _, files in os.walk(self.root):
            at = os.path.relpath(folder, self.root)
            for name in files:
                if at == "." and name in ("oci-layout", "index.json"):
                    continue
                if at == "blobs/sha256" and name in self.seen:
                    continue
                self.fault(f"left over: {os.path.join(at, name)}")

    def check(self):
        data = self.read("oci-layout")
        if data is not None:
            v = self.document(data, "layout", "oci-layout")
            if v is not None and v.get("imageLayoutVersion") != "1.0.0":
                self.fault("oci-layout: imageLayoutVersion")
        data = self.read("index.json")
        if data is not None:
            self.index({"mediaType": INDEX[0]}, data, "index.json", True)
        if not self.options.leftovers:
            self.leftovers()
        return self.faults


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--leftovers", action="store_true")
    p.add_argument("--no-diff-ids", action="store_true")
    p.add_argument("--schemas")
    p.add_argument("dir", nargs="+")
    options = p.parse_args()
    schemas = Schemas(options.schemas) if options.schemas else None
    bad = False
    for root in options.dir:
        for text in Layout(root, options, schemas).check():
            print(f"layout-check: {root}: {text}", file=sys.stderr)
            bad = True
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
