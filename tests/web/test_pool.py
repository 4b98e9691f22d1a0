"""web/pool.py: connections that wait for their next request."""

import os
import socket
import threading
import unittest
from unittest import mock

from tests.support.garbage import is_collected
from wikistd import ConnectionPool, Deadline, TransportTimeout
from wikistd.web.connection import Connection


class PoolCase(unittest.TestCase):
    def setUp(self):
        self.sockets = []

    def tearDown(self):
        for sock in self.sockets:
            sock.close()

    def busy(self, pool, key="k"):
        """Take a connection that must be new, and connect it."""
        connection = pool.acquire(key, None)
        self.assertIsNone(connection.sock)
        pair = socket.socketpair()
        self.sockets += pair
        connection.attach(pair[0])
        return connection

    def idle(self, pool, *keys):
        """Leave a connection idle for each key; return them."""
        connections = [self.busy(pool, key) for key in keys]
        for connection in connections:
            pool.release(connection, True)
        return connections


class Taking(PoolCase):
    def test_last_one_first(self):
        """The connection used last is used next; keys do not mix."""
        pool = ConnectionPool()
        _, first, second = self.idle(pool, "a", "k", "k")
        self.assertEqual(repr(pool), "<ConnectionPool 3 idle, 0 busy>")
        self.assertIs(pool.acquire("k", None), second)
        self.assertIs(pool.acquire("k", None), first)
        third = self.busy(pool)
        self.assertIsNot(third, first)
        self.assertEqual(repr(pool), "<ConnectionPool 1 idle, 3 busy>")
        pool.close()

    def test_dead_ones(self):
        """Dead, old and over-long idle connections are closed, not handed out."""
        pool = ConnectionPool(max_idle_seconds=60)
        alive, *spoilt = self.idle(pool, "k", "k", "k", "k")
        spoilt[0].abort()
        spoilt[1].idle_since -= 61
        spoilt[2].idle_limit = 5.0
        spoilt[2].idle_since -= 6
        self.assertIs(pool.acquire("k", None), alive)
        self.assertTrue(all(connection.closed for connection in spoilt))
        self.assertEqual((pool.idle_count, pool.busy_count), (0, 1))

    def test_not_reusable(self):
        """What is not reusable, or was aborted, is closed."""
        pool = ConnectionPool()
        for spoil, reusable in [(lambda c: None, False), (Connection.abort, True)]:
            connection = self.busy(pool)
            spoil(connection)
            pool.release(connection, reusable)
            self.assertTrue(connection.closed)
        self.assertEqual((pool.idle_count, pool.busy_count), (0, 0))

    def test_lost(self):
        """A connection that nobody refers to any more is closed and frees its place."""
        pool = ConnectionPool(max_size=1)
        sock = self.busy(pool).sock
        self.assertTrue(is_collected(lambda: pool.busy_count == 0))
        self.assertEqual(sock.fileno(), -1)

    def test_taken_by_another_thread(self):
        """A stack that another thread emptied meanwhile is no error."""

        class Emptied(list):
            def __bool__(self):
                return True

        pool = ConnectionPool(max_size=1)
        self.assertIsNone(pool._pop_idle(Emptied()))
        pool._idle.update(gone=[], back=[])
        self.assertFalse(pool._evict_oldest())
        self.assertEqual(pool._idle, {"back": []})


class Limits(PoolCase):
    def test_idle(self):
        """The one that was idle longest goes first."""
        pool = ConnectionPool(max_idle=2)
        first, second, third = self.idle(pool, "a", "b", "a")
        self.assertTrue(first.closed)
        self.assertFalse(second.closed or third.closed)
        pool.close()

    def test_size(self):
        """Past max_size an idle one of another key makes room."""
        pool = ConnectionPool(max_size=1)
        (other,) = self.idle(pool, "other")
        connection = self.busy(pool)
        self.assertTrue(other.closed)
        self.assertEqual(pool.busy_count, 1)
        connection.close()

    def test_waiting(self):
        """When all are busy, the next waits for one to come back."""
        pool = ConnectionPool(max_size=1)
        connection = self.busy(pool)
        timer = threading.Timer(0.05, pool.release, [connection, True])
        timer.start()
        self.assertIs(pool.acquire("k", Deadline(5)), connection)
        timer.join()
        timer = threading.Timer(0.05, pool.give_up, [connection])
        timer.start()
        self.assertIsNone(pool.acquire("k", Deadline(5)).sock)
        timer.join()

    def test_waiting_in_vain(self):
        """Nobody waits for ever: the sentence says what to do."""
        pool = ConnectionPool(max_size=1)
        connection = self.busy(pool)
        with self.assertRaises(TransportTimeout) as caught:
            pool.acquire("k", Deadline(0.05))
        self.assertEqual(
            str(caught.exception),
            "all 1 connections are in use: close responses that are not needed, or "
            "raise pool_size",
        )
        connection.close()
        with self.assertRaises(ValueError):
            ConnectionPool(max_size=0)


class Closing(PoolCase):
    def test_close(self):
        """Idle ones close at once, busy ones when they come back; then it is over."""
        pool = ConnectionPool()
        (idle,) = self.idle(pool, "k")
        busy = self.busy(pool, "x")
        pool.close()
        pool.close()
        self.assertTrue(idle.closed)
        pool.release(busy, True)
        self.assertTrue(busy.closed)
        with self.assertRaisesRegex(ValueError, "the client is closed"):
            pool.acquire("k", None)


class Forked(PoolCase):
    def test_child(self):
        """A forked child has no connections of its parent."""
        pool = ConnectionPool()
        self.idle(pool, "k")
        parents = self.busy(pool, "x")
        with mock.patch("os.getpid", lambda: -1):
            self.busy(pool)
            self.assertTrue(parents.closed)
            self.assertEqual(pool.idle_count, 0)

    def test_response_of_the_parent(self):
        """A connection that comes back in a child is closed there, and not kept."""
        pool = ConnectionPool()
        connection = self.busy(pool)
        with mock.patch("os.getpid", lambda: -1):
            pool.release(connection, True)
        self.assertTrue(connection.closed)
        self.assertEqual(pool.idle_count, 0)

    @unittest.skipUnless(hasattr(os, "fork"), "no fork here")
    def test_really(self):
        """After a real fork, parent and child talk on connections of their own."""
        from tests.support.clients import make_client
        from tests.support.scripted import ScriptedServer, reply

        with ScriptedServer(
            ["GET /parent", reply(b"p"), "GET /parent", reply(b"p")],
            ["GET /child", reply(b"c")],
        ) as server, make_client() as client:
            client.get(server.url + "/parent")
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    code = 0 if client.get(server.url + "/child").text == "c" else 2
                finally:
                    os._exit(code)
            self.assertEqual(os.waitpid(pid, 0)[1], 0)
            self.assertEqual(client.get(server.url + "/parent").text, "p")


class Threads(PoolCase):
    def test_many(self):
        """Many threads on one client: each gets its own answers, all are counted."""
        from tests.support.clients import make_client
        from tests.support.scripted import RequestReader, ScriptedServer, reply

        def serve(sock):
            reader = RequestReader(sock)
            while True:
                request = reader.read()
                if request is None:
                    return
                sock.sendall(reply(request.target.encode("ascii")))

        wrong = []
        with ScriptedServer(each=[serve]) as server:
            with make_client(pool_size=4) as client:

                def work(name):
                    for number in range(25):
                        target = "/%s/%d" % (name, number)
                        got = client.get(server.url + target).text
                        if got != target:
                            wrong.append((target, got))

                threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                self.assertEqual(wrong, [])
                self.assertEqual(client.counters.requests, 200)
                self.assertLessEqual(client.counters.connections, 8)
                self.assertEqual(client.keepalive.pool.busy_count, 0)
        self.assertRegex(repr(client.counters), "<Counters 200 requests, ")

    def test_counts(self):
        """Nothing is lost where threads count at once, or one after the other."""
        counters = ConnectionPool().counters

        def count():
            for _ in range(1000):
                counters.here.counts.requests += 1
                counters.here.counts.bytes += 2

        for size in (6, 1, 1):  # a number of a thread that has ended is given again
            threads = [threading.Thread(target=count) for _ in range(size)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(
            repr(counters),
            "<Counters 8000 requests, 0 connections, 16000 bytes, 0 retries>",
        )


if __name__ == "__main__":
    unittest.main()
