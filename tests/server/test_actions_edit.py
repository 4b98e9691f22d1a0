"""action=edit of the embedded wiki: texts, sections, conflicts."""

from __future__ import annotations

import hashlib
import unittest

from .asking import Asker, asker_for, make_wiki


class EditCase(unittest.TestCase):
    """A wiki with a page, and three people."""

    def setUp(self):
        self.now = 1_700_000_000.0
        self.store = make_wiki(now=lambda: self.now)
        self.addCleanup(self.store.close)
        self.plain = asker_for(self.store, "Plain")
        self.robot = asker_for(self.store, "Robot")
        self.admin = asker_for(self.store, "Admin")

    def edit(self, asker=None, **params):
        """Edit page A and return what the wiki says of it, or the error's code."""
        answer = (asker or self.plain).post(
            action="edit", **{"title": "A", **params})
        return answer["edit"] if "edit" in answer else answer["error"]["code"]

    def text(self, title="A"):
        """Return the text of a page."""
        return self.store.get_page(title).text


class Texts(EditCase):
    """What an edit writes."""

    def test_whole(self):
        """New, changed, unchanged."""
        self.assertTrue(self.edit(text="one")["new"])
        done = self.edit(text="two")
        self.assertEqual((done["oldrevid"], done["newrevid"]), (1, 2))
        self.assertEqual(done["newtimestamp"], "2023-11-14T22:13:20Z")
        self.assertTrue(self.edit(text="two \n")["nochange"])

    def test_pieces(self):
        """Text before, behind, and both."""
        self.edit(text="m")
        self.edit(appendtext="\nz")
        self.edit(prependtext="a\n", appendtext="\nzz")
        self.assertEqual(self.text(), "a\nm\nz\nzz")

    def test_sections(self):
        """A section replaced, one appended to, a new one."""
        self.edit(text="top\n\n== S ==\none\n\n== T ==\ntwo")
        self.edit(section=1, text="== S ==\nnew")
        self.edit(section=2, appendtext="\nmore")
        self.edit(section="new", sectiontitle="U", text="three", summary="")
        self.edit(section=0, text="head")
        self.assertEqual(
            self.text(),
            "head\n\n== S ==\nnew\n\n== T ==\ntwo\nmore\n\n== U ==\n\nthree")
        self.assertEqual(self.store.get_page("A").comment, "")

    def test_summaries(self):
        """The wiki writes a summary where none came."""
        for params, comment in (
            ({"text": "x " * 300}, 'Created page with "%s"' % (("x " * 300)[:475] + "...")),
            ({"text": "y"}, 'Replaced content with "y"'),
            ({"text": ""}, "Blanked the page"),
            ({"text": "#REDIRECT [[b#c]]"}, "Redirected page to [[B#c]]"),
            ({"text": "#REDIRECT [[d]]"}, "Changed redirect target from [[B#c]] to [[D]]"),
            ({"text": "plain"}, "Removed redirect to [[D]]"),
            ({"section": "new", "sectiontitle": "S", "text": "t"}, "/* S */ new section"),
            ({"text": "z", "summary": "mine"}, "mine"),
        ):
            self.edit(**params)
            self.assertEqual(self.store.get_page("A").comment, comment)

    def test_signature(self):
        """Four tildes become name and time."""
        self.edit(text="hi ~~~~")
        self.assertEqual(self.text(), "hi [[User:Plain|Plain]] ([[User talk:Plain|talk]]) "
                         "22:13, 14 November 2023 (UTC)")

    def test_undo(self):
        """An edit is undone, where what came later lets it."""
        self.edit(text="a\nb\nc\nd")
        second = self.edit(text="A\nb\nc\nd")["newrevid"]
        self.edit(text="A\nb\nc\nD")
        self.edit(undo=second)
        self.assertEqual(self.text(), "a\nb\nc\nD")
        self.assertEqual(self.store.changes.since(0)[-1].tags, ("mw-undo",))
        third = self.edit(text="X\nb\nc\nD")["newrevid"]
        self.edit(text="Y\nb\nc\nD")
        self.assertEqual(self.edit(undo=third), "undofailure")
        other = self.edit(title="B", text="x")["newrevid"]
        self.edit(title="B", text="y")
        self.assertEqual(self.edit(undo=other + 1), "revwrongpage")

    def test_flags(self):
        """Minor and bot edits, tags of the software, the watchlist."""
        self.edit(asker=self.robot, text="w", bot=True, minor=True)
        self.assertFalse(self.store.changes.since(0)[-1].minor)
        self.edit(asker=self.robot, text="x", bot=True, minor=True)
        change = self.store.changes.since(0)[-1]
        self.assertTrue(change.bot and change.minor)
        self.assertTrue(self.edit(text="#REDIRECT [[b]]")["watched"])
        self.assertEqual(self.store.changes.since(0)[-1].tags, ("mw-new-redirect",))
        answer = self.plain.ask(action="query", list="watchlistraw")
        self.assertEqual(answer["watchlistraw"], [{"ns": 0, "title": "A"}])
        self.edit(text="y", watchlist="unwatch")
        self.assertEqual(
            self.plain.ask(action="query", list="watchlistraw")["watchlistraw"], [])

    def test_redirect_is_followed(self):
        """With redirect=1 the page behind a redirect is edited."""
        self.edit(title="B", text="b")
        self.edit(text="#REDIRECT [[B]]")
        self.assertEqual(self.edit(redirect=True, appendtext="c")["title"], "B")
        self.assertEqual(self.text("B"), "bc")

    def test_by_id(self):
        """A page is named by its number too."""
        number = self.edit(text="x")["pageid"]
        self.assertEqual(self.edit(title=None, pageid=number, text="y")["title"], "A")
        self.assertEqual(self.edit(title=None, pageid=999, text="y"), "nosuchpageid")


class Conflicts(EditCase):
    """Edits that meet others."""

    def test_base_revision(self):
        """baserevid: any other edit since is seen, one's own too; some are merged."""
        base = self.edit(text="a\nb\nc\nd\ne")["newrevid"]
        self.edit(asker=self.robot, text="A\nb\nc\nd\ne")
        self.assertEqual(self.edit(text="a\nb\nc\nd\nE", baserevid=base)["result"], "Success")
        self.assertEqual(self.text(), "A\nb\nc\nd\nE")
        self.assertEqual(self.edit(text="x", baserevid=base), "editconflict")
        self.assertEqual(self.edit(text="x", baserevid=999), "editconflict")

    def test_sent_twice(self):
        """Sent again: append and new section with baserevid are refused, a text is not."""
        base = self.edit(text="a\n\nz")["newrevid"]
        for params in ({"appendtext": "\nx"}, {"section": "new", "sectiontitle": "S",
                                               "text": "t", "summary": ""}):
            with self.subTest(**params):
                base = self.edit(text="a\n\nz" + str(params))["newrevid"]
                self.assertEqual(self.edit(baserevid=base, **params)["result"], "Success")
                again = self.edit(baserevid=base, **params)
                if params.get("section") != "new":
                    self.assertEqual(again, "editconflict")
        self.edit(text="whole", baserevid=self.store.get_page("A").revid)
        base = self.store.get_page("A").revid
        self.assertTrue(self.edit(text="whole", baserevid=base)["nochange"])

    def test_base_time(self):
        """basetimestamp: an edit of somebody else since is seen, one's own is not."""
        self.edit(text="one")
        self.now += 5
        self.edit(text="two")
        base = "2023-11-14T22:13:20Z"
        self.assertEqual(self.edit(text="three", basetimestamp=base)["result"], "Success")
        self.now += 5
        self.edit(asker=self.robot, text="other")
        self.assertEqual(self.edit(text="four", basetimestamp=base), "editconflict")

    def test_deleted_meanwhile(self):
        """starttimestamp: a page deleted since is not made again unless that is asked."""
        self.edit(text="one")
        self.now += 5
        self.admin.post(action="delete", title="A")
        self.assertEqual(self.edit(text="x", starttimestamp="2023-11-14T22:13:20Z"),
                         "pagedeleted")
        self.assertEqual(self.edit(text="x", starttimestamp="2023-11-14T22:13:20Z",
                                   recreate=True)["result"], "Success")


class Refusals(EditCase):
    """Edits that are not made, each for its reason."""

    def test_codes(self):
        """What is wrong with the parameters."""
        self.edit(text="x")
        for params, code in (
            ({"text": "y", "createonly": True}, "articleexists"),
            ({"title": "B", "text": "y", "nocreate": True}, "missingtitle"),
            ({"title": "B["}, "missingparam"),
            ({"title": "B[", "text": "y"}, "invalidtitle"),
            ({"title": "Special:X", "text": "y"}, "pagecannotexist"),
            ({"title": "wikipedia:X", "text": "y"}, "invalidtitle"),
            ({"text": "y", "section": "9"}, "nosuchsection"),
            ({"appendtext": "y", "section": "9"}, "nosuchsection"),
            ({"text": "y", "section": "T-1"}, "invalidsection"),
            ({"text": "y", "md5": "0" * 32}, "badmd5"),
            ({"text": "y", "tags": "none"}, "badtags"),
            ({"text": "y", "tags": "a|b"}, "badtags"),
            ({"text": "{", "contentmodel": "json", "title": "B"}, "invalid-json-data"),
            ({"text": "y", "contentmodel": "nope"}, "badvalue"),
            ({"text": "y", "basetimestamp": "soon"}, "badtimestamp"),
            ({"text": "y", "title": None}, "missingparam"),
            ({"text": "y", "pageid": 1}, "invalidparammix"),
            ({"undo": 99}, "nosuchrevid"),
            ({"title": "User:Other/common.js", "text": "y"}, "customjsprotected"),
            ({"title": "MediaWiki:X", "text": "y"}, "protectednamespace-interface"),
        ):
            with self.subTest(**params):
                self.assertEqual(self.edit(**params), code)
        self.assertEqual(self.text(), "x")

    def test_md5(self):
        """The right checksum lets the edit through."""
        digest = hashlib.md5("\u00e9".encode()).hexdigest()
        self.assertEqual(self.edit(text="\u00e9", md5=digest.upper())["result"], "Success")

    def test_size(self):
        """A text past the limit is refused."""
        self.store.site.max_article_bytes = 10
        self.assertEqual(self.edit(text="\u00e9" * 5)["result"], "Success")
        self.assertEqual(self.edit(text="\u00e9" * 5 + "x"), "contenttoobig")

    def test_switches(self):
        """Read-only, too often, blocked, protected."""
        self.store.site.read_only = "a reason"
        self.assertEqual(self.edit(text="x"), "readonly")
        self.store.site.read_only = ""
        self.store.site.rate_limits = {"edit": (1, 60)}
        self.assertEqual(self.edit(text="x")["result"], "Success")
        self.assertEqual(self.edit(text="y"), "ratelimited")
        self.assertEqual(self.edit(asker=self.robot, text="y")["result"], "Success")
        self.assertEqual(self.edit(asker=self.robot, text="z")["result"], "Success")
        self.now += 61
        self.assertEqual(self.edit(text="x")["result"], "Success")
        self.store.site.rate_limits = {}
        self.admin.post(action="protect", title="A", protections="edit=sysop")
        self.assertEqual(self.edit(text="y"), "protectedpage")
        self.assertEqual(self.edit(asker=self.admin, text="y")["result"], "Success")
        self.admin.post(action="block", user="Plain", expiry="1 day")
        self.assertEqual(self.edit(title="B", text="y"), "blocked")
        self.now += 2 * 86400
        self.plain = asker_for(self.store, "Plain")
        self.assertEqual(self.edit(title="B", text="y")["result"], "Success")

    def test_ranges(self):
        """A blocked range keeps its addresses from editing, not accounts from there."""
        self.admin.post(action="block", user="127.0.0.0/8", expiry="never")
        somebody = Asker(self.store)
        self.assertEqual(self.edit(asker=somebody, text="x"), "blocked")
        self.assertEqual(self.edit(text="x")["result"], "Success")
        self.admin.post(action="unblock", user="127.0.0.0/8")
        self.assertEqual(self.edit(asker=somebody, text="y")["result"], "Success")
        self.assertEqual(self.store.get_page("A").user, "127.0.0.1")

    def test_tokens(self):
        """No token, a wrong one, one in the address, one of somebody else."""
        for form, code in (
            ({}, "missingparam"), ({"token": "bad"}, "badtoken"), ({"token": ""}, "badtoken"),
            ({"token": "+\\"}, "badtoken"), ({"token": self.robot.token()}, "badtoken"),
        ):
            answer = self.plain.send((), self.plain.pairs(
                {"action": "edit", "title": "A", "text": "x", **form}))
            self.assertEqual(answer["error"]["code"], code)
        answer = self.plain.ask(action="edit", title="A", text="x", token=self.plain.token())
        self.assertEqual(answer["error"]["code"], "mustpostparams")
        self.assertIsNone(self.store.get_page("A"))


if __name__ == "__main__":
    unittest.main()
