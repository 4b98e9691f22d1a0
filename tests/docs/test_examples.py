"""Every example of the documentation runs: README.rst, docs/, and the docstrings."""

import doctest
import importlib
import io
import unittest

from tests.repo.source import PACKAGE, ROOT

from .examples import FLAGS, PageCase, close_all, workplace

PAGES = [ROOT / "README.rst"] + sorted((ROOT / "docs").glob("*.rst"))


class Pages(PageCase):
    def test_pages(self):
        """The examples of each page do what the page says."""
        ran = 0
        for self.path in PAGES:
            with self.subTest(self.path.name):
                ran += self.run_page()
        self.assertGreater(ran, 0)


class Docstrings(unittest.TestCase):
    def test_docstrings(self):
        """The examples in docstrings do what they say."""
        finder = doctest.DocTestFinder(exclude_empty=True)
        for path in sorted(PACKAGE.rglob("*.py")):
            if ">>>" not in path.read_text("utf-8"):
                continue
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            name = name.replace(".__init__", "")
            for case in finder.find(importlib.import_module(name), name):
                if not case.examples:
                    continue
                out = io.StringIO()
                with self.subTest(case.name), workplace():
                    case.globs.update(
                        {name: getattr(importlib.import_module("wikistd"), name)
                         for name in importlib.import_module("wikistd").__all__}
                    )
                    own = set(case.globs)
                    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
                    done = runner.run(case, out=out.write, clear_globs=False)
                    close_all({k: v for k, v in case.globs.items() if k not in own})
                    self.assertEqual(done.failed, 0, out.getvalue())
