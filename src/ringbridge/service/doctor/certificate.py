"""Whether the page's own certificate can be used, until when, and whether the page shows it."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from ringbridge.service.bootstrap import Bootstrap
from ringbridge.service.certificate import BadCertificate, Certificate, read
from ringbridge.service.doctor.findings import Finding, failure, ok, warning

SUBJECT = "Certificate"
SOON = timedelta(days=14)  # Let's Encrypt's are renewed a month before their end
PATIENCE = 3.0  # seconds
RESTART = "systemctl restart ringbridge"


def findings_of(bootstrap: Bootstrap, *, runs: bool, now: datetime) -> Iterator[Finding]:
    """Nothing where there is none. Connects to the page when the service runs, so it may wait."""
    config = bootstrap.web
    if config.certificate is None or config.key is None:
        return
    try:
        certificate = read(config.certificate, config.key)
    except BadCertificate as error:
        yield failure(SUBJECT, str(error))
        return
    yield of_its_end(certificate, now)
    if runs:
        yield from of_what_is_shown(certificate, *nearby(config.host, config.port))
    yield from of_who_may_read(config.key)
    if not is_loopback(bootstrap.host):
        words = f"the page also answers without encryption, at {bootstrap.host}:{bootstrap.port}"
        yield warning(SUBJECT, words, 'host = "127.0.0.1" in ringbridge.toml')


def of_its_end(certificate: Certificate, now: datetime) -> Finding:
    end = f"{certificate.ends:%Y-%m-%d}"
    if certificate.ends <= now:
        return failure(SUBJECT, f"it ended on {end}: browsers and portals refuse it", "certbot renew")
    if certificate.ends - now < SOON:
        return warning(SUBJECT, f"it ends on {end}, and was not renewed yet", "certbot renew --dry-run")
    return ok(SUBJECT, f"it is for {', '.join(certificate.names) or 'nobody by name'}, until {end}")


def of_what_is_shown(certificate: Certificate, host: str, port: int) -> Iterator[Finding]:
    try:
        shown = shown_at(host, port)
    except OSError as error:
        yield failure(SUBJECT, f"the encrypted page does not answer at {host}:{port}: {error}", RESTART)
        return
    if shown != certificate.der:
        yield failure(SUBJECT, "the page shows another one than the file's", RESTART)


def shown_at(host: str, port: int) -> bytes:
    """What a visitor is shown there, whoever signed it. Raises `OSError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((host, port), PATIENCE) as plain, context.wrap_socket(plain) as encrypted:
        return encrypted.getpeercert(binary_form=True) or b""


def of_who_may_read(key: Path) -> Iterator[Finding]:
    if key.stat().st_mode & stat.S_IROTH:
        yield warning(SUBJECT, f"anybody on this machine can read {key}", f"chmod o-r {key}")


def nearby(host: str, port: int) -> tuple[str, int]:
    everywhere = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
    return everywhere.get(host, host), port


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
