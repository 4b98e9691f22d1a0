"""Files of the embedded wiki: versions of each, and the stash of unfinished uploads.

In: bytes.  Out: what a picture is, and the bytes again.  Holds: the database.
Spec: PNG, GIF and JPEG headers as far as size and depth.  Not here: the API module
(actions_upload.py).
"""

from __future__ import annotations

import json
import os
import struct
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import quote

from ..formats.checksums import make_checksum
from .records import Actor, FileRecord, format_stamp
from .schema import WikiDatabase
from .titles import upper_first

FILE_COLUMNS = (
    "name, time, size, width, height, bits, mime, media, metadata, sha1, account, user,"
    " comment, archive, rowid"
)
STASH_COLUMNS = "filekey, account, time, status, size, name, stage"
MEDIA_TYPES = {
    "png": "image/png",
    "gif": "image/gif",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "ogg": "application/ogg",
    "webm": "video/webm",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "txt": "text/plain",
    "csv": "text/csv",
    "json": "application/json",
    "djvu": "image/vnd.djvu",
    "tif": "image/tiff",
    "tiff": "image/tiff",
}


class FileFacts(NamedTuple):
    """What the bytes of a file say of themselves.  Immutable."""

    mime: str
    media: str
    width: int
    height: int
    bits: int
    metadata: Dict[str, Any]


class StashedFile(NamedTuple):
    """An upload that is not published.  `status`: chunks, finished or queued."""

    filekey: str
    account: int
    timestamp: int
    status: str
    size: int
    name: str
    stage: str


def file_key(name: str) -> str:
    """Return the name under which a file is kept: underscores, first letter capital."""
    return upper_first(name.strip().replace(" ", "_"))


def file_folder(name: str) -> str:
    """Return the two folders a file is kept in, by the MD5 of its name: c/cc."""
    digest = make_checksum("md5", name.encode("utf-8")).hexdigest()
    return "%s/%s" % (digest[0], digest[:2])


def file_path(name: str, archive: str = "") -> str:
    """Return the path of a file, or an older version, below /w/images: c/cc/Big.png."""
    path = "%s/%s" % (file_folder(name), quote(archive or name, safe="!*,;:@$-_.~"))
    return "archive/" + path if archive else path


def inspect_file(data: bytes, name: str) -> FileFacts:
    """Return what `data` is, by its first bytes, else by the ending of `name`."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _inspect_png(data)
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 11:
        width, height, flags = struct.unpack_from("<HHB", data, 6)
        return FileFacts("image/gif", "BITMAP", width, height, (flags & 7) + 1, {})
    if data.startswith(b"\xff\xd8\xff"):
        width, height = _jpeg_size(data)
        return FileFacts("image/jpeg", "BITMAP", width, height, 8 if width else 0, {})
    if _looks_like_text(data[:1024]) and b"<svg" not in data[:1024].lower():
        return FileFacts("text/plain", "TEXT", 0, 0, 0, {})
    mime = MEDIA_TYPES.get(name.rpartition(".")[2].lower(), "application/octet-stream")
    return FileFacts(mime, _media_of(mime), 0, 0, 0, {})


def _media_of(mime: str) -> str:
    kind = mime.partition("/")[0]
    if mime == "image/svg+xml":
        return "DRAWING"
    known = {"image": "BITMAP", "audio": "AUDIO", "video": "VIDEO", "text": "TEXT"}
    return known.get(kind, "OFFICE" if mime == "application/pdf" else "UNKNOWN")


def _looks_like_text(data: bytes) -> bool:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(data) - 4 and error.start > 0
    return not any(ord(sign) < 32 and sign not in "\t\r\n\f" for sign in text)


def _inspect_png(data: bytes) -> FileFacts:
    if len(data) < 33 or data[12:16] != b"IHDR" or data[-8:-4] != b"IEND":
        return FileFacts("image/png", "BITMAP", 0, 0, 0, {"_error": "0"})
    width, height, depth, colour = struct.unpack_from(">IIBB", data, 16)
    colours = {
        0: "greyscale",
        2: "truecolour",
        3: "index-coloured",
        4: "greyscale-alpha",
        6: "truecolour-alpha",
    }
    facts: Dict[str, Any] = {
        "frameCount": 0,
        "loopCount": 1,
        "duration": 0,
        "bitDepth": depth,
        "colorType": colours.get(colour, "unknown"),
    }
    position, kind = 8, b""
    while position + 8 <= len(data) and kind not in (b"IDAT", b"IEND"):
        size, kind = struct.unpack_from(">I4s", data, position)
        name, _, comment = data[position + 8 : position + 8 + size].partition(b"\0")
        if kind == b"tEXt" and name == b"Comment":
            facts["comment"] = comment.decode("latin-1")
        position += 12 + size
    return FileFacts("image/png", "BITMAP", width, height, depth, facts)


def _jpeg_size(data: bytes) -> Tuple[int, int]:
    position = 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        size, _, height, width = struct.unpack_from(">HBHH", data, position + 2)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return width, height
        position += 2 + size
    return 0, 0


def base36_sha1(sha1: str) -> str:
    """Return a hexadecimal SHA-1 as MediaWiki stores it: 31 digits to base 36."""
    number, digits = int(sha1, 16), ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits.rjust(31, "0")


def make_record(row: Sequence[Any]) -> FileRecord:
    """Return a row of FILE_COLUMNS as a value."""
    return FileRecord._make([*row[:8], json.loads(row[8]), *row[9:]])


class FileShelf:
    """The files in one database.  Thread-safe."""

    def __init__(self, db: WikiDatabase) -> None:
        self.db = db

    def query(
        self, where: str, values: Tuple[Any, ...], limit: int
    ) -> List[FileRecord]:
        """Return versions of files by a WHERE and ORDER BY clause."""
        rows = self.db.all(
            "SELECT %s FROM file WHERE %s LIMIT %d" % (FILE_COLUMNS, where, limit),
            values,
        )
        return [make_record(row) for row in rows]

    def find(self, name: str) -> Optional[FileRecord]:
        """Return the newest version of a file, or None."""
        found = self.query("name = ? AND is_current = 1", (file_key(name),), 1)
        return found[0] if found else None

    def versions(self, name: str, limit: int = 500) -> List[FileRecord]:
        """Return the versions of a file, newest first."""
        return self.query(
            "name = ? ORDER BY is_current DESC, time DESC, rowid DESC",
            (file_key(name),),
            limit,
        )

    def same_bytes(self, sha1: str) -> List[FileRecord]:
        """Return the current files with that hexadecimal SHA-1, by name."""
        return self.query("sha1 = ? AND is_current = 1 ORDER BY name", (sha1,), 50)

    def read(self, record: FileRecord) -> bytes:
        """Return the bytes of one version."""
        data = self.db.value("SELECT data FROM file WHERE rowid = ?", (record.rowid,))
        return b"" if data is None else bytes(data)

    def publish(
        self, name: str, data: bytes, actor: Actor, comment: str, now: int
    ) -> FileRecord:
        """Make `data` the newest version of a file.

        FileExistsError for a second new version within a second: MediaWiki names old
        versions by the time.
        """
        key = file_key(name)
        facts = inspect_file(data, key)
        with self.db.transaction():
            old = self.find(key)
            if old is not None:
                archive = "%s!%s" % (format_stamp(now), key)
                if self.db.one("SELECT 1 FROM file WHERE archive = ?", (archive,)):
                    raise FileExistsError(archive)
                self.db.run(
                    "UPDATE file SET is_current = 0, archive = ? WHERE rowid = ?",
                    (archive, old.rowid),
                )
            self.db.insert(
                "file",
                name=key,
                time=now,
                is_current=1,
                size=len(data),
                sha1=make_checksum("sha1", data).hexdigest(),
                account=actor.account,
                user=actor.name,
                comment=comment,
                data=data,
                **{**facts._asdict(), "metadata": json.dumps(facts.metadata)},
            )
        return self.query("name = ? AND is_current = 1", (key,), 1)[0]

    # The stash

    def stash(
        self, account: int, name: str, data: bytes, status: str, now: int
    ) -> StashedFile:
        """Keep `data` as an upload that is not published yet."""
        ending = name.rpartition(".")[2].lower() if "." in name else "bin"
        words = (os.urandom(6).hex(), os.urandom(3).hex(), account, ending[:10])
        kept = StashedFile("%s.%s.%d.%s" % words, account, now, status, 0, name, "")
        with self.db.transaction():
            sql = "INSERT INTO stash (%s) VALUES (?, ?, ?, ?, ?, ?, ?)"
            self.db.run(sql % STASH_COLUMNS, kept)
            self.append_chunk(kept.filekey, data)
        return kept._replace(size=len(data))

    def append_chunk(self, filekey: str, data: bytes) -> None:
        """Add bytes at the end of a stashed upload."""
        with self.db.transaction():
            size = self.db.value("SELECT size FROM stash WHERE filekey = ?", (filekey,))
            self.db.run(
                "INSERT INTO stash_part VALUES (?, ?, ?)", (filekey, size, data)
            )
            self.db.run(
                "UPDATE stash SET size = size + ? WHERE filekey = ?",
                (len(data), filekey),
            )

    def find_stashed(self, filekey: str, account: int) -> Optional[StashedFile]:
        """Return the stashed upload of that key, if it is the account's own."""
        row = self.db.one(
            "SELECT %s FROM stash WHERE filekey = ? AND account = ?" % STASH_COLUMNS,
            (filekey, account),
        )
        return None if row is None else StashedFile._make(row)

    def read_stashed(self, filekey: str, *, is_first_only: bool = False) -> bytes:
        """Return the bytes of a stashed upload, or of its first part."""
        rows = self.db.all(
            "SELECT data FROM stash_part WHERE filekey = ? ORDER BY position%s"
            % (" LIMIT 1" if is_first_only else ""),
            (filekey,),
        )
        return b"".join(bytes(row[0]) for row in rows)

    def mark_stashed(self, filekey: str, status: str, stage: str = "") -> None:
        """Give a stashed upload another status."""
        self.db.run(
            "UPDATE stash SET status = ?, stage = ? WHERE filekey = ?",
            (status, stage, filekey),
        )

    def drop_stashed(self, filekey: str) -> None:
        """Forget a stashed upload."""
        with self.db.transaction():
            self.db.run("DELETE FROM stash_part WHERE filekey = ?", (filekey,))
            self.db.run("DELETE FROM stash WHERE filekey = ?", (filekey,))
