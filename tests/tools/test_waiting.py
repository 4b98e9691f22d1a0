"""The one file's parts wait until a name of theirs is asked for, and are whole then."""

import os
import py_compile
import sys
import unittest

from tests.repo.source import PACKAGE, Source
from wikistd.tools.building import bundle_text
from wikistd.tools.flatten import parse_modules
from wikistd.tools.sources import BundleError

from .builds import PARSED, Case, differing_parts, run_python

FROM_FOLDER = "import sys; sys.path.insert(0, sys.argv[1]); "


class Waiting(Case):
    def run_code(self, code, *, text=None, warns=False):
        """Run `code` beside the file; return what it prints."""
        self.write("one.py", text or self.small)
        # Python 3.12 warns of every fork in a program with threads.
        options = ("-W", "ignore") if warns else ()
        code, out, err = run_python(*options, "-c", FROM_FOLDER + code, self.folder)
        self.assertEqual((code, err), (0, ""))
        return out

    def test_same_statements(self):
        """A part with strings of several lines or late imports is its module's statements."""
        # A few: tests/integration/forms compares them all, which takes five seconds.
        there = [m for m in PARSED.values() if "\n# wikistd/%s\n" % m.short in self.text]
        some = [m for m in there if m._lines_inside_strings()][::8]
        some = [Source(PACKAGE / m.short) for m in some + [m for m in there if m.late_needs]]
        self.assertEqual(differing_parts(self.text, some), [])
        self.assertGreater(len(some), 5)

    def test_too_old(self):
        """The age of Python is looked at before anything else."""
        before, _, rest = self.small.partition("if sys.version_info < (3, 8):\n    raise ")
        self.assertIn("needs Python 3.8 or newer", rest[:100])
        imports = [line for line in before.splitlines() if "import " in line and line[0] in "fi"]
        self.assertEqual(imports, ["from __future__ import annotations", "import sys"])

    def test_import_defines_nothing(self):
        """Imported, it loads nothing dear; a name brings its part and what that needs."""
        out = self.run_code(
            "import one; print('APIError' in vars(one), 'struct' in sys.modules)\n"
            "one.APIError; print(sorted(one.PARTS_DONE))\n"
            "one.read_form; print('formats/headers' in one.PARTS_DONE, 'APIError' in dir(one))\n"
            "print(one.MAX_SSE_RETRY_DIGITS, one.PARTS_DONE >= {'formats/sse'}, len(one.PARTS_DONE) < 9)\n"
        )
        self.assertEqual(
            out, "False False\n['errors']\nTrue True\n15 True True\n"
        )

    def test_no_typing(self):
        """A client needs no typing, which takes 0.6 MB: its names are for annotations."""
        out = self.run_code(
            "import http.cookiejar, ssl, urllib.request\n"
            "before = 'typing' in sys.modules\nimport one\n"
            "one.HttpClient(user_agent='a/1 (me@example.org)').close()\n"
            "print('typing' in sys.modules and not before)\n",
            text=self.text,
        )
        self.assertEqual(out, "False\n")

    def test_unknown(self):
        """A name that is nowhere is said to be none; so are names with a meaning."""
        out = self.run_code(
            "import one\nfor name in ('__wrapped__', 'nope'):\n"
            "    try:\n        getattr(one, name)\n"
            "    except AttributeError as error:\n        print(error, len(one.PARTS_DONE))\n"
        )
        self.assertEqual(
            out, "module 'one' has no attribute '__wrapped__' 0\n"
            "module 'one' has no attribute 'nope' 0\n",
        )

    def test_whole_for_every_thread(self):
        """Threads that ask at the same moment find each part complete."""
        out = self.run_code(
            "import threading, one\nsys.setswitchinterval(1e-6)\n"
            "go, wrong = threading.Barrier(8), []\n"
            "def work():\n    go.wait()\n    try:\n"
            "        from one import FormData\n"
            "        form = FormData(); form.add_field('a', 'b'); b''.join(form.serialize())\n"
            "    except Exception as error:\n        wrong.append(repr(error))\n"
            "threads = [threading.Thread(target=work) for _ in range(8)]\n"
            "[t.start() for t in threads]; [t.join() for t in threads]; print(wrong)\n"
        )
        self.assertEqual(out, "[]\n")

    def test_plain_objects(self):
        """Classes pickle, show their source and their types as those of any module."""
        out = self.run_code(
            "import inspect, pickle, typing, one\n"
            "error = pickle.loads(pickle.dumps(one.APIError('a', 'b')))\n"
            "print(type(error) is one.APIError, repr(one.APIError))\n"
            "print(inspect.getsource(one.Response).strip().split('(')[0])\n"
            "print(sorted(typing.get_type_hints(one.ServerSentEvent)))\n"
            "print(inspect.getdoc(one.EventParser.feed) != '')\n",
            text=self.text,
        )
        self.assertEqual(
            out, "True <class 'one.APIError'>\nclass Response\n['data', 'id', 'type']\nTrue\n"
        )

    def test_texts(self):
        """What waits as text is compiled in its own lines: they are shown as for any code."""
        out = self.run_code(
            "import inspect, pickle, traceback, one\n"
            "print(inspect.getsource(one.encode_comment).partition('(')[0])\n"
            "print(inspect.getsource(one.EventParser.feed).strip().partition('(')[0])\n"
            "lines = one.__loader__.get_source('one').split('\\n')\n"
            "print(lines[one.encode_comment.__code__.co_firstlineno - 1].partition('(')[0])\n"
            "event = one.ServerSentEvent('a', 'b', 'c')\n"
            "print(pickle.loads(pickle.dumps(event)) == event)\n"
            "try:\n    one.encode_comment(3)\n"
            "except Exception as error:\n"
            "    last = traceback.extract_tb(error.__traceback__)[1]\n"
            "    print(last.filename == one.__file__, last.line == lines[last.lineno - 1].strip())\n"
        )
        self.assertEqual(
            out, "def encode_comment\ndef feed\ndef encode_comment\nTrue\nTrue True\n"
        )

    def test_optimized_texts(self):
        """Under -OO the texts lose their docstrings too; without their file they are there."""
        path = self.write("one.py", self.small)
        py_compile.compile(path, path + "c", doraise=True)
        code = FROM_FOLDER + (
            "import one; print(one.__file__[-3:], one.EventParser().feed(b'data: 1\\n\\n')[0].data,"
            " one.EventParser.__doc__ is None)"
        )
        self.assertEqual(run_python("-OO", "-c", code, self.folder), (0, ".py 1 True\n", ""))
        os.unlink(path)
        self.assertEqual(run_python("-c", code, self.folder), (0, "pyc 1 False\n", ""))

    def test_what_cannot_be_text(self):
        """A part is put between other delimiters, or refused, where it holds the usual ones."""
        single, double = "'" * 3, '"' * 3
        for value, told in (
            (repr("a\\"), ""),
            (repr(single), ""),
            (repr(single) + "  # " + double, "^a.py has strings between"),
        ):
            files = {"__init__.py": "from .a import name\n", "a.py": "name = %s\n" % value}
            with self.subTest(value):
                if told:
                    with self.assertRaisesRegex(BundleError, told):
                        bundle_text(parse_modules(files), "1")
                    continue
                out = self.run_code(
                    "import one; print(one.name)", text=bundle_text(parse_modules(files), "1")
                )
                self.assertEqual(out, "%s\n" % eval(value))

    def test_what_is_put_there_stays(self):
        """A stand-in in the place of a name is not lost when another part is defined."""
        out = self.run_code(
            "from unittest import mock\nimport one\n"
            "with mock.patch('one.EventParser', 1):\n"
            "    one.FormData; print(one.EventParser)\n"
            "one.parse_link; print(one.EventParser, one.EventParser is one.PARTS_BEHIND.EventParser)\n"
        )
        self.assertEqual(out, "1\n<class 'one.EventParser'> True\n")

    @unittest.skipUnless(hasattr(os, "fork"), "needs fork")
    def test_fork_while_parts_are_defined(self):
        """A child whose parent was defining parts in another thread defines its own."""
        out = self.run_code(
            "import os, signal, threading, one\n"
            "held, done = threading.Event(), threading.Event()\n"
            "def hold():\n"
            # In the midst of a part, as an import that takes long would hold it there.
            "    def stop(frame, *_):\n"
            "        if frame.f_code is one.PARTS_CODE:\n"
            "            held.set(); done.wait(20)\n"
            "    sys.settrace(stop); one.APIError\n"
            "thread = threading.Thread(target=hold); thread.start(); held.wait(20)\n"
            "child = os.fork()\n"
            "if not child:\n"
            "    signal.alarm(10); one.EventParser; os._exit(7)\n"
            "print(os.waitpid(child, 0)[1] >> 8); done.set(); thread.join(); one.FormData\n",
            warns=True,
        )
        self.assertEqual(out, "7\n")

    @unittest.skipIf(
        sys.implementation.name == "pypy", "a reload there disturbs threads now and then"
    )
    def test_reload_while_parts_are_asked_for(self):
        """Threads that ask for names find them all while the file is reloaded."""
        out = self.run_code(
            "import importlib, threading, one\nsys.setswitchinterval(1e-6)\n"
            "wrong, names = [], list(one.__all__)\n"
            "def work(part):\n    try:\n"
            "        for name in part:\n            getattr(one, name)\n"
            "    except Exception as error:\n        wrong.append(repr(error))\n"
            "threads = [threading.Thread(target=work, args=(names[n:] + names[:n],))"
            " for n in range(0, len(names), 4)]\n"
            "[t.start() for t in threads]\n"
            "for _ in range(6):\n    importlib.reload(one)\n"
            "[t.join() for t in threads]; print(wrong[:2], issubclass(one.APIError, one.WikistdError))\n"
        )
        self.assertEqual(out, "[] True\n")

    def test_reload(self):
        """Reloaded ten times, what was defined stays; of a changed file it is made anew."""
        self.write("two.py", self.small.replace('__version__ = "', '__version__ = "9', 1))
        out = self.run_code(
            "import atexit, importlib, os, threading, one\n"
            "old = one.EventParser\n"
            "hooks = getattr(atexit, '_ncallbacks', lambda: 0)\n"
            "before = threading.active_count(), hooks()\n"
            "for _ in range(10):\n    importlib.reload(one)\n"
            "print(one.EventParser is old, 'FormData' in vars(one))\n"
            "print(one.FormData, (threading.active_count(), hooks()) == before)\n"
            "os.replace(sys.argv[1] + '/two.py', sys.argv[1] + '/one.py')\n"
            "importlib.reload(one)\n"
            "print(one.__version__[0], vars(one)['EventParser'] is not old, one.FormData)\n"
        )
        self.assertEqual(
            out, "True False\n<class 'one.FormData'> True\n9 True <class 'one.FormData'>\n"
        )

    def test_at_once_without_a_module(self):
        """By exec, in any dictionary, and by `import *` every name is there."""
        out = self.run_code(
            "import one; from one import *; print(EventParser)\n"
            "code = one.__loader__.get_source('one')\n"
            "for space in ({}, {'__name__': 'cell'}, {'__name__': 'sys'}):\n"
            "    exec(code, space); print(space['EventParser']().feed(b'data: 1\\n\\n')[0].data)\n"
        )
        self.assertEqual(out, "<class 'one.EventParser'>\n1\n1\n1\n")

    def test_text_in_a_notebook(self):
        """exec(text) binds every name there, or in a module, and runs no command."""
        code = (
            "\nwith open(sys.argv[1] + '/one.py', encoding='utf-8') as file: text = file.read()\n"
            "exec(text); exec(text)\n"
            "print(EventParser.__module__, callable(globals().get('main', len)))\n"
            "space = {'__name__': '__main__'}; exec(text, space); print('APIError' in space)\n"
            "import types; one = types.ModuleType('one'); exec(text, vars(one))\n"
            "print(one.EventParser)\n"
        )
        want = "__main__ True\nTrue\n<class 'one.EventParser'>\n"
        self.assertEqual(self.run_code(code), want)
        self.assertEqual(self.run_code(code, text=self.text), want)

    def test_names_of_the_head(self):
        """A module that defines a name of the file's own head is an error."""
        files = {"__init__.py": "from .a import PARTS_DONE\n", "a.py": "PARTS_DONE = 1\n"}
        with self.assertRaises(BundleError) as caught:
            bundle_text(parse_modules(files), "1")
        self.assertEqual(str(caught.exception), "PARTS_DONE is a name of the one file's own")


if __name__ == "__main__":
    unittest.main()
