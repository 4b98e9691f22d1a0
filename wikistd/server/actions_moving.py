"""Pages that go elsewhere: move, mergehistory, import.

In: parameters.  Out: what was done, or why not.  Holds: nothing.
Spec: MediaWiki 1.39's modules of these names.  Not here: the doing (custodian.py).
"""

from __future__ import annotations

from typing import Any, Dict, List

from .actions import ActionFailure, ApiMessage, refuse
from .actions_call import ActionCall, ModuleFacts
from .actions_custody import WATCH_PARAMS, find_existing
from .actions_edit import missing_page, watch_after
from .actions_params import (
    param_flag,
    param_list,
    param_number,
    param_text,
    require_one,
)
from .actions_rules import check_page, check_rate, denied_message
from .custodian import (
    import_pages,
    move_stored_page,
)
from .records import PageRow
from .titles import NAMESPACE_NAMES, InvalidTitle, Title, parse_title, title_text

MOVE_FACTS = ModuleFacts(
    {
        "from": param_text(),
        "fromid": param_number(),
        "to": param_text(is_required=True),
        "reason": param_text(""),
        "movetalk": param_flag(),
        "movesubpages": param_flag(),
        "noredirect": param_flag(),
        "ignorewarnings": param_flag(),
        **WATCH_PARAMS,
    },
    token="csrf",
    must_post=True,
    is_write=True,
)


def run_move(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=move."""
    if require_one(args, "", ("from", "fromid")) == "from":
        source = call.read_title(args["from"])._replace(fragment="")
    else:
        found = call.store.find_pages_by_id([args["fromid"]]).get(args["fromid"])
        if found is None:
            text = "There is no page with ID %d." % args["fromid"]
            raise refuse("nosuchpageid", text)
        source = Title(found.namespace, found.key)
    page = call.store.find_page(source)
    if page is None:
        raise missing_page()
    target = call.read_title(args["to"])._replace(fragment="")
    _check_move(call, page, source, target)
    check_rate(call, "move")
    leaves = not (args["noredirect"] and call.may("suppressredirect"))
    shown: Dict[str, Any] = {
        "from": title_text(source.namespace, source.key),
        "to": title_text(target.namespace, target.key),
        "reason": args["reason"],
    }
    over = move_stored_page(
        call.store, page, target, call.actor, args["reason"], leaves_redirect=leaves
    )
    shown["redirectcreated"] = leaves
    shown["moveoverredirect"] = over
    if args["movetalk"]:
        _move_talk(call, source, target, args["reason"], shown, leaves)
    if args["movesubpages"]:
        shown["subpages"] = _move_subpages(call, source, target, args["reason"], leaves)
        if args["movetalk"]:
            talk_from = Title(source.namespace | 1, source.key)
            talk_to = Title(target.namespace | 1, target.key)
            shown["subpages-talk"] = _move_subpages(
                call, talk_from, talk_to, args["reason"], leaves
            )
    wish = "watch" if args["watch"] else args["watchlist"]
    for title in (source, target):
        watch_after(call, title, wish, False)
    call.result["move"] = shown


def _check_move(call: ActionCall, page: PageRow, source: Title, target: Title) -> None:
    if target.namespace < 0:
        name = NAMESPACE_NAMES[target.namespace]
        raise ActionFailure(
            ApiMessage(
                "immobile-target-namespace",
                'Cannot move pages into namespace "%s".' % name,
            ),
            ApiMessage("unsupportednamespace", "Pages cannot be there."),
        )
    check_page(call, source, "move")
    if not call.may("move"):
        raise refuse("cantmove", "You do not have permission to move pages.")
    if (source.namespace, source.key) == (target.namespace, target.key):
        text = "The title is the same; cannot move a page over itself."
        raise refuse("selfmove", text)
    other = call.store.find_page(target)
    if other is not None and not _may_go(call, other, page):
        text = (
            "A page already exists at [[:%s]], or the page name you have chosen is not "
            "valid. Please choose another name." % str(target)
        )
        raise refuse("articleexists", text)


def _may_go(call: ActionCall, other: PageRow, page: PageRow) -> bool:
    """A redirect to the page that moves, with nothing but that in its history."""
    count = call.store.db.value(
        "SELECT COUNT(*) FROM revision WHERE page = ?", (other.id,)
    )
    return count == 1 and other.redirect == page.text


def _move_talk(
    call: ActionCall,
    source: Title,
    target: Title,
    reason: str,
    shown: Dict[str, Any],
    leaves: bool,
) -> None:
    talk_from = Title(source.namespace | 1, source.key)
    talk_to = Title(target.namespace | 1, target.key)
    page = call.store.find_page(talk_from)
    if page is None or source.namespace % 2:
        return
    over = move_stored_page(
        call.store, page, talk_to, call.actor, reason, leaves_redirect=leaves
    )
    shown["talkfrom"] = str(talk_from)
    shown["talkto"] = str(talk_to)
    shown["talkmoveoverredirect"] = over


def _move_subpages(
    call: ActionCall, source: Title, target: Title, reason: str, leaves: bool
) -> Any:
    if source.namespace in (0, 6, 14):  # no subpages there (siteinfo says which)
        name = NAMESPACE_NAMES[source.namespace]
        error = {
            "message": "namespace-nosubpages",
            "params": [name],
            "code": "namespace-nosubpages",
            "type": "error",
        }
        return {"errors": [error]}
    prefix = source.key + "/"
    pages = call.store.query_pages(
        "ns = ? AND title >= ? AND title < ? ORDER BY title",
        (source.namespace, prefix, prefix + "\U0010ffff"),
        100,
    )
    moved = []
    for page in pages:
        to = Title(target.namespace, target.key + page.key[len(source.key) :])
        move_stored_page(
            call.store, page, to, call.actor, reason, leaves_redirect=leaves
        )
        moved.append({"from": page.text, "to": str(to)})
    return moved


MERGE_HISTORY_FACTS = ModuleFacts(
    {
        "from": param_text(),
        "fromid": param_number(),
        "to": param_text(),
        "toid": param_number(),
        "timestamp": param_text(),
        "reason": param_text(""),
    },
    token="csrf",
    must_post=True,
    is_write=True,
)


def run_mergehistory(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=mergehistory: the whole of a page whose history came before."""
    if not call.may("mergehistory"):
        raise ActionFailure(denied_message(call, "mergehistory"))
    pages = []
    for side in ("from", "to"):
        given = {"title": args[side], "pageid": args[side + "id"]}
        pages.append(find_existing(call, given))
    source, target = pages
    store = call.store
    last = store.db.value("SELECT MAX(time) FROM revision WHERE page = ?", (source.id,))
    first = store.db.value(
        "SELECT MIN(time) FROM revision WHERE page = ?", (target.id,)
    )
    if last >= first:
        text = "Source revisions overlap or come after destination revisions."
        raise refuse("mergehistory-fail-timestamps-overlap", text)
    title = Title(source.namespace, source.key)
    with store.db.transaction():
        store.db.run(
            "UPDATE revision SET page = ? WHERE page = ?", (target.id, source.id)
        )
        store.update_links(source.id, title, None, call.now)
        store.db.run("DELETE FROM page WHERE id = ?", (source.id,))
        params = {"dest_ns": target.namespace, "dest_title": target.text}
        store.add_log("merge", "merge", title, call.actor, args["reason"], params)
    store.announce()
    call.result["mergehistory"] = {
        "from": source.text,
        "to": target.text,
        "timestamp": args["timestamp"] or "",
        "reason": args["reason"],
    }


IMPORT_FACTS = ModuleFacts(
    {
        "summary": param_text(),
        "xml": param_text(is_secret=True),
        "interwikiprefix": param_text(),
        "interwikisource": param_text(),
        "interwikipage": param_text(),
        "fullhistory": param_flag(),
        "templates": param_flag(),
        "namespace": param_text(),
        "rootpage": param_text(),
        "assignknownusers": param_flag(),
        "tags": param_list(),
    },
    token="csrf",
    must_post=True,
    is_write=True,
)


def run_import(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=import of a file that a wiki exported."""
    if not call.may("importupload"):
        text = "You don't have permission to import uploaded pages."
        raise refuse("cantimport-upload", text)
    upload = call.request.files.get("xml")
    if upload is None:
        raise refuse("nofile", "No import file was uploaded.")
    pages = read_export(upload.data)
    call.result["import"] = import_pages(
        call.store, pages, call.actor, args["interwikiprefix"] or ""
    )


def read_export(data: bytes) -> List[Dict[str, Any]]:
    """Return the pages of an export file.  ActionFailure where it is none."""
    from xml.etree import ElementTree  # 5 ms of import, for imports alone

    failed = ApiMessage("import-unknownerror", "The file is not a wiki's export.")
    # Entities of one's own can make a small file very large; exports have none.
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise ActionFailure(failed)
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise ActionFailure(failed) from error
    found = []
    for page in (each for each in root if _local_name(each.tag) == "page"):
        values = {_local_name(each.tag): each for each in page}
        try:
            title = parse_title(values["title"].text or "")
        except (KeyError, InvalidTitle) as error:
            raise ActionFailure(failed) from error
        revisions = []
        for each in page:
            if _local_name(each.tag) == "revision":
                texts = {_local_name(part.tag): part for part in each.iter()}
                words = {
                    name: (texts[name].text or "") if name in texts else ""
                    for name in ("text", "comment", "username", "ip")
                }
                revisions.append(
                    {
                        "text": words["text"],
                        "comment": words["comment"],
                        "user": words["username"] or words["ip"],
                    }
                )
        found.append({"title": title, "revisions": revisions})
    return found


def _local_name(tag: Any) -> str:
    return str(tag).rpartition("}")[2]
