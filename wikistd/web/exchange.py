"""Exchange: one request and the head of its answer, on one connection.

In: a connection, the head and the body to send.  Out: the Response, its body unread.
Spec: RFC 9112, RFC 9110 10.1.1 and 15.2.  Holds: how far it has come, for the errors.
Not here: getting the connection (web/dial.py), trying again (web/keepalive.py).
"""

from __future__ import annotations

import time
from typing import Any, Optional

from ..clock import Deadline
from ..errors import LimitExceeded, TransportError, WikistdError
from ..formats.http1 import (
    MAX_INTERIM_RESPONSES,
    HeadParser,
    ResponseHead,
    is_reusable,
)
from ..formats.http1body import body_decoder
from .bodies import RequestBody
from .connect import stream_error
from .connection import RECEIVE_BYTES, Connection, next_wait
from .request import IDEMPOTENT_METHODS, SAFE_METHODS
from .response import Response

CONTINUE_WAIT_SECONDS = 1.0  # for "100 Continue"; curl waits as long
JOINED_SEND_BYTES = 65536  # head and body up to this in one send: one packet less


def keep_alive_seconds(value: Optional[str]) -> Optional[float]:
    """Return how long the server will keep a connection, as "timeout=5, max=99" says.

    One second less: the way there takes time too.  Source: RFC 2068 19.7.1.
    """
    for piece in (value or "").split(","):
        name, _, seconds = piece.strip().partition("=")
        if name.lower() == "timeout" and seconds.isdigit() and len(seconds) < 9:
            return int(seconds) - 1.0
    return None


class Exchange:
    """One request and the head of its answer on one connection."""

    phase = "send"
    is_sent = False  # some of it may have been
    is_broken = False  # not all of it was: what follows is out of step
    has_answer = False  # at least its first byte

    def __init__(
        self,
        handler: Any,
        request: Any,
        connection: Connection,
        deadline: Deadline,
    ) -> None:
        self.handler = handler
        self.request = request
        self.connection = connection
        self.deadline = deadline

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
        url, peer = self.request.full_url, "%s:%d" % (host, port)
        ours = stream_error(error, self.connection, self.phase, url=url, peer=peer)
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
        request = self.request
        pool = handler.pool
        connection.exchanges += 1
        pool.counters.here.counts.requests += 1
        parser = connection.parser
        if parser is None:
            parser = HeadParser(max_header_bytes=handler.max_header_bytes)
            connection.parser = parser
        started = time.perf_counter()
        answer = None
        if body is None:
            connection.send(head, self.deadline)
            self.is_sent = True
        else:
            answer = self._send(head, body, parser)
        if answer is None:
            self.phase = "headers"
            answer = self._read_head(parser)
        self.phase = "body"
        keep_alive = answer.fields.joined("keep-alive")
        if keep_alive:
            connection.idle_limit = keep_alive_seconds(keep_alive)
        idle = getattr(request, "idle_timeout", None)
        response = Response(
            connection,
            body_decoder(answer, request.get_method()),
            answer,
            url=request.full_url,
            request=request,
            deadline=self._body_deadline(),
            idle_timeout=handler.idle_timeout if idle is None else idle,
            # TLS has more to do at the end, see KeepAliveHandler.release.
            release=pool.release if connection.key[0] == "http" else handler.release,
            is_reusable=not self.is_broken
            and is_reusable(answer)
            and request.headers.get("Connection", "").lower() != "close",
        )
        if handler.max_body_bytes is not None:
            response.max_body_bytes = handler.max_body_bytes
        if response.deadline is None:
            response.call_deadline = self.deadline
        response.elapsed_seconds = time.perf_counter() - started
        return response

    def _body_deadline(self) -> Optional[Deadline]:
        if not getattr(self.request, "stream", True):
            return self.deadline
        # A streamed body takes the time it takes, as an upload in `_send_pieces`.
        is_strict = getattr(self.request, "is_strict", False)
        return self.request.deadline if is_strict else None

    def _send(
        self, head: bytes, body: RequestBody, parser: HeadParser
    ) -> Optional[ResponseHead]:
        """Send it all; return the head only if the server answered before that."""
        connection = self.connection
        content = body.content
        is_asking = b"\r\nExpect:" in head
        if content is not None and len(content) <= JOINED_SEND_BYTES and not is_asking:
            connection.send(head + content, self.deadline)
            self.is_sent = True
            return None
        connection.send(head, self.deadline)
        self.is_sent = True
        if is_asking and self._has_early_answer():
            # RFC 9110 10.1.1: a final answer instead of 100 means "keep your body".
            answer = self._read_head(parser, is_waiting=True)
            if answer.status != 100:
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

    def _has_early_answer(self) -> bool:
        wait = next_wait(self.deadline, CONTINUE_WAIT_SECONDS)
        return self.connection.has_input(wait or 0.0)

    def _send_pieces(self, body: RequestBody) -> None:
        connection = self.connection
        request = self.request
        # An upload takes the time it takes: only a standstill ends it, unless the
        # caller gave a Deadline that holds for several calls.
        is_bounded = not body.is_upload or getattr(request, "is_strict", True)
        deadline = self.deadline if is_bounded else None
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

    def _read_head(self, parser: HeadParser, is_waiting: bool = False) -> ResponseHead:
        """Return the final head, or that of a 100 if that is waited for."""
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
            if head.status >= 200 or not head.is_interim():
                connection.buffer = data
                return head
            interim += 1
            if is_waiting and head.status == 100:
                connection.buffer = data
                return head
            if interim > MAX_INTERIM_RESPONSES:
                raise LimitExceeded(
                    "more than %d interim answers (1xx)" % MAX_INTERIM_RESPONSES,
                    name="max_interim_responses",
                    limit=MAX_INTERIM_RESPONSES,
                )
