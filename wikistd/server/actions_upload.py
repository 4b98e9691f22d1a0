"""action=upload: files at once, in chunks, by way of the stash.

In: bytes.  Out: a file and its page, warnings, or the key to go on with.
Holds: nothing.
Spec: MediaWiki 1.39's ApiUpload.  Not here: what a file is (files.py).
"""

from __future__ import annotations

import re
from typing import Any, Dict, Optional

from ..formats.checksums import make_checksum
from .actions import refuse
from .actions_call import ActionCall, ModuleFacts
from .actions_edit import watch_after
from .actions_files import (
    STASH_PROPS,
    UPLOAD_PROPS,
    show_file,
    show_stashed,
)
from .actions_params import (
    ParamSpec,
    format_number,
    param_choice,
    param_flag,
    param_list,
    param_number,
    param_text,
    require_one,
)
from .actions_rules import check_page, check_rate
from .files import StashedFile, base36_sha1, file_key, file_path, inspect_file
from .records import FileRecord
from .titles import Title

MAX_FILE_NAME_BYTES = 240
UPLOAD_PARAMS: Dict[str, ParamSpec] = {
    "filename": param_text(),
    "comment": param_text(""),
    "tags": param_list(),
    "text": param_text(),
    "watch": param_flag(is_deprecated=True),
    "watchlist": param_choice("nochange preferences watch", "preferences"),
    "ignorewarnings": param_flag(),
    "file": param_text(is_secret=True),
    "url": param_text(),
    "filekey": param_text(),
    "sessionkey": param_text(),
    "stash": param_flag(),
    "filesize": param_text(),
    "offset": param_number(None, 0),
    "chunk": param_text(is_secret=True),
    "async": param_flag(),
    "checkstatus": param_flag(),
}
UPLOAD_FACTS = ModuleFacts(UPLOAD_PARAMS, token="csrf", must_post=True, is_write=True)
_script_marks = re.compile(
    rb"<(?:!doctype html|html|head|body|script|a href|iframe|table|title)\b", re.I
)


def clean_file_name(name: str) -> str:
    """Return the name that the wiki would store a file under."""
    name = re.sub(r"[\x00-\x1f:/\\|#<>\[\]{}?*\"]", "-", name.strip())
    return file_key(name)


class UploadJob:
    """One upload on its way.  One owner."""

    def __init__(self, call: ActionCall, args: Dict[str, Any]) -> None:
        self.call = call
        self.args = args
        self.files = call.store.files
        self.account = call.requester.account
        self.filekey: Optional[str] = args["filekey"] or args["sessionkey"]

    def run(self) -> None:
        """Do the next step of the upload."""
        args, call = self.args, self.call
        if not call.store.site.uploads_enabled:
            raise refuse("uploaddisabled", "Uploads disabled.")
        filesize = self._read_filesize()
        if args["checkstatus"]:
            if self.filekey is None:
                raise refuse("missingparam", 'The "filekey" parameter must be set.')
            self._show_status(self.filekey)
            return
        given = dict(args, filekey=self.filekey)
        given["file"] = "file" in call.request.files or args["file"] is not None or None
        has_chunk = "chunk" in call.request.files
        if not has_chunk:
            require_one(given, "", ("filekey", "file", "url"))
        if not self.account or not call.may("upload"):
            text = "You must be logged in to upload this file."
            raise refuse("mustbeloggedin", text)
        if args["url"] is not None:
            raise refuse("copyuploaddisabled", "Upload by URL disabled.")
        if not args["filename"] and self.filekey is None:
            raise refuse("nofilename", 'The "filename" parameter must be set.')
        if has_chunk:
            self._take_chunk(call.request.files["chunk"].data, filesize)
            return
        if self.filekey is not None:
            self._publish_stashed(self.filekey)
            return
        upload = call.request.files.get("file")
        if upload is None:
            raise refuse(
                "badupload",
                'File upload parameter "file" is not a file upload; be sure to use '
                "multipart/form-data for your POST and include a filename in the "
                "Content-Disposition header.",
            )
        self._take_file(upload.data, upload.filename)

    def _read_filesize(self) -> int:
        text = self.args["filesize"]
        if text is None:
            return 0
        most = self.call.store.site.max_upload_bytes
        spec = ParamSpec("number", None, low=0, high=most)
        number: int = self.call.reader.read_one("upload", "filesize", spec)
        return number

    # One file at once

    def _take_file(self, data: bytes, sent_name: str) -> None:
        self._check_bytes(data)
        if self.args["stash"]:
            name = self.args["filename"]
            stashed = self.files.stash(
                self.account, name, data, "finished", self.call.now
            )
            self._show_stashed(stashed)
            return
        self._publish(data, None, sent_name)

    def _check_bytes(self, data: bytes) -> None:
        if not data:
            raise refuse("empty-file", "The file you submitted was empty.")
        if len(data) > self.call.store.site.max_upload_bytes:
            raise refuse("file-too-large", "The file you submitted was too large.")
        if _script_marks.search(data[:1024]):
            text = (
                "This file contains HTML or script code that may be erroneously "
                "interpreted by a web browser."
            )
            raise refuse("verification-error", text, details=["uploadscripted"])

    def _show_stashed(self, stashed: StashedFile, *, is_chunked: bool = False) -> None:
        shown: Dict[str, Any] = {"result": "Success", "filekey": stashed.filekey}
        if not is_chunked:
            shown["sessionkey"] = stashed.filekey
        shown["imageinfo"] = show_stashed(self.call, stashed, STASH_PROPS)
        self.call.result["upload"] = shown

    def _publish(
        self, data: bytes, stashed: Optional[StashedFile], sent_name: str
    ) -> None:
        args = self.args
        name = args["filename"] or (stashed.name if stashed else "")
        cleaned = clean_file_name(name)
        if len(cleaned.encode("utf-8")) > MAX_FILE_NAME_BYTES:
            kept = stashed or self._keep(data, name)
            text = "Filenames may not be longer than %d bytes." % MAX_FILE_NAME_BYTES
            raise refuse(
                "filename-toolong",
                text,
                filekey=kept.filekey,
                sessionkey=kept.filekey,
                invalidparameter="filename",
            )
        if "." not in cleaned:
            facts = inspect_file(data, sent_name)
            cleaned += "." + facts.mime.rpartition("/")[2].partition("+")[0]
        warnings = self._warnings(name, cleaned, data)
        if warnings and not args["ignorewarnings"]:
            kept = stashed or self._keep(data, name)
            self.call.result["upload"] = {
                "result": "Warning",
                "warnings": warnings,
                "filekey": kept.filekey,
                "sessionkey": kept.filekey,
            }
            return
        shown = self._store(data, cleaned)
        if warnings:
            shown["warnings"] = warnings
        if stashed is not None:
            self.files.drop_stashed(stashed.filekey)
        self.call.result["upload"] = shown

    def _keep(self, data: bytes, name: str) -> StashedFile:
        ending = inspect_file(data, name).mime.rpartition("/")[2]
        kept = name if "." in name else "%s.%s" % (name, ending)
        return self.files.stash(self.account, kept, data, "finished", self.call.now)

    def _warnings(self, name: str, cleaned: str, data: bytes) -> Dict[str, Any]:
        found: Dict[str, Any] = {}
        if file_key(name) != cleaned:
            found["badfilename"] = cleaned
        sha1 = make_checksum("sha1", data).hexdigest()
        old = self.files.find(cleaned)
        if old is not None:
            found["exists"] = cleaned
            if old.sha1 == sha1:
                found["nochange"] = {"timestamp": self.call.time_text(old.timestamp)}
        elif self.call.store.find_page(Title(6, cleaned)) is not None:
            found["page-exists"] = cleaned
        same = [
            each.name for each in self.files.same_bytes(sha1) if each.name != cleaned
        ]
        if same:
            found["duplicate"] = same
        return found

    def _store(self, data: bytes, key: str) -> Dict[str, Any]:
        call, args = self.call, self.args
        title = Title(6, key)
        check_page(call, title, "edit")
        check_rate(call, "upload")
        is_first = call.store.find_page(title) is None
        record = store_file(
            call, key, data, args["comment"] or "", args["text"], is_bot=False
        )
        wish = "watch" if args["watch"] else args["watchlist"]
        watch_after(call, title, wish, True)
        return {
            "result": "Success",
            "filename": key,
            "imageinfo": _upload_info(call, record, is_first),
        }

    # By way of the stash

    def _stashed(self, filekey: str) -> StashedFile:
        stashed = self.files.find_stashed(filekey, self.account)
        if stashed is None:
            text = 'Key "%s" not found in stash.' % filekey
            raise refuse("uploadstash-file-not-found", text)
        return stashed

    def _publish_stashed(self, filekey: str) -> None:
        stashed = self._stashed(filekey)
        # What MediaWiki does with an upload that lacks its last chunk.
        is_first = stashed.status == "chunks"
        if self.args["async"]:
            self.files.mark_stashed(filekey, "queued", "publish")
            self.call.result["upload"] = {
                "result": "Poll",
                "stage": "queued",
                "filename": clean_file_name(self.args["filename"]),
            }
            jobs = self.call.store.jobs
            jobs[filekey] = lambda: self._publish_now(filekey, is_first)
            return
        data = self.files.read_stashed(filekey, is_first_only=is_first)
        kept = is_first
        if kept:
            size = stashed.size
        self._publish(data, stashed, stashed.name)
        if kept and self.files.find_stashed(filekey, self.account) is None:
            self.call.store.unfinished[filekey] = size

    def _publish_now(self, filekey: str, is_first: bool) -> Dict[str, Any]:
        data = self.files.read_stashed(filekey, is_first_only=is_first)
        key = clean_file_name(self.args["filename"])
        shown = self._store(data, key)
        self.files.drop_stashed(filekey)
        return {**shown, "stage": "publish"}

    # Chunks

    def _take_chunk(self, data: bytes, filesize: int) -> None:
        args, call = self.args, self.call
        offset = args["offset"] or 0
        is_last = offset + len(data) >= filesize
        least = call.store.site.min_chunk_bytes
        if self.filekey is None:
            self._begin_chunks(data, filesize, is_last)
            return
        stashed = self._stashed(self.filekey)
        if offset + len(data) > filesize:
            text = "Offset plus current chunk is greater than claimed file size."
            raise refuse("invalid-chunk", text)
        if len(data) < least and not is_last:
            text = "Minimum chunk size is %s bytes for non-final chunks."
            raise refuse("chunk-too-small", text % format_number(least))
        if offset != stashed.size:
            raise refuse(
                "stashfailed", "Invalid chunk offset", offset=str(stashed.size)
            )
        self.files.append_chunk(self.filekey, data)
        if not is_last:
            self._show_going_on(self.filekey, offset + len(data))
            return
        if args["async"]:
            self.files.mark_stashed(self.filekey, "queued", "assemble")
            call.result["upload"] = {
                "result": "Poll",
                "stage": "queued",
                "filekey": self.filekey,
            }
            key = self.filekey
            call.store.jobs[key] = lambda: self._assemble(key)
            return
        shown = self._assemble(self.filekey)
        shown.pop("stage")
        call.result["upload"] = shown

    def _begin_chunks(self, data: bytes, filesize: int, is_last: bool) -> None:
        name, now = self.args["filename"], self.call.now
        if is_last:
            self._take_file(data, name)
            return
        if len(data) < self.call.store.site.min_chunk_bytes:
            least = format_number(self.call.store.site.min_chunk_bytes)
            text = "Minimum chunk size is %s bytes for non-final chunks." % least
            raise refuse("chunk-too-small", text)
        cleaned = clean_file_name(name)
        if not self.args["stash"] and not self.args["ignorewarnings"]:
            warnings = self._warnings(name, cleaned, data)
            if warnings:
                kept = self.files.stash(self.account, name, data, "finished", now)
                self.call.result["upload"] = {
                    "result": "Warning",
                    "warnings": warnings,
                    "filekey": kept.filekey,
                    "sessionkey": kept.filekey,
                }
                return
        stashed = self.files.stash(self.account, name, data, "chunks", now)
        self._show_going_on(stashed.filekey, len(data))

    def _show_going_on(self, filekey: str, offset: int) -> None:
        self.call.result["upload"] = {
            "result": "Continue",
            "offset": offset,
            "filekey": filekey,
        }

    def _assemble(self, filekey: str) -> Dict[str, Any]:
        """Make one stashed file of the chunks, under a new key."""
        old = self._stashed(filekey)
        data = self.files.read_stashed(filekey)
        stashed = self.files.stash(
            self.account, old.name, data, "finished", self.call.now
        )
        self.files.drop_stashed(filekey)
        return {
            "result": "Success",
            "stage": "assembling",
            "filekey": stashed.filekey,
            "imageinfo": show_stashed(self.call, stashed, STASH_PROPS),
        }

    def _show_status(self, filekey: str) -> None:
        store = self.call.store
        if filekey in store.unfinished:
            self.call.result["upload"] = {
                "result": "Continue",
                "stage": "uploading",
                "offset": store.unfinished[filekey],
            }
            return
        job = store.jobs.get(filekey)
        if job is None:
            stashed = self.files.find_stashed(filekey, self.account)
            if stashed is not None and stashed.status == "chunks":
                self._show_going_on(filekey, stashed.size)
                self.call.result["upload"]["stage"] = "uploading"
                del self.call.result["upload"]["filekey"]
                return
            raise refuse("missingresult", "No result in status data.")
        if filekey not in store.polled_jobs:
            # The first look finds the job waiting, the second one finds it done.
            store.polled_jobs.add(filekey)
            self.call.result["upload"] = {"result": "Poll", "stage": "queued"}
            return
        store.polled_jobs.discard(filekey)
        del store.jobs[filekey]
        self.call.result["upload"] = job()


def _upload_info(
    call: ActionCall, record: FileRecord, is_first: bool
) -> Dict[str, Any]:
    shown = show_file(call, record, UPLOAD_PROPS)
    if is_first:  # MediaWiki does not know the number of the new page yet
        shown.pop("descriptionshorturl", None)
    return shown


def _publish_bytes(call: ActionCall, key: str, data: bytes, comment: str) -> FileRecord:
    try:
        return call.store.files.publish(key, data, call.actor, comment, call.now)
    except FileExistsError as error:
        folder = file_path(key).rpartition("/")[0]
        place = "mwstore://local-backend/local-public/archive/%s/%s" % (folder, error)
        raise refuse(
            "backend-fail-alreadyexists",
            'The file "%s" already exists.' % place,
            stasherrors=[
                {
                    "message": "uploadstash-exception",
                    "params": ["UploadStashBadPathException", "Path doesn't exist."],
                    "code": "uploadstash-exception",
                    "type": "error",
                }
            ],
        ) from error


def store_file(
    call: ActionCall,
    key: str,
    data: bytes,
    comment: str,
    text: Optional[str],
    *,
    is_bot: bool,
) -> FileRecord:
    """Publish a file: its bytes, its page where there is none, the log."""
    store, title = call.store, Title(6, key)
    with store.db.transaction():
        is_new = store.files.find(key) is None
        record = _publish_bytes(call, key, data, comment)
        page = store.find_page(title)
        if page is None:
            body = text if text is not None else comment
            if text is None and comment:
                body = "== Summary ==\n" + comment
            saved = store.write_page(title, body, call.actor, comment, is_listed=False)
            page_id, revision = saved.page, saved.new_id or 0
        else:
            page_id, revision = page.id, page.latest
        store.add_log(
            "upload",
            "upload" if is_new else "overwrite",
            title,
            call.actor,
            comment,
            {
                "img_sha1": base36_sha1(record.sha1),
                "img_timestamp": call.time_text(record.timestamp),
            },
            page=page_id,
            bot=is_bot,
            revision=revision,
        )
    store.announce()
    return record


def run_upload(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=upload."""
    UploadJob(call, args).run()
