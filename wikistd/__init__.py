"""wikistd: what a wiki bot needs from the network, in the Python that is already there.

The API is flat: every public name is an attribute of this package.
"""

from .clock import Clock, Deadline
from .compat.agents import fake_user_agent
from .compat.comms import (
    error_handling_callback,
    fetch,
    get_authentication,
    request,
    user_agent,
)
from .compat.defaults import (
    CommsClient,
    cookie_jar,
    default_client,
    flush,
    set_default_client,
)
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
    UnknownEncoding,
    WebSocketError,
    WikistdError,
)
from .formats.disposition import (
    BadContentDispositionHeader,
    BadContentDispositionParam,
    content_disposition_filename,
    parse_content_disposition,
)
from .formats.forms import FormField, read_form
from .formats.frames import (
    CLOSE_ABNORMAL,
    CLOSE_GOING_AWAY,
    CLOSE_INTERNAL_ERROR,
    CLOSE_INVALID_TEXT,
    CLOSE_MANDATORY_EXTENSION,
    CLOSE_MESSAGE_TOO_BIG,
    CLOSE_NO_STATUS,
    CLOSE_OK,
    CLOSE_POLICY_VIOLATION,
    CLOSE_PROTOCOL_ERROR,
    CLOSE_UNSUPPORTED_DATA,
    MSG_BINARY,
    MSG_CLOSE,
    MSG_CONTINUATION,
    MSG_PING,
    MSG_PONG,
    MSG_TEXT,
    Message,
    WebSocketParser,
    WebSocketWriter,
)
from .formats.headers import (
    Challenge,
    PartHeaders,
    check_header,
    get_charset_from_content_type,
    parse_challenges,
    parse_content_type,
    parse_http_date,
    parse_link,
    parse_mimetype,
    parse_retry_after,
    quote_string,
)
from .formats.lines import ChunksParser, LinesParser, ParserBuffer
from .formats.multiparser import MultipartParser, PartBegin, PartEnd
from .formats.multipart import BodyPartWriter, FormData, MultipartWriter
from .formats.multireader import BodyPartReader, MultipartReader
from .formats.partcoding import PartEncodingRefused
from .formats.query import add_query, decode_query, encode_query, join_values
from .formats.sse import EventParser, ServerSentEvent, encode_comment, encode_event
from .formats.upgrade import do_handshake
from .server.app import WikiApp
from .server.local import local_connect
from .server.running import WsgiServer, serve_wsgi
from .server.serving import WikiServer, serve_wiki
from .server.store import PageStore
from .streams.arrivals import iter_events
from .streams.eventsource import EventSource
from .streams.eventstreams import EventStreams, site_rc_listener
from .streams.mastodon import CallbackStreamListener, StopStream, StreamListener
from .streams.mastodonclient import Mastodon
from .streams.mastodonsocket import (
    MastodonSocket,
    MastodonSubscription,
    StreamHandle,
)
from .streams.recentchanges import RecentChanges, RecentChangesBridge
from .streams.reconnect import StreamGap
from .streams.websocket import WebSocketConnection, connect_websocket
from .web.client import HttpClient
from .web.cookies import CookieHandler, CookieStore
from .web.credentials import AuthHandler
from .web.decoding import DecodingHandler
from .web.digest import DigestAuth
from .web.keepalive import KeepAliveHandler
from .web.logins import BasicAuth, BearerAuth, NetrcAuth, PasswordAuth
from .web.oauth1 import OAuth1Auth
from .web.pool import ConnectionPool, Counters
from .web.proxies import Proxy, ProxyHandler, ProxySettings, parse_proxy
from .web.redirects import RedirectHandler
from .web.request import WebRequest
from .web.response import Response
from .web.signals import Signal
from .web.useragent import default_user_agent, user_agent_username
from .wiki.batch import BatchReport, BatchResult, run_batch, undo_batch
from .wiki.download import DownloadResult, download_file
from .wiki.edit import EditResult, edit_page
from .wiki.etiquette import Etiquette
from .wiki.logged import LoggedResult, delete_page, move_page, protect_page
from .wiki.naming import SiteNamespace, SiteTitle, TitleRules
from .wiki.pages import PageQuery, query_pages
from .wiki.session import Session
from .wiki.site import Site
from .wiki.transfer import UploadResult, upload_file

__version__ = "0.1.0"

__all__ = [
    "CLOSE_ABNORMAL",
    "CLOSE_GOING_AWAY",
    "CLOSE_INTERNAL_ERROR",
    "CLOSE_INVALID_TEXT",
    "CLOSE_MANDATORY_EXTENSION",
    "CLOSE_MESSAGE_TOO_BIG",
    "CLOSE_NO_STATUS",
    "CLOSE_OK",
    "CLOSE_POLICY_VIOLATION",
    "CLOSE_PROTOCOL_ERROR",
    "CLOSE_UNSUPPORTED_DATA",
    "MSG_BINARY",
    "MSG_CLOSE",
    "MSG_CONTINUATION",
    "MSG_PING",
    "MSG_PONG",
    "MSG_TEXT",
    "APIError",
    "APIWarning",
    "AuthHandler",
    "BadContentDispositionHeader",
    "BadContentDispositionParam",
    "BasicAuth",
    "BatchReport",
    "BatchResult",
    "BearerAuth",
    "BodyPartReader",
    "BodyPartWriter",
    "CallbackStreamListener",
    "Challenge",
    "ChunksParser",
    "ClientInteractionRequest",
    "Clock",
    "CommsClient",
    "ConnectFailed",
    "ConnectionLost",
    "ConnectionPool",
    "CookieHandler",
    "CookieStore",
    "Counters",
    "Deadline",
    "DecodingHandler",
    "DigestAuth",
    "DownloadResult",
    "EditConflict",
    "EditResult",
    "Etiquette",
    "EventParser",
    "EventSource",
    "EventStreams",
    "FingerprintMismatch",
    "FormData",
    "FormField",
    "HandshakeRefused",
    "HeaderError",
    "HttpClient",
    "KeepAliveHandler",
    "LimitExceeded",
    "LinesParser",
    "LoggedResult",
    "LoginError",
    "MalformedEventError",
    "Mastodon",
    "MastodonSocket",
    "MastodonSubscription",
    "Message",
    "MultipartError",
    "MultipartParser",
    "MultipartReader",
    "MultipartWriter",
    "NetrcAuth",
    "OAuth1Auth",
    "PageQuery",
    "PageStore",
    "ParserBuffer",
    "PartBegin",
    "PartEncodingRefused",
    "PartEnd",
    "PartHeaders",
    "PasswordAuth",
    "ProtocolError",
    "Proxy",
    "ProxyError",
    "ProxyHandler",
    "ProxySettings",
    "RecentChanges",
    "RecentChangesBridge",
    "RedirectHandler",
    "Response",
    "RetryLater",
    "ServerSentEvent",
    "Session",
    "Signal",
    "Site",
    "SiteNamespace",
    "SiteTitle",
    "StatusError",
    "StopStream",
    "StreamEnded",
    "StreamGap",
    "StreamHandle",
    "StreamListener",
    "TitleRules",
    "TooManyRedirects",
    "TransportError",
    "TransportTimeout",
    "UnknownEncoding",
    "UploadResult",
    "WebRequest",
    "WebSocketConnection",
    "WebSocketError",
    "WebSocketParser",
    "WebSocketWriter",
    "WikiApp",
    "WikiServer",
    "WikistdError",
    "WsgiServer",
    "add_query",
    "check_header",
    "connect_websocket",
    "content_disposition_filename",
    "cookie_jar",
    "decode_query",
    "default_client",
    "default_user_agent",
    "delete_page",
    "do_handshake",
    "download_file",
    "edit_page",
    "encode_comment",
    "encode_event",
    "encode_query",
    "error_handling_callback",
    "fake_user_agent",
    "fetch",
    "flush",
    "get_authentication",
    "get_charset_from_content_type",
    "iter_events",
    "join_values",
    "local_connect",
    "move_page",
    "parse_challenges",
    "parse_content_disposition",
    "parse_content_type",
    "parse_http_date",
    "parse_link",
    "parse_mimetype",
    "parse_proxy",
    "parse_retry_after",
    "protect_page",
    "query_pages",
    "quote_string",
    "read_form",
    "request",
    "run_batch",
    "serve_wiki",
    "serve_wsgi",
    "set_default_client",
    "site_rc_listener",
    "undo_batch",
    "upload_file",
    "user_agent",
    "user_agent_username",
]
