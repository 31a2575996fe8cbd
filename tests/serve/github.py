"""github.py - what GitHub's API answers about releases, for fault.py.

ROOT/github.json says what there is:

  { "repo": "O/R", "token": "…", "public": false, "storage": "http://…:P/noauth",
    "latest": "v2", "scope": true, "deny": 404,
    "releases": { "v1": [ {"name": "a.tar.gz", "digest": "sha256:…"} ] },
    "limited": 60 }

A private repository is 404 (or `deny`) but with the token; another token is
401; with "scope": false the token lacks a permission (403).  "limited": N
answers all without a token with a rate limit that ends in N seconds.  An
asset's bytes are a signed redirect to `storage`/NAME.  Below /api/v3 the same,
as GitHub Enterprise has it; /O/R/releases/download/TAG/NAME is the web site,
where no token helps.
"""
import base64
import json
import os
import re
import time

SECONDARY = json.dumps({
    "message": "You have exceeded a secondary rate limit. Please wait a few "
    "minutes before you try again."})
MISSING = (404, '{"message":"Not Found","status":"404"}', [])


def basic(auth):
    """USER:PASSWORD of an Authorization field, or nothing."""
    if not auth.startswith("Basic "):
        return None
    return base64.b64decode(auth[6:]).decode()


def limited(seconds):
    return (403, '{"message":"API rate limit exceeded for 192.0.2.1."}',
            ("x-ratelimit-limit", "60"), ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", str(int(time.time()) + seconds)))


def refusal(hub, auth):
    """Why this caller sees nothing, or None."""
    token = re.sub(r"^(Bearer|token) ", "", auth)
    if not token:
        if "limited" in hub:
            status, text, *fields = limited(hub["limited"])
            return status, text, fields
        if not hub.get("public"):
            status = hub.get("deny", 404)
            return status, '{"message":"Not Found"}', []
    elif token != hub.get("token"):
        return 401, '{"message":"Bad credentials","status":"401"}', []
    elif not hub.get("scope", True):
        return (403, '{"message":"Resource not accessible by personal access '
                'token"}', [("X-Accepted-GitHub-Permissions",
                             "contents=read")])
    return None


def release(hub, base, tag):
    assets = []
    for n, (t, asset) in enumerate(every(hub)):
        if t != tag:
            continue
        url = f"{base}/repos/{hub['repo']}/releases/assets/{n + 1}"
        assets.append({"id": n + 1, "name": asset["name"], "url": url,
                       "state": "uploaded", "digest": asset.get("digest"),
                       "size": asset.get("size", 0)})
    return json.dumps({"id": 1, "tag_name": tag, "assets": assets})


def every(hub):
    return [(tag, a) for tag, assets in hub["releases"].items()
            for a in assets]


def location(hub, name):
    return ("Location", f"{hub['storage']}/{name}?X-Amz-Credential=who"
            "&X-Amz-Signature=sig-secret")


def answer(root, target, headers):
    """(status, text, fields), or None where it is no business of GitHub's."""
    with open(os.path.join(root, "github.json")) as f:
        hub = json.load(f)
    path, prefix = target.path, ""
    if path.startswith("/api/v3/"):
        path, prefix = path[7:], "/api/v3"
    site = re.fullmatch(rf"/{hub['repo']}/releases/download/([^/]+)/(.+)",
                        path)
    if site:
        known = (site[1], site[2]) in [(t, a["name"]) for t, a in every(hub)]
        if not known or not hub.get("public"):
            return MISSING
        return 302, "", [location(hub, site[2])]
    if not path.startswith("/repos/"):
        return None
    why = refusal(hub, headers.get("authorization", ""))
    if why:
        return why
    m = re.fullmatch(rf"/repos/{hub['repo']}/releases/(tags/(.+)|latest|"
                     r"assets/(\d+))", path)
    if not m:
        return MISSING
    if m[3]:
        if int(m[3]) > len(every(hub)):
            return MISSING
        asset = every(hub)[int(m[3]) - 1][1]
        if headers.get("accept") != "application/octet-stream":
            return 200, json.dumps(asset), []
        return 302, "", [location(hub, asset["name"])]
    tag = m[2] or hub.get("latest")
    if tag not in hub["releases"]:
        return MISSING
    scheme = "https" if hub.get("tls") else "http"
    return 200, release(hub, f"{scheme}://{headers['host']}{prefix}", tag), []
