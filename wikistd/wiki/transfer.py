"""Files to the wiki: in one piece or in chunks that resume.

Spec: https://www.mediawiki.org/wiki/API:Upload.  Holds: where an upload stands.
Not here: reading the source (wiki/sources.py), downloads (wiki/download.py).

MediaWiki publishes an unfinished upload without a word, its first chunk only.  So
nothing is published before the wiki has told the SHA-1 of what it assembled, and it is
ours.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, Mapping, NamedTuple, Optional, Union

from ..clock import Deadline
from ..errors import APIError, TransportError, WikistdError
from .edit import only_page
from .keywords import known_params
from .lost import LostAnswers
from .params import check_texts
from .reply import SHAPE_ERRORS, ReplyReading, plain_text, reply_part
from .session import Session, check_session
from .sources import ProgressFunction, UploadSource, WatchedFile

#: Larger files go in chunks.  Below, one request is the least that can be done.
MAX_ONE_SHOT_BYTES = 32 * 1024 * 1024
DEFAULT_CHUNK_BYTES = 5 * 1024 * 1024  # the wiki's own upload page sends these

#: Answers in a row that may get lost before an upload is given up.
MAX_UPLOAD_LOSSES = 8
MAX_UPLOAD_RESTARTS = 2
UPLOAD_PAUSE_SECONDS = 1.0

#: Waiting for a wiki that assembles in the background.
DEFAULT_ASSEMBLY_SECONDS = 600.0
MAX_POLL_SECONDS = 10.0


#: The names of the namespace that every wiki knows.
_file_prefix = r"(?i)^[ _]*(?:file|image)[ _]*:[ _]*"


class UploadResult(NamedTuple):
    """What became of an upload; `found` when its answer was lost and it was found.

    `sha1`, `size` and `url` are what the wiki tells; "" and 0 where it does not.
    """

    filename: str
    sha1: str
    size: int
    url: str
    found: bool
    warnings: Dict[str, Any]


def upload_file(
    session: Session,
    source: Any,
    filename: str,
    *,
    comment: str = "",
    text: Optional[str] = None,
    ignore_warnings: Union[bool, Iterable[str]] = (),
    chunk_size: Optional[int] = None,
    asynchronous: bool = False,
    assembly_seconds: float = DEFAULT_ASSEMBLY_SECONDS,
    on_progress: ProgressFunction = None,
    params: Optional[Mapping[str, Any]] = None,
    **keywords: Any,
) -> UploadResult:
    """Upload a file and return what became of it.

    `source` is a path, bytes, a binary file or stream, or an address (http:// or
    https://) that the wiki fetches itself.  `filename` may have "File:" before it.
    Files of more than 32 MiB go in chunks of
    5 MiB; `chunk_size` (bytes) has any file go in chunks, 0 none.  After a fault the
    upload goes on at the offset that the wiki tells.  `asynchronous` has the wiki
    assemble and publish in the background, waited for `assembly_seconds` at most.

    The wiki's warnings are an APIError "uploadwarning" with all of them in `errors`,
    unless `ignore_warnings` is True or names each.  `on_progress(done_bytes,
    total_bytes)` is called on the way.  Other keywords are those of action=upload;
    one that is none is a TypeError.  `params` has what extensions add to it.
    """
    check_session(session)
    check_texts(filename=filename)
    filename = re.sub(_file_prefix, "", filename)
    given = known_params(upload_file, "upload", keywords, params)
    view = session.with_options(formatversion=2)
    job = FileUpload(view, filename, ignore_warnings, assembly_seconds, on_progress)
    job.fields = dict(given, comment=comment or None, text=text)
    job.is_async = asynchronous
    if isinstance(source, str) and source.startswith(("http://", "https://")):
        return job.publish({"url": source})
    with UploadSource(source) as opened:
        opened.begin_sha1()
        job.source = opened
        chunks = chunk_size
        if chunks is None:
            chunks = DEFAULT_CHUNK_BYTES if opened.size > MAX_ONE_SHOT_BYTES else 0
        if chunks < 0:
            raise ValueError("chunk_size must be 0 or more, not %r" % chunk_size)
        if chunks and opened.size > 0:
            return job.in_chunks(opened, chunks)
        return job.publish({}, opened)


class FileUpload:
    """One upload, until its fate is known; one owner."""

    def __init__(
        self,
        session: Session,
        filename: str,
        ignore_warnings: Union[bool, Iterable[str]],
        assembly_seconds: float,
        on_progress: ProgressFunction,
    ) -> None:
        self.session = session
        self.filename = filename
        self.ignores_all = ignore_warnings is True
        if isinstance(ignore_warnings, bool):
            ignore_warnings = ()
        elif isinstance(ignore_warnings, str):
            ignore_warnings = (ignore_warnings,)
        self.chosen = frozenset(ignore_warnings)
        self.assembly_seconds = assembly_seconds
        self.on_progress = on_progress
        self.is_async = False
        self.fields: Dict[str, Any] = {}
        #: None where the wiki fetches the file.
        self.source: Optional[UploadSource] = None
        #: Answers of chunks that got lost since there was progress.
        self.losses = 0
        #: Whether the wiki does in the background what it was sent last.
        self.is_polled = False

    def in_chunks(self, source: UploadSource, chunk_size: int) -> UploadResult:
        """Send the file piece by piece into the stash, then publish it."""
        for _ in range(MAX_UPLOAD_RESTARTS + 1):
            filekey = self._stash(source, chunk_size)
            if filekey is not None:
                return self.publish({"filekey": filekey})
        raise APIError(
            "stashlost",
            "the wiki lost the file from its stash %d times: upload it with "
            "chunk_size=0, or with asynchronous=True" % (MAX_UPLOAD_RESTARTS + 1),
        )

    def _stash(self, source: UploadSource, chunk_size: int) -> Optional[str]:
        """Return the key of the whole file in the stash; None: it is gone again."""
        filekey: Optional[str] = None
        offset = farthest = self.losses = 0
        while True:
            piece = source.read_at(offset, chunk_size)
            is_last = offset + len(piece) >= source.size
            try:
                upload = self._send(
                    {
                        "stash": True,
                        "filesize": source.size,
                        "offset": offset,
                        "filekey": filekey,
                        "ignorewarnings": True,
                        "async": self.is_async,
                    },
                    {"chunk": piece},
                )
            except WikistdError as error:
                if self.is_polled:
                    raise  # It has all of the chunks.
                told = told_offset(error)
                code = error.code if isinstance(error, APIError) else ""
                if told is not None and told != offset and 0 <= told <= source.size:
                    # Farther: the chunk had arrived, and its answer was lost.
                    if told <= farthest:
                        self._lose(error, filekey, offset)
                    offset, farthest = told, max(told, farthest)
                elif filekey and is_last and code.startswith("uploadstash-"):
                    return self._find_stashed(source)
                elif error.maybe_applied:
                    self._lose(error, filekey, offset)
                else:
                    raise
                continue
            filekey = str(upload.get("filekey") or filekey or "")
            if upload.get("result") == "Continue":
                with ReplyReading():
                    offset = int(upload.get("offset", offset + len(piece)))
                    if not 0 <= offset <= source.size:
                        raise ValueError("offset %d" % offset)
                if offset > farthest:
                    farthest, self.losses = offset, 0
                else:
                    problem = "the wiki asks again for the bytes from %d on" % offset
                    stalled = APIError("uploadfailed", problem, errors=[upload])
                    self._lose(stalled, filekey, offset)
                if self.on_progress is not None:
                    self.on_progress(offset, source.size)
                continue
            if upload.get("result") != "Success":
                raise refused_upload(upload)
            if not is_last:
                raise APIError(
                    "uploadfailed",
                    "the wiki says that it has all of the file after %d of %d bytes"
                    % (offset + len(piece), source.size),
                    errors=[upload],
                )
            with ReplyReading():
                if told_sha1(upload) is None:
                    upload = {"imageinfo": self._stashed_info(filekey)}
                if told_sha1(upload) is None:
                    raise APIError(
                        "sha1missing",
                        "the wiki does not tell the SHA-1 of what it has in its stash",
                        errors=[upload],
                    )
                self._check_sha1(upload)
            if self.on_progress is not None:
                self.on_progress(source.size, source.size)
            return filekey

    def _lose(self, error: WikistdError, filekey: Optional[str], offset: int) -> None:
        """Count a lost answer of a chunk; raise when it is one too many.

        A chunk may be sent again: the wiki refuses it, with its offset, if it is there.
        """
        if self.losses >= MAX_UPLOAD_LOSSES:
            error.maybe_applied = False  # Nothing was published.
            error.attempts += (
                "gave up at byte %d, stash key %s" % (offset, filekey or "unknown"),
            )
            raise error
        self.session.clock.sleep(UPLOAD_PAUSE_SECONDS * self.losses)
        self.losses += 1

    def _find_stashed(self, source: UploadSource) -> Optional[str]:
        """Return the key of the assembled file whose key was lost, or None."""
        try:
            document = self.session.get(
                action="query", list="mystashedfiles", msfprop="size", msflimit="max"
            )
            for item in document.get("query", {}).get("mystashedfiles", []):
                if item.get("size") != source.size or item.get("status") != "finished":
                    continue
                info = self._stashed_info(item["filekey"])
                if info.get("sha1") == source.sha1():
                    return str(item["filekey"])
        except (APIError, *SHAPE_ERRORS):
            pass  # A wiki that cannot list its stash: the upload begins again.
        return None

    def _stashed_info(self, filekey: Any) -> Dict[str, Any]:
        """Return what the wiki tells of a file in the stash."""
        document = self.session.get(
            action="query",
            prop="stashimageinfo",
            siifilekey=[filekey],
            siiprop="sha1",
        )
        info = document["query"]["stashimageinfo"][0]
        return dict(info)

    def _check_sha1(self, upload: Dict[str, Any]) -> None:
        """Raise when the wiki tells that it has another file than ours."""
        theirs = told_sha1(upload)
        ours = theirs if theirs is None or self.source is None else self.source.sha1()
        if theirs != ours:
            raise APIError(
                "sha1mismatch",
                "the wiki has a file with the SHA-1 %s, ours is %s: it was damaged on "
                "the way; upload it again" % (theirs, ours),
                errors=[upload],
            )

    def _ask(
        self, fields: Dict[str, Any], files: Optional[Dict[str, Any]] = None
    ) -> Dict[str, Any]:
        params = dict(fields, action="upload", filename=self.filename)
        document = self.session.request("POST", params, None, files)
        return reply_part(document, "upload") or {"result": "no answer"}

    def _send(
        self, fields: Dict[str, Any], files: Optional[Dict[str, Any]] = None
    ) -> Dict[str, Any]:
        """Send it, and ask until the wiki has done what it does in the background."""
        self.is_polled = False
        upload = self._ask(fields, files)
        if upload.get("result") != "Poll":
            return upload
        self.is_polled = True
        is_published = not fields.get("stash")
        filekey = str(upload.get("filekey") or fields.get("filekey") or "")
        deadline = Deadline(self.assembly_seconds, clock=self.session.clock)
        pause = UPLOAD_PAUSE_SECONDS
        while True:
            self.session.clock.sleep(pause)
            pause = min(MAX_POLL_SECONDS, pause * 1.5)
            try:
                upload = self._ask({"checkstatus": True, "filekey": filekey})
            except TransportError as error:
                error.maybe_applied = is_published
                if deadline.is_over():
                    raise
                continue
            if upload.get("result") != "Poll":
                return dict(upload, filekey=upload.get("filekey") or filekey)
            if deadline.is_over():
                raise APIError(
                    "uploadtimeout",
                    "the wiki is still %s after %g seconds (stash key %s): its job "
                    "queue may be stuck"
                    % (upload.get("stage", "busy"), self.assembly_seconds, filekey),
                    errors=[upload],
                    maybe_applied=is_published,
                )

    def publish(
        self, fields: Dict[str, Any], whole: Optional[UploadSource] = None
    ) -> UploadResult:
        """Publish the file from wherever it is, until its fate is known.

        `whole` is sent along; else it is in the stash, or the wiki fetches it.
        """
        fields = dict(self.fields, **fields)
        fields["async"] = self.is_async and whole is None
        fields["ignorewarnings"] = self.ignores_all
        lost = LostAnswers(self.session.clock, self._look_up)
        while True:
            files = None
            if whole is not None:
                files = {"file": WatchedFile(whole, self.on_progress)}
            try:
                upload = self._send(fields, files)
            except WikistdError as error:
                is_final = self.is_polled or self.source is None
                lost.most = 1 if is_final else MAX_UPLOAD_LOSSES + 1
                found: Optional[UploadResult] = lost.take(error)
                if found is not None:
                    return found
                # Without it the wiki tells whether the first one is there after all.
                fields["ignorewarnings"] = False
                continue
            warnings = upload.get("warnings")
            if upload.get("result") == "Warning" and isinstance(warnings, dict):
                if lost.error is not None and "nochange" in warnings:
                    found = lost.find("lost")
                    if found is not None:
                        return found
                is_ignored = self.ignores_all or set(warnings) <= self.chosen
                if not is_ignored or (whole is None and fields["ignorewarnings"]):
                    raise refused_upload(upload)
                key = upload.get("filekey")
                fields.update(filekey=key and str(key), ignorewarnings=True)
                fields.pop("url", None)
                whole = None
                continue
            if upload.get("result") != "Success":
                raise refused_upload(upload)
            with ReplyReading(maybe_applied=True):
                self._check_sha1(upload)
                return self._result(upload, False)

    def _result(self, upload: Dict[str, Any], found: bool) -> UploadResult:
        info = upload.get("imageinfo") or {}
        warnings = upload.get("warnings")
        return UploadResult(
            str(upload.get("filename") or self.filename).replace("_", " "),
            str(info.get("sha1", "")),
            int(info.get("size", 0)),
            str(info.get("url", "")),
            found,
            warnings if isinstance(warnings, dict) else {},
        )

    def _look_up(self, why: str) -> Optional[UploadResult]:
        """Return the result if the file is there with our content, else None."""
        if self.source is None:
            return None  # Fetched by the wiki: nobody knows what it should be.
        document = self.session.get(
            action="query",
            titles=["File:" + self.filename],
            prop="imageinfo",
            iiprop="sha1|size|url|user",
        )
        page = only_page(document)
        with ReplyReading():
            info = (page.get("imageinfo") or [{}])[0]
            if info.get("sha1") != self.source.sha1():
                return None
            title = str(page.get("title", self.filename)).partition(":")[2]
            return self._result({"filename": title, "imageinfo": info}, True)


def told_sha1(upload: Dict[str, Any]) -> Any:
    """Return the SHA-1 that an answer tells of the file, None where it does not."""
    return (upload.get("imageinfo") or {}).get("sha1")


def told_offset(error: WikistdError) -> Optional[int]:
    """Return the offset that the wiki wants, from a refused chunk."""
    if isinstance(error, APIError) and error.code == "stashfailed":
        for item in error.errors:
            offset = item.get("offset")
            if offset is not None:
                try:
                    return int(offset)
                except SHAPE_ERRORS:
                    break
    return None


def refused_upload(upload: Dict[str, Any]) -> APIError:
    """Return the error for an upload that did not succeed, with all its warnings."""
    warnings = upload.get("warnings")
    if not isinstance(warnings, dict) or not warnings:
        info = "the wiki answered %s" % upload.get("result")
        return APIError("uploadfailed", plain_text(info), errors=[upload])
    words = []
    for name, value in warnings.items():
        told = ", ".join(map(str, value)) if isinstance(value, list) else value
        words.append("%s (%s)" % (name, told) if isinstance(told, str) else name)
    return APIError(
        "uploadwarning",
        "the wiki warns: %s; name those to ignore in ignore_warnings"
        % plain_text("; ".join(words)),
        errors=[
            {"code": name, "value": value, "filekey": upload.get("filekey")}
            for name, value in warnings.items()
        ],
    )
