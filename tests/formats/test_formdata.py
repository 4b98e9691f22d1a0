"""Forms to send, urlencoded or multipart, as browsers write them."""

import io
import os
import tempfile
import unittest

from wikistd.formats.formdata import FormData


def joined(form):
    return b"".join(form.serialize())


class ReadOnly:
    """Something with read() and nothing else."""

    def __init__(self, data):
        self.read = io.BytesIO(data).read


class Form(unittest.TestCase):
    def test_urlencoded(self):
        form = FormData([("a", "b c"), ("a", "\u20ac"), ("n", 1)])
        form.add_field("f", 1.5)
        self.assertFalse(form.is_multipart)
        self.assertEqual(form.content_type, "application/x-www-form-urlencoded")
        self.assertEqual(joined(form), b"a=b+c&a=%E2%82%AC&n=1&f=1.5")
        self.assertEqual(form.content_length, 27)
        self.assertTrue(form.is_replayable)
        self.assertEqual(repr(form), "<FormData of 4 fields, urlencoded>")
        self.assertEqual(list(FormData()), [b""])

    def test_multipart(self):
        form = FormData({"a": "b\r\nc\nd"}, boundary="x")
        form.add_field('\xe9"n', b"\0\r", filename='na\xefve "x"\\y.png')
        form.add_field("b", b"raw")
        form.add_field("t", "text", content_type="text/html; charset=utf-16-le")
        form.add_field("n", 7)
        self.assertTrue(form.is_multipart)
        self.assertEqual(form.content_type, "multipart/form-data; boundary=x")
        body = joined(form)
        self.assertEqual(
            body,
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\nc\nd\r\n'
            b'--x\r\nContent-Disposition: form-data; name="\xc3\xa9%22n"; '
            b'filename="na\xc3\xafve %22x%22\\y.png"\r\nContent-Type: image/png\r\n\r\n\0\r\r\n'
            b'--x\r\nContent-Disposition: form-data; name="b"\r\n\r\nraw\r\n'
            b'--x\r\nContent-Disposition: form-data; name="t"\r\n'
            b"Content-Type: text/html; charset=utf-16-le\r\n\r\nt\0e\0x\0t\0\r\n"
            b'--x\r\nContent-Disposition: form-data; name="n"\r\n\r\n7\r\n'
            b"--x--\r\n",
        )
        self.assertEqual(form.content_length, len(body))
        self.assertEqual(b"".join(form), body)
        self.assertEqual(repr(form), "<FormData of 5 fields, multipart>")

    def test_what_makes_it_multipart(self):
        for options in (
            {"filename": "x"},
            {"content_type": "text/plain"},
            {"content_transfer_encoding": "base64"},
        ):
            form = FormData({"a": "b"})
            self.assertFalse(form.is_multipart)
            form.add_field("c", "d", **options)
            self.assertTrue(form.is_multipart, options)
        self.assertTrue(FormData({"a": b"b"}).is_multipart)
        self.assertTrue(FormData({"a": io.BytesIO()}).is_multipart)

    def test_transfer_encoding(self):
        form = FormData(boundary="x")
        form.add_field("a", "\xe9", content_transfer_encoding="base64")
        self.assertEqual(
            joined(form),
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n'
            b"Content-Transfer-Encoding: base64\r\n\r\nw6k=\r\n--x--\r\n",
        )
        self.assertIsNone(form.content_length)

    def test_files(self):
        with tempfile.NamedTemporaryFile(suffix=".txt") as file:
            file.write(b"x" * 100000)
            file.seek(1)
            name = os.path.basename(file.name)
            for form in (FormData(file), FormData([file]), FormData((file,))):
                body = joined(form)
                header = 'name="%s"; filename="%s"\r\nContent-Type: text/plain\r\n' % (
                    name,
                    name,
                )
                self.assertIn(header.encode(), body)
                self.assertEqual(form.content_length, len(body))
                self.assertTrue(form.is_replayable)
                self.assertEqual(joined(form), body)
                sizes = [len(piece) for piece in form.serialize()]
                self.assertEqual(sizes[2:4], [65536, 34463])
        form = FormData({"f": io.BytesIO(b"x")}, boundary="x")
        self.assertIn(
            b'name="f"; filename="f"\r\nContent-Type: application/octet', joined(form)
        )
        form = FormData(ReadOnly(b"x"))
        self.assertIn(b'name="unknown"; filename="unknown"', joined(form))
        self.assertIsNone(form.content_length)
        self.assertFalse(form.is_replayable)

    def test_sources(self):
        for fields in (
            {"a": "1", "b": "2"},
            [("a", "1"), ["b", "2"]],
            (("a", "1"), ("b", "2")),
            [{"a": "1"}, ("b", "2")],
        ):
            self.assertEqual(joined(FormData(fields)), b"a=1&b=2")

    def test_refused(self):
        for fields in ("abc", b"abc", 1, [("a", "b", "c")], ["ab"], [1]):
            with self.assertRaises(TypeError) as caught:
                FormData(fields)
            self.assertIn(
                "expected (name, value) pairs, mappings or files, got",
                str(caught.exception),
            )
        form = FormData()
        for value in (None, {}, [], True, object()):
            with self.assertRaises(TypeError) as caught:
                form.add_field("a", value)
            self.assertIn(
                "value of field 'a' is %s" % type(value).__name__, str(caught.exception)
            )
        for option in ("content_type", "filename", "content_transfer_encoding"):
            with self.assertRaises(TypeError) as caught:
                form.add_field("a", "b", **{option: 1})
            self.assertEqual(str(caught.exception), "%s must be str, not int" % option)
        for name in (None, b"a", 1):
            with self.assertRaises(TypeError) as caught:
                form.add_field(name, "b")
            self.assertEqual(
                str(caught.exception), "name must be str, not %s" % type(name).__name__
            )
        with self.assertRaises(RuntimeError):
            form.add_field("a", "b", content_transfer_encoding="rot13")
        self.assertEqual(joined(form), b"")

    def test_injection(self):
        """No control character reaches the header of a part."""
        for bad in ("\r", "\n", "\0", "\x1b"):
            for options in (
                {"name": "x" + bad},
                {"filename": bad + "x"},
                {"content_type": "a/b" + bad + "X: y"},
            ):
                form = FormData()
                with self.assertRaises(ValueError) as caught:
                    form.add_field(**dict({"name": "a", "value": "b"}, **options))
                self.assertEqual(
                    str(caught.exception),
                    "%s has the control character %r" % (list(options)[0], bad),
                )
                self.assertEqual(joined(form), b"")


if __name__ == "__main__":
    unittest.main()
