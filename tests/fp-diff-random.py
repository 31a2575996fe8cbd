#!/usr/bin/env python3
"""fp-diff-random.py STEPS SEED - equal fingerprints are equal contents.

Makes a repository in the working directory and does one thing after another to
it: edits, commits, reverts, checkouts, renames.  After each the fingerprints of
a few components are compared with plain hashing of all their files.
"""
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys

STEPS, SEED = int(sys.argv[1]), int(sys.argv[2])
rnd = random.Random(SEED)
NAMES = ["a", "b", "c.rs", "d.o", "sp ace", "n\nl", "\udcff", "keep.o"]
DIRS = ["", "src/", "src/deep/", "lib/", "lib/x/y/", "build/"]
COMPONENTS = {
    "all": ["*"],
    "src": ["/src/"],
    "mixed": ["/lib/", "*.rs", "!/lib/x/", "/lib/x/y/a"],
}


def git(*args, ok=True):
    done = subprocess.run(["git", *args], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if ok and done.returncode != 0:
        sys.exit(f"git {args}: {done.stdout.decode(errors='replace')}")
    return done.stdout


def is_in(component, path):
    if component == "all":
        return True
    if component == "src":
        return path.startswith("src/")
    return (path.startswith("lib/") and not path.startswith("lib/x/")
            or path.endswith(".rs") and not path.startswith("lib/x/")
            or path == "lib/x/y/a" or path.startswith("lib/x/y/a/"))


def contents():
    """Of each component: a hash of all names, modes and bytes."""
    listed = git("ls-files", "-z", "-co", "--exclude-standard").split(b"\0")
    sums = {c: hashlib.sha256() for c in COMPONENTS}
    for path in sorted(set(listed)):
        if not path or not os.path.lexists(path) or (
                os.path.isdir(path) and not os.path.islink(path)):
            continue
        # git knows nothing of what is behind a symlink
        folder = os.path.dirname(path)
        while folder and not os.path.islink(folder):
            folder = os.path.dirname(folder)
        if folder:
            continue
        if os.path.islink(path):
            data = b"l" + os.fsencode(os.readlink(path))
        else:
            with open(path, "rb") as f:
                data = f.read()
            data = (b"x" if os.stat(path).st_mode & 0o100 else b"f") + data
        for c, h in sums.items():
            if is_in(c, os.fsdecode(path)):
                h.update(b"%d %s %d " % (len(path), path, len(data)) + data)
    return {c: h.hexdigest() for c, h in sums.items()}


def fingerprints():
    lines = "".join(json.dumps({"component": c, "paths": p}) + "\n"
                    for c, p in COMPONENTS.items())
    out = subprocess.run(["fp-diff", "-q"], input=lines.encode(), check=True,
                         stdout=subprocess.PIPE).stdout
    return {r["component"]: r["fingerprint"]
            for r in map(json.loads, out.splitlines())}


def files():
    found = []
    for root, dirs, names in os.walk("."):
        if ".git" in dirs:
            dirs.remove(".git")
        found += [os.path.join(root, n)[2:] for n in names]
        found += [os.path.join(root, d)[2:] for d in dirs
                  if os.path.islink(os.path.join(root, d))]
    return sorted(found)


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def room(path):
    """Make the folders above path, whatever stands there."""
    parts = path.split("/")[:-1]
    for i in range(len(parts)):
        p = "/".join(parts[:i + 1])
        if os.path.lexists(p) and (os.path.islink(p) or not os.path.isdir(p)):
            os.unlink(p)
    if parts:
        os.makedirs("/".join(parts), exist_ok=True)
    remove(path)


def write():
    path = rnd.choice(DIRS) + rnd.choice(NAMES)
    room(path)
    with open(path, "w") as f:
        f.write("x%d\n" % rnd.randrange(6))


def link():
    path = rnd.choice(DIRS) + rnd.choice(NAMES)
    room(path)
    os.symlink(rnd.choice(["a", "../lib", "/nowhere"]), path)


def rename():
    there = files()
    if there:
        old, new = rnd.choice(there), rnd.choice(DIRS) + rnd.choice(NAMES)
        if not (new + "/").startswith(old + "/") and \
                not (old + "/").startswith(new + "/"):
            room(new)
            if os.path.lexists(old):
                os.rename(old, new)


def some(action):
    def act():
        there = [p for p in files() if p != ".gitignore"]
        if there:
            action(rnd.choice(there))
    return act


def mode(path):
    if not os.path.islink(path):
        os.chmod(path, os.stat(path).st_mode ^ 0o111)


def touch(path):
    os.utime(path, (rnd.randrange(1 << 31),) * 2, follow_symlinks=False)


def same_size(path):
    """Other bytes, the same size and time."""
    if not os.path.islink(path):
        st = os.stat(path)
        with open(path, "r+") as f:
            f.write("y")
        os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))


def ignore():
    with open(".gitignore", "w") as f:
        f.write(rnd.choice(["*.o\n", "*.o\n!keep.o\n", "/build/\n", "", "b\n"]))


def commit():
    git("add", "-A")
    git("commit", "-q", "--allow-empty", "-m", "x")


def checkout():
    commits = git("rev-list", "--all").split()
    git("checkout", "-q", "-f", "--detach", rnd.choice(commits), ok=False)


ACTIONS = [(write, 30), (link, 4), (rename, 10), (some(remove), 8),
           (some(mode), 5), (some(touch), 5), (some(same_size), 8),
           (ignore, 3), (commit, 10), (checkout, 8),
           (lambda: git("add", "-A"), 6),
           (lambda: git("reset", "-q"), 3),
           (lambda: git("reset", "-q", "--hard"), 3),
           (lambda: git("stash", "-q", ok=False), 2),
           (lambda: git("stash", "pop", "-q", ok=False), 2),
           (lambda: git("revert", "--no-edit", "HEAD", ok=False), 2),
           (lambda: git("revert", "--abort", ok=False), 1),
           (lambda: git("status"), 3)]

git("init", "-q")
write()
commit()
print_of, content_of = {}, {}
for step in range(STEPS):
    action = rnd.choices([a for a, _ in ACTIONS], [w for _, w in ACTIONS])[0]
    action()
    content, fingerprint = contents(), fingerprints()
    for c in COMPONENTS:
        x, y = content[c], fingerprint[c]
        if print_of.setdefault(x, y) != y:
            sys.exit(f"step {step}, {c}: one content, two fingerprints")
        if content_of.setdefault(y, x) != x:
            sys.exit(f"step {step}, {c}: two contents, one fingerprint")
print(f"{STEPS} steps, {len(content_of)} contents")
