#!/usr/bin/env python3
"""The package in WebAssembly: CPython as pyodide, under node, without sockets.

    run.py [--keep DIR]

Installs pyodide from the npm registry into a throw-away folder, imports the package
there, runs the tests of the formats room and of what needs no network, and a Session
over a transport.  Exit code 77 where node or pyodide cannot be had.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep", metavar="DIR", help="install into DIR, and leave it")
    given = parser.parse_args()
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        print("note: no node or npm here: nothing was run in WebAssembly")
        return 77
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(given.keep or temporary)
        folder.mkdir(exist_ok=True)
        if not (folder / "node_modules" / "pyodide").exists():
            done = subprocess.run(
                [npm, "install", "--no-audit", "--no-fund", "--silent", "pyodide"],
                cwd=str(folder), stdin=subprocess.DEVNULL,
            )
            if done.returncode:
                print("note: pyodide cannot be had: nothing was run in WebAssembly")
                return 77
        for name in ("start.mjs", "inside.py"):
            shutil.copy(str(HERE / name), str(folder / name))
        return subprocess.run(
            [node, "--stack-size=6500", "start.mjs", str(ROOT)], cwd=str(folder), stdin=subprocess.DEVNULL
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
