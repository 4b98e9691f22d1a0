"""wikistd.wiki.logged: by the log it is told whether a lost one has landed."""

import unittest

from tests.support.clocks import FakeClock
from tests.wiki.conversation import Conversation, error
from wikistd import Session, delete_page
from wikistd.errors import APIError, ConnectionLost, ProtocolError

LOST = ConnectionLost("cut", retryable=True)
DELETE = {"": "POST", "action": "delete", "title": "T"}
LOOK = {"": "GET", "list": "logevents", "letitle": "T", "letype": "delete"}


def log(*entries, user="Me"):
    found = [{"logid": number, "user": who} for number, who in entries]
    return {"query": {"logevents": found, "userinfo": {"id": 1, "name": user}}}


class Logged(unittest.TestCase):
    def start(self, *script):
        wiki = Conversation(self, *script)
        self.addCleanup(wiki.done)
        session = Session("https://wiki.example", session=wiki, clock=FakeClock())
        session._state.tokens["csrf"] = "t+\\"
        return session

    def test_entries_of_others(self):
        """Whoever else was at it: only our own entry says that ours has landed."""
        session = self.start(
            (LOOK, log((7, "Other"), (5, "Me"))),
            (DELETE, LOST),
            (LOOK, log((8, "Other"), (7, "Other"), (5, "Me"))),
            (DELETE, LOST),
            (LOOK, log((9, "Me"), (8, "Other"))),
        )
        done = delete_page(session, "T")
        self.assertEqual((done.logid, done.found), (9, True))

    def test_somebody_else_was_before(self):
        """A refusal after a loss is final once no replica can lag any more."""
        for last in ((5, "Me"), (8, "Me")):
            looks = [(LOOK, log((8, "Other"), (5, "Me")))] * 4 + [(LOOK, log(last))]
            session = self.start(
                (LOOK, log((5, "Me"))), (DELETE, LOST), (LOOK, log((5, "Me"))),
                (DELETE, error("missingtitle")), *looks
            )
            if last[0] == 8:
                self.assertTrue(delete_page(session, "T").found)
                continue
            with self.assertRaises(APIError) as caught:
                delete_page(session, "T")
            self.assertEqual(caught.exception.code, "missingtitle")
            self.assertFalse(caught.exception.maybe_applied)

    def test_a_replica_that_lags(self):
        session = self.start(
            (LOOK, log()), (DELETE, LOST), (LOOK, log()), (DELETE, error("missingtitle")),
            (LOOK, log()), (LOOK, log()), (LOOK, log((3, "Me"))),
        )
        self.assertEqual(delete_page(session, "T").logid, 3)
        self.assertEqual(session.clock.slept, [1.0, 1.0, 2.0])

    def test_other_refusals(self):
        """Refused for another reason after a loss: the first may only be late."""
        session = self.start(
            (LOOK, log()), (DELETE, LOST), (LOOK, log()), (DELETE, error("blocked"))
        )
        with self.assertRaises(APIError) as caught:
            delete_page(session, "T")
        self.assertTrue(caught.exception.maybe_applied)

    def test_odd_replies(self):
        for odd in ({}, [], {"query": {"userinfo": 5}}, {"query": {"logevents": 7}}):
            with self.assertRaises(ProtocolError):
                delete_page(self.start((LOOK, odd)), "T")
            session = self.start((LOOK, log()), (DELETE, LOST), (LOOK, odd))
            with self.assertRaises(ConnectionLost) as caught:
                delete_page(session, "T")
            self.assertTrue(caught.exception.maybe_applied)

    def test_an_answer_of_another_shape(self):
        """Nobody knows then what has become of it."""
        for odd in ({}, [], {"delete": 5}, {"delete": {"logid": None}}):
            with self.assertRaises(ProtocolError) as caught:
                delete_page(self.start((LOOK, log()), (DELETE, odd)), "T")
            self.assertTrue(caught.exception.maybe_applied)
