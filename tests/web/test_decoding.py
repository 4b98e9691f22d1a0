"""web/decoding.py: gzip and deflate, bounded, never cut short unnoticed."""

import gzip
import io
import random
import unittest
import urllib.request
import zlib
from unittest import mock

from tests.support.clients import make_client
from tests.support.feeding import feed_every_way
from tests.support.scripted import CLOSE, ScriptedServer, chunked, reply
from wikistd import ConnectionLost, DecodingHandler, LimitExceeded, ProtocolError
from wikistd.errors import WikistdError
from wikistd.formats.http1 import HeaderFields
from wikistd.web.decoding import accepted_codings, content_decoder
from wikistd.web.response import response_of_file

try:
    import tracemalloc
except ImportError:  # PyPy
    tracemalloc = None

TEXT = b"The quick brown fox. " * 50


def deflate(data, wbits):
    packer = zlib.compressobj(6, zlib.DEFLATED, wbits)
    return packer.compress(data) + packer.flush()


def run(codings, chunks, limit=64):
    """Return what decoding gives, or its error."""
    try:
        decoder = content_decoder(codings)
        output = []
        for chunk in chunks:
            decoder.push(chunk)
            while True:
                piece = decoder.pull(limit)
                if not piece:
                    break
                assert len(piece) <= limit
                output.append(piece)
        decoder.finish()
        return b"".join(output)
    except WikistdError as error:
        return type(error).__name__, str(error)


class Codings(unittest.TestCase):
    def check(self, codings, data, want):
        got = feed_every_way(
            self, data, lambda chunks: run(codings, chunks), max_two_way=100
        )
        self.assertEqual(got, want)

    def test_known(self):
        """gzip, deflate with and without its header, and several in a row."""
        self.check("gzip", gzip.compress(TEXT), TEXT)
        self.check("X-GZip", gzip.compress(TEXT), TEXT)
        self.check("deflate", zlib.compress(TEXT), TEXT)
        self.check("deflate", deflate(TEXT, -15), TEXT)
        self.check("deflate, identity, gzip", gzip.compress(zlib.compress(TEXT)), TEXT)

    def test_empty(self):
        """An empty body decodes to nothing, compressed or not there at all."""
        self.check("gzip", gzip.compress(b""), b"")
        self.assertEqual(run("gzip", []), b"")
        self.assertEqual(run("deflate", []), b"")

    def test_members(self):
        """Several gzip members are one body; rubbish behind the end is ignored."""
        self.check("gzip", gzip.compress(b"one") + gzip.compress(b"two"), b"onetwo")
        self.check("gzip", gzip.compress(TEXT) + b"\x00\x00rubbish", TEXT)
        self.check("deflate", zlib.compress(TEXT) + b"rubbish", TEXT)

    def test_truncated(self):
        """Compressed data without its end is ConnectionLost, cut anywhere."""
        data = gzip.compress(TEXT)
        for size in range(1, len(data)):
            self.assertEqual(
                run("gzip", [data[:size]]),
                ("ConnectionLost", "gzip body ends in the middle of its compressed data"),
            )
        self.assertEqual(run("deflate", [b"\x78"])[0], "ConnectionLost")
        self.assertEqual(run("deflate", [zlib.compress(TEXT)[:-1]])[0], "ConnectionLost")

    def test_damaged(self):
        """Damaged data is a ProtocolError."""
        data = bytearray(gzip.compress(TEXT))
        data[-6] ^= 1
        kind, text = run("gzip", [bytes(data)])
        self.assertEqual(kind, "ProtocolError")
        self.assertIn("gzip body is damaged: ", text)
        self.assertEqual(run("gzip", [b"<html>"])[0], "ProtocolError")

    def test_unknown(self):
        """A coding nobody asked for is refused; so are too many."""
        self.assertEqual(
            run("br", []),
            (
                "ProtocolError",
                "content coding 'br' is not known here, only gzip and deflate "
                "(RFC 9110 8.4)",
            ),
        )
        self.assertEqual(
            run(", ".join(["gzip"] * 6), []),
            ("LimitExceeded", "answer has 6 content codings, more than 5"),
        )
        self.assertIsNone(content_decoder("identity, "))

    def test_no_zlib(self):
        """A Python without zlib asks for nothing compressed."""
        self.assertEqual(accepted_codings(), "gzip, deflate")
        with mock.patch.dict("sys.modules", {"zlib": None}):
            self.assertEqual(accepted_codings(), "identity")


class Bombs(unittest.TestCase):
    @unittest.skipIf(tracemalloc is None, "memory is not traced here")
    def test_flat(self):
        """20 MB in 20 KB: read(1024) takes a little memory, and the rest has a limit."""
        data = deflate(b"\0" * 20_000_000, 31)
        response = response_of_file(io.BytesIO(data), 200, HeaderFields())
        response.decode_with(content_decoder("gzip"))
        tracemalloc.start()
        self.assertEqual(response.read(1024), b"\0" * 1024)
        self.assertLess(tracemalloc.get_traced_memory()[1], 1_000_000)
        tracemalloc.stop()
        response.max_body_bytes = 1_000_000
        with self.assertRaises(LimitExceeded):
            while response.read(65536):
                pass

    @unittest.skipIf(tracemalloc is None, "memory is not traced here")
    def test_twice(self):
        """Codings in a row are bounded at each step."""
        data = gzip.compress(deflate(b"\0" * 10_000_000, 31))
        response = response_of_file(io.BytesIO(data), 200, HeaderFields())
        response.decode_with(content_decoder("gzip, gzip"))
        tracemalloc.start()
        self.assertEqual(response.read(10), b"\0" * 10)
        self.assertLess(tracemalloc.get_traced_memory()[1], 1_000_000)
        tracemalloc.stop()


class Answers(unittest.TestCase):
    def test_through_the_client(self):
        """Answers are asked for and decoded, chunked or not, whole or in pieces."""
        data = gzip.compress(TEXT)
        header = [("Content-Encoding", "gzip")]
        dice = random.Random(1)
        cut = dice.randrange(1, len(data))
        with ScriptedServer(
            ["GET /", reply(data, headers=header),
             "GET /", chunked(data[:cut], data[cut:], headers=header),
             "GET /", reply(data, headers=header),
             "HEAD /", reply(b"", headers=[*header, ("Content-Length", "9")],
                             length=False),
             "GET /", reply(b"", "304 Not Modified", header, length=False),
             "GET /", reply(b"as it is")]
        ) as server, make_client() as client:  # fmt: skip
            url = server.url + "/"
            self.assertEqual(client.get(url).content, TEXT)
            self.assertEqual(client.get(url).text, TEXT.decode())
            with client.get(url, stream=True) as response:
                self.assertEqual(b"".join(response.iter_chunked(7)), TEXT)
            self.assertEqual(client.head(url).content, b"")
            self.assertEqual(client.get(url).content, b"")
            client.get(url, headers={"Range": "bytes=0-9"})
            self.assertEqual(client.counters.connections, 1)
            asked = [request.get("Accept-Encoding") for request in server.requests]
            self.assertEqual(asked, ["gzip, deflate"] * 5 + [None])

    def test_truncated(self):
        """A gzip body that ends early raises, although its length was right."""
        data = gzip.compress(TEXT)[:-9]
        with ScriptedServer(
            ["GET /", reply(data, headers=[("Content-Encoding", "gzip")])]
        ) as server, make_client() as client:
            with self.assertRaises(ConnectionLost):
                client.get(server.url + "/")

    def test_cut_in_chunks(self):
        """As does one whose chunks end early."""
        data = chunked(gzip.compress(TEXT), headers=[("Content-Encoding", "gzip")])
        with ScriptedServer(
            ["GET /", data[:-5], CLOSE]
        ) as server, make_client() as client:
            with self.assertRaises(ConnectionLost):
                client.get(server.url + "/")

    def test_unknown(self):
        """An unknown coding ends the call and drops the connection."""
        with ScriptedServer(
            ["GET /", reply(b"x" * 99, headers=[("Content-Encoding", "br")])[:-9]],
            ["GET /", reply(b"ok")],
        ) as server, make_client() as client:
            with self.assertRaises(ProtocolError):
                client.get(server.url + "/")
            client.get(server.url + "/")

    def test_draining(self):
        """Draining never decompresses."""
        bomb = deflate(b"\0" * 10_000_000, 31)
        with ScriptedServer(
            ["GET /", reply(bomb, headers=[("Content-Encoding", "gzip")]),
             "GET /", reply(b"ok")]
        ) as server, make_client() as client:  # fmt: skip
            response = client.get(server.url + "/", stream=True)
            self.assertTrue(response.drain())
            self.assertEqual(response.total_bytes, 0)
            client.get(server.url + "/")


class Alone(unittest.TestCase):
    def test_in_a_plain_opener(self):
        """The handler works in urllib.request.build_opener."""
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), DecodingHandler()
        )
        with ScriptedServer(
            ["GET /", reply(gzip.compress(TEXT), headers=[("Content-Encoding", "gzip")])]
        ) as server:
            with opener.open(server.url + "/") as response:
                self.assertEqual(response.read(), TEXT)
                self.assertEqual(response.code, 200)


if __name__ == "__main__":
    unittest.main()
