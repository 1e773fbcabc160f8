"""Links to recordings that nobody can guess, that open without a login, and that expire.

A token is ``<record key>.<expiry>.<signature>``, in the letters an address may hold. The signature is HMAC-SHA256 with
the store's secret; it says whose recording it is and until when, so nothing need be kept for it.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from datetime import datetime
from urllib.parse import quote

from ringbridge.routing.intents import RecordKey

SHORTEST_SECRET = 16
PURPOSE = b"ringbridge recording link\0"  # the same secret may sign other things


class BadLink(Exception):
    """The link opens nothing: forged or broken."""


class ExpiredLink(BadLink):
    """The link was good once."""


class LinkSigner:
    """Makes and checks links. `older` secrets still open the links they made; only `secret` makes new ones.

    `address` is our own server as the CRM's cloud and people's browsers reach it (``https://…``).
    """

    def __init__(self, address: str, secret: bytes, *older: bytes) -> None:
        if any(len(each) < SHORTEST_SECRET for each in (secret, *older)):
            raise ValueError(f"A secret for links needs {SHORTEST_SECRET} bytes or more")
        self._address = address.rstrip("/")
        self._secrets = (secret, *older)

    def link(self, record: RecordKey, name: str, expires: datetime) -> str:
        """The whole address; it ends in the file's name, by which some players know what they get."""
        return f"{self._address}/recordings/{self.sign(record, expires)}/{quote(name, safe='')}"

    def sign(self, record: RecordKey, expires: datetime) -> str:
        said = f"{_encode(record.encode())}.{int(expires.timestamp())}"
        return f"{said}.{_signature(said, self._secrets[0])}"

    def verify(self, token: str, now: datetime) -> RecordKey:
        """Whose recording the token opens. Raises `BadLink`, `ExpiredLink`."""
        said, _, signature = token.rpartition(".")
        key, _, expiry = said.partition(".")
        good = [hmac.compare_digest(_bytes(signature), _bytes(_signature(said, each))) for each in self._secrets]
        if not any(good):
            raise BadLink("This link was not made by us")
        if now.timestamp() >= int(expiry):
            raise ExpiredLink("This link has expired: open the recording from the call again")
        return RecordKey(_decode(key))


def _signature(said: str, secret: bytes) -> str:
    return _encode(hmac.digest(secret, PURPOSE + _bytes(said), hashlib.sha256))


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")  # an address may hold anything


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> str:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (NotBase64, UnicodeDecodeError) as error:
        raise BadLink("This link is broken") from error
