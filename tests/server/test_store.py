"""wikistd/server/store.py and schema.py: what the wiki keeps."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
import unittest

from wikistd.server.schema import WikiDatabase
from wikistd.server.store import PageStore
from wikistd.server.titles import default_model, parse_title


class Pages(unittest.TestCase):
    """Saving and reading pages."""

    def setUp(self):
        self.time = 1000.5
        self.store = PageStore(now=lambda: self.time)
        self.addCleanup(self.store.close)
        self.store.create_user("demo", "secret")

    def test_text_is_normal(self):
        """The text is stored as MediaWiki stores it: NFC, LF, no blanks at the end."""
        self.store.save_page("a b", "e\u0301\r\nx  \n\n", user="Demo", summary="s")
        page = self.store.get_page("A_b")
        self.assertEqual(page.text, "\u00e9\nx")
        self.assertEqual((page.title, page.user, page.comment, page.timestamp),
                         ("A b", "Demo", "s", 1000))

    def test_same_text(self):
        """Saving the same text again makes no revision and no change."""
        first = self.store.save_page("A", "x", user="Demo")
        changes = self.store.changes.newest
        self.assertEqual(self.store.save_page("A", "x\n", user="Demo"), first)
        self.assertEqual(self.store.changes.newest, changes)

    def test_redirect(self):
        """A redirect knows where it leads."""
        self.store.save_page("A", "#REDIRECT [[b]]", user="Demo")
        self.assertEqual(self.store.find_page("A").redirect, "B")
        self.assertTrue(self.store.get_page("A").is_redirect)
        self.store.save_page("A", "no more", user="Demo")
        self.assertIsNone(self.store.find_page("A").redirect)

    def test_categories_are_counted(self):
        """The counts of a category follow its members."""
        def counts():
            return self.store.db.one("SELECT pages, subcats, files FROM category")

        self.store.save_page("A", "[[Category:C]]", user="Demo")
        self.store.save_page("Category:D", "[[Category:C|k]]", user="Demo")
        self.assertEqual(counts(), (2, 1, 0))
        self.store.save_page("A", "out", user="Demo")
        self.assertEqual(counts(), (1, 1, 0))

    def test_own_links_are_none(self):
        """A page does not link to itself."""
        self.store.save_page("A", "[[A]] [[B]]", user="Demo")
        self.assertEqual(self.store.db.all("SELECT title FROM link"), [("B",)])

    def test_refusals(self):
        """Names and titles that cannot be are the caller's mistake."""
        for what in (
            lambda: self.store.create_user("DEMO#", "x"),
            lambda: self.store.create_user("192.0.2.1", "x"),
            lambda: self.store.create_user("Demo", "x"),
            lambda: self.store.create_user("Other", "x", groups=["nobody"]),
            lambda: self.store.create_bot_password("Nobody", "app", "x"),
            lambda: self.store.create_bot_password("Demo", "app", "x", grants=["all"]),
            lambda: self.store.save_page("A[", "x", user="Demo"),
            lambda: self.store.save_page("Special:A", "x", user="Demo"),
            lambda: self.store.save_page("A", "x", user="Nobody"),
        ):
            with self.subTest(what=what):
                self.assertRaises(ValueError, what)

    def test_many_titles(self):
        """More titles are looked up at once than SQLite takes values."""
        wanted = [(0, "P%d" % number) for number in range(1500)]
        self.store.save_page("P1499", "x", user="Demo")
        self.assertEqual(list(self.store.find_pages(wanted)), [(0, "P1499")])

    def test_models(self):
        """Some names of pages say what is in them."""
        for title, model in (("User:A/x.js", "javascript"), ("MediaWiki:Common.css", "css"),
                             ("User:A.js", "wikitext"), ("A.json", "wikitext")):
            self.assertEqual(default_model(parse_title(title)), model)


class Threads(unittest.TestCase):
    """Many at once."""

    def test_threads(self):
        """Edits from several threads are all kept, each once."""
        with PageStore() as store:
            store.create_user("Demo", "x")

            def work(number):
                for count in range(20):
                    store.save_page("P%d" % count, "%d" % number, user="Demo")

            threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
            revisions = store.db.value("SELECT COUNT(*) FROM revision")
            changes = store.db.value("SELECT COUNT(*) FROM change WHERE kind <> 'log'")
            self.assertEqual(revisions, changes)
            self.assertEqual(store.db.value("SELECT COUNT(*) FROM page"), 20)


class Files(unittest.TestCase):
    """The database as a file."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "wiki.db")

    def test_kept(self):
        """What was saved is there after the store was closed, and closing twice is fine."""
        with PageStore(self.path) as store:
            store.create_user("Demo", "x")
            store.save_page("A", "kept", user="Demo")
            store.close()
        with PageStore(self.path) as store:
            self.assertEqual(store.get_page("A").text, "kept")
            self.assertEqual(store.changes.newest, 2)
            self.assertEqual(store.save_page("B", "x", user="Demo"), 2)

    def test_a_place_for_no_file(self):
        """A path that cannot be opened is a sentence that says why."""
        folder = os.path.dirname(self.path)
        missing = os.path.join(folder, "none", "x")
        for path, reason in (
            (folder, "that is a folder: name a file in it"),
            (missing, "there is no folder %s: make it first" % missing[:-2]),
        ):
            with self.assertRaises(ValueError) as caught:
                PageStore(path)
            said = "the wiki's file %s: %s" % (path, reason)
            self.assertEqual(str(caught.exception), said)

    def test_not_a_wiki(self):
        """A file that is no wiki is refused, and left alone."""
        with open(self.path, "wb") as stream:
            stream.write(b"something else " * 100)
        with self.assertRaises(ValueError) as caught:
            PageStore(self.path)
        self.assertIn("is not a wiki database", str(caught.exception))
        os.remove(self.path)
        other = sqlite3.connect(self.path)
        other.execute("CREATE TABLE t (x)")
        other.commit()
        other.close()
        with self.assertRaises(ValueError):
            PageStore(self.path)

    def test_closed(self):
        """A closed store says so."""
        store = PageStore(self.path)
        store.close()
        with self.assertRaises(ValueError) as caught:
            store.get_page("A")
        self.assertEqual(str(caught.exception), "the wiki's database is closed")


class Transactions(unittest.TestCase):
    """All or nothing."""

    def test_rollback(self):
        """An exception takes back what was written inside, nested parts too."""
        db = WikiDatabase()
        self.addCleanup(db.close)
        with self.assertRaises(KeyError):
            with db.transaction():
                db.run("INSERT INTO tag VALUES ('a', 0)")
                with db.transaction():
                    db.run("INSERT INTO tag VALUES ('b', 0)")
                raise KeyError("x")
        self.assertEqual(db.all("SELECT * FROM tag"), [])
        with db.transaction():
            db.run("INSERT INTO tag VALUES ('c', 0)")
        self.assertEqual(db.value("SELECT COUNT(*) FROM tag"), 1)


if __name__ == "__main__":
    unittest.main()
