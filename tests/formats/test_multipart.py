"""Multipart bodies, written: aiohttp's historical cases and browsers' rules."""

import binascii
import io
import os
import tempfile
import unittest
import zlib

from wikistd.formats.multipart import (
    BodyPartWriter,
    MultipartWriter,
    guess_filename,
    guess_type,
)


def joined(thing):
    return b"".join(thing.serialize())


def content(part):
    """Return the content of a part as sent, its header and last CRLF taken off."""
    header, _, rest = joined(part).partition(b"\r\n\r\n")
    assert rest.endswith(b"\r\n")
    return rest[:-2]


class Pipe(io.RawIOBase):
    """A file that cannot seek."""

    def __init__(self, data):
        self._data = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._data.readinto(buffer)


class ReadOnly:
    """Something with read() and nothing else."""

    def __init__(self, data):
        self.read = io.BytesIO(data).read


class Part(unittest.TestCase):
    def test_text(self):
        part = BodyPartWriter("\u043f\u0430\u0441\u0441\u0435\u0434")
        self.assertEqual(part.headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(part.headers["content-length"], "12")
        self.assertEqual(part.size, 12)
        self.assertEqual(
            joined(part),
            b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 12\r\n\r\n"
            + "\u043f\u0430\u0441\u0441\u0435\u0434".encode()
            + b"\r\n",
        )

    def test_text_in_another_charset(self):
        """The charset of the part's Content-Type decides how text is encoded."""
        part = BodyPartWriter("\u044b", {"Content-Type": 'text/html; charset="cp1251"'})
        self.assertEqual(content(part), b"\xfb")
        self.assertEqual(part.headers["Content-Length"], "1")
        for kind in (ValueError, RuntimeError):
            with self.assertRaises(kind) as caught:
                BodyPartWriter("x", {"Content-Type": "a/b; charset=klingon"})
        self.assertEqual(str(caught.exception), "unknown charset 'klingon'")
        with self.assertRaises(UnicodeEncodeError):
            BodyPartWriter("\u044b", {"Content-Type": "a/b; charset=ascii"})

    def test_bytes(self):
        for data in (b"foo", bytearray(b"foo"), memoryview(b"foo")):
            part = BodyPartWriter(data)
            self.assertEqual(part.headers["Content-Type"], "application/octet-stream")
            self.assertEqual(part.headers["Content-Length"], "3")
            self.assertEqual(content(part), b"foo")
            self.assertIsNone(part.filename)
        self.assertEqual(list(BodyPartWriter(b"").serialize())[1:], [b"\r\n"])

    def test_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "caf\xe9.PNG")
            with open(path, "wb") as file:
                file.write(b"0123456789")
            with open(path, "rb") as file:
                file.seek(2)
                part = BodyPartWriter(file, chunk_size=3)
                self.assertEqual(
                    part.headers.pairs,
                    [
                        (
                            "Content-Disposition",
                            'attachment; filename="caf_.PNG"; '
                            "filename*=utf-8''caf%C3%A9.PNG",
                        ),
                        ("Content-Type", "image/png"),
                        ("Content-Length", "8"),
                    ],
                )
                self.assertEqual(part.filename, "caf\xe9.PNG")
                pieces = list(part.serialize())
                self.assertEqual(pieces[1:], [b"234", b"567", b"89", b"\r\n"])
                self.assertTrue(part.is_replayable)
                self.assertEqual(list(part.serialize()), pieces)
                self.assertFalse(file.closed)
                given = {"Content-Disposition": "inline", "Content-Type": "a/b"}
                part = BodyPartWriter(file, given)
                self.assertEqual(part.headers.pairs[:2], list(given.items()))

    def test_text_file(self):
        part = BodyPartWriter(io.StringIO("\xe9" * 10), chunk_size=4)
        self.assertEqual(
            part.headers.pairs, [("Content-Type", "text/plain; charset=utf-8")]
        )
        self.assertIsNone(part.size)
        self.assertEqual(content(part), b"\xc3\xa9" * 10)
        self.assertEqual(content(part), b"\xc3\xa9" * 10)
        part = BodyPartWriter(
            io.TextIOWrapper(io.BytesIO(b"\xc3\xa9"), "utf-8"),
            {"Content-Type": "text/html; charset=latin-1"},
        )
        self.assertEqual(content(part), b"\xe9")
        with tempfile.NamedTemporaryFile("w+", suffix=".csv", encoding="utf-8") as file:
            file.write("x")
            file.seek(0)
            part = BodyPartWriter(file)
            self.assertEqual(part.headers["Content-Type"], "text/csv; charset=utf-8")

    def test_pipe(self):
        """What cannot seek has no length and is sent once."""
        for source in (Pipe(b"abc"), ReadOnly(b"abc")):
            part = BodyPartWriter(source)
            self.assertIsNone(part.size)
            self.assertIsNone(part.total_size())
            self.assertFalse(part.is_replayable)
            self.assertNotIn("Content-Length", part.headers)
            self.assertEqual(content(part), b"abc")
            with self.assertRaises(ValueError) as caught:
                content(part)
            self.assertEqual(
                str(caught.exception),
                "a file that cannot seek was sent already: open it again",
            )

    def test_temporary_file(self):
        """Temporary files that are in memory first have a length too."""
        for size in (0, 1, 100000):
            with tempfile.SpooledTemporaryFile(max_size=size) as file:
                file.write(b"0123456789")
                file.seek(4)
                part = BodyPartWriter(file)
                self.assertEqual(part.size, 6)
                self.assertTrue(part.is_replayable)
                self.assertEqual(content(part), b"456789")
                self.assertEqual(content(part), b"456789")

    def test_file_that_changes(self):
        """A file that grows is cut at its first length; one that shrinks is an error."""
        file = io.BytesIO(b"0123456789")
        part = BodyPartWriter(file)
        file.seek(0, 2)
        file.write(b"more")
        self.assertEqual(content(part), b"0123456789")
        file.truncate(7)
        with self.assertRaises(ValueError) as caught:
            content(part)
        self.assertEqual(
            str(caught.exception), "file ended 3 bytes before the 10 it had"
        )
        file.seek(9)
        self.assertEqual(BodyPartWriter(file).size, 0)

    def test_other_objects(self):
        for obj in (None, 1, 1.5, {}, [], object(), iter([b"x"])):
            with self.assertRaises(TypeError) as caught:
                BodyPartWriter(obj)
            self.assertEqual(
                str(caught.exception),
                "a part is made from str, bytes, a file or a MultipartWriter, not %s"
                % type(obj).__name__,
            )

    def test_given_headers_win(self):
        part = BodyPartWriter(
            b"x", [("content-type", "a/b"), ("X-Y", "z"), ("Content-Length", "1")]
        )
        self.assertEqual(
            joined(part),
            b"content-type: a/b\r\nX-Y: z\r\nContent-Length: 1\r\n\r\nx\r\n",
        )
        part = BodyPartWriter(ReadOnly(b""), {"Content-Disposition": "inline"})
        self.assertEqual(part.headers["Content-Disposition"], "inline")

    def test_no_headers(self):
        part = BodyPartWriter(b"x")
        part.headers.pairs.clear()
        self.assertEqual(joined(part), b"\r\nx\r\n")
        self.assertEqual(repr(part), "<BodyPartWriter untyped, size 1>")

    def test_bad_headers(self):
        for name, value, sentence in (
            ("A", "b\r\nC: d", "part header A has the control character '\\r'"),
            ("A", "b\0", "part header A has the control character '\\x00'"),
            ("A", "b\x7f", "part header A has the control character '\\x7f'"),
            ("A B", "c", "part header name 'A B' is not a token"),
            ("", "c", "part header name '' is not a token"),
        ):
            part = BodyPartWriter(b"x", {name: value})
            for call in (lambda: joined(part), part.total_size):
                with self.assertRaises(ValueError) as caught:
                    call()
                self.assertEqual(str(caught.exception), sentence)

    def test_repr(self):
        self.assertEqual(
            repr(BodyPartWriter("secret")),
            "<BodyPartWriter text/plain; charset=utf-8, size 6>",
        )


class Disposition(unittest.TestCase):
    def check(self, want, disptype, **params):
        part = BodyPartWriter(b"")
        part.set_content_disposition(disptype, **params)
        self.assertEqual(part.headers["Content-Disposition"], want)
        return part

    def test_attachment(self):
        self.check("attachment", "attachment")
        part = self.check(
            'attachment; filename="foo.html"; filename*=utf-8\'\'foo.html; foo="b\\"r"',
            "attachment",
            filename="foo.html",
            foo='b"r',
        )
        self.assertEqual(part.filename, "foo.html")
        part = self.check(
            "inline; filename=\"na_ve _.txt\"; filename*=utf-8''na%C3%AFve%20%E2%82%AC.txt; "
            "title*=utf-8''%C3%A9%27%28%2A%25",
            "inline",
            filename="na\xefve \u20ac.txt",
            title="\xe9'(*%",
        )
        self.assertEqual(part.filename, "na\xefve \u20ac.txt")

    def test_form_data(self):
        """As browsers: UTF-8, only the quote escaped."""
        self.check(
            'form-data; name="\xe9%22n"; filename="na\xefve %22x%22\\y%"',
            "form-data",
            name='\xe9"n',
            filename='na\xefve "x"\\y%',
        )
        self.check('Form-Data; name="%22"', "Form-Data", name='"')

    def test_refused(self):
        part = BodyPartWriter(b"")
        for disptype in ("", "foo bar", "\u043f", "foo\0", "a;b"):
            with self.assertRaises(ValueError) as caught:
                part.set_content_disposition(disptype)
            self.assertEqual(
                str(caught.exception), "bad content disposition type %r" % disptype
            )
        for name in ("", "foo bar", "\u043f", "foo\0", "a="):
            with self.assertRaises(ValueError) as caught:
                part.set_content_disposition("inline", **{name: "baz"})
            self.assertEqual(
                str(caught.exception), "bad content disposition parameter %r" % name
            )
        for disptype in ("inline", "form-data"):
            for bad in ("\r", "\n", "\0", "\x7f"):
                with self.assertRaises(ValueError) as caught:
                    part.set_content_disposition(disptype, filename="x" + bad)
                self.assertEqual(
                    str(caught.exception),
                    "content disposition parameter filename has the control character %r"
                    % bad,
                )
        self.assertNotIn("Content-Disposition", part.headers)


class Encodings(unittest.TestCase):
    DATA = b"Time to Relax! " * 1000

    def written(self, data=DATA, chunk_size=100, **headers):
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        part = BodyPartWriter(io.BytesIO(data), fields, chunk_size=chunk_size)
        self.assertIsNone(part.size)
        self.assertTrue(part.is_replayable)
        self.assertNotIn("Content-Length", part.headers)
        self.assertEqual(content(part), content(part))
        return content(part)

    def test_gzip(self):
        self.assertEqual(
            zlib.decompress(self.written(Content_Encoding="GZip"), 31), self.DATA
        )

    def test_deflate(self):
        self.assertEqual(
            zlib.decompress(self.written(Content_Encoding="deflate"), -15), self.DATA
        )

    def test_identity(self):
        for name, value in (
            ("Content-Encoding", "identity"),
            ("Content-Transfer-Encoding", "binary"),
            ("Content-Transfer-Encoding", "8bit"),
            ("Content-Transfer-Encoding", "7bit"),
        ):
            part = BodyPartWriter(b"foo", {name: value})
            self.assertEqual(part.size, 3)
            self.assertEqual(part.headers["Content-Length"], "3")
            self.assertEqual(content(part), b"foo")

    def test_base64(self):
        """Three-byte groups survive the cuts between pieces; lines have 76 characters."""
        part = BodyPartWriter("Time to Relax!", {"Content-Transfer-Encoding": "base64"})
        self.assertEqual(content(part), b"VGltZSB0byBSZWxheCE=")
        for size in (1, 2, 3, 56, 57, 58, 100, 8192):
            for length in (0, 1, 56, 57, 58, 114, 1000):
                data = os.urandom(length)
                coded = self.written(data, size, Content_Transfer_Encoding="base64")
                self.assertEqual(binascii.a2b_base64(coded), data)
                lines = coded.split(b"\r\n")
                self.assertTrue(all(len(line) == 76 for line in lines[:-1]))
                self.assertTrue(0 < len(lines[-1]) <= 76 or not data)

    def test_quoted_printable(self):
        part = BodyPartWriter(
            "\u041f\u0440, = \u043c\u0438\u0440!",
            {"Content-Transfer-Encoding": "quoted-printable"},
        )
        self.assertEqual(content(part), b"=D0=9F=D1=80, =3D =D0=BC=D0=B8=D1=80!")
        for size in (1, 2, 7, 75, 76, 77, 8192):
            for data in (
                b"",
                b"a \r\nb\t\n.\r",
                b"x" * 300,
                bytes(range(256)),
                b"a\nb" * 99,
                b" " * 300,
            ):
                coded = self.written(
                    data, size, Content_Transfer_Encoding="quoted-printable"
                )
                self.assertEqual(binascii.a2b_qp(coded), data)
                for line in coded.split(b"\r\n"):
                    self.assertLessEqual(len(line), 76)
                    self.assertNotIn(b"\n", line)
                    self.assertEqual(line, line.rstrip())
                    self.assertTrue(line.decode("ascii").isprintable())

    def test_both(self):
        coded = self.written(
            Content_Encoding="gzip", Content_Transfer_Encoding="base64"
        )
        self.assertEqual(zlib.decompress(binascii.a2b_base64(coded), 31), self.DATA)

    def test_unknown(self):
        for name, sentence in (
            ("Content-Encoding", "unknown content encoding 'paranoid'"),
            ("Content-Transfer-Encoding", "unknown transfer encoding 'paranoid'"),
        ):
            for kind in (RuntimeError, ValueError):
                with self.assertRaises(kind) as caught:
                    BodyPartWriter(b"", {name: "Paranoid"})
                self.assertEqual(str(caught.exception), sentence)
            part = BodyPartWriter(b"")
            part.headers[name] = "paranoid"
            with self.assertRaises(RuntimeError):
                joined(part)

    def test_set_later(self):
        """An encoding set after the part was made drops its Content-Length."""
        part = BodyPartWriter(b"foo")
        part.headers["Content-Transfer-Encoding"] = "base64"
        self.assertEqual(content(part), b"Zm9v")
        self.assertNotIn("Content-Length", part.headers)


class Writer(unittest.TestCase):
    def test_empty(self):
        writer = MultipartWriter(boundary=":")
        self.assertEqual(joined(writer), b"--:--\r\n")
        self.assertEqual(writer.size, 7)
        self.assertEqual(len(writer), 0)
        self.assertTrue(writer)

    def test_content_type(self):
        self.assertEqual(
            MultipartWriter(boundary=":").headers["Content-Type"],
            'multipart/mixed; boundary=":"',
        )
        self.assertEqual(
            MultipartWriter("related", boundary="a-b").headers["Content-Type"],
            "multipart/related; boundary=a-b",
        )
        self.assertEqual(
            MultipartWriter(boundary='"\\').headers["Content-Type"],
            'multipart/mixed; boundary="\\"\\\\"',
        )
        self.assertEqual(MultipartWriter(boundary=":").boundary, ":")

    def test_random_boundary(self):
        self.assertEqual(len(MultipartWriter().boundary), 32)
        self.assertNotEqual(MultipartWriter().boundary, MultipartWriter().boundary)
        writer = MultipartWriter(random_bytes=lambda count: b"\xab" * count)
        self.assertEqual(writer.boundary, "ab" * 16)
        with self.assertRaises(TypeError):
            MultipartWriter("mixed", None, os.urandom)

    def test_bad_arguments(self):
        for boundary in ("\u0442", "", "x" * 71, "a\n", "a "):
            with self.assertRaises(ValueError):
                MultipartWriter(boundary=boundary)
        with self.assertRaises(ValueError) as caught:
            MultipartWriter("a b")
        self.assertEqual(
            str(caught.exception), "multipart subtype 'a b' is not a token"
        )

    def test_append(self):
        with MultipartWriter(boundary=":") as writer:
            one = writer.append("foo")
            two = writer.append(b"bar", {"X": "y"})
            writer.append_json({"q": "\xe9"})
            writer.append_form([("a", "b c"), ("a", "\u20ac")])
        self.assertEqual(list(writer), writer.parts)
        self.assertIs(writer.parts[0], one)
        self.assertEqual(len(writer), 4)
        body = joined(writer)
        self.assertEqual(
            body,
            b"--:\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\n\r\nfoo\r\n"
            b"--:\r\nX: y\r\nContent-Type: application/octet-stream\r\nContent-Length: 3\r\n\r\n"
            b"bar\r\n"
            b"--:\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"
            b'{"q": "\\u00e9"}\r\n'
            b"--:\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 17\r\n\r\n"
            b"a=b+c&a=%E2%82%AC\r\n"
            b"--:--\r\n",
        )
        self.assertEqual(writer.size, len(body))
        self.assertEqual(joined(writer), body)
        two.set_content_disposition("inline")
        self.assertIn(b"Content-Disposition: inline", joined(writer))
        self.assertEqual(writer.size, len(joined(writer)))
        self.assertEqual(
            repr(writer), "<MultipartWriter of 4 parts, size %d>" % writer.size
        )

    def test_append_a_part(self):
        writer = MultipartWriter(boundary=":")
        part = BodyPartWriter(b"x", {"Content-Type": "a/b"})
        self.assertIs(writer.append(part, {"content-type": "c/d", "e": "f"}), part)
        self.assertEqual(part.headers["Content-Type"], "c/d")
        self.assertEqual(part.headers["E"], "f")
        writer.append_json(1, {"Content-Type": "application/vnd.x+json"})
        self.assertEqual(
            writer.parts[1].headers["Content-Type"], "application/vnd.x+json"
        )
        writer.append_form({}, {"Content-Type": "x/y"})
        self.assertEqual(writer.parts[2].headers["Content-Type"], "x/y")

    def test_part_writer_cls(self):
        class Loud(BodyPartWriter):
            pass

        class LoudWriter(MultipartWriter):
            part_writer_cls = Loud

        self.assertIs(type(LoudWriter().append("x")), Loud)
        self.assertIs(type(LoudWriter().append_json(1)), Loud)

    def test_refused(self):
        writer = MultipartWriter()
        for obj in (1, 1.5, None, {}, [("a", "b")]):
            with self.assertRaises(TypeError):
                writer.append(obj)
        with self.assertRaises(ValueError) as caught:
            writer.append(writer)
        self.assertEqual(
            str(caught.exception), "a multipart body cannot be a part of itself"
        )
        self.assertEqual(len(writer), 0)

    def test_nested(self):
        inner = MultipartWriter(boundary="::")
        outer = MultipartWriter(boundary=":")
        part = outer.append(inner)
        outer.append("foo")
        self.assertEqual(part.headers["Content-Type"], 'multipart/mixed; boundary="::"')
        self.assertNotIn("Content-Length", part.headers)
        inner.append("bar")
        body = joined(outer)
        self.assertEqual(
            body,
            b'--:\r\nContent-Type: multipart/mixed; boundary="::"\r\n\r\n'
            b"--::\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\n\r\nbar\r\n"
            b"--::--\r\n\r\n"
            b"--:\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\n\r\nfoo\r\n"
            b"--:--\r\n",
        )
        self.assertEqual(outer.size, len(body))
        self.assertTrue(outer.is_replayable)
        inner.append(Pipe(b"x"))
        self.assertIsNone(outer.size)
        self.assertFalse(outer.is_replayable)

    def test_not_closed(self):
        writer = MultipartWriter(boundary=":")
        writer.append(b"x")
        self.assertEqual(
            b"".join(writer.serialize(close_boundary=False)) + b"--:--\r\n",
            joined(writer),
        )


class Guesses(unittest.TestCase):
    def test_filename(self):
        class Named:
            def __init__(self, name):
                self.name = name

        for name, want in (
            ("/a/b.txt", "b.txt"), ("b", "b"), ("<stdin>", ""), (3, ""), (b"x", ""), ("<a", "<a"),
            ("a>", "a>"), ("", ""),
        ):  # fmt: skip
            self.assertEqual(guess_filename(Named(name)), want)
        self.assertEqual(guess_filename(io.BytesIO()), "")

    def test_type(self):
        self.assertEqual(guess_type("a.b.JPG"), "image/jpeg")
        self.assertEqual(guess_type("a.unknown"), "")
        self.assertEqual(guess_type("jpg"), "")


if __name__ == "__main__":
    unittest.main()
