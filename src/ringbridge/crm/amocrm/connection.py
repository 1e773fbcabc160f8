"""How an account is connected and disconnected: the page that asks its administrator, the code it gives, the hook.

Sources: amoCRM developer documentation, "OAuth 2.0", "Authorization button", "Disconnecting an integration" (its hook's
signature is HMAC-SHA256 of ``<client_id>|<account_id>`` by the integration's secret).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from urllib.parse import urlencode, urlsplit

import structlog

from ringbridge.crm.amocrm.auth import Application, TokenKey, Tokens
from ringbridge.crm.amocrm.values import text
from ringbridge.crm.client import Door

log = structlog.get_logger(__name__)


class Brand(StrEnum):
    """One platform under two names."""

    AMOCRM = "amocrm"
    KOMMO = "kommo"

    @property
    def authorization_page(self) -> str:
        return "https://www.kommo.com/oauth" if self is Brand.KOMMO else "https://www.amocrm.ru/oauth"


def authorization_address(application: Application, *, state: str, brand: Brand) -> str:
    """Where a person's browser is sent to let us in. `state` comes back with the code: it says that we asked."""
    query = urlencode({"client_id": application.client_id, "state": state, "mode": "popup"})
    return f"{brand.authorization_page}?{query}"


def address_of(referer: str, *, scheme: str = "https") -> str:
    """The account's address from the ``referer`` that comes with a code: a host, sometimes a whole address."""
    parts = urlsplit(referer if "://" in referer else f"{scheme}://{referer}")
    return f"{scheme}://{parts.netloc}"


def is_disable_hook(params: Mapping[str, str], application: Application) -> bool:
    """Whether the platform itself says that our integration was switched off in the account ``account_id``. Takes the
    same time whatever was sent."""
    told = f"{application.client_id}|{params.get('account_id', '')}".encode()
    right = hmac.new(application.client_secret.encode(), told, hashlib.sha256).hexdigest()
    signed = hmac.compare_digest(right.encode(), params.get("signature", "").lower().encode("utf-8", "replace"))
    named = hmac.compare_digest(
        application.client_id.encode(), params.get("client_uuid", "").encode("utf-8", "replace")
    )
    return signed and named and bool(application.client_secret)


class Connection:
    """Connects the account that an adapter speaks for. Methods raise `CrmError`."""

    def __init__(self, key: TokenKey, door: Door) -> None:
        self._key = key
        self._door = door

    async def accept(self, code: str, referer: str) -> Tokens:
        """The code that came to our redirect address, or was copied from the integration's page, for the first pair
        of tokens, stored. A code opens once, for twenty minutes."""
        scheme = urlsplit(self._key.credentials.address).scheme or "https"
        tokens = await self._key.exchange(code, address_of(referer, scheme=scheme), self._door)
        await self._key.replace(tokens)
        log.info("account_connected", address=tokens.address, account=tokens.account)
        return tokens

    async def disconnected(self, params: Mapping[str, str]) -> bool:
        """The integration was switched off in an account, says a hook that was found genuine: whether it is ours.
        Its tokens open nothing any more and are forgotten."""
        held = self._key.credentials
        if held.account is None or text(params.get("account_id")) != str(held.account):
            return False
        await self._key.replace(replace(held, access="", refresh="", expires=None))
        log.warning("account_disconnected", address=held.address, account=held.account)
        return True
