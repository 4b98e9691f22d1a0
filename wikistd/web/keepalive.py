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
from ..errors import ConnectFailed, ConnectionLost, LimitExceeded, TransportError
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
from .tls import TlsSettings

CONTINUE_WAIT_SECONDS = 1.0  # for "100 Continue"; curl waits as long
JOINED_SEND_BYTES = 65536  # head and body up to this in one send: one packet less

_KEEPALIVE_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_KEEPALIVE_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
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
    if not name or (port and not (port.isdigit() and 0 < int(port[:6]) < 65536)):
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
    if "%25" in host:
        # The zone of an address means nothing to the other side.
        host = re.sub("%25[^]]*", "", host)
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
    ) -> None:
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
        target = None
        if proxy is not None and scheme == "http" and proxy.scheme in ("http", "https"):
            target = _keepalive_absolute(request)
        head = encode_head(request, body, target=target)
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
            sock = self._open(key, deadline.shorter(limit), attempt)
            connection = Connection(sock, key)
            if hold is not None:
                hold(connection)
        except BaseException as error:
            self.pool.give_up(None)
            if isinstance(error, TransportError) and not error.url:
                error.url = without_userinfo(request.full_url)
            raise
        self.pool.counters.connections += 1
        return connection

    def _open(self, key: Any, deadline: Deadline, attempt: Attempt) -> Any:
        scheme, host, port, proxy = key[:4]
        peer = "%s:%d" % (host, port)
        if proxy is not None:
            raise ConnectFailed("proxies are not supported yet", phase="proxy")
        try:
            if self.connect is not None:
                sock = self.connect(host, port, deadline.remaining())
            else:
                sock = open_socket(
                    host,
                    port,
                    deadline=deadline,
                    source_address=self.source_address,
                    family=self.ip_family,
                    attempt=attempt,
                )
        except OSError as error:
            ours = transport_error(error, "connect", peer=peer)
            if ours is error:
                raise
            raise ours from error
        if scheme == "http":
            return sock
        return self.tls.wrap(sock, host, port, deadline=deadline, attempt=attempt)

    def release(self, connection: Optional[Connection], is_reusable: bool) -> None:
        """Take back the connection of a response that has been read or given up."""
        if connection is None:
            self.pool.forget(None)
            return
        if is_reusable and connection.exchanges == 1 and connection.key[0] == "https":
            self.tls.keep_session(connection.sock, connection.key[1], connection.key[2])
        self.pool.release(connection, is_reusable)

    def close(self) -> None:
        """Close the idle connections; OpenerDirector.close calls this."""
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
        answer = self._send(head, body)
        request = self.request
        parser = HeadParser(max_header_bytes=handler.max_header_bytes)
        if answer is None:
            self.phase = "headers"
            answer = self._read_head(parser)
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
            and self.phase != "broken"
            and request.headers.get("Connection", "").lower() != "close",
        )
        response.max_body_bytes = handler.max_body_bytes
        response.elapsed_seconds = time.perf_counter() - started
        return response

    def _send(
        self, head: bytes, body: Optional[RequestBody]
    ) -> Optional[ResponseHead]:
        """Send it all; return the head only if the server answered before that."""
        connection = self.connection
        if body is None:
            connection.send(head, self.deadline)
            self.is_sent = True
            return None
        content = body.content
        if content is not None and len(content) <= JOINED_SEND_BYTES:
            connection.send(head + content, self.deadline)
            self.is_sent = True
            return None
        connection.send(head, self.deadline)
        self.is_sent = True
        for piece in body.pieces():
            if body.length is None:
                piece = b"%x\r\n%s\r\n" % (len(piece), piece)
            connection.send(piece, self.deadline)
        if body.length is None:
            connection.send(b"0\r\n\r\n", self.deadline)
        return None

    def _read_head(self, parser: HeadParser) -> ResponseHead:
        connection = self.connection
        deadline = self.deadline
        interim = 0
        data = connection.buffer
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
