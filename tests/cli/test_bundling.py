"""cli/bundling.py: the tools as commands of the command line."""

import unittest
from unittest import mock

from tests.cli.test_main import run_main
from wikistd.tools.sources import BundleError, ChangedCopy


class Wiring(unittest.TestCase):
    def run_with(self, tool, argv, outcome):
        """Run a command whose tool returns or raises `outcome`."""
        with mock.patch("wikistd.cli.bundling." + tool, side_effect=[outcome]) as run:
            got = run_main(*argv)
        return got, run.call_args[0][0]

    def test_bundle(self):
        """The tool gets the arguments; its sentence goes to stdout."""
        got, given = self.run_with(
            "run_bundle", ("bundle", "-o", "x.py", "--without", "server"), "done"
        )
        self.assertEqual(got, (0, "done\n", ""))
        self.assertEqual((vars(given)["output"], given.without), ("x.py", "server"))

    def test_vendor(self):
        """So with vendor; no sentence is no line."""
        got, given = self.run_with("run_vendor", ("vendor", "there", "--force"), "")
        self.assertEqual(got, (0, "", ""))
        self.assertEqual((given.folder, given.force), ("there", True))

    def test_errors(self):
        """A changed copy is 1, what cannot be done 2, each with a sentence."""
        for error, code in (
            (ChangedCopy("it was changed"), 1),
            (BundleError("it cannot be"), 2),
            (OSError("no such folder"), 2),
        ):
            got, _ = self.run_with("run_bundle", ("bundle",), error)
            self.assertEqual(got, (code, "", "wikistd: %s\n" % error))
