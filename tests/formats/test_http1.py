"""formats/http1.py: heads, framing, chunks; fed every way."""

import unittest

from tests.support.feeding import feed_every_way
from wikistd.errors import WikistdError
from wikistd.formats.http1 import (
    ChunkDecoder,
    CloseDecoder,
    HeaderFields,
    HeadParser,
    LengthDecoder,
    body_decoder,
    is_reusable,
    parse_content_length,
    parse_head,
)


def outcome(function):
    """Return what a call gives, or its error as (class, sentence)."""
    try:
        return function()
    except WikistdError as error:
        return type(error).__name__, str(error)


def run_head(chunks, **limits):
    def run():
        parser = HeadParser(**limits)
        for number, chunk in enumerate(chunks):
            head = parser.feed(chunk)
            if head is not None:
                rest = parser.leftover + b"".join(chunks[number + 1 :])
                return head.status, head.reason, head.fields.items(), rest
        parser.feed_eof()
        return None

    return outcome(run)


def run_chunked(chunks, **limits):
    def run():
        decoder = ChunkDecoder(**limits)
        body = b"".join([decoder.feed(chunk) for chunk in chunks])
        decoder.feed_eof()
        return body, decoder.trailers, decoder.leftover

    return outcome(run)


def head_of(text, status="200 OK", version="1.1"):
    lines = ["HTTP/%s %s" % (version, status), *text.split("\n")] if text else [
        "HTTP/%s %s" % (version, status)
    ]
    return parse_head(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))


class Heads(unittest.TestCase):
    def check(self, data, want, **limits):
        self.assertEqual(
            feed_every_way(self, data, lambda chunks: run_head(chunks, **limits)), want
        )

    def test_plain(self):
        """Names keep their case, values lose the blanks around them."""
        self.check(
            b"HTTP/1.1 200 OK\r\nA: 1\r\nb-C:\t x y \t\r\nEmpty:\r\n\r\nrest",
            (200, "OK", [("A", "1"), ("b-C", "x y"), ("Empty", "")], b"rest"),
        )

    def test_no_reason_and_no_fields(self):
        """A reason may be empty, or missing with its blank."""
        self.check(b"HTTP/1.1 204 \r\n\r\n", (204, "", [], b""))
        self.check(b"HTTP/1.0 204\r\n\r\n", (204, "", [], b""))

    def test_latin1_bytes(self):
        """Bytes above 0x7F are latin-1."""
        self.check(b"HTTP/1.1 200 \xe9\r\nA: \xfc\r\n\r\n", (200, "é", [("A", "ü")], b""))

    def test_fold(self):
        """A folded line is one line with a space."""
        self.check(
            b"HTTP/1.1 200 OK\r\nA: 1\r\n \t 2\r\n\t3\r\nB: 4\r\n\r\n",
            (200, "OK", [("A", "1 2 3"), ("B", "4")], b""),
        )

    def test_bad_status_lines(self):
        """What does not begin like HTTP/1 is told with what came."""
        for line, shown in [
            (b"HTTP/2 200 OK", "'HTTP/2 200 OK'"),
            (b"HTTP/1.1 20 OK", "'HTTP/1.1 20 OK'"),
            (b"HTTP/1.1  200 OK", "'HTTP/1.1  200 OK'"),
            (b"HTTP/1.1 099 OK", "'HTTP/1.1 099 OK'"),
            (b"HTTP/1.1 200OK", "'HTTP/1.1 200OK'"),
            (b"HTTP/1.1 200 O\x00K", "'HTTP/1.1 200 O\\x00K'"),
            (b"SSH-2.0-OpenSSH_9", "'SSH-2.0-OpenSSH_9'"),
            (b"<html>", "'<html>'"),
            (b"", "''"),
        ]:
            self.check(
                line + b"\r\nA: 1\r\n\r\n",
                (
                    "ProtocolError",
                    "bad status line %s, wanted 'HTTP/1.1 200 OK' (RFC 9112 4)" % shown,
                ),
            )

    def test_garbage_without_line_end(self):
        """Sixty bytes of something else, or its end, are enough to know."""
        kind, text = run_head([b"x" * 100])
        self.assertEqual(kind, "ProtocolError")
        self.assertIn("'%s' ..." % ("x" * 60), text)
        kind, text = run_head([b"\x15\x03\x01\x00\x02\x02\x46"])
        self.assertEqual(kind, "ProtocolError")
        self.assertIn("it looks like TLS, try https", text)

    def test_bare_lf(self):
        """Lines that end with LF alone are refused, as soon as the first one came."""
        self.check(
            b"HTTP/1.1 200 OK\nA: 1\n\n",
            (
                "HeaderError",
                "line 'HTTP/1.1 200 OK' of the answer's head ends with LF alone, not "
                "CRLF (RFC 9112 2.2)",
            ),
        )
        self.check(
            b"HTTP/1.1 200 OK\r\nA: 1\nB: 2\r\n\r\n",
            (
                "HeaderError",
                "line 'A' of the answer's head ends with LF alone, not CRLF "
                "(RFC 9112 2.2)",
            ),
        )

    def test_bad_fields(self):
        """One bad line never hides the others: all of it is refused."""
        for line, text in [
            (b"Name : v", "header name 'Name ' is not a token (RFC 9112 5.1)"),
            (b"no colon", "header line 'no colon' is not 'Name: value' (RFC 9112 5)"),
            (b": v", "header line ':' is not 'Name: value' (RFC 9112 5)"),
            (b"A\xe9: v", "header name 'A\\xe9' is not a token (RFC 9112 5.1)"),
        ]:
            self.check(
                b"HTTP/1.1 200 OK\r\n" + line + b"\r\nContent-Length: 3\r\n\r\n",
                ("HeaderError", text),
            )

    def test_controls_in_values(self):
        """NUL and its like in a value are refused; the value is not shown."""
        for code in [0, 1, 8, 11, 12, 13, 31, 127]:
            self.check(
                b"HTTP/1.1 200 OK\r\nA: secret%cx\r\n\r\n" % code,
                (
                    "HeaderError",
                    "header line 'A' holds the control character 0x%02x (RFC 9110 5.5)"
                    % code,
                ),
            )

    def test_fold_before_any_field(self):
        """A continuation of nothing is refused."""
        kind, text = run_head([b"HTTP/1.1 200 OK\r\n fold\r\n\r\n"])
        self.assertEqual(kind, "HeaderError")

    def test_limits(self):
        """Long heads and floods of fields end in LimitExceeded, with the limit's name."""
        self.check(
            b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100 + b"\r\n\r\n",
            ("LimitExceeded", "answer's head exceeds max_header_bytes=64"),
            max_header_bytes=64,
        )
        self.check(
            b"HTTP/1.1 200 " + b"x" * 100 + b"\r\n\r\n",
            ("LimitExceeded", "status line exceeds max_header_bytes=64"),
            max_header_bytes=64,
        )
        self.check(
            b"HTTP/1.1 200 OK\r\n" + b"A: 1\r\n" * 4 + b"\r\n",
            (
                "LimitExceeded",
                "answer has 4 header fields, more than max_header_fields=3",
            ),
            max_header_fields=3,
        )

    def test_truncated(self):
        """A connection that ends too early is ConnectionLost."""
        self.assertEqual(
            run_head([]),
            ("ConnectionLost", "server closed the connection without an answer"),
        )
        self.check(
            b"HTTP/1.1 200 OK\r\nA",
            (
                "ConnectionLost",
                "server closed the connection after 18 bytes of the answer's head",
            ),
        )

    def test_many_equal_names(self):
        """Ten thousand fields of one name are read in one pass."""
        data = b"HTTP/1.1 200 OK\r\n" + b"A: 1\r\n" * 10000 + b"\r\n"
        parser = HeadParser(max_header_bytes=100000, max_header_fields=10000)
        head = parser.feed(data)
        self.assertEqual(len(head.fields.get_all("a")), 10000)


class Fields(unittest.TestCase):
    def setUp(self):
        self.fields = HeaderFields(
            [("Set-Cookie", "a=1"), ("Content-Type", "Text/HTML; Charset=\"UTF-8\"")]
        )
        self.fields["set-cookie"] = "b=2"

    def test_case_blind(self):
        """Names are found in any case; get gives the first, get_all all."""
        fields = self.fields
        self.assertEqual(fields["SET-COOKIE"], "a=1")
        self.assertEqual(fields.get("set-cookie"), "a=1")
        self.assertEqual(fields.get_all("Set-cookie"), ["a=1", "b=2"])
        self.assertEqual(fields.joined("set-cookie"), "a=1, b=2")
        self.assertEqual(fields.joined("x"), "")
        self.assertIn("content-TYPE", fields)
        self.assertNotIn(3, fields)
        self.assertIsNone(fields["x"])
        self.assertEqual(fields.get("x", "y"), "y")
        self.assertEqual(fields.get("x", failobj="z"), "z")
        self.assertEqual(fields.get_all("x", []), [])

    def test_as_a_mapping(self):
        """Order and repetitions stay."""
        fields = self.fields
        self.assertEqual(fields.keys(), ["Set-Cookie", "Content-Type", "set-cookie"])
        self.assertEqual(list(fields), fields.keys())
        self.assertEqual(len(fields), 3)
        self.assertEqual(fields.values()[0], "a=1")
        self.assertEqual(str(HeaderFields([("A", "1")])), "A: 1\n\n")
        self.assertNotIn("a=1", repr(fields))
        self.assertEqual(HeaderFields([("A", "1")]), HeaderFields([("A", "1")]))
        self.assertNotEqual(HeaderFields([("A", "1")]), 1)

    def test_changes(self):
        """Fields can be taken away and put in."""
        fields = self.fields
        del fields["SET-cookie"]
        del fields["none"]
        self.assertEqual(fields.keys(), ["Content-Type"])
        fields.add_header("X", "1")
        fields.replace_header("x", "2")
        self.assertEqual(fields.get_all("X"), ["2"])

    def test_content_type(self):
        """Type and charset are lower case; an unusable type is text/plain."""
        fields = self.fields
        self.assertEqual(fields.get_content_type(), "text/html")
        self.assertEqual(fields.get_content_maintype(), "text")
        self.assertEqual(fields.get_content_subtype(), "html")
        self.assertEqual(fields.get_content_charset(), "utf-8")
        self.assertEqual(fields.get_param("charset", unquote=False), '"UTF-8"')
        self.assertEqual(fields.get_param("none", "x"), "x")
        empty = HeaderFields()
        self.assertEqual(empty.get_content_type(), "text/plain")
        self.assertIsNone(empty.get_content_charset())


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

    def test_reuse(self):
        """What keeps a connection open, and what does not."""
        for text, version, want in [
            ("", "1.1", True),
            ("Connection: close", "1.1", False),
            ("Connection: Keep-Alive, CLOSE", "1.1", False),
            ("Connection: foo", "1.1", True),
            ("", "1.0", False),
            ("Connection: keep-alive", "1.0", True),
            ("Transfer-Encoding: chunked\nContent-Length: 3", "1.1", False),
            ("Transfer-Encoding: chunked\nConnection: keep-alive", "1.0", False),
        ]:
            self.assertEqual(is_reusable(head_of(text, version=version)), want, text)
        self.assertFalse(is_reusable(head_of("", "101 Switching Protocols")))

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

    def test_repr(self):
        """A head shows its status and how many fields it has."""
        self.assertEqual(repr(head_of("A: 1")), "<ResponseHead 200, 1 fields>")


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
