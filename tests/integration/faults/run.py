#!/usr/bin/env python3
"""Edits, appends and uploads through a proxy that spoils answers, on a real MediaWiki.

    run.py [--edits 500] [--appends 500] [--uploads 20] [--rate 0.3] [--seed 1]

The wiki is the one of WIKISTD_TEST_WIKI and WIKISTD_TEST_ACCOUNTS, or one that
../mediawiki/wiki.py starts.  Afterwards the wiki itself, without the proxy, is asked
what is there: nothing may be doubled, nothing silently missing, nothing there that was
reported as not done, at most one in a hundred reported as of unknown fate, and one in a
hundred as not done.  Prints one JSON line; exit code 1 if that fails.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[2])]

from proxy import FaultProxy  # noqa: E402

from wikistd import Session, edit_page, upload_file  # noqa: E402
from wikistd.errors import WikistdError  # noqa: E402

USER_AGENT = "wikistd-faults/1.0 (tests; https://example.org/wikistd)"
TIMEOUT = 2.0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--edits", type=int, default=500)
    parser.add_argument("--appends", type=int, default=500)
    parser.add_argument("--uploads", type=int, default=20)
    parser.add_argument("--rate", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    url = os.environ.get("WIKISTD_TEST_WIKI")
    accounts = os.environ.get("WIKISTD_TEST_ACCOUNTS")
    script = [sys.executable, str(HERE.parent / "mediawiki" / "wiki.py")]
    is_ours = not url
    if is_ours:
        done = subprocess.run(script + ["up"], stdout=subprocess.PIPE, check=True)
        status = json.loads(done.stdout.decode())
        url, accounts = status["url"], status["accounts"]
    try:
        with open(accounts, encoding="utf-8") as file:
            account = json.load(file)["bot"]
        return run(url, account, given)
    finally:
        if is_ours:
            subprocess.run(script + ["down"], stdout=subprocess.DEVNULL)


def run(url, account, given):
    began = time.monotonic()
    name = "Faults %d" % time.time_ns()
    plain = Session(url, USER_AGENT, formatversion=2)
    plain.login(account["username"], account["password"])
    with FaultProxy(
        url.partition("://")[2], rate=0, seed=given.seed, late_seconds=TIMEOUT + 0.7
    ) as proxy:
        session = Session(proxy.url, USER_AGENT, formatversion=2, timeout=TIMEOUT)
        session.login(account["username"], account["password"])
        proxy.rate = given.rate
        report = {"seed": given.seed, "rate": given.rate}
        edits(session, plain, name, given.edits, report)
        appends(session, plain, name, given.appends, report)
        uploads(session, plain, name, given.uploads, random.Random(name), report)
        report["fates"] = proxy.counts
    report["seconds"] = round(time.monotonic() - began, 1)
    total = given.edits + given.appends + given.uploads
    report["ok"] = (
        report["doubled"] == 0
        and report["missing"] == 0
        and report["denied"] == 0
        and len(report["errors"]) <= total / 100
        and report["unknown"] <= total / 100
    )
    print(json.dumps(report))
    return 0 if report["ok"] else 1


def attempt(report, call, name, failed):
    """Return the result of `call`; count what it raised, and note a clean failure."""
    try:
        result = call()
    except WikistdError as error:
        if error.maybe_applied:
            report["unknown"] += 1
            print("unknown: %s" % error, file=sys.stderr)
        else:
            report["errors"].append(str(error)[:300])
            failed.append(name)
        return None
    report["found"] += bool(result.found)
    return result


def edits(session, plain, name, count, report):
    """One page, each edit its whole text; every one is a revision of its own."""
    report.update(unknown=0, errors=[], found=0, doubled=0, missing=0, denied=0)
    title, done, failed = name + " edits", [], []
    for number in range(count):
        text = "text %d\n\n~~~~" % number if number % 5 == 0 else "text %d" % number

        def call(text=text, number=number):
            return edit_page(session, title, text, summary="edit %d" % number)

        if attempt(report, call, "edit %d" % number, failed):
            done.append("edit %d" % number)
    comments = []
    for document in plain.get(
        action="query", titles=title, prop="revisions", rvprop="comment",
        rvlimit="max", rvdir="newer", continuation=True,
    ):
        page = document["query"]["pages"][0]
        comments += [revision["comment"] for revision in page.get("revisions", [])]
    tally(report, done, failed, comments)


def appends(session, plain, name, count, report):
    """One page, a line for each append; each line is there once."""
    title, done, failed = name + " appends", [], []
    for number in range(count):

        def call(number=number):
            line = "\n* line %d." % number
            return edit_page(session, title, append=line, summary="line %d" % number)

        if attempt(report, call, "* line %d." % number, failed):
            done.append("* line %d." % number)
    document = plain.get(
        action="query", titles=title, prop="revisions", rvprop="content", rvslots="main"
    )
    page = document["query"]["pages"][0]
    text = page["revisions"][0]["slots"]["main"]["content"] if "revisions" in page else ""
    tally(report, done, failed, text.split("\n"))


def uploads(session, plain, name, count, dice, report):
    """Files in chunks: each has one version, with the bytes that were sent."""
    for number in range(count):
        data = bytes(dice.randrange(256) for _ in range(40000))
        filename = "%s %d.bin" % (name, number)

        def call(data=data, filename=filename):
            return upload_file(session, data, filename, chunk_size=8192)

        failed = []
        result = attempt(report, call, filename, failed)
        document = plain.get(
            action="query", titles="File:" + filename, prop="imageinfo",
            iiprop="sha1|size", iilimit=10,
        )
        versions = document["query"]["pages"][0].get("imageinfo", [])
        if result is not None:
            right = [v for v in versions if v["sha1"] == result.sha1]
            report["missing"] += not right
        report["denied"] += bool(failed and versions)
        report["doubled"] += max(0, len(versions) - 1)


def tally(report, done, failed, there):
    """Count what is there twice, is not there though done, or is though it failed."""
    counts = {}
    for item in there:
        counts[item] = counts.get(item, 0) + 1
    report["doubled"] += sum(n - 1 for item, n in counts.items() if item and n > 1)
    report["missing"] += sum(1 for item in done if item not in counts)
    report["denied"] += sum(1 for item in failed if item in counts)


if __name__ == "__main__":
    raise SystemExit(main())
