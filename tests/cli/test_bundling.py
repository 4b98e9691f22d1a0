"""`wikistd bundle` and `wikistd vendor` as commands: output, exit codes."""

import io
import os
import tempfile
import threading
import unittest
from unittest import mock

import wikistd
from wikistd.cli.main import main
from wikistd.tools.bundle import write_text

IS_ONE_FILE = not hasattr(wikistd, "__path__")
ONE_FILE_SENTENCE = (
    "wikistd: this wikistd is one file already and can only copy itself: to choose its"
    " parts, run this from the package (a clone, or `pip install`)\n"
)


def run(*arguments):
    out, err = io.StringIO(), io.StringIO()
    code = main(arguments, out, err)
    return code, out.getvalue(), err.getvalue()


class Bundling(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_check(self):
        """Something that is no build is exit code 1 and a sentence."""
        path = os.path.join(self.folder, "x.py")
        with open(path, "w") as file:
            file.write("x = 1\n")
        want = "wikistd: %s was not made by `wikistd bundle`\n" % path
        self.assertEqual(run("bundle", "--check", path), (1, "", want))
        self.assertEqual(run("bundle", "--check", path + "2")[0], 2)

    def test_where_nothing_can_be_written(self):
        """The file is named as it was given, not as it is called on the way."""
        path = os.path.join(self.folder, "none", "x.py")
        folder = os.path.dirname(path)
        for argv, words in (
            (("-o", path), ": there is no folder %s: make it first" % folder),
            (("-o", self.folder), " is a folder: name a file in it"),
            (("--check", path), ": there is no such file"),
            (("--with", path), ": there is no such file"),
            (("--with", self.folder), ": it is a folder, not a file"),
        ):
            want = "wikistd: %s %s%s\n" % (argv + (words,))
            self.assertEqual(run("bundle", *argv), (2, "", want))

    def test_what_the_system_refuses(self):
        """So is it where the system refuses while it is written."""
        path = os.path.join(self.folder, "x.py")
        for error, words in (
            (PermissionError(13, "Permission denied", path + ".1.new"), "you are not "),
            (OSError(28, "No space left on device"), "No space left on device"),
        ):
            with mock.patch("wikistd.tools.building.build_file", side_effect=error):
                code, out, err = run("bundle", "-o", path)
            self.assertEqual((code, out), (2, ""))
            self.assertRegex(err, r"^wikistd: -o \S+x.py: %s[^\n]*\n$" % words)
        gone = FileNotFoundError(2, "No such file or directory", "some/where")
        with mock.patch("wikistd.tools.copying.vendor_package", side_effect=gone):
            code, out, err = run("vendor", path)
        want = "wikistd: some/where: there is no such file\n"
        self.assertEqual((code, out, err), (2, "", want))

    def test_unknown_part(self):
        """An unknown part is a usage error."""
        code, out, err = run("bundle", "--without", "nope")
        self.assertEqual((code, out), (2, ""))
        self.assertRegex(err, r"^wikistd: no part is called 'nope'; there are .*\n$")
        self.assertLess(len(err), 200)
        err = run("bundle", "--without", "servr")[2]
        self.assertRegex(err, r"; did you mean server or [^\n]*\?\n$")

    def test_a_script(self):
        """What was written is told on stderr, and what it will miss elsewhere."""
        job, one = (os.path.join(self.folder, name) for name in ("job.py", "one.py"))
        text = "import wikistd, no_such\nprint(__file__, wikistd.Deadline)\n"
        with open(job, "w") as file:
            file.write(text.replace("wikistd, no_such", "wikistd\nimport no_such"))
        code, out, err = run("bundle", "--with", job, "-o", one)
        self.assertEqual((code, out), (0, ""))
        self.assertRegex(
            err,
            r"^wikistd: warning: job.py:2: no_such is not of the standard library\n"
            r"wikistd: warning: job.py:3: __file__ is not there where [^\n]+\n"
            r"wrote wikistd \S+ to \S+one.py, \d+ bytes\n$",
        )

    def test_vendor(self):
        """Copying and checking say what they did."""
        path = os.path.join(self.folder, "wiki")
        code, out, err = run("vendor", path)
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"^copied wikistd \S+ to .*wiki, \d+ modules\n$")
        code, out, err = run("vendor", "--check", path)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("is an unchanged copy of wikistd", out)
        self.assertEqual(run("vendor", self.folder)[0], 2)


class Writing(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = os.path.join(self.folder, "one.py")

    def put(self, text):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)

    def read(self):
        with open(self.path, encoding="utf-8") as file:
            return file.read()

    @unittest.skipUnless(os.name == "posix", "modes and links are others on Windows")
    def test_mode_and_links(self):
        """A file keeps its mode, and a link stays one: the file behind it is replaced."""
        self.put("old")
        os.chmod(self.path, 0o754)
        link = os.path.join(self.folder, "link.py")
        os.symlink("one.py", link)
        write_text(link, "new")
        self.assertEqual(os.readlink(link), "one.py")
        self.assertEqual((self.read(), os.stat(self.path).st_mode & 0o777), ("new", 0o754))
        os.unlink(self.path)
        write_text(link, "fresh")
        self.assertEqual((self.read(), os.readlink(link)), ("fresh", "one.py"))
        os.unlink(self.path)
        os.symlink("link.py", self.path)
        with self.assertRaises(OSError):
            write_text(link, "in a circle")
        self.assertEqual(sorted(os.listdir(self.folder)), ["link.py", "one.py"])

    @unittest.skipUnless(hasattr(os, "mkfifo"), "there are no named pipes")
    def test_pipes_and_devices(self):
        """They are written to, and are still there."""
        pipe = os.path.join(self.folder, "pipe")
        os.mkfifo(pipe)
        got = []

        def reader():
            with open(pipe, "rb") as file:
                got.append(file.read())

        thread = threading.Thread(target=reader, daemon=True)
        thread.start()
        write_text(pipe, "x = 1\n")
        thread.join(10)
        self.assertEqual(got, [b"x = 1\n"])
        self.assertEqual(os.listdir(self.folder), ["pipe"])
        link = os.path.join(self.folder, "null")
        os.symlink(os.devnull, link)
        with mock.patch("os.replace", side_effect=AssertionError):
            write_text(link, "x")

    def test_interrupted(self):
        """Whatever ends it, the old file stays and nothing is left beside it."""
        self.put("old")
        for error in (KeyboardInterrupt, PermissionError(13, "no", "a", None, "b")):
            with mock.patch("os.replace", side_effect=error):
                with self.assertRaises((KeyboardInterrupt, OSError)) as caught:
                    write_text(self.path, "new")
            self.assertEqual((self.read(), os.listdir(self.folder)), ("old", ["one.py"]))
        real = os.path.realpath(self.path)
        self.assertEqual(caught.exception.filename, real)

    def test_name_on_the_way(self):
        """What lies there by the name that is taken on the way is not written to."""
        name = ".wikistd.%s.new" % ("00" * 8)
        other = os.path.join(self.folder, "other")
        with open(other, "w") as file:
            file.write("precious")
        os.link(other, os.path.join(self.folder, name))
        with mock.patch("os.urandom", return_value=bytes(8)):
            with self.assertRaises(FileExistsError):
                write_text(self.path, "new")
        with open(other) as file:
            self.assertEqual(file.read(), "precious")
        self.assertFalse(os.path.exists(self.path))


@unittest.skipUnless(IS_ONE_FILE, "tests/integration/forms has the one file")
class OneFile(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = os.path.join(self.folder, "copy.py")

    def test_copies_itself(self):
        """The copy is the file, and checks as an unchanged build; a change is seen."""
        code, out, err = run("bundle", "-o", self.path)
        self.assertEqual((code, out), (0, ""))
        self.assertRegex(err, r"^wrote wikistd %s to " % wikistd.__version__)
        code, out, err = run("bundle", "--check", self.path)
        self.assertEqual((code, err), (0, ""))
        self.assertIn(" is an unchanged build of wikistd %s" % wikistd.__version__, out)
        with open(self.path, "a", encoding="utf-8") as file:
            file.write("x = 1\n")
        code, out, err = run("bundle", "--check", self.path)
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err, r"^wikistd: .* was wikistd \S+ \(.*\), and was changed\n$")

    def test_builds_nothing_else(self):
        """Without the package's sources it says so; the code for them is not there."""
        for argv in (
            ("bundle", "--without", "server"),
            ("bundle", "--with", __file__),
            ("vendor", os.path.join(self.folder, "wiki")),
        ):
            self.assertEqual(run(*argv), (2, "", ONE_FILE_SENTENCE))
        self.assertEqual(os.listdir(self.folder), [])
        for name in ("FlatModule", "JobScript", "waiting_head", "vendor_package"):
            self.assertFalse(hasattr(wikistd, name), name)

    def test_checks_folders(self):
        """`vendor --check` works there, too."""
        want = "wikistd: %s holds no copy made by `wikistd vendor`\n" % self.folder
        self.assertEqual(run("vendor", "--check", self.folder), (1, "", want))
        self.assertEqual(run("--version"), (0, "wikistd %s\n" % wikistd.__version__, ""))
