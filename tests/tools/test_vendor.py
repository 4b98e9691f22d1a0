"""The copied package: works under another name, and knows what was changed in it."""

import io
import os
import py_compile
import re
import subprocess
import sys
import tempfile
import unittest

import wikistd
from wikistd.cli.main import main
from wikistd.tools.sources import content_hash


def run_vendor(*arguments):
    out, err = io.StringIO(), io.StringIO()
    code = main(["vendor", *arguments], out, err)
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

    def check(self):
        """Return what --check says was changed, "" for nothing."""
        code, out, err = run_vendor("--check", self.folder)
        self.assertEqual(code, 1 if err else 0, out + err)
        return err.partition("; ")[2].rstrip()

    def test_note(self):
        """A note whose own hash does not fit is a change: another version, another list."""
        path = os.path.join(self.folder, "VENDORED")
        with open(path, encoding="utf-8") as file:
            note = file.read()
        self.change("clock.py", "x = 1\n")
        with open(os.path.join(self.folder, "clock.py"), encoding="utf-8") as file:
            fresh = content_hash(file.read())
        for made in (
            note.replace("wikistd " + wikistd.__version__, "wikistd 99.0", 1),
            re.sub("[0-9a-f]{64}  clock.py", fresh + "  clock.py", note),
            re.sub("sha256 of the version.*\n", "", note),
        ):
            with open(path, "w", encoding="utf-8") as file:
                file.write(made)
            self.assertTrue(self.check().startswith("changed: VENDORED"), self.check())

    def test_what_python_would_take(self):
        """Whatever an import could take instead of a module is seen."""
        cache = os.path.join(self.folder, "__pycache__")
        os.makedirs(cache)
        source = os.path.join(self.folder, "clock.py")
        compiled = os.path.join(cache, "clock.cpython-38.pyc")
        py_compile.compile(source, cfile=compiled)
        self.change(".gitignore", "*.pyc\n")
        self.assertEqual(self.check(), "")
        modes = py_compile.PycInvalidationMode
        py_compile.compile(source, cfile=compiled, invalidation_mode=modes.UNCHECKED_HASH)
        for name in ("clock.abi3.so", "errors.pyc", "README"):
            self.change(name, "x")
        os.makedirs(os.path.join(self.folder, "clock"))
        self.change("clock/__init__.py", "")
        with open(os.path.join(self.folder, "errors.py"), "ab") as file:
            file.write(b"# \xff\n")
        self.assertEqual(
            self.check(), "added: README, not checked by Python: __pycache__/clock.cpython-38.pyc,"
            " added: clock.abi3.so, added: clock/__init__.py, changed: errors.py, added: errors.pyc",
        )
        code, out, err = run_vendor("--force", self.folder)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("modules; left there: added: README, not checked by", out)
        self.assertNotIn("changed", out)

    @unittest.skipUnless(os.name == "posix", "links need a right on Windows")
    def test_links(self):
        """A link is told; what lies behind one is never written, not even by --force."""
        outside = os.path.join(self.top, "outside")
        os.makedirs(outside)
        mine = os.path.join(outside, "clock.py")
        os.rename(os.path.join(self.folder, "clock.py"), mine)
        os.symlink(mine, os.path.join(self.folder, "clock.py"))
        os.symlink(outside, os.path.join(self.folder, "errors"))
        self.assertEqual(self.check(), "a link: clock.py, a link: errors")
        with open(mine, "w", encoding="utf-8") as file:
            file.write("precious = 1\n")
        want = "wikistd: %s: remove first a link: clock.py, a link: errors\n" % self.folder
        self.assertEqual(run_vendor("--force", self.folder), (2, "", want))
        for name in ("clock.py", "errors"):
            os.unlink(os.path.join(self.folder, name))
        os.link(mine, os.path.join(self.folder, "clock.py"))
        self.assertEqual(run_vendor("--force", self.folder)[0], 0)
        self.assertEqual(self.check(), "")
        with open(mine, encoding="utf-8") as file:
            self.assertEqual(file.read(), "precious = 1\n")

    def test_names_outside(self):
        """A note that names a file outside the folder is none, and nothing is removed."""
        mine = os.path.join(self.top, "app", "_vendor", "mine.py")
        with open(mine, "w", encoding="utf-8") as file:
            file.write("precious = 1\n")
        note = os.path.join(self.folder, "VENDORED")
        for name in ("../mine.py", mine, "a/../../mine.py", "..\\mine.py"):
            with open(note, encoding="utf-8") as file:
                before = file.read()
            self.change("VENDORED", "%s  %s\n" % ("0" * 64, name))
            want = "wikistd: %s names %r, which is no module of it\n" % (note, name)
            self.assertEqual(run_vendor("--check", self.folder), (1, "", want))
            self.assertEqual(run_vendor("--force", self.folder)[2], want)
            self.assertTrue(os.path.exists(mine))
            with open(note, "w", encoding="utf-8") as file:
                file.write(before)

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
