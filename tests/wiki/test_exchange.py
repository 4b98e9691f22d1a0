"""wikistd.wiki.exchange: where a POST may go, what errors show, how large a reply is."""

import base64
import gzip
import html
import io
import json
import pickle
import time
import unittest
from unittest import mock
from urllib.parse import quote, quote_plus

from tests.support.clocks import FakeClock
from tests.support.scripted import ScriptedServer, reply
from tests.wiki.conversation import Conversation, Reply, tokens
from wikistd import HttpClient, Session
from wikistd.errors import (
    APIWarning,
    ClientInteractionRequest,
    LimitExceeded,
    LoginError,
    StatusError,
    WikistdError,
)
from wikistd.wiki.exchange import scrub_values, secret_header_values

try:
    import tracemalloc
except ImportError:  # PyPy
    tracemalloc = None

ELSEWHERE = "https://evil.example/w/api.php"


def moved(location, status=307):
    return Reply({}, status, [("Location", location)] if location else [])


class Case(unittest.TestCase):
    def start(self, *script, host="https://wiki.example", **options):
        self.wiki = Conversation(self, *script)
        self.addCleanup(self.wiki.done)
        return Session(host, session=self.wiki, clock=FakeClock(), **options)


class PostRedirects(Case):
    def test_elsewhere(self):
        """A password and a token go to no other origin, whatever the status."""
        for status in (301, 302, 303, 307, 308):
            for location in (ELSEWHERE, "http://wiki.example/w/api.php", "ftp://x/"):
                with self.subTest(status=status, location=location):
                    session = self.start(
                        tokens(login="t0ken"), ({"": "POST"}, moved(location, status))
                    )
                    session._state.api_is_known = True
                    with self.assertRaisesRegex(StatusError, "was not followed") as got:
                        session.login("Bot@app", "passw0rd")
                    self.assertEqual(got.exception.status, status)
                    self.assertFalse(got.exception.maybe_applied)
                    self.assertEqual(len(self.wiki.sent), 2)

    def test_at_home(self):
        """Within the origin, and up to https on the same host, it is sent again."""
        api = "https://wiki.example/api.php"
        for host, location in (
            ("https://wiki.example", "/api.php"),
            ("http://wiki.example", api),
        ):
            session = self.start(
                tokens(csrf="t0ken+\\"),
                ({"": "POST", "title": "X"}, moved(location)),
                ({"": "POST", "title": "X", "url": api, "token": "t0ken+\\"}, {"a": 1}),
                host=host,
            )
            self.assertEqual(session.post(action="edit", title="X"), {"a": 1})

    def test_files(self):
        """A file is sent from its beginning; a pipe is not sent twice."""
        script = [tokens(csrf="t"), ({"": "POST"}, moved("/api.php")), ({}, {"a": 1})]
        session = self.start(*script)
        session.post(action="upload", upload_file=io.BytesIO(b"abc"))
        self.assertEqual(self.wiki.sent[2].files["file"][1], b"abc")

        class Pipe:
            def read(self, size=-1):
                return b"abc"

        session = self.start(*script[:2])
        with self.assertRaisesRegex(StatusError, "redirect 307"):
            session.post(action="upload", upload_file=Pipe())

    def test_ends(self):
        """A circle ends; a redirect to nowhere is an answer of its own."""
        turns = [({"": "POST"}, moved("/w/api.php"))] * 5
        session = self.start(tokens(csrf="t"), *turns)
        with self.assertRaisesRegex(StatusError, "one of too many"):
            session.post(action="edit")
        session = self.start(tokens(csrf="t"), ({"": "POST"}, moved(None)))
        self.assertEqual(session.post(action="edit"), {})


    def test_connection(self):
        """A redirect, followed or refused, leaves its connection for the next call."""
        path = "/w/api.php?"
        token = reply(b'{"query": {"tokens": {"csrftoken": "t"}}}')
        page = b"<html>moved</html>"

        def wait(_):
            time.sleep(0.02)  # The page comes after its head.

        def redirect(status, location):
            whole = reply(page, status, [("Location", location)])
            return whole[: -len(page)], wait, page

        with ScriptedServer(
            [
                "GET %saction=query&meta=tokens&type=csrf&format=json" % path,
                token,
                "POST /w/api.php",
                *redirect("307 Temporary Redirect", "/api.php"),
                "POST /api.php",
                *redirect("308 Permanent Redirect", ELSEWHERE),
                "GET %saction=query&format=json" % path,
                reply(b"{}"),
            ]
        ) as server, Session(server.url, api_path="/w/api.php") as session:
            with self.assertRaisesRegex(StatusError, "was not followed"):
                session.post(action="edit", title="X")
            self.assertEqual(session.get(action="query"), {})
            self.assertEqual(session.session.counters.connections, 1)


class Scrubbing(Case):
    PASSWORD = 'PW s"ecret+1/\u00e9&<'

    def forms(self):
        plain = self.PASSWORD
        yield from (plain, quote(plain, safe=""), quote_plus(plain), quote(plain))
        yield from (json.dumps(plain)[1:-1], html.escape(plain))
        yield json.dumps(plain, ensure_ascii=False)[1:-1]

    def look(self, error, form):
        text = repr(vars(error)) + str(error)
        self.assertNotIn(form, text)
        self.assertNotIn("ecret", text)

    def test_every_spelling(self):
        """A page that prints the request it was sent, in whatever spelling."""
        for form in self.forms():
            for status in (200, 400):
                answer = Reply(("<p>you sent %s" % form).encode("utf-8"), status)
                session = self.start(tokens(login="t0ken+\\"), ({}, answer))
                session._state.api_is_known = session._state.has_answered = True
                session.lost_attempts = 1
                with self.assertRaises(WikistdError) as caught:
                    session.login("Bot@app", self.PASSWORD)
                self.look(caught.exception, form)
                self.wiki.script.clear()

    def test_logins(self):
        """The wiki's reason for a refusal, and what it asks for then."""
        for form in self.forms():
            refusal = {"login": {"result": "Failed", "reason": "you sent %s" % form}}
            session = self.start(tokens(login="t0ken"), ({}, refusal))
            with self.assertRaises(LoginError) as caught:
                session.login("Bot@app", self.PASSWORD)
            self.look(caught.exception, form)
            asks = {"status": "UI", "message": form, "requests": [{"a": form}]}
            asks = {"clientlogin": asks}
            session = self.start(tokens(login="t0ken"), ({}, asks), ({}, asks))
            with self.assertRaises(ClientInteractionRequest) as got:
                session.login("Bot", self.PASSWORD)
            self.look(got.exception, form)
            self.assertEqual(got.exception.login_token, "t0ken")
            with self.assertRaises(ClientInteractionRequest) as got:
                session.continue_login("t0ken", password=self.PASSWORD)
            self.look(got.exception, form)

    def test_warnings(self):
        document = {"warnings": {"main": {"*": "Unrecognized: t0ken+\\"}}, "edit": {}}
        session = self.start(tokens(csrf="t0ken+\\"), ({}, document))
        with self.assertWarnsRegex(APIWarning, r"Unrecognized: \*\*\*$"):
            session.post(action="edit")

    def test_headers_of_the_request(self):
        """A page that prints the headers: credentials and session cookies."""
        basic = base64.b64encode(b"u:canary-1").decode()
        headers = {"authorization": "Basic " + basic, "Accept": "a/b"}
        cookies = {"Cookie": "x=de; s=canary-22; xUserName=Somebody"}

        class Asked:
            def __init__(self):
                self.headers, self.unredirected_hdrs = headers, cookies

        answer = Reply(
            ("<p>canary-1 %s canary-22 Somebody a/b de" % basic).encode(), 400
        )
        answer.request = Asked()
        with self.assertRaises(StatusError) as caught:
            self.start(({}, answer)).get(action="query")
        self.assertEqual(caught.exception.body, b"<p>*** *** *** Somebody a/b de")
        self.assertEqual(
            secret_header_values([("Authorization", "Basic !x"), ("A", "b")])[0],
            "Basic !x",
        )


class Excerpts(unittest.TestCase):
    def test_cut_in_a_secret(self):
        """Where an excerpt ends within a secret, its beginning does not stay."""
        secret = "pass/word+1"
        for shown in (secret, quote_plus(secret)):
            for size in range(4, len(shown)):
                error = StatusError("no: " + shown[:size] + "...", status=500)
                error.body = b"no: " + shown[:size].encode("ascii")
                scrub_values(error, [secret, "other one"])
                self.assertEqual((error.message, error.body), ("no: ...", b"no: "))
        error = StatusError("no: pass", status=500, body=b"no: pas")
        scrub_values(error, [secret])
        self.assertEqual((error.message, error.body), ("no: pass", b"no: pas"))


class Large(Case):
    def test_bound(self):
        """A reply beyond the bound is not parsed, nor asked for again."""
        for method, is_write in (("GET", False), ("POST", True)):
            with mock.patch("wikistd.wiki.exchange.MAX_REPLY_BYTES", 20):
                session = self.start(({}, {"a": 1}), ({"": method}, {"a": "x" * 20}))
                session.get(action="query")
                with self.assertRaisesRegex(LimitExceeded, "the reply is larger") as got:
                    session.request(method, {"action": "edit", "token": "t"})
            self.assertEqual(got.exception.maybe_applied, is_write)
            self.assertEqual((got.exception.name, got.exception.limit), ("MAX_REPLY_BYTES", 20))


    def test_bomb(self):
        """An HttpClient stops at the bound while it decodes, not after."""
        body = gzip.compress(b" " * 10_000_000)
        headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")]
        got = []

        def network(*call):
            return 200, headers, io.BytesIO(body)

        client = HttpClient(transport=network, user_agent="tests/1.0")
        client.on_response.append(lambda request, response: got.append(response))
        with mock.patch("wikistd.wiki.exchange.MAX_REPLY_BYTES", 100_000), client:
            session = Session("https://w.test", session=client, user_agent="tests/1.0")
            with self.assertRaisesRegex(LimitExceeded, "the reply is larger than"):
                session.get(action="query")
        # The wiki's page was looked at too, for where its api.php might be.
        self.assertEqual(len(got), 2)
        self.assertLess(max(response.total_bytes for response in got), 300_000)

    @unittest.skipIf(tracemalloc is None, "no tracemalloc")
    def test_error_holds_no_body(self):
        """What had come before the bound is not kept by the traceback."""
        body = gzip.compress(b" " * 10_000_000)
        headers = [("Content-Encoding", "gzip")]

        def network(*call):
            return 200, headers, io.BytesIO(body)

        for options in ({}, {"stream": True}):
            with HttpClient(transport=network, user_agent="tests/1.0", max_body_bytes=5_000_000) as client:
                tracemalloc.start()
                try:
                    client.get("https://w.test/", **options).read()
                except LimitExceeded as error:
                    kept = tracemalloc.get_traced_memory()[0]
                    self.assertIn("exceeds max_body_bytes", str(error))
                finally:
                    tracemalloc.stop()
            self.assertLess(kept, 1_000_000)


class Travel(unittest.TestCase):
    def test_cookies_stay(self):
        """A StatusError that goes to another process holds no cookie."""
        headers = [("Set-Cookie", "s=canary"), ("set-cookie2", "canary"), ("A", "b")]
        sent = pickle.dumps(StatusError("no", status=500, headers=headers, body=b"x"))
        self.assertNotIn(b"canary", sent)
        got = pickle.loads(sent)
        self.assertEqual((got.headers, got.status, got.body), ([("A", "b")], 500, b"x"))


if __name__ == "__main__":
    unittest.main()
