"""A server that follows a script: whatever the script does not foresee fails the test.

    with ScriptedServer(
        ["GET /one", reply(b"first"), "GET /two", reply(b"second")],   # one connection
        ["GET /three", b"HTTP/1.1 200 OK\\r\\n\\r\\nend", CLOSE],         # the next one
    ) as server:
        client.get(server.url + "/one")

A str step reads one request, body and all, and compares its method and target; bytes are
sent; a callable gets the socket.  After the last step the connection is held open until
the client closes it: bytes that then come are unscripted.  Requests are kept in
`server.requests`.  `each` are the steps of however many connections come beyond those.
"""

import re
import socket
import ssl
import struct
import threading


class CLOSE:
    """Step: close the connection."""


class RESET:
    """Step: reset the connection (RST)."""


class HALF_CLOSE:
    """Step: send FIN, go on reading."""


def reply(body=b"", status="200 OK", headers=(), length=True):
    """Return the bytes of an answer."""
    lines = ["HTTP/1.1 %s" % status]
    if length:
        lines.append("Content-Length: %d" % len(body))
    lines += ["%s: %s" % pair for pair in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def chunked(*pieces, headers=(), trailers=""):
    """Return the bytes of an answer in chunks."""
    head = reply(headers=[("Transfer-Encoding", "chunked"), *headers], length=False)
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return head + body + b"0\r\n" + trailers.encode("latin-1") + b"\r\n"


class SeenRequest:
    """One request as the server read it."""

    def __init__(self, line, headers, body):
        self.line = line
        self.method, self.target = (line.split(" ") + [""])[:2]
        self.headers = headers
        self.body = body

    def get(self, name):
        """Return all values of a header joined by commas, None if there is none."""
        values = [v for n, v in self.headers if n.lower() == name.lower()]
        return ", ".join(values) if values else None

    def __repr__(self):
        return "<%s>" % self.line


class RequestReader:
    """Reads requests from a socket."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""

    def _fill(self):
        data = self.sock.recv(65536)
        self.buffer += data
        return bool(data)

    def _until(self, mark):
        while mark not in self.buffer:
            if not self._fill():
                return None
        part, _, self.buffer = self.buffer.partition(mark)
        return part

    def _exactly(self, size):
        while len(self.buffer) < size:
            if not self._fill():
                raise EOFError("request body cut short")
        part, self.buffer = self.buffer[:size], self.buffer[size:]
        return part

    def read_head(self):
        """Return (request line, header pairs), None if the client has closed."""
        head = self._until(b"\r\n\r\n")
        if head is None:
            return None
        lines = head.decode("latin-1").split("\r\n")
        return lines[0], [tuple(re.split(r":[ \t]*", x, maxsplit=1)) for x in lines[1:]]

    def read_body(self, headers):
        """Return the body that belongs to these headers."""
        known = {name.lower(): value for name, value in headers}
        if known.get("transfer-encoding") == "chunked":
            pieces = []
            while True:
                size = int(self._until(b"\r\n"), 16)
                pieces.append(self._exactly(size))
                assert self._exactly(2) == b"\r\n"
                if not size:
                    return b"".join(pieces)
        return self._exactly(int(known.get("content-length", 0)))

    def read(self):
        """Return the next SeenRequest, None if the client has closed."""
        head = self.read_head()
        if head is None:
            return None
        line, headers = head
        return SeenRequest(line, headers, self.read_body(headers))


class ScriptedServer:
    """See the module's text.  A context manager; leaving it checks the script."""

    def __init__(self, *connections, each=None, host="127.0.0.1", wrap=None):
        self.script = list(connections)
        self.each = each
        self.requests = []
        self.accepted = 0
        self.problems = []
        self.wrap = wrap
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.bind((host, 0))
        self.listener.listen(64)
        self.host = host
        self.port = self.listener.getsockname()[1]
        self.url = "http%s://%s:%d" % ("s" if wrap else "", host, self.port)
        self.threads = []
        self.sockets = []
        self.is_over = False
        self.all_accepted = threading.Event()

    def __enter__(self):
        thread = threading.Thread(target=self._accept, daemon=True)
        thread.start()
        self.threads.append(thread)
        return self

    def __exit__(self, kind, error, trace):
        if error is None and self.accepted < len(self.script):
            # A connection that was made may not have been accepted yet.
            self.all_accepted.wait(2)
        self.is_over = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            socket.create_connection(self.listener.getsockname()[:2], 1).close()
        for thread in self.threads[:1]:
            thread.join(10)
        # Whoever still follows the script is given time, who only waits is not.
        for thread in self.threads[1:]:
            thread.join(0 if error else 5)
        for sock in self.sockets:
            sock.close()
        self.listener.close()
        if error is not None and self.problems:
            print("script: " + "; ".join(self.problems))
        if error is None:
            if self.accepted < len(self.script):
                self.problems.append(
                    "%d of %d connections were made" % (self.accepted, len(self.script))
                )
            assert not self.problems, "; ".join(self.problems)

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            if self.is_over:
                sock.close()
                return
            number = self.accepted
            self.accepted += 1
            if self.accepted >= len(self.script):
                self.all_accepted.set()
            self.sockets.append(sock)
            steps = self.script[number] if number < len(self.script) else self.each
            if steps is None:
                self.problems.append("unscripted connection %d" % (number + 1))
                sock.close()
                continue
            thread = threading.Thread(
                target=self._follow, args=(sock, steps), daemon=True
            )
            self.threads.append(thread)
            thread.start()

    def _follow(self, sock, steps):
        done = 0
        try:
            if self.wrap is not None:
                sock = self.wrap(sock)
                self.sockets.append(sock)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader = RequestReader(sock)
            for step in steps:
                if self._step(sock, reader, step):
                    return
                done += 1
            sock.settimeout(None)
            extra = reader.buffer or sock.recv(65536)
            if extra and not self.is_over:
                self.problems.append("unscripted bytes: %r" % extra[:80])
        except Exception as error:
            if done < len(steps):
                self.problems.append("step %r: %r" % (steps[done], error))
        finally:
            sock.close()

    def _step(self, sock, reader, step):
        if isinstance(step, str):
            request = reader.read()
            if request is None:
                raise EOFError("client closed, wanted a request")
            self.requests.append(request)
            got = "%s %s" % (request.method, request.target)
            if got != step:
                raise AssertionError("got %r" % got)
        elif step is CLOSE:
            return True
        elif step is RESET:
            sock.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            return True
        elif step is HALF_CLOSE:
            sock.shutdown(socket.SHUT_WR)
        elif callable(step):
            step(sock)
        else:
            sock.sendall(step)
        return False


class InnerTls:
    """The server's end of a TLS that runs inside of another connection."""

    def __init__(self, sock, context):
        self.sock = sock
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self._drive(self.tls.do_handshake)

    def _drive(self, step, *args):
        while True:
            try:
                result = step(*args)
            except ssl.SSLWantReadError:
                self._flush()
                data = self.sock.recv(65536)
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()
                continue
            self._flush()
            return result

    def _flush(self):
        data = self.outgoing.read()
        if data:
            self.sock.sendall(data)

    def read_request(self):
        """Return the bytes up to the end of a head."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._drive(self.tls.read, 65536)
        return data

    def write(self, data):
        """Send bytes."""
        self._drive(self.tls.write, data)

    def close(self):
        """Say TLS's goodbye."""
        try:
            self._drive(self.tls.unwrap)
        except OSError:
            # The other side did not wait for it.
            pass


def wrap_socket(sock, context):
    """Return the server's end of TLS inside of `sock`, whatever `sock` is."""
    return InnerTls(sock, context)
