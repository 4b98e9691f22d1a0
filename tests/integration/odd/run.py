#!/usr/bin/env python3
"""The package on Pythons and machines that lack something: demo, or a sentence why not.

    run.py [--one-file] [NAME...]

Each case is a fresh interpreter in which something was taken away before wikistd is
imported.  The demo must hold every comparison, except where what is missing is what it
is made of; then the error is one line that says so.  With --one-file it is the one file
that runs, not the package.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]

DEMO = """
try:
    from wikistd.cli.main import main
except ImportError:  # the one file
    from wikistd import main
sys.exit(main(['demo', '--json']))
"""
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


#: A whole working day with nowhere to write: the client, a session, an edit, a batch of
#: pages, cookies that are kept in memory.  Then what was asked for fails.
NOTHING_WRITTEN = """
import json, os, tempfile
try:
    open(os.path.join(os.getcwd(), "probe"), "w").close()
    sys.exit("this file system takes files")
except OSError:
    pass
import wikistd
from wikistd import CookieStore, Session, edit_page, query_pages, serve_wiki, upload_file
with serve_wiki() as wiki:
    client = wikistd.HttpClient(user_agent='odd/1 (me@example.org)', cookies=CookieStore())
    with client, Session(wiki.url, session=client) as session:
        session.login(wiki.bot_user, wiki.bot_password)
        assert edit_page(session, 'Odd', text='first').revid
        upload_file(session, b'GIF89a' + bytes(30), 'Odd.gif', text='text')
        titles = [page['title'] for page in query_pages(session, titles=['Odd'], prop='info')]
        assert titles == ['Odd'], titles
        try:
            CookieStore(os.path.join(os.getcwd(), 'cookies.lwp')).save()
        except OSError as error:
            print('asked for:', error)
        session.logout()
print('all of it')
"""


#: Everything in one thread: the wiki answers inside the call.
SYNCHRONOUS = """
from wikistd import HttpClient, PageStore, Session, WikiApp, edit_page, local_connect, query_pages
store = PageStore()
store.create_user('Odd', 'a long password')
store.create_bot_password('Odd', 'bot', 'x' * 32)
with HttpClient(connect=local_connect(WikiApp(store)), user_agent='odd/1 (me@example.org)') as client:
    session = Session('http://wiki.test', session=client)
    session.login('Odd@bot', 'x' * 32)
    edit_page(session, 'Odd', text='first')
    print([page['title'] for page in query_pages(session, generator='allpages', prop='info')])
store.close()
"""
NO_THREADS = """
import _thread, threading
def refuse(*args, **kwargs):
    raise RuntimeError("can't start new thread")
for module in (_thread, threading):
    for name in ("start_new_thread", "start_joinable_thread", "_start_new_thread",
                 "_start_joinable_thread", "start_new"):
        if hasattr(module, name):
            setattr(module, name, refuse)
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
        "import hashlib, select, ssl  # which PyPy makes with poll\n"
        "for n in ('poll', 'epoll'):\n    hasattr(select, n) and delattr(select, n)\n",
        DEMO, 0, '"ok": true', [], {},
    ),
    "no threads": (NO_THREADS, SYNCHRONOUS, 0, "['Odd']", [], {}),
    "read-only": ("", NOTHING_WRITTEN, 0, "all of it", [], {}),
    "no fork": ("import os\nfor n in ('fork', 'register_at_fork'):\n"
                "    hasattr(os, n) and delattr(os, n)\n", DEMO, 0, '"ok": true', [], {}),
}


def read_only(command):
    """Return the command in a world of its own where no file system takes files."""
    script = (
        'for place in $(awk \'{ print $2 }\' /proc/mounts); do '
        'mount -o remount,bind,ro "$place" 2>/dev/null; done; exec "$@"'
    )
    inside = ["unshare", "-rm", "sh", "-c", script, "sh"]
    if shutil.which("unshare") and not subprocess.call(
        inside + ["true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ):
        return inside + command
    print("note: no mount namespace here, read-only was not run")
    return None


def run(name, place=str(ROOT)):
    """Run one case on the wikistd in `place`; return what was wrong, or None."""
    taken, what, want, words, options, env = CASES[name]
    environ = {"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", "")}
    for key in ("SYSTEMROOT", "TMPDIR", "TEMP"):
        if key in os.environ:
            environ[key] = os.environ[key]
    environ.update(env)
    if not environ["HOME"]:
        del environ["HOME"]
    code = "import sys\nsys.path.insert(0, %r)\n%s\n%s" % (place, taken, what)
    command = [sys.executable, *options, "-W", "error", "-c", code]
    if name == "read-only":
        command = read_only(command)
        if command is None:
            return None
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command, cwd=folder, env=environ,
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
    names = sys.argv[1:]
    is_one_file = "--one-file" in names
    if is_one_file:
        names.remove("--one-file")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        place = str(ROOT)
        if is_one_file:
            place = folder
            subprocess.run(
                [sys.executable, "-m", "wikistd", "bundle", "-o", folder + "/wikistd.py"],
                cwd=str(ROOT), check=True,
            )
        for name in names or CASES:
            wrong = run(name, place)
            failed += bool(wrong)
            print("%-18s %s" % (name, "FAILED: " + wrong if wrong else "as it should be"))
    print("note: %d of %d cases failed" % (failed, len(names or CASES)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
