"""Clients for tests: no proxy of the machine, short waits, the tests' certificates."""

import hashlib
import os
import ssl

from wikistd import HttpClient

CERTIFICATES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "certificates")


def certificate(name):
    """Return the path of a certificate of the tests."""
    return os.path.join(CERTIFICATES, name + ".pem")


def make_client(**options):
    """Return an HttpClient that asks no proxy of this machine."""
    options.setdefault("proxies", {})
    options.setdefault("timeout", 10.0)
    options.setdefault("user_agent", "WikistdTests/1.0 (https://example.org/tests)")
    return HttpClient(**options)


def server_context(name="server", client_authority=None):
    """Return the SSLContext of a server that shows the certificate `name`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(name))
    if client_authority:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificate(client_authority))
    return context


def wrap_server(name="server", client_authority=None):
    """Return what ScriptedServer(wrap=) wants, for TLS."""
    context = server_context(name, client_authority)
    return lambda sock: context.wrap_socket(sock, server_side=True)


def digest_of(name):
    """Return the SHA-256 fingerprint of a certificate of the tests."""
    with open(certificate(name)) as file:
        text = file.read()
    start = text.index("-----BEGIN CERTIFICATE-----")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text[start:])).hexdigest()
