#!/usr/bin/env python3
"""token.py - the token server of a registry, with rules that tests can bend.

usage: token.py --cert PEM --key PEM --sign-cert PEM --sign-key PEM
           --port-file FILE --log FILE [OPTION]...

It signs what docker-registry's token authentication takes: RS256 with the
certificate in x5c.  ann:secret may pull and push everything below ann/ and
pull everything; anybody may pull what is below public/.  The identity token
`id-ann` is traded for ann's tokens by POST.  Each request is a line in the log:
METHOD USER SCOPES.

  --life SECONDS   how long a token is good (60)
  --silent         no expires_in in the answer
  --no-post        404 to POST
  --strict REPO    no token at all where a scope names this repository
  --plain          speak plain http
"""
import argparse
import base64
import json
import os
import ssl
import subprocess
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

# docker-registry takes tokens that are this much over their time.
LEEWAY = 60


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def allowed(user, scope):
    kind, name, actions = scope.split(":", 2)
    may = set()
    if user == "ann" or name.startswith("public/"):
        may.add("pull")
    if user == "ann" and name.startswith("ann/"):
        may.add("push")
    return {"type": kind, "name": name,
            "actions": [a for a in actions.split(",") if a in may]}


def sign(text):
    return subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", args.sign_key],
        input=text, stdout=subprocess.PIPE, check=True).stdout


def make_token(user, scopes, service):
    with open(args.sign_cert, encoding="ascii") as f:
        pem = f.read()
    der = "".join(line for line in pem.splitlines() if "-----" not in line)
    now = int(time.time())
    head = {"typ": "JWT", "alg": "RS256", "x5c": [der]}
    body = {"iss": "test-issuer", "sub": user or "", "aud": service,
            "exp": now + args.life - LEEWAY, "nbf": now - LEEWAY, "iat": now,
            "jti": str(time.monotonic_ns()),
            "access": [allowed(user, s) for s in scopes]}
    text = ".".join(b64(json.dumps(x).encode()) for x in (head, body))
    return text + "." + b64(sign(text.encode()))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def note(self, user, scopes):
        with open(args.log, "a", encoding="ascii") as f:
            f.write("%s %s %s\n" % (self.command, user or "-",
                                    " ".join(scopes)))

    def give(self, user, scopes, service, key):
        self.note(user, scopes)
        if args.strict and any(":%s:" % args.strict in s for s in scopes):
            return self.answer(401, {"details": "no such repository"})
        body = {key: make_token(user, scopes, service)}
        if not args.silent:
            body["expires_in"] = args.life
        return self.answer(200, body)

    def do_GET(self):
        query = parse_qs(urlsplit(self.path).query)
        auth = self.headers.get("Authorization", "")
        user = None
        if auth:
            pair = base64.b64decode(auth.split(" ", 1)[1]).decode()
            if pair != "ann:secret":
                self.note("bad", [])
                return self.answer(401, {"details": "incorrect password"})
            user = "ann"
        return self.give(user, query.get("scope", []),
                         query["service"][0], "token")

    def do_POST(self):
        size = int(self.headers["Content-Length"])
        form = parse_qs(self.rfile.read(size).decode())
        if args.no_post:
            self.note("?", [])
            return self.answer(404, {})
        if form.get("refresh_token") != ["id-ann"] or \
                form.get("grant_type") != ["refresh_token"]:
            self.note("bad", [])
            return self.answer(401, {"details": "invalid identity token"})
        return self.give("ann", form["scope"][0].split(" "),
                         form["service"][0], "access_token")


parser = argparse.ArgumentParser()
for name in ("cert", "key", "sign-cert", "sign-key", "port-file", "log"):
    parser.add_argument("--" + name, required=True)
parser.add_argument("--life", type=int, default=60)
parser.add_argument("--strict")
for name in ("silent", "no-post", "plain"):
    parser.add_argument("--" + name, action="store_true")
args = parser.parse_args()
open(args.log, "a", encoding="ascii").close()
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
if not args.plain:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(args.cert, args.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(args.port_file + ".new", "w", encoding="ascii") as out:
    out.write("%d\n" % server.server_address[1])
os.rename(args.port_file + ".new", args.port_file)
server.serve_forever()
