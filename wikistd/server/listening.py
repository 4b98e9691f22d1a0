"""Sockets and threads of a server: made, or a sentence that says why not; and cut.

In: host and port.  Out: a socket.  Holds: nothing.  Not here: accepting (running.py).
"""

from __future__ import annotations

import contextlib
import errno
import socket
import threading


def open_listener(host: str, port: int) -> socket.socket:
    """Return a listening socket; OSError says which address could not be had.

    ValueError where the port is no number from 0 to 65535.
    """
    if not isinstance(port, int) or not 0 <= port <= 65535:
        raise ValueError("port must be a number from 0 to 65535, not %r" % (port,))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    is_both = host == "::" and socket.has_dualstack_ipv6()
    try:
        # create_server() would leave its socket open where bind() fails at this.
        host.encode("idna")
        return socket.create_server(
            (host, port), family=family, backlog=128, dualstack_ipv6=is_both
        )
    except (OSError, UnicodeError) as error:
        number = getattr(error, "errno", None)
        sentence = "cannot listen on %s port %d: %s" % (host, port, error)
        if number == errno.EADDRINUSE:
            sentence = (
                "port %d of %s is taken: end what listens there, or take another "
                "port (0: any free one)" % (port, host)
            )
        elif isinstance(error, PermissionError):
            sentence = (
                "port %d of %s may not be taken by this user: take one from 1024 on "
                "(0: any free one)" % (port, host)
            )
        elif isinstance(error, UnicodeError) or number in (
            errno.EADDRNOTAVAIL,
            errno.EINVAL,
            errno.EAFNOSUPPORT,
            socket.EAI_NONAME,
        ):
            sentence = (
                "%s is no address of this machine: 127.0.0.1 is for itself alone, "
                "0.0.0.0 for all who reach it" % host
            )
        kind = type(error) if isinstance(error, OSError) else OSError
        told = kind(sentence)
        told.errno = number
        raise told from error


def start_server_thread(thread: threading.Thread) -> None:
    """Start a thread; OSError where this process or this Python may have no more."""
    try:
        thread.start()
    except RuntimeError as error:
        raise OSError("a server needs threads: %s" % error) from error


def shut_down_socket(sock: socket.socket) -> None:
    """Wake whoever reads or writes this socket; close() would not."""
    with contextlib.suppress(OSError):  # the far side was faster
        sock.shutdown(socket.SHUT_RDWR)
