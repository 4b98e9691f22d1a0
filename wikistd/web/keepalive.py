"""KeepAliveHandler: urllib's way to an exchange over a kept-alive connection.

In: a urllib request.  Out: the Response, its head parsed, its body still to be read.
Spec: RFC 9110 9.2.2 (what may be sent again).  Holds: the pool and the dialer.
Not here: redirects, cookies, credentials, proxies' choice (their handlers).
"""

from __future__ import annotations

import urllib.request
from typing import Any, Dict, Optional, Tuple

from ..clock import Clock, Deadline
from ..errors import ConnectionLost
from ..formats.http1 import MAX_HEADER_BYTES
from .bodies import prepare_body
from .connect import Attempt, raise_instead
from .connection import Connection, next_wait
from .dial import ConnectFunction, Dialer, Route, proxy_login
from .exchange import Exchange
from .heads import HeadEncoder, absolute_target, split_host
from .pool import ConnectionPool
from .response import Response
from .signals import Signal
from .tls import TlsSettings

KEEPALIVE_PORTS = {"http": 80, "https": 443}
MAX_KNOWN_ROUTES = 256  # remembered by a handler; then it begins anew


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
        connect: Optional[ConnectFunction] = None,
        clock: Optional[Clock] = None,
        on_retry: Optional[Signal] = None,
    ) -> None:
        self.on_retry = on_retry if on_retry is not None else Signal()
        self.timeout = timeout
        self.idle_timeout = idle_timeout
        self.max_body_bytes = max_body_bytes
        self.max_header_bytes = max_header_bytes
        self.clock = clock if clock is not None else Clock()
        self.pool = pool if pool is not None else ConnectionPool()
        self.dialer = Dialer(
            connect_timeout=connect_timeout,
            tls=tls,
            source_address=source_address,
            ip_family=ip_family,
            connect=connect,
        )
        self._heads = HeadEncoder()
        self._routes: Dict[Any, Route] = {}

    def http_open(self, req: urllib.request.Request) -> Response:
        """Do one exchange, over TLS if the request says https."""
        request: Any = req
        body = None
        if request.data is not None:
            body = getattr(request, "body", None) or prepare_body(request.data)
        proxy = getattr(request, "proxy", None)
        if request.type == "http" and proxy is None:
            route = self._routes.get(request.host) or self._new_route(request.host)
        else:
            route = self._trusted_route(request, proxy)
        target = login = None
        if proxy is not None and not route.is_tunnel:
            target = absolute_target(request)
            login = proxy_login(request, proxy, request.get_method(), target)
        head = self._heads.encode(request, body, target=target, login=login)
        deadline = getattr(request, "deadline", None)
        if deadline is None:
            deadline = self._deadline_of(request)
        may_retry = body is None or body.is_replayable
        while True:
            connection = self._connected(request, route, deadline)
            is_kept = connection.exchanges > 0
            exchange = Exchange(self, request, connection, deadline)
            try:
                return exchange.run(head, body)
            except BaseException as error:
                self.pool.give_up(connection)
                if (
                    may_retry
                    and is_kept
                    and isinstance(error, (ConnectionLost, OSError))
                    and exchange.may_be_repeated()
                    and not deadline.is_over()
                ):
                    may_retry = False
                    self.pool.counters.here.counts.retries += 1
                    self.on_retry.send(request, error)
                    continue
                raise_instead(exchange.explain(error, route.host, route.port), error)

    https_open = http_open

    def _new_route(self, netloc: str) -> Route:
        host, port = split_host(netloc, KEEPALIVE_PORTS["http"])
        route = self.dialer.route("http", host, port, None)
        if len(self._routes) >= MAX_KNOWN_ROUTES:
            self._routes.clear()
        self._routes[netloc] = route
        return route

    def _trusted_route(self, request: Any, proxy: Any) -> Route:
        # Trust in a certificate or a proxy may have changed: looked at each time.
        scheme = request.type
        host, port = split_host(request.host, KEEPALIVE_PORTS[scheme])
        is_tunnelled = getattr(request, "is_tunnelled", False)
        return self.dialer.route(scheme, host, port, proxy, is_tunnelled)

    def _deadline_of(self, request: Any) -> Deadline:
        seconds = getattr(request, "timeout", None)
        if not isinstance(seconds, (int, float)):
            # None, or urllib's marker for "not said".
            seconds = self.timeout
        return Deadline(seconds, clock=self.clock)

    def _connected(self, request: Any, route: Route, deadline: Deadline) -> Connection:
        """Return a connection for `route`, kept or new, with its place in the pool."""
        connection = self.pool.acquire(route, deadline)
        hold = getattr(request, "hold", None)
        try:
            if connection.sock is None:
                next_wait(deadline, None)
                attempt = Attempt()
                if hold is not None:
                    hold(attempt)
                connection.attach(self.dialer.dial(request, route, deadline, attempt))
                self.pool.counters.here.counts.connections += 1
            if hold is not None:
                hold(connection)
        except BaseException:
            self.pool.give_up(connection)
            raise
        return connection

    def release(self, connection: Connection, is_reusable: Optional[bool]) -> None:
        """Take back a connection, and what TLS has learnt; see ConnectionPool."""
        if is_reusable and connection.exchanges == 1 and connection.key[0] == "https":
            _, host, port = connection.key[:3]
            self.dialer.tls.keep_session(connection.sock, host, port)
        self.pool.release(connection, is_reusable)

    def close(self) -> None:
        """Close the idle connections; urllib's openers never call this."""
        self.pool.close()
