"""README.rst keeps its word: what the first script prints is what the page shows."""

import re
import textwrap
import unittest

import wikistd
from tests.repo.source import ROOT

from .examples import run_script, scripts


class TheFirstScript(unittest.TestCase):
    def test_prints_what_the_page_says(self):
        """The block after "It prints::" is the script's output, line for line."""
        text = (ROOT / "README.rst").read_text("utf-8")
        shown = re.search(r"^It prints::\n\n((?:    .+\n)+)", text, re.M).group(1)
        line, source = scripts(text)[0]
        with wikistd.serve_wiki() as wiki:
            printed = run_script("\n" * (line - 1) + source, "README.rst", wiki)
        self.assertEqual(printed, textwrap.dedent(shown))


if __name__ == "__main__":
    unittest.main()
