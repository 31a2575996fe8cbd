#!/usr/bin/env python3
"""push.py DIR - images to and from a registry, beside what else does it.

Each command in turn, ROUNDS times (default 7), against a docker-registry of its
own on the loopback; medians of seconds, ratio to the first, and peak memory.
The image has one layer of 21 MB that does not compress; it is another one in each
round, and goes to a repository that is new, so that nobody can know it.  An
unchanged push is that of a small image, where the way counts and not the bytes.
"""
import hashlib
import http.client
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

DIR = os.path.join(sys.argv[1], "push")
ROUNDS = int(os.environ.get("ROUNDS", 7))
BUILD = "img-build --platform linux/amd64 --compression none"
TYPE = "application/vnd.oci.image.manifest.v1+json"
TIME = shutil.which("time")

for program in ("docker-registry", "skopeo", "curl", "openssl"):
    if shutil.which(program) is None:
        sys.exit(f"push is left out: {program} is not installed")
shutil.rmtree(DIR, ignore_errors=True)
os.makedirs(os.path.join(DIR, "context"))
os.makedirs(os.path.join(DIR, "small"))
os.chdir(DIR)
os.environ["TMPDIR"] = DIR
for place in ("context", "small"):
    with open(place + "/Dockerfile", "w") as f:
        f.write("FROM scratch\nCOPY file /\n")
with open("small/file", "w") as f:
    f.write("small\n")
with open("registry.yml", "w") as f:
    f.write("version: 0.1\nlog: {level: info}\nstorage: {filesystem: "
            f"{{rootdirectory: {DIR}/store}}}}\n"
            "http: {addr: '127.0.0.1:0', secret: x}\n")


def start():
    with open("registry.log", "w") as log:
        server = subprocess.Popen(["docker-registry", "serve", "registry.yml"],
                                  stdout=log, stderr=log)
    while server.poll() is None:
        with open("registry.log") as log:
            found = re.search(r"listening on (127\.0\.0\.1:\d+)", log.read())
        if found:
            return server, found.group(1)
        time.sleep(0.02)
    sys.exit("the registry does not start")


def run(command):
    """Seconds, and kilobytes of the largest process (measure.py has why)."""
    argv = ["bash", "-o", "pipefail", "-ec", command]
    if TIME:
        argv = [TIME, "-f", "%M", "-o", "peak"] + argv
    begin = time.monotonic()
    done = subprocess.run(argv, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    seconds = time.monotonic() - begin
    if done.returncode != 0:
        sys.exit(f"{command}: {done.stdout.decode(errors='replace')}")
    return seconds, int(open("peak").read()) if TIME else 0


def bare(repo):
    """The same bytes by one client that keeps its connection."""
    begin = time.monotonic()
    c = http.client.HTTPConnection(host)

    def ask(method, path, body=None, kind=None):
        c.request(method, path, body, {"Content-Type": kind} if kind else {})
        answer = c.getresponse()
        answer.read()
        return answer

    for d in [manifest["config"]] + manifest["layers"]:
        ask("HEAD", f"/v2/{repo}/blobs/{d['digest']}")
        to = ask("POST", f"/v2/{repo}/blobs/uploads/").headers["Location"]
        to = re.sub(r"^http://[^/]*", "", to)
        with open(blob(d), "rb") as data:
            answer = ask("PUT", f"{to}&digest={d['digest']}", data,
                         "application/octet-stream")
        assert answer.status == 201
    assert ask("PUT", f"/v2/{repo}/manifests/1", text, TYPE).status == 201
    return time.monotonic() - begin, 0


def blob(d):
    return "image/blobs/" + d["digest"].replace(":", "/")


def prepare():
    """Another image: in ./image, and at warm:1."""
    global text, manifest
    with open("context/file", "wb") as out:
        out.write(os.urandom(20 << 20))
    shutil.rmtree("image", ignore_errors=True)
    run(f"{BUILD} -o oci:image:1 context; "
        f"{BUILD} -t {host}/warm:1 --push context")
    with open("image/index.json") as index:
        with open(blob(json.load(index)["manifests"][0]), "rb") as document:
            text = document.read()
    manifest = json.loads(text)


def pull():
    """The commands of somebody who knows the digests."""
    return " && ".join(
        f"curl -sSf -o c{n} {URL}/blobs/{d['digest']} && "
        f"openssl dgst -sha256 c{n}"
        for n, d in enumerate([manifest["config"]] + manifest["layers"]))


text, manifest = b"", {}
server, host = start()
URL = f"http://{host}/v2/warm"
SKOPEO = "skopeo copy -q --dest-tls-verify=false oci:image:1 docker://"
# group, name, command ({new}: a repository that is new), or a function
COMMANDS = [
    ("cold push", "one keep-alive client", bare),
    ("cold push", "img-build: build and push",
     f"{BUILD} -t {{new}}:1 --push context"),
    ("cold push", "img-build: build alone", f"{BUILD} --dry-run context"),
    ("cold push", "manifest-assemble: push alone",
     "manifest-assemble -t {new}:1 --push oci:image:1"),
    ("cold push", "skopeo copy", SKOPEO + "{new}:1"),
    ("unchanged push", "skopeo copy",
     f"skopeo copy -q --dest-tls-verify=false oci:layout:1 "
     f"docker://{host}/small:1"),
    ("unchanged push", "img-build: build and push",
     f"{BUILD} -t {host}/small:1 --push small"),
    ("unchanged push", "img-build: build alone", f"{BUILD} --dry-run small"),
    ("unchanged push", "one HEAD by curl",
     f"curl -sSfI -o /dev/null -H 'Accept: {TYPE}' {URL}/manifests/1"),
    ("pull to a layout", "curl, openssl dgst", pull),
    ("pull to a layout", "manifest-assemble -o oci:",
     f"manifest-assemble -o oci:pull:1 docker://{host}/warm:1"),
    ("pull to a layout", "skopeo copy", "skopeo copy -q "
     f"--src-tls-verify=false docker://{host}/warm:1 oci:pulled:1"),
]

try:
    times = {}
    run(f"{BUILD} -o oci:layout:1 small; "
        f"{BUILD} -t {host}/small:1 --push small")
    for turn in range(ROUNDS + 1):
        prepare()
        for n, (_, name, command) in enumerate(COMMANDS):
            repo = f"cold/{turn}-{n}"
            for place in ("pull", "pulled"):
                shutil.rmtree(place, ignore_errors=True)
            if command is pull:
                command = pull()
            result = bare(repo) if command is bare else \
                run(command.replace("{new}", f"{host}/{repo}"))
            if turn > 0:
                times.setdefault(n, []).append(result)
finally:
    server.kill()
    server.wait()

print(f"\npush: one layer of 21 MB; medians of {ROUNDS}")
first = {}
for n, (group, name, _) in enumerate(COMMANDS):
    seconds = statistics.median(t for t, _ in times[n])
    memory = max(m for _, m in times[n]) / 1024
    if group not in first:
        first[group] = seconds
        print(f"  {group:36}{'seconds':>9}{'ratio':>8}{'peak MB':>9}")
    print(f"  {name:36}{seconds:9.3f}{seconds / first[group]:8.2f}"
          f"{memory:9.1f}")
    with open("../push.results.jsonl", "a") as f:
        print(json.dumps({"case": "push", "group": group, "name": name,
                          "seconds": seconds, "ratio": seconds / first[group],
                          "peak_mb": memory}), file=f)
shutil.rmtree(DIR, ignore_errors=True)
