"""Mutated answers through the real client: documented errors, and no hang.

`WIKISTD_FUZZ_ROUNDS=1000000 python3 -m unittest tests.web.test_fuzz` does more than the
default run, `WIKISTD_FUZZ_SEED=7` others.
"""

import gzip
import io
import os
import random
import time
import unittest

from tests.support.scripted import chunked, reply
from wikistd import HttpClient
from wikistd.errors import ProtocolError, TransportError

ROUNDS = int(os.environ.get("WIKISTD_FUZZ_ROUNDS", "10000"))
SEED = int(os.environ.get("WIKISTD_FUZZ_SEED", "20260101"))

GZIPPED = [("Content-Encoding", "gzip"), ("Content-Type", "text/html")]
ANSWERS = [
    reply(b'{"query": {"pages": []}}', headers=[("Content-Type", "application/json")]),
    reply(b"x" * 300, headers=[("Set-Cookie", "a=b; path=/"), ("Connection", "close")]),
    chunked(b"one", b"two" * 20, trailers="X-A: 1\r\n"),
    chunked(gzip.compress(b"text" * 50, mtime=0), headers=GZIPPED),
    reply(gzip.compress(b"text" * 50, mtime=0), headers=GZIPPED),
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + reply(b"final"),
    reply(b"until the end", length=False),
    reply(b"", "302 Found", [("Location", "/elsewhere")]),
    reply(b"", "401 No", [("WWW-Authenticate", 'Digest realm="r", nonce="n"')]),
    reply(b"", "304 Not Modified", [("ETag", '"x"')], length=False),
    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
]
PIECES = [
    b"\r\n", b"\n", b"\r", b"\0", b":", b" ", b"\t", b"0", b"-1", b"+3", b"0x", b"\xff",
    b"9" * 20, b"Content-Length: 3\r\n", b"Content-Length: 5\r\n", b"HTTP/1.1 100 C\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n",
    b"Content-Encoding: deflate\r\n", b"Content-Encoding: br\r\n", b"\r\n\r\n",
    b"Connection: close\r\n", b"Location: http://[\r\n", b"Set-Cookie: =;;=\r\n",
    b"WWW-Authenticate: \"\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 3000, b"ffffffff\r\n",
]  # fmt: skip


def mutate(dice, data):
    """Return `data` with one to four changes."""
    data = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(data) + 1)
        kind = dice.randrange(6)
        if kind == 0:
            del data[place : place + dice.choice([1, 2, 10, 100])]
        elif kind == 1:
            data[place:place] = dice.choice(PIECES)
        elif kind == 2 and place < len(data):
            data[place] = dice.randrange(256)
        elif kind == 3:
            del data[place:]
        elif kind == 4:
            data[place:place] = data[place : place + dice.choice([3, 30, 300])]
        else:
            data[place : place + 1] = dice.choice(PIECES)
    return bytes(data)


class Pieces(io.RawIOBase):
    """What a fake socket reads: the answer in random pieces, then the end."""

    def __init__(self, dice, data):
        self.dice = dice
        self.data = data

    def read(self, size=-1):
        size = min(size, self.dice.choice([1, 7, 100, 65536]))
        piece, self.data = self.data[:size], self.data[size:]
        return piece


class FakeSocket:
    """A socket whose other side says one mutated answer after the other."""

    def __init__(self, fuzz):
        self.fuzz = fuzz
        self.closed = False

    def sendall(self, data):
        pass

    def makefile(self, mode):
        return Pieces(self.fuzz.dice, self.fuzz.next_answer())

    def close(self):
        self.closed = True


class Fuzz(unittest.TestCase):
    def next_answer(self):
        dice = self.dice
        return mutate(dice, dice.choice(ANSWERS) + dice.choice([b"", dice.choice(ANSWERS)]))

    def read(self, response):
        """Read a response in one of the ways there are."""
        way = self.dice.randrange(6)
        if way == 0:
            return response.read()
        if way == 1:
            return list(response.iter_lines(10000))
        if way == 2:
            return list(response.iter_any())
        if way == 3:
            return list(response.iter_chunked(11))
        if way == 4:
            return response.text
        return response.drain()

    def test_mutated_answers(self):
        """Ten thousand mutated answers: an answer or a documented error, in time."""
        self.dice = random.Random(SEED)
        outcomes = {}
        client = HttpClient(
            connect=lambda *place: FakeSocket(self),
            proxies={},
            auth=("user", "password"),
            user_agent="WikistdTests/1.0 (https://example.org/tests)",
            max_body_bytes=100_000,
            timeout=5,
        )
        with client:
            for number in range(ROUNDS):
                start = time.monotonic()
                try:
                    response = client.get("http://fuzz.test/%d" % (number % 7), stream=True)
                    with response:
                        self.read(response)
                    outcome = response.status // 100
                except (TransportError, ProtocolError) as error:
                    outcome = type(error).__name__
                    str(error)
                except Exception as error:
                    if type(error).__name__ in ("StatusError", "TooManyRedirects"):
                        outcome = type(error).__name__
                    else:
                        self.fail("round %d: %r" % (number, error))
                self.assertLess(time.monotonic() - start, 4, "round %d" % number)
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
        self.assertGreater(len(outcomes), 5, outcomes)
        self.assertEqual(client.keepalive.pool.busy_count, 0)


if __name__ == "__main__":
    unittest.main()
