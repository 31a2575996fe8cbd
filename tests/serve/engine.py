#!/usr/bin/env python3
"""A Docker engine that does what a real one won't when it is asked to.

usage: engine.py MODE ADDRESS LOG READY

ADDRESS is the path of a socket, or HOST:0.  READY gets the address as
DOCKER_HOST has it when the engine listens.  LOG gets a line of JSON for each
request: method, path, and of a body its type, size and SHA-256.  It ends by
itself after five minutes.

MODE: what happens to an image that is loaded.
  good      it is there afterwards
  detail    status 200 with an errorDetail in the stream
  refuse    status 500 with a message
  drop      the connection ends in the middle of the upload
  other     its name stands for another image afterwards
  endless   the answer is one line without an end
  garbage   the answers are no JSON
  old       no version is said, as by an engine before 1.24
"""
import hashlib
import http.server
import json
import os
import socket
import socketserver
import sys
import tarfile
import threading

mode, address, log_path, ready = sys.argv[1:]
images = {}
lock = threading.Lock()


def read_archive(path):
    """Names and config digest, as docker load reads them."""
    with tarfile.open(path) as tar:
        for image in json.load(tar.extractfile("manifest.json")):
            config = tar.extractfile(image["Config"]).read()
            digest = "sha256:" + hashlib.sha256(config).hexdigest()
            for tag in image["RepoTags"]:
                images[tag.replace("docker.io/library/", "")
                       .replace("docker.io/", "")] = digest


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def address_string(self):
        return "local"

    def note(self, **more):
        with lock, open(log_path, "a") as f:
            f.write(json.dumps({"method": self.command, "path": self.path,
                                **more}) + "\n")

    def answer(self, status, body, kind="application/json"):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if mode != "old":
            self.send_header("Api-Version", "1.41")
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.note()
        if self.path == "/_ping":
            return self.answer(200, b"OK", "text/plain")
        if mode == "garbage":
            return self.answer(200, b"<html>")
        name = self.path.split("/images/")[1].rsplit("/", 1)[0]
        if name not in images:
            return self.answer(404, {"message": "No such image: " + name})
        digest = images[name] if mode != "other" else "sha256:" + "0" * 64
        return self.answer(200, {"Id": digest, "RepoTags": [name]})

    def do_POST(self):
        left = int(self.headers["Content-Length"])
        size, digest = left, hashlib.sha256()
        path = "%s.tar-%d" % (ready, threading.get_ident())
        with open(path, "wb") as f:
            while left > 0:
                data = self.rfile.read(min(left, 65536))
                if not data:
                    break
                left -= len(data)
                digest.update(data)
                f.write(data)
                if mode == "drop":
                    self.note(dropped=True)
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return None
        self.note(type=self.headers["Content-Type"], size=size,
                  sha256=digest.hexdigest())
        if mode == "refuse":
            return self.answer(500, {"message": "the disk is on fire"})
        if mode == "detail":
            return self.answer(200, b'{"status":"Loading layer"}\r\n'
                               b'{"errorDetail":{"message":"bad \\u001b[31m'
                               b'layer"},"error":"bad layer"}\r\n')
        if mode == "endless":
            return self.answer(200, b'{"stream":"' + b"x" * (2 << 20))
        read_archive(path)
        return self.answer(200, b'{"stream":"Loaded image\\n"}\r\n')


class Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


if ":" in address:
    server = http.server.ThreadingHTTPServer(
        (address.rsplit(":", 1)[0], 0), Handler)
    name = "tcp://%s:%d" % server.server_address[:2]
else:
    server = Unix(address, Handler)
    name = "unix://" + address
with open(ready + ".new", "w") as f:
    f.write(name)
os.rename(ready + ".new", ready)
threading.Timer(300, os._exit, (1,)).start()
server.serve_forever()
