"""Encodings of a part's content, both ways: pieces of bytes in, pieces of bytes out.

Spec: RFC 2045 6.7 and 6.8, RFC 9110 8.4.1.  Pure.  Not here: bodies of whole answers
(web/decoding.py).
"""

from __future__ import annotations

import binascii
from typing import Any, Iterable, Iterator, List

from ..errors import MultipartError, UnknownEncoding, limit_exceeded

#: Content-Transfer-Encodings that change nothing.
PLAIN_TRANSFER_ENCODINGS = ("", "7bit", "8bit", "binary")

MAX_GZIP_MEMBERS = 16  # each takes a copy of what follows it


class PartEncodingRefused(ValueError, RuntimeError):
    """The caller asked for an encoding of a part that cannot be written here."""


def compress_part(pieces: Iterable[bytes], coding: str) -> Iterator[bytes]:
    """Yield the pieces compressed: `coding` is "gzip" or "deflate"."""
    import zlib  # a crippled Python may lack it

    # Raw deflate, as aiohttp reads and writes it: nobody else compresses parts.
    squeeze = zlib.compressobj(wbits=31 if coding == "gzip" else -15)
    for piece in pieces:
        done = squeeze.compress(piece)
        if done:
            yield done
    yield squeeze.flush()


def encode_base64_part(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield base64 in lines of 76 characters (RFC 2045 6.8)."""
    held, lead = b"", b""
    for piece in pieces:
        held += piece
        whole = len(held) - len(held) % 57
        if whole:
            yield lead + _base64_lines(held[:whole])
            held, lead = held[whole:], b"\r\n"
    if held:
        yield lead + _base64_lines(held)


def _base64_lines(data: bytes) -> bytes:
    coded = binascii.b2a_base64(data, newline=False)
    return b"\r\n".join(coded[i : i + 76] for i in range(0, len(coded), 76))


def encode_quoted_printable_part(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield quoted-printable of binary content (RFC 2045 6.7): line ends coded too."""
    # binascii.b2a_qp makes lines of 77 characters (3.8 to 3.13), and cannot go on in
    # the middle of one.
    tokens = [b"=%02X" % byte for byte in range(256)]
    for byte in range(32, 127):
        if byte != 61:
            tokens[byte] = bytes([byte])
    width = 0
    for piece in pieces:
        coded = bytearray()
        for place, byte in enumerate(piece, 1):
            token = tokens[byte]
            if byte == 32 and place == len(piece):
                token = b"=20"  # a blank at the very end would be lost
            if width + len(token) > 75:
                coded += b"=\r\n"
                width = 0
            coded += token
            width += len(token)
        yield bytes(coded)


def decode_part_transfer(data: bytes, encoding: str) -> bytes:
    """Undo a Content-Transfer-Encoding; UnknownEncoding, MultipartError if broken."""
    name = encoding.strip().lower()
    if name in PLAIN_TRANSFER_ENCODINGS:
        return data
    if name == "quoted-printable":
        return binascii.a2b_qp(data)
    if name == "base64":
        try:
            return binascii.a2b_base64(data)
        except binascii.Error as error:
            raise MultipartError("part is no base64: %s" % error) from error
    raise UnknownEncoding("unknown content transfer encoding %.100r" % encoding)


def decode_part_coding(data: bytes, coding: str, max_bytes: int) -> bytes:
    """Undo a Content-Encoding, up to `max_bytes`.

    Deflate is taken with its zlib header, as RFC 9110 wants, and without, as parts
    have it.  Raises UnknownEncoding, MultipartError if broken or cut short, and
    LimitExceeded naming max_field_bytes.
    """
    name = coding.strip().lower()
    if name in ("", "identity"):
        return data
    if name not in ("gzip", "x-gzip", "deflate"):
        raise UnknownEncoding("unknown content encoding %.100r" % coding)
    import zlib  # a crippled Python may lack it

    # RFC 1950 2.2: CMF and FLG make a multiple of 31, and the method is 8.
    is_zlib = (
        data[:1] and data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
    )
    wbits = 31 if name != "deflate" else 15 if is_zlib else -15
    pieces: List[bytes] = []
    left = max_bytes
    while data:
        expand: Any = zlib.decompressobj(wbits=wbits)
        try:
            piece = expand.decompress(data, left + 1)
        except zlib.error as error:
            raise MultipartError("part is no %s: %s" % (name, error)) from error
        left -= len(piece)
        if left < 0:
            raise limit_exceeded("decoded part", "max_field_bytes", max_bytes)
        if not expand.eof:
            raise MultipartError("part is cut short: its %s does not end" % name)
        pieces.append(piece)
        # gzip may have several members; nothing may follow deflate.
        data = expand.unused_data
        if data and (wbits != 31 or len(pieces) >= MAX_GZIP_MEMBERS):
            raise MultipartError("part has %d bytes after its %s" % (len(data), name))
    return b"".join(pieces)
