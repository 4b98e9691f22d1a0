"""action=edit: new texts, sections, appended ones; conflicts noticed, some merged.

In: parameters.  Out: a revision, or why not.
Holds: nothing.
Spec: MediaWiki 1.39's ApiEditPage and EditPage.  Not here: storing (store.py).
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Optional, Tuple

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
        self.is_new_section = args["section"] == "new"
        self.section: Optional[int] = None
        self.summary: str = args["summary"] or ""
        heading = args["sectiontitle"]
        self.heading: str = self.summary if heading is None else heading
        self.tags: List[str] = []

    def _follow_redirect(self) -> None:
        page = self.store.find_page(self.title)
        if page is not None and page.redirect is not None:
            self.title = self.call.read_title(page.redirect)
            hop = {"from": page.text, "to": str(self.title)}
            self.call.result["redirects"] = [hop]

    def run(self) -> Dict[str, Any]:
        """Do the edit; one at a time, so that conflicts are seen."""
        args, call = self.args, self.call
        if self.title.namespace < 0:
            raise refuse("pagecannotexist", "Namespace doesn't allow actual pages.")
        if args["createonly"] and self.page is not None:
            raise refuse(
                "articleexists",
                "The article you tried to create has been created already.",
            )
        if args["nocreate"] and self.page is None:
            raise missing_page()
        check_page(call, self.title, "edit")
        self.section = self._read_section()
        given = self._given_text()
        self._check_md5()
        self.tags += check_tags(call, args["tags"])
        check_rate(call, "edit")
        given = given.replace("\r\n", "\n")
        stamp = format_words(call.now) + " (UTC)"
        signed = sign_text(given, call.requester.name, stamp)
        self._check_deleted()
        text = self._solve_conflict(signed)
        self._check_text(text)
        return self._save(text.rstrip(), given.rstrip())

    def _read_section(self) -> Optional[int]:
        """Return the number of the section to edit, None for a new one or for all."""
        section = self.args["section"]
        if not section or self.is_new_section:
            return None
        if not re.match(r"[0-9]+\Z", section):
            raise refuse(
                "invalidsection",
                'The "section" parameter must be a valid section ID or "new".',
            )
        return int(section)

    def _given_text(self) -> str:
        """Return the text of the page or of the section that the client wants."""
        args, old = self.args, self.old_text
        if args["undo"] is not None:
            return self._undone_text()
        if args["appendtext"] is None and args["prependtext"] is None:
            return str(args["text"])
        if self.is_new_section:
            old = ""
        elif self.section is not None:
            found = get_section(old, self.section)
            if found is None:
                raise missing_section(self.section)
            old = found
        return (args["prependtext"] or "") + old + (args["appendtext"] or "")

    def _undone_text(self) -> str:
        args = self.args
        undo = existing_revision(self.call, args["undo"])
        base = existing_revision(self.call, args["undoafter"] or undo.parent or "")
        for revision in (undo, base):
            if "text" in revision.hidden.split():  # it would be shown by the new one
                raise no_revision(revision.id)
            if self.page is None or revision.page != self.page.id:
                raise refuse(
                    "revwrongpage",
                    "r%d is not a revision of %s." % (revision.id, self.title),
                )
        merged = merge_texts(
            self.store.read_text(undo), self.old_text, self.store.read_text(base)
        )
        if merged is None:
            raise refuse(
                "undofailure",
                "The edit could not be undone due to conflicting intermediate edits.",
            )
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
        text = args["text"] or ""
        if args["prependtext"] is not None or args["appendtext"] is not None:
            text = (args["prependtext"] or "") + (args["appendtext"] or "")
        digest = make_checksum("md5", text.encode("utf-8"))
        if digest.hexdigest() != args["md5"].lower():
            raise refuse("badmd5", "The supplied MD5 hash was incorrect.")

    def _check_deleted(self) -> None:
        args = self.args
        if self.page is not None or args["recreate"] or args["starttimestamp"] is None:
            return
        deleted = self.store.db.value(
            "SELECT MAX(time) FROM log WHERE type = 'delete' AND action = 'delete'"
            " AND ns = ? AND title = ?",
            self.title[:2],
        )
        if deleted is not None and deleted >= args["starttimestamp"]:
            raise refuse(
                "pagedeleted",
                "The page has been deleted since you fetched its timestamp.",
            )

    def _whole_text(self, text: str, base: str) -> str:
        """Return the text of the page with the section put into `base`."""
        if self.is_new_section:
            if self.heading:
                text = "== %s ==\n\n%s" % (self.heading, text)
            return "%s\n\n%s" % (base.rstrip(), text) if base.strip() else text
        if self.section is None:
            return text
        replaced = replace_section(base, self.section, text)
        if replaced is None:
            raise missing_section(self.section)
        return replaced

    def _solve_conflict(self, text: str) -> str:
        """Return the whole new text; refuse where it and another edit collide."""
        base = self._base_revision() if self._is_conflict() else self.current
        merged: Optional[str] = None
        if base == self.current:
            return self._whole_text(text, self.old_text)
        if base is not None:
            base_text = self.store.read_text(base)
            own_text = self._whole_text(text, base_text).rstrip()
            merged = merge_texts(base_text, self.old_text, own_text)
        if merged is None:
            raise refuse("editconflict", "Edit conflict.")
        return merged

    def _is_conflict(self) -> bool:
        """Return whether somebody edited the page since the client read it."""
        base_id, base_time = self.args["baserevid"], self.args["basetimestamp"]
        current, requester = self.current, self.call.requester
        if current is None or (
            base_id in (None, current.id) and base_time in (None, current.time)
        ):
            return False
        if self.is_new_section:
            own = (requester.name, self._new_section_summary())
            return (current.user, current.comment) == own
        if self.args["section"] or base_time is None or not requester.account:
            return True
        others = self.store.query_revisions(
            "page = ? AND time > ? AND user <> ?",
            (current.page, base_time, requester.name),
            1,
        )
        return bool(others)

    def _base_revision(self) -> Optional[RevisionRow]:
        """Return the revision of the page that the client read, None without one."""
        assert self.page is not None
        where, value = "time <= ?", self.args["basetimestamp"]
        if self.args["baserevid"] is not None:
            where, value = "id = ?", self.args["baserevid"]
        found = self.store.query_revisions(
            "page = ? AND %s ORDER BY time DESC, id DESC" % where,
            (self.page.id, value),
            1,
        )
        return found[0] if found else None

    def _check_text(self, text: str) -> None:
        most = self.store.site.max_article_bytes
        if len(text.encode("utf-8")) > most:
            raise refuse(
                "contenttoobig",
                "The content you supplied exceeds the article size limit of %d "
                "kibibytes." % (most // 1024),
            )
        if self._model() == "json":
            try:
                json.loads(text)
            except ValueError as error:
                raise refuse(
                    "invalid-json-data", "Invalid JSON: Syntax error"
                ) from error
        check_lists(self.call, self.title, text, is_new=self.page is None)

    def _model(self) -> str:
        model = self.page.model if self.page else default_model(self.title)
        return str(self.args["contentmodel"] or model)

    def _new_section_summary(self) -> str:
        is_own = self.summary and self.args["sectiontitle"] is not None
        if is_own or not self.heading:
            return self.summary
        return "/* %s */ new section" % self.heading

    def _save(self, text: str, unsigned: str) -> Dict[str, Any]:
        args, call = self.args, self.call
        old_text = self.old_text if self.page else None
        tag, automatic = describe_edit(old_text, text)
        summary = self.summary
        if self.is_new_section:
            summary = self._new_section_summary()
        elif not summary:  # that of a new page quotes the text as it was sent
            summary = automatic if self.page else describe_edit(None, unsigned)[1]
        # A new page, or a new section, is never a minor edit.
        may_be_minor = self.page is not None and not self.is_new_section
        is_minor = args["minor"] and not args["notminor"] and call.may("minoredit")
        saved = self.store.write_page(
            self.title,
            text,
            call.actor,
            summary[:MAX_SUMMARY_BYTES],
            minor=may_be_minor and is_minor,
            bot=args["bot"] and call.may("bot"),
            patrolled=call.may("autopatrol"),
            model=self._model(),
            tags=[*self.tags, tag] if tag else self.tags,
        )
        shown: Dict[str, Any] = {
            "result": "Success",
            "pageid": saved.page,
            "title": str(self.title),
            "contentmodel": self._model(),
        }
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
        return shown


def missing_section(number: int) -> ActionFailure:
    """Return the failure of a section that is not there."""
    return refuse("nosuchsection", "There is no section %d." % number)


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
        raise no_revision(number)
    return revision


def no_revision(number: Any) -> ActionFailure:
    """Return the refusal of a revision that is not there, or not for anybody."""
    return refuse("nosuchrevid", "There is no revision with ID %s." % number)


def describe_edit(old: Optional[str], new: str) -> Tuple[str, str]:
    """Return the tag for what an edit did, and what the wiki writes as its summary.

    Either may be "".  `old` is None for a new page.
    """
    was, target = (find_redirect(old) if old else None), find_redirect(new)
    if target is not None:
        link = _redirect_link(target)
        if was is None:
            return "mw-new-redirect", "Redirected page to " + link
        if was == target:
            return "", ""
        text = "Changed redirect target from %s to %s" % (_redirect_link(was), link)
        return "mw-changed-redirect-target", text
    if was is not None:
        return "mw-removed-redirect", "Removed redirect to " + _redirect_link(was)
    if old is None:
        filled = _fill_summary('Created page with "%s"', new)
        return "", filled if new else "Created blank page"
    if old and not new:
        return "mw-blank", "Blanked the page"
    new_size = len(new.encode("utf-8"))
    if new_size < 500 and len(old.encode("utf-8")) > 10 * new_size:
        return "mw-replace", _fill_summary('Replaced content with "%s"', new)
    return "", ""


def _redirect_link(target: Title) -> str:
    return "[[%s%s]]" % (target, "#" + target.fragment if target.fragment else "")


def _fill_summary(frame: str, text: str) -> str:
    """Return a summary of 500 bytes at most, with the beginning of a text in it."""
    line = text.replace("\n", " ")
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


def run_edit(call: ActionCall, args: Dict[str, Any]) -> Dict[str, Any]:
    """Answer action=edit."""
    require_one(args, "", ("text", "appendtext", "prependtext", "undo"), at_least=True)
    with call.store.changes.recording():
        return EditJob(call, args).run()


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
