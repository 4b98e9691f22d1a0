"""2,000 edits on a real MediaWiki, read over a stream that is dropped every few seconds.

    python3 tests/integration/stream_edits.py [--edits 2000] [--port 8830] [--dir FOLDER]

The wiki (../mediawiki/wiki.py starts it) sends its recent changes by UDP, as Wikimedia's do;
a server here gives them topics, offsets and times and serves them by the rules of
Wikimedia's service, and ends each connection after some seconds: cleanly, abruptly within
an event, or by a reset.  Each edit must come once, and in order per topic.  RecentChanges must
give the same edits, and in what both say the same values.  Exit code 0 if all of it held.
"""

import argparse
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.streams.dropping import FIRST_OFFSET, TOPICS, DroppingServer  # noqa: E402
from wikistd import EventStreams, RecentChanges, Session  # noqa: E402

USER_AGENT = "wikistd-stream-edits/1.0 (tests; https://example.org/wikistd)"
LIFE_SECONDS = (1.0, 5.0)  # of a connection
EDITORS = 2


class LiveServer(DroppingServer):
    """Serve what comes by UDP as it comes; no connection lives long."""

    def __init__(self):
        self.records = {topic: [] for topic in TOPICS}  # (milliseconds, text)
        self.arrived = threading.Condition()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.udp.bind(("127.0.0.1", 0))
        super().__init__(0, 0)
        threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self):
        while True:
            change = json.loads(self.udp.recv(65536).decode("utf-8"))
            topic = self.dice.choice(TOPICS)  # as if the service moved house each time
            records = self.records[topic]
            now = time.time_ns() // 1000000
            offset = FIRST_OFFSET + len(records)
            meta = {
                "domain": change["server_name"], "stream": "mediawiki.recentchange",
                "topic": topic, "partition": 0, "offset": offset, "id": "%s-%d" % (topic[:5], offset),
            }
            schema = "/mediawiki/recentchange/1.0.0"
            text = json.dumps(without_nulls({"$schema": schema, "meta": meta, **change}))
            with self.arrived:
                records.append((now, text))
                self.arrived.notify_all()

    def _serve(self, connection):
        position = self._live_position(self._read_head(connection))
        ends_at = time.monotonic() + self.dice.uniform(*LIFE_SECONDS)
        out = [
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        ]
        self._chunk(out, ":ok\n\n")
        places = {topic: {"topic": topic, "partition": 0, "offset": -1} for topic in TOPICS}
        while not self.stopped:
            connection.sendall(b"".join(out))
            out = []
            with self.arrived:
                while not self._has_more(position) and time.monotonic() < ends_at:
                    self.arrived.wait(0.2)
            if time.monotonic() >= ends_at:
                break
            for topic in TOPICS:
                for now, text in self.records[topic][position[topic] :]:
                    places[topic] = {"topic": topic, "partition": 0, "timestamp": now + 1}
                    self._chunk(out, "event: message\n")
                    self._chunk(out, "id: %s\n" % json.dumps(list(places.values())))
                    self._chunk(out, "data: %s\n\n" % text)
                    position[topic] += 1
        self.dropped += 1
        is_cut = self.dice.choice((True, False))
        if is_cut:
            connection.sendall(b"f\r\nevent: m")
        self._end(connection, not is_cut)

    def _has_more(self, position):
        return any(position[topic] < len(self.records[topic]) for topic in TOPICS)

    def _live_position(self, head):
        """Return where each topic begins: at its end, or as the Last-Event-ID says."""
        position = {topic: len(self.records[topic]) for topic in TOPICS}
        for line in head.split("\r\n"):
            name, _, value = line.partition(": ")
            if name.lower() != "last-event-id":
                continue
            for entry in json.loads(value):
                topic = entry["topic"]
                if "timestamp" in entry:
                    early = [now for now, _ in self.records[topic] if now < entry["timestamp"]]
                    position[topic] = len(early)
                elif entry["offset"] >= 0:
                    position[topic] = entry["offset"] - FIRST_OFFSET
        return position


def without_nulls(value):
    """Return it without the keys that are null: the service leaves them out."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return value


def wiki_command(folder, *arguments):
    command = [sys.executable, str(HERE / "mediawiki" / "wiki.py"), arguments[0], "--dir", folder]
    done = subprocess.run([*command, *arguments[1:]], stdout=subprocess.PIPE, check=True)
    return done.stdout.decode()


def edit(url, account, first, count, revisions):
    name = "Rig %d" % time.time_ns()
    session = Session(url, USER_AGENT, formatversion=2)
    session.login(account["username"], account["password"])
    for number in range(first, count, EDITORS):
        answer = session.post(
            action="edit", title="%s %d" % (name, number % 200), text="text %d é" % number, token=session.get_token()
        )
        revisions.append(answer["edit"]["newrevid"])


def run(url, account, server, count):
    """Edit and read at the same time; return whether all came as it should."""
    events, opened, revisions = [], threading.Event(), []
    stream = EventStreams(
        url=server.url, retry=50, min_delay_seconds=0.05, on_open=lambda response: opened.set()
    )
    reader = threading.Thread(target=lambda: events.extend(stream))
    reader.start()
    opened.wait(10)
    began = time.time()
    editors = [
        threading.Thread(target=edit, args=(url, account, first, count, revisions)) for first in range(EDITORS)
    ]
    for thread in editors:
        thread.start()
    for thread in editors:
        thread.join()
    time.sleep(2 * LIFE_SECONDS[1])  # another connection, which may repeat
    stream.close()
    reader.join(10)
    seen = [event["revision"]["new"] for event in events if event["type"] in ("edit", "new")]
    print(
        "%d edits in %d s, %d events of %d, %d missing, %d connections dropped, %d repeated and left out, %d gaps"
        % (
            len(revisions), time.time() - began, len(seen), len(set(seen)), len(set(revisions) - set(seen)),
            server.dropped, stream.duplicates, len(stream.gaps),
        )
    )
    is_ordered = True
    for topic in TOPICS:
        offsets = [event["meta"]["offset"] for event in events if event["meta"]["topic"] == topic]
        is_ordered = is_ordered and offsets == sorted(offsets)
    same = compare_with_list(url, began, events, count)
    complete = len(revisions) == count and sorted(seen) == sorted(revisions) and not stream.gaps
    return complete and is_ordered and same and server.dropped > 10


def compare_with_list(url, began, events, count):
    """Read the same changes by polling; what both say must be the same."""
    live = {event["id"]: event for event in events}
    differing, found = set(), 0
    session = Session(url, USER_AGENT, formatversion=2)
    for event in RecentChanges(session, since=int(began) * 1000, total=count):
        other = live.get(event["id"])
        if other is None:
            continue
        found += 1
        differing.update(key for key in set(event) & set(other) if key != "meta" and event[key] != other[key])
    print("polled: %d of the same, differing in: %s" % (found, ", ".join(sorted(differing)) or "nothing"))
    return found == count and not differing


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--edits", type=int, default=2000)
    parser.add_argument("--port", default="8830")
    parser.add_argument("--dir")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.dir or os.path.join(temporary, "wiki")
        server = LiveServer()
        status = json.loads(wiki_command(folder, "up", "--port", options.port))
        try:
            feed = {"uri": "udp://127.0.0.1:%d" % server.udp.getsockname()[1], "formatter": "JSONRCFeedFormatter"}
            wiki_command(folder, "set", "globals", json.dumps({"wgRCFeeds": {"here": feed}}))
            with open(status["accounts"], encoding="utf-8") as file:
                account = json.load(file)["bot"]
            fine = run(status["url"], account, server, options.edits)
        finally:
            wiki_command(folder, "down")
            server.close()
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
