"""action=query of the embedded wiki: the parameters that choose among entries."""

from __future__ import annotations

import unittest

from wikistd.server.records import Actor

from .asking import asker_for, make_wiki
from .test_actions_query import fill

#: A list, its parameters, and the titles or names that it is to have.
LISTS = (
    ("recentchanges", {"rctitle": "Page 1"}, ["Page 1", "Page 1"]),
    ("recentchanges", {"rcuser": "Plain", "rcshow": "anon"}, []),
    ("recentchanges", {"rcuser": "192.0.2.1", "rcshow": "anon|!bot|!redirect"},
     ["Page 8", "Page 5", "Page 2"]),
    ("recentchanges", {"rcexcludeuser": "Robot", "rctoponly": True,
                       "rcshow": "redirect"}, ["To one too", "To one"]),
    ("recentchanges", {"rcshow": "patrolled", "rctype": "edit|new"}, []),
    ("recentchanges", {"rctag": "mw-new-redirect"}, []),
    ("usercontribs", {"ucuser": "Plain", "ucshow": "!new|top"},
     ["Page 7", "Page 4", "Page 1"]),
    ("usercontribs", {"ucuserids": "2", "ucnamespace": "0", "uclimit": 2},
     ["Page 8", "Page 7"]),
    ("usercontribs", {"ucuser": "Plain", "uctag": "mw-undo"}, []),
    ("allcategories", {"acmin": 9, "acmax": 20, "acprop": "size"}, ["Category:All"]),
    ("protectedtitles", {"ptlevel": "autoconfirmed"}, []),
    ("logevents", {"letype": "newusers"}, ["User:Plain", "User:Robot", "User:Admin"]),
    ("logevents", {"leaction": "newusers/create", "leuser": "Plain"}, ["User:Plain"]),
    ("logevents", {"lenamespace": 4, "letitle": "Project:Never 3"},
     ["Project:Never 3"]),
    ("allpages", {"apminsize": 150, "apmaxsize": 207},
     ["Page 0", "Page 4"]),
    ("allpages", {"apprtype": "edit"}, []),
    ("allpages", {"apfrom": "Page 7", "apto": "To one", "apfilterredir": "redirects"},
     ["To one"]),
    ("allimages", {"aiprefix": "A"}, ["File:A.txt"]),
    ("allimages", {"aiuser": "Plain", "aisha1": "00"}, []),
    ("exturlusage", {"euquery": "*.e1.test"}, ["Page 1"]),
    ("exturlusage", {"euquery": "f.test", "eulimit": 2}, ["Page 0", "Page 1"]),
    ("allusers", {"augroup": "bot|sysop"}, ["Admin", "Robot"]),
    ("allusers", {"auwitheditsonly": True, "auprefix": "R"}, ["Robot"]),
    ("categorymembers", {"cmtitle": "Category:All", "cmnamespace": "6|14"},
     ["Category:Sub A", "Category:Sub B", "File:A.txt", "File:B.txt", "File:C.txt"]),
    ("prefixsearch", {"pssearch": "Category:su"}, ["Category:Sub A", "Category:Sub B"]),
    ("watchlist", {"wlprop": "title|user"}, []),
    ("filearchive", {}, []),
    ("pageswithprop", {"pwppropname": "x"}, []),
)
PROPS = (
    ("links", {"pltitles": "Page 2|Page 99|<"}, ["Page 2"]),
    ("links", {"plnamespace": 10}, ["Template:Box", "Template:Other"]),
    ("categories", {"clcategories": "Category:All|Page 1"}, ["Category:All"]),
    ("images", {"images": "File:A.txt", "imimages": "File:B.txt"}, ["File:B.txt"]),
    ("langlinks", {}, []),
    ("pageprops", {}, []),
)


class Filters(unittest.TestCase):
    """What a list is asked for is what it has."""

    @classmethod
    def setUpClass(cls):
        cls.store = make_wiki(now=lambda: 1_700_000_000)
        cls.addClassCleanup(cls.store.close)
        fill(cls.store)
        cls.asker = asker_for(cls.store, "Admin")

    def query(self, **params):
        return self.asker.ask(action="query", **params)["query"]

    def test_lists(self):
        """Lists of pages, changes, files and people."""
        for name, params, expected in LISTS:
            with self.subTest(list=name, **params):
                entries = self.query(list=name, **params)[name]
                names = [each.get("title") or each.get("name")
                         or "Category:" + each["category"] for each in entries]
                self.assertEqual(names, expected)

    def test_props(self):
        """Values of one page."""
        for name, params, expected in PROPS:
            with self.subTest(prop=name, **params):
                (page,) = self.query(prop=name, titles="Page 1", **params)["pages"]
                titles = [each["title"] for each in page.get(name, ())]
                self.assertEqual(titles, expected)

    def test_watchlistraw(self):
        """The titles that somebody watches, from one to another."""
        asker = asker_for(self.store, "Robot")
        answer = asker.ask(action="query", list="watchlistraw", wrfromtitle="Page 1",
                           wrtotitle="Page 3")
        titles = [each["title"] for each in answer["watchlistraw"]]
        self.assertEqual(titles, ["Page 1", "Page 2", "Page 3"])
        answer = asker.ask(action="query", generator="watchlistraw", gwrlimit=2)
        self.assertEqual(len(answer["query"]["pages"]), 2)

    def test_watchlist(self):
        """Changes of the pages that somebody watches, by others, and which are small."""
        asker = asker_for(self.store, "Robot")
        for params, count in (({}, 9), ({"wluser": "Plain"}, 3),
                              ({"wlexcludeuser": "Plain", "wlshow": "anon"}, 1),
                              ({"wlshow": "minor"}, 0)):
            with self.subTest(**params):
                answer = asker.ask(action="query", list="watchlist", wlallrev=True,
                                   wllimit="max", wlprop="user", **params)
                self.assertEqual(len(answer["query"]["watchlist"]), count)

    def test_linking(self):
        """What is told of the pages that link here is what is asked for."""
        for wanted, expected in (("title", {"ns", "title"}), ("pageid", {"pageid"}),
                                 ("pageid|redirect", {"pageid", "redirect"})):
            (page,) = self.query(prop="linkshere", titles="Page 1", lhprop=wanted,
                                 lhlimit=1)["pages"]
            self.assertEqual(set(page["linkshere"][0]), expected)

    def test_category_info(self):
        """How much is in a category, and nothing of pages that are none."""
        pages = self.query(prop="categoryinfo", titles="Category:All|Page 1")["pages"]
        found = {page["title"]: page.get("categoryinfo") for page in pages}
        self.assertEqual(found, {"Page 1": None, "Category:All": {
            "size": 13, "pages": 8, "files": 3, "subcats": 2, "hidden": False}})

    def test_info(self):
        """What prop=info tells when it is asked for everything."""
        title = self.store.find_page("Page 1").title
        self.store.set_watched(1, title, True)
        self.addCleanup(self.store.set_watched, 1, title, False)
        pages = self.query(prop="info", titles="Page 1|Talk:Page 1|File:A.txt",
                           inprop="*", intestactions="edit|suppress")["pages"]
        talk, page, file = sorted(pages, key=lambda each: each.get("pageid", 0))
        self.assertEqual(talk["subjectid"], page["pageid"])
        self.assertEqual((talk["watched"], page["watched"], file["watched"]),
                         (True, True, False))
        self.assertEqual(page["actions"], {"edit": True, "suppress": False})
        self.assertEqual(page["associatedpage"], "Talk:Page 1")
        self.assertEqual(page["fullurl"], "http://wiki.test/wiki/Page_1")
        self.assertEqual(page["varianttitles"], {"en": "Page 1"})
        self.assertEqual((talk["watchers"], page["watchers"]), (2, 2))
        self.assertEqual(file["restrictiontypes"], ["edit", "move", "upload"])

    def test_refusals(self):
        """What cannot be asked together, or by everybody."""
        for params, code in (
            ({"list": "usercontribs", "uciprange": ""}, "paramempty"),
            ({"list": "iwbacklinks", "iwbltitle": "Q"}, "invalidparammix"),
            ({"list": "categorymembers", "cmtitle": "Page 1"}, "invalidcategory"),
            ({"list": "categorymembers", "cmpageid": 9999}, "nosuchpageid"),
            ({"list": "search", "srsearch": " "}, "missingparam"),
            ({"list": "allpages", "continue": "a"}, "badcontinue"),
            ({"prop": "stashimageinfo", "siifilekey": "none"},
             "uploadstash-file-not-found"),
        ):
            with self.subTest(code=code):
                answer = self.asker.ask(action="query", **params)
                self.assertEqual(answer["error"]["code"], code)


class SameFiles(unittest.TestCase):
    def test_same_files(self):
        """Other files with the same bytes."""
        store = make_wiki(now=lambda: 1_700_000_000)
        self.addCleanup(store.close)
        asker = asker_for(store, "Admin")
        plain = Actor(3, "Plain")
        for number, name in enumerate(("B.txt", "Again.txt", "Other.txt")):
            text = b"other" if name == "Other.txt" else b"same"
            store.files.publish(name, text, plain, "", number)
        store.save_page("File:B.txt", "", user="Plain")
        ask = {"action": "query", "titles": "File:B.txt"}
        (page,) = asker.ask(prop="duplicatefiles", **ask)["query"]["pages"]
        (other,) = page["duplicatefiles"]
        self.assertEqual((other["name"], other["user"]), ("Again.txt", "Plain"))
        store.files.publish("More.txt", b"same", plain, "", 4)
        names = []
        for answer in asker.walk(prop="duplicatefiles", titles="File:B.txt", dflimit=1):
            (page,) = answer["query"]["pages"]
            names += [each["name"] for each in page["duplicatefiles"]]
        self.assertEqual(names, ["Again.txt", "More.txt"])
        store.files.publish("More.txt", b"another", plain, "", 5)
        found = asker.ask(generator="duplicatefiles", **ask)["query"]["pages"]
        self.assertEqual([each["title"] for each in found], ["File:Again.txt"])


if __name__ == "__main__":
    unittest.main()
