"""A Mastodon server's streams: connections for listeners, in this thread or another.

Spec: https://docs.joinmastodon.org/methods/streaming/.  Holds: a client, and for each
asynchronous stream a thread.  Not here: events and listeners (streams/mastodon.py).
"""

from __future__ import annotations

import random
import urllib.parse
from typing import Any, Dict, Iterator, Optional, Union

from ..clock import Clock
from ..errors import (
    ConnectionLost,
    HandshakeRefused,
    MalformedEventError,
    ProtocolError,
    StatusError,
    TransportError,
    WikistdError,
)
from ..formats.headers import parse_retry_after
from ..web.client import HttpClient
from ..web.origins import absolute_url, without_userinfo
from ..web.request import WebRequest
from .arrivals import iter_arrivals, make_stream_request, no_stream_error
from .mastodon import StreamListener, read_listener_stream
from .mastodonsocket import MastodonSocket, StreamHandle
from .reconnect import WAIT_STATUSES, BackOff, judge_answer
from .telling import log_stream
from .websocket import WebSocketConnection, connect_websocket

MASTODON_TIMEOUT = 90.0  # seconds of silence: six heartbeats
MASTODON_PATH = "/api/v1/streaming"
#: Answers to a request for SSE that mean: this server streams by WebSocket only.
WEBSOCKET_ONLY_STATUSES = (404, 405, 406, 426, 501)


class Mastodon:
    """The streams of one Mastodon server.  Thread-safe; a context manager.

    `access_token` is a user's: servers since 4.2 stream to nobody else.  It travels in
    the Authorization header only, to the server and to the streaming host that the
    server names.  `transport` is "sse", "websocket", or "auto": SSE, and WebSocket
    where the server refuses SSE.

    Each stream method takes a `listener`, and returns when the listener raised
    StopStream; otherwise it raises what ended the stream.  With `run_async=True` it
    returns a StreamHandle at once; with `reconnect_async=True` that one connects again
    after `reconnect_async_wait_sec`, longer with each failure in a row.  `timeout` is
    the seconds of silence, or of waiting for the answer, after which a connection is
    lost.  A stream has no position: what happened while nobody was connected is to be
    fetched from the REST API.
    """

    def __init__(
        self,
        api_base_url: str,
        access_token: Optional[str] = None,
        *,
        client: Optional[HttpClient] = None,
        transport: str = "auto",
        clock: Optional[Clock] = None,
    ) -> None:
        if transport not in ("auto", "sse", "websocket"):
            raise ValueError(
                "transport must be 'auto', 'sse' or 'websocket', not %r" % (transport,)
            )
        self.api_base_url = absolute_url(api_base_url).rstrip("/")
        self.transport = transport
        self._access_token = access_token
        self._own_client = client is None
        self._client = HttpClient() if client is None else client
        self._clock = clock or Clock()
        self._streaming_url: Optional[str] = None

    def user_stream(self, listener: StreamListener, **options: Any) -> Any:
        """Stream what concerns the user: home timeline and notifications.

        Options of all streams: `run_async`, `timeout`, `reconnect_async`,
        `reconnect_async_wait_sec`, `websocket_handle` (a MastodonSocket to join).
        """
        return self._stream("user", {}, listener, **options)

    def public_stream(
        self,
        listener: StreamListener,
        *,
        local: bool = False,
        remote: bool = False,
        only_media: bool = False,
        **options: Any,
    ) -> Any:
        """Stream all public statuses, or those of this server's or of other users."""
        if local and remote:
            raise ValueError("local and remote exclude each other")
        name = "public:local" if local else "public:remote" if remote else "public"
        params = {"only_media": "true"} if only_media else {}
        return self._stream(name, params, listener, **options)

    def hashtag_stream(
        self, tag: str, listener: StreamListener, *, local: bool = False, **options: Any
    ) -> Any:
        """Stream the public statuses with a hashtag, given without its "#"."""
        if not tag or tag.startswith("#"):
            raise ValueError("tag must be a hashtag without its '#', not %r" % (tag,))
        name = "hashtag:local" if local else "hashtag"
        return self._stream(name, {"tag": tag}, listener, **options)

    def list_stream(
        self, id: Union[str, int], listener: StreamListener, **options: Any
    ) -> Any:
        """Stream the statuses of one of the user's lists."""
        return self._stream("list", {"list": str(id)}, listener, **options)

    def direct_stream(self, listener: StreamListener, **options: Any) -> Any:
        """Stream the user's direct conversations."""
        return self._stream("direct", {}, listener, **options)

    def local_stream(self, listener: StreamListener, **options: Any) -> Any:
        """Stream the public statuses of this server's users."""
        return self.public_stream(listener, local=True, **options)

    stream_user = user_stream
    stream_public = public_stream
    stream_hashtag = hashtag_stream
    stream_list = list_stream
    stream_direct = direct_stream
    stream_local = local_stream

    def stream_healthy(self) -> bool:
        """Return whether the streaming server says that it is well."""
        url = self.streaming_url() + MASTODON_PATH + "/health"
        try:
            response = self._client.request("GET", url)
        except TransportError:
            return False
        said = response.content.strip()
        return response.status == 200 and said in (b"OK", b"success")

    def stream_open_websocket(
        self, *, timeout: float = MASTODON_TIMEOUT
    ) -> MastodonSocket:
        """Open a WebSocket for several streams: pass it as `websocket_handle`."""
        return MastodonSocket(self._open_websocket(timeout, StreamHandle()))

    def streaming_url(self) -> str:
        """Return the address of the streaming server, as the server names it."""
        if self._streaming_url is not None:
            return self._streaming_url
        url = self.api_base_url
        for path, *keys in (
            ("/api/v2/instance", "configuration", "urls", "streaming"),
            ("/api/v1/instance", "urls", "streaming_api"),
        ):
            try:
                found = self._client.request("GET", self.api_base_url + path).json()
            except (StatusError, ProtocolError, ValueError):
                continue
            for key in keys:
                found = found.get(key) if isinstance(found, dict) else None
            scheme, _, rest = str(found).partition("://")
            scheme = {"wss": "https", "ws": "http"}.get(scheme, scheme)
            is_as_safe = scheme == "http" and self.api_base_url.startswith("http:")
            if rest and (scheme == "https" or is_as_safe):
                url = "%s://%s" % (scheme, rest.rstrip("/"))
                break
        self._streaming_url = url
        return url

    def _stream(
        self,
        name: str,
        params: Dict[str, str],
        listener: StreamListener,
        run_async: bool = False,
        timeout: Optional[float] = MASTODON_TIMEOUT,
        reconnect_async: bool = False,
        reconnect_async_wait_sec: float = 5.0,
        websocket_handle: Optional[MastodonSocket] = None,
    ) -> Any:
        if websocket_handle is not None:
            return websocket_handle.subscribe(name, params, listener)
        if not run_async:
            self._run_once(name, params, listener, timeout, StreamHandle())
            return None

        def run(handle: StreamHandle) -> None:
            back_off = BackOff(int(reconnect_async_wait_sec * 1000))
            while not handle.is_closed:
                before = handle.connections
                try:
                    self._run_once(name, params, listener, timeout, handle)
                    return
                except (TransportError, MalformedEventError, StatusError) as error:
                    asked = self._asked_seconds(error)
                    is_final = isinstance(error, StatusError) and asked is None
                    if not reconnect_async or is_final:
                        raise
                    if handle.connections > before:
                        back_off.event_arrived()
                    words = "stream %s: %s; connecting again"
                    log_stream("warning", words, name, error)
                delay = back_off.next_delay(random.random(), asked)
                handle.wait(self._clock, delay)

        return StreamHandle().start(run)

    def _asked_seconds(self, error: Exception) -> Optional[float]:
        """Return how long a server that is overloaded wants us to wait."""
        if not isinstance(error, StatusError) or error.status not in WAIT_STATUSES:
            return None
        fields = {name.lower(): value for name, value in error.headers}
        return parse_retry_after(fields.get("retry-after"), self._clock.now()) or 0.0

    def _run_once(
        self,
        name: str,
        params: Dict[str, str],
        listener: StreamListener,
        timeout: Optional[float],
        handle: StreamHandle,
    ) -> None:
        """Stream over one connection; returns when the listener stopped it."""
        try:
            opened = self._open(name, params, timeout, handle)
        except WikistdError as error:
            if handle.is_closed:
                return
            listener.on_abort(error)
            raise
        handle.connections += 1
        try:
            if isinstance(opened, WebSocketConnection):
                handle.heard()
                socket = MastodonSocket(opened, start=False)
                socket.subscribe(name, params, listener)
                socket.run(handle)
                is_stopped = socket.was_stopped
            else:
                terms = [params[key] for key in params if key != "only_media"]
                is_stopped = read_listener_stream(
                    listener,
                    watch_arrivals(opened, handle),
                    for_stream=":".join([name, *terms]),
                )
        finally:
            handle.lost()
            opened.close()
        if is_stopped or handle.is_closed:
            return
        ended = ConnectionLost("the server ended the stream %s" % name, phase="body")
        listener.on_abort(ended)
        raise ended

    def _open(
        self,
        name: str,
        params: Dict[str, str],
        timeout: Optional[float],
        handle: StreamHandle,
    ) -> Any:
        """Return an open Response or WebSocketConnection, as the server wants it."""
        if self.transport != "websocket":
            try:
                return self._open_sse(name, params, timeout, handle)
            except StatusError as error:
                is_refusal = error.status in WEBSOCKET_ONLY_STATUSES
                if self.transport == "sse" or not is_refusal:
                    raise
        return self._open_websocket(timeout, handle)

    def _open_sse(
        self,
        name: str,
        params: Dict[str, str],
        timeout: Optional[float],
        handle: StreamHandle,
    ) -> Any:
        url = self.streaming_url() + MASTODON_PATH + "/" + name.replace(":", "/")
        if params:
            url += "?" + urllib.parse.urlencode(params)
        request = make_stream_request(
            url, timeout=timeout, idle_timeout=timeout, clock=self._clock
        )
        self._add_token(request)
        handle.hold(request.cancel)
        response = self._client.open(request)
        handle.hold(request.cancel, response.abort)
        kind = response.headers.get("Content-Type") or ""
        if judge_answer(response.status, kind) == "open":
            return response
        with response:
            error = response.status_error()
        if response.status == 200:
            raise no_stream_error(url, kind)
        explain_mastodon_refusal(error)
        raise error

    def _open_websocket(
        self, timeout: Optional[float], handle: StreamHandle
    ) -> WebSocketConnection:
        def prepare(request: WebRequest) -> None:
            self._add_token(request)
            handle.hold(request.cancel)

        try:
            connection = connect_websocket(
                self.streaming_url() + MASTODON_PATH,
                client=self._client,
                ping_seconds=timeout / 2 if timeout else None,
                on_request=prepare,
            )
        except HandshakeRefused as error:
            explain_mastodon_refusal(error)
            raise
        handle.hold(connection.abort)
        return connection

    def _add_token(self, request: WebRequest) -> None:
        if self._access_token:
            # Unredirected: another host that the server sends us to gets no token.
            request.add_unredirected_header(
                "Authorization", "Bearer " + self._access_token
            )

    def close(self) -> None:
        """Close the client, where it is our own.  Streams end by their handles."""
        if self._own_client:
            self._client.close()

    def __enter__(self) -> Mastodon:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        who = "with a token" if self._access_token else "without a token"
        return "<Mastodon %s %s>" % (without_userinfo(self.api_base_url), who)


def watch_arrivals(response: Any, handle: StreamHandle) -> Iterator[bytes]:
    """Yield what arrives, and tell the handle that something did."""
    try:
        for data in iter_arrivals(response):
            handle.heard()
            yield data
    except TransportError:
        if not handle.is_closed:
            raise  # else this is what close() does to a reader


def explain_mastodon_refusal(error: StatusError) -> None:
    """Add to the error for a status the sentence that helps."""
    if error.status == 401:
        error.message += (
            ": streaming needs a user's access token, an application's is refused"
            " since Mastodon 4.2"
        )
