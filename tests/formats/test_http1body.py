"""formats/http1body.py: framing, lengths, chunks; fed every way."""

import unittest

from tests.formats.test_http1 import head_of, outcome
from tests.support.feeding import feed_every_way
from wikistd.formats.http1body import (
    ChunkDecoder,
    CloseDecoder,
    LengthDecoder,
    body_decoder,
    parse_content_length,
)


def run_chunked(chunks, **limits):
    def run():
        decoder = ChunkDecoder(**limits)
        body = b"".join([decoder.feed(chunk) for chunk in chunks])
        decoder.feed_eof()
        return body, decoder.trailers, decoder.leftover

    return outcome(run)


class Chunks(unittest.TestCase):
    def check(self, data, want, **limits):
        self.assertEqual(
            feed_every_way(self, data, lambda chunks: run_chunked(chunks, **limits)),
            want,
        )

    def test_plain(self):
        """Chunks of all sizes are joined; what follows is left over."""
        self.check(
            b"1\r\na\r\nA;ext=\"1\"\r\n0123456789\r\n003 \r\nb\r\n\r\n0\r\n\r\nHTTP",
            (b"a0123456789b\r\n", [], b"HTTP"),
        )

    def test_large(self):
        """Large chunks are asked for without what follows them, and not copied."""
        decoder = ChunkDecoder()
        self.assertEqual(decoder.wanted(65536), 65536)
        decoder.feed(b"8000\r\n")
        self.assertEqual(decoder.wanted(65536), 32768)
        self.assertEqual(decoder.wanted(9), 9)
        piece = b"x" * 32768
        self.assertIs(decoder.feed(piece), piece)
        self.assertEqual(decoder.wanted(65536), 8)
        self.assertEqual(decoder.feed(b"\r\n9000\r\n"), b"")
        self.assertEqual(decoder.wanted(65536), 0x9000)
        decoder.feed(b"y" * 0x9000)
        self.assertEqual(decoder.feed(b"\r\n3\r\nab"), b"ab")
        self.assertEqual(decoder.wanted(65536), 65536)
        self.assertEqual(decoder.feed(b"c\r\n0\r\n\r\n"), b"c")
        self.assertTrue(decoder.is_done)
        self.assertEqual(decoder.received, 32768 + 0x9000 + 3)

    def test_trailers(self):
        """Trailers are parsed as fields are."""
        self.check(b"0\r\nA: 1\r\nB: 2\r\n\r\n", (b"", [("A", "1"), ("B", "2")], b""))

    def test_bad_sizes(self):
        """Sizes that only a lenient parser takes are refused."""
        for line in [b"0x3", b"+3", b"0_3", b"-1", b"", b"3 4", b" 3", b"g", b"1" * 17]:
            self.check(
                line + b"\r\nabc\r\n0\r\n\r\n",
                (
                    "ProtocolError",
                    "bad chunk size line '%s' (RFC 9112 7.1)" % line.decode(),
                ),
            )

    def test_bare_lf(self):
        """LF alone after a size is refused at once."""
        self.check(
            b"3\nabc\r\n0\r\n\r\n",
            ("ProtocolError", "bad chunk size line '3' (RFC 9112 7.1)"),
        )

    def test_no_crlf_after_chunk(self):
        """A chunk that is longer than it said is refused."""
        kind, text = run_chunked([b"3\r\nabcd\r\n0\r\n\r\n"])
        self.assertEqual(
            (kind, text),
            (
                "ProtocolError",
                "chunk is followed by 'd\\r', not by CRLF (RFC 9112 7.1)",
            ),
        )

    def test_truncated(self):
        """Every cut is noticed."""
        whole = b"5\r\nhello\r\n5\r\nworld\r\n0\r\nA: b\r\n\r\n"
        for size in range(len(whole)):
            kind, text = run_chunked([whole[:size]])
            self.assertEqual(kind, "ConnectionLost", size)

    def test_limits(self):
        """Endless extensions and endless trailers end."""
        self.check(
            b"3;" + b"x" * 5000 + b"\r\n",
            ("LimitExceeded", "chunk size line of more than 4096 bytes"),
        )
        kind, text = run_chunked([b"3;" + b"x" * 5000])
        self.assertEqual(kind, "LimitExceeded")
        self.check(
            b"0\r\n" + b"A: 1\r\n" * 20 + b"\r\n",
            ("LimitExceeded", "trailers exceed max_trailer_bytes=64"),
            max_trailer_bytes=64,
        )

    def test_control_in_trailer(self):
        """Trailers are as strict as fields."""
        self.check(
            b"0\r\nA: \x001\r\n\r\n",
            ("HeaderError", "trailer holds a control character"),
        )

    def test_data_after_the_end(self):
        """What is fed after the end is left over."""
        decoder = ChunkDecoder()
        decoder.feed(b"0\r\n\r\n")
        self.assertEqual(decoder.feed(b"more"), b"")
        self.assertEqual(decoder.leftover, b"more")


class Framing(unittest.TestCase):
    def decoder(self, text, method="GET", status="200 OK", version="1.1"):
        return body_decoder(head_of(text, status, version), method)

    def test_which_decoder(self):
        """RFC 9112 6.3, row by row."""
        for text, method, status, kind in [
            ("Content-Length: 3", "GET", "200 OK", LengthDecoder),
            ("", "GET", "200 OK", CloseDecoder),
            ("Transfer-Encoding: Chunked", "GET", "200 OK", ChunkDecoder),
            ("Transfer-Encoding: chunked\nContent-Length: 3", "GET", "200", ChunkDecoder),
        ]:
            self.assertIsInstance(self.decoder(text, method, status), kind)
        for text, method, status in [
            ("Content-Length: 3", "HEAD", "200 OK"),
            ("Content-Length: 3", "GET", "204 No Content"),
            ("Content-Length: 3", "GET", "304 Not Modified"),
            ("Transfer-Encoding: chunked", "GET", "304 Not Modified"),
            ("", "GET", "101 Switching"),
            ("", "CONNECT", "200 OK"),
            # RFC 9110 9.3.6: what follows is the tunnel's.
            ("Content-Length: 3", "CONNECT", "200 OK"),
            ("Transfer-Encoding: chunked", "CONNECT", "200 OK"),
        ]:
            self.assertTrue(self.decoder(text, method, status).is_done)

    def test_content_length(self):
        """Digits only, at most 18; several only if they are equal."""
        self.assertEqual(parse_content_length("5, 5"), 5)
        for text in ["+3", "0_3", "-1", "3,4", "0x3", "3 3", "", "1" * 19, "３"]:
            self.assertEqual(
                outcome(lambda text=text: parse_content_length(text)),
                (
                    "ProtocolError",
                    "bad Content-Length %s (RFC 9110 8.6)" % ascii(text[:60]),
                ),
            )
        self.assertEqual(
            outcome(lambda: self.decoder("Content-Length:"))[0], "ProtocolError"
        )
        self.assertEqual(
            outcome(lambda: self.decoder("Content-Length: 3\nContent-Length: 5"))[0],
            "ProtocolError",
        )

    def test_unknown_transfer_codings(self):
        """A transfer coding nobody asked for is refused, not handed out raw."""
        for text in ["gzip, chunked", "chunked, chunked", "identity", "xchunked"]:
            self.assertEqual(
                outcome(lambda text=text: self.decoder("Transfer-Encoding: " + text)),
                (
                    "ProtocolError",
                    "transfer coding '%s' is not known here, only chunked "
                    "(RFC 9112 6.1)" % text,
                ),
            )

    def test_lengths(self):
        """A body of a known length takes what is its own and notices what is missing."""

        def run(chunks):
            decoder = LengthDecoder(5)
            body = b""
            rest = b""
            for chunk in chunks:
                if decoder.is_done:
                    rest += chunk
                    continue
                body += decoder.feed(chunk)
                rest += decoder.leftover
            return body, rest

        self.assertEqual(feed_every_way(self, b"helloHTTP", run), (b"hello", b"HTTP"))
        decoder = LengthDecoder(5)
        decoder.feed(b"abc")
        self.assertEqual(
            outcome(decoder.feed_eof),
            ("ConnectionLost", "connection ended after 3 of 5 bytes of the body"),
        )

    def test_until_close(self):
        """A body without any length ends with the connection."""
        decoder = CloseDecoder()
        self.assertEqual(decoder.feed(b"abc"), b"abc")
        decoder.feed_eof()
        self.assertTrue(decoder.is_done)


class TrailersOfChunks(unittest.TestCase):
    def test_what_follows_them(self):
        """The bytes after the trailers' empty line belong to the next answer, all."""
        got = feed_every_way(
            self,
            b"3\r\nabc\r\n0\r\nA: 1\r\n\r\nHTTP/1.1 200",
            run_chunked,
        )
        self.assertEqual(got, (b"abc", [("A", "1")], b"HTTP/1.1 200"))

    def test_how_many(self):
        """A hundred trailer fields are taken, one more is refused."""
        line = b"A: 1\r\n"
        body, trailers, _ = run_chunked([b"0\r\n" + line * 100 + b"\r\n"])
        self.assertEqual((body, len(trailers)), (b"", 100))
        self.assertEqual(
            run_chunked([b"0\r\n" + line * 101 + b"\r\n"]),
            ("LimitExceeded", "body has 101 trailer fields, more than 100"),
        )

    def test_how_long(self):
        """Trailers within `max_trailer_bytes` are taken, longer ones refused."""
        data = b"0\r\nA: 12345\r\n\r\n"
        got = feed_every_way(self, data, lambda c: run_chunked(c, max_trailer_bytes=10))
        self.assertEqual(got, (b"", [("A", "12345")], b""))
        got = feed_every_way(self, data, lambda c: run_chunked(c, max_trailer_bytes=9))
        self.assertEqual(
            got, ("LimitExceeded", "trailers exceed max_trailer_bytes=9")
        )


if __name__ == "__main__":
    unittest.main()
