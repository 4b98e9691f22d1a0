"""docs/security.rst names each test of this folder, and no other."""

import os
import re
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(HERE, os.pardir, os.pardir, "docs", "security.rst")


class Documented(unittest.TestCase):
    def test_page(self):
        """The tests of the page are the tests that there are."""
        there = set()
        for name in sorted(os.listdir(HERE)):
            if name.startswith("test_") and name.endswith(".py"):
                with open(os.path.join(HERE, name), encoding="utf-8") as file:
                    there.update(re.findall(r"^    def (test_\w+)", file.read(), re.M))
        with open(PAGE, encoding="utf-8") as file:
            named = set(re.findall(r"``(test_\w+)``", file.read()))
        self.assertEqual(named ^ there, set())


if __name__ == "__main__":
    unittest.main()
