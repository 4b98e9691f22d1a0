"""The package parsed once for the tests of a process, and what is built of it."""

import ast
import io
import os
import re
import subprocess
import sys
import tempfile
import unittest

import wikistd
from tests.repo.source import PACKAGE, sources
from wikistd.cli.main import main
from wikistd.tools.building import bundle_text
from wikistd.tools.flatten import parse_modules
from wikistd.tools.copying import read_package

#: The parsed package, and the whole and a small build: half a second, so made once.
PARSED = {}
WHOLE = []


def run_python(*arguments, stdin="", cwd=None):
    """Run a fresh interpreter; return (exit code, stdout, stderr)."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-W", "error", *arguments],
        input=stdin.encode("utf-8"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def run_bundle(*arguments):
    """Run `wikistd bundle` here; return (exit code, stdout, stderr)."""
    out, err = io.StringIO(), io.StringIO()
    code = main(["bundle", *arguments], out, err)
    return code, out.getvalue(), err.getvalue()


def build(**options):
    """Return the text of a build."""
    return bundle_text(PARSED, wikistd.__version__, **options)


class Case(unittest.TestCase):
    """Has the whole build in `text`, one of errors, clock and formats in `small`."""

    @classmethod
    def setUpClass(cls):
        if not WHOLE:
            PARSED.update(parse_modules(read_package(str(PACKAGE))))
            WHOLE.append(build())
            WHOLE.append(build(without="server cli tools compat streams wiki web".split()))
        cls.text, cls.small = WHOLE

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        return path


def sources_in(text):
    """Return the sources that have a part in `text`."""
    return [s for s in sources() if "\n# wikistd/%s\n" % s.short in text]


def differing_parts(text, some):
    """Return the paths of those of `some` sources whose part in `text` says other things.

    The same syntax trees are wanted, but for what the file has no use for, the imports
    between modules, and for the spaces in docstrings.
    """
    parts = re.split("^# =+\n# wikistd/(.*)\n", text, flags=re.M)
    bodies = dict(zip(parts[1::2], parts[2::2]))
    wrong = []
    for source in some:
        first, *_ = ast.parse(bodies[source.short]).body
        is_text = isinstance(first, ast.Assign)
        body = ast.parse(first.value.body.value).body if is_text else first.body
        if tree_without_imports(body) != tree_without_imports(source.tree.body):
            wrong.append(source.short)
    return wrong


def is_late_import(node):
    """Whether a function imports something of ours, or what stands for that in one file."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return getattr(node.value.func, "id", "") == "define_parts"
    return isinstance(node, ast.Pass) or isinstance(node, ast.ImportFrom) and node.level


def tree_without_imports(nodes):
    """Return a dump of the statements, in which docstrings are made clean."""
    kept = []
    for node in nodes:
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            body = tree_without_imports(node.body)
            kept += ["if TYPE_CHECKING", body] if body else []
        elif isinstance(node, ast.ImportFrom) and (
            node.level or node.module in ("__future__", "typing")
        ):
            pass  # as code, what annotations alone need of typing is for type checkers
        elif not isinstance(node, ast.Expr):  # not the module's docstring
            for part in ast.walk(node):
                if isinstance(part, (ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(part):
                    part.body[0] = ast.Expr(ast.Constant(ast.get_docstring(part)))
                if isinstance(getattr(part, "body", None), list):
                    part.body = [inner for inner in part.body if not is_late_import(inner)]
            kept.append(ast.dump(node))
    return "\n".join(kept)
