"""KeepAliveHandler: one HTTP exchange over a kept-alive connection.

In: a urllib request.  Out: the Response, its head parsed, its body still to be read.
Spec: RFC 9112.  Holds: the pool, and the TLS settings that its connections share.
Not here: redirects, cookies, credentials, proxies' choice (their handlers).
"""

from __future__ import annotations

import os
import re
import socket
import time
import urllib.request
from typing import Any, Callable, List, Optional, Tuple

from ..clock import Clock, Deadline
from ..errors import (
    ConnectFailed,
    ConnectionLost,
    LimitExceeded,
    ProxyError,
    TransportError,
    TransportTimeout,
    WikistdError,
)
from ..formats.http1 import (
    MAX_HEADER_BYTES,
    MAX_INTERIM_RESPONSES,
    HeadParser,
    ResponseHead,
    body_decoder,
    is_reusable,
)
from .bodies import RequestBody, prepare_body
from .connect import (
    RECEIVE_BYTES,
    Attempt,
    Connection,
    open_socket,
    transport_error,
)
from .origins import without_userinfo
from .pool import ConnectionPool
from .request import IDEMPOTENT_METHODS, SAFE_METHODS
from .response import Response
from .signals import Signal
from .tls import TlsSettings
from .tunnels import (
    connect_tunnel,
    socks_tunnel,
    tunnel_authority,
    tunnel_refusal,
)

CONTINUE_WAIT_SECONDS = 1.0  # for "100 Continue"; curl waits as long
JOINED_SEND_BYTES = 65536  # head and body up to this in one send: one packet less

_KEEPALIVE_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_KEEPALIVE_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_KEEPALIVE_HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:%-]+")
_KEEPALIVE_TARGET = re.compile("[!-~]+")
_KEEPALIVE_FRAMING = frozenset(["Host", "Content-length", "Transfer-encoding"])

_ConnectHook = Callable[[str, int, Optional[float]], Any]


def split_host(host: str, default_port: int) -> Tuple[str, int]:
    """Return (host, port) to connect to, of a request's `host`."""
    if "@" in host:
        host = host.rpartition("@")[2]
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):
        name, port = host, ""
    if name.startswith("["):
        # RFC 6874: "%25" before the zone of a link-local address.
        name = name[1:-1].replace("%25", "%")
    if not _KEEPALIVE_HOST.fullmatch(name) or (
        port and not (port.isdigit() and 0 < int(port[:6]) < 65536)
    ):
        raise ValueError("host %s is malformed" % ascii(host[:80]))
    return name.lower(), int(port) if port else default_port


def request_fields(
    request: urllib.request.Request, body: Optional[RequestBody]
) -> Tuple[List[str], List[str]]:
    """Return the names and the values of the header fields to send, unchecked."""
    headers = dict(request.headers)
    headers.update(request.unredirected_hdrs)
    names_given = getattr(request, "header_names", {})
    host = headers.get("Host") or request.host
    if "@" in host:
        host = host.rpartition("@")[2]
    if "%" in host:
        # The zone of an address means nothing to the other side.
        host = re.sub("%[^]]*", "", host)
    names = ["Host"]
    values = [host]
    for name, value in headers.items():
        if name not in _KEEPALIVE_FRAMING:
            names.append(names_given.get(name) or name.title())
            values.append(value)
    if body is not None:
        if body.length is not None:
            names.append("Content-Length")
            values.append(str(body.length))
        else:
            names.append("Transfer-Encoding")
            values.append("chunked")
        if body.content_type and "Content-type" not in headers:
            names.append("Content-Type")
            values.append(body.content_type)
    elif request.get_method() in ("POST", "PUT", "PATCH"):
        names.append("Content-Length")
        values.append("0")
    return names, values


def encode_head(
    request: urllib.request.Request,
    body: Optional[RequestBody],
    *,
    target: Optional[str] = None,
    proxy_login: Optional[str] = None,
) -> bytes:
    """Return the request line and the header fields; ValueError if one is malformed.

    Nothing of what is refused here has been sent, and nothing is: RFC 9112 3 to 5.
    """
    method = request.get_method()
    if target is None:
        target = request.selector or "/"
        if target[0] != "/":
            target = "/" + target
    names, values = request_fields(request, body)
    if proxy_login is not None:
        names.append("Proxy-Authorization")
        values.append(proxy_login)
    # All of them in two matches, 2 us for eight headers; one each costs 5.
    try:
        if (
            _KEEPALIVE_CONTROLS.search("".join(values))
            or not _KEEPALIVE_TOKEN.fullmatch("".join(names))
            or "" in names
        ):
            raise ValueError("")
        fields = "".join(["%s: %s\r\n" % pair for pair in zip(names, values)])
        fields_bytes = fields.encode("latin-1")
    except (ValueError, TypeError):
        check_fields(names, values)
        raise
    if not _KEEPALIVE_TARGET.fullmatch(target):
        raise ValueError("URL holds a space, a control or a non-ASCII character")
    if not _KEEPALIVE_TOKEN.fullmatch(method):
        raise ValueError("HTTP method %s is not a token such as GET" % ascii(method))
    return b"%s %s HTTP/1.1\r\n%s\r\n" % (
        method.encode("ascii"),
        target.encode("ascii"),
        fields_bytes,
    )


def check_fields(names: List[str], values: List[Any]) -> None:
    """Raise for the first field that cannot be sent; never shows a value."""
    for name, value in zip(names, values):
        if not _KEEPALIVE_TOKEN.fullmatch(name):
            raise ValueError("header name %s is not a token" % ascii(name[:60]))
        if not isinstance(value, str):
            raise TypeError(
                "value of header %s is %s, not a str" % (name, type(value).__name__)
            )
        found = _KEEPALIVE_CONTROLS.search(value)
        if found:
            raise ValueError(
                "value of header %s holds the control character 0x%02x"
                % (name, ord(found.group()))
            )
        try:
            value.encode("latin-1")
        except UnicodeEncodeError:
            raise ValueError(
                "value of header %s holds characters beyond latin-1: percent-encode "
                "it or send bytes" % name
            ) from None


class KeepAliveHandler(urllib.request.BaseHandler):
    """Send requests over connections that are kept, and read the heads of answers.

    Thread-safe.  Works alone in `build_opener(KeepAliveHandler())`.  Raises errors of
    ours; a request on a kept connection that died before the first byte of the answer
    is sent once more, if it may be.
    """

    handler_order = 490

    def __init__(
        self,
        *,
        timeout: Optional[float] = 60.0,
        connect_timeout: Optional[float] = 10.0,
        idle_timeout: Optional[float] = 60.0,
        tls: Optional[TlsSettings] = None,
        source_address: Optional[Tuple[str, int]] = None,
        ip_family: int = 0,
        max_body_bytes: Optional[int] = None,
        max_header_bytes: int = MAX_HEADER_BYTES,
        pool: Optional[ConnectionPool] = None,
        connect: Optional[_ConnectHook] = None,
        clock: Optional[Clock] = None,
        on_retry: Optional[Signal] = None,
    ) -> None:
        self.on_retry = on_retry if on_retry is not None else Signal()
        self.timeout = timeout
        self.connect_timeout = connect_timeout
        self.idle_timeout = idle_timeout
        self.tls = tls if tls is not None else TlsSettings()
        self.source_address = source_address
        self.ip_family = {4: socket.AF_INET, 6: socket.AF_INET6}.get(
            ip_family, ip_family
        )
        self.max_body_bytes = max_body_bytes
        self.max_header_bytes = max_header_bytes
        self.pool = pool if pool is not None else ConnectionPool()
        self.connect = connect
        self.clock = clock if clock is not None else Clock()

    def http_open(self, req: urllib.request.Request) -> Response:
        """Do one exchange over TCP."""
        return self._exchange(req, "http")

    def https_open(self, req: urllib.request.Request) -> Response:
        """Do one exchange over TLS."""
        return self._exchange(req, "https")

    def _exchange(self, request: Any, scheme: str) -> Response:
        body = getattr(request, "body", None)
        if body is None and request.data is not None:
            body = prepare_body(request.data)
        proxy = getattr(request, "proxy", None)
        host, port = split_host(request.host, 443 if scheme == "https" else 80)
        target = login = None
        if proxy is not None and scheme == "http" and proxy.scheme in ("http", "https"):
            target = _keepalive_absolute(request)
            login = _keepalive_proxy_login(request, proxy, request.get_method(), target)
        head = encode_head(request, body, target=target, proxy_login=login)
        deadline = getattr(request, "deadline", None)
        if deadline is None:
            deadline = self._deadline_of(request)
        trust = self.tls.trust_key() if scheme == "https" or proxy is not None else None
        key = (scheme, host, port, proxy, trust, self.source_address, os.getpid())
        may_retry = body is None or body.is_replayable
        while True:
            connection = self._connected(request, key, deadline)
            is_kept = connection.exchanges > 0
            exchange = _OneExchange(self, request, connection, deadline)
            try:
                return exchange.run(head, body)
            except BaseException as error:
                self.pool.give_up(connection)
                connection_died = isinstance(error, (ConnectionLost, OSError))
                if (
                    may_retry
                    and is_kept
                    and connection_died
                    and exchange.may_be_repeated()
                    and not deadline.is_over()
                ):
                    may_retry = False
                    self.pool.counters.retries += 1
                    self.on_retry.send(request, error)
                    continue
                ours = exchange.explain(error, host, port)
                if ours is error:
                    raise
                raise ours from error

    def _deadline_of(self, request: Any) -> Deadline:
        seconds = getattr(request, "timeout", None)
        if not isinstance(seconds, (int, float)):
            # None, or urllib's marker for "not said".
            seconds = self.timeout
        return Deadline(seconds, clock=self.clock)

    def _connected(self, request: Any, key: Any, deadline: Deadline) -> Connection:
        """Return a connection for `key`, kept or new, with its place in the pool."""
        connection = self.pool.acquire(key, deadline)
        hold = getattr(request, "hold", None)
        if connection is not None:
            if hold is not None:
                hold(connection)
            return connection
        attempt = Attempt()
        try:
            if hold is not None:
                hold(attempt)
            limit = getattr(request, "connect_timeout", None)
            if limit is None:
                limit = self.connect_timeout
            sock = self._open(request, key, deadline.shorter(limit), attempt)
            connection = Connection(sock, key)
            if hold is not None:
                hold(connection)
        except BaseException as error:
            self.pool.give_up(None)
            ours = self._explain_connecting(error, request, key)
            if ours is error:
                raise
            raise ours from error
        self.pool.counters.connections += 1
        return connection

    def _explain_connecting(
        self, error: BaseException, request: Any, key: Any
    ) -> BaseException:
        ours = transport_error(
            error,
            "connect",
            url=without_userinfo(request.full_url),
            peer=tunnel_authority(key[1], key[2]),
        )
        reason = getattr(request, "proxy_reason", "")
        if isinstance(ours, (ConnectFailed, TransportTimeout)) and reason:
            # Half of all connection failures are a proxy that is, or is not, used.
            ours.message = "%s [%s]" % (ours.sentence(), reason)
        return ours

    def _open(
        self, request: Any, key: Any, deadline: Deadline, attempt: Attempt
    ) -> Any:
        """Return a new connected socket for `key`, through its proxy and TLS."""
        scheme, host, port, proxy = key[:4]
        if proxy is None:
            sock = self._open_socket(host, port, deadline, attempt)
        else:
            sock = self._open_through(request, key, deadline, attempt)
        if scheme == "http":
            return sock
        return self.tls.wrap(sock, host, port, deadline=deadline, attempt=attempt)

    def _open_socket(
        self, host: str, port: int, deadline: Deadline, attempt: Attempt
    ) -> Any:
        if self.connect is not None:
            return self.connect(host, port, deadline.remaining())
        return open_socket(
            host,
            port,
            deadline=deadline,
            source_address=self.source_address,
            family=self.ip_family,
            attempt=attempt,
        )

    def _open_through(
        self, request: Any, key: Any, deadline: Deadline, attempt: Attempt
    ) -> Any:
        scheme, host, port, proxy = key[:4]
        tries = 0
        while True:
            sock = self._open_to_proxy(proxy, deadline, attempt)
            try:
                if proxy.scheme.startswith("socks"):
                    socks_tunnel(sock, proxy, host, port, deadline=deadline)
                    return sock
                if scheme == "http":
                    return sock
                head = connect_tunnel(
                    sock,
                    proxy,
                    host,
                    port,
                    deadline=deadline,
                    authorization=_keepalive_proxy_login(
                        request, proxy, "CONNECT", tunnel_authority(host, port)
                    ),
                    user_agent=request.get_header("User-agent", ""),
                )
                if head.status < 300:
                    return sock
            except BaseException as error:
                sock.close()
                attempt.check()
                ours = transport_error(error, "proxy", peer="proxy %s" % str(proxy))
                if ours is error:
                    raise
                raise ours from error
            sock.close()
            login = getattr(request, "proxy_auth", None)
            wanted = head.fields.get_all("proxy-authenticate", [])
            if (
                head.status != 407
                or login is None
                or not login.handle_challenge(proxy, wanted, tries=tries)
            ):
                raise tunnel_refusal(head, proxy, host, port)
            tries += 1

    def _open_to_proxy(self, proxy: Any, deadline: Deadline, attempt: Attempt) -> Any:
        try:
            sock = self._open_socket(proxy.host, proxy.port, deadline, attempt)
            if proxy.scheme != "https":
                return sock
            return self.tls.wrap(
                sock,
                proxy.host,
                proxy.port,
                deadline=deadline,
                attempt=attempt,
                is_proxy=True,
            )
        except OSError as error:
            attempt.check()
            peer = "proxy %s" % str(proxy)
            if isinstance(error, TransportTimeout):
                raise
            ours = transport_error(error, "proxy", peer=peer)
            raise ProxyError(
                "%s cannot be used: %s" % (peer, getattr(ours, "message", ours)),
                phase="proxy",
                retryable=bool(getattr(ours, "retryable", True)),
            ) from error

    def release(self, connection: Optional[Connection], is_reusable: bool) -> None:
        """Take back the connection of a response that has been read or given up."""
        if connection is None:
            self.pool.forget(None)
            return
        if is_reusable and connection.exchanges == 1 and connection.key[0] == "https":
            self.tls.keep_session(connection.sock, connection.key[1], connection.key[2])
        self.pool.release(connection, is_reusable)

    def close(self) -> None:
        """Close the idle connections; urllib's openers never call this."""
        self.pool.close()


class _OneExchange:
    """One request and the head of its answer on one connection."""

    __slots__ = (
        "handler",
        "request",
        "connection",
        "deadline",
        "phase",
        "is_sent",
        "is_broken",
        "has_answer",
    )

    def __init__(
        self,
        handler: KeepAliveHandler,
        request: Any,
        connection: Connection,
        deadline: Deadline,
    ) -> None:
        self.handler = handler
        self.request = request
        self.connection = connection
        self.deadline = deadline
        self.phase = "send"
        self.is_sent = False  # some of it may have been
        self.is_broken = False  # not all of it was: what follows is out of step
        self.has_answer = False  # at least its first byte

    def may_be_repeated(self) -> bool:
        """Return whether sending the same on a fresh connection cannot do harm."""
        if self.has_answer or self.connection.aborted:
            return False
        if not self.is_sent:
            return True
        said = getattr(self.request, "may_repeat", None)
        if said is not None:
            return bool(said)
        return self.request.get_method() in IDEMPOTENT_METHODS

    def explain(self, error: BaseException, host: str, port: int) -> BaseException:
        """Return the error of ours for what ended this exchange."""
        connection = self.connection
        if connection.aborted and isinstance(error, OSError):
            error = ConnectionLost("the request was cancelled", phase=self.phase)
        ours = transport_error(
            error,
            self.phase,
            url=without_userinfo(self.request.full_url),
            peer="%s:%d" % (host, port),
        )
        if isinstance(ours, ConnectionLost) and not connection.aborted:
            ours.retryable = True
        if (
            isinstance(ours, TransportError)
            and self.is_sent
            and self.request.get_method() not in SAFE_METHODS
        ):
            ours.maybe_applied = True
        return ours

    def run(self, head: bytes, body: Optional[RequestBody]) -> Response:
        """Send and return the Response."""
        connection = self.connection
        handler = self.handler
        connection.exchanges += 1
        handler.pool.counters.requests += 1
        started = time.perf_counter()
        request = self.request
        parser = HeadParser(max_header_bytes=handler.max_header_bytes)
        answer = self._send(head, body, parser)
        if answer is None:
            self.phase = "headers"
            answer = self._read_head(parser)
        if answer is None:
            raise AssertionError("a final head was read")
        is_stream = getattr(request, "stream", True)
        idle = getattr(request, "idle_timeout", None)
        method = request.get_method()
        reusable = is_reusable(answer)
        framing = body_decoder(answer, method)
        self.phase = "body"
        response = Response(
            connection,
            framing,
            status=answer.status,
            reason=answer.reason,
            headers=answer.fields,
            url=request.full_url,
            request=request,
            minor_version=answer.minor_version,
            deadline=None if is_stream else self.deadline,
            idle_timeout=handler.idle_timeout if idle is None else idle,
            release=handler.release,
            is_reusable=reusable
            and not self.is_broken
            and request.headers.get("Connection", "").lower() != "close",
        )
        response.max_body_bytes = handler.max_body_bytes
        response.elapsed_seconds = time.perf_counter() - started
        return response

    def _send(
        self, head: bytes, body: Optional[RequestBody], parser: HeadParser
    ) -> Optional[ResponseHead]:
        """Send it all; return the head only if the server answered before that."""
        connection = self.connection
        if body is None:
            connection.send(head, self.deadline)
            self.is_sent = True
            return None
        content = body.content
        is_asking = b"\r\nExpect:" in head
        if content is not None and len(content) <= JOINED_SEND_BYTES and not is_asking:
            connection.send(head + content, self.deadline)
            self.is_sent = True
            return None
        connection.send(head, self.deadline)
        self.is_sent = True
        if is_asking and connection.has_input(CONTINUE_WAIT_SECONDS):
            # RFC 9110 10.1.1: a final answer instead of 100 means "keep your body".
            answer = self._read_head(parser, is_continued=True)
            if answer is not None:
                self.is_broken = True
                return answer
        try:
            self._send_pieces(body)
        except (BrokenPipeError, ConnectionResetError) as error:
            # A server that has heard enough (413, 401) answers and hangs up.
            self.is_broken = True
            try:
                return self._read_head(parser)
            except (OSError, WikistdError):
                raise error from None
        return None

    def _send_pieces(self, body: RequestBody) -> None:
        connection = self.connection
        request = self.request
        # A large body takes the time it takes: only a standstill ends it, unless the
        # caller gave a Deadline that holds for several calls.
        deadline = self.deadline if getattr(request, "is_strict", True) else None
        idle = getattr(request, "idle_timeout", None) or self.handler.idle_timeout
        for piece in body.pieces():
            if body.length is None:
                piece = b"%x\r\n%s\r\n" % (len(piece), piece)
            connection.send(piece, deadline, idle)
        if body.length is None:
            connection.send(b"0\r\n\r\n", deadline, idle)
        if deadline is None:
            self.deadline = Deadline(self.deadline.seconds, clock=self.handler.clock)
            request.deadline = self.deadline

    def _read_head(
        self, parser: HeadParser, is_continued: bool = False
    ) -> Optional[ResponseHead]:
        """Return the final head; None if `is_continued` and 100 has come."""
        connection = self.connection
        deadline = self.deadline
        interim = 0
        data = connection.buffer
        connection.buffer = b""
        while True:
            if not data:
                data = connection.receive(RECEIVE_BYTES, deadline, None)
                if not data:
                    parser.feed_eof()
            self.has_answer = True
            head = parser.feed(data)
            if head is None:
                data = b""
                continue
            data = parser.leftover
            if not head.is_interim():
                connection.buffer = data
                return head
            interim += 1
            if is_continued and head.status == 100:
                connection.buffer = data
                return None
            if interim > MAX_INTERIM_RESPONSES:
                raise LimitExceeded(
                    "more than %d interim answers (1xx)" % MAX_INTERIM_RESPONSES,
                    name="max_interim_responses",
                    limit=MAX_INTERIM_RESPONSES,
                )


def _keepalive_absolute(request: Any) -> str:
    """Return the absolute form of the target, for a proxy, without user name."""
    host = request.host.rpartition("@")[2]
    selector = request.selector or "/"
    return "http://%s%s" % (host, selector if selector[0] == "/" else "/" + selector)


def _keepalive_proxy_login(
    request: Any, proxy: Any, method: str, target: str
) -> Optional[str]:
    login = getattr(request, "proxy_auth", None)
    if login is None:
        return None
    value: Optional[str] = login.authorization(proxy, method, target)
    return value
