"""docs/migrating.rst: one row for each name of the tools that users come from."""

import importlib
import re
import unittest

import wikistd

from .source import ROOT

ROW = re.compile(r"^   \* - ``([\w.]+)``\n     - (.*)$", re.M)


def exists(dotted):
    """Whether a dotted name of ours can be reached: `Session.get`, `Response.total_bytes`."""
    first, _, rest = dotted.partition(".")
    if not hasattr(wikistd, first):
        return False
    thing = getattr(wikistd, first)
    for part in filter(None, rest.split(".")):
        # What __init__ or __slots__ gives to instances counts as well.
        if not hasattr(thing, part) and not re.search(
            r"\bself\.%s\b" % part, source_of(thing)
        ):
            return False
        thing = getattr(thing, part, None)
    return True


def source_of(kind):
    texts = []
    for base in getattr(kind, "__mro__", ()):
        if base.__module__.split(".")[0] == "wikistd":
            path = importlib.import_module(base.__module__).__file__
            with open(path, encoding="utf-8") as file:
                texts.append(file.read())
    return "".join(texts)


class Migrating(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        text = (ROOT / "docs" / "migrating.rst").read_text("utf-8")
        cls.rows = ROW.findall(text)
        names = (ROOT / "tests" / "data" / "seed_names.txt").read_text("utf-8")
        cls.seeds = names.split()

    def test_whole(self):
        """Each public name of the seeds has exactly one row."""
        told = [name for name, _ in self.rows]
        self.assertEqual([name for name in self.seeds if name not in told], [])
        self.assertEqual(sorted({name for name in told if told.count(name) > 1}), [])

    def test_form(self):
        """A row says here, replaced by X, or left out with the reason."""
        wrong = [
            name for name, what in self.rows
            if not re.match(r"here(?: as ``[\w.]+``)?(?:: .|$)|replaced by ``[\w.]+``(?:: .|$)|left out: \S", what)
        ]
        self.assertEqual(wrong, [])

    def test_true(self):
        """What is here is here, and what replaces another exists."""
        missing = []
        for name, what in self.rows:
            named = re.match(r"(?:here as|replaced by) ``wikistd\.([\w.]+)``", what)
            if named:
                target = named.group(1)
            elif what.startswith("here"):
                parts = name.split(".")
                # the class and its member, or the name alone
                target = ".".join(parts[-2:] if parts[-2][:1].isupper() else parts[-1:])
            else:
                continue
            if not exists(target):
                missing.append("%s: no wikistd.%s" % (name, target))
        self.assertEqual(missing, [])

    def test_flat(self):
        """Every kept name imports flat."""
        for name, what in self.rows:
            if what.startswith("here"):
                parts = name.split(".")
                flat = parts[-2] if parts[-2][:1].isupper() else parts[-1]
                self.assertIn(flat, wikistd.__all__)
