"""Interpreters that tests start: what one of them compiled the others need not."""

import contextlib
import os
import sys
import tempfile

FOLDER = "PYTHONPYCACHEPREFIX"


@contextlib.contextmanager
def shared_bytecode():
    """Let the interpreters that are started meanwhile share a folder of bytecode.

    Only where none is written into the tree (-B, PYTHONDONTWRITEBYTECODE): there each
    would compile the whole package anew, for longer than most tests take.
    """
    if not sys.dont_write_bytecode or os.environ.get(FOLDER):
        yield
        return
    with tempfile.TemporaryDirectory() as folder:
        before = dict(os.environ)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def bytecode_options():
    """Return the options by which an interpreter that is run with -I does so too."""
    folder = os.environ.get(FOLDER)
    return ["-X", "pycache_prefix=" + folder] if folder else ["-B"]
