"""A plain urllib opener whose network is a script: what each handler does when alone."""

import base64
import io
import ssl
import urllib.error
import urllib.request
import urllib.response
from email.message import Message


def answer(status=200, headers=(), body=b"", reason="Scripted"):
    """Return one answer of a script; `headers` are (name, value) pairs."""
    return status, list(headers), body, reason


class Seen:
    """One request as it would go out: `headers` by lower-case name, `lines` as sent."""

    def __init__(self, request):
        sent = dict(request.unredirected_hdrs)
        for name, value in request.headers.items():
            sent.setdefault(name, value)
        self.method = request.get_method()
        self.url = request.full_url
        self.lines = sent
        self.headers = {name.lower(): value for name, value in sent.items()}
        self.body = request.data
        self.request = request

    def __repr__(self):
        return "%s %s" % (self.method, self.url)


class ScriptedNetwork(urllib.request.BaseHandler):
    """Answers in the order of the script; anything beyond it fails the test."""

    handler_order = 100

    def __init__(self, *script):
        self.script = list(script)
        self.seen = []

    def http_open(self, request):
        self.seen.append(Seen(request))
        if not self.script:
            raise AssertionError("unscripted: %r" % self.seen)
        step = self.script.pop(0)
        if callable(step):
            step = step(self.seen[-1])
        status, headers, body, reason = step
        message = Message()
        for name, value in headers:
            message[name] = value
        response = urllib.response.addinfourl(
            io.BytesIO(body), message, request.full_url, status
        )
        response.msg = reason
        response.raw_body = response.fp
        return response

    https_open = http_open


def scripted_opener(handlers, *script):
    """Return (opener, network): urllib's own handlers, `handlers`, and a script."""
    network = ScriptedNetwork(*script)
    # By itself urllib reads all of the system's certificates for each opener.
    https = urllib.request.HTTPSHandler(context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    return urllib.request.build_opener(network, https, *handlers), network


BASIC = ("WWW-Authenticate", 'Basic realm="wiki"')
DIGEST = ("WWW-Authenticate", 'Digest realm="wiki", nonce="n", qop="auth"')


def basic(user, password):
    return "Basic " + base64.b64encode(("%s:%s" % (user, password)).encode()).decode()


def guard(user="u", password="p", challenge=BASIC):
    """Return a step of a script that lets only one user in."""

    def step(seen):
        if seen.headers.get("authorization") == basic(user, password):
            return answer(200, body=b"in")
        return answer(401, [challenge], b"no")

    return step


def talk(handlers, *steps):
    """Return (visit, network): visit(url) gives the status."""
    opener, network = scripted_opener(handlers, *steps)

    def visit(request):
        try:
            with opener.open(request) as response:
                return response.code
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    return visit, network


def shown(network):
    return [s.headers.get("authorization") for s in network.seen]
