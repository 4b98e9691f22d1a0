"""Preferences of accounts: their defaults, and what an account has chosen.

In: an account.  Out: its options.  Holds: nothing.
Spec: MediaWiki 1.39's defaults.  Not here: action=options (actions_custody.py).
"""

from __future__ import annotations

import json
from typing import Any, Dict

from .store import PageStore
from .titles import NAMESPACE_NAMES

DEFAULT_OPTIONS: Dict[str, Any] = {
    "ccmeonemails": 0,
    "date": "default",
    "diffonly": 0,
    "disablemail": 0,
    "editfont": "monospace",
    "editondblclick": 0,
    "editsectiononrightclick": 0,
    "email-allow-new-users": 1,
    "enotifminoredits": 0,
    "enotifrevealaddr": 0,
    "enotifusertalkpages": 1,
    "enotifwatchlistpages": 1,
    "extendwatchlist": 1,
    "fancysig": 0,
    "forceeditsummary": 0,
    "gender": "unknown",
    "hideminor": 0,
    "hidepatrolled": 0,
    "hidecategorization": 1,
    "imagesize": 2,
    "minordefault": 0,
    "newpageshidepatrolled": 0,
    "nickname": "",
    "pst-cssjs": 1,
    "norollbackdiff": 0,
    "previewonfirst": 0,
    "previewontop": 1,
    "rcdays": 7,
    "rcenhancedfilters-disable": 0,
    "rclimit": 50,
    "search-match-redirect": True,
    "search-special-page": "Search",
    "searchlimit": 20,
    "showhiddencats": 0,
    "shownumberswatching": 1,
    "showrollbackconfirmation": 0,
    "skin": "vector",
    "thumbsize": 5,
    "underline": 2,
    "uselivepreview": 0,
    "usenewrc": 1,
    "watchcreations": 1,
    "watchdefault": 1,
    "watchdeletion": 0,
    "watchuploads": 1,
    "watchlistdays": 7,
    "watchlisthideanons": 0,
    "watchlisthidebots": 0,
    "watchlisthideliu": 0,
    "watchlisthideminor": 0,
    "watchlisthideown": 0,
    "watchlisthidepatrolled": 0,
    "watchlisthidecategorization": 1,
    "watchlistreloadautomatically": 0,
    "watchlistunwatchlinks": 0,
    "watchmoves": 0,
    "watchrollback": 0,
    "wlenhancedfilters-disable": 0,
    "wllimit": 250,
    "useeditwarning": 1,
    "prefershttps": 1,
    "requireemail": 0,
    "skin-responsive": 1,
    "timecorrection": "System|0",
    "language": "en",
    "variant": "en",
    "variant-ban": "ban",
    "variant-en": "en",
    "variant-crh": "crh",
    "variant-gan": "gan",
    "variant-iu": "iu",
    "variant-kk": "kk",
    "variant-ku": "ku",
    "variant-shi": "shi",
    "variant-sr": "sr",
    "variant-tg": "tg",
    "variant-uz": "uz",
    "variant-zh": "zh",
    **{
        "searchNs%d" % number: int(number == 0)
        for number in NAMESPACE_NAMES
        if number >= 0
    },
}


def read_options(store: PageStore, account: int) -> Dict[str, Any]:
    """Return all options of an account, those of nobody for 0."""
    chosen = store.db.value("SELECT options FROM account WHERE id = ?", (account,))
    return {**DEFAULT_OPTIONS, **(json.loads(chosen) if chosen else {})}


def write_options(store: PageStore, account: int, changes: Dict[str, Any]) -> None:
    """Keep options of an account; None takes one back to its default."""
    chosen = store.db.value("SELECT options FROM account WHERE id = ?", (account,))
    options: Dict[str, Any] = json.loads(chosen) if chosen else {}
    options.update(changes)
    kept = {name: value for name, value in options.items() if value is not None}
    store.db.run(
        "UPDATE account SET options = ? WHERE id = ?", (json.dumps(kept), account)
    )
