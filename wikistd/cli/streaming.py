"""The command that follows changes: stream.

In: parsed arguments.  Out: events as JSON Lines.  Holds: a stream while it runs.
Not here: EventStreams itself (streams room), the other commands (commands.py).
"""

from __future__ import annotations

import re
import time
from typing import Any, Dict, Iterable, Optional, Tuple
from urllib.parse import SplitResult

from ..errors import StatusError
from ..formats.query import add_query
from ..streams.eventfilters import make_event_filter
from ..streams.eventsource import STREAM_IDLE_SECONDS
from ..streams.eventstreams import EventStreams
from ..streams.whence import read_since
from .options import (
    add_network_arguments,
    check_place,
    cli_client,
    split_address,
)
from .output import Output
from .registry import Command, UsageError, add_options

#: A stream's first connection is made within this time, or the command fails.
FIRST_CONNECTION_SECONDS = 10.0
#: Where none of so many events passes the filters, one is probably misspelt.
UNMATCHED_EVENTS = 300
#: Characters shown of what a server says when it refuses.
MAX_REFUSAL_CHARACTERS = 300

#: Values of filters that are meant as JSON's, or as Python writes them.
FILTER_WORDS = {
    "true": True,
    "false": False,
    "null": None,
    "True": True,
    "False": False,
    "None": None,
}

_stream_name = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*\Z")


def _add_stream_arguments(parser: Any) -> None:
    parser.add_argument(
        "targets",
        metavar="HOST",
        nargs="*",
        help="a wiki or stream server, with scheme: http://127.0.0.1:8080; default: "
        "Wikimedia's; a word without :// is the name of a stream, as in --streams",
    )
    parser.set_defaults(more_arguments="targets")
    parser.add_argument(
        "--streams",
        action="append",
        default=[],
        metavar="NAME,...",
        help="names of streams, default: recentchange",
    )
    add_options(
        parser,
        ("--host", "HOST", "the same as HOST"),
        ("--url", "URL", "the whole address of a stream instead of HOST"),
        ("--since", "TIME", "ISO 8601, a year or milliseconds: begin in the past"),
    )
    for name, words in (
        (
            "filter",
            "let through only events whose KEY is VALUE; all must match: wiki=dewiki, "
            "namespace=0, bot=false, meta.domain=de.wikipedia.org",
        ),
        (
            "any",
            "one of these must match; so several values are given: --any type=edit "
            "--any type=new",
        ),
        ("none", "none of these may match"),
    ):
        parser.add_argument(
            "--" + name, action="append", default=[], metavar="KEY=VALUE", help=words
        )
    parser.add_argument("--count", type=int, metavar="N", help="end after N events")
    parser.add_argument("--canary", action="store_true", help="show canary events too")
    add_options(parser, ("--checkpoint", "FILE", "go on where the last run stopped"))
    add_network_arguments(
        parser,
        timeout_help="for a connection to be answered; one that is silent for a minute "
        "and a half is made again, the stream goes on; default: 10",
        wait_help="for a connection that broke to be made again, then the stream ends "
        "with exit code 3 (at first %d s at most); inf is for ever; default: 120"
        % FIRST_CONNECTION_SECONDS,
    )
    parser.set_defaults(timeout=10.0)


class StreamPatience:
    """Ends a stream that cannot be had, at first or any more; other breaks are mended.

    `first_seconds` is for the first connection, `seconds` for each that broke later.
    """

    def __init__(self, first_seconds: float, seconds: float) -> None:
        self.seconds = seconds
        self.ends_at: Optional[float] = time.monotonic() + first_seconds

    def opened(self, response: Any) -> None:
        """Note that the stream is there."""
        self.ends_at = None

    def failed(self, error: BaseException) -> None:
        """Raise the error of an attempt, if the time for connecting is over."""
        if self.ends_at is None:  # it was open until now, and is connected again
            self.ends_at = time.monotonic() + self.seconds
        elif time.monotonic() >= self.ends_at:
            raise error


class FilterWatch:
    """A filter that lets everything through, and tells once that others do not.

    A misspelt key matches nothing, for ever.
    """

    def __init__(self, keys: Iterable[str], output: Output) -> None:
        self.output = output
        self.left = UNMATCHED_EVENTS
        self.unseen = {key: make_event_filter(key, lambda _: True) for key in keys}

    def __call__(self, event: Dict[str, Any]) -> bool:
        """Look for the keys in one event."""
        self.left -= 1
        for key in [key for key, has in self.unseen.items() if has(event)]:
            del self.unseen[key]
        if self.left == 0:
            names = ", ".join(sorted(self.unseen))
            self.output.error(
                "warning: %d events came, and none passed the filters%s"
                % (UNMATCHED_EVENTS, names and ": there is no %s in them" % names)
            )
        return True

    def passed(self) -> None:
        """Note that an event passed: no warning comes any more."""
        self.left = -1


def run_stream_command(arguments: Any, output: Output) -> int:
    """Write events as they come, one JSON document a line."""
    options = read_stream_source(arguments)
    if arguments.count is not None and arguments.count < 0:
        raise UsageError("--count must be 0 or more, not %d" % arguments.count)
    filters = [
        ("all" if kind == "filter" else kind, _read_filter(item))
        for kind in ("filter", "any", "none")
        for item in getattr(arguments, kind)
    ]
    if arguments.checkpoint is not None:
        check_place("--checkpoint", arguments.checkpoint)
    patience = StreamPatience(
        min(arguments.max_wait, FIRST_CONNECTION_SECONDS), arguments.max_wait
    )
    watch = FilterWatch([key for _, (key, _) in filters], output)
    with cli_client(arguments, output) as client, EventStreams(
        client=client,
        canary=arguments.canary,
        checkpoint=arguments.checkpoint,
        on_open=patience.opened,
        on_error=patience.failed,
        timeout=(arguments.timeout, STREAM_IDLE_SECONDS),
        **options,
    ) as stream:
        if filters:
            stream.register_filter(watch)
        for ftype, (key, value) in filters:
            stream.register_filter(ftype=ftype, **{key: value})
        stream.set_maximum_items(arguments.count)
        try:
            for event in stream:
                watch.passed()
                output.record(event)
        except StatusError as error:
            error.message = refusal_sentence(error)
            raise
    return 0


def read_stream_source(arguments: Any) -> Dict[str, Any]:
    """Return the keywords of EventStreams that say what is read, and since when.

    `arguments.host` becomes the host, wherever it stood.
    """
    hosts = [item for item in arguments.targets if "://" in item]
    names = [item for item in arguments.targets if "://" not in item]
    if arguments.host is not None:
        hosts.append(arguments.host)
    for name in names:
        # Sent to Wikimedia as a name, the address of somebody's wiki would be told.
        if "." in name and not name.startswith("mediawiki."):
            raise UsageError(
                "%r may be a host or a stream: write http:// or https:// before a "
                "host, and --streams before a stream" % name
            )
    for item in arguments.streams:
        # An address among the names is shown as one: half a password would be told.
        names += [item] if "@" in item or "?" in item else item.split(",")
    for name in names:
        if not _stream_name.match(name) or name == "localhost":
            raise UsageError(
                "%r is no name of a stream; a host is written with its scheme, "
                "such as http://127.0.0.1:8080" % name
            )
    if arguments.url and (hosts or names):
        raise UsageError(
            "--url is the whole address of a stream: leave out the host and the "
            "names of streams"
        )
    if len(hosts) > 1:
        raise UsageError("one host at a time, not %d" % len(hosts))
    for host in hosts:
        arguments.host = host
        parts = check_stream_address(host, "the host")
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise UsageError(
                "the host ends before the path; the whole address of a stream goes to "
                "--url"
            )
    since = None if arguments.since is None else check_stream_since(arguments.since)
    options: Dict[str, Any] = {"since": since}
    if arguments.url:
        check_stream_address(arguments.url, "--url")
        options["url"] = _with_since(arguments.url, since)
    else:
        options.update(streams=names or ["recentchange"], site=arguments.host)
    return options


def check_stream_address(url: str, what: str) -> SplitResult:
    """Return the parts of an address; UsageError where `url` is none."""
    parts = split_address(url)
    if parts is None:
        raise UsageError(
            "%s must be an address such as http://127.0.0.1:8080, with http:// or "
            "https://" % what
        )
    return parts


def check_stream_since(text: str) -> Optional[str]:
    """Return a time as EventStreams takes it; UsageError where it is none."""
    # What fromisoformat of older Pythons does not read: fractions and +0200.
    plain = re.sub(r"(:[0-9]{2})\.[0-9]+", r"\1", text.strip())
    if "T" in plain:
        plain = re.sub(r"([+-][0-9]{2})([0-9]{2})\Z", r"\1:\2", plain)
    try:
        milliseconds, since = read_since(plain)
    except ValueError:
        milliseconds = since = None
    if milliseconds is None or milliseconds < 0:
        raise UsageError(
            "--since must be a time such as 2024-01-31T12:00:00Z, or milliseconds "
            "since 1970, not %r" % text
        )
    return since


def _with_since(url: str, since: Optional[str]) -> str:
    if since is None:
        return url
    if re.search(r"[?&]since=", url.partition("#")[0]):
        raise UsageError("--since, or since= in --url: not both")
    return add_query(url, [("since", since)])


def refusal_sentence(error: StatusError) -> str:
    """Return the error's sentence with what the server said, as far as it is short."""
    sentence = error.message
    text = bytes(error.body or b"").decode("utf-8", "replace")
    text = re.sub(r"(?s)<(style|script)\b.*?</\1>|<[^>]{0,500}>", " ", text)
    said = " ".join(text.split())
    if len(said) > MAX_REFUSAL_CHARACTERS:
        said = said[:MAX_REFUSAL_CHARACTERS] + "..."
    if not said or said[:40] in sentence:
        return sentence
    return "%s: the server says: %s" % (sentence, said)


def _read_filter(item: str) -> Tuple[str, Any]:
    """Return key and value of KEY=VALUE."""
    key, is_pair, text = item.partition("=")
    if not is_pair or not key:
        raise UsageError("%r is not KEY=VALUE" % item)
    if re.match(r"-?(0|[1-9][0-9]*)\Z", text):
        return key, int(text)
    return key, FILTER_WORDS.get(text, text)


STREAM_COMMAND = Command(
    "stream",
    "write events of EventStreams as they happen, a JSON document a line",
    "wikistd stream --filter wiki=dewiki --filter type=edit --count 5",
    _add_stream_arguments,
    run_stream_command,
)
