"""Finds the examples of a reST page and runs them against the embedded wiki.

Two kinds: `>>>` sessions, compared as doctests do, one namespace a page; and blocks
`.. code-block:: python`, run as scripts of their own, whose printed lines are returned.
In a script https://test.wikipedia.org stands for the wiki and Example@bot for its bot
password's name; the password is in the environment as WIKI_PASSWORD.  A block that
begins with `# Not run:` and a reason is only compiled.
"""

import contextlib
import doctest
import faulthandler
import io
import logging
import os
import re
import sys
import tempfile
import textwrap
import threading
import types
import unittest

import wikistd

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
BLOCK = re.compile(r"^\.\. code-block:: python\n(?:   :.*\n)*\n((?:(?:   .*)?\n)+)", re.M)
WIKI_URL = "https://test.wikipedia.org"
BOT_NAME = "Example@bot"
MAX_PAGE_SECONDS = 60


def scripts(text):
    """Return [(line number, source)] of the page's python blocks."""
    return [
        (text.count("\n", 0, match.start(1)) + 1, textwrap.dedent(match.group(1)))
        for match in BLOCK.finditer(text)
    ]


class Traffic:
    """Edits the wiki every 20 ms, so that a stream has something to say."""

    def __init__(self, wiki):
        self.wiki = wiki
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        number = 0
        while not self.ended.wait(0.02):
            number += 1
            self.wiki.store.save_page(
                "Traffic", "edit %d" % number, user=self.wiki.user, summary="example"
            )

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc_info):
        self.ended.set()
        self.thread.join()


@contextlib.contextmanager
def workplace():
    """A temporary current folder, and the environment as it was afterwards."""
    before, environ = os.getcwd(), dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield folder
        finally:
            os.chdir(before)
            os.environ.clear()
            os.environ.update(environ)


def close_all(space):
    """Close what an example left open, newest first."""
    for value in reversed(list(space.values())):
        close = getattr(value, "close", None)
        if callable(close) and not isinstance(value, (type, types.ModuleType)):
            close()


def run_session(test, text, name):
    """Run the `>>>` examples of a page as one doctest."""
    space = {"__name__": "__main__"}
    case = doctest.DocTestParser().get_doctest(text, space, name, name, 0)
    if not case.examples:
        return 0
    out = io.StringIO()
    with workplace():
        try:
            runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
            done = runner.run(case, out=out.write, clear_globs=False)
        finally:
            close_all(case.globs)
    test.assertEqual(done.failed, 0, out.getvalue())
    return done.attempted


def run_script(source, name, wiki):
    """Run one block as a script; return what it printed."""
    source = source.replace(WIKI_URL, wiki.url).replace(BOT_NAME, wiki.bot_user)
    code = compile(source, name, "exec")
    if source.lstrip().startswith("# Not run:"):
        return ""
    script = types.ModuleType("__main__")
    space = vars(script)
    main, sys.modules["__main__"] = sys.modules["__main__"], script
    out = io.StringIO()
    with workplace() as folder:
        os.environ["WIKI_PASSWORD"] = wiki.bot_password
        with open(os.path.join(folder, "photo.png"), "wb") as file:
            file.write(PNG)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                exec(code, space)
        finally:
            sys.modules["__main__"] = main
            close_all(space)
    return out.getvalue()


#: One pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d4944415478da63fcffff3f030005fe02fea72d5e6b0000000049454e44ae426082"
)


class PageCase(unittest.TestCase):
    """One page of the documentation."""

    path = None

    def read(self):
        return self.path.read_text("utf-8")

    def run_page(self):
        # An example that waits for ever would hide which one it is.
        faulthandler.dump_traceback_later(MAX_PAGE_SECONDS, exit=True)
        self.addCleanup(faulthandler.cancel_dump_traceback_later)
        # What a page tells its reader about gaps and retries is not the tests' output.
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)
        text = self.read()
        name = self.path.name
        count = run_session(self, text, name)
        blocks = scripts(text)
        if blocks:
            with wikistd.serve_wiki() as wiki, Traffic(wiki):
                for line, source in blocks:
                    with self.subTest("%s:%d" % (name, line)):
                        run_script("\n" * (line - 1) + source, name, wiki)
        return count + len(blocks)
