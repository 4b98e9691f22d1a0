"""server/changes.py: what was done, in its order, and word of it."""

import threading
import unittest

from wikistd.server.changes import ChangeBook
from wikistd.server.store import PageStore


class Changes(unittest.TestCase):
    """What an edit leaves in the recent changes."""

    def setUp(self):
        self.store = PageStore(now=lambda: 1000.5)
        self.addCleanup(self.store.close)
        self.store.create_user("demo", "secret")

    def test_change(self):
        """Each edit is one change, with sizes in bytes and its revisions."""
        one = self.store.save_page("A", "\u00e9", user="Demo")
        two = self.store.save_page("A", "xyz", user="192.0.2.7", minor=True, bot=True)
        new, edit = self.store.changes.since(1)
        self.assertEqual((new.type, new.revid, new.old_revid, new.new_len),
                         ("new", one, 0, 2))
        self.assertEqual((edit.type, edit.revid, edit.old_revid, edit.old_len, edit.new_len),
                         ("edit", two, one, 2, 3))
        self.assertEqual((edit.user, edit.user_id, edit.minor, edit.bot),
                         ("192.0.2.7", 0, True, True))
        self.assertEqual([each.rcid for each in self.store.changes.made_since(1000)], [1, 2, 3])


class Word(unittest.TestCase):
    """Whoever waits for a change is told."""

    def test_wait(self):
        """A waiting thread wakes when there is a change."""
        with PageStore() as store:
            store.create_user("Demo", "x")
            last = store.changes.newest
            found, waiting = [], threading.Event()

            def wait():
                with store.changes.arrived:
                    waiting.set()
                    found.append(store.changes.arrived.wait_for(
                        lambda: store.changes.newest > last, 30))

            thread = threading.Thread(target=wait)
            thread.start()
            self.assertTrue(waiting.wait(30))
            store.save_page("A", "x", user="Demo")
            thread.join(30)
            self.assertEqual(found, [True])

    def test_taken_back(self):
        """What an outer transaction takes back is never told of."""
        with PageStore() as store:
            store.create_user("Demo", "x")
            last = store.changes.newest
            with self.assertRaises(KeyError), store.changes.recording():
                store.save_page("A", "x", user="Demo")
                raise KeyError
            self.assertEqual(store.changes.newest, last)
            store.save_page("A", "x", user="Demo")
            self.assertEqual(store.changes.newest, last + 1)

    def test_never_back(self):
        """Of two threads that announce at once, the one that saw less changes nothing."""

        class Seen:
            def __init__(self, *numbers):
                self.numbers = list(numbers)

            def value(self, sql):
                return self.numbers.pop(0)

        book = ChangeBook(Seen(None, 7, 6), lambda: 0)
        self.assertEqual(book.newest, 0)
        book.announce()
        book.announce()
        self.assertEqual(book.newest, 7)


if __name__ == "__main__":
    unittest.main()
