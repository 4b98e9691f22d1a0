"""Preferences of accounts: their defaults, and what an account has chosen.

In: an account.  Out: its options.  Holds: nothing.
Spec: MediaWiki 1.39's defaults.  Not here: action=options (actions_people.py).
"""

from __future__ import annotations

import json
from typing import Any, Dict

from .store import PageStore
from .titles import NAMESPACE_NAMES

_options_off = (
    "ccmeonemails diffonly disablemail editondblclick editsectiononrightclick "
    "enotifminoredits enotifrevealaddr fancysig forceeditsummary hideminor "
    "hidepatrolled minordefault newpageshidepatrolled norollbackdiff "
    "previewonfirst rcenhancedfilters-disable showhiddencats "
    "showrollbackconfirmation uselivepreview watchdeletion watchlisthideanons "
    "watchlisthidebots watchlisthideliu watchlisthideminor watchlisthideown "
    "watchlisthidepatrolled watchlistreloadautomatically watchlistunwatchlinks "
    "watchmoves watchrollback wlenhancedfilters-disable requireemail"
).split()
_options_on = (
    "email-allow-new-users enotifusertalkpages enotifwatchlistpages "
    "extendwatchlist hidecategorization pst-cssjs previewontop "
    "shownumberswatching usenewrc watchcreations watchdefault watchuploads "
    "watchlisthidecategorization useeditwarning prefershttps skin-responsive"
).split()
_option_variants = "ban en crh gan iu kk ku shi sr tg uz zh"
DEFAULT_OPTIONS: Dict[str, Any] = {
    **dict.fromkeys(_options_off, 0),
    **dict.fromkeys(_options_on, 1),
    "date": "default",
    "editfont": "monospace",
    "gender": "unknown",
    "imagesize": 2,
    "nickname": "",
    "rcdays": 7,
    "rclimit": 50,
    "search-match-redirect": True,
    "search-special-page": "Search",
    "searchlimit": 20,
    "skin": "vector",
    "thumbsize": 5,
    "underline": 2,
    "watchlistdays": 7,
    "wllimit": 250,
    "timecorrection": "System|0",
    "language": "en",
    "variant": "en",
    **{"variant-" + code: code for code in _option_variants.split()},
    **{"searchNs%d" % each: int(each == 0) for each in NAMESPACE_NAMES if each >= 0},
}


def read_options(store: PageStore, account: int) -> Dict[str, Any]:
    """Return all options of an account, those of nobody for 0."""
    return {**DEFAULT_OPTIONS, **_chosen_options(store, account)}


def write_options(store: PageStore, account: int, changes: Dict[str, Any]) -> None:
    """Keep options of an account; None takes one back to its default."""
    options = {**_chosen_options(store, account), **changes}
    kept = {name: value for name, value in options.items() if value is not None}
    store.db.update("account", account, options=json.dumps(kept))


def _chosen_options(store: PageStore, account: int) -> Dict[str, Any]:
    chosen = store.db.value("SELECT options FROM account WHERE id = ?", (account,))
    return dict(json.loads(chosen or "{}"))
