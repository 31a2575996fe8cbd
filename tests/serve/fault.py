#!/usr/bin/env python3
"""fault.py ROOT [--log FILE] [--tls CERT KEY] [--connect PORT] [--port N]
	[--life S]

A web server on a free port of 127.0.0.1 that serves the files of ROOT and does
wrong on command.  The port stands in ROOT.port once it listens.  It ends by
itself after S seconds (default 300).

The commands are the folders of the path, `name` or `name=value`, several by
commas: /noranges,rate=1000000/a.tar.gz is the file a.tar.gz.

what is sent
  noranges       no ranges: 200 and all of it
  noetag nomod   without ETag, without Last-Modified;  weak: a weak ETag
  etag=X         this ETag, whatever the file is;  fickle: another each time
  gzip           says Content-Encoding: gzip
  html json      an error page with status 200
  chunked        without a length;  close: the same, by the connection's end
  swap=N         after N requests NAME.new is the file, as a new one
  lie            If-Range is not looked at
  shift total    a Content-Range that is one byte off, or has another total
  ignore=N       the range begins at byte N, whatever was asked for
how it is sent
  delay=MS       before each answer
  rate=N         at most N bytes a second on a connection
  cut=N reset=N  the connection ends, or is reset, at byte N of the body
  stall=N        nothing more after byte N
  more=N         so many bytes more than was said
  less=N         so many bytes fewer than the range has, said and sent
something else
  status=N       that, with retry=S or retrydate=S for Retry-After, and
  limit=S        GitHub's rate limit that ends in S seconds;  secondary: the
                 other one
  need=TOKEN     404 (or status=N) but for `Authorization: Bearer TOKEN`
  basic          401 but for the user `me` with the password `hunter2`
  noauth         400 where there is any Authorization, as storages do
  to=[HOST:]PORT redirects to what follows in the path; scheme=http, code=307,
                 sign: with a signed query
  circle hops=N  redirects to itself, N times to itself
when
  times=N        all this for the first N requests of the path alone
  from=N         for those after the first N alone
  at=N           for requests of a range that has byte N in it alone

A request in absolute form is served as any other, CONNECT leads to the local
--connect PORT: whatever the name, so that the server plays a proxy of a wider
world.  Where ROOT has a github.json, /repos/ and /api/v3/ are GitHub's API, see
github.py.

The log has a JSON line for each answered request: conn (a number), method,
path, query, proxy (how it was asked of us), headers, range, status, sent (bytes
of body), begin and end in seconds.  GET /-/stats says what there is up to now:
requests, sent, active, stalled.
"""
import argparse
import email.utils
import http.server
import itertools
import json
import os
import re
import select
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse

import github

CHUNK = 65536


class World:
    """What all connections share."""

    def __init__(self, args):
        self.args = args
        self.lock = threading.Lock()
        self.counts = {}
        self.connections = itertools.count(1)
        self.stats = {"requests": 0, "sent": 0, "active": 0, "stalled": 0}
        self.log = open(args.log, "a", buffering=1)

    def add(self, key, n=1):
        with self.lock:
            self.stats[key] += n

    def count(self, path):
        """How many requests of this path there were before."""
        with self.lock:
            n = self.counts.get(path, 0)
            self.counts[path] = n + 1
            return n

    def write(self, line):
        with self.lock:
            self.log.write(json.dumps(line) + "\n")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1   # head and a small body in one packet
    timeout = 60

    def setup(self):
        super().setup()
        self.conn = next(self.server.world.connections)

    def log_message(self, *_):
        pass

    def do_GET(self):
        world = self.server.world
        self.sent, self.status = 0, 0
        target = urllib.parse.urlsplit(self.path)
        if target.path == "/-/stats":
            with world.lock:
                text = json.dumps(world.stats)
            self.plain(200, text)
            return
        begin = time.monotonic()
        world.add("requests")
        world.add("active")
        try:
            self.answer(target)
            self.wfile.flush()
        except (ConnectionError, ssl.SSLError, TimeoutError):
            self.close_connection = True
        finally:
            self.note(target, begin, "absolute" if target.netloc else None)
            world.add("active", -1)

    do_HEAD = do_POST = do_PUT = do_GET

    def note(self, target, begin, proxy):
        self.server.world.write({
            "conn": self.conn, "method": self.command, "path": target.path,
            "query": target.query, "proxy": proxy,
            "headers": {k.lower(): v for k, v in self.headers.items()},
            "range": self.headers.get("range"), "status": self.status,
            "sent": self.sent, "begin": begin, "end": time.monotonic()})

    def head(self, status, fields):
        self.status = status
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.end_headers()

    def plain(self, status, text, *fields):
        """A short answer."""
        body = text.encode()
        kind = "application/json" if text[:1] in "{[" else "text/html"
        self.head(status, [("Content-Type", kind),
                           ("Content-Length", str(len(body))), *fields])
        if self.command != "HEAD":
            self.wfile.write(body)
            self.sent = len(body)

    def answer(self, target):
        if os.path.exists(os.path.join(self.server.world.args.root,
                                       "github.json")):
            found = github.answer(self.server.world.args.root, target,
                                  self.headers)
            if found:
                self.plain(found[0], found[1], *found[2])
                return
        folders, _, name = target.path.rpartition("/")
        do = {}
        rest = [f for f in folders.split("/") if f]
        while rest:
            for command in rest.pop(0).split(","):
                key, _, value = command.partition("=")
                do[key] = value
            if "to" in do:
                break
        before = self.server.world.count(target.path)
        if not self.now(do, before):
            do = {}
        if "delay" in do:
            time.sleep(int(do["delay"]) / 1000)
        if not self.refuse(do, target, "/".join(rest + [name])):
            self.file(do, urllib.parse.unquote(name), before)

    def now(self, do, before):
        """Is this a request that the commands are for?"""
        if before >= int(do.get("times", before + 1)):
            return False
        if before < int(do.get("from", 0)):
            return False
        if "at" in do:
            m = re.fullmatch(r"bytes=(\d+)-(\d*)",
                             self.headers.get("range", ""))
            first, last = (int(m[1]), int(m[2] or 1 << 62)) if m else (0, -1)
            return first <= int(do["at"]) <= last
        return True

    def refuse(self, do, target, rest):
        """Commands that end without the file."""
        auth = self.headers.get("authorization", "")
        if "to" in do or "circle" in do or int(do.get("hops") or 0) > 0:
            self.redirect(do, target, rest)
        elif "noauth" in do and auth:
            self.plain(400, "<Code>InvalidArgument</Code> one auth mechanism")
        elif "need" in do:
            if auth in ("Bearer " + do["need"], "token " + do["need"]):
                return False
            self.plain(int(do.get("status", 404)), "not for you")
        elif "basic" in do:
            if github.basic(auth) == "me:hunter2":
                return False
            self.plain(401, "who?", ("WWW-Authenticate", 'Basic realm="x"'))
        elif "html" in do:
            self.plain(200, "<!DOCTYPE html><title>Oops</title>" + " " * 500)
        elif "json" in do:
            self.plain(200, '{"message":"try again"}')
        elif "limit" in do:
            self.plain(*github.limited(int(do["limit"])))
        elif "secondary" in do:
            self.plain(403, github.SECONDARY, ("Retry-After", do["secondary"]))
        elif "status" in do:
            fields = []
            if "retry" in do:
                fields = [("Retry-After", do["retry"])]
            elif "retrydate" in do:
                fields = [("Retry-After", email.utils.formatdate(
                    time.time() + int(do["retrydate"]), usegmt=True))]
            self.plain(int(do["status"]), "that is a fault", *fields)
        else:
            return False
        return True

    def redirect(self, do, target, rest):
        where = target.path
        if "to" in do:
            host, _, port = do["to"].rpartition(":")
            scheme = do.get("scheme", self.server.scheme)
            where = f"{scheme}://{host or '127.0.0.1'}:{port}/{rest}"
        elif "hops" in do:
            where = re.sub(r"hops=\d+", f"hops={int(do['hops']) - 1}", where)
        if "sign" in do:
            where += "?X-Amz-Credential=who&X-Amz-Signature=sig-secret"
        self.plain(int(do.get("code", 302)), "", ("Location", where))

    def file(self, do, name, before):
        if before >= int(do.get("swap", before + 1)):
            name += ".new"
        path = os.path.join(self.server.world.args.root, os.path.basename(name))
        try:
            f = open(path, "rb")
        except OSError:
            self.plain(404, "there is no such thing here")
            return
        with f:
            st = os.fstat(f.fileno())
            etag = do.get("etag", f"{st.st_ino:x}-{st.st_mtime_ns:x}")
            if "fickle" in do:
                etag += f"-{before}"
            etag = f'W/"{etag}"' if "weak" in do else f'"{etag}"'
            fields = []
            if "noetag" not in do:
                fields.append(("ETag", etag))
            if "nomod" not in do:
                fields.append(("Last-Modified", email.utils.formatdate(
                    int(st.st_mtime), usegmt=True)))
            if "noranges" not in do:
                fields.append(("Accept-Ranges", "bytes"))
            if "gzip" in do:
                fields.append(("Content-Encoding", "gzip"))
            fields.append(("Content-Type", "application/octet-stream"))
            self.send_file(do, f, st.st_size, fields)

    def send_file(self, do, f, size, fields):
        field = dict(fields)
        if self.headers.get("if-none-match", "-") == field.get("ETag") or (
                "If-None-Match" not in self.headers and
                self.headers.get("if-modified-since", "-") ==
                field.get("Last-Modified")):
            self.head(304, fields)
            return
        first, last, status = 0, size - 1, 200
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)",
                             self.headers.get("range", ""))
        if asked and "noranges" not in do and ("lie" in do or self.headers.get(
                "if-range") in (None, field.get("ETag"),
                                field.get("Last-Modified"))):
            first = int(do.get("ignore", asked[1]))
            last = min(int(asked[2] or last), last)
            if first > last:
                self.plain(416, "", ("Content-Range", f"bytes */{size}"))
                return
            off = 1 if "shift" in do else 0
            fields.append(("Content-Range", f"bytes {first + off}-{last + off}"
                           f"/{size + ('total' in do)}"))
            status = 206
        length = last - first + 1 - int(do.get("less", 0))
        if "close" in do:
            self.close_connection = True
        elif "chunked" in do:
            fields.append(("Transfer-Encoding", "chunked"))
        else:
            fields.append(("Content-Length", str(length)))
        self.head(status, fields)
        if self.command == "HEAD":
            return
        f.seek(first)
        self.body(do, f, length)

    def body(self, do, f, length):
        self.wfile.flush()
        stop = min(int(do.get(k, length)) for k in ("cut", "reset", "stall"))
        extra = int(do.get("more", 0))
        begin = time.monotonic()
        # Whoever waits for a stall or a kill wants to see each byte soon.
        chunk = min(CHUNK, int(do.get("rate", 0)) // 50 or CHUNK)
        while self.sent < stop:
            self.put(do, f.read(min(chunk, stop - self.sent)))
            if "rate" in do:
                ahead = self.sent / int(do["rate"]) - (
                    time.monotonic() - begin)
                if ahead > 0:
                    time.sleep(ahead)
        if stop < length or do.get("stall") == str(stop):
            self.leave(do, stop)
            return
        if extra:
            self.put(do, b"x" * extra)
        if "chunked" in do:
            self.wfile.write(b"0\r\n\r\n")

    def put(self, do, data):
        n = len(data)
        if "chunked" in do:
            data = b"%x\r\n%s\r\n" % (len(data), data)
        self.wfile.write(data)
        self.wfile.flush()
        self.sent += n
        self.server.world.add("sent", n)

    def leave(self, do, stop):
        """The body ends before its end."""
        self.close_connection = True
        if "stall" in do and stop == int(do["stall"]):
            self.server.world.add("stalled")
            self.connection.settimeout(None)
            while select.select([self.connection], [], [], 300)[0]:
                if not self.connection.recv(CHUNK):
                    break
            self.server.world.add("stalled", -1)
        elif "reset" in do and stop == int(do["reset"]):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
            self.connection.close()

    def do_CONNECT(self):
        world = self.server.world
        begin = time.monotonic()
        self.sent, self.status = 0, 200
        with socket.create_connection(
                ("127.0.0.1", world.args.connect)) as there:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self.wfile.flush()
            ends = {self.connection: there, there: self.connection}
            while ends:
                for end in select.select(list(ends), [], [])[0]:
                    try:
                        data = end.recv(CHUNK)
                        ends[end].sendall(data)
                    except OSError:
                        data = b""
                    if not data:
                        ends = {}
                        break
        self.close_connection = True
        self.note(urllib.parse.urlsplit("//" + self.path), begin,
                  "connect " + self.path)


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def finish_request(self, request, client_address):
        if self.tls:
            try:
                request.settimeout(20)
                request = self.tls.wrap_socket(request, server_side=True)
            except OSError:
                return
        super().finish_request(request, client_address)
        if self.tls:
            request.close()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("root")
    p.add_argument("--log", default=os.devnull)
    p.add_argument("--tls", nargs=2)
    p.add_argument("--connect", type=int)
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--life", type=float, default=300)
    args = p.parse_args()
    alarm = threading.Timer(args.life, os._exit, [1])
    alarm.daemon = True
    alarm.start()
    server = Server(("127.0.0.1", args.port), Handler)
    server.world = World(args)
    server.scheme, server.tls = "http", None
    if args.tls:
        server.scheme = "https"
        server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.tls.load_cert_chain(*args.tls)
    port = args.root.rstrip("/") + ".port"
    with open(port + ".part", "w") as f:
        print(server.server_address[1], file=f)
    os.rename(port + ".part", port)
    server.serve_forever()


main()
