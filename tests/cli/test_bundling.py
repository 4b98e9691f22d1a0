"""cli/bundling.py: the two commands that copy the package."""

import os
import tempfile
import unittest

from tests.cli.test_main import run_main


class Copies(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_bundle(self):
        """The one file is written, and checked; a change is exit code 1."""
        path = os.path.join(self.folder, "wikistd.py")
        self.assertEqual(run_main("bundle", "-o", path), (0, "", ""))
        code, text, _ = run_main("bundle", "--check", path)
        self.assertEqual(code, 0)
        self.assertIn("is an unchanged build of wikistd", text)
        with open(path, "a", encoding="utf-8") as target:
            target.write("# changed\n")
        code, text, stderr = run_main("bundle", "--check", path)
        self.assertEqual((code, text), (1, ""))
        self.assertRegex(stderr, r"^wikistd: [^\n]+\n$")

    def test_vendor(self):
        """So is the folder."""
        path = os.path.join(self.folder, "wikistd")
        code, _, stderr = run_main("vendor", path)
        self.assertEqual((code, stderr), (0, ""))
        self.assertTrue(os.path.exists(os.path.join(path, "__init__.py")))
        self.assertEqual(run_main("vendor", "--check", path)[0], 0)

    def test_usage(self):
        """What cannot be built is exit code 2."""
        code, _, stderr = run_main("bundle", "--without", "nonsense")
        self.assertEqual(code, 2)
        self.assertRegex(stderr, r"^wikistd: [^\n]+\n$")
