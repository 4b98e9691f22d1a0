"""cli/transcript.py: what --debug shows, and what it never shows."""

import unittest

from tests.cli.test_main import run_main
from tests.support.clients import certificate, wrap_server
from tests.support.scripted import ScriptedServer, reply
from wikistd.cli.transcript import (
    TranscriptHandler,
    describe_body,
    redact_fields,
    redact_pairs,
    redact_url,
    redact_userinfo,
)
from wikistd.server.local import local_connect
from wikistd.web.client import HttpClient

SECRET = "correct-horse-battery"


def app(environ, start_response):
    environ["wsgi.input"].read()
    start_response(
        "200 OK",
        [("Content-Type", "text/plain"), ("Set-Cookie", "session=" + SECRET)],
    )
    return [b"answer"]


class Transcript(unittest.TestCase):
    def test_an_exchange(self):
        """Both heads are shown, with the route; no secret is."""
        lines = []
        client = HttpClient(
            user_agent="test (offline)",
            connect=local_connect(app),
            handlers=[TranscriptHandler(lines.append)],
            auth=("user", SECRET),
            cookies={"session": SECRET},
            proxies={},
        )
        with client:
            client.post(
                "http://wiki.test/w/api.php?action=login&lgpassword=" + SECRET,
                data={"lgpassword": SECRET, "lgname": "Me"},
                headers={"Authorization": "Bearer " + SECRET},
            )
            client.get("http://wiki.test/")
        text = "\n".join(lines)
        self.assertNotIn(SECRET, text)
        self.assertIn(
            "> #1 POST http://wiki.test/w/api.php?action=login&lgpassword=...", text
        )
        self.assertIn("> route: directly", text)
        self.assertIn("> User-agent: test (offline)", text)
        self.assertIn("> Accept-encoding: ", text)
        self.assertIn("form of 42 bytes: lgpassword, lgname", text)
        self.assertIn("< #1 200 OK after ", text)
        self.assertIn("characters not shown", text)
        self.assertIn("> #2 GET http://wiki.test/", text)


class Redaction(unittest.TestCase):
    def test_addresses(self):
        """User names, passwords and values go; what was asked stays."""
        self.assertEqual(
            redact_url("https://me:pw@h/w/api.php?action=query&token=abc&meta=tokens"),
            "https://...@h/w/api.php?action=query&token=...&meta=tokens",
        )
        self.assertEqual(redact_pairs("a=b&action=edit"), "a=...&action=edit")
        self.assertEqual(
            redact_userinfo("through http://u:p@proxy:3128, named"),
            "through http://...@proxy:3128, named",
        )

    def test_fields(self):
        """Credentials and cookies are counted, not shown."""
        got = redact_fields(
            "> ",
            [
                ("Authorization", "Basic abc"),
                ("cookie", "a=b"),
                ("Location", "http://u:p@h/?token=x"),
                ("Accept", "*/*"),
            ],
        )
        self.assertEqual(
            got,
            [
                "> Authorization: (9 characters not shown)",
                "> cookie: (3 characters not shown)",
                "> Location: http://...@h/?token=...",
                "> Accept: */*",
            ],
        )

    def test_bodies(self):
        """Of a body its kind and size."""
        self.assertEqual(describe_body(b"a=1&b=2"), "form of 7 bytes: a, b")
        self.assertEqual(describe_body(b"\x89PNG"), "body of 4 bytes")
        self.assertEqual(describe_body([b"x"]), "body of type list")


class Tls(unittest.TestCase):
    def test_tls(self):
        """Over TLS the version, the cipher and where CAs were looked for are shown."""
        authority = certificate("authority")
        answer = reply(b"{}", headers=[("Content-Type", "application/json")])
        asked = "GET /w/api.php?action=query&formatversion=2&format=json"
        with ScriptedServer([asked, answer], wrap=wrap_server()) as server:
            code, stdout, stderr = run_main(
                "get", server.url, "--ca-file", authority, "--debug", "--max-wait", "0",
                "--api-path", "/w/api.php", "action=query",
            )  # fmt: skip
        self.assertEqual((code, stdout), (0, "{}\n"), stderr)
        self.assertRegex(stderr, r"< TLS: TLSv1\.[23], \w+")
        self.assertIn("* CAs looked for in: ca_file " + authority, stderr)
