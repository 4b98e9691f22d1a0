"""wikistd.wiki.journal: what stands in it can be read again."""

import json
import os
import tempfile
import unittest

from tests.support.clocks import FakeClock
from tests.wiki.conversation import Conversation, error
from wikistd import Session, run_batch
from wikistd.errors import APIError, LoginError
from wikistd.wiki.edit import refused_edit
from wikistd.wiki.journal import Journal
from wikistd.wiki.login import read_login_reply
from wikistd.wiki.transfer import refused_upload


WHO = {"meta": "userinfo"}
SOMEBODY = {"query": {"userinfo": {"id": 3, "name": "Bot"}}}


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "journal")


class Texts(Case):
    def test_any_text(self):
        """Half a surrogate pair comes back as it was."""
        record = {"key": "Ä\U0001f600", "error": "no \ud800"}
        with Journal(self.path) as journal:
            journal.begin("w", None)
            journal.write(record)
        with Journal(self.path) as journal:
            self.assertEqual(journal.records[1], record)

    def test_odd_error(self):
        """An error's text that no file takes does not spoil the journal."""
        for _ in range(2):
            refusal = error("protected\ud800", "no \ud800")
            wiki = Conversation(self, (WHO, SOMEBODY), ({}, refusal))
            session = Session("https://wiki.example", session=wiki, clock=FakeClock())
            jobs = [{"title": "A", "text": "x"}]
            report = run_batch(session, jobs, journal=self.path)
            self.assertEqual(report.problems[0].error, "protected?: no ?")

    def test_odd_refusals(self):
        for odd in (
            refused_edit({"code": "\ud800", "info": "\ud800"}),
            refused_edit({"spamblacklist": "\ud800"}),
            refused_edit({"captcha": {"question": "\ud800"}}),
            refused_upload({"result": "\ud800"}),
            refused_upload({"warnings": {"x": "\ud800"}}),
        ):
            self.assertIsInstance(odd, APIError)
            self.assertIn("?", str(odd).encode("utf-8").decode("utf-8"))
        reply = {"clientlogin": {"status": "FAIL", "message": "no \ud800"}}
        with self.assertRaises(LoginError) as caught:
            read_login_reply(reply, "clientlogin", "token")
        self.assertIn("no ?", str(caught.exception))

    def test_too_deep(self):
        with Journal(self.path) as journal:
            journal.begin("w", None)
            journal.write({"key": "A"})
        with open(self.path, "a") as file:
            file.write("[" * 200000 + "\n")
        with self.assertRaisesRegex(ValueError, "line 3: no JSON object"):
            Journal(self.path)


class Others(Case):
    @unittest.skipUnless(hasattr(os, "mkfifo"), "this system has no such files")
    def test_fifo(self):
        """One in the place of a journal is not waited for."""
        os.mkfifo(self.path)
        with self.assertRaisesRegex(ValueError, "is no file that can be a journal"):
            Journal(self.path)


class Damage(Case):
    def setUp(self):
        super().setUp()
        self.record = {"key": "A", "result": "saved", "base_revid": 6, "at": 1.5}
        with Journal(self.path) as journal:
            journal.begin("w", None)
            journal.write(self.record)
        with open(self.path, "rb") as file:
            self.data = file.read()

    def refused(self, data):
        with open(self.path, "wb") as file:
            file.write(data)
        with self.assertRaises(ValueError) as caught:
            Journal(self.path)
        self.assertIn(self.path, str(caught.exception))
        with open(self.path, "rb") as file:
            self.assertEqual(file.read(), data)

    def test_any_byte(self):
        """A byte that is another one, or gone, is noticed; nothing is done then."""
        for at in range(len(self.data) - 1):
            for byte in (b" ", b'"', b"\n", b"0", b"\xff", b"", self.data[at : at + 1] * 2):
                changed = self.data[:at] + byte + self.data[at + 1 :]
                if changed != self.data:
                    with self.subTest(at=at, byte=byte):
                        self.refused(changed)

    def test_changed_by_hand(self):
        """Other records, whole as JSON, are none of a batch's."""
        head = self.data[: self.data.index(b"\n") + 1]
        for line in (
            b'{"key":"A","result":"sending"}', b"{}", b"[]", b"5", b'{"sum":"x"}', b"",
            b'["sum"]', self.data.splitlines()[1].replace(b'"saved"', b'"error"'),
        ):
            with self.subTest(line):
                self.refused(head + line + b"\n")

    def test_lines_by_themselves(self):
        """Each is JSON, so that other tools can read a journal."""
        for line in self.data.splitlines():
            self.assertEqual(len(json.loads(line)["sum"]), 16)
