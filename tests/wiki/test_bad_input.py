"""What a user or a server can do wrong, through the public door and the real client."""

import io
import unittest

from tests.support.canary import Canary
from tests.support.clocks import FakeClock
from wikistd import HttpClient, Session, edit_page
from wikistd.errors import (
    APIError,
    ConnectionLost,
    LimitExceeded,
    LoginError,
    ProtocolError,
    StatusError,
    TransportError,
    WikistdError,
)

AGENT = "wikistd-tests/1.0 (https://example.org/wikistd)"
LIMIT = 1 << 20
JSON = [("Content-Type", "application/json")]


class Endless(io.RawIOBase):
    """Ten gigabytes that are made while they are read."""

    def __init__(self):
        self.left = 10_000_000_000
        self.given = 0

    def readable(self):
        return True

    def readinto(self, buffer):
        size = min(len(buffer), self.left)
        buffer[:size] = b"x" * size
        self.left -= size
        self.given += size
        return size


class Case(unittest.TestCase):
    def start(self, *answers, **options):
        """A session whose network gives `answers`, (status, headers, body), in turn."""
        left = list(answers)

        def network(method, url, headers, body, timeout):
            answer = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(answer, BaseException):
                raise answer
            status, headers, body = answer
            return status, headers, body() if callable(body) else body

        clock = FakeClock()
        client = HttpClient(
            transport=network, user_agent=AGENT, clock=clock, max_body_bytes=LIMIT
        )
        self.addCleanup(client.close)
        options.setdefault("api_path", "/w/api.php")
        return Session("https://wiki.example", AGENT, session=client, clock=clock, **options)

    def fails(self, kind, *words, answers, call=None, secret="n0t-to-be-seen"):
        """Check that a call ends in `kind` whose sentence has `words`, and no secret."""
        for method in ("get", "post"):
            with Canary(secret) as canary:
                session = self.start(*answers)
                with self.assertRaises(kind) as caught:
                    if call is not None:
                        call(session)
                    else:
                        getattr(session, method)(action="edit", token=secret, title="T")
                canary.look(session, caught.exception)
            self.assertIsInstance(caught.exception, WikistdError)
            for word in words:
                self.assertIn(word, str(caught.exception))
        return caught.exception


class FarSide(Case):
    def test_ten_gigabytes(self):
        """A reply without end is cut off at a limit, whether it tells its length or not."""
        for headers in (JSON, JSON + [("Content-Length", "10000000000")]):
            bodies = []

            def body(bodies=bodies):
                bodies.append(Endless())
                return bodies[-1]

            self.fails(LimitExceeded, str(LIMIT), answers=[(200, headers, body)])
            self.assertLess(max(body.given for body in bodies), 2 * LIMIT)

    def test_cut_short(self):
        """A reply that ends before its length is none; the write may have landed."""
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"

        class Cut:
            def sendall(self, data):
                pass

            def makefile(self, mode):
                return io.BytesIO(head + b'{"edit":')

            def close(self):
                pass

        clock = FakeClock()
        client = HttpClient(connect=lambda *where: Cut(), user_agent=AGENT, clock=clock)
        self.addCleanup(client.close)
        session = Session("http://wiki.example", session=client, clock=clock)
        for method, is_write in (("get", False), ("post", True)):
            with self.assertRaises(ConnectionLost) as caught:
                getattr(session, method)(action="edit", token="t")
            error = caught.exception
            self.assertEqual((error.received, error.expected), (8, 1000))
            self.assertEqual(error.maybe_applied, is_write)
            self.assertEqual(len(error.attempts), 1 if is_write else 2)

    def test_html(self):
        page = (200, [("Content-Type", "text/html")], b"<h1>Welcome to the hotel</h1>")
        self.fails(
            ProtocolError,
            "expected JSON from the API, got text/html",
            "Welcome to the hotel",
            "check host and api_path",
            answers=[page],
        )

    def test_statuses(self):
        for status, words in ((404, "there is no API"), (403, "User-Agent")):
            self.fails(StatusError, words, answers=[(status, [], b"No")])

    def test_not_there(self):
        self.fails(
            TransportError, "refused", answers=[ConnectionRefusedError(111, "refused")]
        )


class NearSide(Case):
    def test_host_without_scheme(self):
        with self.assertRaises(ValueError) as caught:
            Session("en.wikipedia.org")
        self.assertEqual(
            str(caught.exception),
            "host must include http:// or https://, for example "
            "https://en.wikipedia.org, got 'en.wikipedia.org'",
        )

    def test_wrong_password(self):
        token = (200, JSON, b'{"query":{"tokens":{"logintoken":"lt-secret+\\\\"}}}')
        failed = (
            200,
            JSON,
            b'{"login":{"result":"Failed","reason":"Incorrect username or password"}}',
        )
        self.fails(
            LoginError,
            "check name and password at Special:BotPasswords",
            answers=[token, failed],
            call=lambda session: session.login("Bot@app", "n0t-to-be-seen"),
        )

    def test_invalid_title(self):
        page = b'{"query":{"pages":[{"title":"[","invalid":true,"invalidreason":"Bad."}]}}'
        self.fails(
            APIError,
            "'[' cannot be a title: Bad.",
            answers=[(200, JSON, page)],
            call=lambda session: edit_page(session, "[", "x"),
        )
