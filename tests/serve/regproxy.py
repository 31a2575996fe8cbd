#!/usr/bin/env python3
"""regproxy.py - a registry as it is on a bad day: a proxy with faults.

usage: regproxy.py --upstream PORT --port-file FILE --log FILE [FAULT]...

Each request is a line in the log: METHOD PATH STATUS BYTES [RANGE], where BYTES
are those of the request's body.  The faults, each by itself or together:

  --errors PERCENT --seed N   500 at random requests, the same ones each time
  --rate N          429 with `Retry-After: 1` to every Nth request
  --rate-body N     429 with the delay in the body, as ghcr.io has it
  --drop-up N       the first N bodies of uploads break off in the middle, and
                    their upload can't go on (docker-registry's way)
  --drop-skip N     not the very first N of them
  --resume          it can: the half that came is there
  --drop-answer N   the first N uploads that are done lose their answer
  --drop-down N     the first N blobs that are read break off in the middle
  --max-body BYTES  413 to larger bodies
  --chunk-min BYTES OCI-Chunk-Min-Length, and 416 to a smaller PATCH but for
                    the last of its upload
  --late N          404 to the first N reads of a manifest
  --relative        Locations without a host
  --signed          Locations with a query that must come back to the byte
  --pad             manifests of over 4 MiB
  --no-head         405 to HEAD of a manifest
  --storage         blobs are read from another port, where a request that has
                    Authorization is refused
  --referrers MODE  `see-other`: 303 to elsewhere; `pages`: two pages of one
"""
import argparse
import http.client
import os
import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SIGNATURE = "sig=a%2fB+c~%7E&X-Empty="
left = {}
current = {}    # the path of an upload as the registry has it now
lock = threading.Lock()
count = 0


def take(name):
    """One of the first N of a kind."""
    with lock:
        left[name] = left.get(name, getattr(args, name)) - 1
        return left[name] >= 0


def every(n):
    return n and count % n == 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self, status):
        extra = self.headers.get("Content-Range") or \
            self.headers.get("Range") or ""
        with lock, open(args.log, "a", encoding="ascii") as f:
            f.write(("%s %s %s %d %s" % (self.command, self.path, status,
                                         self.size, extra)).strip() + "\n")

    def answer(self, status, fields=(), body=b""):
        self.note(status)
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        # As servers do: a reset would take the answer along.
        while self.unread > 0:
            data = self.rfile.read(min(self.unread, 1 << 16))
            if not data:
                self.close_connection = True
                break
            self.unread -= len(data)

    def handle_any(self):
        global count
        self.size = int(self.headers.get("Content-Length") or 0)
        self.unread = self.size
        with lock:
            count += 1
            bad = chance.random() * 100 < args.errors
        if self.is_storage():
            return self.from_storage()
        if bad:
            return self.answer(500, (), b"oops")
        if every(args.rate):
            return self.answer(429, (("Retry-After", "1"),))
        if every(args.rate_body):
            return self.answer(429, (), b"retry-after: 12.5ms, allowed: 44")
        return self.faults()

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any

    def is_storage(self):
        return storage and self.server is storage

    def from_storage(self):
        if self.headers.get("Authorization"):
            return self.answer(400, (), b"only one auth mechanism allowed")
        return self.forward()

    def faults(self):
        upload = "/blobs/uploads/" in self.path
        read = self.command in ("GET", "HEAD")
        if self.size > args.max_body:
            return self.answer(413)
        if upload and self.command == "PATCH" and \
                self.size < args.chunk_min and self.size % 1000 == 0:
            return self.answer(416)
        if upload and args.signed and self.command in ("PATCH", "PUT"):
            if "?" + SIGNATURE not in self.path:
                return self.answer(403, (), b"the signature does not match")
        if "/manifests/" in self.path and read:
            if args.no_head and self.command == "HEAD":
                return self.answer(405)
            if take("late"):
                return self.answer(404)
            if args.pad:
                return self.answer(200, (), b"{" + b" " * (5 << 20) + b"}")
        if "/referrers/" in self.path and args.referrers:
            return self.referrers()
        if "/blobs/sha256:" in self.path and storage and \
                self.command == "GET":
            return self.answer(307, (("Location", "http://127.0.0.1:%d%s" % (
                storage.server_address[1], self.path)),))
        return self.forward()

    def referrers(self):
        if args.referrers == "see-other":
            return self.answer(303, (("Location", "https://192.0.2.1/"),))
        more = self.path.endswith("?page=2")
        entry = b'{"mediaType":"a/b","digest":"sha256:%s","size":2}' % (
            b"%064d" % (2 if more else 1))
        link = "<%s?page=2>; rel=\"next\"" % self.path
        return self.answer(
            200, () if more else (("Link", link),),
            b'{"schemaVersion":2,"manifests":[' + entry + b"]}")

    def upstream_path(self):
        path = self.path.replace("?" + SIGNATURE + "&", "?").replace(
            "?" + SIGNATURE, "")
        name, _, query = path.partition("?")
        if name in current:
            digest = [q for q in query.split("&") if q.startswith("digest=")]
            return "&".join([current[name]] + digest)
        return path

    def keep_half(self):
        """The first half goes on as a PATCH of its own."""
        path = self.upstream_path().split("&digest=")[0]
        conn = http.client.HTTPConnection("127.0.0.1", args.upstream)
        conn.request("PATCH", path, self.rfile.read(self.size // 2), {
            "Host": self.headers["Host"],
            "Content-Type": "application/octet-stream"})
        r = conn.getresponse()
        current[self.path.partition("?")[0]] = "/" + r.getheader(
            "Location").split("/", 3)[3]
        self.break_off(conn)

    def send_body(self, conn, size):
        while size > 0:
            data = self.rfile.read(min(size, 1 << 16))
            if not data:
                return False
            size -= len(data)
            self.unread -= len(data)
            conn.send(data)
        return True

    def break_off(self, conn):
        self.note("broken")
        conn.close()
        self.close_connection = True

    def forward(self):
        body = self.command in ("PUT", "PATCH") and self.size > 1000
        drop = body and "/blobs/uploads/" in self.path and \
            not take("drop_skip") and take("drop_up")
        if drop and args.resume:
            return self.keep_half()
        conn = http.client.HTTPConnection("127.0.0.1", args.upstream)
        conn.putrequest(self.command, self.upstream_path(), skip_host=True,
                        skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() != "expect":
                conn.putheader(name, value)
        conn.endheaders()
        if drop:
            self.send_body(conn, self.size // 2)
            return self.break_off(conn)
        if not self.send_body(conn, self.size):
            return self.break_off(conn)
        r = conn.getresponse()
        if self.command == "PUT" and r.status == 201 and \
                "/blobs/" in self.path and take("drop_answer"):
            return self.break_off(conn)
        return self.give(conn, r)

    def location(self, value):
        if args.relative:
            value = "/" + value.split("/", 3)[3]
        if args.signed and "?" in value:
            value = value.replace("?", "?" + SIGNATURE + "&")
        return value

    def give(self, conn, r):
        self.note(r.status)
        self.send_response(r.status)
        for name, value in r.getheaders():
            if name == "Location" and "/blobs/uploads/" in value:
                current.pop(self.path.partition("?")[0], None)
                value = self.location(value)
            if name.lower() not in ("connection", "date", "server"):
                self.send_header(name, value)
        if args.chunk_min and self.command == "POST":
            self.send_header("OCI-Chunk-Min-Length", str(args.chunk_min))
        self.end_headers()
        size = int(r.getheader("Content-Length") or 0)
        if self.command == "HEAD":
            size = 0
        if size > 1000 and "/blobs/" in self.path and take("drop_down"):
            size //= 2
            self.close_connection = True
        while size > 0:
            data = r.read(min(size, 1 << 16))
            size -= len(data)
            self.wfile.write(data)
        conn.close()


parser = argparse.ArgumentParser()
parser.add_argument("--upstream", type=int, required=True)
parser.add_argument("--port-file", required=True)
parser.add_argument("--log", required=True)
for name in ("errors", "seed", "rate", "rate-body", "drop-up", "drop-answer",
             "drop-down", "drop-skip", "chunk-min", "late"):
    parser.add_argument("--" + name, type=int, default=0)
parser.add_argument("--max-body", type=int, default=1 << 40)
for name in ("relative", "signed", "no-head", "pad", "resume",
             "storage"):
    parser.add_argument("--" + name, action="store_true")
parser.add_argument("--referrers")
args = parser.parse_args()
chance = random.Random(args.seed)
open(args.log, "a", encoding="ascii").close()
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
storage = None
if args.storage:
    storage = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=storage.serve_forever, daemon=True).start()
with open(args.port_file + ".new", "w", encoding="ascii") as out:
    out.write("%d\n" % server.server_address[1])
os.rename(args.port_file + ".new", args.port_file)
server.serve_forever()
