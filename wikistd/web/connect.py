"""Addresses and errors: a host and a port in, a connected socket or our error out.

`open_socket` tries the addresses of a host as RFC 8305 says, without threads.
`transport_error` is the one place where the errors of sockets, TLS and http.client
become ours.

Holds: sockets.  Not here: what is sent and received on them (web/connection.py), TLS
(web/tls.py), proxies' tunnels (web/tunnels.py).
"""

from __future__ import annotations

import errno
import itertools
import os
import select
import socket
import time
from typing import Any, Dict, List, NoReturn, Optional, Tuple

from ..clock import Deadline
from ..errors import (
    ConnectFailed,
    ConnectionLost,
    ProtocolError,
    ProxyError,
    TransportError,
    TransportTimeout,
)
from .connection import shut_down
from .origins import without_userinfo

ATTEMPT_DELAY_SECONDS = 0.25  # RFC 8305 5: Connection Attempt Delay
CANCEL_TICK_SECONDS = 0.25  # how late a cancel may be noticed while connecting

_CONNECT_PENDING = (0, errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY)


class Attempt:
    """One try to get connected, which another thread may `abort`."""

    def __init__(self) -> None:
        self.aborted = False
        self.sockets: List[Any] = []

    def add(self, sock: Any) -> None:
        """Let `abort` shut `sock` down too."""
        self.sockets.append(sock)
        self.check()

    def check(self) -> None:
        """Raise ConnectFailed if `abort` was called."""
        if self.aborted:
            raise ConnectFailed("the request was cancelled", phase="connect")

    def abort(self) -> None:
        """End the attempt, from any thread."""
        self.aborted = True
        for sock in list(self.sockets):
            shut_down(sock)


def resolve_host(
    host: str, port: int, family: int = 0
) -> List[Tuple[Any, Any, int, Any]]:
    """Return (family, type, protocol, address) of `host`, families alternating.

    The system's resolver cannot be interrupted: its own time limits hold.
    """
    try:
        # Text would be encoded by the idna codec, whose import takes 1.3 ms.
        name = host.encode("ascii") if host.isascii() else host
        found = socket.getaddrinfo(name, port, family, socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise ConnectFailed(
            "host name %s cannot be resolved: %s" % (host, error.strerror or error),
            phase="dns",
            retryable=error.errno == socket.EAI_AGAIN,
        ) from error
    except (UnicodeError, OSError) as error:
        raise ConnectFailed(
            "host name %s cannot be resolved: %s" % (ascii(host)[1:-1], error),
            phase="dns",
        ) from error
    groups: Dict[Any, List[Any]] = {}
    for kind, sort, protocol, _, address in found:
        groups.setdefault(kind, []).append((kind, sort, protocol, address))
    # RFC 8305 4: the system's first choice first, then the families in turn.
    rows = itertools.zip_longest(*groups.values())
    return [each for row in rows for each in row if each is not None]


def _connect_begin(
    target: Tuple[Any, Any, int, Any], source_address: Optional[Tuple[str, int]]
) -> Any:
    family, kind, protocol, address = target
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source_address is not None:
            sock.bind(source_address)
        code = sock.connect_ex(address)
        if code not in _CONNECT_PENDING:
            raise OSError(code, os.strerror(code))
    except BaseException:
        sock.close()
        raise
    return sock


def _connect_wait(socks: List[Any], seconds: float) -> List[Any]:
    """Return those of `socks` whose connecting has ended, well or not."""
    if hasattr(select, "poll"):
        poll = select.poll()
        by_number = {}
        for sock in socks:
            by_number[sock.fileno()] = sock
            poll.register(sock.fileno(), select.POLLOUT)
        return [by_number[n] for n, _ in poll.poll(max(0, int(seconds * 1000 + 0.999)))]
    _, ready, failed = select.select([], socks, socks, max(0.0, seconds))
    return ready + [sock for sock in failed if sock not in ready]


def open_socket(
    host: str,
    port: int,
    *,
    deadline: Deadline,
    source_address: Optional[Tuple[str, int]] = None,
    family: int = 0,
    attempt: Optional[Attempt] = None,
) -> Any:
    """Return a connected TCP socket to `host`, by the first of its addresses to answer.

    Addresses are tried one after the other, `ATTEMPT_DELAY_SECONDS` apart, without
    giving up the earlier ones: all of them share `deadline`.  Raises ConnectFailed or
    TransportTimeout.
    """
    attempt = attempt if attempt is not None else Attempt()
    waiting = resolve_host(host, port, family)
    pending: Dict[Any, Any] = {}
    failures: List[str] = []
    winner = None
    next_start = 0.0
    try:
        while waiting or pending:
            attempt.check()
            now = time.monotonic()
            if waiting and (not pending or now >= next_start):
                target = waiting.pop(0)
                try:
                    sock = _connect_begin(target, source_address)
                except OSError as error:
                    failures.append("%s: %s" % (target[3][0], _connect_reason(error)))
                    continue
                pending[sock] = target
                attempt.add(sock)
                next_start = now + ATTEMPT_DELAY_SECONDS
            left = deadline.remaining()
            if left is not None and left <= 0:
                tried = ", ".join(str(target[3][0]) for target in pending.values())
                raise TransportTimeout(
                    "no connection to %s:%d within %g seconds (tried %s)"
                    % (host, port, deadline.seconds or 0, tried),
                    phase="connect",
                    retryable=True,
                )
            tick = CANCEL_TICK_SECONDS
            if left is not None:
                tick = min(left, tick)
            for sock in _connect_wait(list(pending), tick):
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                attempt.check()
                if code == 0:
                    winner = sock
                    return winner
                sock.close()
                address = pending.pop(sock)[3]
                failures.append("%s: %s" % (address[0], os.strerror(code)))
    finally:
        for sock in pending:
            if sock is not winner:
                sock.close()
    raise ConnectFailed(
        "cannot connect to %s:%d (%s)" % (host, port, "; ".join(failures)),
        phase="connect",
        retryable=True,
    )


def _connect_reason(error: OSError) -> str:
    return error.strerror or str(error)


def raise_instead(ours: BaseException, error: BaseException) -> NoReturn:
    """Raise `ours` because of `error`; they may be the same.

    No variable refers to it afterwards: that would keep every frame that the error
    passed through, with what is in it, until the collector of garbage comes by.
    """
    try:
        if ours is error:
            raise error
        raise ours from error
    finally:
        del ours, error


def transport_error(
    error: BaseException, phase: str, *, url: str = "", peer: str = ""
) -> BaseException:
    """Return the error of ours that `error` stands for in this phase.

    `peer` is "host:port", for the sentence.  What is ours already only learns the
    phase and the address; what is nobody's here (a MemoryError) is returned as it is.
    """
    if isinstance(error, TransportError):
        error.phase = error.phase or phase
        error.url = error.url or url
        return error
    about: Dict[str, Any] = {"phase": phase, "retryable": True, "url": url}
    if isinstance(error, (socket.timeout, TimeoutError)):
        verb = _CONNECT_PHASE_VERBS.get(phase, "answer")
        return TransportTimeout("%s did not %s in time" % (peer, verb), **about)
    if isinstance(error, OSError):
        reason = _connect_reason(error)
        if phase in ("dns", "connect", "tls", "proxy"):
            kind = ProxyError if phase == "proxy" else ConnectFailed
            return kind("cannot connect to %s: %s" % (peer, reason), **about)
        return ConnectionLost("connection to %s was lost: %s" % (peer, reason), **about)
    import http.client

    if isinstance(error, http.client.IncompleteRead):
        return ConnectionLost(
            "connection to %s ended after %d bytes of the body"
            % (peer, len(error.partial)),
            received=len(error.partial),
            expected=error.expected,
            **about,
        )
    if isinstance(error, http.client.HTTPException):
        return ProtocolError(
            "answer of %s broke HTTP: %s" % (peer, type(error).__name__)
        )
    return error


def stream_error(
    error: BaseException, stream: Any, phase: str, *, url: str, peer: str
) -> BaseException:
    """Return the error of ours for what ended an exchange on `stream`."""
    aborted = getattr(stream, "aborted", False)
    if aborted and isinstance(error, OSError):
        error = ConnectionLost("the request was cancelled", phase=phase)
    ours = transport_error(error, phase, url=without_userinfo(url), peer=peer)
    if isinstance(ours, ConnectionLost):
        ours.retryable = not aborted
    return ours


_CONNECT_PHASE_VERBS = {
    "connect": "accept a connection",
    "tls": "finish the TLS handshake",
    "proxy": "open the tunnel",
    "send": "take the request",
    "headers": "answer",
    "body": "send more of its answer",
}
