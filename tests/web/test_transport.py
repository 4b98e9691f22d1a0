"""web/transport.py: a host that owns the network."""

import gzip
import io
import unittest
import urllib.request

from tests.support.clocks import FakeClock
from wikistd import (
    ConnectFailed,
    ConnectionLost,
    Deadline,
    HttpClient,
    ProtocolError,
    StatusError,
    TransportTimeout,
    WebRequest,
)
from wikistd.web.transport import TransportHandler

AGENT = "WikistdTests/1.0 (https://example.org/tests)"


class Transports(unittest.TestCase):
    def setUp(self):
        self.calls = []
        self.answers = []

    def transport(self, *call):
        self.calls.append(call)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def client(self, *answers, **options):
        self.answers = list(answers)
        options.setdefault("user_agent", AGENT)
        client = HttpClient(transport=self.transport, **options)
        self.addCleanup(client.close)
        return client

    def test_call(self):
        """It gets method, URL, headers, body and time, and gives status, headers, body."""
        client = self.client((201, [("A", "1")], b"done"))
        response = client.post("http://wiki.test/x?y#z", {"a": "é"}, timeout=5)
        self.assertEqual((response.status, response.reason), (201, "Created"))
        self.assertEqual((response.content, response.headers["a"]), (b"done", "1"))
        method, url, headers, body, timeout = self.calls[0]
        self.assertEqual((method, url), ("POST", "http://wiki.test/x?y"))
        self.assertEqual(body, b"a=%C3%A9")
        self.assertLess(timeout, 5.1)
        self.assertEqual(
            dict(headers),
            {
                "Content-Type": "application/x-www-form-urlencoded",
                "User-Agent": AGENT,
                "Accept": "*/*",
                "Accept-Encoding": "gzip, deflate",
            },
        )
        self.assertEqual((client.counters.requests, client.counters.bytes), (1, 4))

    def test_everything_above_works(self):
        """Cookies, redirects, credentials, decoding: all without a socket."""
        client = self.client(
            (302, [("Location", "/b"), ("Set-Cookie", "c=1")], b""),
            (401, [("WWW-Authenticate", "Basic realm=r")], b""),
            (200, [("Content-Encoding", "gzip")], io.BytesIO(gzip.compress(b"[1]"))),
            auth=("u", "p"),
        )
        self.assertEqual(client.get("http://wiki.test/a").json(), [1])
        self.assertEqual(dict(self.calls[1][2])["Cookie"], "c=1")
        self.assertEqual(dict(self.calls[2][2])["Authorization"], "Basic dTpw")

    def test_hosts_that_decompress(self):
        """A host that undoes the compression but leaves the header is understood."""
        client = self.client((200, [("Content-Encoding", "gzip")], b"plain"))
        self.assertEqual(client.get("http://wiki.test/").content, b"plain")

    def test_streamed_bodies(self):
        """A body that is not in memory is given as an iterator."""
        client = self.client((200, [], b""))
        client.put("http://wiki.test/", iter([b"a", b"b"]))
        self.assertEqual(list(self.calls[0][3]), [b"a", b"b"])

    def test_errors(self):
        """What it raises becomes ours; a write may have been applied."""
        client = self.client(ConnectionResetError(104, "reset"), TimeoutError())
        with self.assertRaises(ConnectionLost) as caught:
            client.post("http://wiki.test/", b"x")
        self.assertTrue(caught.exception.maybe_applied)
        with self.assertRaises(TransportTimeout) as caught:
            client.get("http://wiki.test/")
        self.assertFalse(caught.exception.maybe_applied)
        ours = ConnectFailed("no network", phase="connect")
        client = self.client(ours)
        with self.assertRaises(ConnectFailed) as caught:
            client.post("http://wiki.test/", b"x")
        self.assertIs(caught.exception, ours)
        self.assertFalse(ours.maybe_applied)

    def test_nonsense(self):
        """A status that is none is a ProtocolError."""
        client = self.client((0, [], b""))
        with self.assertRaisesRegex(ProtocolError, "transport returned the status 0"):
            client.get("http://wiki.test/")

    def test_status(self):
        """A bad status is an answer."""
        client = self.client((503, [], memoryview(b"later")))
        with self.assertRaises(StatusError) as caught:
            client.get("http://wiki.test/").raise_for_status()
        self.assertEqual(caught.exception.body, b"later")

    def test_time(self):
        """An answer that came too late is TransportTimeout."""
        clock = FakeClock()

        def slow(*call):
            clock.advance(9)
            return 200, [], b""

        with HttpClient(transport=slow, clock=clock, user_agent=AGENT) as client:
            with self.assertRaises(TransportTimeout):
                client.get("http://wiki.test/", timeout=Deadline(5, clock=clock))

    def test_cancelled(self):
        """A cancelled request is not handed over."""
        client = self.client()
        request = WebRequest("http://wiki.test/")
        request.cancel()
        with self.assertRaisesRegex(ConnectFailed, "cancelled"):
            client.open(request)

    def test_alone(self):
        """The handler works in urllib.request.build_opener."""
        self.answers = [(200, [], b"ok")]
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), TransportHandler(self.transport)
        )
        with opener.open("http://wiki.test/", b"data") as response:
            self.assertEqual(response.read(), b"ok")
        self.assertEqual(self.calls[0][3], b"data")


if __name__ == "__main__":
    unittest.main()
