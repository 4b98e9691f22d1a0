"""Forms and multipart bodies through our own client and WSGI server, in process."""

import io
import unittest

from wikistd import (
    FormData,
    HttpClient,
    MultipartReader,
    MultipartWriter,
    local_connect,
    read_form,
)

AGENT = "tests/1.0 (tests@example.org)"


class Echo:
    """Keeps the fields of a form, or answers with a multipart body."""

    def __init__(self):
        self.fields = []
        self.writer = MultipartWriter()

    def __call__(self, environ, start_response):
        for field in read_form(environ):
            value = field.value
            if field.is_file:
                with field.value as file:
                    value = file.read()
            self.fields.append((field.name, value, field.filename))
        body = b"".join(self.writer.serialize())
        headers = [
            ("Content-Type", self.writer.headers["Content-Type"]),
            ("Content-Length", str(len(body))),
        ]
        start_response("200 OK", headers)
        return [body]


class OverHttp(unittest.TestCase):
    def setUp(self):
        self.app = Echo()
        self.client = HttpClient(connect=local_connect(self.app), user_agent=AGENT)
        self.addCleanup(self.client.close)

    def test_forms(self):
        """A form arrives field by field, with a known length and without, twice."""
        form = FormData({"a": "\xe9 |&", "n": 1})
        self.client.post("http://wiki.example/?q=1", data=form)
        want = [("q", b"1", None), ("a", "\xe9 |&".encode(), None), ("n", b"1", None)]
        self.assertEqual(self.app.fields, want)
        form.add_field("f", io.BytesIO(b"\r\n--" * 50000), filename="\xe9.bin")
        form.add_field("t", io.StringIO("\u20ac"), filename="t.txt")
        self.assertIsNone(form.content_length)
        for _ in range(2):
            self.app.fields.clear()
            self.client.post("http://wiki.example/", data=form)
            self.assertEqual(
                self.app.fields,
                want[1:]
                + [("f", b"\r\n--" * 50000, "\xe9.bin"), ("t", b"\xe2\x82\xac", "t.txt")],
            )

    def test_answers(self):
        """A multipart answer is read while it comes."""
        self.app.writer.append(b"x" * 200000)
        self.app.writer.append_json({"a": [1]})
        with self.client.get("http://wiki.example/", stream=True) as response:
            reader = MultipartReader.from_response(response)
            part = reader.next()
            self.assertEqual(len(part.read()), 200000)
            self.assertEqual(reader.next().json(), {"a": [1]})
            self.assertIsNone(reader.next())


if __name__ == "__main__":
    unittest.main()
