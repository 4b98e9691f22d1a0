"""One exchange with the API: parameters out, document or one of our errors back.

Spec: https://www.mediawiki.org/wiki/API:Main_page.  Holds: nothing.  Talks to any
object with the request() of requests.Session.  Not here: trying again
(wiki/session.py), meaning of the reply (wiki/reply.py).
"""

from __future__ import annotations

import binascii
import json
import sys
from typing import (
    Any,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Sequence,
    Set,
    Tuple,
    Type,
)
from urllib.parse import quote, quote_plus, urlsplit

from ..errors import (
    ConnectFailed,
    ConnectionLost,
    LimitExceeded,
    StatusError,
    TransportError,
    TransportTimeout,
    WikistdError,
)
from ..formats.http1 import HeaderFields
from ..formats.query import encode_query
from ..web.client import HttpClient
from ..web.origins import drain_response, origin_of, without_userinfo
from ..web.redirects import redirect_target
from .params import SECRET_PARAMETERS, wrong_type
from .reply import find_header, parse_reply

#: A longer address is sent as POST: proxies and servers refuse lines from 4 KiB on,
#: nginx and Apache at 8 KiB.
MAX_GET_URL_BYTES = 4000

#: Replaced in errors; shorter secrets would blank out ordinary words.
MIN_SECRET_CHARACTERS = 4
MIN_COOKIE_CHARACTERS = 8

#: A larger reply is not parsed, which takes ten times its memory and more.  MediaWiki's
#: are 8 MB by default ($wgAPIMaxResultSize); downloads are no replies.
MAX_REPLY_BYTES = 64 * 1024 * 1024

#: Redirects of one POST that are followed.
MAX_POST_REDIRECTS = 5

#: Classes of requests and of Python; our own; where it happened.  The first counts.
FOREIGN_ERRORS: Tuple[Tuple[Tuple[str, ...], Type[TransportError], str], ...] = (
    (
        ("ConnectTimeout", "NewConnectionError", "ConnectionRefusedError"),
        ConnectFailed,
        "connect",
    ),
    (("SSLError", "SSLCertVerificationError"), ConnectFailed, "tls"),
    (("ProxyError",), ConnectFailed, "proxy"),
    (("Timeout", "timeout", "TimeoutError"), TransportTimeout, "headers"),
)

FORM_CONTENT_TYPE = "application/x-www-form-urlencoded"

def wiki_logger() -> Any:
    """Return the logger of this room, or None while nobody has imported logging.

    Importing it costs 3 ms; whoever wants to see records has imported it already.
    """
    logging = sys.modules.get("logging")
    if not hasattr(logging, "getLogger"):  # or another thread is importing it just now
        return None
    assert logging is not None
    # Of the name under which this copy of wikistd was imported.
    return logging.getLogger(__name__.partition(".")[0] + ".wiki")


def reply_header_pairs(headers: Any) -> List[Tuple[str, str]]:
    """Return the header fields of a response of whatever client as pairs."""
    if headers is None:
        return []
    if isinstance(headers, HeaderFields):
        return headers.items()
    if hasattr(headers, "items"):
        headers = headers.items()
    return [(str(name), str(value)) for name, value in headers]


def secret_values(params: Mapping[str, Any]) -> List[str]:
    """Return the values of the secret ones among parameters."""
    return [
        value
        for name, value in params.items()
        if name in SECRET_PARAMETERS and isinstance(value, str)
    ]


def secret_header_values(headers: Iterable[Tuple[str, str]]) -> List[str]:
    """Return what is secret in the headers of a request."""
    found = []
    for name, value in headers:
        name = name.lower()
        if name in ("authorization", "proxy-authorization"):
            scheme, _, rest = value.partition(" ")
            found += [value, rest]
            if scheme.lower() == "basic":
                try:
                    text = binascii.a2b_base64(rest).decode("utf-8", "replace")
                except ValueError:
                    continue
                found.append(text.partition(":")[2])
        elif name == "cookie":
            for pair in value.split(";"):
                name, _, text = pair.strip().partition("=")
                if len(text) >= MIN_COOKIE_CHARACTERS and not name.endswith("Name"):
                    found.append(text)
    return found


def scrub_values(error: WikistdError, values: Iterable[str]) -> None:
    """Replace `values`, however they are spelt, in every text field of `error`.

    A server in trouble may print the request it was sent.
    """
    secrets = spellings(values)
    if secrets:
        for name, value in list(error.__dict__.items()):
            error.__dict__[name] = _scrubbed(value, secrets)


def spellings(values: Iterable[str]) -> List[str]:
    """Return secrets as they are, in URLs, forms, JSON and HTML; longest first."""
    from html import escape  # 3 ms

    found: Set[str] = set()
    for value in values:
        if len(value) < MIN_SECRET_CHARACTERS:
            continue
        raw = value.encode("utf-8", "surrogatepass")
        found.update((value, quote(raw), quote(raw, safe=""), quote_plus(raw)))
        for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
            found.update((text[1:-1], text[1:-1].replace("/", "\\/")))
        found.add(escape(value))
    return sorted(found, key=len, reverse=True)


def scrub_warnings(document: Any, params: Mapping[str, Any]) -> None:
    """Replace the values of secret parameters in the warnings of a document."""
    secrets = spellings(secret_values(params))
    if secrets:
        document["warnings"] = _scrubbed(document["warnings"], secrets)


def _scrubbed(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "***")
        if value.endswith("..."):
            value = _without_cut(value[:-3], secrets) + "..."
    elif isinstance(value, bytes):
        raw = [secret.encode("utf-8", "surrogatepass") for secret in secrets]
        for each in raw:
            value = value.replace(each, b"***")
        return _without_cut(value, raw)
    elif isinstance(value, list):
        return [_scrubbed(item, secrets) for item in value]
    elif isinstance(value, tuple):
        return tuple(_scrubbed(item, secrets) for item in value)
    elif isinstance(value, dict):
        return {key: _scrubbed(item, secrets) for key, item in value.items()}
    return value


def _without_cut(value: Any, secrets: Sequence[Any]) -> Any:
    """Return an excerpt without the secret that it may have been cut in the middle of.

    `value` and `secrets` are text or bytes.
    """
    for size in range(max(map(len, secrets)) - 1, MIN_SECRET_CHARACTERS - 1, -1):
        if any(value.endswith(s[:size]) for s in secrets if size < len(s)):
            return value[:-size]
    return value


def bound_reply(response: Any) -> None:
    """Bound the size and the time of a reply that is about to be read."""
    own = response.max_body_bytes
    response.max_body_bytes = min(own or MAX_REPLY_BYTES, MAX_REPLY_BYTES)
    response.deadline = response.request.deadline  # A stream's would be none.


def _reply_too_large(is_write: bool) -> LimitExceeded:
    return LimitExceeded(
        "the reply is larger than MAX_REPLY_BYTES=%d: ask for less at once"
        % MAX_REPLY_BYTES,
        name="MAX_REPLY_BYTES",
        limit=MAX_REPLY_BYTES,
        maybe_applied=is_write,
    )


def foreign_error(error: OSError, url: str) -> TransportError:
    """Return our error for one of another client's, such as requests'.

    Its classes are told by their names: that client is not ours to import.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    text = "%s: %s" % (type(error).__name__, error)
    if "NewConnectionError" in text:
        names.add("NewConnectionError")
    kind: Type[TransportError] = ConnectionLost
    phase = "headers"
    for theirs, ours, when in FOREIGN_ERRORS:
        if not names.isdisjoint(theirs):
            kind, phase = ours, when
            break
    resolving = "resolve" in text or "Name or service" in text
    return kind(
        text,
        phase="dns" if resolving else phase,
        retryable=phase in ("headers", "connect") and not resolving,
        url=url,
    )


def normalise_files(files: Mapping[str, Any]) -> Dict[str, Tuple[str, Any, str]]:
    """Return {field: (filename, content, type)} from what callers may give.

    A value is bytes, a binary file, or (filename, content[, type]).  The wiki takes
    the name of an upload from the parameter `filename`, so the part's own is a plain
    ASCII word: servers differ in how they read others.
    """
    result = {}
    for field, value in files.items():
        filename, kind = "file", "application/octet-stream"
        if isinstance(value, tuple):
            if not 2 <= len(value) <= 3:
                raise ValueError(
                    "files[%r] is (filename, content) or (filename, content, type), "
                    "got %d items" % (field, len(value))
                )
            filename, value, kind = (*value, kind)[:3]
        if isinstance(value, (bytearray, memoryview)):
            value = bytes(value)
        if not isinstance(value, bytes) and not hasattr(value, "read"):
            raise wrong_type("files[%r] is bytes or a binary file" % field, value)
        result[field] = (filename, value, kind)
    return result


def file_positions(files: Mapping[str, Tuple[str, Any, str]]) -> Optional[List[int]]:
    """Return where each file stands, or None when one cannot be rewound."""
    positions = []
    for _, content, _ in files.values():
        if isinstance(content, bytes):
            positions.append(0)
            continue
        try:
            positions.append(content.tell())
            content.seek(positions[-1])
        except (AttributeError, OSError, ValueError):
            return None  # A pipe: what was read is gone.
    return positions


def rewind_files(
    files: Mapping[str, Tuple[str, Any, str]], positions: Sequence[int]
) -> None:
    """Set each file back to where `file_positions` found it."""
    for (_, content, _), position in zip(files.values(), positions):
        if not isinstance(content, bytes):
            content.seek(position)


def send_call(
    session: Any,
    method: str,
    pairs: Sequence[Tuple[str, str]],
    *,
    files: Optional[Mapping[str, Tuple[str, Any, str]]],
    auth: Any,
    is_read: bool,
) -> Any:
    """Send one request of a session, return its document; raise our errors only.

    `is_read`: its action changes nothing.  The session's `_on_reply` is called with a
    response of status 200 before it is parsed, and before an HttpClient has read it;
    where it returns true, this returns the response.
    """
    client, clock, on_reply = session.session, session.clock, session._on_reply
    is_ours = isinstance(client, HttpClient)
    is_write = method == "POST" and not is_read
    target = url = session.api_url
    sent = dict(session.headers)
    arguments: Dict[str, Any] = {"timeout": session.timeout}
    if auth is None:
        auth = session.auth
    if auth is not None:
        arguments["auth"] = auth
    query = "" if files else encode_query(pairs)
    if method == "GET" and len(url) + len(query) + 1 > MAX_GET_URL_BYTES:
        method = "POST"
    if method == "GET":
        target = url + ("&" if "?" in url else "?") + query
    elif files:
        arguments.update(data=list(pairs), files=dict(files))
    else:
        arguments["data"] = query.encode("ascii")
        sent["Content-Type"] = FORM_CONTENT_TYPE
    if method == "POST" and is_read:
        # Lets a wiki of several data centres answer from the nearest one.
        sent["Promise-Non-Write-API-Action"] = "true"
    if is_ours:
        arguments["stream"] = True  # To bound the reply before it is read.
    began = clock.monotonic()
    outcome: Any = "broken off"
    try:
        if method == "POST":
            response = post_at_home(client, target, sent, arguments)
        else:
            response = client.request(method, target, headers=sent, **arguments)
        status = int(response.status_code)
        fields = reply_header_pairs(response.headers)
        if is_ours:
            bound_reply(response)
        if on_reply is not None and status == 200 and on_reply(response):
            outcome = status
            return response
        body = response.content
        outcome = status
    except WikistdError as error:
        outcome = type(error).__name__
        if isinstance(error, LimitExceeded) and error.limit == MAX_REPLY_BYTES:
            raise _reply_too_large(is_write) from error
        if is_write and not isinstance(error, ConnectFailed):
            error.maybe_applied = True
        raise
    except OSError as error:
        ours = foreign_error(error, url)
        outcome = type(ours).__name__
        ours.maybe_applied = is_write and not isinstance(ours, ConnectFailed)
        raise ours from error
    finally:
        _log_exchange(method, pairs, outcome, clock.monotonic() - began)
    asked = getattr(response, "request", None)
    del response  # It holds the body as well, which parsing multiplies.
    if len(body) > MAX_REPLY_BYTES:
        raise _reply_too_large(is_write)
    try:
        return parse_reply(
            status, fields, body, url=url, now=clock.now(), is_write=is_write
        )
    except WikistdError as error:
        for name in ("headers", "unredirected_hdrs"):
            pairs = reply_header_pairs(getattr(asked, name, None))
            scrub_values(error, secret_header_values(pairs))
        raise


def post_at_home(
    client: Any, url: str, headers: Mapping[str, str], arguments: Mapping[str, Any]
) -> Any:
    """Send a POST; follow redirects that keep its body within the origin only.

    Passwords and tokens are in the body.  The only other origin that gets them is the
    same host by https, on the usual ports.
    """
    files = arguments.get("files") or {}
    positions = file_positions(files)
    for _ in range(MAX_POST_REDIRECTS):
        response = client.request(
            "POST", url, headers=headers, allow_redirects=False, **arguments
        )
        status = int(response.status_code)
        if status not in (301, 302, 303, 307, 308):
            return response
        fields = reply_header_pairs(response.headers)
        location = find_header(fields, "location")
        if location is None:
            return response
        if isinstance(client, HttpClient):
            bound_reply(response)
            drain_response(response)  # Else its connection would be lost.
        try:
            target = redirect_target(url, location)
            ours, theirs = origin_of(url), origin_of(target)
            shown = without_userinfo(target)
            same = ours == theirs or theirs == ("https", ours.host, 443) and (
                ours.port == 80
            )
        except ValueError:
            shown, same = "nowhere", False
        if status < 307 or not same or positions is None:
            break
        rewind_files(files, positions)
        url = target
    else:
        shown += ", one of too many"
    raise StatusError(
        "redirect %d of a POST, to %s, was not followed: its parameters stay with "
        "%s; if the wiki has moved there, give that host and api_path"
        % (status, shown, urlsplit(url).netloc),
        status=status,
        url=url,
        headers=fields,
    )


def _log_exchange(
    method: str, pairs: Sequence[Tuple[str, str]], outcome: Any, seconds: float
) -> None:
    """Log one line, with the names of the parameters and no value but the action's."""
    logger = wiki_logger()
    if logger is None or not logger.isEnabledFor(10):
        return
    action = next((text for name, text in pairs if name == "action"), "")
    names = ",".join(name for name, _ in pairs if name != "action")
    logger.debug(
        "%s action=%s (%s): %s, %.3f s", method, action, names, outcome, seconds
    )
