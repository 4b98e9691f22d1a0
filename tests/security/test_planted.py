"""Files that others have put where wikistd is going to write."""

import os
import unittest
from unittest import mock

from tests.wiki.test_download import DATA, INFO, info
from tests.wiki.test_partial import MODULE, Partial
from wikistd.wiki.partial import is_own_file


@unittest.skipUnless(hasattr(os, "mkfifo"), "this system has no such files")
class Planted(Partial):
    """Others can write to the folder, as to /tmp, and were there first."""

    def setUp(self):
        super().setUp()
        self.victim = os.path.join(self.folder, "victim")
        with open(self.victim, "wb") as file:
            file.write(DATA[:40])

    def spared(self):
        self.whole()
        self.assertEqual(self.read(self.victim), DATA[:40])
        self.assertFalse(os.path.islink(self.target))
        self.assertFalse(os.path.samefile(self.victim, self.target))

    def test_symbolic_link(self):
        os.symlink(self.victim, self.part)
        self.spared()
        os.symlink(os.path.join(self.folder, "nowhere"), self.part)
        self.spared()
        self.assertEqual(sorted(os.listdir(self.folder)), ["f", "victim"])

    def test_hard_link(self):
        os.link(self.victim, self.part)
        self.spared()

    def test_put_there_between_looking_and_opening(self):
        """What was opened is looked at, too."""
        os.link(self.victim, self.part)
        looks = [True]

        def look(status):
            return looks.pop() if looks else is_own_file(status)

        with mock.patch(MODULE + "is_own_file", look):
            self.spared()

    def test_fifo(self):
        """Nothing waits for somebody who writes to it."""
        os.mkfifo(self.part)
        self.spared()

    def test_another_users_file(self):
        """He could change it after the check; it is not gone on with."""
        self.leave(DATA[:40])
        with open(self.part, "rb") as theirs:
            with mock.patch("os.geteuid", return_value=os.geteuid() + 1):
                self.spared()
            self.assertFalse(os.path.samestat(os.fstat(theirs.fileno()), os.stat(self.target)))

    def test_what_cannot_be_removed(self):
        """It is an error that names it, as for a file of another user in /tmp."""
        os.mkdir(self.part)
        with self.assertRaises(OSError) as caught:
            self.got(self.start((INFO, info())))
        self.assertEqual(caught.exception.filename, self.part)
