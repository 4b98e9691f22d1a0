"""Files in action=query: what each is, who stored it, what waits in the stash.

In: a ModuleRun, or a file.  Out: their facts and addresses.
Holds: nothing.
Spec: MediaWiki 1.39's ApiQueryImageInfo and its like.  Not here: uploading
(actions_upload.py).
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Optional, Union

from ..formats.checksums import make_checksum
from .actions import refuse
from .actions_call import ActionCall
from .actions_query import ModuleRun, QueryItem, QueryModule, token_number
from .actions_select import ListQuery, pick, query_nothing, show_time
from .comments import parse_comment
from .files import (
    FILE_COLUMNS,
    FileFacts,
    StashedFile,
    file_key,
    file_path,
    inspect_file,
    make_record,
)
from .markup import escape_html
from .records import FileRecord, format_stamp, format_time, parse_stamp
from .titles import Title

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
    path = file_path(record.name, record.archive)
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
    facts: Union[FileFacts, FileRecord], props: Iterable[str], when: int, name: str
) -> Dict[str, Any]:
    comment = facts.metadata.get("comment")
    stem = name.rpartition(".")[0].replace("_", " ")
    known = {"DateTime": format_time(when), "ObjectName": stem}
    told = {
        key: {"value": value, "source": "mediawiki-metadata", "hidden": ""}
        for key, value in known.items()
    }
    common = [] if comment is None else [_comment_value(comment)]
    size = {"width": facts.width, "height": facts.height}
    return pick(
        props,
        size=size,
        dimensions=size,
        metadata={"metadata": show_metadata(facts.metadata)},
        commonmetadata={"commonmetadata": common},
        extmetadata={"extmetadata": told},
        mime={"mime": facts.mime},
        mediatype={"mediatype": facts.media},
        bitdepth={"bitdepth": facts.bits},
    )


def show_file(
    call: ActionCall, record: FileRecord, props: Iterable[str], width: int = -1
) -> Dict[str, Any]:
    """Return what `props` ask for of one version of a file."""
    title = Title(6, record.name)
    size = {"size": record.size}
    html = "<p>There is a file of this name already: <strong>%s</strong></p>"
    said = {
        **show_time(props, record.timestamp),
        **pick(
            props,
            user={"user": record.user},
            userid={"userid": record.user_id},
            size=size,
            dimensions=size,
            comment={"comment": record.comment},
            uploadwarning={"html": html % escape_html(str(title))},
            canonicaltitle={"canonicaltitle": str(title)},
            sha1={"sha1": record.sha1},
        ),
        **_show_facts(record, props, record.timestamp, record.name),
    }
    if "parsedcomment" in props:
        said["parsedcomment"] = parse_comment(call.store, record.comment, title)
    if "url" in props:
        if width > 0:
            said.update(_thumbnail(call, record, width))
        said["url"] = file_url(call, record)
        said["descriptionurl"] = call.page_url(str(title))
        page = call.store.find_page(title)
        if page is not None:
            address = "%s/w/index.php?curid=%d"
            said["descriptionshorturl"] = address % (call.request.host_url, page.id)
    if "archivename" in props and record.archive:
        said["archivename"] = record.archive
    return said


def _thumbnail(call: ActionCall, record: FileRecord, width: int) -> Dict[str, Any]:
    """Return the address of a smaller picture; the server sends the whole one there."""
    if not record.width or width >= record.width:
        return {
            "thumburl": file_url(call, record),
            "thumbwidth": record.width,
            "thumbheight": record.height,
        }
    base = "%s/w/images/thumb/%s" % (call.request.host_url, file_path(record.name))
    name = base.rpartition("/")[2]
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


def show_stashed(
    call: ActionCall, stashed: StashedFile, props: Iterable[str]
) -> Dict[str, Any]:
    """Return what `props` ask for of an upload that waits in the stash."""
    data = call.store.files.read_stashed(stashed.filekey)
    facts = inspect_file(data, stashed.name)
    name = "%s!%s" % (format_stamp(stashed.timestamp), stashed.filekey)
    url = call.page_url("Special:UploadStash/file/" + stashed.filekey)
    return {
        **show_time(props, stashed.timestamp),
        **pick(
            props,
            size={"size": stashed.size},
            canonicaltitle={"canonicaltitle": str(Title(6, name))},
            url={"url": url, "descriptionurl": url},
            sha1={"sha1": make_checksum("sha1", data).hexdigest()},
        ),
        **_show_facts(facts, props, stashed.timestamp, name),
    }


def query_imageinfo(run: ModuleRun) -> None:
    """Answer prop=imageinfo."""
    args = run.args
    place = run.continue_values(str, str)
    files = [(title, number) for number, title in run.pages.numbered if title[0] == 6]
    for title, number in sorted(files):
        key = title.key
        if place is not None and key < place[0]:
            continue
        entry = run.entry(number)
        record = run.store.files.find(key)
        entry["imagerepository"] = "local" if record is not None else ""
        if record is None:
            continue
        if number < 0:
            entry["known"] = True
        for version in run.store.files.versions(key, args["limit"]):
            when = version.timestamp
            if args["start"] is not None and when > args["start"]:
                continue
            if args["end"] is not None and when < args["end"]:
                continue
            shown = show_file(run.call, version, args["prop"], args["urlwidth"])
            if not run.add_value(number, "imageinfo", shown, 500):
                run.go_on("continue", "%s|%s" % (key, format_stamp(when)))
                return


def query_stashimageinfo(run: ModuleRun) -> None:
    """Answer prop=stashimageinfo."""
    if not run.call.requester.account:
        raise refuse("notloggedin", STASH_FOR_USERS)
    found = []
    for key in run.args["filekey"] or run.args["sessionkey"] or ():
        stashed = run.store.files.find_stashed(key, run.call.requester.account)
        if stashed is None:
            raise stash_missing(key)
        found.append(show_stashed(run.call, stashed, run.args["prop"]))
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
    by_time = args["sort"] == "timestamp"
    keys = {"time": parse_stamp, "name": str} if by_time else {"name": str}
    files = ListQuery(run, "file", keys, "is_current = 1")
    if by_time:
        files.add_times()
    else:
        first, last = (
            None if args[name] is None else file_key(args[name])
            for name in ("from", "to")
        )
        files.add_bounds("name", first, last)
    if args["prefix"] is not None:
        files.add_prefix("name", file_key(args["prefix"]))
    if args["user"] is not None:
        files.add("user = ?", args["user"])
    if args["sha1"] is not None:
        files.add("sha1 = ?", args["sha1"].lower())
    items: List[QueryItem] = []
    for record in map(make_record, files.fetch(FILE_COLUMNS)):
        title = Title(6, record.name)
        shown = show_file(run.call, record, args["prop"])
        entry = {"name": record.name, **shown, **title.entry}
        items.append(QueryItem(entry, None, title))
    return items


def query_mystashedfiles(run: ModuleRun) -> List[QueryItem]:
    """Answer list=mystashedfiles."""
    account = run.call.requester.account
    if not account:
        raise refuse("stashnotloggedin", STASH_FOR_USERS)
    stash = ListQuery(run, "stash", {"rowid": token_number}, "account = ?", account)
    items: List[QueryItem] = []
    for filekey, status, size, name in stash.fetch("filekey, status, size, name"):
        facts = inspect_file(run.store.files.read_stashed(filekey), name)
        sizes = {"width": facts.width, "height": facts.height, "bits": facts.bits}
        shown = pick(
            run.args["prop"],
            size={"size": size, **sizes},
            type={"mimetype": facts.mime, "mediatype": facts.media},
        )
        items.append(QueryItem({"filekey": filekey, "status": status, **shown}))
    return items


FILE_PROP_MODULES: List[QueryModule] = [
    QueryModule(
        "prop/imageinfo",
        "ii",
        query_imageinfo,
        """
        prop: starred any of %s = timestamp user
        limit: limit = 1
        start, end: time
        urlwidth, urlheight: number = -1
        metadataversion: text = latest
        extmetadatalanguage: text = en
        extmetadatafilter: texts
        urlparam: text =
        badfilecontexttitle, continue: text
        localonly: flag
        """
        % FILE_PROPS,
    ),
    QueryModule(
        "prop/stashimageinfo",
        "sii",
        query_stashimageinfo,
        """
        filekey, sessionkey: texts
        prop: starred any of %s = timestamp url
        urlwidth, urlheight: number = -1
        urlparam: text =
        """
        % FILE_PROPS,
        is_private=True,
    ),
    QueryModule(
        "prop/duplicatefiles",
        "df",
        query_duplicatefiles,
        """
        limit: limit
        continue: text
        dir: one of ascending descending = ascending
        localonly: flag
        """,
        is_generator=True,
    ),
]
FILE_LIST_MODULES: List[QueryModule] = [
    QueryModule(
        "list/allimages",
        "ai",
        query_allimages,
        """
        sort: one of name timestamp = name
        dir: one of ascending descending newer older = ascending
        from, to, continue: text
        start, end: time
        prop: starred any of %s = timestamp url
        prefix, sha1: text
        user: user
        limit: limit
        """
        % FILE_PROPS,
        is_generator=True,
    ),
    QueryModule(
        "list/mystashedfiles",
        "msf",
        query_mystashedfiles,
        "prop: any of size type\nlimit: limit\ncontinue: text",
        is_private=True,
    ),
    QueryModule(
        "list/filearchive",
        "fa",
        query_nothing,
        """
        from, continue, to, prefix: text
        dir: one of ascending descending = ascending
        prop: any of sha1 timestamp user size = timestamp
        limit: limit
        """,
    ),
]
