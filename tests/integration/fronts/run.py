"""HttpClient against nginx, Apache and squid, started here on loopback and stopped again.

    python3 tests/integration/fronts/run.py [unittest arguments]

As root on Debian it installs nginx-light, apache2-bin and squid if they are missing.
nginx: keep-alive, gzip, TLS, client certificates, Basic.  Apache: Digest with a nonce that
goes stale.  squid: CONNECT and plain requests, with Basic and with Digest.
"""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, TOP)

from wikistd import (  # noqa: E402
    AuthHandler,
    BasicAuth,
    ConnectFailed,
    DigestAuth,
    HttpClient,
    ProxyError,
    ProxyHandler,
)

CERTIFICATES = os.path.join(TOP, "tests", "support", "certificates")
USER, PASSWORD = "front", "pass:w\u00f6rd \u2603"
PROXY_USER, PROXY_PASSWORD = "proxy", "p@ss/w\u00f6rd"
NONCE_SECONDS = 2
PACKAGES = {"nginx": "nginx-light", "apache2": "apache2-bin", "squid": "squid"}


def program(name):
    """Return the path of a program, installed first if need be."""
    for _ in range(2):
        found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if found:
            return found
        install = ["apt-get", "install", "-y", "--no-install-recommends", PACKAGES[name]]
        environ = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        # Nothing of it is to be started by the system.
        policy = "/usr/sbin/policy-rc.d"
        if not os.path.exists(policy):
            with open(policy, "w") as file:
                file.write("#!/bin/sh\nexit 101\n")
            os.chmod(policy, 0o755)
        else:
            policy = None
        try:
            if subprocess.call(install, env=environ, stdout=subprocess.DEVNULL):
                subprocess.call(["apt-get", "update"], stdout=subprocess.DEVNULL)
                subprocess.call(install, env=environ, stdout=subprocess.DEVNULL)
        finally:
            if policy:
                os.unlink(policy)
    raise unittest.SkipTest("%s is not here and cannot be installed" % name)


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for sock in sockets:
        sock.bind(("127.0.0.1", 0))
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


class Fronts:
    """The programs, their ports and their folder."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="wikistd-fronts.")
        os.chmod(self.folder, 0o755)
        self.processes = []
        (self.plain, self.tls, self.mutual, self.apache, self.squid_basic,
         self.squid_digest) = free_ports(6)
        self.site = os.path.join(self.folder, "site")
        os.makedirs(os.path.join(self.site, "secret"))
        self.data = {"text": "wiki " * 5000, "caf\u00e9": 1}
        for name in ("page.json", os.path.join("secret", "page.json")):
            self.write(os.path.join("site", name), json.dumps(self.data))
        self.write(os.path.join("site", "big.bin"), "0123456789abcdef" * 65536)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o644)
        return path

    def start(self, port, *command):
        log = open(os.path.join(self.folder, "%d.log" % port), "wb")
        self.processes.append(
            subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        )
        log.close()
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        with open(log.name, "rb") as file:
            raise RuntimeError("%s: %s" % (command[0], file.read().decode("utf-8", "replace")))

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def up(self):
        self.up_nginx()
        self.up_apache()
        self.up_squid("basic", self.squid_basic)
        self.up_squid("digest", self.squid_digest)

    def up_nginx(self):
        nginx = program("nginx")
        hashed = subprocess.run(
            ["openssl", "passwd", "-apr1", "-stdin"], input=PASSWORD.encode(), stdout=subprocess.PIPE, check=True
        ).stdout.decode().strip()
        self.write("basic.users", "%s:%s\n" % (USER, hashed))
        pair = "ssl_certificate %s/server.pem; ssl_certificate_key %s/server.pem;" % (CERTIFICATES, CERTIFICATES)
        body = """
            root %(site)s; gzip on; gzip_types application/json; gzip_min_length 100;
            default_type application/json; keepalive_requests 100000; keepalive_timeout 60s;
            location /secret/ { auth_basic "front"; auth_basic_user_file %(folder)s/basic.users; }
            location = /moved { return 307 /page.json; }
        """ % {"site": self.site, "folder": self.folder}
        config = self.write("nginx.conf", """
            daemon off; worker_processes 1; pid %(folder)s/nginx.pid; error_log stderr;
            events { worker_connections 256; }
            http {
                access_log off; ssl_protocols TLSv1.2 TLSv1.3;
                client_body_temp_path %(folder)s/t1; proxy_temp_path %(folder)s/t2;
                fastcgi_temp_path %(folder)s/t3; uwsgi_temp_path %(folder)s/t4; scgi_temp_path %(folder)s/t5;
                server { listen 127.0.0.1:%(plain)d; %(body)s }
                server { listen 127.0.0.1:%(tls)d ssl; %(pair)s %(body)s }
                server { listen 127.0.0.1:%(mutual)d ssl; %(pair)s %(body)s
                         ssl_client_certificate %(certs)s/authority.pem; ssl_verify_client on; }
            }
        """ % {"folder": self.folder, "plain": self.plain, "tls": self.tls, "mutual": self.mutual,
               "body": body, "pair": pair, "certs": CERTIFICATES})
        if os.getuid() == 0:
            with open(config, "a") as file:
                file.write("user root root;\n")
        self.start(self.plain, nginx, "-e", "stderr", "-p", self.folder, "-c", config)

    def up_apache(self):
        apache = program("apache2")
        modules = os.path.join("/usr/lib/apache2/modules")
        secret = hashlib.md5(("%s:front:%s" % (USER, PASSWORD)).encode()).hexdigest()
        self.write("digest.users", "%s:front:%s\n" % (USER, secret))
        run = os.path.join(self.folder, "run")
        os.mkdir(run)
        os.chmod(run, 0o777)
        lines = ["LoadModule %s_module %s/mod_%s.so" % (name, modules, name)
                 for name in ("mpm_event", "authn_core", "authz_core", "authz_user", "auth_digest",
                              "authn_file")]
        lines += [
            'ServerRoot "%s"' % self.folder, "ServerName 127.0.0.1", 'PidFile "%s/apache.pid"' % run,
            'DefaultRuntimeDir "%s"' % run, "Mutex file:%s default" % run,
            "ErrorLog /dev/stderr", "Listen 127.0.0.1:%d" % self.apache, "KeepAlive On",
            'DocumentRoot "%s"' % self.site, '<Location "/">', "AuthType Digest", 'AuthName "front"',
            "AuthDigestProvider file", 'AuthUserFile "%s/digest.users"' % self.folder,
            "AuthDigestNonceLifetime %d" % NONCE_SECONDS, "Require valid-user", "</Location>",
        ]
        if os.getuid() == 0:
            lines += ["User www-data", "Group www-data"]
        config = self.write("apache.conf", "\n".join(lines) + "\n")
        self.start(self.apache, apache, "-f", config, "-DFOREGROUND")

    def up_squid(self, kind, port):
        squid = program("squid")
        helpers = subprocess.run(["dpkg", "-L", "squid"], stdout=subprocess.PIPE, check=True).stdout.decode()
        name = {"basic": "basic_ncsa_auth", "digest": "digest_file_auth"}[kind]
        helper = next(line for line in helpers.split("\n") if line.endswith("/" + name))
        folder = os.path.join(self.folder, "squid-" + kind)
        os.mkdir(folder)
        if kind == "basic":
            hashed = subprocess.run(
                ["openssl", "passwd", "-apr1", "-stdin"], input=PROXY_PASSWORD.encode(),
                stdout=subprocess.PIPE, check=True,
            ).stdout.decode().strip()
            users = self.write("squid-basic/users", "%s:%s\n" % (PROXY_USER, hashed))
            login = ["auth_param basic program %s %s" % (helper, users),
                     "auth_param basic children 2 startup=1 idle=1", "auth_param basic realm front",
                     "auth_param basic utf8 on"]
        else:
            secret = hashlib.md5(("%s:front:%s" % (PROXY_USER, PROXY_PASSWORD)).encode()).hexdigest()
            users = self.write("squid-digest/users", "%s:front:%s\n" % (PROXY_USER, secret))
            login = ["auth_param digest program %s -c %s" % (helper, users),
                     "auth_param digest children 2 startup=1 idle=1", "auth_param digest realm front",
                     "auth_param digest nonce_max_count 5"]
        lines = [
            "http_port 127.0.0.1:%d" % port, "pid_filename %s/squid.pid" % folder, "visible_hostname front",
            "unique_hostname front-%s" % kind, "cache deny all", "coredump_dir %s" % folder,
            "access_log none", "cache_log %s/cache.log" % folder, "netdb_filename none", "pinger_enable off",
            "shutdown_lifetime 0 seconds", *login, "acl known proxy_auth REQUIRED",
            "http_access allow known", "http_access deny all",
        ]
        if os.getuid() == 0:
            lines.append("cache_effective_user proxy")
            shutil.chown(folder, "proxy")
        config = self.write("squid-%s/squid.conf" % kind, "\n".join(lines) + "\n")
        self.start(port, squid, "-N", "-n", "front" + kind + str(port), "-f", config)


FRONTS = None


def setUpModule():
    global FRONTS
    FRONTS = Fronts()
    try:
        FRONTS.up()
    except BaseException:
        FRONTS.stop()
        raise


def tearDownModule():
    FRONTS.stop()


class Case(unittest.TestCase):
    def client(self, **options):
        options.setdefault("proxies", {})
        options.setdefault("user_agent", "wikistd-tests/1.0")
        options.setdefault("ca_file", os.path.join(CERTIFICATES, "authority.pem"))
        client = HttpClient(**options)
        self.addCleanup(client.close)
        return client

    def check(self, response, status=200):
        self.assertEqual(response.status, status)
        if status == 200:
            self.assertEqual(response.json(), FRONTS.data)


class Nginx(Case):
    def test_keep_alive_and_gzip(self):
        """Two hundred answers, packed, over one connection."""
        client = self.client()
        for _ in range(200):
            response = client.get("http://127.0.0.1:%d/page.json" % FRONTS.plain)
            self.check(response)
            self.assertEqual(response.headers["content-encoding"], "gzip")
        self.assertEqual((client.counters.requests, client.counters.connections), (200, 1))

    def test_tls(self):
        """TLS, verified; a second connection resumes; another authority is refused."""
        client = self.client()
        for host in ("localhost", "127.0.0.1"):
            self.check(client.get("https://%s:%d/page.json" % (host, FRONTS.tls)))
        with self.assertRaises(ConnectFailed):
            self.client(ca_file=os.path.join(CERTIFICATES, "laxauthority.pem")).get(
                "https://localhost:%d/page.json" % FRONTS.tls
            )

    def test_client_certificate(self):
        """With the certificate it is let in; without it nginx says 400."""
        url = "https://localhost:%d/page.json" % FRONTS.mutual
        self.check(self.client(client_cert=os.path.join(CERTIFICATES, "person.pem")).get(url))
        self.check(self.client().get(url), 400)

    def test_basic(self):
        """Basic, in UTF-8: asked for once, then in advance; wrong: two requests."""
        url = "http://127.0.0.1:%d/secret/page.json" % FRONTS.plain
        client = self.client(auth=(USER, PASSWORD))
        for _ in range(3):
            self.check(client.get(url))
        self.assertEqual(client.counters.requests, 4)
        wrong = self.client(auth=(USER, "wrong"))
        self.check(wrong.get(url), 401)
        self.assertEqual(wrong.counters.requests, 2)
        early = self.client(auth=BasicAuth(USER, PASSWORD, preemptive=True))
        self.check(early.get(url))
        self.assertEqual(early.counters.requests, 1)

    def test_redirect_with_a_body(self):
        """307 sends a body again (nginx then answers 405 to a POST of a file)."""
        response = self.client().post("http://127.0.0.1:%d/moved" % FRONTS.plain, data={"a": "b"})
        self.check(response, 405)
        self.assertEqual([r.status for r in response.history], [307])

    def test_download(self):
        """A file arrives as it is."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "big")
            self.client().download("http://127.0.0.1:%d/big.bin" % FRONTS.plain, path)
            self.assertEqual(os.path.getsize(path), 1 << 20)


class Apache(Case):
    def url(self, query=""):
        return "http://127.0.0.1:%d/page.json%s" % (FRONTS.apache, query)

    def test_digest(self):
        """Digest: asked for once, then in advance, with any query."""
        for auth in [(USER, PASSWORD), DigestAuth(USER, PASSWORD)]:
            client = self.client(auth=auth)
            for query in ["", "?a=b%20c&d=%2F", "?\u00e9"]:
                self.check(client.get(self.url(query)))
            self.assertEqual(client.counters.requests, 4)

    def test_stale(self):
        """A nonce that went stale costs one request more, and no error."""
        client = self.client(auth=DigestAuth(USER, PASSWORD))
        self.check(client.get(self.url()))
        time.sleep(NONCE_SECONDS + 1.2)
        self.check(client.get(self.url()))
        self.assertEqual(client.counters.requests, 4)

    def test_wrong_password(self):
        """A wrong password: two requests."""
        client = self.client(auth=DigestAuth(USER, "wrong"))
        self.check(client.get(self.url()), 401)
        self.assertEqual(client.counters.requests, 2)

    def test_plain_opener(self):
        """The handler works in urllib's own opener, with urllib's password manager."""
        manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        manager.add_password(None, self.url(), USER, PASSWORD)
        opener = urllib.request.build_opener(AuthHandler(manager), ProxyHandler({}))
        with opener.open(self.url()) as response:
            self.assertEqual(json.loads(response.read().decode()), FRONTS.data)


class Squid(Case):
    def proxy(self, port, password=PROXY_PASSWORD):
        quoted = urllib.request.quote(password, safe="")
        return {"all": "http://%s:%s@127.0.0.1:%d" % (PROXY_USER, quoted, port)}

    def test_through(self):
        """Plain requests and tunnels, with Basic and with Digest."""
        for port in (FRONTS.squid_basic, FRONTS.squid_digest):
            client = self.client(proxies=self.proxy(port))
            for _ in range(7):  # more than one nonce of the digest is good for
                self.check(client.get("http://127.0.0.1:%d/page.json" % FRONTS.plain))
                self.check(client.get("https://localhost:%d/page.json" % FRONTS.tls))

    def test_both_credentials(self):
        """The proxy's and the origin's, each to its own."""
        for port in (FRONTS.squid_basic, FRONTS.squid_digest):
            client = self.client(proxies=self.proxy(port), auth=(USER, PASSWORD))
            self.check(client.get("http://127.0.0.1:%d/secret/page.json" % FRONTS.plain))
            client = self.client(proxies=self.proxy(port), auth=(USER, PASSWORD))
            self.check(client.get("https://localhost:%d/secret/page.json" % FRONTS.tls))

    def test_wrong_password(self):
        """Refused: 407 for a plain request, ProxyError for a tunnel, without the password."""
        for port in (FRONTS.squid_basic, FRONTS.squid_digest):
            client = self.client(proxies=self.proxy(port, "canary"))
            self.check(client.get("http://127.0.0.1:%d/page.json" % FRONTS.plain), 407)
            with self.assertRaises(ProxyError) as caught:
                client.get("https://localhost:%d/page.json" % FRONTS.tls)
            self.assertEqual(caught.exception.status, 407)
            self.assertNotIn("canary", str(caught.exception))

    def test_plain_opener(self):
        """The handler works in urllib's own opener: plain requests and tunnels."""
        import ssl

        context = ssl.create_default_context(cafile=os.path.join(CERTIFICATES, "authority.pem"))
        opener = urllib.request.build_opener(
            ProxyHandler(self.proxy(FRONTS.squid_basic)), urllib.request.HTTPSHandler(context=context)
        )
        for url in ("http://127.0.0.1:%d/page.json" % FRONTS.plain,
                    "https://localhost:%d/page.json" % FRONTS.tls):
            with opener.open(url) as response:
                self.assertEqual(json.loads(response.read().decode()), FRONTS.data)


if __name__ == "__main__":
    unittest.main()
