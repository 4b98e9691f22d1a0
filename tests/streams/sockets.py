"""A WebSocket server for tests: our own server role over plain sockets, in threads."""

import socket
import threading

from wikistd import (
    MSG_CLOSE,
    MSG_PING,
    MSG_PONG,
    HandshakeRefused,
    LimitExceeded,
    WebSocketError,
    do_handshake,
)


class SocketServer:
    """Accept, shake hands, and run `script(peer)` for each connection."""

    def __init__(self, script, *, protocols=(), compress=True, wrap=None, refuse=None):
        self.script = script
        self.protocols = protocols
        self.compress = compress
        self.wrap = wrap
        self.refuse = refuse
        self.requests = []
        self.errors = []
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(8)
        self.port = self.listener.getsockname()[1]
        self.url = "ws%s://127.0.0.1:%d/chat" % ("s" if wrap else "", self.port)
        self.threads = []
        self.sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _serve(self, connection):
        self.sockets.append(connection)
        try:
            if self.wrap is not None:
                connection = self.wrap(connection)
                self.sockets.append(connection)
            self._talk(connection)
        except OSError as error:
            self.errors.append(error)
        finally:
            connection.close()

    def _talk(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.recv(4096)
            if not data:
                return
            head += data
        head, _, rest = head.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:])
        self.requests.append((lines[0], fields))
        if self.refuse is not None:
            connection.sendall(self.refuse)
            return
        try:
            _, headers, parser, writer = do_handshake(
                lines[0].split(" ")[0], fields, self.protocols, compress=self.compress
            )
        except HandshakeRefused as error:
            connection.sendall(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % error.status)
            return
        answer = "".join("%s: %s\r\n" % pair for pair in headers)
        connection.sendall(("HTTP/1.1 101 Switching Protocols\r\n%s\r\n" % answer).encode())
        self.script(Peer(connection, parser, writer, rest))

    def wait(self):
        """Wait until the scripts have played to their ends."""
        for thread in self.threads:
            thread.join(10)

    def close(self):
        self.listener.close()
        for connection in self.sockets:
            connection.close()
        for thread in self.threads:
            thread.join(10)


class Peer:
    """The server's end of one connection."""

    def __init__(self, connection, parser, writer, rest):
        self.connection = connection
        self.parser = parser
        self.writer = writer
        self.queue = parser.feed(rest) if rest else []

    def next(self):
        """Return the next message, None at the end."""
        while not self.queue:
            if self.parser.error is not None:
                raise self.parser.error
            data = self.connection.recv(65536)
            if not data:
                return None
            self.queue += self.parser.feed(data)
        return self.queue.pop(0)

    def put(self, data):
        self.connection.sendall(data)


def echo(peer):
    """Send everything back until the other side closes, or breaks the protocol."""
    try:
        while True:
            message = peer.next()
            if message is None:
                return
            if message.tp == MSG_CLOSE:
                peer.put(peer.writer.close(message.data))
                return
            if message.tp == MSG_PING:
                peer.put(peer.writer.pong(message.data))
            elif message.tp != MSG_PONG:
                peer.put(peer.writer.send(message.data))
    except WebSocketError as error:
        peer.put(peer.writer.close(error.code, error.message))
    except LimitExceeded:
        peer.put(peer.writer.close(1009))
