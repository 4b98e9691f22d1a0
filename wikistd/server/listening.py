"""A listening socket, a thread, or a sentence that says why there is none.

In: host and port.  Out: a socket.  Holds: nothing.  Not here: accepting (running.py).
"""

from __future__ import annotations

import errno
import os
import socket
import threading


def open_listener(host: str, port: int) -> socket.socket:
    """Return a listening socket; OSError says which address could not be had."""
    try:
        return _bind_listener(host, port)
    except (OSError, UnicodeError) as error:
        number = getattr(error, "errno", None)
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
        elif isinstance(error, (UnicodeError, socket.gaierror)) or number in (
            errno.EADDRNOTAVAIL,
            errno.EINVAL,
            errno.EAFNOSUPPORT,
        ):
            sentence = (
                "%s is no address of this machine: 127.0.0.1 is for itself alone, "
                "0.0.0.0 for all who reach it" % host
            )
        else:
            sentence = "cannot listen on %s port %d: %s" % (host, port, error)
        kind = type(error) if isinstance(error, OSError) else OSError
        told = kind(sentence)
        told.errno = number
        raise told from error


def _bind_listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            # On Windows this option would let a second server steal the port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    return listener


def start_server_thread(thread: threading.Thread) -> None:
    """Start a thread; OSError where this process or this Python may have no more."""
    try:
        thread.start()
    except RuntimeError as error:
        raise OSError("a server needs threads: %s" % error) from error
