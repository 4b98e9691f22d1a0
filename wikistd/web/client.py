"""HttpClient: requests in, responses out, through a urllib opener of our handlers.

In: what one call wants.  Out: a Response, whatever its final status, or an error of
ours: foreign ones are converted here, once.
Spec: RFC 9110.  Holds: the opener and its handlers.
Not here: the pipeline (web/opener.py), what each handler does.
"""

from __future__ import annotations

import collections.abc
import http.cookiejar
import os
import sys
import urllib.error
import urllib.request
from typing import (
    TYPE_CHECKING,
    Any,
    BinaryIO,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    NoReturn,
    Optional,
    Tuple,
    Union,
)

from ..clock import Clock, Deadline
from ..errors import ConnectFailed, StatusError, WikistdError
from ..formats.headers import check_header
from .callparts import add_params, check_target, copy_body, save_body, set_body
from .connect import raise_instead, transport_error
from .cookiehandler import CookieHandler
from .credentials import AuthHandler
from .decoding import DecodingHandler
from .keepalive import KeepAliveHandler
from .opener import AnswersHandler, ClientOpener, HeadersHandler
from .origins import origin_of, without_userinfo
from .pool import POOL_SIZE, ConnectionPool, Counters
from .proxies import ProxyHandler, ProxySettings
from .redirects import MAX_REDIRECTS, RedirectHandler
from .request import HeaderInput, WebRequest, check_url, header_pairs
from .response import Response
from .signals import Signal
from .tls import TlsSettings
from .transport import TransportFunction, TransportHandler
from .useragent import default_user_agent

if TYPE_CHECKING:
    TimeoutInput = Union[
        None, float, Deadline, Tuple[Optional[float], Optional[float]], "_ClientDefault"
    ]
else:
    TimeoutInput = object  # as HeaderSource

CLIENT_TIMEOUT_SECONDS = 60.0  # nobody's standard: requests and urllib wait for ever

#: Given for all requests of a client, these go to the first origin only, as `auth`.
BOUND_HEADERS = frozenset(("authorization", "cookie", "proxy-authorization"))


class _ClientDefault:
    """Stands for "what the client says"."""

    def __repr__(self) -> str:
        return "the client's"


CLIENT_DEFAULT = _ClientDefault()


#: What is an attribute of a requests.Session, or an argument of ours and no attribute.
SETTLED_ARGUMENTS = {
    "auth": "give HttpClient(auth=...), or auth= to the call",
    "authenticate": "give HttpClient(authenticate=...)",
    "proxies": "give HttpClient(proxies=...)",
    "verify": "give HttpClient(ca_file=...), fingerprint= or ssl_context=",
    "cert": "give HttpClient(client_cert=...)",
    "ca_file": "give HttpClient(ca_file=...)",
    "client_cert": "give HttpClient(client_cert=...)",
    "fingerprint": "give HttpClient(fingerprint=...)",
    "ssl_context": "give HttpClient(ssl_context=...)",
    "trust_env": "give HttpClient(proxies={}) for no proxy",
    "params": "give params= to the call",
    "stream": "give stream= to the call",
    "hooks": "append to on_request and on_response",
}


class HttpClient:
    """An HTTP client with kept connections, cookies, credentials and time limits.

    Thread-safe.  Close it, or use it as a context manager.  `opener` is its
    `urllib.request.OpenerDirector`, which `install_opener` takes.

    `user_agent` should say who asks and how to reach them; `headers` go with every
    request, but to no other origin by a redirect, and Authorization, Cookie and
    Proxy-Authorization among them to the first origin only.  `timeout` bounds a call:
    seconds, a (connect, read) pair, a Deadline, None; `connect_timeout` the connecting,
    all addresses together; `idle_timeout` each wait for bytes of a streamed body or
    upload.  `max_wait_seconds` is kept for who waits because the far side asks for it.

    `auth` is (user, password), an object such as BearerAuth, or a callable; it is bound
    to the first origin, `authenticate` maps host patterns to credentials.  `cookies` is
    a CookieStore, any CookieJar, or a mapping bound to the first origin.  `proxies`
    maps schemes to URLs, {} is none, None asks the environment.

    `ca_file` (file or folder) takes the place of the system's CAs, `client_cert` is a
    file or (certificate, key), `fingerprint` the SHA-256 of the only certificate to
    accept, `ssl_context` takes the place of them all.  `strict_x509=False` accepts CAs
    that break the strict rules of RFC 5280.  `source_address` is (host, port) to
    connect from, `ip_family` 4, 6 or 0 for both.

    `max_body_bytes` bounds every body after decoding; without it those read into memory
    are bounded by 256 MB.  `pool_size` bounds the connections open at once.  `handlers`
    are further urllib handlers.  `connect(host, port, timeout)` returns something with
    `sendall`, `makefile("rb")` and `close`; `transport(method, url, headers, body,
    timeout)` returns (status, headers, body): either takes the place of sockets.

    Raises TypeError or ValueError for what cannot be sent, else errors of wikistd.
    """

    def __init__(
        self,
        *,
        user_agent: Optional[str] = None,
        headers: HeaderInput = None,
        timeout: TimeoutInput = CLIENT_TIMEOUT_SECONDS,
        connect_timeout: Optional[float] = 10.0,
        idle_timeout: Optional[float] = 60.0,
        max_wait_seconds: float = 3600.0,
        max_redirects: int = MAX_REDIRECTS,
        auth: Any = None,
        cookies: Union[http.cookiejar.CookieJar, Mapping[str, str], None] = None,
        proxies: Union[None, str, Mapping[str, Optional[str]], ProxySettings] = None,
        ssl_context: Any = None,
        ca_file: Optional[str] = None,
        client_cert: Union[str, Tuple[str, ...], None] = None,
        fingerprint: Union[str, bytes, None] = None,
        strict_x509: bool = True,
        source_address: Optional[Tuple[str, int]] = None,
        ip_family: int = 0,
        max_body_bytes: Optional[int] = None,
        pool_size: int = POOL_SIZE,
        authenticate: Optional[Mapping[str, Any]] = None,
        handlers: Iterable[urllib.request.BaseHandler] = (),
        connect: Optional[Callable[[str, int, Optional[float]], Any]] = None,
        transport: Optional[TransportFunction] = None,
        clock: Optional[Clock] = None,
    ) -> None:
        self.clock = clock if clock is not None else Clock()
        self.headers: Dict[str, str] = dict(header_pairs(headers))
        self.timeout = timeout
        self.max_redirects = max_redirects
        self.max_body_bytes = max_body_bytes
        #: Called before a request is sent: (request).
        self.on_request = Signal()
        #: Called with the final answer: (request, response).
        self.on_response = Signal()
        #: Called before a request is sent again because a kept connection had died:
        #: (request, error).
        self.on_retry = Signal()
        self.user_agent = user_agent or default_user_agent()
        check_header("User-Agent", self.user_agent)
        #: For who waits because the far side asked for it: the session's retries.
        self.max_wait_seconds = max_wait_seconds
        self._logger: Any = None
        self.keepalive = KeepAliveHandler(
            connect_timeout=connect_timeout,
            idle_timeout=idle_timeout,
            tls=TlsSettings(
                ssl_context=ssl_context,
                ca_file=ca_file,
                client_cert=client_cert,
                fingerprint=fingerprint,
                strict_x509=strict_x509,
            ),
            source_address=source_address,
            ip_family=ip_family,
            max_body_bytes=max_body_bytes,
            pool=ConnectionPool(max_size=pool_size),
            connect=connect,
            clock=self.clock,
            on_retry=self.on_retry,
        )
        if cookies is None or isinstance(cookies, http.cookiejar.CookieJar):
            cookie_handler = CookieHandler(cookies)
        else:
            cookie_handler = CookieHandler(cookies=cookies)
        #: The CookieStore, or the CookieJar that was given.
        self.cookies = cookie_handler.store
        sender: urllib.request.BaseHandler = self.keepalive
        if transport is not None:
            sender = TransportHandler(
                transport,
                max_body_bytes=max_body_bytes,
                counters=self.counters,
                clock=self.clock,
            )
        self._credentials = AuthHandler(auth=auth, authenticate=authenticate)
        self.opener = ClientOpener(self._web_request)
        chain: List[urllib.request.BaseHandler] = [
            HeadersHandler(self.user_agent),
            cookie_handler,
            self._credentials,
            sender,
            DecodingHandler(),
            RedirectHandler(max_redirects),
            AnswersHandler(),
        ]
        if transport is None:
            # Else the owner of the network decides about proxies too.
            proxy_handler = ProxyHandler(proxies)
            settings = proxy_handler.settings
            if settings.urls:
                chain.append(proxy_handler)
            reason = "directly: %s names no proxy" % settings.source
            self.keepalive.dialer.direct_reason = reason
        for handler in [*chain, *handlers]:
            self.opener.add_handler(handler)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in SETTLED_ARGUMENTS:
            raise AttributeError(
                "%s has no effect on a client that is made: %s"
                % (name, SETTLED_ARGUMENTS[name])
            )
        object.__setattr__(self, name, value)

    @property
    def auth(self) -> Any:
        """The credentials that the client was made with."""
        return self._credentials.auth

    @property
    def counters(self) -> Counters:
        """What was done so far: requests, connections, bytes, retries."""
        return self.keepalive.pool.counters

    # -- one call

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Any = None,
        data: Any = None,
        json: Any = None,
        files: Any = None,
        headers: HeaderInput = None,
        cookies: Optional[Mapping[str, str]] = None,
        auth: Any = None,
        timeout: TimeoutInput = CLIENT_DEFAULT,
        stream: bool = False,
        allow_redirects: bool = True,
    ) -> Response:
        """Send a request and return the final answer, whatever its status.

        `params` go into the query; `data` is bytes, text, a file, an iterable of bytes,
        a FormData, or pairs and mappings for a form; `json` any value; `files` maps
        names to files or (file name, file, content type), with `data` as their fields.
        `headers` beat the client's, None takes one away; `auth` and `cookies` hold for
        this call and origin.  Without `stream` the body has been read on return.
        """
        if params:
            url = add_params(url, params)
        own = self.headers and self.headers_for(url)
        request = WebRequest(url, None, own or None, method=method, stream=stream)
        if data is not None or json is not None or files:
            set_body(request, data, json, files)
        if headers:
            if isinstance(headers, (dict, collections.abc.Mapping)):
                for name, value in headers.items():
                    if value is None:
                        request.headers.pop(name.capitalize(), None)
            for name, value in header_pairs(headers):
                request.unredirected_hdrs.pop(name.capitalize(), None)
                request.add_header(name, value)
        request.allow_redirects = allow_redirects
        if auth is not None:
            request.call_auth = auth
        if cookies is not None:
            request.call_cookies = dict(cookies)
        self._set_timeout(request, timeout)
        return self.open(request)

    def headers_for(self, url: str) -> Dict[str, str]:
        """Return the client's headers for `url`.

        Those that say who we are are bound to the origin that is asked about first.
        """
        own = self.headers
        secrets = [name for name in own if name.lower() in BOUND_HEADERS]
        if not secrets:
            return own
        origin = origin_of(check_url(url))
        if vars(self).setdefault("_headers_origin", origin) == origin:
            return own
        return {name: own[name] for name in own if name not in secrets}

    def _set_timeout(self, request: WebRequest, timeout: TimeoutInput) -> None:
        if timeout is CLIENT_DEFAULT:
            timeout = self.timeout
        if isinstance(timeout, Deadline):
            request.deadline = timeout
            return
        if isinstance(timeout, tuple):
            first, second = timeout
            request.connect_timeout = first
            request.idle_timeout = second
            timeout = None if first is None or second is None else first + second
        if not isinstance(timeout, (int, float)) and timeout is not None:
            raise TypeError(
                "timeout is a number of seconds, a (connect, read) pair, a Deadline "
                "or None, not %s" % type(timeout).__name__
            )
        request.deadline = Deadline(timeout, clock=self.clock)
        request.is_strict = False

    def open(
        self,
        fullurl: Union[str, urllib.request.Request],
        data: Any = None,
        timeout: TimeoutInput = CLIENT_DEFAULT,
    ) -> Response:
        """Send a prepared request, or GET a URL; `stream` is as the request says."""
        if type(timeout) is object:  # urlopen's, where this client is installed
            timeout = CLIENT_DEFAULT
        if isinstance(fullurl, WebRequest) and data is None:
            request = fullurl
        else:
            request = self._web_request(fullurl, data)
        own = request.client_deadline
        if request.deadline is own or timeout is not CLIENT_DEFAULT:
            self._set_timeout(request, timeout)
            request.client_deadline = request.deadline
        if self.on_request:
            self.on_request.send(request)
        try:
            response: Response = self.opener.open(request, timeout=None)
            if not request.stream:
                response.load()
        except (WikistdError, ValueError, TypeError):
            raise
        except urllib.error.URLError as error:
            raise_instead(self._foreign_error(error, request), error)
        except Exception as error:
            shown = without_userinfo(request.full_url)
            raise_instead(
                transport_error(error, "", url=shown, peer=request.host), error
            )
        if self._logger is not None or "logging" in sys.modules:
            self._log(request, response)
        if self.on_response:
            self.on_response.send(request, response)
        return response

    def _web_request(
        self, fullurl: Union[str, urllib.request.Request], data: Any
    ) -> WebRequest:
        if isinstance(fullurl, WebRequest):
            if data is not None:
                fullurl.data = data
            return fullurl
        if isinstance(fullurl, str):
            return WebRequest(fullurl, data, self.headers_for(fullurl) or None)
        request = WebRequest(
            fullurl.full_url,
            fullurl.data if data is None else data,
            dict(self.headers_for(fullurl.full_url), **fullurl.headers),
            method=fullurl.get_method(),
            origin_req_host=fullurl.origin_req_host,
            unverifiable=fullurl.unverifiable,
        )
        request.unredirected_hdrs.update(fullurl.unredirected_hdrs)
        return request

    def _foreign_error(
        self, error: urllib.error.URLError, request: WebRequest
    ) -> BaseException:
        """Return our error for what a handler of urllib or of others raised."""
        reason = error.reason
        shown = without_userinfo(request.full_url)
        if isinstance(error, urllib.error.HTTPError):
            said = StatusError(
                "%s answered %d %s" % (shown, error.code, reason),
                status=error.code,
                url=shown,
                headers=list(error.headers.items()) if error.headers else (),
            )
            if isinstance(error.fp, Response):
                said = error.fp.status_error()
            if error.fp is not None:
                error.close()  # it holds an answer, and with it a connection
            return said
        if isinstance(reason, BaseException):
            ours = transport_error(reason, "connect", url=shown, peer=request.host)
            if isinstance(ours, WikistdError):
                return ours
        return ConnectFailed(
            "%s could not be opened: %s" % (shown, reason), url=shown
        )

    def _log(self, request: WebRequest, response: Response) -> None:
        if self._logger is None:
            # If nobody has imported logging (3 ms), nobody listens.  Another thread may
            # be in the middle of importing it: getLogger comes last.
            get_logger = getattr(sys.modules.get("logging"), "getLogger", None)
            if get_logger is None:
                return
            self._logger = get_logger(__name__.partition(".")[0] + ".web")
        if self._logger.isEnabledFor(10):
            self._logger.debug(
                "%s %s: %d in %.3f s",
                request.get_method(),
                without_userinfo(request.full_url),
                response.status,
                response.elapsed_seconds,
            )

    def get(self, url: str, **options: Any) -> Response:
        """Send GET; see `request`."""
        return self.request("GET", url, **options)

    def head(self, url: str, **options: Any) -> Response:
        """Send HEAD; redirects are not followed unless asked for; see `request`."""
        options.setdefault("allow_redirects", False)
        return self.request("HEAD", url, **options)

    def options(self, url: str, **options: Any) -> Response:
        """Send OPTIONS; see `request`."""
        return self.request("OPTIONS", url, **options)

    def post(self, url: str, data: Any = None, **options: Any) -> Response:
        """Send POST; see `request`."""
        return self.request("POST", url, data=data, **options)

    def put(self, url: str, data: Any = None, **options: Any) -> Response:
        """Send PUT; see `request`."""
        return self.request("PUT", url, data=data, **options)

    def patch(self, url: str, data: Any = None, **options: Any) -> Response:
        """Send PATCH; see `request`."""
        return self.request("PATCH", url, data=data, **options)

    def delete(self, url: str, **options: Any) -> Response:
        """Send DELETE; see `request`."""
        return self.request("DELETE", url, **options)

    def download(
        self,
        url: str,
        path: Union[str, os.PathLike[str], BinaryIO],
        *,
        on_progress: Optional[Callable[[int, Optional[int]], Any]] = None,
        method: str = "GET",
        **options: Any,
    ) -> Response:
        """Write the body of an answer to a file; raise StatusError for a bad status.

        `path` gets the file when all of it has come, never a part of it; a binary file
        is written to as the bytes come.  `on_progress(received, total)` is called after
        each piece; `total` is None when the server does not say.  The time is bounded
        by `idle_timeout` between bytes; give `timeout=Deadline(seconds)` to bound the
        whole.  Other arguments as `request`.
        """
        if isinstance(path, (str, os.PathLike)):
            path = check_target(path)
        with self.request(method, url, stream=True, **options) as response:
            response.raise_for_status()
            if isinstance(path, str):
                save_body(response, path, on_progress)
            else:
                copy_body(response, path, on_progress)
        return response

    # -- the end

    def close(self) -> None:
        """Close the idle connections; busy ones close when their responses end."""
        self.keepalive.close()

    def __getstate__(self) -> NoReturn:
        raise TypeError(
            "HttpClient cannot be pickled, for it holds connections: make one where it "
            "is needed; a Session can be"
        )

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return "<HttpClient %r>" % self.counters
