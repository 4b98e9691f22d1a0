"""Moving, deleting, protecting, blocking and the like in the embedded wiki."""

from __future__ import annotations

import unittest

from wikistd.server.custodian import parse_expiry

from .asking import Asker, asker_for, make_wiki


class CustodyCase(unittest.TestCase):
    """A wiki with a page A, and three people."""

    def setUp(self):
        self.now = 1_700_000_000.0
        self.store = make_wiki(now=lambda: self.now)
        self.addCleanup(self.store.close)
        self.admin = asker_for(self.store, "Admin")
        self.plain = asker_for(self.store, "Plain")
        self.store.save_page("A", "one [[B]] [[Category:C]]", user="Plain")

    def do(self, name, asker=None, **params):
        """Send an action and return its result, or the error's code."""
        answer = (asker or self.admin).post(action=name, **params)
        return answer[name] if name in answer else answer["error"]["code"]

    def last_log(self):
        """Return type, action and title of the newest log entry."""
        answer = self.admin.ask(action="query", list="logevents", lelimit=1)
        entry = answer["query"]["logevents"][0]
        return entry["type"], entry["action"], entry["title"]


class Moving(CustodyCase):
    """action=move."""

    def test_redirect_stays(self):
        """The page keeps its number and history; a redirect takes its place."""
        number = self.store.find_page("A").id
        done = self.do("move", asker=self.plain, from_="A", to="New", reason="why")
        self.assertTrue(done["redirectcreated"])
        self.assertEqual(self.store.find_page("New").id, number)
        self.assertEqual(self.store.find_page("A").redirect, "New")
        self.assertEqual(self.store.get_page("New").comment,
                         "Plain moved page [[A]] to [[New]]: why")
        self.assertEqual(self.last_log(), ("move", "move", "A"))

    def test_back_over_redirect(self):
        """A redirect that leads to the page may go when the page comes back."""
        self.do("move", from_="A", to="New")
        done = self.do("move", from_="New", to="A")
        self.assertTrue(done["moveoverredirect"])
        self.assertEqual(self.store.get_page("A").text, "one [[B]] [[Category:C]]")

    def test_without_redirect(self):
        """noredirect is for those with the right."""
        self.assertTrue(self.do("move", asker=self.plain, from_="A", to="B",
                                noredirect=True)["redirectcreated"])
        self.assertFalse(self.do("move", from_="B", to="C",
                                 noredirect=True)["redirectcreated"])
        self.assertIsNone(self.store.find_page("B"))

    def test_with_others(self):
        """The talk page and subpages come along when asked."""
        for title in ("User:Plain/a", "User talk:Plain/a", "User:Plain/a/b"):
            self.store.save_page(title, "x", user="Plain")
        done = self.do("move", from_="User:Plain/a", to="User:Plain/z", movetalk=True,
                       movesubpages=True)
        self.assertEqual(done["talkto"], "User talk:Plain/z")
        self.assertEqual(done["subpages"],
                         [{"from": "User:Plain/a/b", "to": "User:Plain/z/b"}])
        self.assertIsNotNone(self.store.find_page("User talk:Plain/z"))

    def test_refusals(self):
        """Why a page is not moved."""
        self.store.save_page("Other", "x", user="Plain")
        for params, code in (
            ({"from_": "A", "to": "Other"}, "articleexists"),
            ({"from_": "A", "to": "A"}, "selfmove"),
            ({"from_": "Z", "to": "Y"}, "missingtitle"),
            ({"fromid": 99, "to": "Y"}, "nosuchpageid"),
            ({"from_": "A", "to": "Special:X"}, "immobile-target-namespace"),
            ({"from_": "A", "to": "x[y"}, "invalidtitle"),
            ({"from_": "A"}, "missingparam"),
        ):
            with self.subTest(**params):
                self.assertEqual(self.do("move", **params), code)
        self.assertEqual(self.do("move", asker=Asker(self.store), from_="A", to="B"),
                         "cantmove-anon")


class Deleting(CustodyCase):
    """action=delete, undelete."""

    def test_and_back(self):
        """A deleted page is gone from everywhere, and comes back as it was."""
        before = self.store.get_page("A")
        done = self.do("delete", title="A")
        self.assertEqual(
            done["reason"],
            'content was: "one [[B]] [[Category:C]]", and the only contributor was '
            '"[[Special:Contributions/Plain|Plain]]" ([[User talk:Plain|talk]])')
        self.assertIsNone(self.store.get_page("A"))
        self.assertEqual(self.last_log(), ("delete", "delete", "A"))
        for name in ("link", "category_member", "revision"):
            self.assertEqual(self.store.db.value("SELECT COUNT(*) FROM " + name), 0)
        answer = self.admin.ask(action="query", list="alldeletedrevisions")
        self.assertEqual(answer["query"]["alldeletedrevisions"][0]["title"], "A")
        answer = self.admin.ask(action="query", titles="A", prop="deletedrevisions",
                                drvprop="content", drvslots="main")
        page = answer["query"]["pages"][0]
        self.assertIn("content", page["deletedrevisions"][0]["slots"]["main"])
        self.assertEqual(self.do("undelete", title="A")["revisions"], 1)
        self.assertEqual(self.store.get_page("A"), before)
        self.assertEqual(self.do("undelete", title="A"), "cantundelete")

    def test_by_time(self):
        """Some revisions come back, by their times."""
        self.now += 10
        self.store.save_page("A", "two", user="Plain")
        self.do("delete", title="A", reason="r")
        self.assertEqual(
            self.do("undelete", title="A", timestamps="2023-11-14T22:13:20Z")["revisions"], 1)
        self.assertEqual(self.store.get_page("A").text, "one [[B]] [[Category:C]]")
        self.assertEqual(self.do("undelete", title="A")["revisions"], 1)
        self.assertEqual(self.store.get_page("A").text, "two")

    def test_rights(self):
        """It takes an administrator."""
        self.assertEqual(self.do("delete", asker=self.plain, title="A"), "permissiondenied")
        self.assertEqual(self.do("undelete", asker=self.plain, title="A"), "permissiondenied")
        self.assertEqual(self.do("delete", title="Z"), "missingtitle")

    def test_merge_history(self):
        """Older revisions of one page become the history of another."""
        self.now += 10
        self.store.save_page("B", "later", user="Plain")
        self.assertEqual(self.do("mergehistory", from_="B", to="A"),
                         "mergehistory-fail-timestamps-overlap")
        self.do("mergehistory", from_="A", to="B")
        self.assertIsNone(self.store.find_page("A"))
        number = self.store.find_page("B").id
        self.assertEqual(
            self.store.db.value("SELECT COUNT(*) FROM revision WHERE page = ?", (number,)), 2)


class Protecting(CustodyCase):
    """action=protect."""

    def test_levels(self):
        """What is protected is told, and ends when it should."""
        self.do("protect", title="A", protections="edit=sysop|move=autoconfirmed",
                expiry="1 week|never")
        answer = self.admin.ask(action="query", titles="A", prop="info", inprop="protection")
        self.assertEqual(answer["query"]["pages"][0]["protection"], [
            {"type": "edit", "level": "sysop", "expiry": "2023-11-21T22:13:20Z"},
            {"type": "move", "level": "autoconfirmed", "expiry": "infinity"},
        ])
        self.assertEqual(self.do("edit", asker=self.plain, title="A", text="x"),
                         "protectedpage")
        self.do("protect", title="A", protections="edit=all")
        self.assertEqual(self.do("edit", asker=self.plain, title="A", text="x")["result"],
                         "Success")

    def test_creation(self):
        """A title that is not there is protected from being made."""
        self.do("protect", title="Z", protections="create=sysop", expiry="infinite")
        self.assertEqual(self.do("edit", asker=self.plain, title="Z", text="x"),
                         "protectedpage")
        answer = self.admin.ask(action="query", list="protectedtitles",
                                ptprop="timestamp|user|level|expiry|comment")
        entry = answer["query"]["protectedtitles"][0]
        self.assertEqual((entry["title"], entry["level"]), ("Z", "sysop"))

    def test_refusals(self):
        """Why nothing is protected."""
        for params, code in (
            ({"title": "A", "protections": "edit=x"}, "protect-invalidlevel"),
            ({"title": "A", "protections": "x=sysop"}, "protect-invalidaction"),
            ({"title": "A", "protections": "create=sysop"}, "create-titleexists"),
            ({"title": "Z", "protections": "edit=sysop"}, "missingtitle-createonly"),
            ({"title": "A", "protections": "edit=sysop", "expiry": "x"}, "invalidexpiry"),
            ({"title": "A", "protections": "edit=sysop", "expiry": "2001-01-01"},
             "pastexpiry"),
            ({"title": "A", "protections": "edit=sysop", "expiry": "1 day|1 day"},
             "toofewexpiries"),
            ({"title": "A", "protections": "edit=nope", "expiry": "1 day|1 day"},
             "toofewexpiries"),
        ):
            with self.subTest(**params):
                self.assertEqual(self.do("protect", **params), code)

    def test_expiry(self):
        """Times to end in words."""
        now = 1_700_000_000
        for text, seconds in (("1 hour", 3600), ("2 weeks", 1209600), ("1 month", 2592000),
                              ("1 year", 366 * 86400), ("infinity", None), ("", None)):
            with self.subTest(text=text):
                ends = parse_expiry(text, now)
                self.assertEqual(None if ends is None else ends - now, seconds)
        for text in ("soon", "1 blue moon", "99999999 days", "x hours"):
            self.assertRaises(ValueError, parse_expiry, text, now)


class Reverting(CustodyCase):
    """action=rollback, patrol, tag."""

    def test_rollback(self):
        """All edits of the last author go at once, unless there is no other author."""
        self.now += 1
        for number in range(3):
            self.store.save_page("A", "bad %d" % number, user="192.0.2.1")
        done = self.do("rollback", title="A", user="192.0.2.1", token="rollback")
        self.assertEqual(done["last_revid"], 1)
        self.assertEqual(self.store.get_page("A").text, "one [[B]] [[Category:C]]")
        self.store.save_page("Own", "x", user="Plain")
        self.assertEqual(self.do("rollback", title="Own", user="Plain", token="rollback"),
                         "onlyauthor")
        self.assertEqual(self.do("rollback", title="Own", user="Admin", token="rollback"),
                         "alreadyrolled")
        self.assertEqual(
            self.do("rollback", asker=self.plain, title="Own", user="Plain",
                    token="rollback"), "permissiondenied")

    def test_patrol(self):
        """A change is marked as seen, by its number or its revision."""
        change = self.store.changes.since(0)[-1]
        self.assertFalse(change.patrolled)
        self.assertEqual(self.do("patrol", rcid=change.rcid, token="patrol")["title"], "A")
        self.assertTrue(self.store.changes.since(0)[-1].patrolled)
        self.assertEqual(self.do("patrol", revid=1, token="patrol")["rcid"], change.rcid)
        self.assertEqual(self.do("patrol", revid=99, token="patrol"), "nosuchrevid")
        self.assertEqual(self.do("patrol", asker=self.plain, revid=1, token="patrol"),
                         "permissiondenied")

    def test_tags(self):
        """Tags that were made may be set; others may not."""
        self.assertEqual(self.do("tag", revid=1, add="mine"), "badtags")
        self.assertTrue(self.do("managetags", operation="create", tag="mine")["success"])
        self.do("managetags", operation="activate", tag="mine")
        self.assertEqual(self.do("tag", revid="1|99", add="mine")[0]["added"], ["mine"])
        self.assertEqual(self.do("tag", revid=1, remove="mine")[0]["removed"], ["mine"])
        self.assertEqual(self.do("managetags", operation="create", tag="mine"),
                         "tags-create-already-exists")
        self.do("managetags", operation="delete", tag="mine")
        self.assertEqual(self.do("managetags", operation="delete", tag="mine"),
                         "tags-delete-not-found")

    def test_import(self):
        """Pages that a wiki exported; a file with entities of its own is refused."""
        good = (b"<mediawiki xmlns='x'><page><title>imp</title><revision><contributor>"
                b"<username>U</username></contributor><text>t</text></revision></page>"
                b"</mediawiki>")
        for data, result in (
            (good, [{"ns": 0, "title": "Imp", "revisions": 1}]),
            (b"<!DOCTYPE x [<!ENTITY a 'b'>]><mediawiki/>", "import-unknownerror"),
            (b"<mediawiki>", "import-unknownerror"),
            (b"<mediawiki><page/></mediawiki>", "import-unknownerror"),
        ):
            self.assertEqual(
                self.do("import", interwikiprefix="x", files={"xml": ("a.xml", data)}),
                result)
        self.assertEqual(self.store.get_page("Imp").text, "t")


class People(CustodyCase):
    """action=block, userrights, options and others."""

    def test_block(self):
        """A block is told everywhere, and taken back."""
        done = self.do("block", user="Plain", expiry="1 day", nocreate=True, reason="r")
        self.assertEqual((done["userID"], done["nocreate"]), (3, True))
        self.assertEqual(self.do("block", user="Plain"), "alreadyblocked")
        self.assertTrue(self.do("block", user="Plain", reblock=True)["id"])
        self.assertEqual(self.do("block", user="192.0.2.0/28", partial=True,
                                 namespacerestrictions="2")["partial"], True)
        answer = self.plain.ask(action="query", list="blocks", bkusers="Plain")
        self.assertEqual(answer["query"]["blocks"][0]["expiry"], "infinity")
        self.assertEqual(self.do("unblock", user="Plain", reason="x")["userid"], 3)
        for params, code in (({"user": "Nobody"}, "nosuchuser"),
                             ({"userid": 99}, "nosuchuser"),
                             ({"user": "Plain", "expiry": "x"}, "invalidexpiry"),
                             ({"user": "Plain", "expiry": "2001-01-01"}, "pastexpiry")):
            self.assertEqual(self.do("block", **params), code)
        self.assertEqual(self.do("unblock", user="Plain"), "cantunblock")
        self.assertEqual(self.do("unblock", asker=self.plain, id=1), "permissiondenied")

    def test_partial_block(self):
        """A partial block covers what it names, no more."""
        self.do("block", user="Plain", partial=True, pagerestrictions="A")
        self.assertEqual(self.do("edit", asker=self.plain, title="A", text="x"), "blocked")
        self.assertEqual(self.do("edit", asker=self.plain, title="B", text="x")["result"],
                         "Success")

    def test_rights(self):
        """Groups are given, for a while too, and taken."""
        done = self.do("userrights", user="Plain", add="bot|sysop|nope", expiry="1 day",
                       token="userrights")
        self.assertEqual(done["added"], ["bot", "sysop"])
        answer = self.plain.ask(action="query", meta="userinfo", uiprop="groupmemberships")
        self.assertEqual(answer["query"]["userinfo"]["groupmemberships"][0]["expiry"],
                         "2023-11-15T22:13:20Z")
        done = self.do("userrights", user="Plain", remove="bot", expiry="x|y",
                       token="userrights")  # for groups to add, of which there is none
        self.assertEqual(done["removed"], ["bot"])
        self.now += 2 * 86400
        self.plain = asker_for(self.store, "Plain")
        answer = self.plain.ask(action="query", meta="userinfo", uiprop="groups")
        self.assertEqual(answer["query"]["userinfo"]["groups"], ["*", "user", "autoconfirmed"])
        self.admin = asker_for(self.store, "Admin")
        for params, code in (({"user": "Nobody", "add": "bot"}, "nosuchuser"),
                             ({"userid": 99, "add": "bot"}, "nosuchuser"),
                             ({"user": "192.0.2.1", "add": "bot"}, "baduser"),
                             ({"user": "Robot", "add": "sysop|bureaucrat|bot",
                               "expiry": "1 day|1 day"}, "toofewexpiries"),
                             ({"user": "Robot", "add": "sysop", "expiry": "x"},
                              "invalidexpiry")):
            self.assertEqual(self.do("userrights", token="userrights", **params), code)

    def test_options(self):
        """Preferences are kept; what cannot be is a warning."""
        self.do("options", asker=self.plain, change="skin=timeless|userjs-x=1|gender=")
        options = self.plain.ask(action="query", meta="userinfo", uiprop="options")
        options = options["query"]["userinfo"]["options"]
        self.assertEqual((options["skin"], options["userjs-x"]), ("timeless", "1"))
        answer = self.plain.post(action="options", optionname="skin", optionvalue="none")
        self.assertIn("not a valid option", answer["warnings"]["options"]["warnings"])
        self.do("options", asker=self.plain, reset=True)
        options = self.plain.ask(action="query", meta="userinfo", uiprop="options")
        self.assertEqual(options["query"]["userinfo"]["options"]["skin"], "vector")
        self.assertEqual(self.do("options", asker=self.plain), "nochanges")
        self.assertEqual(self.do("options", asker=Asker(self.store), reset=True),
                         "notloggedin")

    def test_watch(self):
        """Pages are watched and unwatched, found by a generator too."""
        done = self.do("watch", asker=self.plain, titles="A|Talk:A|Bad[", token="watch")
        self.assertEqual([each.get("watched") for each in done], [None, True, True])
        done = self.do("watch", asker=self.plain, generator="allpages", unwatch=True,
                       token="watch")
        self.assertTrue(done[0]["unwatched"])
        self.assertEqual(self.do("watch", asker=Asker(self.store), titles="A",
                                 token="watch"), "notloggedin")


if __name__ == "__main__":
    unittest.main()
