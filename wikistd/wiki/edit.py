"""edit_page: save a page, know what became of it.

Spec: https://www.mediawiki.org/wiki/API:Edit.  Holds: nothing.  Not here: telling
one's own edit from others' (wiki/lookup.py).

An edit carries `baserevid` from the read and never `basetimestamp`, which counts
whole seconds and lets an append through twice; a new page carries `createonly`.
So the wiki itself refuses the second of two, and an edit whose answer was lost may
be sent again once it was seen not to have landed.  Not so a new section of a page
that exists: that is sent once.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional

from ..errors import APIError, EditConflict, WikistdError
from .keywords import known_params
from .lookup import EditIntent, find_landed, revision_text
from .lost import LOST_ANSWER_PAUSE_SECONDS, MAX_LOST_ANSWERS, LostAnswers
from .params import check_texts
from .reply import ReplyReading, plain_text, reply_part
from .session import Session, check_session

#: Revisions looked through for one's own after a lost answer.
MAX_LOOKUP_REVISIONS = 20

#: Times that a transform or an append begins again because others were faster.
DEFAULT_MAX_CONFLICTS = 5

CREATE_CHOICES = ("allow", "only", "never")

#: The wiki's words for "somebody was there before".
CONFLICT_CODES = ("editconflict", "articleexists", "pagedeleted")


class EditResult(NamedTuple):
    """What became of an edit.

    `revid` is the page's newest revision as far as is known, `base_revid` the one that
    was edited (0: a new page).  `found` is True when the answer was lost and the
    edit was found to have landed.
    """

    title: str
    pageid: int
    revid: int
    base_revid: int
    is_changed: bool
    is_new: bool = False
    found: bool = False


class PageBase(NamedTuple):
    """A page as it was read before an edit; revid 0 when it does not exist."""

    title: str
    pageid: int
    revid: int
    text: Optional[str]


SaveHook = Callable[[PageBase, EditIntent], Any]


def edit_page(
    session: Session,
    title: str,
    text: Optional[str] = None,
    *,
    append: Optional[str] = None,
    prepend: Optional[str] = None,
    section: Any = None,
    section_title: Optional[str] = None,
    transform: Optional[Callable[[str], str]] = None,
    summary: str = "",
    minor: bool = False,
    bot: bool = False,
    create: str = "allow",
    base_revid: Optional[int] = None,
    redirect: bool = False,
    anonymous: bool = False,
    max_conflicts: int = DEFAULT_MAX_CONFLICTS,
    on_save: Optional[SaveHook] = None,
    params: Optional[Mapping[str, Any]] = None,
    **keywords: Any,
) -> EditResult:
    """Save a page and return what became of it.

    Give `text` (all of it, or of `section`), `append` and `prepend`, or `transform`:
    a function that is given the text and returns the new one; the page is left alone
    where that is the same.
    `section` is a number or "new" (with `section_title`).  `create` is "allow",
    "only" or "never".  `base_revid` is the revision that `text` was made from (0: the
    page was missing); without it the page is read first.  Nobody who is not logged in
    may save, unless `anonymous` is true.  `on_save(base, intent)` is
    called before a save is sent, with what was read and what is to be done.  Other
    keywords are those of action=edit, such as `tags` and `watchlist`; one that is none
    is a TypeError.  `params` has what extensions of the wiki add to it.

    Raises EditConflict with both sides when others were faster; `transform`,
    `append`, `prepend` and new sections begin again instead, `max_conflicts` times.
    Captcha, filters, blocks and protection are APIErrors with their details in
    `errors`.  An answer that was lost is looked up: the error has `maybe_applied` only
    when that did not help.  A new section that is not seen then is not sent again.
    """
    check_edit_arguments(
        session, title, text=text, append=append, prepend=prepend, summary=summary
    )
    adds = append is not None or prepend is not None
    if (text is not None) + (transform is not None) + adds != 1:
        raise TypeError("give one of text, transform, and append or prepend")
    if create not in CREATE_CHOICES:
        raise ValueError(
            "create must be one of %s, not %r" % (", ".join(CREATE_CHOICES), create)
        )
    if transform is not None and base_revid is not None:
        raise TypeError("transform reads the page itself: leave out base_revid")
    given = known_params(edit_page, "edit", keywords, params)
    if section is not None:
        section = str(section)
    view = session.with_options(formatversion=2)
    fields: Dict[str, Any] = {"summary": summary or None, "minor": minor, "bot": bot}
    fields.update(given)
    if not anonymous:
        fields.setdefault("assert", "user")
    fields.setdefault("section", section)
    fields.setdefault("sectiontitle", section_title)
    can_restart = base_revid is None and (text is None or section == "new")
    conflicts = 0
    while True:
        if base_revid is not None:
            base = PageBase(title, 0, base_revid, None)
        elif create == "only":
            base = PageBase(title, 0, 0, "")
        else:
            wanted = section if transform is not None else None
            base = read_page_base(
                view, title, transform is not None, section=wanted, redirect=redirect
            )
        check_creation(base, create)
        ours = text
        if transform is not None:
            old = base.text or ""
            ours = transformed_text(transform, old)
            if ours == old:
                revid = base.revid
                return EditResult(base.title, base.pageid, revid, revid, False)
        intent = EditIntent(ours, append, prepend, section, section_title, summary)
        if on_save is not None:
            on_save(base, intent)
        try:
            return save_edit(view, base, intent, fields)
        except APIError as error:
            if error.code not in CONFLICT_CODES:
                raise
            if create == "only" and error.code == "articleexists":
                raise
            conflicts += 1
            if not can_restart or conflicts > max_conflicts:
                if can_restart:
                    error.info += " (others were faster %d times)" % conflicts
                raise _both_sides(view, error, base, ours) from error


def transformed_text(transform: Callable[[str], Any], old: str) -> str:
    """Return what `transform` makes of a text; TypeError where that is no text."""
    new = transform(old)
    if not isinstance(new, str):
        raise TypeError(
            "transform must return the text, as it was to leave the page alone; it "
            "returned %s" % ("None" if new is None else type(new).__name__)
        )
    return new


def check_edit_arguments(session: Any, title: Any, **texts: Any) -> None:
    """Refuse what is no edit before anything is sent."""
    check_session(session)
    check_texts(title=title)
    check_texts(None, **texts)
    if not title.strip(" _"):
        raise APIError("invalidtitle", "%r cannot be a title: it is empty" % title)


def read_page_base(
    view: Session,
    title: str,
    want_text: bool,
    *,
    section: Optional[str] = None,
    redirect: bool = False,
) -> PageBase:
    """Read what an edit starts from."""
    document = view.get(
        action="query",
        titles=[title],
        prop="revisions",
        rvprop="ids|content" if want_text else "ids",
        rvslots="main" if want_text else None,
        rvsection=section if want_text else None,
        redirects=redirect,
    )
    page = only_page(document)
    if page.get("invalid"):
        reason = str(page.get("invalidreason", "the wiki does not say why"))
        raise APIError(
            "invalidtitle",
            "%r cannot be a title: %s" % (title, plain_text(reason)),
        )
    with ReplyReading():
        revision = (page.get("revisions") or [{}])[0]
        text = revision_text(revision)
        revid = int(revision.get("revid", 0))
        hidden = ", ".join(key for key in revision if key.endswith("hidden"))
        found = page.get("title", title)
        if not isinstance(found, str):
            raise TypeError("the title is %r" % found)
        base = PageBase(found, int(page.get("pageid", 0)), revid, text)
    if revid and want_text and text is None:
        raise APIError(
            "nosuchtext", "the text of %r cannot be read: %s" % (title, hidden)
        )
    return base


def only_page(document: Any) -> Dict[str, Any]:
    """Return the one page of a query's document (formatversion 2)."""
    try:
        page = document["query"]["pages"][0]
    except (KeyError, IndexError, TypeError):
        raise APIError(
            "nopage", "the wiki's reply tells nothing of the page: is it an interwiki?"
        ) from None
    with ReplyReading():
        return dict(page)


def save_edit(
    view: Session, base: PageBase, intent: EditIntent, fields: Dict[str, Any]
) -> EditResult:
    """Send the edit until its fate is known."""
    sent = dict(fields, action="edit", title=base.title)
    sent["text"] = intent.text
    sent["appendtext"] = intent.append
    sent["prependtext"] = intent.prepend
    if base.revid:
        sent.update(baserevid=base.revid, nocreate=True)
    else:
        sent["createonly"] = True
    # The wiki looks at the base of a new section only after an edit by oneself: a
    # first one that is late would land beside the second.
    lands_twice = intent.section == "new" and base.revid != 0
    lost = LostAnswers(
        view.clock,
        lambda why: look_up_edit(view, base, intent, why),
        most=1 if lands_twice else MAX_LOST_ANSWERS,
        done_codes=CONFLICT_CODES,
    )
    while True:
        try:
            document = view.post(**sent)
        except WikistdError as error:
            found: Optional[EditResult] = lost.take(error)
            if found is not None:
                return found
        else:
            return _edit_result(view, document, base, lost)


def _edit_result(
    view: Session,
    document: Any,
    base: PageBase,
    lost: LostAnswers,
) -> EditResult:
    """Return what the wiki's answer to action=edit says; raise what it refuses."""
    edit = reply_part(document, "edit") or {"result": "no answer to the edit"}
    if edit.get("result") != "Success":
        refusal = refused_edit(edit)
        # The first one may only be late.
        refusal.maybe_applied = lost.error is not None
        raise refusal
    is_changed = not edit.get("nochange") and "newrevid" in edit
    if lost.error is not None and not is_changed:
        # The first one landed after it had been looked for.
        found: Optional[EditResult] = lost.find("lost")
        if found is not None:
            return found
    elif not is_changed and base.text is not None:
        _check_unchanged(view, base)
    with ReplyReading(maybe_applied=True):
        return EditResult(
            str(edit.get("title", base.title)),
            int(edit.get("pageid", base.pageid)),
            int(edit.get("newrevid", base.revid)),
            int(edit.get("oldrevid", base.revid)),
            is_changed,
            bool(edit.get("new")),
        )


def _check_unchanged(view: Session, base: PageBase) -> None:
    """Raise a conflict where the wiki took a transform's change for another's.

    Who makes the same change meanwhile, "5" into "6", has it merged with ours; a
    transform begins again instead, and makes "7".
    """
    if read_page_base(view, base.title, False).revid > base.revid:
        raise APIError("editconflict", "others made the same change meanwhile")


def refused_edit(edit: Dict[str, Any]) -> APIError:
    """Return the error for an edit that failed without an error of the API."""
    captcha = edit.get("captcha")
    if isinstance(captcha, dict):
        question = captcha.get("question") or captcha.get("url") or captcha.get("mime")
        info = (
            "the wiki wants a captcha answered: %s; send the edit again with "
            "captchaid=%r and captchaword=" % (question, captcha.get("id"))
        )
        return APIError("captcha", plain_text(info), errors=[edit])
    if "spamblacklist" in edit:
        info = "the text holds a blacklisted address: %s" % edit["spamblacklist"]
        return APIError("spamblacklist", plain_text(info), errors=[edit])
    code = str(edit.get("code", "editfailed"))
    words = edit.get("info") or edit.get("warning") or edit.get("result")
    return APIError(plain_text(code), plain_text(str(words)), errors=[edit])


def look_up_edit(
    view: Session, base: PageBase, intent: EditIntent, why: str = "lost"
) -> Optional[EditResult]:
    """Return the edit's result if it landed, None if not; LookupError if unsure.

    Where the wiki said that there is a newer revision and none is to be seen, a replica
    that lags was asked: nothing is known until it has caught up.
    """
    if why == "trouble":
        return None
    newer = read_newer_revisions(view, base)
    for turn in range(MAX_LOST_ANSWERS if why == "before" else 0):
        if newer.revisions:
            break
        view.clock.sleep(LOST_ANSWER_PAUSE_SECONDS * 2**turn)
        newer = read_newer_revisions(view, base)
    if why == "before" and not newer.revisions:
        raise LookupError("the revision that is in its way is not to be seen")
    page, revisions = newer.page, newer.revisions
    found = find_landed(intent, revisions, user=newer.user, base_revid=base.revid)
    if found is not None:
        return EditResult(
            str(page.get("title", base.title)),
            int(page.get("pageid", base.pageid)),
            int(found["revid"]),
            int(found.get("parentid", base.revid)),
            True,
            found.get("parentid") == 0,
            True,
        )
    if newer.is_all:
        return None
    raise LookupError(
        "it is none of the first %d revisions since then, and there are more"
        % len(revisions)
    )


class NewerRevisions(NamedTuple):
    """A page, the revisions that followed a base, oldest first, and who we are."""

    page: Dict[str, Any]
    revisions: List[Dict[str, Any]]
    user: str
    is_all: bool


def read_newer_revisions(view: Session, base: PageBase) -> NewerRevisions:
    """Read what followed `base`, from there on: an edit of it is among the first."""
    document = view.get(
        action="query",
        titles=[base.title],
        prop="revisions",
        rvprop="ids|user|comment|content",
        rvslots="main",
        rvlimit=MAX_LOOKUP_REVISIONS,
        rvdir="newer",
        rvstartid=base.revid or None,
        meta="userinfo",
    )
    page = only_page(document)
    with ReplyReading():
        revisions = [
            revision
            for revision in page.get("revisions") or []
            if revision.get("revid", 0) > base.revid
        ]
        user = str(document["query"].get("userinfo", {}).get("name", ""))
    return NewerRevisions(page, revisions, user, "continue" not in document)


def check_creation(base: PageBase, create: Any) -> None:
    """Raise the error that `create` will bring where the page is as it was read."""
    if create == "never" and not base.revid:
        raise APIError("missingtitle", "there is no page %r to edit" % base.title)
    if create == "only" and base.revid:
        raise APIError("articleexists", "the page %r is there already" % base.title)


def _both_sides(
    view: Session, error: APIError, base: PageBase, ours: Optional[str]
) -> EditConflict:
    """Return the conflict with the text that is there now."""
    conflict = EditConflict()
    vars(conflict).update(vars(error), title=base.title, ours=ours)
    try:
        now = read_page_base(view, base.title, True)
        conflict.theirs, conflict.their_revid = now.text, now.revid
    except WikistdError:
        pass  # The conflict says enough without the other side.
    return conflict
