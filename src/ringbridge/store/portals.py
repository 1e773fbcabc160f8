"""What is kept of each portal: whether it is parked, its tokens (sealed), and what was learned of it (a new domain)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from ringbridge.routing.intents import PortalId
from ringbridge.store import schema
from ringbridge.store.database import Transaction, insert
from ringbridge.store.documents import load_facts
from ringbridge.store.outcome import Facts
from ringbridge.store.vault import Vault

P = schema.portals.c
PARKED = select(P.parked_since, P.parked_until, P.parked_reason).where(P.portal == bindparam("of"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """Nothing is sent to the portal."""

    since: datetime
    reason: str  # for people
    until: datetime | None = None  # None: until a person mends it

    def holds(self, now: datetime) -> bool:
        return self.until is None or now < self.until


async def parked(tx: Transaction, portal: PortalId) -> Parked | None:
    row = (await tx.execute(PARKED, {"of": portal})).mappings().first()
    if row is None or row["parked_since"] is None:
        return None
    return Parked(since=row["parked_since"], reason=row["parked_reason"] or "", until=row["parked_until"])


async def park(tx: Transaction, portal: PortalId, *, reason: str, until: datetime | None, now: datetime) -> None:
    """A portal that is parked already keeps the time since when it is."""
    since = (before.since if before.holds(now) else now) if (before := await parked(tx, portal)) else now
    await put(tx, portal, parked_since=since, parked_until=until, parked_reason=reason)


async def unpark(tx: Transaction, portal: PortalId) -> None:
    await put(tx, portal, parked_since=None, parked_until=None, parked_reason=None)


async def save_tokens(tx: Transaction, vault: Vault, portal: PortalId, tokens: Mapping[str, Any]) -> None:
    """Keep JSON-ready tokens in place of the earlier ones."""
    await put(tx, portal, tokens=vault.seal(json.dumps(dict(tokens))))


async def tokens(tx: Transaction, vault: Vault, portal: PortalId) -> dict[str, Any] | None:
    """The tokens kept last; raises `SecretsLocked` when the key file does not open them."""
    sealed = (await tx.execute(select(P.tokens).where(P.portal == portal))).scalar_one_or_none()
    return load_facts(vault.unseal(sealed)) if sealed else None


async def learn(tx: Transaction, portal: PortalId, facts: Facts) -> None:
    """Add to what is known of the portal, e.g. ``{"domain": "new.bitrix24.ru"}``; None forgets a name."""
    known = await learned(tx, portal) | dict(facts)
    await put(tx, portal, facts=json.dumps({k: v for k, v in known.items() if v is not None}, ensure_ascii=False))


async def learned(tx: Transaction, portal: PortalId) -> dict[str, Any]:
    return load_facts((await tx.execute(select(P.facts).where(P.portal == portal))).scalar_one_or_none())


async def put(tx: Transaction, portal: PortalId, **values: Any) -> None:
    added = insert(schema.portals).values(portal=portal, **values)
    await tx.execute(added.on_conflict_do_update(index_elements=["portal"], set_=values))
