"""MediaWiki's recorded answers, and the embedded wiki's to the same requests."""

from __future__ import annotations

import copy
import unittest

from wikistd.server.store import PageStore

from .replay_fixture import NOW, build_wiki, collect_facts
from .replay_setups import BEFORE, READING, SESSIONS, SETUPS, STEPS, file_table
from .replay_unsupported import UNSUPPORTED
from .replaying import Difference, Replayer, read_captures, token_kinds

#: How many recorded cases there are in all, and how many may be left out.
RECORDED_CASES = 142
MAX_UNSUPPORTED = 40


def copy_wiki(source, now):
    """Return a store of its own with the same rows and switches."""
    store = PageStore(now=now)
    source.db.opened().backup(store.db.opened())
    store.site = copy.copy(source.site)
    store.changes.announce()
    return store


class Replay(unittest.TestCase):
    """Each recorded request, sent to the embedded wiki: the same answer."""

    @classmethod
    def setUpClass(cls):
        cls.cases = read_captures()
        cls.kinds = token_kinds(cls.cases)
        names = [name for name in cls.cases if name.startswith(READING)]
        cls.wiki = build_wiki(collect_facts(cls.cases, names))
        cls.addClassCleanup(cls.wiki.close)

    def replay(self, name, store, clock):
        """Send the requests of one case, after those of the cases before it."""
        replayer = Replayer(store, self.kinds, SESSIONS)
        self.addCleanup(replayer.app.close)
        for case in (*BEFORE.get(name, ()), name):
            replayer.files.update(file_table(case, self.cases[case]))
            setup = SETUPS.get(case)
            clock[0] = self.cases[case][0]["at"]
            if setup is not None:
                setup(store, replayer)
            for number, exchange in enumerate(self.cases[case]):
                clock[0] = exchange["at"]
                step = STEPS.get((case, number))
                if step is not None:
                    step(store, replayer)
                try:
                    replayer.run(exchange)
                except Difference as error:
                    self.fail("%s, exchange %d: %s" % (case, number, error))

    def test_cases(self):
        """Every recorded case but the ones that UNSUPPORTED names."""
        for name in self.cases:
            with self.subTest(case=name):
                clock = [NOW]
                store = copy_wiki(self.wiki, lambda clock=clock: clock[0])
                with store:
                    self.replay(name, store, clock)

    def test_list(self):
        """Few cases are left out, each with a reason, and all others are there."""
        self.assertLessEqual(len(UNSUPPORTED), MAX_UNSUPPORTED)
        self.assertEqual(len(UNSUPPORTED) + len(self.cases), RECORDED_CASES)
        self.assertFalse(set(UNSUPPORTED) & set(self.cases))
        self.assertTrue(all(UNSUPPORTED.values()))


if __name__ == "__main__":
    unittest.main()
