"""Lines, chunks and a buffer: fed every way, searched once."""

import random
import time
import unittest

from tests.support.feeding import feed_every_way
from wikistd import LimitExceeded, ProtocolError
from wikistd.formats.lines import ChunksParser, LinesParser, ParserBuffer


def parse(parser, chunks):
    parts = []
    for chunk in chunks:
        parts += parser.feed(chunk)
    return parts + parser.feed_eof()


class Lines(unittest.TestCase):
    def check(self, data, lines, **options):
        got = feed_every_way(
            self, data, lambda chunks: parse(LinesParser(**options), chunks)
        )
        self.assertEqual(got, lines)

    def test_lines(self):
        self.check(b"", [])
        self.check(b"\n", [b"\n"])
        self.check(b"line1\r\nline2\r\nda", [b"line1\r\n", b"line2\r\n", b"da"])
        self.check(
            b"a\rb\x0bc\x85\n\n\nd\n", [b"a\rb\x0bc\x85\n", b"\n", b"\n", b"d\n"]
        )

    def test_after_the_end(self):
        parser = LinesParser()
        self.assertEqual(parser.feed(b"a"), [])
        self.assertEqual(parser.feed(b""), [])
        self.assertEqual(parser.feed_eof(), [b"a"])
        self.assertEqual(parser.feed_eof(), [])
        self.assertEqual(parser.feed(b"b\nc"), [b"b\n"])

    def test_limit(self):
        self.check(b"abc\nde\n", [b"abc\n", b"de\n"], limit=4)
        self.check(b"abc\nabcd", [b"abc\n", b"abcd"], limit=4)
        for data, size in (
            (b"abcd\n", 5),
            (b"a\nabcd\nb", 5),
            (b"abcde", 5),
            (b"ab\nabcdef", 6),
        ):
            for step in (1, 2, 3, 100):
                parser = LinesParser(limit=4)
                with self.assertRaises(LimitExceeded) as caught:
                    for i in range(0, len(data), step):
                        parser.feed(data[i : i + step])
                self.assertEqual(
                    (caught.exception.name, caught.exception.limit), ("limit", 4)
                )
                if step == 100:
                    self.assertEqual(
                        str(caught.exception),
                        "line of %d bytes or more exceeds limit=4" % size,
                    )
                for call in (parser.feed_eof, lambda: parser.feed(b"x")):
                    with self.assertRaises(LimitExceeded) as again:
                        call()
                    self.assertIs(again.exception, caught.exception)

    def test_default_limit(self):
        self.assertEqual(len(LinesParser().feed(b"x" * 65535 + b"\n")), 1)
        with self.assertRaises(LimitExceeded):
            LinesParser().feed(b"x" * 65537)

    def test_linear(self):
        """A long line in small pieces is joined once."""
        parser = LinesParser(limit=10**9)
        began = time.process_time()
        for _ in range(200000):
            parser.feed(b"x" * 20)
        self.assertEqual(len(parser.feed(b"\n")[0]), 4000001)
        self.assertLess(time.process_time() - began, 2)


class Chunks(unittest.TestCase):
    def test_chunks(self):
        for data, size, want in (
            (b"", 3, []),
            (b"abcdefg", 3, [b"abc", b"def", b"g"]),
            (b"abcdef", 3, [b"abc", b"def"]),
            (b"ab", 3, [b"ab"]),
            (b"abc", 1, [b"a", b"b", b"c"]),
        ):
            got = feed_every_way(
                self, data, lambda chunks: parse(ChunksParser(size), chunks)
            )
            self.assertEqual(got, want)

    def test_no_copy(self):
        """A piece of just the size is handed on as it is."""
        parser = ChunksParser()
        piece = b"x" * 8192
        self.assertIs(parser.feed(piece)[0], piece)
        self.assertEqual(parser.feed(b""), [])
        self.assertEqual(parser.feed(b"a"), [])
        self.assertEqual([len(c) for c in parser.feed(piece * 2)], [8192, 8192])
        self.assertEqual(parser.feed_eof(), [b"x"])
        self.assertEqual(parser.feed_eof(), [])
        self.assertIs(parser.feed(piece)[0], piece)

    def test_size(self):
        for size in (0, -1):
            with self.assertRaises(ValueError) as caught:
                ChunksParser(size)
            self.assertEqual(
                str(caught.exception), "size must be at least 1, not %d" % size
            )


class Buffer(unittest.TestCase):
    def test_read(self):
        buffer = ParserBuffer()
        self.assertIsNone(buffer.read(3))
        buffer.feed_data(b"1")
        self.assertIsNone(buffer.read(3))
        buffer.feed_data(b"234")
        self.assertEqual(buffer.read(3), b"123")
        self.assertEqual(bytes(buffer), b"4")
        self.assertEqual(buffer.read(0), b"")
        self.assertEqual(len(buffer), 1)
        self.assertEqual(repr(buffer), "<ParserBuffer of 1 bytes>")

    def test_readsome(self):
        buffer = ParserBuffer(b"abcdef")
        self.assertEqual(buffer.readsome(2), b"ab")
        self.assertEqual(buffer.readsome(0), b"")
        self.assertEqual(buffer.readsome(), b"cdef")
        self.assertIsNone(buffer.readsome())
        self.assertIsNone(buffer.readsome(5))
        buffer.feed_data(b"x")
        self.assertEqual(buffer.readsome(5), b"x")
        buffer.feed_eof()
        self.assertEqual(buffer.readsome(), b"")

    def test_readuntil(self):
        buffer = ParserBuffer(b"ab\r")
        self.assertIsNone(buffer.readuntil(b"\r\n"))
        buffer.feed_data(b"\ncd\r\n")
        self.assertEqual(buffer.readuntil(b"\r\n"), b"ab\r\n")
        self.assertEqual(buffer.readuntil(b"\r\n", 4), b"cd\r\n")
        self.assertEqual(len(buffer), 0)

    def test_wait(self):
        """Waiting takes nothing."""
        buffer = ParserBuffer(b"abc")
        self.assertIsNone(buffer.wait(4))
        self.assertEqual(buffer.wait(2), b"ab")
        self.assertIsNone(buffer.waituntil(b"d"))
        buffer.feed_data(b"d")
        self.assertEqual(buffer.waituntil(b"cd"), b"abcd")
        self.assertEqual(buffer.waituntil(b"cd"), b"abcd")
        self.assertEqual(buffer.readuntil(b"b"), b"ab")
        self.assertEqual(buffer.waituntil(b"cd"), b"cd")
        self.assertEqual(bytes(buffer), b"cd")

    def test_skip(self):
        buffer = ParserBuffer(b"abc")
        self.assertFalse(buffer.skip(4))
        self.assertTrue(buffer.skip(2))
        self.assertTrue(buffer.skip(0))
        self.assertEqual(bytes(buffer), b"c")

    def test_skipuntil(self):
        """What is skipped is dropped at once, but for the start of the stop."""
        buffer = ParserBuffer(b"junk" * 100 + b"\r")
        self.assertFalse(buffer.skipuntil(b"\r\n"))
        self.assertEqual(bytes(buffer), b"\r")
        buffer.feed_data(b"\nrest")
        self.assertTrue(buffer.skipuntil(b"\r\n"))
        self.assertEqual(bytes(buffer), b"rest")

    def test_limit(self):
        for data in (b"abc\n", b"abcd", b"abcdef\n"):
            for method in ("readuntil", "waituntil"):
                buffer = ParserBuffer(data)
                with self.assertRaises(LimitExceeded) as caught:
                    getattr(buffer, method)(b"\n", 3)
                self.assertEqual(
                    str(caught.exception), "no b'\\n' within limit=3 bytes"
                )
                self.assertEqual(
                    (caught.exception.name, caught.exception.limit), ("limit", 3)
                )
                self.assertEqual(bytes(buffer), data)
        self.assertIsNone(ParserBuffer(b"abc").readuntil(b"\n", 3))
        self.assertEqual(ParserBuffer(b"\nabcd").readuntil(b"\n", 3), b"\n")
        self.assertEqual(ParserBuffer(b"ab\n").readuntil(b"\n", 3), b"ab\n")

    def test_end(self):
        """After the end, what cannot be answered is an error."""
        buffer = ParserBuffer(b"abc")
        buffer.feed_eof()
        for call, sentence in (
            (lambda: buffer.read(4), "input ended after 3 of 4 bytes"),
            (lambda: buffer.wait(4), "input ended after 3 of 4 bytes"),
            (lambda: buffer.skip(4), "input ended after 3 of 4 bytes"),
            (lambda: buffer.readuntil(b"x"), "input ended before b'x', after 3 bytes"),
            (lambda: buffer.waituntil(b"x"), "input ended before b'x', after 3 bytes"),
            (lambda: buffer.skipuntil(b"x"), "input ended before b'x', after 3 bytes"),
        ):
            with self.assertRaises(ProtocolError) as caught:
                call()
            self.assertEqual(str(caught.exception), sentence)
        self.assertEqual(buffer.read(3), b"abc")

    def test_arguments(self):
        buffer = ParserBuffer(b"abc")
        for method in (buffer.read, buffer.readsome, buffer.wait, buffer.skip):
            with self.assertRaises(ValueError) as caught:
                method(-1)
            self.assertEqual(str(caught.exception), "size must not be negative, not -1")
        for method in (buffer.readuntil, buffer.waituntil, buffer.skipuntil):
            with self.assertRaises(ValueError) as caught:
                method(b"")
            self.assertEqual(str(caught.exception), "stop must not be empty")

    def test_never_rescans(self):
        """A search goes on where it stopped, for several stops in turn."""
        buffer = ParserBuffer()
        began = time.process_time()
        for _ in range(20000):
            buffer.feed_data(b"x" * 100)
            self.assertIsNone(buffer.waituntil(b"\r\n"))
            self.assertIsNone(buffer.readuntil(b"stop"))
        self.assertLess(time.process_time() - began, 2)

    def test_against_a_plain_model(self):
        """Random calls give what slices of the whole input give."""
        dice = random.Random(65)
        for _ in range(200):
            data = bytes(dice.choices(b"ab\n", k=60))
            buffer, taken, fed = ParserBuffer(), 0, 0
            while taken < len(data):
                there = data[taken:fed]
                kind, size = dice.randrange(5), dice.randrange(5)
                stop = dice.choice((b"\n", b"ab", b"a\na"))
                end = there.find(stop) + len(stop) if stop in there else None
                if kind == 0:
                    step = dice.randrange(1, 6)
                    buffer.feed_data(data[fed : fed + step])
                    fed = min(len(data), fed + step)
                    if fed == len(data):
                        break
                elif kind == 1:
                    want = there[:size] if len(there) >= size else None
                    self.assertEqual(buffer.read(size), want)
                    taken += len(want or b"")
                elif kind == 2:
                    want = None if end is None else there[:end]
                    self.assertEqual(buffer.readuntil(stop), want)
                    taken += len(want or b"")
                elif kind == 3:
                    want = None if end is None else there[:end]
                    self.assertEqual(buffer.waituntil(stop), want)
                else:
                    self.assertEqual(buffer.skip(size), len(there) >= size)
                    taken += size if len(there) >= size else 0
                self.assertEqual(bytes(buffer), data[taken:fed])


if __name__ == "__main__":
    unittest.main()
