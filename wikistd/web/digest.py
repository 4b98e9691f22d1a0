"""Digest authentication: challenges in, Authorization values out.

Spec: RFC 7616 (and RFC 2069 for servers without qop).  Holds: one nonce for each place.
Not here: when to answer whom (credentials.py), proxies (proxies.py).
"""

from __future__ import annotations

import hashlib
import os
import threading
import urllib.parse
import urllib.request
from typing import (
    Any,
    Callable,
    Dict,
    Hashable,
    Iterable,
    List,
    NoReturn,
    Optional,
    Sequence,
)

from ..formats.headers import Challenge, encode_utf8, parse_challenges, quote_string
from .origins import origin_of

#: Best first: digest algorithm of RFC 7616, name for hashlib.
DIGEST_HASHES = {"SHA-512-256": "sha512_256", "SHA-256": "sha256", "MD5": "md5"}

#: More places than one object is ever used for; keeps a hostile farm from filling
#: memory.
MAX_DIGEST_PLACES = 1000


def digest_hash(algorithm: str) -> Optional[str]:
    """Return hashlib's name for a digest algorithm, None if there is none here."""
    plain = algorithm.upper()
    name = DIGEST_HASHES.get(plain[:-5] if plain.endswith("-SESS") else plain)
    if name is not None:
        try:
            hashlib.new(name)
        except ValueError:  # OpenSSL may lack it, or forbid MD5
            return None
    return name


class RequestAuth:
    """What gives requests their Authorization header, and answers challenges."""

    username = ""

    def __repr__(self) -> str:
        of = " of %r" % self.username if self.username else ""
        return "<%s%s>" % (type(self).__name__, of)

    def __getstate__(self) -> NoReturn:
        raise TypeError("%s holds secrets and is not pickled" % type(self).__name__)

    def handle_challenge(
        self, request: urllib.request.Request, challenges: Sequence[Challenge]
    ) -> bool:
        """Return False: what was refused is refused again."""
        return False


class DigestSpace:
    """What one server (or proxy) said of its digest: the nonce and how to use it."""

    def __init__(self, challenge: Challenge, hash_name: str) -> None:
        params = challenge.params
        self.realm = params.get("realm", "")
        self.nonce = params["nonce"]
        self.opaque = params.get("opaque")
        self.algorithm = params.get("algorithm", "")
        self.hash_name = hash_name
        self.qops = params.get("qop", "").lower().replace(",", " ").split()
        self.userhash = params.get("userhash", "").lower() == "true"
        self.utf8 = params.get("charset", "").lower() == "utf-8"
        self.stale = params.get("stale", "").lower() == "true"
        self.domain = params.get("domain", "")
        self.prefixes: List[str] = []
        self.nonce_count = 0
        self.client_nonce = ""
        self.session_key = ""

    def hash(self, pieces: Iterable[bytes]) -> str:
        """Return the hash of some bytes in hexadecimal."""
        state = hashlib.new(self.hash_name)
        for piece in pieces:
            state.update(piece)
        return state.hexdigest()


class DigestAuth(RequestAuth):
    """User name and password for HTTP Digest.  Thread-safe; knows its nonces by origin.

    MD5, SHA-256 and SHA-512-256 (where OpenSSL has it), each with -sess; qop auth and
    auth-int, or none.  The first request to a place waits for the challenge, later ones
    answer in advance; `nextnonce` and `stale` are honoured.  Text is sent as UTF-8.
    Source: RFC 7616.
    """

    def __init__(
        self,
        username: str,
        password: str,
        *,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.username = username
        self.password = password
        self._random_bytes = random_bytes
        self._spaces: Dict[Hashable, DigestSpace] = {}
        self._lock = threading.Lock()

    # -- for requests --------------------------------------------------------------

    def apply(self, request: urllib.request.Request) -> None:
        """Give the request its Authorization header if its place is known already."""
        url = request.full_url
        parts = urllib.parse.urlsplit(url)
        target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        value = self.authorization(
            origin_of(url), request.get_method(), target, body_pieces(request)
        )
        if value is not None:
            request.add_unredirected_header("Authorization", value)

    def handle_challenge(
        self, request: urllib.request.Request, challenges: Sequence[Challenge]
    ) -> bool:
        """Take in a 401's challenges; return whether it makes sense to try again."""
        origin = origin_of(request.full_url)
        return self.learn(
            origin,
            challenges,
            tries=getattr(request, "auth_tries", 0),
            url=request.full_url,
            has_body=body_pieces(request) is not None,
        )

    def handle_response(self, request: urllib.request.Request, response: Any) -> None:
        """Take in the next nonce, if the server names it (RFC 7616 3.5)."""
        value = response.headers.get("Authentication-Info")
        if value:
            self.renew(origin_of(request.full_url), value)

    # -- for any place ---------------------------------------------------------------

    def learn(
        self,
        place: Hashable,
        challenges: Sequence[Challenge],
        *,
        tries: int = 0,
        url: str = "",
        has_body: bool = True,
    ) -> bool:
        """Remember the best digest challenge for `place`; return whether to try again.

        `tries` counts the answers given already in this call.  A second one makes sense
        only if the server says that nothing but the nonce was too old.
        """
        spaces: List[DigestSpace] = []
        for challenge in challenges:
            if challenge.scheme == "digest" and "nonce" in challenge.params:
                hash_name = digest_hash(challenge.params.get("algorithm", "MD5"))
                if hash_name is not None:
                    spaces.append(DigestSpace(challenge, hash_name))
        spaces = [s for s in spaces if choose_digest_qop(s, has_body) is not None]
        ranks = list(DIGEST_HASHES.values())
        space = min(spaces, key=lambda s: ranks.index(s.hash_name), default=None)
        with self._lock:
            if space is None or (tries and not space.stale):
                self._spaces.pop(place, None)  # a wrong password is not sent in advance
                return False
            space.prefixes = digest_prefixes(url, space.domain)
            if len(self._spaces) >= MAX_DIGEST_PLACES:
                del self._spaces[next(iter(self._spaces))]
            self._spaces[place] = space
            return True

    def renew(self, place: Hashable, authentication_info: str) -> None:
        """Use the `nextnonce` of an Authentication-Info value from now on."""
        # The grammar is that of a challenge's parameters without the scheme.
        for challenge in parse_challenges("Digest " + authentication_info):
            nonce = challenge.params.get("nextnonce")
            if nonce:
                with self._lock:
                    space = self._spaces.get(place)
                    if space is not None:
                        space.nonce = nonce
                        space.nonce_count = 0

    def authorization(
        self,
        place: Hashable,
        method: str,
        target: str,
        body: Optional[Iterable[bytes]],
    ) -> Optional[str]:
        """Return the Authorization value for a request target, None if none is known.

        `body` is what auth-int signs, in pieces, None if it is not at hand.
        """
        with self._lock:
            space = self._spaces.get(place)
            if space is None or not in_digest_prefixes(space, target):
                return None
            qop = choose_digest_qop(space, body is not None)
            if qop is None:
                return None
            space.nonce_count += 1
            return self._answer(space, method, target, qop, body or [])

    def _answer(
        self,
        space: DigestSpace,
        method: str,
        target: str,
        qop: str,
        body: Iterable[bytes],
    ) -> str:
        """Return the digest for one request; the caller holds the lock."""

        def hashed(*parts: str) -> str:
            return space.hash([encode_utf8(":".join(parts), "user name or password")])

        count = "%08x" % space.nonce_count
        is_session = space.algorithm.upper().endswith("-SESS")
        if not (is_session and space.client_nonce):
            # RFC 7616 3.4.2: with -sess, the first nonces make the key of the session.
            space.client_nonce = self._new_client_nonce()
        client_nonce = space.client_nonce
        key = space.session_key or hashed(self.username, space.realm, self.password)
        if is_session and not space.session_key:
            key = space.session_key = hashed(key, space.nonce, client_nonce)
        signed = [space.hash(body)] if qop == "auth-int" else []
        what = hashed(method, target, *signed)
        counted = [count, client_nonce, qop] if qop else []
        response = hashed(key, space.nonce, *counted, what)
        fields = [
            self._username_field(space),
            "realm=%s" % quote_string(space.realm),
            "nonce=%s" % quote_string(space.nonce),
            "uri=%s" % quote_string(target),
            'response="%s"' % response,
        ]
        if space.algorithm:
            fields.append("algorithm=%s" % space.algorithm)
        if space.opaque is not None:
            fields.append("opaque=%s" % quote_string(space.opaque))
        if qop:
            fields += ["qop=" + qop, "nc=" + count, 'cnonce="%s"' % client_nonce]
        elif is_session:
            fields.append('cnonce="%s"' % client_nonce)
        if space.userhash:
            fields.append("userhash=true")
        return "Digest " + ", ".join(fields)

    def _new_client_nonce(self) -> str:
        """Return a fresh cnonce."""
        return self._random_bytes(16).hex()

    def _username_field(self, space: DigestSpace) -> str:
        """Return the user name as the server can read it (RFC 7616 3.4.4)."""
        if space.userhash:
            whole = encode_utf8("%s:%s" % (self.username, space.realm), "user name")
            return 'username="%s"' % space.hash([whole])
        raw = encode_utf8(self.username, "user name")
        if space.utf8 and not raw.isascii():
            return "username*=UTF-8''%s" % urllib.parse.quote(raw, safe="")
        # A server that says nothing: the UTF-8 bytes as they are, as browsers do.
        return "username=%s" % quote_string(raw.decode("latin-1"))


def choose_digest_qop(space: DigestSpace, has_body: bool) -> Optional[str]:
    """Return the quality of protection to use, "" for RFC 2069's, None if none fits."""
    if not space.qops or "auth" in space.qops:
        return "auth" if space.qops else ""
    return "auth-int" if "auth-int" in space.qops and has_body else None


def digest_prefixes(url: str, domain: str) -> List[str]:
    """Return the paths of `domain` on the server of `url`; the empty list means all.

    RFC 7616 3.3 lets a server name other servers there; its word is no reason to send
    them anything.
    """
    if not url:
        return []
    found = []
    for uri in domain.split():
        try:
            target = urllib.parse.urljoin(url, uri)
            if origin_of(target) == origin_of(url):
                found.append(urllib.parse.urlsplit(target).path or "/")
        except ValueError:
            continue
    path = urllib.parse.urlsplit(url).path or "/"
    if found and not any(map(path.startswith, found)):
        found.append(path)  # whatever it says, here it has just asked
    return found


def in_digest_prefixes(space: DigestSpace, target: str) -> bool:
    """Return whether a request target lies where the nonce is good for."""
    return not space.prefixes or any(map(target.startswith, space.prefixes))


def body_of_request(request: urllib.request.Request) -> Optional[bytes]:
    """Return the body of a request as bytes if it is at hand, else None."""
    data: Any = request.data
    if data is None:
        return b""
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    content = getattr(getattr(request, "body", None), "content", None)
    return content if isinstance(content, bytes) else None


def body_pieces(request: urllib.request.Request) -> Optional[Iterable[bytes]]:
    """Return the body of a request in pieces if it can be read now and sent later."""
    content = body_of_request(request)
    if content is not None:
        return [content]
    body: Any = getattr(request, "body", None)
    if body is None or not getattr(body, "is_replayable", False):
        return None
    pieces: Iterable[bytes] = body.pieces()
    return pieces
