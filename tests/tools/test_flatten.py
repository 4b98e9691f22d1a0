"""Joining modules: order, names, what is left out; on small packages made here."""

import unittest

from wikistd.tools.flatten import Flat, parse_modules
from wikistd.tools.sources import BundleError

FUTURE = '"""A module.  Pure.  Not here: more."""\n\nfrom __future__ import annotations\n\n'


def package(**modules):
    files = {"__init__.py": '"""It."""\n', "a/__init__.py": "", "b/__init__.py": ""}
    for name, text in modules.items():
        files[name.replace("__init__", "INIT").replace("_", "/").replace("INIT", "__init__") + ".py"] = text
    return files


def flatten(files, **options):
    return Flat(parse_modules(files), **options)


def refusal(test, files, **options):
    with test.assertRaises(BundleError) as caught:
        flatten(files, **options)
    return str(caught.exception)


class Order(unittest.TestCase):
    def test_what_is_needed_comes_first(self):
        """Each module follows those that it imports from."""
        files = package(
            a_one=FUTURE + "from ..b.two import second\n\n\ndef first():\n    return second()\n",
            b_two=FUTURE + "def second():\n    return 2\n",
        )
        files["__init__.py"] = '"""It."""\n\nfrom .a.one import first\n'
        flat = flatten(files)
        self.assertEqual(flat.order, ["b/two", "a/one"])
        space = {}
        exec(flat.body(), space)
        self.assertEqual(space["first"](), 2)
        self.assertEqual(flat.exported(), ["first"])

    def test_cycle(self):
        """A cycle is an error that shows it."""
        files = package(
            a_one=FUTURE + "from .two import x\ny = 1\n",
            a_two=FUTURE + "from .one import y\nx = 1\n",
        )
        files["__init__.py"] = "from .a.one import y\n"
        self.assertEqual(refusal(self, files), "import cycle: a/one -> a/two -> a/one")

    def test_comments_stay(self):
        """Comments and blank lines stay; docstrings become comments."""
        files = package(a_one=FUTURE + "import re\n\n# why\nlimit_bytes = 3  # RFC 1\n")
        files["__init__.py"] = "from .a.one import limit_bytes\n"
        body = flatten(files).body()
        self.assertIn("# wikistd/a/one.py\n#\n# A module.  Pure.  Not here: more.\n", body)
        self.assertIn("\nimport re\n\n# why\nlimit_bytes = 3  # RFC 1", body)
        self.assertNotIn("__future__", body)

    def test_imports_stay(self):
        """Standard imports stay where they are; those between modules go."""
        files = package(
            a_one=FUTURE + "import re\nfrom .two import other\nfrom typing import TYPE_CHECKING\n\n"
            "if TYPE_CHECKING:\n    import threading\n    from .two import more\n\nx = re\n",
            a_two=FUTURE + "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n"
            "    from .one import x\n\nother = more = 1\n",
        )
        files["__init__.py"] = "from .a.one import x\nfrom .a.two import other\n"
        two, one = flatten(files).body().split("# wikistd/a/one.py\n")
        self.assertEqual(
            one.partition("more.\n\n")[2],
            "import re\nfrom typing import TYPE_CHECKING\n\n"
            "if TYPE_CHECKING:\n    import threading\n\nx = re\n",
        )
        self.assertIn("more.\n\nfrom typing import TYPE_CHECKING\n\n\nother = more = 1\n", two)

    def test_indented(self):
        """Under a guard code and docstrings are indented, the inside of strings is not."""
        text = (
            FUTURE + "def f(x: int = 1) -> str:\n    \"\"\"One.\n\n    Two \"'\"'.\n    \"\"\"\n"
            "    return x or \"\"\"a # 'b\n  c\"\"\"  # it's\n\n\nd = [\n    '\"\"\"',\n]\n"
        )
        files = package(a_one=text)
        files["__init__.py"] = "from .a.one import f\n"
        self.assertEqual(
            flatten(files).modules["a/one"].body("    "),
            '    def f(x: int = 1) -> str:\n        """One.\n\n'
            '        Two "\'"\'.\n        """\n        return x or """a # \'b\n  c"""  # it\'s\n\n\n'
            "    d = [\n        '\"\"\"',\n    ]",
        )


    def test_late(self):
        """What a function imports comes into the file too, behind or before it."""
        late = FUTURE + "def %s(x):\n    if x:\n        from .%s import (\n            %s,\n        )\n    %s(0)\n"
        files = package(
            a_one=late % ("first", "two", "second", "second"),
            a_two=late % ("second", "one", "first", "print"),
        )
        files["__init__.py"] = "from .a.one import first\n"
        flat = flatten(files)
        self.assertEqual(flat.order, ["a/one", "a/two"])
        one = "def first(x):\n    if x:\n        %s\n    second(0)"
        self.assertEqual(flat.modules["a/one"].body(), one % "pass")
        self.assertEqual(
            flat.modules["a/one"].body(late=flat.order), one % 'define_parts({"a/two"})'
        )
        exec(flat.body() + "first(1)", {"print": self.assertFalse})


class Clashes(unittest.TestCase):
    def both(self, one, two):
        files = package(a_one=FUTURE + one, a_two=FUTURE + two)
        files["__init__.py"] = "from .a.one import x\nfrom .a.two import z\n"
        return files

    def test_two_definitions(self):
        """The same name in two modules is an error of the bundler."""
        files = self.both("x = 1\n_same = 1\n", "z = 1\n_same = 2\n")
        self.assertEqual(
            refusal(self, files), "_same is defined twice, at a/one.py:6 and a/two.py:6"
        )

    def test_comprehensions(self):
        """The variables of comprehensions are their own affair."""
        files = self.both("x = [name for name in ()]\n", "z = {name: 1 for name in ()}\n")
        self.assertEqual(flatten(files).names, {"x", "z"})

    def test_hidden_import(self):
        """A name that hides an import of another module is an error."""
        files = self.both("x = 1\ntime = 1\n", "import time\nz = time\n")
        self.assertEqual(refusal(self, files), "a/one.py:6: time hides the import of time")

    def test_hidden_builtin(self):
        """A name that hides a builtin is an error."""
        files = self.both("x = 1\nlist = 1\n", "z = 1\n")
        self.assertEqual(refusal(self, files), "a/one.py:6: list hides a builtin")

    def test_two_meanings(self):
        """One name imported with two meanings is an error."""
        files = self.both("import time\nx = 1\n", "from os import time\nz = 1\n")
        self.assertEqual(refusal(self, files), "time means time and os.time")

    def test_as_and_star(self):
        """`as` and `*` cannot be joined."""
        for line in ("import time as t", "from os import path as p", "from .two import *"):
            files = self.both(line + "\nx = 1\n", "z = 1\n")
            self.assertRegex(refusal(self, files), r"^a/one\.py:5: `")


class Without(unittest.TestCase):
    def files(self, use="def x():\n    return z()\n"):
        files = package(
            a_one=FUTURE + "from ..b.two import z\n\n\n" + use,
            b_two=FUTURE + "def z():\n    return 2\n",
        )
        files["__init__.py"] = "from .a.one import x\nfrom .b.two import z\n"
        return files

    def test_really_gone(self):
        """A part that is left out is not in the text; who mentions it gets a stand-in."""
        flat = flatten(self.files(), without=["b"])
        self.assertNotIn("return 2", flat.body())
        self.assertEqual(flat.left_out, {"z": "b"})
        self.assertEqual(flat.stand_ins, {"z": "b"})
        self.assertEqual(flat.exported(), ["x"])

    def test_by_file_name(self):
        """A part is a room or one module."""
        self.assertEqual(flatten(self.files(), without=["two"]).left_out, {"z": "two"})

    def test_unknown(self):
        """An unknown part is an error that lists the known ones."""
        self.assertEqual(
            refusal(self, self.files(), without=["nope"]),
            "no part is called 'nope'; there are a, b, and the modules by their file names",
        )

    def test_built_on(self):
        """What the rest is built on while it is imported cannot be left out alone."""
        files = self.files("class x(z):\n    pass\n")
        self.assertEqual(
            refusal(self, files, without=["b"]),
            "a/one.py is built on z of b: leave out both or neither",
        )

    def test_only(self):
        """With names asked for, nothing else goes in."""
        self.assertEqual(flatten(self.files(), only=["z"]).order, ["b/two"])
