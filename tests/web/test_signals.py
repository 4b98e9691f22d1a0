"""web/signals.py: hooks."""

import unittest

from tests.support.clients import make_client
from tests.support.scripted import ScriptedServer, reply
from wikistd import Signal


class Signals(unittest.TestCase):
    def test_send(self):
        """All receivers are called in order, with all arguments; it is a list."""
        seen = []
        signal = Signal([lambda *a, **k: seen.append((1, a, k))])
        signal.append(lambda *a, **k: seen.append((2, a, k)))
        signal.send(3, x=4)
        self.assertEqual(seen, [(1, (3,), {"x": 4}), (2, (3,), {"x": 4})])
        self.assertEqual(len(signal), 2)

    def test_raising(self):
        """A receiver that raises stops the rest."""
        seen = []
        signal = Signal([lambda: 1 / 0, lambda: seen.append(1)])
        with self.assertRaises(ZeroDivisionError):
            signal.send()
        self.assertEqual(seen, [])

    def test_of_a_client(self):
        """A client sends before each request and after each answer."""
        seen = []
        with ScriptedServer(["GET /", reply(b"", "404 No")]) as server:
            with make_client() as client:
                client.on_request.append(lambda request: seen.append(request.full_url))
                client.on_response.append(
                    lambda request, response: seen.append(response.status)
                )
                client.get(server.url + "/")
                self.assertEqual(seen, [server.url + "/", 404])
                client.on_request.append(lambda request: 1 / 0)
                with self.assertRaises(ZeroDivisionError):
                    client.get(server.url + "/")


if __name__ == "__main__":
    unittest.main()
