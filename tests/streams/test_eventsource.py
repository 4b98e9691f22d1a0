"""EventSource and iter_events over scripted answers."""

import http.client
import io
import threading
import time
import unittest

from tests.streams.standins import Answer, StandInClient, quiet_streams
from tests.support.clocks import FakeClock
from wikistd import (
    ConnectFailed,
    ConnectionLost,
    EventSource,
    HttpClient,
    LimitExceeded,
    ProtocolError,
    RetryLater,
    StatusError,
    TransportTimeout,
    iter_events,
)

URL = "http://wiki.example/stream"


def make_source(*answers, **options):
    """Return (source, client, clock) for scripted answers."""
    client = StandInClient(*answers)
    clock = FakeClock()
    options.setdefault("retry_milliseconds", 1000)
    source = EventSource(URL, client=client, clock=clock, **options)
    return source, client, clock


def take(source, count):
    return [next(source).data for _ in range(count)]


def setUpModule():
    quiet_streams()


class Reconnecting(unittest.TestCase):
    def test_a_cut_is_resumed_with_the_last_id(self):
        """The event that was cut comes whole over the next connection."""
        source, client, clock = make_source(
            Answer(b"id: 1\ndata: a\n\nid: 2\nda"), Answer(b"data: b\n\nid: \xc3\xa9\n\n"),
            Answer(b"data: c\n\n"),
        )
        self.assertEqual(take(source, 3), ["a", "b", "c"])
        self.assertEqual(client.sent("Last-Event-ID"), [None, "1", "\xc3\xa9"])
        self.assertEqual(source.last_event_id, "\xe9")
        self.assertEqual((source.reconnects, source.events), (2, 3))
        self.assertEqual(len(clock.slept), 2)

    def test_an_id_that_no_header_can_carry(self):
        """Is not sent; a caller's attempt to write further headers is refused."""
        for id in (b"a\x01b", b"a\x0bb", b"\x7f", b"\x1f"):
            source, client, _ = make_source(
                Answer(b"id: " + id + b"\ndata: a\n\n"), Answer(b"id: 2\ndata: b\n\n"),
                Answer(b"data: c\n\n"),
            )
            self.assertEqual(take(source, 3), ["a", "b", "c"])
            self.assertEqual(client.sent("Last-Event-ID"), [None, None, "2"])
        with HttpClient(connect=self.fail, user_agent="t/1 (t@x.example)") as client:
            source = EventSource("http://x.example/", client=client, last_event_id="1\r\nX: y")
            with self.assertRaises(ValueError):
                next(source)

    def test_what_is_asked(self):
        """Accept, no cache, no compression; the caller's headers win."""
        source, client, _ = make_source(
            Answer(b"data: a\n\n"), headers={"accept": "text/event-stream, */*", "X-A": "1"},
            last_event_id="7",
        )
        next(source)
        request = client.requests[0]
        self.assertEqual(client.sent("Accept"), ["text/event-stream, */*"])
        self.assertEqual(client.sent("Last-Event-ID"), ["7"])
        self.assertEqual(client.sent("X-A"), ["1"])
        self.assertEqual(client.sent("Accept-Encoding"), ["identity"])
        self.assertEqual(client.sent("Cache-Control"), ["no-store"])
        self.assertTrue(request.stream)
        self.assertEqual((request.connect_timeout, request.idle_timeout), (30.0, 90.0))

    def test_headers_of_other_types(self):
        """As HttpClient takes them: bytes, numbers, and None takes one away."""
        headers = {"X-A": 5, "X-B": b"b", "X-C": None, "cache-control": None}
        source, client, _ = make_source(Answer(b"data: a\n\n"), headers=headers)
        next(source)
        self.assertEqual((client.sent("X-A"), client.sent("X-B")), (["5"], ["b"]))
        self.assertEqual(client.sent("X-C") + client.sent("Cache-Control"), [None, None])

    def test_every_ending_is_resumed(self):
        """A clean end, a cut, a silence, broken chunks: a further connection."""
        endings = (
            Answer(b"data: 0\n\n", then="end"),
            Answer(b"data: 0\n\n", ConnectionLost("reset")),
            Answer(b"data: 0\n\n", TransportTimeout("silent")),
            Answer(b"data: 0\n\n", ProtocolError("bad chunk size")),
        )
        for ending in endings:
            source, _, _ = make_source(ending, Answer(b"data: 1\n\n"))
            self.assertEqual(take(source, 2), ["0", "1"])

    def test_the_wait_doubles_until_an_event(self):
        """Connections without events do not reset it, the server's retry counts."""
        source, _, clock = make_source(
            Answer(b"data: a\n\n"), Answer(b":ok\n\n"), ConnectFailed("refused"),
            Answer(b"retry: 500\ndata: b\n\n"), Answer(b"data: c\n\n"),
        )
        self.assertEqual(take(source, 3), ["a", "b", "c"])
        for got, least in zip(clock.slept, (1, 2, 4, 0.5)):
            self.assertTrue(least <= got <= least * 1.25, clock.slept)
        self.assertEqual(source.retry_milliseconds, 500)
        self.assertEqual(source.comments, 1)

    def test_the_hooks(self):
        """on_open, on_error and on_comment hear what happens."""
        heard = []
        source, _, _ = make_source(
            Answer(b":hello\n\ndata: a\n\n"), Answer(b"data: b\n\n"),
            on_open=lambda response: heard.append(response.status),
            on_error=lambda error: heard.append(str(error)),
            on_comment=heard.append,
        )
        take(source, 2)
        self.assertEqual(heard, [200, "hello", "the connection was cut", 200])
        self.assertEqual(repr(source), "<EventSource http://wiki.example/stream open, 2 events>")

    def test_two_breaks_in_a_row_are_logged(self):
        """The second is a warning: the caller cannot see it."""
        source, _, _ = make_source(
            Answer(b"data: a\n\n"), ConnectFailed("refused"), Answer(b"data: b\n\n")
        )
        with self.assertLogs("wikistd.streams", "INFO") as logs:
            take(source, 2)
        self.assertEqual([record.levelname for record in logs.records], ["INFO", "WARNING"])
        self.assertIn("refused; again in", logs.output[1])

    def test_resume_from_says_where(self):
        """Whoever knows positions better decides over URL and id."""
        source, client, _ = make_source(
            Answer(b"id: 1\ndata: a\n\n"), Answer(b"data: b\n\n"),
            resume_from=lambda: (URL + "?x", "own"),
        )
        take(source, 2)
        self.assertEqual(client.sent("Last-Event-ID"), ["own", "own"])
        self.assertEqual(client.requests[1].full_url, URL + "?x")


class Looping(unittest.TestCase):
    def test_a_for_loop(self):
        """Gives what next() gives; a loop goes on where the last one stopped."""
        source, client, _ = make_source(
            Answer(b"id: 1\ndata: a\n\nid: 2\ndata: b\n\n", b"data: c\n\n"), Answer(b"data: d\n\n")
        )
        got = []
        for event in source:
            got.append((event.data, source.last_event_id, source.events))
            if len(got) == 2:
                break
        for event in source:
            got.append((event.data, source.last_event_id, source.events))
            if event.data == "d":
                source.close()
        self.assertEqual(got, [("a", "1", 1), ("b", "2", 2), ("c", "2", 3), ("d", "2", 4)])

    def test_closed_between_looking_and_taking(self):
        """Another thread took the events away: the iteration ends."""
        source, _, _ = make_source()
        answers = [True, True, False]
        source._fill = lambda: answers.pop(0)
        self.assertRaises(StopIteration, next, source)
        self.assertEqual(list(source), [])

    def test_disconnected_from_another_thread(self):
        """A blocked reader makes another connection, without a pause."""
        first = Answer(b"id: 1\ndata: a\n\n", then="hang")
        source, client, clock = make_source(first, Answer(b"data: b\n\n"))
        next(source)
        threading.Timer(0.02, source.disconnect).start()
        self.assertEqual(next(source).data, "b")
        self.assertEqual(clock.slept, [])

    def test_a_response_that_cannot_be_closed(self):
        """Is dropped all the same."""
        answer = Answer(b"data: a\n\n")
        answer.close = lambda: (_ for _ in ()).throw(OSError("already"))
        source, _, _ = make_source(answer, Answer(b"data: b\n\n"))
        self.assertEqual(take(source, 2), ["a", "b"])


class Refusals(unittest.TestCase):
    def test_204_ends_it(self):
        """And it stays ended."""
        source, _, _ = make_source(Answer(status=204, kind=""))
        self.assertEqual(list(source), [])
        self.assertTrue(source.is_closed)
        self.assertEqual(list(source), [])

    def test_overload_waits_as_told(self):
        """429, 502, 503, 504, as an answer or as an error of the client."""
        source, _, clock = make_source(
            Answer(status=429, headers=[("Retry-After", "7")]),
            Answer(status=503),
            StatusError("x", status=502, headers=[("retry-after", "20")]),
            Answer(b"data: a\n\n"),
        )
        self.assertEqual(take(source, 1), ["a"])
        self.assertEqual(clock.slept[0], 7)
        self.assertGreaterEqual(clock.slept[1], 2)
        self.assertEqual(clock.slept[2], 20)

    def test_a_wait_that_is_too_long(self):
        """Is an error that says so."""
        source, _, _ = make_source(Answer(status=503, headers=[("Retry-After", "86400")]))
        with self.assertRaises(RetryLater) as caught:
            next(source)
        self.assertEqual(caught.exception.after_seconds, 86400)
        self.assertEqual(
            str(caught.exception),
            "http-503: http://wiki.example/stream is not ready (asked to wait 86400 seconds)",
        )

    def test_other_statuses_are_final(self):
        """With the start of the page, and the connection closed."""
        answer = Answer(b"no such stream", status=404)
        source, _, _ = make_source(answer)
        with self.assertRaises(StatusError) as caught:
            next(source)
        self.assertEqual(caught.exception.status, 404)
        self.assertEqual(caught.exception.body, b"no such stream")
        self.assertRegex(str(caught.exception), "not with an event stream; it says: no such")
        self.assertTrue(answer.closed)
        source, _, _ = make_source(StatusError("gone", status=410))
        with self.assertRaisesRegex(StatusError, "gone"):
            next(source)

    def test_a_page_that_cannot_be_read(self):
        """The status is still the error."""
        answer = Answer(status=400)
        answer.read = lambda size: (_ for _ in ()).throw(ConnectionLost("cut"))
        source, _, _ = make_source(answer)
        with self.assertRaises(StatusError) as caught:
            next(source)
        self.assertEqual(caught.exception.body, b"")

    def test_another_content_type_is_final(self):
        """A login page is no stream."""
        source, _, _ = make_source(Answer(kind="text/html"))
        with self.assertRaises(ProtocolError) as caught:
            next(source)
        self.assertEqual(
            str(caught.exception),
            "http://wiki.example/stream answers with Content-Type 'text/html', "
            "not with text/event-stream (server-sent events)",
        )

    def test_what_can_never_work_is_final_at_first(self):
        """A name that does not exist ends a source that was never open, only that."""
        failure = ConnectFailed("no such host", phase="dns", retryable=False)
        source, _, _ = make_source(failure)
        with self.assertRaises(ConnectFailed):
            next(source)
        source, _, _ = make_source(Answer(b"data: a\n\n"), failure, Answer(b"data: b\n\n"))
        self.assertEqual(take(source, 2), ["a", "b"])
        source, _, _ = make_source(ProtocolError("not HTTP"))
        with self.assertRaises(ProtocolError):
            next(source)

    def test_attempts_are_counted(self):
        """max_attempts failures in a row are final."""
        refused = [ConnectFailed("refused", retryable=True) for _ in range(3)]
        source, client, _ = make_source(*refused, max_attempts=3)
        with self.assertRaises(ConnectFailed):
            next(source)
        self.assertEqual(len(client.requests), 3)

    def test_limits(self):
        """A line past the limit is final, after the events before it."""
        source, _, _ = make_source(
            Answer(b"data: a\n\ndata: " + b"x" * 100), max_line_bytes=50
        )
        self.assertEqual(next(source).data, "a")
        with self.assertRaises(LimitExceeded):
            next(source)
        source, _, _ = make_source(Answer(b"x" * 100), max_line_bytes=50)
        with self.assertRaises(LimitExceeded):
            next(source)


class Closing(unittest.TestCase):
    def closes_within_a_moment(self, source, iterate):
        """Run `iterate` in a thread, close from here, and measure the wait."""
        ended = []

        def run():
            ended.append(iterate())

        thread = threading.Thread(target=run)
        thread.start()
        time.sleep(0.02)
        begin = time.monotonic()
        source.close()
        thread.join(10)
        self.assertFalse(thread.is_alive())
        self.assertLess(time.monotonic() - begin, 1.0)
        return ended[0]

    def test_a_blocked_next(self):
        """Ends as the end of the iteration."""
        answer = Answer(b"data: a\n\n", then="hang")
        source, _, _ = make_source(answer)
        self.assertEqual(self.closes_within_a_moment(source, lambda: take(source, 1) + list(source)), ["a"])
        self.assertTrue(answer.closed)

    def test_a_pause(self):
        """A back-off of a minute ends at once."""
        client = StandInClient(ConnectFailed("refused", retryable=True))
        source = EventSource(URL, client=client, retry_milliseconds=60000)
        self.assertEqual(self.closes_within_a_moment(source, lambda: list(source)), [])

    def test_a_connect(self):
        """The request that is under way is cancelled."""
        cancelled = threading.Event()

        class Hanging(StandInClient):
            def open(self, request):
                request.cancel = cancelled.set
                cancelled.wait(10)
                raise ConnectFailed("cancelled")

        source = EventSource(URL, client=Hanging())
        self.assertEqual(self.closes_within_a_moment(source, lambda: list(source)), [])

    def test_an_answer_that_comes_after_close(self):
        """Is dropped."""
        answer = Answer(b"data: a\n\n")

        def close_first(request):
            source.close()
            return answer

        source, _, _ = make_source(close_first)
        self.assertEqual(list(source), [])
        self.assertTrue(answer.closed)

    def test_before_and_after(self):
        """close() before the first connection, twice, and with `with`."""
        source, client, _ = make_source()
        with source:
            source.close()
        self.assertEqual(list(source), [])
        self.assertEqual(client.requests, [])
        self.assertFalse(client.closed)
        self.assertIn("closed", repr(source))
        with EventSource(URL) as own:
            self.assertIn("waiting", repr(own))

    def test_nothing_more_after_close(self):
        """Events that had arrived are not given out after close()."""
        source, _, _ = make_source(Answer(b"data: a\n\ndata: b\n\n"))
        next(source)
        source.close()
        self.assertEqual(list(source), [])

    def test_disconnect_keeps_the_place(self):
        """The next next() goes on, without a pause."""
        first = Answer(b"id: 1\ndata: a\n\ndata: b\n\n", then="hang")
        source, client, clock = make_source(first, Answer(b"data: c\n\n"))
        self.assertEqual(next(source).data, "a")
        source.disconnect()
        self.assertTrue(first.closed)
        self.assertEqual(take(source, 2), ["b", "c"])
        self.assertEqual(clock.slept, [])
        self.assertEqual(client.sent("Last-Event-ID"), [None, "1"])

    def test_an_interrupt_drops_the_connection(self):
        """Ctrl-C in the middle leaves nothing open."""
        answer = Answer(KeyboardInterrupt())
        source, _, _ = make_source(answer)
        with self.assertRaises(KeyboardInterrupt):
            next(source)
        self.assertTrue(answer.closed)


class FakeSocket:
    """Bytes for http.client."""

    def __init__(self, data):
        self.data = data

    def makefile(self, mode):
        return io.BytesIO(self.data)


def stock_response(data):
    response = http.client.HTTPResponse(FakeSocket(data))
    response.begin()
    return response


class OneResponse(unittest.TestCase):
    HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    def test_lines(self):
        """An iterable of byte lines, with or without their ends."""
        for lines in ([b"data: a", b"", b"data: b", b""], [b"data: a\n", b"\r\n", b"data: b\r", b"\r"]):
            self.assertEqual([event.data for event in iter_events(lines)], ["a", "b"])

    def test_a_stock_response(self):
        """http.client's own, chunked, and one cut between two chunks."""
        body = b"9\r\ndata: a\n\n\r\n"
        events = iter_events(stock_response(self.HEAD + body + b"0\r\n\r\n"))
        self.assertEqual([event.data for event in events], ["a"])
        events = iter_events(stock_response(self.HEAD + body))
        self.assertEqual(next(events).data, "a")
        with self.assertRaisesRegex(ConnectionLost, "the body was cut short"):
            next(events)

    def test_a_content_length_that_is_not_reached(self):
        """http.client says nothing; we do."""
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"
        events = iter_events(stock_response(head + b"data: a\n\n"))
        self.assertEqual(next(events).data, "a")
        with self.assertRaisesRegex(ConnectionLost, "cut 11 bytes before its end"):
            next(events)

    def test_requests(self):
        """What has iter_content is read as it arrives."""

        class Stream:
            def iter_content(self, chunk_size):
                return iter([b"data: a\n", b"\ndata: b\n\n"])

        self.assertEqual([event.data for event in iter_events(Stream())], ["a", "b"])

    def test_our_own(self):
        """A Response's errors pass through."""
        events = iter_events(Answer(b"data: a\n\n", TransportTimeout("silent")))
        self.assertEqual(next(events).data, "a")
        with self.assertRaisesRegex(TransportTimeout, "silent"):
            next(events)
        with self.assertRaisesRegex(ConnectionLost, "was cut"):
            list(iter_events(Answer()))

    def test_readany_is_enough(self):
        """What has no read1."""

        class Stream:
            parts = [b"data: a\n", b"\n", b""]

            def readany(self):
                return self.parts.pop(0)

        self.assertEqual([event.data for event in iter_events(Stream())], ["a"])

    def test_foreign_errors(self):
        """Are ours when they come out."""

        def broken(error):
            yield b"data: a\n\n"
            raise error

        with self.assertRaisesRegex(TransportTimeout, "nothing came in time"):
            list(iter_events(broken(TimeoutError())))
        with self.assertRaisesRegex(ConnectionLost, "was lost: reset"):
            list(iter_events(broken(OSError("reset"))))

    def test_limits(self):
        """Events before the long line come first."""
        events = iter_events([b"data: a\n\n" + b"y" * 20], max_line_bytes=10)
        self.assertEqual(next(events).data, "a")
        with self.assertRaises(LimitExceeded):
            next(events)
