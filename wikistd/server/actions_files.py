"""Files in action=query: what each is, who stored it, what waits in the stash.

In: a ModuleRun, or a file.  Out: their facts and addresses.
Holds: nothing.
Spec: MediaWiki 1.39's ApiQueryImageInfo and its like.  Not here: uploading
(actions_upload.py).
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Union
from urllib.parse import quote

from ..formats.checksums import make_checksum
from .actions import refuse
from .actions_call import ActionCall
from .actions_continue import bad_continue
from .actions_params import (
    ParamSpec,
    param_choice,
    param_choices,
    param_limit,
    param_list,
    param_number,
    param_text,
    param_time,
    param_user,
)
from .actions_query import ModuleRun, QueryItem, QueryModule
from .comments import parse_comment
from .files import FileFacts, StashedFile, file_key, file_path, inspect_file
from .markup import escape_html
from .records import FileRecord, format_stamp, format_time, parse_stamp
from .titles import Title, title_text

FILE_PROPS = (
    "timestamp user userid comment parsedcomment canonicaltitle url size dimensions "
    "sha1 mime thumbmime mediatype metadata commonmetadata extmetadata archivename "
    "bitdepth uploadwarning badfile"
)
#: What a reply to an upload says of the new file.
UPLOAD_PROPS = frozenset(
    "timestamp user userid comment parsedcomment canonicaltitle url size sha1 mime "
    "mediatype metadata commonmetadata extmetadata bitdepth uploadwarning".split()
)
STASH_PROPS = UPLOAD_PROPS - frozenset(
    "user userid comment parsedcomment uploadwarning mediatype".split()
)


STASH_FOR_USERS = "The upload stash is only available to logged-in users."


def file_url(call: ActionCall, record: FileRecord) -> str:
    """Return the address of the bytes of one version of a file."""
    path = file_path(record.name)
    if record.archive:
        folder = path.rpartition("/")[0]
        path = "archive/%s/%s" % (folder, quote(record.archive, safe="!*,;:@$-_.~"))
    return "%s/w/images/%s" % (call.request.host_url, path)


def show_metadata(metadata: Dict[str, Any]) -> Optional[List[Dict[str, Any]]]:
    """Return the metadata of a picture as name and value pairs, None without any."""
    if not metadata:
        return None
    shown = [
        {"name": name, "value": value}
        for name, value in metadata.items()
        if name != "comment"
    ]
    if "_error" not in metadata:
        inner: List[Dict[str, Any]] = []
        if "comment" in metadata:
            inner.append(_comment_value(metadata["comment"]))
        inner.append({"name": "_MW_PNG_VERSION", "value": 1})
        shown.append({"name": "metadata", "value": inner})
    return shown


def _comment_value(comment: str) -> Dict[str, Any]:
    return {
        "name": "PNGFileComment",
        "value": [
            {"name": "x-default", "value": comment},
            {"name": "_type", "value": "lang"},
        ],
    }


def _show_facts(
    facts: Union[FileFacts, FileRecord], props: Any, when: int, name: str
) -> Dict[str, Any]:
    said: Dict[str, Any] = {}
    if "metadata" in props:
        said["metadata"] = show_metadata(facts.metadata)
    if "commonmetadata" in props:
        comment = facts.metadata.get("comment")
        said["commonmetadata"] = [] if comment is None else [_comment_value(comment)]
    if "extmetadata" in props:
        stem = name.rpartition(".")[0].replace("_", " ")
        said["extmetadata"] = {
            key: {"value": value, "source": "mediawiki-metadata", "hidden": ""}
            for key, value in (("DateTime", format_time(when)), ("ObjectName", stem))
        }
    if "mime" in props:
        said["mime"] = facts.mime
    if "mediatype" in props:
        said["mediatype"] = facts.media
    if "bitdepth" in props:
        said["bitdepth"] = facts.bits
    return said


def show_file(
    call: ActionCall, record: FileRecord, props: Any, width: int = -1
) -> Dict[str, Any]:
    """Return what `props` ask for of one version of a file."""
    title = title_text(6, record.name)
    said: Dict[str, Any] = {}
    if "timestamp" in props:
        said["timestamp"] = format_time(record.timestamp)
    if "user" in props:
        said["user"] = record.user
    if "userid" in props:
        said["userid"] = record.user_id
    if "size" in props or "dimensions" in props:
        said.update(size=record.size, width=record.width, height=record.height)
    if "parsedcomment" in props:
        said["parsedcomment"] = parse_comment(
            call.store, record.comment, Title(6, record.name)
        )
    if "comment" in props:
        said["comment"] = record.comment
    if "uploadwarning" in props:
        said["html"] = _exists_html(call, record, title)
    if "canonicaltitle" in props:
        said["canonicaltitle"] = title
    if "url" in props:
        if width > 0:
            said.update(_thumbnail(call, record, width))
        said["url"] = file_url(call, record)
        said["descriptionurl"] = call.page_url(title)
        page = call.store.find_page(Title(6, record.name))
        if page is not None:
            said["descriptionshorturl"] = "%s/w/index.php?curid=%d" % (
                call.request.host_url,
                page.id,
            )
    if "sha1" in props:
        said["sha1"] = record.sha1
    said.update(_show_facts(record, props, record.timestamp, record.name))
    if "archivename" in props and record.archive:
        said["archivename"] = record.archive
    return said


def _exists_html(call: ActionCall, record: FileRecord, title: str) -> str:
    text = "<p>There is a file of this name already: <strong>%s</strong></p>"
    return text % escape_html(title)


def _thumbnail(call: ActionCall, record: FileRecord, width: int) -> Dict[str, Any]:
    """Return the address of a smaller picture; the server sends the whole one there."""
    if not record.width or width >= record.width:
        return {
            "thumburl": file_url(call, record),
            "thumbwidth": record.width,
            "thumbheight": record.height,
        }
    base = "%s/w/images/thumb/%s" % (call.request.host_url, file_path(record.name))
    name = quote(record.name, safe="!*,;:@$-_.~")
    said = {
        "thumburl": "%s/%dpx-%s" % (base, width, name),
        "thumbwidth": width,
        "thumbheight": round(record.height * width / record.width),
    }
    larger = {
        str(scale): "%s/%dpx-%s" % (base, int(width * scale), name)
        for scale in (1.5, 2)
        if width * scale <= record.width
    }
    return {**said, "responsiveUrls": larger} if larger else said


def show_stashed(call: ActionCall, stashed: StashedFile, props: Any) -> Dict[str, Any]:
    """Return what `props` ask for of an upload that waits in the stash."""
    data = call.store.files.read_stashed(stashed.filekey)
    facts = inspect_file(data, stashed.name)
    name = "%s!%s" % (format_stamp(stashed.timestamp), stashed.filekey)
    said: Dict[str, Any] = {}
    if "timestamp" in props:
        said["timestamp"] = format_time(stashed.timestamp)
    if "size" in props:
        said.update(size=stashed.size, width=facts.width, height=facts.height)
    if "canonicaltitle" in props:
        said["canonicaltitle"] = title_text(6, name)
    if "url" in props:
        url = call.page_url("Special:UploadStash/file/" + stashed.filekey)
        said["url"] = said["descriptionurl"] = url
    if "sha1" in props:
        said["sha1"] = make_checksum("sha1", data).hexdigest()
    said.update(_show_facts(facts, props, stashed.timestamp, name))
    return said


def query_imageinfo(run: ModuleRun) -> None:
    """Answer prop=imageinfo."""
    args, count = run.args, 0
    parts = run.continue_parts(2)
    pages = [
        (page.key, number)
        for number, page in run.pages.good.items()
        if page.namespace == 6
    ]
    pages += [(t.key, n) for n, t in run.pages.missing.items() if t.namespace == 6]
    for key, number in sorted(pages):
        if parts is not None and key < parts[0]:
            continue
        entry = run.entry(number)
        record = run.store.files.find(key)
        entry["imagerepository"] = "local" if record is not None else ""
        if record is None:
            continue
        if number < 0:
            entry["known"] = True
        for version in run.store.files.versions(key, args["limit"]):
            if args["start"] is not None and version.timestamp > args["start"]:
                continue
            if args["end"] is not None and version.timestamp < args["end"]:
                continue
            shown = show_file(run.call, version, set(args["prop"]), args["urlwidth"])
            if not run.add_value(number, "imageinfo", shown, 500):
                token = "%s|%s" % (key, format_stamp(version.timestamp))
                run.go_on("continue", token)
                return
            count += 1


def query_stashimageinfo(run: ModuleRun) -> None:
    """Answer prop=stashimageinfo."""
    if not run.call.requester.account:
        raise refuse("notloggedin", STASH_FOR_USERS)
    found = []
    for key in run.args["filekey"] or run.args["sessionkey"] or ():
        stashed = run.store.files.find_stashed(key, run.call.requester.account)
        if stashed is None:
            raise stash_missing(key)
        found.append(show_stashed(run.call, stashed, set(run.args["prop"])))
    run.query.result["stashimageinfo"] = found


def stash_missing(filekey: str) -> Exception:
    """Return the failure of a key that is not in the client's stash."""
    return refuse(
        "uploadstash-file-not-found", 'Key "%s" not found in stash.' % filekey
    )


def query_duplicatefiles(run: ModuleRun) -> List[QueryItem]:
    """Answer prop=duplicatefiles."""
    found = []
    for number, page in sorted(run.pages.good.items()):
        record = run.store.files.find(page.key) if page.namespace == 6 else None
        for other in run.store.files.same_bytes(record.sha1) if record else ():
            if record is not None and other.name != record.name:
                entry = {
                    "name": other.name,
                    "user": other.user,
                    "timestamp": format_time(other.timestamp),
                    "shared": False,
                }
                if not run.is_generator:
                    run.add_value(number, "duplicatefiles", entry)
                found.append(QueryItem(entry, None, Title(6, other.name)))
    return found


def query_allimages(run: ModuleRun) -> List[QueryItem]:
    """Answer list=allimages."""
    args = run.args
    is_down = args["dir"] in ("descending", "older")
    where = "is_current = 1"
    values: List[Any] = []
    by_time = args["sort"] == "timestamp"
    column = "time" if by_time else "name"
    parts = run.continue_parts(2 if by_time else 1)
    if by_time:
        order = "time%s, name%s" % ((" DESC",) * 2 if is_down else ("", ""))
        for name, sign in (
            ("start", "<=" if is_down else ">="),
            ("end", ">=" if is_down else "<="),
        ):
            if args[name] is not None:
                where += " AND time %s ?" % sign
                values.append(args[name])
        if parts is not None:
            try:
                values += [parse_stamp(parts[0]), parts[1]]
            except ValueError as error:
                raise bad_continue() from error
            where += " AND (time, name) %s (?, ?)" % ("<=" if is_down else ">=")
    else:
        order = "name" + (" DESC" if is_down else "")
        for name, sign in (
            ("from", "<=" if is_down else ">="),
            ("to", ">=" if is_down else "<="),
        ):
            if args[name] is not None:
                where += " AND name %s ?" % sign
                values.append(file_key(args[name]))
        if parts is not None:
            where += " AND name %s ?" % ("<=" if is_down else ">=")
            values.append(parts[0])
    if args["prefix"] is not None:
        prefix = file_key(args["prefix"])
        where += " AND name >= ? AND name < ?"
        values += [prefix, prefix + "\U0010ffff"]
    if args["user"] is not None:
        where += " AND user = ?"
        values.append(args["user"])
    if args["sha1"] is not None:
        where += " AND sha1 = ?"
        values.append(args["sha1"].lower())
    records = run.store.files.query(
        "%s ORDER BY %s" % (where, order), tuple(values), args["limit"] + 1
    )
    items: List[QueryItem] = []
    for record in records:
        if len(items) >= args["limit"]:
            token = record.name
            if column == "time":
                token = "%s|%s" % (format_stamp(record.timestamp), record.name)
            run.go_on("continue", token)
            break
        title = title_text(6, record.name)
        entry = {
            "name": record.name,
            **show_file(run.call, record, set(args["prop"])),
            "ns": 6,
            "title": title,
        }
        items.append(QueryItem(entry, None, Title(6, record.name)))
    return items


def query_mystashedfiles(run: ModuleRun) -> List[QueryItem]:
    """Answer list=mystashedfiles."""
    account = run.call.requester.account
    if not account:
        raise refuse("stashnotloggedin", STASH_FOR_USERS)
    parts = run.continue_parts(1)
    if parts is not None and not parts[0].isdigit():
        raise bad_continue()
    start = int(parts[0]) if parts else 0
    rows = run.store.files.list_stashed(account, start, run.args["limit"] + 1)
    items: List[QueryItem] = []
    for number, filekey, status, size, name in rows:
        if len(items) >= run.args["limit"]:
            run.go_on("continue", str(number))
            break
        entry: Dict[str, Any] = {"filekey": filekey, "status": status}
        facts = inspect_file(run.store.files.read_stashed(filekey), name)
        if "size" in run.args["prop"]:
            entry.update(
                size=size, width=facts.width, height=facts.height, bits=facts.bits
            )
        if "type" in run.args["prop"]:
            entry.update(mimetype=facts.mime, mediatype=facts.media)
        items.append(QueryItem(entry))
    return items


def query_filearchive(run: ModuleRun) -> List[QueryItem]:
    """Answer list=filearchive: this wiki keeps no files that were deleted."""
    return []


FILE_PROP_MODULES: List[QueryModule] = [
    QueryModule(
        "imageinfo",
        "prop",
        "ii",
        {
            "prop": param_choices(FILE_PROPS, "timestamp user", takes_all=True),
            "limit": param_limit(1),
            "start": param_time(),
            "end": param_time(),
            "urlwidth": param_number(-1),
            "urlheight": param_number(-1),
            "metadataversion": param_text("latest"),
            "extmetadatalanguage": param_text("en"),
            "extmetadatafilter": param_list(),
            "urlparam": param_text(""),
            "badfilecontexttitle": param_text(),
            "continue": param_text(),
            "localonly": ParamSpec("flag", False),
        },
        query_imageinfo,
    ),
    QueryModule(
        "stashimageinfo",
        "prop",
        "sii",
        {
            "filekey": param_list(),
            "sessionkey": param_list(),
            "prop": param_choices(FILE_PROPS, "timestamp url", takes_all=True),
            "urlwidth": param_number(-1),
            "urlheight": param_number(-1),
            "urlparam": param_text(""),
        },
        query_stashimageinfo,
        is_private=True,
    ),
    QueryModule(
        "duplicatefiles",
        "prop",
        "df",
        {
            "limit": param_limit(),
            "continue": param_text(),
            "dir": param_choice("ascending descending", "ascending"),
            "localonly": ParamSpec("flag", False),
        },
        query_duplicatefiles,
        query_duplicatefiles,
    ),
]
FILE_LIST_MODULES: List[QueryModule] = [
    QueryModule(
        "allimages",
        "list",
        "ai",
        {
            "sort": param_choice("name timestamp", "name"),
            "dir": param_choice("ascending descending newer older", "ascending"),
            "from": param_text(),
            "to": param_text(),
            "continue": param_text(),
            "start": param_time(),
            "end": param_time(),
            "prop": param_choices(FILE_PROPS, "timestamp url", takes_all=True),
            "prefix": param_text(),
            "sha1": param_text(),
            "user": param_user(),
            "limit": param_limit(),
        },
        query_allimages,
        query_allimages,
    ),
    QueryModule(
        "mystashedfiles",
        "list",
        "msf",
        {
            "prop": param_choices("size type"),
            "limit": param_limit(),
            "continue": param_text(),
        },
        query_mystashedfiles,
        is_private=True,
    ),
    QueryModule(
        "filearchive",
        "list",
        "fa",
        {
            "from": param_text(),
            "continue": param_text(),
            "to": param_text(),
            "prefix": param_text(),
            "dir": param_choice("ascending descending", "ascending"),
            "prop": param_choices("sha1 timestamp user size", "timestamp"),
            "limit": param_limit(),
        },
        query_filearchive,
    ),
]
