"""Session: a conversation with the Action API of one wiki.

Spec: https://www.mediawiki.org/wiki/API:Main_page.  Holds: who is logged in, tokens,
the HTTP client with its cookies.  Not here: logging in (wiki/account.py), one call
(wiki/calls.py) and exchange (wiki/exchange.py), what a reply means (wiki/reply.py).
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, Mapping, Optional
from urllib.parse import urlsplit

from ..clock import Clock
from ..web.client import HttpClient
from ..web.origins import without_userinfo
from ..web.request import header_pairs
from .account import (
    ask_who,
    begin_login,
    fetch_token,
    keep_cookies,
    note_login,
    read_scrubbed_login,
)
from .address import (
    DEFAULT_API_PATH,
    SESSION_PARAMS,
    check_client_params,
    check_host,
    make_client,
)
from .calls import WikiCall
from .chain import CircleWatch, ReplyChain
from .keywords import hint_for
from .login import choose_login_method, login_name
from .params import check_texts, merge_params, wrong_type
from .retry import MAX_LOST_ATTEMPTS
from .state import CallBudget, SessionState
from .travel import settle_down, travelling_fields

#: Waiting because the wiki asks for it ends after this long: over a minute, since
#: rate limits are counted per minute.
DEFAULT_MAX_WAIT_SECONDS = 120.0

CALL_OPTIONS = (
    "params",
    "formatversion",
    "timeout",
    "max_wait_seconds",
    "headers",
    "auth",
    "api_warnings",
    "lost_attempts",
    "etiquette",
    "pickle_cookies",
    "prefetch",
)
API_WARNINGS_CHOICES = ("warn", "raise", "ignore")


class Session:
    """A session with one wiki; nothing is sent before the first call.

    `host` includes http:// or https://; `api_path` is found out where the usual
    /w/api.php does not answer.  `session` is an HttpClient, or any object with the
    request() of requests.Session; without it one is made from `session_params`:
    auth, cookies, headers, proxies, verify, cert, max_redirects, trust_env.  Of these
    an HttpClient that is given takes auth and headers, any other object all.

    `timeout` bounds one exchange, in seconds; `max_wait_seconds` all waiting of one
    call because the wiki asks for it or is in trouble, or for a turn of `etiquette`;
    None lets it wait without end.  Every error is a WikistdError.  Thread-safe; a
    context manager that closes the client it made.
    """

    _is_copy = False

    def __init__(
        self,
        host: str,
        user_agent: Optional[str] = None,
        formatversion: Optional[int] = None,
        api_path: Optional[str] = None,
        timeout: Any = 60.0,
        session: Any = None,
        *,
        clock: Optional[Clock] = None,
        max_wait_seconds: Optional[float] = DEFAULT_MAX_WAIT_SECONDS,
        etiquette: Any = None,
        **session_params: Any,
    ) -> None:
        unknown = sorted(set(session_params) - set(SESSION_PARAMS))
        if unknown:
            hint = hint_for(unknown[0], Session.__init__, SESSION_PARAMS)
            raise TypeError(
                "Session() got an unexpected argument %r%s; those for the HTTP client "
                "are %s" % (unknown[0], hint, ", ".join(SESSION_PARAMS))
            )
        origin, self._page_path = check_host(host)
        check_session_arguments(
            user_agent, api_path, session, max_wait_seconds, etiquette
        )
        self._state = SessionState(origin, api_path or DEFAULT_API_PATH)
        self._state.api_is_known = api_path is not None
        self.formatversion = formatversion
        self.timeout = timeout
        self.headers: Dict[str, str] = {}
        if user_agent is not None:
            self.headers["User-Agent"] = user_agent
        self.clock = clock if clock is not None else Clock()
        self.max_wait_seconds = max_wait_seconds
        self.etiquette = etiquette
        self.defaults: Dict[str, Any] = {}
        self.api_warnings = "warn"
        self.lost_attempts = MAX_LOST_ATTEMPTS
        self.pickle_cookies = False
        self.prefetch = False
        #: Called with each response before it is parsed; true: it is handed out as it
        #: is.  For views of this room only.
        self._on_reply: Optional[Callable[[Any], bool]] = None
        self.auth: Any = None
        self._session_params = dict(session_params)
        self._owns_client = session is None
        if session is None:
            self.session: Any = make_client(user_agent, timeout, session_params)
            if "headers" in session_params:
                self.session.headers_for(origin)  # The wiki's, whoever asks first.
        else:
            self.session = session
            if isinstance(session, HttpClient):
                check_client_params(session_params)
                self.auth = session_params.get("auth")
                self.headers.update(header_pairs(session_params.get("headers")))
            else:
                for name, value in session_params.items():
                    setattr(session, name, value)

    @property
    def host(self) -> str:
        """The wiki's scheme and host, without a slash at the end."""
        return self._state.host

    @property
    def api_path(self) -> str:
        """The path of api.php; found out by the first call where none was given."""
        return self._state.api_path

    @property
    def api_url(self) -> str:
        """The address of the wiki's api.php."""
        return self.host + self.api_path

    @property
    def user(self) -> Optional[str]:
        """The name of the user that is logged in, or None."""
        return self._state.user

    @property
    def batch_limit(self) -> Optional[int]:
        """How many titles one request may name; None while the wiki has not told."""
        return self._state.batch_limit

    def __repr__(self) -> str:
        name = urlsplit(self.host).netloc
        try:
            count = len(list(self.session.cookies))
        except (AttributeError, TypeError):
            count = 0
        return "<Session %s as %s, %d cookie%s%s>" % (
            name,
            self._state.user or "nobody",
            count,
            "" if count == 1 else "s",
            ", closed" if self._state.is_closed else "",
        )

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections of the client, where this session made it."""
        if self._owns_client:
            self._state.is_closed = True
            self.session.close()

    def __getstate__(self) -> Dict[str, Any]:
        return travelling_fields(self)

    def __setstate__(self, fields: Dict[str, Any]) -> None:
        settle_down(self, fields)

    def with_options(self, **options: Any) -> Session:
        """Return a view of this session, with the same login, with other options.

        `params` are API parameters for every call, below the call's own;
        `formatversion`, `timeout`, `max_wait_seconds`, `headers` (added), `auth` and
        `etiquette` as in Session;
        `prefetch` has `continuation` ask for the next reply while one is used, in a
        thread; `pickle_cookies` lets the login travel where the session is pickled;
        `lost_attempts` is how often a read is asked whose answer was lost;
        `api_warnings` is "warn" (an APIWarning by the warnings module), "raise"
        (reads only: as an exception that carries the document) or "ignore".
        """
        view = self.__copy__()
        view._owns_client = False
        for name, value in options.items():
            if name not in CALL_OPTIONS:
                raise TypeError(
                    "with_options() got an unexpected argument %r; options are %s"
                    % (name, ", ".join(CALL_OPTIONS))
                )
            if name == "params":
                view.defaults = merge_params(self.defaults, value)
            elif name == "headers":
                view.headers = dict(self.headers, **value)
            elif name == "api_warnings" and value not in API_WARNINGS_CHOICES:
                raise ValueError(
                    "api_warnings must be one of %s, not %r"
                    % (", ".join(API_WARNINGS_CHOICES), value)
                )
            else:
                setattr(view, name, value)
        return view

    # Copies share the state: a view, not a second login.
    def __copy__(self) -> Session:
        view = Session.__new__(type(self))
        view.__dict__.update(self.__dict__)
        return view

    def get(
        self,
        query_continue: Optional[Mapping[str, Any]] = None,
        auth: Any = None,
        continuation: bool = False,
        **params: Any,
    ) -> Any:
        """Ask the API by GET; return the document, or an iterator of documents.

        Every keyword but the first three is a parameter of the API.
        """
        return self.request("GET", params, query_continue, None, auth, continuation)

    def post(
        self,
        query_continue: Optional[Mapping[str, Any]] = None,
        upload_file: Any = None,
        auth: Any = None,
        continuation: bool = False,
        **params: Any,
    ) -> Any:
        """Ask the API by POST; return the document, or an iterator of documents.

        `upload_file` is bytes or a binary file.  A token that the action needs is
        filled in, unless `token` is given.
        """
        files = None if upload_file is None else {"file": upload_file}
        return self.request("POST", params, query_continue, files, auth, continuation)

    def request(
        self,
        method: str,
        params: Optional[Mapping[str, Any]] = None,
        query_continue: Optional[Mapping[str, Any]] = None,
        files: Optional[Mapping[str, Any]] = None,
        auth: Any = None,
        continuation: bool = False,
        **options: Any,
    ) -> Any:
        """Send one call to the API and return its JSON document.

        With `continuation`, return an iterator over the documents of all replies.
        `options` are those of `with_options`.  Raises APIError where the wiki
        refuses, TransportError where it was not reached, StatusError and
        ProtocolError where something else answered.
        """
        if query_continue is not None and not isinstance(query_continue, Mapping):
            raise TypeError(
                "query_continue is the `continue` of a reply, not %s; parameters of "
                "the API are keywords: action='query'" % type(query_continue).__name__
            )
        if options:
            return self.with_options(**options).request(
                method, params, query_continue, files, auth, continuation
            )
        if continuation:
            return self.continuation(method, params, query_continue, auth, files)
        budget = CallBudget(self.max_wait_seconds, self.clock)
        merged = merge_params(self.defaults, params, query_continue)
        return self._call(method, merged, budget, files=files, auth=auth)

    def continuation(
        self,
        method: str,
        params: Optional[Mapping[str, Any]] = None,
        query_continue: Optional[Mapping[str, Any]] = None,
        auth: Any = None,
        files: Optional[Mapping[str, Any]] = None,
    ) -> Iterator[Any]:
        """Yield the documents of all replies to one query, in turn.

        Each request is the first one with the last `continue` of the wiki, and
        nothing of the older ones: they would skip data.  Files go with the first
        only.  A wiki that does not advance is a ProtocolError.
        """
        base = dict(params or {})
        following: Mapping[str, Any] = dict(query_continue or {})
        if not following and base.get("action") == "query":
            following = {"continue": ""}
        watch = CircleWatch()
        is_ahead = self.prefetch and method.upper() == "GET" and not files
        view = self if auth is None else self.with_options(auth=auth)
        chain = ReplyChain(view, is_ahead=is_ahead)
        while True:
            if is_ahead:
                document = chain.ask(base, following)
            else:
                document = self.request(method, base, following, files, auth)
            yield document
            if not isinstance(document, dict) or "continue" not in document:
                return
            following = document["continue"]
            files = None
            watch.see(following)

    def get_token(self, kind: str = "csrf") -> str:
        """Return a token of the type `kind`; asked for once and kept.

        Types are csrf, watch, patrol, rollback, userrights, login, createaccount.
        """
        return fetch_token(self, kind, CallBudget(self.max_wait_seconds, self.clock))

    def login(
        self,
        username: str,
        password: str,
        login_token: Optional[str] = None,
        *,
        method: Optional[str] = None,
    ) -> Dict[str, Any]:
        """Log in; return the wiki's reply about it.

        A name with an @ is a bot password (method "bot-password"), others go by
        "clientlogin".  Afterwards every call asserts that it is logged in, and a
        session that the wiki lost is logged in again once.  Raises LoginError when
        refused, ClientInteractionRequest when `continue_login` must follow.
        """
        method = choose_login_method(username, password, method)
        budget = CallBudget(self.max_wait_seconds, self.clock)
        with self._state.lock:
            return begin_login(self, (username, password, method), login_token, budget)

    def resume(self) -> Optional[str]:
        """Take over the login that the client's cookies hold; return its user's name.

        None, and nothing changes, when the wiki knows nobody by these cookies.  A
        session that is lost later is not logged in again: there is no password.
        """
        budget = CallBudget(self.max_wait_seconds, self.clock)
        with self._state.lock:
            name = ask_who(self, budget)
            if name is not None:
                note_login(self, name, None, budget)
            return name

    def continue_login(self, login_token: str, **params: Any) -> Dict[str, Any]:
        """Answer the further step that a ClientInteractionRequest asked for.

        `login_token` is the one it carried; `params` are the fields it named.
        Raises it again while another step is wanted.
        """
        asked: Dict[str, Any] = {"action": "clientlogin", "logincontinue": True}
        asked.update(params)
        asked["logintoken"] = login_token
        budget = CallBudget(self.max_wait_seconds, self.clock)
        with self._state.lock:
            document = self._call("POST", merge_params(asked), budget)
            found = read_scrubbed_login(document, "clientlogin", login_token, asked)
            note_login(self, login_name(found), None, budget)
        return found

    def logout(self) -> None:
        """Log out, and forget tokens and passwords."""
        budget = CallBudget(self.max_wait_seconds, self.clock)
        with self._state.lock:
            self._state.credentials = None
            self._call("POST", {"action": "logout"}, budget)
            self._state.forget()
            keep_cookies(self, budget)

    def _call(
        self, method: str, params: Mapping[str, Any], budget: CallBudget, **options: Any
    ) -> Any:
        """Send a call, as often as it takes and may be done; return its document.

        `options` are those of WikiCall.
        """
        if self._state.is_closed:
            raise ValueError(
                "this session is closed: make a new one, or call it before close() and "
                "inside its with block"
            )
        return WikiCall(self, method, params, budget, **options).run()


def check_session_arguments(
    user_agent: Any,
    api_path: Any,
    session: Any,
    max_wait_seconds: Any,
    etiquette: Any,
) -> None:
    """Refuse what would only fail, less clearly, at the first call."""
    check_texts(None, user_agent=user_agent, api_path=api_path)
    if session is not None and not hasattr(session, "request"):
        wanted = "session is an HttpClient or has request() as requests.Session has"
        raise wrong_type(wanted, session)
    if max_wait_seconds is not None and not isinstance(max_wait_seconds, (int, float)):
        raise wrong_type("max_wait_seconds is a number or None", max_wait_seconds)
    if etiquette is not None and not hasattr(etiquette, "slot"):
        raise wrong_type("etiquette must be an Etiquette or None", etiquette)
    if api_path is not None and not api_path.startswith("/"):
        raise ValueError(
            "api_path must begin with /, got %r" % without_userinfo(api_path)
        )


def check_session(session: Any) -> None:
    """Refuse what was given in a Session's place."""
    if isinstance(session, Session):
        return
    theirs = type(session).__module__
    if type(session).__name__ == "Session" and theirs != Session.__module__:
        # Another copy of the package, or another package's.
        raise TypeError(
            "the first argument is a Session of %s, not of %s"
            % (theirs, Session.__module__)
        )
    raise wrong_type("the first argument is a Session", session)
