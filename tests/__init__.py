"""The tests of wikistd: standard library only, offline, in any order."""

import os


def load_tests(loader, tests, pattern):
    """Return all tests; two processes run them (see tests/support/halves.py)."""
    from .support.halves import Halves

    here = os.path.dirname(os.path.abspath(__file__))
    found = loader.discover(here, pattern or "test*.py", os.path.dirname(here))
    return Halves(found, together=("tests.repo", "tests.tools"))
