"""Files in action=query: what each is, who stored it, what waits in the stash.

In: a ModuleRun, or a file.  Out: their facts and addresses.
Holds: nothing.
Spec: MediaWiki 1.39's ApiQueryImageInfo and its like.  Not here: uploading
(actions_upload.py).
"""

from __future__ import annotations

from typing import Any, Container, Dict, List, Optional, Union

from ..formats.checksums import make_checksum
from .actions import refuse
from .actions_call import ActionCall
from .actions_query import ModuleRun, QueryItem, QueryModule, token_number
from .actions_select import (
    LIST_PARAMS,
    TITLE_RANGE_PARAMS,
    ListKeys,
    ListQuery,
    add_each_page,
    pick,
    query_nothing,
)
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
STASH_PROPS = UPLOAD_PROPS - {"mediatype"}
STASH_FOR_USERS = "The upload stash is only available to logged-in users."


def file_url(call: ActionCall, record: FileRecord) -> str:
    """Return the address of the bytes of one version of a file."""
    path = file_path(record.name, record.archive)
    return "%s/w/images/%s" % (call.request.host_url, path)


def show_metadata(metadata: Dict[str, Any]) -> Optional[List[Dict[str, Any]]]:
    """Return the metadata of a picture as name and value pairs, None without any."""
    if not metadata:
        return None
    facts = {name: value for name, value in metadata.items() if name != "comment"}
    if "_error" not in metadata:
        facts["metadata"] = [
            *_comment_values(metadata),
            {"name": "_MW_PNG_VERSION", "value": 1},
        ]
    return [{"name": name, "value": value} for name, value in facts.items()]


def _comment_values(metadata: Dict[str, Any]) -> List[Dict[str, Any]]:
    if metadata.get("comment") is None:
        return []
    languages = [
        {"name": "x-default", "value": metadata["comment"]},
        {"name": "_type", "value": "lang"},
    ]
    return [{"name": "PNGFileComment", "value": languages}]


def _show_facts(
    facts: Union[FileFacts, FileRecord],
    props: Container[str],
    size: int,
    when: int,
    name: str,
) -> Dict[str, Any]:
    """Return what `props` ask for of a file of that size, time and name."""
    stem = name.rpartition(".")[0].replace("_", " ")
    told = {
        key: {"value": value, "source": "mediawiki-metadata", "hidden": ""}
        for key, value in (("DateTime", format_time(when)), ("ObjectName", stem))
    }
    sizes = {"size": size, "width": facts.width, "height": facts.height}
    return {
        **(sizes if "size" in props or "dimensions" in props else {}),
        **pick(
            props,
            timestamp=format_time(when),
            canonicaltitle=str(Title(6, name)),
            metadata=show_metadata(facts.metadata),
            commonmetadata=_comment_values(facts.metadata),
            extmetadata=told,
            mime=facts.mime,
            mediatype=facts.media,
            bitdepth=facts.bits,
        ),
    }


def show_file(
    call: ActionCall, record: FileRecord, props: Container[str], width: int = -1
) -> Dict[str, Any]:
    """Return what `props` ask for of one version of a file."""
    title = Title(6, record.name)
    html = "<p>There is a file of this name already: <strong>%s</strong></p>"
    said = {
        **_show_facts(record, props, record.size, record.timestamp, record.name),
        **pick(
            props,
            user=record.user,
            userid=record.user_id,
            comment=record.comment,
            sha1=record.sha1,
            html=html % escape_html(str(title)),
            url=file_url(call, record),
            descriptionurl=call.page_url(str(title)),
        ),
    }
    if "parsedcomment" in props:
        said["parsedcomment"] = parse_comment(call.store, record.comment, title)
    if "url" in props:
        if width > 0:
            said.update(_thumbnail(call, record, width))
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
    urls = {
        scale: "%s/%dpx-%s" % (base, width * scale, name)
        for scale in (1, 1.5, 2)
        if scale == 1 or width * scale <= record.width
    }
    said = {
        "thumburl": urls.pop(1),
        "thumbwidth": width,
        "thumbheight": round(record.height * width / record.width),
    }
    larger = {str(scale): url for scale, url in urls.items()}
    return {**said, "responsiveUrls": larger} if larger else said


def show_stashed(
    call: ActionCall, stashed: StashedFile, props: Container[str]
) -> Dict[str, Any]:
    """Return what `props` ask for of an upload that waits in the stash."""
    data = call.store.files.read_stashed(stashed.filekey)
    facts = inspect_file(data, stashed.name)
    name = "%s!%s" % (format_stamp(stashed.timestamp), stashed.filekey)
    url = call.page_url("Special:UploadStash/file/" + stashed.filekey)
    return {
        **_show_facts(facts, props, stashed.size, stashed.timestamp, name),
        **pick(
            props,
            url=url,
            descriptionurl=url,
            sha1=make_checksum("sha1", data).hexdigest(),
        ),
    }


def query_imageinfo(run: ModuleRun) -> None:
    """Answer prop=imageinfo."""
    args = run.args
    first = (run.continue_values(str, str) or [""])[0]
    files = [(title, number) for number, title in run.pages.numbered if title[0] == 6]
    for title, number in sorted(files):
        key, entry = title.key, run.entry(number)
        if key < first:
            continue
        versions = run.store.files.versions(key)
        entry["imagerepository"] = "local" if versions else ""
        if versions and number < 0:
            entry["known"] = True
        wanted = [
            version
            for version in versions
            if (args["start"] is None or version.timestamp <= args["start"])
            and (args["end"] is None or version.timestamp >= args["end"])
        ]
        for version in wanted[: args["limit"]]:
            shown = show_file(run.call, version, args["prop"], args["urlwidth"])
            if not run.add_value(number, shown, 500):
                stamp = format_stamp(version.timestamp)
                run.go_on("continue", "%s|%s" % (key, stamp))
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

    def show(name: str, user: str, when: int) -> QueryItem:
        entry = {
            "name": name,
            "user": user,
            "timestamp": format_time(when),
            "shared": False,
        }
        return QueryItem(entry, None, Title(6, name))

    table = (
        "page JOIN file ON page.ns = 6 AND file.name = page.title JOIN file AS other"
        " ON other.sha1 = file.sha1 AND other.name <> file.name"
    )
    current = "file.is_current = 1 AND other.is_current = 1"
    others = ListQuery(run, table, {"other.name": str}, current)
    columns = "other.name, other.user, other.time"
    return add_each_page(others, columns, show, "page.id")


def query_allimages(run: ModuleRun) -> List[QueryItem]:
    """Answer list=allimages."""
    keys: ListKeys = {"name": str}
    if run.args["sort"] == "timestamp":
        keys = {"time": parse_stamp, "name": str}
    files = ListQuery(run, "file", keys, "is_current = 1")
    files.add_times()
    files.add_range("name", file_key)
    files.add_given(user="user = ?", sha1="sha1 = lower(?)")
    items: List[QueryItem] = []
    for record in map(make_record, files.fetch(FILE_COLUMNS)):
        title = Title(6, record.name)
        shown = show_file(run.call, record, run.args["prop"])
        entry = {"name": record.name, **shown, **title.entry}
        items.append(QueryItem(entry, None, title))
    return items


def query_mystashedfiles(run: ModuleRun) -> List[QueryItem]:
    """Answer list=mystashedfiles."""
    account, props = run.call.requester.account, run.args["prop"]
    if not account:
        raise refuse("stashnotloggedin", STASH_FOR_USERS)
    stash = ListQuery(run, "stash", {"rowid": token_number}, "account = ?", account)
    items: List[QueryItem] = []
    for filekey, status, size, name in stash.fetch("filekey, status, size, name"):
        facts = inspect_file(run.store.files.read_stashed(filekey), name)
        entry = {"filekey": filekey, "status": status}
        if "size" in props:
            entry.update(size=size, width=facts.width, height=facts.height)
            entry["bits"] = facts.bits
        if "type" in props:
            entry.update(mimetype=facts.mime, mediatype=facts.media)
        items.append(QueryItem(entry))
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
        urlwidth: number = -1
        continue: text
        localonly: flag
        """
        % FILE_PROPS,
    ),
    QueryModule(
        "prop/stashimageinfo",
        "sii",
        query_stashimageinfo,
        "filekey, sessionkey: texts\nprop: starred any of %s = timestamp url"
        % FILE_PROPS,
        is_private=True,
    ),
    QueryModule(
        "prop/duplicatefiles",
        "df",
        query_duplicatefiles,
        LIST_PARAMS + "localonly: flag",
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
        "list/filearchive", "fa", query_nothing, TITLE_RANGE_PARAMS + "prop: texts"
    ),
]
