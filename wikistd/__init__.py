"""wikistd: what a wiki bot needs from the network, in the Python that is already there.

The API is flat: every public name is an attribute of this package, and its module is
imported when the name is first used.  `python3 -m pydoc wikistd.Session` shows one.
"""

import sys

if sys.version_info < (3, 8):  # no syntax of these files is newer than this check
    raise ImportError("wikistd needs Python 3.8 or newer, not %s" % sys.version[:6])

TYPE_CHECKING = False  # what type checkers take for True, without 3 ms of typing
if TYPE_CHECKING:
    from typing import List

    from .clock import (
        Clock as Clock,
        Deadline as Deadline,
    )
    from .compat.agents import (
        fake_user_agent as fake_user_agent,
    )
    from .compat.comms import (
        error_handling_callback as error_handling_callback,
        fetch as fetch,
        get_authentication as get_authentication,
        request as request,
        user_agent as user_agent,
    )
    from .compat.defaults import (
        CommsClient as CommsClient,
        cookie_jar as cookie_jar,
        default_client as default_client,
        flush as flush,
        set_default_client as set_default_client,
    )
    from .errors import (
        APIError as APIError,
        APIWarning as APIWarning,
        ClientInteractionRequest as ClientInteractionRequest,
        ConnectFailed as ConnectFailed,
        ConnectionLost as ConnectionLost,
        EditConflict as EditConflict,
        FingerprintMismatch as FingerprintMismatch,
        HandshakeRefused as HandshakeRefused,
        HeaderError as HeaderError,
        LimitExceeded as LimitExceeded,
        LoginError as LoginError,
        MalformedEventError as MalformedEventError,
        MultipartError as MultipartError,
        ProtocolError as ProtocolError,
        ProxyError as ProxyError,
        RetryLater as RetryLater,
        StatusError as StatusError,
        StreamEnded as StreamEnded,
        TooManyRedirects as TooManyRedirects,
        TransportError as TransportError,
        TransportTimeout as TransportTimeout,
        UnknownEncoding as UnknownEncoding,
        WebSocketError as WebSocketError,
        WikistdError as WikistdError,
    )
    from .formats.disposition import (
        BadContentDispositionHeader as BadContentDispositionHeader,
        BadContentDispositionParam as BadContentDispositionParam,
        content_disposition_filename as content_disposition_filename,
        parse_content_disposition as parse_content_disposition,
    )
    from .formats.formdata import (
        FormData as FormData,
    )
    from .formats.forms import (
        FormField as FormField,
        read_form as read_form,
    )
    from .formats.frames import (
        CLOSE_ABNORMAL as CLOSE_ABNORMAL,
        CLOSE_GOING_AWAY as CLOSE_GOING_AWAY,
        CLOSE_INTERNAL_ERROR as CLOSE_INTERNAL_ERROR,
        CLOSE_INVALID_TEXT as CLOSE_INVALID_TEXT,
        CLOSE_MANDATORY_EXTENSION as CLOSE_MANDATORY_EXTENSION,
        CLOSE_MESSAGE_TOO_BIG as CLOSE_MESSAGE_TOO_BIG,
        CLOSE_NO_STATUS as CLOSE_NO_STATUS,
        CLOSE_OK as CLOSE_OK,
        CLOSE_POLICY_VIOLATION as CLOSE_POLICY_VIOLATION,
        CLOSE_PROTOCOL_ERROR as CLOSE_PROTOCOL_ERROR,
        CLOSE_UNSUPPORTED_DATA as CLOSE_UNSUPPORTED_DATA,
        MSG_BINARY as MSG_BINARY,
        MSG_CLOSE as MSG_CLOSE,
        MSG_CONTINUATION as MSG_CONTINUATION,
        MSG_PING as MSG_PING,
        MSG_PONG as MSG_PONG,
        MSG_TEXT as MSG_TEXT,
        Message as Message,
        WebSocketParser as WebSocketParser,
        WebSocketWriter as WebSocketWriter,
    )
    from .formats.headers import (
        Challenge as Challenge,
        PartHeaders as PartHeaders,
        check_header as check_header,
        get_charset_from_content_type as get_charset_from_content_type,
        parse_challenges as parse_challenges,
        parse_content_type as parse_content_type,
        parse_http_date as parse_http_date,
        parse_link as parse_link,
        parse_mimetype as parse_mimetype,
        parse_retry_after as parse_retry_after,
        quote_string as quote_string,
    )
    from .formats.lines import (
        ChunksParser as ChunksParser,
        LinesParser as LinesParser,
        ParserBuffer as ParserBuffer,
    )
    from .formats.multiparser import (
        MultipartParser as MultipartParser,
        PartBegin as PartBegin,
        PartEnd as PartEnd,
    )
    from .formats.multipart import (
        BodyPartWriter as BodyPartWriter,
        MultipartWriter as MultipartWriter,
    )
    from .formats.multireader import (
        BodyPartReader as BodyPartReader,
        MultipartReader as MultipartReader,
    )
    from .formats.partcoding import (
        PartEncodingRefused as PartEncodingRefused,
    )
    from .formats.query import (
        add_query as add_query,
        decode_query as decode_query,
        encode_query as encode_query,
        join_values as join_values,
    )
    from .formats.sse import (
        EventParser as EventParser,
        ServerSentEvent as ServerSentEvent,
        encode_comment as encode_comment,
        encode_event as encode_event,
    )
    from .formats.upgrade import (
        do_handshake as do_handshake,
    )
    from .server.app import (
        WikiApp as WikiApp,
    )
    from .server.local import (
        local_connect as local_connect,
    )
    from .server.running import (
        WsgiServer as WsgiServer,
        serve_wsgi as serve_wsgi,
    )
    from .server.serving import (
        WikiServer as WikiServer,
        serve_wiki as serve_wiki,
    )
    from .server.store import (
        PageStore as PageStore,
    )
    from .streams.arrivals import (
        iter_events as iter_events,
    )
    from .streams.eventsource import (
        EventSource as EventSource,
    )
    from .streams.eventstreams import (
        EventStreams as EventStreams,
        site_rc_listener as site_rc_listener,
    )
    from .streams.mastodon import (
        CallbackStreamListener as CallbackStreamListener,
        StopStream as StopStream,
        StreamListener as StreamListener,
    )
    from .streams.mastodonclient import (
        Mastodon as Mastodon,
    )
    from .streams.mastodonsocket import (
        MastodonSocket as MastodonSocket,
        MastodonSubscription as MastodonSubscription,
        StreamHandle as StreamHandle,
    )
    from .streams.recentchanges import (
        RecentChanges as RecentChanges,
        RecentChangesBridge as RecentChangesBridge,
    )
    from .streams.reconnect import (
        StreamGap as StreamGap,
    )
    from .streams.websocket import (
        WebSocketConnection as WebSocketConnection,
        connect_websocket as connect_websocket,
    )
    from .web.client import (
        HttpClient as HttpClient,
    )
    from .web.cookiehandler import (
        CookieHandler as CookieHandler,
    )
    from .web.cookies import (
        CookieStore as CookieStore,
    )
    from .web.credentials import (
        AuthHandler as AuthHandler,
    )
    from .web.decoding import (
        DecodingHandler as DecodingHandler,
    )
    from .web.digest import (
        DigestAuth as DigestAuth,
    )
    from .web.keepalive import (
        KeepAliveHandler as KeepAliveHandler,
    )
    from .web.logins import (
        BasicAuth as BasicAuth,
        BearerAuth as BearerAuth,
        NetrcAuth as NetrcAuth,
        PasswordAuth as PasswordAuth,
    )
    from .web.oauth1 import (
        OAuth1Auth as OAuth1Auth,
    )
    from .web.pool import (
        ConnectionPool as ConnectionPool,
        Counters as Counters,
    )
    from .web.proxies import (
        Proxy as Proxy,
        ProxyHandler as ProxyHandler,
        ProxySettings as ProxySettings,
        parse_proxy as parse_proxy,
    )
    from .web.redirects import (
        RedirectHandler as RedirectHandler,
    )
    from .web.request import (
        WebRequest as WebRequest,
    )
    from .web.response import (
        Response as Response,
    )
    from .web.signals import (
        Signal as Signal,
    )
    from .web.useragent import (
        default_user_agent as default_user_agent,
        user_agent_username as user_agent_username,
    )
    from .wiki.batch import (
        BatchReport as BatchReport,
        BatchResult as BatchResult,
        run_batch as run_batch,
        undo_batch as undo_batch,
    )
    from .wiki.download import (
        DownloadResult as DownloadResult,
        download_file as download_file,
    )
    from .wiki.edit import (
        EditResult as EditResult,
        edit_page as edit_page,
    )
    from .wiki.etiquette import (
        Etiquette as Etiquette,
    )
    from .wiki.logged import (
        LoggedResult as LoggedResult,
        delete_page as delete_page,
        move_page as move_page,
        protect_page as protect_page,
    )
    from .wiki.naming import (
        SiteNamespace as SiteNamespace,
        SiteTitle as SiteTitle,
        TitleRules as TitleRules,
    )
    from .wiki.pages import (
        PageQuery as PageQuery,
        query_pages as query_pages,
    )
    from .wiki.session import (
        Session as Session,
    )
    from .wiki.site import (
        Site as Site,
    )
    from .wiki.transfer import (
        UploadResult as UploadResult,
        upload_file as upload_file,
    )

__version__ = "0.1.0"

#: Module and public names in it.  A script pays for the rooms it enters: all of them
#: at once took 60 ms, more than urllib.request, http.cookiejar and json together.
PUBLIC_NAMES = {
    "clock": "Clock Deadline",
    "compat.agents": "fake_user_agent",
    "compat.comms": (
        "error_handling_callback fetch get_authentication request user_agent"
    ),
    "compat.defaults": "CommsClient cookie_jar default_client flush set_default_client",
    "errors": (
        "APIError APIWarning ClientInteractionRequest ConnectFailed "
        "ConnectionLost EditConflict FingerprintMismatch HandshakeRefused "
        "HeaderError LimitExceeded LoginError MalformedEventError MultipartError "
        "ProtocolError ProxyError RetryLater StatusError StreamEnded "
        "TooManyRedirects TransportError TransportTimeout UnknownEncoding "
        "WebSocketError WikistdError"
    ),
    "formats.disposition": (
        "BadContentDispositionHeader BadContentDispositionParam "
        "content_disposition_filename parse_content_disposition"
    ),
    "formats.formdata": "FormData",
    "formats.forms": "FormField read_form",
    "formats.frames": (
        "CLOSE_ABNORMAL CLOSE_GOING_AWAY CLOSE_INTERNAL_ERROR CLOSE_INVALID_TEXT "
        "CLOSE_MANDATORY_EXTENSION CLOSE_MESSAGE_TOO_BIG CLOSE_NO_STATUS CLOSE_OK "
        "CLOSE_POLICY_VIOLATION CLOSE_PROTOCOL_ERROR CLOSE_UNSUPPORTED_DATA "
        "MSG_BINARY MSG_CLOSE MSG_CONTINUATION MSG_PING MSG_PONG MSG_TEXT Message "
        "WebSocketParser WebSocketWriter"
    ),
    "formats.headers": (
        "Challenge PartHeaders check_header get_charset_from_content_type "
        "parse_challenges parse_content_type parse_http_date parse_link "
        "parse_mimetype parse_retry_after quote_string"
    ),
    "formats.lines": "ChunksParser LinesParser ParserBuffer",
    "formats.multiparser": "MultipartParser PartBegin PartEnd",
    "formats.multipart": "BodyPartWriter MultipartWriter",
    "formats.multireader": "BodyPartReader MultipartReader",
    "formats.partcoding": "PartEncodingRefused",
    "formats.query": "add_query decode_query encode_query join_values",
    "formats.sse": "EventParser ServerSentEvent encode_comment encode_event",
    "formats.upgrade": "do_handshake",
    "server.app": "WikiApp",
    "server.local": "local_connect",
    "server.running": "WsgiServer serve_wsgi",
    "server.serving": "WikiServer serve_wiki",
    "server.store": "PageStore",
    "streams.arrivals": "iter_events",
    "streams.eventsource": "EventSource",
    "streams.eventstreams": "EventStreams site_rc_listener",
    "streams.mastodon": "CallbackStreamListener StopStream StreamListener",
    "streams.mastodonclient": "Mastodon",
    "streams.mastodonsocket": "MastodonSocket MastodonSubscription StreamHandle",
    "streams.recentchanges": "RecentChanges RecentChangesBridge",
    "streams.reconnect": "StreamGap",
    "streams.websocket": "WebSocketConnection connect_websocket",
    "web.client": "HttpClient",
    "web.cookiehandler": "CookieHandler",
    "web.cookies": "CookieStore",
    "web.credentials": "AuthHandler",
    "web.decoding": "DecodingHandler",
    "web.digest": "DigestAuth",
    "web.keepalive": "KeepAliveHandler",
    "web.logins": "BasicAuth BearerAuth NetrcAuth PasswordAuth",
    "web.oauth1": "OAuth1Auth",
    "web.pool": "ConnectionPool Counters",
    "web.proxies": "Proxy ProxyHandler ProxySettings parse_proxy",
    "web.redirects": "RedirectHandler",
    "web.request": "WebRequest",
    "web.response": "Response",
    "web.signals": "Signal",
    "web.useragent": "default_user_agent user_agent_username",
    "wiki.batch": "BatchReport BatchResult run_batch undo_batch",
    "wiki.download": "DownloadResult download_file",
    "wiki.edit": "EditResult edit_page",
    "wiki.etiquette": "Etiquette",
    "wiki.logged": "LoggedResult delete_page move_page protect_page",
    "wiki.naming": "SiteNamespace SiteTitle TitleRules",
    "wiki.pages": "PageQuery query_pages",
    "wiki.session": "Session",
    "wiki.site": "Site",
    "wiki.transfer": "UploadResult upload_file",
}

__all__ = sorted(" ".join(PUBLIC_NAMES.values()).split())


if not TYPE_CHECKING:  # a name that there is not is for type checkers to see

    def __getattr__(name: str) -> object:
        from importlib import import_module

        for module, names in PUBLIC_NAMES.items():
            if name in names.split():
                value = getattr(import_module("." + module, __name__), name)
                globals()[name] = value
                return value
        raise AttributeError("module %r has no attribute %r" % (__name__, name))


def __dir__() -> "List[str]":
    return sorted(set(globals()) | set(__all__))
