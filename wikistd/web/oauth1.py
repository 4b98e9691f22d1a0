"""OAuth 1.0a: signed requests, as MediaWiki's owner-only consumers want them.

In: a request.  Out: its Authorization header.  Spec: RFC 5849; HMAC-SHA256 as MediaWiki
and others have it.  Holds: keys and secrets.  Not here: getting tokens by dialogue.
"""

from __future__ import annotations

import hashlib
import os
import time
import urllib.parse
import urllib.request
from base64 import b64encode
from typing import Any, Callable, Iterable, List, Optional, Sequence, Tuple

from ..formats.query import URLENCODED_TYPE
from .digest import RequestAuth, body_of_request
from .origins import DEFAULT_PORTS, bracketed, header_names

#: Signature method and the hash it stands for.
OAUTH_HASHES = {"HMAC-SHA1": "sha1", "HMAC-SHA256": "sha256"}


def oauth_quote(text: str) -> str:
    """Return `text` percent-encoded as RFC 5849 3.6 wants it."""
    return urllib.parse.quote(text, safe="-._~")


def oauth_base_string(method: str, url: str, params: Iterable[Tuple[str, str]]) -> str:
    """Return the signature base string of RFC 5849 3.4.1.

    `params` are those of query, form body and Authorization header, decoded,
    without `realm` and `oauth_signature`.
    """
    parts = urllib.parse.urlsplit(url)
    scheme = parts.scheme.lower()
    host = bracketed((parts.hostname or "").lower())
    if parts.port is not None and parts.port != DEFAULT_PORTS.get(scheme):
        host = "%s:%d" % (host, parts.port)
    pairs = sorted((oauth_quote(name), oauth_quote(value)) for name, value in params)
    return "&".join(
        [
            oauth_quote(method.upper()),
            oauth_quote("%s://%s%s" % (scheme, host, parts.path or "/")),
            oauth_quote("&".join("%s=%s" % pair for pair in pairs)),
        ]
    )


def oauth_query_pairs(text: str) -> List[Tuple[str, str]]:
    """Return the decoded pairs of a query or form, blank ones too (3.4.1.3.1)."""
    return urllib.parse.parse_qsl(text, keep_blank_values=True)


class OAuth1Auth(RequestAuth):
    """The four keys of OAuth 1.0a; signs every request.  Immutable and thread-safe.

    `token` and `token_secret` are empty while there is none yet.  Form bodies are
    signed when they are bytes of type application/x-www-form-urlencoded; multipart
    bodies are not part of the signature, as RFC 5849 has it.
    """

    def __init__(
        self,
        consumer_key: str,
        consumer_secret: str,
        token: str = "",
        token_secret: str = "",
        *,
        signature_method: str = "HMAC-SHA1",
        realm: Optional[str] = None,
        extra_params: Sequence[Tuple[str, str]] = (),
        now: Callable[[], float] = time.time,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        if signature_method not in OAUTH_HASHES:
            raise ValueError(
                "signature_method %r is not one of %s"
                % (signature_method, ", ".join(OAUTH_HASHES))
            )
        self.consumer_key = consumer_key
        self.consumer_secret = consumer_secret
        self.token = token
        self.token_secret = token_secret
        self.signature_method = signature_method
        self.realm = realm
        self.extra_params = tuple(extra_params)
        self.now = now
        self.random_bytes = random_bytes

    def __repr__(self) -> str:
        return "<OAuth1Auth of consumer %s, %s>" % (
            self.consumer_key,
            self.signature_method,
        )

    def apply(self, request: urllib.request.Request) -> None:
        """Sign the request; its Authorization header is never taken along elsewhere."""
        value = self.authorization(
            request.get_method(), request.full_url, oauth_form_of(request)
        )
        request.add_unredirected_header("Authorization", value)

    def authorization(self, method: str, url: str, form: str = "") -> str:
        """Return the Authorization value for a request; `form` is its form body."""
        protocol = [
            ("oauth_consumer_key", self.consumer_key),
            ("oauth_nonce", self.random_bytes(16).hex()),
            ("oauth_signature_method", self.signature_method),
            ("oauth_timestamp", str(int(self.now()))),
        ]
        if self.token:
            protocol.append(("oauth_token", self.token))
        protocol.append(("oauth_version", "1.0"))
        protocol.extend(self.extra_params)
        params = (
            protocol
            + oauth_query_pairs(urllib.parse.urlsplit(url).query)
            + oauth_query_pairs(form)
        )
        signature = self.sign(oauth_base_string(method, url, params))
        protocol.append(("oauth_signature", signature))
        fields = ['%s="%s"' % (name, oauth_quote(value)) for name, value in protocol]
        if self.realm is not None:
            fields.insert(0, 'realm="%s"' % oauth_quote(self.realm))
        return "OAuth " + ", ".join(fields)

    def sign(self, base_string: str) -> str:
        """Return the signature of a base string (RFC 5849 3.4.2)."""
        import hmac  # 1 ms, for those who sign

        key = "%s&%s" % (
            oauth_quote(self.consumer_secret),
            oauth_quote(self.token_secret),
        )
        digest = hmac.new(
            key.encode("ascii"),
            base_string.encode("ascii"),
            getattr(hashlib, OAUTH_HASHES[self.signature_method]),
        )
        return b64encode(digest.digest()).decode("ascii")


def oauth_form_of(request: urllib.request.Request) -> str:
    """Return the form body of a request as text, "" if it has none that is signed."""
    body: Any = getattr(request, "body", None)
    # urllib's own guess for a body without a type is a form.
    content_type = getattr(body, "content_type", None) or URLENCODED_TYPE
    for headers in (request.unredirected_hdrs, request.headers):
        for name in header_names(headers, "content-type"):
            content_type = headers[name]
    # RFC 5849 3.4.1.3.1: no other type of body is signed.
    if content_type.partition(";")[0].strip().lower() != URLENCODED_TYPE:
        return ""
    return (body_of_request(request) or b"").decode("utf-8", "surrogateescape")
