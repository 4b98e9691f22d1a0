"""The one file: deterministic, importable under any name, checkable; scripts with it."""

import io
import os
import re
import sys
import unittest
import warnings
import zipfile
from contextlib import redirect_stdout
from unittest import mock

import wikistd
from tests.repo.source import ROOT
from wikistd.tools.building import bundle_text, script_text
from wikistd.tools.copying import LICENSE_TEXT
from wikistd.tools.sources import BundleError

from .builds import PARSED, Case, build, run_bundle, run_python


class OneFile(Case):
    def test_deterministic(self):
        """The same sources give the same bytes, whatever their order; no date in them."""
        again = dict(reversed(list(PARSED.items())))
        self.assertEqual(bundle_text(again, wikistd.__version__), self.text)
        head = "\n".join(self.text.split("\n")[:20])
        self.assertIn(wikistd.__version__, head)
        self.assertIsNone(re.search(r"\d{4}-\d\d-\d\d|\d\d:\d\d", head))

    def test_licence(self):
        """The licence is in it, word for word."""
        with open(str(ROOT / "LICENSE"), encoding="utf-8") as file:
            self.assertEqual(file.read(), LICENSE_TEXT)
        for line in LICENSE_TEXT.splitlines():
            self.assertIn(("# " + line).rstrip() + "\n", self.text)

    def test_lines(self):
        """It reads like the package: no long lines that the package has not."""
        self.assertLess(max(map(len, self.text.splitlines())), 120)
        self.assertIn("# wikistd/errors.py\n", self.text)

    def test_no_builder(self):
        """What reads and joins the package's sources is not in it: it has none."""
        found = re.findall(r"^# wikistd/tools/(\w+)\.py$", self.text, re.M)
        self.assertEqual(sorted(found), ["bundle", "sources", "vendor"])
        for word in ("BUNDLE_MARK = ", "def check_vendored", "def check_bundle"):
            self.assertIn(word, self.text)
        for word in ("LICENSE_TEXT", "def read_package", "def bound_names", "class JobScript"):
            self.assertNotIn(word, self.text)

    def test_any_name(self):
        """It imports under any file name, with every public name; two copies do not meet."""
        self.write("one.py", self.small)
        self.write("two.py", self.small)
        code = (
            "import sys; sys.path.insert(0, sys.argv[1]); import one, two\n"
            "assert one.APIError is not two.APIError\n"
            "try:\n    raise one.APIError('a', 'b')\n"
            "except two.WikistdError:\n    print('mixed')\n"
            "except one.APIError as error:\n    print(error)\n"
            "print(one.__version__, *[n for n in one.__all__ if not hasattr(one, n)])\n"
        )
        want = "a: b\n%s\n" % wikistd.__version__
        self.assertEqual(run_python("-c", code, self.folder), (0, want, ""))

    def test_in_a_zip(self):
        """It imports from inside a zip file."""
        path = os.path.join(self.folder, "lib.zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("wikistd.py", self.small)
        code = "import sys; sys.path.insert(0, sys.argv[1]); import wikistd; print(wikistd.__file__)"
        code, out, err = run_python("-c", code, path)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("lib.zip", out)

    def test_whole(self):
        """As a script it has the commands; from it, `bundle` writes that same file."""
        path = self.write("anything.py", self.text)
        other = os.path.join(self.folder, "other.py")
        code = (
            "import sys; sys.path.insert(0, sys.argv[1]); import anything as one\n"
            "one.main(['--version']); one.main(['bundle', '-o', sys.argv[2]])\n"
            "one.main(['bundle', '--without', 'cli']); print(*one.__all__)\n"
        )
        code, out, err = run_python("-c", code, self.folder, other)
        want = "wikistd %s\n%s\n" % (wikistd.__version__, " ".join(sorted(wikistd.__all__)))
        self.assertEqual((code, out), (0, want))
        self.assertRegex(err, r"^wrote .*\nwikistd: this wikistd is one file already .*\n$")
        with open(other, encoding="utf-8", newline="") as file, open(path, encoding="utf-8", newline="") as own:
            self.assertEqual(file.read(), own.read())


class Without(Case):
    def test_says_how_to_get_it_back(self):
        """Using a part that was left out says how to have it back."""
        self.assertNotIn("class PageStore", self.small)
        self.write("wikistd.py", self.small)
        code = "import sys; sys.path.insert(0, sys.argv[1]); from wikistd import serve_wsgi"
        code, out, err = run_python("-c", code, self.folder)
        self.assertEqual(code, 1)
        self.assertIn(
            "ImportError: serve_wsgi is not in this file, which was built without 'server':"
            " build it again without leaving that out (python3 -m wikistd bundle)", err,
        )

    def test_without_the_command_line(self):
        """As a script such a file says why nothing happens, and how to have it back."""
        path = self.write("small.py", self.small)
        code, out, err = run_python(path, "demo")
        self.assertEqual((code, out), (2, ""))
        self.assertEqual(
            err, "wikistd: the command line is not in this file, which was built without"
            " 'cli': build it again without leaving that out (python3 -m wikistd bundle)\n",
        )

    def test_each_part(self):
        """Each part can be left out by itself: nothing else is built on it."""
        for part in "server cli compat tools streams".split():
            with self.subTest(part):
                text = build(without=[part])
                self.assertNotIn("\n# wikistd/%s/" % part, text)
        path = self.write("one.py", build(without=["tools"]))
        code, out, err = run_python(path, "bundle")
        self.assertEqual((code, out), (2, ""))
        want = "wikistd: what this command needs is not in this file, which was built without"
        self.assertEqual(
            err, want + " 'tools': build it again without leaving that out (python3 -m wikistd bundle)\n"
        )

    def test_unknown_part(self):
        """An unknown part is refused in a sentence."""
        code, out, err = run_bundle("--without", "nope")
        self.assertEqual((code, out), (2, ""))
        self.assertRegex(err, r"^wikistd: no part is called 'nope'; there are .*\n$")
        want = "wikistd: errors cannot be left out: all is built on it\n"
        self.assertEqual(run_bundle("--without", "server,errors"), (2, "", want))


class Check(Case):
    def test_unchanged(self):
        """An untouched build is known by its hash, also with other line ends."""
        path = self.write("wikistd.py", self.text)
        want = (
            "%s is an unchanged build of wikistd %s: all of it; the version that checked"
            " it, written today\n" % (path, wikistd.__version__)
        )
        self.assertEqual(run_bundle("--check", path), (0, want, ""))
        with open(path, "w", encoding="utf-8", newline="\r\n") as file:
            file.write(self.text)
        self.assertEqual(run_bundle("--check", path), (0, want, ""))

    def test_changed(self):
        """A changed build is told, with what it was."""
        path = self.write("wikistd.py", self.text + "x = 1\n")
        code, out, err = run_bundle("--check", path)
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err, r"^wikistd: .*wikistd\.py was wikistd \S+ \(.*\), and was changed\n$")

    def test_changed_head(self):
        """The first line is looked at too: its version, and what else could stand there."""
        first, rest = self.text.split("\n", 1)
        for added, told in (
            ("9", "was wikistd"), (".dev1", "was wikistd"), ("\rprint(1)", "its first line"),
            (" -*- coding: utf-16 -*-", "its first line"), ("\f", "its first line"),
        ):
            with self.subTest(added):
                path = self.write("wikistd.py", first + added + "\n" + rest)
                code, out, err = run_bundle("--check", path)
                self.assertEqual((code, out), (1, ""))
                self.assertIn(told, err)

    def test_older(self):
        """The version is compared with the one that checks."""
        path = self.write("wikistd.py", bundle_text(PARSED, "0.0.9"))
        os.utime(path, (0, 86400 * 100))
        code, out, err = run_bundle("--check", path)
        self.assertEqual(code, 0)
        self.assertRegex(out, r"0\.0\.9: all of it; older than \S+ that checked it, written \d+ days ago")

    def test_something_else(self):
        """Any other file is said to be none."""
        path = self.write("x.py", "x = 1\n")
        self.assertEqual(
            run_bundle("--check", path),
            (1, "", "wikistd: %s was not made by `wikistd bundle`\n" % path),
        )
        code, out, err = run_bundle("--check", path + ".no")
        self.assertEqual((code, out), (2, ""))


JOB = '''\
#!/usr/bin/env python3
"""Count events."""
import json
import sys

import wikistd
from wikistd import EventParser as Parser, APIError


def work():
    from wikistd import ServerSentEvent
    events = Parser().feed(b"data: 1\\n\\ndata: 2\\n\\n")
    return [isinstance(event, ServerSentEvent) for event in events]


print(json.dumps([work(), __doc__, wikistd.__version__, wikistd.Deadline(None).is_over()]))
if len(sys.argv) > 9:
    raise APIError("x")
'''


class WithJob(Case):
    def refusal(self, job):
        with self.assertRaises(BundleError) as caught:
            build(job=job, job_name="job.py")
        return str(caught.exception)

    def test_runs_from_a_pipe(self):
        """A script and what it uses run from standard input, without `__file__`."""
        text = build(job=JOB, job_name="job.py")
        self.assertNotIn("class PageStore", text)
        want = '[[true, true], "Count events.", "%s", false]\n' % wikistd.__version__
        self.assertEqual(run_python("-", stdin=text), (0, want, ""))

    def test_exec_ten_times(self):
        """Run again and again by exec, it leaves no thread and no exit hook behind."""
        import atexit
        import threading

        text = build(job=JOB, job_name="job.py")
        hooks = getattr(atexit, "_ncallbacks", lambda: 0)
        code = compile(text, "<cell>", "exec")
        before = threading.active_count(), hooks()
        for _ in range(10):
            with redirect_stdout(io.StringIO()) as out:
                exec(code, {})
            self.assertIn("true", out.getvalue())
        self.assertEqual((threading.active_count(), hooks()), before)

    def test_only_what_is_used(self):
        """What the script does not use is not in the file."""
        text = build(job="from wikistd import Deadline\nprint(Deadline(None).is_over())\n")
        self.assertLess(len(text), 20000)
        self.assertEqual(run_python("-", stdin=text), (0, "False\n", ""))

    def test_beside_an_import(self):
        """What stands in the lines of an import stays: statements, a block's beginning."""
        job = (
            'x = "\u00e9"; from wikistd import (APIError,\n    Deadline); y = 2; import wikistd; z = 3\n'
            "def f(): import wikistd; return 4\n"
            "if x: import wikistd  # maybe\n"
            "print(len(x), y, z, f(), Deadline(None).is_over(), wikistd.Deadline is Deadline)\n"
        )
        want = "1 2 3 4 False True\n"
        self.assertEqual(run_python("-", stdin=build(job=job)), (0, want, ""))

    def test_optional(self):
        """Where a script can do without wikistd it has it here, in functions too."""
        job = (
            "try:\n    from wikistd import Deadline, APIError as Refused\n"
            "except ImportError:\n    Deadline = Refused = None\n"
            "try:\n    import wikistd\nexcept ImportError:\n    wikistd = None\n"
            "def f():\n"
            "    try: from wikistd import Clock as Watch; import wikistd as w\n"
            "    except ImportError: Watch = w = None\n"
            "    return Watch, w.Clock\n"
            "print(Deadline(None).is_over(), Refused.__name__, wikistd.Deadline is Deadline)\n"
            "print(f()[0] is f()[1] is wikistd.Clock)\n"
        )
        want = "False APIError True\nTrue\n"
        self.assertEqual(run_python("-", stdin=build(job=job)), (0, want, ""))

    def test_docstrings(self):
        """A docstring begins the file whatever stands in its lines."""
        # Python 3.13 and later take the indentation out.
        is_dedented = sys.version_info >= (3, 13)
        want = "Do.\nIt.\n" if is_dedented else "Do.\n  It.\n"
        for start in (
            '"""Do.\n  It."""; from wikistd import Deadline\n',
            '("Do.\\n"\n"  It."\n)\nfrom wikistd import Deadline\n',
            '"Do.\\n" \\\n"  It."  # Both.\nfrom wikistd import Deadline\n',
        ):
            with self.subTest(start):
                text = build(job=start + "print(__doc__)\n")
                with redirect_stdout(io.StringIO()) as out:
                    exec(compile(text, "<cell>", "exec"), {})
                self.assertEqual(out.getvalue(), want)

    def test_odd_names(self):
        """No name of a script's file ends the comments and the docstring it stands in."""
        for name in ('a"""+print(1)+""".py', "a\nprint(1)\n#.py", "a\\x.py", "\udcff.py"):
            with self.subTest(name):
                text = build(job="from wikistd import Deadline\n", job_name=name)
                with redirect_stdout(io.StringIO()) as out:
                    exec(compile(text.encode("utf-8"), "<cell>", "exec"), {})
                self.assertEqual(out.getvalue(), "")

    def test_odd_texts(self):
        """A script is read as Python reads it: its line ends, its encoding."""
        for data, want in (
            (b"x = 1\ry = 2\r\nz = 3\n", "x = 1\ny = 2\nz = 3\n"),
            (b"\xef\xbb\xbfx = '\xc3\xa9'\n", "x = '\xe9'\n"),
            (b"# coding: latin-1\nx = '\xe9'\n", "# coding: latin-1\nx = '\xe9'\n"),
        ):
            self.assertEqual(script_text(data, "job.py"), want)
        for data in (b"x = '\xe9'\n", b"# coding: nothing\n"):
            with self.assertRaisesRegex(BundleError, "^job.py is not UTF-8"):
                script_text(data, "job.py")
        job = "x = 1\ry = 2\rfrom wikistd import Deadline\rprint(x, y)\r"
        with redirect_stdout(io.StringIO()) as out:
            exec(compile(build(job=job), "<cell>", "exec"), {})
        self.assertEqual(out.getvalue(), "1 2\n")

    def test_clashes(self):
        """A name of the script that meets one of wikistd's is an error of the bundler."""
        for line, want in (
            ("Clock = 1", "job.py:2: Clock is a name of wikistd's own: rename it"),
            ("import socket as time", "job.py:2: time hides an import of wikistd: rename it"),
            ("list = 3", "job.py:2: list hides a builtin: rename it"),
            ("from wikistd import Clock as time", "job.py:2: time hides an import of wikistd: rename it"),
            ("if 1:\n    from wikistd import Clock\nelse:\n    Clock = 1",
             "job.py:2: Clock is a name of wikistd's own: rename it"),
            ("try:\n    import wikistd\n    print(1)\nexcept ImportError:\n    Clock = 1",
             "job.py:2: Clock is a name of wikistd's own: rename it"),
            ("[time := 1 for _ in 'a' if [Clock := 1 for _ in 'a']]",
             "job.py:2: Clock is a name of wikistd's own: rename it;"
             " job.py:2: time hides an import of wikistd: rename it"),
            ("def f(x=(time := 1)): pass",
             "job.py:2: time hides an import of wikistd: rename it"),
            ("class A(type(time := 1)): pass",
             "job.py:2: time hides an import of wikistd: rename it"),
            ("def f():\n    global list", "job.py:3: list hides a builtin: rename it"),
            ("wikistd_used = 1", "job.py:2: wikistd_used is a name of wikistd's own: rename it"),
            ("def f():\n    global Clock", "job.py:3: Clock is a name of wikistd's own: rename it"),
        ):
            with self.subTest(line):
                got = self.refusal("from wikistd import Deadline\n" + line + "\n")
                self.assertEqual(got, want)

    @unittest.skipIf(sys.version_info < (3, 10), "Python 3.8 and 3.9 have no match")
    def test_clashes_in_match(self):
        """What a pattern binds is a name of the script, too."""
        for pattern, name in (
            ("time", "time"), ("[*time]", "time"), ("{1: time}", "time"), ("{**time}", "time"),
            ("[1 | 2 as time]", "time"),
        ):
            with self.subTest(pattern):
                job = "from wikistd import Deadline\nmatch 1:\n    case %s: pass\n" % pattern
                want = "job.py:2: %s hides an import of wikistd: rename it" % name
                self.assertEqual(self.refusal(job), want)

    def test_any_alias(self):
        """In functions, the package goes by any name: also by one of its own, or the script's."""
        job = (
            "w = 5\n"
            "def f():\n    import wikistd as w, wikistd as time, wikistd as print\n"
            "    return w.Deadline is time.Deadline is print.Deadline\n"
            "def g(w, x=3):\n    def h(): return w.bit_length() + x\n    return h()\n"
            "def h():\n    global later\n    import wikistd as later\n"
            "class A:\n    import wikistd as v; a = v.Clock\n    def f(self, v): return v.real\n"
            "h()\n"
            "print(w, f(), g(4), A().f(1), later.APIError.__name__)\n"
            "wiki = [w.real for w in [1]], lambda w: w.real\n"
        )
        want = "5 True 6 1 APIError\n"
        self.assertEqual(run_python("-", stdin=build(job=job)), (0, want, ""))
        job = "def f():\n    import wikistd as w\n    return w.Nope, w.Never\ndef g(w): w.x\n"
        want = "job.py:3: there is no wikistd.Never; job.py:3: there is no wikistd.Nope"
        self.assertEqual(self.refusal(job), want)

    def test_annotations(self):
        """Who looks at annotations sees what the script alone would show."""
        job = (
            "import dataclasses, typing\n"
            "from wikistd import Deadline\n"
            "@dataclasses.dataclass\nclass A:\n    x: 'dataclasses.InitVar[int]'\n    y: Deadline\n"
            "    def __post_init__(self, x): self.y = x * 2\n"
            "print(A(1, 2), dataclasses.fields(A)[0].type is Deadline, '\\x41')\n"
            "if __name__ == '__main__': A.fail\n"
        )
        path = self.write("one.py", build(job=job, job_name="job.py"))
        code, out, err = run_python(path)
        self.assertEqual((code, out), (1, "A(y=2) True A\n"))
        self.assertIn("in <module>\n    if __name__ == '__main__': A.fail\n", err)

    def test_annotations_among_strings(self):
        """Where that cannot be, who looks at them is told, once, that they are strings."""
        job = (
            "from wikistd import Deadline\nimport dataclasses, typing\n"
            "@dataclasses.dataclass\nclass A:\n    x: int\nclass B(typing.NamedTuple): y: int\n"
            "print(\'\'\'a\'\'\', \"\"\"b\"\"\")\n"
        )
        with self.assertWarns(UserWarning) as caught:
            build(job=job)
        want = "job.py:3: dataclass finds strings for annotations in the one file: see whether the"
        want += " script works with `from __future__ import annotations`"
        self.assertEqual([str(each.message) for each in caught.warnings], [want])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            build(job="from __future__ import annotations\n" + job)
            build(job="from wikistd import Deadline\ndef f(x: int): pass\n")
            build(job="from wikistd import Deadline\nprint(Deadline.__annotations__)\n")

    def test_refusals(self):
        """What cannot be resolved is refused with its line."""
        for job, want in (
            ("from wikistd import *", "job.py:1: name what you import instead of *"),
            ("from wikistd import Nope", "job.py:1: there is no wikistd.Nope"),
            ("import wikistd.errors", "job.py:1: write `from wikistd import NAME`"),
            ("from wikistd.errors import APIError as E, StatusError",
             "job.py:1: write `from wikistd import APIError, StatusError`"),
            ("def f():\n    from wikistd.errors import APIError",
             "job.py:2: write `from wikistd import APIError`"),
            ("from wikistd import Clock\nfrom os import *",
             "job.py:2: name what you import instead of *"),
            ("import os, wikistd\nos.x", "job.py:1: import wikistd in a line of its own"),
            ("import wikistd\nwikistd.__all__", "job.py:2: there is no wikistd.__all__"),
            ("print(1)", "job.py does not use wikistd"),
            ("def :", "job.py:1: invalid syntax"),
        ):
            with self.subTest(job):
                self.assertEqual(self.refusal(job + "\n"), want)

    def test_all_at_once(self):
        """All that is wrong with a script is told in one go."""
        self.assertEqual(
            self.refusal("import os, wikistd\nfrom wikistd import *\nwikistd.Nope\n"),
            "job.py:1: import wikistd in a line of its own; job.py:2: name what you"
            " import instead of *; job.py:3: there is no wikistd.Nope",
        )
        got = self.refusal("import wikistd\nlist = 3\nset = wikistd.Clock\n")
        want = "job.py:2: list hides a builtin: rename it; job.py:3: set hides a builtin: rename it"
        self.assertEqual(got, want)

    def test_needs_other_files(self):
        """A module beside the script is refused; one from elsewhere, and __file__, is told."""
        job = "from wikistd import Deadline\nimport %s\n"
        helper = self.write("helper.py", "")
        path = self.write("job.py", job % "helper.x")
        with mock.patch("wikistd.tools.building.parse_modules", lambda files: PARSED):
            code, _, err = run_bundle("--with", path, "-o", "-")
        want = "wikistd: job.py:2: helper is a file beside it: put its code here\n"
        self.assertEqual((code, err), (2, want), helper)
        want = "job.py:2: a script in one file is in no package: no leading dots"
        self.assertEqual(self.refusal("import wikistd\nfrom . import helper\n"), want)
        for line, want in (
            ("import wikistd as w; getattr(w, 'get')",
             "job.py:2: what is taken of w here is not seen: write w.NAME"),
            ("w = wikistd", "job.py:2: what is taken of wikistd here is not seen: write wikistd.NAME"),
            ("print(end=wikistd)",
             "job.py:2: what is taken of wikistd here is not seen: write wikistd.NAME"),
            ("def f(): return wikistd",
             "job.py:2: what is taken of wikistd here is not seen: write wikistd.NAME"),
            ("from importlib import import_module; import_module('wikistd')",
             "job.py:2: only `import wikistd` finds it in the one file"),
            ("import sys; sys.modules['wikistd']",
             "job.py:2: only `import wikistd` finds it in the one file"),
            ("import os.path, numpy.core", "job.py:2: numpy is not of the standard library"),
            ("from numpy import x", "job.py:2: numpy is not of the standard library"),
            ("print(__file__)", "job.py:2: __file__ is not there where the file is piped in"),
        ):
            with self.assertWarns(UserWarning) as caught:
                build(job="import wikistd\n" + line + "\nwikistd.Deadline\n")
            self.assertEqual(str(caught.warning), want)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            build(job="import wikistd\nif wikistd is None or not wikistd: wikistd.Deadline\n")

    def test_not_over_the_script(self):
        """-o does not name the script itself, by whatever path."""
        path = self.write("job.py", JOB)
        other = os.path.join(self.folder, ".", "job.py")
        code, _, err = run_bundle("--with", path, "-o", other)
        self.assertEqual((code, err), (2, "wikistd: -o %s is the script itself\n" % other))
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), JOB)

    def test_command(self):
        """`bundle --with job.py -o one.py`, and it checks as an unchanged build."""
        job = self.write("job.py", JOB)
        one = os.path.join(self.folder, "one.py")
        with mock.patch("wikistd.tools.building.parse_modules", lambda files: PARSED):
            code, out, err = run_bundle("--with", job, "-o", one)
        self.assertEqual((code, out), (0, ""))
        self.assertRegex(err, r"^wrote wikistd \S+ to \S+one\.py, \d+ bytes\n$")
        code, out, _ = run_bundle("--check", one)
        self.assertEqual(code, 0)
        self.assertIn("what job.py uses, and that script", out)
        code, _, err = run_bundle("--with", job, "--without", "server")
        self.assertEqual(code, 2)
        self.assertEqual(err, "wikistd: --with takes what the script uses: it needs no --without\n")
