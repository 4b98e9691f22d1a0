"""The push parser of multipart bodies: each case fed every way, limits, hostility."""

import random
import time
import unittest

from tests.support.feeding import feed_every_way
from wikistd import LimitExceeded, MultipartError
from wikistd.formats.headers import check_boundary
from wikistd.formats.multiparser import (
    MultipartParser,
    PartBegin,
    PartEnd,
    parse_part_length,
)


def outcome(chunks, boundary=":", **options):
    """Feed `chunks`; return the parts as (headers, content), or the error."""
    parser = MultipartParser(boundary, **options)
    parts, is_open = [], options.get("in_part", False)
    if is_open:
        parts.append((None, b""))
    try:
        for chunk in chunks:
            for event in parser.feed(chunk):
                if isinstance(event, PartBegin):
                    assert not is_open
                    parts.append((event.headers, b""))
                    is_open = True
                elif isinstance(event, PartEnd):
                    assert is_open and event.size == len(parts[-1][1])
                    is_open = False
                else:
                    assert is_open and type(event) is bytes and event
                    parts[-1] = (parts[-1][0], parts[-1][1] + event)
        parser.close()
    except (MultipartError, LimitExceeded) as error:
        again = []
        for call in (lambda: parser.feed(b"x"), parser.close):
            try:
                call()
            except Exception as other:
                again.append(other is error)
        assert again == [True, True], again
        return type(error).__name__, str(error)
    assert parser.at_end and not is_open
    assert parser.feed(b"more") == []
    parser.close()
    return parts


class GoodBodies(unittest.TestCase):
    def check(self, body, parts, boundary=":", **options):
        want = [(headers, content) for headers, content in parts]
        got = feed_every_way(
            self, body, lambda chunks: outcome(chunks, boundary, **options)
        )
        self.assertEqual(got, want)

    def test_one_part(self):
        self.check(b"--:\r\n\r\ntest\r\n--:--\r\n", [([], b"test")])

    def test_headers(self):
        self.check(
            b"--:\r\nContent-Type: text/plain\r\nX-Y:  z \t\r\nEmpty:\r\n\r\ntest\r\n--:--",
            [([("Content-Type", "text/plain"), ("X-Y", "z"), ("Empty", "")], b"test")],
        )

    def test_several_parts(self):
        self.check(
            b"--:\r\n\r\none\r\n--:\r\nA: b\r\n\r\ntwo\r\n--:\r\n\r\n\r\n--:--\r\n",
            [([], b"one"), ([("A", "b")], b"two"), ([], b"")],
        )

    def test_empty_parts(self):
        """The empty line of a header may be the CRLF of the next delimiter."""
        self.check(b"--:\r\n\r\n--:--", [([], b"")])
        self.check(
            b"--:\r\nA: b\r\n\r\n--:\r\n\r\n--:--", [([("A", "b")], b""), ([], b"")]
        )

    def test_no_parts(self):
        self.check(b"--:--\r\n", [])
        self.check(b"junk\r\n--:--", [])

    def test_prelude_and_epilogue(self):
        """What stands before the first and after the last boundary is ignored."""
        self.check(
            b"This is multipart.\r\nIgnore --: me\r\n--:\r\n\r\nx\r\n--:--\r\nbye\r\n--:\r\n",
            [([], b"x")],
        )
        self.check(b"\r\n--:\r\n\r\nx\r\n--:--", [([], b"x")])

    def test_padding(self):
        """Blanks may follow a boundary."""
        self.check(
            b"--: \t \r\n\r\nx\r\n--:\t\r\n\r\ny\r\n--:--  ", [([], b"x"), ([], b"y")]
        )
        blanks = b" " * 255
        self.check(b"--:" + blanks + b"\r\n\r\nx\r\n--:--", [([], b"x")])

    def test_too_much_padding(self):
        """A line with more blanks than anybody sends is content."""
        line = b"\r\n--:" + b" " * 257 + b"\r\n"
        self.check(b"--:\r\n\r\nx" + line + b"y\r\n--:--", [([], b"x" + line + b"y")])

    def test_almost_delimiters(self):
        """Lines that only begin like a delimiter are content."""
        content = (
            b"\r\n--::\r\n--:-\r\n--:x\r\n-:\r\n--\r\r\n--\r--:\n--:\r\r\n\r\n--: x"
            b"\r\n--:\r\r\n--:\rx"
        )
        self.check(b"--:\r\n\r\n" + content + b"\r\n--:--", [([], content)])
        self.check(b"--::\r\n--:\r\n\r\nx\r\n--:--", [([], b"x")])

    def test_longer_boundary(self):
        boundary = "----wikistd7MA4YWxk' ()+_,-./:=?"
        mark = b"--" + boundary.encode()
        content = mark + b"\r\n" + mark[:-1] + b"\r\n" + mark + b"?\r\n" + mark[1:]
        self.check(
            mark + b"\r\n\r\nx" + content + b"\r\n" + mark + b"--",
            [([], b"x" + content)],
            boundary,
        )

    def test_line_ends_in_content(self):
        """Bare CR and LF are content; only the CRLF of the delimiter is taken off."""
        for content in (
            b"\r",
            b"\n",
            b"\r\n",
            b"\n\r",
            b"\r\r\n",
            b"a\nb\rc\r\n\r\n",
            b"-",
            b"--",
        ):
            self.check(b"--:\r\n\r\n" + content + b"\r\n--:--", [([], content)])

    def test_content_at_once(self):
        """Content that looks like a delimiter right after the header is content."""
        self.check(b"--:\r\n\r\n--:x\r\n--:--", [([], b"--:x")])
        self.check(b"--:\r\n\r\n--\r\n--:--", [([], b"--")])

    def test_folded_header(self):
        self.check(
            b"--:\r\nA: bX\r\n  Xc\r\n\td;X\r\nF: g\r\n h\r\n\r\nx\r\n--:--",
            [([("A", "bX Xc d;X"), ("F", "g h")], b"x")],
        )

    def test_header_charset(self):
        """Headers are UTF-8, as browsers send it, or else latin-1."""
        self.check(b"--:\r\nA: \xc3\xa9\r\n\r\n\r\n--:--", [([("A", "\xe9")], b"")])
        self.check(b"--:\r\nA: \xe9\r\n\r\n\r\n--:--", [([("A", "\xe9")], b"")])
        self.check(b"--:\r\nA: a\tb\r\n\r\n\r\n--:--", [([("A", "a\tb")], b"")])

    def test_in_part(self):
        """The parser can start inside the content of a part."""
        self.check(b"Hello\r\n--:--", [(None, b"Hello")], in_part=True)
        self.check(b"--:--", [(None, b"")], in_part=True)
        self.check(b"\r\n--:--", [(None, b"")], in_part=True)
        self.check(
            b"a\r\n--:b\r\n--:--", [(None, b"a\r\n--:b")], in_part=True, length=7
        )
        self.check(b"a\r\n--:--", [(None, b"a")], in_part=True, length=1)
        self.check(b"--:--", [(None, b"")], in_part=True, length=0)

    def test_length(self):
        """With `use_length` nothing inside a part of announced length is a delimiter."""
        body = b"--:\r\nContent-Length: 9\r\n\r\na\r\n--:\r\nb\r\n--:--"
        self.check(
            body, [([("Content-Length", "9")], b"a\r\n--:\r\nb")], use_length=True
        )
        body = (
            b"--:\r\nContent-Length: 0\r\n\r\n\r\n--:\r\ncontent-length: 0\r\n\r\n--:--"
        )
        self.check(
            body,
            [([("Content-Length", "0")], b""), ([("content-length", "0")], b"")],
            use_length=True,
        )
        body = b"--:\r\nContent-Length: 3\r\n\r\nabcdef\r\n--:--"
        self.check(body, [([("Content-Length", "3")], b"abcdef")])

    def test_large_pieces_pass_uncopied(self):
        parser = MultipartParser("b" * 40)
        parser.feed(b"--" + b"b" * 40 + b"\r\n\r\nx")
        for piece in (b"y" * 65536, b"\r" * 3 + b"z" * 100, b"\r\n--bb" + b"z" * 40):
            events = parser.feed(piece)
            self.assertEqual(len(events), 1)
            self.assertIs(events[0], piece)
        self.assertEqual(parser.feed(b""), [])
        self.assertEqual(parser.feed(bytearray(b"abc")), [b"abc"])
        self.assertIs(type(parser.feed(memoryview(b"abc"))[0]), bytes)
        self.assertEqual(parser.feed(b"ab\r\n--"), [b"ab"])
        self.assertEqual(parser.feed(b"x"), [b"\r\n--x"])
        self.assertEqual(parser.feed(b"\r\n--" + b"b" * 40 + b"--"), [PartEnd(65699)])
        parser.close()


class BadBodies(unittest.TestCase):
    def check(self, body, kind, sentence, boundary=":", **options):
        got = feed_every_way(
            self, body, lambda chunks: outcome(chunks, boundary, **options)
        )
        self.assertEqual(got, (kind, sentence))

    def test_cut_short(self):
        """Wherever a body is cut before its closing boundary, it says so."""
        body = b"pre\r\n--:\r\nA: b\r\n\r\none\r\n--:\r\n\r\ntwo\r\n--:--"
        for end in range(len(body)):
            kind, sentence = outcome([body[:end]])
            self.assertEqual(kind, "MultipartError")
            part = 0 if end < 18 else 1 if end < 30 else 2
            where = "the boundary after part %d is missing" % part
            if not part:
                where = "no boundary was found"
            self.assertEqual(
                sentence,
                "multipart body cut short: %s (RFC 2046 5.1)" % where,
                body[:end],
            )

    def test_no_boundary(self):
        for body in (
            b"",
            b"---:\r\n\r\nx\r\n---:--",
            b"--;\r\n\r\nx",
            b"\n--:\r\n\r\nx\n--:--",
        ):
            self.check(
                body,
                "MultipartError",
                "multipart body cut short: no boundary was found (RFC 2046 5.1)",
            )

    def test_broken_headers(self):
        for line in (b"no colon", b": x", b"A B: c", b"A : b", b" folded", b"\xff: x"):
            with self.subTest(line=line):
                self.check(
                    b"--:\r\n" + line + b"\r\n\r\nx\r\n--:--",
                    "MultipartError",
                    "part header has the line %r (RFC 2046 5.1)"
                    % line.decode("latin-1"),
                )
        for char in (b"\0", b"\r", b"\n", b"\x7f", b"\x1f"):
            with self.subTest(char=char):
                self.check(
                    b"--:\r\nA: b" + char + b"c\r\n\r\nx\r\n--:--",
                    "MultipartError",
                    "part header A has a control character (RFC 2046 5.1)",
                )

    def test_lengths_that_are_no_numbers(self):
        for text in (
            "-1",
            "+5",
            "1_0",
            "0x5",
            "\uff15",
            "",
            "5 5",
            "1" * 19,
            "5,5",
            "1.0",
        ):
            body = ("--:\r\nContent-Length: %s\r\n\r\nx\r\n--:--" % text).encode()
            self.check(
                body,
                "MultipartError",
                "Content-Length %r of a part is no number (RFC 2046 5.1)" % text,
                use_length=True,
            )
        with self.assertRaises(MultipartError):
            parse_part_length([" 5"])
        self.assertEqual(parse_part_length(["1" * 18]), 111111111111111111)
        self.assertEqual(parse_part_length(["7", "7"]), 7)

    def test_lengths_that_differ(self):
        self.check(
            b"--:\r\nContent-Length: 1\r\ncontent-length: 2\r\n\r\nx\r\n--:--",
            "MultipartError",
            "a part has several Content-Lengths: ['1', '2'] (RFC 2046 5.1)",
            use_length=True,
        )

    def test_content_longer_than_announced(self):
        for content in (b"abcd\r\n--:--", b"abc\r\n--:x\r\n--:--", b"abc\n--:--"):
            self.check(
                b"--:\r\nContent-Length: 3\r\n\r\n" + content,
                "MultipartError",
                "part 1 goes on after the 3 bytes that its Content-Length announced"
                " (RFC 2046 5.1)",
                use_length=True,
            )

    def test_content_shorter_than_announced(self):
        self.check(
            b"--:\r\nContent-Length: 30\r\n\r\nabc\r\n--:--\r\n",
            "MultipartError",
            "multipart body cut short: the boundary after part 1 is missing (RFC 2046 5.1)",
            use_length=True,
        )


class Limits(unittest.TestCase):
    def run_limits(self, body, **limits):
        return feed_every_way(self, body, lambda chunks: outcome(chunks, **limits))

    def test_parts(self):
        body = b"--:\r\n\r\n\r\n" * 3 + b"--:--"
        self.assertEqual(len(self.run_limits(body, max_parts=3)), 3)
        self.assertEqual(
            self.run_limits(body, max_parts=2),
            ("LimitExceeded", "multipart body has more parts than max_parts=2"),
        )

    def test_header_bytes(self):
        for size in (1, 4, 10):
            block = b"A:" + b"b" * 8
            body = b"--:\r\n\r\nx\r\n--:\r\n" + block + b"\r\n\r\nx\r\n--:--"
            got = self.run_limits(body, max_header_bytes=size)
            if size == 10:
                self.assertEqual(len(got), 2)
            else:
                self.assertEqual(
                    got,
                    (
                        "LimitExceeded",
                        "header of part 2 exceeds max_header_bytes=%d" % size,
                    ),
                )

    def test_part_bytes(self):
        body = b"--:\r\n\r\nab\r\n--:\r\n\r\nabc\r\n--:--"
        self.assertEqual(len(self.run_limits(body, max_part_bytes=3)), 2)
        self.assertEqual(
            self.run_limits(body, max_part_bytes=2),
            ("LimitExceeded", "content of part 2 exceeds max_part_bytes=2"),
        )

    def test_fields_of_the_error(self):
        cases = [
            ({"max_parts": 0}, "max_parts"),
            ({"max_header_bytes": 1}, "max_header_bytes"),
            ({"max_part_bytes": 1}, "max_part_bytes"),
        ]
        for limits, name in cases:
            parser = MultipartParser(":", **limits)
            with self.assertRaises(LimitExceeded) as caught:
                parser.feed(b"--:\r\nAB: c\r\n\r\nxxx\r\n--:--")
            self.assertEqual(caught.exception.name, name)
            self.assertEqual(caught.exception.limit, limits[name])

    def test_defaults(self):
        body = b"--:\r\n\r\n\r\n" * 1000
        self.assertEqual(len(MultipartParser(":").feed(body)), 1999)
        with self.assertRaises(LimitExceeded):
            MultipartParser(":").feed(body + b"--:\r\n\r\n")
        head = b"--:\r\nA:" + b"b" * 16382
        self.assertEqual(len(MultipartParser(":").feed(head + b"\r\n\r\n")), 1)
        with self.assertRaises(LimitExceeded):
            MultipartParser(":").feed(head + b"b\r\n\r\n")


class Boundaries(unittest.TestCase):
    def test_good(self):
        for boundary in ("a", ":", "a b", "'", "x" * 70, '~"\\'):
            self.assertEqual(check_boundary(boundary), boundary.encode())
        self.assertEqual(check_boundary(bytearray(b"ab")), b"ab")

    def test_bad(self):
        cases = [
            ("", "boundary has 0 characters, RFC 2046 allows 1 to 70"),
            ("x" * 71, "boundary has 71 characters, RFC 2046 allows 1 to 70"),
            ("\xe9", "boundary '\xe9' is not ASCII"),
            ("a ", "boundary 'a ' holds what a boundary must not"),
            ("a\r\nb", "boundary 'a\\r\\nb' holds what a boundary must not"),
            ("\x1f", "boundary '\\x1f' holds what a boundary must not"),
            ("\0", "boundary '\\x00' holds what a boundary must not"),
            (b"\x7f", "boundary b'\\x7f' holds what a boundary must not"),
        ]
        for boundary, sentence in cases:
            with self.assertRaises(ValueError) as caught:
                MultipartParser(boundary)
            self.assertEqual(str(caught.exception), sentence)


class HostileBodies(unittest.TestCase):
    def test_linear(self):
        """Four times the input takes about four times as long, whatever it is."""
        fillers = [
            b"\r", b"\r\n", b"\n", b"\r\n--", b"\r\n--:x", b"\r\n--: ", b"\r\n--:" + b" " * 255,
            b"--:", b"-", b"\r\n--:\r",
        ]  # fmt: skip
        for filler in fillers:
            for step in (7, 4096):
                took = []
                for size in (20000, 80000):
                    body = b"--:\r\n\r\n" + filler * (size // len(filler))
                    began = time.process_time()
                    parser = MultipartParser(":")
                    try:
                        for i in range(0, len(body), step):
                            parser.feed(body[i : i + step])
                    except LimitExceeded:
                        pass
                    took.append(time.process_time() - began)
                self.assertLess(took[1], 8 * took[0] + 0.05, (filler, step))

    def test_endless_folding(self):
        parser = MultipartParser(":")
        began = time.process_time()
        for _ in range(20):
            parser.feed(b"--:\r\nA: b" + b"\r\n c" * 4000 + b"\r\n\r\nx\r\n")
        self.assertLess(time.process_time() - began, 2)


class Fuzz(unittest.TestCase):
    def test_random_bodies(self):
        """Content of the delimiter's own pieces comes out as it went in."""
        dice = random.Random(2046)
        words = [
            b"\r",
            b"\n",
            b"\r\n",
            b"-",
            b"--",
            b":",
            b"--:",
            b"\r\n--",
            b"x",
            b" ",
            b"\0",
        ]
        for _ in range(300):
            parts = []
            body = b""
            for _ in range(dice.randrange(4)):
                content = b"".join(dice.choices(words, k=dice.randrange(9)))
                while b"\r\n--b" in b"\r\n" + content:
                    content = content[1:]
                parts.append(([], content))
                body += b"--b\r\n\r\n" + content + b"\r\n"
            body += b"--b--"
            size = dice.choice((1, 2, 3, 5, 8, 13, 100))
            chunks = [body[i : i + size] for i in range(0, len(body), size)]
            self.assertEqual(outcome(chunks, "b"), parts, body)

    def test_random_garbage(self):
        """Garbage gives the same events or the same error however it is cut."""
        dice = random.Random(7578)
        words = [
            b"\r\n--b\r\n", b"\r\n--b--", b"A: b\r\n", b"\r\n", b"\r", b"\n", b"--b", b"x",
            b"Content-Length: 3\r\n", b"\r\n\r\n", b" ", b"\0", b"\r\n--b \r\n",
        ]  # fmt: skip
        for _ in range(150):
            body = b"--b\r\n" + b"".join(dice.choices(words, k=dice.randrange(12)))
            for use_length in (False, True):
                feed_every_way(
                    self,
                    body,
                    lambda chunks: outcome(
                        chunks, "b", use_length=use_length, max_header_bytes=30
                    ),
                    max_two_way=10,
                    random_splits=4,
                )


if __name__ == "__main__":
    unittest.main()
