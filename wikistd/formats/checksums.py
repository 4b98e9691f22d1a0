"""SHA-1 and MD5 as checksums: bytes in, a hashlib object out.

Spec: what protocols name them for, such as a file's SHA-1 in MediaWiki or the accept
key of RFC 6455.  Pure.  Not here: anything that must resist an attacker.
"""

from __future__ import annotations

import hashlib
from typing import Any


def make_checksum(name: str, data: bytes = b"") -> hashlib._Hash:
    """Return `hashlib.new(name, data)` also where policy forbids it for security.

    A Python in FIPS mode refuses "md5" and "sha1" unless it is told that security does
    not hang on them.
    """
    try:
        how: Any = {"usedforsecurity": False}
        return hashlib.new(name, data, **how)
    except TypeError:  # before 3.9 there is no such argument
        return hashlib.new(name, data)
