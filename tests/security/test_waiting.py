"""Servers that never come to the end of their answer's head, or drip it."""

import time
import unittest
from unittest import mock

from tests.streams.standins import quiet_streams
from tests.support.accepting import AcceptingServer, read_head
from wikistd import (
    EventSource,
    EventStreams,
    HttpClient,
    Mastodon,
    StatusError,
    StreamListener,
    TransportTimeout,
    connect_websocket,
)

LIMIT = 0.05
STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
MOVED = b"HTTP/1.1 302 Found\r\nLocation: /other\r\n"
REFUSED = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n"


class DrippingServer(AcceptingServer):
    """Answer with `start`, then `drop` each 10 ms, `count` times; "" is silence."""

    def __init__(self, start=b"", drop=b"", count=300):
        self.start_bytes, self.drop, self.count = start, drop, count
        super().__init__()
        self.url = "http://127.0.0.1:%d/" % self.port

    def serve(self, connection):
        connection.settimeout(5)
        read_head(connection)
        connection.sendall(self.start_bytes)
        if not self.drop:
            connection.recv(1)  # until the client hangs up
        for _ in range(self.count if self.drop else 0):
            connection.sendall(self.drop)
            time.sleep(0.01)


def setUpModule():
    quiet_streams()


class Answering(unittest.TestCase):
    def served(self, *arguments):
        server = DrippingServer(*arguments)
        self.addCleanup(server.close)
        return server.url

    def source(self, url, **options):
        options.setdefault("timeout", LIMIT)
        source = EventSource(url, max_attempts=1, **options)
        self.addCleanup(source.close)
        return source

    def test_head_without_end(self):
        """Silence, a dripping head, a dripping redirect: `timeout` ends each."""
        for script in (
            (), (STREAM_HEAD + b"X: ", b"y"), (MOVED + CHUNKED, b"1\r\na\r\n")
        ):
            with self.subTest(script=script):
                with self.assertRaises(TransportTimeout):
                    next(self.source(self.served(*script)))

    def test_error_page_without_end(self):
        """Its status is the error, and does not wait for the page."""
        source = self.source(self.served(REFUSED + CHUNKED, b"1\r\na\r\n"), timeout=30)
        is_stream = source._is_stream

        def late(*answer):
            self.assertEqual(source._request.deadline.seconds, 30)
            source._request.deadline.ends_at = 0.0
            return is_stream(*answer)

        with mock.patch.object(source, "_is_stream", late):
            with self.assertRaises(StatusError) as caught:
                next(source)
        self.assertEqual(caught.exception.status, 404)
        self.assertLess(len(caught.exception.body), 300)

    def test_stream_outlives_timeout(self):
        """Once the head is there only silence ends a stream."""
        url = self.served(STREAM_HEAD + CHUNKED, b"9\r\ndata: a\n\n\r\n")
        source = self.source(url, timeout=30)
        next(source)
        source._request.deadline.ends_at = 0.0  # as if the time were over
        for _ in range(3):
            self.assertEqual(next(source).data, "a")

    def test_head_of_other_streams(self):
        """EventStreams, Mastodon and the WebSocket handshake have the limit too."""
        url = self.served()
        with EventStreams(url=url, timeout=(LIMIT, 9.0), max_attempts=1) as stream:
            with self.assertRaises(TransportTimeout):
                next(iter(stream))
        with HttpClient(user_agent="t/1 (t@x.example)") as client:
            with self.assertRaises(TransportTimeout):
                connect_websocket(url, client=client, timeout=LIMIT)
            mastodon = Mastodon(url, client=client, transport="sse")
            mastodon._streaming_url = url.rstrip("/")
            with self.assertRaises(TransportTimeout):
                mastodon.user_stream(StreamListener(), timeout=LIMIT)
