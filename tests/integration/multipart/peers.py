#!/usr/bin/env python3
"""Multipart bodies between wikistd and other Python libraries, in both directions.

    peers.py [--python PATH] [unittest arguments]

Installs aiohttp, multipart, python-multipart, Werkzeug, httpx, requests-toolbelt and
urllib3 into a throw-away environment and runs there; --python names an interpreter that
has them already.  A library that cannot be had is named and its tests are skipped.
"""

import asyncio
import importlib
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[3]
PEERS = (
    "aiohttp", "multipart", "python-multipart", "werkzeug", "httpx", "requests-toolbelt",
    "urllib3",
)
BINARY = bytes(range(256)) * 700 + b"\r\n--\r\n\r\r\n"
TEXT = "caf\xe9 =\t. \u20ac\r\n".encode() * 50

#: name, value, file name, content type.  Quotes are apart: each writes them its way.
FIELDS = [
    ("plain", b"value", None, None),
    ("text", "\u043f\u0440\u0438\u0432\u0435\u0442\r\n--x\n\u20ac".encode(), None, None),
    ("empty", b"", None, None),
    ("again", b"1", None, None),
    ("again", b"2", None, None),
    ("file", BINARY, "data.bin", "application/octet-stream"),
    ("file", b"", "empty.txt", "text/plain"),
    ("svg", b"<svg/>", "na\xefve name; x=y \u65e5\u672c.svg", "image/svg+xml"),
]


def need(name):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise unittest.SkipTest("%s could not be had: %s" % (name, error))


def our_form(fields=FIELDS):
    import wikistd

    form = wikistd.FormData()
    for name, value, filename, content_type in fields:
        if filename is not None:
            value = io.BytesIO(value)
        form.add_field(name, value, filename=filename, content_type=content_type)
    body = b"".join(form.serialize())
    assert form.content_length == len(body)
    return form.content_type, body


def read_by_us(content_type, body):
    """Return (name, content, file name, media type) of a body, read in two ways."""
    import wikistd

    environ = {
        "REQUEST_METHOD": "POST", "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body),
    }
    fields = []
    for field in wikistd.read_form(environ):
        value = field.value
        if field.is_file:
            with field.value as file:
                value = file.read()
        fields.append((field.name, value, field.filename, field.content_type))
    parts = [
        (part.name, part.read())
        for part in wikistd.MultipartReader({"Content-Type": content_type}, body)
    ]
    assert [value for _, value in parts] == [field[1] for field in fields]
    return fields


def drop_types(fields):
    """Return fields without the media types of those that are no files."""
    return [
        (name, value, filename, kind if filename is not None else None)
        for name, value, filename, kind in fields
    ]


async def aiohttp_reader(aiohttp, content_type, body):
    class Protocol:
        _reading_paused = False
        connected = True

        def pause_reading(self, **options):
            pass

        resume_reading = pause_reading

    loop = asyncio.get_running_loop()
    stream = aiohttp.StreamReader(Protocol(), 1 << 16, loop=loop)
    for i in range(0, len(body), 1000):
        stream.feed_data(body[i : i + 1000])
    stream.feed_eof()
    return aiohttp.MultipartReader({"Content-Type": content_type}, stream)


class Sink:
    """What aiohttp writes to."""

    def __init__(self):
        self.pieces = []

    async def write(self, data):
        self.pieces.append(bytes(data))


async def aiohttp_body(writer):
    sink = Sink()
    await writer.write(sink)
    return b"".join(sink.pieces)


class ReadByOthers(unittest.TestCase):
    def test_multipart(self):
        multipart = need("multipart")
        kind, body = our_form()
        boundary = kind.partition("boundary=")[2]
        got = []
        for part in multipart.MultipartParser(io.BytesIO(body), boundary):
            got.append((part.name, part.raw, part.filename, part.content_type))
            part.close()
        self.assertEqual(drop_types(got), FIELDS)

    def test_python_multipart(self):
        need("python_multipart")
        from python_multipart.multipart import MultipartParser

        kind, body = our_form()
        got, header = [], {}

        def on_header_field(data, start, end):
            header["name"] = data[start:end]

        def on_header_value(data, start, end):
            header["value"] = data[start:end]

        def on_header_end():
            got[-1][0].append((header["name"], header["value"]))

        def on_part_data(data, start, end):
            got[-1][1] += data[start:end]

        parser = MultipartParser(
            kind.partition("boundary=")[2],
            {
                "on_part_begin": lambda: got.append([[], b""]),
                "on_header_field": on_header_field,
                "on_header_value": on_header_value,
                "on_header_end": on_header_end,
                "on_part_data": on_part_data,
            },
        )
        parser.write(body)
        parser.finalize()
        self.assertEqual([data for _, data in got], [field[1] for field in FIELDS])
        self.assertIn('filename="na\xefve name; x=y \u65e5\u672c.svg"'.encode(), got[-1][0][0][1])

    def test_werkzeug(self):
        need("werkzeug")
        from werkzeug.formparser import parse_form_data

        kind, body = our_form()
        environ = {
            "REQUEST_METHOD": "POST", "CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }
        _, form, files = parse_form_data(environ)
        self.assertEqual(
            list(form.items(multi=True)),
            [(name, value.decode()) for name, value, filename, _ in FIELDS if filename is None],
        )
        got = []
        for name, file in files.items(multi=True):
            with file.stream:
                got.append((name, file.read(), file.filename, file.mimetype))
        self.assertEqual(got, [field for field in FIELDS if field[2] is not None])

    def test_aiohttp(self):
        aiohttp = need("aiohttp")
        kind, body = our_form()

        async def work():
            got = []
            reader = await aiohttp_reader(aiohttp, kind, body)
            async for part in reader:
                got.append(
                    (part.name, bytes(await part.read()), part.filename,
                     part.headers.get("Content-Type"))
                )
            return got

        self.assertEqual(drop_types(asyncio.run(work())), FIELDS)

    def test_aiohttp_mixed(self):
        """Encodings, announced lengths and nested bodies."""
        aiohttp = need("aiohttp")
        import wikistd

        inner = wikistd.MultipartWriter("related", boundary=": :")
        inner.append("inner")
        writer = wikistd.MultipartWriter(boundary="'a b'")
        want = []
        for headers in (
            {}, {"Content-Encoding": "gzip"}, {"Content-Encoding": "deflate"},
            {"Content-Transfer-Encoding": "base64"},
            {"Content-Transfer-Encoding": "quoted-printable"},
            {"Content-Encoding": "gzip", "Content-Transfer-Encoding": "base64"},
        ):
            writer.append(BINARY, headers)
            want.append(BINARY)
        writer.append(inner)
        want.append([b"inner"])
        writer.append_json({"a": "\u20ac"})
        want.append(b'{"a": "\\u20ac"}')
        body = b"".join(writer.serialize())

        async def work():
            got = []
            reader = await aiohttp_reader(aiohttp, writer.headers["Content-Type"], body)
            async for part in reader:
                if isinstance(part, aiohttp.MultipartReader):
                    got.append([bytes(await p.read()) async for p in part])
                else:
                    got.append(bytes(await part.read(decode=True)))
            return got

        self.assertEqual(asyncio.run(work()), want)


class WrittenByOthers(unittest.TestCase):
    def test_httpx(self):
        httpx = need("httpx")
        files = [
            (name, (filename, value, kind) if filename else (None, value))
            for name, value, filename, kind in FIELDS
        ]
        request = httpx.Request("POST", "http://x/", files=files)
        got = read_by_us(request.headers["Content-Type"], request.read())
        self.assertEqual(drop_types(got), FIELDS)

    def test_urllib3(self):
        need("urllib3")
        from urllib3.filepost import encode_multipart_formdata

        fields = [
            (name, (filename, value, kind) if filename else value)
            for name, value, filename, kind in FIELDS
        ]
        body, kind = encode_multipart_formdata(fields)
        self.assertEqual(drop_types(read_by_us(kind, body)), FIELDS)

    def test_toolbelt(self):
        need("requests_toolbelt")
        from requests_toolbelt import MultipartEncoder

        fields = [
            (name, (filename, value, kind) if filename else value)
            for name, value, filename, kind in FIELDS
        ]
        encoder = MultipartEncoder(fields)
        self.assertEqual(
            drop_types(read_by_us(encoder.content_type, encoder.read())), FIELDS
        )

    def test_werkzeug(self):
        need("werkzeug")
        from werkzeug.datastructures import Headers
        from werkzeug.sansio import multipart

        encoder = multipart.MultipartEncoder(b"bound")
        body = encoder.send_event(multipart.Preamble(data=b""))
        for name, value, filename, kind in FIELDS:
            headers = Headers([("Content-Type", kind)] if kind else [])
            if filename:
                event = multipart.File(name=name, filename=filename, headers=headers)
            else:
                event = multipart.Field(name=name, headers=headers)
            body += encoder.send_event(event)
            body += encoder.send_event(multipart.Data(data=value, more_data=False))
        body += encoder.send_event(multipart.Epilogue(data=b""))
        got = read_by_us("multipart/form-data; boundary=bound", body)
        self.assertEqual(drop_types(got), FIELDS)

    def test_aiohttp_form(self):
        """By default aiohttp writes file names percent-encoded, and we keep them."""
        aiohttp = need("aiohttp")

        async def work(quote, fields):
            form = aiohttp.FormData(quote_fields=quote)
            for name, value, filename, kind in fields:
                if filename:
                    value = io.BytesIO(value)
                else:
                    value = value.decode()
                form.add_field(name, value, filename=filename, content_type=kind)
            writer = form()
            return writer.headers["Content-Type"], await aiohttp_body(writer)

        # With quoting, aiohttp 3.14 fails at its own assertion for such a name.
        more = FIELDS + [("\xe9 n", b"x", None, "text/plain")]
        for quote, fields in ((True, FIELDS), (False, more)):
            got = read_by_us(*asyncio.run(work(quote, fields)))
            if quote:
                fields = fields[:-1] + [
                    ("svg", b"<svg/>", urllib.parse.quote(fields[-1][2], ""), None)
                ]
            self.assertEqual(
                [item[:3] for item in got], [item[:3] for item in fields]
            )

    def test_aiohttp_mixed(self):
        aiohttp = need("aiohttp")
        import wikistd

        async def work():
            inner = aiohttp.MultipartWriter("related", boundary="::")
            inner.append("inner")
            writer = aiohttp.MultipartWriter("mixed", boundary=":")
            for headers in (
                {}, {"Content-Encoding": "gzip"}, {"Content-Encoding": "deflate"},
                {"Content-Transfer-Encoding": "base64"},
            ):
                writer.append(BINARY, headers)
            # aiohttp changes bare line ends of what it writes quoted-printable.
            writer.append(TEXT, {"Content-Transfer-Encoding": "quoted-printable"})
            writer.append(inner)
            writer.append_json({"a": "\u20ac"})
            writer.append_form([("a", "\u20ac b")])
            return writer.headers, await aiohttp_body(writer)

        headers, body = asyncio.run(work())
        for step in (1, 1000, len(body)):
            chunks = [body[i : i + step] for i in range(0, len(body), step)] + [b""]

            class Content:
                readany = staticmethod(iter(chunks).__next__)

            reader = wikistd.MultipartReader(headers, Content())
            for want in (BINARY, BINARY, BINARY, BINARY, TEXT):
                self.assertEqual(reader.next().read(decode=True), want)
            self.assertEqual([part.text() for part in reader.next()], ["inner"])
            self.assertEqual(reader.next().json(), {"a": "\u20ac"})
            self.assertEqual(reader.next().form(), [("a", "\u20ac b")])
            self.assertIsNone(reader.next())

    def test_curl(self):
        """The curl program, if there is one."""
        try:
            subprocess.run(["curl", "--version"], stdout=subprocess.DEVNULL, check=True)
        except OSError:
            raise unittest.SkipTest("no curl")
        import wikistd

        got = []

        def app(environ, start_response):
            for field in wikistd.read_form(environ):
                value = field.value
                if field.is_file:
                    with field.value as file:
                        value = file.read()
                got.append((field.name, value, field.filename))
            start_response("204 No Content", [])
            return []

        with tempfile.TemporaryDirectory() as folder, wikistd.serve_wsgi(app) as server:
            path = os.path.join(folder, "na\xefve, x.bin")
            with open(path, "wb") as file:
                file.write(BINARY)
            subprocess.run(
                [
                    "curl", "-sS", "--noproxy", "*", server.url, "-F", "a=\u20ac b",
                    "-F", 'f=@"%s"' % path, "-F", "g=@%s;filename=x\"y" % os.devnull,
                ],
                check=True,
            )
        self.assertEqual(
            got,
            [
                ("a", "\u20ac b".encode(), None), ("f", BINARY, "na\xefve, x.bin"),
                ("g", b"", "x%22y"),
            ],
        )


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["--inside"]:
        unittest.main(argv=[sys.argv[0]] + arguments[1:])
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        python = os.path.join(folder, "bin", "python")
        if arguments[:1] == ["--python"]:
            python, arguments = arguments[1], arguments[2:]
        else:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            for peer in PEERS:
                command = [python, "-m", "pip", "install", "-q", peer]
                if subprocess.run(command, stderr=subprocess.DEVNULL).returncode:
                    print("not to be had: %s" % peer)
        return subprocess.run(
            [python, __file__, "--inside"] + arguments,
            env=dict(os.environ, PYTHONPATH=str(ROOT)),
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
