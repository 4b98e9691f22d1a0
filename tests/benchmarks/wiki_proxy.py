"""A proxy that counts what passes and adds a round trip's delay; for bench_wiki.py."""

import http.client
import socket
import struct
import sys
import threading
import time

#: Threads that wait for connections: none is started while somebody waits for it.
MAX_CONNECTIONS = 8

#: Linux's socket option for the moment at which bytes arrived: it takes 0.1 ms until a
#: thread that waited for them goes on, which is no client's time.
SO_TIMESTAMPNS = 35
TIMESTAMP = struct.Struct("@qq")


def arrival(ancillary):
    """Return when the last of some bytes arrived, by time.perf_counter."""
    now = time.perf_counter()
    for level, kind, data in ancillary:
        if (level, kind, len(data)) == (socket.SOL_SOCKET, SO_TIMESTAMPNS, TIMESTAMP.size):
            seconds, nanoseconds = TIMESTAMP.unpack(data)
            return now - max(0.0, time.time() - seconds - nanoseconds / 1e9)
    return now


class CountingProxy:
    """Passes HTTP/1.1 to one server over kept connections; one owner.

    `take()` returns and resets: requests, connections, bytes both ways, and the floor:
    the seconds from the last byte of a request to the first of its answer, which the
    server, the added delays and this proxy took, and no client can avoid.
    """

    def __init__(self, upstream):
        self.upstream = upstream
        self.delay = 0.0
        self.lock = threading.Lock()
        self.reset()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        # What is accepted has these from the listener.
        self.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if sys.platform == "linux":
            self.listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.port = self.listener.getsockname()[1]
        for _ in range(MAX_CONNECTIONS):
            threading.Thread(target=self._accept, daemon=True).start()

    def reset(self):
        self.totals = {"requests": 0, "connections": 0, "bytes": 0, "floor": 0.0}

    def take(self):
        with self.lock:
            totals = self.totals
            self.reset()
            return totals

    def _accept(self):
        while True:
            # Nothing is done between the two that could be done before: it would be
            # taken for the client's time.
            wiki = http.client.HTTPConnection(self.upstream, timeout=300)
            client, _ = self.listener.accept()
            self._serve(client, wiki)

    def _serve(self, client, wiki):
        try:
            while self._exchange(client, wiki):
                pass
        except OSError:
            pass  # The client went away.
        finally:
            with self.lock:
                self.totals["connections"] += 1
            wiki.close()
            client.close()

    def _exchange(self, client, wiki):
        received = bytearray()
        while True:
            end = received.find(b"\r\n\r\n") + 4
            if end >= 4:
                break
            piece, ancillary, _, _ = client.recvmsg(1 << 16, 64)
            began = arrival(ancillary)
            if not piece:
                return False
            received += piece
        first, *lines = received[: end - 4].decode("latin-1").split("\r\n")
        method, target, _ = first.split()
        headers = [(n, v.strip()) for n, _, v in (f.partition(":") for f in lines)]
        low = {name.lower(): value for name, value in headers}
        if low.get("expect"):
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "transfer-encoding" in low:
            raise OSError("bodies of unknown length are not for this proxy")
        body = memoryview(bytearray(int(low.get("content-length", 0))))
        have = len(received) - end
        body[:have] = received[end:]
        while have < len(body):
            count, ancillary, _, _ = client.recvmsg_into([body[have:]], 64)
            began = arrival(ancillary)
            if not count:
                return False
            have += count
        size = end + len(body)
        if self.delay:
            time.sleep(self.delay)
        if wiki.sock is None:
            wiki.connect()
            wiki.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wiki.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                wiki.putheader(name, value)
        if body:
            wiki.putheader("Content-Length", str(len(body)))
        wiki.endheaders(body or None)
        response = wiki.getresponse()
        answer = response.read()
        skipped = ("content-length", "transfer-encoding", "connection")
        lines = ["HTTP/1.1 %d %s" % (response.status, response.reason)]
        lines += ["%s: %s" % f for f in response.getheaders() if f[0].lower() not in skipped]
        lines.append("Content-Length: %d" % len(answer))
        data = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + answer
        with self.lock:
            floor = time.perf_counter() - began
            self.totals["requests"] += 1
            self.totals["bytes"] += size + len(data)
            self.totals["floor"] += floor
        client.sendall(data)
        return low.get("connection", "").lower() != "close"
