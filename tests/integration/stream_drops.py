"""A million events through a server that drops the connection 1,000 times.

    python3 tests/integration/stream_drops.py [--events 1000000] [--drops 1000] [--kills 20]

First a tenth of the events, then all of them, each in a process of its own: every event
must come once and in order per topic, and ten times the events may add 4 MB at most.
Then a consumer with a checkpoint is killed again and again: no event may be lost, and
only those since the last checkpoint may come twice.  Exit code 0 if all of it held.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

from tests.streams.dropping import FIRST_OFFSET, TOPICS, DroppingServer  # noqa: E402
from wikistd import EventStreams  # noqa: E402

SINCE = 1700000000000


def resident_kilobytes():
    with open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmHWM"):
                return int(line.split()[1])
    return 0


def serve(count, drops, padding):
    """Run the server until standard input ends."""
    mean = count * 2 * (380 + padding) // (drops + 1)  # an event has a bit more
    server = DroppingServer(count, drops, mean_bytes=mean, padding=padding, restarts=100)
    print(server.url, flush=True)
    sys.stdin.read()
    print(server.dropped, flush=True)


def consume(url, count):
    """Read all events, check their order, print what it took."""
    begin = time.monotonic()
    following = dict.fromkeys(TOPICS, 0)
    with EventStreams(url=url, since=SINCE, retry=1, min_delay_seconds=0.001) as stream:
        stream.set_maximum_items(2 * count)
        for event in stream:
            meta = event["meta"]
            index = meta["offset"] - FIRST_OFFSET
            if index != following[meta["topic"]]:
                sys.exit("%s: %d instead of %d" % (meta["topic"], index, following[meta["topic"]]))
            following[meta["topic"]] += 1
        seconds = time.monotonic() - begin
        print(
            sum(following.values()), stream.source.reconnects, stream.duplicates,
            len(stream.gaps), resident_kilobytes(), "%.1f" % seconds,
        )


def consume_with_checkpoint(url, count, path, record):
    """Write each event's number to `record`; go on from the checkpoint."""
    with open(record, "a", encoding="ascii") as file, EventStreams(
        url=url, since=SINCE, retry=1, min_delay_seconds=0.001, checkpoint=path, checkpoint_seconds=0.1
    ) as stream:
        for event in stream:
            meta = event["meta"]
            index = meta["offset"] - FIRST_OFFSET
            file.write("%d %d\n" % (TOPICS.index(meta["topic"]), index))
            file.flush()


class Served:
    def __init__(self, count, drops, padding=0):
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", str(count), str(drops), str(padding)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.url = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.process.kill()
        self.process.communicate()


def run_drops(count, drops):
    with Served(count, drops) as served:
        answer = subprocess.run(
            [sys.executable, __file__, "--consume", served.url, str(count)],
            stdout=subprocess.PIPE, text=True, check=True,
        ).stdout.split()
    events, reconnects, repeated, gaps, kilobytes = map(int, answer[:5])
    print(
        "%d events, %d reconnects, %d repeated by the server and dropped, %d gaps, "
        "%d KB, %s s" % (events, reconnects, repeated, gaps, kilobytes, answer[5])
    )
    return events == 2 * count and gaps == 0, kilobytes


def run_kills(count, kills):
    dice = random.Random(3)
    with tempfile.TemporaryDirectory() as folder, Served(count, 100, 200) as served:
        path, record = os.path.join(folder, "position"), os.path.join(folder, "events")
        command = [sys.executable, __file__, "--checkpoint", served.url, str(count), path, record]
        repeated_most, killed, seen = 0, 0, [set(), set()]
        order_kept = only_since = True
        while min(len(part) for part in seen) < count:
            start = os.path.getsize(record) if os.path.exists(record) else 0
            saved = saved_indexes(path)
            process = subprocess.Popen(command)
            if killed < kills:
                time.sleep(dice.uniform(0.3, 1.2))
                killed += 1
            else:
                wait_until_all(process, record, 2 * count)
            process.send_signal(signal.SIGKILL)
            process.wait()
            repeated = 0
            with open(record, encoding="ascii") as file:
                file.seek(start)
                for line in file:
                    topic, index = map(int, line.split())
                    if index in seen[topic]:
                        repeated += 1
                        only_since = only_since and index > saved.get(TOPICS[topic], -1)
                    seen[topic].add(index)
            repeated_most = max(repeated_most, repeated)
            order_kept = order_kept and all(max(part, default=-1) == len(part) - 1 for part in seen)
        print(
            "%d kills: %d of %d events, none skipped: %s; at most %d repeated after one, "
            "only such as came after the checkpoint: %s"
            % (killed, sum(map(len, seen)), 2 * count, order_kept, repeated_most, only_since)
        )
        return killed == kills and order_kept and only_since


def saved_indexes(path):
    """Return {topic: the last event that the checkpoint holds}."""
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        offsets = json.load(file)["window"]["offsets"]
    return {topic: max(numbers) - FIRST_OFFSET for topic, _, numbers in offsets}


def wait_until_all(process, record, lines):
    last = -1
    while True:
        time.sleep(0.5)
        size = os.path.getsize(record)
        if size == last:
            return
        last = size


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--events", type=int, default=1000000)
    parser.add_argument("--drops", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    small_ok, small = run_drops(options.events // 20, options.drops // 10)
    large_ok, large = run_drops(options.events // 2, options.drops)
    print("memory: %.1f MB more for ten times the events" % ((large - small) / 1024.0))
    kills_ok = run_kills(options.events // 4, options.kills)
    sys.exit(0 if small_ok and large_ok and kills_ok and large - small <= 4096 else 1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(*map(int, sys.argv[2:5]))
    elif sys.argv[1:2] == ["--consume"]:
        consume(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1:2] == ["--checkpoint"]:
        consume_with_checkpoint(sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5])
    else:
        main()
