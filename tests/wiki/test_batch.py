"""wikistd.wiki.batch: what only a scripted wiki does; the rest is in tests/contract."""

import os
import tempfile
import unittest

from tests.support.clocks import FakeClock
from tests.wiki.conversation import Conversation, error
from wikistd import Session, undo_batch
from wikistd.errors import APIError
from wikistd.wiki.batch import keyed_jobs
from wikistd.wiki.journal import Journal

WHO = {"": "GET", "meta": "userinfo"}
READ = {"": "GET", "prop": "revisions"}
UNDO = {"": "POST", "action": "edit", "undo": "11"}


class Keys(unittest.TestCase):
    def test_each_job_has_its_own(self):
        """A key that was made for one job is not given to another."""
        jobs = [
            {"title": title, "text": text, **key}
            for title, text, key in (
                ("A", "1", {}), ("A", "2", {}), ("B", "3", {"key": "A#2"}), ("A", "4", {}),
                ("A", "1", {}), ("C", "5", {"key": "A#2"}), ("B", "3", {"key": "A#2"}),
            )
        ]
        made = list(keyed_jobs(jobs))
        keys = [key for key, _, _ in made]
        self.assertEqual(keys, ["A", "A#2", "A#2#2", "A#3", "A#4", "A#2#3", "A#2#4"])
        self.assertEqual(len({digest for _, digest, _ in made}), len(jobs))


class Undoing(unittest.TestCase):
    def test_an_undo_of_unknown_fate_ends_it(self):
        """It is in no record then: the next run does it again, which changes nothing."""
        page = {"pageid": 1, "title": "T", "revisions": [{"revid": 11}]}
        wiki = Conversation(
            self,
            (WHO, {"query": {"userinfo": {"id": 0, "name": "::1", "anon": True}}}),
            (READ, {"query": {"pages": [page]}}),
            (UNDO, error("internal_api_error_DBQueryError")),
            (READ, error("internal_api_error_DBQueryError")),
        )
        session = Session("https://wiki.example", session=wiki, clock=FakeClock())
        session._state.tokens["csrf"] = "t+\\"
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "j")
            with Journal(path) as journal:
                journal.begin(session.api_url, None)
                record = {"key": "T", "job": "d", "title": "T", "result": "saved"}
                journal.write(dict(record, base_revid=10, revid=11))
            with self.assertRaises(APIError) as caught:
                undo_batch(session, path)
            self.assertTrue(caught.exception.maybe_applied)
            with Journal(path) as journal:
                self.assertEqual(len(journal.records), 2)
        wiki.done()
