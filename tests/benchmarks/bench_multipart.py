#!/usr/bin/env python3
"""Multipart bodies, written and read, beside other libraries: throughput and memory.

    bench_multipart.py [--megabytes 500] [--rounds 3] [--no-peers] [--python PATH]

One interleaved run: in each round every candidate handles one file part in a fresh
process; medians of CPU time are compared.  The file is a megabyte of random bytes, again
and again, so what is measured is the library, not the disk.  `email` gets a tenth, it is
slow.  Peers (httpx, requests-toolbelt, aiohttp, urllib3, multipart, python-multipart,
Werkzeug) are installed into a throw-away environment; --python names one that has them.
Exit code 1 where a bound is missed:

* writing and pushing pieces of 64 KB: 0.9 of the fastest peer; of 4 KB: 1.0
* pulling with read_chunk: 0.7 of the fastest peer that reads
* memory at most 4 MB above where it started
"""

import argparse
import asyncio
import io
import itertools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = (
    "httpx", "requests-toolbelt", "aiohttp", "urllib3", "multipart", "python-multipart",
    "werkzeug",
)
BOUNDARY = "----wikistd7MA4YWxkTrZu0gW"
PREFIX = (
    "--%s\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f.bin\"\r\n"
    "Content-Type: application/octet-stream\r\n\r\n" % BOUNDARY
).encode()
SUFFIX = ("\r\n--%s--\r\n" % BOUNDARY).encode()
BLOCK = 1 << 20
RANDOM = os.urandom(BLOCK) * 2


class Source(io.BufferedIOBase):
    """A file of `size` random bytes that needs no memory."""

    name = "f.bin"

    def __init__(self, size):
        self.size = size
        self.place = 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self.place

    def seek(self, offset, whence=0):
        self.place = offset + (0, self.place, self.size)[whence]
        return self.place

    def read(self, count=-1):
        left = self.size - self.place
        count = left if count is None or count < 0 else min(count, left)
        at = self.place % BLOCK
        self.place += count
        if count <= BLOCK:
            return RANDOM[at : at + count]
        return (RANDOM[at : at + BLOCK] * (count // BLOCK + 1))[:count]

    read1 = read


class Arriving:
    """Content that comes in the pieces of `body_pieces`."""

    def __init__(self, size, step):
        self.readany = lambda: next(pieces, b"")
        pieces = body_pieces(size, step)


def body_pieces(size, step):
    """Return the pieces of a body with one file, cut every `step` bytes; no copies."""
    pieces = [RANDOM[i : i + step] for i in range(0, BLOCK, step)]
    count = size // step
    return itertools.chain(
        [PREFIX], itertools.islice(itertools.cycle(pieces), count), [SUFFIX]
    )


def write_wikistd(size, step):
    import wikistd

    yield
    form = wikistd.FormData(chunk_size=step)
    form.add_field("f", Source(size), filename="f.bin")
    assert sum(map(len, form.serialize())) == form.content_length


def write_httpx(size, step):
    import httpx

    yield
    request = httpx.Request("POST", "http://x/", files={"f": ("f.bin", Source(size))})
    request.stream.fields[0].CHUNK_SIZE = step
    assert sum(map(len, request.stream)) == int(request.headers["Content-Length"])


def write_toolbelt(size, step):
    from requests_toolbelt import MultipartEncoder

    yield
    source = Source(size)
    source.len = size
    body = MultipartEncoder({"f": ("f.bin", source, "application/octet-stream")})
    total = 0
    while True:
        piece = body.read(step)
        if not piece:
            break
        total += len(piece)
    assert total == body.len


def write_aiohttp(size, step):
    import aiohttp

    class Sink:
        total = 0

        async def write(self, data):
            self.total += len(data)

    async def work():
        form = aiohttp.FormData()
        form.add_field("f", Source(size), filename="f.bin")
        sink = Sink()
        await form().write(sink)
        assert sink.total > size

    yield
    asyncio.run(work())


def write_urllib3(size, step):
    from urllib3.filepost import encode_multipart_formdata

    yield
    body, _ = encode_multipart_formdata({"f": ("f.bin", Source(size).read())})
    assert len(body) > size


def push_wikistd(size, step):
    import wikistd

    yield
    parser = wikistd.MultipartParser(BOUNDARY)
    total = 0
    for piece in body_pieces(size, step):
        for event in parser.feed(piece):
            if type(event) is bytes:
                total += len(event)
    parser.close()
    assert total == size


def push_multipart(size, step):
    import multipart

    yield
    total = 0
    with multipart.PushMultipartParser(BOUNDARY) as parser:
        for piece in body_pieces(size, step):
            for event in parser.parse(piece):
                if isinstance(event, (bytes, bytearray)):
                    total += len(event)
        parser.close()
    assert total == size


def push_python_multipart(size, step):
    from python_multipart.multipart import MultipartParser

    yield
    total = 0

    def on_part_data(data, start, end):
        nonlocal total
        total += end - start

    parser = MultipartParser(BOUNDARY, {"on_part_data": on_part_data})
    for piece in body_pieces(size, step):
        parser.write(piece)
    parser.finalize()
    assert total == size


def push_werkzeug(size, step):
    from werkzeug.sansio.multipart import Data, MultipartDecoder, NeedData

    yield
    decoder = MultipartDecoder(BOUNDARY.encode())
    total = 0
    for piece in body_pieces(size, step):
        decoder.receive_data(piece)
        while True:
            event = decoder.next_event()
            if event.__class__ is NeedData or event.__class__.__name__ == "Epilogue":
                break
            if isinstance(event, Data):
                total += len(event.data)
    assert total == size


def pull_wikistd(size, step):
    import wikistd

    yield
    headers = {"Content-Type": "multipart/form-data; boundary=" + BOUNDARY}
    reader = wikistd.MultipartReader(headers, Arriving(size, step))
    part = reader.next()
    total = 0
    while True:
        chunk = part.read_chunk(step)
        if not chunk:
            break
        total += len(chunk)
    assert total == size and reader.next() is None


def pull_aiohttp(size, step):
    import aiohttp

    class Protocol:
        _reading_paused = False
        connected = True

        def pause_reading(self, **options):
            pass

        resume_reading = pause_reading

    async def work():
        loop = asyncio.get_running_loop()
        stream = aiohttp.StreamReader(Protocol(), 65536, loop=loop)

        async def feed():
            for piece in body_pieces(size, step):
                stream.feed_data(piece)
                await asyncio.sleep(0)
            stream.feed_eof()

        feeding = loop.create_task(feed())
        headers = {"Content-Type": "multipart/form-data; boundary=" + BOUNDARY}
        part = await aiohttp.MultipartReader(headers, stream).next()
        total = 0
        while not part.at_eof():
            total += len(await part.read_chunk(step))
        await feeding
        assert total == size

    yield
    asyncio.run(work())


def pull_email(size, step):
    from email.parser import BytesFeedParser

    yield
    parser = BytesFeedParser()
    head = "Content-Type: multipart/form-data; boundary=%s\r\n\r\n" % BOUNDARY
    parser.feed(head.encode())
    for piece in body_pieces(size, step):
        parser.feed(piece)
    assert len(parser.close().get_payload()) == 1


def floor_write(size, step):
    yield
    source, total = Source(size), 0
    while True:
        piece = source.read(step)
        if not piece:
            break
        total += len(piece)
    assert total == size


#: group: {candidate: (function, part of the megabytes)}; ours comes first.
GROUPS = {
    "write 64 KB": {
        "wikistd": (write_wikistd, 1), "httpx": (write_httpx, 1),
        "requests-toolbelt": (write_toolbelt, 1), "aiohttp": (write_aiohttp, 1),
        "urllib3": (write_urllib3, 1), "(reading the file only)": (floor_write, 1),
    },
    "push 64 KB": {
        "wikistd": (push_wikistd, 1), "multipart": (push_multipart, 1),
        "python-multipart": (push_python_multipart, 1), "werkzeug": (push_werkzeug, 1),
    },
    "pull 64 KB": {
        "wikistd": (pull_wikistd, 1), "multipart": (push_multipart, 1),
        "python-multipart": (push_python_multipart, 1), "werkzeug": (push_werkzeug, 1),
        "aiohttp": (pull_aiohttp, 1), "email": (pull_email, 0.1),
    },
    "write 4 KB": {
        "wikistd": (write_wikistd, 1), "httpx": (write_httpx, 1),
        "requests-toolbelt": (write_toolbelt, 1),
    },
    "push 4 KB": {
        "wikistd": (push_wikistd, 1), "multipart": (push_multipart, 1),
        "python-multipart": (push_python_multipart, 1), "werkzeug": (push_werkzeug, 1),
    },
}
BOUNDS = {
    "write 64 KB": 0.9, "push 64 KB": 0.9, "pull 64 KB": 0.7, "write 4 KB": 1.0,
    "push 4 KB": 1.0,
}
MEMORY_BOUND_KB = 4096


def memory_kb(name):
    try:
        lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(s.split()[1]) for s in lines if s.startswith(name)), 0)


def run_one(group, name, megabytes):
    """Run one candidate in this process; print its figures as JSON."""
    work, share = GROUPS[group][name]
    step = 65536 if "64" in group else 4096
    size = int(megabytes * share) * BLOCK
    for warm in (BLOCK, size):
        steps = work(warm, step)
        next(steps)  # imports
        if warm != BLOCK or size == BLOCK:
            try:
                pathlib.Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM
            except OSError:
                pass
        before, began = memory_kb("VmRSS:"), time.process_time()
        next(steps, None)
        took = time.process_time() - began
        grown = memory_kb("VmHWM:") - before
    print(json.dumps({"mbps": size / 1e6 / took, "grown_kb": grown}))


def measure(python, group, name, megabytes):
    done = subprocess.run(
        [python, __file__, "--one", group, name, "--megabytes", str(megabytes)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
    )
    if done.returncode:
        return done.stderr.decode().strip().splitlines()[-1]
    return json.loads(done.stdout)


def install(folder):
    """Return the python of an environment with the peers that could be had."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = os.path.join(folder, "bin", "python")
    for peer in PEERS:
        command = [python, "-m", "pip", "install", "-q", peer]
        if subprocess.run(command, stderr=subprocess.DEVNULL).returncode:
            print("not to be had: %s" % peer)
    return python


def report(group, results):
    """Print one group; return the number of bounds missed."""
    print("\n%s pieces, MB/s of CPU time, memory above the start" % group)
    medians, bad = {}, 0
    for name, runs in results.items():
        if not runs:
            continue
        speed = statistics.median(run["mbps"] for run in runs)
        grown = max(run["grown_kb"] for run in runs)
        medians[name] = speed
        print("  %-26s %7.0f  %+8.1f MB" % (name, speed, grown / 1024))
        if name == "wikistd" and grown > MEMORY_BOUND_KB:
            bad += 1
            print("  MISSED: memory, at most 4 MB")
    peers = {n: s for n, s in medians.items() if n != "wikistd" and not n.startswith("(")}
    if peers:
        best = max(peers, key=peers.get)
        ratio = medians["wikistd"] / peers[best]
        missed = ratio < BOUNDS[group]
        bad += missed
        print(
            "  %s: %.2f of %s, wanted %.1f"
            % ("MISSED" if missed else "ok", ratio, best, BOUNDS[group])
        )
    return bad


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--python", help="an interpreter that has the peers")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        run_one(given.one[0], given.one[1], given.megabytes)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        python = given.python or sys.executable
        if not given.python and not given.no_peers:
            python = install(folder)
        results = {group: {name: [] for name in GROUPS[group]} for group in GROUPS}
        for number in range(given.rounds):
            for group, candidates in GROUPS.items():
                for name in candidates:
                    if given.no_peers and name not in ("wikistd", "email"):
                        continue
                    got = measure(python, group, name, given.megabytes)
                    if isinstance(got, dict):
                        results[group][name].append(got)
                    elif number == 0:
                        print("%s, %s: %s" % (group, name, got))
    version = subprocess.run(
        [python, "--version"], stdout=subprocess.PIPE
    ).stdout.decode().strip()
    print("%s, %d MB, %d rounds, medians" % (version, given.megabytes, given.rounds))
    return 1 if sum([report(group, results[group]) for group in GROUPS]) else 0


if __name__ == "__main__":
    sys.exit(main())
