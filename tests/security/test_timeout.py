"""Peers that drip or stand still: `timeout` bounds the whole of a call."""

import threading
import time
import unittest
from unittest import mock

from tests.support.clients import make_client
from tests.support.scripted import RESET, ScriptedServer, reply
from wikistd import StatusError, TransportTimeout
from wikistd.web import exchange


class Calls(unittest.TestCase):
    def drip(self, sock):
        try:
            for _ in range(150):
                if self.stop.wait(0.02):
                    return
                sock.sendall(b"1\r\na\r\n")
        except OSError:
            pass

    def test_body_in_memory(self):
        """A body that is no file and no iterator has the timeout of the call."""
        text = b"x" * 16_000_000
        for body in [text, [text], {"a": text.decode()}]:
            enough = threading.Event()
            with ScriptedServer([lambda sock: enough.wait(5), RESET]) as server:
                start = time.monotonic()
                with make_client() as client, self.assertRaises(TransportTimeout):
                    client.post(server.url + "/", body, timeout=0.03)
                self.assertLess(time.monotonic() - start, 3)
                enough.set()

    def test_waiting_for_100(self):
        """The wait for "100 Continue" is a part of the timeout."""
        done = threading.Event()
        silent = [lambda sock: done.wait(5), RESET]
        patient = mock.patch.object(exchange, "CONTINUE_WAIT_SECONDS", 30.0)
        with patient, ScriptedServer(silent) as server, make_client() as client:
            start = time.monotonic()
            with self.assertRaises(TransportTimeout):
                headers = {"Expect": "100-continue"}
                client.post(server.url + "/", b"x", headers=headers, timeout=0.05)
            self.assertLess(time.monotonic() - start, 3)
            done.set()

    def test_passed_over(self):
        """What a streamed call passes over, redirects and 401, drips no longer than it."""
        chunks = ("Transfer-Encoding", "chunked")
        for status, header in [
            ("302 Found", ("Location", "/x")),
            ("401 No", ("WWW-Authenticate", 'Basic realm="x"')),
            ("500 Oh", ("X", "y")),
        ]:
            self.stop = threading.Event()
            head = reply(b"", status, [chunks, header], length=False)
            with ScriptedServer(
                ["GET /", head, self.drip]
            ) as server, make_client(auth=("u", "p")) as client:
                start = time.monotonic()
                with self.assertRaises((TransportTimeout, StatusError)):
                    url = server.url + "/"
                    client.get(url, stream=True, timeout=0.05).raise_for_status()
                self.assertLess(time.monotonic() - start, 2)
                self.stop.set()


if __name__ == "__main__":
    unittest.main()
