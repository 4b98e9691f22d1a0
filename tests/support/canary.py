"""Canaries: secrets that must show up nowhere but where they belong.

    with Canary("hunter2") as canary:
        client = HttpClient(auth=("user", canary.secret), transport=network)
        ...
        canary.look(client, error, response)            # repr, str, traceback, pickle
        canary.look_at(other_origin_requests, "other origin")
    # leaving it also looks at all that was logged and warned meanwhile
"""

import base64
import logging
import pickle
import traceback
import urllib.parse
import warnings


def forms_of(secret):
    """Return the texts in which a secret may hide: plain, escaped, base64, hex."""
    raw = secret.encode("utf-8")
    found = {secret, raw.hex(), raw.decode("latin-1"), urllib.parse.quote_plus(secret)}
    found |= {urllib.parse.quote(secret, safe=safe) for safe in ("", "/", "/+", "/~")}
    for shift in range(3):
        # What stands before it moves base64 by one of three phases; the edges are cut off.
        text = base64.b64encode(b"\0" * shift + raw).decode()
        found.add(text[4 if shift else 0 : len(text) // 4 * 4 - 4])
    return {form for form in found if len(form) >= 4}


def text_of(value):
    """Return all that a value shows of itself, as one text."""
    if isinstance(value, (bytes, bytearray)):
        return value.decode("latin-1")
    if isinstance(value, str):
        return value
    texts = [repr(value), str(value)]
    if isinstance(value, BaseException):
        # The code lines of tests name secrets themselves: the frames are left out.
        shown = traceback.TracebackException.from_exception(value)
        while shown is not None:
            texts += list(shown.format_exception_only())
            shown = shown.__cause__ or shown.__context__
        cause = value
        while cause is not None:
            # What a UnicodeError could not encode shows here, and not in its sentence.
            texts.append(repr(cause.args))
            cause = cause.__cause__ or cause.__context__
        texts.append(repr(vars(value).get("message", "")))
    try:
        texts.append(pickle.dumps(value).decode("latin-1"))
    except Exception:
        pass
    return "\n".join(texts)


class LogKeeper(logging.Handler):
    def __init__(self):
        super().__init__(logging.DEBUG)
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())
        self.texts.append(repr(record.args))


class Canary:
    """One secret, and everything that must not hold it."""

    def __init__(self, secret="canary-B7q~x9"):
        self.secret = secret
        self.forms = forms_of(secret)
        self.looked = 0

    def is_in(self, value):
        """Return whether the secret is in a value, in any form."""
        text = text_of(value)
        return any(form in text for form in self.forms)

    def look(self, *values):
        """Fail if the secret is in any of these."""
        for value in values:
            self.looked += 1
            if self.is_in(value):
                raise AssertionError("the secret shows in %s" % type(value).__name__)

    def look_at(self, value, what):
        """Fail, naming `what`, if the secret is in a value."""
        self.looked += 1
        if self.is_in(value):
            raise AssertionError("the secret reached %s" % what)

    def __enter__(self):
        self.logs = LogKeeper()
        root = logging.getLogger()
        self.level = root.level
        root.setLevel(logging.DEBUG)
        root.addHandler(self.logs)
        self.catcher = warnings.catch_warnings(record=True)
        self.warned = self.catcher.__enter__()
        warnings.simplefilter("always")
        return self

    def __exit__(self, kind, error, trace):
        root = logging.getLogger()
        root.removeHandler(self.logs)
        root.setLevel(self.level)
        self.catcher.__exit__(None, None, None)
        if error is None:
            self.look_at("\n".join(self.logs.texts), "a log")
            for warning in self.warned:
                self.look_at(str(warning.message), "a warning")
