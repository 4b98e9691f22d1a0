#!/usr/bin/env python3
"""Forms of wikistd as PHP reads them: $_POST and $_FILES of its own server.

    php.py [unittest arguments]

Needs the program `php` (on Debian as root: it is installed with apt-get).  What PHP does
to names is part of what is tested: MediaWiki gets its fields through it.
"""

import hashlib
import http.client
import io
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

import wikistd  # noqa: E402

SCRIPT = """<?php
$files = [];
foreach ($_FILES as $name => $file) {
    $many = is_array($file['name']);
    foreach ((array)$file['name'] as $i => $given) {
        $path = $many ? $file['tmp_name'][$i] : $file['tmp_name'];
        $files[] = [$name, $given, $many ? $file['type'][$i] : $file['type'],
            $path === '' ? null : md5_file($path), $many ? $file['size'][$i] : $file['size'],
            $many ? $file['error'][$i] : $file['error']];
    }
}
header('Content-Type: application/json');
echo json_encode(['post' => $_POST, 'get' => $_GET, 'files' => $files],
    JSON_UNESCAPED_UNICODE | JSON_FORCE_OBJECT | JSON_INVALID_UTF8_SUBSTITUTE);
"""
BINARY = bytes(range(256)) * 5000 + b"\r\n--\r\n\r"


def install():
    if shutil.which("php"):
        return
    subprocess.run(
        ["apt-get", "install", "-y", "--no-install-recommends", "php-cli"],
        env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"),
        stdout=subprocess.DEVNULL, check=True,
    )


class Php(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            install()
        except (OSError, subprocess.SubprocessError) as error:
            raise unittest.SkipTest("no php: %s" % error)
        cls.folder = tempfile.TemporaryDirectory()
        path = os.path.join(cls.folder.name, "index.php")
        with open(path, "w") as file:
            file.write(SCRIPT)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            cls.port = probe.getsockname()[1]
        cls.server = subprocess.Popen(
            [
                "php", "-n", "-d", "upload_max_filesize=50M", "-d", "post_max_size=60M",
                "-S", "127.0.0.1:%d" % cls.port, path,
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", cls.port), 1).close()
                break
            except OSError:
                time.sleep(0.1)

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        cls.server.wait()
        cls.folder.cleanup()

    def send(self, form, query=""):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {
            "Content-Type": form.content_type,
            "Content-Length": str(form.content_length),
        }
        connection.request("POST", "/" + query, form.serialize(), headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        self.assertEqual(answer.status, 200, body)
        return json.loads(body)

    def test_urlencoded(self):
        fields = {"title": "\u041f\u0440 & = + % ;|\x1f", "text": "a\r\nb\nc\td~*", "n": "1"}
        query = wikistd.add_query("?x=1", {"q": "\u20ac|*~"})
        got = self.send(wikistd.FormData(fields), query)
        self.assertEqual(got["post"], fields)
        self.assertEqual(got["get"], {"x": "1", "q": "\u20ac|*~"})
        self.assertEqual(got["files"], {})

    def test_multipart(self):
        form = wikistd.FormData(
            {"title": "\u041f\u0440 & = + % ;|\x1f", "text": "a\r\nb\nc\r\n--x\r\n", "empty": ""}
        )
        form.add_field("raw", b"\xe2\x82\xac")
        form.add_field("typed", "x", content_type="text/plain; charset=utf-8")
        form.add_field("chunk", io.BytesIO(BINARY), filename="1.bin")
        form.add_field("nothing", b"", filename="empty.txt")
        got = self.send(form)
        self.assertEqual(
            got["post"],
            {
                "title": "\u041f\u0440 & = + % ;|\x1f", "text": "a\r\nb\nc\r\n--x\r\n",
                "empty": "", "raw": "\u20ac", "typed": "x",
            },
        )
        digest = hashlib.md5(BINARY).hexdigest()
        self.assertEqual(
            list(got["files"].values()),
            [
                self.entry("chunk", "1.bin", "application/octet-stream", digest, len(BINARY)),
                self.entry("nothing", "empty.txt", "text/plain", hashlib.md5().hexdigest(), 0),
            ],
        )

    @staticmethod
    def entry(*values):
        return {str(i): value for i, value in enumerate(values + (0,))}

    def test_file_names(self):
        """Any name arrives as one name; a path is cut to its last part by PHP."""
        names = {
            "caf\xe9 \u65e5\u672c \U0001f600.svg": "caf\xe9 \u65e5\u672c \U0001f600.svg",
            'a"b.txt': "a%22b.txt",
            "semi;colon, x=y.txt": "semi;colon, x=y.txt",
            "per%20cent.txt": "per%20cent.txt",
            "back\\slash.txt": "slash.txt",
            "a/b.txt": "b.txt",
            "'quoted'.txt": "'quoted'.txt",
        }
        form = wikistd.FormData()
        for name in names:
            form.add_field("f[]", b"x", filename=name)
        got = self.send(form)
        self.assertEqual([file["1"] for file in got["files"].values()], list(names.values()))

    def test_field_names(self):
        """What PHP makes of names: it is not ours to change."""
        form = wikistd.FormData(
            [("a.b", "1"), ("c d", "2"), ("e[x]", "3"), ("\xe9", "4"), ('q"', "5")]
        )
        form.add_field("raw", b"x")
        self.assertEqual(
            self.send(form)["post"],
            {"a_b": "1", "c_d": "2", "e": {"x": "3"}, "\xe9": "4", "q%22": "5", "raw": "x"},
        )

    def test_boundaries(self):
        """Boundaries that need quotes are quoted."""
        for boundary in ("x" * 70, "a,b", "(:/?)", "a b", "'x'"):
            form = wikistd.FormData({"a": b"b"}, boundary=boundary)
            self.assertEqual(self.send(form)["post"], {"a": "b"}, boundary)

    def test_many_fields(self):
        form = wikistd.FormData([("f%d" % i, str(i)) for i in range(900)])
        form.add_field("raw", b"x")
        self.assertEqual(len(self.send(form)["post"]), 901)


if __name__ == "__main__":
    unittest.main()
