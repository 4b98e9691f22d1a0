"""wikistd.wiki.journal: what stands in it can be read again."""

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
            wiki = Conversation(self, ({}, refusal))
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
        with open(self.path, "w") as file:
            file.write("[" * 200000 + "\n")
        with self.assertRaisesRegex(ValueError, "line 1: no JSON object"):
            Journal(self.path)
