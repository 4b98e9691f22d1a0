#!/usr/bin/env python3
"""Server-sent events over a socket, beside other libraries: events a second and memory.

    bench_sse.py [--events 24000] [--rounds 5] [--no-peers] [--python PATH]

Events of the shape of Wikimedia's recent changes, 1.3 KB of JSON each, over loopback in
four layouts: an HTTP chunk for each field line (as the service writes them), a chunk for
each event, chunks of 16 KB, and not chunked.  One interleaved run: in each round every
candidate reads every layout in a fresh process from a server in another.  The CPU time of
the reader is compared, of each candidate's best round: other programs only slow it down.
json.loads alone is measured beside each layout, and its best of all is what counts.
Peers (sseclient-py, httpx-sse, requests-sse, launchdarkly-eventsource) are installed into
a throw-away environment; --python names one that has them.
Exit code 1 where a bound is missed:

* each layout: 1.25 of the fastest peer, and 3 times requests-sse
* with json.loads of each event: 0.7 of json.loads alone (0.55 at a chunk a line)
* an event of 16 MiB in chunks of 16 KB: under 0.1 s
* ten times the events: at most 4 MB more memory
"""

import argparse
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = ("sseclient-py", "httpx-sse", "httpx", "requests-sse", "launchdarkly-eventsource")
LAYOUTS = ("line", "event", "16k", "none")
SHAPES = 2000  # different events, sent again and again


def make_events():
    """Return the (fields, JSON) of different events."""
    dice = random.Random(5)
    latin = "edit reference /* wbsetclaim */ added page of and Wikidata claim value".split()
    scripts = ["Änderung über größere Straße".split(), "Изменена ссылка на заявление о предмете".split(), "に関する 変更 記事 追加".split(), ["👍", "🙂"]]
    events = []
    for number in range(SHAPES):
        # About a third of the wikis' events is not in Latin script, few have an emoji.
        words = latin + dice.choice([[]] * 12 + scripts[:3] * 2 + scripts[3:])
        title = " ".join(dice.choices(words, k=4))
        comment = " ".join(dice.choices(words, k=27))
        moment = 1657648455000 + number * 25
        data = {
            "$schema": "/mediawiki/recentchange/1.0.0",
            "meta": {
                "uri": "https://www.wikidata.org/wiki/Q%d" % number, "request_id": "%032x" % dice.getrandbits(128),
                "id": "%032x" % dice.getrandbits(128), "dt": "2022-07-12T17:54:15Z", "domain": "www.wikidata.org",
                "stream": "mediawiki.recentchange", "topic": "eqiad.mediawiki.recentchange", "partition": 0,
                "offset": 4000957901 + number,
            },
            "id": 1728475074 + number, "type": "edit", "namespace": 0, "title": title,
            "title_url": "https://www.wikidata.org/wiki/" + "%20".join(title.split()),
            "comment": comment, "timestamp": moment // 1000, "user": "KrBot", "bot": True,
            "notify_url": "https://www.wikidata.org/w/index.php?diff=1676015019&oldid=1675697125&rcid=1728475074",
            "minor": False, "patrolled": True, "length": {"old": 8871, "new": 8871},
            "revision": {"old": 1675697125, "new": 1676015019}, "server_url": "https://www.wikidata.org",
            "server_name": "www.wikidata.org", "server_script_path": "/w", "wiki": "wikidatawiki",
            "parsedcomment": "<span dir=\"auto\">%s</span>" % comment,
        }
        id = [
            {"topic": "eqiad.mediawiki.recentchange", "partition": 0, "timestamp": moment + 1},
            {"topic": "codfw.mediawiki.recentchange", "partition": 0, "offset": -1},
        ]
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
        lines = [b"event: message\n", b"id: %s\n" % json.dumps(id).encode(), b"data: %s\n\n" % text]
        events.append((lines, text))
    return events


def chunked(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def make_body(layout):
    """Return the bytes of all events in a layout."""
    lines = [line for fields, _ in make_events() for line in fields]
    if layout == "line":
        return b"".join(map(chunked, lines))
    if layout == "event":
        return b"".join(chunked(b"".join(fields)) for fields, _ in make_events())
    body = b"".join(lines)
    if layout == "none":
        return body
    return b"".join(chunked(body[i : i + 16384]) for i in range(0, len(body), 16384))


def serve():
    """Answer /LAYOUT with events for ever, until the client has enough."""
    bodies = {layout: make_body(layout) for layout in LAYOUTS}
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(4)
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                data = connection.recv(65536)
                if not data:
                    break
                head += data
            layout = head.split(b" ")[1][1:].decode()
            kind = b"" if layout == "none" else b"Transfer-Encoding: chunked\r\n"
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                b"Cache-Control: no-cache\r\n" + kind + b"\r\n"
            )
            while True:
                connection.sendall(bodies[layout])
        except (OSError, KeyError):
            pass
        finally:
            connection.close()


# The candidates: each yields the data of events as text, for ever.


def ours(url):
    from wikistd import EventSource

    with EventSource(url) as source:
        for event in source:
            yield event.data


def ours_lines(url):
    from wikistd import HttpClient, iter_events

    with HttpClient(timeout=None) as client, client.request("GET", url, stream=True) as response:
        for event in iter_events(response):
            yield event.data


def sseclient_py(url):
    import requests
    import sseclient

    for event in sseclient.SSEClient(requests.get(url, stream=True)).events():
        yield event.data


def httpx_sse(url):
    import httpx
    import httpx_sse

    with httpx.Client(timeout=None) as client, httpx_sse.connect_sse(client, "GET", url) as source:
        for event in source.iter_sse():
            yield event.data


def requests_sse(url):
    import requests_sse

    with requests_sse.EventSource(url) as source:
        for event in source:
            yield event.data


def launchdarkly(url):
    import ld_eventsource

    client = ld_eventsource.SSEClient(url)
    for event in client.events:
        yield event.data


def floor_recv(url):
    """Not a client: recv and split at blank lines, chunk sizes and all."""
    host, port = url.split("/")[2].split(":")
    connection = socket.create_connection((host, int(port)))
    connection.sendall(b"GET /%s HTTP/1.1\r\n\r\n" % url.split("/")[3].encode())
    rest = b""
    while True:
        parts = (rest + connection.recv(1 << 18)).split(b"\n\n")
        rest = parts.pop()
        yield from parts


def json_alone(url):
    """No network: the JSON of the events, as bytes."""
    texts = [text for _, text in make_events()]
    while True:
        yield from texts


CANDIDATES = {
    function.__name__: function
    for function in (ours, ours_lines, sseclient_py, httpx_sse, requests_sse, launchdarkly, floor_recv, json_alone)
}


def resident_kilobytes():
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    except OSError:
        return 0


def run_one(name, url, count, parse):
    """Read `count` events; print events a second and the memory."""
    sys.path.insert(0, str(ROOT))
    loads = json.loads
    number = 0
    source = CANDIDATES[name](url)
    next(source)
    begin = time.process_time()
    for data in source:
        if parse:
            loads(data)
        number += 1
        if number == count:
            break
    seconds = time.process_time() - begin
    print(count / seconds, resident_kilobytes(), flush=True)
    os._exit(0)  # some peers end no stream


def measure_large():
    """Return the seconds for one event of 16 MiB in chunks of 16 KB."""
    sys.path.insert(0, str(ROOT))
    from wikistd import EventParser

    data = b"data: " + b"x" * (16 << 20) + b"\n\n"
    chunks = [data[i : i + 16384] for i in range(0, len(data), 16384)]
    best = 9.0
    for _ in range(5):
        parser = EventParser()
        begin = time.perf_counter()
        events = [event for chunk in chunks for event in parser.feed(chunk)]
        best = min(best, time.perf_counter() - begin)
        assert len(events) == 1 and len(events[0].data) == 16 << 20
    return best


class Run:
    """The processes of one benchmark."""

    def __init__(self, python):
        self.python = python
        self.server = subprocess.Popen(
            [sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True
        )
        self.port = int(self.server.stdout.readline())

    def measure(self, name, layout, count, parse=False):
        """Return (events a second, kilobytes), None where the candidate is missing."""
        url = "http://127.0.0.1:%d/%s" % (self.port, layout)
        done = subprocess.run(
            [self.python, __file__, "--one", name, url, str(count), str(int(parse))],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600,
        )
        if done.returncode:
            print("%s: %s" % (name, done.stderr.strip().rpartition("\n")[2]), file=sys.stderr)
            return None
        rate, kilobytes = done.stdout.split()
        return float(rate), int(kilobytes)

    def close(self):
        self.server.kill()
        self.server.communicate()


def peer_python(options):
    """Return a Python that has the peers, and what to remove afterwards."""
    if options.python or options.no_peers:
        return options.python or sys.executable, None
    folder = tempfile.TemporaryDirectory()
    subprocess.run([sys.executable, "-m", "venv", folder.name], check=True)
    python = os.path.join(folder.name, "bin", "python")
    for peer in PEERS:
        done = subprocess.run([python, "-m", "pip", "install", "-q", peer])
        if done.returncode:
            print("cannot be installed: %s" % peer, file=sys.stderr)
    return python, folder


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--events", type=int, default=24000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--python")
    options = parser.parse_args()
    python, folder = peer_python(options)
    names = [name for name in CANDIDATES if name != "json_alone"]
    if options.no_peers:
        names = ["ours", "ours_lines", "floor_recv"]
    run = Run(python)
    rates, json_rates = {}, []
    try:
        for _ in range(options.rounds):
            for layout in LAYOUTS:
                for name in names:
                    got = run.measure(name, layout, options.events)
                    if got is not None:
                        rates.setdefault((name, layout), []).append(got[0])
                json_rates.append(run.measure("json_alone", "", options.events, parse=True)[0])
                got = run.measure("ours", layout, options.events, parse=True)
                rates.setdefault(("ours and json", layout), []).append(got[0])
        small = run.measure("ours", "line", options.events)[1]
        large = run.measure("ours", "line", options.events * 10)[1]
    finally:
        run.close()
        if folder is not None:
            folder.cleanup()
    print("thousand events a CPU second of the reader, best of %d" % options.rounds)
    sys.exit(report(rates, max(json_rates), measure_large(), large - small, options.no_peers))


def report(rates, alone, large_seconds, more_kilobytes, no_peers):
    """Print the table and the bounds; return the exit code."""
    best = {key: max(values) for key, values in rates.items()}
    names = list(dict.fromkeys(name for name, _ in best))
    print("%-16s" % "" + "".join("%9s" % layout for layout in LAYOUTS))
    for name in names:
        row = ["%9.1f" % (best.get((name, layout), 0) / 1000) for layout in LAYOUTS]
        print("%-16s" % name + "".join(row))
    print("json.loads alone %.1f" % (alone / 1000))
    checks = []
    for layout in LAYOUTS:
        mine = best["ours", layout]
        peers = [best[name, layout] for name in names if (name, layout) in best and not name.startswith(("ours", "floor"))]
        if peers:
            checks.append(("%s: of the fastest peer" % layout, mine / max(peers), 1.25))
        if ("requests_sse", layout) in best:
            checks.append(("%s: of requests-sse" % layout, mine / best["requests_sse", layout], 3.0))
        share = best["ours and json", layout] / alone
        checks.append(("%s: with json of json alone" % layout, share, 0.55 if layout == "line" else 0.7))
    failed = False
    for name, got, bound in checks:
        failed = failed or got < bound
        print("%-34s %6.2f (at least %.2f)%s" % (name, got, bound, "" if got >= bound else "  MISSED"))
    print("16 MiB event: %.3f s (under 0.1)" % large_seconds)
    print("ten times the events: %.1f MB more (at most 4)" % (more_kilobytes / 1024))
    failed = failed or large_seconds >= 0.1 or more_kilobytes > 4096
    if no_peers:
        print("without peers: their bounds were not looked at")
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve()
    elif sys.argv[1:2] == ["--one"]:
        run_one(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5] == "1")
    else:
        main()
