"""TLS: one context for a client, and a plain socket turned into a protected one.

In: what the caller trusts and who the caller is.  Out: verified TLS sockets, resumed
where the server lets us.  Spec: RFC 8446, RFC 9110 4.3.4.  Holds: one SSLContext and
some sessions.  Not here: sockets (web/connect.py), TLS through TLS (web/tunnels.py).
"""

from __future__ import annotations

import os
import socket
import threading
from typing import Any, Dict, List, Optional, Tuple, Union

from ..clock import Deadline
from ..errors import ConnectFailed, FingerprintMismatch
from .connect import Attempt, raise_instead, transport_error
from .connection import next_wait
from .tunnels import TlsStream

MAX_TLS_SESSIONS = 100  # one a host; the oldest go first

# Where systems keep their CAs when OpenSSL was built for another place: Pythons that
# were embedded or moved.  Precedent: Go's crypto/x509.
TLS_CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
    "/opt/homebrew/etc/openssl@3/cert.pem",
)


class TlsSettings:
    """Whom a client trusts, and how it shows who it is.  Thread-safe, immutable.

    The context is made on first use: loading a system's CAs takes 19 ms.
    """

    def __init__(
        self,
        *,
        ssl_context: Any = None,
        ca_file: Optional[str] = None,
        client_cert: Union[str, Tuple[str, ...], None] = None,
        fingerprint: Union[str, bytes, None] = None,
        strict_x509: bool = True,
    ) -> None:
        if ssl_context is not None and (ca_file or client_cert):
            raise ValueError(
                "give either ssl_context or ca_file and client_cert, not both: load "
                "them into your context"
            )
        parts = (client_cert,) if isinstance(client_cert, str) else client_cert or ()
        check_tls_files("ca_file", ca_file)
        check_tls_files("client_cert", *parts[:2])  # The third is a password.
        self.ca_file = ca_file
        self.client_cert = tuple(parts)
        self.fingerprint = normal_fingerprint(fingerprint)
        self.strict_x509 = strict_x509
        self._context = ssl_context
        self._is_own = ssl_context is None
        self._lock = threading.Lock()
        self._sessions: Dict[Any, Any] = {}
        #: Where CAs were looked for, in words.
        self.searched: List[str] = []

    def trust_key(self) -> Any:
        """Return what must be equal for two connections to be of the same trust."""
        if self._is_own:
            return id(self)
        context = self._context
        # The caller's own context may be changed between two requests.
        return (
            id(context),
            context.verify_mode,
            context.check_hostname,
            context.verify_flags,
        )

    def context(self) -> Any:
        """Return the SSLContext, made on first use."""
        if self._context is not None:
            return self._context
        with self._lock:
            if self._context is None:
                self._context = self._make_context()
            return self._context

    def _make_context(self) -> Any:
        try:
            import ssl
        except ImportError as error:
            raise ConnectFailed(
                "this Python was built without the ssl module: https is not possible",
                phase="tls",
            ) from error
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        # Python before 3.10 takes any end of a connection for a proper one.
        context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0x80)
        context.verify_flags |= ssl.VERIFY_X509_TRUSTED_FIRST
        if hasattr(ssl, "VERIFY_X509_PARTIAL_CHAIN"):
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if self.strict_x509:
            # As Python 3.13 does by default: the same answer on every version.
            context.verify_flags |= ssl.VERIFY_X509_STRICT
        keylog = os.environ.get("SSLKEYLOGFILE")
        if keylog:
            context.keylog_filename = keylog
        self._load_trust(context)
        if self.client_cert:
            try:
                context.load_cert_chain(*self.client_cert)
            except OSError as error:
                raise ValueError(
                    "client_cert %s cannot be used: %s"
                    % (self.client_cert[0], error.strerror or error)
                ) from error
        return context

    def _load_trust(self, context: Any) -> None:
        import ssl

        if self.ca_file is not None:
            self.searched.append("ca_file %s" % self.ca_file)
            kind = "capath" if os.path.isdir(self.ca_file) else "cafile"
            try:
                context.load_verify_locations(**{kind: self.ca_file})
            except OSError as error:
                raise ValueError(
                    "ca_file %s cannot be used: %s"
                    % (self.ca_file, error.strerror or error)
                ) from error
            return
        paths = ssl.get_default_verify_paths()
        file = os.environ.get(paths.openssl_cafile_env)
        folder = os.environ.get(paths.openssl_capath_env)
        self.searched += [
            "SSL_CERT_FILE %s" % (file or "not set"),
            "SSL_CERT_DIR %s" % (folder or "not set"),
            "OpenSSL's %s" % paths.openssl_cafile,
            "OpenSSL's %s" % paths.openssl_capath,
        ]
        context.load_default_certs()
        if file or folder:
            return
        if context.cert_store_stats()["x509_ca"] or _tls_has_files(paths.capath):
            return
        for path in TLS_CA_FILES:
            self.searched.append(path)
            if os.path.isfile(path):
                context.load_verify_locations(cafile=path)
                return
        import importlib

        try:
            certifi = importlib.import_module("certifi")
        except ImportError:
            self.searched.append("the package certifi (not installed)")
            return
        self.searched.append("the package certifi")
        context.load_verify_locations(cafile=certifi.where())

    def wrap(
        self,
        sock: Any,
        host: str,
        port: int,
        *,
        deadline: Deadline,
        attempt: Attempt,
        is_proxy: bool = False,
    ) -> Any:
        """Return `sock` with TLS to `host`, its certificate verified.

        The pinned fingerprint is that of origins: it is not asked of a proxy.  Closes
        `sock` if anything goes wrong.
        """
        wrapped = sock
        try:
            context = self.context()
            wrapped = self._begin(sock, context, host.rstrip("."), port, is_proxy)
            wrapped.settimeout(next_wait(deadline, None))
            attempt.add(wrapped)
            wrapped.do_handshake()
            if not is_proxy:
                self.check_pin(wrapped, host, port)
        except BaseException as error:
            wrapped.close()
            attempt.check()
            raise_instead(self.explain(error, host, port), error)
        return wrapped

    def _begin(
        self, sock: Any, context: Any, host: str, port: int, is_proxy: bool
    ) -> Any:
        import ssl

        if not isinstance(sock, socket.socket) or isinstance(sock, ssl.SSLSocket):
            return TlsStream(sock, context, host)
        session = None if is_proxy else self._sessions.get((host, port))
        return context.wrap_socket(
            sock,
            server_hostname=host,
            do_handshake_on_connect=False,
            # An end without TLS's own goodbye may be anybody's: it is an error, as curl
            # has it, since a body that ends with the connection may have been cut.
            suppress_ragged_eofs=False,
            session=session,
        )

    def check_pin(self, wrapped: Any, host: str, port: int) -> None:
        """Raise FingerprintMismatch unless the certificate is the pinned one."""
        if self.fingerprint is None:
            return
        import hashlib
        import hmac

        certificate = wrapped.getpeercert(binary_form=True) or b""
        got = hashlib.sha256(certificate).hexdigest()
        if not hmac.compare_digest(got, self.fingerprint):
            raise FingerprintMismatch(self.fingerprint, got, host, port)

    def keep_session(self, sock: Any, host: str, port: int) -> None:
        """Remember the TLS session of a connection, to resume it later."""
        session = getattr(sock, "session", None)
        if session is None or not self._is_own:
            # In the caller's context trust may change, and a resumed session is not
            # verified again.
            return
        place = (host.rstrip("."), port)
        with self._lock:
            self._sessions.pop(place, None)
            self._sessions[place] = session
            while len(self._sessions) > MAX_TLS_SESSIONS:
                del self._sessions[next(iter(self._sessions))]

    def explain(self, error: BaseException, host: str, port: int) -> BaseException:
        """Return the error of ours for a failed handshake, with the way out."""
        if isinstance(error, ConnectFailed):
            return error  # said already: there may be no ssl module to ask
        import ssl

        peer = "%s:%d" % (host, port)
        if not isinstance(error, ssl.SSLError):
            return transport_error(error, "tls", peer=peer)
        if not isinstance(error, ssl.SSLCertVerificationError):
            reason = (error.reason or str(error)).replace("_", " ").lower()
            message = "TLS handshake with %s failed: %s" % (peer, reason)
            if "wrong version number" in reason or "record layer failure" in reason:
                message += ": it does not speak TLS there, try http or another port"
            return ConnectFailed(message, phase="tls")
        reason = error.verify_message or "certificate verify failed"
        message = "certificate of %s does not verify: %s" % (peer, reason)
        code = error.verify_code
        if code in (18, 19, 20, 21):
            # Self-signed, or its issuer is not among those we trust.
            message += (
                "; trusted CAs were looked for in: %s; name others with ca_file="
                % (", ".join(self.searched) or "the given ssl_context")
            )
        elif code in (10, 9):
            message += "; is this machine's clock right?"
        elif code not in (62, 63, 64) and self.strict_x509 and self._is_own:
            message += (
                "; if an older or private CA breaks the strict rules of RFC 5280, "
                "strict_x509=False accepts it"
            )
        return ConnectFailed(message, phase="tls")


def check_tls_files(what: str, *paths: Optional[str]) -> None:
    """Raise FileNotFoundError for a file that is not there."""
    for path in paths:
        if path is not None and not os.path.exists(path):
            raise FileNotFoundError("%s %s is not there" % (what, path))


def _tls_has_files(path: Optional[str]) -> bool:
    try:
        return bool(path) and bool(os.listdir(path))
    except OSError:
        return False


def normal_fingerprint(fingerprint: Union[str, bytes, None]) -> Optional[str]:
    """Return a SHA-256 fingerprint as lower-case hexadecimal, or raise ValueError."""
    if fingerprint is None:
        return None
    if isinstance(fingerprint, (bytes, bytearray)):
        text = bytes(fingerprint).hex()
    else:
        text = fingerprint.replace(":", "").replace(" ", "").lower()
    if len(text) != 64 or text.strip("0123456789abcdef"):
        raise ValueError(
            "fingerprint must be a SHA-256 digest: 32 bytes or 64 hexadecimal digits "
            "(colons allowed), not %d characters" % len(text)
        )
    return text
