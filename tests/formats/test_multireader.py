"""Multipart bodies read part by part: aiohttp's historical cases, encodings, limits."""

import binascii
import email.message
import gzip
import io
import json
import random
import unittest
import zlib

from tests.support.feeding import every_way, feed_every_way
from wikistd import LimitExceeded, MultipartError, UnknownEncoding
from wikistd.formats.multipart import BodyPartWriter, MultipartWriter
from wikistd.formats.multireader import BodyPartReader, MultipartReader

BOUNDARY = b"--:"
MIXED = {"CONTENT-TYPE": 'multipart/mixed; boundary=":"'}
FORM = {"Content-Type": "multipart/form-data; boundary=:"}


class Pieces:
    """Content that comes as it was cut, never more than asked for."""

    def __init__(self, chunks):
        self.chunks = [chunk for chunk in chunks if chunk]

    def read(self, size):
        assert size > 0
        if not self.chunks:
            return b""
        chunk = self.chunks.pop(0)
        if len(chunk) > size:
            self.chunks.insert(0, chunk[size:])
        return chunk[:size]


def part(data, headers=None, **options):
    return BodyPartReader(BOUNDARY, headers, io.BytesIO(data), **options)


def coded(data, headers=None):
    """Return a part whose content is `data`."""
    return part(data + b"\r\n--:--", headers)


class Content(unittest.TestCase):
    def test_read(self):
        obj = part(b"Hello, world!\r\n--:--")
        self.assertFalse(obj.at_eof())
        self.assertEqual(obj.read(), b"Hello, world!")
        self.assertTrue(obj.at_eof())
        self.assertEqual(obj.read(), b"")
        self.assertEqual(obj.read_chunk(), b"")
        self.assertEqual(obj.readline(), b"")

    def test_every_way(self):
        data = b"Hello,\r\n--\r\r\n--:x\nworld!\r\r\n--:--"

        def run(chunks):
            obj = BodyPartReader(BOUNDARY, {}, Pieces(chunks))
            return obj.read(), obj.at_eof()

        self.assertEqual(
            feed_every_way(self, data, run), (b"Hello,\r\n--\r\r\n--:x\nworld!\r", True)
        )

    def test_end_right_after_the_boundary(self):
        """Of one part alone, only its content must be complete."""
        for end in (b"\r\n--:", b"\r\n--:\r", b"\r\n--: ", b"\r\n--:-", b"\r\n--:\r\n"):
            for data in (b"Hello, world!", b""):

                def run(chunks):
                    obj = BodyPartReader(BOUNDARY, {}, Pieces(chunks))
                    return obj.read(), obj.at_eof()

                self.assertEqual(feed_every_way(self, data + end, run), (data, True))
        self.assertEqual(part(b"--:").read(), b"")
        self.assertEqual(part(b"abc\r\n--:", {"Content-Length": "3"}).read(), b"abc")

    def test_content_as_bytes(self):
        self.assertEqual(BodyPartReader(BOUNDARY, None, b"x\r\n--:--").read(), b"x")
        self.assertEqual(
            BodyPartReader(BOUNDARY, None, bytearray(b"x\r\n--:--")).read(), b"x"
        )

    def test_next(self):
        """The content once, then None."""
        obj = part(b"Hello\r\n--:--")
        self.assertEqual(obj.next(), b"Hello")
        self.assertTrue(obj.at_eof())
        self.assertIsNone(obj.next())
        obj = part(b"\r\n--:--")
        self.assertEqual(obj.next(), b"")
        self.assertIsNone(obj.next())

    def test_several_lines(self):
        self.assertEqual(
            part(b"Hello\n,\r\nworld!\r\n--:--").read(), b"Hello\n,\r\nworld!"
        )

    def test_content_length(self):
        """An announced length is believed: the boundary inside is content."""
        data = b"." * 100500
        obj = part(data + b"\r\n--:--", {"CONTENT-LENGTH": "100500"})
        self.assertEqual(obj.read(), data)
        self.assertTrue(obj.at_eof())
        inside = b"a\r\n--:\r\nb"
        obj = part(inside + b"\r\n--:--", {"Content-Length": "9"})
        self.assertEqual(obj.read(), inside)
        for text in ("-1", "+5", "1_0", " 5", "0x5", "\uff15", ""):
            with self.assertRaises(MultipartError):
                part(b"12345\r\n--:--", {"Content-Length": text})
        obj = part(b"123456\r\n--:--", {"Content-Length": "5"})
        with self.assertRaises(MultipartError) as caught:
            obj.read()
        self.assertIn("goes on after the 5 bytes", str(caught.exception))

    def test_boundary_argument(self):
        with self.assertRaises(ValueError) as caught:
            BodyPartReader(b":", {}, b"")
        self.assertEqual(str(caught.exception), "boundary b':' lacks its dashes")
        with self.assertRaises(TypeError) as caught:
            BodyPartReader(BOUNDARY, {}, 5)
        self.assertEqual(
            str(caught.exception), "content must have a read method, int has none"
        )

    def test_sources(self):
        """readany() goes before read1(), that before read()."""

        class Any:
            def __init__(self):
                self.chunks = [b"x\r", b"\n--:--"]

            def readany(self):
                return self.chunks.pop(0) if self.chunks else b""

            def read(self, size):
                raise AssertionError("waits for all")

        class Some(io.BytesIO):
            def read(self, size=-1):
                raise AssertionError("waits for all")

        self.assertEqual(BodyPartReader(BOUNDARY, {}, Any()).read(), b"x")
        self.assertEqual(BodyPartReader(BOUNDARY, {}, Some(b"x\r\n--:--")).read(), b"x")

    def test_read_chunk(self):
        data = b"Hello, world! " * 50
        for size in (1, 7, 8, 100, 8192):
            for cut in (1, 3, 10, 1000):
                body = data + b"\r\n--:--"
                chunks = [body[i : i + cut] for i in range(0, len(body), cut)]
                obj = BodyPartReader(BOUNDARY, {}, Pieces(chunks))
                got = []
                while True:
                    chunk = obj.read_chunk(size)
                    if not chunk:
                        break
                    self.assertLessEqual(len(chunk), size)
                    got.append(chunk)
                self.assertEqual(b"".join(got), data)
                self.assertTrue(obj.at_eof())
                self.assertEqual(obj.read_chunk(size), b"")

    def test_read_chunk_says_the_end_early(self):
        """The last chunk leaves the part at its end where that is known."""
        obj = part(b"ab\r\n--:--")
        self.assertEqual(obj.read_chunk(1), b"a")
        self.assertFalse(obj.at_eof())
        self.assertEqual(obj.read_chunk(1), b"b")
        self.assertTrue(obj.at_eof())

    def test_read_chunk_size(self):
        self.assertEqual(BodyPartReader.chunk_size, 8192)
        self.assertEqual(len(coded(b"x" * 10000).read_chunk()), 8192)
        for size in (0, -1):
            with self.assertRaises(ValueError) as caught:
                coded(b"x").read_chunk(size)
            self.assertEqual(
                str(caught.exception), "size must be at least 1, not %d" % size
            )

    def test_truncated(self):
        for data in (b"", b"x", b"x\r\n", b"x\r\n--", b"--", b"x\r\n--:x"):
            obj = part(data)
            with self.assertRaises(ValueError) as caught:
                while obj.read_chunk(100):
                    pass
            self.assertIs(type(caught.exception), MultipartError)
            self.assertEqual(
                str(caught.exception),
                "multipart body cut short: the boundary after part 1 is missing "
                "(RFC 2046 5.1)",
            )

    def test_readline(self):
        data = b"Hello\r\n\nwor\rld\n!\r\n--:--"
        want = [b"Hello\r\n", b"\n", b"wor\rld\n", b"!"]

        def run(chunks):
            obj = BodyPartReader(BOUNDARY, {}, Pieces(chunks))
            lines = []
            while True:
                line = obj.readline()
                if not line:
                    return lines, obj.at_eof()
                lines.append(line)

        self.assertEqual(feed_every_way(self, data, run), (want, True))
        self.assertEqual(run([b"a\n\r\n--:--"]), ([b"a\n"], True))

    def test_release(self):
        for data, headers in (
            (b"Hello\r\n--:--", {}),
            (b"x\r\n--:x\r\n--:--", {"Content-Length": "7"}),
        ):
            obj = part(data, headers)
            obj.release()
            self.assertTrue(obj.at_eof())
            obj.release()
            self.assertEqual(obj.read(), b"")
            self.assertIsNone(obj.next())

    def test_names(self):
        obj = part(
            b"", {"Content-Disposition": 'form-data; name="a\\b"; filename="x.png"'}
        )
        self.assertEqual((obj.name, obj.filename), ("a\\b", "x.png"))
        obj = part(b"", {"Content-Disposition": "attachment; filename*=utf-8''%C3%A9"})
        self.assertEqual((obj.name, obj.filename), (None, "\xe9"))
        self.assertIsNone(part(b"").filename)
        self.assertIsNone(
            part(b"", {"Content-Disposition": "attachment; filename="}).filename
        )

    def test_repr(self):
        obj = part(b"x\r\n--:--", {"content-type": "a/b; secret=1"})
        self.assertEqual(repr(obj), "<BodyPartReader a/b, open>")
        obj.read()
        self.assertEqual(repr(obj), "<BodyPartReader a/b, at its end>")
        self.assertEqual(repr(part(b"")), "<BodyPartReader untyped, open>")


class Decoding(unittest.TestCase):
    DATA = b"Time to Relax! " * 100

    def decode(self, data, headers, **options):
        return part(data + b"\r\n--:--", headers, **options).read(decode=True)

    def test_gzip(self):
        for name in ("gzip", "GZip ", "x-gzip"):
            headers = {"Content-Encoding": name}
            self.assertEqual(self.decode(gzip.compress(self.DATA), headers), self.DATA)
        two = gzip.compress(b"a") + gzip.compress(b"b")
        self.assertEqual(self.decode(two, {"Content-Encoding": "gzip"}), b"ab")

    def test_deflate(self):
        """Raw, as aiohttp writes parts, and with the header of RFC 9110."""
        squeeze = zlib.compressobj(wbits=-15)
        raw = squeeze.compress(self.DATA) + squeeze.flush()
        for data in (raw, zlib.compress(self.DATA), zlib.compress(self.DATA, 1)):
            self.assertEqual(
                self.decode(data, {"Content-Encoding": "deflate"}), self.DATA
            )
        large = b"x" * (2 * 1024 * 1024)
        self.assertEqual(
            self.decode(zlib.compress(large), {"Content-Encoding": "deflate"}), large
        )

    def test_identity(self):
        for headers in (
            {"Content-Encoding": "identity"},
            {"Content-Encoding": ""},
            {"Content-Transfer-Encoding": "binary"},
            {"Content-Transfer-Encoding": "8bit"},
            {"Content-Transfer-Encoding": "7BIT"},
            {},
        ):
            self.assertEqual(self.decode(b"\x06\xac", headers), b"\x06\xac")

    def test_not_asked_for(self):
        obj = coded(b"VGltZQ==", {"Content-Transfer-Encoding": "base64"})
        self.assertEqual(obj.read(), b"VGltZQ==")
        self.assertEqual(obj.decode(bytearray(b"VGltZQ==")), b"Time")

    def test_base64(self):
        headers = {"Content-Transfer-Encoding": "Base64"}
        self.assertEqual(
            self.decode(b"VGltZSB0byBS\r\nZWxheCE=", headers), b"Time to Relax!"
        )
        with self.assertRaises(MultipartError) as caught:
            self.decode(b"VGltZSB0b", headers)
        self.assertIn("part is no base64", str(caught.exception))

    def test_quoted_printable(self):
        headers = {"Content-Transfer-Encoding": "quoted-printable"}
        data = b"=D0=9F=D1=80=D0=B8=D0=B2=D0=B5=D1=82,=\r\n =D0=BC=D0=B8=D1=80!"
        self.assertEqual(
            self.decode(data, headers).decode(),
            "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440!",
        )

    def test_both(self):
        headers = {"Content-Encoding": "gzip", "Content-Transfer-Encoding": "base64"}
        data = binascii.b2a_base64(gzip.compress(self.DATA))
        self.assertEqual(self.decode(data, headers), self.DATA)

    def test_unknown(self):
        for headers, sentence in (
            ({"Content-Encoding": "something"}, "unknown content encoding 'something'"),
            (
                {"Content-Transfer-Encoding": "unknown"},
                "unknown content transfer encoding 'unknown'",
            ),
        ):
            for kind in (RuntimeError, ValueError, UnknownEncoding, MultipartError):
                with self.assertRaises(kind) as caught:
                    self.decode(b"x", headers)
                self.assertEqual(str(caught.exception), sentence)
            self.assertEqual(coded(b"x", headers).read(), b"x")
            self.assertEqual(self.decode(b"", headers), b"")

    def test_broken(self):
        for name, data, sentence in (
            ("gzip", b"junk", "part is no gzip"),
            ("deflate", b"\xff\xff", "part is no deflate"),
            (
                "gzip",
                gzip.compress(self.DATA)[:-1],
                "part is cut short: its gzip does not end",
            ),
            ("deflate", zlib.compress(self.DATA)[:-5], "its deflate does not end"),
            ("gzip", gzip.compress(b"a") + b"junk", "part is no gzip"),
            (
                "deflate",
                zlib.compress(b"a") + b"junk",
                "part has 4 bytes after its deflate",
            ),
            ("gzip", gzip.compress(b"") * 17, "part has 20 bytes after its gzip"),
        ):
            with self.assertRaises(MultipartError) as caught:
                self.decode(data, {"Content-Encoding": name})
            self.assertIn(sentence, str(caught.exception))
        many = gzip.compress(b"a") * 16
        self.assertEqual(self.decode(many, {"Content-Encoding": "gzip"}), b"a" * 16)

    def test_bomb(self):
        """Decoded content is bounded before it is made."""
        headers = {"Content-Encoding": "gzip"}
        data = gzip.compress(b"x" * 1001)
        self.assertEqual(len(self.decode(data, headers, max_field_bytes=1001)), 1001)
        two = gzip.compress(b"x" * 500) + gzip.compress(b"x" * 501)
        self.assertEqual(len(self.decode(two, headers, max_field_bytes=1001)), 1001)
        for bomb in (data, two):
            with self.assertRaises(LimitExceeded) as caught:
                self.decode(bomb, headers, max_field_bytes=1000)
            self.assertEqual(
                str(caught.exception), "decoded part exceeds max_field_bytes=1000"
            )
            self.assertEqual(
                (caught.exception.name, caught.exception.limit),
                ("max_field_bytes", 1000),
            )

    def test_base64_chunks(self):
        """Each chunk of base64 holds whole groups, and nothing of what follows."""
        obj = coded(b"V G\r\nl t", {"Content-Transfer-Encoding": "base64"})
        self.assertEqual(obj.read_chunk(1), b"V G\r\nl t")
        data = bytes(range(256)) * 3
        lines = binascii.b2a_base64(data)
        lines = b"\r\n".join(
            lines[i : i + 76].strip() for i in range(0, len(lines), 76)
        )
        headers = {"Content-Transfer-Encoding": "base64"}
        for size in (1, 2, 3, 4, 5, 77, 78, 1000):
            for chunks in every_way(
                lines + b"\r\n--:--", max_two_way=5, random_splits=2
            ):
                obj = BodyPartReader(BOUNDARY, headers, Pieces(chunks))
                got = b""
                while not obj.at_eof():
                    chunk = obj.read_chunk(size)
                    self.assertEqual(len(b"".join(chunk.split())) % 4, 0)
                    self.assertLessEqual(len(chunk), size + 9)
                    got += obj.decode(chunk)
                self.assertEqual(got, data)


class Values(unittest.TestCase):
    def test_text(self):
        word = "\u041f\u0440\u0438\u0432\u0435\u0442"
        for data, headers, options in (
            (word.encode(), {}, {}),
            (word.encode("cp1251"), {}, {"encoding": "cp1251"}),
            (word.encode("cp1251"), {"Content-Type": "text/plain;charset=cp1251"}, {}),
            (
                word.encode("koi8-r"),
                {"Content-Type": "a/b;charset=utf-8"},
                {"encoding": "koi8-r"},
            ),
            (gzip.compress(word.encode()), {"Content-Encoding": "gzip"}, {}),
            (
                gzip.compress(word.encode("cp1251")),
                {
                    "Content-Encoding": "gzip",
                    "Content-Type": "text/plain; charset=cp1251",
                },
                {},
            ),
        ):
            self.assertEqual(coded(data, headers).text(**options), word)
        obj = coded(b"x")
        obj.read()
        self.assertEqual(obj.text(), "")

    def test_text_that_is_none(self):
        with self.assertRaises(MultipartError) as caught:
            coded(b"\xff").text()
        self.assertIn("part is not utf-8", str(caught.exception))
        for charset in ("klingon", "punycode", "hex", "utf-7"):
            with self.assertRaises(UnknownEncoding) as caught:
                coded(b"x", {"Content-Type": "a/b; charset=" + charset}).text()
            self.assertEqual(str(caught.exception), "unknown charset %r" % charset)

    def test_json(self):
        headers = {"Content-Type": "application/json; charset=cp1251"}
        data = json.dumps({"\u043f": [1, None]}, ensure_ascii=False)
        self.assertEqual(coded(data.encode("cp1251"), headers).json(), json.loads(data))
        self.assertEqual(coded(data.encode()).json(encoding="utf-8"), json.loads(data))
        self.assertEqual(
            coded(gzip.compress(b"[1]"), {"Content-Encoding": "gzip"}).json(), [1]
        )
        self.assertIsNone(coded(b"").json())
        self.assertIsNone(coded(b" \r\n").json())
        obj = coded(b"1")
        obj.read()
        self.assertIsNone(obj.json())
        for broken in (b"{", b"[" * 100000):
            with self.assertRaises(MultipartError) as caught:
                coded(broken).json()
            self.assertIn("part is no JSON", str(caught.exception))

    def test_form(self):
        self.assertEqual(
            coded(b"foo=bar&foo=baz&boo=%D0%B9+").form(),
            [("foo", "bar"), ("foo", "baz"), ("boo", "\u0439 ")],
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=cp1251"}
        self.assertEqual(coded(b"a=%FB", headers).form(), [("a", "\u044b")])
        self.assertEqual(coded(b"a=%FB").form(encoding="cp1251"), [("a", "\u044b")])
        self.assertIsNone(coded(b"").form())
        obj = coded(b"a=b")
        obj.read()
        self.assertIsNone(obj.form())
        with self.assertRaises(MultipartError) as caught:
            coded(b"a=%FF").form()
        self.assertIn("part is not utf-8", str(caught.exception))
        self.assertEqual(len(coded(b"a&b").form(max_fields=2)), 2)
        with self.assertRaises(LimitExceeded) as caught:
            coded(b"a&b&c").form(max_fields=2)
        self.assertEqual(caught.exception.name, "max_fields")

    def test_charset(self):
        obj = part(b"", {"Content-Type": "text/plain; charset=koi8-r"})
        self.assertEqual(obj.get_charset("x"), "koi8-r")
        self.assertEqual(part(b"").get_charset("x"), "x")
        self.assertIsNone(part(b"").get_charset())


class FieldLimit(unittest.TestCase):
    def test_limit(self):
        self.assertEqual(
            len(part(b"x" * 10 + b"\r\n--:--", max_field_bytes=10).read()), 10
        )
        with self.assertRaises(LimitExceeded) as caught:
            part(b"x" * 11 + b"\r\n--:--", max_field_bytes=10).read()
        self.assertEqual(
            str(caught.exception), "content of a part exceeds max_field_bytes=10"
        )
        self.assertEqual(
            (caught.exception.name, caught.exception.limit), ("max_field_bytes", 10)
        )
        data = b"x" * 9 + b"\n" + b"y" * 10 + b"\nz\r\n--:--"
        obj = part(data, max_field_bytes=10)
        self.assertEqual(len(obj.readline()), 10)
        with self.assertRaises(LimitExceeded) as caught:
            obj.readline()
        self.assertEqual(
            str(caught.exception), "line of a part exceeds max_field_bytes=10"
        )


class Reader(unittest.TestCase):
    def parts(self, data, headers=MIXED, **options):
        """Read `data` fed every way; return (headers, content) of its parts."""

        def run(chunks):
            reader = MultipartReader(headers, Pieces(chunks), **options)
            try:
                got = [(p.headers.pairs, p.read()) for p in reader]
            except (MultipartError, LimitExceeded) as error:
                return str(error)
            self.assertTrue(reader.at_eof())
            self.assertIsNone(reader.next())
            return got

        return feed_every_way(self, data, run)

    def test_parts(self):
        data = (
            b"--:\r\n\r\ntest\r\n--:\r\nA: b\r\n\r\npassed\r\n--:\r\n\r\n\r\n"
            b"--:\r\nC: d\r\n\r\n--:--"
        )
        want = [
            ([], b"test"),
            ([("A", "b")], b"passed"),
            ([], b""),
            ([("C", "d")], b""),
        ]
        self.assertEqual(self.parts(data), want)

    def test_headers(self):
        for headers in (
            MIXED,
            [("content-type", 'multipart/mixed;boundary=":"')],
            {"Content-Type": "Multipart/Related; Boundary=:"},
        ):
            self.assertEqual(
                self.parts(b"--:\r\n\r\nx\r\n--:--", headers), [([], b"x")]
            )

    def test_prelude(self):
        data = (
            b"Multi-part data is not supported.\r\n\r\n--:\r\n\r\ntest\r\n--:\r\n\r\n"
            b"passed\r\n--:--"
        )
        self.assertEqual(self.parts(data), [([], b"test"), ([], b"passed")])

    def test_no_boundary_in_the_body(self):
        self.assertEqual(
            self.parts(b"---:\r\n\r\nx\r\n---:--"),
            "multipart body cut short: no boundary was found (RFC 2046 5.1)",
        )

    def test_bad_content_types(self):
        for kind in ("", "text/plain; boundary=:", "multipart/mixed", "multipart"):
            with self.assertRaises(MultipartError) as caught:
                MultipartReader({"Content-Type": kind}, b"")
            self.assertEqual(
                str(caught.exception),
                "Content-Type %r is no multipart with a boundary (RFC 2046 5.1)" % kind,
            )
        for boundary in ("a" * 71, "", "\xe9"):
            with self.assertRaises(ValueError):
                MultipartReader(
                    {"Content-Type": 'multipart/mixed; boundary="%s"' % boundary}, b""
                )

    def test_from_response(self):
        class Response:
            headers = email.message.Message()

            def read(self, size):
                data, self.data = self.data[:size], self.data[size:]
                return data

        Response.headers["Content-Type"] = 'multipart/related; boundary=":"'
        response = Response()
        response.data = b"--:\r\n\r\nhello\r\n--:--"
        reader = MultipartReader.from_response(response)
        self.assertIs(type(reader), MultipartReader)
        part = reader.next()
        self.assertIs(type(part), BodyPartReader)
        self.assertEqual(part.read(), b"hello")
        self.assertFalse(reader.at_eof())
        self.assertIsNone(reader.next())
        self.assertTrue(reader.at_eof())

    def test_next_releases_the_last(self):
        reader = MultipartReader(
            MIXED, b"--:\r\n\r\ntest\r\n--:\r\n\r\npassed\r\n--:--"
        )
        first = reader.next()
        second = reader.next()
        self.assertTrue(first.at_eof())
        self.assertEqual(first.read(), b"")
        self.assertEqual(second.read(), b"passed")
        first = MultipartReader(MIXED, b"--:\r\n\r\nab\r\n--:--")
        part = first.next()
        self.assertEqual(part.read_chunk(1), b"a")
        self.assertIsNone(first.next())

    def test_end_is_known_early(self):
        """With the next part at hand already, the last byte leaves a part at its end."""
        reader = MultipartReader(MIXED, b"--:\r\n\r\nab\r\n--:\r\n\r\nc\r\n--:--")
        part = reader.next()
        self.assertEqual(part.read_chunk(), b"ab")
        self.assertTrue(part.at_eof())
        self.assertEqual(reader.next().read(), b"c")

    def test_fetch_next_part(self):
        reader = MultipartReader(MIXED, b"--:\r\n\r\ntest\r\n--:--")
        self.assertEqual(reader.fetch_next_part().read(), b"test")
        self.assertIsNone(reader.fetch_next_part())
        self.assertTrue(reader.at_eof())

    def test_release(self):
        reader = MultipartReader(
            MIXED,
            b"--:\r\nContent-Type: multipart/related;boundary=--:--\r\n\r\n"
            b"----:--\r\n\r\ntest\r\n----:--\r\n\r\npassed\r\n----:----\r\n\r\n--:--",
        )
        reader.release()
        self.assertTrue(reader.at_eof())
        self.assertIsNone(reader.next())
        reader.release()
        self.assertEqual(list(reader), [])

    def test_nested(self):
        inner = MultipartWriter(boundary="::")
        inner.append(b"one", {"X": "y"})
        inner.append(b"two")
        outer = MultipartWriter(boundary=":")
        outer.append(b"before")
        outer.append(inner)
        outer.append(b"after")
        body = b"".join(outer.serialize())

        def run(chunks):
            reader = MultipartReader(outer.headers, Pieces(chunks))
            got = []
            for part in reader:
                if isinstance(part, MultipartReader):
                    got.append([inner_part.read() for inner_part in part])
                    self.assertTrue(part.at_eof())
                else:
                    got.append(part.read())
            return got

        self.assertEqual(
            feed_every_way(self, body, run), [b"before", [b"one", b"two"], b"after"]
        )

    def test_nested_left_alone(self):
        """Going on in the outer reader ends the inner one and its parts."""
        innermost = MultipartWriter(boundary="x")
        innermost.append(b"deep")
        inner = MultipartWriter(boundary="::")
        inner.append(innermost)
        inner.append(b"one")
        outer = MultipartWriter(boundary=":")
        outer.append(inner)
        outer.append(b"after")
        body = b"".join(outer.serialize())
        small = [body[i : i + 7] for i in range(0, len(body), 7)]
        for content in (body, Pieces(small)):
            reader = MultipartReader(outer.headers, content)
            nested = reader.next()
            deep = nested.next()
            part = deep.next()
            self.assertEqual(reader.next().read(), b"after")
            self.assertTrue(part.at_eof())
            self.assertEqual(part.read(), b"")
            self.assertEqual(part.read_chunk(), b"")
            for thing in (deep, nested):
                self.assertTrue(thing.at_eof())
                self.assertIsNone(thing.next())

    def test_nested_cut_short(self):
        """A broken inner body is an error there; the outer one can go on."""
        body = (
            b"--:\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n\r\nx\r\n--:"
            b"\r\n\r\nnext\r\n--:--"
        )
        reader = MultipartReader(MIXED, body)
        nested = reader.next()
        with self.assertRaises(MultipartError):
            nested.next().read()
        self.assertEqual(reader.next().read(), b"next")

    def test_classes(self):
        class OwnPart(BodyPartReader):
            pass

        class OwnReader(MultipartReader):
            part_reader_cls = OwnPart

        class Other(MultipartReader):
            pass

        body = (
            b"--:\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n\r\nx\r\n"
            b"--in--\r\n--:\r\n\r\ny\r\n--:--"
        )
        reader = OwnReader(MIXED, body)
        nested = reader.next()
        self.assertIs(type(nested), OwnReader)
        self.assertIs(type(nested.next()), OwnPart)
        self.assertIs(type(reader.next()), OwnPart)
        reader = OwnReader(MIXED, body)
        reader.multipart_reader_cls = Other
        nested = reader.next()
        self.assertIs(type(nested), Other)
        self.assertIs(type(nested.next()), BodyPartReader)

    def test_charset_field(self):
        """`_charset_` is not returned: it is the charset of the fields after it."""

        def field(name, value, more=b""):
            return (
                b"--:\r\nContent-Disposition: form-data; name="
                + name
                + more
                + b"\r\n\r\n"
                + value
                + b"\r\n"
            )

        body = (
            field(b"a", b"1")
            + field(b"_charset_", b"cp1251")
            + field(b"b", b"\xfb")
            + field(b"c", b"\xc3\xa9", b"\r\nContent-Type: text/plain; charset=utf-8")
            + b"--:--"
        )
        reader = MultipartReader(FORM, body)
        self.assertEqual(
            [(p.name, p.text()) for p in reader],
            [("a", "1"), ("b", "\u044b"), ("c", "\xe9")],
        )
        reader = MultipartReader(FORM, field(b"_charset_", b"utf-8") + b"--:--")
        self.assertEqual(list(reader), [])
        names = [p.name for p in MultipartReader(MIXED, body)]
        self.assertEqual(names, ["a", "_charset_", "b", "c"])
        for value, sentence in (
            (b"x" * 32, "_charset_ is longer than any charset"),
            (b"x" * 31, "unknown charset %r in _charset_" % ("x" * 31)),
            (b"", "unknown charset '' in _charset_"),
        ):
            for kind in (RuntimeError, MultipartError):
                with self.assertRaises(kind) as caught:
                    MultipartReader(FORM, field(b"_charset_", value) + b"--:--").next()
                self.assertEqual(str(caught.exception), sentence)
        nested = (
            b"--:\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n--in--\r\n--:--"
        )
        self.assertIs(type(MultipartReader(FORM, nested).next()), MultipartReader)

    def test_limits(self):
        body = b"--:\r\nA: bcd\r\n\r\nx\r\n--:\r\n\r\ny\r\n--:--"
        self.assertEqual(len(self.parts(body, max_parts=2, max_header_bytes=6)), 2)
        for limit, name, value, sentence in (
            (MIXED, "max_parts", 1, "multipart body has more parts than max_parts=1"),
            (
                MIXED,
                "max_header_bytes",
                5,
                "header of part 1 exceeds max_header_bytes=5",
            ),
            (
                MIXED,
                "max_field_bytes",
                0,
                "content of a part exceeds max_field_bytes=0",
            ),
        ):
            self.assertEqual(self.parts(body, limit, **{name: value}), sentence)

    def test_nesting(self):
        writer = MultipartWriter(boundary="b0")
        writer.append(b"deep")
        for number in range(1, 4):
            outer = MultipartWriter(boundary="b%d" % number)
            outer.append(writer)
            writer = outer
        body = b"".join(writer.serialize())

        def descend(**options):
            part = MultipartReader(writer.headers, body, **options)
            while isinstance(part, MultipartReader):
                part = part.next()
            return part.read()

        self.assertEqual(descend(), b"deep")
        self.assertEqual(descend(max_nesting=3), b"deep")
        with self.assertRaises(LimitExceeded) as caught:
            descend(max_nesting=2)
        self.assertEqual(
            str(caught.exception), "multipart nested deeper than max_nesting=2"
        )
        self.assertEqual(
            (caught.exception.name, caught.exception.limit), ("max_nesting", 2)
        )

    def test_limits_reach_nested_readers(self):
        inner = MultipartWriter(boundary="in")
        for _ in range(3):
            inner.append(b"12345678")
        outer = MultipartWriter(boundary=":")
        outer.append(inner)
        body = b"".join(outer.serialize())
        for name, value in (
            ("max_parts", 2),
            ("max_header_bytes", 50),
            ("max_field_bytes", 7),
        ):
            with self.assertRaises(LimitExceeded) as caught:
                for part in MultipartReader(
                    outer.headers, body, **{name: value}
                ).next():
                    part.read()
            self.assertEqual(
                (caught.exception.name, caught.exception.limit), (name, value)
            )

    def test_repr(self):
        reader = MultipartReader(MIXED, b"--:--")
        self.assertEqual(repr(reader), "<MultipartReader multipart/mixed, open>")
        reader.release()
        self.assertEqual(repr(reader), "<MultipartReader multipart/mixed, at its end>")

    def test_errors_of_the_content(self):
        class Broken:
            def read(self, size):
                raise OSError("gone")

        with self.assertRaises(OSError):
            MultipartReader(MIXED, Broken()).next()


class Fuzz(unittest.TestCase):
    def random_writer(self, dice, depth=0):
        writer = MultipartWriter(boundary="b%d:%x" % (depth, dice.randrange(1 << 30)))
        want = []
        for _ in range(dice.randrange(4)):
            if depth < 3 and dice.random() < 0.2:
                nested, nested_want = self.random_writer(dice, depth + 1)
                writer.append(nested)
                want.append(nested_want)
                continue
            data = bytes(dice.choices(b"\r\n-b0:x \0\xff", k=dice.randrange(40)))
            headers = {"X-Number": str(dice.randrange(10))}
            if dice.random() < 0.3:
                headers["Content-Encoding"] = dice.choice(
                    ("gzip", "deflate", "identity")
                )
            if dice.random() < 0.3:
                headers["Content-Transfer-Encoding"] = dice.choice(
                    ("base64", "quoted-printable", "binary")
                )
            source = data if dice.random() < 0.5 else io.BytesIO(data)
            part = BodyPartWriter(source, headers, chunk_size=dice.choice((1, 5, 64)))
            if dice.random() < 0.5:
                part.headers.pop("Content-Length", None)
            writer.append(part)
            want.append((headers["X-Number"], data))
        return writer, want

    def read_all(self, dice, reader):
        got = []
        for part in reader:
            if isinstance(part, MultipartReader):
                got.append(self.read_all(dice, part))
                continue
            way = dice.randrange(3)
            data = b""
            if way == 0:
                data = part.read()
            while way == 1 and not part.at_eof():
                data += part.read_chunk(dice.randrange(1, 9))
            while way == 2 and not part.at_eof():
                data += part.readline()
            got.append((part.headers["x-number"], part.decode(data) if data else b""))
        return got

    def test_reader_against_writer(self):
        """Whatever the writer makes, the reader gives back, however it is cut."""
        dice = random.Random(20)
        for _ in range(250):
            writer, want = self.random_writer(dice)
            pieces = list(writer.serialize())
            body = b"".join(pieces)
            if writer.size is not None:
                self.assertEqual(writer.size, len(body))
            step = dice.choice((1, 2, 7, 50, 1000))
            chunks = [body[i : i + step] for i in range(0, len(body), step)]
            for content in (Pieces(chunks), Pieces(pieces), io.BytesIO(body)):
                reader = MultipartReader(writer.headers, content)
                self.assertEqual(self.read_all(dice, reader), want)
                self.assertTrue(reader.at_eof())

    def test_garbage(self):
        """Whatever comes, there are parts or a MultipartError; no warning either."""
        dice = random.Random(46)
        words = [
            b"\r\n--b\r\n", b"\r\n--b--", b"\r\n\r\n", b"\r\n", b"\0", b"\xff", b"x", b"[1", b"a=%ff",
            b"Content-Type: ", b"multipart/mixed; boundary=", b"b", b"; charset=", b"utf-16",
            b"Content-Disposition: form-data; name=", b'"_charset_"', b"\r\nContent-Length: 3\r\n",
            b"Content-Transfer-Encoding: base64", b"Content-Encoding: deflate", b"\x78\x9c",
        ]  # fmt: skip
        counts = {}
        for _ in range(2000):
            body = b"--b\r\n" + b"".join(dice.choices(words, k=dice.randrange(12)))
            body += dice.choice((b"", b"\r\n--b--"))
            headers = {"Content-Type": "multipart/form-data; boundary=b"}
            name = dice.choice(("text", "json", "form", "readline", "release"))
            try:
                for part in MultipartReader(headers, body):
                    if isinstance(part, BodyPartReader):
                        getattr(part, name)()
                kind = "parts"
            except MultipartError as error:
                kind = type(error).__name__
            counts[kind] = counts.get(kind, 0) + 1
        self.assertGreater(counts.pop("parts"), 10)
        self.assertEqual(sorted(counts), ["MultipartError", "UnknownEncoding"])


if __name__ == "__main__":
    unittest.main()
