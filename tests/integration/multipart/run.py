#!/usr/bin/env python3
"""Multipart bodies and forms against all their real counterparts, one after the other."""

import pathlib
import subprocess
import sys

SCRIPTS = ("peers.py", "php.py", "chromium.py")


def main():
    here = pathlib.Path(__file__).resolve().parent
    failed = [
        script for script in SCRIPTS
        if subprocess.run([sys.executable, str(here / script)]).returncode
    ]
    print("failed: %s" % ", ".join(failed) if failed else "all agree")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
