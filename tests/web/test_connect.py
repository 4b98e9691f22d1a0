"""web/connect.py: addresses, sockets, foreign errors."""

import errno
import http.client
import select
import socket
import threading
import time
import unittest
from unittest import mock

from wikistd import ConnectFailed, ConnectionLost, Deadline, ProtocolError, TransportTimeout
from wikistd.web import connect
from wikistd.web.connect import Attempt, open_socket, resolve_host, transport_error


#: Addresses are tried faster one after the other than RFC 8305 has it.
DELAY = mock.patch.multiple(connect, ATTEMPT_DELAY_SECONDS=0.03, CANCEL_TICK_SECONDS=0.03)


def listener(backlog=5):
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(backlog)
    return sock


def deaf_listener():
    """Return a listener whose queue is full, and what fills it: it answers nobody."""
    sock = listener(0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(sock.getsockname())
        fillers.append(filler)
    time.sleep(0.02)
    return sock, fillers


def addresses(*ports):
    """Stand in for getaddrinfo: these ports of 127.0.0.1, as several addresses."""
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        for port in ports
    ]
    return mock.patch("socket.getaddrinfo", lambda *args: found)


class Resolving(unittest.TestCase):
    def test_families_in_turn(self):
        """RFC 8305: the first family first, then the families alternate."""
        four = [(socket.AF_INET, 1, 6, "", ("1.1.1.%d" % i, 80)) for i in range(3)]
        six = [(socket.AF_INET6, 1, 6, "", ("::%d" % i, 80, 0, 0)) for i in range(2)]
        with mock.patch("socket.getaddrinfo", lambda *args: six + four):
            found = [entry[3][0] for entry in resolve_host("x", 80)]
        self.assertEqual(found, ["::0", "1.1.1.0", "::1", "1.1.1.1", "1.1.1.2"])

    def test_unknown_name(self):
        """A name that does not exist is told as such, and not worth trying again."""

        def fail(*args):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        with mock.patch("socket.getaddrinfo", fail):
            with self.assertRaises(ConnectFailed) as caught:
                resolve_host("nowhere.invalid", 80)
        self.assertEqual(
            str(caught.exception),
            "host name nowhere.invalid cannot be resolved: Name or service not known",
        )
        self.assertEqual(caught.exception.phase, "dns")
        self.assertFalse(caught.exception.retryable)

    def test_resolver_that_is_away(self):
        """A resolver that does not answer is worth trying again."""

        def fail(*args):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure")

        with mock.patch("socket.getaddrinfo", fail):
            with self.assertRaises(ConnectFailed) as caught:
                resolve_host("x", 80)
        self.assertTrue(caught.exception.retryable)

    def test_impossible_name(self):
        """A name that the resolver cannot even take is our error too."""

        def fail(*args):
            raise UnicodeError("label too long")

        with mock.patch("socket.getaddrinfo", fail):
            with self.assertRaisesRegex(ConnectFailed, "cannot be resolved: label"):
                resolve_host("x" * 70, 80)


class Opening(unittest.TestCase):
    def test_first_address(self):
        """A host that answers is connected to, without delay for small packets."""
        with listener() as server:
            with open_socket(*server.getsockname(), deadline=Deadline(5)) as sock:
                self.assertEqual(
                    sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0, True
                )

    def test_next_address(self):
        """An address that refuses hands over to the next at once."""
        with listener() as server, listener() as dead:
            port = dead.getsockname()[1]
            dead.close()
            late = mock.patch.object(connect, "ATTEMPT_DELAY_SECONDS", 60)
            with addresses(port, server.getsockname()[1]), late:
                with open_socket("x", 80, deadline=Deadline(5)) as sock:
                    self.assertEqual(sock.getpeername(), server.getsockname())

    def test_deaf_address(self):
        """An address that does not answer does not hold up the next one for long."""
        deaf, fillers = deaf_listener()
        before = set(threading.enumerate())
        with listener() as server, DELAY, addresses(
            deaf.getsockname()[1], server.getsockname()[1]
        ):
            start = time.monotonic()
            with open_socket("x", 80, deadline=Deadline(5)) as sock:
                self.assertEqual(sock.getpeername(), server.getsockname())
            self.assertLess(time.monotonic() - start, 1.0)
        self.assertEqual(set(threading.enumerate()) - before, set())
        for each in [deaf, *fillers]:
            each.close()

    def test_all_deaf(self):
        """Three dead addresses do not triple the time."""
        deaf, fillers = deaf_listener()
        port = deaf.getsockname()[1]
        waiting = mock.patch.object(connect, "_connect_wait", wraps=connect._connect_wait)
        with addresses(port, port, port), DELAY, waiting as wait:
            with self.assertRaises(TransportTimeout) as caught:
                open_socket("host", 81, deadline=Deadline(0.1))
        self.assertLess(sum(call[0][1] for call in wait.call_args_list), 0.2)
        self.assertIn(
            "no connection to host:81 within 0.1 seconds (tried 127.0.0.1",
            str(caught.exception),
        )
        self.assertEqual(caught.exception.phase, "connect")
        for each in [deaf, *fillers]:
            each.close()

    def test_all_refuse(self):
        """When all refuse, all reasons are told."""
        with listener() as server:
            port = server.getsockname()[1]
        with addresses(port, port), self.assertRaises(ConnectFailed) as caught:
            open_socket("host", 81, deadline=Deadline(5))
        reason = "127.0.0.1: Connection refused"
        self.assertEqual(
            str(caught.exception),
            "cannot connect to host:81 (%s; %s)" % (reason, reason),
        )
        self.assertTrue(caught.exception.retryable)

    def test_source_address(self):
        """source_address is bound to; one that is not ours is told."""
        with listener() as server:
            with open_socket(
                *server.getsockname(),
                deadline=Deadline(5),
                source_address=("127.0.0.2", 0),
            ) as sock:
                self.assertEqual(sock.getsockname()[0], "127.0.0.2")
            with self.assertRaisesRegex(ConnectFailed, "cannot connect to"):
                open_socket(
                    *server.getsockname(),
                    deadline=Deadline(5),
                    source_address=("203.0.113.9", 0),
                )

    def test_cancelled(self):
        """An attempt can be ended from another thread."""
        deaf, fillers = deaf_listener()
        attempt = Attempt()
        timer = threading.Timer(0.05, attempt.abort)
        timer.start()
        with self.assertRaisesRegex(ConnectFailed, "cancelled"):
            open_socket(*deaf.getsockname(), deadline=Deadline(5), attempt=attempt)
        timer.join()
        for each in [deaf, *fillers]:
            each.close()

    def test_select(self):
        """Where there is no poll, select does."""
        with mock.patch.object(connect, "select", FakeSelect), listener() as server:
            open_socket(*server.getsockname(), deadline=Deadline(5)).close()


class FakeSelect:
    """A select module without poll."""

    select = staticmethod(select.select)


class Errors(unittest.TestCase):
    def test_conversion(self):
        """Foreign errors become ours, with phase, address and what to know."""
        for error, phase, kind, text in [
            (socket.timeout("timed out"), "headers", TransportTimeout,
             "a:80 did not answer in time"),
            (TimeoutError(), "body", TransportTimeout,
             "a:80 did not send more of its answer in time"),
            (ConnectionResetError(errno.ECONNRESET, "reset"), "body", ConnectionLost,
             "connection to a:80 was lost: reset"),
            (OSError(errno.ENETUNREACH, "unreachable"), "connect", ConnectFailed,
             "cannot connect to a:80: unreachable"),
            (OSError("odd"), "tls", ConnectFailed, "cannot connect to a:80: odd"),
            (http.client.IncompleteRead(b"abc", 5), "body", ConnectionLost,
             "connection to a:80 ended after 3 bytes of the body"),
            (http.client.BadStatusLine("x"), "headers", ProtocolError,
             "answer of a:80 broke HTTP: BadStatusLine"),
        ]:  # fmt: skip
            ours = transport_error(error, phase, url="http://a/", peer="a:80")
            self.assertIs(type(ours), kind)
            self.assertEqual(str(ours), text)
            if kind is not ProtocolError:
                self.assertEqual((ours.phase, ours.url), (phase, "http://a/"))
                self.assertTrue(ours.retryable)

    def test_ours(self):
        """What is ours only learns what it did not know."""
        error = ConnectFailed("x", phase="dns")
        self.assertIs(transport_error(error, "tls", url="u"), error)
        self.assertEqual((error.phase, error.url), ("dns", "u"))

    def test_nobodys(self):
        """A MemoryError stays one."""
        error = MemoryError()
        self.assertIs(transport_error(error, "body"), error)


if __name__ == "__main__":
    unittest.main()
