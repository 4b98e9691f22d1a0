"""wikistd.wiki.keywords: a misspelt word is refused before anything is sent."""

import os
import tempfile
import unittest

from tests.wiki.conversation import Conversation
from wikistd import (
    Session,
    delete_page,
    edit_page,
    move_page,
    protect_page,
    run_batch,
    upload_file,
)
from wikistd.wiki.keywords import known_params

HOST = "https://wiki.example"


class Keywords(unittest.TestCase):
    def setUp(self):
        self.session = Session(HOST, session=Conversation(self))

    def test_misspelt(self):
        """Nothing is sent, and the message names what was meant."""
        session = self.session
        for call, near in (
            (lambda: edit_page(session, "T", "x", sumary="s"), "summary"),
            (lambda: edit_page(session, "T", "x", watchlst="watch"), "watchlist"),
            (lambda: edit_page(session, "T", "x", baserevid=7), "base_revid"),
            (lambda: edit_page(session, "T", "x", appendtext="y"), "append"),
            (lambda: edit_page(session, "T", "x", nocreate=True), "create"),
            (lambda: edit_page(session, "T", "x", sectiontitle="y"), "section_title"),
            (lambda: upload_file(session, b"x", "N", coment="c"), "comment"),
            (lambda: upload_file(session, b"x", "N", ignorewarnings=1), "ignore_warnings"),
            (lambda: move_page(session, "T", "U", reson="r"), "reason"),
            (lambda: move_page(session, "T", "U", noredirect=True), "leave_redirect"),
            (lambda: delete_page(session, "T", tag="x"), "tags"),
            (lambda: protect_page(session, "T", {}, expire="never"), "expiry"),
        ):
            with self.assertRaises(TypeError) as caught:
                call()
            self.assertIn(", did you mean %r?; what extensions" % near, str(caught.exception))
        with self.assertRaises(TypeError) as caught:
            edit_page(session, "T", "x", qqq="y")
        self.assertEqual(
            str(caught.exception),
            "edit_page() got an unexpected argument 'qqq'; what extensions of the wiki "
            "add goes into params={...}",
        )

    def test_jobs(self):
        """A batch refuses them before the edit, with the number of the job."""
        jobs = [{"title": "T", "text": "x", "key": "k", "sumary": "s"}]
        with tempfile.TemporaryDirectory() as folder:
            for options in ({"journal": os.path.join(folder, "j")}, {"dry_run": True}):
                with self.assertRaisesRegex(TypeError, "job 1: .* did you mean 'summary'"):
                    run_batch(self.session, jobs, **options)

    def test_known(self):
        """Those of the API pass in its own names; those of extensions unchecked."""
        self.assertEqual(
            known_params(edit_page, "edit", {"assert_": "bot", "tags": "a"}, {"ext": 1}),
            {"assert": "bot", "tags": "a", "ext": 1},
        )
