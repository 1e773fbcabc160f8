"""What an amoCRM account posts of its clients and leads: where it posts to, whether it is genuine, who is told.

The platform signs nothing. Our address holds a secret that the key file gives, one for each account; whoever knows it
is the account, and the account that is named in what was posted must be the one we are connected to.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit

import structlog

from ringbridge.crm.amocrm.account import AmoCrm
from ringbridge.crm.amocrm.webhooks import told_in
from ringbridge.crm.contract import CrmError
from ringbridge.crm.mirroring import Ref
from ringbridge.routing.intents import PortalId
from ringbridge.service.config import Office
from ringbridge.service.mirror.keeper import MirrorKeeper
from ringbridge.service.mirror.mirrors import Mirrors
from ringbridge.service.portals.office import OfficePortal
from ringbridge.store.vault import Vault

log = structlog.get_logger(__name__)

LOOK_EVERY = timedelta(hours=1)  # a person may have taken our subscription away, or the account after failures
RETRY = timedelta(minutes=5)

UNREACHABLE = (
    "The account cannot tell us what changes in it: that needs a public_address with https. The CRM is asked about "
    "new clients in each call; what else changed is known after the next full reading only."
)

Tell = Callable[[Sequence[Ref], Sequence[Ref]], None]
"""Told what is to be read again, and what is gone."""


class AccountChanges:
    """`tell` None: nobody wants to know, and the account is asked to post nothing."""

    def __init__(
        self, portal: PortalId, crm: AmoCrm, *, public_address: str | None, secrets: Sequence[str], tell: Tell | None
    ) -> None:
        """`secrets`: any of them opens, the first stands in the address that is subscribed."""
        self.trouble: str | None = None  # why nothing comes, for people
        self._portal = portal
        self._crm = crm
        self._paths = tuple(f"/amocrm/{portal}/webhooks/{secret}" for secret in secrets)
        self._secrets = tuple(secret.encode() for secret in secrets)
        self._tell = tell
        self._destination = destination_of(public_address, self._paths[0]) if tell else None
        self._renewed = asyncio.Event()
        self._log = log.bind(portal=portal)

    @property
    def missing(self) -> tuple[str, ...]:
        """What keeps changes away, in words."""
        if self._tell is None:
            return ()
        if self._destination is None:
            return (UNREACHABLE,)
        return (self.trouble,) if self.trouble else ()

    def renew(self) -> None:
        """The account's key has come: whatever it did before may be forgotten there."""
        self._renewed.set()

    async def run(self) -> None:
        """Keeps the subscription as it should be, until cancelled."""
        while True:
            self._renewed.clear()
            patience = await self._keep() if self._crm.is_connected else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience.total_seconds() if patience else None):
                    await self._renewed.wait()

    async def _keep(self) -> timedelta | None:
        """When to look again; None: once is enough."""
        try:
            await self._crm.webhooks.keep(self._destination, is_ours=self._is_ours)
        except CrmError as error:
            self.trouble = f"The account does not tell us what changes in it. {error}"
            self._log.warning("account_webhooks_not_kept", reason=str(error))
            return RETRY if self._destination else None
        self.trouble = None
        return LOOK_EVERY if self._destination else None

    def _is_ours(self, destination: str) -> bool:
        """Also where our public address was another, or the key file has a new first key."""
        return urlsplit(destination).path.endswith(self._paths)

    # What is posted

    def knows(self, secret: str) -> bool:
        given = secret.encode("utf-8", "replace")
        return any(hmac.compare_digest(known, given) for known in self._secrets)

    def receive(self, body: bytes) -> bool:
        """Whether it was this account's. Raises `NotAWebhook`."""
        told = told_in(body)
        if self._crm.account is not None and told.account != self._crm.account:
            self._log.warning("account_webhook_of_another_account", account=told.account)
            return False
        if self._tell is not None and (told.changed or told.gone):
            self._tell(told.changed, told.gone)
        return True


def destination_of(public_address: str | None, path: str) -> str | None:
    """None where an account cannot reach us, or others could read along."""
    address = (public_address or "").rstrip("/")
    return f"{address}{path}" if address.startswith("https://") else None


def secrets_of(vault: Vault, portal: PortalId) -> tuple[str, ...]:
    return tuple(secret.hex() for secret in vault.derived(f"webhooks of {portal}"))


def open_all_changes(
    office: Office, portals: Sequence[OfficePortal], *, vault: Vault, mirrors: Mirrors
) -> dict[PortalId, AccountChanges]:
    """Of the amoCRM accounts. One that is not mirrored is asked to tell nothing any more."""
    return {
        portal.id: AccountChanges(
            portal.id,
            portal.crm,
            public_address=office.public_address,
            secrets=secrets_of(vault, portal.id),
            tell=partial(hand_on, keeper) if (keeper := mirrors.of(portal.id)) else None,
        )
        for portal in portals
        if isinstance(portal.crm, AmoCrm)
    }


def hand_on(keeper: MirrorKeeper, changed: Sequence[Ref], gone: Sequence[Ref]) -> None:
    if gone:
        keeper.gone(gone)
    if changed:
        keeper.changed(changed)
