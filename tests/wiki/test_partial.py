"""wikistd.wiki.partial: one download at a time; what others planted: tests/security."""

import contextlib
import errno
import os
from unittest import mock

from tests.wiki.test_download import DATA, GET, INFO, Body, Case, info
from wikistd import download_file
from wikistd.errors import ConnectionLost, StatusError
from wikistd.wiki.partial import PartialFile

LOST = ConnectionLost("cut", retryable=True)
MODULE = "wikistd.wiki.partial."


class Partial(Case):
    def setUp(self):
        super().setUp()
        self.part = self.target + ".part"
        self.folder = os.path.dirname(self.target)

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()

    def whole(self):
        """Download in one go."""
        session = self.start((INFO, info()), (GET, Body(DATA)))
        self.assertEqual(self.got(session), DATA)

    def leave(self, data):
        with open(self.part, "wb") as file:
            file.write(data)


class TwoAtOnce(Partial):
    def test_the_second_is_refused(self):
        """Whenever it begins; what the first one gets is whole."""
        refused = []
        first = self.start((INFO, info()), (GET, Body(DATA)))
        wiki = self.wiki

        def begin_another(done, total):
            second = self.start((INFO, info()))
            with self.assertRaises(BlockingIOError) as caught:
                download_file(second, "F.bin", self.target)
            refused.append(str(caught.exception))

        self.assertEqual(self.got(first, on_progress=begin_another), DATA)
        self.wiki = wiki
        self.assertEqual(refused, ["%s is in use by another download" % self.part] * 3)
        self.assertEqual(os.listdir(self.folder), ["f"])

    def test_renamed_before_it_was_locked(self):
        """The other one's file, whole by now, is not written to."""
        self.leave(DATA)
        done = os.path.join(self.folder, "done")

        def rename_then_lock(handle):
            if not os.path.exists(done):
                os.replace(self.part, done)
            return True

        with mock.patch(MODULE + "try_lock_handle", rename_then_lock):
            self.whole()
        self.assertEqual(self.read(done), DATA)
        self.assertFalse(os.path.samefile(done, self.target))

    def test_taken_away_again_and_again(self):
        with mock.patch(MODULE + "names_handle", return_value=False):
            with self.assertRaisesRegex(BlockingIOError, "in use by another download"):
                PartialFile(self.part)

    def test_no_locks(self):
        """Where the system or the disk has none, a download works all the same."""
        for error in (OSError(errno.ENOLCK, "no locks"), ImportError("no fcntl")):
            with mock.patch(MODULE + "try_lock_handle", side_effect=error):
                self.whole()


class Later(Partial):
    def test_gone_on_with(self):
        """A later call asks for what is missing; a longer file is begun anew."""
        self.leave(DATA[:40])
        session = self.start((INFO, info()), (GET, Body(DATA[40:], 206, 40)))
        self.assertEqual(self.got(session), DATA)
        self.assertEqual(self.wiki.sent[1].headers["Range"], "bytes=40-")
        self.leave(DATA + b"x")
        self.whole()
        self.leave(DATA)
        self.assertEqual(self.got(self.start((INFO, info()))), DATA)

    def test_what_stays(self):
        """What has arrived; an empty file does not."""
        session = self.start((INFO, info()), (GET, Body(b"", 404)))
        with self.assertRaises(StatusError):
            self.got(session)
        self.assertEqual(os.listdir(self.folder), [])
        body = Body(DATA[:40], error=OSError(errno.ENOSPC, "full"))
        with self.assertRaises(OSError):
            self.got(self.start((INFO, info()), (GET, body)))
        self.assertEqual(self.read(self.part), DATA[:40])

    def test_changed_on_the_disk(self):
        """Bytes that another program has added are noticed."""
        def spoil(done, total):
            if done == total and not spoilt:
                spoilt.append(done)
                with open(self.part, "ab") as file:
                    file.write(b"more")

        spoilt = []
        turn = [(INFO, info()), (GET, Body(DATA))]
        session = self.start(*turn * 2)
        self.assertEqual(self.got(session, on_progress=spoil), DATA)


class Windows(Partial):
    """No O_NOFOLLOW, O_NONBLOCK and geteuid; no open file is renamed or removed."""

    @contextlib.contextmanager
    def windows(self):
        def closed_first(function):
            def run(path, *more):
                self.assertEqual(held[-1].handle, -1)
                return function(path, *more)

            return run

        def note(file, path):
            held.append(file)
            begin(file, path)

        held, begin = [], PartialFile.__init__
        with contextlib.ExitStack() as stack:
            for name in ("O_NOFOLLOW", "O_NONBLOCK", "geteuid"):
                if hasattr(os, name):
                    kept = getattr(os, name)
                    delattr(os, name)
                    stack.callback(setattr, os, name, kept)
            stack.enter_context(mock.patch("os.name", "nt"))
            stack.enter_context(mock.patch("os.replace", closed_first(os.replace)))
            stack.enter_context(mock.patch("os.unlink", closed_first(os.unlink)))
            stack.enter_context(mock.patch.object(PartialFile, "__init__", note))
            yield

    def test_whole_later_and_not_at_all(self):
        with self.windows():
            self.whole()
            self.leave(DATA[:40])
            body = Body(DATA[40:], 206, 40)
            self.assertEqual(self.got(self.start((INFO, info()), (GET, body))), DATA)
            with self.assertRaises(StatusError):
                self.got(self.start((INFO, info()), (GET, Body(b"", 404))))
        self.assertEqual(os.listdir(self.folder), ["f"])
