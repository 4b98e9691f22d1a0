"""Files that versions of wikistd share: one of a version to come is refused, and kept."""

import http.cookiejar
import json
import os
import sqlite3
import tempfile
import unittest

from tests.support.clocks import FakeClock
from wikistd.clock import Deadline
from wikistd.server.store import PageStore
from wikistd.streams.checkpoint import CHECKPOINT_VERSION, Checkpoint
from wikistd.streams.reconnect import StreamPosition
from wikistd.web.cookies import CookieStore
from wikistd.wiki.etiquette import Etiquette
from wikistd.wiki.journal import JOURNAL_VERSION, Journal

URL = "https://stream.test/v2/stream/recentchange"


class OtherVersions(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = os.path.join(folder.name, "shared")

    def write(self, data):
        with open(self.path, "wb") as file:
            file.write(data)

    def refused(self, data, use, error, words):
        """`use` fails with `error` and `words`, and the file holds what it held."""
        with self.assertRaises(error) as caught:
            use()
        self.assertEqual(str(caught.exception), words % self.path)
        with open(self.path, "rb") as file:
            self.assertEqual(file.read(), data)

    def test_cookie_file(self):
        """Neither reading nor saving touches a cookie file of another version."""
        data = b"#LWP-Cookies-3.0\n{'a': 1}\n"
        self.write(data)
        words = "%s begins with #LWP-Cookies-3.0, not with #LWP-Cookies-2.0: it was left as it is"
        store = CookieStore(self.path)
        self.refused(data, store.load, http.cookiejar.LoadError, words)
        self.refused(data, store.revert, http.cookiejar.LoadError, words)
        self.refused(data, store.save, http.cookiejar.LoadError, words)
        other = CookieStore()
        self.refused(data, lambda: other.save(self.path), http.cookiejar.LoadError, words)

    def test_journal(self):
        """A journal of another version, or another file, stays, a line cut short too."""
        words = (
            "%%s is not a journal of a batch, or one of another version than %d: it was left"
            " as it is" % JOURNAL_VERSION
        )
        for data in (
            b'{"journal":%d,"wiki":"w","user":"u"}\n{"pa' % (JOURNAL_VERSION + 1),
            b'{"format":"batch","journal":1}\n', b"my notes", b'{"journal":12',
        ):
            with self.subTest(data):
                self.write(data)
                self.refused(data, lambda: Journal(self.path), ValueError, words)

    def test_journal_cut_short(self):
        """A first line of our own that a crash cut short is none yet."""
        for data in (b"", b'{"jou', b'{"journal":%d,"wi' % JOURNAL_VERSION):
            with self.subTest(data):
                self.write(data)
                with Journal(self.path) as journal:
                    self.assertEqual(journal.records, [])
                    journal.begin("w", "u")
                    journal.write({"key": "A"})
                with Journal(self.path) as journal:
                    self.assertEqual(len(journal.records), 2)

    def test_checkpoint(self):
        """A checkpoint of another version is not read as one of ours."""
        checkpoint = Checkpoint(self.path, URL)
        checkpoint.save(StreamPosition("3"), and_in_hand=True)
        with open(self.path, encoding="utf-8") as file:
            state = json.load(file)
        self.assertEqual(checkpoint.load().cursor(), "3")
        state["version"] = CHECKPOINT_VERSION + 1
        data = json.dumps(state).encode()
        self.write(data)
        words = "%%s is not a checkpoint: ValueError('its version is not %d')" % CHECKPOINT_VERSION
        self.refused(data, Checkpoint(self.path, URL).load, ValueError, words)

    def test_etiquette(self):
        """Moments in another form stop a write before it is sent, and stay."""
        folder = os.path.join(self.folder, "etiquette")
        etiquette = Etiquette(writes_per_minute=60, folder=folder, clock=FakeClock())

        def write():
            with etiquette.slot("https://wiki.test", True, Deadline(None)):
                sent.append(1)

        sent = []
        write()
        self.path = os.path.join(folder, "wiki.test.write")
        data = b'{"version": 2, "moments": [1.5]}'
        self.write(data)
        self.refused(
            data, write, ValueError,
            "%s is not of the format that this wikistd knows: it was left as it is, and"
            " nothing was sent",
        )
        self.assertEqual(sent, [1])
        self.write(b"1.5 1.2.3")  # damaged, not of another version
        write()
        self.assertEqual(sent, [1, 1])

    def test_embedded_wiki(self):
        """The embedded wiki's file of another version is not opened."""
        PageStore(self.path).close()
        connection = sqlite3.connect(self.path)
        connection.execute("PRAGMA user_version = 999")
        connection.commit()
        connection.close()
        with open(self.path, "rb") as file:
            data = file.read()
        with self.assertRaisesRegex(ValueError, "is not a wiki database of version"):
            PageStore(self.path)
        with open(self.path, "rb") as file:
            self.assertEqual(file.read(), data)
