"""web/tunnels.py and web/dial.py: through proxies."""

import base64
import socket
import threading
import unittest

from tests.support.clients import certificate, digest_of, make_client, server_context
from tests.support.scripted import CLOSE, ScriptedServer, reply, wrap_socket
from wikistd import (
    ConnectFailed,
    ConnectionLost,
    Deadline,
    HttpClient,
    ProtocolError,
    ProxyError,
    TransportTimeout,
    WebRequest,
)
from wikistd.web.tunnels import SOCKS5_REPLIES

OK = reply(b"ok")
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def basic(user, password):
    text = ("%s:%s" % (user, password)).encode("utf-8")
    return "Basic " + base64.b64encode(text).decode("ascii")


def exactly(sock, size):
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise EOFError("closed")
        data += piece
    return data


class PlainHttp(unittest.TestCase):
    def test_absolute_form(self):
        """A plain request goes to the proxy with the whole URL, and its credentials."""
        with ScriptedServer(["GET http://origin.test/a?b", OK]) as proxy:
            address = "http://me:p%%C3%%A4ss@127.0.0.1:%d" % proxy.port
            with make_client(proxies={"http": address}) as client:
                response = client.get("http://origin.test/a?b")
            self.assertEqual(response.content, b"ok")
            request = proxy.requests[0]
            self.assertEqual(request.get("Host"), "origin.test")
            self.assertEqual(request.get("Proxy-Authorization"), basic("me", "päss"))

    def test_digest(self):
        """A proxy that wants Digest gets it."""
        challenge = [("Proxy-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')]
        with ScriptedServer(
            ["GET http://origin.test/", reply(b"", "407 Login", challenge),
             "GET http://origin.test/", OK]
        ) as proxy:  # fmt: skip
            address = "http://me:pw@127.0.0.1:%d" % proxy.port
            with make_client(proxies=address) as client:
                self.assertEqual(client.get("http://origin.test/").content, b"ok")
            answer = proxy.requests[1].get("Proxy-Authorization")
            self.assertTrue(answer.startswith("Digest "), answer)

    def test_not_reached(self):
        """A proxy that is not there is a ProxyError that names it and who chose it."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            with make_client(proxies={"http": "http://u:secret@127.0.0.1:%d" % port}) as c:
                with self.assertRaises(ProxyError) as caught:
                    c.get("http://origin.test/")
        text = str(caught.exception)
        self.assertIn("proxy http://127.0.0.1:%d cannot be used: cannot connect" % port, text)
        self.assertIn("[through http://127.0.0.1:%d, which proxies= names" % port, text)
        self.assertNotIn("secret", text)

    def test_directly(self):
        """Without a proxy the error says that none was named."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = "http://127.0.0.1:%d/" % taken.getsockname()[1]
            with make_client() as client, self.assertRaises(ConnectFailed) as caught:
                client.get(url)
        self.assertIn("[directly: proxies= names no proxy]", str(caught.exception))
        self.assertEqual(caught.exception.url, url)


class Connect(unittest.TestCase):
    def tunnel(self, *connections, scheme="http", user="", wrap=None, **options):
        """Run one https request through a scripted proxy; return (result, proxy)."""
        with ScriptedServer(*connections, wrap=wrap) as proxy:
            address = "%s://%s127.0.0.1:%d" % (scheme, user, proxy.port)
            with HttpClient(
                proxies={"https": address},
                ca_file=certificate("authority"),
                timeout=5,
                **options,
            ) as client:
                try:
                    result = client.get("https://localhost/x").content
                except Exception as error:
                    result = error
            return result, proxy

    def inner(self, sock):
        """Be the origin behind the tunnel."""
        tls = wrap_socket(sock, server_context())
        self.seen = tls.read_request()
        tls.write(OK)

    def test_tunnel(self):
        """https goes through CONNECT; the origin never sees the proxy's credentials."""
        result, proxy = self.tunnel(
            ["CONNECT localhost:443", ESTABLISHED, self.inner], user="me:pw@"
        )
        self.assertEqual(result, b"ok")
        request = proxy.requests[0]
        self.assertEqual(request.get("Proxy-Authorization"), basic("me", "pw"))
        self.assertEqual(request.get("Host"), "localhost:443")
        self.assertIn(b"GET /x HTTP/1.1", self.seen)
        self.assertNotIn(b"roxy", self.seen)

    def test_tls_in_tls(self):
        """https through a proxy that is itself spoken to in TLS."""
        context = server_context()
        result, _ = self.tunnel(
            ["CONNECT localhost:443", ESTABLISHED, self.inner],
            scheme="https",
            wrap=lambda sock: context.wrap_socket(sock, server_side=True),
        )
        self.assertEqual(result, b"ok")

    def test_kept(self):
        """TLS inside of TLS is kept, pinned, and read to its proper end."""
        context = server_context()

        def inner(sock):
            tls = wrap_socket(sock, server_context())
            for answer in [OK, reply(b"x" * 200000), reply(b"the end", length=False)]:
                tls.read_request()
                tls.write(answer)
            tls.close()

        with ScriptedServer(
            ["CONNECT localhost:443", ESTABLISHED, inner, CLOSE],
            wrap=lambda sock: context.wrap_socket(sock, server_side=True),
        ) as proxy, make_client(
            proxies={"https": "https://127.0.0.1:%d" % proxy.port},
            ca_file=certificate("authority"),
            fingerprint=digest_of("server"),
        ) as client:
            url = "https://localhost/"
            self.assertEqual(client.get(url).content, b"ok")
            self.assertEqual(len(client.get(url).content), 200000)
            self.assertEqual(client.get(url).content, b"the end")
            self.assertEqual(client.counters.connections, 1)

    def test_cut(self):
        """An end without TLS's own goodbye is not the end of a body."""
        context = server_context()

        def inner(sock):
            tls = wrap_socket(sock, server_context())
            tls.read_request()
            tls.write(reply(b"not all", length=False))

        with ScriptedServer(
            ["CONNECT localhost:443", ESTABLISHED, inner, CLOSE],
            wrap=lambda sock: context.wrap_socket(sock, server_side=True),
        ) as proxy, make_client(
            proxies={"https": "https://127.0.0.1:%d" % proxy.port},
            ca_file=certificate("authority"),
        ) as client:
            with self.assertRaises(ConnectionLost):
                client.get("https://localhost/")

    def test_cancel(self):
        """A call through TLS in TLS can be cancelled."""
        context = server_context()
        arrived = threading.Event()

        def inner(sock):
            tls = wrap_socket(sock, server_context())
            tls.read_request()
            arrived.set()
            sock.recv(1)

        with ScriptedServer(
            ["CONNECT localhost:443", ESTABLISHED, inner, CLOSE],
            wrap=lambda sock: context.wrap_socket(sock, server_side=True),
        ) as proxy, make_client(
            proxies={"https": "https://127.0.0.1:%d" % proxy.port},
            ca_file=certificate("authority"),
        ) as client:
            request = WebRequest("https://localhost/")
            threading.Thread(
                target=lambda: (arrived.wait(5), request.cancel())
            ).start()
            with self.assertRaisesRegex(ConnectionLost, "cancelled"):
                client.open(request)

    def test_refused(self):
        """A refusal says which proxy, what it answered and what to do."""
        for status, login, text in [
            ("403 Forbidden", "", "refused a tunnel to localhost:443: 403 Forbidden"),
            ("407 Login", "", "it wants a user name and password"),
            ("407 Login", "a:secret@", "check its user name and password"),
        ]:
            result, _ = self.tunnel(
                ["CONNECT localhost:443", reply(b"", status)], user=login
            )
            self.assertIsInstance(result, ProxyError)
            self.assertEqual(result.status, int(status[:3]))
            self.assertEqual(result.phase, "proxy")
            self.assertIn(text, str(result))
            self.assertNotIn("secret", str(result))

    def test_digest(self):
        """A proxy that wants Digest for the tunnel gets it, on a new connection."""
        challenge = [("Proxy-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')]
        result, proxy = self.tunnel(
            ["CONNECT localhost:443", reply(b"", "407 Login", challenge)],
            ["CONNECT localhost:443", ESTABLISHED, self.inner],
            user="me:pw@",
        )
        self.assertEqual(result, b"ok")
        self.assertIn("Digest", proxy.requests[1].get("Proxy-Authorization"))

    def test_interim_and_garbage(self):
        """1xx are skipped; what is not HTTP, or comes before TLS, is refused."""
        interim = b"HTTP/1.1 100 Continue\r\n\r\n"
        result, _ = self.tunnel(
            ["CONNECT localhost:443", interim + ESTABLISHED, self.inner]
        )
        self.assertEqual(result, b"ok")
        result, _ = self.tunnel(["CONNECT localhost:443", interim * 50])
        self.assertIsInstance(result, ProtocolError)
        result, _ = self.tunnel(["CONNECT localhost:443", ESTABLISHED + b"early"])
        self.assertIsInstance(result, ProtocolError)
        self.assertIn("5 bytes into the tunnel before TLS", str(result))
        result, _ = self.tunnel(["CONNECT localhost:443", b"SSH-2.0\r\n"])
        self.assertIsInstance(result, ProtocolError)
        result, _ = self.tunnel(["CONNECT localhost:443", CLOSE])
        self.assertIsInstance(result, ProxyError)
        self.assertIn("closed the connection without an answer", str(result))

    def test_time(self):
        """A proxy that says nothing is TransportTimeout, phase proxy."""
        result, _ = self.tunnel(["CONNECT localhost:443"], connect_timeout=0.1)
        self.assertIsInstance(result, TransportTimeout)
        self.assertEqual(result.phase, "proxy")

    def test_pool_key(self):
        """A tunnel is not shared with direct connections."""
        with make_client() as client:
            dialer = client.keepalive.dialer
            self.assertNotEqual(
                dialer.route("https", "a", 443, None),
                dialer.route("https", "a", 443, "proxy"),
            )


class Socks(unittest.TestCase):
    def run_socks(self, talk, scheme="socks5h", login="", host="origin.test"):
        """Run one request through a SOCKS5 proxy that `talk` plays."""
        errors = []

        def play(sock):
            try:
                talk(sock)
            except EOFError:
                pass
            except Exception as error:
                errors.append(error)

        with ScriptedServer([play, CLOSE]) as proxy:
            address = "%s://%s127.0.0.1:%d" % (scheme, login, proxy.port)
            with make_client(proxies={"all": address}, timeout=5) as client:
                try:
                    result = client.get("http://%s:81/" % host).content
                except Exception as error:
                    result = error
        self.assertEqual(errors, [])
        return result

    def answer(self, sock):
        data = b""
        while b"\r\n\r\n" not in data:
            data += exactly(sock, 1)
        sock.sendall(OK)

    def test_by_name(self):
        """socks5h sends the name."""

        def talk(sock):
            self.assertEqual(exactly(sock, 3), b"\x05\x01\x00")
            sock.sendall(b"\x05\x00")
            self.assertEqual(exactly(sock, 18), b"\x05\x01\x00\x03\x0borigin.test\x00\x51"[:18])
            sock.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x51")
            self.answer(sock)

        self.assertEqual(self.run_socks(talk), b"ok")

    def test_by_address(self):
        """socks5 looks the name up here; a password is sent; a name may come back."""

        def talk(sock):
            self.assertEqual(exactly(sock, 4), b"\x05\x02\x00\x02")
            sock.sendall(b"\x05\x02")
            self.assertEqual(exactly(sock, 7), b"\x01\x02me\x02pw")
            sock.sendall(b"\x01\x00")
            self.assertEqual(exactly(sock, 10), b"\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x51")
            sock.sendall(b"\x05\x00\x00\x03\x04name\x00\x51")
            self.answer(sock)

        self.assertEqual(self.run_socks(talk, "socks5", "me:pw@", "127.0.0.1"), b"ok")

    def test_name_looked_up_here(self):
        """socks5 sends the address of a name."""

        def talk(sock):
            exactly(sock, 3)
            sock.sendall(b"\x05\x00")
            self.assertEqual(exactly(sock, 4)[3] in (1, 4), True)

        self.assertIsInstance(self.run_socks(talk, "socks5", host="localhost"), ProxyError)

    def test_ipv6(self):
        """IPv6 addresses go as such."""

        def talk(sock):
            exactly(sock, 3)
            sock.sendall(b"\x05\x00")
            wanted = b"\x05\x01\x00\x04" + b"\x00" * 15 + b"\x01\x00\x51"
            self.assertEqual(exactly(sock, len(wanted)), wanted)
            sock.sendall(b"\x05\x00\x00\x04" + b"\x00" * 18)
            self.answer(sock)

        self.assertEqual(self.run_socks(talk, host="[::1]"), b"ok")

    def test_refusals(self):
        """Each refusal is a ProxyError with its reason."""

        def no_method(sock):
            exactly(sock, 3)
            sock.sendall(b"\x05\xff")

        def not_socks(sock):
            exactly(sock, 3)
            sock.sendall(b"HT")

        def closes(sock):
            exactly(sock, 3)

        def refused(sock):
            exactly(sock, 3)
            sock.sendall(b"\x05\x00")
            exactly(sock, 18)
            sock.sendall(b"\x05\x05\x00\x01")

        for talk, text in [
            (no_method, "wants a login: socks5://user:password@host:port"),
            (not_socks, "does not speak SOCKS5"),
            (closes, "closed the connection during the SOCKS5 handshake"),
            (refused, "cannot connect to origin.test:81: connection refused"),
        ]:
            result = self.run_socks(talk)
            self.assertIsInstance(result, ProxyError, text)
            self.assertIn(text, str(result))

        def bad_login(sock):
            exactly(sock, 4)
            sock.sendall(b"\x05\x02")
            exactly(sock, 11)
            sock.sendall(b"\x01\x01")

        result = self.run_socks(bad_login, login="me:secret@")
        self.assertIsInstance(result, ProxyError)
        self.assertIn("refused the user name or password", str(result))
        self.assertNotIn("secret", str(result))
        self.assertEqual(len(SOCKS5_REPLIES), 8)

    def test_long_login(self):
        """A login that does not fit is refused before it is sent."""
        result = self.run_socks(lambda sock: None, login="%s:x@" % ("u" * 256))
        self.assertIsInstance(result, ValueError)


class FakeSocket:
    """A socket of three methods around a real one, as connect= may give."""

    def __init__(self, sock):
        self._sock = sock
        self.sendall = sock.sendall
        self.makefile = sock.makefile

    def close(self):
        self._sock.close()


class ConnectHook(unittest.TestCase):
    def test_plain(self):
        """connect= gives the connection: nothing but sendall, makefile, close is used."""
        calls = []

        def connect(host, port, timeout):
            calls.append((host, port, timeout))
            return FakeSocket(socket.create_connection(("127.0.0.1", server.port)))

        with ScriptedServer(
            ["GET /", OK, "PUT /", OK, "GET /", reply(b"ok", length=False), CLOSE],
        ) as server, make_client(connect=connect) as client:
            self.assertEqual(client.get("http://wiki.test/").content, b"ok")
            client.put("http://wiki.test/", b"x" * 100000)
            self.assertEqual(client.get("http://wiki.test/").content, b"ok")
        self.assertEqual(calls[0][:2], ("wiki.test", 80))
        self.assertGreater(calls[0][2], 5)
        self.assertEqual(len(calls), 1)

    def test_ended_by_the_server(self):
        """A connection that ended with its answer is not used again, unasked as it is."""

        def connect(host, port, timeout):
            return FakeSocket(socket.create_connection(("127.0.0.1", server.port)))

        script = ["POST /", reply(b"ok", length=False), CLOSE]
        with ScriptedServer(script, script) as server:
            with make_client(connect=connect) as client:
                for _ in range(2):
                    answer = client.post("http://wiki.test/", b"x")
                    self.assertEqual(answer.content, b"ok")
                self.assertEqual(client.counters.connections, 2)

    def test_tls(self):
        """https works over it, too."""

        def connect(host, port, timeout):
            return FakeSocket(socket.create_connection(("127.0.0.1", server.port)))

        context = server_context()
        with ScriptedServer(
            ["GET /", OK],
            wrap=lambda sock: context.wrap_socket(sock, server_side=True),
        ) as server, make_client(
            connect=connect, ca_file=certificate("authority")
        ) as client:
            self.assertEqual(client.get("https://localhost/").content, b"ok")

    def test_fails(self):
        """What it raises becomes ours."""

        def connect(host, port, timeout):
            raise OSError(113, "No route to host")

        with make_client(connect=connect) as client:
            with self.assertRaises(ConnectFailed) as caught:
                client.get("http://wiki.test/")
        self.assertIn("cannot connect to wiki.test:80: No route to host", str(caught.exception))

    def test_cancel(self):
        """A cancel closes it: a fake socket has no shutdown."""
        closed = threading.Event()

        class Blocking:
            def sendall(self, data):
                pass

            def makefile(self, mode):
                return self

            def read1(self, size):
                closed.wait(5)
                return b""

            def close(self):
                closed.set()

        with make_client(connect=lambda *args: Blocking()) as client:
            request = WebRequest("http://wiki.test/")
            timer = threading.Timer(0.05, request.cancel)
            timer.start()
            with self.assertRaisesRegex(ConnectionLost, "cancelled"):
                client.open(request)
            timer.join()


class Times(unittest.TestCase):
    def test_tls_in_tls_standing_still(self):
        """A tunnel that stands still inside of TLS ends in time."""
        context = server_context()
        with ScriptedServer(
            ["CONNECT localhost:443", ESTABLISHED, lambda sock: sock.recv(70000)],
            wrap=lambda sock: context.wrap_socket(sock, server_side=True),
        ) as proxy:
            with make_client(
                proxies={"https": "https://127.0.0.1:%d" % proxy.port},
                ca_file=certificate("authority"),
            ) as client, self.assertRaises(TransportTimeout):
                client.get("https://localhost/", timeout=Deadline(0.3))


if __name__ == "__main__":
    unittest.main()
