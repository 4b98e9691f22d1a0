"""wikistd.wiki.download: interruptions and liars by script."""

import hashlib
import os
import tempfile
import unittest

from tests.support.clocks import FakeClock
from tests.wiki.conversation import Conversation
from wikistd import Session, download_file
from wikistd.errors import (
    ConnectionLost,
    ProtocolError,
    StatusError,
    TransportError,
    WikistdError,
)

DATA = bytes(range(100))
URL = "https://files.example/f.bin"
INFO = {"": "GET", "prop": "imageinfo"}
GET = {"": "GET", "url": URL}


def info(data=DATA, url=URL):
    found = {"url": url, "size": len(data), "sha1": hashlib.sha1(data).hexdigest()}
    page = {"title": "File:F.bin", "imageinfo": [found]}
    return {"query": {"pages": [page]}}


class Body:
    """A response that is read in pieces and may break off."""

    def __init__(self, data, status=200, start=None, error=None):
        self.data = data
        self.status_code = status
        self.headers = {}
        if start is not None:
            self.headers["Content-Range"] = "bytes %d-99/100" % start
        self.error = error
        self.closed = 0

    @property
    def content(self):
        return self.data

    def iter_content(self, size):
        for at in range(0, len(self.data), 40):
            yield self.data[at : at + 40]
        if self.error is not None:
            raise self.error

    def close(self):
        self.closed += 1


class Files(Conversation):
    """The same, with bodies that are no API replies."""

    def request(self, method, url, **options):
        answer = self.script[0][1] if self.script else None
        if isinstance(answer, Body):
            self.script[0] = (self.script[0][0], lambda sent: Hidden(answer))
            found = super().request(method, url, **options)
            self.test.assertEqual(self.sent[-1].options["stream"], True)
            return found.body
        return super().request(method, url, **options)


class Hidden:
    def __new__(cls, body):
        from tests.wiki.conversation import Reply

        reply = Reply({})
        reply.body = body
        return reply


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.target = os.path.join(folder.name, "f")

    def start(self, *script):
        self.wiki = Files(self, *script)
        self.addCleanup(self.wiki.done)
        return Session("https://wiki.example", session=self.wiki, clock=FakeClock())

    def got(self, session, **options):
        download_file(session, "F.bin", self.target, **options)
        with open(self.target, "rb") as file:
            return file.read()


class Downloads(Case):
    def test_whole(self):
        body = Body(DATA)
        session = self.start((INFO, info()), (GET, body))
        seen = []
        self.assertEqual(self.got(session, on_progress=lambda *a: seen.append(a)), DATA)
        self.assertEqual(seen, [(40, 100), (80, 100), (100, 100)])
        self.assertEqual(self.wiki.sent[1].headers["Accept-Encoding"], "identity")
        self.assertNotIn("Range", self.wiki.sent[1].headers)
        self.assertEqual(body.closed, 1)

    def test_interrupted(self):
        """It goes on where it broke off, as long as there is progress."""
        lost = ConnectionLost("cut", retryable=True)
        session = self.start(
            (INFO, info()),
            (GET, Body(DATA[:40], error=lost)),
            (GET, Body(DATA[40:80], 206, 40, error=lost)),
            (GET, lost),
            (GET, Body(DATA[80:], 206, 80)),
        )
        self.assertEqual(self.got(session), DATA)
        ranges = [sent.headers.get("Range") for sent in self.wiki.sent[1:]]
        self.assertEqual(ranges, [None, "bytes=40-", "bytes=80-", "bytes=80-"])

    def test_server_without_ranges(self):
        """One that sends all of it again is taken at its word."""
        lost = ConnectionLost("cut", retryable=True)
        session = self.start(
            (INFO, info()), (GET, Body(DATA[:40], error=lost)), (GET, Body(DATA))
        )
        self.assertEqual(self.got(session), DATA)

    def test_no_progress(self):
        lost = ConnectionLost("cut", retryable=True)
        session = self.start((INFO, info()), *[(GET, lost)] * 4)
        with self.assertRaises(ConnectionLost):
            self.got(session)

    def test_refused(self):
        session = self.start((INFO, info()), (GET, Body(b"<b>Gone</b>", 404)))
        with self.assertRaises(StatusError) as caught:
            self.got(session)
        self.assertIn("HTTP status 404 instead of the file; it says: Gone", str(caught.exception))
        self.assertEqual(caught.exception.status, 404)

    def test_wrong_range(self):
        lost = ConnectionLost("cut", retryable=True)
        session = self.start(
            (INFO, info()),
            (GET, Body(DATA[:40], error=lost)),
            (GET, Body(DATA[30:], 206, 30)),
        )
        with self.assertRaisesRegex(ProtocolError, "asked for bytes from 40, got"):
            self.got(session)
        session = self.start((INFO, info()), (GET, Body(DATA, 206)))
        with self.assertRaisesRegex(ProtocolError, "got Content-Range None"):
            self.got(session)

    def test_another_file(self):
        """Once more with fresh information, then it is an error; nothing is left."""
        other = b"x" * 100
        session = self.start(
            (INFO, info()), (GET, Body(other)), (INFO, info(other)), (GET, Body(other))
        )
        self.assertEqual(self.got(session), other)
        os.remove(self.target)
        turn = [(INFO, info()), (GET, Body(other + b"more"))]
        session = self.start(*turn * 2)
        with self.assertRaisesRegex(ProtocolError, "the wiki tells 100 bytes with"):
            self.got(session)
        self.assertEqual(os.listdir(os.path.dirname(self.target)), [])

    def test_addresses_without_scheme(self):
        session = self.start((INFO, info(url="//files.example/f.bin")), (GET, Body(DATA)))
        self.assertEqual(self.got(session), DATA)

    def test_empty_file(self):
        session = self.start((INFO, info(b"")), (GET, Body(b"")))
        self.assertEqual(self.got(session), b"")

    def test_path_as_bytes(self):
        session = self.start((INFO, info()), (GET, Body(DATA)))
        result = download_file(session, "File:F.bin", os.fsencode(self.target))
        self.assertEqual(result.path, self.target)

    def test_other_clients(self):
        """requests' errors are told apart from the disk's."""
        foreign = type("ReadTimeout", (OSError,), {"__module__": "requests.exceptions"})
        session = self.start((INFO, info()), (GET, foreign("slow")), *[(GET, Body(DATA))])
        self.assertEqual(self.got(session), DATA)
        session = self.start(
            (INFO, info()),
            (GET, Body(DATA[:40], error=foreign("slow"))),
            (GET, Body(DATA[40:], 206, 40)),
        )
        self.assertEqual(self.got(session), DATA)
        session = self.start((INFO, info()), (GET, Body(DATA, error=OSError(28, "full"))))
        with self.assertRaises(OSError) as caught:
            self.got(session)
        self.assertNotIsInstance(caught.exception, TransportError)


class Strangers(Case):
    def test_headers(self):
        """Another origin gets harmless headers only, the wiki's own gets all."""
        secrets = {"Authorization": "Bearer canary", "Cookie": "canary", "X-Key": "canary"}
        for url in (URL, "http://wiki.example/f.bin", "https://wiki.example:81/f.bin"):
            got = dict(GET, url=url)
            session = self.start((INFO, info(url=url)), (got, Body(DATA)))
            self.wiki.headers = {"authorization": "canary", "User-Agent": "theirs"}
            view = session.with_options(headers=dict(secrets, **{"User-Agent": "me"}))
            self.assertEqual(self.got(view), DATA)
            sent = self.wiki.sent[1].headers
            self.assertNotIn("canary", repr(sent))
            self.assertIsNone(sent["authorization"])
            self.assertEqual(sent["User-Agent"], "me")
            os.remove(self.target)
        url = "https://wiki.example/f.bin"
        session = self.start((INFO, info(url=url)), (dict(GET, url=url), Body(DATA)))
        self.assertEqual(self.got(session.with_options(headers=secrets)), DATA)
        self.assertEqual(self.wiki.sent[1].headers["X-Key"], "canary")

    def test_odd_replies(self):
        """Whatever the wiki tells of a file, it is one of our errors."""
        for change in (
            {"size": None}, {"size": "x"}, {"size": -1}, {"size": True}, {"sha1": 5},
            {"url": 5}, {"url": "file:///etc/passwd"}, {"url": "f.bin"}, {"url": ""},
            {"url": "https://files.example/a\r\nb"}, {"url": "https://"},
            {"url": "https://files.example:99999/"},
        ):
            document = info()
            document["query"]["pages"][0]["imageinfo"][0].update(change)
            self.refused(document, change)
        for found in (5, "x", {}, [5], [None], {"0": 1}, True):
            if found != {}:
                document = info()
                document["query"]["pages"][0]["imageinfo"] = found
                self.refused(document, found)
        for document in ({"query": {"pages": [5]}}, {"query": {"pages": 5}}, {"query": 5}):
            session = self.start((INFO, document))
            with self.assertRaises(WikistdError):
                self.got(session)

    def refused(self, document, what):
        with self.subTest(what=what):
            session = self.start((INFO, document))
            with self.assertRaises(ProtocolError) as caught:
                self.got(session)
            self.assertEqual(caught.exception.spec, "API:Imageinfo")
