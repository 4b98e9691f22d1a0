"""A suite that two processes run: this one and a fork of it.

Both take test classes from one queue until it is empty.  The second process writes what
its tests came to as calls of a TestResult's methods, one JSON list a line, and the first
one makes these calls in the end with its own test objects: output, exit code and the
number of tests are those of one process, only the order is another.  -f, -b and Ctrl-C
end both.  Fixtures of classes and modules run in the process that runs the class.

One process does it all when WIKISTD_TEST_PROCESSES is 1, and where a second is of no use
(one CPU) or no help: no fork, PyPy, threads that run already, a tracer, profiler or debugger.
"""

import gc
import itertools
import json
import os
import signal
import sys
import tempfile
import threading
import traceback
import unittest

from tests.support.children import shared_bytecode

MAX_GROUPS = 4000  # their numbers are in a pipe at once; the smallest holds 16384 bytes
NUMBER_BYTES = 2


class Halves(unittest.TestSuite):
    """The tests of a suite, for two processes if there can be two.

    What a process takes is a class, or all of a folder (such as "tests.repo") in
    `together`: where the tests of several modules share what took a second to make.
    """

    def __init__(self, tests=(), together=()):
        def group_of(test):
            folder = ".".join(test.id().split(".")[:2])
            return folder if folder in together else type(test)

        groups = itertools.groupby(leaves(tests), group_of)
        suites = [unittest.TestSuite(group) for _, group in groups]
        # The largest first: else one process may still be at it when the other has ended.
        super().__init__(sorted(suites, key=unittest.TestSuite.countTestCases, reverse=True))

    def run(self, result, debug=False):
        with shared_bytecode():
            return self.run_shared(result, debug)

    def run_shared(self, result, debug):
        if debug or not 1 < len(self._tests) <= MAX_GROUPS or not can_fork():
            return super().run(result, debug)
        with tempfile.TemporaryFile("w+", buffering=1) as report:
            queue = Queue(len(self._tests))
            share = Share(self._tests, queue)
            try:
                second = os.fork()
            except OSError:
                queue.close()
                return super().run(result, debug)
            if not second:
                run_second(share, Recorder(report, result))
            try:
                share.run(result)
            except BaseException:
                os.kill(second, signal.SIGINT)
                raise
            finally:
                queue.drain()
                status = os.waitpid(second, 0)[1]
                queue.close()
            report.seek(0)
            tests = {test.id(): test for test in leaves(self) if test is not None}
            replay(report, tests, result, status)
        return result


def leaves(suite):
    """Yield the tests of a suite of suites; None for those that have been run."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from leaves(test)
        else:
            yield test


def can_fork():
    """Return whether a second process is wanted, possible and safe."""
    if hasattr(os, "sched_getaffinity"):
        cpus = len(os.sched_getaffinity(0))
    else:
        cpus = os.cpu_count() or 1
    wanted = os.environ.get("WIKISTD_TEST_PROCESSES") or ("2" if cpus > 1 else "1")
    return (
        wanted != "1"
        and hasattr(os, "fork")
        and sys.platform != "darwin"  # Apple's libraries abort in a fork without exec
        and sys.implementation.name == "cpython"  # and so does PyPy now and then
        and threading.active_count() == 1
        and not is_watched()
    )


def is_watched():
    """Return whether a tracer, profiler or debugger wants to see all that is run."""
    watchers = [sys.gettrace(), sys.getprofile()]
    if hasattr(sys, "monitoring"):
        watchers += [sys.monitoring.get_tool(number) for number in range(6)]
    return any(watchers)


class Queue:
    """The numbers from 0 to `count`, each taken once by one of the processes."""

    def __init__(self, count):
        self.source, sink = os.pipe()
        os.write(sink, b"".join(n.to_bytes(NUMBER_BYTES, "big") for n in range(count)))
        os.close(sink)

    def __iter__(self):
        while True:
            data = os.read(self.source, NUMBER_BYTES)
            if not data:
                return
            yield int.from_bytes(data, "big")

    def drain(self):
        """Leave nothing for the other process."""
        while os.read(self.source, 65536):
            pass

    def close(self):
        os.close(self.source)


class Share(unittest.TestSuite):
    """Those of the groups that this process gets."""

    _cleanup = False

    def __init__(self, groups, queue):
        super().__init__()
        self.groups = groups
        self.queue = queue

    def __iter__(self):
        for number in self.queue:
            yield self.groups[number]


class Recorder(unittest.TestResult):
    """Writes what is called here, for `replay` in the other process."""

    def __init__(self, report, like):
        super().__init__()
        self.report = report
        for name in ("failfast", "buffer", "tb_locals"):
            setattr(self, name, getattr(like, name, False))

    def keep(self, call, test, *rest):
        line = [call, test.id(), str(test), test.shortDescription(), *rest]
        self.report.write(json.dumps(line) + "\n")

    def keep_formatted(self, call, kept):
        while kept:
            self.keep(call, *kept.pop())

    def startTest(self, test):
        super().startTest(test)
        self.keep("startTest", test)

    def stopTest(self, test):
        super().stopTest(test)
        self.keep("stopTest", test)

    def addSuccess(self, test):
        self.keep("addSuccess", test)

    def addError(self, test, err):
        super().addError(test, err)
        self.keep_formatted("addError", self.errors)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.keep_formatted("addFailure", self.failures)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        self.keep_formatted("addError", self.errors)
        self.keep_formatted("addFailure", self.failures)

    def addSkip(self, test, reason):
        self.keep("addSkip", test, reason)

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.keep_formatted("addExpectedFailure", self.expectedFailures)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.keep("addUnexpectedSuccess", test)

    def addDuration(self, test, elapsed):  # Python 3.12
        self.keep("addDuration", test, elapsed)


def run_second(share, recorder):
    """Run a share in the second process, which ends with it."""
    code = 1
    try:
        unittest.registerResult(recorder)  # -c
        share.run(recorder)
        share.queue.drain()
        gc.collect()  # a destructor that warns is heard in this process too
        code = 0
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # once is enough
        traceback.print_exc()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


class SecondProcessError(Exception):
    """What went wrong in the second process, as it was formatted there."""


class Named:
    """Stands for what is no test object here: a subtest, a class that did not set up."""

    failureException = AssertionError

    def __init__(self, name, text, description=None):
        self.name = name
        self.text = text
        self.description = description

    def id(self):
        return self.name

    def shortDescription(self):
        return self.description

    def __str__(self):
        return self.text


def replay(report, tests, result, status):
    """Make the calls that a Recorder wrote; add an error if its process did not end well."""
    running = None
    for line in report:
        if not line.endswith("\n"):
            break
        call, name, text, description, *rest = json.loads(line)
        test = tests.get(name) or Named(name, text, description)
        if call in ("addError", "addFailure", "addExpectedFailure"):
            rest = [in_second(rest[0])]
        if call == "startTest":
            running = test
        add = getattr(result, call, None) if running else in_fixture(result, call)
        if add is not None:
            add(test, *rest)
        if call == "stopTest":
            running = None
    if status:
        code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        error = in_second("it ended with exit code %d" % code)
        if running:
            result.addError(running, error)
            result.stopTest(running)
        else:
            in_fixture(result, "addError")(Named("second", "the second process"), error)


def in_second(text):
    """Return what sys.exc_info() would have been."""
    return SecondProcessError, SecondProcessError(text), None


def in_fixture(result, call):
    """Return a method for use outside of a test: -b needs what startTest does else."""

    def add(*arguments):
        for name, given in (("_setupStdout", ()), (call, arguments), ("_restoreStdout", ())):
            if hasattr(result, name):
                getattr(result, name)(*given)

    return add
