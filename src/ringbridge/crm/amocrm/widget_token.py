"""The one-time token by which our widget, in an employee's browser, shows who asks.

Sources: Kommo developer documentation, "One-time tokens"; amoCRM, "Web SDK, mechanics": a JSON Web Token (RFC 7519) in
the header ``X-Auth-Token``, signed with HS256 by the integration's secret; ``aud`` is scheme and host of the
integration's redirect address, ``jti`` is used once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from ringbridge.crm.amocrm.auth import Application
from ringbridge.crm.amocrm.values import as_map, text, whole
from ringbridge.routing.intents import UserId

LEEWAY = timedelta(seconds=60)  # the platform's clock and ours
LONGEST_LIFE = timedelta(hours=24)  # half an hour is usual; what claims to live longer is none of the platform's
LONGEST_TOKEN = 4096
MOST_SEEN = 50_000


class BadToken(Exception):
    """The token opens nothing. The text is for the log: it names no part of the token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who asks, from which account."""

    account: int
    user: UserId
    address: str  # https://example.amocrm.ru
    is_admin: bool
    token: str  # its unique id
    expires: datetime


def verify(token: str, *, application: Application, account: int | None, now: datetime) -> Visitor:
    """Who shows this token. `account`: the account that is connected; None: any of our integration's. Raises
    `BadToken`. That a token is shown for the first time is for `Seen` to say."""
    claims = _signed(token, application.client_secret)
    if text(claims.get("client_uuid")) != application.client_id:
        raise BadToken("it is another integration's")
    if text(claims.get("aud")).rstrip("/").lower() != _origin(application.redirect_uri):
        raise BadToken("it is meant for another server")
    expires = _check_time(claims, now)
    number, user, unique = whole(claims.get("account_id")), whole(claims.get("user_id")), text(claims.get("jti"))
    if number is None or user is None or not unique:
        raise BadToken("it names no account, no user or no id of its own")
    if account is not None and number != account:
        raise BadToken("it is another account's")
    return Visitor(
        account=number,
        user=UserId(str(user)),
        address=text(claims.get("iss")),
        is_admin=claims.get("is_admin") is True,
        token=unique,
        expires=expires,
    )


class Seen:
    """Tokens that were shown, as long as they would open something. At most `most` are remembered: then those that
    end first are forgotten."""

    def __init__(self, most: int = MOST_SEEN) -> None:
        self._most = most
        self._until: dict[str, datetime] = {}

    def first_time(self, visitor: Visitor, now: datetime) -> bool:
        """Whether this token was not shown before; from now on it was."""
        if self._until.get(visitor.token, now) > now:
            return False
        if len(self._until) >= self._most:
            self._forget(now)
        self._until[visitor.token] = visitor.expires + LEEWAY
        return True

    def _forget(self, now: datetime) -> None:
        kept = sorted((until, token) for token, until in self._until.items() if until > now)
        self._until = {token: until for until, token in kept[len(kept) - self._most // 2 :]} if kept else {}


def _signed(token: str, secret: str) -> Mapping[str, Any]:
    """The claims of a token with our signature."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > LONGEST_TOKEN or not token.isascii() or not secret:
        raise BadToken("it is no token")
    # The algorithm is ours to choose, not the token's.
    if text(_json(parts[0]).get("alg")) != "HS256":
        raise BadToken("it is signed in another way than the platform's")
    right = hmac.digest(secret.encode(), f"{parts[0]}.{parts[1]}".encode(), hashlib.sha256)
    if not hmac.compare_digest(right, _decoded(parts[2])):
        raise BadToken("it is not signed with our integration's secret")
    return _json(parts[1])


def _check_time(claims: Mapping[str, Any], now: datetime) -> datetime:
    """When it ends; both ends may be a little off."""
    ends, begins = _moment(claims.get("exp")), _moment(claims.get("nbf")) or _moment(claims.get("iat"))
    if ends is None or ends > now + LONGEST_LIFE:
        raise BadToken("it has no end")
    if ends + LEEWAY <= now:
        raise BadToken("it has expired")
    if begins is not None and begins - LEEWAY > now:
        raise BadToken("it is not good yet: is this machine's clock right?")
    return ends


def _moment(value: Any) -> datetime | None:
    seconds = whole(value)
    if seconds is None or seconds >= 1 << 33:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def _json(part: str) -> Mapping[str, Any]:
    try:
        return as_map(json.loads(_decoded(part)))
    except (ValueError, RecursionError) as error:
        raise BadToken("it is no token") from error


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (NotBase64, ValueError) as error:
        raise BadToken("it is no token") from error


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}".lower()
