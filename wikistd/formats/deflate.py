"""Compression of WebSocket messages: the terms, and the bytes.

In: Sec-WebSocket-Extensions fields; payloads.  Out: what was agreed; payloads.
Spec: RFC 7692, permessage-deflate.  Pure.  Not here: frames (formats/frames.py),
compressed HTTP bodies (web/decoding.py).
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ..errors import HeaderError, WebSocketError

DEFLATE_EXTENSION = "permessage-deflate"
DEFLATE_TAIL = b"\x00\x00\xff\xff"  # what a sync flush ends with, RFC 7692 7.2.1
DEFLATE_LEVEL = 6  # zlib's own choice
MAX_WINDOW_BITS = 15
#: zlib writes no raw stream with a window of 8 bits; it can read one.
MIN_OWN_WINDOW_BITS = 9


class DeflateTerms(NamedTuple):
    """What was agreed about compression; of each side: its window and its memory."""

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int = MAX_WINDOW_BITS
    client_max_window_bits: int = MAX_WINDOW_BITS


class MessageDeflate:
    """Compress and decompress the messages of one connection.  One owner.

    ImportError where this Python has no zlib: then nothing is offered or accepted.
    """

    def __init__(self, terms: DeflateTerms, *, is_client: bool) -> None:
        import zlib  # a Python may lack it

        self._zlib = zlib
        ours = terms.client_max_window_bits, terms.client_no_context_takeover
        theirs = terms.server_max_window_bits, terms.server_no_context_takeover
        if not is_client:
            ours, theirs = theirs, ours
        self._own_bits, self._forgets = ours
        self._far_bits, self._far_forgets = theirs
        self._compressor: Any = None
        self._decompressor: Any = None

    def compress(self, data: bytes) -> bytes:
        """Return the payload of a message."""
        if self._compressor is None:
            self._compressor = self._zlib.compressobj(
                DEFLATE_LEVEL, self._zlib.DEFLATED, -self._own_bits
            )
        payload: bytes = self._compressor.compress(data)
        payload += self._compressor.flush(self._zlib.Z_SYNC_FLUSH)
        if self._forgets:
            self._compressor = None
        return payload[:-4]

    def decompress(self, data: bytes, is_end: bool, max_bytes: int) -> bytes:
        """Return what the next part of a payload stands for, `max_bytes` at most.

        Whoever gets `max_bytes` gives the message up: the rest is not kept.
        """
        if is_end:
            data += DEFLATE_TAIL
        pieces: List[bytes] = []
        size = 0
        try:
            while data and size < max_bytes:
                if self._decompressor is None:
                    self._decompressor = self._zlib.decompressobj(-self._far_bits)
                piece = self._decompressor.decompress(data, max_bytes - size)
                pieces.append(piece)
                size += len(piece)
                data = self._decompressor.unconsumed_tail
                if self._decompressor.eof:
                    # A block may be marked as the last one, RFC 7692 7.2.3.5.
                    data = self._decompressor.unused_data
                    self._decompressor = None
        except self._zlib.error as error:
            raise WebSocketError(
                1007, "compressed message is broken: %s" % error, spec="RFC 7692"
            ) from error
        if is_end and self._far_forgets:
            self._decompressor = None
        return b"".join(pieces)


def parse_extensions(text: str) -> List[Tuple[str, Dict[str, str]]]:
    """Return (name, parameters) of each extension of a Sec-WebSocket-Extensions field.

    Parameters without a value have "".  RFC 6455 9.1; HeaderError for a parameter
    that stands twice.
    """
    found = []
    for part in text.split(","):
        name, *rest = [piece.strip() for piece in part.split(";")]
        if not name:
            continue
        params: Dict[str, str] = {}
        for piece in rest:
            key, _, value = piece.partition("=")
            key = key.strip().lower()
            if key in params:
                raise HeaderError(
                    "parameter %s of %s stands twice" % (key, name), spec="RFC 7692"
                )
            params[key] = value.strip().strip('"')
        found.append((name.lower(), params))
    return found


def offer_deflate() -> str:
    """Return what a client asks for: its window may be chosen by the server."""
    return DEFLATE_EXTENSION + "; client_max_window_bits"


def accept_deflate(text: str) -> Optional[Tuple[str, DeflateTerms]]:
    """Return (answer, terms) to the first offer that a server can meet, or None."""
    for name, params in parse_extensions(text):
        terms = _deflate_terms(params) if name == DEFLATE_EXTENSION else None
        if terms is None or terms.server_max_window_bits < MIN_OWN_WINDOW_BITS:
            continue
        answer = [DEFLATE_EXTENSION]
        for key in DeflateTerms._fields:
            if params.get(key):
                answer.append("%s=%s" % (key, params[key]))
            elif key in params and key != "client_max_window_bits":
                answer.append(key)
        return "; ".join(answer), terms
    return None


def agree_deflate(text: str) -> Optional[DeflateTerms]:
    """Return the terms that a server answered to `offer_deflate`, None for none.

    HeaderError for extensions that were not offered, and terms that cannot be met.
    """
    found = parse_extensions(text)
    if not found:
        return None
    name, params = found[0]
    terms = _deflate_terms(params) if name == DEFLATE_EXTENSION else None
    is_bare = params.get("client_max_window_bits") == ""
    if len(found) > 1 or terms is None or is_bare:
        raise HeaderError(
            "the server chose extensions that were not offered: %s" % text[:200],
            spec="RFC 6455 4.1",
        )
    if terms.client_max_window_bits < MIN_OWN_WINDOW_BITS:
        raise HeaderError(
            "the server wants a window of 8 bits, which zlib cannot write",
            spec="RFC 7692 7.1.2.2",
        )
    return terms


def _deflate_terms(params: Dict[str, str]) -> Optional[DeflateTerms]:
    """Return the terms that parameters name, None where one is unknown or wrong."""
    fields: Dict[str, Any] = {}
    for name, value in params.items():
        is_bits = name.endswith("_max_window_bits")
        if name not in DeflateTerms._fields or (value and not is_bits):
            return None
        if not is_bits:
            fields[name] = True
        elif value in ("8", "9", "10", "11", "12", "13", "14", "15"):
            fields[name] = int(value)
        elif value or name != "client_max_window_bits":
            return None  # Only a client may leave its number open.
    return DeflateTerms(**fields)
