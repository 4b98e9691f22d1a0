"""Servers on 127.0.0.1 with a thread for each connection."""

import socket
import threading


def close_socket(sock):
    """Close it so that a thread that is blocked in it wakes up."""
    try:
        # Not the method of a TLS socket: that would take TLS away from its thread.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        pass
    sock.close()


def read_head(connection):
    """Return (head, what came with it) of a request, b"" for the head at an early end."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b"", data
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


class AcceptingServer:
    """Calls `serve(connection)` for each; `close()` ends them all.  A context manager."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(8)
        self.port = self.listener.getsockname()[1]
        self.errors = []
        self.threads = []
        self.sockets = [self.listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.sockets.append(connection)
            self.start(self._serve, connection)

    def start(self, function, *arguments):
        """Call it in a thread that `close` waits for."""
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self.threads.append(thread)
        thread.start()
        return thread

    def _serve(self, connection):
        try:
            self.serve(connection)
        except OSError as error:
            self.errors.append(error)
        finally:
            connection.close()

    def serve(self, connection):
        """Talk; the connection is closed afterwards."""
        raise NotImplementedError

    def wait(self):
        """Wait until each connection has been served to its end."""
        for thread in self.threads:
            thread.join(10)

    def close(self):
        for sock in self.sockets:
            close_socket(sock)
        self.wait()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()


class Relay(AcceptingServer):
    """A proxy for CONNECT: every tunnel leads to one port here.  Keeps the heads it got."""

    def __init__(self, target, answer=b"HTTP/1.1 200 OK\r\n\r\n"):
        self.target, self.answer = target, answer
        self.heads = []
        super().__init__()

    def serve(self, connection):
        head, _ = read_head(connection)
        if not head:
            return
        self.heads.append(head + b"\r\n\r\n")
        connection.sendall(self.answer)
        if b" 200 " not in self.answer[:20]:
            return
        other = socket.create_connection(("127.0.0.1", self.target), 10)
        self.sockets.append(other)
        back = self.start(self._pump, other, connection)
        self._pump(connection, other)
        back.join(10)
        other.close()

    def _pump(self, source, target):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
