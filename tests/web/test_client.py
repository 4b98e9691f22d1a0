"""web/client.py: what a call of HttpClient does."""

import unittest

from tests.support.scripted import ScriptedServer, chunked, reply
from wikistd import HttpClient


class Calls(unittest.TestCase):
    def test_keeps_its_connection(self):
        """Two calls to one host use one connection."""
        with ScriptedServer(
            ["GET /a?x=1", reply(b'{"n": 1}'), "GET /b", chunked(b"tw", b"o")]
        ) as server, HttpClient() as client:
            first = client.get(server.url + "/a", params={"x": 1})
            self.assertEqual(first.json(), {"n": 1})
            self.assertEqual(client.get(server.url + "/b").content, b"two")
            self.assertEqual(client.counters.connections, 1)
            self.assertEqual(client.counters.requests, 2)

    def test_returns_every_status(self):
        """A 404 is an answer; raise_for_status makes an error of it."""
        with ScriptedServer(
            ["GET /a", reply(b"no such page", "404 Not Found")]
        ) as server, HttpClient() as client:
            response = client.get(server.url + "/a")
            self.assertEqual(response.status, 404)
            self.assertEqual(response.text, "no such page")


if __name__ == "__main__":
    unittest.main()
