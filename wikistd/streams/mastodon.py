"""Mastodon's streaming API: lines in, calls of a listener's methods out.

Spec: https://docs.joinmastodon.org/methods/streaming/ and what the server sends.
Holds: nothing but the event under way.  Not here: connections (mastodonclient.py).
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

from ..errors import (
    LimitExceeded,
    MalformedEventError,
    TransportError,
    limit_exceeded,
)
from ..formats.lines import LinesParser
from ..formats.sse import MAX_SSE_EVENT_BYTES, MAX_SSE_LINE_BYTES
from .arrivals import iter_arrivals
from .telling import log_stream

MASTODON_SPEC = "Mastodon streaming"
#: Ids come as bare numbers, or as letters from servers that are not Mastodon.
EVENTS_OF_IDS = ("delete", "announcement.delete")
#: Sent with "data: undefined", or with no payload at all.
EVENTS_WITHOUT_PAYLOAD = ("filters_changed", "notifications_merged")
#: Hooks that are no events: a server must not be able to call them.
NOT_EVENTS = ("abort", "any_event", "unknown_event", "websocket_error")
EVENT_EXCERPT = 200  # characters of an event that an error shows


class StopStream(Exception):
    """Raised by a listener's method to end its stream cleanly."""


class StreamListener:
    """Callbacks for the streaming API: subclass it and override what you need.

    Pass an instance to `Mastodon.user_stream()` and its like.  For an event NAME the
    method `on_NAME` is called, dots as underscores, with the parsed JSON; any such
    method of a subclass or an instance is found.  Ids are strings.  A method that has
    a parameter `for_stream` gets the name of the stream, where it is known.
    Raise StopStream to end the stream.  One owner: the stream that it is given to.
    """

    def on_update(self, status: Dict[str, Any]) -> None:
        """A new status has appeared; `status` is a dict."""

    def on_notification(self, notification: Dict[str, Any]) -> None:
        """There is a new notification, a dict."""

    def on_delete(self, status_id: str) -> None:
        """A status was deleted."""

    def on_status_update(self, status: Dict[str, Any]) -> None:
        """A status was edited."""

    def on_conversation(self, conversation: Dict[str, Any]) -> None:
        """A direct conversation has a new status."""

    def on_filters_changed(self) -> None:
        """The user's filters have changed; fetch them again."""

    def on_announcement(self, announcement: Dict[str, Any]) -> None:
        """An announcement was published."""

    def on_announcement_reaction(self, reaction: Dict[str, Any]) -> None:
        """An announcement has a reaction: name, count, announcement_id."""

    def on_announcement_delete(self, announcement_id: str) -> None:
        """An announcement was removed."""

    def on_encrypted_message(self, data: Any) -> None:
        """An encrypted message has come."""

    def on_notifications_merged(self) -> None:
        """Filtered notifications were accepted; fetch notifications again."""

    def on_any_event(
        self, name: str, data: Any, for_stream: Optional[str] = None
    ) -> None:
        """An event has come; called before the method for it."""

    def on_unknown_event(self, name: str, unknown_event: Any = None) -> None:
        """An event has come for which there is no method."""
        log_stream("warning", "no method for the event %r", name)

    def on_abort(self, err: Exception) -> None:
        """The stream has broken; the error is raised after this returns."""

    def handle_heartbeat(self) -> None:
        """The server has shown that it is alive; it does so each 15 seconds."""

    def handle_stream(self, lines: Any) -> None:
        """Call the methods for a stream until it ends.

        `lines` is an iterable of lines (bytes or str, with or without ends), or a
        response: what has `readany`, `read1` or `iter_content`.  An event without name
        or data, JSON or UTF-8 that is broken are MalformedEventError, a connection that
        breaks is TransportError, each after `on_abort`.
        """
        read_listener_stream(self, iter_arrivals(lines))


class CallbackStreamListener(StreamListener):
    """A listener made of functions, for each event or None.

    `local_update_handler` gets the statuses of this server's own users, as well as
    `update_handler`.  `unknown_event_handler(name, payload)`.  One owner.
    """

    def __init__(
        self,
        update_handler: Optional[Callable[[Any], object]] = None,
        local_update_handler: Optional[Callable[[Any], object]] = None,
        delete_handler: Optional[Callable[[str], object]] = None,
        notification_handler: Optional[Callable[[Any], object]] = None,
        conversation_handler: Optional[Callable[[Any], object]] = None,
        unknown_event_handler: Optional[Callable[[str, Any], object]] = None,
        status_update_handler: Optional[Callable[[Any], object]] = None,
        filters_changed_handler: Optional[Callable[[], object]] = None,
        announcement_handler: Optional[Callable[[Any], object]] = None,
        announcement_reaction_handler: Optional[Callable[[Any], object]] = None,
        announcement_delete_handler: Optional[Callable[[str], object]] = None,
        encryted_message_handler: Optional[Callable[[Any], object]] = None,
        *,
        encrypted_message_handler: Optional[Callable[[Any], object]] = None,
        notifications_merged_handler: Optional[Callable[[], object]] = None,
    ) -> None:
        # "encryted" is how Mastodon.py spells it.
        handlers: Dict[str, Optional[Callable[..., object]]] = {
            "on_delete": delete_handler,
            "on_notification": notification_handler,
            "on_conversation": conversation_handler,
            "on_unknown_event": unknown_event_handler,
            "on_status_update": status_update_handler,
            "on_filters_changed": filters_changed_handler,
            "on_announcement": announcement_handler,
            "on_announcement_reaction": announcement_reaction_handler,
            "on_announcement_delete": announcement_delete_handler,
            "on_encrypted_message": encrypted_message_handler
            or encryted_message_handler,
            "on_notifications_merged": notifications_merged_handler,
        }
        self.update_handler = update_handler
        self.local_update_handler = local_update_handler
        for name, handler in handlers.items():
            if handler is not None:
                setattr(self, name, handler)

    def on_update(self, status: Dict[str, Any]) -> None:
        """Call both handlers for statuses; the local one where the author is."""
        if self.update_handler is not None:
            self.update_handler(status)
        if self.local_update_handler is None:
            return
        try:
            is_local = "@" not in status["account"]["acct"]
        except (KeyError, TypeError) as error:
            raise MalformedEventError(
                "status without an author: %s" % error, spec=MASTODON_SPEC
            ) from error
        if is_local:
            self.local_update_handler(status)


def read_listener_stream(
    listener: StreamListener,
    chunks: Iterable[bytes],
    *,
    for_stream: Optional[str] = None,
    **limits: int,
) -> bool:
    """Feed a listener from `chunks`; return whether it stopped by itself."""
    events = read_mastodon_events(listener, chunks, **limits)
    try:
        for name, payload in events:
            call_listener(listener, name, payload, for_stream)
    except StopStream:
        return True
    except (MalformedEventError, LimitExceeded, TransportError) as error:
        listener.on_abort(error)
        raise
    return False


def read_mastodon_events(
    listener: StreamListener,
    chunks: Iterable[bytes],
    limit: int = MAX_SSE_LINE_BYTES,
    max_event_bytes: int = MAX_SSE_EVENT_BYTES,
) -> Iterator[Tuple[str, Any]]:
    """Yield (name, payload) of each event; heartbeats go to the listener."""
    parser = LinesParser(limit)
    event: Dict[str, List[str]] = {}
    event_bytes = 0
    for chunk in chunks:
        for raw in parser.feed(bytes(chunk)):
            raw = raw[:-2] if raw[-2:] == b"\r\n" else raw[:-1]
            if raw[:1] == b":":
                listener.handle_heartbeat()
                continue
            if raw:
                event_bytes += len(raw) + 1
                if event_bytes > max_event_bytes:
                    name = "max_event_bytes"
                    raise limit_exceeded("an event", name, max_event_bytes)
                add_event_line(event, raw)
                continue
            # Two blank lines, or one behind a heartbeat, are no event.
            if event:
                complete, event, event_bytes = event, {}, 0
                yield read_event_fields(complete)
    rest = b"".join(parser.feed_eof())
    if event or rest:
        words = "unfinished event at the end of the stream: %.200r"
        log_stream("warning", words, event or rest)


def add_event_line(event: Dict[str, List[str]], raw: bytes) -> None:
    """Add one line `name: value` to an event; the last name counts, and all data."""
    try:
        line = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedEventError(
            "malformed UTF-8: %.200r" % raw, spec=MASTODON_SPEC
        ) from error
    name, _, value = line.partition(":")
    if value[:1] == " ":
        value = value[1:]
    if name == "data":
        # Joined when all are there: one by one would be quadratic.
        event.setdefault(name, []).append(value)
    else:
        event[name if name == "event" else "other"] = [value]


def read_event_fields(event: Dict[str, List[str]]) -> Tuple[str, Any]:
    """Return (name, payload) of an event with all its lines."""
    try:
        name = event["event"][0]
        data = "\n".join(event["data"])
    except KeyError as error:
        raise MalformedEventError(
            "event without the field %s: %s" % (error, str(event)[:EVENT_EXCERPT]),
            spec=MASTODON_SPEC,
        ) from error
    return name, read_event_payload(name, data)


def read_event_payload(name: str, data: Optional[str]) -> Any:
    """Return what the text of an event's payload stands for."""
    if name in EVENTS_WITHOUT_PAYLOAD and data in (None, "", "undefined", "null"):
        return None
    try:
        payload = json.loads(data or "")
    except (ValueError, RecursionError) as error:  # broken, or nested too deep
        if name in EVENTS_OF_IDS and data:
            return data.strip()
        raise MalformedEventError(
            "bad JSON in the event %s: %s: %.200s" % (name, error, data),
            spec=MASTODON_SPEC,
        ) from error
    return str(payload) if name in EVENTS_OF_IDS else payload


def call_listener(
    listener: StreamListener, name: str, payload: Any, for_stream: Optional[str] = None
) -> None:
    """Call the methods of a listener for one event."""
    call_hook(listener.on_any_event, (name, payload), for_stream)
    method = name.replace(".", "_")
    hook = getattr(listener, "on_" + method, None)
    arguments: Tuple[Any, ...] = (payload,)
    if payload is None and name in EVENTS_WITHOUT_PAYLOAD:
        arguments = ()
    if hook is None or method in NOT_EVENTS:
        hook, arguments = listener.on_unknown_event, (name, payload)
    call_hook(hook, arguments, for_stream)


def call_hook(
    hook: Callable[..., object], arguments: Tuple[Any, ...], for_stream: Optional[str]
) -> None:
    """Call `hook`, with the stream's name where it has a parameter for it."""
    code = getattr(hook, "__code__", None)
    if for_stream is not None and code is not None:
        count = code.co_argcount + code.co_kwonlyargcount
        if "for_stream" in code.co_varnames[:count]:
            hook(*arguments, for_stream=for_stream)
            return
    hook(*arguments)
