"""Session: a conversation with the Action API of one wiki.

Spec: https://www.mediawiki.org/wiki/API:Main_page.  Holds: who is logged in, tokens,
the HTTP client with its cookies.  Not here: one exchange (wiki/exchange.py), what a
reply means (wiki/reply.py), whether to try again (wiki/retry.py).
"""

from __future__ import annotations

import copy
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Tuple
from urllib.parse import urlsplit

from ..clock import Clock
from ..errors import (
    APIError,
    ClientInteractionRequest,
    LoginError,
    ProtocolError,
    TransportError,
    WikistdError,
)
from ..web.client import HttpClient
from ..web.origins import without_userinfo
from ..web.proxies import ProxySettings
from ..web.redirects import CROSS_ORIGIN_HEADERS
from ..web.request import header_pairs
from .address import (
    DEFAULT_API_PATH,
    SESSION_PARAMS,
    check_client_params,
    check_host,
    discover_api,
    make_client,
)
from .calls import WikiCall, is_lost_session
from .chain import ReplyChain
from .exchange import scrub_secrets, scrub_warnings, wiki_logger
from .identity import has_oauth, kept_cookies, restored_login
from .keywords import hint_for
from .login import choose_login_method, login_name, login_params, read_login_reply
from .notices import show_api_warnings
from .params import SECRET_PARAMETERS, merge_params
from .reply import ReplyReading
from .retry import MAX_LOST_ATTEMPTS
from .state import CallBudget, SessionState

#: Waiting because the wiki asks for it ends after this long: over a minute, since
#: rate limits are counted per minute.
DEFAULT_MAX_WAIT_SECONDS = 120.0

#: A token that a login was refused for; it is asked for anew, once.
STALE_TOKEN = ("NeedToken", "WrongToken")

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
SESSION_ARGUMENTS = (
    "user_agent",
    "formatversion",
    "api_path",
    "timeout",
    "session",
    *SESSION_PARAMS,
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
    None lets it wait without end.  Every error is a WikistdError.  Thread-safe; a context manager that closes the client it made.
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
            hint = hint_for(unknown[0], Session.__init__, SESSION_ARGUMENTS)
            raise TypeError(
                "Session() got an unexpected argument %r%s; those for the HTTP client "
                "are %s" % (unknown[0], hint, ", ".join(SESSION_PARAMS))
            )
        origin, self._page_path = check_host(host)
        check_session_arguments(user_agent, api_path, session, max_wait_seconds)
        if etiquette is not None and not hasattr(etiquette, "slot"):
            raise TypeError(
                "etiquette must be an Etiquette or None, not %s"
                % type(etiquette).__name__
            )
        if api_path is not None and not api_path.startswith("/"):
            raise ValueError(
                "api_path must begin with /, got %r" % without_userinfo(api_path)
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

    def _let_go(self) -> None:
        """Close idle connections, if this came by pickle to where nobody closes it."""
        if self._is_copy:
            self.session.keepalive.pool.close_idle()

    def close(self) -> None:
        """Close the connections of the client, where this session made it."""
        if self._owns_client:
            self._state.is_closed = True
            self.session.close()

    def __getstate__(self) -> Dict[str, Any]:
        # No sockets, passwords or tokens travel to another process; cookies if asked.
        fields = dict(self.__dict__)
        for name in ("session", "_state", "auth", "etiquette"):
            fields.pop(name, None)
        given = self._session_params
        client_headers = dict(header_pairs(given.get("headers")))
        if has_oauth(
            (self.auth, given.get("auth")), dict(client_headers, **self.headers)
        ):
            # The copy is nobody: it must not write as an anonymous user.
            fields["defaults"] = dict(self.defaults, **{"assert": "user"})
        fields["defaults"] = {
            name: value
            for name, value in fields["defaults"].items()
            if name not in SECRET_PARAMETERS
        }
        fields["headers"] = harmless_headers(self.headers)
        fields["_session_params"] = {
            name: value
            for name, value in dict(
                given,
                headers=harmless_headers(client_headers),
                proxies=proxies_without_passwords(given.get("proxies")),
            ).items()
            if name in given and name not in ("auth", "cookies")
        }
        for name in ("host", "api_path", "user", "api_is_known", "batch_limit"):
            fields[name] = getattr(self._state, name)
        fields["cookies"] = list(self.session.cookies) if self.pickle_cookies else []
        return fields

    def __setstate__(self, fields: Dict[str, Any]) -> None:
        self._state = SessionState(fields.pop("host"), fields.pop("api_path"))
        # Still asserted: without a new login nothing is written anonymously.
        self._state.user = fields.pop("user")
        self._state.api_is_known = fields.pop("api_is_known")
        self._state.batch_limit = fields.pop("batch_limit")
        cookies = fields.pop("cookies")
        self.__dict__.update(fields)
        self.auth = None
        self.etiquette = None
        self._owns_client = self._is_copy = True
        self.session = make_client(
            self.headers.get("User-Agent"), self.timeout, self._session_params
        )
        for cookie in cookies:
            self.session.cookies.set_cookie(cookie)

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
        view = copy.copy(self)
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
        checkpoint: Any = None
        turn = until = 1
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
            # Brent's loop detection: one old value kept, replaced ever more rarely.
            if following == checkpoint:
                raise ProtocolError(
                    "the wiki goes round in circles: it sent the same continue "
                    "again after %d replies" % turn,
                    spec="API:Continue",
                )
            if turn == until:
                checkpoint, until = following, until * 2
            turn += 1

    def get_token(self, kind: str = "csrf") -> str:
        """Return a token of the type `kind`; asked for once and kept.

        Types are csrf, watch, patrol, rollback, userrights, login, createaccount.
        """
        return self._token(kind, CallBudget(self.max_wait_seconds, self.clock))

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
            if self._state.user is not None:
                # MediaWiki aborts a second login on a live bot-password session.
                try:
                    self.logout()
                except APIError as error:
                    if not is_lost_session(error):
                        raise
                    self._state.forget()  # There was nobody any more to log out.
            found = self._restored(username, method, budget)
            if found is not None:
                self._logged_in(login_name(found), (username, password, method))
                return found
            return self._log_in(username, password, login_token, method, budget)

    def resume(self) -> Optional[str]:
        """Take over the login that the client's cookies hold; return its user's name.

        None, and nothing changes, when the wiki knows nobody by these cookies.  A
        session that is lost later is not logged in again: there is no password.
        """
        budget = CallBudget(self.max_wait_seconds, self.clock)
        with self._state.lock:
            name = self._known_user(budget)
            if name is not None:
                self._logged_in(name, None)
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
            self._logged_in(login_name(found), None)
        return found

    def logout(self) -> None:
        """Log out, and forget tokens and passwords."""
        budget = CallBudget(self.max_wait_seconds, self.clock)
        with self._state.lock:
            self._state.credentials = None
            self._call("POST", {"action": "logout"}, budget)
            self._state.forget()
            self._keep_cookies()

    def _restored(
        self, username: str, method: str, budget: CallBudget
    ) -> Optional[Dict[str, Any]]:
        """Return a login that the file of cookies still holds, or None.

        A cookie that the wiki no longer knows, or of another user, is of no use.
        """
        store = kept_cookies(self.session)
        if store is None:
            return None
        store.load(user=username)
        if not len(store):
            return None
        name = self._known_user(budget)
        found = None if name is None else restored_login(name, username, method)
        if found is None:
            store.clear()
        return found

    def _known_user(self, budget: CallBudget) -> Optional[str]:
        """Return the name of the user that the wiki knows by the client's cookies."""
        params = {"action": "query", "meta": "userinfo"}
        try:
            document = self._call("GET", params, budget, asserting=False)
        except APIError as error:
            if error.code == "readapidenied":
                return None  # A private wiki tells nobody so much.
            raise
        with ReplyReading():
            info = document["query"]["userinfo"]
            name = str(info["name"])
            is_user = info.get("anon", False) is False and info.get("id")
            return name if is_user else None

    def _keep_cookies(self) -> None:
        """Write the cookies where they are kept in a file."""
        store = kept_cookies(self.session)
        if store is not None:
            store.save()

    def _log_in(
        self,
        username: str,
        password: str,
        login_token: Optional[str],
        method: str,
        budget: CallBudget,
    ) -> Dict[str, Any]:
        self._state.tokens.clear()
        given = login_token is not None
        token = login_token if login_token is not None else self._token("login", budget)
        params = login_params(method, username, password, token)
        try:
            document = self._call("POST", params, budget)
            found = read_scrubbed_login(document, method, token, params)
        except (LoginError, TransportError) as error:
            # A login whose answer was lost did nothing to this side: once more.
            is_lost = isinstance(error, TransportError) and error.retryable
            is_stale = isinstance(error, LoginError) and error.status in STALE_TOKEN
            if given or not (is_stale or is_lost):
                raise
            self._state.tokens.clear()
            token = self._token("login", budget)
            params = login_params(method, username, password, token)
            document = self._call("POST", params, budget)
            found = read_scrubbed_login(document, method, token, params)
        self._logged_in(login_name(found) or username, (username, password, method))
        return found

    def _logged_in(
        self, name: str, credentials: Optional[Tuple[str, str, str]]
    ) -> None:
        state = self._state
        state.user = name
        state.credentials = credentials
        state.batch_limit = None
        state.tokens.clear()
        state.login_count += 1
        self._keep_cookies()

    def _token(self, kind: str, budget: CallBudget) -> str:
        """Return the cached token of `kind`, or ask for one under the lock."""
        state = self._state
        token = state.tokens.get(kind)
        if token is not None:
            return token
        with state.lock:
            token = state.tokens.get(kind)
            if token is not None:
                return token
            params = {"action": "query", "meta": "tokens", "type": kind}
            if self.etiquette is not None and kind != "login":
                params.update(meta="tokens|userinfo", uiprop="ratelimits")
            document = self._call("GET", params, budget, asserting=kind != "login")
            try:
                token = document["query"]["tokens"][kind + "token"]
            except (KeyError, TypeError):
                token = None
            if not isinstance(token, str):
                raise APIError(
                    "notoken",
                    "the wiki gave no token of type %r: is the type right, and may "
                    "this user have it?" % kind,
                )
            if kind != "login":  # Each login wants its own.
                state.tokens[kind] = token
            return token

    def _call(
        self,
        method: str,
        params: Mapping[str, Any],
        budget: CallBudget,
        *,
        files: Optional[Mapping[str, Any]] = None,
        auth: Any = None,
        asserting: bool = True,
    ) -> Any:
        """Send a call, as often as it takes and may be done; return its document."""
        if self._state.is_closed:
            raise ValueError(
                "this session is closed: make a new one, or call it before close() and "
                "inside its with block"
            )
        call = WikiCall(
            self, method, params, budget, files=files, auth=auth, asserting=asserting
        )
        return call.run()

    def _log_in_again(self, login_count: int, budget: CallBudget) -> bool:
        """Renew a login that the wiki lost; True when there is one again."""
        state = self._state
        with state.lock:
            if state.login_count != login_count:
                return state.user is not None  # Another thread did it meanwhile.
            if state.credentials is None:
                return False
            logger = wiki_logger()
            if logger is not None:
                logger.warning("the session of %s was lost: logging in", state.user)
            username, password, method = state.credentials
            self._log_in(username, password, None, method, budget)
            return True

    def _find_api(self, error: WikistdError) -> bool:
        """Look for the API's address in the wiki's page; True when it is another."""
        page_url = self.host + self._page_path
        options = {"timeout": self.timeout}
        if self.auth is not None:
            options["auth"] = self.auth
        found = discover_api(
            self.session, page_url, error, headers=self.headers, options=options
        )
        if found is None or found == self.api_url:
            return False
        parts = urlsplit(found)
        self._state.host = "%s://%s" % (parts.scheme, parts.netloc)
        self._state.api_path = parts.path
        return True

    def _show_warnings(
        self, document: Any, is_write: bool, sent: Optional[Mapping[str, Any]] = None
    ) -> None:
        """Log and give out the warnings of a reply, as `api_warnings` says."""
        if not (isinstance(document, dict) and "warnings" in document):
            return
        if sent is not None:
            scrub_warnings(document, sent)
        if self.api_warnings != "ignore":
            is_raised = self.api_warnings == "raise" and not is_write
            show_api_warnings(document, is_write=is_write, is_raised=is_raised)


def read_scrubbed_login(
    document: Any, method: str, token: str, sent: Mapping[str, Any]
) -> Dict[str, Any]:
    """Return what a login's reply says; its refusals without the secrets of `sent`."""
    try:
        return read_login_reply(document, method, token)
    except WikistdError as error:
        scrub_secrets(error, sent)
        if isinstance(error, ClientInteractionRequest):
            error.login_token = token  # It is for the next step.
        raise


def harmless_headers(headers: Mapping[str, str]) -> Dict[str, str]:
    """Return those that are no secret: what is secret has no list."""
    return {
        name: value
        for name, value in headers.items()
        if name.lower() in CROSS_ORIGIN_HEADERS
    }


def proxies_without_passwords(proxies: Any) -> Any:
    """Return a `proxies` argument without user names and passwords."""
    if isinstance(proxies, ProxySettings):
        settings = copy.copy(proxies)
        settings.urls = proxies_without_passwords(proxies.urls)
        return settings
    if isinstance(proxies, Mapping):
        return {
            name: proxies_without_passwords(url) for name, url in proxies.items()
        }
    if isinstance(proxies, str):
        start, mark, rest = proxies.rpartition("://")
        return start + mark + rest.rpartition("@")[2]
    return proxies


def check_session_arguments(
    user_agent: Any, api_path: Any, session: Any, max_wait_seconds: Any
) -> None:
    """Refuse what would only fail, less clearly, at the first call."""
    for name, value in (("user_agent", user_agent), ("api_path", api_path)):
        if value is not None and not isinstance(value, str):
            raise TypeError("%s must be str, not %s" % (name, type(value).__name__))
    if session is not None and not hasattr(session, "request"):
        raise TypeError(
            "session is an HttpClient or has request() as requests.Session has, not %s"
            % type(session).__name__
        )
    if max_wait_seconds is not None and not isinstance(max_wait_seconds, (int, float)):
        raise TypeError(
            "max_wait_seconds is a number or None, not %s"
            % type(max_wait_seconds).__name__
        )
