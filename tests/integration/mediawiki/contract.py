#!/usr/bin/env python3
"""Run tests/contract against a real MediaWiki: start one, run, stop it.

    contract.py [--dir D] [--port P] [--keep] [unittest options and names...]

WIKISTD_TEST_WIKI and WIKISTD_TEST_ACCOUNTS tell the suite which wiki it talks to;
without them the same tests run against the embedded wiki.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dir", default="/tmp/wikistd-mediawiki")
    parser.add_argument("--port", default="8811")
    parser.add_argument("--keep", action="store_true", help="leave the wiki running")
    given, rest = parser.parse_known_args()
    wiki = [sys.executable, str(HERE / "wiki.py")]
    where = ["--dir", given.dir]
    done = subprocess.run(
        wiki + ["up"] + where + ["--port", given.port], stdout=subprocess.PIPE, check=True
    )
    status = json.loads(done.stdout.decode())
    env = dict(
        os.environ, WIKISTD_TEST_WIKI=status["url"], WIKISTD_TEST_ACCOUNTS=status["accounts"]
    )
    tests = [sys.executable, "-W", "error", "-m", "unittest"]
    names = [word for word in rest if not word.startswith("-")]
    tests += rest if names else ["discover", "-s", "tests/contract", "-t", ".", *rest]
    try:
        return subprocess.run(tests, env=env, cwd=str(ROOT)).returncode
    finally:
        if not given.keep:
            subprocess.run(wiki + ["down"] + where, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    raise SystemExit(main())
