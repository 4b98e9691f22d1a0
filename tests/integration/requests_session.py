#!/usr/bin/env python3
"""Run tests/contract with a requests.Session in place of HttpClient, on a real wiki.

    requests_session.py [unittest options and names...]

Installs requests into a throw-away environment; mediawiki/contract.py starts the wiki,
unless WIKISTD_TEST_WIKI and WIKISTD_TEST_ACCOUNTS name one.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = os.path.join(folder, "bin", "python")
        subprocess.run([python, "-m", "pip", "-q", "install", "requests"], check=True)
        env = dict(os.environ, WIKISTD_TEST_CLIENT="requests")
        if "WIKISTD_TEST_WIKI" in env:
            where = ["-s", "tests/contract", "-t", "."]
            command = [python, "-m", "unittest", "discover", *where, *sys.argv[1:]]
        else:
            command = [python, str(HERE / "mediawiki" / "contract.py"), *sys.argv[1:]]
        return subprocess.run(command, env=env, cwd=str(HERE.parents[1])).returncode


if __name__ == "__main__":
    raise SystemExit(main())
