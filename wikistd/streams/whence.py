"""From where and since when: sites, streams and times as the service wants them.

Pure.  Not here: the stream itself (streams/eventstreams.py).
"""

from __future__ import annotations

import datetime
from typing import Any, Iterable, Optional, Tuple, Union

from ..web.origins import WIKIMEDIA_DOMAINS, absolute_url, is_below, split_url

EVENTSTREAMS_HOST = "https://stream.wikimedia.org"
#: Milliseconds of 1970 to 1973, before any wiki: they are seconds of these days.
LIKELY_SECONDS = range(10**8, 10**11)
SinceValue = Union[str, int, datetime.date, None]


def join_stream_names(streams: Union[str, Iterable[str], None]) -> Optional[str]:
    """Return stream names as the service's URL has them, None when there are none."""
    if streams is None or isinstance(streams, str):
        return streams or None
    try:
        return ",".join(streams) or None
    except TypeError:
        raise TypeError("streams is a name or several, not %r" % (streams,)) from None


def stream_site_url(site: Any) -> str:
    """Return the URL of `site`, a Session (its `host`) or a host name or URL."""
    host = site if isinstance(site, str) else getattr(site, "host", None)
    if not isinstance(host, str) or not host:
        raise TypeError("site must be a Session or a host, not %r" % (site,))
    if "://" not in host and ":" in host:
        shown = "" if "@" in host else "%r " % host  # what it is may be a password
        raise ValueError("site %shas a port: say http:// or https:// before it" % shown)
    return absolute_url(host).rstrip("/")


def stream_host(site: Any) -> str:
    """Return the scheme and host that serve the streams of `site` (None: Wikimedia)."""
    if site is None:
        return EVENTSTREAMS_HOST
    parts = split_url(stream_site_url(site))
    if is_below(parts.hostname or "", WIKIMEDIA_DOMAINS):
        return EVENTSTREAMS_HOST
    return "%s://%s" % (parts.scheme, parts.netloc)


def read_since(since: SinceValue) -> Tuple[Optional[int], Optional[str]]:
    """Return (milliseconds, text for the URL), both None without `since`.

    ValueError for what is no time, and for what must be seconds.
    """
    if since is None:
        return None, None
    if isinstance(since, bool) or not isinstance(since, (str, int, datetime.date)):
        raise TypeError(
            "since must be a datetime, milliseconds or text, not %r" % (since,)
        )
    if isinstance(since, str):
        text = since.strip()
        if not text.isdigit():
            milliseconds = read_iso_milliseconds(text)
            if milliseconds is None:
                raise ValueError(
                    "since must be a time such as 2024-01-31T12:00:00Z, not %r" % text
                )
            return milliseconds, text
        if len(text) in (4, 8, 14):  # as MediaWiki writes it, all or a part of it
            whole = text + "00000101000000"[len(text) :]
            try:
                since = datetime.datetime.strptime(whole, "%Y%m%d%H%M%S")
            except ValueError:
                raise ValueError("since must be a time, not %r" % text) from None
        else:
            since = int(text)
    if isinstance(since, int):
        if since in LIKELY_SECONDS:
            raise ValueError(
                "since is in milliseconds, and %d of them were over by 1973: seconds "
                "are to be multiplied by 1000" % since
            )
        return since, str(since)
    if not isinstance(since, datetime.datetime):
        since = datetime.datetime(since.year, since.month, since.day)
    if since.tzinfo is None:
        since = since.replace(tzinfo=datetime.timezone.utc)
    # MediaWiki stamps its events with whole seconds: a moment within a second would
    # miss what happens later in that same second.
    since = since.astimezone(datetime.timezone.utc).replace(microsecond=0)
    return int(since.timestamp()) * 1000, since.strftime("%Y-%m-%dT%H:%M:%SZ")


def read_iso_milliseconds(text: str) -> Optional[int]:
    """Return the milliseconds since 1970 of an ISO 8601 time, None if it is none."""
    text = text[:-1] + "+00:00" if text[-1:] in ("Z", "z") else text
    try:
        moment = datetime.datetime.fromisoformat(text)
    except (ValueError, IndexError):  # PyPy's answer to a short text
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    since_epoch = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return since_epoch // datetime.timedelta(milliseconds=1)
