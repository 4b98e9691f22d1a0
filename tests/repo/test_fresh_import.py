"""What importing the package does to a fresh interpreter: nothing but definitions."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

from .source import ROOT

PROBE = """
import sys
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
import wikistd
import json, threading
print(json.dumps({
    "threads": threading.active_count(),
    "dear": sorted(set(sys.modules) & set(sys.argv[2].split()) - before),
    "names": len(wikistd.__all__),
}))
"""
DEAR = (
    "dataclasses logging asyncio concurrent.futures inspect unittest argparse subprocess"
    " multiprocessing sqlite3 xml.etree decimal statistics uuid http.server socketserver"
    " wsgiref pydoc platform mimetypes traceback importlib.metadata"
)


def fresh(*options, code, args=(), env=None):
    """Run `code` in a fresh interpreter; return (exit code, stdout, stderr)."""
    done = subprocess.run(
        [sys.executable, *options, "-c", code, str(ROOT), *args],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        cwd=tempfile.gettempdir(), env=env,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class FreshImport(unittest.TestCase):
    def test_isolated(self):
        """It imports with -I -S -B -W error, starts no thread, loads nothing dear."""
        # What Python's own urllib.request and http.client load is not ours to count.
        stock = "import sys, urllib.request, http.cookiejar, json; print(*sys.modules)"
        _, out, _ = fresh("-I", "-S", code=stock)
        dear = " ".join(set(DEAR.split()) - set(out.split()))
        code, out, err = fresh("-I", "-S", "-B", "-W", "error", code=PROBE, args=[dear])
        self.assertEqual((code, err), (0, ""))
        found = json.loads(out)
        self.assertEqual(found["threads"], 1)
        self.assertEqual(found["dear"], [])
        self.assertGreater(found["names"], 0)

    def test_without_docstrings(self):
        """It imports with -OO, in an ASCII locale, with no HOME."""
        env = {"LC_ALL": "C", "PATH": os.environ.get("PATH", "")}
        if "SYSTEMROOT" in os.environ:
            env["SYSTEMROOT"] = os.environ["SYSTEMROOT"]
        code, _, err = fresh("-OO", "-B", "-W", "error", code=PROBE, args=[""], env=env)
        self.assertEqual((code, err), (0, ""))
