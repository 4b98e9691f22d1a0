"""web/response.py: one answer, read in every way."""

import datetime
import gzip
import http.client
import io
import pickle
import shutil
import unittest
import urllib.error

from tests.support.clients import make_client
from tests.support.scripted import CLOSE, ScriptedServer, chunked, reply
from wikistd import ConnectionLost, LimitExceeded, ProtocolError, Response, StatusError
from wikistd.formats.http1 import HeaderFields
from wikistd.web.decoding import InflateDecoder
from wikistd.web.response import response_of_file, response_of_stock


def response_of(body, status=200, headers=(), **more):
    """Return a Response whose body comes from memory."""
    return response_of_file(
        io.BytesIO(body), status, HeaderFields(headers), url="http://a/b?c=d", **more
    )


class Dripping(io.RawIOBase):
    """A file that gives `size` bytes at a time."""

    def __init__(self, data, size=1):
        self.data = data
        self.size = size

    def read(self, n=-1):
        piece, self.data = self.data[: self.size], self.data[self.size :]
        return piece


def dripping(body, size=1):
    return response_of_file(Dripping(body, size), 200, HeaderFields())


class Attributes(unittest.TestCase):
    def test_like_requests(self):
        """What scripts written for requests look at."""
        response = response_of(b"x", 404, [("A", "1")])
        self.assertEqual((response.status, response.status_code), (404, 404))
        self.assertFalse(response.ok)
        self.assertTrue(response_of(b"").ok)
        self.assertEqual(response.reason, "Not Found")
        self.assertEqual(response.headers["a"], "1")
        self.assertEqual(response.history, [])
        self.assertEqual(response.elapsed, datetime.timedelta(0))
        self.assertEqual(response.url, "http://a/b?c=d")

    def test_like_urllib(self):
        """What handlers written for urllib look at."""
        response = response_of(b"x", 200, [("A", "1"), ("a", "2")])
        self.assertIsInstance(response, http.client.HTTPResponse)
        self.assertEqual(response.code, 200)
        self.assertEqual(response.getcode(), 200)
        self.assertEqual(response.msg, "OK")
        self.assertEqual(response.geturl(), "http://a/b?c=d")
        self.assertEqual(response.info().get_all("A"), ["1", "2"])
        self.assertEqual(response.getheader("a"), "1, 2")
        self.assertEqual(response.getheader("b", "x"), "x")
        self.assertEqual(response.getheaders(), [("A", "1"), ("a", "2")])
        self.assertEqual(response.version, 11)
        self.assertTrue(response.will_close)
        self.assertFalse(response.chunked)
        self.assertIsNone(response.length)
        self.assertIs(response.fp, response)
        self.assertTrue(response.readable())
        self.assertFalse(response.isclosed())
        response.flush()
        error = urllib.error.HTTPError("u", 404, "m", response.headers, response)
        self.assertEqual(error.read(), b"x")
        error.close()

    def test_pickling(self):
        """What holds a connection says what can be taken instead."""
        with make_client() as client:
            with self.assertRaisesRegex(TypeError, "HttpClient cannot be pickled.*a Session"):
                pickle.dumps(client)
        with self.assertRaisesRegex(TypeError, "Response cannot be pickled.*`content`"):
            pickle.dumps(response_of_file(io.BytesIO(), 200, HeaderFields([])))

    def test_repr(self):
        """One line, without the query."""
        self.assertEqual(repr(response_of(b"")), "<Response 200 http://a/b>")

    def test_raise_for_status(self):
        """400 and more become StatusError with the start of the page."""
        response_of(b"", 302).raise_for_status()
        with self.assertRaises(StatusError) as caught:
            response_of(b"sorry" * 20000, 503, [("Retry-After", "3")]).raise_for_status()
        error = caught.exception
        self.assertEqual(str(error), "http://a/b answered 503 Service Unavailable")
        self.assertEqual((error.status, error.url), (503, "http://a/b"))
        self.assertEqual(error.headers, [("Retry-After", "3")])
        self.assertEqual(error.body, (b"sorry" * 20000)[:65536])
        self.assertIsInstance(error.response, Response)
        self.assertEqual(pickle.loads(pickle.dumps(error)).status, 503)

    def test_raise_for_status_of_a_cut_page(self):
        """The status counts, even if its page is cut short."""
        with ScriptedServer(
            ["GET /", reply(b"sorry", "500 Oh")[:-1], CLOSE]
        ) as server, make_client() as client:
            response = client.get(server.url + "/", stream=True)
            with self.assertRaises(StatusError) as caught:
                response.raise_for_status()
            self.assertEqual(caught.exception.body, b"")


class AsAFile(unittest.TestCase):
    def test_read(self):
        """read(n) gives n bytes, fewer only at the end, however they arrive."""
        for size in (1, 3, 100):
            response = dripping(b"0123456789", size)
            self.assertEqual(response.read(4), b"0123")
            self.assertEqual(response.read(0), b"")
            self.assertEqual(response.read(2), b"45")
            self.assertEqual(response.read(), b"6789")
            self.assertEqual(response.read(), b"")
            self.assertEqual(response.read(3), b"")
            self.assertTrue(response.at_eof())
            self.assertEqual(response.total_bytes, 10)

    def test_read_ahead(self):
        """Who reads a byte at a time does not ask the system for each."""
        source = io.BytesIO(b"0123456789" * 1000)
        response = response_of_file(source, 200, HeaderFields())
        got = [response.read(1) for _ in range(10)]
        self.assertEqual(b"".join(got), b"0123456789")
        self.assertGreater(source.tell(), 9999)

    def test_readinto(self):
        """readinto fills the buffer; readinto1 and read1 take what is there."""
        buffer = bytearray(4)
        response = dripping(b"0123456789", 3)
        self.assertEqual(response.readinto(buffer), 4)
        self.assertEqual(bytes(buffer), b"0123")
        self.assertEqual(response.readinto1(buffer), 2)
        self.assertEqual(response.read1(1), b"6")
        self.assertEqual(response.peek(), b"78")
        self.assertEqual(response.read1(), b"78")
        self.assertEqual(response.peek(1), b"9")
        self.assertEqual(response.read1(), b"9")
        self.assertEqual(response.readinto(buffer), 0)

    def test_lines(self):
        """Lines with their ends, however they arrive."""
        for size in (1, 4, 100):
            response = dripping(b"one\r\ntwo\n\nlast", size)
            self.assertEqual(list(response), [b"one\r\n", b"two\n", b"\n", b"last"])
        response = dripping(b"one\r\ntwo\n", 4)
        self.assertEqual(response.readline(2), b"on")
        self.assertEqual(response.readline(100), b"e\r\n")
        self.assertEqual(response.readline(0), b"")
        self.assertEqual(next(response), b"two\n")
        with self.assertRaises(StopIteration):
            next(response)
        self.assertEqual(dripping(b"a\nb\nc", 9).readlines(), [b"a\n", b"b\n", b"c"])
        self.assertEqual(dripping(b"a\nb\nc", 9).readlines(3), [b"a\n", b"b\n"])

    def test_text_wrapper(self):
        """io.TextIOWrapper and shutil work on it."""
        with io.TextIOWrapper(response_of("é\nb".encode()), encoding="utf-8") as lines:
            self.assertEqual(list(lines), ["é\n", "b"])
        target = io.BytesIO()
        shutil.copyfileobj(response_of(b"x" * 100000), target)
        self.assertEqual(len(target.getvalue()), 100000)

    def test_closed(self):
        """Closing is idempotent; what was not read is gone."""
        with ScriptedServer(
            ["GET /", reply(b"0123456789")[:-5]]
        ) as server, make_client() as client:
            response = client.get(server.url + "/", stream=True)
            self.assertEqual(response.length, 5)
            self.assertGreater(response.fileno(), 0)
            response.close()
            response.close()
            self.assertTrue(response.closed)
            self.assertTrue(response.isclosed())
            self.assertIsNone(response.fp)
            self.assertEqual(response.read(5), b"01234")
            with self.assertRaisesRegex(ValueError, "the response is closed"):
                response.read(5)


class AsItArrives(unittest.TestCase):
    def test_readany(self):
        """readany never waits for more than there is."""
        response = dripping(b"0123456789", 4)
        self.assertEqual(response.readany(), b"0123")
        response.read(1)
        self.assertEqual(response.readany(), b"567")
        self.assertEqual(list(response.iter_any()), [b"89"])
        self.assertEqual(response.readany(), b"")

    def test_readexactly(self):
        """readexactly gives n bytes or raises with what there was."""
        response = dripping(b"01234", 2)
        self.assertEqual(response.readexactly(3), b"012")
        with self.assertRaises(ConnectionLost) as caught:
            response.readexactly(3)
        self.assertEqual(
            str(caught.exception), "body ended after 2 of the 3 bytes wanted"
        )
        self.assertEqual((caught.exception.received, caught.exception.expected), (2, 3))

    def test_readuntil(self):
        """readuntil finds its separator across all cuts."""
        for size in (1, 2, 3, 100):
            response = dripping(b"a--b--rest", size)
            self.assertEqual(response.readuntil(b"--"), b"a--")
            self.assertEqual(response.readuntil(b"--"), b"b--")
            self.assertEqual(response.readuntil(b"--"), b"rest")
            self.assertEqual(response.readuntil(b"--"), b"")
        with self.assertRaises(ValueError):
            response.readuntil(b"")
        with self.assertRaises(LimitExceeded) as caught:
            dripping(b"x" * 100, 7).readuntil(b"\n", 20)
        self.assertEqual(
            str(caught.exception), "21 bytes without the separator '\\n', limit=20"
        )

    def test_iterators(self):
        """iter_chunked, iter_lines, iter_content."""
        self.assertEqual(
            list(dripping(b"0123456789", 3).iter_chunked(4)), [b"0123", b"4567", b"89"]
        )
        self.assertEqual(
            list(dripping(b"a\r\nb\n\nc", 3).iter_lines()), [b"a", b"b", b"", b"c"]
        )
        self.assertEqual(list(dripping(b"0123", 3).iter_content(2)), [b"01", b"23"])
        self.assertEqual(list(dripping(b"0123", 3).iter_content(None)), [b"012", b"3"])

    def test_line_limit(self):
        """A line without end ends."""
        with self.assertRaises(LimitExceeded) as caught:
            list(dripping(b"x" * 100, 7).iter_lines(20))
        self.assertEqual(caught.exception.limit, 20)

    def test_unread_data(self):
        """Bytes can be put back."""
        response = dripping(b"012345", 4)
        response.unread_data(response.read(2))
        response.unread_data(b"")
        self.assertFalse(response.at_eof())
        self.assertEqual(response.read(), b"012345")
        self.assertEqual(response.total_bytes, 6)


class Whole(unittest.TestCase):
    def test_content(self):
        """content is the body; it can be read as a file afterwards."""
        response = dripping(b"0123", 3)
        self.assertEqual(response.content, b"0123")
        self.assertEqual(response.content, b"0123")
        self.assertEqual(response.read(), b"0123")
        self.assertEqual(dripping(b"").content, b"")

    def test_text(self):
        """Charset: as set, by header, by XML declaration, utf-8 with replacement."""
        for body, kind, want in [
            ("é".encode(), None, "é"),
            ("é".encode("latin-1"), "text/plain; charset=ISO-8859-1", "é"),
            ("é".encode("latin-1"), "text/html", "\ufffd"),
            (b"\xe9", "text/plain; charset=nonsense", "\ufffd"),
            ("<?xml version='1.0' encoding='latin-1'?>é".encode("latin-1"),
             "application/xml", "<?xml version='1.0' encoding='latin-1'?>é"),
            ("<a>é</a>".encode(), "text/xml", "<a>é</a>"),
        ]:  # fmt: skip
            response = response_of(body, headers=[("Content-Type", kind)] if kind else [])
            self.assertEqual(response.text, want)
        response = response_of("é".encode("cp1251", "replace"))
        response.encoding = "cp1251"
        self.assertEqual(response.encoding, "cp1251")
        self.assertEqual(response.text, "?")
        self.assertIsNone(response.charset)

    def test_json(self):
        """JSON is UTF-8, with or without a BOM, unless the encoding was set."""
        self.assertEqual(response_of('{"a": "é"}'.encode()).json(), {"a": "é"})
        self.assertEqual(response_of(b"\xef\xbb\xbf1").json(), 1)
        self.assertEqual(response_of(b"1.5").json(parse_float=str), "1.5")
        response = response_of('"é"'.encode("latin-1"))
        response.encoding = "latin-1"
        self.assertEqual(response.json(), "é")

    def test_not_json(self):
        """Something else is a ProtocolError that says what it was, not what stood in it."""
        for body in [b"<html>secret", b"\xff", b"", b"[" * 100000]:
            response = response_of(body, headers=[("Content-Type", "text/html")])
            with self.assertRaises(ProtocolError) as caught:
                response.json()
            self.assertIn("answer 200 of http://a/b (text/html, ", str(caught.exception))
            self.assertNotIn("secret", str(caught.exception))

    def test_limit(self):
        """A body past max_body_bytes is LimitExceeded, announced or not."""
        for data in [reply(b"x" * 101), chunked(b"x" * 101)]:
            with ScriptedServer(["GET /", data]) as server:
                with make_client(max_body_bytes=100) as client:
                    with self.assertRaises(LimitExceeded) as caught:
                        client.get(server.url + "/")
            self.assertEqual(caught.exception.name, "max_body_bytes")

    def test_limit_in_memory(self):
        """Without a limit of the caller's, what is read at once has one all the same."""
        with ScriptedServer(
            ["GET /", reply(b"", headers=[("Content-Length", "9" * 12)], length=False)]
        ) as server, make_client() as client:
            with self.assertRaises(LimitExceeded):
                client.get(server.url + "/")


class Held(unittest.TestCase):
    """A body taken off its connection before it is decoded."""

    def test_compressed(self):
        body = b"[%s]" % b",".join(b"%d" % n for n in range(90000))
        packed = gzip.compress(body)
        head = [("Content-Encoding", "gzip")]
        for answer in (reply(packed, headers=head), chunked(packed, headers=head)):
            with ScriptedServer(["GET /", answer, "GET /", reply(b"x")]) as server:
                with make_client() as client:
                    response = client.get(server.url, stream=True)
                    response.hold()
                    self.assertFalse(response.at_eof())
                    self.assertEqual(client.get(server.url).content, b"x")
                    start = response.read(100)
                    self.assertEqual(start, body[:100])
                    response.unread_data(start)
                    self.assertEqual(response.content, body)

    def test_plain(self):
        for read in (lambda r: r.content, lambda r: r.read(), lambda r: r.read(99)):
            response = response_of(b"abc")
            response.hold()
            self.assertEqual(read(response), b"abc")

    def test_limit(self):
        response = response_of(b"abc")
        response.max_body_bytes = 2
        with self.assertRaisesRegex(LimitExceeded, "max_body_bytes=2"):
            response.hold()
        response = response_of(gzip.compress(b"a" * 999), headers=[("Content-Encoding", "gzip")])
        response.decode_with(InflateDecoder("gzip"))
        response.max_body_bytes = 500
        response.hold()
        with self.assertRaisesRegex(LimitExceeded, "max_body_bytes=500"):
            response.content


class CutShort(unittest.TestCase):
    def ways(self):
        return {
            "read": lambda r: r.read(),
            "read(n)": lambda r: [r.read(4) for _ in range(9)],
            "readinto": lambda r: [r.readinto(bytearray(4)) for _ in range(9)],
            "read1": lambda r: [r.read1() for _ in range(9)],
            "readline": lambda r: [r.readline() for _ in range(9)],
            "iteration": lambda r: list(r),
            "iter_lines": lambda r: list(r.iter_lines()),
            "iter_any": lambda r: list(r.iter_any()),
            "iter_chunked": lambda r: list(r.iter_chunked(3)),
            "readany": lambda r: [r.readany() for _ in range(9)],
            "readuntil": lambda r: r.readuntil(b"zz"),
            "readexactly": lambda r: r.readexactly(11),
            "copyfileobj": lambda r: shutil.copyfileobj(r, io.BytesIO()),
            "content": lambda r: r.content,
            "json": lambda r: r.json(),
            "drain": lambda r: r.drain(),
        }

    def test_always_raises(self):
        """A body cut short raises ConnectionLost, whichever way it is read."""
        long = reply(b"0123456789")[:-5]
        in_chunks = chunked(b"01234", b"56789")[:-13]
        for data, expected in [(long, 10), (in_chunks, None)]:
            for name, way in self.ways().items():
                with ScriptedServer(["GET /", data, CLOSE]) as server:
                    with make_client() as client:
                        response = client.get(server.url + "/", stream=True)
                        with self.assertRaises(ConnectionLost, msg=name) as caught:
                            way(response)
                        self.assertEqual(caught.exception.phase, "body")
                        self.assertEqual(caught.exception.expected, expected)
                        self.assertTrue(caught.exception.retryable)
                        # It stays so.
                        with self.assertRaises(ConnectionLost):
                            response.read()

    def test_bad_chunks(self):
        """A body that breaks HTTP is a ProtocolError; its connection is dropped."""
        with ScriptedServer(
            ["GET /", chunked()[:-5] + b"0x5\r\nhello\r\n"], ["GET /", reply(b"ok")]
        ) as server, make_client() as client:
            with self.assertRaises(ProtocolError):
                client.get(server.url + "/")
            self.assertEqual(client.get(server.url + "/").content, b"ok")

    def test_trailers(self):
        """Trailers are kept."""
        with ScriptedServer(
            ["GET /", chunked(b"a", trailers="X: 1\r\n")]
        ) as server, make_client() as client:
            response = client.get(server.url + "/")
            self.assertEqual(response.trailers, [("X", "1")])
            self.assertTrue(response.chunked)


class Draining(unittest.TestCase):
    def test_small(self):
        """What is short is drained, and the connection used again."""
        with ScriptedServer(
            ["GET /", reply(b"x" * 1000), "GET /", reply(b"ok")]
        ) as server, make_client() as client:
            self.assertTrue(client.get(server.url + "/", stream=True).drain())
            client.get(server.url + "/")

    def test_large(self):
        """What is long is not."""
        with ScriptedServer(
            ["GET /", reply(b"x" * 100000)[:-9]], ["GET /", reply(b"ok")]
        ) as server, make_client() as client:
            self.assertFalse(client.get(server.url + "/", stream=True).drain(5000))
            client.get(server.url + "/")


class FromElsewhere(unittest.TestCase):
    def test_stock(self):
        """A response of urllib's can be read as one of ours."""

        class Stock(io.BytesIO):
            code = 200
            msg = "Fine"
            headers = HeaderFields([("A", "1")])

            def geturl(self):
                return "http://x/"

        stock = Stock(b"body")
        response = response_of_stock(stock, None)
        self.assertEqual((response.reason, response.headers["a"]), ("Fine", "1"))
        self.assertEqual(response.content, b"body")
        response.abort()
        response.close()
        self.assertTrue(stock.closed)


if __name__ == "__main__":
    unittest.main()
