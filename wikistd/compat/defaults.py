"""The default client behind `fetch`: made at first use, closed at exit.

In: settings.  Out: one HttpClient and its variants.  Spec: `comms.http` of pywikibot
has such a client in a module attribute; here `set_default_client` replaces it.
Holds: the one piece of module state of the package.  Not here: fetch (comms.py).
"""

from __future__ import annotations

import atexit
import threading
from typing import Any, Dict, Hashable, Iterator, Mapping, Optional, Union

from ..web.client import HttpClient
from ..web.cookies import CookieStore
from .agents import USER_AGENT_FORMAT, HonestHandler, format_user_agent

#: Seconds to connect and to read, as pywikibot's socket_timeout.
DEFAULT_SOCKET_TIMEOUT = (6.05, 45.0)


#: Who goes through ever new proxies does not keep ever more clients.
MAX_COMMS_VARIANTS = 32


class CommsClient:
    """What `fetch` and `request` send with: an HttpClient and settings.  Thread-safe.

    `extra_headers` go with every request and win over the caller's.  The User-Agent is
    `user_agent_format` (names: see `user_agent`), with `user_agent_description` among
    its comments and `username` as its user.  `authenticate` maps host patterns to
    credentials (see `get_authentication`), `fake_user_agent_exceptions` hosts to what
    `use_fake_user_agent` means there.  Other arguments are those of HttpClient; or give
    a ready `client`, which then stays the caller's to close.
    """

    def __init__(
        self,
        client: Optional[HttpClient] = None,
        *,
        extra_headers: Optional[Mapping[str, str]] = None,
        user_agent_format: str = USER_AGENT_FORMAT,
        user_agent_description: str = "",
        username: Optional[str] = None,
        authenticate: Optional[Mapping[str, Any]] = None,
        fake_user_agent_exceptions: Optional[Mapping[str, Union[bool, str]]] = None,
        **client_options: Any,
    ) -> None:
        if client is not None and client_options:
            raise TypeError(
                "give either a client or arguments for one, not both: %s"
                % ", ".join(sorted(client_options))
            )
        self.extra_headers = dict(extra_headers or {})
        self.user_agent_format = user_agent_format
        self.user_agent_description = user_agent_description
        self.username = username
        self.authenticate = dict(authenticate or {})
        self.fake_user_agent_exceptions = dict(fake_user_agent_exceptions or {})
        self.honest = HonestHandler(self.user_agent)
        self._owns_client = client is None
        self._options = client_options
        self._lock = threading.Lock()
        self._variants: Dict[Hashable, HttpClient] = {}
        if client is None:
            client_options.setdefault("timeout", DEFAULT_SOCKET_TIMEOUT)
            client_options.setdefault("user_agent", self.user_agent())
            client_options.setdefault("cookies", CookieStore())
            handlers = [*client_options.pop("handlers", ()), self.honest]
            client = HttpClient(handlers=handlers, **client_options)
        else:
            self._join(client)
        self.client = client

    def _join(self, client: HttpClient) -> None:
        for handler in vars(client.opener)["handlers"]:
            if isinstance(handler, HonestHandler):
                handler.true_user_agent = self.user_agent
                self.honest = handler
                return
        client.opener.add_handler(self.honest)

    def __repr__(self) -> str:
        return "<CommsClient with %r>" % self.client

    def user_agent(self, site: Any = None, format_string: str = "") -> str:
        """Return the User-Agent for a site; see the function of this name."""
        return format_user_agent(
            format_string or self.user_agent_format,
            site,
            description=self.user_agent_description,
            username=self.username,
        )

    def for_call(self, *, proxies: Any, cert: Any, verify: Any) -> HttpClient:
        """Return the HttpClient for one call's proxies, certificate and trust.

        What differs from the default has a client of its own, kept for the next such
        call, with the same cookies.
        """
        if proxies is None and cert is None and verify in (None, True):
            return self.client
        shown = proxies
        if isinstance(proxies, Mapping):
            shown = tuple(sorted(proxies.items()))
        key = (shown, tuple(cert) if isinstance(cert, list) else cert, verify)
        with self._lock:
            if key not in self._variants:
                if len(self._variants) >= MAX_COMMS_VARIANTS:
                    self._variants.pop(next(iter(self._variants))).close()
                self._variants[key] = self._variant(proxies, cert, verify)
            return self._variants[key]

    def _variant(self, proxies: Any, cert: Any, verify: Any) -> HttpClient:
        client = self.client
        options: Dict[str, Any] = {
            "timeout": client.timeout,
            "user_agent": client.user_agent,
        }
        options.update(self._options, cookies=client.cookies)
        if proxies is not None:
            options["proxies"] = proxies
        if cert is not None:
            options["client_cert"] = cert
        if verify is False:
            options.pop("client_cert", None)
            options.pop("ca_file", None)
            options["ssl_context"] = unverified_context(cert)
        elif isinstance(verify, str):
            options["ca_file"] = verify
        elif verify not in (None, True):
            raise TypeError(
                "verify is True, False or the path of a file of CAs, not %s"
                % type(verify).__name__
            )
        return HttpClient(handlers=[self.honest], **options)

    def close(self) -> None:
        """Close the connections; a client that was given is left open."""
        with self._lock:
            for variant in self._variants.values():
                variant.close()
            self._variants.clear()
        if self._owns_client:
            self.client.close()


def unverified_context(cert: Any) -> Any:
    """Return an SSLContext that believes anybody, for `verify=False`."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if cert is not None:
        context.load_cert_chain(*((cert,) if isinstance(cert, str) else tuple(cert)))
    return context


#: "client" is the default client, once there is one.
COMMS_STATE: Dict[str, Any] = {}


def default_client() -> CommsClient:
    """Return the default client; make it, and have it closed at exit, at first use."""
    client: Optional[CommsClient] = COMMS_STATE.get("client")
    if client is None:
        # setdefault is atomic: of two threads that come first, one client stays.
        client = COMMS_STATE.setdefault("client", CommsClient())
        register_flush()
    return client


def set_default_client(
    client: Union[CommsClient, HttpClient, None],
) -> Optional[CommsClient]:
    """Use `client` behind `fetch` and `request` from now on; return the one before.

    Give a CommsClient, or an HttpClient for its connections and cookies; None has a new
    one made at the next use.  The one before is not closed: that is up to the caller.
    """
    before: Optional[CommsClient] = COMMS_STATE.pop("client", None)
    if client is not None:
        if isinstance(client, HttpClient):
            client = CommsClient(client)
        if not isinstance(client, CommsClient):
            raise TypeError(
                "the default client is a CommsClient or an HttpClient, not %s"
                % type(client).__name__
            )
        COMMS_STATE["client"] = client
        register_flush()
    return before


def register_flush() -> None:
    """Have `flush` called at exit, once."""
    if COMMS_STATE.setdefault("exit", True) is True:
        COMMS_STATE["exit"] = False
        atexit.register(flush)


def flush() -> None:
    """Close the default client; the next `fetch` makes a new one.

    Called at exit, when a default client was made.
    """
    client = COMMS_STATE.pop("client", None)
    if client is not None:
        client.close()


class DefaultCookies:
    """The cookies of the default client, whichever that is now.  Thread-safe.

    Has all that its CookieStore has: `cookie_jar.load(user=...)`, `cookie_jar.save()`.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(default_client().client.cookies, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(default_client().client.cookies)

    def __len__(self) -> int:
        return len(default_client().client.cookies)

    def __repr__(self) -> str:
        client = COMMS_STATE.get("client")
        if client is None:
            return "<DefaultCookies of a client not made yet>"
        return "<DefaultCookies: %r>" % client.client.cookies


#: The cookies of the default client; nothing is made until it is used.
cookie_jar = DefaultCookies()
