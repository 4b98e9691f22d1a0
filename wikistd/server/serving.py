"""serve_wiki: the embedded wiki on a port, with an account to log in to.

Holds: a store, the app around it, the server.  Not here: each of them (store.py,
app.py, running.py).
"""

from __future__ import annotations

import re
import secrets
import time
from typing import Any, Callable, Dict, Iterable, Optional, Tuple

from .app import WikiApp
from .exchange import WsgiApp
from .running import WsgiServer, serve_wsgi
from .store import PageStore

#: The application's name in the bot password that serve_wiki makes: "Demo@bot".
SERVED_BOT_NAME = "bot"

#: What names this machine alone: RFC 6761 6.3, RFC 1122 3.2.1.3, RFC 4291 2.5.3.
_served_loopback = r"(?:.+\.)?localhost|127(?:\.[0-9]{1,3}){3}|\[::1\]"
_served_host = r"(\[[^\]]*\]|[^:]*)(?::[0-9]*)?\Z"


class HostGuard:
    """A WSGI application that answers to this machine's names and to `names` only.

    A page of the web may ask any address that the browser's machine reaches, and make
    its own name lead there (DNS rebinding): what listens on a loopback address is no
    secret.  Its Host or Origin tells; who is no browser sends no Origin.
    """

    def __init__(self, app: WsgiApp, names: Iterable[str]) -> None:
        self.app = app
        self.names = frozenset(name.lower() for name in names)

    def __call__(
        self, environ: Dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer 403 to who asks for another host, or from a page of one."""
        origin = environ.get("HTTP_ORIGIN", "")
        words = ""
        if not self.is_known(environ.get("HTTP_HOST", "")):
            words = "to the name that was asked for"
        elif origin and not self.is_known(origin.partition("://")[2]):
            words = "to pages of other hosts"
        if not words:
            return self.app(environ, start_response)
        sentence = (
            "this wiki is for this machine and does not answer %s: serve_wiki("
            "allowed_hosts=) and `wikistd serve --allow-host NAME` name more hosts\n"
        )
        headers = [("Content-Type", "text/plain; charset=utf-8")]
        start_response("403 Forbidden", headers)
        return [(sentence % words).encode("ascii")]

    def is_known(self, host: str) -> bool:
        """Whether a host, with or without a port, is one to answer to."""
        match = re.match(_served_host, host.lower())
        name = match.group(1).rstrip(".") if match else ""
        return name in self.names or bool(re.fullmatch(_served_loopback, name))


class WikiServer:
    """An embedded wiki being served: made by serve_wiki(), ended by close() or `with`.

    `url` is where it is; `user` and `password` log in by clientlogin, `bot_user` and
    `bot_password` by action=login.  A password is "" where the account was there
    before and its password is not known.  `connections`, `requests` and `tally` are
    the server's counts, with the labels "api", "stream", "page" and "file".
    Thread-safe.
    """

    def __init__(self, server: WsgiServer, store: PageStore, app: WikiApp) -> None:
        self.server = server
        self.store = store
        self.app = app
        self.url, self.host, self.port = server.url, server.host, server.port
        self.user = self.password = self.bot_user = self.bot_password = ""

    def __enter__(self) -> WikiServer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return "<WikiServer %s, %d connections, %d requests>" % (
            self.url,
            self.connections,
            self.requests,
        )

    @property
    def connections(self) -> int:
        """How many connections accept() returned."""
        return self.server.connections

    @property
    def requests(self) -> int:
        """How many requests were understood."""
        return self.server.requests

    @property
    def tally(self) -> Dict[str, Tuple[int, int]]:
        """Connections and requests by what they were for."""
        return self.server.tally

    def drop_connections(self) -> int:
        """Cut every open connection now; return how many there were."""
        return self.server.drop_connections()

    def close(self) -> None:
        """End the streams, the connections and the server, then close the store."""
        self.server.close()
        self.store.close()

    def _make_account(
        self,
        user: str,
        password: Optional[str],
        bot_password: Optional[str],
        groups: Tuple[str, ...],
    ) -> None:
        """Make `user` and a bot password for it, where they are not there yet."""
        self.user = user
        self.bot_user = "%s@%s" % (user, SERVED_BOT_NAME)
        try:
            account = self.store.actor(user).account
        except ValueError:
            account = 0
            self.password = password or secrets.token_urlsafe(12)
            self.store.create_user(user, self.password, groups=groups)
        else:
            if password is not None:
                self.password = password
                self.store.accounts.set_password(account, password)
        if not account or bot_password is not None:
            # As long as the ones that a real wiki makes: 32 characters.
            self.bot_password = bot_password or secrets.token_hex(16)
            self.store.create_bot_password(user, SERVED_BOT_NAME, self.bot_password)


def label_wiki_request(environ: Dict[str, Any]) -> str:
    """Return what a request is for: "api", "stream", "file" or "page"."""
    path = environ["PATH_INFO"]
    if path.startswith("/v2/stream/"):
        return "stream"
    if path.endswith((".php", ".php/")) and "index.php" not in path:
        return "api"
    return "file" if "/images/" in path else "page"


def is_loopback(address: str) -> bool:
    """Whether an address that was bound is reached from this machine alone."""
    return address.startswith("127.") or address == "::1"


def serve_wiki(
    path: str = ":memory:",
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    user: str = "Demo",
    password: Optional[str] = None,
    bot_password: Optional[str] = None,
    groups: Tuple[str, ...] = ("bot", "sysop"),
    now: Callable[[], float] = time.time,
    app_options: Optional[Dict[str, Any]] = None,
    allowed_hosts: Iterable[str] = (),
    **limits: Any,
) -> WikiServer:
    """Serve the embedded wiki over HTTP until close(); port 0 takes a free one.

    `path` is its sqlite3 file.  An account `user` and a bot password for it are made
    where they are missing, with random passwords unless they are given.
    `app_options` go to WikiApp, `limits` to serve_wsgi.  On a loopback address, or
    with `allowed_hosts`, only this machine's own names and those are answered to, as
    Host and as Origin: a page of the web that is open in a browser gets 403.

        with serve_wiki() as wiki:
            session = Session(wiki.url)
            session.login(wiki.bot_user, wiki.bot_password)
    """
    for name in sorted(set(limits) - set(serve_wsgi.__kwdefaults__)):
        raise TypeError("serve_wiki() got an unexpected keyword argument %r" % name)
    texts = {"user": user, "password": password, "bot_password": bot_password}
    for name, value in texts.items():
        if not isinstance(value, str) and (value is not None or name == "user"):
            raise TypeError("%s must be a str, not %s" % (name, type(value).__name__))
    if isinstance(allowed_hosts, str):
        raise TypeError("allowed_hosts must be a list of names, not %r" % allowed_hosts)
    names = list(allowed_hosts)
    store = PageStore(path, now=now)
    try:
        app = WikiApp(store, **(app_options or {}))
        guard = HostGuard(app, [*names, "[%s]" % host if ":" in host else host])
        server = serve_wsgi(
            guard, host, port, label=label_wiki_request, on_close=app.close, **limits
        )
        if not names and not is_loopback(server.host):
            server.app = app  # many may reach it, by names that nobody knows here
    except BaseException:
        store.close()
        raise
    wiki = WikiServer(server, store, app)
    try:
        wiki._make_account(user, password, bot_password, groups)
    except BaseException:
        wiki.close()
        raise
    return wiki
