"""The shape of the repository: top level, files, docstrings of modules."""

import ast
import re
import shutil
import subprocess
import unittest

from .source import PACKAGE, ROOT, STDLIB_NAMES, sources

TOP_LEVEL = {
    "setup.cfg", "README.rst", "LICENSE", "pyproject.toml", "wikistd", "tests", "docs",
}
#: What tools and Python itself leave behind; .gitignore keeps it out of commits.
LEFT_BEHIND = {"build", "dist", "wikistd.egg-info", "__pycache__"}
ROOMS = {"formats", "web", "wiki", "streams", "server", "compat", "cli", "tools"}
#: Private names of http.client and where they may be touched.
PRIVATE_HTTP = re.compile(
    r"http\.client\._\w+"
    r"|\._HTTPConnection__\w+"
    r"|\b_UNKNOWN\b|\b_CS_(?:IDLE|REQ_STARTED|REQ_SENT)\b"
    r"|\._(?:send_output|tunnel_host|tunnel_headers|tunnel_port|set_hostport|create_connection|http_vsn_str|send_request|read_status|close_conn)\b"
)


class TopLevel(unittest.TestCase):
    def test_top_level(self):
        """setup.cfg README.rst LICENSE pyproject.toml wikistd tests docs, and dot-files."""
        found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
        kept = found - LEFT_BEHIND
        if (ROOT / ".git").exists() and shutil.which("git"):
            # What a user put there is none of ours: the first script of the README.
            done = subprocess.run(
                ["git", "-C", str(ROOT), "ls-files"], stdout=subprocess.PIPE, check=True
            )
            kept &= {line.split("/")[0] for line in done.stdout.decode().splitlines()}
        self.assertEqual(kept - TOP_LEVEL, set())
        self.assertEqual(TOP_LEVEL - found, set())

    def test_pyproject_is_only_what_pip_asks_for(self):
        """pyproject.toml is the build-system table alone."""
        text = (ROOT / "pyproject.toml").read_text("utf-8")
        self.assertEqual(re.findall(r"^\[.*\]$", text, re.M), ["[build-system]"])

    def test_rooms(self):
        """The package has the rooms of the plan and no other."""
        found = {p.name for p in PACKAGE.iterdir() if p.is_dir() and p.name != "__pycache__"}
        self.assertEqual(found, ROOMS)
        self.assertTrue((PACKAGE / "py.typed").is_file())

    def test_test_folders(self):
        """No folder or module of tests/ is named like a module of the standard library."""
        wrong = [
            str(path.relative_to(ROOT)) for path in sorted((ROOT / "tests").rglob("*"))
            if (path.is_dir() or path.suffix == ".py") and path.stem in STDLIB_NAMES
        ]
        self.assertEqual(wrong, [])

    def test_slow_tests_stay_out(self):
        """integration/ and benchmarks/ have no __init__.py: the default run skips them."""
        for name in ("integration", "benchmarks"):
            found = list((ROOT / "tests" / name).rglob("__init__.py"))
            self.assertEqual([str(path) for path in found], [])

    def test_nothing_of_the_workplace(self):
        """No file names folders of one machine."""
        words = re.compile("/" + r"work/|/root/\.pyenv|\bissue #?\d+\b|DESIGN\.md|CONVENTIONS\.md|INTERFACES\.md")
        wrong = []
        try:
            listed = subprocess.run(
                ["git", "ls-files"], cwd=str(ROOT), stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, check=True,
            ).stdout.decode().splitlines()
        except (OSError, subprocess.CalledProcessError):
            self.skipTest("not a git clone")
        for name in listed:
            path = ROOT / name
            if path.suffix not in (".py", ".rst", ".cfg", ".toml", ".sh", ".txt", "") or (
                not path.is_file() or path == ROOT / "tests" / "repo" / "test_layout.py"
            ):
                continue
            text = path.read_text("utf-8", "replace")
            for match in words.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                wrong.append("%s:%d: %s" % (name, line, match.group()))
        self.assertEqual(wrong, [])


class ModuleDocstrings(unittest.TestCase):
    def test_form(self):
        """A sentence on what goes in and out, then Pure or Holds, and what is not here."""
        wrong = []
        for source in sources():
            text = ast.get_docstring(source.tree) or ""
            if not text:
                wrong.append("%s: no docstring" % source.short)
                continue
            if source.is_package or source.short == "__main__.py":
                continue
            if not re.search(r"\bPure\b|\bHolds:", text):
                wrong.append("%s: says neither `Pure` nor `Holds:`" % source.short)
            if not re.search(r"\bNot here:", text):
                wrong.append("%s: does not say `Not here:`" % source.short)
        self.assertEqual(wrong, [])

    def test_length(self):
        """No file is longer than 600 lines, nor any line than 88 columns."""
        wrong = []
        for source in sources():
            lines = source.text.splitlines()
            if len(lines) > 600:
                wrong.append("%s: %d lines" % (source.short, len(lines)))
        self.assertEqual(wrong, [])


class PrivateNames(unittest.TestCase):
    def test_http_client(self):
        """Private names of http.client are touched in one file."""
        users = {}
        for source in sources():
            if not any(i.module.startswith("http.client") or i.module == "http" for i in source.imports):
                continue
            found = PRIVATE_HTTP.findall(source.text)
            if found:
                users[source.short] = sorted(set(found))
        self.assertLessEqual(len(users), 1, users)


class Syntax(unittest.TestCase):
    def test_older_pythons_can_say_so(self):
        """Python 3.7 parses all of it, so that it comes to the sentence on its age."""
        self.assertTrue(sources())  # they are parsed with the syntax of 3.7
        text = (PACKAGE / "__init__.py").read_text("utf-8")
        self.assertLess(text.index("sys.version_info < (3, 8)"), text.index("TYPE_CHECKING"))
