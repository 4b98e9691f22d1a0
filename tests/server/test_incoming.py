"""server/incoming.py: the grammar of requests."""

import random
import unittest

from tests.support.feeding import feed_every_way
from wikistd.server.incoming import RequestParser, RequestRefused

HOST = b"Host: a\r\n"


def read_all(chunks, **limits):
    """Every request in `chunks` as (method, target, headers, body), then the refusal."""
    parser = RequestParser(**limits)
    found, head, body = [], None, []
    for chunk in chunks:
        parser.feed(chunk)
        try:
            while True:
                if head is None:
                    head = parser.read_head()
                    if head is None:
                        break
                part = parser.read_body()
                if part is None:
                    break
                if part:
                    body.append(part)
                else:
                    found.append(
                        (head.method, head.target, head.headers, b"".join(body))
                    )
                    head, body = None, []
        except RequestRefused as refused:
            return found + [(refused.status, refused.sentence)]
    return found


class RequestCase(unittest.TestCase):
    def read(self, data, **limits):
        return feed_every_way(
            self, data, lambda chunks: read_all(chunks, **limits), random_splits=5
        )

    def refused(self, data, **limits):
        got = self.read(data, **limits)
        self.assertEqual(len(got), 1, got)
        self.assertEqual(len(got[0]), 2, "was taken: %r" % (got,))
        return got[0]


class Taken(RequestCase):
    def test_two_requests_follow_each_other(self):
        """A body ends where its length says, and the next request begins there."""
        got = self.read(
            b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
            b"\r\nGET / HTTP/1.1\r\nHost: x\r\nX-Y:  two words \t\r\n\r\n"
        )
        self.assertEqual(
            got,
            [
                ("POST", "/a?b=c", [("host", "x"), ("content-length", "3")], b"abc"),
                ("GET", "/", [("host", "x"), ("x-y", "two words")], b""),
            ],
        )

    def test_chunks_are_joined(self):
        """Chunk extensions and trailers are read past."""
        got = self.read(
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
            b'3;ext="1"\r\nabc\r\n00A \r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n'
            b"GET /2 HTTP/1.1\r\nHost: x\r\n\r\n"
        )
        self.assertEqual([entry[3] for entry in got], [b"abc0123456789", b""])
        self.assertEqual(got[1][1], "/2")

    def test_connection_options(self):
        """HTTP/1.1 stays unless told to close, HTTP/1.0 closes unless told to stay."""
        for line, options, expected in (
            (b"GET / HTTP/1.1\r\n", b"", True),
            (b"GET / HTTP/1.1\r\n", b"Connection: x, Close\r\n", False),
            (b"GET / HTTP/1.0\r\n", b"", False),
            (b"GET / HTTP/1.0\r\n", b"Connection: Keep-Alive\r\n", True),
        ):
            parser = RequestParser()
            parser.feed(line + HOST + options + b"\r\n")
            self.assertEqual(parser.read_head().keeps_alive, expected)

    def test_expect_continue(self):
        """100-continue is understood in HTTP/1.1 alone."""
        parser = RequestParser()
        parser.feed(b"GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\n\r\n")
        self.assertTrue(parser.read_head().expects_continue)

    def test_host_is_free_in_http_1_0(self):
        """HTTP/1.0 knew no Host."""
        self.assertEqual(len(self.read(b"GET / HTTP/1.0\r\n\r\n")[0]), 4)

    def test_hosts(self):
        """Names, addresses and ports are Hosts."""
        for host in (b"a", b"a.b:80", b"[::1]:8080", b"", b"xn--bcher-kva.example"):
            got = self.read(b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % host)
            self.assertEqual(len(got[0]), 4, got)

    def test_raw_bytes_in_the_address(self):
        """Addresses that people type with letters past ASCII are taken."""
        got = self.read(b"GET /wiki/Z\xc3\xbcrich HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(got[0][1].encode("latin-1"), b"/wiki/Z\xc3\xbcrich")

    def test_last_header_wins_in_get(self):
        """get() knows names in lower case."""
        parser = RequestParser()
        parser.feed(b"GET / HTTP/1.0\r\nA: 1\r\na: 2\r\n\r\n")
        head = parser.read_head()
        self.assertEqual((head.get("a"), head.get("b")), ("2", None))

    def test_the_body_comes_first(self):
        """The next head cannot be read before the body was."""
        parser = RequestParser()
        parser.feed(b"GET / HTTP/1.0\r\nContent-Length: 1\r\n\r\n")
        parser.read_head()
        self.assertRaises(RuntimeError, parser.read_head)
        self.assertIsNone(parser.read_body())
        self.assertFalse(parser.is_between_requests)
        parser.feed(b"x")
        self.assertEqual(parser.read_body(), b"x")
        self.assertTrue(parser.is_between_requests)


class Refused(RequestCase):
    def test_what_two_readers_could_read_differently(self):
        """Nothing is taken whose end is open to opinion."""
        for fields, status in (
            (b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400),
            (b"Content-Length: 3\r\nContent-Length: 3\r\n", 400),
            (b"Content-Length: 3, 3\r\n", 400),
            (b"Content-Length: +3\r\n", 400),
            (b"Content-Length: -3\r\n", 400),
            (b"Content-Length: 0_3\r\n", 400),
            (b"Content-Length: 0x3\r\n", 400),
            (b"Content-Length: \xb2\r\n", 400),
            (b"Content-Length:\r\n", 400),
            (b"Content-Length: 1234567890123456789\r\n", 400),
            (b"Transfer-Encoding: gzip, chunked\r\n", 501),
            (b"Transfer-Encoding: identity\r\n", 501),
            (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 501),
            (b"Transfer-Encoding: \x0bchunked\r\n", 400),
            (b"Content-Length : 3\r\n", 400),
            (b" Content-Length: 3\r\n", 400),
            (b"X: 1\r\n folded\r\n", 400),
            (b"X: a\rb\r\n", 400),
            (b"X: a\0b\r\n", 400),
            (b"X\r\n", 400),
            (b": x\r\n", 400),
            (b"Host: b\r\n", 400),
            (b"Expect: 200-ok\r\n", 417),
        ):
            with self.subTest(fields):
                got = self.refused(b"POST / HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n")
                self.assertEqual(got[0], status, got)

    def test_chunked_in_http_1_0(self):
        """HTTP/1.0 knew no chunks."""
        got = self.refused(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")
        self.assertEqual(got, (400, "Transfer-Encoding in a request of HTTP/1.0"))

    def test_request_lines(self):
        """A method, one blank, an address, one blank, a version."""
        for line, status in (
            (b"GET  / HTTP/1.1", 400),
            (b"GET / HTTP/1.1 ", 400),
            (b"GET /", 400),
            (b"G@T / HTTP/1.1", 400),
            (b"GET /a b HTTP/1.1", 400),
            (b"GET /a\x01 HTTP/1.1", 400),
            (b"GET /#part HTTP/1.1", 400),
            (b"GET / http/1.1", 400),
            (b"GET / HTTP/11.1", 400),
            (b"PRI * HTTP/2.0", 505),
            (b"GET / HTTP/0.9", 505),
        ):
            with self.subTest(line):
                self.assertEqual(self.refused(line + b"\r\nHost: a\r\n\r\n")[0], status)

    def test_lone_line_feeds(self):
        """A line ends with CR LF; LF alone is refused as soon as it is seen."""
        expected = (400, "a line ends with LF alone, not with CR LF")
        for data in (
            b"GET / HTTP/1.1\n",
            b"\n",
            b"GET / HTTP/1.1\r\nA: b\nHost: a\r\n",
        ):
            self.assertEqual(self.refused(data), expected)

    def test_hosts(self):
        """A request says which host it means, once and in plain characters."""
        for fields in (b"", b"Host: a b\r\n", b"Host: a@b\r\n", b"Host: a/b\r\n"):
            got = self.refused(b"GET / HTTP/1.1\r\n" + fields + b"\r\n")
            self.assertEqual(got[0], 400)
        for host in (b"a'b", b"a(b)", b"a;b=c", b"a%2fb", b"a:b", b"a:123456", b"[a]x"):
            got = self.refused(b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % host)
            self.assertEqual(got, (400, "the Host header is malformed"))

    def test_chunks(self):
        """A chunk has the size that was said."""
        start = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        for chunks in (
            b"0x3\r\nabc\r\n",
            b"-3\r\nabc\r\n",
            b" 3\r\nabc\r\n",
            b"3\r\nabcd\r\n0\r\n\r\n",
            b"3\nabc\r\n0\r\n\r\n",
            b"3;a\0\r\nabc\r\n",
            b"\r\n",
            b"1234567890123456\r\n",
            b"0\r\nno trailer\r\n\r\n",
        ):
            with self.subTest(chunks):
                self.assertEqual(self.refused(start + chunks)[0], 400)

    def test_refused_once_refused_for_good(self):
        """After a broken line nothing more is read, whoever swallowed the refusal."""
        parser = RequestParser()
        parser.feed(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        parser.read_head()
        parser.feed(b"zz\r\n3\r\nabc\r\n0\r\n\r\n")
        for _ in range(2):
            self.assertRaises(RequestRefused, parser.read_body)


class Limits(RequestCase):
    def test_line(self):
        """The request line has a limit, said or not yet ended."""
        line = b"GET /" + b"a" * 100 + b" HTTP/1.1\r\n"
        for data in (line + HOST + b"\r\n", line[:80]):
            got = self.refused(data, max_line_bytes=50)
            self.assertEqual(got, (414, "request line exceeds 50 bytes"))

    def test_head(self):
        """So have all lines together."""
        data = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 100
        got = self.refused(data, max_head_bytes=60)
        self.assertEqual(got, (431, "request head exceeds 60 bytes"))

    def test_headers(self):
        """And their number."""
        data = b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\nX: a\r\n\r\n"
        got = self.refused(data, max_headers=2)
        self.assertEqual(got, (431, "more than 2 header fields"))

    def test_body(self):
        """A body that is too long is refused before it is read."""
        data = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"
        got = self.refused(data, max_body_bytes=10)
        self.assertEqual(got, (413, "request body of 11 bytes exceeds 10"))

    def test_chunked_body(self):
        """Chunks are added up."""
        data = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        got = self.refused(data + b"6\r\nabcdef\r\n6\r\n", max_body_bytes=10)
        self.assertEqual(got, (413, "request body exceeds 10 bytes"))

    def test_chunk_line(self):
        """A chunk's size line has an end."""
        parser = RequestParser()
        parser.feed(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        parser.read_head()
        parser.feed(b"3;" + b"a" * 5000)
        with self.assertRaises(RequestRefused):
            parser.read_body()

    def test_trailers(self):
        """Trailers count like a head."""
        data = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
        got = self.refused(data + b"A: b\r\n" * 20, max_head_bytes=90)
        self.assertEqual(got, (431, "trailers exceed 90 bytes"))

    def test_time_is_linear(self):
        """A head that comes byte by byte is not searched again and again."""
        parser = RequestParser()
        data = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 60000 + b"\r\n\r\n"
        for i in range(0, len(data), 7):
            parser.feed(data[i : i + 7])
            head = parser.read_head()
        self.assertEqual(len(head.get("x")), 60000)


class Fuzz(unittest.TestCase):
    """Mutated requests: taken or refused, never anything else."""

    SEEDS = (
        b"POST /w/api.php?a=b HTTP/1.1\r\nHost: h:1\r\nContent-Length: 5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5;x=y\r\nhello\r\n0\r\nT: v\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET http://h/ HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n",
    )
    PIECES = (
        b"\r\n", b"\n", b"\r", b":", b" ", b"\t", b"\0", b"0", b"-1", b"ffffffffffffffff",
        b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"\xff", b";", b",",
    )  # fmt: skip

    def test_mutations(self):
        """3,000 mutations, the same each time; cut or whole makes no difference."""
        dice = random.Random(20261120)
        for _ in range(3000):
            data = bytearray(dice.choice(self.SEEDS))
            for _ in range(dice.randint(1, 4)):
                place = dice.randrange(len(data) + 1)
                size = dice.choice((0, 0, 1, 4))
                data[place : place + size] = dice.choice(self.PIECES)
            whole = read_all([bytes(data)])
            cut = dice.randrange(len(data))
            halves = read_all([bytes(data[:cut]), bytes(data[cut:])])
            self.assertEqual(whole, halves, bytes(data))
            for found in whole:
                self.assertIn(len(found), (2, 4))
