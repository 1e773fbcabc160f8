"""Why work beside a portal's calls does not go on, as the service left it: for whoever looks at it from outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ringbridge.routing.intents import PortalId
from ringbridge.store import portals
from ringbridge.store.database import Transaction

FACT = "waits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    why: str  # for people
    until: datetime  # when it is tried again


async def waits(tx: Transaction, portal: PortalId) -> dict[str, Wait]:
    """By what does not go on: ``mirror``, ``sales``."""
    kept = (await portals.learned(tx, portal)).get(FACT) or {}
    return {what: Wait(why=one["why"], until=datetime.fromisoformat(one["until"])) for what, one in kept.items()}


async def keep(tx: Transaction, portal: PortalId, what: str, wait: Wait | None) -> None:
    """None: it goes on. Where nothing is new, nothing is written."""
    known = await waits(tx, portal)
    if known.get(what) == wait:
        return
    left = {name: one for name, one in (known | {what: wait}).items() if one is not None}
    written = {name: {"why": one.why, "until": one.until.isoformat()} for name, one in left.items()}
    await portals.learn(tx, portal, {FACT: written or None})
