#!/usr/bin/env python3
"""The jobs of a bot by wikistd and its peers, on a real, filled MediaWiki.

    bench_wiki.py --wiki URL --accounts FILE [--runs 3] [--delays 0,50]
                  [--jobs texts_bot,...] [--clients wikistd,mwapi,mwclient,pywikibot]
                  [--peers PYTHON]

Each job (wiki_jobs.py) runs in a fresh interpreter, interleaved over the clients, behind
a proxy that counts requests and bytes and adds `--delays` milliseconds to each round
trip.  Seconds are without imports, for all alike: what a client imports while it is at
work is imported before the clock in the run that counts.  "above" is what is left of the
seconds above the floor, the time that the wiki and the round trips took; "cpu" is the
client's own.  Medians of the runs, and the least and most of "above".

A peer's ratio is the median over the rounds of ours divided by the peer's in the same
round, since what else a machine does changes slowly; the bound holds for the peer that
comes closest.  Jobs of milliseconds have more rounds (ROUNDS).

texts_two is the bulk read over two connections; the peers read over their one.  Peers
are installed into a throw-away environment where `--peers` names no interpreter that has
them.  Prints a table, and what misses a bound.
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

from wiki_jobs import CLIENTS  # noqa: E402
from wiki_proxy import CountingProxy  # noqa: E402

JOBS = ("login", "texts_bot", "texts_anon", "texts_two", "changes", "edits", "upload")
BULK_READS = ("texts_bot", "texts_anon", "changes")
UPLOAD_BYTES = 20 * 1024 * 1024
PEERS = ("mwapi", "mwclient", "pywikibot")
MEASURES = ("seconds", "above", "cpu", "rss", "requests", "connections", "bytes")

#: How many rounds a job has for each of `--runs`: short ones are uneven.
ROUNDS = {"login": 7, "changes": 3}

#: Attempts at a run in which nothing is imported any more.
MAX_IMPORT_RUNS = 4


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
    misses = []
    with tempfile.TemporaryDirectory() as folder:
        python = given.peers or install(folder)
        bench = Bench(given.wiki, account, python, folder)
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


def write_pywikibot(folder, url, user, password):
    """Write pywikibot's configuration for the wiki at `url`; no `user`: nobody's."""
    os.makedirs(folder, exist_ok=True)
    name, _, app = user.partition("@")
    lines = [
        "family = mylang = 'bench'",
        "family_files['bench'] = %r" % (url + "/w/api.php"),
        "put_throttle = minthrottle = 0",
        "maximum_GET_length = 2000",
    ]
    if user:
        lines.append("usernames['bench']['bench'] = %r" % name)
        lines.append("password_file = 'passwords.py'")
    secret = "(%r, BotPassword(%r, %r))\n" % (name, app, password)
    for file_name, text in (("user-config", "\n".join(lines)), ("passwords", secret)):
        path = os.path.join(folder, file_name + ".py")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(text)


class Bench:
    """Runs jobs behind the proxy, and remembers what each client imports."""

    def __init__(self, wiki, account, python, folder):
        self.proxy = CountingProxy(wiki.partition("://")[2].rstrip("/"))
        self.url = "http://127.0.0.1:%d" % self.proxy.port
        self.user, self.password = account["username"], account["password"]
        self.python = python
        self.folder = folder
        self.path = os.path.join(folder, "upload.bin")
        self.modules = {}
        write_pywikibot(os.path.join(folder, "bot"), self.url, self.user, self.password)
        write_pywikibot(os.path.join(folder, "nobody"), self.url, "", "")

    def run(self, job, clients, runs, delay):
        """Return {client: medians} of one job, with the ratios of ours to each peer's."""
        found = {client: [] for client in clients}
        self.proxy.delay = delay / 1000
        for _ in range(runs * ROUNDS.get(job, 1)):
            for client in clients:
                found[client].append(self.measure(client, job))
        table = {}
        for client, rounds in found.items():
            row = {key: statistics.median(r[key] for r in rounds) for key in MEASURES}
            row["least"] = min(r["above"] for r in rounds)
            row["most"] = max(r["above"] for r in rounds)
            row["got"] = rounds[0]["got"]
            if "wikistd" in found:
                row["ratios"] = {
                    key: statistics.median(
                        ours[key] / peers[key] for ours, peers in zip(found["wikistd"], rounds)
                    )
                    for key in MEASURES
                }
            table[client] = row
        return table

    def measure(self, client, job):
        """Return the measures of a run that imports nothing within the clock."""
        modules = self.modules.setdefault(client, [])
        for _ in range(MAX_IMPORT_RUNS):
            result = self.once(client, job)
            if not result["late"]:
                break
            modules += result["late"]
        return result

    def once(self, client, job):
        if job == "upload":
            with open(self.path, "wb") as file:
                file.write(os.urandom(UPLOAD_BYTES))
        config = os.path.join(self.folder, "nobody" if job == "texts_anon" else "bot")
        for cookies in pathlib.Path(config).glob("*.lwp"):
            cookies.unlink()  # Each run logs in.
        self.proxy.take()
        done = subprocess.run(
            [self.python, str(HERE / "wiki_jobs.py"), client, self.url]
            + [self.user, self.password, job, self.path],
            env=dict(os.environ, PYTHONPATH=str(ROOT), PYWIKIBOT_DIR=config),
            input=json.dumps(self.modules[client]).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        if done.returncode:
            raise SystemExit("%s, %s: %s" % (client, job, done.stderr.decode()))
        time.sleep(0.05)
        result = json.loads(done.stdout.decode().splitlines()[-1])
        result.update(self.proxy.take())
        result["above"] = result["seconds"] - result["floor"]
        return result


def report(job, delay, table):
    """Print one job's rows; return the bounds that it misses."""
    print("\n%s, %g ms" % (job, delay))
    for client, row in table.items():
        print(
            "  %-9s %7.3f s  above %7.4f s (%7.4f to %7.4f)  cpu %7.4f s  %3d requests  "
            "%d connections  %9d bytes  %5.1f MB"
            % (
                client,
                row["seconds"],
                row["above"],
                row["least"],
                row["most"],
                row["cpu"],
                row["requests"],
                row["connections"],
                row["bytes"],
                row["rss"] / 1024,
            )
        )
    sys.stdout.flush()
    ours = table.pop("wikistd", None)
    if ours is None or not table:
        return []
    if job == "texts_two":
        bounds = [("seconds", 0.6)]
    else:
        memory = 0.8 if job in BULK_READS else 1.0
        bounds = [("requests", 1.0), ("bytes", 1.0), ("above", 0.5), ("rss", memory)]
    misses = []
    shown = []
    for key, factor in bounds:
        ratio = max(row["ratios"][key] for row in table.values())
        shown.append("%s %.2f" % (key, ratio))
        if ratio > factor:
            misses.append(
                "%s at %g ms: %.3f of the best peer's %s, at most %.1f"
                % (job, delay, ratio, key, factor)
            )
    print("  of the best peer's: " + ", ".join(shown))
    if job != "texts_two" and ours["connections"] > 1:
        misses.append("%s at %g ms: %d connections" % (job, delay, ours["connections"]))
    if len({row["got"] for row in table.values()} | {ours["got"]}) > 1 and job != "login":
        misses.append("%s: the clients got different things" % job)
    return misses


if __name__ == "__main__":
    raise SystemExit(main())
