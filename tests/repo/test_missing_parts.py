"""Pythons that lack parts: the package imports, and says what it cannot do."""

import subprocess
import sys
import unittest

from tests.support.children import bytecode_options

from .source import ROOT

LACKING = """
import sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2].split():
    sys.modules[name] = None
import wikistd
for name in wikistd.__all__:
    getattr(wikistd, name)
print(len(wikistd.__all__))
"""
PARTS = (
    "ssl _ssl sqlite3 _sqlite3 zlib gzip bz2 lzma _bz2 _lzma fcntl msvcrt ctypes _ctypes"
    " multiprocessing mmap readline curses pwd grp resource termios tty winreg"
)


def without(parts, code=LACKING):
    done = subprocess.run(
        [sys.executable, "-I", "-S", *bytecode_options(), "-W", "error", "-c", code, str(ROOT), parts],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class MissingParts(unittest.TestCase):
    def test_all_at_once(self):
        """It imports where all of them are missing at once."""
        code, out, err = without(PARTS)
        self.assertEqual((code, err), (0, ""))
        self.assertGreater(int(out), 50)

    def test_no_threads(self):
        """It imports where no thread can be started."""
        code = "import _thread\ndef no(*a, **k): raise RuntimeError('no threads')\n_thread.start_new_thread = no\n"
        code, out, err = without("", code + LACKING)
        self.assertEqual((code, err), (0, ""))
