"""The copied package: works under another name, and knows what was changed in it."""

import io
import os
import py_compile
import re
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

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
            note.replace('PROVIDED "AS IS"', "GUARANTEED", 1),
            note + "and more\n",
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

    def test_what_only_looks_kept_by_python(self):
        """In __pycache__, too, whatever could be imported from there is seen."""
        for name in (
            "__pycache__/evil.py", "__pycache__/evil.pyc", "__pycache__/evil.so",
            "__pycache__/sub/a.b.pyc", "x__pycache__/a.b.pyc", "web/__pycache__/evil.py",
            "web/__pycache__/clock.cpython-38.pyc", "__pycache__/clock.cpython-38.opt-1.pyc",
        ):
            path = os.path.join(self.folder, os.path.dirname(name))
            os.makedirs(path, exist_ok=True)
            self.change(name, "x = 1\n")
        self.change("py.typed", "partial\n")
        self.assertEqual(
            self.check(), "added: __pycache__/evil.py, added: __pycache__/evil.pyc, added:"
            " __pycache__/evil.so, added: __pycache__/sub/a.b.pyc, changed: py.typed,"
            " added: web/__pycache__/evil.py, added: x__pycache__/a.b.pyc",
        )

    @unittest.skipUnless(hasattr(os, "mkfifo"), "there are no named pipes")
    def test_pipes(self):
        """What is no file is never opened, which may take for ever."""
        note = os.path.join(self.folder, "VENDORED")
        os.unlink(os.path.join(self.folder, "py.typed"))
        os.mkfifo(os.path.join(self.folder, "py.typed"))
        self.assertEqual(self.check(), "changed: py.typed")
        os.unlink(note)
        os.mkfifo(note)
        want = "wikistd: %s is no file\n" % note
        self.assertEqual(run_vendor("--check", self.folder), (1, "", want))
        self.assertEqual(run_vendor("--force", self.folder), (1, "", want))

    def test_cut_short(self):
        """A copy that was cut short, even the first one, is known as one and completed."""
        half = os.path.join(self.top, "half")
        real, calls = os.replace, []

        def replace(*names):
            calls.append(names)
            if len(calls) == 4:
                raise KeyboardInterrupt
            real(*names)

        with mock.patch("os.replace", replace):
            self.assertEqual(run_vendor(half)[0], 130)
        names = [name for _, _, names in os.walk(half) for name in names]
        self.assertEqual(sorted(names), ["VENDORED", "__init__.py", "__main__.py"])
        code, out, err = run_vendor("--check", half)
        self.assertEqual((code, out), (1, ""))
        self.assertIn("missing: clock.py, ", err)
        code, out, err = run_vendor(half)
        self.assertEqual((code, out), (2, ""))
        self.assertRegex(
            err, r"^wikistd: \S+half is not complete, \d+ of its files are missing:"
            r" --force copies all\n$",
        )
        self.assertEqual(run_vendor("--force", half)[0], 0)
        self.assertEqual(run_vendor("--check", half)[0], 0)

    def test_dot_files(self):
        """A folder that git keeps by a file in it is an empty one."""
        kept = os.path.join(self.top, "kept")
        os.mkdir(kept)
        with open(os.path.join(kept, ".gitkeep"), "w"):
            pass
        self.assertEqual(run_vendor(kept)[0], 0)
        self.assertEqual(run_vendor("--check", kept)[0], 0)

    def test_here(self):
        """No name is no folder; a dot is this one, if it is empty."""
        was = os.getcwd()
        here = os.path.join(self.top, "here")
        os.mkdir(here)
        os.chdir(here)
        self.addCleanup(os.chdir, was)
        want = "wikistd: vendor needs the name of a folder\n"
        for options in ((), ("--force",), ("--check",)):
            self.assertEqual(run_vendor("", *options), (2, "", want))
        self.assertEqual(os.listdir(here), [])
        self.assertEqual(run_vendor(".")[0], 0)
        self.assertEqual(run_vendor("--check", here)[0], 0)
        os.chdir(self.top)
        want = "wikistd: .: no import statement can name 'not-one'\n"
        os.mkdir("not-one")
        os.chdir("not-one")
        self.assertEqual(run_vendor("."), (2, "", want))
        os.chdir(os.path.join(self.top, "app"))
        want = "wikistd: . is not empty: name a folder for the package\n"
        self.assertEqual(run_vendor("--force", "."), (2, "", want))
        self.assertEqual(os.listdir("."), ["_vendor"])

    @unittest.skipUnless(os.name == "posix", "links need a right on Windows")
    def test_folder_is_a_link(self):
        """Nor is anything written through a link that is the folder itself."""
        empty = os.path.join(self.top, "empty")
        os.mkdir(empty)
        for target in (empty, self.folder, "nowhere"):
            link = os.path.join(self.top, "link")
            os.symlink(target, link)
            for given in (link, link + os.sep, os.path.join(link, ".")):
                want = "wikistd: %s is a link: name the folder that it points to\n" % given
                self.assertEqual(run_vendor("--force", given), (2, "", want))
            os.unlink(link)
        self.assertEqual(os.listdir(empty), [])

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
