"""Replies to a query and its continuations, the next one on its way already.

Spec: https://www.mediawiki.org/wiki/API:Continue.  Holds: the request that is ahead.
Not here: merging replies (wiki/merging.py), one call (wiki/calls.py).

A reply of thousands of pages takes the wiki half a second to make and this side a
tenth to parse.  What comes next stands in its first bytes: it is asked for before the
reply is decompressed and parsed, so that both sides work at once.  Never more than one
reply ahead.  Threads only fetch bytes; the rest stays in the consumer's, since what
another thread has allocated stays in that thread's part of the heap (measured: 62 MB,
now 42).
"""

from __future__ import annotations

import json
import re
import threading
from typing import Any, Dict, Mapping, Optional

from ..errors import ProtocolError, WikistdError
from .notices import show_api_warnings
from .reply import find_errors, has_odd_continue, load_document

#: The `continue` of a reply is its first key, or its second behind batchcomplete.
CONTINUE_PEEK_BYTES = 4096
_continue_first = (
    rb'\s*\{\s*(?:"batchcomplete":\s*(?:true|"")\s*,\s*)?"continue":\s*(\{[^{}]*\})\s*,'
)


def peek_continue(body: bytes) -> Optional[Dict[str, Any]]:
    """Return the `continue` from the start of a reply, None where it is not there."""
    found = re.match(_continue_first, body[:CONTINUE_PEEK_BYTES])
    if found is None:
        return None
    try:
        following = json.loads(found.group(1).decode("utf-8"))
    except (ValueError, RecursionError):
        return None  # A brace within a text cut it short.
    return None if has_odd_continue({"continue": following}) else dict(following)


def take_in(response: Any) -> bytes:
    """Take all of a response off its connection; return its first bytes, decoded."""
    if not hasattr(response, "hold"):
        return bytes(response.content[:CONTINUE_PEEK_BYTES])
    response.hold()
    start: bytes = response.read(CONTINUE_PEEK_BYTES)
    response.unread_data(start)
    return start


class ReplyRequest:
    """One request of a Session, here or in a thread, and the one that follows it."""

    def __init__(
        self, session: Any, base: Mapping[str, Any], following: Mapping[str, Any]
    ) -> None:
        self.session = session
        self.base = base
        self.following = following
        self.thread: Optional[threading.Thread] = None
        self.successor: Optional[ReplyRequest] = None
        self._lock = threading.Lock()
        self._next: Optional[Dict[str, Any]] = None
        self._is_wanted = False
        self._reply: Any = None
        self._error: Optional[BaseException] = None

    def run(self) -> None:
        """Send it; what comes of it is told by `result`."""
        view = self.session.with_options()
        view._on_reply = self._peek
        try:
            self._reply = view.request("GET", dict(self.base, **self.following))
        except BaseException as error:  # Handed to the consumer's thread.
            self._error = error

    def start(self) -> None:
        """Send it in a thread."""
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def _peek(self, response: Any) -> bool:
        following = peek_continue(take_in(response))
        if following is not None and following != self.following:
            with self._lock:
                self._next = following
                self._begin_next()
        return True

    def want(self) -> None:
        """Say that this reply is waited for: the next one may be asked for."""
        with self._lock:
            self._is_wanted = True
            self._begin_next()

    def _begin_next(self) -> None:
        if self._is_wanted and self._next is not None and self.successor is None:
            self.successor = ReplyRequest(self.session, self.base, self._next)
            self.successor.start()

    def result(self) -> Any:
        """Return the document, or raise what came instead."""
        if self.thread is not None:
            self.thread.join()
        error, response = self._error, self._reply
        self._error = self._reply = None
        if error is not None:
            raise error
        try:
            body = response.content
            del response  # It holds the body as well, which parsing multiplies.
            document = load_document(body)
        except (ValueError, RecursionError, WikistdError):
            document = None
        is_odd = not isinstance(document, dict) or has_odd_continue(document)
        if is_odd or find_errors(document):
            # The session knows what to do about it: wait, log in again, raise.
            return self.session.request("GET", dict(self.base, **self.following))
        show_api_warnings(self.session, document)
        return document


class CircleWatch:
    """Notices when a `continue` comes again; one owner.

    Brent's loop detection: one old value is kept, and replaced ever more rarely.
    """

    def __init__(self) -> None:
        self.kept: Any = None
        self.turn = self.until = 1

    def see(self, following: Any) -> None:
        """Take the next `continue`; ProtocolError when it was there before."""
        if following == self.kept:
            raise ProtocolError(
                "the wiki goes round in circles: it sent the same continue again "
                "after %d replies" % self.turn,
                spec="API:Continue",
            )
        if self.turn == self.until:
            self.kept, self.until = following, self.until * 2
        self.turn += 1


class ReplyChain:
    """Asks for replies one after another, one ahead; one owner."""

    def __init__(self, session: Any, *, is_ahead: bool) -> None:
        self.session = session
        self.is_ahead = is_ahead
        self._running: Optional[ReplyRequest] = None

    def planned(self, following: Mapping[str, Any]) -> Optional[Mapping[str, Any]]:
        """Return the parameters of the request that is ahead, if it is that one."""
        running = self._running
        if running is not None and running.following == following:
            return running.base
        return None

    def ask(self, base: Mapping[str, Any], following: Mapping[str, Any]) -> Any:
        """Return the reply to `base` with `following`; ask for the next one."""
        if not self.is_ahead:
            return self.session.request("GET", dict(base, **following))
        request, self._running = self._running, None
        if request is None or (request.base, request.following) != (base, following):
            request = ReplyRequest(self.session, base, following)
            request.want()
            request.run()
        else:
            request.want()
        document = request.result()
        self._running = request.successor
        return document
