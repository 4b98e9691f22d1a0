"""Moves, deletions and protections on any wiki, with answers that get lost."""

from tests.contract.world import ContractCase, Losing
from tests.support.clocks import FakeClock
from wikistd import delete_page, edit_page, move_page, protect_page
from wikistd.errors import APIError, ConnectionLost

FATES = ((), ("after",), ("before",), ("503",), ("before", "garbage"))


class Logged(ContractCase):
    def start(self, word, fates):
        plan = Losing(word, *fates)
        session = self.session("admin", plan=plan, clock=FakeClock())
        edit_page(session, self.title("%d" % len(fates)), "text")
        return session, self.title("%d" % len(fates))

    def entries(self, session, title, kind):
        document = session.get(
            action="query", list="logevents", letitle=title, letype=kind, lelimit="max"
        )
        return len(document["query"]["logevents"])

    def test_move(self):
        for fates in FATES:
            session, title = self.start("action=move", fates)
            new = title + " moved " + "-".join(fates)
            result = move_page(session, title, new, reason="why")
            self.assertEqual(result.found, bool(fates) and fates[-1] != "before")
            self.assertEqual(self.text_of(session, new), "text")
            delete_page(session, title)

    def test_delete(self):
        for fates in FATES:
            session, title = self.start("action=delete", fates)
            before = self.entries(session, title, "delete")
            result = delete_page(session, title, reason="why")
            self.assertEqual(result.found, bool(fates) and fates[-1] != "before")
            self.assertIsNone(self.text_of(session, title))
            self.assertEqual(self.entries(session, title, "delete"), before + 1)

    def test_protect(self):
        for fates in FATES:
            session, title = self.start("action=protect", fates)
            level = {"edit": "sysop"} if len(fates) % 2 else {"move": "sysop"}
            if fates == ("before",) or fates == ("503",):
                level = {"edit": "all" if fates == ("before",) else "autoconfirmed"}
            result = protect_page(session, title, level)
            self.assertEqual(result.found, bool(fates) and fates[-1] != "before")

    def test_refused(self):
        session = self.session("admin")
        with self.assertRaises(APIError) as caught:
            delete_page(session, self.title("none"))
        with self.assertRaisesRegex(TypeError, "mapping such as .*, not str"):
            protect_page(session, self.title("none"), "edit=sysop")
        self.assertEqual(caught.exception.code, "missingtitle")
        self.assertFalse(caught.exception.maybe_applied)

    def test_given_up(self):
        session, title = self.start("action=delete", ["before"] * 9)
        with self.assertRaises(ConnectionLost) as caught:
            delete_page(session, title)
        self.assertTrue(caught.exception.maybe_applied)
