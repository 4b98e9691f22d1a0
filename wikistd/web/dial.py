"""Dialer: a connected socket for a route, through its proxy and its TLS.

In: a `Route`, who must be reached and how.  Out: a socket, or one of our errors, with
the decision about proxies named.  Spec: RFC 9110 4.2 and 9.3.6.
Holds: the settings that all connections of a client share.
Not here: keeping connections (web/pool.py), what is said on them (web/exchange.py).
"""

from __future__ import annotations

import collections
import socket
from typing import TYPE_CHECKING, Any, Callable, Optional, Tuple

from ..clock import Deadline
from ..errors import ConnectFailed, ProxyError, TransportTimeout
from .connect import Attempt, open_socket, raise_instead, transport_error
from .origins import without_userinfo
from .tls import TlsSettings
from .tunnels import connect_tunnel, socks_tunnel, tunnel_authority, tunnel_refusal

if TYPE_CHECKING:
    ConnectFunction = Callable[[str, int, Optional[float]], Any]
else:
    ConnectFunction = object  # as HeaderSource


class Route(
    collections.namedtuple(
        "Route", "scheme host port proxy trust source_address is_tunnel"
    )
):
    """All that changes whom a connection can be trusted to speak for.

    `trust` stands for TLS settings that its owner can change.  The process is missing:
    the pool of a forked child begins empty.
    """

    __slots__ = ()
    scheme: str
    host: str
    port: int
    proxy: Any
    trust: Any
    source_address: Optional[Tuple[str, int]]
    #: Whether the proxy passes everything on as it is, and is not spoken to any more.
    is_tunnel: bool


class Dialer:
    """Opens connections.  Thread-safe."""

    def __init__(
        self,
        *,
        connect_timeout: Optional[float] = 10.0,
        tls: Optional[TlsSettings] = None,
        source_address: Optional[Tuple[str, int]] = None,
        ip_family: int = 0,
        connect: Optional[ConnectFunction] = None,
    ) -> None:
        self.connect_timeout = connect_timeout
        self.tls = tls if tls is not None else TlsSettings()
        self.source_address = source_address
        self.ip_family = {4: socket.AF_INET, 6: socket.AF_INET6}.get(
            ip_family, ip_family
        )
        self.connect = connect
        #: Why no proxy is used where nobody decided about one for the request.
        self.direct_reason = ""

    def route(
        self, scheme: str, host: str, port: int, proxy: Any, is_tunnelled: bool = False
    ) -> Route:
        """Return the key under which connections for this may be shared."""
        has_tls = scheme == "https" or proxy is not None
        trust = self.tls.trust_key() if has_tls else None
        is_tunnel = proxy is not None and (
            is_tunnelled or scheme == "https" or proxy.scheme.startswith("socks")
        )
        return Route(scheme, host, port, proxy, trust, self.source_address, is_tunnel)

    def dial(
        self, request: Any, route: Route, deadline: Deadline, attempt: Attempt
    ) -> Any:
        """Return a new connected socket."""
        limit = getattr(request, "connect_timeout", None)
        deadline = deadline.shorter(self.connect_timeout if limit is None else limit)
        try:
            if route.proxy is None:
                sock = self._open_socket(route.host, route.port, deadline, attempt)
            else:
                sock = self._open_through(request, route, deadline, attempt)
            if route.scheme == "http":
                return sock
            return self.tls.wrap(
                sock, route.host, route.port, deadline=deadline, attempt=attempt
            )
        except BaseException as error:
            raise_instead(self._explain(error, request, route), error)

    def _explain(
        self, error: BaseException, request: Any, route: Route
    ) -> BaseException:
        ours = transport_error(
            error,
            "connect",
            url=without_userinfo(request.full_url),
            peer=tunnel_authority(route.host, route.port),
        )
        reason = getattr(request, "proxy_reason", "") or self.direct_reason
        if isinstance(ours, (ConnectFailed, TransportTimeout)) and reason:
            # Half of all failures to connect are a proxy that is, or is not, used.
            ours.message = "%s [%s]" % (ours.sentence(), reason)
        return ours

    def _open_socket(
        self, host: str, port: int, deadline: Deadline, attempt: Attempt
    ) -> Any:
        if self.connect is not None:
            attempt.check()
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
        self, request: Any, route: Route, deadline: Deadline, attempt: Attempt
    ) -> Any:
        """Return a socket that a proxy has connected to the origin, or will."""
        proxy, host, port = route.proxy, route.host, route.port
        peer = "proxy %s" % str(proxy)
        tries = 0
        while True:
            sock = self._open_to_proxy(proxy, peer, deadline, attempt)
            try:
                if proxy.scheme.startswith("socks"):
                    socks_tunnel(sock, proxy, host, port, deadline=deadline)
                    return sock
                if not route.is_tunnel:
                    return sock
                head = connect_tunnel(
                    sock,
                    proxy,
                    host,
                    port,
                    deadline=deadline,
                    authorization=proxy_login(
                        request, proxy, "CONNECT", tunnel_authority(host, port)
                    ),
                    user_agent=request.get_header("User-agent", ""),
                )
                if head.status < 300:
                    return sock
            except BaseException as error:
                sock.close()
                attempt.check()
                raise_instead(transport_error(error, "proxy", peer=peer), error)
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

    def _open_to_proxy(
        self, proxy: Any, peer: str, deadline: Deadline, attempt: Attempt
    ) -> Any:
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
        except TransportTimeout:
            raise
        except OSError as error:
            attempt.check()
            ours = transport_error(error, "proxy", peer=peer)
            raise ProxyError(
                "%s cannot be used: %s" % (peer, getattr(ours, "message", ours)),
                phase="proxy",
                retryable=bool(getattr(ours, "retryable", True)),
            ) from error


def proxy_login(request: Any, proxy: Any, method: str, target: str) -> Optional[str]:
    """Return the Proxy-Authorization value for a request line, if there is one."""
    login = getattr(request, "proxy_auth", None)
    if login is None:
        return None
    value: Optional[str] = login.authorization(proxy, method, target)
    return value
