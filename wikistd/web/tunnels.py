"""Tunnels: a connection to a proxy in, a connection through it to the origin out.

HTTP CONNECT (RFC 9110 9.3.6), SOCKS5 (RFC 1928, 1929), and TLS inside of TLS, for
https through a proxy that is itself spoken to in TLS.
Holds: the state of one inner TLS.  Not here: which proxy (web/proxies.py), the outer
TLS (web/tls.py).
"""

from __future__ import annotations

import time
from typing import Any, Optional

from ..clock import Deadline
from ..errors import ProtocolError, ProxyError
from ..formats.headers import encode_utf8
from ..formats.http1 import HeadParser, ResponseHead
from .connect import resolve_host
from .connection import RECEIVE_BYTES, Connection, shut_down
from .origins import bracketed
from .proxies import Proxy

MAX_TUNNEL_HEAD_BYTES = 16384  # a proxy's answer to CONNECT is short
MAX_TUNNEL_INTERIM = 10

SOCKS5_REPLIES = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "time to live expired",
    7: "command not supported",
    8: "address type not supported",
}


def _tunnel_error(proxy: Proxy, what: str, **fields: Any) -> ProxyError:
    return ProxyError("proxy %s %s" % (proxy, what), phase="proxy", **fields)


def connect_tunnel(
    sock: Any,
    proxy: Proxy,
    host: str,
    port: int,
    *,
    deadline: Deadline,
    authorization: Optional[str] = None,
    user_agent: str = "",
) -> ResponseHead:
    """Ask an HTTP proxy for a tunnel; return its answer, see `tunnel_refusal`."""
    target = tunnel_authority(host, port)
    lines = ["CONNECT %s HTTP/1.1" % target, "Host: %s" % target]
    if user_agent:
        lines.append("User-Agent: %s" % user_agent)
    if authorization:
        lines.append("Proxy-Authorization: %s" % authorization)
    if any(not line.isprintable() for line in lines):
        raise ValueError("host or header for the proxy holds a control character")
    stream = Connection(None, sock)
    try:
        stream.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"), deadline)
        return _tunnel_answer(stream, proxy, deadline)
    finally:
        stream.closed = True  # the socket was only borrowed


def tunnel_authority(host: str, port: int) -> str:
    """Return "host:port" with brackets around an IPv6 address."""
    return "%s:%d" % (bracketed(host), port)


def tunnel_refusal(
    head: ResponseHead, proxy: Proxy, host: str, port: int
) -> ProxyError:
    """Return the error for an answer to CONNECT other than 2xx."""
    place = tunnel_authority(host, port)
    what = "refused a tunnel to %s: %d %s" % (place, head.status, head.reason)
    if head.status == 407 and proxy.username:
        what += "; check its user name and password"
    elif head.status == 407:
        what += "; it wants a user name and password: http://user:password@host:port"
    return _tunnel_error(
        proxy,
        what.rstrip(),
        status=head.status,
        retryable=head.status in (502, 503, 504),
    )


def _tunnel_answer(
    stream: Connection, proxy: Proxy, deadline: Deadline
) -> ResponseHead:
    data = b""
    for _ in range(MAX_TUNNEL_INTERIM):
        parser = HeadParser(max_header_bytes=MAX_TUNNEL_HEAD_BYTES)
        head = parser.feed(data) if data else None
        while head is None:
            data = stream.receive(RECEIVE_BYTES, deadline, None)
            if not data:
                what = "closed the connection without an answer"
                raise _tunnel_error(proxy, what, retryable=True)
            head = parser.feed(data)
        data = parser.leftover
        if head.is_interim():
            continue
        if data and 200 <= head.status < 300:
            # Before TLS has begun nobody may speak: it would be taken as the origin's.
            raise ProtocolError(
                "proxy %s sent %d bytes into the tunnel before TLS"
                % (proxy, len(data)),
                spec="RFC 9110 9.3.6",
            )
        return head
    raise ProtocolError("proxy %s sends interim answers without end" % str(proxy))


def socks_tunnel(
    sock: Any, proxy: Proxy, host: str, port: int, *, deadline: Deadline
) -> None:
    """Ask a SOCKS5 proxy for a connection to `host`; raise ProxyError if it declines.

    With "socks5" the name is looked up here, with "socks5h" by the proxy.
    """
    stream = Connection(None, sock)
    try:
        _socks_handshake(stream, proxy, host, port, deadline)
    finally:
        stream.closed = True  # the socket was only borrowed


def _socks_handshake(
    stream: Connection, proxy: Proxy, host: str, port: int, deadline: Deadline
) -> None:
    name = encode_utf8(proxy.username, "user name")
    password = encode_utf8(proxy.password, "password")
    if len(name) > 255 or len(password) > 255:
        raise ValueError("SOCKS5 user name and password have 255 bytes at most")
    methods = b"\x00\x02" if name else b"\x00"
    stream.send(b"\x05%c%s" % (len(methods), methods), deadline)
    version, method = _socks_read(stream, 2, proxy, deadline)
    if version != 5:
        raise _tunnel_error(proxy, "does not speak SOCKS5")
    if method == 2 and name:
        login = b"\x01%c%s%c%s" % (len(name), name, len(password), password)
        stream.send(login, deadline)
        if _socks_read(stream, 2, proxy, deadline)[1] != 0:
            raise _tunnel_error(proxy, "refused the user name or password")
    elif method != 0:
        raise _tunnel_error(proxy, "wants a login: socks5://user:password@host:port")
    address = _socks_address(host, port, is_remote=proxy.scheme == "socks5h")
    stream.send(b"\x05\x01\x00" + address, deadline)
    _, code, _, kind = _socks_read(stream, 4, proxy, deadline)
    if code != 0:
        why = SOCKS5_REPLIES.get(code, "error %d" % code)
        raise _tunnel_error(
            proxy,
            "cannot connect to %s:%d: %s" % (host, port, why),
            status=code,
            retryable=code in (1, 3, 4, 6),
        )
    size = {1: 4, 4: 16}.get(kind)
    if size is None:
        size = _socks_read(stream, 1, proxy, deadline)[0]
    _socks_read(stream, size + 2, proxy, deadline)


def _socks_read(
    stream: Connection, size: int, proxy: Proxy, deadline: Deadline
) -> bytes:
    data = b""
    while len(data) < size:
        piece = stream.receive(size - len(data), deadline, None)
        if not piece:
            what = "closed the connection during the SOCKS5 handshake"
            raise _tunnel_error(proxy, what, retryable=True)
        data += piece
    return data


def _socks_address(host: str, port: int, *, is_remote: bool) -> bytes:
    import ipaddress  # 2 ms, for SOCKS only

    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        if is_remote:
            name = host.encode("ascii")
            if len(name) > 255:
                raise ValueError("host name is too long for SOCKS5") from None
            return b"\x03%c%s" % (len(name), name) + port.to_bytes(2, "big")
        found = resolve_host(host, port)[0][3][0]
        address = ipaddress.ip_address(found.partition("%")[0])
    kind = b"\x01" if address.version == 4 else b"\x04"
    return kind + address.packed + port.to_bytes(2, "big")


class TlsStream:
    """TLS over anything that sends and receives bytes: another TLS, or a fake socket.

    Has of a socket what `Connection` needs.  One owner.  Source: ssl.SSLObject.
    """

    def __init__(self, sock: Any, context: Any, host: str) -> None:
        import ssl

        self._inner = Connection(None, sock)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=host
        )
        self._want_read: Any = ssl.SSLWantReadError
        self._closed_cleanly: Any = ssl.SSLZeroReturnError
        self._timeout: Optional[float] = None
        if hasattr(sock, "fileno"):
            self.fileno = sock.fileno

    def settimeout(self, timeout: Optional[float]) -> None:
        """Bound each of the following calls as a whole."""
        self._timeout = timeout

    def getpeercert(self, binary_form: bool = False) -> Any:
        """Return the certificate of the other side."""
        return self._tls.getpeercert(binary_form)

    def do_handshake(self) -> None:
        """Shake hands, verify the certificate."""
        self._drive(self._tls.do_handshake)

    def sendall(self, data: bytes) -> None:
        """Send all of `data`."""
        view = memoryview(data)
        while len(view):
            view = view[self._drive(lambda piece=view: self._tls.write(piece)) :]

    def recv(self, size: int) -> bytes:
        """Return up to `size` bytes, b"" at the end."""
        try:
            data: bytes = self._drive(lambda: self._tls.read(size))
        except self._closed_cleanly:
            return b""
        return data

    def pending(self) -> int:
        """Return how many bytes have been decrypted and not read."""
        count: int = self._tls.pending()
        return count

    def _drive(self, step: Any) -> Any:
        """Call `step` until it is done, moving bytes to and from the inner stream."""
        timeout = self._timeout
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                result = step()
            except self._want_read:
                self._flush()
                self._fill(end)
                continue
            self._flush()
            return result

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self._inner.set_timeout(self._timeout or None)
            self._inner.sock.sendall(data)

    def _fill(self, end: Optional[float]) -> None:
        left = None
        if end is not None:
            left = end - time.monotonic() if self._timeout else 0.0
            if left <= 0 and self._timeout:
                raise TimeoutError("timed out")
        data = self._inner.receive(RECEIVE_BYTES, None, left)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def shutdown(self, how: int) -> None:
        """Shut the inner stream down."""
        shut_down(self._inner.sock)

    def close(self) -> None:
        """Close the inner stream."""
        self._inner.close()
