"""server/feedsocket.py: changes over WebSocket, spoken to byte by byte."""

import base64
import hashlib
import json
import socket
import struct
import threading
import unittest
from unittest import mock

from tests.server.test_running import get, read_reply
from wikistd.server.feed import ChangeFeed
from wikistd.server.local import local_connect
from wikistd.server.running import serve_wsgi
from wikistd.server.store import PageStore

KEY = base64.b64encode(b"sixteen bytes ok").decode()
FIELDS = [
    "Upgrade: WebSocket",
    "Connection: keep-alive, Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: " + KEY,
]


def masked(kind, payload):
    """A client's frame, its mask spelt out."""
    mask = b"\x01\x02\x03\x04"
    body = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return struct.pack(">BB", 0x80 | kind, 0x80 | len(payload)) + mask + body


class SocketCase(unittest.TestCase):
    def setUp(self):
        self.store = PageStore()
        self.addCleanup(self.store.close)
        self.store.create_user("Ann", "a long password")
        self.feed = ChangeFeed(self.store)
        pause = mock.patch("wikistd.server.feed.FEED_PAUSE_SECONDS", 0.01)
        pause.start()
        self.addCleanup(pause.stop)
        self.server = serve_wsgi(self.feed, on_close=self.feed.close)
        self.addCleanup(self.server.close)

    def open(self, query="", fields=FIELDS):
        sock = socket.create_connection((self.server.host, self.server.port), timeout=5)
        self.addCleanup(sock.close)
        sock.sendall(get("/v2/stream/recentchange" + query, *fields))
        reader = sock.makefile("rb")
        self.addCleanup(reader.close)
        return sock, reader

    def handshake(self, query=""):
        sock, reader = self.open(query)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += reader.readline()
        return sock, reader, head.decode("latin-1")

    def frame(self, reader):
        first, length = reader.read(2)
        if length == 126:
            (length,) = struct.unpack(">H", reader.read(2))
        return first & 15, reader.read(length)


class Conversations(SocketCase):
    def test_events(self):
        """After the handshake each change is one text message."""
        _, reader, head = self.handshake()
        accept = hashlib.sha1((KEY + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode())
        expected = base64.b64encode(accept.digest()).decode()
        self.assertTrue(head.startswith("HTTP/1.1 101 Switching Protocols\r\n"), head)
        self.assertIn("Sec-WebSocket-Accept: %s\r\n" % expected, head)
        self.store.save_page("Zürich", "x", user="Ann")
        kind, payload = self.frame(reader)
        event = json.loads(payload.decode("utf-8"))
        self.assertEqual((kind, event["title"], event["type"]), (1, "Zürich", "new"))

    def test_since(self):
        """The past can be asked for, as with server-sent events."""
        _, reader, _ = self.handshake("?since=1")
        event = json.loads(self.frame(reader)[1].decode("utf-8"))
        self.assertEqual(event["title"], "User:Ann")

    def test_ping_and_close(self):
        """A ping is answered with its bytes, a close with a close."""
        sock, reader, _ = self.handshake()
        sock.sendall(masked(9, b"still there?"))
        self.assertEqual(self.frame(reader), (10, b"still there?"))
        sock.sendall(masked(1, b"words nobody asked for"))
        sock.sendall(masked(8, struct.pack(">H", 1000)))
        self.assertEqual(self.frame(reader), (8, struct.pack(">H", 1000)))
        self.assertEqual(reader.read(), b"")

    def test_broken_frames(self):
        """What breaks the protocol is answered with its code."""
        for data, code in (
            (b"\x81\x01x", 1002),  # not masked
            (masked(8, b"x"), 1002),
            (masked(1, b"\xff"), 1007),
            (b"\x82\xff" + struct.pack(">Q", 1 << 40) + b"mask", 1009),
        ):
            with self.subTest(data):
                sock, reader, _ = self.handshake()
                sock.sendall(data)
                kind, payload = self.frame(reader)
                self.assertEqual((kind, struct.unpack(">H", payload[:2])[0]), (8, code))

    def test_the_server_leaves(self):
        """A server that closes says so."""
        sock, reader, _ = self.handshake()
        self.feed.close()
        self.assertEqual(self.frame(reader), (8, struct.pack(">H", 1001)))
        sock.sendall(masked(8, struct.pack(">H", 1001)))
        self.assertEqual(self.frame(reader)[0], 8)
        self.assertEqual(reader.read(), b"")

    def test_the_client_leaves(self):
        """A client that is gone is noticed."""
        sock, reader, _ = self.handshake()
        reader.close()
        sock.close()
        for thread in threading.enumerate():
            if thread.name.startswith("wikistd-connection"):
                thread.join(10)
        self.assertEqual(self.server.open_connections, 0)


class Refusals(SocketCase):
    def test_handshakes(self):
        """What is no handshake is refused, with the version wanted."""
        old = [line.replace("13", "7") for line in FIELDS]
        status, headers, _ = read_reply(self.open(fields=old)[1])
        self.assertEqual(status[9:12], "426")
        self.assertEqual(headers["sec-websocket-version"], "13, 8")
        status, _, body = read_reply(self.open(fields=FIELDS[:3])[1])
        self.assertEqual(status[9:12], "400")
        self.assertIn(b"Sec-WebSocket-Key", body)

    def test_unknown_stream(self):
        """So is a stream that is not there."""
        status, _, _ = read_reply(self.open("x")[1])
        self.assertEqual(status, "HTTP/1.1 400 Bad Request")

    def test_other_servers(self):
        """A server that cannot hand its connection over says so."""
        sock = local_connect(self.feed)("here", 80)
        sock.sendall(get("/v2/stream/recentchange", *FIELDS))
        status, _, body = read_reply(sock.makefile("rb"))
        self.assertEqual(status[9:12], "501")
