#!/usr/bin/env python3
"""WebSocket frames, read and written without sockets, beside other libraries.

    bench_websocket.py [--rounds 5] [--no-peers] [--python PATH]

Messages of 100 B, 1.4 KB, 10 KB and 1 MB, as each side receives and sends them; bytes
come in pieces of 64 KB.  One interleaved run: in each round every candidate does every
task in one fresh process; medians of CPU time are compared.  Peers (websockets' sans-IO
core without its C part, wsproto, websocket-client) are installed into a throw-away
environment; --python names one that has them.  Exit code 1 where a bound is missed:

* receiving text of 1.4 KB: 1.1 of websockets, 2 times wsproto
* masking 1 MB: 2.5 times websockets in pure Python
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

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = ("websockets", "wsproto", "websocket-client")
SIZES = (100, 1400, 10000, 1000000)
BYTES = 8000000  # of payload for one measurement, at most 10,000 messages
PIECE = 65536


def count_of(size):
    return max(4, min(10000, BYTES // size))


def text_of(size):
    return ("The quick brown fox, größer als 10 €. " * (size // 30 + 1))[:size]


def pieces_of(frames):
    data = b"".join(frames)
    return [data[i : i + PIECE] for i in range(0, len(data), PIECE)]


def wire(size, is_masked):
    """Return the pieces of all messages of a size, as a peer would send them."""
    from wikistd import WebSocketWriter

    writer = WebSocketWriter(use_mask=is_masked)
    text = text_of(size)
    return pieces_of(writer.send(text) for _ in range(count_of(size)))


# Each task returns how many messages it saw or made.


def ours_receive(pieces, is_client):
    from wikistd import WebSocketParser

    parser = WebSocketParser(is_client=is_client)
    return sum(len(parser.feed(piece)) for piece in pieces)


def ours_send(text, count, is_client):
    from wikistd import WebSocketWriter

    writer = WebSocketWriter(use_mask=is_client)
    for _ in range(count):
        writer.send(text)
    return count


def websockets_receive(pieces, is_client):
    from websockets.frames import Opcode
    from websockets.protocol import CLIENT, SERVER, Protocol

    protocol = Protocol(CLIENT if is_client else SERVER, max_size=None)
    number = 0
    for piece in pieces:
        protocol.receive_data(piece)
        for frame in protocol.events_received():
            if frame.opcode is Opcode.TEXT:
                frame.data.decode()  # its callers do this, ours have it done
            number += 1
    return number


def websockets_send(text, count, is_client):
    from websockets.protocol import CLIENT, SERVER, Protocol

    protocol = Protocol(CLIENT if is_client else SERVER)
    for _ in range(count):
        protocol.send_text(text.encode())
        b"".join(protocol.data_to_send())
    return count


def wsproto_receive(pieces, is_client):
    from wsproto.connection import Connection, ConnectionType

    connection = Connection(ConnectionType.CLIENT if is_client else ConnectionType.SERVER)
    number = 0
    for piece in pieces:
        connection.receive_data(piece)
        for event in connection.events():
            number += event.message_finished
    return number


def wsproto_send(text, count, is_client):
    from wsproto.connection import Connection, ConnectionType
    from wsproto.events import TextMessage

    connection = Connection(ConnectionType.CLIENT if is_client else ConnectionType.SERVER)
    for _ in range(count):
        connection.send(TextMessage(data=text))
    return count


def websocket_client_receive(pieces, is_client):
    if not is_client:
        return 0
    from websocket._abnf import frame_buffer

    class Source:
        data = b"".join(pieces)
        place = 0

    def receive(size):
        size = min(size, 16384)
        if Source.place >= len(Source.data):
            raise EOFError
        part = Source.data[Source.place : Source.place + size]
        Source.place += len(part)
        return part

    buffer = frame_buffer(receive, False)
    number = 0
    try:
        while True:
            buffer.recv_frame().data.decode()
            number += 1
    except EOFError:
        return number


def websocket_client_send(text, count, is_client):
    if not is_client:
        return 0
    from websocket import ABNF

    for _ in range(count):
        ABNF.create_frame(text, ABNF.OPCODE_TEXT).format()
    return count


def pure_mask(data, mask):
    """Mask as websockets does without its C part."""
    from websockets import utils

    return utils.apply_mask(data, mask)


def ours_mask(data, mask):
    from wikistd.formats.frames import apply_mask

    return apply_mask(data, mask)


LIBRARIES = {
    "ours": (ours_receive, ours_send, ours_mask),
    "websockets": (websockets_receive, websockets_send, pure_mask),
    "wsproto": (wsproto_receive, wsproto_send, None),
    "websocket-client": (websocket_client_receive, websocket_client_send, None),
}


def timed(function, *arguments):
    begin = time.process_time()
    number = function(*arguments)
    return number / max(time.process_time() - begin, 1e-9)


def run_one(name):
    """Do all tasks; print messages a second of each as JSON."""
    sys.path.insert(0, str(ROOT))
    # The bound is against websockets' Python; its C part is another library.
    sys.modules["websockets.speedups"] = None
    receive, send, mask = LIBRARIES[name]
    rates = {}
    # First, in a process that has done nothing: where the allocator keeps large blocks
    # from earlier work, one large integer is twice as fast as here, the tables are not.
    if mask is not None:
        data, key = os.urandom(1 << 20), b"\x37\xfa\x21\x3d"
        best = 9.0
        for _ in range(30):
            begin = time.process_time()
            mask(data, key)
            best = min(best, time.process_time() - begin)
        rates["mask 1 MiB"] = 1 / best
    for size in SIZES:
        for is_client in (True, False):
            side = "client" if is_client else "server"
            pieces = wire(size, not is_client)
            receive(pieces[:2], is_client)
            rates["receive %d %s" % (size, side)] = timed(receive, pieces, is_client)
            rates["send %d %s" % (size, side)] = timed(send, text_of(size), count_of(size), is_client)
    print(json.dumps(rates))


def peer_python(options):
    """Return a Python that has the peers, and what to remove afterwards."""
    if options.python or options.no_peers:
        return options.python or sys.executable, None
    folder = tempfile.TemporaryDirectory()
    subprocess.run([sys.executable, "-m", "venv", folder.name], check=True)
    python = os.path.join(folder.name, "bin", "python")
    for peer in PEERS:
        if subprocess.run([python, "-m", "pip", "install", "-q", peer]).returncode:
            print("cannot be installed: %s" % peer, file=sys.stderr)
    return python, folder


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--python")
    options = parser.parse_args()
    python, folder = peer_python(options)
    names = ["ours"] if options.no_peers else list(LIBRARIES)
    runs = {}
    try:
        for _ in range(options.rounds):
            for name in names:
                done = subprocess.run(
                    [python, __file__, "--one", name], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    text=True,
                )
                if done.returncode:
                    print("%s: %s" % (name, done.stderr.strip().rpartition("\n")[2]), file=sys.stderr)
                    continue
                for task, rate in json.loads(done.stdout).items():
                    runs.setdefault((task, name), []).append(rate)
    finally:
        if folder is not None:
            folder.cleanup()
    sys.exit(report({key: statistics.median(rates) for key, rates in runs.items()}, names))


def report(medians, names):
    """Print the table and the bounds; return the exit code."""
    tasks = list(dict.fromkeys(task for task, _ in medians))
    print("thousand messages a CPU second")
    print("%-24s" % "" + "".join("%18s" % name for name in names))
    for task in tasks:
        row = ["%18.2f" % (medians.get((task, name), 0) / 1000) for name in names]
        print("%-24s" % task + "".join(row))
    failed = False
    for task, name, bound in (
        ("receive 1400 client", "websockets", 1.1), ("receive 1400 client", "wsproto", 2.0), ("mask 1 MiB", "websockets", 2.5),
    ):
        if (task, name) not in medians:
            print("%s: %s was not there" % (task, name))
            continue
        got = medians[task, "ours"] / medians[task, name]
        failed = failed or got < bound
        print("%-24s of %-12s %6.2f (at least %.1f)%s" % (task, name, got, bound, "" if got >= bound else "  MISSED"))
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        run_one(sys.argv[2])
    else:
        main()
