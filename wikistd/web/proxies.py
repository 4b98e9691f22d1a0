"""Proxies: which one for whom, and why; and the credentials that only it may see.

In: settings, environment, URLs.  Out: a Proxy or none, with the reason in words.
Spec: the *_proxy variables of curl and urllib; RFC 9110 11.7, RFC 1928 for SOCKS.
Holds: the settings read once; digest nonces of proxies.
Not here: connecting and tunnels (connect.py).
"""

from __future__ import annotations

import collections
import os
import re
import threading
import urllib.request
from typing import (
    Any,
    Dict,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from ..formats.headers import parse_challenges
from .digest import DigestAuth
from .logins import basic_credentials
from .origins import (
    bracketed,
    drain_response,
    has_controls,
    is_replayable,
    origin_of,
    split_url,
    split_userinfo,
)

#: How a proxy may be spoken to, and its usual port.
PROXY_PORTS: Mapping[str, int] = {
    "http": 80,
    "https": 443,
    "socks5": 1080,
    "socks5h": 1080,
}

#: Answers to 407 in one call: one, and one more if the nonce was too old.
MAX_PROXY_TRIES = 2

#: Hosts whose decision is remembered.
MAX_PROXY_DECISIONS = 512


class Proxy(
    collections.namedtuple(
        "Proxy", "scheme host port username password", defaults=("", "")
    )
):
    """Where a proxy is and how it is spoken to.

    `scheme` is "http", "https" (TLS to the proxy itself), "socks5" (names are looked up
    here) or "socks5h" (names are looked up there).  The password is in no repr.
    """

    __slots__ = ()
    scheme: str
    host: str
    port: int
    username: str
    password: str

    def __repr__(self) -> str:
        return "<Proxy %s>" % str(self)

    def __str__(self) -> str:
        return "%s://%s:%d" % (self.scheme, bracketed(self.host), self.port)


def parse_proxy(url: str) -> Proxy:
    """Return the Proxy that a URL, or just "host:port", means.

    User name and password in it are percent-decoded.  ValueError, without the password,
    for a scheme that is none of http, https, socks5, socks5h, and for a broken host.
    """
    text = url.strip()
    if " " in text or has_controls(text):
        raise ValueError("the proxy's URL holds a space or a control character")
    if "://" not in text:
        text = "http://" + text
    scheme = text.partition("://")[0].lower()
    if scheme not in PROXY_PORTS:
        raise ValueError(
            "proxy scheme %r is not one of %s" % (scheme, ", ".join(PROXY_PORTS))
        )
    bare, login = split_userinfo(text)
    username, password = login or ("", "")
    parts = split_url(bare)
    try:
        port = parts.port
    except ValueError:
        port = 0
    host = parts.hostname or ""
    if "@" in text and (login is None or "://@" in text):
        raise ValueError(
            'the proxy\'s URL cannot be split: write "/", "?", "#" and "@" in its user '
            "name and password as %2F, %3F, %23 and %40"
        )
    if not host or port == 0 or len(host) > 253:
        # What is no number may be a password: "http://me@example.org:secret@proxy".
        name, colon, digits = parts.netloc.rpartition(":")
        shown = name if colon and not digits.isdigit() else parts.netloc
        raise ValueError("proxy address %r has no host, or a bad port" % shown)
    if has_controls(username + password):
        raise ValueError("the proxy's user name or password holds a control character")
    return Proxy(scheme, host, port or PROXY_PORTS[scheme], username, password)


#: What a caller's mapping may name; ftp is there in those written for requests.
PROXY_NAMES = ("http", "https", "all", "no", "ftp", "ws", "wss")


class ProxySettings:
    """Which proxy is used for what.  Immutable, thread-safe; reads its sources once.

    `proxies` maps "http", "https" or "all", or one of these with a host such as
    "https://wiki.example.org", to a proxy's URL, and "no" to what goes direct; {} means
    no proxy at all.  A str is the one proxy for everything.  With None the environment
    (http_proxy, https_proxy, all_proxy, no_proxy) and the system's settings count,
    unless `trust_env` is false.  HTTP_PROXY in capitals is ignored in a CGI script,
    where anybody may set it (CVE-2016-1000110).
    """

    def __init__(
        self,
        proxies: Union[None, str, Mapping[str, Optional[str]]] = None,
        *,
        trust_env: bool = True,
    ) -> None:
        self.source = "proxies="
        self.asks_system = False
        if isinstance(proxies, str):
            proxies = {"all": proxies}
        for name in proxies or ():
            if name.lower().partition("://")[0] not in PROXY_NAMES:
                what = "a URL" if "@" in name else "%.50r" % name
                raise ValueError(
                    "proxies names %s, which has no effect: %s, or one of them with "
                    "a host" % (what, ", ".join(PROXY_NAMES))
                )
        if proxies is None:
            self.source = "the environment"
            proxies = {}
            environment = urllib.request.getproxies_environment
            if trust_env and has_proxy_variables():
                proxies = environment()
            if trust_env and not proxies:
                self.asks_system = True
                self.source = "the system"
                if urllib.request.getproxies is not environment:
                    proxies = urllib.request.getproxies()
        self.no_proxy = split_no_proxy(proxies.get("no") or "")
        self.urls: Dict[str, str] = {
            name.lower(): url for name, url in proxies.items() if url and name != "no"
        }

    @property
    def is_fixed(self) -> bool:
        """Whether the same question has the same answer each time."""
        return not self.asks_system

    def __repr__(self) -> str:
        return "<ProxySettings from %s: %s>" % (
            self.source,
            ", ".join(sorted(self.urls)) or "none",
        )

    def find(self, scheme: str, host: str, port: int) -> Tuple[Optional[Proxy], str]:
        """Return (Proxy or None for direct, the reason in words).

        ValueError for a proxy URL that cannot be understood.
        """
        for name in ("%s://%s" % (scheme, host), scheme, "all://" + host, "all"):
            if name in self.urls:
                break
        else:
            return None, "directly: %s names no proxy for %s" % (self.source, scheme)
        entry = find_no_proxy(self.no_proxy, scheme, host, port)
        if entry is not None:
            return None, "directly: no_proxy has %r" % entry
        if self.asks_system and urllib.request.proxy_bypass(host):
            return None, "directly: the system's settings make an exception of it"
        try:
            proxy = parse_proxy(self.urls[name])
        except ValueError as error:
            raise ValueError("%s, %r: %s" % (self.source, name, error)) from None
        reason = "through %s, which %s names for %r"
        return proxy, reason % (str(proxy), self.source, name)


def has_proxy_variables() -> bool:
    """Return whether the environment names proxies: urllib reads all of it, twice."""
    return "_proxy" in " ".join(os.environ).lower()


def split_no_proxy(text: str) -> List[str]:
    """Return the entries of a no_proxy value: between commas or white space."""
    return text.replace(",", " ").lower().split()


def find_no_proxy(
    entries: Sequence[str], scheme: str, host: str, port: int
) -> Optional[str]:
    """Return the no_proxy entry that makes `host` go direct, None if there is none.

    Entries are "*", a domain and all below it ("example.org", ".example.org",
    "*.example.org"), an address, a network ("10.0.0.0/8", "fd00::/8"), "<local>" for
    names without a dot; each may end in ":port".
    """
    host = host.lower().strip("[]").rstrip(".")
    address = parse_address(host)
    for entry in entries:
        wanted, wanted_port = split_no_proxy_port(entry)
        if wanted_port is not None and wanted_port != port:
            continue
        if wanted == "*":
            return entry
        if wanted == "<local>" and address is None and "." not in host:
            return entry
        if address is not None:
            if address_matches(address, wanted):
                return entry
            continue
        domain = wanted[1:] if wanted.startswith("*.") else wanted
        domain = domain.strip(".")
        if domain and (host == domain or host.endswith("." + domain)):
            return entry
    return None


def parse_address(host: str) -> Any:
    """Return the ipaddress object of a host, None if it is a name."""
    import ipaddress  # 2 ms, for those with a no_proxy only

    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def address_matches(address: Any, wanted: str) -> bool:
    """Return whether an address is, or lies in the network, `wanted`."""
    import ipaddress

    try:
        network = ipaddress.ip_network(wanted.strip("[]"), strict=False)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address in network or (mapped is not None and mapped in network)


def split_no_proxy_port(entry: str) -> Tuple[str, Optional[int]]:
    """Return (entry without port, port or None); "::1" has no port, "[::1]:80" has."""
    match = re.fullmatch(r"([^:]*|.*\]):([0-9]+)", entry)
    if match is None:
        return entry.strip("[]"), None
    return match.group(1).strip("[]"), int(match.group(2))


class ProxyAuth:
    """Proxy-Authorization values, for the proxy alone.  Thread-safe.

    Basic goes out with the first request, since the user named this proxy with this
    password; a proxy that asks for Digest gets Digest from then on.
    """

    def __init__(self) -> None:
        self._digests: Dict[Proxy, DigestAuth] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return "<ProxyAuth>"

    def authorization(self, proxy: Proxy, method: str, target: str) -> Optional[str]:
        """Return the Proxy-Authorization value for one request, None if there is none.

        `method` and `target` are what stands in the request line: "CONNECT" and
        "host:port", or the method and the whole URL.
        """
        if not proxy.username:
            return None
        with self._lock:
            digest = self._digests.get(proxy)
        if digest is None:
            return basic_credentials(proxy.username, proxy.password)
        return digest.authorization(proxy, method, target, None)

    def handle_challenge(
        self, proxy: Proxy, values: Sequence[str], *, tries: int = 0
    ) -> bool:
        """Take in the Proxy-Authenticate values of a 407; return whether to try again.

        `tries` counts how often this has returned True for the same request.
        """
        if not proxy.username or tries >= MAX_PROXY_TRIES:
            return False
        challenges = parse_challenges(", ".join(values))
        if not any(challenge.scheme == "digest" for challenge in challenges):
            return False  # Basic was sent already
        with self._lock:
            digest = self._digests.get(proxy)
            if digest is None:
                digest = DigestAuth(proxy.username, proxy.password)
            if not digest.learn(proxy, challenges, tries=tries, has_body=False):
                return False
            self._digests[proxy] = digest
        return True


class ProxyHandler(urllib.request.ProxyHandler):
    """Decide for each request whether a proxy is used, and which.  Thread-safe.

    A request that has an attribute `proxy` gets the decision there, and the reason in
    `proxy_reason`; a stock urllib request is sent through the proxy by urllib's own
    means, with Basic or Digest.  Either way credentials for the proxy are not among
    what a redirect or the origin sees.
    """

    handler_order = 200

    def __init__(
        self,
        proxies: Union[None, str, Mapping[str, Optional[str]], ProxySettings] = None,
        *,
        trust_env: bool = True,
    ) -> None:
        # Not calling the stock __init__: it would add a method for each proxy.
        if not isinstance(proxies, ProxySettings):
            proxies = ProxySettings(proxies, trust_env=trust_env)
        self.settings = proxies
        self.proxies = dict(proxies.urls)
        self.proxy_auth = ProxyAuth()
        self._decisions: Dict[Any, Tuple[Optional[Proxy], str]] = {}

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        """Decide, before the request is sent."""
        fields = vars(request)
        if hasattr(request, "proxy"):
            # 0.5 microseconds instead of 5: most requests go where others went.
            place = (request.type, request.host)
            decision = self._decisions.get(place)
            if decision is None:
                decision = self.settings.find(*origin_of(request.full_url))
                if self.settings.is_fixed:
                    if len(self._decisions) >= MAX_PROXY_DECISIONS:
                        self._decisions.clear()
                    self._decisions[place] = decision
            fields["proxy"], fields["proxy_reason"] = decision
            fields["proxy_auth"] = self.proxy_auth
            return request
        origin = origin_of(request.full_url)
        if "proxy_in_use" not in fields:
            proxy, _ = self.settings.find(*origin)
            fields["proxy_in_use"] = proxy
            if proxy is not None and proxy.scheme.startswith("socks"):
                raise ValueError(
                    "%s: urllib's own handlers speak no SOCKS; use HttpClient"
                    % str(proxy)
                )
            if proxy is not None:
                request.set_proxy(str(proxy).partition("://")[2], proxy.scheme)
        proxy = fields["proxy_in_use"]
        if proxy is not None:
            method, target = request.get_method(), request.full_url
            if fields["_tunnel_host"]:
                method, target = "CONNECT", fields["_tunnel_host"]
                if not target.endswith(":%d" % origin.port):
                    target += ":%d" % origin.port
            value = self.proxy_auth.authorization(proxy, method, target)
            if value is not None:
                request.add_unredirected_header("Proxy-authorization", value)
        return request

    https_request = http_request

    def http_error_407(
        self,
        req: urllib.request.Request,
        fp: Any,
        code: int,
        msg: str,
        headers: Any,
    ) -> Any:
        """Answer a proxy that wants Digest, or return None."""
        fields = vars(req)
        proxy = fields.get("proxy") or fields.get("proxy_in_use")
        tries = fields.get("proxy_tries", 0)
        if proxy is None or not is_replayable(req):
            return None
        values = headers.get_all("Proxy-Authenticate") or []
        if not self.proxy_auth.handle_challenge(proxy, values, tries=tries):
            return None
        fields["proxy_tries"] = tries + 1
        drain_response(fp)
        return self.parent.open(req, timeout=getattr(req, "timeout", None))
