"""A server that follows the rules of Wikimedia's service, and drops every connection.

Two topics with events of growing times (several in one millisecond), ids that name one
millisecond past the event, a topic nothing came from yet at offset -1, Last-Event-ID by
time.  Each connection merges the topics in another order, starts some events early, and
ends at a random byte: by a reset, abruptly, or cleanly.
"""

import json
import random
import socket
import struct
import threading

TOPICS = ("eqiad.mediawiki.recentchange", "codfw.mediawiki.recentchange")
FIRST_OFFSET = 5900000000


def time_of(index):
    """Return the time of the event at `index`: three share a millisecond."""
    return 1700000000000 + index // 3


def first_at(time, count):
    """Return the index of the first event not before `time`."""
    return min(count, max(0, (time - 1700000000000) * 3))


class DroppingServer:
    """Serve `count` events in each topic; end each of `drops` connections early."""

    def __init__(self, count, drops, *, mean_bytes=20000, padding=0, seed=7, restarts=0):
        self.count = count
        self.drops = drops
        self.mean_bytes = mean_bytes
        self.padding = "x" * padding
        self.dice = random.Random(seed)
        self.restarts = restarts
        self.dropped = 0
        self.connections = 0
        self.stopped = False
        self.listener = self._listen(0)
        self.port = self.listener.getsockname()[1]
        self.url = "http://127.0.0.1:%d/v2/stream/recentchange" % self.port
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _listen(self, port):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(16)
        return listener

    def _accept(self):
        while not self.stopped:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                self._serve(connection)
            except OSError:
                pass
            finally:
                connection.close()
            if self.restarts and self.connections % self.restarts == 0:
                self.listener.close()
                self.listener = self._listen(self.port)

    def close(self):
        """Stop listening."""
        self.stopped = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.thread.join(10)

    def _serve(self, connection):
        position = self._start_position(self._read_head(connection))
        is_last = self.dropped >= self.drops
        budget = float("inf") if is_last else self.dice.randint(1, 2 * self.mean_bytes)
        self.dropped += 0 if is_last else 1
        out = [
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
            b"Date: Tue, 14 Nov 2023 22:13:20 GMT\r\nTransfer-Encoding: chunked\r\n\r\n"
        ]
        self._chunk(out, ":ok\n\n")
        size = sum(map(len, out))
        places = {}
        for topic in TOPICS:
            places[topic] = {"topic": topic, "partition": 0, "offset": -1}
        while any(index < self.count for index in position.values()):
            topic = self.dice.choice(TOPICS)
            for _ in range(self.dice.randint(1, 5)):
                if position[topic] >= self.count:
                    break
                before = len(out)
                self._event(out, topic, position[topic], places)
                size += sum(map(len, out[before:]))
                position[topic] += 1
            if size > budget:
                break
            if len(out) > 200:
                data = b"".join(out)
                out = []
                connection.sendall(data)
                budget -= len(data)
                size = 0
        data = b"".join(out)
        if not is_last:
            data = data[: int(budget)]
        connection.sendall(data)
        if is_last:
            connection.recv(1)  # the client has all, and closes
        else:
            self._end(connection, data.endswith(b"\n\r\n"))

    def _read_head(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.recv(65536)
            if not data:
                raise OSError("no request came")
            head += data
        return head.decode("latin-1")

    def _end(self, connection, may_be_clean):
        """End it by a last chunk, by a reset, or just so."""
        how = self.dice.choice(("abrupt", "clean", "rst"))
        if how == "clean" and may_be_clean:
            connection.sendall(b"0\r\n\r\n")
        elif how == "rst":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _start_position(self, head):
        position = dict.fromkeys(TOPICS, 0)
        for line in head.split("\r\n"):
            name, _, value = line.partition(": ")
            if name.lower() != "last-event-id":
                continue
            for entry in json.loads(value):
                start = self.count
                if "timestamp" in entry:
                    start = first_at(entry["timestamp"], self.count)
                    # The service repeats now and then what it had already sent.
                    start = max(0, start - self.dice.choice((0, 0, 5)))
                elif entry["offset"] >= 0:
                    start = entry["offset"] - FIRST_OFFSET
                position[entry["topic"]] = start
        return position

    def _event(self, out, topic, index, places):
        time = time_of(index)
        places[topic] = {"topic": topic, "partition": 0, "timestamp": time + 1}
        self._chunk(out, "event: message\n")
        self._chunk(out, "id: %s\n" % json.dumps(list(places.values()), separators=(",", ":")))
        self._chunk(
            out,
            'data: {"$schema":"/mediawiki/recentchange/1.0.0","meta":{"id":"%s-%d","topic":"%s",'
            '"partition":0,"offset":%d,"domain":"x"},"title":"Straße %d%s"}\n\n'
            % (topic[:5], index, topic, FIRST_OFFSET + index, index, self.padding),
        )

    def _chunk(self, out, text):
        data = text.encode("utf-8")
        out.append(b"%x\r\n%s\r\n" % (len(data), data))
