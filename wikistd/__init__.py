"""wikistd: what a wiki bot needs from the network, in the Python that is already there.

The API is flat: every public name is an attribute of this package.
"""

from .clock import Clock, Deadline
from .errors import (
    APIError,
    APIWarning,
    ClientInteractionRequest,
    ConnectFailed,
    ConnectionLost,
    EditConflict,
    FingerprintMismatch,
    HandshakeRefused,
    HeaderError,
    LimitExceeded,
    LoginError,
    MalformedEventError,
    MultipartError,
    ProtocolError,
    ProxyError,
    RetryLater,
    StatusError,
    StreamEnded,
    TooManyRedirects,
    TransportError,
    TransportTimeout,
    WebSocketError,
    WikistdError,
)
from .formats.sse import EventParser, ServerSentEvent, encode_comment, encode_event
from .server.local import local_connect
from .server.running import WsgiServer, serve_wsgi

__version__ = "0.1.0"

__all__ = [
    "APIError",
    "APIWarning",
    "ClientInteractionRequest",
    "Clock",
    "ConnectFailed",
    "ConnectionLost",
    "Deadline",
    "EditConflict",
    "EventParser",
    "FingerprintMismatch",
    "HandshakeRefused",
    "HeaderError",
    "LimitExceeded",
    "LoginError",
    "MalformedEventError",
    "MultipartError",
    "ProtocolError",
    "ProxyError",
    "RetryLater",
    "ServerSentEvent",
    "StatusError",
    "StreamEnded",
    "TooManyRedirects",
    "TransportError",
    "TransportTimeout",
    "WebSocketError",
    "WikistdError",
    "WsgiServer",
    "encode_comment",
    "encode_event",
    "local_connect",
    "serve_wsgi",
]
