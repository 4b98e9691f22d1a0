"""support/halves.py: two processes say what one would have said."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tests.support import halves

ROOT = Path(__file__).resolve().parents[2]
#: Every outcome that a test can have, and both processes get a class.
EVERY_OUTCOME = """
import os, unittest

class First(unittest.TestCase):
    def test_good(self):
        "It is good."
        meet()
    def test_failure(self):
        print("said before")
        self.assertEqual("one", "other \\udcff é")
    def test_error(self):
        raise LookupError("gone")
    @unittest.skip("not today")
    def test_skipped(self): pass
    @unittest.expectedFailure
    def test_expected(self): self.fail("as ever")
    @unittest.expectedFailure
    def test_unexpected(self): pass
    def test_subtests(self):
        for number in range(4):
            with self.subTest("number", number=number):
                if number == 1: self.skipTest("odd")
                if number == 3: raise KeyError(number)
                self.assertLess(number, 2)

class Second(First):
    def test_error_in_cleanup(self):
        self.addCleanup(lambda: 1 / 0)

class NotSetUp(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise OSError("no such thing")
    def test_never(self): pass

class NotHere(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise unittest.SkipTest("not on this machine")
    def test_never(self): pass

class NotTornDown(unittest.TestCase):
    @classmethod
    def tearDownClass(cls): raise OSError("it stays")
    def test_one(self): pass
"""
#: meet() returns when both processes have called it.
SAMPLE = """
import os, signal, sys, time, unittest
sys.path.insert(0, {root!r})
from tests.support.halves import Halves
FIRST = os.getpid()
PIPES = [os.pipe(), os.pipe()]
def is_second(): return os.getpid() != FIRST
def meet():
    if os.environ["WIKISTD_TEST_PROCESSES"] == "2":
        os.write(PIPES[is_second()][1], b"x")
        os.read(PIPES[not is_second()][0], 1)
        globals().update(meet=lambda: None)
{code}
def load_tests(loader, tests, pattern):
    return Halves(tests)
"""


def run_sample(code, *options, processes=2):
    """Return (exit code, output) of a run of these tests."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "test_sample.py"), "w", encoding="utf-8") as file:
            file.write(SAMPLE.format(root=str(ROOT), code=code))
        environ = dict(os.environ, WIKISTD_TEST_PROCESSES=str(processes))
        done = subprocess.run(
            [sys.executable, "-B", "-W", "error", "-m", "unittest", *options],
            cwd=folder, env=environ, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
        )
    return done.returncode, done.stdout.decode("utf-8", "replace")


def lines_of(text):
    """Return the lines in any order, without the dots and what two runs never share."""
    text = re.sub(
        r" in \d+\.\d+s|(?<=File \").*(?=test_sample.py)"
        r"|tests\.support\.halves\.SecondProcessError: ", "", text,
    )
    return sorted(line for line in text.splitlines() if line.strip(" .=-sFExu"))


CAN_FORK = (
    hasattr(os, "fork") and sys.platform != "darwin" and sys.implementation.name == "cpython"
)


@unittest.skipUnless(CAN_FORK, "only one process here")
class TwoProcesses(unittest.TestCase):
    def test_every_outcome(self):
        """Exit code, numbers, names, tracebacks, captured output are those of one process."""
        code, text = run_sample(EVERY_OUTCOME, "-b")
        code_alone, alone = run_sample(EVERY_OUTCOME, "-b", processes=1)
        self.assertEqual((code, code_alone), (1, 1), text)
        self.assertEqual(lines_of(text), lines_of(alone))
        self.assertIn("SecondProcessError: Traceback (most recent call last)", text)
        self.assertNotIn("SecondProcessError", alone)
        self.assertIn(
            "FAILED (failures=4, errors=7, skipped=5, "
            "expected failures=2, unexpected successes=2)", text,
        )

    def test_all_good(self):
        """OK and exit code 0; -v names every test once."""
        code = "".join(
            "class T%d(unittest.TestCase):\n    def test_it(self): meet()\n" % number
            for number in range(2)
        )
        code, text = run_sample(code, "-v")
        self.assertEqual(code, 0, text)
        self.assertEqual(len(re.findall(r"^test_it .* \.\.\. ok$", text, re.M)), 2, text)
        self.assertIn("Ran 2 tests", text)

    def test_second_dies(self):
        """A second process that dies is an error of the test in which it died."""
        code, text = run_sample("""
class A(unittest.TestCase):
    def test_it(self):
        if is_second():
            os.kill(FIRST, 0); os.kill(os.getpid(), signal.SIGKILL)
        os.close(PIPES[1][1]); os.read(PIPES[1][0], 1)
class B(A): pass
""")
        self.assertEqual(code, 1, text)
        self.assertRegex(text, r"ERROR: test_it \(test_sample\.[AB]")
        self.assertIn("SecondProcessError: it ended with exit code -9", text)
        self.assertIn("Ran 2 tests", text)

    def test_interrupted(self):
        """Ctrl-C ends both, though one waits for ever, and says where they were."""
        code, text = run_sample("""
class A(unittest.TestCase):
    def test_it(self):
        meet()
        if not is_second(): os.kill(FIRST, signal.SIGINT)
        time.sleep(99)
class B(A): pass
""")
        self.assertIn(code, (1, 130, -2))
        self.assertEqual(len(re.findall("^KeyboardInterrupt$", text, re.M)), 2, text)

    def test_failfast(self):
        """With -f a failure in either process ends both."""
        for failing in ("is_second()", "not is_second()"):
            code, text = run_sample("""
class Base(unittest.TestCase):
    def test_it(self):
        meet()
        if %s: self.fail()
        time.sleep(0.02)
for number in range(99):
    globals()["T%%d" %% number] = type("T%%d" %% number, (Base,), {})
""" % failing, "-f")
            self.assertEqual(code, 1, text)
            self.assertLess(int(re.search(r"Ran (\d+) tests", text).group(1)), 99, text)


class OneProcess(unittest.TestCase):
    def setUp(self):
        for name, value in (("is_watched", lambda: False), ("threading", mock.Mock())):
            patch = mock.patch.object(halves, name, value)
            patch.start()
            self.addCleanup(patch.stop)
        halves.threading.active_count.return_value = 1
        patch = mock.patch.dict(os.environ, WIKISTD_TEST_PROCESSES="2")
        patch.start()
        self.addCleanup(patch.stop)

    def test_wanted(self):
        """WIKISTD_TEST_PROCESSES says how many; without it the number of CPUs does."""
        if CAN_FORK:
            self.assertTrue(halves.can_fork())
        os.environ["WIKISTD_TEST_PROCESSES"] = "1"
        self.assertFalse(halves.can_fork())
        del os.environ["WIKISTD_TEST_PROCESSES"]
        with mock.patch("os.sched_getaffinity", lambda pid: {0}, create=True):
            self.assertFalse(halves.can_fork())

    def test_threads(self):
        """A process with threads is not forked."""
        halves.threading.active_count.return_value = 2
        self.assertFalse(halves.can_fork())

    def test_watched(self):
        """Nor one that is traced."""
        halves.is_watched = lambda: True
        self.assertFalse(halves.can_fork())

    def test_no_fork(self):
        """Where there is no fork, or where it fails, one process runs all."""
        body = {"test_it": lambda self: None}
        tests = [type(name, (unittest.TestCase,), body)("test_it") for name in "AB"]

        def fail():
            raise OSError("no process to be had")

        with mock.patch("os.fork", fail, create=True):
            result = halves.Halves(tests).run(unittest.TestResult())
        self.assertEqual(result.testsRun, 2)


class Watched(unittest.TestCase):
    def test_profiler(self):
        """A profile function, and what registers with sys.monitoring, is seen."""
        before = sys.getprofile()
        sys.setprofile(lambda *event: None)
        try:
            self.assertTrue(halves.is_watched())
        finally:
            sys.setprofile(before)
