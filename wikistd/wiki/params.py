"""Python values in, parameters of the Action API out.

Spec: https://www.mediawiki.org/wiki/API:Data_formats (multi-values, booleans,
timestamps).  Pure.  Not here: percent-encoding (formats/query.py), sending
(wiki/session.py).
"""

from __future__ import annotations

import datetime
from math import isfinite
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from ..formats.query import join_values

#: Actions that change nothing: they may be sent again when an answer was lost.
READ_ACTIONS = frozenset(
    "query parse compare expandtemplates paraminfo help opensearch feedrecentchanges"
    " feedcontributions feedwatchlist featuredfeed rsd templatedata sitematrix"
    " checktoken wbgetentities wbsearchentities wbgetclaims wbformatvalue"
    " wbparsevalue wbavailablebadges languagesearch jsonconfig"
    " abusefilterchecksyntax abusefilterevalexpression abusefiltercheckmatch"
    " titleblacklist spamblacklist antispoof webapp-manifest"
    " discussiontoolspageinfo discussiontoolsfindcomment".split()
)

#: Which type of token an action takes (API:Tokens); actions neither named here nor
#: among reads get theirs when the wiki asks for it.
TOKEN_TYPES = {
    "rollback": "rollback",
    "patrol": "patrol",
    "watch": "watch",
    "userrights": "userrights",
    **dict.fromkeys(
        (
            "edit move delete undelete protect block unblock upload filerevert import"
            " emailuser options managetags tag mergehistory setpagelanguage"
            " revisiondelete changecontentmodel imagerotate logout stashedit"
            " setnotificationtimestamp resetpassword changeauthenticationdata"
            " removeauthenticationdata unlinkaccount thank wbeditentity wbcreateclaim"
            " wbsetclaim wbsetclaimvalue wbsetlabel wbsetdescription wbsetaliases"
            " wbsetsitelink wbsetreference wbsetqualifier wbremoveclaims wbmergeitems"
            " wbcreateredirect wblinktitles wbremovequalifiers wbremovereferences"
            " visualeditoredit discussiontoolsedit echomarkread"
        ).split(),
        "csrf",
    ),
}

#: Parameters whose values are secrets: never logged, never in an error.
SECRET_PARAMETERS = frozenset(
    "token lgtoken logintoken createtoken lgpassword password retype newpassword"
    " OATHToken oathtoken captchaWord captchaword wpCaptchaWord".split()
)


def api_name(name: str) -> str:
    """Return the API's name of keyword `name`: one trailing underscore is dropped.

    `assert_`, `from_` and `continue_` are how Python lets one write `assert`, `from`
    and `continue`; no parameter of the API ends with an underscore.
    """
    if name.endswith("_") and len(name) > 1:
        return name[:-1]
    return name


def wrong_type(wanted: str, got: Any) -> TypeError:
    """Return the error for an argument: "WANTED, not int"."""
    return TypeError("%s, not %s" % (wanted, type(got).__name__))


def check_texts(*others: Any, **arguments: Any) -> None:
    """Refuse what is no text and none of `others`: a TypeError names the argument."""
    for name, value in arguments.items():
        # By identity: of an array not even == is a truth.
        if not isinstance(value, str) and not any(value is each for each in others):
            raise wrong_type("%s must be str" % name, value)


def encode_moment(moment: datetime.datetime) -> str:
    """Return `moment` as ISO 8601 in UTC; one without a time zone is taken as UTC."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(datetime.timezone.utc)
    # isoformat, not strftime: %Y has no leading zeros on some systems.
    return moment.replace(tzinfo=None, microsecond=0).isoformat() + "Z"


def _param_word(name: str, value: Any) -> str:
    """Return one value, not a list, as text."""
    if isinstance(value, str):
        text = value
    elif value is None or isinstance(value, bool):
        raise TypeError(
            "parameter %s: %r cannot stand in a list of values" % (name, value)
        )
    elif isinstance(value, (int, float)):
        if isinstance(value, float) and not isfinite(value):
            raise ValueError("parameter %s: %r is not a number" % (name, value))
        text = str(value)
    elif isinstance(value, datetime.datetime):
        return encode_moment(value)
    elif isinstance(value, datetime.date):
        return value.isoformat() + "T00:00:00Z"
    else:
        raise TypeError(
            "parameter %s: %s is not text, a number, a boolean, a datetime or a "
            "list of these" % (name, type(value).__name__)
        )
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError(
                "parameter %s holds a lone surrogate at position %d, which is no text"
                % (name, error.start)
            ) from None
    return text


def encode_value(name: str, value: Any) -> Optional[str]:
    """Return `value` as the API wants it, or None when the parameter is left out.

    True is "" (present), False and None are left out, datetimes become ISO 8601 in
    UTC, and an iterable is joined by "|", or by U+001F where a value holds a pipe.
    Sets are sorted, so that the same call makes the same request.  A mapping or bytes
    is a TypeError that names the parameter.
    """
    if value is None or value is False:
        return None
    if value is True:
        return ""
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError(
            "parameter %s: %s is not text: decode it first, or give it as a file"
            % (name, type(value).__name__)
        )
    if isinstance(value, Mapping):
        raise TypeError(
            "parameter %s: a mapping has no form in the API: give a list, or text"
            % name
        )
    if isinstance(value, str) or not isinstance(value, Iterable):
        return _param_word(name, value)
    words = [_param_word(name, item) for item in value]
    if isinstance(value, (set, frozenset)):
        words.sort()
    return join_values(words)


def encode_params(params: Mapping[str, Any]) -> List[Tuple[str, str]]:
    """Return `params` as (name, text) pairs, in their order, the token last.

    The token goes last so that a body that was cut short is refused, not saved.
    """
    pairs: List[Tuple[str, str]] = []
    tokens: List[Tuple[str, str]] = []
    for key, value in params.items():
        if not isinstance(key, str):
            raise TypeError("a parameter's name is text, not %r" % (key,))
        name = api_name(key)
        # Most are plain words, which need no second look: a quarter of all calls here.
        is_word = type(value) is str and value.isascii()
        text = value if is_word else encode_value(name, value)
        if text is not None:
            (tokens if name == "token" else pairs).append((name, text))
    return pairs + tokens


def merge_params(*layers: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
    """Return one dict of all layers; what comes later wins, in the API's names."""
    merged: Dict[str, Any] = {}
    for layer in layers:
        for key, value in (layer or {}).items():
            merged[api_name(key) if isinstance(key, str) else key] = value
    return merged
