"""formats/http1.py: heads and header fields; fed every way."""

import unittest

from tests.support.feeding import feed_every_way
from wikistd.errors import WikistdError
from wikistd.formats.http1 import HeaderFields, HeadParser, is_reusable


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


def head_of(text, status="200 OK", version="1.1"):
    lines = ["HTTP/%s %s" % (version, status), *text.split("\n")] if text else [
        "HTTP/%s %s" % (version, status)
    ]
    return HeadParser().feed(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))


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
            b"HTTP/1.1 200 OK\r\nA: 1 \t\r\n \t 2\r\n\t3 \r\nB: 4\r\n\r\n",
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

    def test_changes(self):
        """Fields can be taken away and put in."""
        fields = self.fields
        del fields["SET-cookie"]
        del fields["none"]
        self.assertEqual(fields.keys(), ["Content-Type"])
        fields.add_header("X", "1")
        fields["x"] = "2"
        self.assertEqual(fields.get_all("X"), ["1", "2"])

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


class WholeHeads(unittest.TestCase):
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

    def test_repr(self):
        """A head shows its status and how many fields it has."""
        self.assertEqual(repr(head_of("A: 1")), "<ResponseHead 200, 1 fields>")
