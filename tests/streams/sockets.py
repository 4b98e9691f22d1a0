"""A WebSocket server for tests: our own server role over plain sockets, in threads."""

from tests.support.accepting import AcceptingServer, read_head
from wikistd import (
    MSG_CLOSE,
    MSG_PING,
    MSG_PONG,
    HandshakeRefused,
    LimitExceeded,
    WebSocketError,
    do_handshake,
)


class SocketServer(AcceptingServer):
    """Shake hands, and run `script(peer)` for each connection.

    `refuse` is the answer to every handshake, or a function of its fields that returns
    one, None to go on.
    """

    def __init__(self, script, *, protocols=(), compress=True, wrap=None, refuse=None):
        self.script = script
        self.protocols = protocols
        self.compress = compress
        self.wrap = wrap
        self.refuse = refuse if callable(refuse) else lambda fields: refuse
        self.requests = []
        super().__init__()
        self.url = "ws%s://127.0.0.1:%d/chat" % ("s" if wrap else "", self.port)

    def serve(self, connection):
        if self.wrap is None:
            self._talk(connection)
            return
        connection = self.wrap(connection)
        self.sockets.append(connection)
        try:
            self._talk(connection)
        finally:
            connection.close()

    def _talk(self, connection):
        head, rest = read_head(connection)
        if not head:
            return
        lines = head.decode("latin-1").split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:])
        self.requests.append((lines[0], fields))
        refusal = self.refuse(fields)
        if refusal is not None:
            connection.sendall(refusal)
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
