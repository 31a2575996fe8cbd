#!/usr/bin/env python3
"""raw.py ROOT

A server on a free port of 127.0.0.1 that answers with the bytes of files: what
lies at ROOT/NAME is the answer to a request of /NAME, its head too, and the
connection ends behind it.  Where NAME.2 is there, that is the answer from the
second request on, and so forth.  The port stands in ROOT.port once it listens.
It ends by itself after five minutes.
"""
import os
import socketserver
import sys
import threading

root = sys.argv[1]
lock = threading.Lock()
counts = {}


class Handler(socketserver.StreamRequestHandler):
    timeout = 60

    def handle(self):
        line = self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        name = line.split()[1].decode().split("?")[0].lstrip("/")
        with lock:
            n = counts[name] = counts.get(name, 0) + 1
        path = os.path.join(root, name)
        while n > 1 and not os.path.exists("%s.%d" % (path, n)):
            n -= 1
        with open(path if n == 1 else "%s.%d" % (path, n), "rb") as f:
            self.wfile.write(f.read())


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


threading.Timer(300, os._exit, (1,)).start()
with Server(("127.0.0.1", 0), Handler) as server:
    with open(root + ".port.new", "w", encoding="ascii") as out:
        print(server.server_address[1], file=out)
    os.rename(root + ".port.new", root + ".port")
    server.serve_forever()
