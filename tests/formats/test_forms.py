"""Forms read from a WSGI environ: bounded, ordered, and closed on errors."""

import io
import random
import tempfile
import unittest

from wikistd import (
    HeaderError,
    LimitExceeded,
    MultipartError,
    ProtocolError,
    UnknownEncoding,
)
from wikistd.formats.formdata import FormData
from wikistd.formats.forms import FormField, read_form

URLENCODED = "application/x-www-form-urlencoded"


class Drip(io.BytesIO):
    """Input that comes in small pieces and must not be read past the body."""

    def read(self, size=-1):
        assert size > 0
        return super().read(min(size, 7))


def environ(body=b"", content_type="", *, length=None, query="", **more):
    env = {
        "REQUEST_METHOD": "POST",
        "QUERY_STRING": query,
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)) if length is None else length,
        "wsgi.input": Drip(body),
    }
    env.update(more)
    return env


def form_environ(form, **more):
    return environ(b"".join(form.serialize()), form.content_type, **more)


def part(head, content=b"x"):
    body = b"--b\r\n" + head + b"\r\n\r\n" + content + b"\r\n--b--"
    return environ(body, "multipart/form-data; boundary=b")


def shown(fields):
    """Return the fields with files read and closed."""
    seen = []
    for field in fields:
        if field.is_file:
            with field.value as file:
                field = field._replace(value=("file", file.read()))
        seen.append(tuple(field))
    return seen


class Urlencoded(unittest.TestCase):
    def test_fields(self):
        """The query's fields first, then the body's; order and duplicates kept."""
        env = environ(
            b"b=%C3%A9+x&a=3&b", URLENCODED + "; charset=utf-8", query="a=1&a=%ff"
        )
        self.assertEqual(
            [(field.name, field.value) for field in read_form(env)],
            [
                ("a", b"1"),
                ("a", b"\xef\xbf\xbd"),
                ("b", b"\xc3\xa9 x"),
                ("a", b"3"),
                ("b", b""),
            ],
        )
        self.assertEqual(
            len(read_form(environ(b"b", URLENCODED, query="a"), query=False)), 1
        )
        self.assertEqual(read_form(environ(query="a"), query=False), [])

    def test_query_only(self):
        got = read_form({"QUERY_STRING": "t=\xc3\xa9&x=|"})
        self.assertEqual(got, [FormField("t", b"\xc3\xa9"), FormField("x", b"|")])
        self.assertEqual(got[0].text, "\xe9")
        self.assertEqual(read_form({}), [])

    def test_other_bodies(self):
        """A body of another type is left unread."""
        for kind in (
            "",
            "application/json",
            "multipart/mixed; boundary=b",
            "text/plain",
        ):
            env = environ(b"a=b", kind, length="junk")
            self.assertEqual(read_form(env), [])
            self.assertEqual(env["wsgi.input"].tell(), 0)


class Multipart(unittest.TestCase):
    def test_fields_and_files(self):
        form = FormData({"a": "\xe9|\r\n"}, boundary="b")
        form.add_field("f", b"\0\1", filename="na\xefve \\.png")
        form.add_field("t", "\xe9", content_type="text/plain; charset=latin-1")
        form.add_field("a", "again")
        form.add_field("e", b"", filename="")
        fields = read_form(form_environ(form, query="q=1"))
        self.assertEqual(fields[3].text, "\xe9")
        self.assertEqual(fields[2].text, "\0\1")
        self.assertEqual(
            shown(fields),
            [
                ("q", b"1", None, "", "utf-8"),
                ("a", "\xe9|\r\n".encode(), None, "", "utf-8"),
                ("f", ("file", b"\0\1"), "na\xefve \\.png", "image/png", "utf-8"),
                ("t", b"\xe9", None, "text/plain; charset=latin-1", "latin-1"),
                ("a", b"again", None, "", "utf-8"),
                ("e", ("file", b""), "", "application/octet-stream", "utf-8"),
            ],
        )

    def test_names_of_other_writers(self):
        """`name*` and `filename*`, which RFC 7578 forbids and aiohttp writes."""
        env = part(
            b"Content-Disposition: form-data; name*=utf-8''%C3%A9; "
            b"filename=\"na%C3%AF.txt\"; filename*=utf-8''na%C3%AF.txt"
        )
        (field,) = read_form(env)
        self.assertEqual((field.name, field.filename), ("\xe9", "na\xef.txt"))
        (field,) = read_form(part(b'content-disposition: form-data; name="a\\"b\\c"'))
        self.assertEqual(field.name, 'a"b\\c')

    def test_charset_field(self):
        """`_charset_` is the charset of the fields after it (RFC 7578 4.6)."""
        form = FormData(boundary="b")
        form.add_field("a", "1", content_type="text/plain")
        form.add_field("_charset_", "windows-1251")
        form.add_field("b", b"\xfb")
        form.add_field("c", b"\xfb", content_type="text/plain; charset=punycode")
        fields = read_form(form_environ(form))
        self.assertEqual(
            [field.charset for field in fields],
            ["utf-8", "utf-8", "windows-1251", "windows-1251"],
        )
        self.assertEqual(fields[2].text, "\u044b")

    def test_large_files_move_to_disk(self):
        form = FormData(boundary="b")
        form.add_field("f", b"x" * 5000, filename="f")
        form.add_field("g", b"y" * 100, filename="g")
        opened = []

        def open_file():
            opened.append(tempfile.TemporaryFile())
            return opened[-1]

        fields = read_form(
            form_environ(form), max_memory_bytes=1000, open_file=open_file
        )
        self.assertIs(fields[0].value, opened[0])
        self.assertEqual(len(opened), 1)
        self.assertEqual(
            [item[1] for item in shown(fields)],
            [("file", b"x" * 5000), ("file", b"y" * 100)],
        )
        fields = read_form(form_environ(form), max_memory_bytes=1000)
        self.assertFalse(isinstance(fields[0].value, io.BytesIO))
        self.assertTrue(isinstance(fields[1].value, io.BytesIO))
        self.assertEqual(shown(fields)[0][1], ("file", b"x" * 5000))
        fields = read_form(form_environ(form), max_memory_bytes=5000)
        self.assertTrue(isinstance(fields[0].value, io.BytesIO))

    def test_default_memory(self):
        """A megabyte of a file stays in memory, one byte more does not."""
        for size in (1 << 20, (1 << 20) + 1):
            form = FormData()
            form.add_field("f", b"x" * size, filename="f")
            env = form_environ(form, **{"wsgi.input": io.BytesIO(b"".join(form))})
            (field,) = read_form(env)
            with field.value as file:
                self.assertEqual(isinstance(file, io.BytesIO), size == 1 << 20)
                self.assertEqual(len(file.read()), size)

    def test_chunked_body(self):
        """Without a length the body is read only where the server says that it ends."""
        form = FormData({"a": b"b"})
        env = form_environ(form, length="")
        self.assertEqual(
            read_form(form_environ(form, length="", **{"wsgi.input_terminated": True}))[
                0
            ].value,
            b"b",
        )
        with self.assertRaises(MultipartError) as caught:
            read_form(env)
        self.assertEqual(
            str(caught.exception),
            "multipart body cut short: no boundary was found (RFC 2046 5.1)",
        )

    def test_not_past_the_body(self):
        form = FormData({"a": b"b"})
        body = b"".join(form)
        env = environ(
            body + b"GET / HTTP/1.1", form.content_type, length=str(len(body))
        )
        self.assertEqual(len(read_form(env)), 1)
        self.assertEqual(env["wsgi.input"].tell(), len(body))


class Broken(unittest.TestCase):
    def check(self, env, kind, sentence, **limits):
        with self.assertRaises(kind) as caught:
            read_form(env, **limits)
        self.assertIs(type(caught.exception), kind)
        self.assertIsInstance(caught.exception, ProtocolError)
        self.assertEqual(str(caught.exception), sentence)
        return caught.exception

    def test_boundary(self):
        self.check(
            environ(b"", "multipart/form-data"),
            HeaderError,
            "Content-Type 'multipart/form-data': "
            "boundary has 0 characters, RFC 2046 allows 1 to 70",
        )

    def test_length(self):
        for text in ("-1", "x", "1_0", "\uff15", "1" * 19):
            self.check(
                environ(b"", URLENCODED, length=text),
                HeaderError,
                "Content-Length %r is no number" % text,
            )

    def test_cut_short(self):
        self.check(
            environ(b"a=b", URLENCODED, length="9"),
            MultipartError,
            "body cut short: 3 bytes of 9 came",
        )
        form = FormData({"a": b"b"}, boundary="b")
        body = b"".join(form)
        self.check(
            environ(body, form.content_type, length=str(len(body) + 5)),
            MultipartError,
            "body cut short: %d bytes of %d came" % (len(body), len(body) + 5),
        )
        self.check(
            environ(body[:-5], form.content_type),
            MultipartError,
            "multipart body cut short: the boundary after part 1 is missing (RFC 2046 5.1)",
        )

    def test_dispositions(self):
        prefix = "Content-Disposition of a part: "
        for head, reason in (
            (b"A: b", "it names no field of a form"),
            (b"Content-Disposition: form-data", "it names no field of a form"),
            (b"Content-Disposition: attachment; name=a", "it names no field of a form"),
            (
                b'Content-Disposition: form-data; name="a',
                "a quoted value does not end where it should",
            ),
            (b"Content-Disposition: form-data; name=a; name=b", "name is given twice"),
        ):
            self.check(part(head), MultipartError, prefix + reason)

    def test_transfer_encoding(self):
        head = b"Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: "
        for value in (b"binary", b"7bit", b"8BIT", b""):
            self.assertEqual(read_form(part(head + value))[0].value, b"x")
        self.check(
            part(head + b"Base64"),
            UnknownEncoding,
            "field 'a' has the transfer encoding 'base64'",
        )


class Limits(Broken):
    def limit(self, env, name, limit, sentence, **more):
        error = self.check(env, LimitExceeded, sentence, **dict({name: limit}, **more))
        self.assertEqual((error.name, error.limit), (name, limit))

    def test_fields(self):
        self.assertEqual(
            len(read_form(environ(b"b&c", URLENCODED, query="a"), max_fields=3)), 3
        )
        self.limit(
            environ(b"b&c", URLENCODED, query="a"),
            "max_fields",
            2,
            "form exceeds max_fields=2",
        )
        self.limit(environ(query="a&b"), "max_fields", 1, "form exceeds max_fields=1")
        form = FormData([("a", b""), ("b", b"")])
        self.assertEqual(len(read_form(form_environ(form, query="a"), max_fields=3)), 3)
        self.limit(
            form_environ(form, query="a"), "max_fields", 2, "form exceeds max_fields=2"
        )

    def test_field_bytes(self):
        self.assertEqual(
            len(read_form(environ(b"a=bc", URLENCODED), max_field_bytes=4)), 1
        )
        self.limit(
            environ(b"a=bc", URLENCODED), "max_field_bytes", 3,
            "urlencoded body exceeds max_field_bytes=3",
        )  # fmt: skip
        self.limit(
            environ(query="a=bc"),
            "max_field_bytes",
            3,
            "query exceeds max_field_bytes=3",
        )
        form = FormData({"a": b"bcd"})
        self.assertEqual(len(read_form(form_environ(form), max_field_bytes=3)), 1)
        self.limit(
            form_environ(form),
            "max_field_bytes",
            2,
            "field 'a' exceeds max_field_bytes=2",
        )

    def test_file_bytes(self):
        form = FormData()
        form.add_field("f", b"abc", filename="f")
        read_form(form_environ(form), max_file_bytes=3, max_field_bytes=0)
        self.limit(
            form_environ(form),
            "max_file_bytes",
            2,
            "field 'f' exceeds max_file_bytes=2",
        )

    def test_body_bytes(self):
        env = environ(b"a=b", URLENCODED)
        self.limit(env, "max_body_bytes", 2, "body of 3 bytes exceeds max_body_bytes=2")
        self.assertEqual(env["wsgi.input"].tell(), 0)
        self.assertEqual(len(read_form(env, max_body_bytes=3)), 1)
        ending = {"wsgi.input_terminated": True}
        env = environ(b"a=b", URLENCODED, length="", **ending)
        self.limit(env, "max_body_bytes", 2, "body exceeds max_body_bytes=2")
        env = environ(b"a=b", URLENCODED, length="", **ending)
        self.assertEqual(len(read_form(env, max_body_bytes=3)), 1)

    def test_header_bytes(self):
        env = part(b"Content-Disposition: form-data; name=a")
        self.limit(
            env, "max_header_bytes", 9, "header of part 1 exceeds max_header_bytes=9"
        )

    def test_files_are_closed(self):
        """An error closes what was opened before it."""
        form = FormData()
        form.add_field("f", b"x" * 100, filename="f")
        form.add_field("g", b"x" * 100, filename="g")
        form.add_field("h", b"x" * 100, content_type="text/plain")
        opened = []

        def open_file():
            opened.append(io.BytesIO())
            return Store(opened[-1])

        for limit in (99, 100):
            with self.assertRaises(LimitExceeded):
                read_form(
                    form_environ(form),
                    max_memory_bytes=10,
                    max_file_bytes=limit,
                    max_field_bytes=50,
                    open_file=open_file,
                )
        self.assertEqual([file.closed for file in opened], [True, True, True])


class Store:
    """A file that is no BytesIO."""

    def __init__(self, file):
        self.write, self.seek, self.read, self.close = (
            file.write, file.seek, file.read, file.close,
        )  # fmt: skip


class Fuzz(unittest.TestCase):
    def test_what_goes_in_comes_out(self):
        """Random forms come back field for field."""
        dice = random.Random(9110)
        alphabet = 'ab"\\;=%& \t\xe9\u20ac-:'
        for _ in range(150):
            form, want = FormData(boundary="b"), []
            for _ in range(dice.randrange(1, 5)):
                name = "n" + "".join(dice.choices(alphabet.replace("\\", ""), k=4))
                data = bytes(dice.choices(b"\r\n-b\0x", k=dice.randrange(12)))
                while b"--b" in data:
                    data = data.replace(b"--b", b"b")
                filename = dice.choice(
                    (None, "f" + "".join(dice.choices("ab;= \xe9", k=4)))
                )
                form.add_field(name, data, filename=filename)
                value = data if filename is None else ("file", data)
                want.append((name.replace('"', "%22"), value, filename))
            got = shown(read_form(form_environ(form)))
            self.assertEqual([item[:3] for item in got], want)

    def test_garbage(self):
        """Whatever comes, there are fields or a ProtocolError."""
        dice = random.Random(3875)
        words = [
            b"--b\r\n", b"\r\n--b--", b"\r\n--b\r\n", b"\r\n\r\n", b"\r\n", b"\0", b"\xff", b"x",
            b"Content-Disposition: form-data; name=", b'"a"', b"; filename=", b'"\\', b"*=utf-8''",
            b"Content-Type: text/plain; charset=", b"utf-16", b"idna", b"_charset_", b"%E9", b":",
            b"Content-Transfer-Encoding: ", b"base64", b"a",
        ]  # fmt: skip
        counts = {}
        for _ in range(2000):
            body = b"--b\r\nContent-Disposition: form-data; name=" + dice.choice(
                (b"a\r\n\r\n", b"_charset_\r\n\r\nutf-16\r\n--b\r\n", b"")
            )
            body += b"".join(dice.choices(words, k=dice.randrange(14)))
            body += dice.choice((b"", b"\r\n--b--"))
            try:
                fields = read_form(environ(body, "multipart/form-data; boundary=b"))
            except ProtocolError as error:
                fields = type(error).__name__
            else:
                for field in fields:
                    self.assertIsInstance(field.text, str)
                fields = "fields"
            counts[fields] = counts.get(fields, 0) + 1
        self.assertGreater(counts.pop("fields"), 10)
        self.assertIn("MultipartError", counts)


if __name__ == "__main__":
    unittest.main()
