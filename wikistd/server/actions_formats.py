"""The shapes of API replies: both formatversions, errors, warnings, JSON and others.

In: a result of dicts and lists.  Out: bytes and their media type.
Spec: MediaWiki 1.39's ApiResult, ApiErrorFormatter and formats.  Pure.
Not here: what is in a result (the other actions_*.py).
"""

from __future__ import annotations

import json
from typing import Any, Dict, Iterable, List, NamedTuple, Tuple

from .actions import ApiMessage
from .markup import escape_html

#: Names of list members in XML; "item" for others would lose nothing but likeness.
XML_MEMBER_NAMES = {
    "allpages": "p",
    "badrevids": "rev",
    "categories": "cl",
    "categorymembers": "cm",
    "errors": "error",
    "extlinks": "el",
    "groups": "g",
    "imageinfo": "ii",
    "interwiki": "i",
    "links": "pl",
    "logevents": "item",
    "normalized": "n",
    "pages": "page",
    "recentchanges": "rc",
    "redirects": "r",
    "revisions": "rev",
    "rights": "r",
    "search": "p",
    "templates": "tl",
    "users": "user",
    "warnings": "warning",
}
API_FORMATS = ("json", "jsonfm", "none", "php", "phpfm", "rawfm", "xml", "xmlfm")


class PlainBool(NamedTuple):
    """A value that stays true or false in formatversion 1."""

    value: bool


def shape_result(value: Any, version: int) -> Any:
    """Return a result as one formatversion has it.

    In version 1 what is true becomes "" and what is false is left out.
    """
    if isinstance(value, PlainBool):
        return value.value
    if isinstance(value, dict):
        if version >= 2:
            return {str(name): shape_result(each, 2) for name, each in value.items()}
        return {
            str(name): "" if each is True else shape_result(each, 1)
            for name, each in value.items()
            if each is not False
        }
    if isinstance(value, (list, tuple)):
        return [shape_result(each, version) for each in value]
    return value


def encode_json(value: Any, *, is_ascii: bool) -> bytes:
    """Return compact JSON; U+2028 and U+2029 are escaped always."""
    text = json.dumps(value, ensure_ascii=is_ascii, separators=(",", ":"))
    if not is_ascii:
        text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return text.encode("utf-8", "replace")


def encode_php(value: Any) -> bytes:
    """Return PHP's serialize() of a shaped result."""
    if value is None:
        return b"N;"
    if isinstance(value, (bool, int)):
        return b"%s:%d;" % (b"b" if isinstance(value, bool) else b"i", value)
    if isinstance(value, float):
        return b"d:%s;" % repr(value).encode()
    if isinstance(value, str):
        data = value.encode("utf-8", "replace")
        return b's:%d:"%s";' % (len(data), data)
    pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
    body = b"".join(encode_php(_php_key(key)) + encode_php(each) for key, each in pairs)
    return b"a:%d:{%s}" % (len(pairs), body)


def _php_key(key: Any) -> Any:
    if isinstance(key, str) and key.lstrip("-").isdigit() and str(int(key)) == key:
        return int(key)
    return key


def encode_xml(value: Dict[str, Any]) -> bytes:
    """Return a shaped result (formatversion 1) as XML; values become attributes."""
    body = _xml_element("api", value)
    return ('<?xml version="1.0"?>' + body).encode("utf-8", "replace")


def _xml_element(name: str, value: Any, attributes: str = "") -> str:
    children: List[str] = []
    words = ""
    is_pages = name == "pages"
    member = XML_MEMBER_NAMES.get(name, "item")
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "*":
                words = _xml_escape(each)
            elif is_pages:
                children.append(_xml_element(member, each, _xml_attribute("_idx", key)))
            elif isinstance(each, (dict, list)):
                children.append(_xml_element(key, each))
            elif each is not None:
                attributes += _xml_attribute(key, each)
    elif isinstance(value, list):
        children = [_xml_element(member, each) for each in value]
    else:
        words = _xml_escape(value)
    if words or not isinstance(value, (dict, list)):
        attributes += _xml_attribute("xml:space", "preserve")
    elif not children:
        return "<%s%s />" % (name, attributes)
    return "<%s%s>%s%s</%s>" % (name, attributes, words, "".join(children), name)


def _xml_attribute(name: str, value: Any) -> str:
    return ' %s="%s"' % (name, _xml_escape(value))


def _xml_escape(value: Any) -> str:
    return escape_html(str(value)).replace("&#x27;", "'")


def encode_reply(
    value: Any, form: str, version: int, *, is_ascii: bool, callback: str
) -> Tuple[str, str, bytes]:
    """Return media type, file name and body of a result in one of API_FORMATS."""
    if form == "php":
        body = encode_php(shape_result(value, version))
        return _reply_as("application/vnd.php.serialized", "php", body)
    if form == "xml":
        return _reply_as("text/xml", "xml", encode_xml(shape_result(value, 1)))
    if form == "none":
        return _reply_as("text/plain", "txt", b"")
    body = encode_json(shape_result(value, version), is_ascii=is_ascii)
    if form.endswith("fm"):
        text = json.dumps(json.loads(body), indent=4, ensure_ascii=is_ascii)
        page = PRETTY_PAGE % escape_html(text)
        return "text/html; charset=UTF-8", "api-result.html", page.encode("utf-8")
    if callback:
        body = b"/**/%s(%s)" % (callback.encode("ascii", "replace"), body)
        return _reply_as("text/javascript", "js", body)
    return _reply_as("application/json", "json", body)


def _reply_as(kind: str, ending: str, body: bytes) -> Tuple[str, str, bytes]:
    return kind + "; charset=utf-8", "api-result." + ending, body


PRETTY_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="UTF-8"><title>API result</title></head>
<body><p>This is a view for people. Programs ask for <code>format=json</code>.</p>
<pre class="api-pretty-content">%s</pre></body></html>
"""


def format_message(
    message: ApiMessage, module: str, form: str, version: int
) -> Dict[str, Any]:
    """Return one error or warning in an errorformat other than bc."""
    shown: Dict[str, Any] = {"code": message.code}
    if form == "raw":
        shown["key"] = message.key or "apierror-" + message.code
        shown["params"] = list(message.params)
    elif form != "none":
        name = "html" if form == "html" else "text"
        shown["*" if version == 1 else name] = message.text
    if message.data:
        shown["data"] = message.data
    if module:
        shown["module"] = module
    return shown


def format_warnings(
    warnings: Iterable[Tuple[str, ApiMessage]], form: str, version: int
) -> Any:
    """Return the warnings of a reply: lists, or in bc joined texts of each module."""
    if form != "bc":
        return [
            format_message(each, module, form, version) for module, each in warnings
        ]
    texts: Dict[str, List[str]] = {}
    for module, each in warnings:
        texts.setdefault(module.rpartition("+")[2], []).append(each.text)
    name = "*" if version == 1 else "warnings"
    return {module: {name: "\n".join(lines)} for module, lines in texts.items()}


def format_errors(
    messages: List[ApiMessage], module: str, form: str, version: int, help_text: str
) -> Dict[str, Any]:
    """Return what a reply with errors holds; bc shows the first one only."""
    help_name = "*" if version == 1 else "docref"
    if form != "bc":
        shown = {
            "errors": [format_message(each, module, form, version) for each in messages]
        }
        return {**shown, help_name: help_text} if help_text else shown
    first = messages[0]
    error: Dict[str, Any] = {"code": first.code, "info": first.text, **first.data}
    if help_text:
        error[help_name] = help_text
    return {"error": error}
