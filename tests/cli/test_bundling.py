"""`wikistd bundle` and `wikistd vendor` as commands: output, exit codes."""

import io
import os
import tempfile
import unittest
from unittest import mock

import wikistd
from wikistd.cli.main import main

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
