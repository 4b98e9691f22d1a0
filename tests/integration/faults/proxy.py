"""A proxy that spoils answers, by a seeded plan, between a client and a real wiki.

Each request gets a fate: "fine", or one of FATES.  What the wiki has processed all the
same is what makes it hard: "after", "reset", "cut", "garbage", "late" and "503" let the
request through and spoil only what the client learns of it.
"""

import http.client
import random
import socket
import struct
import threading

FATES = (
    "before",  # the connection ends before the wiki sees the request
    "after",  # the wiki answers, the client's connection ends instead
    "reset",  # the same with a TCP reset
    "cut",  # half of the answer
    "garbage",  # another answer that is no JSON
    "late",  # the client gives up, then the wiki gets the request
    "429",  # refused, with Retry-After
    "502",  # refused by a gateway
    "503",  # processed, then answered by a gateway
)


class FaultProxy:
    """Listens on a port of 127.0.0.1; a context manager; `counts` tells the fates."""

    def __init__(self, upstream, *, rate, seed, late_seconds, only=("GET", "POST")):
        self.upstream = upstream
        self.rate = rate
        self.late_seconds = late_seconds
        self.only = only
        self.dice = random.Random(seed)
        self.lock = threading.Lock()
        self.counts = dict.fromkeys(("fine",) + FATES, 0)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.is_open = True
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *details):
        self.is_open = False
        self.listener.close()

    def _fate(self, method):
        with self.lock:
            fate = "fine"
            if method in self.only and self.dice.random() < self.rate:
                fate = self.dice.choice(FATES)
            self.counts[fate] += 1
            return fate

    def _accept(self):
        while self.is_open:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        reader = client.makefile("rb")
        try:
            while self._exchange(client, reader):
                pass
        except OSError:
            pass  # The client went away.
        finally:
            reader.close()
            client.close()

    def _exchange(self, client, reader):
        line = reader.readline()
        if not line:
            return False
        method, target, _ = line.decode("latin-1").split()
        headers = []
        while True:
            field = reader.readline().decode("latin-1").strip()
            if not field:
                break
            name, _, value = field.partition(":")
            headers.append((name, value.strip()))
        length = int(dict((n.lower(), v) for n, v in headers).get("content-length", 0))
        body = reader.read(length)
        fate = self._fate(method)
        if fate == "before":
            return False
        if fate in ("429", "502"):
            self._answer(client, int(fate), b"<html>refused</html>")
            return True
        if fate == "late":
            threading.Event().wait(self.late_seconds)
        status, fields, answer = self._ask(method, target, headers, body)
        if fate == "late" or fate == "after":
            return False
        if fate == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if fate == "garbage":
            self._answer(client, 200, b"\x00\xff<html>not what you wanted")
            return True
        if fate == "503":
            self._answer(client, 503, b"<html>busy</html>")
            return True
        head = ["HTTP/1.1 %d X" % status]
        head += ["%s: %s" % field for field in fields]
        head.append("Content-Length: %d" % len(answer))
        data = "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + answer
        if fate == "cut":
            client.sendall(data[: len(data) - len(answer) // 2 - 1])
            return False
        client.sendall(data)
        return True

    def _ask(self, method, target, headers, body):
        wiki = http.client.HTTPConnection(self.upstream, timeout=120)
        try:
            wiki.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                if name.lower() != "connection":
                    wiki.putheader(name, value)
            wiki.putheader("Connection", "close")
            wiki.endheaders(body or None)
            response = wiki.getresponse()
            answer = response.read()
            skipped = ("content-length", "transfer-encoding", "connection")
            fields = [f for f in response.getheaders() if f[0].lower() not in skipped]
            return response.status, fields, answer
        finally:
            wiki.close()

    def _answer(self, client, status, body):
        head = "HTTP/1.1 %d X\r\nContent-Type: text/html\r\nContent-Length: %d\r\n" % (
            status,
            len(body),
        )
        if status in (429, 503):
            head += "Retry-After: 1\r\n"
        client.sendall(head.encode("ascii") + b"\r\n" + body)
