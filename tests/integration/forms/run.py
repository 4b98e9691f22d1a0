#!/usr/bin/env python3
"""The default tests on the other forms of the package.

    run.py                      every form
    run.py bundle copy          some forms
    run.py --names tests.web    only these tests (as unittest names)

Forms: `package` (as it is), `bundle` (one file), `copy` (the folder under another name
inside another package), `zip` (the one file inside a zip), and `without-PART` (the one
file without a part; what says that the part is left out is skipped, nothing else).

Tests say `from wikistd.web.pool import ConnectionPool`; here `wikistd.web.pool` is made
to mean the form's own module, so the same tests run unchanged.
"""

import argparse
import ast
import importlib
import importlib.abc
import importlib.util
import logging
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
PARTS = ("server", "cli", "compat", "tools", "streams", "websocket", "mastodon", "batch")
FORMS = ("bundle", "copy", "zip") + tuple("without-" + part for part in PARTS)
#: These read the package's own sources or run it by its name: they are about one form.
LEFT_TO_THE_PACKAGE = (
    "tests.repo", "tests.tools", "tests.docs", "tests.cli.test_bundling.Bundling",
    # In one file `wikistd.cli.main` is the function, and the patch goes astray on 3.8.
    "tests.cli.test_main.Processes.test_sigterm",
    # In one file a module's docstring is a comment.
    "tests.test_errors.EveryError.test_stands_in_the_tree_of_the_docstring",
)
#: Commands say in a sentence that a part is missing, where a function would raise.
ABOUT_A_PART = {
    "without-cli": ("tests.cli.test_bundling",),
    "without-tools": ("tests.cli.test_bundling",),
    "without-server": ("tests.cli.test_demo", "tests.cli.test_serve"),
    "without-streams": (
        "tests.cli.test_demo", "tests.cli.test_readme", "tests.cli.test_commands.Stream",
        "tests.cli.test_commands.Sentences", "tests.cli.test_commands.Fronts",
    ),
    # a thread that cannot open its WebSocket tells its handle, not the test
    "without-websocket": ("tests.streams.test_mastodonclient.Sockets",),
}
LEFT_OUT_TEXT = "is not in this file, which was built without"


def module_names():
    """Return the dotted names of the package's modules and rooms."""
    names = []
    for path in sorted((ROOT / "wikistd").rglob("*.py")):
        parts = list(path.relative_to(ROOT).with_suffix("").parts)
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def alias_one_file(module):
    """Make every `wikistd.room.file` mean the module in which the parts are defined."""
    assert not module.PARTS_DONE, "imported, the file defines nothing yet"
    module.define_parts(set(module.FILE_PARTS))
    sys.modules["wikistd"] = module
    for name in module_names():
        sys.modules[name] = module.PARTS_BEHIND
        last = name.rpartition(".")[2]
        if last not in vars(module):
            vars(module)[last] = vars(module.PARTS_BEHIND)[last] = module.PARTS_BEHIND
    sys.modules["wikistd"] = module


class CopyFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `wikistd.x` as `app._vendor.wiki.x`: one module under two names."""

    def __init__(self, real):
        self.real = real
        self.specs = {}

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] != "wikistd":
            return None
        return importlib.util.spec_from_loader(name, self)

    def create_module(self, spec):
        module = importlib.import_module(self.real + spec.name[len("wikistd"):])
        self.specs[spec.name] = module.__spec__
        return module

    def exec_module(self, module):
        # Relative imports inside functions go by the real name.
        module.__spec__ = self.specs[module.__spec__.name]


def set_up(form, folder):
    """Make `wikistd` mean the form; return the module."""
    sys.path.insert(0, str(ROOT))
    if form == "package":
        return importlib.import_module("wikistd")
    if form == "copy":
        sys.path.insert(0, folder)
        module = importlib.import_module("app._vendor.wiki")
        sys.meta_path.insert(0, CopyFinder("app._vendor.wiki"))
        sys.modules["wikistd"] = module
        # Loggers carry the copy's top name; tests ask for them by the package's.
        for room in ("web", "wiki", "streams", "server"):
            logger = logging.getLogger("app." + room)
            logger.name = "wikistd." + room
            logging.root.manager.loggerDict["wikistd." + room] = logger
        return module
    sys.path.insert(0, os.path.join(folder, "lib.zip") if form == "zip" else folder)
    module = importlib.import_module("wikistd")
    alias_one_file(module)
    return module


def build(form, folder):
    """Write the form into `folder`."""
    sys.path.insert(0, str(ROOT))
    command = importlib.import_module("wikistd.cli.main").main
    one = os.path.join(folder, "wikistd.py")
    if form == "copy":
        return command(["vendor", os.path.join(folder, "app", "_vendor", "wiki")])
    if form == "package":
        return 0
    if form == "bundle":
        builds = importlib.import_module("tests.tools.builds")
        builds.Case.setUpClass()
        wrong = builds.differing_parts(builds.WHOLE[0], builds.sources_in(builds.WHOLE[0]))
        if wrong:
            print("parts with other statements than their modules: %s" % wrong)
            return 1
    options = ["bundle", "-o", one]
    if form.startswith("without-"):
        options += ["--without", form[len("without-"):]]
    code = command(options)
    if form == "zip" and code == 0:
        with zipfile.ZipFile(os.path.join(folder, "lib.zip"), "w", zipfile.ZIP_DEFLATED) as file:
            file.write(one, "wikistd.py")
        os.unlink(one)
    return code


class Result(unittest.TextTestResult):
    """Counts a test that needs a part which was left out as skipped."""

    gone = frozenset()

    def addError(self, test, err):
        problem = err[1]
        text = str(problem)
        if needs_left_out(text, self.gone):
            self.addSkip(test, LEFT_OUT_TEXT)
            return
        super().addError(test, err)

    def addFailure(self, test, err):
        if LEFT_OUT_TEXT in str(err[1]):
            self.addSkip(test, LEFT_OUT_TEXT)
            return
        super().addFailure(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None and needs_left_out(str(err[1]), self.gone):
            self.addSkip(test, LEFT_OUT_TEXT)
            return
        super().addSubTest(test, subtest, err)


def child(form, folder, names):
    """Run the tests on a form in this process; return the exit code."""
    module = set_up(form, folder)
    where = getattr(module, "__file__", "")
    if form != "package" and not where.startswith(folder):
        print("wikistd is %s, not the form in %s" % (where, folder))
        return 1
    loader = unittest.defaultTestLoader
    if names:
        suite = loader.loadTestsFromNames(names)
    else:
        suite = loader.discover(str(ROOT / "tests"), top_level_dir=str(ROOT))
    os.chdir(str(ROOT))
    kept = unittest.TestSuite()
    gone = names_left_out(form)
    Result.gone = gone
    for test in flat(suite):
        # What a file of tests imports may be the package's only.
        name = test.id().replace("unittest.loader._FailedTest.", "")
        if form != "package" and name.startswith(LEFT_TO_THE_PACKAGE):
            continue
        if test.id().startswith(ABOUT_A_PART.get(form, ("-",))):
            continue
        if needs_left_out(str(getattr(test, "_exception", "")), gone):
            continue
        kept.addTest(test)
    done = unittest.TextTestRunner(resultclass=Result, verbosity=0).run(kept)
    skipped = sum(LEFT_OUT_TEXT in reason for _, reason in done.skipped)
    if skipped:
        print("note: %d tests need what was left out" % skipped)
    return 0 if done.wasSuccessful() and done.testsRun else 1


def names_left_out(form):
    """Return what the modules of the part that the form lacks define."""
    if not form.startswith("without-"):
        return set()
    part = form[len("without-"):]
    names = set()
    for path in (ROOT / "wikistd").rglob("*.py"):
        short = path.relative_to(ROOT / "wikistd")
        if part in (short.parts[0], short.stem) or part == "websocket" and short.stem == "frames":
            for node in ast.parse(path.read_text("utf-8")).body:
                if hasattr(node, "name"):
                    names.add(node.name)
                for target in getattr(node, "targets", [getattr(node, "target", None)]):
                    names.add(getattr(target, "id", None))
    return names


def needs_left_out(text, names):
    """Whether an error's text says that something left out was asked for."""
    if LEFT_OUT_TEXT in text:
        return True
    found = re.search(r"cannot import name '(\w+)' from|has no attribute '(\w+)'", text)
    return bool(found) and bool(names & set(found.groups()))


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("forms", nargs="*", metavar="FORM", help=" ".join(FORMS))
    parser.add_argument("--names", nargs="+", default=[])
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        return child(given.forms[0], given.child, given.names)
    failed = []
    for form in given.forms or FORMS:
        with tempfile.TemporaryDirectory() as folder:
            start = time.time()
            print("form %s" % form, flush=True)
            # Built in a process of its own: this one must not have the package loaded.
            code = "import sys; sys.path.insert(0, %r); import run; sys.exit(run.build(*sys.argv[1:]))"
            made = subprocess.run(
                [sys.executable, "-c", code % str(pathlib.Path(__file__).parent), form, folder]
            )
            done = made if made.returncode else subprocess.run(
                [sys.executable, "-W", "error", __file__, form, "--child", folder]
                + (["--names"] + given.names if given.names else [])
            )
            if done.returncode:
                failed.append(form)
            print("form %s: %s, %.1f s" % (
                form, "FAILED" if done.returncode else "passed", time.time() - start), flush=True)
    print("note: %d forms, failed: %s" % (len(given.forms or FORMS), " ".join(failed) or "none"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
