"""Set-Cookie: a header value in, what the server asks for out; and who matches whom.

Spec: RFC 6265bis (draft-ietf-httpbis-rfc6265bis) 5.1, 5.6 and the rules of 5.7 that
need no store.  Pure.  Not here: the store (cookies.py), its files (cookiefile.py).
"""

from __future__ import annotations

import calendar
import collections
import re
from typing import Dict, List, Optional, Sequence, Tuple

from ..formats.headers import HEADER_CONTROLS, HEADER_MONTHS

#: RFC 6265bis 5.6: longer name and value together: the cookie is ignored.
MAX_COOKIE_BYTES = 4096
#: RFC 6265bis 5.6: a longer attribute value is ignored.
MAX_ATTRIBUTE_BYTES = 1024
#: RFC 6265bis 5.5: nobody is remembered longer than 400 days.
MAX_COOKIE_AGE_SECONDS = 400 * 86400

#: RFC 6265bis 5.1.1: what separates the tokens of a date.
COOKIE_DATE_DELIMITER = "[\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+"
#: What a token may be, in turn.  "[0-9]" and not "\d": other scripts have digits too.
COOKIE_DATE_PARTS = {
    "time": "([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])",
    "day": "([0-9]{1,2})(?![0-9])",
    "month": "(?ai)(%s)" % "|".join(HEADER_MONTHS),
    "year": "([0-9]{2,4})(?![0-9])",
}

#: Second-level names under which registries of two-letter countries register others.
#: There is no public suffix list in the standard library, and a copy of it ages; these
#: names stop the blunt cases such as Domain=co.uk.
REGISTRY_LABELS = frozenset(
    "ac co com edu gob gouv gov go govt gr ltd mil ne net nhs nom or org plc police "
    "sch school".split()
)


class SetCookie(
    collections.namedtuple(
        "SetCookie", "name value expires domain path secure attributes"
    )
):
    """What one Set-Cookie header asks for.

    `expires` is seconds since 1970 or None for the session; `domain` is lower case
    without a leading dot, "" when absent; `path` is "" when absent; `attributes` has
    what else is known of it: "HttpOnly" and "SameSite".
    """

    __slots__ = ()
    name: str
    value: str
    expires: Optional[float]
    domain: str
    path: str
    secure: bool
    attributes: Dict[str, Optional[str]]


def parse_set_cookie(text: str, now: float) -> Optional[SetCookie]:
    """Return what a Set-Cookie header value asks for; None if it is to be ignored.

    `text` is the header as latin-1, `now` seconds since 1970.
    """
    if HEADER_CONTROLS.search(text):  # RFC 6265bis 5.6 step 1: all but the tab
        return None
    pieces = text.split(";")
    name, _, value = pieces[0].partition("=")
    name = name.strip(" \t")
    value = value.strip(" \t")
    # RFC 6265 5.2 ignores a cookie without a name.  RFC 6265bis keeps it for the sake
    # of old pages, and then has to guard against "=__Host-a=b"; curl and MediaWiki
    # (PHP) know no such cookie.
    if not name or "=" not in pieces[0]:
        return None
    if len(name) + len(value) > MAX_COOKIE_BYTES:
        return None
    expires: Optional[float] = None
    max_age: Optional[float] = None
    domain = path = ""
    secure = False
    attributes: Dict[str, Optional[str]] = {}
    for piece in pieces[1:]:
        key, _, said = piece.partition("=")
        key = key.strip(" \t").lower()
        said = said.strip(" \t")
        if len(said) > MAX_ATTRIBUTE_BYTES:
            continue
        if key == "expires":
            moment = parse_cookie_date(said)
            if moment is not None:
                expires = min(moment, now + MAX_COOKIE_AGE_SECONDS)
        elif key == "max-age":
            seconds = parse_max_age(said)
            if seconds is not None:
                max_age = now + seconds if seconds > 0 else 0.0
        elif key == "domain":
            domain = said[1:] if said.startswith(".") else said
            if domain.isascii():
                domain = domain.lower()
        elif key == "path":
            path = said if said.startswith("/") else ""
        elif key == "secure":
            secure = True
        elif key == "httponly":
            attributes["HttpOnly"] = None
        elif key == "samesite":
            attributes.pop("SameSite", None)
            if said.lower() in ("none", "lax", "strict"):
                attributes["SameSite"] = said.capitalize()
    if max_age is not None:
        expires = max_age  # RFC 6265bis 5.7: Max-Age comes before Expires.
    return SetCookie(name, value, expires, domain, path, secure, attributes)


def parse_max_age(text: str) -> Optional[int]:
    """Return the seconds of a Max-Age, at most 400 days; None for no number."""
    digits = text[1:] if text.startswith("-") else text
    if not digits or not (digits.isascii() and digits.isdigit()):
        return None
    if text.startswith("-"):
        return 0
    if len(digits.lstrip("0")) > 9:  # int() of a thousand digits is slow
        return MAX_COOKIE_AGE_SECONDS
    return min(int(digits), MAX_COOKIE_AGE_SECONDS)


def parse_cookie_date(text: str) -> Optional[float]:
    """Return the seconds since 1970 that a cookie date means; None if it is none.

    Source: RFC 6265bis 5.1.1; tokens may come in any order and form.
    """
    found: Dict[str, Sequence[str]] = {}
    for token in re.split(COOKIE_DATE_DELIMITER, text):
        for part, pattern in COOKIE_DATE_PARTS.items():
            match = part not in found and re.match(pattern, token)
            if match:
                found[part] = match.groups()
                break
    if len(found) < len(COOKIE_DATE_PARTS):
        return None
    hours, minutes, seconds = map(int, found["time"])
    day, year = int(found["day"][0]), int(found["year"][0])
    month = HEADER_MONTHS.index(found["month"][0].lower()) + 1
    if 70 <= year <= 99:
        year += 1900
    elif 0 <= year <= 69:
        year += 2000
    if year < 1601 or hours > 23 or minutes > 59 or seconds > 59:
        return None
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    return float(calendar.timegm((year, month, day, hours, minutes, seconds)))


def default_cookie_path(path: str) -> str:
    """Return the path of a cookie that names none (RFC 6265bis 5.1.4)."""
    if not path.startswith("/"):
        return "/"
    return path[: path.rfind("/")] or "/"


def path_matches(path: str, cookie_path: str) -> bool:
    """Return whether a cookie of `cookie_path` goes to `path` (RFC 6265bis 5.1.4)."""
    if not path.startswith(cookie_path):
        return False
    return (
        len(path) == len(cookie_path)
        or cookie_path.endswith("/")
        or path[len(cookie_path)] == "/"
    )


def is_ip_host(host: str) -> bool:
    """Return whether a host is an IP address: it has no parent domains."""
    return ":" in host or host.rpartition(".")[2].isdigit()


def domain_matches(host: str, domain: str) -> bool:
    """Return whether a cookie of `domain` goes to `host` (RFC 6265bis 5.1.3)."""
    if host == domain:
        return True
    return host.endswith("." + domain) and not is_ip_host(host)


def is_registry(domain: str) -> bool:
    """Return whether everybody can have a name under `domain`: "org", "co.uk"."""
    labels = domain.split(".")
    if len(labels) == 1:
        return True
    return len(labels) == 2 and len(labels[1]) == 2 and labels[0] in REGISTRY_LABELS


def is_trustworthy(scheme: str, host: str) -> bool:
    """Return whether Secure cookies may travel: https, or this very machine.

    Source: W3C Secure Contexts 3.1, what browsers do.
    """
    if scheme in ("https", "wss"):
        return True
    return (
        host == "localhost"
        or host.endswith(".localhost")
        or host == "::1"
        or (host.startswith("127.") and is_ip_host(host))
    )


def resolve_cookie(
    asked: SetCookie, scheme: str, host: str, path: str
) -> Optional[Tuple[str, bool, str]]:
    """Return (domain, host_only, path) for a cookie that `host` asks for, or None.

    None means that this host may not set it so: a foreign domain, a registry's domain,
    Secure or a name prefix without what they promise.  Source: RFC 6265bis 5.7.
    """
    domain = canonical_domain(asked.domain)
    if domain is None:
        return None
    trusted = is_trustworthy(scheme, host)
    host_only = not domain
    if domain and is_registry(domain):
        if domain != host:
            return None
        host_only = True
    if domain and not domain_matches(host, domain):
        return None
    if asked.secure and not trusted:
        return None
    if asked.attributes.get("SameSite") == "None" and not asked.secure:
        return None
    # RFC 6265bis 4.1.3: the name itself promises how the cookie was set.
    prefixed = asked.name.lower()
    if prefixed.startswith(("__secure-", "__host-")) and not asked.secure:
        return None
    if prefixed.startswith("__host-") and (domain or asked.path != "/"):
        return None
    if host_only or is_ip_host(host):
        return host, True, asked.path or default_cookie_path(path)
    return domain, False, asked.path or default_cookie_path(path)


def canonical_domain(domain: str) -> Optional[str]:
    """Return the ASCII form of a Domain read as latin-1, None if it has none."""
    if domain.isascii():
        return domain
    try:
        text = domain.encode("latin-1").decode("utf-8")
        # The idna codec needs quadratic time on long input: names have 253 characters.
        return text.encode("idna").decode("ascii").lower() if len(text) < 254 else None
    except UnicodeError:
        return None


def host_chain(host: str) -> List[str]:
    """Return the domain keys under which cookies for `host` may be stored.

    Host-only cookies are under "a.b.c", the others under ".a.b.c", ".b.c", ".c", as in
    http.cookiejar.
    """
    chain = [host, "." + host]
    if not is_ip_host(host):
        start = host.find(".")
        while start >= 0:
            chain.append(host[start:])
            start = host.find(".", start + 1)
    return chain
