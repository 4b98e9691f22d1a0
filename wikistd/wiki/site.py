"""Site: what a wiki tells of itself, asked for once in a while.

Spec: https://www.mediawiki.org/wiki/API:Siteinfo, API:Userinfo.  Holds: the answers,
with their age.  Not here: how titles are read (wiki/naming.py).
"""

from __future__ import annotations

import threading
from typing import Any, Dict, Optional, Tuple
from urllib.parse import quote, urlsplit

from .etiquette import effective_limit
from .naming import SiteNamespace, SiteTitle, TitleRules
from .reply import ReplyReading
from .session import Session

#: Namespaces change when an administrator edits a file: once a day is often.
DEFAULT_SITE_AGE_SECONDS = 86400.0

SITEINFO_PROPS = "general|namespaces|namespacealiases|interwikimap"


class Site:
    """A wiki and what it tells of itself; thread-safe.

    Nothing is asked before it is needed; answers are kept for `max_age_seconds`.
    `session` stays the caller's, with its login.
    """

    def __init__(
        self, session: Session, *, max_age_seconds: float = DEFAULT_SITE_AGE_SECONDS
    ) -> None:
        self.session = session
        self.max_age_seconds = max_age_seconds
        self._lock = threading.RLock()
        self._told: Dict[str, Tuple[float, Any, Any]] = {}

    def __repr__(self) -> str:
        return "<Site %s>" % urlsplit(self.session.host).netloc

    def _ask(self, wanted: str, who: Any, **params: Any) -> Any:
        """Return the answer to a query, with the mapping that is `wanted` in it.

        It is asked for again when it is too old.
        """
        with self._lock:
            now = self.session.clock.monotonic()
            told = self._told.get(wanted)
            if told is not None and told[1] == who:
                if now - told[0] < self.max_age_seconds:
                    return told[2]
            view = self.session.with_options(formatversion=2)
            reply = view.get(action="query", **params)
            with ReplyReading():
                document = reply["query"]
                if not isinstance(document[wanted], dict):
                    raise TypeError("%s is %r" % (wanted, document[wanted]))
            self._told[wanted] = (now, who, document)
            return document

    @property
    def siteinfo(self) -> Dict[str, Any]:
        """General information, namespaces with aliases, and interwiki prefixes."""
        found: Dict[str, Any] = self._ask(
            "general", None, meta="siteinfo", siprop=SITEINFO_PROPS
        )
        return found

    @property
    def general(self) -> Dict[str, Any]:
        """The wiki's name, paths, limits: `general` of its siteinfo."""
        found: Dict[str, Any] = self.siteinfo["general"]
        return found

    @property
    def titles(self) -> TitleRules:
        """How this wiki reads titles."""
        with self._lock:
            info = self.siteinfo
            told = self._told.get("titles")
            if told is None or told[1] is not info:
                with ReplyReading():
                    told = (0.0, info, TitleRules(info))
                self._told["titles"] = told
            rules: TitleRules = told[2]
            return rules

    @property
    def namespaces(self) -> Dict[int, SiteNamespace]:
        """The wiki's namespaces by number."""
        return self.titles.namespaces

    @property
    def userinfo(self) -> Dict[str, Any]:
        """Name, groups, rights and rate limits of the user that is logged in."""
        found: Dict[str, Any] = self._ask(
            "userinfo",
            self.session.user,
            meta="userinfo",
            uiprop="groups|rights|ratelimits|blockinfo",
        )["userinfo"]
        return found

    def forget(self) -> None:
        """Ask anew from here on."""
        with self._lock:
            self._told.clear()

    def has_right(self, right: str) -> bool:
        """Return whether the user has a right, such as "apihighlimits"."""
        info = self.userinfo
        with ReplyReading():
            return right in info.get("rights", ())

    def rate_limit(self, action: str = "edit") -> Optional[Tuple[int, int]]:
        """Return (hits, seconds) that the wiki allows for an action, None if any.

        That which holds for the user, of all that the wiki has for it.
        """
        if self.has_right("noratelimit"):
            return None
        info = self.userinfo
        with ReplyReading():
            # An empty mapping is a list to PHP.
            kinds = (info.get("ratelimits") or {}).get(action)
            if not kinds:
                return None
            hits, seconds = effective_limit(kinds)
            return hits, int(seconds)

    def hostname(self) -> str:
        """Return the wiki's host, without scheme and port; nothing is asked."""
        return urlsplit(self.session.host).hostname or ""

    def base_url(self, uri: str, protocol: Optional[str] = None) -> str:
        """Return the address of `uri`, from the root, on this wiki; asks nothing."""
        parts = urlsplit(self.session.host)
        return "%s://%s/%s" % (protocol or parts.scheme, parts.netloc, uri.lstrip("/"))

    def parse_title(self, text: str) -> SiteTitle:
        """Return a title in its parts; ValueError with the reason if it is none."""
        return self.titles.parse(text)

    def normalize_title(self, text: str) -> str:
        """Return a title as the wiki writes it: `"user_talk:x#y"` is "User talk:X"."""
        return self.titles.parse(text).full

    def page_url(self, title: str) -> str:
        """Return the address at which people read a page."""
        parsed = self.titles.parse(title)
        if parsed.interwiki:
            name = parsed.full.partition(":")[2].replace(" ", "_")
            with ReplyReading():
                url = str(self.titles.interwiki[parsed.interwiki]["url"])
            path = quote(name, safe=";@$!*(),/~:-._")
        else:
            general = self.general
            with ReplyReading():
                url = self.base_url(str(general["articlepath"]))
            path = parsed.path
        url = url.replace("$1", path)
        if url.startswith("//"):
            url = urlsplit(self.session.host).scheme + ":" + url
        if parsed.fragment:
            url += "#" + quote(parsed.fragment.replace(" ", "_"), safe=":/()!$'*,;@~")
        return url
