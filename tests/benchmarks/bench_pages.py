#!/usr/bin/env python3
"""100,000 pages through query_pages: flat memory, and a cursor that changes hands.

    bench_pages.py [--pages 100000] [--stops 20]

The embedded wiki serves from a process of its own.  One reader takes a tenth of the
pages and another all of them: the second may need 4 MB more.  Then readers that each
take a random number of pages and end, leaving a cursor: together they see each page
once.  Prints one JSON line; exit code 1 where a bound is missed.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVER = """
import sys
from wikistd import serve_wiki
with serve_wiki(sys.argv[1]) as wiki:
    print(wiki.url, flush=True)
    sys.stdin.read()
"""
READER = """
import json, resource, sys
from wikistd import Session, query_pages
url, end, cursor, count = sys.argv[1], sys.argv[2], sys.argv[3] or None, int(sys.argv[4])
session = Session(url, "wikistd-bench/1.0 (tests; https://example.org/wikistd)")
query = query_pages(session, generator="allpages", gapprefix="Bulk ", gapto=end,
                    prop="info", cursor=cursor)
seen, first, last, ordered = 0, None, "", True
for page in query:
    ordered = ordered and page["title"] > last
    last = page["title"]
    first = first or last
    seen += 1
    if seen == count:
        break
else:
    count = -1
print(json.dumps({
    "seen": seen, "first": first, "last": last, "ordered": ordered, "ended": count == -1,
    "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, "cursor": query.cursor}))
session.close()
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", type=int, default=100000)
    parser.add_argument("--stops", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return run(os.path.join(folder, "wiki.sqlite"), given)


def title(number):
    return "Bulk %06d" % number


def fill(path, count):
    """Save pages straight into the store."""
    sys.path.insert(0, str(ROOT))
    from wikistd import PageStore

    with PageStore(path) as store:
        store.create_user("Filler", "a-password-of-some-length")
        for number in range(count):
            store.save_page(title(number), "text %d" % number, user="Filler")


def run(path, given):
    began = time.monotonic()
    fill(path, given.pages)
    filled = time.monotonic() - began
    env = dict(os.environ, PYTHONPATH=str(ROOT))
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, path],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        url = server.stdout.readline().decode().strip()

        def read(end, cursor="", count=0):
            arguments = [url, end, cursor, str(count)]
            done = subprocess.run(
                [sys.executable, "-c", READER, *arguments],
                env=env,
                stdout=subprocess.PIPE,
                check=True,
            )
            return json.loads(done.stdout.decode())

        began = time.monotonic()
        tenth = read(title(given.pages // 10 - 1))
        whole = read(title(given.pages))
        seconds = time.monotonic() - began
        dice = random.Random(given.seed)
        cursor, seen, last, readers, ordered = "", 0, "", 0, True
        while True:
            count = dice.randrange(1, 2 * given.pages // given.stops)
            part = read(title(given.pages), cursor, count)
            readers += 1
            if part["first"] is not None:
                ordered = ordered and part["ordered"] and part["first"] > last
                last = part["last"]
            seen += part["seen"]
            cursor = part["cursor"]
            if part["ended"]:
                break
    finally:
        server.stdin.close()
        server.wait(30)
        server.stdout.close()
    result = {
        "pages": given.pages,
        "fill_seconds": round(filled, 1),
        "read_seconds": round(seconds, 1),
        "tenth_mb": round(tenth["rss"] / 1024, 1),
        "whole_mb": round(whole["rss"] / 1024, 1),
        "readers": readers,
        "seen": seen,
    }
    result["ok"] = (
        tenth["seen"] == given.pages // 10
        and whole["seen"] == seen == given.pages
        and ordered
        and whole["rss"] - tenth["rss"] <= 4096
    )
    print(json.dumps(result))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
