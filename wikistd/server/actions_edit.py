"""action=edit: new texts, sections, appended ones; conflicts noticed, some merged.

In: parameters.  Out: a revision, or why not.
Holds: nothing.
Spec: MediaWiki 1.39's ApiEditPage and EditPage.  Not here: storing (store.py).
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional

from ..formats.checksums import make_checksum
from .actions import ActionFailure, refuse
from .actions_call import ActionCall, ActionModule, write_action
from .actions_options import read_options
from .actions_params import require_one
from .actions_rules import check_lists, check_page, check_rate, check_tags
from .markup import find_redirect, get_section, merge_texts, replace_section, sign_text
from .records import PageRow, RevisionRow, format_time, format_words
from .titles import Title, default_model

#: MediaWiki takes 500 letters; what it writes itself is cut at 500 bytes.
MAX_SUMMARY_BYTES = 500


class EditJob:
    """One edit on its way.  One owner."""

    def __init__(self, call: ActionCall, args: Dict[str, Any]) -> None:
        self.call = call
        self.args = args
        self.store = call.store
        self.title = call.find_title(args)
        if args["redirect"]:
            self._follow_redirect()
        self.page = self.store.find_page(self.title)
        self.current = self.store.find_revision(self.page.latest) if self.page else None
        self.old_text = self.store.read_text(self.current) if self.current else ""
        self.summary: str = args["summary"] or ""
        self.unsigned = ""
        self.tags: List[str] = []

    def _follow_redirect(self) -> None:
        page = self.store.find_page(self.title)
        if page is not None and page.redirect is not None:
            target = self.call.read_title(page.redirect)
            self.call.result["redirects"] = [{"from": page.text, "to": str(target)}]
            self.title = target._replace(fragment="")

    def run(self) -> None:
        """Do the edit; one at a time, so that conflicts are seen."""
        args, call = self.args, self.call
        if self.title.namespace < 0:
            raise refuse("pagecannotexist", "Namespace doesn't allow actual pages.")
        if args["createonly"] and self.page is not None:
            text = "The article you tried to create has been created already."
            raise refuse("articleexists", text)
        if args["nocreate"] and self.page is None:
            raise missing_page()
        check_page(call, self.title, "edit")
        self._check_section()
        given = self._given_text()
        self._check_md5()
        self.tags = check_tags(call, args["tags"])
        check_rate(call, "edit")
        text = self._sign(given)
        self._check_deleted()
        text = self._solve_conflict(text)
        self._check_text(text)
        self._save(text)

    def _check_section(self) -> None:
        section = self.args["section"]
        if section is not None and section not in ("new", ""):
            if not section.isdigit() or not section.isascii():
                text = 'The "section" parameter must be a valid section ID or "new".'
                raise refuse("invalidsection", text)

    def _section_index(self) -> Optional[int]:
        section = self.args["section"]
        return int(section) if section and section != "new" else None

    def _given_text(self) -> str:
        """Return the text of the page or of the section that the client wants."""
        args, index = self.args, self._section_index()
        if args["undo"] is not None:
            return self._undone_text()
        if args["appendtext"] is None and args["prependtext"] is None:
            return str(args["text"])
        old = self.old_text
        if args["section"] == "new":
            old = ""
        elif index is not None:
            found = get_section(old, index)
            if found is None:
                raise refuse("nosuchsection", "There is no section %d." % index)
            old = found
        return (args["prependtext"] or "") + old + (args["appendtext"] or "")

    def _undone_text(self) -> str:
        args = self.args
        undo = existing_revision(self.call, args["undo"])
        base = existing_revision(self.call, args["undoafter"] or undo.parent or "")
        for revision in (undo, base):
            if self.page is None or revision.page != self.page.id:
                text = "r%d is not a revision of %s." % (revision.id, self.title)
                raise refuse("revwrongpage", text)
        merged = merge_texts(
            self.store.read_text(undo), self.old_text, self.store.read_text(base)
        )
        if self.current is not None and self.current.id == undo.id:
            merged = self.store.read_text(base)
        if merged is None:
            text = "The edit could not be undone due to conflicting intermediate edits."
            raise refuse("undofailure", text)
        if not self.summary:
            self.summary = (
                "Undid revision %d by [[Special:Contributions/%s|%s]] "
                "([[User talk:%s|talk]])" % (undo.id, undo.user, undo.user, undo.user)
            )
        self.tags.append("mw-undo")
        return merged

    def _check_md5(self) -> None:
        args = self.args
        if args["md5"] is None:
            return
        if args["prependtext"] is not None or args["appendtext"] is not None:
            text = (args["prependtext"] or "") + (args["appendtext"] or "")
        else:
            text = args["text"] or ""
        if (
            make_checksum("md5", text.encode("utf-8")).hexdigest()
            != args["md5"].lower()
        ):
            raise refuse("badmd5", "The supplied MD5 hash was incorrect.")

    def _sign(self, text: str) -> str:
        text = text.replace("\r\n", "\n")
        self.unsigned = text
        stamp = format_words(self.call.now) + " (UTC)"
        return sign_text(text, self.call.requester.name, stamp)

    def _check_deleted(self) -> None:
        args = self.args
        if self.page is not None or args["recreate"] or args["starttimestamp"] is None:
            return
        deleted = self.store.db.value(
            "SELECT MAX(time) FROM log WHERE type = 'delete' AND action = 'delete'"
            " AND ns = ? AND title = ?",
            (self.title.namespace, self.title.key),
        )
        if deleted is not None and deleted >= args["starttimestamp"]:
            text = "The page has been deleted since you fetched its timestamp."
            raise refuse("pagedeleted", text)

    def _whole_text(self, text: str, base: str) -> str:
        """Return the text of the page with the section put into `base`."""
        section, index = self.args["section"], self._section_index()
        if section == "new":
            heading = self.args["sectiontitle"]
            if heading is None:
                heading = self.summary
            if heading:
                text = "== %s ==\n\n%s" % (heading, text)
            return "%s\n\n%s" % (base.rstrip(), text) if base.strip() else text
        if index is None:
            return text
        replaced = replace_section(base, index, text)
        if replaced is None:
            raise refuse("nosuchsection", "There is no section %d." % index)
        return replaced

    def _solve_conflict(self, text: str) -> str:
        """Return the whole new text; refuse where it and another edit collide."""
        if self.page is None or self.current is None:
            return self._whole_text(text, "")
        args, current = self.args, self.current
        base_id, base_time = args["baserevid"], args["basetimestamp"]
        if base_id is None and base_time is None:
            return self._whole_text(text, self.old_text)
        is_conflict = (base_id is not None and base_id != current.id) or (
            base_time is not None and base_time != current.time
        )
        if is_conflict and args["section"] == "new":
            is_conflict = (
                current.user == self.call.requester.name
                and current.comment == self._new_section_summary()
            )
        elif is_conflict and not args["section"] and base_time is not None:
            is_conflict = not self._is_only_own(base_time)
        if not is_conflict:
            return self._whole_text(text, self.old_text)
        base = self._base_revision(base_id, base_time)
        merged: Optional[str] = None
        if base is not None:
            base_text = self.store.read_text(base)
            merged = merge_texts(
                base_text, self.old_text, self._whole_text(text, base_text).rstrip()
            )
        if merged is None:
            raise refuse("editconflict", "Edit conflict.")
        return merged

    def _is_only_own(self, base_time: int) -> bool:
        assert self.page is not None
        others = self.store.db.value(
            "SELECT 1 FROM revision WHERE page = ? AND time > ? AND user <> ?",
            (self.page.id, base_time, self.call.requester.name),
        )
        return others is None and bool(self.call.requester.account)

    def _base_revision(
        self, base_id: Optional[int], base_time: Optional[int]
    ) -> Optional[RevisionRow]:
        assert self.page is not None
        if base_id is not None:
            base = self.store.find_revision(base_id)
            return base if base is not None and base.page == self.page.id else None
        found = self.store.query_revisions(
            "page = ? AND time <= ? ORDER BY time DESC, id DESC",
            (self.page.id, base_time),
            1,
        )
        return found[0] if found else None

    def _check_text(self, text: str) -> None:
        most = self.store.site.max_article_bytes
        if len(text.encode("utf-8")) > most:
            sentence = (
                "The content you supplied exceeds the article size limit of %d "
                "kibibytes."
            )
            raise refuse("contenttoobig", sentence % (most // 1024))
        if self._model() == "json":
            try:
                json.loads(text)
            except ValueError as error:
                message = "Invalid JSON: Syntax error"
                raise refuse("invalid-json-data", message) from error
        check_lists(self.call, self.title, text, is_new=self.page is None)

    def _is_minor(self) -> bool:
        """A new page, or a new section, is never a minor edit."""
        if self.args["section"] == "new":
            return False
        wished = self.args["minor"] and not self.args["notminor"]
        return wished and self.page is not None and self.call.may("minoredit")

    def _model(self) -> str:
        if self.args["contentmodel"]:
            return str(self.args["contentmodel"])
        return self.page.model if self.page else default_model(self.title)

    def _new_section_summary(self) -> str:
        heading = self.args["sectiontitle"]
        if heading is None:
            heading = self.summary
        if heading and (self.args["sectiontitle"] is None or not self.summary):
            return "/* %s */ new section" % heading
        return self.summary

    def _final_summary(self, text: str) -> str:
        if self.args["section"] == "new":
            return self._new_section_summary()
        if self.page is None:  # the text as it was sent, before it was signed
            return self.summary or automatic_summary(None, self.unsigned.rstrip())
        return self.summary or automatic_summary(self.old_text, text)

    def _save(self, text: str) -> None:
        args, call = self.args, self.call
        kind = edit_kind(self.old_text if self.page else None, text.rstrip())
        saved = self.store.write_page(
            self.title,
            text,
            call.actor,
            self._final_summary(text.rstrip())[:MAX_SUMMARY_BYTES],
            minor=self._is_minor(),
            bot=args["bot"] and call.may("bot"),
            patrolled=call.may("autopatrol"),
            model=self._model(),
            tags=[*self.tags, *(["mw-" + kind] if kind else [])],
        )
        shown: Dict[str, Any] = {"result": "Success", "pageid": saved.page}
        shown["title"] = str(self.title)
        shown["contentmodel"] = self._model()
        if saved.is_new:
            shown["new"] = True
        if saved.new_id is None:
            shown["nochange"] = True
        else:
            shown["oldrevid"] = saved.old_id
            shown["newrevid"] = saved.new_id
            shown["newtimestamp"] = format_time(saved.time)
        wish = "watch" if args["watch"] else "unwatch" if args["unwatch"] else None
        if watch_after(call, self.title, wish or args["watchlist"], saved.is_new):
            shown["watched"] = True
        call.result["edit"] = shown


def missing_page() -> ActionFailure:
    """Return the failure of a page that is not there."""
    return refuse("missingtitle", "The page you specified doesn't exist.")


def find_existing(call: ActionCall, title: Title) -> PageRow:
    """Return the page of that title; refuse a missing one."""
    page = call.store.find_page(title)
    if page is None:
        raise missing_page()
    return page


def existing_revision(call: ActionCall, number: Any) -> RevisionRow:
    """Return the revision of that number; refuse a missing one."""
    revision = call.store.find_revision(number)
    if revision is None:
        raise refuse("nosuchrevid", "There is no revision with ID %s." % number)
    return revision


def edit_kind(old: Optional[str], new: str) -> str:
    """Return what an edit did, as the name of a tag without "mw-", or ""."""
    was, target = (find_redirect(old) if old else None), find_redirect(new)
    if target is not None:
        if was is None:
            return "new-redirect"
        return "changed-redirect-target" if was != target else ""
    if was is not None:
        return "removed-redirect"
    if old and not new:
        return "blank"
    sizes = len((old or "").encode("utf-8")), len(new.encode("utf-8"))
    return "replace" if sizes[0] > 10 * sizes[1] and sizes[1] < 500 else ""


def _target_text(text: str) -> str:
    target = find_redirect(text)
    assert target is not None
    return "[[%s%s]]" % (target, "#" + target.fragment if target.fragment else "")


def automatic_summary(old: Optional[str], new: str) -> str:
    """Return what the wiki writes where an edit came without a summary."""
    kind = edit_kind(old, new)
    if kind == "new-redirect":
        return "Redirected page to " + _target_text(new)
    if kind == "changed-redirect-target":
        pair = _target_text(old or ""), _target_text(new)
        return "Changed redirect target from %s to %s" % pair
    if kind == "removed-redirect":
        return "Removed redirect to " + _target_text(old or "")
    if kind == "blank":
        return "Blanked the page"
    if old is None:
        return (
            _fill_summary('Created page with "%s"', new)
            if new
            else ("Created blank page")
        )
    return _fill_summary('Replaced content with "%s"', new) if kind else ""


def _fill_summary(frame: str, text: str) -> str:
    """Return a summary of 500 bytes at most, with the beginning of a text in it."""
    line = text.replace("\r\n", " ").replace("\n", " ")
    data = line.encode("utf-8")
    most = MAX_SUMMARY_BYTES - len(frame)
    if len(data) > most:
        line = data[: most - 3].decode("utf-8", "ignore") + "..."
    return frame % line


def watch_after(call: ActionCall, title: Title, wish: str, is_new: bool) -> bool:
    """Put a page on the watchlist, or off it, after a change; return if it is on."""
    store, account = call.store, call.requester.account
    was_watched = is_watched = store.is_watched(account, title)
    if wish == "preferences" and not is_watched and not call.may("bot"):
        options = read_options(store, account)
        is_watched = bool(
            options["watchdefault"] or (is_new and options["watchcreations"])
        )
    elif wish in ("watch", "unwatch"):
        is_watched = wish == "watch"
    if account and is_watched != was_watched:
        store.set_watched(account, title, is_watched)
    return is_watched


def run_edit(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=edit."""
    require_one(args, "", ("text", "appendtext", "prependtext", "undo"), at_least=True)
    with call.store.db.transaction():
        EditJob(call, args).run()


EDIT_ACTIONS: List[ActionModule] = [
    write_action(
        "edit",
        run_edit,
        """
        title: text
        pageid: number
        section, sectiontitle, text, summary: text
        tags: texts
        minor, notminor, bot: flag
        baserevid: number
        basetimestamp, starttimestamp: time
        recreate, createonly, nocreate: flag
        watch, unwatch: deprecated flag
        watchlist: one of nochange preferences unwatch watch = preferences
        md5, prependtext, appendtext: text
        undo, undoafter: number
        redirect: flag
        contentformat: text
        contentmodel: one of wikitext javascript json css text
        captchaid, captchaword: text
        """,
    ),
]
