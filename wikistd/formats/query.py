"""Query strings and urlencoded forms: pairs in, text out, and back.

Spec: WHATWG URL 5 (application/x-www-form-urlencoded).  Pure.  Not here: forms with
files (formdata.py); Python values to API parameters (wiki/params.py).
"""

from __future__ import annotations

import collections.abc
from typing import TYPE_CHECKING, Any, Iterable, List, Mapping, Tuple, Union
from urllib.parse import unquote_to_bytes

from ..errors import limit_exceeded

URLENCODED_TYPE = "application/x-www-form-urlencoded"
MAX_QUERY_FIELDS = 1000  # PHP's max_input_vars, so also what a wiki reads
MAX_QUERY_BYTES = 8 * 1024 * 1024  # PHP's post_max_size

#: WHATWG URL: only these four and alphanumerics stand as they are; Python's quote_plus
#: leaves the tilde and escapes the asterisk.
_QUERY_PLAIN = "*-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
_QUERY_ESCAPES = {
    n: "+" if n == 0x20 else "%%%02X" % n
    for n in range(256)
    if chr(n) not in _QUERY_PLAIN
}

if TYPE_CHECKING:
    QueryPairs = Union[Mapping[str, Any], Iterable[Tuple[str, Any]]]
else:
    QueryPairs = object  # as HeaderSource


def encode_query(pairs: QueryPairs) -> str:
    """Encode pairs or a mapping as browsers do, in order, duplicates kept.

    Values are str, int or float.  None leaves the field out, a list or tuple repeats
    it.  Anything else is a TypeError that says what to do: bytes have no encoding,
    dicts no agreed form, and True would become the word "True".  Line ends are sent
    as they are.
    """
    if isinstance(pairs, (str, bytes, bytearray)):
        raise TypeError(
            "expected a mapping or (name, value) pairs, got %s" % type(pairs).__name__
        )
    pieces = []
    if not isinstance(pairs, list) and isinstance(pairs, collections.abc.Mapping):
        pairs = pairs.items()
    for name, value in pairs:
        if not isinstance(name, str):
            raise TypeError(
                "name of field %.100r is %s, expected str" % (name, type(name).__name__)
            )
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if item is not None:
                text = _quote_query(query_text(name, item), name)
                # Not by "%s": it would say the name of an enum's member, not its text.
                pieces.append("=".join((_quote_query(name, name), text)))
    return "&".join(pieces)


def query_text(name: str, value: object) -> str:
    """Return the text of one value; TypeError with a sentence naming the field."""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    advice = "expected str, int or float"
    if isinstance(value, (bytes, bytearray, memoryview)):
        advice = "decode it first, or send it as a file"
    elif isinstance(value, dict):
        advice = "encode it as JSON, or give each entry a name"
    elif isinstance(value, bool):
        advice = 'say "1" or "true", or leave the field out'
    raise TypeError(
        "value of field %.100r is %s: %s" % (name, type(value).__name__, advice)
    )


def decode_query(
    data: Union[str, bytes],
    *,
    max_fields: int = MAX_QUERY_FIELDS,
    max_bytes: int = MAX_QUERY_BYTES,
    encoding: str = "utf-8",
    errors: str = "replace",
) -> List[Tuple[str, str]]:
    """Decode a query string or an urlencoded body into (name, value) pairs, in order.

    Raises LimitExceeded past `max_fields` or `max_bytes`.  Bytes that `encoding` does
    not know become U+FFFD, as in browsers, unless `errors` says "strict": then
    UnicodeDecodeError.
    """
    raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    if len(raw) > max_bytes:
        raise limit_exceeded("query of %d bytes" % len(raw), "max_bytes", max_bytes)
    fields = [piece for piece in raw.split(b"&") if piece]
    if len(fields) > max_fields:
        what = "query of %d fields" % len(fields)
        raise limit_exceeded(what, "max_fields", max_fields)
    pairs = []
    for field in fields:
        name, _, value = field.replace(b"+", b" ").partition(b"=")
        pairs.append(
            (
                unquote_to_bytes(name).decode(encoding, errors),
                unquote_to_bytes(value).decode(encoding, errors),
            )
        )
    return pairs


def join_values(values: Iterable[Any]) -> str:
    """Join the values of a multi-value API parameter with pipes.

    Where a value holds a pipe, U+001F separates them and stands before the first.
    Source: https://www.mediawiki.org/wiki/API:Data_formats#Multivalue_parameters
    """
    if isinstance(values, (str, bytes, collections.abc.Mapping)):
        raise TypeError("expected a list of values, got %s" % type(values).__name__)
    texts = [query_text("values", value) for value in values]
    if any("\x1f" in text for text in texts):
        raise ValueError("a value holds U+001F, which separates values")
    if any("|" in text for text in texts):
        return "".join("\x1f" + text for text in texts)
    return "|".join(texts)


def add_query(url: str, pairs: QueryPairs) -> str:
    """Return `url` with the encoded pairs at the end of its query, its own kept."""
    encoded = encode_query(pairs)
    if not encoded:
        return url
    address, mark, fragment = url.partition("#")
    if "?" not in address:
        address += "?"
    elif not address.endswith(("?", "&")):
        address += "&"
    return address + encoded + mark + fragment


def _quote_query(text: str, name: str) -> str:
    if text.isalnum() and text.isascii():
        return text  # Most names, and half of the values: a tenth of an API call's CPU.
    try:
        # Half of urllib's time, and no table of its own that has yet to be filled.
        return text.encode("utf-8").decode("latin-1").translate(_QUERY_ESCAPES)
    except UnicodeEncodeError:
        pass  # It holds the text, maybe a secret: not kept as the context of ours.
    raise ValueError("field %.100r holds a lone surrogate, which is no text" % name)
