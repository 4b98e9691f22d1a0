#!/usr/bin/env python3
"""The package on Pythons and machines that lack something: demo, or a sentence why not.

    run.py [NAME...]

Each case is a fresh interpreter in which something was taken away before wikistd is
imported.  The demo must hold every comparison, except where what is missing is what it
is made of; then the error is one line that says so.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]

DEMO = "from wikistd.cli.main import main; code = main(['demo', '--json']); sys.exit(code)"
HTTP = """
from wikistd import Session, serve_wiki
with serve_wiki() as wiki, Session(wiki.url, user_agent='odd/1 (me@example.org)') as session:
    session.login(wiki.bot_user, wiki.bot_password)
    print(session.post(action='edit', title='Odd', text='Ö', formatversion=2))
"""
HTTPS = """
from wikistd import HttpClient, WikistdError, serve_wiki
with serve_wiki() as wiki, HttpClient(user_agent='odd/1 (me@example.org)') as client:
    assert client.get(wiki.url + '/w/api.php').status == 200
    try:
        client.get('https' + wiki.url[4:])
    except WikistdError as error:
        print(error)
    else:
        sys.exit('https went through')
"""


def lack(*names):
    return "".join("sys.modules[%r] = None\n" % name for name in names)


NO_HASH = """
import hashlib
def refuse(name):
    def made(*args, **kwargs):
        if kwargs.get('usedforsecurity', True):
            raise ValueError('disabled for FIPS')
        return stock[name](*args)
    return made
stock = {'md5': hashlib.md5, 'sha1': hashlib.sha1}
hashlib.md5, hashlib.sha1 = refuse("md5"), refuse("sha1")
new = hashlib.new
def strict(name, data=b"", usedforsecurity=True):
    if usedforsecurity and name in stock:
        raise ValueError("disabled for FIPS")
    return new(name, data)
hashlib.new = strict
"""
#: name -> (what is taken away, what runs, exit code, words in its output, options, env)
CASES = {
    "plain": ("", DEMO, 0, '"ok": true', [], {}),
    "no ssl": (lack("ssl", "_ssl"), DEMO, 0, '"ok": true', [], {}),
    "no ssl, https": (lack("ssl", "_ssl"), HTTPS, 0, "ssl", [], {}),
    "no zlib": (lack("zlib", "gzip"), HTTP, 0, "Success", [], {}),
    # the demo draws a PNG
    "no zlib, demo": (lack("zlib", "gzip"), DEMO, 2, "zlib", [], {}),
    "no fcntl": (lack("fcntl"), DEMO, 0, '"ok": true', [], {}),
    "no sqlite3": (lack("sqlite3", "_sqlite3"), DEMO, 2, "sqlite3", [], {}),
    "no md5 and sha1": (NO_HASH, DEMO, 0, '"ok": true', [], {}),
    "-OO": ("", DEMO, 0, '"ok": true', ["-OO"], {}),
    "isolated": ("", DEMO, 0, '"ok": true', ["-I", "-S", "-E", "-B"], {}),
    "ASCII locale": ("", DEMO, 0, '"ok": true', [], {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}),
    "no HOME": ("", DEMO, 0, '"ok": true', [], {"HOME": ""}),
    "no poll": (
        "import select\nfor n in ('poll', 'epoll'):\n    hasattr(select, n) and delattr(select, n)\n",
        DEMO, 0, '"ok": true', [], {},
    ),
    "no fork": ("import os\nfor n in ('fork', 'register_at_fork'):\n"
                "    hasattr(os, n) and delattr(os, n)\n", DEMO, 0, '"ok": true', [], {}),
}


def run(name):
    """Run one case; return what was wrong, or None."""
    taken, what, want, words, options, env = CASES[name]
    environ = {"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", "")}
    for key in ("SYSTEMROOT", "TMPDIR", "TEMP"):
        if key in os.environ:
            environ[key] = os.environ[key]
    environ.update(env)
    if not environ["HOME"]:
        del environ["HOME"]
    code = "import sys\nsys.path.insert(0, %r)\n%s\n%s" % (str(ROOT), taken, what)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, *options, "-W", "error", "-c", code], cwd=folder, env=environ,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=120,
        )
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode != want:
        return "exit code %d, not %d:\n%s" % (done.returncode, want, text)
    if words not in text or "Traceback" in text:
        return "%r is not in:\n%s" % (words, text)
    return None


def main():
    failed = 0
    for name in sys.argv[1:] or CASES:
        wrong = run(name)
        failed += bool(wrong)
        print("%-18s %s" % (name, "FAILED: " + wrong if wrong else "as it should be"))
    print("note: %d of %d cases failed" % (failed, len(sys.argv[1:] or CASES)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
