"""edit_page on any wiki: conflicts, and answers that get lost."""

from tests.contract.world import ContractCase, Losing
from tests.support.clocks import FakeClock
from wikistd import edit_page
from wikistd.errors import APIError, ConnectionLost, EditConflict


class Saving(ContractCase):
    def setUp(self):
        super().setUp()
        self.bot = self.session("bot")

    def test_text(self):
        """A new page, a change, no change."""
        title = self.title()
        first = edit_page(self.bot, title, "Ünï 日本 😀", summary="new")
        self.assertEqual(
            first[:1] + first[3:], (title, 0, True, True, False), first
        )
        second = edit_page(self.bot, title, "other\r\n  ")
        self.assertEqual((second.base_revid, second.is_changed), (first.revid, True))
        self.assertEqual(self.text_of(self.bot, title), "other")
        third = edit_page(self.bot, title, "other")
        self.assertEqual((third.revid, third.is_changed), (second.revid, False))

    def test_append_and_prepend(self):
        title = self.title()
        edit_page(self.bot, title, append="b")
        edit_page(self.bot, title, append="c", prepend="a")
        self.assertEqual(self.text_of(self.bot, title), "abc")

    def test_sections(self):
        title = self.title()
        edit_page(self.bot, title, "top\n\n== One ==\n1\n\n== Two ==\n2")
        edit_page(self.bot, title, "== One ==\nnew", section=1)
        edit_page(self.bot, title, "three", section="new", section_title="Three")
        self.assertEqual(
            self.text_of(self.bot, title),
            "top\n\n== One ==\nnew\n\n== Two ==\n2\n\n== Three ==\n\nthree",
        )

    def test_creating(self):
        title = self.title()
        with self.assertRaises(APIError) as caught:
            edit_page(self.bot, title, "x", create="never")
        self.assertEqual(caught.exception.code, "missingtitle")
        edit_page(self.bot, title, "x", create="only")
        with self.assertRaises(APIError) as caught:
            edit_page(self.bot, title, "y", create="only")
        self.assertEqual(caught.exception.code, "articleexists")
        edit_page(self.bot, title, "y", create="never")
        self.assertEqual(self.text_of(self.bot, title), "y")

    def test_redirects(self):
        target = self.title("target")
        edit_page(self.bot, target, "text")
        edit_page(self.bot, self.title(), "#REDIRECT [[%s]]" % target)
        result = edit_page(self.bot, self.title(), append="!", redirect=True)
        self.assertEqual(result.title, target)
        self.assertEqual(self.text_of(self.bot, target), "text!")

    def test_invalid_title(self):
        with self.assertRaises(APIError) as caught:
            edit_page(self.bot, "Bad[title]", "x")
        self.assertEqual(caught.exception.code, "invalidtitle")
        self.assertIn("'Bad[title]' cannot be a title", str(caught.exception))

    def test_transform(self):
        title = self.title()
        edit_page(self.bot, title, "abc")
        result = edit_page(self.bot, title, transform=str.upper)
        self.assertTrue(result.is_changed)
        self.assertFalse(edit_page(self.bot, title, transform=str.upper).is_changed)
        with self.assertRaisesRegex(TypeError, "must return the text.*it returned None"):
            edit_page(self.bot, title, transform=lambda text: None)
        self.assertEqual(self.text_of(self.bot, title), "ABC")


class Conflicts(ContractCase):
    def setUp(self):
        super().setUp()
        self.bot = self.session("bot")
        self.plain = self.session("plain")
        self.base = edit_page(self.bot, self.title(), "one\n\ntwo\n\nthree").revid

    def test_both_sides(self):
        """A conflict within the same second is noticed, with both texts."""
        edit_page(self.plain, self.title(), "theirs")
        with self.assertRaises(EditConflict) as caught:
            edit_page(self.bot, self.title(), "ours", base_revid=self.base)
        error = caught.exception
        self.assertEqual((error.title, error.ours), (self.title(), "ours"))
        self.assertEqual(error.theirs, "theirs")
        self.assertGreater(error.their_revid, self.base)
        self.assertEqual(self.text_of(self.bot, self.title()), "theirs")

    def test_created_meanwhile(self):
        title = self.title("new")
        edit_page(self.plain, title, "theirs")
        with self.assertRaises(EditConflict) as caught:
            edit_page(self.bot, title, "ours", base_revid=0)
        self.assertEqual(caught.exception.theirs, "theirs")

    def test_disjoint_edits_merge(self):
        edit_page(self.plain, self.title(), "ONE\n\ntwo\n\nthree")
        edit_page(self.bot, self.title(), "one\n\ntwo\n\nTHREE", base_revid=self.base)
        self.assertEqual(self.text_of(self.bot, self.title()), "ONE\n\ntwo\n\nTHREE")

    def test_transform_begins_again(self):
        turns = []

        def transform(text):
            if not turns:
                edit_page(self.plain, self.title(), "theirs", summary="in between")
            turns.append(text)
            return text + " and ours"

        edit_page(self.bot, self.title(), transform=transform)
        self.assertEqual(turns, ["one\n\ntwo\n\nthree", "theirs"])
        self.assertEqual(self.text_of(self.bot, self.title()), "theirs and ours")

    def test_transform_counts_on(self):
        """The same change by two is two changes, though the wiki merges them into one."""
        edit_page(self.bot, self.title(), "5")
        turns = []

        def add_one(text):
            if not turns:
                edit_page(self.plain, self.title(), "6", summary="in between")
            turns.append(text)
            return str(int(text) + 1)

        self.assertTrue(edit_page(self.bot, self.title(), transform=add_one).is_changed)
        self.assertEqual(turns, ["5", "6"])
        self.assertEqual(self.text_of(self.bot, self.title()), "7")

    def test_transform_that_the_wiki_takes_for_none(self):
        """It is done once: nobody was in between."""
        turns = []

        def transform(text):
            turns.append(text)
            return text + "\n\n"  # which the wiki takes away

        done = edit_page(self.bot, self.title(), transform=transform)
        self.assertEqual((len(turns), done.is_changed, done.revid), (1, False, self.base))

    def test_transform_gives_up(self):
        def transform(text):
            edit_page(self.plain, self.title(), text + "!")
            return "ours"

        with self.assertRaisesRegex(EditConflict, "others were faster 2 times"):
            edit_page(self.bot, self.title(), transform=transform, max_conflicts=1)


class LostAnswers(ContractCase):
    """Whatever happens to the answer, nothing is there twice and nothing is missing."""

    def losing(self, *fates):
        self.plan = Losing("action=edit", *fates)
        return self.session("bot", plan=self.plan, clock=FakeClock())

    def check(self, session, title, count):
        revisions = self.revisions_of(session, title)
        self.assertEqual(len(revisions), count, revisions)
        self.assertEqual(self.plan.fates, [], "not all of the plan was needed")

    def test_append(self):
        for number, fates in enumerate(
            (["after"], ["before"], ["503"], ["garbage"], ["before", "after"])
        ):
            title = self.title("a%d" % number)
            session = self.losing(None, *fates)
            edit_page(session, title, "one", create="only")
            result = edit_page(session, title, append="\ntwo", summary="more")
            self.assertEqual(result.found, fates[-1] != "before", fates)
            self.assertEqual(self.text_of(session, title), "one\ntwo")
            self.check(session, title, 2)

    def test_new_page(self):
        for number, fate in enumerate(("after", "before")):
            title = self.title("n%d" % number)
            session = self.losing(fate)
            result = edit_page(session, title, "text", create="only")
            self.assertEqual((result.is_new, result.found), (True, fate == "after"))
            self.check(session, title, 1)

    def test_whole_text(self):
        title = self.title()
        session = self.losing(None, "after")
        edit_page(session, title, "one")
        self.assertTrue(edit_page(session, title, "two  \r\n").found)
        self.check(session, title, 2)

    def test_text_that_saving_changes(self):
        """A signature is stored as something else: summary and parent tell."""
        title = self.title()
        session = self.losing(None, "after")
        edit_page(session, title, "one")
        result = edit_page(session, title, append="\nme: ~~~~", summary="signed")
        self.assertTrue(result.found)
        self.check(session, title, 2)

    def test_new_section(self):
        title = self.title()
        session = self.losing(None, "after")
        edit_page(session, title, "one")
        result = edit_page(session, title, "body", section="new", section_title="Hej")
        self.assertTrue(result.found)
        self.check(session, title, 2)

    def test_late_landing(self):
        """The answer is lost and the edit lands late: the wiki refuses the second."""
        title = self.title()
        session = self.losing()
        edit_page(session, title, "one")
        other = self.session("bot")
        clock = session.clock

        def land(seconds):
            clock.sleep = FakeClock().sleep
            edit_page(other, title, append="\ntwo", summary="late")

        clock.sleep = land
        self.plan.fates = ["before"]
        result = edit_page(session, title, append="\ntwo", summary="late")
        self.assertTrue(result.found)
        self.assertEqual(self.text_of(session, title), "one\ntwo")
        self.check(session, title, 2)

    def test_others_in_between(self):
        """Somebody else's edit is not taken for one's own."""
        title = self.title()
        session = self.losing(None, "before")
        edit_page(session, title, "one\n\nmiddle\n\nend")
        edit_page(self.session("plain"), title, prepend="zero\n\n")
        result = edit_page(session, title, append="\ntwo", summary="more")
        self.assertFalse(result.found)
        self.assertEqual(
            self.text_of(session, title), "zero\n\none\n\nmiddle\n\nend\ntwo"
        )

    def test_never_arrives(self):
        """Given up after some attempts: the error says that it may have landed."""
        title = self.title()
        session = self.losing(*["before"] * 9)
        with self.assertRaises(ConnectionLost) as caught:
            edit_page(session, title, "text", create="only")
        self.assertTrue(caught.exception.maybe_applied)
        self.assertIsNone(self.text_of(session, title))
