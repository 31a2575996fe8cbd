#!/usr/bin/env python3
"""workflow.py - what GitHub would do with a step of a workflow, done here.

usage: workflow.py scripts DIR FILE...
       workflow.py facts FILE
       workflow.py run FILE JOB STEP CONTEXT.json

scripts writes each `run:` block into DIR as a bash file for shellcheck.  facts
prints a workflow as JSON.  run executes one step (by its name or id) as the
runner does: with `env:` of workflow, job and step, whose expressions are
computed from the contexts in CONTEXT.json, in its working-directory, by
`bash --noprofile --norc -eo pipefail`.  An expression is computed as GitHub
documents it, as far as these workflows use it.
"""
import json
import os
import re
import sys

import yaml

TOKEN = re.compile(r"""\s*(?:
    (?P<str>'(?:[^']|'')*') | (?P<num>-?\d+(?:\.\d+)?) |
    (?P<op>\|\||&&|==|!=|[!(),]) | (?P<name>[A-Za-z_][\w.-]*) )""", re.X)
WORDS = {"true": True, "false": False, "null": None}


def load(path):
    with open(path, encoding="utf-8") as f:
        doc = yaml.safe_load(f)
    if True in doc:		# YAML 1.1 reads the key `on` so
        doc["on"] = doc.pop(True)
    return doc


def text(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def same(a, b):
    if isinstance(a, str) and isinstance(b, str):
        return a.lower() == b.lower()
    return a == b


class Expression:
    """A recursive descent over the tokens: ||, &&, == and !=, !, a value."""

    def __init__(self, source, contexts):
        self.source, self.contexts, self.at = source, contexts, 0

    def value(self):
        result = self.either()
        if self.source[self.at:].strip():
            raise SyntaxError(self.source)
        return result

    def peek(self, *ops):
        m = TOKEN.match(self.source, self.at)
        if m and m["op"] in ops:
            self.at = m.end()
            return m["op"]
        return None

    def either(self):
        left = self.both()
        while self.peek("||"):
            right = self.both()
            left = left or right
        return left

    def both(self):
        left = self.equal()
        while self.peek("&&"):
            right = self.equal()
            left = left and right
        return left

    def equal(self):
        left = self.one()
        while op := self.peek("==", "!="):
            left = same(left, self.one()) == (op == "==")
        return left

    def one(self):
        if self.peek("!"):
            return not self.one()
        if self.peek("("):
            result = self.either()
            if not self.peek(")"):
                raise SyntaxError(self.source)
            return result
        m = TOKEN.match(self.source, self.at)
        if not m or m["op"]:
            raise SyntaxError(self.source)
        self.at = m.end()
        if m["str"]:
            return m["str"][1:-1].replace("''", "'")
        if m["num"]:
            return float(m["num"])
        if m["name"] in WORDS:
            return WORDS[m["name"]]
        if self.peek("("):
            return self.call(m["name"])
        return self.look_up(m["name"])

    def call(self, name):
        args = []
        while not self.peek(")"):
            args.append(self.either())
            self.peek(",")
        if name == "contains":
            return text(args[1]).lower() in text(args[0]).lower()
        return {"always": True, "cancelled": False, "failure":
            self.contexts.get("failed", False)}[name]

    def look_up(self, name):
        value = self.contexts
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value


def evaluate(template, contexts):
    if not isinstance(template, str):
        return text(template)
    return re.sub(r"\$\{\{(.*?)\}\}", lambda m: text(
        Expression(m[1], contexts).value()), template, flags=re.S)


def condition(template, contexts):
    if template is None:
        return True
    if isinstance(template, bool):
        return template
    return bool(Expression(re.sub(r"^\$\{\{(.*)\}\}$", r"\1",
        template.strip(), flags=re.S), contexts).value())


def jobs(doc):
    """NAME, JOB of a workflow; of an action its one list of steps."""
    if "runs" in doc:
        return {"action": doc["runs"]}
    return doc["jobs"]


def scripts(out, paths):
    for path in paths:
        name = re.sub(r"\W", "-", path.split(".github/")[-1])
        for job, body in jobs(load(path)).items():
            for i, step in enumerate(body.get("steps", [])):
                if "run" not in step:
                    continue
                with open(f"{out}/{name}-{job}-{i}.sh", "w",
                        encoding="utf-8") as f:
                    f.write("set -eo pipefail\n" + step["run"])


def run(path, job, wanted, contexts):
    doc = load(path)
    body = jobs(doc)[job]
    step = next(s for s in body["steps"]
        if wanted in (s.get("name"), s.get("id")))
    if not condition(step.get("if"), contexts):
        print(f"skipped: {wanted}")
        return
    env = dict(os.environ)
    for level in (doc, body, step):
        for key, value in (level.get("env") or {}).items():
            env[key] = evaluate(value, contexts)
    os.chdir(evaluate(step.get("working-directory", "."), contexts))
    script = os.path.join(env["RUNNER_TEMP"], "step.sh")
    with open(script, "w", encoding="utf-8") as f:
        f.write(evaluate(step["run"], contexts))
    os.execvpe("bash", ["bash", "--noprofile", "--norc", "-eo", "pipefail",
        script], env)


def main(argv):
    if argv[1] == "scripts":
        scripts(argv[2], argv[3:])
    elif argv[1] == "facts":
        print(json.dumps(load(argv[2])))
    elif argv[1] == "run":
        with open(argv[5], encoding="utf-8") as f:
            run(argv[2], argv[3], argv[4], json.load(f))
    else:
        sys.exit(__doc__)


main(sys.argv)
