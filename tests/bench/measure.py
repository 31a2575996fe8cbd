#!/usr/bin/env python3
"""measure.py CASE DIR - run each command of a case in turn, and print medians.

DIR has bundle.tar.gz, bundle.tar and context/, or www/file.bin for the case
fetch (bench.sh makes them).  Before the short cases one more round warms the
caches; the long ones have theirs.  Peak memory is that of the largest process
of a command (0 where time(1) is missing).
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

CASE, DIR = sys.argv[1:]
ARCH = os.environ.get("ARCH")
SHORT = CASE in ("mid", "fetch")
ROUNDS = int(os.environ.get("ROUNDS", 5 if SHORT else 3))
WARM = 1 if SHORT else 0
HERE = os.path.dirname(os.path.abspath(__file__))
os.chdir(DIR)
shutil.rmtree("work", ignore_errors=True)
os.makedirs("work")

BUILDAH = "buildah --root work/buildah --runroot work/buildah.run" \
    " --storage-driver vfs"
IMG = f"img-build --platform linux/{ARCH} context"

# group, name, command, needs, before it (not measured)
COMMANDS = [
    ("verify", "rb-verify", f"rb-verify --arch {ARCH} bundle.tar.gz", "", ""),
    ("verify", "gzip -dc | sha256sum", "gzip -dc bundle.tar.gz | sha256sum",
     "", ""),
    ("verify", "gzip -dc | openssl dgst",
     "gzip -dc bundle.tar.gz | openssl dgst -sha256", "openssl", ""),
    ("verify", "igzip -dc alone", "igzip -dc bundle.tar.gz > /dev/null",
     "igzip", ""),
    ("verify", "openssl dgst alone, of the tar",
     "openssl dgst -sha256 bundle.tar", "openssl", ""),
    ("verify", "tar + hashlib + cp -a",
     f"{HERE}/script.sh bundle.tar.gz work/script", "", "rm -rf work/script"),
    ("stage", "rb-stage",
     f"rb-stage --root work/stage --arch {ARCH} bundle.tar.gz", "",
     "rm -rf work/stage"),
    ("stage", "tar + hashlib + cp -a",
     f"{HERE}/script.sh bundle.tar.gz work/script", "", "rm -rf work/script"),
    ("stage", "tar + hashlib + cp -a, then sync",
     f"{HERE}/script.sh bundle.tar.gz work/script; sync work/script", "",
     "rm -rf work/script"),
    ("stage", "rb-stage, staged already",
     f"rb-stage --root work/stage --arch {ARCH} bundle.tar.gz", "",
     f"rb-stage --root work/stage --arch {ARCH} bundle.tar.gz > /dev/null"),
    ("build", "img-build", f"{IMG} -o oci:work/gzip:t", "",
     "rm -rf work/gzip"),
    ("build", "img-build, zstd",
     f"{IMG} --compression zstd -o oci:work/zstd:t", "", "rm -rf work/zstd"),
    ("build", "umoci insert",
     "umoci insert --image work/umoci:t context/tree /", "umoci",
     "rm -rf work/umoci; umoci init --layout work/umoci &&"
     " umoci new --image work/umoci:t"),
    ("build", "buildah push", f"{BUILDAH} push bench oci:work/pushed:t",
     "buildah", f"rm -rf work/pushed; {BUILDAH} inspect bench > /dev/null ||"
     f" {BUILDAH} bud -q -t bench context"),
    ("build", "buildah bud, push",
     f"{BUILDAH} bud -q -t bench2 context &&"
     f" {BUILDAH} push bench2 oci:work/built:t", "buildah",
     f"rm -rf work/built; {BUILDAH} rmi -f bench2 > /dev/null || :"),
]

FETCH = "rb-fetch --cache-dir work/cache"
CLEAR = "rm -rf work/*; sync"


def fetches(group, url, tls):
    """What brings a file here: group by group, rb-fetch before its peers."""
    fetch = FETCH + (" --cacert ca.pem" if tls else "")
    curl = "curl -sS" + (" --cacert ca.pem" if tls else "")
    aria2c = "aria2c -q --file-allocation=none --allow-overwrite=true" \
        " --check-certificate=false -d work -o aria2c "
    return [
        (group, "rb-fetch", f"{fetch} {url}", "", CLEAR),
        (group, "rb-fetch --connections 1", f"{fetch} --connections 1 {url}",
         "", CLEAR),
        (group, "curl -o", f"{curl} -o work/curl {url}", "curl", CLEAR),
        (group, "curl -o, then sync",
         f"{curl} -o work/curl {url}; sync work/curl", "curl", CLEAR),
        (group, "curl -o, then openssl dgst",
         f"{curl} -o work/curl {url} && openssl dgst -sha256 work/curl",
         "openssl", CLEAR),
        (group, "aria2c -x 1", f"{aria2c} -x 1 -s 1 {url}", "aria2c", CLEAR),
        (group, "aria2c -x 4", f"{aria2c} -x 4 -s 4 {url}", "aria2c", CLEAR),
        (group, "rb-fetch, fetched already", f"{fetch} {url}", "",
         f"{CLEAR}; {fetch} {url} > /dev/null"),
    ]


if CASE == "fetch":
    COMMANDS = fetches("http", os.environ["URL"], False) + \
        fetches("https", os.environ["TLS"], True)

TIME = shutil.which("time")


def run(command):
    """Seconds, and kilobytes of the largest process.

    time(1) measures the memory: a child of this program would be charged for
    the Python that it was before it was anything else.
    """
    argv = ["bash", "-o", "pipefail", "-c", command]
    if TIME:
        argv = [TIME, "-f", "%M", "-o", "work/peak"] + argv
    start = time.monotonic()
    done = subprocess.run(argv, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    seconds = time.monotonic() - start
    if done.returncode != 0:
        raise RuntimeError(done.stdout.decode(errors="replace").strip())
    if not TIME:
        return seconds, 0
    with open("work/peak") as f:
        return seconds, int(f.read())


times = {}
left_out = {}
for turn in range(WARM + ROUNDS):
    for n, (group, name, command, needs, before) in enumerate(COMMANDS):
        if n in left_out:
            continue
        if needs and shutil.which(needs) is None:
            left_out[n] = f"{needs} is not installed"
            continue
        try:
            if before:
                subprocess.run(["bash", "-c", before], check=True,
                               stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
            result = run(command)
        except (RuntimeError, subprocess.CalledProcessError) as e:
            left_out[n] = str(e).splitlines()[-1][:100] if str(e) else "failed"
            continue
        if turn >= WARM:
            times.setdefault(n, []).append(result)

if CASE == "fetch":
    tar = os.path.getsize("www/file.bin")
    print(f"\n{CASE}: {tar / 1e6:.0f} MB; medians of {ROUNDS}")
else:
    tar = os.path.getsize("bundle.tar")
    files = sum(len(f) for _, _, f in os.walk("context/tree"))
    print(f"\n{CASE}: {files} files, {tar / 1e6:.0f} MB, "
          f"{os.path.getsize('bundle.tar.gz') / 1e6:.0f} MB as .tar.gz; "
          f"medians of {ROUNDS}")
first = {}
for n, (group, name, *_) in enumerate(COMMANDS):
    if n not in times:
        continue
    seconds = statistics.median(t for t, _ in times[n])
    memory = max(m for _, m in times[n]) / 1024
    if group not in first:
        first[group] = seconds
        print(f"  {'':34}{'seconds':>9}{'ratio':>8}{'MB/s':>8}{'peak MB':>9}")
    print(f"  {name:34}{seconds:9.3f}{seconds / first[group]:8.2f}"
          f"{tar / 1e6 / seconds:8.0f}{memory:9.1f}")
    with open("results.jsonl", "a") as f:
        print(json.dumps({"case": CASE, "group": group, "name": name,
                          "seconds": seconds, "ratio": seconds / first[group],
                          "mb_per_s": tar / 1e6 / seconds, "peak_mb": memory}),
              file=f)
for layer, what in (("work/gzip", "img-build, gzip"),
                    ("work/zstd", "img-build, zstd"),
                    ("work/umoci", "umoci"), ("work/pushed", "buildah")):
    blobs = os.path.join(layer, "blobs/sha256")
    if os.path.isdir(blobs):
        size = max(os.path.getsize(os.path.join(blobs, b))
                   for b in os.listdir(blobs))
        print(f"  layer by {what}: {size / 1e6:.2f} MB")
for n, why in left_out.items():
    print(f"  left out: {COMMANDS[n][0]}: {COMMANDS[n][1]}: {why}")
shutil.rmtree("work", ignore_errors=True)
