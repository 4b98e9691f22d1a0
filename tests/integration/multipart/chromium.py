#!/usr/bin/env python3
"""Forms sent by a real headless Chromium, read by wikistd.

    chromium.py [unittest arguments]

Needs the program `chromium` (on Debian as root: it is installed with apt-get).  A page
fills and submits forms by script; the server is ours.
"""

import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

import wikistd  # noqa: E402

PAGE = """<!doctype html><meta charset="utf-8"><title>form</title>
<form id="f" method="post" action="/submit" %s></form>
<script>
const form = document.getElementById("f");
function text(name, value) {
  const field = document.createElement("textarea");
  field.name = name; field.value = value; form.append(field);
}
function hidden(name, value) {
  const field = document.createElement("input");
  field.type = "hidden"; field.name = name; field.value = value; form.append(field);
}
function files(name, list) {
  const field = document.createElement("input");
  field.type = "file"; field.multiple = true; field.name = name;
  const carrier = new DataTransfer();
  for (const file of list) carrier.items.add(file);
  field.files = carrier.files; form.append(field);
}
function bytes(size) {
  const data = new Uint8Array(size);
  for (let i = 0; i < size; i++) data[i] = (i * 7 + (i >> 8)) & 255;
  return data;
}
%s
</script>
"""
MULTIPART = 'enctype="multipart/form-data"'
LARGE = 3 << 20


def expected_bytes(size):
    return bytes((i * 7 + (i >> 8)) & 255 for i in range(size))


def program():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return name
    try:
        subprocess.run(
            ["apt-get", "install", "-y", "--no-install-recommends", "chromium"],
            env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"),
            stdout=subprocess.DEVNULL, check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise unittest.SkipTest("no chromium: %s" % error)
    return "chromium"


class Chromium(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.program = program()

    def submit(self, attributes, script):
        """Let the browser run `script` on an empty form; return the fields it sends."""
        got, done = [], threading.Event()

        def app(environ, start_response):
            body, kind = b"", "text/plain"
            if environ["PATH_INFO"] == "/submit":
                got.append(environ.get("CONTENT_TYPE", ""))
                for field in wikistd.read_form(environ):
                    value = field.value
                    if field.is_file:
                        with field.value as file:
                            value = file.read()
                    got.append((field.name, value, field.filename, field.content_type))
                done.set()
            elif environ["PATH_INFO"] == "/":
                body, kind = (PAGE % (attributes, script)).encode(), "text/html"
            start_response("200 OK", [("Content-Type", kind)])
            return [body]

        with tempfile.TemporaryDirectory() as folder, wikistd.serve_wsgi(app) as server:
            browser = subprocess.Popen(
                [
                    self.program, "--headless", "--no-sandbox", "--disable-gpu",
                    "--no-proxy-server", "--user-data-dir=" + folder, server.url,
                ],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )
            try:
                self.assertTrue(done.wait(60), "nothing was submitted")
            finally:
                os.killpg(browser.pid, signal.SIGKILL)
                browser.wait()
                time.sleep(0.2)  # its children still write to the folder
        return got[0], got[1:]

    def test_urlencoded(self):
        kind, fields = self.submit(
            "",
            r"""
            text("a b", "x & y = z + 100%\n;|*~-._\u20ac\u{1f600}'\"");
            hidden("a b", ""); hidden("\u00e9", "2"); form.submit();
            """,
        )
        self.assertEqual(kind, "application/x-www-form-urlencoded")
        values = ["x & y = z + 100%\r\n;|*~-._\u20ac\U0001f600'\"", "", "2"]
        self.assertEqual(
            [field[:2] for field in fields],
            [(name, value.encode()) for name, value in zip(["a b", "a b", "\xe9"], values)],
        )

    def test_our_urlencoding_is_theirs(self):
        """encode_query writes the bytes that URLSearchParams writes."""
        text = "".join(map(chr, range(1, 256))) + "\u20ac\U0001f600"
        _, fields = self.submit(
            MULTIPART,
            r"""
            let all = ""; for (let i = 1; i < 256; i++) all += String.fromCharCode(i);
            const query = new URLSearchParams([[all + "\u20ac\u{1f600}", "v w"], ["", ""]]);
            hidden("query", query.toString()); form.submit();
            """,
        )
        self.assertEqual(
            fields[0][1].decode(), wikistd.encode_query([(text, "v w"), ("", "")])
        )

    def test_multipart(self):
        kind, fields = self.submit(
            MULTIPART,
            r"""
            text("text", "one\ntwo\r\nthree\u20ac"); hidden("q\"uo\r\nte\\", "--x");
            hidden("empty", ""); files("none", []);
            files("f", [
              new File([bytes(%d)], "na\u00efve \u65e5\u672c \\y \"q\".bin"),
              new File([""], "empty.txt", {type: "text/plain"}),
              new File(["\r\n--\r\n"], "semi;colon, x=y%%22.svg", {type: "image/svg+xml"}),
            ]);
            form.submit();
            """ % LARGE,
        )
        self.assertTrue(kind.startswith("multipart/form-data; boundary=----WebKit"), kind)
        large = fields[4]
        self.assertEqual(
            hashlib.sha256(large[1]).digest(), hashlib.sha256(expected_bytes(LARGE)).digest()
        )
        fields[4] = large[:1] + ("large",) + large[2:]
        self.assertEqual(
            fields,
            [
                ("text", "one\r\ntwo\r\nthree\u20ac".encode(), None, ""),
                ("q%22uo%0D%0Ate\\", b"--x", None, ""),
                ("empty", b"", None, ""),
                ("none", b"", "", "application/octet-stream"),
                (
                    "f", "large", "na\xefve \u65e5\u672c \\y %22q%22.bin",
                    "application/octet-stream",
                ),
                ("f", b"", "empty.txt", "text/plain"),
                ("f", b"\r\n--\r\n", "semi;colon, x=y%22.svg", "image/svg+xml"),
            ],
        )

    def test_charset(self):
        """`_charset_` and accept-charset."""
        _, fields = self.submit(
            MULTIPART + ' accept-charset="windows-1251"',
            r"""hidden("_charset_", ""); hidden("a", "\u044b\u20ac"); form.submit();""",
        )
        self.assertEqual(fields[0][:2], ("_charset_", b"windows-1251"))
        self.assertEqual(fields[1][1], "\u044b\u20ac".encode("cp1251"))

    def test_fetch(self):
        """FormData and Blob sent by fetch()."""
        kind, fields = self.submit(
            "",
            r"""
            const data = new FormData();
            data.append("a", "line\nend"); data.append("b", new Blob([bytes(1000)]));
            data.append("c", new Blob(["{}"], {type: "application/json"}), "c.json");
            fetch("/submit", {method: "POST", body: data});
            """,
        )
        self.assertEqual(
            fields,
            [
                ("a", b"line\r\nend", None, ""),
                ("b", expected_bytes(1000), "blob", "application/octet-stream"),
                ("c", b"{}", "c.json", "application/json"),
            ],
        )

    def test_what_we_write_they_read(self):
        """The browser parses our multipart bodies: Response.formData()."""
        form = wikistd.FormData({"a": "x\r\ny\nz", "n\xe9": "\u20ac"}, boundary="b0und")
        form.add_field("f", b"\0\1\r\n--\xff", filename="na\xefve \u65e5.bin")
        body = b"".join(form.serialize())
        _, fields = self.submit(
            MULTIPART,
            r"""
            (async () => {
              const body = new Uint8Array(%s);
              const answer = new Response(body, {headers: {"Content-Type": "%s"}});
              for (const [name, value] of await answer.formData()) {
                if (typeof value === "string") hidden(name, JSON.stringify(value));
                else hidden(name, JSON.stringify([value.name, value.type,
                  Array.from(new Uint8Array(await value.arrayBuffer()))]));
              }
              form.submit();
            })();
            """ % (list(body), form.content_type),
        )
        self.assertEqual(
            [(name, value.decode()) for name, value, _, _ in fields],
            [
                ("a", r'"x\r\ny\nz"'), ("n\xe9", '"\u20ac"'),
                (
                    "f",
                    '["na\xefve \u65e5.bin","application/octet-stream",[0,1,13,10,45,45,255]]',
                ),
            ],
        )


if __name__ == "__main__":
    unittest.main()
