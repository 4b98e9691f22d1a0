"""wikistd.wiki.edit: what only a scripted wiki does; the rest is in tests/contract."""

import re
import unittest

from tests.support.clocks import FakeClock
from tests.wiki.conversation import Conversation, error, page
from wikistd import Session, edit_page
from wikistd.errors import APIError, ConnectionLost, EditConflict, RetryLater

READ = {"": "GET", "prop": "revisions"}
SAVE = {"": "POST", "action": "edit"}
LOST = ConnectionLost("cut", retryable=True)


def read(*revisions, title="T", user="Bot", **fields):
    found = dict({"pageid": 1, "title": title}, **fields)
    if revisions:
        found["revisions"] = list(revisions)
    return {"query": {"pages": [found], "userinfo": {"name": user}}}


def rev(revid, content=None, parentid=0, user="Bot", comment=""):
    found = {"revid": revid, "parentid": parentid, "user": user, "comment": comment}
    if content is not None:
        found["slots"] = {"main": {"content": content}}
    return found


def saved(revid=11, **fields):
    edit = {"result": "Success", "pageid": 1, "title": "T", "oldrevid": 10}
    return {"edit": dict(edit, newrevid=revid, **fields)}


class Case(unittest.TestCase):
    def start(self, *script):
        self.clock = FakeClock()
        wiki = Conversation(self, *script)
        self.addCleanup(wiki.done)
        session = Session("https://wiki.example", session=wiki, clock=self.clock)
        session._state.tokens["csrf"] = "t+\\"
        return session


class Sending(Case):
    def test_base_and_no_timestamp(self):
        """baserevid, never basetimestamp: that lets an append through twice."""
        expected = dict(
            SAVE,
            baserevid="10",
            basetimestamp=None,
            nocreate="",
            createonly=None,
            appendtext="x",
            text=None,
            bot="",
            minor=None,
            tags="a|b",
        )
        session = self.start((READ, read(rev(10))), (expected, saved()))
        result = edit_page(session, "T", append="x", bot=True, tags=["a", "b"])
        self.assertEqual((result.revid, result.base_revid), (11, 10))

    def test_new_page(self):
        expected = dict(SAVE, baserevid=None, nocreate=None, createonly="")
        session = self.start((READ, read(missing=True)), (expected, saved(new=True)))
        self.assertTrue(edit_page(session, "T", "x").is_new)

    def test_hook(self):
        seen = []
        session = self.start((READ, read(rev(10))), (SAVE, saved()))
        edit_page(session, "T", "x", on_save=lambda base, intent: seen.append((base, intent)))
        self.assertEqual((seen[0][0].revid, seen[0][1].text), (10, "x"))

    def test_transform_of_a_section(self):
        session = self.start(
            (dict(READ, rvsection="2", rvprop="ids|content"), read(rev(10, "old"))),
            (dict(SAVE, section="2", text="OLD"), saved()),
        )
        edit_page(session, "T", transform=str.upper, section=2)

    def test_who_saves(self):
        """Nobody saves anonymously by accident; who asks for it may."""
        session = self.start(
            (READ, read(rev(10))),
            (dict(SAVE, **{"assert": "user"}), saved()),
            (READ, read(rev(10))),
            (dict(SAVE, **{"assert": None}), saved()),
        )
        edit_page(session, "T", "x")
        edit_page(session, "T", "x", anonymous=True)

    def test_kinds(self):
        session = self.start((READ, read(rev(10, "x"))))
        with self.assertRaisesRegex(TypeError, "first argument is a Session, not str"):
            edit_page("https://x", "T", "x")
        with self.assertRaisesRegex(TypeError, "title must be str, not int"):
            edit_page(session, 5, "x")
        with self.assertRaisesRegex(TypeError, "text must be str, not int"):
            edit_page(session, "T", 12345)
        with self.assertRaisesRegex(TypeError, "to leave the page alone; it returned int"):
            edit_page(session, "T", transform=len)
        column = type("Column", (), {"__eq__": None})()  # as arrays, no truth
        with self.assertRaisesRegex(TypeError, "text must be str, not Column"):
            edit_page(session, "T", column)
        with self.assertRaisesRegex(APIError, "'' cannot be a title: it is empty"):
            edit_page(session, "", "x")

    def test_other_copy(self):
        """A session of another copy of the package is told from one of this."""
        stranger = type("Session", (), {"__module__": "app.wiki"})()
        wanted = "first argument is a Session of app.wiki, not of %s$"
        module = re.escape(Session.__module__)
        with self.assertRaisesRegex(TypeError, wanted % module):
            edit_page(stranger, "Page", text="text")

    def test_mistakes(self):
        session = self.start()
        for arguments in ({}, {"text": "x", "append": "y"}):
            with self.assertRaisesRegex(TypeError, "give one of text, transform"):
                edit_page(session, "T", **arguments)
        with self.assertRaisesRegex(ValueError, "create must be one of allow, only"):
            edit_page(session, "T", "x", create="maybe")
        with self.assertRaisesRegex(TypeError, "leave out base_revid"):
            edit_page(session, "T", transform=str, base_revid=1)

    def test_only_to_create_what_is_there(self):
        """A base revision says that the page is there: nothing is sent."""
        with self.assertRaises(APIError) as caught:
            edit_page(self.start(), "T", "x", create="only", base_revid=10)
        self.assertEqual(caught.exception.code, "articleexists")


class Refused(Case):
    def refused(self, answer):
        session = self.start((READ, read(rev(10))), (SAVE, answer))
        with self.assertRaises(APIError) as caught:
            edit_page(session, "T", "x")
        self.assertFalse(caught.exception.maybe_applied)
        return caught.exception

    def test_captcha(self):
        captcha = {"type": "simple", "id": "123", "question": "19+6"}
        got = self.refused({"edit": {"result": "Failure", "captcha": captcha}})
        self.assertEqual(got.code, "captcha")
        self.assertIn("19+6; send the edit again with captchaid='123'", str(got))
        self.assertEqual(got.errors[0]["captcha"], captcha)

    def test_filters(self):
        got = self.refused({"edit": {"result": "Failure", "spamblacklist": "bad.example"}})
        self.assertIn("a blacklisted address: bad.example", str(got))
        got = self.refused({"edit": {"result": "Failure", "code": "hook", "info": "No."}})
        self.assertEqual(str(got), "hook: No.")
        got = self.refused({"odd": 1})
        self.assertEqual(str(got), "editfailed: no answer to the edit")
        block = error("blocked", "You are blocked.", blockinfo={"blockid": 1})
        self.assertEqual(self.refused(block).errors[0]["blockinfo"], {"blockid": 1})

    def test_unreadable(self):
        session = self.start((READ, read(dict(rev(10), texthidden=True))))
        with self.assertRaisesRegex(APIError, "cannot be read: texthidden"):
            edit_page(session, "T", transform=str.upper)
        session = self.start((READ, {"query": {"interwiki": []}}))
        with self.assertRaisesRegex(APIError, "is it an interwiki"):
            edit_page(session, "w:T", "x")

    def test_conflict_without_the_other_side(self):
        session = self.start(
            (READ, read(rev(10))), (SAVE, error("editconflict")), (READ, error("nope"))
        )
        with self.assertRaises(EditConflict) as caught:
            edit_page(session, "T", "x")
        self.assertIsNone(caught.exception.theirs)


class LostAnswers(Case):
    def test_late_for_an_unchanged_text(self):
        """The second of two whole texts changes nothing: the first one is looked for."""
        unchanged = {"edit": {"result": "Success", "pageid": 1, "nochange": True}}
        session = self.start(
            (READ, read(rev(10))),
            (SAVE, LOST),
            (READ, read()),
            (SAVE, unchanged),
            (READ, read(rev(11, "x", 10))),
        )
        result = edit_page(session, "T", "x")
        self.assertEqual((result.revid, result.found), (11, True))
        session = self.start(
            (READ, read(rev(10))), (SAVE, LOST), (READ, read()), (SAVE, unchanged), (READ, read())
        )
        self.assertFalse(edit_page(session, "T", "x").is_changed)

    def test_replica_that_lags(self):
        """The wiki says conflict, no newer revision is to be seen: wait for it."""
        session = self.start(
            (READ, read(rev(10))),
            (SAVE, LOST),
            (READ, read()),
            (SAVE, error("editconflict")),
            (READ, read()),
            (READ, read()),
            (READ, read(rev(11, "x", 10))),
        )
        self.assertEqual(edit_page(session, "T", append="x").revid, 11)

    def test_replica_that_never_catches_up(self):
        session = self.start(
            (READ, read(rev(10))),
            (SAVE, LOST),
            (READ, read()),
            (SAVE, error("editconflict")),
            *[(READ, read())] * 5
        )
        with self.assertRaises(ConnectionLost) as caught:
            edit_page(session, "T", append="x")
        self.assertTrue(caught.exception.maybe_applied)

    def test_conflict_by_others(self):
        """Refused for another's edit: an append begins again on top of it."""
        theirs = rev(11, "theirs", 10, "Ann")
        session = self.start(
            (READ, read(rev(10))),
            (SAVE, LOST),
            (READ, read()),
            (SAVE, error("editconflict")),
            (READ, read(theirs)),
            (READ, read(theirs)),
            (dict(SAVE, baserevid="11"), saved(12)),
        )
        self.assertEqual(edit_page(session, "T", append="x").revid, 12)

    def test_refused_later(self):
        """Another refusal leaves the fate of the first one open."""
        session = self.start(
            (READ, read(rev(10))),
            (SAVE, LOST),
            (READ, read()),
            (SAVE, error("blocked")),
            (READ, read()),
        )
        with self.assertRaises(APIError) as caught:
            edit_page(session, "T", append="x")
        self.assertTrue(caught.exception.maybe_applied)
        session.max_wait_seconds = 5
        session.session.script = [
            (READ, read(rev(10))),
            (SAVE, LOST),
            (READ, read()),
            (SAVE, error("readonly")),
        ]
        with self.assertRaises(RetryLater) as caught:
            edit_page(session, "T", append="x")
        self.assertTrue(caught.exception.maybe_applied)

    def test_a_captcha_after_a_loss(self):
        """It says nothing of the first one, which may be late."""
        failure = {"edit": {"result": "Failure", "captcha": {"id": "1", "question": "1+1"}}}
        session = self.start(
            (READ, read(rev(10))), (SAVE, LOST), (READ, read(rev(10))), (SAVE, failure)
        )
        with self.assertRaises(APIError) as caught:
            edit_page(session, "T", "x")
        self.assertTrue(caught.exception.maybe_applied)

    def test_new_section_is_sent_once(self):
        """The wiki would take a second one beside the first, which may be late."""
        session = self.start((READ, read(rev(10))), (SAVE, LOST), (READ, read()))
        with self.assertRaises(ConnectionLost) as caught:
            edit_page(session, "T", "x", section="new", section_title="S")
        self.assertTrue(caught.exception.maybe_applied)
        session = self.start(
            (READ, read(missing=True)),
            (SAVE, LOST),
            (READ, read(missing=True)),
            (dict(SAVE, createonly=""), saved(1)),
        )
        result = edit_page(session, "T", "x", section="new", section_title="S")
        self.assertEqual(result.revid, 1)

    def test_exception_in_the_wiki(self):
        session = self.start(
            (READ, read(rev(10))),
            (SAVE, error("internal_api_error_DBQueryError")),
            (READ, read(rev(11, "ax", 10))),
        )
        self.assertTrue(edit_page(session, "T", append="x").found)

    def test_cannot_be_looked_up(self):
        session = self.start(
            (READ, read(rev(10))), (SAVE, page("x", 503)), (READ, error("nope"))
        )
        with self.assertRaises(Exception) as caught:
            edit_page(session, "T", append="x")
        self.assertEqual(caught.exception.status, 503)
        self.assertTrue(caught.exception.maybe_applied)

    def test_unknowable(self):
        mine = [rev(12, "a", 11), rev(11, "b", 10)]
        session = self.start(
            (READ, read(rev(10))), (SAVE, LOST), (READ, read(*mine))
        )
        with self.assertRaises(ConnectionLost) as caught:
            edit_page(session, "T", append="~~~~")
        self.assertIn("2 revisions by Bot", str(caught.exception))
