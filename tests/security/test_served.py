"""The embedded wiki on a loopback address: pages of the web are kept out."""

import http.client
import json
import time
import unittest
from urllib.parse import urlencode

from wikistd import HttpClient, PageStore, WikiApp, local_connect, serve_wiki
from wikistd.server.markup import find_links

API = "/w/api.php?action=query&meta=userinfo&format=json"
EDIT = {"action": "edit", "title": "A", "text": "b", "token": "+\\", "format": "json"}
UPGRADE = {
    "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class Served(unittest.TestCase):
    def ask(self, wiki, target=API, body=None, **headers):
        """Return the status of a request, and what was said."""
        connection = http.client.HTTPConnection("127.0.0.1", wiki.port, timeout=10)
        self.addCleanup(connection.close)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            named["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request("GET" if body is None else "POST", target, body, named)
        response = connection.getresponse()
        return response.status, b"" if response.status == 101 else response.read()

    def test_foreign_host(self):
        """A name that was made to lead here (DNS rebinding) is not answered to."""
        with serve_wiki() as wiki:
            for host in ("localhost", "LocalHost.:80", "wiki.localhost:1", "127.9.8.7", "[::1]:2"):
                self.assertEqual(self.ask(wiki, Host=host)[0], 200, host)
            for host in (
                "evil.example", "localhost.evil.example:80", "127.0.0.1.evil.example", "127.evil",
                "notlocalhost", "[::2]", "10.0.0.1", ".",
            ):
                self.assertEqual(self.ask(wiki, Host=host)[0], 403, host)
            status, told = self.ask(wiki, Host="evil.example")
            self.assertEqual(told, (
                b"this wiki is for this machine and does not answer to the name that was asked"
                b" for: serve_wiki(allowed_hosts=) and `wikistd serve --allow-host NAME` name"
                b" more hosts\n"
            ))
            # Nor does an address within the path tell another host than Host does.
            for target in ("/x://localhost" + API, "//x://localhost" + API):
                self.assertEqual(self.ask(wiki, target, Host="evil.example")[0], 403)
            self.assertIsNone(wiki.store.get_page("A"))

    def test_foreign_origin(self):
        """Nor is a page of another host: not by form, fetch(), EventSource or WebSocket."""
        stream = "/v2/stream/recentchange"
        with serve_wiki() as wiki:
            for origin in ("https://evil.example", "null", "http://127.0.0.1.evil.example", "x"):
                form = urlencode(EDIT)
                self.assertEqual(self.ask(wiki, "/w/api.php", form, Origin=origin)[0], 403)
                self.assertEqual(self.ask(wiki, API + "&origin=*", Origin=origin)[0], 403)
                self.assertEqual(self.ask(wiki, stream, Origin=origin)[0], 403)
                self.assertEqual(self.ask(wiki, stream, Origin=origin, **UPGRADE)[0], 403)
            self.assertIsNone(wiki.store.get_page("A"))
            for origin in ("http://localhost:3000", wiki.url):
                self.assertEqual(self.ask(wiki, stream, Origin=origin, **UPGRADE)[0], 101)
                form = urlencode(dict(EDIT, title=origin))
                _, answer = self.ask(wiki, "/w/api.php", form, Origin=origin)
                self.assertIn("edit", json.loads(answer.decode()), answer)

    def test_allowed_hosts(self):
        """Other names are answered to where they are given, and everywhere else."""
        with serve_wiki(allowed_hosts=["Wiki.Example"]) as wiki:
            origin = "https://wiki.example"
            self.assertEqual(self.ask(wiki, Host="wiki.example:80", Origin=origin)[0], 200)
            self.assertEqual(self.ask(wiki, Host="evil.example")[0], 403)
        with serve_wiki(host="0.0.0.0") as wiki:
            self.assertEqual(self.ask(wiki, Host="other.example")[0], 200)
        with serve_wiki(host="0.0.0.0", allowed_hosts=["wiki.example"]) as wiki:
            self.assertEqual(self.ask(wiki, Host="other.example")[0], 403)
        with self.assertRaisesRegex(TypeError, "allowed_hosts must be a list of names"):
            serve_wiki(allowed_hosts="wiki.example")
        with PageStore() as store:
            client = HttpClient(connect=local_connect(WikiApp(store)), user_agent="t/1 (a@b.test)")
            answer = client.get("http://wiki.example" + API, headers={"Origin": origin})
            self.assertEqual(answer.status, 200)

    def test_wikitext(self):
        """A text that anybody may send to be parsed takes time by its length."""
        started = time.process_time()
        urls = ["http://e.test/%d" % number for number in range(30000)]
        self.assertEqual(find_links(" ".join(urls)).urls, urls)
        for text in ("{{", "{{a", "#redirect"):
            find_links(text + " " * 20000)
        self.assertLess(time.process_time() - started, 3)  # 0.1 s; it took hours


if __name__ == "__main__":
    unittest.main()
