"""A network in a function: what HttpClient(transport=...) takes, following a script."""


class Network:
    """Answers each request with the next of `script`, and keeps what was asked."""

    def __init__(self, *script):
        self.script = list(script)
        self.seen = []

    def __call__(self, method, url, headers, body, timeout):
        self.seen.append((method, url, {n.lower(): v for n, v in headers}, body, timeout))
        if not self.script:
            raise AssertionError("unscripted: %s %s" % (method, url))
        step = self.script.pop(0)
        if isinstance(step, BaseException):
            raise step
        if callable(step):
            step = step(*self.seen[-1])
        return step

    def header(self, name, index=-1):
        return self.seen[index][2].get(name)


def ok(body=b"", content_type="text/html; charset=utf-8", status=200, headers=()):
    return status, [("Content-Type", content_type), *headers], body
