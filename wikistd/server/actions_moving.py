"""Pages that go elsewhere: move, mergehistory, import.

In: parameters.  Out: what was done, or why not.  Holds: nothing.
Spec: MediaWiki 1.39's modules of these names.  Not here: deleting (custodian.py).
"""

from __future__ import annotations

import functools
from typing import Any, Callable, Dict, List, Tuple

from .actions import ActionFailure, ApiMessage, refuse
from .actions_call import ActionCall, ActionModule, write_action
from .actions_custody import WATCH_PARAMS
from .actions_edit import find_existing, watch_after
from .actions_rules import check_page, check_rate, require_right
from .custodian import add_null_revision, delete_stored_page
from .records import Actor, PageRow
from .titles import NAMESPACE_NAMES, Title, parse_title


def run_move(call: ActionCall, args: Dict[str, Any]) -> Dict[str, Any]:
    """Answer action=move."""
    source = call.find_title(args, ("from", "fromid"))
    page = find_existing(call, source)
    target = call.read_title(args["to"])
    _check_move(call, page, target)
    check_rate(call, "move")
    leaves = not (args["noredirect"] and call.may("suppressredirect"))
    move = functools.partial(_move_page, call, args["reason"], leaves)
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
    return shown


def _check_move(call: ActionCall, page: PageRow, target: Title) -> None:
    if target.namespace < 0:
        name = NAMESPACE_NAMES[target.namespace]
        text = 'Cannot move pages into namespace "%s".' % name
        raise ActionFailure(
            ApiMessage("immobile-target-namespace", text),
            ApiMessage("unsupportednamespace", "Pages cannot be there."),
        )
    check_page(call, page.title, "move")
    if page.title == target:
        raise refuse(
            "selfmove", "The title is the same; cannot move a page over itself."
        )
    other = call.store.find_page(target)
    if other is None:
        return
    # A redirect to the page that moves may go, if its history has nothing but that.
    count = call.store.db.value(
        "SELECT COUNT(*) FROM revision WHERE page = ?", (other.id,)
    )
    if count > 1 or other.redirect != page.text:
        raise refuse(
            "articleexists",
            "A page already exists at [[:%s]], or the page name you have chosen is not "
            "valid. Please choose another name." % str(target),
        )


def _move_page(
    call: ActionCall, reason: str, leaves_redirect: bool, page: PageRow, target: Title
) -> bool:
    """Move a page to a free title; return whether a redirect had to go for that."""
    store, old = call.store, page.title
    with store.changes.recording():
        in_the_way = store.find_page(target)
        if in_the_way is not None:
            why = 'Deleted to make way for move from "[[%s]]"' % str(old)
            delete_stored_page(
                store, in_the_way, call.actor, why, action="delete_redir"
            )
        place = {"ns": target.namespace, "title": target.key}
        store.db.update("page", page.id, touched=call.now, **place)
        store.db.run(
            "UPDATE OR REPLACE protection SET ns = ?, title = ?"
            " WHERE ns = ? AND title = ?",
            (*target[:2], *old[:2]),
        )
        # Whoever watches the page goes on watching it under its new title.
        store.db.run(
            "INSERT OR IGNORE INTO watch SELECT account, ?, ? FROM watch"
            " WHERE ns = ? AND title = ?",
            (target.namespace & ~1, target.key, old.namespace & ~1, old.key),
        )
        summary = "%s moved page [[%s]] to [[%s]]" % (call.actor.name, old, target)
        if in_the_way is not None:
            summary += " over redirect"
        if reason:
            summary += ": " + reason
        store.changes.add_log(
            "move",
            "move" if in_the_way is None else "move_redir",
            old,
            call.actor,
            reason,
            {
                "target_ns": target.namespace,
                "target_title": str(target),
                "suppressredirect": not leaves_redirect,
            },
            page=page.id,
            revision=add_null_revision(store, page, call.actor, summary),
        )
        if leaves_redirect:
            store.write_page(
                old,
                "#REDIRECT [[%s]]" % str(target),
                call.actor,
                summary,
                is_listed=False,
                is_logged=False,
                tags=["mw-new-redirect"],
            )
    return in_the_way is not None


def _move_subpages(
    call: ActionCall, source: Title, target: Title, move: Callable[..., bool]
) -> Any:
    if source.namespace in (0, 6, 14):  # no subpages there (siteinfo says which)
        error = {
            "message": "namespace-nosubpages",
            "params": [NAMESPACE_NAMES[source.namespace]],
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


def run_mergehistory(call: ActionCall, args: Dict[str, Any]) -> Dict[str, Any]:
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
        raise refuse(
            "mergehistory-fail-timestamps-overlap",
            "Source revisions overlap or come after destination revisions.",
        )
    with store.changes.recording():
        store.db.run(
            "UPDATE revision SET page = ? WHERE page = ?", (target.id, source.id)
        )
        store.links.update(source.id, source.title, None, call.now)
        store.db.run("DELETE FROM page WHERE id = ?", (source.id,))
        params = {"dest_ns": target.namespace, "dest_title": target.text}
        store.changes.add_log(
            "merge", "merge", source.title, call.actor, args["reason"], params
        )
    return {
        "from": source.text,
        "to": target.text,
        "timestamp": args["timestamp"] or "",
        "reason": args["reason"],
    }


def run_import(call: ActionCall, args: Dict[str, Any]) -> List[Dict[str, Any]]:
    """Answer action=import of a file that a wiki exported."""
    if not call.may("importupload"):
        raise refuse(
            "cantimport-upload", "You don't have permission to import uploaded pages."
        )
    upload = call.request.files.get("xml")
    if upload is None:
        raise refuse("nofile", "No import file was uploaded.")
    pages = read_export(upload.data)
    with call.store.changes.recording():
        return [
            _import_page(call, title, revisions, args["interwikiprefix"] or "")
            for title, revisions in pages
        ]


def _import_page(
    call: ActionCall, title: Title, revisions: List[Dict[str, str]], prefix: str
) -> Dict[str, Any]:
    store, count = call.store, 0
    for revision in revisions:
        author = Actor(0, "%s>%s" % (prefix or "imported", revision["user"]))
        saved = store.write_page(
            title,
            revision["text"],
            author,
            revision["comment"],
            is_listed=False,
            is_logged=False,
        )
        count += saved.new_id is not None
    page = store.find_page(title)
    if count and page is not None:
        summary = "%d revision%s imported" % (count, "" if count == 1 else "s")
        add_null_revision(store, page, call.actor, summary)
        store.changes.add_log(
            "import",
            "interwiki" if prefix else "upload",
            title,
            call.actor,
            summary,
            {"count": count, "interwiki_title": str(title)},
            page=page.id,
        )
    return {**title.entry, "revisions": count}


def read_export(data: bytes) -> List[Tuple[Title, List[Dict[str, str]]]]:
    """Return the pages of an export file.  ActionFailure where it is none."""
    from xml.etree import ElementTree  # 5 ms of import, for imports alone

    try:
        # Entities of one's own can make a small file very large; exports have none.
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            raise ValueError("an export has no document type")
        return [
            (
                parse_title(page.findtext("{*}title", "")),
                [_read_revision(each) for each in page.iterfind("{*}revision")],
            )
            for page in ElementTree.fromstring(data).iterfind("{*}page")
        ]
    except (ElementTree.ParseError, ValueError) as error:
        raise refuse(
            "import-unknownerror", "The file is not a wiki's export."
        ) from error


def _read_revision(element: Any) -> Dict[str, str]:
    author = "{*}contributor/{*}"
    name = element.findtext(author + "username") or element.findtext(author + "ip")
    return {
        "text": element.findtext("{*}text", ""),
        "comment": element.findtext("{*}comment", ""),
        "user": name or "Unknown",
    }


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
