"""The page's own certificate: read, judged, and read again when its files change, while the page goes on.

What comes is encrypted by the certificate that was read last; connections that are open keep theirs. Files that cannot
be used are refused at the start; later they are told of in the log, and the certificate before goes on.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from ringbridge.service.config import ConfigError

log = structlog.get_logger(__name__)

LOOK_EVERY = 10.0  # seconds


class BadCertificate(ConfigError):
    """A certificate or a key that cannot be used. The text is for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    context: ssl.SSLContext
    ends: datetime
    names: tuple[str, ...]  # whom it is for
    der: bytes  # as it is shown to whoever connects


def read(certificate: Path, key: Path) -> Certificate:
    """Raises `BadCertificate`."""
    shown = certificate_in(certificate)
    examine_key(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as error:
        raise BadCertificate(f"web.key: {key} does not belong to the certificate {certificate}.") from error
    return Certificate(
        context=context, ends=shown.not_valid_after_utc, names=names_of(shown), der=shown.public_bytes(Encoding.DER)
    )


def certificate_in(path: Path) -> x509.Certificate:
    """The first of the file: the page's own."""
    try:
        return x509.load_pem_x509_certificates(content_of(path, "certificate"))[0]
    except ValueError as error:
        raise BadCertificate(f"web.certificate: {path} holds no certificate in PEM.") from error


def examine_key(path: Path) -> None:
    try:
        load_pem_private_key(content_of(path, "key"), None)
    except TypeError as error:
        words = "has a passphrase, and nobody is there to type it: save the key without one"
        raise BadCertificate(f"web.key: {path} {words} (openssl pkey -in KEY -out NEW).") from error
    except ValueError as error:
        raise BadCertificate(f"web.key: {path} holds no private key in PEM.") from error


def content_of(path: Path, setting: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        words = "the file has to be there, and the service's user has to be able to read it"
        raise BadCertificate(f"web.{setting}: {path} cannot be read ({error.strerror}): {words}.") from error


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress)))


class CertificateKeeper:
    """`context` is for the server that listens. Raises `BadCertificate` where the files cannot be used."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self._seen = looks_of(self._files)
        self.current = read(*self._files)
        self.context = self.current.context
        self.context.sni_callback = self._hand_over  # asked for every connection, also of who names nobody

    def _hand_over(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        connection.context = self.current.context

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self.look()

    def look(self) -> None:
        """Whether there are other files by now. Both are written one after the other: until they belong together, the
        certificate before goes on."""
        looks = looks_of(self._files)
        if looks == self._seen:
            return
        self._seen = looks
        try:
            self.current = read(*self._files)
        except BadCertificate as error:
            log.error("certificate_not_taken", reason=str(error), hint="the one before goes on", ends=self._ends)
        else:
            log.info("certificate_taken", ends=self._ends, names=" ".join(self.current.names))

    @property
    def _ends(self) -> str:
        return self.current.ends.isoformat()


def looks_of(files: Iterable[Path]) -> list[tuple[int, int, int] | None]:
    """By what a changed file is told from the one before."""
    found: list[tuple[int, int, int] | None] = []
    for path in files:
        try:
            stat = path.stat()
        except OSError:
            found.append(None)
        else:
            found.append((stat.st_ino, stat.st_mtime_ns, stat.st_size))
    return found
