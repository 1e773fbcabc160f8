"""What a person does about deliveries: those that were refused are looked at, tried again or forgotten, those that wait
are tried now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text, update

from ringbridge.routing.intents import PortalId
from ringbridge.store.database import Transaction
from ringbridge.store.deliveries import rearrange, revive
from ringbridge.store.keys import CallKey
from ringbridge.store.order import State
from ringbridge.store.schema import OPEN, calls, deliveries

D = deliveries.c
REFUSED = text("deliveries.state = 'given_up'")
MOST_ROWS = 500  # of one list


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a portal refused of one call."""

    key: CallKey
    started: datetime
    number: str | None
    steps: tuple[str, ...]  # all that was given up, in the order it was decided
    reason: str  # of the first: the others mostly follow from it
    at: datetime


async def refusals(tx: Transaction, portal: PortalId, limit: int = 50) -> list[Refusal]:
    """The newest first; a call with very many steps may be cut off at the end."""
    wanted = (
        select(D.call_key, D.step, D.reason, D.settled, D.created, calls.c.started, calls.c.external)
        .join(calls, calls.c.key == D.call_key)
        .where(D.portal == portal, REFUSED)
        .order_by(D.id.desc())
        .limit(MOST_ROWS)
    )
    found: dict[CallKey, Refusal] = {}
    for row in (await tx.execute(wanted)).mappings():
        key = CallKey(row["call_key"])
        later = found[key].steps if key in found else ()
        found[key] = Refusal(
            key=key,
            started=row["started"],
            number=row["external"],
            steps=(row["step"], *later),
            reason=row["reason"] or "",
            at=row["settled"] or row["created"],
        )
    return list(found.values())[:limit]


async def refused_calls(tx: Transaction, portal: PortalId, limit: int) -> list[CallKey]:
    """Of which anything was given up, the oldest first."""
    wanted = select(D.call_key).where(D.portal == portal, REFUSED).group_by(D.call_key).order_by(func.min(D.id))
    return [CallKey(key) for key in (await tx.execute(wanted.limit(limit))).scalars()]


async def knowing(tx: Transaction, key: CallKey) -> frozenset[PortalId]:
    """The portals that were told of a call, or are to be."""
    return frozenset(map(PortalId, (await tx.execute(select(D.portal).where(D.call_key == key).distinct())).scalars()))


async def try_again(tx: Transaction, portal: PortalId, keys: Collection[CallKey], now: datetime) -> dict[CallKey, int]:
    """What was given up of these calls waits again. Gives how many steps that are of each that had any.

    A step whose earlier try may have been carried out stays uncertain: it is looked up before it is repeated.
    """
    revived = {key: await revive(tx, portal, key, now) for key in dict.fromkeys(keys)}
    return {key: steps for key, steps in revived.items() if steps}


async def forget(tx: Transaction, portal: PortalId, keys: Collection[CallKey], now: datetime) -> dict[CallKey, int]:
    """What was given up of these calls need not be sent. Gives how many steps that are of each that had any."""
    forgotten: dict[CallKey, int] = {}
    for key in dict.fromkeys(keys):
        given_up = (D.call_key == key, D.portal == portal, REFUSED)
        settled = update(deliveries).where(*given_up).values(state=State.FORGOTTEN, settled=now).returning(D.id)
        if steps := len((await tx.execute(settled)).all()):
            forgotten[key] = steps
            await rearrange(tx, portal, {key}, now)
    return forgotten


async def hurry(tx: Transaction, portal: PortalId, now: datetime) -> int:
    """Whatever waits for a later try is due now. What may be under way at the portal still is not: to ask about it too
    early would be to send it twice. Gives how many steps that are."""
    later = (D.portal == portal, OPEN, D.state == State.WAITING, D.due > now, D.uncertain.is_(False))
    return len((await tx.execute(update(deliveries).where(*later).values(due=now).returning(D.id))).all())


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Why steps wait for another try."""

    reason: str
    steps: int
    next_try: datetime


async def delays(tx: Transaction, portal: PortalId, limit: int = 5) -> list[Delay]:
    """The commonest first."""
    rows = func.count().label("rows")
    wanted = (
        select(D.reason, rows, func.min(D.due).label("due"))
        .where(D.portal == portal, OPEN, D.state == State.WAITING, D.reason.is_not(None))
        .group_by(D.reason)
        .order_by(rows.desc())
        .limit(limit)
    )
    return [Delay(reason=row.reason, steps=row.rows, next_try=row.due) for row in await tx.execute(wanted)]
