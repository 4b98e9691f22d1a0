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
        self.news = threading.Event()
        self.stream = EventStreams(
            streams="recentchange", site=site, on_open=lambda _: self.opened.set()
        )
        self.thread = threading.Thread(
            target=self._read, name="wikistd-demo-events", daemon=True
        )

    def _read(self) -> None:
        try:
            for event in self.stream:
                self.events.append(event)
                self.news.set()
                words = "  event   %(type)-4s %(title)s, by %(user)s"
                self.output.progress(words % event)
        except Exception as error:  # shown by wait_for, in the thread that can act
            self.error = error
        finally:
            self.opened.set()
            self.news.set()

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
        return [e["revision"]["new"] for e in self.events if "revision" in e]

    def uploads(self) -> List[str]:
        """Return the titles of the files whose upload was told."""
        return [e["title"] for e in self.events if e.get("log_type") == "upload"]

    def wait_for(self, revisions: Set[int], title: str) -> None:
        """Wait until all that was done was told, or the time is over."""
        ends_at = time.monotonic() + DEMO_EVENT_SECONDS
        while not (revisions.issubset(self.revisions()) and title in self.uploads()):
            if self.error is not None:
                raise DemoFailed("the stream of changes ended: %s" % self.error)
            if time.monotonic() >= ends_at:
                return
            self.news.wait(0.05)
            self.news.clear()

    def close(self) -> None:
        """End the stream and its thread."""
        self.stream.close()
        if self.thread.ident is not None:
            self.thread.join(DEMO_EVENT_SECONDS)


class Demo:
    """One run of the demo: what was done, and which comparisons held."""

    def __init__(self, output: Output) -> None:
        self.output = output
        python = "%d.%d.%d" % sys.version_info[:3]
        self.facts: Dict[str, Any] = {"python": python}
        self.checks: Dict[str, bool] = {}
        #: of the summary, which a person reads
        self.lines = ["A bot's day on the embedded wiki, Python " + python]
        self.edits: Set[int] = set()
        self.texts: Dict[str, str] = {}

    def check(self, name: str, held: bool, label: str, words: str) -> None:
        """Note whether a comparison held, and show it."""
        self.checks[name] = held
        self.tell("ok" if held else "FAILED", label, words % self.facts)
        self.output.progress(self.lines[-1])

    def tell(self, mark: str, label: str, words: str) -> None:
        """Add a line to the summary."""
        self.lines.append("%7s  %-11s  %s" % (mark, label, words))

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
            self._count(wiki)
        self.facts["seconds"] = round(time.monotonic() - started, 3)
        left = os.path.exists(folder)
        self.check("nothing_left", not left, "clean up", "the temporary files are gone")
        requests = "%(requests)d, %(stream_requests)d of them for the stream"
        self.tell("", "requests", requests % self.facts)
        self.tell("", "seconds", "%(seconds).2f" % self.facts)

    def _log_in(self, session: Session, wiki: WikiServer) -> None:
        session.login(wiki.bot_user, wiki.bot_password)
        reply = session.get(action="query", meta="userinfo")
        self.facts["user"] = wiki.bot_user
        self.check(
            "login",
            reply["query"]["userinfo"]["name"] == wiki.user,
            "login",
            "%(user)s, by a bot password in two steps",
        )

    def _read_siteinfo(self, session: Session) -> None:
        reply = session.get(
            action="query", meta="siteinfo", siprop=["general", "namespaces"]
        )
        general = reply["query"]["general"]
        self.facts["site"] = general["sitename"]
        self.facts["generator"] = general["generator"]
        self.facts["namespaces"] = len(reply["query"]["namespaces"])
        is_named = general["servername"] != ""
        self.check("siteinfo", is_named, "siteinfo", "%(site)s, %(generator)s")

    def _write_pages(self, session: Session) -> None:
        for title, script, greeting in DEMO_PAGES:
            text = demo_text(title, script, greeting)
            reply = session.post(
                action="edit",
                title=title,
                text=text,
                summary="demo: " + script,
                createonly=True,
            )
            self.edits.add(reply["edit"]["newrevid"])
            # The wiki has the last word on a title: it may capitalise its first letter.
            # It stores a text without the blanks at its end.
            self.texts[reply["edit"]["title"]] = text.rstrip()
        self.facts["pages_written"] = len(self.edits)
        self.facts["scripts"] = len({script for _, script, _ in DEMO_PAGES})
        self.check(
            "written",
            len(self.edits) == len(DEMO_PAGES),
            "write",
            "%(pages_written)d pages in %(scripts)d scripts",
        )

    def _read_pages(self, session: Session) -> None:
        """Read all texts with a generator that needs continuation, and compare."""
        documents = session.get(
            action="query",
            generator="allpages",
            gaplimit=DEMO_BATCH,
            prop="revisions",
            rvprop=["content", "sha1"],
            rvslots="main",
            continuation=True,
        )
        replies = [document["query"]["pages"] for document in documents]
        texts = {
            page["title"]: revision["slots"]["main"]["content"]
            for pages in replies
            for page in pages
            for revision in page.get("revisions", [])
        }
        equal = sum(texts.get(title) == text for title, text in self.texts.items())
        self.facts.update(
            pages_read=len(texts), pages_equal=equal, replies=len(replies)
        )
        self.check(
            "read_back",
            equal == len(texts) == len(DEMO_PAGES) and len(replies) > 1,
            "read back",
            "%(pages_equal)d of %(pages_read)d equal, by a generator in %(replies)d"
            " replies",
        )

    def _provoke_conflict(self, session: Session) -> None:
        """Edit twice on the same base: the second must be refused."""
        edit: Dict[str, Any] = {"action": "edit", "title": DEMO_PAGES[0][0]}
        edit["baserevid"] = self._last_revision(session)
        reply = session.post(**edit, text="The first one here.")
        first = reply["edit"]["newrevid"]
        self.edits.add(first)
        self.facts["conflict"] = "no error"
        try:
            session.post(**edit, text="The second one.")
        except APIError as error:
            self.facts["conflict"] = error.code
        self.check(
            "conflict",
            self.facts["conflict"] == "editconflict"
            and self._last_revision(session) == first,
            "conflict",
            "noticed: %(conflict)s, nothing overwritten",
        )

    @staticmethod
    def _last_revision(session: Session) -> Any:
        reply = session.get(action="query", titles=DEMO_PAGES[0][0], prop="info")
        return reply["query"]["pages"][0]["lastrevid"]

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
            "file",
            "%(file_bytes)d bytes up and down, SHA-1 equal",
        )

    def _compare_events(self, events: EventCollector) -> None:
        title = "File:" + DEMO_FILE
        events.wait_for(self.edits, title)
        self.facts.update(events=len(events.events), edits=len(self.edits))
        told = events.revisions()
        self.check(
            "events",
            sorted(told) == sorted(self.edits) and events.uploads() == [title],
            "events",
            "%(events)d received, each of %(edits)d edits seen exactly once",
        )

    def _count(self, wiki: WikiServer) -> None:
        connections, requests = wiki.tally.get("stream", (0, 0))
        self.facts.update(
            requests=wiki.requests,
            stream_requests=requests,
            connections=wiki.connections,
            stream_connections=connections,
            api_connections=wiki.connections - connections,
        )
        self.check(
            "connections",
            wiki.connections - connections == 1 == connections,
            "connections",
            "%(api_connections)d over TCP for API and file, %(stream_connections)d for"
            " the stream (accept() counted)",
        )


def remove_folder(folder: str) -> None:
    """Remove a folder and all in it, even if Ctrl-C comes while it is at it."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


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
    failed = [name for name, held in demo.checks.items() if not held]
    if arguments.json:
        facts = {"ok": not problem and not failed, "checks": demo.checks, **demo.facts}
        output.record(dict(facts, problem=problem) if problem else facts)
    elif not problem:
        last = "Every comparison held; nothing is left behind."
        if failed:
            last = "NOT everything was as it should be: " + ", ".join(failed)
        output.text("\n".join([*demo.lines, last]))
    if problem:
        output.error("the demo broke off: " + problem)
    return 1 if problem or failed else 0


DEMO_COMMAND = Command(
    "demo",
    "the main job of a bot, end to end, against the embedded wiki, offline",
    "wikistd demo",
    _add_demo_arguments,
    run_demo_command,
)
