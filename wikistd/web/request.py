"""WebRequest: a urllib request with what belongs to one call riding along.

In: method, URL, body, headers.  Out: a Request that every urllib handler understands.
Spec: RFC 9110 4.2 and 5, RFC 3986.  Holds: the abort handle of the exchange under way.
Not here: sending (web/keepalive.py), encoding forms (web/client.py).
"""

from __future__ import annotations

import collections.abc
import operator
import re
import urllib.parse
import urllib.request
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    Iterable,
    List,
    Mapping,
    NoReturn,
    Optional,
    Tuple,
    Union,
)

from ..clock import Deadline
from .bodies import RequestBody, prepare_body
from .origins import split_port, without_userinfo

# Methods that may be sent twice and mean the same, RFC 9110 9.2.2, and those that
# change nothing, 9.2.1.
IDEMPOTENT_METHODS = frozenset(["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"])
SAFE_METHODS = frozenset(["GET", "HEAD", "OPTIONS", "TRACE"])

MAX_HOST_CHARACTERS = 253  # RFC 1035: longer cannot be a name; IDNA is quadratic in it

#: What a redirect takes along of a request, besides its headers and its body.
REQUEST_LASTING_FIELDS = frozenset(
    "allow_redirects call_auth call_cookies cancelled connect_timeout deadline "
    "idle_timeout is_strict is_tunnelled max_redirects may_repeat stream "
    "timeout".split()
)

_REQUEST_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_REQUEST_PLAIN_URL = re.compile(
    r"(https?)://([A-Za-z0-9][A-Za-z0-9._-]{0,252})"
    r"(:[1-9][0-9]{0,3}|:[1-5][0-9]{4})?([/?][!-\"$-~]*)?"
)
_REQUEST_HOST = re.compile(
    r"[A-Za-z0-9._~!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+(?:%25[\w.~-]+)?\]"
)
_REQUEST_USERINFO = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:%-]*")
_REQUEST_CONTROLS = re.compile("[\x00-\x20\x7f-\x9f]")
_REQUEST_NON_ASCII = re.compile("[^!-~]+")


def plain_url_parts(url: str) -> Optional[Tuple[str, str, str, str]]:
    """Return (scheme, host, ":port" or "", rest) of a URL as most are.

    None where more has to be looked at: user names, addresses in brackets, fragments,
    text beyond ASCII, and what is no URL.
    """
    plain = _REQUEST_PLAIN_URL.fullmatch(url)
    if plain is None:
        return None
    scheme, host, port, rest = plain.groups("")
    return scheme, host, port, rest


def check_method(method: str) -> str:
    """Return `method` if it is a token, RFC 9110 9.1; else raise ValueError."""
    if method in IDEMPOTENT_METHODS:
        return method
    if not isinstance(method, str) or not _REQUEST_TOKEN.fullmatch(method):
        raise ValueError("HTTP method %s is not a token such as GET" % ascii(method))
    return method


def check_url(url: str) -> str:
    """Return an absolute http or https URL fit to be sent, or raise ValueError.

    Text beyond ASCII is percent-encoded as UTF-8, a host name beyond ASCII by IDNA.
    Existing escapes stay as they are; spaces and control characters are refused.
    """
    if not isinstance(url, str):
        raise TypeError("a URL is a str, not %s" % type(url).__name__)
    if _REQUEST_PLAIN_URL.fullmatch(url):
        return url
    bad = _REQUEST_CONTROLS.search(url)
    if bad is not None:
        raise ValueError(
            "URL holds the character 0x%02x at position %d: percent-encode it"
            % (ord(bad.group()), bad.start())
        )
    scheme, mark, rest = url.partition("://")
    if not mark or scheme.lower() not in ("http", "https"):
        start = scheme + mark if mark else url.partition("?")[0].partition("#")[0]
        raise ValueError(
            "URL %s does not begin with http:// or https://"
            % _request_shown(start, "@" in start)
        )
    cut = min([i for i in map(rest.find, "/?#") if i >= 0] or [len(rest)])
    authority, tail = rest[:cut], rest[cut:]
    userinfo, at, address = authority.rpartition("@")
    if not _REQUEST_USERINFO.fullmatch(userinfo):
        # Backslashes, and letters that NFKC turns into "/", "#" or "@": another reader
        # of the same URL would see another host.
        raise ValueError("user name or password in the URL: percent-encode it")
    host, port = split_port(address)
    # A "/" or "?" in a password ends the address early: what looks like the host and
    # its port is then the user name and the first part of the password.
    is_secret = "@" in tail or (":" in host and host[:1] != "[")
    if not host.isascii() and len(host) <= MAX_HOST_CHARACTERS:
        host = _request_idna(host, is_secret)
    if len(host) > MAX_HOST_CHARACTERS:
        raise ValueError(
            "host name of %d characters: no name is longer than %d"
            % (len(host), MAX_HOST_CHARACTERS)
        )
    if not _REQUEST_HOST.fullmatch(host):
        raise ValueError(
            "host %s of the URL is malformed" % _request_shown(host, is_secret)
        )
    is_number = port.isascii() and port.isdigit()
    if port and not (is_number and len(port) < 6 and 0 < int(port) < 65536):
        raise ValueError(
            "port %s of the URL is not 1 to 65535"
            % _request_shown(port, is_secret or not is_number)
        )
    tail = _REQUEST_NON_ASCII.sub(lambda match: urllib.parse.quote(match.group()), tail)
    netloc = userinfo + at + host + (":" + port if port else "")
    return scheme.lower() + "://" + netloc + tail


def _request_shown(text: str, is_secret: bool) -> str:
    return "(not shown: maybe a password)" if is_secret else ascii(text[:40])


def _request_idna(host: str, is_secret: bool) -> str:
    import unicodedata

    folded = unicodedata.normalize("NFKC", host)
    if any(mark in folded for mark in "/?#@:[]\\"):
        # Letters that another reader of the URL turns into marks, and then sees
        # another host: CVE-2019-9636.
        raise ValueError("host %s is malformed" % _request_shown(host, is_secret))
    encoded = ""
    try:
        encoded = host.encode("idna").decode("ascii")
    except UnicodeError:
        pass  # It holds the host: not kept as the context of ours.
    if not encoded:
        raise ValueError(
            "host %s cannot be written in ASCII (IDNA)"
            % _request_shown(host, is_secret)
        )
    if not re.fullmatch("[A-Za-z0-9._-]+", encoded):
        raise ValueError("host %s is malformed" % _request_shown(host, is_secret))
    return encoded


if TYPE_CHECKING:
    HeaderInput = Union[Mapping[str, Any], Iterable[Tuple[str, Any]], None]
else:
    HeaderInput = object  # as HeaderSource


def header_pairs(headers: HeaderInput) -> List[Tuple[str, str]]:
    """Return (name, value) pairs of a mapping or of pairs; None values are left out."""
    if not headers:
        return []
    # dict is asked first: Mapping alone is slow.
    if isinstance(headers, (dict, collections.abc.Mapping)):
        headers = headers.items()
    pairs = []
    for name, value in headers:
        if value is None:
            continue
        if isinstance(value, bytes):
            value = value.decode("latin-1")
        elif not isinstance(value, str):
            value = str(value)
        pairs.append((str(name), value))
    return pairs


class WebRequest(urllib.request.Request):
    """A `urllib.request.Request` and what rides along with it.  One owner.

    `deadline` ends the exchange (redirects and 401 included), `idle_timeout` each wait
    for bytes of the body, `connect_timeout` the connecting; None leaves it to the
    client.  `stream` leaves the body unread.  `call_auth`, `call_cookies`,
    `allow_redirects` and `max_redirects` are those of the call.  `history` holds the
    responses that led here.  `cancel()` may be called from any thread.
    """

    #: Read six times a request: this way without a call of Python code.
    data: Any = property(
        operator.attrgetter("_data"),
        vars(urllib.request.Request)["data"].fset,
        vars(urllib.request.Request)["data"].fdel,
        "What is sent, None for no body.",
    )

    #: What rides along; class attributes cost a request nothing.
    method: Optional[str] = None
    fragment: Optional[str] = None
    _data: Any = None
    _tunnel_host: Optional[str] = None
    timeout: Any = None
    deadline: Optional[Deadline] = None
    idle_timeout: Optional[float] = None
    connect_timeout: Optional[float] = None
    stream = False
    #: Whether the deadline holds for sending a large body too.
    is_strict = True
    history: Tuple[Any, ...] = ()
    call_auth: Any = None
    call_cookies: Any = None
    allow_redirects = True
    max_redirects: Optional[int] = None
    #: Whether all of it may be sent twice; None: as its method says.
    may_repeat: Optional[bool] = None
    #: How to get there: ProxyHandler decides.
    proxy: Any = None
    proxy_reason = ""
    proxy_auth: Any = None
    #: Whether proxies tunnel http: URLs too (RFC 6455 4.1: a WebSocket needs that).
    is_tunnelled = False
    cancelled = False
    #: The deadline that a client set: when the request is sent again, it sets another.
    client_deadline: Optional[Deadline] = None
    _body: Optional[RequestBody] = None
    _held: Any = None

    def __init__(
        self,
        url: str,
        data: Any = None,
        headers: HeaderInput = None,
        *,
        method: Optional[str] = None,
        origin_req_host: Optional[str] = None,
        unverifiable: bool = False,
        deadline: Optional[Deadline] = None,
        idle_timeout: Optional[float] = None,
        stream: bool = False,
    ) -> None:
        #: Header names as the caller spelt them, by urllib's spelling of them.
        self.header_names: Dict[str, str] = {}
        plain = _REQUEST_PLAIN_URL.fullmatch(url) if type(url) is str else None
        if plain is not None:
            # What Request.__init__ does, 4 us of it, for a URL taken apart already.
            scheme, host, port, selector = plain.groups("")
            self.selector = "/" + selector if selector[:1] == "?" else selector
            self.type = scheme
            self.host = host + port
            self.headers = {}
            self.unredirected_hdrs = {}
            self.origin_req_host = origin_req_host or host.lower()
            self.unverifiable = unverifiable
            self._full_url = url
        else:
            super().__init__(
                check_url(url),
                origin_req_host=origin_req_host,
                unverifiable=unverifiable,
            )
        if data is not None:
            self.data = data
        if method is not None:
            self.method = method if method == "GET" else check_method(method)
        if headers:
            for name, value in header_pairs(headers):
                self.add_header(name, value)
        if deadline is not None:
            self.deadline = deadline
        if idle_timeout is not None:
            self.idle_timeout = idle_timeout
        if stream:
            self.stream = stream

    def add_header(self, key: str, val: str) -> None:
        """Set a header that redirects to the same origin carry along."""
        name = key.capitalize()
        if name != key:
            self.header_names[name] = key
        self.headers[name] = val

    def add_unredirected_header(self, key: str, val: str) -> None:
        """Set a header for this request alone."""
        name = key.capitalize()
        if name != key:
            self.header_names[name] = key
        self.unredirected_hdrs[name] = val

    def get_method(self) -> str:
        """Return the method: as given, else POST with a body and GET without."""
        return self.method or ("GET" if self._data is None else "POST")

    @property
    def body(self) -> Optional[RequestBody]:
        """The body as it will be sent, None when there is none."""
        if self.data is None:
            return None
        if self._body is None:
            self._body = prepare_body(self.data)
        return self._body

    @property
    def replayable(self) -> bool:
        """Whether the body, if there is one, can be sent a second time."""
        body = self.body
        return body is None or body.is_replayable

    def redirected_to(
        self, url: str, method: str, data: Any, headers: Mapping[str, str]
    ) -> WebRequest:
        """Return the request that follows this one; same limits, same deadline."""
        named = {self.header_names.get(name, name): headers[name] for name in headers}
        new = WebRequest(
            url,
            data,
            named,
            method=method,
            origin_req_host=self.origin_req_host,
            unverifiable=True,
        )
        for name in REQUEST_LASTING_FIELDS.intersection(vars(self)):
            setattr(new, name, getattr(self, name))
        new._body = self._body if data is not None and data is self.data else None
        self._held = new  # a cancel of the first request ends its followers
        return new

    def hold(self, target: Any) -> None:
        """Remember what `cancel` must abort (None: nothing); the handlers call this."""
        self._held = target
        if self.cancelled and target is not None:
            target.abort()

    def let_go(self, target: Any) -> None:
        """Forget `target`: it may serve somebody else now."""
        if self._held is target:
            self._held = None

    def cancel(self) -> None:
        """End the exchange, from any thread: the blocked call raises.

        An exchange that has ended is left alone, and so is whoever uses its connection.
        """
        self.cancelled = True
        target = self._held
        if target is not None:
            target.abort()

    abort = cancel

    def __getstate__(self) -> NoReturn:
        raise TypeError(
            "WebRequest may hold passwords and cookies and is not pickled: make one "
            "where it is needed"
        )

    def __repr__(self) -> str:
        return "<WebRequest %s %s>" % (
            self.get_method(),
            without_userinfo(self.full_url),
        )
