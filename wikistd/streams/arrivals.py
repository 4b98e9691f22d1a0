"""One open response: asking for it, its bytes as they arrive, the events in them.

Spec: WHATWG HTML 9.2.  Holds: nothing.  Not here: further connections
(streams/eventsource.py).
"""

from __future__ import annotations

import http.client
import socket
from typing import Any, Iterator, Optional

from ..clock import Clock, Deadline
from ..errors import (
    ConnectionLost,
    ProtocolError,
    TransportTimeout,
    WikistdError,
)
from ..formats.sse import (
    MAX_SSE_EVENT_BYTES,
    MAX_SSE_LINE_BYTES,
    EventParser,
    ServerSentEvent,
)
from ..web.origins import without_userinfo
from ..web.request import WebRequest

STREAM_READ_BYTES = 120000  # at once: a tenth faster than 64 KB


def iter_events(
    response: Any,
    *,
    max_line_bytes: int = MAX_SSE_LINE_BYTES,
    max_event_bytes: int = MAX_SSE_EVENT_BYTES,
) -> Iterator[ServerSentEvent]:
    """Yield the events of one open response; does not reconnect and does not close it.

    `response` is a `Response`, an `http.client.HTTPResponse`, what `requests` returns
    with `stream=True`, or an iterable of lines (bytes or str), with or without ends.
    A body that was cut short is ConnectionLost, after the events before the cut.
    """
    parser = EventParser(max_line_bytes=max_line_bytes, max_event_bytes=max_event_bytes)
    for data in iter_arrivals(response):
        for event in parser.feed(data):
            yield event
        if parser.error is not None:
            raise parser.error


def iter_arrivals(response: Any) -> Iterator[bytes]:
    """Yield the bytes of a body as they arrive; never waits to fill a block."""
    try:
        if hasattr(response, "read1"):
            # readline() would report a connection cut between two chunks as the end.
            yield from iter(lambda: response.read1(STREAM_READ_BYTES), b"")
            missing = getattr(response, "length", None)
            if missing:
                raise ConnectionLost(
                    "the body was cut %d bytes before its end" % missing, phase="body"
                )
        elif hasattr(response, "readany"):
            yield from iter(response.readany, b"")
        elif hasattr(response, "iter_content"):
            yield from response.iter_content(chunk_size=content_chunk_size(response))
        else:
            for line in response:
                if isinstance(line, str):
                    line = line.encode("utf-8")
                yield line if line[-1:] == b"\n" else line + b"\n"
    except WikistdError:
        raise
    except http.client.IncompleteRead as error:
        raise ConnectionLost(
            "the body was cut short", phase="body", received=len(error.partial)
        ) from error
    except (socket.timeout, TimeoutError) as error:
        raise TransportTimeout("nothing came in time", phase="body") from error
    except (OSError, http.client.HTTPException) as error:
        raise ConnectionLost(
            "the connection was lost: %s" % (error or type(error).__name__),
            phase="body",
        ) from error


def make_stream_request(
    url: str, *, timeout: Optional[float], idle_timeout: Optional[float], clock: Clock
) -> WebRequest:
    """Return a request for server-sent events, to be answered within `timeout`."""
    headers = {
        "Accept": "text/event-stream",
        "Cache-Control": "no-store",
        # An event must not wait in a compressor for the next one.
        "Accept-Encoding": "identity",
    }
    request = WebRequest(url, headers=headers, idle_timeout=idle_timeout, stream=True)
    # Up to the head of the final answer only: a stream has no end to reach in time.
    request.deadline = Deadline(timeout, clock=clock)
    request.is_strict = False
    return request


def no_stream_error(url: str, content_type: str) -> ProtocolError:
    """Return the error for an answer of another type than an event stream's."""
    return ProtocolError(
        "%s answers with Content-Type %r, not with text/event-stream"
        % (without_userinfo(url), content_type),
        spec="server-sent events",
    )


def content_chunk_size(response: Any) -> Optional[int]:
    """Return what to ask `iter_content` of requests for, so that it does not wait.

    None is each chunk as it came; a body without chunks it would read to its end.
    """
    headers = getattr(response, "headers", None)
    if headers is None or "chunked" in headers.get("Transfer-Encoding", "").lower():
        return None
    return 1


def close_stream_response(response: Any) -> None:
    """Close a response whose body was not read to its end; never raises."""
    try:
        response.abort()
        response.close()
    except (WikistdError, OSError):
        pass  # it is being thrown away, and whatever it says changes nothing
