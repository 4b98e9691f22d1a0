"""The Autobahn test suite against both sides of our WebSocket.

    python3 tests/integration/autobahn.py [--side client|server|both] [PART...]

The parts are `base` (sections 1 to 7 and 10, ten seconds a side) and those of the sections
on compression, `12.1` to `12.5` and `13.1` to `13.7`, of 18 cases and up to a minute a side
each; `12` and `13` are all of a section, and without any name all of it is run, part by
part, with a line for each.  Its server runs on Python 2.7 only: a throw-away virtual environment is made with
`virtualenv<20.22` and `autobahntestsuite`; --suite names one that exists, --python2 the
interpreter.  Exit code 0 if no case failed.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

from tests.streams.sockets import SocketServer, echo  # noqa: E402
from wikistd import (  # noqa: E402
    HttpClient,
    WikistdError,
    connect_websocket,
)

PARTS = {"base": ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]}
PARTS.update(("12.%d" % number, ["12.%d.*" % number]) for number in range(1, 6))
PARTS.update(("13.%d" % number, ["13.%d.*" % number]) for number in range(1, 8))
GOOD = ("OK", "INFORMATIONAL", "NON-STRICT", "UNIMPLEMENTED")
MAX_BYTES = 64 << 20


def find_suite(folder, options):
    """Return the path of wstest."""
    if options.suite:
        return options.suite
    python2 = options.python2
    try:
        subprocess.run([python2, "-c", ""], stderr=subprocess.DEVNULL, check=True)
    except (OSError, subprocess.CalledProcessError):  # there may be a stub that finds none
        raise SystemExit("no %s here: name a Python 2.7 with --python2, or wstest with --suite" % python2) from None
    tools = os.path.join(folder, "tools")
    subprocess.run([sys.executable, "-m", "venv", tools], check=True)
    subprocess.run([os.path.join(tools, "bin", "pip"), "install", "-q", "virtualenv<20.22"], check=True)
    suite = os.path.join(folder, "suite")
    subprocess.run([os.path.join(tools, "bin", "virtualenv"), "-q", "-p", python2, suite], check=True)
    subprocess.run([os.path.join(suite, "bin", "pip"), "install", "-q", "autobahntestsuite"], check=True)
    return os.path.join(suite, "bin", "wstest")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_client(wstest, folder, cases):
    """Let its fuzzing server test our client; return the report."""
    port = free_port()
    spec = os.path.join(folder, "server.json")
    out = os.path.join(folder, "clients")
    with open(spec, "w", encoding="ascii") as file:
        json.dump(
            {
                "url": "ws://127.0.0.1:%d" % port, "outdir": out, "cases": cases,
                "exclude-cases": [], "exclude-agent-cases": {},
            },
            file,
        )
    server = subprocess.Popen(
        [wstest, "-m", "fuzzingserver", "-s", spec, "-u", "0"], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    try:
        client = HttpClient()
        url = "ws://127.0.0.1:%d" % port
        count = int(wait_for(lambda: connect_websocket(url + "/getCaseCount", client=client)).recv(10))
        for number in range(1, count + 1):
            run_case("%s/runCase?case=%d&agent=wikistd" % (url, number), client)
        connect_websocket(url + "/updateReports?agent=wikistd", client=client).close()
        time.sleep(1)
        with open(os.path.join(out, "index.json"), encoding="utf-8") as file:
            return json.load(file)["wikistd"]
    finally:
        server.terminate()
        server.wait()


def run_case(url, client):
    """Echo until the suite ends the case, by whatever end."""
    try:
        connection = connect_websocket(url, client=client, max_message_bytes=MAX_BYTES, ping_seconds=None)
    except WikistdError as error:
        print("no handshake: %s" % error, file=sys.stderr)
        return
    try:
        for message in connection:
            connection.send(message)
    except WikistdError:
        pass  # what the suite thinks of it stands in its report
    connection.close(timeout=2)


def wait_for(connect):
    for _ in range(100):
        try:
            return connect()
        except WikistdError:
            time.sleep(0.1)
    raise SystemExit("the suite did not start")


def run_server(wstest, folder, cases):
    """Let its fuzzing client test our server role; return the report."""

    server = SocketServer(echo)
    spec = os.path.join(folder, "client.json")
    out = os.path.join(folder, "servers")
    with open(spec, "w", encoding="ascii") as file:
        json.dump(
            {
                "servers": [{"agent": "wikistd", "url": "ws://127.0.0.1:%d" % server.port}], "outdir": out,
                "cases": cases, "exclude-cases": [], "exclude-agent-cases": {},
            },
            file,
        )
    try:
        subprocess.run(
            [wstest, "-m", "fuzzingclient", "-s", spec], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, check=True
        )
        with open(os.path.join(out, "index.json"), encoding="utf-8") as file:
            return json.load(file)["wikistd"]
    finally:
        threading.Thread(target=server.close, daemon=True).start()


def show(side, report):
    """Print the counts and what failed; return whether all is well."""
    counts, bad = {}, []
    for case, result in report.items():
        for key in ("behavior", "behaviorClose"):
            if result[key] not in GOOD:
                bad.append("%s %s %s" % (case, key, result[key]))
        counts[result["behavior"]] = counts.get(result["behavior"], 0) + 1
    told = ", ".join("%d %s" % (counts[name], name) for name in sorted(counts))
    print("%s: %d cases, %s" % (side, len(report), told), flush=True)
    for line in sorted(bad):
        print("  " + line)
    return not bad


def main():
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--side", choices=("client", "server", "both"), default="both")
    parser.add_argument("--suite", help="path of wstest")
    parser.add_argument("--python2", default="python2.7")
    options = parser.parse_args()
    wanted = options.parts or ["base", "12", "13"]
    parts = [part for part in PARTS if part in wanted or part.partition(".")[0] in wanted]
    if not parts:
        parser.error("the parts are: 12 13 %s" % " ".join(PARTS))
    with tempfile.TemporaryDirectory() as folder:
        wstest = find_suite(folder, options)
        fine = True
        for part in parts:
            place = os.path.join(folder, part)
            os.mkdir(place)
            if options.side != "server":
                fine = show("%s, client" % part, run_client(wstest, place, PARTS[part])) and fine
            if options.side != "client":
                fine = show("%s, server" % part, run_server(wstest, place, PARTS[part])) and fine
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
