#!/usr/bin/env python3
"""Size, start and memory of the package and the one file, beside their peers.

    bench_import.py [--runs 15] [--no-peers | --venv DIR]

One interleaved run: each round starts one fresh interpreter per candidate and takes the
seconds that the import took inside it; medians are compared with importing
urllib.request, http.cookiejar and json.  Names of the package and the one file are
imported when they are used, so both are measured: the import alone, and the import with
the first use of HttpClient and Session.  Cold scripts run without any pyc file of the one
file, from the start of the interpreter to its end.  Peers (requests, httpx, urllib3,
mwapi, pywikibot, mureq) are installed into a throw-away environment, or into DIR; what
cannot be is named.  Exit code 1 where a bound is missed.
"""

import argparse
import ast
import io
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
import tokenize

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = ("requests", "httpx", "urllib3", "mwapi", "pywikibot", "mureq")
#: What stands for itself and what it stands on, for the comparison of sizes; the tables of
#: idna and charset_normalizer and certifi's certificates are not counted.
SOURCES = {
    "requests, urllib3": ("requests", "urllib3"),
    "httpx, httpcore, h11": ("httpx", "httpcore", "h11"),
    "mwapi, requests, urllib3": ("mwapi", "requests", "urllib3"),
    "pywikibot, requests, urllib3": ("pywikibot", "requests", "urllib3"),
}
BASE = "import urllib.request, http.cookiejar, json"
CLIENT_WITHOUT = "server,cli,tools,compat,streams,websocket"
#: Where this run's pyc files go.
CACHE = []
#: Prints seconds and the file of what was imported.
TIMED = """
import sys, time
start = time.perf_counter()
%s
took = time.perf_counter() - start
print(took, getattr(sys.modules.get("wikistd"), "__file__", "-"))
"""
TOUCH = "import wikistd; wikistd.HttpClient; wikistd.Session"
#: A script of one page: a client that asks the wiki in the same file.
COLD_JOB = """
import wikistd

def answer(method, url, headers, body, timeout):
    return 200, [("Content-Type", "application/json")], b'{"query": {"pages": []}}'

with wikistd.HttpClient(transport=answer, user_agent="cold/1 (me@example.org)") as client:
    reply = client.get("http://wiki.test/w/api.php", params={"action": "query"}).json()
print(reply)
"""
MEMORY = """
import sys
%s
import json
%s
kb = [int(l.split()[1]) for l in open('/proc/self/status') if l.startswith('VmHWM')]
print(kb[0])
"""


def bare_size(path):
    """Return the bytes of a source without comments, docstrings and blank lines.

    What stands in the one file as text is counted as the code that it is.
    """
    text = pathlib.Path(path).read_text("utf-8")
    text = re.sub(
        r'^PARTS_TEXTS\["[^"]*"\] = lambda: r(\'{3}|"{3})\n(.*?)^\1$',
        lambda match: match.group(2), text, flags=re.M | re.S,
    )
    skip = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(getattr(first.value, "value", None), str):
                skip.update(range(first.lineno, first.end_lineno + 1))
    kept = [
        (token.type, token.string, token.start, token.end, token.line)
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type != tokenize.COMMENT
    ]
    lines = tokenize.untokenize(kept).split("\n")
    return sum(
        len(line.rstrip().encode("utf-8")) + 1
        for number, line in enumerate(lines, 1)
        if line.strip() and number not in skip
    )


def peer_sizes(python):
    """Return {names: bytes, as `bare_size` counts} of the peers in an environment."""
    code = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    where = pathlib.Path(subprocess.check_output([python, "-c", code], text=True).strip())
    found = {}
    for label, names in SOURCES.items():
        if all((where / name).is_dir() for name in names):
            files = [file for name in names for file in (where / name).rglob("*.py")]
            found[label] = sum(map(bare_size, files))
    return found


def build(folder, name, without=""):
    path = os.path.join(folder, name)
    options = ["--without", without] if without else []
    subprocess.run(
        [sys.executable, "-m", "wikistd", "bundle", "-o", path, *options],
        cwd=str(ROOT), check=True,
    )
    return path


def environment(path):
    """Return an environment in which pyc files are written, to a place of ours."""
    env = dict(os.environ, PYTHONPATH=path, no_proxy="127.0.0.1")
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    env["PYTHONPYCACHEPREFIX"] = CACHE[0]
    return env


def run(arguments, env, folder):
    """Run a fresh interpreter in `folder`; return what it prints."""
    done = subprocess.run(
        arguments, env=env, cwd=folder,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    if done.returncode:
        raise OSError(done.stderr.decode().strip().splitlines()[-1])
    return done.stdout.decode()


def seconds(python, code, path, folder):
    """Return the seconds that `code` takes; OSError where it fails."""
    took, where = run([python, "-c", TIMED % code], environment(path), folder).split()
    if path and not where.startswith(path):
        raise OSError("wikistd is %s, not the one in %s" % (where, path))
    return float(took)


def cold_seconds(script, *arguments, folder):
    """Return the median seconds of a whole run without pyc files of ours.

    The standard library's own are there, as on any machine; -B writes none.
    """
    env = environment("")
    del env["PYTHONPYCACHEPREFIX"]
    found = []
    for _ in range(7):
        start = time.perf_counter()
        run([sys.executable, "-B", os.path.join(folder, script), *arguments], env, folder)
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def install(folder):
    """Return the python of an environment with the peers that could be had."""
    python = os.path.join(folder, "bin", "python")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    had = []
    for peer in PEERS:
        done = subprocess.run(
            [python, "-m", "pip", "install", "-q", peer],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        if done.returncode:
            print("not to be had: %s" % peer)
        else:
            had.append(peer)
    return python, had


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--venv", metavar="DIR")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        CACHE.append(os.path.join(folder, "pyc"))
        one = os.path.join(folder, "one")
        os.mkdir(one)
        empty = os.path.join(folder, "empty")  # not a folder with a wikistd in it
        os.mkdir(empty)
        full = build(one, "wikistd.py")
        client = build(folder, "client.py", CLIENT_WITHOUT)
        sizes = {
            "full bundle": (bare_size(full), 400_000),
            "client alone": (bare_size(client), 220_000),
        }
        python, peers = sys.executable, []
        if not given.no_peers:
            python, peers = install(given.venv or os.path.join(folder, "peers"))
            sizes.update((label, (size, None)) for label, size in peer_sizes(python).items())
        candidates = {
            "base": (BASE, ""),
            "package": ("import wikistd", str(ROOT)),
            "bundle": ("import wikistd", one),
            "package, used": (TOUCH, str(ROOT)),
            "bundle, used": (TOUCH, one),
        }
        for peer in peers:
            code = "import " + peer
            if peer == "pywikibot":
                code = "import os; os.environ['PYWIKIBOT_NO_USER_CONFIG'] = '2'; " + code
            candidates[peer] = (code, "")
        times = {name: [] for name in candidates}
        for round_number in range(given.runs + 1):
            for name, (code, path) in candidates.items():
                try:
                    took = seconds(python, code, path, empty)
                except OSError as error:
                    if round_number == 0:
                        print("%s does not import: %s" % (name, error))
                    continue
                if round_number:  # the first one writes the pyc files
                    times[name].append(took)
        medians = {n: statistics.median(t) for n, t in times.items() if t}
        cold = measure_cold(one)
        memory = measure_memory(python, one, peers, empty)
    print("Python %s, %d runs, medians" % (sys.version.split()[0], given.runs))
    bad = 0
    for name, (size, bound) in sizes.items():
        bad += report("%s, bytes without comments and docstrings" % name, size, bound, "%d")
    for name, value in medians.items():
        bound = {"bundle": 1.35, "package": 1.5}.get(name)
        label = "import of %s, %.1f ms, times base" % (name, value * 1000)
        bad += report(label, value / medians["base"], bound, "%.2f")
    for name, value in cold.items():
        bad += report("cold, %s, seconds" % name, value, 0.4, "%.2f")
    for name in ("package", "bundle"):
        if "requests" in memory:
            label = "memory after import of the %s and one request, times requests'" % name
            bad += report(label, memory[name] / memory["requests"], 0.85, "%.2f")
    print(json.dumps({"medians_ms": {n: round(v * 1000, 2) for n, v in medians.items()},
                      "memory_kb": memory, "cold_s": {n: round(v, 3) for n, v in cold.items()}}))
    return 1 if bad else 0


def measure_cold(one):
    """Return {cold script: seconds of its whole run}, scripts and one file in `one`."""
    job = os.path.join(one, "job.py")
    pathlib.Path(job).write_text(COLD_JOB, "utf-8")
    subprocess.run(
        [sys.executable, "-m", "wikistd", "bundle", "--with", job, "-o",
         os.path.join(one, "with_job.py")],
        cwd=str(ROOT), check=True,
    )
    return {
        "a script that imports the one file": cold_seconds("job.py", folder=one),
        "python3 wikistd.py --version": cold_seconds("wikistd.py", "--version", folder=one),
        "the script in one file by --with": cold_seconds("with_job.py", folder=one),
    }


def measure_memory(python, one, peers, empty):
    """Return {candidate: peak KB after import and one request to the embedded wiki}."""
    found = {}
    serve = (
        "import sys, wikistd\n"
        "with wikistd.serve_wiki() as wiki:\n"
        "    print(wiki.url, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", serve], cwd=str(ROOT), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        url = server.stdout.readline().decode().strip()
        address = url + "/w/api.php?action=query&meta=siteinfo&format=json"
        use = "wikistd.HttpClient(user_agent='bench/1 (me@example.org)').get(%r).json()" % address
        runs = {
            "package": ("import wikistd", use, str(ROOT)),
            "bundle": ("import wikistd", use, one),
        }
        if "requests" in peers:
            runs["requests"] = ("import requests", "requests.Session().get(%r).json()" % address, "")
        for name, (load, use, path) in runs.items():
            values = []
            for _ in range(5):
                done = run([python, "-c", MEMORY % (load, use)], environment(path), empty)
                values.append(int(done))
            found[name] = statistics.median(values)
    finally:
        server.stdin.close()
        server.wait()
        server.stdout.close()
    return found


def report(label, value, bound, form):
    """Print one line; return whether the bound is missed."""
    missed = bound is not None and value > bound
    limit = "" if bound is None else " (at most %s%s)" % (form % bound, ": MISSED" if missed else "")
    print("%-62s %s%s" % (label, form % value, limit))
    return missed


if __name__ == "__main__":
    sys.exit(main())
