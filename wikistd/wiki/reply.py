"""A reply of the Action API in, its document out, or the error that it stands for.

Spec: https://www.mediawiki.org/wiki/API:Errors_and_warnings, all values of
errorformat, both formatversions.  Pure.  Not here: whether to try again
(wiki/retry.py), showing warnings to the caller (wiki/session.py).
"""

from __future__ import annotations

import json
import re
from typing import (
    Any,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

from ..errors import (
    APIError,
    EditConflict,
    ProtocolError,
    RetryLater,
    StatusError,
    WikistdError,
)
from ..formats.headers import parse_retry_after

#: Error codes with which the wiki refuses before it has done anything.
RETRY_CODES = ("maxlag", "readonly", "ratelimited")

#: Bytes of an unreadable body that are kept in its error, and shown in its sentence.
MAX_ERROR_BODY_BYTES = 4096
MAX_SHOWN_CHARACTERS = 200

#: Replies from this size on are read in pieces of whole items, of this size or more.
MIN_PIECEWISE_BYTES = 200_000
REPLY_PIECE_BYTES = 65536
_reply_pages = rb'"(pages)":\[\{"(pageid)"'
_reply_list = rb'"query":\{"(\w+)":\[\{"(\w+)"'

#: The notice that bc warnings carry in front of every deprecation; it warns of nothing.
_reply_spurious = "Subscribe to the mediawiki-api-announce mailing list"
_reply_parameter = "[A-Za-z0-9_-]+"
_reply_tags = r"<[^>]{0,500}>"


#: What comes of reading a reply that is of another shape than it should be.
SHAPE_ERRORS = (LookupError, TypeError, ValueError, AttributeError, OverflowError)


class ReplyReading:
    """A block that reads a reply: a wrong shape in it is a ProtocolError.

    `maybe_applied` is True where the reply is a write's.  Nothing of the caller's may
    run within.
    """

    def __init__(
        self, *, maybe_applied: bool = False, spec: str = "MediaWiki Action API"
    ) -> None:
        self.maybe_applied = maybe_applied
        self.spec = spec

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, SHAPE_ERRORS) and not isinstance(error, WikistdError):
            raise ProtocolError(
                "the wiki's reply is of another shape than documented (%s: %s)"
                % (type(error).__name__, plain_text(str(error))[:MAX_SHOWN_CHARACTERS]),
                spec=self.spec,
                maybe_applied=self.maybe_applied,
            ) from error


def plain_text(text: str) -> str:
    """Return `text` with a question mark for what no file and no terminal takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


#: What the call itself says, and no wiki's `continue` may say in its place.
CALL_PARAMETERS = frozenset(
    "action assert assertuser errorformat format formatversion origin token".split()
)


def has_odd_continue(document: Any) -> bool:
    """Return whether a reply's `continue` cannot be sent back."""
    if not isinstance(document, dict) or "continue" not in document:
        return False
    following = document["continue"]
    if not isinstance(following, dict) or not following:
        return True
    if not CALL_PARAMETERS.isdisjoint(following):
        return True
    if not all(re.fullmatch(_reply_parameter, name) for name in following):
        return True  # PHP reads " action", "action\0x" and "action[]" as action.
    return not all(
        isinstance(value, (str, int)) and plain_text(str(value)) == str(value)
        for value in following.values()
    )


def reply_part(document: Any, name: str) -> Dict[str, Any]:
    """Return what a reply tells under `name`, {} where that is no mapping."""
    part = document.get(name) if isinstance(document, dict) else None
    return part if isinstance(part, dict) else {}


class ReplyWarning(NamedTuple):
    """One warning of a reply: the module it is of, its code ("" in bc), its text."""

    module: str
    code: str
    text: str


def reply_text(item: Dict[str, Any]) -> str:
    """Return the text of one error or warning, whatever the errorformat was."""
    for key in ("text", "*", "info", "warnings"):
        value = item.get(key)
        if isinstance(value, str):
            return value
    value = item.get("html")
    if isinstance(value, str):
        return text_of_html(value, "")
    message_key = item.get("key")
    if isinstance(message_key, str):
        return "%s(%s)" % (message_key, ", ".join(_raw_words(item.get("params"))))
    return str(item.get("code", ""))


def text_of_html(text: str, between: str) -> str:
    """Return HTML without its tags, `between` in their place."""
    from html import unescape  # 3 ms

    return unescape(re.sub(_reply_tags, between, text))


def text_of_entities(text: str) -> str:
    """Return `text` with what its HTML entities stand for."""
    from html import unescape  # 3 ms

    return unescape(text) if "&" in text else text


def _raw_words(params: Any) -> List[str]:
    words = []
    for param in params if isinstance(params, list) else []:
        if isinstance(param, dict) and len(param) == 1:
            param = next(iter(param.values()))
        words.append(str(param))
    return words


def find_errors(document: Any) -> List[Dict[str, Any]]:
    """Return the errors of a reply as dicts with "code" and "text", in their order.

    Other keys are as the wiki gave them; those under "data" are also put beside it,
    as bc has them.
    """
    if not isinstance(document, dict):
        return []
    found: Any = document.get("errors")
    is_listed = isinstance(found, list) and bool(found)
    if not is_listed:
        single = document.get("error")
        found = [] if single is None else [single]
    errors = []
    for item in found:
        if not isinstance(item, dict):
            item = {"info": str(item)}
        data = item.get("data")
        error = dict(data) if isinstance(data, dict) else {}
        error.update(item)
        error.setdefault("code", "unknown")
        text = reply_text(item) if is_listed else item.get("info", error["code"])
        error["text"] = str(text)
        errors.append(error)
    return errors


def find_warnings(document: Any) -> List[ReplyWarning]:
    """Return the warnings of a reply, without the notice that warns of nothing."""
    if not isinstance(document, dict) or "warnings" not in document:
        return []
    found = document["warnings"]
    listed = []
    if isinstance(found, dict):
        for module, item in found.items():
            text = reply_text(item) if isinstance(item, dict) else str(item)
            for line in text.split("\n"):
                listed.append(ReplyWarning(str(module), "", line))
    elif isinstance(found, list):
        for item in found:
            if not isinstance(item, dict):
                item = {"text": str(item)}
            listed.append(
                ReplyWarning(
                    str(item.get("module", "")),
                    str(item.get("code", "")),
                    reply_text(item),
                )
            )
    # A reply that was cut because it grew too large is no loss: the rest follows.
    is_continued = "continue" in document
    return [
        warning
        for warning in listed
        if warning.text
        and warning.code != "deprecation-help"
        and not warning.text.startswith(_reply_spurious)
        and not (
            is_continued
            and (warning.module == "result" or warning.code == "truncatedresult")
        )
    ]


def find_header(headers: Iterable[Tuple[str, str]], name: str) -> Optional[str]:
    """Return the first field called `name`, whatever its case, or None."""
    wanted = name.lower()
    for key, value in headers:
        if key.lower() == wanted:
            return value
    return None


def show_body(body: bytes) -> str:
    """Return the start of a body on one line, for a sentence."""
    text = body[:MAX_ERROR_BODY_BYTES].decode("utf-8", "replace")
    if "<" in text:
        text = re.sub(r"(?is)<(script|style)\b.*?(</\1>|$)", " ", text)
        text = text_of_html(text, " ")
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(text) > MAX_SHOWN_CHARACTERS:
        text = text[:MAX_SHOWN_CHARACTERS] + "..."
    return text


def load_document(body: bytes) -> Any:
    """Return the JSON of a reply; ValueError or RecursionError when it is none.

    A large list of pages or changes is read in pieces.  Read whole, a reply is a
    text of four bytes a character as soon as one of its characters is rare: for 500
    texts 7 MB beside the 7 MB of their values (measured: peak memory 44 MB, now 38).
    Read item by item, each would have keys of its own, and a tenth more time.
    """
    if len(body) >= MIN_PIECEWISE_BYTES:
        found = re.search(_reply_pages, body) or re.search(_reply_list, body)
        if found is not None:
            name, key = found.group(1).decode("ascii"), found.group(2)
            try:
                return load_items(body, found.end() - len(key) - 3, name, key)
            except (ValueError, KeyError, TypeError, IndexError):
                pass  # The like of it stands within the items: read it whole.
    return json.loads(body.decode("utf-8"))


def load_items(body: bytes, start: int, name: str, key: bytes) -> Any:
    """Return the document of `body`; the items of query.`name` begin at `start`.

    Each begins with `key`.  A quote within a text is written with a backslash, so what
    parts two items stands in no text.  Where it stands deeper, a piece that ends there
    has an end too few and is a ValueError.
    """
    head = body[:start].decode("utf-8")
    between = b'},{"' + key + b'"'
    items: List[Any] = []
    while True:
        end = body.find(between, start + REPLY_PIECE_BYTES)
        if end < 0:
            break
        items += json.loads("[%s]" % body[start : end + 1].decode("utf-8"))
        start = end + 2
    tail = "[" + body[start:].decode("utf-8")
    last, length = json.JSONDecoder().raw_decode(tail)
    items += last
    # The mark shows that it was the right list that was taken out.
    document = json.loads("%s%s]%s" % (head, json.dumps(name), tail[length:]))
    if document["query"][name] != [name]:
        raise ValueError("the list is elsewhere")
    document["query"][name] = items
    return document


def parse_reply(
    status: int,
    headers: Sequence[Tuple[str, str]],
    body: bytes,
    *,
    url: str,
    now: float,
    is_write: bool = False,
) -> Any:
    """Return the JSON document of a reply; raise what it stands for instead.

    RetryLater when the wiki refused before it did anything, APIError for its other
    errors, StatusError for an HTTP status without an API answer, ProtocolError for
    a body that is no JSON.  `is_write` decides how sure "nothing was done" is.
    """
    problem = ""
    document: Any = None
    kind = find_header(headers, "content-type") or ""
    if body[:1] in b"{[" and body or "json" in kind.lower():
        try:
            document = load_document(body)
        except (ValueError, RecursionError) as error:
            problem = str(error) or type(error).__name__
            problem = problem if len(problem) < 200 else type(error).__name__
    after_seconds = None
    retry_after = find_header(headers, "retry-after")
    if retry_after is not None:
        after_seconds = parse_retry_after(retry_after, now)
    errors = find_errors(document)
    if errors:
        raise error_of(document, errors, after_seconds, is_write=is_write)
    if status == 429:
        raise RetryLater(
            "http-429", "too many requests", after_seconds=after_seconds
        )
    if status == 503 and after_seconds is not None and not is_write:
        # A write that was answered by 503 may have been saved all the same.
        raise RetryLater("http-503", show_body(body), after_seconds=after_seconds)
    if status >= 400 or (document is None and not 200 <= status < 300):
        raise StatusError(
            _status_sentence(status, headers, body),
            status=status,
            url=url,
            headers=headers,
            body=body[:MAX_ERROR_BODY_BYTES],
            maybe_applied=is_write and (status >= 500 or status == 408),
        )
    if has_odd_continue(document):
        raise ProtocolError(
            "the reply's continue is no mapping of names to texts, or another call",
            spec="API:Continue",
            maybe_applied=is_write,
        )
    if isinstance(document, (dict, list)):
        return document
    raise ProtocolError(
        _broken_sentence(status, headers, body, problem, document),
        spec="JSON, RFC 8259",
        maybe_applied=is_write,
    )


def error_of(
    document: Dict[str, Any],
    errors: Sequence[Dict[str, Any]],
    after_seconds: Optional[float] = None,
    *,
    is_write: bool = False,
) -> Exception:
    """Return the exception for the `errors` found in `document`."""
    first = errors[0]
    code = plain_text(str(first["code"]))
    info = plain_text(str(first["text"]))
    if code in RETRY_CODES and len(errors) == 1:
        reason = first.get("readonlyreason")
        if isinstance(reason, str) and reason:
            info = "%s %s" % (info, reason)
        return RetryLater(code, info, after_seconds=after_seconds)
    content = first.get("*") if "error" in document else None
    kind = EditConflict if code == "editconflict" else APIError
    return kind(
        code,
        info or code,
        text_of_entities(content) if isinstance(content, str) else None,
        errors=errors,
        # The exception may have come after the page was saved.
        maybe_applied=is_write and code.startswith("internal_api_error"),
    )


def _reply_origin(headers: Sequence[Tuple[str, str]]) -> str:
    """Return what identifies the reply to the wiki's administrators, in brackets."""
    notes = []
    code = find_header(headers, "mediawiki-api-error")
    if code:
        notes.append("MediaWiki-API-Error: %s" % code)
    request_id = find_header(headers, "x-request-id")
    if request_id:
        notes.append("request id %s" % request_id)
    return " (%s)" % "; ".join(notes) if notes else ""


def _status_sentence(
    status: int, headers: Sequence[Tuple[str, str]], body: bytes
) -> str:
    text = "the server answered with HTTP status %d" % status
    text += _reply_origin(headers)
    advice = {
        401: "credentials are wanted: give auth=",
        403: "access is refused: is the User-Agent telling, are the rights there?",
        404: "there is no API: check host and api_path",
        413: "the request is too large: send less at once",
        414: "the address is too long: send less at once",
    }.get(status)
    if advice:
        text += "; " + advice
    shown = show_body(body)
    return "%s; it says: %s" % (text, shown) if shown else text


def _broken_sentence(
    status: int,
    headers: Sequence[Tuple[str, str]],
    body: bytes,
    problem: str,
    document: Any,
) -> str:
    kind = find_header(headers, "content-type") or "no Content-Type"
    if not body:
        got = "an empty body"
    elif problem:
        got = "broken JSON (%s)" % problem
    elif document is not None or "json" in kind.lower():
        got = "JSON that is neither an object nor a list"
    else:
        got = "%s of %d bytes" % (kind, len(body))
    text = "expected JSON from the API, got %s with HTTP status %d" % (got, status)
    text += _reply_origin(headers)
    shown = show_body(body)
    if shown:
        text += ", beginning: %s" % shown
    return text + "; check host and api_path, or look at that address in a browser"


def wants_token(error: APIError, sent: Mapping[str, Any]) -> bool:
    """Return whether the wiki refused a call because it came without a token."""
    if "token" in sent or not sent.get("action") or error.code not in (
        "missingparam",
        "notoken",
    ):
        return False
    return error.code == "notoken" or '"token"' in error.info or "token" in str(
        error.errors[0].get("params", "") if error.errors else ""
    )
