"""A wiki that follows a script: whatever is not in the script fails the test."""

import json
from urllib.parse import parse_qsl, urlsplit

API = "https://wiki.example/w/api.php"


class Reply:
    """What a client's request() returns."""

    def __init__(self, body=None, status=200, headers=(), url=API):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode("utf-8")
        self.content = body
        self.status_code = status
        fields = [("Content-Type", "application/json; charset=utf-8")]
        self.headers = dict(fields + list(headers))
        self.url = url

    @property
    def text(self):
        return self.content.decode("utf-8", "replace")


def page(text, status=200, **fields):
    """A reply that is HTML."""
    return Reply(
        text.encode("utf-8"), status, [("Content-Type", "text/html")], **fields
    )


def error(code, info="Sentence.", headers=(), status=200, **more):
    """A reply with an API error in the bc format."""
    document = {"error": dict(code=code, info=info, **more)}
    return Reply(document, status, [("MediaWiki-API-Error", code)] + list(headers))


class Sent:
    """One request as the wiki got it."""

    def __init__(self, method, url, params, headers, files, options):
        self.method = method
        self.url = url
        self.params = params
        self.headers = headers
        self.files = files
        self.options = options


class Conversation:
    """Stands in for an HTTP client: a list of (what is expected, what is answered).

    Expected is a dict of parameters (None: must be absent, `...`: any), with "" for
    the method; the answer a Reply, a document, an exception, or a callable that is
    given the Sent.
    """

    def __init__(self, test, *script):
        self.test = test
        self.script = list(script)
        self.sent = []
        self.cookies = ["a cookie"]
        self.closed = 0

    def close(self):
        self.closed += 1

    def done(self):
        self.test.assertEqual(self.script, [], "never asked for")

    def request(
        self,
        method,
        url,
        *,
        params=None,
        data=None,
        headers=None,
        files=None,
        auth=None,
        timeout=None,
        stream=False,
        cookies=None,
        json=None,
        allow_redirects=True
    ):
        target = urlsplit(url)
        pairs = parse_qsl(target.query, keep_blank_values=True)
        read = {}
        if files:
            pairs += data
            for name, (filename, content, kind) in files.items():
                content = content if isinstance(content, bytes) else content.read()
                read[name] = (filename, content, kind)
        elif isinstance(data, bytes):
            pairs += parse_qsl(data.decode("ascii"), keep_blank_values=True)
        options = {"auth": auth, "timeout": timeout, "stream": stream}
        where = target._replace(query="").geturl()
        sent = Sent(method, where, pairs, dict(headers or {}), read, options)
        self.sent.append(sent)
        if not self.script:
            self.test.fail("unscripted: %s %s %r" % (method, where, pairs))
        expected, answer = self.script.pop(0)
        got = dict(pairs)
        for name, value in expected.items():
            if name == "":
                self.test.assertEqual(value, method, pairs)
            elif name == "url":
                self.test.assertEqual(value, where)
            elif value is None:
                self.test.assertNotIn(name, got)
            elif value is ...:
                self.test.assertIn(name, got)
            else:
                self.test.assertEqual(value, got.get(name), "%s of %r" % (name, pairs))
        if callable(answer):
            answer = answer(sent)
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, Reply) else Reply(answer)


def tokens(**values):
    """The exchange in which tokens are asked for."""
    kind = next(iter(values))
    return (
        {"": "GET", "action": "query", "meta": "tokens", "type": kind},
        {"query": {"tokens": {kind + "token": values[kind]}}},
    )
