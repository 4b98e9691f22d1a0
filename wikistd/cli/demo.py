"""demo: the main job of a bot, end to end, against the embedded wiki.

In: nothing.  Out: a summary, and whether every comparison held.
Holds: a server, a client, a thread that reads events, a temporary folder; all of them
are gone when it ends, however it ends.  Not here: the texts (samples.py).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
import tempfile
import threading
import time
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Set

from ..errors import APIError, WikistdError
from ..formats.checksums import make_checksum
from ..streams.eventstreams import EventStreams
from ..web.client import HttpClient
from ..wiki.session import Session
from .output import Output
from .registry import Command
from .samples import DEMO_PAGES, demo_text, draw_picture

if TYPE_CHECKING:
    from ..server.serving import WikiServer

#: Pages of one reply when all are read back: 25 pages need four replies.
DEMO_BATCH = 7
DEMO_FILE = "Demo picture.png"
#: Events that do not come within this time are missing.
DEMO_EVENT_SECONDS = 5.0


class DemoFailed(Exception):
    """Something that the demo needs did not happen; the sentence says what."""


class EventCollector:
    """Reads the stream of changes in a thread of its own, and shows what comes."""

    def __init__(self, site: Session, output: Output) -> None:
        self.output = output
        self.events: List[Dict[str, Any]] = []
        self.error: Optional[BaseException] = None
        self.opened = threading.Event()
        self.changed = threading.Condition()
        self.stream = EventStreams(
            streams="recentchange", site=site, on_open=lambda _: self.opened.set()
        )
        self.thread = threading.Thread(
            target=self._read, name="wikistd-demo-events", daemon=True
        )

    def _read(self) -> None:
        try:
            for event in self.stream:
                with self.changed:
                    self.events.append(event)
                    self.changed.notify_all()
                self.output.progress(
                    "  event   %-4s %s, by %s"
                    % (event["type"], event["title"], event["user"])
                )
        except Exception as error:  # shown by wait_for, in the thread that can act
            self.error = error
        finally:
            self.opened.set()
            with self.changed:
                self.changed.notify_all()

    def open(self) -> None:
        """Begin to read; return once the server has answered."""
        try:
            self.thread.start()
        except RuntimeError as error:
            raise DemoFailed("the demo needs threads: %s" % error) from None
        if not self.opened.wait(DEMO_EVENT_SECONDS) or self.error is not None:
            raise DemoFailed("the stream of changes did not open: %s" % self.error)

    def revisions(self) -> List[int]:
        """Return the revisions that events told of, in the order they came."""
        with self.changed:
            return [e["revision"]["new"] for e in self.events if "revision" in e]

    def uploads(self) -> List[str]:
        """Return the titles of the files whose upload was told."""
        with self.changed:
            return [e["title"] for e in self.events if e.get("log_type") == "upload"]

    def wait_for(self, revisions: Set[int], title: str) -> None:
        """Wait until all that was done was told, or the time is over."""
        ends_at = time.monotonic() + DEMO_EVENT_SECONDS
        while not (revisions <= set(self.revisions()) and title in self.uploads()):
            left = ends_at - time.monotonic()
            if left <= 0 or self.error is not None:
                return
            with self.changed:
                self.changed.wait(min(left, 0.05))

    def close(self) -> None:
        """End the stream and its thread."""
        self.stream.close()
        if self.thread.ident is not None:
            self.thread.join(DEMO_EVENT_SECONDS)


class Demo:
    """One run of the demo: what was done, and which comparisons held."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self.facts: Dict[str, Any] = {}
        self.checks: Dict[str, bool] = {}
        self.edits: Set[int] = set()
        self.texts: Dict[str, str] = {}

    def check(self, name: str, held: bool, words: str) -> None:
        """Note whether a comparison held."""
        self.checks[name] = bool(held)
        self.output.progress("%-9s %s" % ("ok" if held else "FAILED", words))

    def run(self) -> None:
        """Do all of it."""
        from ..server.serving import serve_wiki  # the largest room

        started = time.monotonic()
        name = "wikistd-demo-" + secrets.token_hex(8)
        folder = os.path.join(tempfile.gettempdir(), name)
        with contextlib.ExitStack() as stack:
            # First the promise to remove it: Ctrl-C may come between any two lines.
            stack.callback(remove_folder, folder)
            os.mkdir(folder, 0o700)
            wiki = stack.enter_context(serve_wiki(os.path.join(folder, "wiki.sqlite")))
            self.output.progress("the embedded wiki is at %s" % wiki.url)
            client = stack.enter_context(
                HttpClient(user_agent="wikistd-demo (offline)", proxies={})
            )
            session = Session(wiki.url, session=client, formatversion=2)
            events = EventCollector(session, self.output)
            stack.callback(events.close)
            events.open()
            self._log_in(session, wiki)
            self._read_siteinfo(session)
            self._write_pages(session)
            self._read_pages(session)
            self._provoke_conflict(session)
            self._move_file(session, client)
            self._compare_events(events)
            session.logout()
            events.close()
            self._count(wiki, client)
        self.facts["seconds"] = round(time.monotonic() - started, 3)
        self.check(
            "nothing_left", not os.path.exists(folder), "the temporary files are gone"
        )

    def _log_in(self, session: Session, wiki: WikiServer) -> None:
        session.login(wiki.bot_user, wiki.bot_password)
        reply = session.get(action="query", meta="userinfo")
        name = reply["query"]["userinfo"]["name"]
        self.facts["user"] = wiki.bot_user
        self.check("login", name == wiki.user, "logged in as %s" % wiki.bot_user)

    def _read_siteinfo(self, session: Session) -> None:
        reply = session.get(
            action="query", meta="siteinfo", siprop=["general", "namespaces"]
        )
        general = reply["query"]["general"]
        self.facts["site"] = general["sitename"]
        self.facts["generator"] = general["generator"]
        self.facts["namespaces"] = len(reply["query"]["namespaces"])
        self.check("siteinfo", general["servername"] != "", "read siteinfo")

    def _write_pages(self, session: Session) -> None:
        for title, script, greeting in DEMO_PAGES:
            reply = session.post(
                action="edit",
                title=title,
                text=demo_text(title, script, greeting),
                summary="demo: " + script,
                createonly=True,
            )
            self.edits.add(reply["edit"]["newrevid"])
            # The wiki has the last word on a title: it may capitalise its first letter.
            self.texts[reply["edit"]["title"]] = demo_text(title, script, greeting)
        self.facts["pages_written"] = len(self.edits)
        self.facts["scripts"] = len({script for _, script, _ in DEMO_PAGES})
        self.check(
            "written",
            len(self.edits) == len(DEMO_PAGES),
            "wrote %d pages in %d scripts" % (len(self.edits), self.facts["scripts"]),
        )

    def _read_pages(self, session: Session) -> None:
        """Read all texts with a generator that needs continuation, and compare."""
        texts: Dict[str, str] = {}
        replies = 0
        for document in session.get(
            action="query",
            generator="allpages",
            gaplimit=DEMO_BATCH,
            prop="revisions",
            rvprop=["content", "sha1"],
            rvslots="main",
            continuation=True,
        ):
            replies += 1
            for page in document["query"]["pages"]:
                for revision in page.get("revisions", []):
                    texts[page["title"]] = revision["slots"]["main"]["content"]
        # A wiki stores a text without the blanks at its end.
        equal = sum(
            texts.get(title) == text.rstrip() for title, text in self.texts.items()
        )
        self.facts.update(pages_read=len(texts), pages_equal=equal, replies=replies)
        self.check(
            "read_back",
            equal == len(texts) == len(DEMO_PAGES) and replies > 1,
            "read %d pages back in %d replies, %d equal" % (len(texts), replies, equal),
        )

    def _provoke_conflict(self, session: Session) -> None:
        """Edit twice on the same base: the second must be refused."""
        title = DEMO_PAGES[0][0]
        base = self._revision_of(session, title)
        reply = session.post(
            action="edit", title=title, text="The first one here.", baserevid=base
        )
        first = reply["edit"]["newrevid"]
        self.edits.add(first)
        code = "no error"
        try:
            reply = session.post(
                action="edit", title=title, text="The second one.", baserevid=base
            )
            self.edits.add(reply["edit"].get("newrevid", 0))
        except APIError as error:
            code = error.code
        stands = self._revision_of(session, title) == first
        self.facts["conflict"] = code
        self.check(
            "conflict",
            code == "editconflict" and stands,
            "a conflicting edit was refused (%s), the first one stands" % code,
        )

    @staticmethod
    def _revision_of(session: Session, title: str) -> int:
        reply = session.get(action="query", titles=title, prop="info")
        revision: int = reply["query"]["pages"][0]["lastrevid"]
        return revision

    def _move_file(self, session: Session, client: HttpClient) -> None:
        """Upload a picture, download it again, compare the SHA-1s."""
        picture = draw_picture()
        sent = make_checksum("sha1", picture).hexdigest()
        reply = session.post(
            action="upload",
            filename=DEMO_FILE,
            comment="demo",
            upload_file=picture,
            ignorewarnings=True,
        )
        told = reply["upload"]["imageinfo"]
        response = client.get(told["url"])
        response.raise_for_status()
        got = make_checksum("sha1", response.content).hexdigest()
        self.facts.update(file_bytes=len(picture), sha1=sent)
        self.check(
            "file",
            sent == told["sha1"] == got,
            "a picture of %d bytes there and back, SHA-1 equal" % len(picture),
        )

    def _compare_events(self, events: EventCollector) -> None:
        title = "File:" + DEMO_FILE
        events.wait_for(self.edits, title)
        if events.error is not None:
            raise DemoFailed("the stream of changes ended: %s" % events.error)
        told = events.revisions()
        self.facts["events"] = len(events.events)
        self.facts["edits"] = len(self.edits)
        self.check(
            "events",
            sorted(told) == sorted(self.edits) and events.uploads() == [title],
            "%d events, each of the %d edits exactly once"
            % (len(events.events), len(self.edits)),
        )

    def _count(self, wiki: WikiServer, client: HttpClient) -> None:
        tally = wiki.tally
        streams = tally.get("stream", (0, 0))
        self.facts["requests"] = wiki.requests
        self.facts["stream_requests"] = streams[1]
        self.facts["connections"] = wiki.connections
        self.facts["stream_connections"] = streams[0]
        self.facts["api_connections"] = wiki.connections - streams[0]
        self.check(
            "connections",
            self.facts["api_connections"] == 1 and streams[0] == 1,
            "%d TCP connection for the API and the file, %d for the stream"
            % (self.facts["api_connections"], streams[0]),
        )


def remove_folder(folder: str) -> None:
    """Remove a folder and all in it, even if Ctrl-C comes while it is at it."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def python_name() -> str:
    """Return the version of Python that runs."""
    return "%d.%d.%d" % sys.version_info[:3]


def format_summary(demo: Demo) -> str:
    """Return the summary that a person reads."""
    facts, checks = demo.facts, demo.checks

    def mark(name: str) -> str:
        return "ok" if checks.get(name) else "FAILED"

    rows = [
        (mark("login"), "login", "%(user)s, by a bot password in two steps"),
        (mark("siteinfo"), "siteinfo", "%(site)s, %(generator)s"),
        (mark("written"), "write", "%(pages_written)d pages in %(scripts)d scripts"),
        (
            mark("read_back"),
            "read back",
            "%(pages_equal)d of %(pages_read)d equal, by a generator in %(replies)d"
            " replies",
        ),
        (mark("conflict"), "conflict", "noticed: %(conflict)s, nothing overwritten"),
        (
            mark("file"),
            "file",
            "%(file_bytes)d bytes up and down, SHA-1 equal",
        ),
        (
            mark("events"),
            "events",
            "%(events)d received, each of %(edits)d edits seen exactly once",
        ),
        (
            mark("connections"),
            "connections",
            "%(api_connections)d over TCP for API and file, %(stream_connections)d for"
            " the stream (accept() counted)",
        ),
        ("", "requests", "%(requests)d, %(stream_requests)d of them for the stream"),
        ("", "seconds", "%(seconds).2f"),
    ]
    lines = ["A bot's day on the embedded wiki, Python " + python_name()]
    lines += [
        "%7s  %-11s  %s" % (held, name, text % facts) for held, name, text in rows
    ]
    failed = [name for name, held in checks.items() if not held]
    if failed:
        lines.append("NOT everything was as it should be: " + ", ".join(failed))
    else:
        lines.append("Every comparison held; nothing is left behind.")
    return "\n".join(lines)


def _add_demo_arguments(parser: Any) -> None:
    parser.add_argument(
        "--json", action="store_true", help="one JSON object on stdout, no words"
    )


def run_demo_command(arguments: Any, output: Output) -> int:
    """Run the demo and say how it went."""
    demo = Demo(output)
    problem = ""
    try:
        demo.run()
    except (DemoFailed, WikistdError) as error:
        problem = str(error)
    held = not problem and bool(demo.checks) and all(demo.checks.values())
    if arguments.json:
        output.record(
            {
                "ok": held,
                "python": python_name(),
                "checks": demo.checks,
                **demo.facts,
                **({"problem": problem} if problem else {}),
            }
        )
    elif not problem:
        output.text(format_summary(demo))
    if problem:
        output.error("the demo broke off: " + problem)
    return 0 if held else 1


DEMO_COMMAND = Command(
    "demo",
    "the main job of a bot, end to end, against the embedded wiki, offline",
    "wikistd demo",
    _add_demo_arguments,
    run_demo_command,
)
