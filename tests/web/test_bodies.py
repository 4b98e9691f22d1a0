"""web/bodies.py: request bodies, their length, whether they can be sent again."""

import io
import os
import tempfile
import unittest

from wikistd import FormData
from wikistd.web.bodies import RequestBody, encode_json_body, prepare_body


class Kinds(unittest.TestCase):
    def check(self, data, want, length, replayable):
        body = prepare_body(data)
        self.assertEqual((body.length, body.is_replayable), (length, replayable))
        self.assertEqual(b"".join(body.pieces()), want)
        if replayable:
            self.assertEqual(b"".join(body.pieces()), want)
        return body

    def test_in_memory(self):
        """Bytes and text have a length and can be sent again."""
        self.check(b"abc", b"abc", 3, True)
        self.check("é", b"\xc3\xa9", 2, True)
        self.check(bytearray(b"abc"), b"abc", 3, True)
        self.check(memoryview(b"abc"), b"abc", 3, True)
        body = self.check(b"x" * 150000, b"x" * 150000, 150000, True)
        self.assertEqual([len(p) for p in body.pieces()], [65536, 65536, 18928])
        self.assertIs(prepare_body(body), body)

    def test_files(self):
        """A file goes from where it stands; its length is known without reading it."""
        file = io.BytesIO(b"0123456789")
        file.read(4)
        self.check(file, b"456789", 6, True)

    def test_growing_file(self):
        """A file that grows meanwhile is sent as long as was said."""
        with tempfile.TemporaryFile() as file:
            file.write(b"abc")
            file.seek(0)
            body = prepare_body(file)
            os.write(file.fileno(), b"0123456789")
            self.assertEqual(len(b"".join(body.pieces())), 3)

    def test_pipes(self):
        """A pipe has no length and is read once."""
        reading, writing = os.pipe()
        os.write(writing, b"abc")
        os.close(writing)
        with os.fdopen(reading, "rb") as file:
            body = self.check(file, b"abc", None, False)
            with self.assertRaisesRegex(ValueError, "cannot be sent again"):
                list(body.pieces())

    def test_odd_files(self):
        """What can only be read is read; a real file behind it still has a length."""

        class OnlyRead:
            def __init__(self, file):
                self.read = file.read

        self.check(OnlyRead(io.BytesIO(b"abc")), b"abc", None, False)

        class NoSeek(OnlyRead):
            def __init__(self, file):
                self.read, self.fileno, self.tell = file.read, file.fileno, file.tell

        with tempfile.TemporaryFile() as file:
            file.write(b"abc")
            file.seek(1)
            self.check(NoSeek(file), b"bc", 2, False)
        reading, writing = os.pipe()
        os.close(writing)
        with os.fdopen(reading, "rb") as file:
            self.assertIsNone(prepare_body(NoSeek(file)).length)

    def test_text_files(self):
        """A file in text mode is refused, with what to do."""
        with self.assertRaisesRegex(TypeError, "binary mode"):
            list(prepare_body(io.StringIO("text")).pieces())

    def test_iterables(self):
        """A list has a length, a generator is sent once."""
        self.check([b"a", b"bc"], b"abc", 3, True)
        self.check((piece for piece in [b"a", b"", b"b"]), b"ab", None, False)
        with self.assertRaisesRegex(TypeError, "must yield bytes, not str"):
            list(prepare_body(iter(["text"])).pieces())

    def test_forms(self):
        """A form says all this itself."""
        form = FormData()
        form.add_field("a", "1")
        form.add_field("f", io.BytesIO(b"data"), filename="x")
        body = prepare_body(form)
        content = b"".join(body.pieces())
        self.assertEqual(len(content), body.length)
        self.assertEqual(body.content_type, form.content_type)
        self.assertTrue(body.is_replayable)

    def test_others(self):
        """Anything else is a TypeError."""
        for bad in [3, {"a": 1}, {b"a"}, object()]:
            with self.assertRaisesRegex(TypeError, "a request body is bytes, str, "):
                prepare_body(bad)

    def test_repr(self):
        """One line, without the content."""
        self.assertEqual(repr(RequestBody(b"abc")), "<RequestBody 3 bytes>")
        self.assertEqual(
            repr(prepare_body(iter([]))), "<RequestBody unknown size, once>"
        )
        self.assertEqual(list(RequestBody(None).pieces()), [])


class Json(unittest.TestCase):
    def test_encoding(self):
        """JSON is UTF-8 and compact; NaN is no JSON."""
        self.assertEqual(encode_json_body({"a": ["é", 1]}), '{"a":["é",1]}'.encode())
        with self.assertRaises(ValueError):
            encode_json_body(float("nan"))


if __name__ == "__main__":
    unittest.main()
