"""web/connection.py: one byte stream, its time limits, whether it is alive."""

import socket
import ssl
import threading
import unittest
from unittest import mock

from tests.support.clocks import FakeClock
from tests.web.test_connect import FakeSelect
from wikistd import Deadline, TransportTimeout
from wikistd.web import connection
from wikistd.web.connection import (
    MAX_STEP_SECONDS,
    POURING_BYTES,
    Connection,
    next_wait,
    shut_down,
)


class Connections(unittest.TestCase):
    def setUp(self):
        one, self.peer = socket.socketpair()
        self.connection = Connection(None, one)
        self.addCleanup(self.peer.close)
        self.addCleanup(self.connection.close)

    def test_waits(self):
        """The shorter of deadline and idle time bounds a step."""
        self.assertIsNone(next_wait(None, None))
        self.assertIsNone(next_wait(Deadline(None), None))
        self.assertEqual(next_wait(None, 3.0), 3.0)
        self.assertEqual(next_wait(Deadline(9), 3.0), 3.0)
        self.assertLess(next_wait(Deadline(2), 3.0), 2.1)
        with self.assertRaisesRegex(
            TransportTimeout, "limit of 0 seconds is used up"
        ) as caught:
            next_wait(Deadline(0), 3.0)
        self.assertTrue(caught.exception.retryable)  # As one that ends a wait.

    def test_timeouts_are_kept(self):
        """A limit that hardly changed is not set again; a short one always is."""
        calls = []
        connection = self.connection
        connection._settimeout = calls.append
        clock = FakeClock()
        for seconds in (60, 60.005, 59.995, 59, 0.5, 0.498046875, None):
            connection.send(b"x", Deadline(seconds, clock=clock))
        self.assertEqual(calls, [60, 59, 0.5, 0.498046875, None])

    def test_endless_limits(self):
        """No limit is too long for the system, which counts in 32 bits."""
        connection, piece = self.connection, b"x" * POURING_BYTES
        for seconds in (1e7, 1e12, float("inf")):
            self.peer.sendall(piece)
            for deadline, idle in ((None, seconds), (Deadline(seconds), None)):
                self.assertEqual(next_wait(deadline, idle), MAX_STEP_SECONDS)
                connection.send(b"x", deadline, idle)
            self.assertEqual(
                connection.receive(POURING_BYTES, Deadline(seconds), seconds), piece
            )
            later = threading.Timer(0.02, self.peer.sendall, [b"x"])
            later.start()
            self.addCleanup(later.join)
            self.assertEqual(connection.receive(9, Deadline(seconds), seconds), b"x")

    def test_pouring(self):
        """Where bytes pour in, nothing is asked before; the limits hold all the same."""
        calls = []
        connection, piece = self.connection, b"x" * POURING_BYTES
        set_timeout = connection.sock.settimeout
        connection._settimeout = lambda t: (calls.append(t), set_timeout(t))
        self.peer.sendall(piece * 2)
        deadline = Deadline(60)
        for _ in range(2):
            got = connection.receive(POURING_BYTES, deadline, 0.05)
            self.assertEqual(got, piece)
        self.assertEqual(calls, [0.05, 0.0])
        with self.assertRaises(socket.timeout):
            connection.receive(9, deadline, 0.05)
        with self.assertRaises(socket.timeout):
            connection.receive(9, Deadline(0.02), None)
        later = threading.Timer(0.05, self.peer.sendall, [piece * 2])
        later.start()
        self.addCleanup(later.join)
        self.assertEqual(connection.receive(POURING_BYTES, deadline, None), piece)
        self.assertEqual(calls, [0.05, 0.0])
        with self.assertRaises(TransportTimeout):
            connection.receive(9, Deadline(0), 0.05)
        connection.send(b"x", Deadline(30))
        self.assertGreater(calls[-1], 29)
        connection.receive(9, deadline, 0.05)
        self.assertEqual(connection.received, 3 * POURING_BYTES + 9)

    def test_pouring_was_taken_back(self):
        """What the system told of may be gone again: the wait goes on."""
        connection = self.connection
        answers = [BlockingIOError, BlockingIOError, b"x"]

        def receive(size):
            answer = answers.pop(0)
            if answer is BlockingIOError:
                raise answer
            return answer

        connection._recv = receive
        connection._is_pouring = True
        self.peer.sendall(b"x")
        self.assertEqual(connection.receive(9, Deadline(60), 5), b"x")

    def test_shared(self):
        """With one thread receiving and others sending, the limit stays as it is."""
        calls = []
        connection = self.connection
        self.peer.sendall(b"x" * POURING_BYTES * 2)
        connection.receive(POURING_BYTES, None, 5)
        set_timeout = connection.sock.settimeout
        connection._settimeout = lambda t: (calls.append(t), set_timeout(t))
        connection.share(7)
        connection.receive(POURING_BYTES, None, 7)
        self.assertEqual(calls, [7])

    def test_input(self):
        """has_input waits for bytes, not longer than told."""
        self.assertFalse(self.connection.has_input(0.01))
        self.peer.sendall(b"x")
        self.assertTrue(self.connection.has_input(5))
        self.connection.buffer = b"y"
        self.assertTrue(self.connection.has_input(0))

    def test_stale(self):
        """An idle connection is stale when closed, aborted, readable or not empty."""
        connection = self.connection
        self.assertFalse(connection.is_stale())
        connection.buffer = b"x"
        self.assertTrue(connection.is_stale())
        connection.buffer = b""
        self.peer.close()
        self.assertTrue(connection.is_stale())
        connection.abort()
        self.assertTrue(connection.is_stale())
        connection.close()
        connection.close()
        self.assertEqual(repr(connection), "<Connection closed, 0 exchanges>")

    def test_stale_by_select(self):
        """Where there is no poll, select does."""
        with mock.patch.object(connection, "select", FakeSelect):
            self.assertFalse(self.connection.is_stale())
            self.peer.sendall(b"x")
            self.assertTrue(self.connection.is_stale())

    def test_gone_under_it(self):
        """A socket that somebody else closed is stale, not an error."""
        self.connection.sock.close()
        self.assertTrue(self.connection.is_stale())
        shut_down(self.connection.sock)

    def test_fakes(self):
        """Fake sockets cannot be asked: they are taken to be alive, without input."""

        class Fake:
            def makefile(self, mode):
                return self

            def read(self, size):
                return b"data"

            def close(self):
                raise ValueError("already closed")

        connection = Connection(None, Fake())
        self.assertFalse(connection.is_stale())
        self.assertFalse(connection.has_input(9))
        self.assertEqual(connection.receive(9, None, 3.0), b"data")
        connection.close()


class SlowWriter:
    """A socket as TLS is: its time limit is for each record, not for all of them."""

    def __init__(self, clock):
        self.clock = clock
        self.limits = []

    def makefile(self, mode):
        return self

    def read(self, size):
        return b""

    def settimeout(self, limit):
        self.limits.append(limit)

    def sendall(self, data):
        self.clock.ticks += len(data) / 16384

    def close(self):
        pass


class Sending(unittest.TestCase):
    def test_records(self):
        """A large piece over TLS ends with its deadline, not a record's limit later."""
        clock = FakeClock()
        sock = SlowWriter(clock)
        connection = Connection(None, sock)
        with self.assertRaises(TransportTimeout):
            connection.send(b"x" * 65536, Deadline(2.5, clock=clock))
        self.assertEqual(sock.limits, [2.5, 1.5, 0.5])
        connection.send(b"x" * 65536, None, 9.0)
        self.assertEqual(sock.limits[3:], [9.0])


class TlsLike:
    """A socket whose readable bytes may be TLS's own, as session tickets are."""

    def __init__(self, sock, answer):
        self.sock = sock
        self.answer = answer
        self.fileno = sock.fileno
        self.settimeout = sock.settimeout
        self.close = sock.close

    def pending(self):
        return 0

    def recv(self, size):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Tickets(unittest.TestCase):
    def test_readable_but_alive(self):
        """A session ticket makes a connection readable, not stale; all else does."""
        for answer, stale in [
            (ssl.SSLWantReadError(), False),
            (b"", True),
            (b"x", True),
            (ConnectionResetError(104, "reset"), True),
        ]:
            one, two = socket.socketpair()
            with one, two:
                two.sendall(b"ticket")
                connection = Connection(None, TlsLike(one, answer))
                self.assertEqual(connection.is_stale(), stale)
                self.assertEqual(connection.is_stale(), stale)
                self.assertTrue(connection.has_input(0))


if __name__ == "__main__":
    unittest.main()
