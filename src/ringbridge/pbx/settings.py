"""Where a PBX's manager interface is and how to log in there; and how patient to be with it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxAddress:
    """``tls_ca`` is a PEM file with the PBX's own certificate or its issuer's; without it the system's are trusted.

    ``tls_verify=False`` still encrypts, but takes whoever answers for the PBX. ``plain_login`` allows to send the
    secret itself where the PBX offers no MD5 challenge.
    """

    host: str
    username: str
    secret: str = field(repr=False)
    port: int = 5038
    tls: bool = False
    tls_ca: Path | None = None
    tls_verify: bool = True
    plain_login: bool = True
    name: str = ""  # as the office calls it, for the log

    def tls_context(self) -> ssl.SSLContext | None:
        """None for a plain connection. Raises OSError or ssl.SSLError when the PEM file cannot be used."""
        if not self.tls:
            return None
        context = ssl.create_default_context(cafile=self.tls_ca)
        if not self.tls_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds. A silent link is given up after at most ``ping_every + 2 * pong``."""

    connect: float = 10.0  # for TCP and TLS
    login: float = 15.0  # for greeting and login; Asterisk delays a refusal by a second or more
    answer: float = 10.0  # for the answer to an action
    ping_every: float = 5.0
    pong: float = 4.0
