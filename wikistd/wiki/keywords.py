"""Which keywords of a writing function are parameters of the API.

Spec: https://www.mediawiki.org/wiki/API:Edit, API:Upload, API:Move, API:Delete,
API:Protect.  Pure.  Not here: values (wiki/params.py).

The wiki only warns of a parameter that it does not know, and saves: a misspelt
`summary` would be lost.  So the core's own are listed here; those of extensions go by a
mapping, where nothing is checked.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, Sequence

from .params import api_name, merge_params

#: What every action takes.
COMMON_PARAMETERS = (
    "token assert assertuser maxlag requestid servedby curtimestamp responselanginfo"
    " uselang variant errorformat errorlang errorsuselocal origin centralauthtoken"
    " tags watchlist watchlistexpiry watch unwatch captchaid captchaword"
)

#: What an action takes besides, where the function has no argument of its own for it.
ACTION_PARAMETERS = {
    "edit": "notminor recreate md5 contentformat contentmodel",
    "upload": "",
    "move": "movetalk movesubpages ignorewarnings",
    "delete": "deletetalk oldimage",
    "protect": "cascade",
}

#: How alike a word must be to be offered for a misspelt one.
LEAST_LIKENESS = 0.5


def known_params(
    function: Callable[..., Any],
    action: str,
    keywords: Mapping[str, Any],
    params: Optional[Mapping[str, Any]],
) -> Dict[str, Any]:
    """Return what `function` was given for the API: its keywords, and `params`.

    A keyword that is no parameter of the action is a TypeError.
    """
    known = (COMMON_PARAMETERS + " " + ACTION_PARAMETERS[action]).split()
    for keyword in keywords:
        if api_name(keyword) not in known:
            raise TypeError(
                "%s() got an unexpected argument %r%s; what extensions of the wiki "
                "add goes into params={...}"
                % (function.__name__, keyword, hint_for(keyword, function, known))
            )
    return merge_params(keywords, params)


def hint_for(
    keyword: str, function: Callable[..., Any], known: Sequence[str]
) -> str:
    """Return ", did you mean ...?" with the likeliest argument, "" where none is."""
    from difflib import get_close_matches  # 5 ms

    code = function.__code__
    arguments = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    near = get_close_matches(keyword, [*arguments, *known], 1, LEAST_LIKENESS)
    return ", did you mean %r?" % near[0] if near else ""
