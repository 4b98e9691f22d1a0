"""The wiki that the contract is tested on, and clients of it.

Without WIKISTD_TEST_WIKI it is the embedded wiki, in process and without a port.
WIKISTD_TEST_CLIENT=requests has the sessions use a requests.Session instead of HttpClient,
WIKISTD_TEST_CLIENT=transport an HttpClient without sockets: http.client is the host's network.
WIKISTD_TEST_ACCOUNTS names a JSON file: {"bot": {"username", "password"}, "plain":
..., "admin": ...}; the bot's is a bot password, the others are accounts' own.
"""

import atexit
import http.client
import itertools
import json
import logging
import os
import subprocess
import sys
import time
import unittest
import urllib.parse
import warnings

from wikistd import Session, serve_wsgi
from wikistd.errors import APIWarning, ConnectionLost
from wikistd.web.client import HttpClient

USER_AGENT = "wikistd-contract/1.0 (tests; https://example.org/wikistd)"
EMBEDDED_URL = "http://embedded.test"
BOT_PASSWORD = "0123456789abcdefghijklmnopqrstuv"

WIKI_SCRIPT = os.path.join(
    os.path.dirname(__file__), "..", "integration", "mediawiki", "wiki.py"
)

_world = []
_numbers = itertools.count(1)
_run = "%x" % (time.time_ns() // 1_000_000)


class World:
    """A wiki under test."""

    def __init__(self):
        self.url = os.environ.get("WIKISTD_TEST_WIKI", "").rstrip("/")
        self.is_embedded = not self.url
        if self.is_embedded:
            self._embed()
        else:
            with open(os.environ["WIKISTD_TEST_ACCOUNTS"], encoding="utf-8") as file:
                self.accounts = json.load(file)

    def _embed(self):
        from wikistd.server.app import WikiApp
        from wikistd.server.local import local_connect
        from wikistd.server.store import PageStore

        self.url = EMBEDDED_URL
        store = PageStore()
        store.create_user("Admin", "first-Admin-secret-77", groups=["sysop", "bureaucrat"])
        store.create_user("Worker", "second-Worker-secret-77", groups=["bot"])
        store.create_user("Plain", "third-Plain-secret-77")
        store.create_bot_password("Worker", "suite", BOT_PASSWORD)
        store.save_page("Main Page", "Welcome.", user="Admin")
        self.store = store
        atexit.register(store.close)
        self.app = WikiApp(store)
        self.server = None
        self.connect = local_connect(self.app)
        self.accounts = {
            "bot": {"username": "Worker@suite", "password": BOT_PASSWORD},
            "plain": {"username": "Plain", "password": "third-Plain-secret-77"},
            "admin": {"username": "Admin", "password": "first-Admin-secret-77"},
        }

    def served_url(self):
        """Return an address at which other processes reach the wiki."""
        if not self.is_embedded:
            return self.url
        if self.server is None:
            self.server = serve_wsgi(self.app)
            atexit.register(self.server.close)
        return self.server.url

    def live(self, test, **settings):
        """Change how the wiki is set until the test ends, or lift() is called.

        Settings are those of `mediawiki/wiki.py set`; a test of one that this wiki does
        not have is skipped.
        """
        change = LiveSettings(self, settings)
        test.addCleanup(change.lift)
        return change

    def mediawiki(self, *arguments):
        """Run a command of mediawiki/wiki.py on the wiki that it has started."""
        folder = os.path.dirname(os.environ["WIKISTD_TEST_ACCOUNTS"])
        if not os.path.exists(os.path.join(folder, "LocalSettings.php")):
            raise unittest.SkipTest("this wiki's settings are not ours")
        command = [sys.executable, WIKI_SCRIPT, arguments[0], "--dir", folder, *arguments[1:]]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def expired_account(self, name, password):
        """Make an account that must choose a new password when it logs in."""
        if self.is_embedded:
            account = self.store.create_user(name, password)
            command = "UPDATE account SET second_step = 'reset' WHERE id = ?"
            self.store.db.run(command, (account,))
            return
        self.mediawiki("run", "createAndPromote", name, password)
        command = "UPDATE user SET user_password_expires = '20200101000000'"
        self.mediawiki("run", "sql", "--query", "%s WHERE user_name = '%s'" % (command, name))

    def client(self, **options):
        """Return a client that reaches the wiki: an HttpClient, or requests' session."""
        if os.environ.get("WIKISTD_TEST_CLIENT") == "requests":
            import requests

            if options.pop("cookies", None) is not None:
                raise unittest.SkipTest("requests keeps no file of cookies")
            return requests.Session()
        if os.environ.get("WIKISTD_TEST_CLIENT") == "transport":
            options["transport"] = self.transport
        elif self.is_embedded:
            options["connect"] = self.connect
        return HttpClient(user_agent=USER_AGENT, **options)

    def transport(self, method, url, headers, body, timeout):
        """Stand for a host that owns the network: one stock connection a request."""
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
        if self.is_embedded:
            connection.sock = self.connect(parts.hostname, 80, timeout)
        target = urllib.parse.urlunsplit(("", "", parts.path, parts.query, ""))
        if body is not None and not isinstance(body, bytes):
            body = b"".join(body)
        try:
            connection.request(method, target, body, dict(headers))
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()


class LiveSettings:
    """Settings that are changed for a while."""

    #: What the embedded wiki calls its own.
    EMBEDDED = {
        "readOnly": ("read_only", ""),
        "lag": ("lag_seconds", None),
        "rateLimits": ("rate_limits", {}),
        "spam": ("spam_blacklist", []),
    }

    def __init__(self, world, settings):
        self.world = world
        self.names = []
        for name, value in settings.items():
            self.set(name, value)
            self.names.append(name)

    def set(self, name, value):
        if not self.world.is_embedded:
            self.world.mediawiki("set", name, json.dumps(value))
            return
        if name not in self.EMBEDDED:
            raise unittest.SkipTest("the embedded wiki has no setting %s" % name)
        attribute, usual = self.EMBEDDED[name]
        if name == "rateLimits" and value is not None:
            value = {action: tuple(kinds["user"]) for action, kinds in value.items()}
        setattr(self.world.store.site, attribute, usual if value is None else value)

    def lift(self):
        """Set everything as it was; harmless when it is."""
        while self.names:
            self.set(self.names.pop(), None)


def world():
    """Return the wiki under test, made on first use."""
    if not _world:
        _world.append(World())
    return _world[0]


class LosingClient:
    """A client that loses the answers to some requests; the wiki answers them all.

    `plan(params)` says for each API request what happens: None, "before" (the wiki
    never sees it), "after" (the answer is lost), "503" or "garbage" (instead of it).
    """

    def __init__(self, client, plan):
        self.client = client
        self.plan = plan
        self.lost = []

    @property
    def cookies(self):
        return self.client.cookies

    def close(self):
        self.client.close()

    def request(self, method, url, **arguments):
        data = arguments.get("data")
        body = data.decode("ascii") if isinstance(data, bytes) else repr(data)
        fate = self.plan(body) if method == "POST" else None
        if fate is not None:
            self.lost.append(fate)
        if fate == "before":
            raise ConnectionLost("lost before it arrived", retryable=True)
        response = self.client.request(method, url, **arguments)
        if fate == "after":
            raise ConnectionLost("lost on the way back", retryable=True)
        if fate in ("503", "garbage"):
            return Spoiled(503 if fate == "503" else 200)
        return response


class Spoiled:
    """An answer that says nothing."""

    headers = [("Content-Type", "text/html")]
    content = b"<html>"
    text = "<html>"

    def __init__(self, status):
        self.status_code = status


class ContractCase(unittest.TestCase):
    """A test against the wiki; titles are never used twice."""

    def setUp(self):
        self.world = world()
        if self.world.is_embedded:
            self.world.store.throttles.clear()  # wrong passwords that other tests gave
        self.prefix = "Contract %s %d" % (_run, next(_numbers))
        quiet = warnings.catch_warnings()
        quiet.__enter__()
        self.addCleanup(quiet.__exit__, None, None, None)
        warnings.simplefilter("ignore", APIWarning)
        logger = logging.getLogger("wikistd.wiki")
        handler = logging.NullHandler()
        logger.addHandler(handler)
        self.addCleanup(logger.removeHandler, handler)

    def session(self, role=None, plan=None, cookies=None, **options):
        """Return a session; logged in when `role` is "bot", "plain" or "admin"."""
        client = self.world.client(cookies=cookies)
        self.addCleanup(client.close)
        if plan is not None:
            client = LosingClient(client, plan)
        options.setdefault("formatversion", 2)
        session = Session(self.world.url, USER_AGENT, session=client, **options)
        if role is not None:
            account = self.world.accounts[role]
            session.login(account["username"], account["password"])
        return session

    def title(self, name="page"):
        return "%s %s" % (self.prefix, name)

    def text_of(self, session, title):
        """Return the newest text of a page, None when there is none."""
        document = session.get(
            action="query", titles=title, prop="revisions", rvprop="content", rvslots="main"
        )
        page = document["query"]["pages"][0]
        if page.get("missing"):
            return None
        return page["revisions"][0]["slots"]["main"]["content"]

    def revisions_of(self, session, title):
        """Return (revid, parentid, user, comment) of a page's revisions, oldest first."""
        document = session.get(
            action="query",
            titles=title,
            prop="revisions",
            rvprop="ids|user|comment",
            rvlimit="max",
            rvdir="newer",
        )
        return document["query"]["pages"][0].get("revisions", [])


class Losing:
    """A plan: lose the first `times` answers to requests whose body holds `word`."""

    def __init__(self, word, *fates):
        self.word = word
        self.fates = list(fates)

    def __call__(self, body):
        if self.fates and self.word in body:
            return self.fates.pop(0)
        return None
