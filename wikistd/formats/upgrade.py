"""The opening handshake of WebSocket, for both sides: headers in, headers out.

Spec: RFC 6455 4.  Pure.  Not here: the exchange that carries them
(streams/websocket.py, server/feed.py), frames (formats/frames.py).
"""

from __future__ import annotations

import base64
import binascii
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from ..errors import HandshakeRefused, HeaderError
from .checksums import make_checksum
from .deflate import MessageDeflate, accept_deflate, agree_deflate, offer_deflate
from .frames import MAX_MESSAGE_BYTES, WebSocketParser, WebSocketWriter

UPGRADE_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#: 8 is the last draft, which differs in nothing that is sent here.
UPGRADE_VERSIONS = ("13", "8")
UPGRADE_SPEC = "RFC 6455 4"
#: What a request, its answer and a refusal without them have.
UPGRADE_FIELDS = (("Upgrade", "websocket"), ("Connection", "Upgrade"))

UpgradeHeaders = Union[Mapping[str, str], Iterable[Tuple[str, str]]]
Handshake = Tuple[int, List[Tuple[str, str]], WebSocketParser, WebSocketWriter]


def websocket_accept(key: str) -> str:
    """Return the Sec-WebSocket-Accept for a Sec-WebSocket-Key."""
    digest = make_checksum("sha1", key.encode("ascii") + UPGRADE_GUID).digest()
    return base64.b64encode(digest).decode("ascii")


def do_handshake(
    method: str,
    headers: UpgradeHeaders,
    protocols: Sequence[str] = (),
    *,
    compress: bool = True,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
) -> Handshake:
    """Answer a client's handshake: (status, headers, parser, writer), no I/O.

    `protocols` are those this server knows; the first of the client's that is among
    them is chosen.  HandshakeRefused, with the status and the headers to answer with,
    where it is no handshake.
    """
    fields = _upgrade_fields(headers)
    if method.upper() != "GET":
        raise HandshakeRefused(
            "method is %s, not GET" % method, status=405, headers=[("Allow", "GET")]
        )
    if not _upgrade_names(fields, "upgrade", "websocket"):
        raise HandshakeRefused(
            "no upgrade to WebSocket was asked for",
            status=426,
            headers=UPGRADE_FIELDS,
        )
    if not _upgrade_names(fields, "connection", "upgrade"):
        raise HandshakeRefused("Connection does not name Upgrade", status=400)
    version = fields.get("sec-websocket-version", "")
    if version not in UPGRADE_VERSIONS:
        raise HandshakeRefused(
            "version %r of WebSocket is not supported" % version[:20],
            status=426,
            headers=[("Sec-WebSocket-Version", ", ".join(UPGRADE_VERSIONS))],
        )
    key = fields.get("sec-websocket-key", "")
    try:
        is_key = len(base64.b64decode(key.encode("ascii"), validate=True)) == 16
    except (binascii.Error, UnicodeEncodeError):
        is_key = False
    if not is_key:
        message = "Sec-WebSocket-Key is not 16 bytes of base64"
        raise HandshakeRefused(message, status=400)
    answer = [*UPGRADE_FIELDS, ("Sec-WebSocket-Accept", websocket_accept(key))]
    for wanted in _upgrade_tokens(fields, "sec-websocket-protocol"):
        if wanted in protocols:
            answer.append(("Sec-WebSocket-Protocol", wanted))
            break
    deflate = None
    if compress and can_deflate():
        try:
            accepted = accept_deflate(fields.get("sec-websocket-extensions", ""))
        except HeaderError as error:
            raise HandshakeRefused(str(error), status=400) from error
        if accepted is not None:
            answer.append(("Sec-WebSocket-Extensions", accepted[0]))
            deflate = MessageDeflate(accepted[1], is_client=False)
    parser = WebSocketParser(
        is_client=False, max_message_bytes=max_message_bytes, deflate=deflate
    )
    return 101, answer, parser, WebSocketWriter(deflate=deflate)


def make_handshake(
    random_bytes: bytes, protocols: Sequence[str] = (), *, compress: bool = True
) -> List[Tuple[str, str]]:
    """Return the headers of a client's handshake; `random_bytes` are 16."""
    headers = [
        *UPGRADE_FIELDS,
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", base64.b64encode(random_bytes).decode("ascii")),
    ]
    if protocols:
        headers.append(("Sec-WebSocket-Protocol", ", ".join(protocols)))
    if compress:
        headers.append(("Sec-WebSocket-Extensions", offer_deflate()))
    return headers


def finish_handshake(
    random_bytes: bytes,
    headers: UpgradeHeaders,
    protocols: Sequence[str] = (),
    *,
    compress: bool = True,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
) -> Tuple[Optional[str], WebSocketParser, WebSocketWriter]:
    """Check a server's 101: (chosen protocol or None, parser, writer).

    HeaderError where the answer is not one to this handshake; ImportError where it
    wants compression, and this Python has no zlib: see `can_deflate`.
    """
    fields = _upgrade_fields(headers)
    if not _upgrade_names(fields, "upgrade", "websocket"):
        raise HeaderError("the server upgrades to something else", spec=UPGRADE_SPEC)
    if not _upgrade_names(fields, "connection", "upgrade"):
        raise HeaderError("Connection does not name Upgrade", spec=UPGRADE_SPEC)
    key = base64.b64encode(random_bytes).decode("ascii")
    if fields.get("sec-websocket-accept", "") != websocket_accept(key):
        raise HeaderError(
            "Sec-WebSocket-Accept is not the answer to our key", spec=UPGRADE_SPEC
        )
    protocol = fields.get("sec-websocket-protocol")
    if protocol is not None and protocol not in protocols:
        raise HeaderError(
            "the server chose the protocol %r, which was not offered" % protocol[:60],
            spec=UPGRADE_SPEC,
        )
    extensions = fields.get("sec-websocket-extensions", "")
    if extensions and not compress:
        raise HeaderError("extensions that were not offered", spec=UPGRADE_SPEC)
    terms = agree_deflate(extensions)
    deflate = None if terms is None else MessageDeflate(terms, is_client=True)
    parser = WebSocketParser(
        is_client=True, max_message_bytes=max_message_bytes, deflate=deflate
    )
    return protocol, parser, WebSocketWriter(use_mask=True, deflate=deflate)


def can_deflate() -> bool:
    """Return whether this Python has zlib."""
    try:
        import zlib
    except ImportError:
        return False
    return bool(zlib.ZLIB_VERSION)


def _upgrade_fields(headers: UpgradeHeaders) -> Dict[str, str]:
    """Return lower-case names with their values, several of one name joined."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    fields: Dict[str, str] = {}
    for name, value in pairs:
        name = name.lower()
        fields[name] = fields[name] + ", " + value if name in fields else value.strip()
    return fields


def _upgrade_tokens(fields: Dict[str, str], name: str) -> List[str]:
    parts = [part.strip() for part in fields.get(name, "").split(",")]
    return [part for part in parts if part]


def _upgrade_names(fields: Dict[str, str], name: str, token: str) -> bool:
    return token in (part.lower() for part in _upgrade_tokens(fields, name))
