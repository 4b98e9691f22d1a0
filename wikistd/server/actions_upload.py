"""action=upload: files at once, in chunks, by way of the stash.

In: bytes.  Out: a file and its page, warnings, or the key to go on with.
Holds: nothing.
Spec: MediaWiki 1.39's ApiUpload.  Not here: what a file is (files.py).
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional

from ..formats.checksums import make_checksum
from .actions import refuse
from .actions_call import ActionCall, ActionModule, write_action
from .actions_edit import watch_after
from .actions_files import (
    STASH_PROPS,
    UPLOAD_PROPS,
    show_file,
    show_stashed,
    stash_missing,
)
from .actions_params import format_number, missing_param, require_one
from .actions_rules import check_page, check_rate
from .actions_specs import read_spec
from .files import StashedFile, base36_sha1, file_folder, file_key, inspect_file
from .records import FileRecord, format_time
from .titles import InvalidTitle, Title, parse_title

MAX_FILE_NAME_BYTES = 240
_script_marks = re.compile(
    rb"<(?:!doctype html|html|head|body|script|a href|iframe|table|title)\b", re.I
)


def clean_file_name(name: str) -> str:
    """Return the name that the wiki would store a file under."""
    try:
        title = parse_title(name)
    except InvalidTitle:
        pass  # its characters are replaced below
    else:
        # UploadBase::getTitle: "File:A.png" is taken for a mistake, and means A.png.
        name = title.key if title.namespace == 6 else name
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

    def run(self) -> Dict[str, Any]:
        """Do the next step of the upload; return what is said of it."""
        args, call, files = self.args, self.call, self.call.request.files
        if not call.store.site.uploads_enabled:
            raise refuse("uploaddisabled", "Uploads disabled.")
        spec = read_spec("number from 0 to %d = 0" % call.store.site.max_upload_bytes)
        filesize: int = call.reader.read_one("upload", "filesize", spec)
        if args["checkstatus"]:
            if self.filekey is None:
                raise missing_param("filekey")
            return self._status(self.filekey)
        if "chunk" not in files:
            has_file = "file" in files or args["file"] is not None or None
            given = {**args, "filekey": self.filekey, "file": has_file}
            require_one(given, "", ("filekey", "file", "url"))
        if not self.account or not call.may("upload"):
            raise refuse("mustbeloggedin", "You must be logged in to upload this file.")
        if args["url"] is not None:
            raise refuse("copyuploaddisabled", "Upload by URL disabled.")
        if not args["filename"] and self.filekey is None:
            raise refuse("nofilename", 'The "filename" parameter must be set.')
        if "chunk" in files:
            return self._take_chunk(files["chunk"].data, filesize)
        if self.filekey is not None:
            return self._publish_stashed(self.filekey)
        if "file" not in files:
            raise refuse(
                "badupload",
                'File upload parameter "file" is not a file upload; be sure to use '
                "multipart/form-data for your POST and include a filename in the "
                "Content-Disposition header.",
            )
        return self._take_file(files["file"].data, files["file"].filename)

    # One file at once

    def _stash(self, name: str, data: bytes, status: str = "finished") -> StashedFile:
        return self.files.stash(self.account, name, data, status, self.call.now)

    def _take_file(self, data: bytes, sent_name: str) -> Dict[str, Any]:
        self._check_bytes(data)
        if not self.args["stash"]:
            return self._publish(data, None, sent_name)
        stashed = self._stash(self.args["filename"], data)
        return {
            "result": "Success",
            **show_key(stashed),
            "imageinfo": show_stashed(self.call, stashed, STASH_PROPS),
        }

    def _check_bytes(self, data: bytes) -> None:
        if not data:
            raise refuse("empty-file", "The file you submitted was empty.")
        if len(data) > self.call.store.site.max_upload_bytes:
            raise refuse("file-too-large", "The file you submitted was too large.")
        if _script_marks.search(data[:1024]):
            raise refuse(
                "verification-error",
                "This file contains HTML or script code that may be erroneously "
                "interpreted by a web browser.",
                details=["uploadscripted"],
            )

    def _publish(
        self, data: bytes, stashed: Optional[StashedFile], sent_name: str
    ) -> Dict[str, Any]:
        name = self.args["filename"] or sent_name
        cleaned = clean_file_name(name)
        if len(cleaned.encode("utf-8")) > MAX_FILE_NAME_BYTES:
            text = "Filenames may not be longer than %d bytes." % MAX_FILE_NAME_BYTES
            kept = show_key(stashed or self._stash(name, data))
            raise refuse("filename-toolong", text, **kept, invalidparameter="filename")
        if "." not in cleaned:
            ending = inspect_file(data, sent_name).mime.rpartition("/")[2]
            cleaned += "." + ending.partition("+")[0]
        warnings = self._warnings(name, cleaned, data)
        if warnings and not self.args["ignorewarnings"]:
            return show_warnings(warnings, stashed or self._stash(name, data))
        shown = self._store(data, cleaned)
        if warnings:
            shown["warnings"] = warnings
        if stashed is not None:
            self.files.drop_stashed(stashed.filekey)
        return shown

    def _warnings(self, name: str, cleaned: str, data: bytes) -> Dict[str, Any]:
        found: Dict[str, Any] = {}
        if file_key(name) != cleaned:
            found["badfilename"] = cleaned
        sha1 = make_checksum("sha1", data).hexdigest()
        old = self.files.find(cleaned)
        if old is not None:
            found["exists"] = cleaned
            if old.sha1 == sha1:
                found["nochange"] = {"timestamp": format_time(old.timestamp)}
        elif self.call.store.find_page(Title(6, cleaned)) is not None:
            found["page-exists"] = cleaned
        same = [
            each.name for each in self.files.same_bytes(sha1) if each.name != cleaned
        ]
        return {**found, "duplicate": same} if same else found

    def _store(self, data: bytes, key: str) -> Dict[str, Any]:
        """Publish a file: its bytes, its page where there is none, the log."""
        call, args, store = self.call, self.args, self.call.store
        title, comment = Title(6, key), args["comment"]
        check_page(call, title, "edit")
        check_rate(call, "upload")
        page = store.find_page(title)
        with store.changes.recording():
            is_new = self.files.find(key) is None
            record = self._publish_bytes(key, data)
            if page is None:
                summary = "== Summary ==\n" + comment if comment else ""
                text = summary if args["text"] is None else args["text"]
                saved = store.write_page(
                    title, text, call.actor, comment, is_listed=False
                )
                page_id, revision = saved.page, saved.new_id or 0
            else:
                page_id, revision = page.id, page.latest
            store.changes.add_log(
                "upload",
                "upload" if is_new else "overwrite",
                title,
                call.actor,
                comment,
                {
                    "img_sha1": base36_sha1(record.sha1),
                    "img_timestamp": format_time(record.timestamp),
                },
                page=page_id,
                revision=revision,
            )
        wish = "watch" if args["watch"] else args["watchlist"]
        watch_after(call, title, wish, True)
        shown = show_file(call, record, UPLOAD_PROPS)
        if page is None:  # MediaWiki does not know the number of the new page yet
            shown.pop("descriptionshorturl", None)
        return {"result": "Success", "filename": key, "imageinfo": shown}

    def _publish_bytes(self, key: str, data: bytes) -> FileRecord:
        call = self.call
        try:
            return self.files.publish(
                key, data, call.actor, self.args["comment"], call.now
            )
        except FileExistsError as error:
            place = "mwstore://local-backend/local-public/archive/%s/%s"
            raise refuse(
                "backend-fail-alreadyexists",
                'The file "%s" already exists.' % place % (file_folder(key), error),
                stasherrors=[
                    {
                        "message": "uploadstash-exception",
                        "params": [
                            "UploadStashBadPathException",
                            "Path doesn't exist.",
                        ],
                        "code": "uploadstash-exception",
                        "type": "error",
                    }
                ],
            ) from error

    # By way of the stash

    def _stashed(self, filekey: str) -> StashedFile:
        stashed = self.files.find_stashed(filekey, self.account)
        if stashed is None:
            raise stash_missing(filekey)
        return stashed

    def _publish_stashed(self, filekey: str) -> Dict[str, Any]:
        stashed = self._stashed(filekey)
        if not self.args["async"]:
            return self._publish_kept(stashed)
        self.files.mark_stashed(filekey, "queued", "publish")
        self.call.store.jobs[filekey] = lambda: {
            **self._publish_kept(stashed),
            "stage": "publish",
        }
        name = clean_file_name(self.args["filename"])
        return {"result": "Poll", "stage": "queued", "filename": name}

    def _publish_kept(self, stashed: StashedFile) -> Dict[str, Any]:
        # What MediaWiki does with an upload that lacks its last chunk.
        is_first = stashed.status == "chunks"
        data = self.files.read_stashed(stashed.filekey, is_first_only=is_first)
        shown = self._publish(data, stashed, stashed.name)
        if is_first and shown["result"] == "Success":
            self.call.store.unfinished[stashed.filekey] = stashed.size
        return shown

    # Chunks

    def _take_chunk(self, data: bytes, filesize: int) -> Dict[str, Any]:
        key, offset = self.filekey, self.args["offset"] or 0
        end = offset + len(data)
        is_last = end >= filesize
        if key is None:
            return self._begin_chunks(data, is_last)
        stashed = self._stashed(key)
        if end > filesize:
            raise refuse(
                "invalid-chunk",
                "Offset plus current chunk is greater than claimed file size.",
            )
        if not is_last:
            self._check_chunk_size(data)
        if offset != stashed.size:
            size = str(stashed.size)
            raise refuse("stashfailed", "Invalid chunk offset", offset=size)
        self.files.append_chunk(key, data)
        if not is_last:
            return {"result": "Continue", "offset": end, "filekey": key}
        if self.args["async"]:
            self.files.mark_stashed(key, "queued", "assemble")
            self.call.store.jobs[key] = lambda: {
                **self._assemble(key),
                "stage": "assembling",
            }
            return {"result": "Poll", "stage": "queued", "filekey": key}
        return self._assemble(key)

    def _check_chunk_size(self, data: bytes) -> None:
        least = self.call.store.site.min_chunk_bytes
        if len(data) < least:
            raise refuse(
                "chunk-too-small",
                "Minimum chunk size is %s bytes for non-final chunks."
                % format_number(least),
            )

    def _begin_chunks(self, data: bytes, is_last: bool) -> Dict[str, Any]:
        name = self.args["filename"]
        if is_last:
            return self._take_file(data, name)
        self._check_chunk_size(data)
        if not self.args["stash"] and not self.args["ignorewarnings"]:
            warnings = self._warnings(name, clean_file_name(name), data)
            if warnings:
                return show_warnings(warnings, self._stash(name, data))
        key = self._stash(name, data, "chunks").filekey
        return {"result": "Continue", "offset": len(data), "filekey": key}

    def _assemble(self, filekey: str) -> Dict[str, Any]:
        """Make one stashed file of the chunks, under a new key."""
        old = self._stashed(filekey)
        stashed = self._stash(old.name, self.files.read_stashed(filekey))
        self.files.drop_stashed(filekey)
        return {
            "result": "Success",
            "filekey": stashed.filekey,
            "imageinfo": show_stashed(self.call, stashed, STASH_PROPS),
        }

    def _status(self, filekey: str) -> Dict[str, Any]:
        store = self.call.store
        offset = store.unfinished.get(filekey)
        job = store.jobs.get(filekey)
        if offset is None and job is None:
            stashed = self.files.find_stashed(filekey, self.account)
            if stashed is None or stashed.status != "chunks":
                raise refuse("missingresult", "No result in status data.")
            offset = stashed.size
        if job is None or offset is not None:
            return {"result": "Continue", "stage": "uploading", "offset": offset}
        if filekey not in store.polled_jobs:
            # The first look finds the job waiting, the second one finds it done.
            store.polled_jobs.add(filekey)
            return {"result": "Poll", "stage": "queued"}
        store.polled_jobs.discard(filekey)
        del store.jobs[filekey]
        return job()


def show_key(kept: StashedFile) -> Dict[str, Any]:
    """Return the key to go on with, under both of its names."""
    return {"filekey": kept.filekey, "sessionkey": kept.filekey}


def show_warnings(warnings: Dict[str, Any], kept: StashedFile) -> Dict[str, Any]:
    """Return what is said of a file that was kept and not published yet."""
    return {"result": "Warning", "warnings": warnings, **show_key(kept)}


def run_upload(call: ActionCall, args: Dict[str, Any]) -> Dict[str, Any]:
    """Answer action=upload."""
    return UploadJob(call, args).run()


UPLOAD_ACTIONS: List[ActionModule] = [
    write_action(
        "upload",
        run_upload,
        """
        filename: text
        comment: text =
        tags: texts
        text: text
        watch: deprecated flag
        watchlist: one of nochange preferences watch = preferences
        ignorewarnings: flag
        file: secret text
        url, filekey, sessionkey: text
        stash: flag
        filesize: text
        offset: number from 0
        chunk: secret text
        async, checkstatus: flag
        """,
    ),
]
