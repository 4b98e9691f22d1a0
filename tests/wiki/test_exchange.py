"""wikistd.wiki.exchange: where a POST may go, what errors show, how large a reply is."""

import io
import pickle
import unittest

from tests.support.clocks import FakeClock
from tests.wiki.conversation import Conversation, Reply, tokens
from wikistd import Session
from wikistd.errors import StatusError

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
