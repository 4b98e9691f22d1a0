"""The stream of changes over WebSocket: one text message an event.

In: an upgrade request, events.  Out: frames, until one side closes.
Spec: RFC 6455.  Holds: nothing.  Not here: the events (feed.py), frames and the
handshake (formats/frames.py, formats/upgrade.py).
"""

from __future__ import annotations

import json
import time
from typing import Any, Callable, Dict, Iterator, List, Optional

from ..errors import HandshakeRefused, LimitExceeded, ProtocolError, WebSocketError
from ..formats.frames import (
    CLOSE_GOING_AWAY,
    CLOSE_MESSAGE_TOO_BIG,
    CLOSE_OK,
    CLOSE_PROTOCOL_ERROR,
    MSG_CLOSE,
    MSG_PING,
    WebSocketParser,
    WebSocketWriter,
)
from ..formats.upgrade import do_handshake
from .forms import request_headers

#: Nothing a client may say is long.
MAX_FEED_MESSAGE_BYTES = 65536
#: Keeps proxies between from taking the connection for dead.
FEED_PING_SECONDS = 30.0
#: How long the far side may take to answer our close.
FEED_CLOSE_SECONDS = 1.0


def feed_json(value: Any) -> str:
    """Return JSON on one line, without blanks, letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def answer_websocket(
    environ: Dict[str, Any],
    start_response: Callable[..., Any],
    events: Iterator[Optional[Dict[str, Any]]],
) -> List[bytes]:
    """Answer an upgrade request; the server then calls back with the connection.

    501 where the server cannot hand the connection over, as wsgiref's cannot.
    """
    take_over = environ.get("wikistd.take_over")
    try:
        if take_over is None:
            raise HandshakeRefused("this server speaks no WebSocket", status=501)
        _, answer, parser, writer = do_handshake(
            environ["REQUEST_METHOD"],
            request_headers(environ),
            max_message_bytes=MAX_FEED_MESSAGE_BYTES,
        )
    except HandshakeRefused as refused:
        extra = [pair for pair in refused.headers if pair[0].startswith("Sec-")]
        start_response(
            "%d Refused" % refused.status,
            [("Content-Type", "text/plain; charset=utf-8"), *extra],
        )
        return [(refused.message + "\n").encode("utf-8")]
    fields = "".join("%s: %s\r\n" % pair for pair in answer)
    head = "HTTP/1.1 101 Switching Protocols\r\n%s\r\n" % fields

    def talk(channel: Any) -> None:
        channel.send(head.encode("latin-1"))
        FeedConversation(channel, parser, writer).run(events)

    take_over(talk)
    return []


class FeedConversation:
    """One WebSocket connection that is told of changes.  Has one owner."""

    def __init__(
        self, channel: Any, parser: WebSocketParser, writer: WebSocketWriter
    ) -> None:
        self.channel = channel
        self.parser = parser
        self.writer = writer

    def run(self, events: Iterator[Optional[Dict[str, Any]]]) -> None:
        """Send events until the stream ends, or either side closes."""
        ping_at = time.monotonic() + FEED_PING_SECONDS
        for event in events:
            if event is not None:
                self.channel.send(self.writer.send(feed_json(event)))
            if not self._listen(0.0):
                return
            if self.channel.is_closing:
                break
            if time.monotonic() >= ping_at:
                ping_at = time.monotonic() + FEED_PING_SECONDS
                self.channel.send(self.writer.ping())
        self.channel.send(self.writer.close(CLOSE_GOING_AWAY))
        ends_at = time.monotonic() + FEED_CLOSE_SECONDS
        while self._listen(max(0.0, ends_at - time.monotonic())):
            if time.monotonic() >= ends_at:
                return

    def _listen(self, seconds: float) -> bool:
        """Answer what the client says; False once the connection is over."""
        data = self.channel.receive(seconds)
        if data is None:
            return True
        if not data:
            return False
        try:
            for message in self.parser.feed(data):
                if message.tp == MSG_PING:
                    self.channel.send(self.writer.pong(message.data))
                elif message.tp == MSG_CLOSE:
                    self.channel.send(self.writer.close(CLOSE_OK))
                    return False
            if self.parser.error is not None:
                raise self.parser.error
        except ProtocolError as error:
            code = CLOSE_PROTOCOL_ERROR
            if isinstance(error, WebSocketError):
                code = error.code
            elif isinstance(error, LimitExceeded):
                code = CLOSE_MESSAGE_TOO_BIG
            self.channel.send(self.writer.close(code))
            return False
        return True
