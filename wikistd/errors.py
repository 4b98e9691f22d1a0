"""Every exception of wikistd, split by who must act.

Spec: the tree below.  Pure.  Not here: the decision to try again (wiki/retry.py).

    WikistdError             .maybe_applied  .attempts
      TransportError         no complete answer came; an OSError  .phase .retryable
        ConnectFailed        nothing was sent
          ProxyError         the proxy refused or could not be used
          FingerprintMismatch
        TransportTimeout     is also TimeoutError
        ConnectionLost       the answer was cut short   .received .expected
      ProtocolError          bytes broke a specification   .spec
        LimitExceeded        one of our limits was crossed   .name .limit
        HeaderError
        MultipartError       is also ValueError
          UnknownEncoding    is also RuntimeError
        MalformedEventError
        WebSocketError       .code .message
      StatusError            HTTP said no   .status .url .headers .body .response
        TooManyRedirects
        HandshakeRefused
      RetryLater             come back   .after_seconds .code .info
      APIError               the wiki said no   .code .info .content .errors
        EditConflict
      LoginError             .status .message
      ClientInteractionRequest  .login_token .message .requests
      StreamEnded            closed on purpose by the far side
    APIWarning               a UserWarning

A mistake of the caller is a TypeError or a ValueError, never one of these.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple, Type

#: Fields that hold what cannot travel between processes (open responses).
TRANSIENT_ERROR_FIELDS = ("response",)


def rebuild_error(kind: Type[BaseException], fields: Dict[str, Any]) -> BaseException:
    """Make the error of class `kind` with `fields` again; used by pickle and copy."""
    error = kind.__new__(kind)
    error.__dict__.update(fields)
    return error


def _without_sentence(tried: str, sentence: str) -> str:
    """Return what a note on an attempt says besides `sentence`, whole or cut short."""
    start, dots, rest = tried.partition("...")
    if dots and sentence.startswith(start):
        return rest.lstrip(", ")
    if tried.startswith(sentence):
        return tried[len(sentence) :].lstrip(", ")
    return tried


class WikistdError(Exception):
    """Base of all errors of wikistd.  Immutable by convention; can be pickled.

    `message` is the sentence.  `maybe_applied` is True when a write was sent and its
    fate is unknown: look before you send it again.  `attempts` lists what was tried
    before this error, oldest first, one sentence each.
    """

    def __init__(
        self,
        message: str = "",
        *,
        maybe_applied: bool = False,
        attempts: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.message = message
        self.maybe_applied = maybe_applied
        self.attempts: Tuple[str, ...] = tuple(attempts)

    def sentence(self) -> str:
        """Return the message without the attempts; subclasses build theirs here."""
        return self.message or type(self).__name__

    def __str__(self) -> str:
        text = self.sentence()
        if self.maybe_applied:
            text += " (sent, but its fate is unknown: it may have been applied)"
        if len(self.attempts) > 1:
            text += " [after %d attempts" % len(self.attempts)
            last = self.sentence()
            others = [_without_sentence(tried, last) for tried in self.attempts]
            told = "; ".join(filter(None, dict.fromkeys(others)))  # each once, in order
            text += ": %s]" % told if told else "]"
        return text

    def __repr__(self) -> str:
        return "%s(%r)" % (type(self).__name__, str(self))

    def __reduce__(self) -> Tuple[Any, ...]:
        fields = {
            name: None if name in TRANSIENT_ERROR_FIELDS else value
            for name, value in self.__dict__.items()
        }
        return rebuild_error, (type(self), fields)


class TransportError(WikistdError, OSError):
    """No complete answer came.

    `phase` is where it happened: "dns", "connect", "tls", "proxy", "send", "headers"
    or "body".  `retryable` is True when the same request may succeed a moment later
    (a name that does not exist or a certificate that does not verify is not).
    `url` is the address without credentials and query.
    """

    def __init__(
        self,
        message: str = "",
        *,
        phase: str = "",
        retryable: bool = False,
        url: str = "",
        maybe_applied: bool = False,
        attempts: Sequence[str] = (),
    ) -> None:
        super().__init__(message, maybe_applied=maybe_applied, attempts=attempts)
        self.phase = phase
        self.retryable = retryable
        self.url = url


class ConnectFailed(TransportError):
    """No connection could be made: nothing was sent."""


class ProxyError(ConnectFailed):
    """The proxy could not be reached, or refused.  `status` is its answer, or 0."""

    def __init__(self, message: str = "", *, status: int = 0, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.status = status


class FingerprintMismatch(ConnectFailed):
    """The server's certificate is not the pinned one.

    `expected` and `got` are SHA-256 digests in lower-case hexadecimal.
    """

    def __init__(
        self, expected: str = "", got: str = "", host: str = "", port: int = 0
    ) -> None:
        super().__init__(phase="tls")
        self.expected = expected
        self.got = got
        self.host = host
        self.port = port

    def sentence(self) -> str:
        return (
            "certificate of %s:%d has the SHA-256 fingerprint %s, expected %s: "
            "if the certificate was renewed, pin the new one"
            % (self.host, self.port, self.got, self.expected)
        )


class TransportTimeout(TransportError, TimeoutError):
    """The time given was used up before a complete answer came."""


class ConnectionLost(TransportError):
    """The connection ended before the answer was complete.

    `received` and `expected` count bytes of the body; `expected` is None when the
    length was not known.
    """

    def __init__(
        self,
        message: str = "",
        *,
        received: int = 0,
        expected: Optional[int] = None,
        **fields: Any,
    ) -> None:
        super().__init__(message, **fields)
        self.received = received
        self.expected = expected


class ProtocolError(WikistdError):
    """Bytes from the far side broke a specification, named by `spec`."""

    def __init__(self, message: str = "", *, spec: str = "", **fields: Any) -> None:
        super().__init__(message, **fields)
        self.spec = spec

    def sentence(self) -> str:
        text = super().sentence()
        return "%s (%s)" % (text, self.spec) if self.spec else text


class LimitExceeded(ProtocolError):
    """Input from the far side crossed one of our limits.

    `name` is the keyword argument that sets the limit, `limit` its value.
    """

    def __init__(
        self, message: str = "", *, name: str = "", limit: int = 0, **fields: Any
    ) -> None:
        super().__init__(message, **fields)
        self.name = name
        self.limit = limit


def limit_exceeded(what: str, name: str, limit: int, spec: str = "") -> LimitExceeded:
    """Return the error for `what` that exceeds the keyword argument `name`."""
    message = "%s exceeds %s=%d" % (what, name, limit)
    return LimitExceeded(message, name=name, limit=limit, spec=spec)


class HeaderError(ProtocolError):
    """A header field cannot be understood."""


class MultipartError(ProtocolError, ValueError):
    """A multipart body is malformed or cut short."""


class UnknownEncoding(MultipartError, RuntimeError):
    """A part is encoded in a way that cannot be decoded here: read it undecoded."""


class MalformedEventError(ProtocolError):
    """An event of a stream is malformed."""


class WebSocketError(ProtocolError):
    """A WebSocket peer broke RFC 6455; `code` is the close code that answers it."""

    def __init__(self, code: int = 1002, message: str = "", **fields: Any) -> None:
        super().__init__(message, **fields)
        self.code = code


class StatusError(WikistdError):
    """HTTP answered with an error status.

    `headers` are (name, value) pairs, `body` the start of the body (bounded, bytes),
    `response` the response itself while it is in this process, else None.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int = 0,
        url: str = "",
        headers: Sequence[Tuple[str, str]] = (),
        body: bytes = b"",
        response: Optional[Any] = None,
        **fields: Any,
    ) -> None:
        super().__init__(message, **fields)
        self.status = status
        self.url = url
        self.headers: List[Tuple[str, str]] = list(headers)
        self.body = body
        self.response = response

    def __reduce__(self) -> Tuple[Any, ...]:
        # A cookie, or the query of a Location, may be a login: it stays here.
        rebuild, (kind, fields) = super().__reduce__()
        fields["headers"] = [
            pair
            for pair in self.headers
            if pair[0].lower() not in ("set-cookie", "set-cookie2", "location")
        ]
        return rebuild, (kind, fields)


class TooManyRedirects(StatusError):
    """Redirects went in a circle or past `max_redirects`."""


class HandshakeRefused(StatusError):
    """The server did not switch to WebSocket."""


class RetryLater(WikistdError):
    """The far side asks to come back later.

    `code` is "http-429", "http-503", "maxlag", "readonly" or "ratelimited";
    `after_seconds` is how long it asked to wait, None if it did not say; `info` is
    its text.  Nothing was done.
    """

    def __init__(
        self,
        code: str = "",
        info: str = "",
        *,
        after_seconds: Optional[float] = None,
        **fields: Any,
    ) -> None:
        super().__init__(**fields)
        self.code = code
        self.info = info
        self.after_seconds = after_seconds

    def sentence(self) -> str:
        text = ": ".join(filter(None, (self.code, self.info))) or "RetryLater"
        if self.after_seconds is not None:
            text += " (asked to wait %g seconds)" % self.after_seconds
        return text


class APIError(WikistdError):
    """The wiki's API answered with an error.

    `code` is for programs, `info` for people, `content` the longer help text or None,
    `errors` the list of all errors as the wiki gave them (dicts).
    Source: https://www.mediawiki.org/wiki/API:Errors_and_warnings
    """

    def __init__(
        self,
        code: str = "",
        info: str = "",
        content: Optional[str] = None,
        *,
        errors: Sequence[Dict[str, Any]] = (),
        **fields: Any,
    ) -> None:
        super().__init__(**fields)
        self.code = code
        self.info = info
        self.content = content
        self.errors: List[Dict[str, Any]] = list(errors)

    def sentence(self) -> str:
        text = ": ".join(filter(None, (self.code, self.info))) or type(self).__name__
        return "%s -- %s" % (text, self.content) if self.content else text


class EditConflict(APIError):
    """Somebody saved another revision of the page since it was read.

    `title` names the page, `ours` is the text that was to be saved, `theirs` the text
    that is there now, with its revision in `their_revid`; None where unknown.
    """

    def __init__(
        self,
        code: str = "editconflict",
        info: str = "",
        content: Optional[str] = None,
        *,
        title: str = "",
        ours: Optional[str] = None,
        theirs: Optional[str] = None,
        their_revid: Optional[int] = None,
        **fields: Any,
    ) -> None:
        super().__init__(code, info, content, **fields)
        self.title = title
        self.ours = ours
        self.theirs = theirs
        self.their_revid = their_revid


class LoginError(WikistdError):
    """The wiki refused a login; `status` is its word for it ("FAIL", "Failed", ...)."""

    def __init__(self, status: str = "", message: str = "", **fields: Any) -> None:
        super().__init__(message, **fields)
        self.status = status

    def sentence(self) -> str:
        return " -- ".join(filter(None, (self.status, self.message))) or "LoginError"


class ClientInteractionRequest(WikistdError):
    """A login needs a further step: answer `requests` with `Session.continue_login`.

    `login_token` goes back as it is, `message` is for the person, `requests` is the
    list of field descriptions as the wiki gave them.
    """

    def __init__(
        self,
        login_token: str = "",
        message: str = "",
        requests: Sequence[Dict[str, Any]] = (),
        **fields: Any,
    ) -> None:
        super().__init__(message, **fields)
        self.login_token = login_token
        self.requests: List[Dict[str, Any]] = list(requests)


class StreamEnded(WikistdError):
    """The far side ended a stream on purpose; do not connect again."""


class APIWarning(UserWarning):
    """A warning of the wiki's API: the request was done, but not quite as asked.

    `document` is the reply that it came with.
    """

    document: Optional[Any] = None
