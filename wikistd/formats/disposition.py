"""Content-Disposition: text in, type and parameters out.

Spec: RFC 6266, 2231, 7578.  Pure.  Linear in the length of the text.  Not here: writing
it (multipart.py).
"""

from __future__ import annotations

import warnings
from typing import Dict, List, Mapping, Optional, Tuple

from .headers import (
    HEADER_BLANKS,
    decode_ext_value,
    is_token,
    known_charset,
    read_quoted_string,
    skip_header_chars,
    unquote_strictly,
)


class BadContentDispositionHeader(RuntimeWarning):
    """A Content-Disposition header is broken and was ignored whole."""


class BadContentDispositionParam(RuntimeWarning):
    """A parameter of a Content-Disposition header is broken and was ignored."""


def parse_content_disposition(
    header: Optional[str], *, form_data: bool = False
) -> Tuple[Optional[str], Dict[str, str]]:
    """Return (type, parameters) of a Content-Disposition value (RFC 6266).

    A broken header warns with BadContentDispositionHeader and is (None, {}); a broken
    parameter warns with BadContentDispositionParam and is left out.  `filename*` is
    decoded; slashes and backslashes at the start of a file name are taken off, those
    inside are not: never use it as a path.  `form_data` reads the header of a form's
    part as servers do: only `\\"` and `\\\\` are escapes there, because browsers
    send backslashes as they are.
    """
    kind, params, broken, bad_params = scan_content_disposition(header, form_data)
    if broken:
        message = "Content-Disposition %.200r ignored: %s" % (header, broken)
        warnings.warn(BadContentDispositionHeader(message), stacklevel=2)
    for problem in bad_params:
        warnings.warn(BadContentDispositionParam(problem), stacklevel=2)
    return kind, params


def content_disposition_filename(params: Mapping[str, str]) -> Optional[str]:
    """Return the file name that parsed parameters give, None without one.

    `filename*` comes before `filename`, that before RFC 2231 continuations
    (`filename*0`, `filename*1*`, ...), which end at the first gap.
    """
    for name in ("filename*", "filename"):
        if name in params:
            return params[name]
    charset, pieces, number = "utf-8", [], 0
    while True:
        plain = params.get("filename*%d" % number)
        coded = params.get("filename*%d*" % number)
        if plain is not None:
            pieces.append(plain.encode(charset, "replace"))
        elif coded is not None:
            if number == 0 and coded.count("'") >= 2:
                given, _, coded = coded.split("'", 2)
                charset = known_charset(given or "utf-8") or ""
            raw = unquote_strictly(coded)
            if raw is None or not charset:
                return None
            pieces.append(raw)
        else:
            break
        number += 1
    try:
        return b"".join(pieces).decode(charset).lstrip("/\\") if pieces else None
    except UnicodeDecodeError:
        return None


def scan_content_disposition(
    header: Optional[str], form_data: bool
) -> Tuple[Optional[str], Dict[str, str], str, List[str]]:
    """Return (type, parameters, why the header is broken or "", broken parameters).

    What `parse_content_disposition` warns of, for callers that must not warn.
    """
    if not form_data:
        return _scan_disposition(header, None)
    found = _scan_disposition(header, '"\\')
    # Browsers send a backslash as it is, also at the end of a name: then it seems to
    # escape the quote that ends it.
    return _scan_disposition(header, "") if found[2] else found


def _scan_disposition(
    header: Optional[str], escapes: Optional[str]
) -> Tuple[Optional[str], Dict[str, str], str, List[str]]:
    params: Dict[str, str] = {}
    problems: List[str] = []
    if not header:
        return None, params, "", problems
    kind = header.partition(";")[0]
    i = len(kind)
    kind = kind.strip().lower()
    if not is_token(kind):
        return None, {}, "it does not start with a type", []
    while i < len(header):
        i += 1
        end = header.find(";", i)
        end = len(header) if end < 0 else end
        equals = header.find("=", i, end)
        if equals < 0:
            return None, {}, "a parameter has no value", []
        name = header[i:equals].strip().lower()
        start = skip_header_chars(header, equals + 1, HEADER_BLANKS)
        is_quoted = header[start : start + 1] == '"'
        if is_quoted:
            text, end = read_quoted_string(header, start, escapes)
            end = skip_header_chars(header, end, HEADER_BLANKS)
            if text is None or header[end : end + 1] not in ("", ";"):
                return None, {}, "a quoted value does not end where it should", []
            value = text
        else:
            value = header[start:end].strip()
        i = end
        if name in params:
            return None, {}, "%s is given twice" % name, []
        if not is_token(name):
            problems.append("parameter %.100r ignored: its name is no token" % name)
            continue
        base, star, number = name.partition("*")
        if star and number.rstrip("*").isdigit():
            if not is_quoted and not is_token(value):
                problems.append("parameter %s ignored: its value is no token" % name)
                continue
        elif name.endswith("*"):
            decoded = None if is_quoted else decode_ext_value(value)
            if decoded is None:
                problems.append("parameter %s ignored: not as RFC 8187 wants" % name)
                continue
            value = decoded
        elif not is_quoted and not is_token(value):
            return None, {}, "the value of %s should be quoted" % name, []
        params[name] = value.lstrip("/\\") if base == "filename" else value
    return kind, params, "", problems
