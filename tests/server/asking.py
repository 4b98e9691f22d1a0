"""A client for tests of the API: parameters in, the document out, cookies kept."""

from __future__ import annotations

import json

from wikistd.server.actions import ApiRequest, UploadedFile
from wikistd.server.actions_run import run_action
from wikistd.server.store import PageStore


class Asker:
    """Asks one store, as one browser would.

    `ask` sends a GET, `post` a POST with the right token; both return the document of
    formatversion 2. The last reply is `reply`.
    """

    def __init__(self, store, *, address="127.0.0.1"):
        self.store = store
        self.address = address
        self.cookies = {}
        self.reply = None

    def send(self, query=(), form=(), *, method=None, files=None, headers=()):
        """Send one request as it is and return the document."""
        request = ApiRequest(
            method or ("POST" if form else "GET"), list(query), list(form),
            files={name: UploadedFile(*each) for name, each in (files or {}).items()},
            cookies=self.cookies, remote_address=self.address,
            headers={"content-type": "x", **dict(headers)}, host_url="http://wiki.test",
        )
        self.reply = run_action(self.store, request)
        for name, value in self.reply.headers:
            if name == "Set-Cookie":
                cookie, _, rest = value.partition("=")
                self.cookies[cookie] = rest.partition(";")[0]
        body = self.reply.body.decode("utf-8")
        return json.loads(body) if body[:1] in ("{", "[") else body

    @staticmethod
    def pairs(params):
        """Return what is sent for `params`: lists joined, true as "", None left out."""
        pairs = {"format": "json", "formatversion": "2"}
        for name, value in params.items():
            name = name.rstrip("_")
            if isinstance(value, (list, tuple)):
                value = "|".join(map(str, value))
            if value is True:
                value = ""
            if value is not None and value is not False:
                pairs[name] = str(value)
        return list(pairs.items())

    def ask(self, **params):
        """Send a GET."""
        return self.send(self.pairs(params))

    def post(self, *, token="csrf", files=None, **params):
        """Send a POST, with a token of that kind unless it is None."""
        if token is not None:
            params["token"] = self.token(token)
        return self.send((), self.pairs(params), files=files)

    def token(self, kind="csrf"):
        """Return a token."""
        tokens = self.ask(action="query", meta="tokens", type=kind)["query"]["tokens"]
        return tokens[kind + "token"]

    def log_in(self, name, password):
        """Log in by action=login and return the result."""
        answer = self.post(action="login", token=None, lgname=name, lgpassword=password,
                           lgtoken=self.token("login"))
        return answer["login"]["result"]

    def walk(self, **params):
        """Yield the replies of a query, continued to its end."""
        following = {}
        while True:
            answer = self.ask(action="query", **{**params, **following})
            yield answer
            if "continue" not in answer:
                return
            if following == answer["continue"]:
                raise AssertionError("it goes on where it was: %r" % following)
            following = answer["continue"]


def make_wiki(**options):
    """Return a store with an administrator, a bot and a plain user, and a client of each."""
    store = PageStore(**options)
    store.create_user("Admin", "admin-password", groups=["sysop", "bureaucrat"])
    store.create_user("Robot", "robot-password", groups=["bot"])
    store.create_user("Plain", "plain-password")
    store.create_bot_password("Robot", "app", "r" * 32)
    store.create_bot_password("Admin", "app", "a" * 32)
    store.create_bot_password("Plain", "app", "p" * 32)
    return store


def asker_for(store, name):
    """Return a client that is logged in as one of make_wiki's users.

    No bot password has all the rights of an administrator: Admin comes with the own one.
    """
    asker = Asker(store)
    if name == "Admin":
        assert asker.log_in(name, "admin-password") == "Success"
        return asker
    assert asker.log_in(name + "@app", name[0].lower() * 32) == "Success"
    return asker
