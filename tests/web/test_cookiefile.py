"""web/cookiefile.py: files for the owner's eyes only, whole at every moment."""

import http.cookiejar
import os
import sys
import tempfile
import types
import unittest
from unittest import mock

from wikistd import CookieStore
from wikistd.web.cookiefile import (
    account_filename,
    encode_mozilla_cookies,
    lock_handle,
    locked_file,
    parse_mozilla_cookies,
    read_cookie_file,
    write_private_file,
)
from wikistd.web.storedcookie import new_cookie


class Names(unittest.TestCase):
    def test_accounts(self):
        """The account goes before the suffix; nothing in it means anything to a path."""
        for filename, user, wanted in [
            ("wiki.lwp", "", "wiki.lwp"), ("wiki.lwp", "Ex Ample", "wiki-Ex_Ample.lwp"),
            ("wiki", "A", "wiki-A"), ("d.e/wiki.txt", "a/../b", "d.e/wiki-a_.._b.txt"),
            ("w.lwp", 'a\\b:c*?"<>|\x00', "w-a_b_c_______.lwp"),
        ]:
            with self.subTest(user=user):
                self.assertEqual(account_filename(filename, user), wanted)


class Mozilla(unittest.TestCase):
    def test_variants(self):
        """Files of curl and browsers: no head, #HttpOnly_, 0 for session, CR LF."""
        cookies = parse_mozilla_cookies(
            "# comment\n\n#HttpOnly_.a.example\tTRUE\t/\tTRUE\t0\tn\tv\r\n"
            "b.example\tTRUE\t/\tFALSE\t1800000000.5\tn\t\n"
            ".c.example\tFALSE\t/\tFALSE\t\tn\tv\n",
            "name",
        )
        self.assertEqual(
            [(c.domain, c.secure, c.expires, c.value, c.has_nonstandard_attr("HttpOnly"))
             for c in cookies],
            [(".a.example", True, None, "v", True), (".b.example", False, 1800000000, "", False),
             ("c.example", False, None, "v", False)],
        )

    def test_no_escape(self):
        """A cookie with a tab in it cannot be written in that format, and is left out."""
        text = encode_mozilla_cookies([new_cookie("a", "b\tc", "x", "/"), new_cookie("d", "e", "x", "/")])
        self.assertEqual(text, "# Netscape HTTP Cookie File\nx\tFALSE\t/\tFALSE\t\td\te\n")


class Writing(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_no_folder(self):
        """A folder that is missing is not made: a login would lie somewhere."""
        path = os.path.join(os.path.realpath(self.folder), "new", "c.lwp")
        want = "there is no folder %s: make it first" % os.path.dirname(path)
        for write in (write_private_file, lambda path, _: locked_file(path).__enter__()):
            with self.assertRaises(FileNotFoundError) as caught:
                write(path, "x")
            self.assertEqual(caught.exception.strerror, want)
        self.assertEqual(os.listdir(self.folder), [])

    def test_failure(self):
        """If writing fails the old file stays, and nothing else is left behind."""
        path = os.path.join(self.folder, "c.lwp")
        write_private_file(path, "old")
        with self.assertRaises(UnicodeEncodeError):
            write_private_file(path, "\ud800")
        with open(path) as file:
            self.assertEqual(file.read(), "old")
        self.assertEqual(os.listdir(self.folder), ["c.lwp"])


    def test_left_behind(self):
        """What killed writers left is removed by a later one; what is young stays."""
        names = [".c.lwp.%s.new" % (digit * 16) for digit in "ab"]
        others = [".c.lwp.0.new", ".d.lwp.%s.new" % ("a" * 16), "c.lwp"]
        for name in names + others:
            with open(os.path.join(self.folder, name), "w"):
                pass
        for name in names[:1] + others:
            os.utime(os.path.join(self.folder, name), (1, 1))
        write_private_file(os.path.join(self.folder, "c.lwp"), "x")
        self.assertEqual(set(os.listdir(self.folder)), set(names[1:] + others))


class Locks(unittest.TestCase):
    """Systems without fcntl: Windows has msvcrt, some have nothing."""

    def without(self, **modules):
        before = {name: sys.modules.get(name) for name in modules}
        sys.modules.update(modules)
        self.addCleanup(lambda: [
            sys.modules.pop(n) if m is None else sys.modules.__setitem__(n, m)
            for n, m in before.items()
        ])

    def test_windows(self):
        """msvcrt locks one byte, or is asked again."""
        calls, answers = [], [None, PermissionError(13, "held")]
        fake = types.ModuleType("msvcrt")
        fake.LK_NBLCK = "try"

        def locking(handle, how, size):
            calls.append((os.lseek(handle, 0, os.SEEK_CUR), how, size))
            answer = answers.pop()
            if answer is not None:
                raise answer

        fake.locking = locking
        self.without(fcntl=None, msvcrt=fake)
        with tempfile.TemporaryFile() as file:
            lock_handle(file.fileno(), "c.lock")
        self.assertEqual(calls, [(0, "try", 1)] * 2)

    @unittest.skipUnless(hasattr(os, "O_NOFOLLOW"), "Windows waits ten seconds by itself")
    def test_held_by_a_process_that_was_stopped(self):
        """It is an error that names the file, in the end."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "c.lwp")
            with locked_file(path), mock.patch.multiple(
                "wikistd.web.cookiefile", MAX_LOCK_SECONDS=0.02, LOCK_POLL_SECONDS=0.001
            ):
                with self.assertRaises(BlockingIOError) as caught:
                    locked_file(path).__enter__()
            self.assertEqual(caught.exception.filename, os.path.realpath(path) + ".lock")
            self.assertIn("another process holds it for over 0.02 s", str(caught.exception))
            with locked_file(path), self.assertRaisesRegex(BlockingIOError, "over 0 seconds"):
                locked_file(path, 0).__enter__()
            with locked_file(path):
                pass

    @unittest.skipUnless(hasattr(os, "O_NOFOLLOW"), "Windows has no such links")
    def test_link(self):
        """No file is made where a link in the place of the lock leads."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "c.lwp")
            os.symlink(os.path.join(folder, "elsewhere"), path + ".lock")
            with self.assertRaises(OSError):
                locked_file(path).__enter__()
            self.assertEqual(os.listdir(folder), ["c.lwp.lock"])

    @unittest.skipUnless(hasattr(os, "mkfifo"), "Windows has no such files")
    def test_fifo(self):
        """Nobody waits for a writer of what stands in the file's place."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "c.lwp")
            os.mkfifo(path)
            # Held open, so that reading it would not wait if it were tried.
            handle = os.open(path, os.O_RDWR | os.O_NONBLOCK)
            self.addCleanup(os.close, handle)
            os.write(handle, b"#LWP-Cookies-1.0\n")
            for use in (read_cookie_file, CookieStore().save):
                with self.assertRaisesRegex(http.cookiejar.LoadError, "is a FIFO"):
                    use(path)

    def test_none(self):
        """Where there are no locks there is none."""
        self.without(fcntl=None, msvcrt=None)
        lock_handle(7, "c.lock")


if __name__ == "__main__":
    unittest.main()
