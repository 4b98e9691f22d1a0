"""serve_wiki: the embedded wiki on a port, with an account to log in to.

Holds: a store, the app around it, the server.  Not here: each of them (store.py,
app.py, running.py).
"""

from __future__ import annotations

import secrets
import time
from typing import Any, Callable, Dict, Optional, Tuple

from .app import WikiApp
from .running import WsgiServer, serve_wsgi
from .store import PageStore

#: The application's name in the bot password that serve_wiki makes: "Demo@bot".
SERVED_BOT_NAME = "bot"


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
    **limits: Any,
) -> WikiServer:
    """Serve the embedded wiki over HTTP until close(); port 0 takes a free one.

    `path` is its sqlite3 file.  An account `user` and a bot password for it are made
    where they are missing, with random passwords unless they are given.
    `app_options` go to WikiApp, `limits` to serve_wsgi.

        with serve_wiki() as wiki:
            session = Session(wiki.url)
            session.login(wiki.bot_user, wiki.bot_password)
    """
    for name in sorted(set(limits) - set(serve_wsgi.__kwdefaults__)):
        raise TypeError("serve_wiki() got an unexpected keyword argument %r" % name)
    store = PageStore(path, now=now)
    try:
        app = WikiApp(store, **(app_options or {}))
        server = serve_wsgi(
            app, host, port, label=label_wiki_request, on_close=app.close, **limits
        )
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
