"""The copied package: works under another name, and knows what was changed in it."""

import io
import os
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout

import wikistd
from wikistd.tools.vendor import vendor_main


def run_vendor(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = vendor_main(arguments)
    return code, out.getvalue(), err.getvalue()


class Vendored(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = folder.name
        self.folder = os.path.join(self.top, "app", "_vendor", "wiki")
        code, out, err = run_vendor(self.folder)
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"^copied wikistd \S+ to .*wiki, \d+ modules\n$")

    def change(self, name, text):
        with open(os.path.join(self.folder, name), "a", encoding="utf-8") as file:
            file.write(text)

    def test_imports_under_another_name(self):
        """It works inside another package, beside another copy."""
        code = (
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "from app._vendor import wiki\n"
            "print(wiki.__name__, wiki.__version__, len(wiki.__all__))\n"
            "print([m for m in sys.modules if m.startswith('wikistd')])\n"
        )
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-B", "-W", "error", "-c", code, self.top],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        want = "app._vendor.wiki %s %d\n[]\n" % (wikistd.__version__, len(wikistd.__all__))
        self.assertEqual(done.stdout.decode().replace("\r\n", "\n"), want)

    def test_unchanged(self):
        """A copy that nobody touched is said to be one, with version and age."""
        code, out, err = run_vendor("--check", self.folder)
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(
            out, "%s is an unchanged copy of wikistd %s (the version that checked it,"
            " written today)\n" % (self.folder, wikistd.__version__),
        )

    def test_changes_are_named(self):
        """What was changed, added or lost is named, and is an exit code of 1."""
        self.change("clock.py", "\nx = 1\n")
        self.change("extra.py", "x = 1\n")
        os.unlink(os.path.join(self.folder, "errors.py"))
        code, out, err = run_vendor("--check", self.folder)
        self.assertEqual((code, out), (1, ""))
        self.assertTrue(
            err.endswith("; changed: clock.py, missing: errors.py, added: extra.py\n"), err
        )

    def test_again(self):
        """Copying again replaces an untouched copy, and not a changed one."""
        self.assertEqual(run_vendor(self.folder)[0], 0)
        self.change("clock.py", "\nx = 1\n")
        code, _, err = run_vendor(self.folder)
        self.assertEqual(code, 2)
        self.assertEqual(
            err, "wikistd: %s was changed by hand (changed: clock.py): --force replaces it\n"
            % self.folder,
        )
        self.assertEqual(run_vendor("--force", self.folder)[0], 0)
        self.assertEqual(run_vendor("--check", self.folder)[0], 0)

    def test_not_a_copy(self):
        """A folder that holds something else is left alone."""
        code, _, err = run_vendor(self.top)
        self.assertEqual(code, 2)
        self.assertEqual(err, "wikistd: %s is not empty: name a folder for the package\n" % self.top)
        code, _, err = run_vendor("--check", self.top)
        self.assertEqual(code, 1)
        self.assertEqual(err, "wikistd: %s holds no copy made by `wikistd vendor`\n" % self.top)

    def test_force_is_for_copies(self):
        """Even --force replaces a copy only, and a name must be one to import."""
        mine = os.path.join(self.top, "mine")
        os.mkdir(mine)
        path = os.path.join(mine, "__init__.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write("x = 1\n")
        code, _, err = run_vendor("--force", mine)
        want = "wikistd: %s is not empty: name a folder for the package\n" % mine
        self.assertEqual((code, err, os.listdir(mine)), (2, want, ["__init__.py"]))
        for name in ("my-wiki", "class"):
            path = os.path.join(self.top, name)
            want = "wikistd: %s: no import statement can name %r\n" % (path, name)
            self.assertEqual(run_vendor(path), (2, "", want))
            self.assertFalse(os.path.exists(path))
