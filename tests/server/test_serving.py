"""server/serving.py: the whole wiki on a port."""

import http.client
import json
import os
import tempfile
import threading
import unittest
import wsgiref.simple_server
from urllib.parse import urlencode

from wikistd.server.app import WikiApp
from wikistd.server.serving import serve_wiki
from wikistd.server.store import PageStore


class QuietHandler(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *args):
        pass


class Conversation:
    """What a client of the standard library says to a wiki."""

    def __init__(self, test, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        test.addCleanup(self.connection.close)
        self.cookies = {}

    def ask(self, method, target, body=None, headers=()):
        headers = dict(headers)
        if self.cookies:
            headers["Cookie"] = "; ".join(
                "%s=%s" % pair for pair in self.cookies.items()
            )
        self.connection.request(method, target, body, headers)
        response = self.connection.getresponse()
        for name, value in response.getheaders():
            if name.lower() == "set-cookie":
                key, _, text = value.partition(";")[0].partition("=")
                self.cookies[key] = text
        return response, response.read()

    def api(self, **params):
        params.update(format="json", formatversion="2")
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        response, body = self.ask("POST", "/w/api.php", urlencode(params), form)
        return json.loads(body.decode("utf-8"))

    def token(self, kind):
        reply = self.api(action="query", meta="tokens", type=kind)
        return reply["query"]["tokens"][kind + "token"]

    def log_in(self, name, password):
        token = self.token("login")
        return self.api(
            action="login", lgname=name, lgpassword=password, lgtoken=token
        )["login"]


class Served(unittest.TestCase):
    def test_from_login_to_page(self):
        """A bot logs in, edits, and a person reads it; one connection."""
        with serve_wiki() as wiki:
            talk = Conversation(self, wiki.port)
            login = talk.log_in(wiki.bot_user, wiki.bot_password)
            self.assertEqual(login["result"], "Success", login)
            edit = talk.api(
                action="edit", title="Zürich", text="Grüezi", token=talk.token("csrf")
            )
            self.assertEqual(edit["edit"]["result"], "Success", edit)
            response, body = talk.ask("GET", "/wiki/Z%C3%BCrich")
            self.assertEqual(response.status, 200)
            self.assertIn("Grüezi", body.decode("utf-8"))
            self.assertEqual((wiki.connections, wiki.requests), (1, 5))
            self.assertEqual(wiki.tally, {"api": (1, 4), "page": (1, 1)})
            self.assertRegex(
                repr(wiki), r"^<WikiServer http://127\.0\.0\.1:\d+, 1 conn"
            )

    def test_wsgiref(self):
        """The same under the standard library's own server."""
        with PageStore() as store:
            store.create_user("Demo", "a long password")
            store.create_bot_password("Demo", "bot", "x" * 32)
            server = wsgiref.simple_server.make_server(
                "127.0.0.1", 0, WikiApp(store), handler_class=QuietHandler
            )
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                talk = Conversation(self, server.server_port)
                login = talk.log_in("Demo@bot", "x" * 32)
                self.assertEqual(login["result"], "Success", login)
                response, body = talk.ask("HEAD", "/wiki/Nowhere")
                self.assertEqual((response.status, body), (404, b""))
            finally:
                server.shutdown()
                thread.join()
                server.server_close()

    def test_accounts_stay(self):
        """In a file the account stays, its password with it."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "wiki.sqlite")
            with serve_wiki(path) as wiki:
                password = wiki.bot_password
                self.assertEqual(len(password), 32)
            with serve_wiki(path) as wiki:
                self.assertEqual((wiki.password, wiki.bot_password), ("", ""))
                talk = Conversation(self, wiki.port)
                login = talk.log_in(wiki.bot_user, password)
                self.assertEqual(login["result"], "Success", login)
            with serve_wiki(path, password="one", bot_password="y" * 32) as wiki:
                self.assertEqual((wiki.password, wiki.bot_password), ("one", "y" * 32))
                talk = Conversation(self, wiki.port)
                login = talk.log_in(wiki.bot_user, "y" * 32)
                self.assertEqual(login["result"], "Success", login)

    def test_what_cannot_be_served(self):
        """A bad port or user is an error, and nothing stays open."""
        with serve_wiki() as wiki:
            with self.assertRaises(OSError):
                serve_wiki(port=wiki.port)
        with self.assertRaises(ValueError):
            serve_wiki(user="a|b")
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaisesRegex(ValueError, "that is a folder"):
                serve_wiki(folder)
            with self.assertRaisesRegex(ValueError, "there is no folder"):
                serve_wiki(os.path.join(folder, "none", "x.sqlite"))
        with self.assertRaises(TypeError):
            serve_wiki(app_options={"no_such_option": 1})

    @unittest.skipUnless(os.name == "posix", "modes of files")
    def test_private(self):
        """The file holds accounts: it is its owner's alone."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "wiki.sqlite")
            with serve_wiki(path):
                found = [os.path.join(folder, name) for name in os.listdir(folder)]
                modes = {os.stat(name).st_mode & 0o777 for name in found}
        self.assertEqual(modes, {0o600}, found)

    def test_misspelt(self):
        """An argument or a switch that there is not is an error that names it."""
        with self.assertRaises(TypeError) as caught:
            serve_wiki(prt=1)
        want = "serve_wiki() got an unexpected keyword argument 'prt'"
        self.assertEqual(str(caught.exception), want)
        for name, value in (("password", 5), ("bot_password", b"x"), ("user", None)):
            with self.assertRaises(TypeError) as caught:
                serve_wiki(**{name: value})
            want = "%s must be a str, not %s" % (name, type(value).__name__)
            self.assertEqual(str(caught.exception), want)
        with PageStore() as store, self.assertRaisesRegex(AttributeError, "readonly"):
            store.site.readonly = "no"

    def test_drop(self):
        """Connections can be cut."""
        with serve_wiki() as wiki:
            talk = Conversation(self, wiki.port)
            talk.ask("GET", "/wiki/X")
            self.assertEqual(wiki.drop_connections(), 1)
