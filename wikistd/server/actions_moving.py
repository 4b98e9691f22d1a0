"""Pages that go elsewhere: move, mergehistory, import.

In: parameters.  Out: what was done, or why not.  Holds: nothing.
Spec: MediaWiki 1.39's modules of these names.  Not here: the doing (custodian.py).
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from .actions import ActionFailure, ApiMessage, refuse
from .actions_call import ActionCall, ActionModule, write_action
from .actions_custody import WATCH_PARAMS
from .actions_edit import find_existing, watch_after
from .actions_rules import (
    check_page,
    check_rate,
    require_right,
)
from .custodian import (
    import_pages,
    move_stored_page,
)
from .records import PageRow
from .titles import NAMESPACE_NAMES, InvalidTitle, Title, parse_title


def run_move(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=move."""
    source = call.find_title(args, ("from", "fromid"))
    page = find_existing(call, source)
    target = call.read_title(args["to"])._replace(fragment="")
    _check_move(call, page, source, target)
    check_rate(call, "move")
    leaves = not (args["noredirect"] and call.may("suppressredirect"))

    def move(page: PageRow, to: Title) -> bool:
        reason = args["reason"]
        return move_stored_page(
            call.store, page, to, call.actor, reason, leaves_redirect=leaves
        )

    shown: Dict[str, Any] = {
        "from": str(source),
        "to": str(target),
        "reason": args["reason"],
        "redirectcreated": leaves,
        "moveoverredirect": move(page, target),
    }
    talk = call.store.find_page(source.talk)
    if args["movetalk"] and talk is not None and not source.namespace % 2:
        shown["talkfrom"] = str(source.talk)
        shown["talkto"] = str(target.talk)
        shown["talkmoveoverredirect"] = move(talk, target.talk)
    if args["movesubpages"]:
        shown["subpages"] = _move_subpages(call, source, target, move)
        if args["movetalk"]:
            moved = _move_subpages(call, source.talk, target.talk, move)
            shown["subpages-talk"] = moved
    wish = "watch" if args["watch"] else args["watchlist"]
    for title in (source, target):
        watch_after(call, title, wish, False)
    call.result["move"] = shown


def _check_move(call: ActionCall, page: PageRow, source: Title, target: Title) -> None:
    if target.namespace < 0:
        name = NAMESPACE_NAMES[target.namespace]
        text = 'Cannot move pages into namespace "%s".' % name
        raise ActionFailure(
            ApiMessage("immobile-target-namespace", text),
            ApiMessage("unsupportednamespace", "Pages cannot be there."),
        )
    check_page(call, source, "move")
    if not call.may("move"):
        raise refuse("cantmove", "You do not have permission to move pages.")
    if source[:2] == target[:2]:
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


def _move_subpages(
    call: ActionCall, source: Title, target: Title, move: Callable[..., bool]
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
        move(page, to)
        moved.append({"from": page.text, "to": str(to)})
    return moved


def run_mergehistory(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=mergehistory: the whole of a page whose history came before."""
    require_right(call, "mergehistory")
    source, target = (
        find_existing(call, call.find_title(args, (side, side + "id")))
        for side in ("from", "to")
    )
    store = call.store
    last = store.db.value("SELECT MAX(time) FROM revision WHERE page = ?", (source.id,))
    first = store.db.value(
        "SELECT MIN(time) FROM revision WHERE page = ?", (target.id,)
    )
    if last >= first:
        text = "Source revisions overlap or come after destination revisions."
        raise refuse("mergehistory-fail-timestamps-overlap", text)
    title = source.title
    with store.db.transaction():
        store.db.run(
            "UPDATE revision SET page = ? WHERE page = ?", (target.id, source.id)
        )
        store.links.update(source.id, title, None, call.now)
        store.db.run("DELETE FROM page WHERE id = ?", (source.id,))
        params = {"dest_ns": target.namespace, "dest_title": target.text}
        store.changes.add_log(
            "merge", "merge", title, call.actor, args["reason"], params
        )
    store.changes.announce()
    call.result["mergehistory"] = {
        "from": source.text,
        "to": target.text,
        "timestamp": args["timestamp"] or "",
        "reason": args["reason"],
    }


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
        revisions = [
            _read_revision(each) for each in page if _local_name(each.tag) == "revision"
        ]
        found.append({"title": title, "revisions": revisions})
    return found


def _read_revision(element: Any) -> Dict[str, str]:
    words = {_local_name(part.tag): part.text or "" for part in element.iter()}
    return {
        "text": words.get("text", ""),
        "comment": words.get("comment", ""),
        "user": words.get("username", "") or words.get("ip", ""),
    }


def _local_name(tag: Any) -> str:
    return str(tag).rpartition("}")[2]


MOVING_ACTIONS: List[ActionModule] = [
    write_action(
        "import",
        run_import,
        """
        summary: text
        xml: secret text
        interwikiprefix, interwikisource, interwikipage: text
        fullhistory, templates: flag
        namespace, rootpage: text
        assignknownusers: flag
        tags: texts
        """,
    ),
    write_action(
        "mergehistory",
        run_mergehistory,
        """
        from: text
        fromid: number
        to: text
        toid: number
        timestamp: text
        reason: text =
        """,
    ),
    write_action(
        "move",
        run_move,
        """
        from: text
        fromid: number
        to: required text
        reason: text =
        movetalk, movesubpages, noredirect, ignorewarnings: flag
        """
        + WATCH_PARAMS,
    ),
]
