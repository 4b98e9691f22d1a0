"""A client whose answers are scripted; anything unscripted fails."""

import logging
import threading

import wikistd
from wikistd import ConnectionLost, StatusError


def quiet_streams():
    """Keep the warnings of streams off the screen; assertLogs still sees them."""
    logger = logging.getLogger(wikistd.__name__ + ".streams")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


class StandInHeaders:
    """Headers by name, whatever the case."""

    def __init__(self, pairs):
        self.pairs = list(pairs)

    def items(self):
        return self.pairs

    def get(self, name, default=None):
        for known, value in self.pairs:
            if known.lower() == name.lower():
                return value
        return default


class Answer:
    """One answer: a status and what `read1` gives or raises, in order.

    After the last part the connection is lost, or stays silent if `then` is "hang".
    """

    def __init__(self, *parts, status=200, kind="text/event-stream", headers=(), then="lost"):
        self.status = status
        pairs = [("Content-Type", kind)] if kind else []
        self.headers = StandInHeaders(pairs + list(headers))
        self.parts = list(parts)
        self.then = then
        self.aborted = threading.Event()
        self.closed = False

    def readany(self):
        if self.parts:
            part = self.parts.pop(0)
            if isinstance(part, BaseException):
                raise part
            return part
        if self.then == "hang":
            if not self.aborted.wait(20):
                raise AssertionError("nobody woke the reader")
            raise ConnectionLost("the request was cancelled", phase="body")
        if self.then == "end":
            return b""
        raise ConnectionLost("the connection was cut", phase="body", retryable=True)

    def read1(self, size):
        return self.readany()

    def read(self, size=-1):
        return b"".join(self.parts)[: size if size >= 0 else None]

    def status_error(self):
        try:
            body = self.read(8192)
        except ConnectionLost:
            body = b""
        return StatusError("no", status=self.status, headers=self.headers.items(), body=body)

    def abort(self):
        self.aborted.set()

    def close(self):
        self.closed = True


class StandInClient:
    """Plays answers in order; an exception in their place is raised."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []
        self.closed = False
        self.headers = {}

    def open(self, request):
        self.requests.append(request)
        if not self.answers:
            raise AssertionError("connection %d is not in the script" % len(self.requests))
        answer = self.answers.pop(0)
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def close(self):
        self.closed = True

    def sent(self, name):
        """Return what each request sent in the header `name`."""
        return [request.get_header(name.capitalize()) for request in self.requests]
