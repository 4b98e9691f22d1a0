"""An exchange ended by any exception closes its connection.

A thousand calls are interrupted at seeded random points, as Ctrl-C or a caller's own
exception would: every answer that is given belongs to its request.
"""

import gc
import linecache
import random
import sys
import threading
import unittest
import warnings

from tests.support.clients import make_client
from tests.support.scripted import RequestReader, ScriptedServer, chunked, reply
from wikistd.web.connection import shut_down


IS_PYPY = sys.implementation.name == "pypy"


class Interrupted(BaseException):
    """What Ctrl-C raises, for a test."""


def source_line(frame):
    """Return the text of the line that a frame is at."""
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()


class Interrupter:
    """Raises Interrupted at the n-th line run in the web room."""

    def __init__(self, lines):
        self.left = lines

    def __enter__(self):
        sys.settrace(self.trace)

    def __exit__(self, *error):
        sys.settrace(None)

    def trace(self, frame, event, argument):
        name = frame.f_globals.get("__name__", "")
        if ".web." not in name and not name.endswith((".http1", ".http1body", "wikistd")):
            return None
        if frame.f_code.co_name == "__del__":  # what is raised there is only printed
            return None
        return self.line

    def line(self, frame, event, argument):
        if event == "line":
            self.left -= 1
            # Not between a with block and its end: signals do not come there either.
            if self.left <= 0 and not source_line(frame).startswith("with "):
                sys.settrace(None)
                raise Interrupted
        return self.line


def answer(sock):
    """Answer each request with its own target, in one of several framings."""
    reader = RequestReader(sock)
    while True:
        try:
            request = reader.read()
        except OSError:
            return
        if request is None:
            return
        text = request.target.encode("ascii") * 20
        number = int(request.target.rpartition("/")[2])
        try:
            if number % 3:
                sock.sendall(reply(text))
            else:
                sock.sendall(chunked(text[:30], text[30:]))
        except OSError:
            return


class InterruptionCase(unittest.TestCase):
    def setUp(self):
        # A socket that an interruption hit between its making and its keeping is
        # closed by the garbage collector, which says so.
        quiet = warnings.catch_warnings()
        quiet.__enter__()
        self.addCleanup(quiet.__exit__, None, None, None)
        warnings.simplefilter("ignore", ResourceWarning)
        self.addCleanup(gc.collect)
        trace = sys.gettrace()
        if trace is not None:
            # Coverage and debuggers trace too: theirs goes on afterwards.
            self.addCleanup(sys.settrace, trace)
            sys.settrace(None)


class Interruptions(InterruptionCase):
    # A traced frame of PyPy keeps what it held alive, connections too: each
    # interruption costs a place in the pool there.
    rounds = 200 if IS_PYPY else 1000
    pool_size = 2 * rounds if IS_PYPY else 32

    def test_no_answer_is_another_requests(self):
        """After each interruption the next answers are those of their own requests."""
        dice = random.Random(20260101)
        interrupted = 0
        with ScriptedServer(each=[answer]) as server, make_client(
            pool_size=self.pool_size
        ) as client:
            for number in range(self.rounds):
                target = "/%d/%d" % (dice.randrange(10**9), number)
                stream = number % 2 == 0
                try:
                    with Interrupter(dice.randrange(1, 260)):
                        response = client.get(server.url + target, stream=stream)
                        text = response.read(len(target) * 20)
                except Interrupted:
                    interrupted += 1
                    response = None
                if response is not None:
                    self.assertEqual(text.decode("ascii"), target * 20)
                    response.close()
                if number % 10 == 0:
                    check = "/check/%d" % number
                    self.assertEqual(client.get(server.url + check).text, check * 20)
            gc.collect()  # or the server waits for what an interruption left open
            self.assertGreater(interrupted, self.rounds // 2)
            self.assertLess(client.keepalive.pool.idle_count, 3)
            if IS_PYPY:
                for sock in server.sockets:
                    shut_down(sock)


class Killed(InterruptionCase):
    def test_responses_that_are_dropped(self):
        """A streamed response that is just forgotten gives up its place."""
        with ScriptedServer(each=[answer]) as server, make_client(pool_size=2) as client:
            for number in range(10):
                client.get(server.url + "/%d" % number, stream=True).read(3)
            self.assertEqual(client.keepalive.pool.busy_count, 0)

    def test_threads(self):
        """Interruptions in one thread leave the other threads' answers alone."""
        wrong = []
        with ScriptedServer(each=[answer]) as server, make_client() as client:

            def work(seed):
                dice = random.Random(seed)
                for number in range(30):
                    target = "/%d/%d" % (seed, number)
                    try:
                        with Interrupter(dice.randrange(1, 400)):
                            text = client.get(server.url + target).text
                    except Interrupted:
                        continue
                    if text != target * 20:
                        wrong.append((target, text))

            threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
            gc.collect()
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
