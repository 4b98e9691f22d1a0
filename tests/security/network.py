"""Networks of any hosts without any: for clients that go from origin to origin."""

import socket
import threading

from wikistd import HttpClient


class Seen:
    """One request that reached an origin."""

    def __init__(self, method, url, headers, body):
        self.method, self.url, self.pairs, self.body = method, url, headers, body
        self.origin = "/".join(url.split("/")[:3])

    def values(self, name):
        return [value for key, value in self.pairs if key.lower() == name]

    def names(self):
        return [name.lower() for name, _ in self.pairs]


class Origins:
    """Answers by URL: {url: (status, headers, body)}; an unknown URL is a plain 200."""

    def __init__(self, answers=()):
        self.answers = dict(answers)
        self.seen = []

    def __call__(self, method, url, headers, body, timeout):
        if body is not None and not isinstance(body, (bytes, bytearray)):
            body = b"".join(body)
        self.seen.append(Seen(method, url, headers, body))
        answer = self.answers.get(url, (200, [], b"ok"))
        return answer(self.seen[-1]) if callable(answer) else answer

    def at(self, origin):
        return [seen for seen in self.seen if seen.origin == origin]


def moved(location, status=302, *headers):
    return status, [("Location", location), *headers], b"moved"


def client_for(network, **options):
    options.setdefault("user_agent", "tests/1.0")
    return HttpClient(transport=network, **options)


class Bytes:
    """A connect= hook: each host answers with the bytes given for it, on real sockets.

    `sent[host]` is all that was written to connections of a host; `opened` counts.
    """

    def __init__(self, **answers):
        self.answers = {name.replace("_", "."): value for name, value in answers.items()}
        self.sent = {}
        self.opened = []
        self.threads = []

    def __call__(self, host, port, timeout):
        ours, theirs = socket.socketpair()
        self.opened.append((host, port))
        ours.settimeout(10)
        answers = self.answers.get(host, [])
        answers = list(answers) if isinstance(answers, (list, tuple)) else [answers]
        thread = threading.Thread(target=self._serve, args=(theirs, host, answers), daemon=True)
        thread.start()
        self.threads.append(thread)
        return ours

    def _serve(self, sock, host, answers):
        with sock:
            try:
                for answer in answers:
                    data = b""
                    while b"\r\n\r\n" not in data:
                        more = sock.recv(65536)
                        if not more:
                            return
                        data += more
                        self.sent[host] = self.sent.get(host, b"") + more
                    for piece in [answer] if isinstance(answer, bytes) else answer:
                        sock.sendall(piece)
                sock.shutdown(socket.SHUT_WR)
                while True:
                    more = sock.recv(65536)
                    if not more:
                        return
                    self.sent[host] = self.sent.get(host, b"") + more
            except OSError:
                pass


def on_bytes(network, **options):
    options.setdefault("user_agent", "tests/1.0")
    options.setdefault("proxies", {})
    options.setdefault("timeout", 10)
    return HttpClient(connect=network, **options)
