#!/usr/bin/env python3
"""fp.py DIR - fp-diff on a repository of 80,000 files, beside what it replaces.

Each command in turn, ROUNDS times (default 7); medians of seconds and of
processor time.  DIR/fp gets the repository on the first run.
"""
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import time

DIR = os.path.join(sys.argv[1], "fp")
ROUNDS = int(os.environ.get("ROUNDS", 7))
PARTS, DIRTY = 20, 30

# How it was done with a shell: names of what differs, of what is new, git's
# name of each tree, and a sum of each file that is not as committed.
SHELL = """
{ git ls-tree -r HEAD -- crates | sha256sum
  { git diff --name-only -z HEAD -- crates
    git ls-files -z --others --exclude-standard -- crates; } |
      sort -z | while IFS= read -r -d '' f; do sha256sum "$f"; done
} | sha256sum
"""
# The same for each component, as a script with components has it.
SHELL_EACH = """
for c in crates/part*; do
  { git ls-tree -r HEAD -- "$c" | sha256sum
    { git diff --name-only -z HEAD -- "$c"
      git ls-files -z --others --exclude-standard -- "$c"; } |
        sort -z | while IFS= read -r -d '' f; do sha256sum "$f"; done
  } | sha256sum
done
"""
LSTAT = r"""
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
int main(void)
{
	static char name[4096];
	struct stat st;
	int n = 0;

	while (fgets(name, sizeof(name), stdin) != NULL) {
		name[strcspn(name, "\n")] = '\0';
		n += lstat(name, &st) == 0;
	}
	return n == 0;
}
"""


def sh(command):
    subprocess.run(["bash", "-ec", command], check=True,
                   stdout=subprocess.DEVNULL)


def make():
    random.seed(1)
    os.makedirs(DIR)
    os.chdir(DIR)
    for part in range(PARTS):
        for module in range(40):
            folder = f"repo/crates/part{part:02d}/module{module:02d}/src"
            os.makedirs(folder)
            for n in range(100):
                with open(f"{folder}/file{n:03d}.rs", "w") as f:
                    f.write("%x\n" % random.getrandbits(64) *
                            random.randint(5, 60))
    os.chdir("repo")
    sh("git init -q && git add -A && git -c user.name=a -c user.email=a@b "
       "commit -qm x && git ls-files > ../names")
    with open("../all.jsonl", "w") as f:
        print('{"component":"all","paths":["/crates/"]}', file=f)
    with open("../each.jsonl", "w") as f:
        for part in range(PARTS):
            print(json.dumps({"component": f"part{part}", "paths": [
                f"/crates/part{part:02d}/", "!*.md"]}), file=f)
    with open("../lstat.c", "w") as f:
        f.write(LSTAT)
    sh("${CC:-cc} -O2 -o ../lstat ../lstat.c")


def dirty():
    for n in range(DIRTY - 5):
        with open(f"crates/part{n % PARTS:02d}/module{n:02d}/src/file000.rs",
                  "a") as f:
            f.write("dirty\n")
    for n in range(5):
        with open(f"crates/part{n:02d}/module00/src/new.rs", "w") as f:
            f.write("new\n")


def clean():
    # A second passes between the files and the index, as on a machine where
    # people work: what is of the same instant is read again by everybody.
    sh("git checkout -q . && git clean -qfd && "
       "find . -name .git -prune -o -type f -newermt '-2 seconds' "
       "-exec touch -d '-10 seconds' {} + && git update-index -q --refresh")


def measure(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    subprocess.run(["bash", "-ec", command], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, (after.ru_utime - before.ru_utime +
                     after.ru_stime - before.ru_stime)


COMMANDS = [
    ("fp-diff", "fp-diff < ../all.jsonl"),
    ("git status --porcelain", "git status --porcelain"),
    ("lstat of every file", "../lstat < ../names"),
    ("git diff, ls-files, ls-tree, sha256sum", SHELL),
    ("fp-diff, 20 components", "fp-diff -q < ../each.jsonl"),
    ("the same in a shell, 20 components", SHELL_EACH),
]

if not os.path.exists(os.path.join(DIR, "lstat")):
    make()
os.chdir(os.path.join(DIR, "repo"))
for state in ("nothing changed", f"{DIRTY} dirty"):
    clean()
    if state != "nothing changed":
        dirty()
    times = {name: [] for name, _ in COMMANDS}
    for turn in range(ROUNDS + 1):
        for name, command in COMMANDS:
            if turn > 0 or name != COMMANDS[-1][0]:
                result = measure(command)
                if turn > 0:
                    times[name].append(result)
    print(f"\nfp: 80,000 files, {state}; medians of {ROUNDS}")
    print(f"  {'':40}{'seconds':>9}{'ratio':>8}{'cpu':>9}{'ratio':>8}")
    first = None
    for name, _ in COMMANDS:
        wall, cpu = (statistics.median(t) for t in zip(*times[name]))
        first = first or (wall, cpu)
        print(f"  {name:40}{wall:9.3f}{wall / first[0]:8.2f}"
              f"{cpu:9.3f}{cpu / first[1]:8.2f}")
        with open("../results.jsonl", "a") as f:
            print(json.dumps({"case": "fp", "group": state, "name": name,
                              "seconds": wall, "ratio": wall / first[0],
                              "cpu_seconds": cpu}), file=f)
clean()
