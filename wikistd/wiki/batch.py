"""run_batch: many edits, each done once, whatever happens in between.

Spec: https://www.mediawiki.org/wiki/API:Edit.  Holds: nothing; the journal is on the
disk.  Not here: one edit (wiki/edit.py), the file (wiki/journal.py).
"""

from __future__ import annotations

import json
from itertools import chain, islice
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Set,
    Tuple,
)

from ..errors import APIError, EditConflict, WikistdError
from ..formats.checksums import make_checksum
from .account import LOST_SESSION_CODES, ask_who, is_lost_session
from .calls import NEVER_LOGGED_IN
from .edit import (
    PageBase,
    check_creation,
    check_edit_arguments,
    edit_page,
    look_up_edit,
    read_page_base,
    save_edit,
    transformed_text,
)
from .journal import Journal
from .keywords import known_params
from .lookup import EditIntent, text_digest
from .params import check_texts, wrong_type
from .reply import SHAPE_ERRORS
from .session import Session
from .state import CallBudget

#: Results after which a job is not done again by a later run.
FINAL_RESULTS = frozenset(("saved", "unchanged", "found", "unknown", "undone"))

#: Seconds after which nothing of a run that was killed is on its way any more.
LATEST_ARRIVAL_SECONDS = 3600.0
LATE_SECTION = (
    "the run before ended while it saved this new section, which is not there and may "
    "still arrive: run the batch again an hour after that, it looks and goes on"
)

JOB_TEXTS = ("title", "text", "append", "prepend", "summary")
JOB_WAYS = ("text", "append", "prepend", "transform")
#: What makes a job another one; a function cannot be compared.
JOB_CONTENT = ("title", "text", "append", "prepend", "section", "section_title")


class BatchResult(NamedTuple):
    """What became of one job.

    `result` is "saved", "found" (its answer was lost, it is there), "unchanged",
    "skipped" (an earlier run did it), "conflict", "error", "unknown" (it may have
    landed: look), "diff" of a dry run, or "undone".  `diff` is a unified diff.
    """

    key: str
    title: str
    result: str
    base_revid: int = 0
    revid: int = 0
    error: str = ""
    diff: str = ""


class BatchReport(NamedTuple):
    """How many jobs had which result, and those that want a look."""

    counts: Dict[str, int]
    problems: List[BatchResult]


def run_batch(
    session: Session,
    jobs: Iterable[Mapping[str, Any]],
    *,
    journal: Any = None,
    dry_run: bool = False,
    on_result: Optional[Callable[[BatchResult], Any]] = None,
) -> BatchReport:
    """Do many edits, each once; return how it went.

    A job is a mapping of `edit_page`'s arguments: "title", one of "text", "append",
    "prepend" and "transform", and what else it takes; "key" names it where one title
    has several.  `journal` is the path of an append-only file: a later run with the
    same jobs goes on from there, after a crash too, and does nothing twice.  A job with
    another title, text or section than before is a new one, and done; that a function
    for `transform` is another one cannot be told.  A job that the wiki refuses is
    reported and the next one done; trouble with the connection or the login ends the
    batch with its error.  Who has not logged in may do jobs with `anonymous=True`
    only.

    `dry_run` changes nothing and gives unified diffs.  `on_result` is called with each
    BatchResult.
    """
    if dry_run:
        return _report(_dry_results(session, jobs), on_result)
    if journal is None:
        raise TypeError("journal is missing: a path, or dry_run=True")
    todo = keyed_jobs(jobs)
    first = list(islice(todo, 1))  # It is checked before anything is sent.
    user = batch_user(session)
    with Journal(journal) as opened:
        opened.begin(session.api_url, user)
        results = _batch_results(session, chain(first, todo), opened, user)
        return _report(results, on_result)


def undo_batch(
    session: Session,
    journal: Any,
    *,
    summary: str = "Undoing a batch of edits",
    on_result: Optional[Callable[[BatchResult], Any]] = None,
) -> BatchReport:
    """Undo what a journal says was saved, newest first; return how it went.

    An edit that others built upon is undone where the wiki can, else it is a
    "conflict".  Pages that the batch created stay: they are an "error" that says so.
    A second run goes on where the first one ended.  A journal that is not there is a
    FileNotFoundError.
    """
    user = batch_user(session)
    with Journal(journal, must_exist=True) as opened:
        opened.begin(session.api_url, user)
        return _report(_undo_results(session, opened, summary), on_result)


def batch_user(session: Session) -> Optional[str]:
    """Return whose edits these will be, None for an anonymous user.

    A session that has not logged in may be somebody by OAuth or by cookies: the wiki is
    asked.
    """
    budget = CallBudget(session.max_wait_seconds, session.clock)
    return session.user or ask_who(session, budget)


def _report(
    results: Iterable[BatchResult], on_result: Optional[Callable[[BatchResult], Any]]
) -> BatchReport:
    counts: Dict[str, int] = {}
    problems = []
    for result in results:
        counts[result.result] = counts.get(result.result, 0) + 1
        if result.result in ("conflict", "error", "unknown"):
            problems.append(result)
        if on_result is not None:
            on_result(result)
    return BatchReport(counts, problems)


def keyed_jobs(
    jobs: Iterable[Mapping[str, Any]],
) -> Iterator[Tuple[str, str, Dict[str, Any]]]:
    """Yield (key, digest, arguments) of each job.

    A second job of the same key, or title without one, has the key "title#2", or the
    next that no job before it has; the digest is of the key as it was given and the
    content, and tells the second of two equal jobs.
    """
    keys: Set[str] = set()
    numbers: Dict[str, int] = {}
    seen: Dict[str, int] = {}
    for number, job in enumerate(jobs, 1):
        if not isinstance(job, Mapping):
            raise wrong_type("job %d must be a mapping" % number, job)
        arguments = dict(job)
        check_job(number, arguments)
        name = str(arguments.pop("key", arguments["title"]))
        parts = [arguments.get(part) for part in JOB_CONTENT]
        texts = [None if part is None else str(part) for part in parts]
        same = json.dumps([name, *texts])
        seen[same] = seen.get(same, 0) + 1
        key = name
        while key in keys:
            numbers[name] = numbers.get(name, 1) + 1
            key = "%s#%d" % (name, numbers[name])
        keys.add(key)
        counted = "%s%d" % (same, seen[same])
        digest = make_checksum("sha1", counted.encode("ascii")).hexdigest()
        yield key, digest, arguments


def check_job(number: int, job: Mapping[str, Any]) -> None:
    """Refuse a job that `edit_page` does not take, before it is begun."""
    if job.get("title") is None:
        raise TypeError("job %d has no title" % number)
    ways = [way for way in JOB_WAYS if job.get(way) is not None]
    if not ways:
        raise TypeError("job %d has none of %s" % (number, ", ".join(JOB_WAYS)))
    if len(ways) > 1 and ways != ["append", "prepend"]:
        raise TypeError("job %d has %s: give one" % (number, " and ".join(ways)))
    own = ("key", "title", "text", *(edit_page.__kwdefaults__ or ()))
    try:
        check_texts(None, **{name: job.get(name) for name in JOB_TEXTS})
        known_params(edit_page, "edit", {n: job[n] for n in job if n not in own}, None)
    except TypeError as error:
        raise TypeError("job %d: %s" % (number, error)) from None


def _batch_results(
    session: Session,
    todo: Iterable[Tuple[str, str, Dict[str, Any]]],
    journal: Journal,
    user: Optional[str],
) -> Iterator[BatchResult]:
    """Do what the journal does not have yet."""
    last = last_records(journal)
    view = session.with_options(formatversion=2)
    for key, digest, job in todo:
        record = last.get(digest)
        title = job["title"]
        if record is not None and record.get("result") in FINAL_RESULTS:
            yield BatchResult(key, title, "skipped", revid=record.get("revid", 0))
            continue
        if user is None and not job.get("anonymous"):
            raise APIError(LOST_SESSION_CODES[0], NEVER_LOGGED_IN)
        result: Optional[BatchResult] = None
        if record is not None and record.get("result") == "sending":
            # The last run ended between sending this and its answer.
            result = _recover(view, record)
            if result is None and may_land_twice(record, view.clock.now()):
                yield BatchResult(key, title, "unknown", error=LATE_SECTION)
                continue
        else:
            record = None
        result = result or _do_job(view, key, digest, job, journal, record)
        yield _journal_result(journal, result, digest)


def last_records(journal: Journal) -> Dict[str, Dict[str, Any]]:
    """Return what the journal says last of each job, by the job's digest."""
    return {record["job"]: record for record in journal.records if "job" in record}


def _journal_result(
    journal: Journal, result: BatchResult, digest: str
) -> BatchResult:
    record = {k: v for k, v in result._asdict().items() if v != ""}
    journal.write(dict(record, job=digest))
    return result


def may_land_twice(record: Mapping[str, Any], now: float) -> bool:
    """Return whether an announced edit, sent again, might be there twice.

    All others are refused by the wiki the second time: see wiki/edit.py.
    """
    is_new_section = record["intent"].get("section") == "new" and record["base_revid"]
    age = now - record.get("at", now)
    return bool(is_new_section) and age < LATEST_ARRIVAL_SECONDS


class LandedBefore(Exception):
    """Ends an edit that is there already; carries its result."""

    def __init__(self, result: BatchResult) -> None:
        super().__init__()
        self.result = result


def _do_job(
    view: Session,
    key: str,
    digest: str,
    job: Mapping[str, Any],
    journal: Journal,
    sent_before: Optional[Mapping[str, Any]],
) -> BatchResult:
    """Do one edit, its intent on the disk before it is sent.

    `sent_before` is what an earlier run announced and may have sent: when the page
    turns out to have changed, that may have landed late, and is looked for.
    """

    def announce(base: PageBase, intent: EditIntent) -> None:
        if sent_before is not None and base.revid != sent_before["base_revid"]:
            landed = _recover(view, sent_before)
            if landed is not None:
                raise LandedBefore(landed)
        if intent.text is not None and intent.section is None:
            intent = intent._replace(text=None, text_sha1=text_digest(intent.text))
        told = {k: v for k, v in intent._asdict().items() if v is not None}
        record: Dict[str, Any] = {"key": key, "title": base.title, "result": "sending"}
        record.update(base_revid=base.revid, intent=told, at=round(view.clock.now()))
        record["job"] = digest
        journal.write(record)

    arguments = dict(job)
    title = arguments.pop("title")
    try:
        done = edit_page(view, title, on_save=announce, **arguments)
    except LandedBefore as landed:
        return landed.result
    except APIError as error:
        if is_lost_session(error):
            raise  # As it would be for all jobs.
        kind = "unknown" if error.maybe_applied else "error"
        kind = "conflict" if isinstance(error, EditConflict) else kind
        result = BatchResult(key, title, kind, error=error.sentence())
    except WikistdError as error:
        if error.maybe_applied:
            failed = BatchResult(key, title, "unknown", error=error.sentence())
            _journal_result(journal, failed, digest)
        raise
    else:
        kind = "saved" if done.is_changed else "unchanged"
        kind = "found" if done.found else kind
        result = BatchResult(key, done.title, kind, done.base_revid, done.revid)
    if sent_before is not None and result.result in ("conflict", "unchanged"):
        result = _recover(view, sent_before) or result
    return result


def _recover(view: Session, record: Mapping[str, Any]) -> Optional[BatchResult]:
    """Return the result of an edit that was announced, None when it is not there."""
    base = PageBase(record["title"], 0, int(record["base_revid"]), None)
    intent = EditIntent(**record["intent"])
    key, title = record["key"], base.title
    try:
        found = look_up_edit(view, base, intent)
        if found is None:
            return None
        return BatchResult(key, title, "found", found.base_revid, found.revid)
    except (APIError, *SHAPE_ERRORS) as error:
        return BatchResult(key, title, "unknown", base.revid, error=str(error))


def _dry_results(
    session: Session, jobs: Iterable[Mapping[str, Any]]
) -> Iterator[BatchResult]:
    """Tell what jobs would do."""
    view = session.with_options(formatversion=2)
    for key, _, job in keyed_jobs(jobs):
        section = job.get("section")
        is_new = section == "new"
        try:
            check_edit_arguments(session, job["title"])
            base = read_page_base(
                view,
                job["title"],
                True,
                section=None if section is None or is_new else str(section),
                redirect=bool(job.get("redirect")),
            )
            check_creation(base, job.get("create"))
        except APIError as error:
            yield BatchResult(key, job["title"], "error", error=error.sentence())
            continue
        old = base.text or ""
        new = preview_text(old, job, is_new)
        diff = unified_diff(base.title, old, new)
        kind = "diff" if diff else "unchanged"
        yield BatchResult(key, base.title, kind, base.revid, diff=diff)


def preview_text(old: str, job: Mapping[str, Any], is_new_section: bool) -> str:
    """Return the text that a job would save, before the wiki changes it."""
    if is_new_section:
        title = job.get("section_title")
        heading = "\n\n== %s ==\n\n" % title if title else "\n\n"
        return old + heading + (job.get("text") or "")
    if job.get("transform") is not None:
        return transformed_text(job["transform"], old)
    if job.get("text") is not None:
        return str(job["text"])
    return (job.get("prepend") or "") + old + (job.get("append") or "")


def unified_diff(title: str, old: str, new: str) -> str:
    """Return the difference of two texts, "" when there is none."""
    import difflib  # 5 ms

    before, after = (t.rstrip().split("\n") if t.strip() else [] for t in (old, new))
    lines = difflib.unified_diff(
        before,
        after,
        "%s (now)" % title,
        "%s (then)" % title,
        lineterm="",
    )
    return "\n".join(lines)


def _undo_results(
    session: Session, journal: Journal, summary: str
) -> Iterator[BatchResult]:
    """Undo, newest first; the wiki refuses where that cannot be done."""
    view = session.with_options(formatversion=2)
    for digest, record in reversed(list(last_records(journal).items())):
        if record.get("result") not in ("saved", "found"):
            continue
        key, title, revid = record["key"], record["title"], int(record["revid"])
        if not record.get("base_revid"):
            yield BatchResult(
                key, title, "error", 0, revid, "the batch created this page: delete it"
            )
            continue
        try:
            base = read_page_base(view, title, False)
            fields = {"undo": revid, "summary": summary}
            done = save_edit(view, base, EditIntent(summary=summary), fields)
            result = BatchResult(key, title, "undone", revid, done.revid)
        except APIError as error:
            if error.maybe_applied:
                raise
            told = error.sentence()
            result = BatchResult(key, title, "conflict", revid, revid, told)
        yield _journal_result(journal, result, digest)
