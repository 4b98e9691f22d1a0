"""Other libraries' WebSocket clients against our server role, and the embedded wiki.

    python3 tests/integration/websocket_peers.py [--python PATH]

`websockets` and `wsproto` are installed into a throw-away environment (--python names
one that has them).  Each talks to an echo server made of do_handshake, WebSocketParser
and WebSocketWriter, with and without compression, and `websockets` reads the embedded
wiki's changes as well.  Exit code 0 if all of it arrived.
"""

import argparse
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TEXTS = ["", "a", "Straße €", "x" * 125, "x" * 126, "long €" * 20000]


def run_websockets(url, compress):
    from websockets.sync.client import connect

    with connect(url, compression="deflate" if compress else None, max_size=None) as client:
        assert bool(client.protocol.extensions) is compress, client.protocol.extensions
        for text in TEXTS:
            client.send(text)
            assert client.recv(20) == text
            client.send(text.encode())
            assert client.recv(20) == text.encode()
        client.send(iter(["in ", "", "frag", "ments €"]))
        assert client.recv(20) == "in fragments €"
        assert client.ping(b"there?").wait(20)
    assert client.close_code == 1000, client.close_code


def run_wsproto(url, compress):
    import socket

    from wsproto import ConnectionType, WSConnection
    from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Pong, Request, TextMessage
    from wsproto.extensions import PerMessageDeflate

    host, port = url.split("/")[2].split(":")
    sock = socket.create_connection((host, int(port)))
    peer = WSConnection(ConnectionType.CLIENT)
    extensions = [PerMessageDeflate()] if compress else []
    sock.sendall(peer.send(Request(host=host, target="/chat", extensions=extensions)))
    texts, data, seen = [""], [b""], []

    def until(kind):
        while True:
            for event in peer.events():
                seen.append(event)
                if isinstance(event, TextMessage):
                    texts[-1] += event.data
                    texts.extend([""] * event.message_finished)
                elif isinstance(event, BytesMessage):
                    data[-1] += event.data
                    data.extend([b""] * event.message_finished)
                if isinstance(event, kind) and getattr(event, "message_finished", True):
                    return event
            part = sock.recv(65536)
            assert part, "the connection ended"
            peer.receive_data(part)

    until(AcceptConnection)
    for text in TEXTS:
        sock.sendall(peer.send(TextMessage(data=text)))
        until(TextMessage)
        sock.sendall(peer.send(BytesMessage(data=text.encode())))
        until(BytesMessage)
    assert texts[:-1] == TEXTS and data[:-1] == [text.encode() for text in TEXTS]
    sock.sendall(peer.send(Ping(payload=b"there?")))
    assert bytes(until(Pong).payload) == b"there?"
    sock.sendall(peer.send(CloseConnection(code=1000)))
    assert until(CloseConnection).code == 1000
    sock.close()


def read_wiki(url):
    import json

    from websockets.sync.client import connect

    with connect(url) as client:
        events = [json.loads(client.recv(20)) for _ in range(5)]
    numbers = [event["id"] for event in events]
    assert numbers == sorted(numbers), numbers


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python")
    options = parser.parse_args()
    sys.path.insert(0, ROOT)
    from tests.streams.sockets import SocketServer, echo
    from wikistd import serve_wiki

    with tempfile.TemporaryDirectory() as folder:
        python = options.python
        if python is None:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            python = os.path.join(folder, "bin", "python")
            subprocess.run([python, "-m", "pip", "install", "-q", "websockets", "wsproto"], check=True)
        failed = 0
        with serve_wiki() as wiki:
            for number in range(5):
                wiki.store.save_page("Page %d" % number, "text", user="Demo")
            feed = wiki.url.replace("http", "ws", 1) + "/v2/stream/recentchange?since=0"
            tasks = [("websockets", "1"), ("websockets", "0"), ("wsproto", "1"), ("wsproto", "0"), ("wiki", "1")]
            for name, compress in tasks:
                server = SocketServer(echo)
                url = feed if name == "wiki" else server.url
                done = subprocess.run([python, __file__, "--peer", name, url, compress])
                failed += done.returncode != 0
                print("%-10s %-10s %s" % (name, "compressed" if compress == "1" else "plain", "failed" if done.returncode else "ok"))
                server.close()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        name, url, compress = sys.argv[2:5]
        if name == "wiki":
            read_wiki(url)
        else:
            {"websockets": run_websockets, "wsproto": run_wsproto}[name](url, compress == "1")
    else:
        main()
