"""Moving, deleting, protecting, reverting: the API of the wiki's custodians.

In: parameters.  Out: what was done, or why not.
Holds: nothing.
Spec: MediaWiki 1.39's modules of these names.  Not here: the doing (custodian.py),
what is done to people (actions_people.py).
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from .actions import ActionFailure, ApiMessage, refuse
from .actions_call import ActionCall, ModuleFacts
from .actions_edit import find_title, missing_page, watch_after
from .actions_params import (
    ParamSpec,
    param_choice,
    param_choices,
    param_flag,
    param_list,
    param_number,
    param_text,
    require_one,
)
from .actions_rules import check_page, check_rate, denied_message
from .custodian import (
    delete_stored_page,
    find_rollback,
    import_pages,
    move_stored_page,
    parse_expiry,
    protect_stored_page,
    roll_back,
    undelete_page,
)
from .records import PageRow, format_time
from .titles import NAMESPACE_NAMES, InvalidTitle, Title, parse_title, title_text

_watch_params: Dict[str, ParamSpec] = {
    "watch": param_flag(is_deprecated=True),
    "unwatch": param_flag(is_deprecated=True),
    "watchlist": param_choice("nochange preferences unwatch watch", "nochange"),
    "tags": param_list(),
}


def find_existing(call: ActionCall, args: Dict[str, Any]) -> PageRow:
    """Return the page that `title` or `pageid` names; refuse a missing one."""
    page = call.store.find_page(find_title(call, args))
    if page is None:
        raise missing_page()
    return page


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
        **_watch_params,
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
    if source.namespace in (0, 6, 10, 14):  # no subpages there (siteinfo says which)
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


DELETE_FACTS = ModuleFacts(
    {
        "title": param_text(),
        "pageid": param_number(),
        "reason": param_text(),
        "oldimage": param_text(),
        **_watch_params,
    },
    token="csrf",
    must_post=True,
    is_write=True,
)


def run_delete(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=delete."""
    page = find_existing(call, args)
    title = Title(page.namespace, page.key)
    check_page(call, title, "delete")
    reason = args["reason"]
    if reason is None:
        record = call.store.get_page(title)
        assert record is not None
        reason = 'content was: "%s"' % " ".join(record.text.split())[:150]
    log = delete_stored_page(call.store, page, call.actor, reason)
    call.result["delete"] = {"title": page.text, "reason": reason, "logid": log}


UNDELETE_FACTS = ModuleFacts(
    {
        "title": param_text(is_required=True),
        "reason": param_text(""),
        "timestamps": param_list(),
        "fileids": param_number(is_multi=True),
        "undeletetalk": param_flag(),
        **_watch_params,
    },
    token="csrf",
    must_post=True,
    is_write=True,
)


def run_undelete(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=undelete."""
    title = call.read_title(args["title"])._replace(fragment="")
    check_page(call, title, "undelete")
    spec = ParamSpec("time")
    times = [
        call.reader.read_value(call.module, "timestamps", each, spec)
        for each in args["timestamps"] or ()
    ]
    count = undelete_page(call.store, title, call.actor, args["reason"], times)
    if not count:
        text = (
            "Couldn't undelete: the requested revisions may not exist, or may have "
            "been undeleted already."
        )
        raise refuse("cantundelete", text)
    call.result["undelete"] = {
        "title": str(title),
        "revisions": count,
        "fileversions": 0,
        "reason": args["reason"],
    }


PROTECT_FACTS = ModuleFacts(
    {
        "title": param_text(),
        "pageid": param_number(),
        "protections": param_list(is_required=True),
        "expiry": param_list(),
        "reason": param_text(""),
        "cascade": param_flag(),
        **_watch_params,
    },
    token="csrf",
    must_post=True,
    is_write=True,
)


def run_protect(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=protect."""
    title = find_title(call, args)
    check_page(call, title, "protect")
    page = call.store.find_page(title)
    # The values as they were sent: "infinite|infinite" has two.
    expiries = call.multi_values("expiry") or ["infinite"]
    if len(expiries) not in (1, len(args["protections"])):
        raise refuse(
            "toofewexpiries",
            "%d expiry timestamps were provided where %d were needed."
            % (len(expiries), len(args["protections"])),
        )
    wanted: List[Tuple[str, str, Optional[int]]] = []
    shown = []
    for position, each in enumerate(args["protections"]):
        kind, _, level = each.partition("=")
        expiry = expiries[position if len(expiries) > 1 else 0]
        wanted.append(_read_protection(call, kind, level, expiry, page is not None))
        ends = wanted[-1][2]
        shown.append(
            {
                kind: wanted[-1][1],
                "expiry": "infinite" if ends is None else format_time(ends),
            }
        )
    protect_stored_page(call.store, title, wanted, call.actor, args["reason"])
    call.result["protect"] = {
        "title": str(title),
        "reason": args["reason"],
        "protections": shown,
    }
    if args["cascade"]:
        call.result["protect"]["cascade"] = True


def _read_protection(
    call: ActionCall, kind: str, level: str, expiry: str, exists: bool
) -> Tuple[str, str, Optional[int]]:
    if kind == "create" and exists:
        text = "Use of the create protection type is only for titles that do not exist."
        raise refuse("create-titleexists", text)
    if kind != "create" and not exists:
        text = 'Missing titles can only be protected with "create".'
        raise refuse("missingtitle-createonly", text)
    if kind not in ("create", "edit", "move", "upload"):
        text = 'Invalid protection type "%s".' % kind
        raise refuse("protect-invalidaction", text)
    level = "" if level == "all" else level
    if level not in ("", "autoconfirmed", "sysop"):
        text = 'Invalid protection level "%s".' % level
        raise refuse("protect-invalidlevel", text)
    try:
        ends = parse_expiry(expiry, call.now)
    except ValueError as error:
        text = 'Invalid expiry time "%s".' % expiry
        raise refuse("invalidexpiry", text) from error
    if ends is not None and ends < call.now:
        raise refuse("pastexpiry", 'Expiry time "%s" is in the past.' % expiry)
    return kind, level, ends


ROLLBACK_FACTS = ModuleFacts(
    {
        "title": param_text(),
        "pageid": param_number(),
        "user": param_text(is_required=True),
        "summary": param_text(""),
        "markbot": param_flag(),
        **_watch_params,
    },
    token="rollback",
    must_post=True,
    is_write=True,
)


def run_rollback(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=rollback."""
    if not call.may("rollback"):
        raise ActionFailure(denied_message(call, "rollback"))
    page = find_existing(call, args)
    check_page(call, Title(page.namespace, page.key), "edit")
    check_rate(call, "rollback")
    user = args["user"].replace("_", " ")
    latest, other = find_rollback(call.store, page)
    if latest.user != user:
        raise refuse("alreadyrolled", _already_rolled(page.text, user, latest.user))
    if other is None:
        text = "Cannot rollback; last contributor is only author of this page."
        raise refuse("onlyauthor", text)
    summary = args["summary"] or (
        "Reverted edits by [[Special:Contributions/%s|%s]] ([[User talk:%s|talk]]) to "
        "last revision by [[User:%s|%s]]" % (user, user, user, other.user, other.user)
    )
    is_bot = args["markbot"] and call.may("markbotedits")
    saved = roll_back(call.store, page, other, call.actor, summary, is_bot=is_bot)
    call.result["rollback"] = {
        "title": page.text,
        "pageid": page.id,
        "summary": summary,
        "revid": saved.new_id or latest.id,
        "old_revid": latest.id,
        "last_revid": other.id,
    }


def _already_rolled(title: str, user: str, last: str) -> str:
    def about(name: str) -> str:
        return (
            "[[User:%s|%s]] ([[User talk:%s|talk]] | [[Special:Contributions/%s|"
            "contribs]])" % (name, name, name, name)
        )

    return (
        "Cannot rollback the last edit of [[:%s]] by %s. Someone else has edited or "
        "rolled back the page already. The last edit to the page was by %s."
        % (title, about(user), about(last))
    )


PATROL_FACTS = ModuleFacts(
    {"rcid": param_number(), "revid": param_number(), "tags": param_list()},
    token="patrol",
    must_post=True,
    is_write=True,
)


def run_patrol(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=patrol."""
    source = require_one(args, "", ("rcid", "revid"))
    column = "id" if source == "rcid" else "revision"
    changes = call.store.query_changes(
        "%s = ? AND kind IN ('edit', 'new')" % column, (args[source],), 1
    )
    if not changes:
        what = "recent change" if source == "rcid" else "revision"
        code = "nosuchrcid" if source == "rcid" else "nosuchrevid"
        raise refuse(code, "There is no %s with ID %d." % (what, args[source]))
    if not call.may("patrol"):
        raise ActionFailure(denied_message(call, "patrol"))
    change = changes[0]
    title = parse_title(change.title)
    with call.store.db.transaction():
        call.store.db.run(
            "UPDATE change SET patrolled = 1 WHERE id = ?", (change.rcid,)
        )
        if not change.patrolled:
            params = {"curid": change.revid, "previd": change.old_revid, "auto": False}
            call.store.add_log(
                "patrol",
                "patrol",
                title,
                call.actor,
                "",
                params,
                page=change.page_id,
                is_public=False,
            )
    call.result["patrol"] = {
        "rcid": change.rcid,
        "ns": change.namespace,
        "title": change.title,
    }


REVISION_DELETE_FACTS = ModuleFacts(
    {
        "type": param_choice("revision", is_required=True),
        "target": param_text(),
        "ids": param_number(is_multi=True),
        "hide": param_choices("content comment user"),
        "show": param_choices("content comment user"),
        "suppress": param_choice("yes no nochange", "nochange"),
        "reason": param_text(""),
        "tags": param_list(),
    },
    token="csrf",
    must_post=True,
    is_write=True,
)


def run_revisiondelete(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=revisiondelete."""
    if not call.may("deleterevision"):
        raise ActionFailure(denied_message(call, "deleterevision"))
    if not args["hide"] and not args["show"]:
        text = "At least one value is required for hide and/or show."
        raise refuse("revdel-paramneeded", text)
    found = call.store.find_revisions(args["ids"] or [])
    if not found:
        text = "Either a target was not specified or the revision does not exist."
        raise refuse("revdelete-nooldid-title", text)
    names = {"content": "text", "comment": "comment", "user": "user"}
    items, page = [], None
    with call.store.db.transaction():
        for number, revision in found.items():
            hidden = set(revision.hidden.split())
            hidden |= {names[each] for each in args["hide"]}
            hidden -= {names[each] for each in args["show"]}
            call.store.db.run(
                "UPDATE revision SET hidden = ? WHERE id = ?",
                (" ".join(sorted(hidden)), number),
            )
            page = call.store.find_pages_by_id([revision.page])[revision.page]
            items.append(
                {
                    "status": "Success",
                    "id": number,
                    "timestamp": format_time(revision.time),
                    "userhidden": "user" in hidden,
                    "commenthidden": "comment" in hidden,
                    "texthidden": "text" in hidden,
                    "userid": revision.account,
                    "user": revision.user,
                    "comment": revision.comment,
                }
            )
        assert page is not None
        call.store.add_log(
            "delete",
            "revision",
            Title(page.namespace, page.key),
            call.actor,
            args["reason"],
            {"type": "revision", "ids": sorted(found)},
            page=page.id,
        )
    call.store.announce()
    call.result["revisiondelete"] = {
        "status": "Success",
        "target": page.text,
        "items": items,
    }


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
