"""web/tls.py: whom a client trusts."""

import os
import ssl
import tempfile
import unittest
from unittest import mock

from tests.support.clients import (
    certificate,
    digest_of,
    make_client,
    server_context,
    wrap_server,
)
from tests.support.scripted import CLOSE, ScriptedServer, reply
from wikistd import ConnectFailed, ConnectionLost, FingerprintMismatch, TransportTimeout
from wikistd.web.tls import TlsSettings, normal_fingerprint

OK = reply(b"ok")


class TlsCase(unittest.TestCase):
    def refused(self, server_name="server", **options):
        """Return the error of a handshake that fails."""
        options.setdefault("ca_file", certificate("authority"))
        with TlsServer(server_name) as server:
            with make_client(**options) as client:
                with self.assertRaises(ConnectFailed) as caught:
                    client.get(server.url + "/")
        self.assertEqual(caught.exception.phase, "tls")
        self.assertFalse(caught.exception.retryable)
        self.assertEqual(client.keepalive.pool.busy_count, 0)
        return caught.exception


class TlsServer(ScriptedServer):
    """A server whose handshake may fail."""

    def __init__(self, name="server", **options):
        super().__init__([], wrap=wrap_server(name), **options)

    def __exit__(self, *error):
        self.problems = []
        self.script = []
        super().__exit__(*error)


class Verified(TlsCase):
    def test_good(self):
        """A certificate of a trusted authority is accepted, and the connection kept."""
        with ScriptedServer(
            ["GET /", OK, "GET /", OK], wrap=wrap_server()
        ) as server, make_client(ca_file=certificate("authority")) as client:
            for _ in range(2):
                self.assertEqual(client.get(server.url + "/").content, b"ok")
            self.assertEqual(client.counters.connections, 1)

    def test_unknown_authority(self):
        """The sentence lists where CAs were looked for and what to do."""
        text = str(self.refused(ca_file=certificate("laxauthority")))
        self.assertIn("certificate of 127.0.0.1:", text)
        self.assertIn("does not verify: ", text)
        self.assertIn("looked for in: ca_file %s" % certificate("laxauthority"), text)
        self.assertIn("name others with ca_file=", text)

    def test_ca_file_is_alone(self):
        """ca_file= means only that file, not the system's CAs too."""
        settings = TlsSettings(ca_file=certificate("authority"))
        self.assertEqual(len(settings.context().get_ca_certs()), 1)

    def test_ca_folder(self):
        """ca_file= may be a folder."""
        with tempfile.TemporaryDirectory() as folder:
            settings = TlsSettings(ca_file=folder)
            self.assertEqual(settings.context().get_ca_certs(), [])

    def test_wrong_host(self):
        """A certificate for another name is refused."""
        text = str(self.refused("otherhost"))
        self.assertIn("is not valid for '127.0.0.1'", text)

    def test_expired(self):
        """An expired one too; the clock may be wrong."""
        text = str(self.refused("expired"))
        self.assertIn("certificate has expired", text)
        self.assertIn("is this machine's clock right?", text)

    def test_strict(self):
        """A CA that breaks the strict rules is refused on all versions, with the way out."""
        text = str(self.refused("laxserver", ca_file=certificate("laxauthority")))
        self.assertIn("strict_x509=False accepts it", text)

    def test_not_strict(self):
        """strict_x509=False is the way out."""
        with ScriptedServer(
            ["GET /", OK], wrap=wrap_server("laxserver")
        ) as server, make_client(
            ca_file=certificate("laxauthority"), strict_x509=False
        ) as client:
            client.get(server.url + "/")

    def test_own_context(self):
        """A context of the caller's is used as it is; its changes part connections."""
        context = ssl.create_default_context(cafile=certificate("authority"))
        with ScriptedServer(
            ["GET /", OK], ["GET /", OK], wrap=wrap_server()
        ) as server, make_client(ssl_context=context) as client:
            client.get(server.url + "/")
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            client.get(server.url + "/")
        with self.assertRaisesRegex(ValueError, "either ssl_context or ca_file"):
            TlsSettings(ssl_context=context, ca_file="x")

    def test_plain_server(self):
        """A server that does not speak TLS is told as such."""
        with ScriptedServer([b"HTTP/1.1 400 Bad\r\n\r\n", CLOSE]) as server:
            server.problems.append("bytes of the handshake are not looked at")
            with make_client(ca_file=certificate("authority")) as client:
                with self.assertRaises(ConnectFailed) as caught:
                    client.get(server.url.replace("http", "https") + "/")
            server.problems.clear()
        self.assertIn("it does not speak TLS there", str(caught.exception))

    def test_silent_server(self):
        """A handshake that stands still ends in time."""
        with ScriptedServer([lambda sock: sock.recv(70000)]) as server:
            with make_client(ca_file=certificate("authority")) as client:
                with self.assertRaises(TransportTimeout) as caught:
                    client.get(
                        server.url.replace("http", "https") + "/", timeout=0.1
                    )
        self.assertEqual(caught.exception.phase, "tls")
        self.assertIn("did not finish the TLS handshake in time", str(caught.exception))


class Ends(TlsCase):
    def test_goodbye(self):
        """A body that ends with the connection ends with TLS's own goodbye, or is cut."""

        def goodbye(sock):
            try:
                sock.unwrap()
            except OSError:
                pass

        for steps, kind in [([goodbye, CLOSE], None), ([CLOSE], ConnectionLost)]:
            with ScriptedServer(
                ["GET /", reply(b"all", length=False), *steps], wrap=wrap_server()
            ) as server, make_client(ca_file=certificate("authority")) as client:
                if kind is None:
                    self.assertEqual(client.get(server.url + "/").content, b"all")
                    continue
                with self.assertRaises(kind):
                    client.get(server.url + "/")


class Clients(TlsCase):
    def test_client_certificate(self):
        """A client certificate is shown to who asks for it."""
        with ScriptedServer(
            ["GET /", OK], wrap=wrap_server("server", "authority")
        ) as server, make_client(
            ca_file=certificate("authority"), client_cert=certificate("person")
        ) as client:
            self.assertEqual(client.get(server.url + "/").content, b"ok")

    def test_bad_files(self):
        """Files that are not there are told at once, no certificates at their first use."""
        for options in [
            {"ca_file": "/nowhere.pem"},
            {"ca_file": certificate("authority"), "client_cert": "/nowhere.pem"},
            {"client_cert": (certificate("person"), "/nowhere.pem")},
        ]:
            with self.assertRaisesRegex(FileNotFoundError, "^(ca_file|client_cert) /nowhere.pem"):
                make_client(**options)
        for options in [
            {"ca_file": __file__},
            {"ca_file": certificate("authority"), "client_cert": (__file__,)},
        ]:
            with self.assertRaisesRegex(ValueError, r"(ca_file|client_cert) .*cannot be used"):
                TlsSettings(**options).context()


class Pinned(TlsCase):
    def test_right_pin(self):
        """The pinned certificate is accepted, however the fingerprint is written."""
        pin = digest_of("server")
        for written in [pin, pin.upper(), bytes.fromhex(pin),
                        ":".join(pin[i : i + 2] for i in range(0, 64, 2))]:  # fmt: skip
            with ScriptedServer(
                ["GET /", OK], wrap=wrap_server()
            ) as server, make_client(
                ca_file=certificate("authority"), fingerprint=written
            ) as client:
                client.get(server.url + "/")

    def test_wrong_pin(self):
        """Another one is FingerprintMismatch; nothing was sent."""
        error = self.refused(fingerprint="ab" * 32)
        self.assertIsInstance(error, FingerprintMismatch)
        self.assertEqual(error.expected, "ab" * 32)
        self.assertEqual(error.got, digest_of("server"))

    def test_no_digest(self):
        """Something that is no SHA-256 digest is a ValueError."""
        for bad in ["", "ab", "zz" * 32, b"x" * 20]:
            with self.assertRaisesRegex(ValueError, "must be a SHA-256 digest"):
                normal_fingerprint(bad)


class Sessions(TlsCase):
    def test_resumed(self):
        """A second connection resumes the TLS session of the first."""
        reused = []
        context = server_context()

        def wrap(sock):
            wrapped = context.wrap_socket(sock, server_side=True)
            reused.append(wrapped.session_reused)
            return wrapped

        with ScriptedServer(
            ["GET /", reply(b"ok", headers=[("Connection", "close")]), CLOSE],
            ["GET /", OK],
            ["GET /", OK],
            wrap=wrap,
        ) as server, make_client(ca_file=certificate("authority")) as client:
            client.get(server.url + "/")
            client.get(server.url + "/")
            client.keepalive.pool.close_idle()
            client.get(server.url + "/")
        self.assertEqual(reused, [False, False, True])

    def test_limit(self):
        """Only so many sessions are kept."""
        settings = TlsSettings()

        class Sock:
            session = object()

        for number in range(150):
            settings.keep_session(Sock, "h%d" % number, 443)
        self.assertEqual(len(settings._sessions), 100)
        self.assertNotIn(("h0", 443), settings._sessions)


class Search(unittest.TestCase):
    def test_environment(self):
        """SSL_CERT_FILE is honoured; an argument beats it."""
        with mock.patch.dict(os.environ, {"SSL_CERT_FILE": certificate("authority")}):
            settings = TlsSettings()
            self.assertEqual(len(settings.context().get_ca_certs()), 1)
            self.assertIn(
                "SSL_CERT_FILE %s" % certificate("authority"), settings.searched
            )
            settings = TlsSettings(ca_file=certificate("laxauthority"))
            self.assertNotIn("SSL_CERT_FILE", " ".join(settings.searched))

    def search(self, files, certifi=None):
        """Return the settings of a Python whose OpenSSL finds nothing."""
        import types

        modules = {"certifi": None}
        if certifi:
            module = types.ModuleType("certifi")
            module.where = lambda: certifi
            modules = {"certifi": module}
        settings = TlsSettings()
        nothing = ssl.DefaultVerifyPaths(
            None, None, "SSL_CERT_FILE", "/no/cert.pem", "SSL_CERT_DIR", "/no/certs"
        )
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("SSL_CERT_")
        }
        with mock.patch("ssl.get_default_verify_paths", lambda: nothing), mock.patch(
            "ssl.SSLContext.load_default_certs", lambda self: None
        ), mock.patch.dict(os.environ, environment, clear=True), mock.patch.dict(
            "sys.modules", modules
        ), mock.patch("wikistd.web.tls.TLS_CA_FILES", files):
            settings.context()
        return settings

    def test_known_places(self):
        """Where OpenSSL finds nothing, the places of known systems are tried."""
        settings = self.search(("/no/where.pem", certificate("authority")))
        self.assertEqual(len(settings.context().get_ca_certs()), 1)
        self.assertIn("/no/where.pem", settings.searched)

    def test_certifi(self):
        """Then certifi, if it is there."""
        settings = self.search((), certificate("authority"))
        self.assertEqual(len(settings.context().get_ca_certs()), 1)
        settings = self.search(())
        self.assertEqual(settings.context().get_ca_certs(), [])
        self.assertEqual(
            settings.searched,
            [
                "SSL_CERT_FILE not set",
                "SSL_CERT_DIR not set",
                "OpenSSL's /no/cert.pem",
                "OpenSSL's /no/certs",
                "the package certifi (not installed)",
            ],
        )

    def test_key_log(self):
        """SSLKEYLOGFILE is honoured, as Python's default context does."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "keys")
            with mock.patch.dict(os.environ, {"SSLKEYLOGFILE": path}):
                context = TlsSettings(ca_file=certificate("authority")).context()
            self.assertEqual(context.keylog_filename, path)

    def test_no_ssl(self):
        """A Python without ssl says so."""
        with mock.patch.dict("sys.modules", {"ssl": None}):
            with self.assertRaisesRegex(ConnectFailed, "without the ssl module"):
                TlsSettings().context()


if __name__ == "__main__":
    unittest.main()
