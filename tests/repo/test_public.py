"""The public names: documented, in the reference, with frozen signatures."""

import ast
import inspect
import re
import subprocess
import sys
import typing
import unittest

import wikistd

from . import surface
from .source import ROOT, sources

AGAIN = "\nif this is meant: python3 -m tests.repo.surface"


class ExportList(unittest.TestCase):
    def setUp(self):
        self.source = next(s for s in sources() if s.name == "wikistd")

    def test_all(self):
        """`__all__` is exactly what the package imports from its rooms, and exists."""
        imported = sorted(item.name for item in self.source.imports if item.own)
        self.assertEqual(sorted(wikistd.__all__), imported)
        self.assertEqual(len(set(imported)), len(imported))
        for name in wikistd.__all__:
            getattr(wikistd, name)

    def test_blocks(self):
        """One block for each module, modules and names sorted."""
        blocks = [
            (node.module, [alias.name for alias in node.names])
            for node in self.source.nodes if isinstance(node, ast.ImportFrom)
            and node.level
        ]
        modules = [module for module, _ in blocks]
        self.assertEqual(modules, sorted(set(modules)))
        self.assertEqual(
            {module: " ".join(names) for module, names in blocks}, wikistd.PUBLIC_NAMES
        )

    def test_lazy(self):
        """Importing the package imports none of its modules; a name imports its own."""
        code = (
            "import sys; before = set(sys.modules); sys.path.insert(0, sys.argv[1])\n"
            "import wikistd; print(sorted(set(sys.modules) - before))\n"
            "wikistd.EventParser; print('wikistd.formats.sse' in sys.modules)\n"
            "print('wikistd.web' in sys.modules, 'Session' in dir(wikistd))\n"
            "print(hasattr(wikistd, 'no_such_name'))\n"
        )
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", code, str(ROOT)],
            stdout=subprocess.PIPE, check=True,
        )
        self.assertEqual(
            done.stdout.decode().split("\n")[:-1],
            ["['wikistd']", "True", "False True", "False"],
        )

    def test_nothing_else(self):
        """The package's own file holds names, where they are, and how they are found."""
        self.assertEqual(
            {name for name, _ in self.source.definitions()},
            {"TYPE_CHECKING", "__version__", "PUBLIC_NAMES", "__all__", "__getattr__",
             "__dir__"},
        )

    def test_no_private_name(self):
        """A public name starts with a letter."""
        self.assertEqual([name for name in wikistd.__all__ if name.startswith("_")], [])


class Documentation(unittest.TestCase):
    def test_docstrings(self):
        """Every public name, and every public method of a public class, says what it does."""
        missing = []
        for name in wikistd.__all__:
            value = getattr(wikistd, name)
            if not callable(value):
                continue
            own = vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
            if not own:
                missing.append(name)
            if not inspect.isclass(value):
                continue
            for member, thing in surface.members(value):
                thing = getattr(thing, "__func__", thing)
                if not (inspect.isfunction(thing) or isinstance(thing, property)):
                    continue
                if not inspect.getdoc(getattr(value, member)):
                    missing.append("%s.%s" % (name, member))
        self.assertEqual(missing, [])

    def test_class_says_who_owns_it(self):
        """A public class with state says thread-safe, one owner, or immutable."""
        missing = []
        for name in wikistd.__all__:
            value = getattr(wikistd, name)
            if not inspect.isclass(value) or issubclass(value, (BaseException, tuple)):
                continue
            if not re.search(r"thread|owner|immutable", value.__doc__ or "", re.I):
                missing.append(name)
        self.assertEqual(missing, [])

    def test_reference(self):
        """Every public name stands in docs/reference.rst."""
        text = surface.REFERENCE.read_text("utf-8")
        shown = set(re.findall(r"^\.\. auto\w+:: wikistd\.(\w+)$", text, re.M))
        self.assertEqual(set(wikistd.__all__) - shown, set(), AGAIN)
        self.assertEqual(shown - set(wikistd.__all__), set(), AGAIN)


    def test_commands(self):
        """Every command and option stands in docs/cli.rst."""
        self.assertEqual(surface.COMMANDS.read_text("utf-8"), surface.commands(), AGAIN)

    def test_hints(self):
        """The annotations of public functions can be evaluated, whoever does it."""
        broken = []
        for name in wikistd.__all__:
            thing = getattr(wikistd, name)
            owned = vars(thing).values() if inspect.isclass(thing) else [thing]
            for function in filter(inspect.isfunction, owned):
                try:
                    typing.get_type_hints(function)
                except NameError as error:
                    broken.append("%s: %s" % (function.__qualname__, error))
                except TypeError:
                    self.assertLess(sys.version_info, (3, 9))  # os.PathLike[str]
        # threading stands there for type checkers only, and takes time to import.
        self.assertEqual(broken, ["Clock.wait: name 'threading' is not defined"])


class FrozenSignatures(unittest.TestCase):
    maxDiff = None

    def test_signatures(self):
        """No public name, argument or default changes unnoticed."""
        frozen = surface.SIGNATURES.read_text("utf-8").splitlines()
        now = surface.surface().splitlines()
        gone = sorted(set(frozen) - set(now))
        new = sorted(set(now) - set(frozen))
        self.assertEqual((gone, new), ([], []), AGAIN)
