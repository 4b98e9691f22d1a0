#!/usr/bin/env python3
"""The jobs of a bot by wikistd and its peers, on a real, filled MediaWiki.

    bench_wiki.py --wiki URL --accounts FILE [--runs 3] [--delays 0,50]
                  [--jobs texts_bot,...] [--clients wikistd,mwapi,mwclient]
                  [--peers PYTHON]

Each job runs in a fresh interpreter, interleaved over the clients, behind a proxy that
counts requests and bytes and adds `--delays` milliseconds to each round trip.  Seconds
are without imports; "above" is what is left of them above the floor, the time that the
wiki and the round trips took.  Peers are installed into a throw-away environment where
`--peers` names no interpreter that has them.  Prints a table, and what misses a bound.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

from wiki_proxy import CountingProxy  # noqa: E402

AGENT = "wikistd-bench/1.0 (tests; https://example.org/wikistd)"
JOBS = ("login", "texts_bot", "texts_anon", "texts_two", "changes", "edits", "upload")
UPLOAD_BYTES = 20 * 1024 * 1024
MAIN = """
import json, sys, time
url, user, password, job, path = sys.argv[1:6]
%s
began = time.perf_counter()
got = run(job)
seconds = time.perf_counter() - began
# Not ru_maxrss: that begins with the memory of the process that forked this one.
with open("/proc/self/status") as status:
    rss = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
print(json.dumps({"seconds": seconds, "rss": rss, "got": got}))
"""
COMMON = """
AGENT = %r
TEXTS = {"action": "query", "generator": "allpages", "prop": "revisions",
         "rvprop": "content", "rvslots": "main"}
CHANGES = {"action": "query", "list": "recentchanges", "rclimit": "max",
           "rcprop": "title|ids|timestamp|user|comment|sizes|flags"}
stamp = str(time.time_ns())
def size_of(page):
    return len(page["revisions"][0]["slots"]["main"]["content"])
""" % AGENT

CLIENTS = {
    "wikistd": COMMON
    + """
from wikistd import Session, edit_page, query_pages, upload_file
def run(job):
    with Session(url, AGENT, formatversion=2) as session:
        if job != "texts_anon":
            session.login(user, password)
        if job == "login":
            return session.user
        if job == "texts_two":
            from concurrent.futures import ThreadPoolExecutor
            with ThreadPoolExecutor(2) as executor:
                asked = {k: v for k, v in TEXTS.items() if k != "action"}
                return sum(size_of(p) for p in query_pages(
                    session, executor=executor, ranges=["", "M"], page_size=500, **asked))
        if job.startswith("texts"):
            asked = {k: v for k, v in TEXTS.items() if k != "action"}
            return sum(size_of(page) for page in query_pages(session, **asked))
        if job == "changes":
            return sum(len(d["query"]["recentchanges"])
                       for d in session.with_options(prefetch=True).get(
                           continuation=True, **CHANGES))
        if job == "edits":
            for n in range(30):
                edit_page(session, "Bench %s %d" % (stamp, n), "text", create="only")
            return 30
        return upload_file(session, path, "Bench %s.bin" % stamp).size
""",
    "mwapi": COMMON
    + """
import logging, mwapi
logging.disable(logging.CRITICAL)
def run(job):
    session = mwapi.Session(url, user_agent=AGENT, formatversion=2)
    if job != "texts_anon":
        token = session.get(action="query", meta="tokens", type="login")
        session.post(action="login", lgname=user, lgpassword=password,
                     lgtoken=token["query"]["tokens"]["logintoken"])
    if job == "login":
        return user
    if job.startswith("texts"):
        found = {}
        limit = 50 if job == "texts_anon" else 500
        for d in session.get(continuation=True, gaplimit=limit, **TEXTS):
            for page in d["query"]["pages"]:
                if "revisions" in page:
                    found[page["title"]] = size_of(page)
        return sum(found.values())
    if job == "changes":
        return sum(len(d["query"]["recentchanges"])
                   for d in session.get(continuation=True, **CHANGES))
    csrf = session.get(action="query", meta="tokens")["query"]["tokens"]["csrftoken"]
    if job == "edits":
        for n in range(30):
            session.post(action="edit", title="Bench %s %d" % (stamp, n), text="text",
                         token=csrf)
        return 30
    with open(path, "rb") as file:
        done = session.post(action="upload", filename="Bench %s.bin" % stamp,
                            upload_file=file.read(), ignorewarnings=True, token=csrf)
    return done["upload"]["imageinfo"]["size"]
""",
    "mwclient": COMMON
    + """
import logging, mwclient
logging.disable(logging.CRITICAL)
from urllib.parse import urlsplit
def run(job):
    site = mwclient.Site(urlsplit(url).netloc, scheme="http", path="/w/",
                         clients_useragent=AGENT)
    if job != "texts_anon":
        site.login(user, password)
    if job == "login":
        return user
    def replies(asked, **more):
        asked = {k: v for k, v in asked.items() if k != "action"}
        last = {"continue": ""}
        while True:
            d = site.get("query", formatversion=2, **asked, **more, **last)
            yield d
            if "continue" not in d:
                return
            last = d["continue"]
    if job.startswith("texts"):
        found = {}
        limit = 50 if job == "texts_anon" else 500
        for d in replies(TEXTS, gaplimit=limit):
            for page in d["query"]["pages"]:
                if "revisions" in page:
                    found[page["title"]] = size_of(page)
        return sum(found.values())
    if job == "changes":
        return sum(len(d["query"]["recentchanges"]) for d in replies(CHANGES))
    if job == "edits":
        for n in range(30):
            site.pages["Bench %s %d" % (stamp, n)].edit("text", summary="")
        return 30
    site.chunk_size = 1 << 30
    with open(path, "rb") as file:
        done = site.upload(file, "Bench %s.bin" % stamp, "text", ignore=True)
    return done["imageinfo"]["size"]
""",
}
PEERS = ("mwapi", "mwclient")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--wiki", default=os.environ.get("WIKISTD_TEST_WIKI"))
    parser.add_argument("--accounts", default=os.environ.get("WIKISTD_TEST_ACCOUNTS"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--delays", default="0,50")
    parser.add_argument("--jobs", default=",".join(JOBS))
    parser.add_argument("--clients", default=",".join(CLIENTS))
    parser.add_argument("--peers")
    given = parser.parse_args()
    if not given.wiki:
        parser.error("--wiki: a filled MediaWiki is wanted; see the README")
    with open(given.accounts, encoding="utf-8") as file:
        account = json.load(file)["bot"]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "upload.bin")
        python = given.peers or install(folder)
        bench = Bench(given.wiki, account, python, path)
        misses = []
        for delay in map(float, given.delays.split(",")):
            for job in given.jobs.split(","):
                table = bench.run(job, given.clients.split(","), given.runs, delay)
                misses += report(job, delay, table)
    for miss in misses:
        print("MISSED: " + miss)
    return 1 if misses else 0


def install(folder):
    """Make an environment with the peers; return its interpreter."""
    where = os.path.join(folder, "peers")
    subprocess.run([sys.executable, "-m", "venv", where], check=True)
    python = os.path.join(where, "bin", "python")
    subprocess.run([python, "-m", "pip", "-q", "install", *PEERS], check=True)
    return python


class Bench:
    def __init__(self, wiki, account, python, path):
        self.proxy = CountingProxy(wiki.partition("://")[2].rstrip("/"))
        self.account = account
        self.python = python
        self.path = path

    def run(self, job, clients, runs, delay):
        """Return {client: medians} of one job."""
        if job == "texts_two":
            clients = [c for c in clients if c == "wikistd"]
        found = {client: [] for client in clients}
        self.proxy.delay = delay / 1000
        for _ in range(runs):
            for client in clients:
                found[client].append(self.once(client, job))
        table = {}
        for client, rounds in found.items():
            table[client] = {
                key: statistics.median(r[key] for r in rounds)
                for key in ("seconds", "above", "rss", "requests", "connections", "bytes")
            }
            table[client]["got"] = rounds[0]["got"]
        return table

    def once(self, client, job):
        if job == "upload":
            with open(self.path, "wb") as file:
                file.write(os.urandom(UPLOAD_BYTES))
        self.proxy.take()
        url = "http://127.0.0.1:%d" % self.proxy.port
        user, password = self.account["username"], self.account["password"]
        done = subprocess.run(
            [self.python, "-c", MAIN % CLIENTS[client], url, user, password, job, self.path],
            env=dict(os.environ, PYTHONPATH=str(ROOT)),
            stdout=subprocess.PIPE,
            check=True,
        )
        time.sleep(0.05)
        result = json.loads(done.stdout.decode())
        result.update(self.proxy.take())
        result["above"] = result["seconds"] - result["floor"]
        return result


def report(job, delay, table):
    """Print one job's rows; return the bounds that it misses."""
    print("\n%s, %g ms" % (job, delay))
    for client, row in table.items():
        print(
            "  %-9s %7.2f s  above %6.3f s  %3d requests  %d connections  %9d bytes  %5.1f MB"
            % (
                client,
                row["seconds"],
                row["above"],
                row["requests"],
                row["connections"],
                row["bytes"],
                row["rss"] / 1024,
            )
        )
    ours = table.pop("wikistd", None)
    if ours is None or not table:
        return []
    bounds = [
        ("requests", 1.0, "requests"),
        ("bytes", 1.0, "bytes"),
        ("above", 0.5, "seconds above the floor"),
        ("rss", 0.8 if job.startswith(("texts", "changes")) else 1.0, "memory"),
    ]
    misses = []
    for key, factor, words in bounds:
        best = min(row[key] for row in table.values())
        if ours[key] > best * factor:
            misses.append(
                "%s at %g ms: %s %.3f, at most %.3f" % (job, delay, words, ours[key], best * factor)
            )
    if len({row["got"] for row in table.values()} | {ours["got"]}) > 1 and job != "login":
        misses.append("%s: the clients got different things" % job)
    return misses


if __name__ == "__main__":
    raise SystemExit(main())
