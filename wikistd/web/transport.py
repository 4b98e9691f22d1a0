"""TransportHandler: exchanges done by somebody else's network code.

In: a urllib request.  Out: a Response made of what the host's callable returned.
Spec: none; for hosts that own the network (QGIS, Pyodide, Kodi).  Holds: the callable.
Not here: everything above the exchange works as it does with sockets.
"""

from __future__ import annotations

import io
import urllib.request
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Iterable,
    List,
    Optional,
    Tuple,
    Union,
)

from ..clock import Clock, Deadline
from ..errors import ConnectFailed, ProtocolError, TransportError, TransportTimeout
from ..formats.headers import check_fields
from ..formats.http1 import HeaderFields
from .bodies import prepare_body
from .connect import raise_instead, transport_error
from .connection import next_wait
from .heads import request_fields
from .origins import without_userinfo
from .pool import Counters
from .request import SAFE_METHODS
from .response import Response, response_of_file

if TYPE_CHECKING:
    TransportFunction = Callable[
        [
            str,
            str,
            List[Tuple[str, str]],
            Union[bytes, Iterable[bytes], None],
            Optional[float],
        ],
        Tuple[int, Iterable[Tuple[str, str]], Any],
    ]
else:
    TransportFunction = object  # as HeaderSource

# The host's code makes these itself.
_TRANSPORT_OWN_FIELDS = frozenset(
    ["host", "content-length", "transfer-encoding", "connection"]
)


class TransportHandler(urllib.request.BaseHandler):
    """Hand each request to `transport(method, url, headers, body, timeout)`.

    It returns (status, headers as pairs, body as bytes or binary file), follows no
    redirect and keeps no cookie.  As thread-safe as the callable.
    """

    handler_order = 490

    def __init__(
        self,
        transport: TransportFunction,
        *,
        timeout: Optional[float] = 60.0,
        max_body_bytes: Optional[int] = None,
        counters: Optional[Counters] = None,
        clock: Optional[Clock] = None,
    ) -> None:
        self.transport = transport
        self.timeout = timeout
        self.max_body_bytes = max_body_bytes
        self.counters = counters if counters is not None else Counters()
        self.clock = clock if clock is not None else Clock()

    def http_open(self, req: urllib.request.Request) -> Response:
        """Do one exchange."""
        request: Any = req
        body = getattr(request, "body", None)
        if body is None and request.data is not None:
            body = prepare_body(request.data)
        names, values = request_fields(request, body)
        check_fields(names, values)
        pairs = [
            pair
            for pair in zip(names, values)
            if pair[0].lower() not in _TRANSPORT_OWN_FIELDS
        ]
        content = None
        if body is not None:
            content = body.content if body.content is not None else body.pieces()
        deadline = getattr(request, "deadline", None)
        if deadline is None:
            deadline = Deadline(self.timeout, clock=self.clock)
        shown = without_userinfo(request.full_url)
        if getattr(request, "cancelled", False):
            raise ConnectFailed("the request was cancelled", phase="connect", url=shown)
        method = request.get_method()
        url = request.full_url.partition("#")[0]
        self.counters.here.counts.requests += 1
        try:
            status, headers, result = self.transport(
                method, url, pairs, content, next_wait(deadline, None)
            )
        except OSError as error:
            raise_instead(self._explain(error, request, method, shown), error)
        if deadline.is_over():
            raise TransportTimeout(
                "%s did not answer in time" % request.host,
                phase="headers",
                retryable=True,
                url=shown,
            )
        return self._response(request, status, HeaderFields(headers), result)

    https_open = http_open

    def _explain(
        self, error: OSError, request: Any, method: str, shown: str
    ) -> BaseException:
        ours = transport_error(error, "headers", url=shown, peer=request.host)
        if isinstance(ours, TransportError) and method not in SAFE_METHODS:
            ours.maybe_applied = not isinstance(ours, ConnectFailed)
        return ours

    def _response(
        self, request: Any, status: int, fields: HeaderFields, result: Any
    ) -> Response:
        if not isinstance(status, int) or not 100 <= status <= 999:
            raise ProtocolError("transport returned the status %r" % (status,))
        if isinstance(result, (bytes, bytearray, memoryview)):
            data = bytes(result)
            if "gzip" in fields.joined("content-encoding") and data[:2] != b"\x1f\x8b":
                # The host has undone the compression but left the field.
                del fields["content-encoding"]
            self.counters.here.counts.bytes += len(data)
            result = io.BytesIO(data)
        response = response_of_file(
            result, status, fields, url=request.full_url, request=request
        )
        response.max_body_bytes = self.max_body_bytes
        return response
