"""Calls that were asked for, from the request until their end is told.

A row is `sent` before its Originate leaves and is never sent again, whatever happens in between: nobody is rung twice.
It is `settled` once its call is in the journal, and `refused` when nothing was dialled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import TypeAdapter
from sqlalchemy import RowMapping, delete, select, update

from ringbridge.routing.dialing import DialRequest, Earlier
from ringbridge.routing.intents import PortalId
from ringbridge.store import schema
from ringbridge.store.database import Transaction, insert
from ringbridge.store.keys import PbxId

D = schema.dials.c
REQUEST = TypeAdapter(DialRequest)


class DialState(StrEnum):
    SENT = "sent"  # it may be on its way: what became of it will be heard of from the PBX
    SETTLED = "settled"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """A request and what was decided. `id` names its channel and its action on the PBX."""

    id: str
    request: DialRequest
    number: str  # one spelling for each number: requests are compared by it
    pbx: PbxId
    state: DialState
    decided: datetime
    extension: str = ""
    reason: str = ""


async def known(tx: Transaction, portal: PortalId, source: str) -> bool:
    """Whether the request has come before."""
    found = select(D.id).where(D.portal == portal, D.source == source)
    return (await tx.execute(found)).first() is not None


async def add(tx: Transaction, dial: Dial) -> None:
    await tx.execute(
        insert(schema.dials).values(
            id=dial.id,
            portal=dial.request.portal,
            source=dial.request.source,
            kind=dial.request.kind,
            caller=dial.request.caller,
            number=dial.number,
            crm_call_id=dial.request.crm_call_id,
            request=REQUEST.dump_json(dial.request).decode(),
            pbx=dial.pbx,
            extension=dial.extension,
            state=dial.state,
            asked=dial.request.at,
            decided=dial.decided,
            reason=dial.reason or None,
        )
    )


async def earlier(tx: Transaction, request: DialRequest, since: datetime) -> list[Earlier]:
    """What the same caller asked for since then and was not refused."""
    found = select(D.number, D.asked).where(
        D.portal == request.portal, D.caller == request.caller, D.asked >= since, D.state != DialState.REFUSED
    )
    return [Earlier(number=row.number, at=row.asked) for row in await tx.execute(found)]


async def settle(tx: Transaction, dial: str, state: DialState, reason: str = "") -> None:
    changed = {"state": state, "reason": reason} if reason else {"state": state}
    await tx.execute(update(schema.dials).where(D.id == dial).values(**changed))


async def since(tx: Transaction, moment: datetime) -> list[Dial]:
    """What was decided since then, oldest first."""
    found = select(schema.dials).where(D.decided >= moment).order_by(D.decided)
    return [_dial(row) for row in (await tx.execute(found)).mappings()]


async def get(tx: Transaction, dial: str) -> Dial | None:
    row = (await tx.execute(select(schema.dials).where(D.id == dial))).mappings().first()
    return _dial(row) if row else None


async def named(tx: Transaction, portal: PortalId, source: str) -> Dial | None:
    """The request that came by this name."""
    found = select(schema.dials).where(D.portal == portal, D.source == source)
    row = (await tx.execute(found)).mappings().first()
    return _dial(row) if row else None


def _dial(row: RowMapping) -> Dial:
    return Dial(
        id=row["id"],
        request=REQUEST.validate_json(row["request"]),
        number=row["number"],
        pbx=PbxId(row["pbx"]),
        state=DialState(row["state"]),
        decided=row["decided"],
        extension=row["extension"],
        reason=row["reason"] or "",
    )


async def forget(tx: Transaction, before: datetime) -> Sequence[str]:
    """Drop what was decided before then; the ids of the rows that are gone."""
    gone = delete(schema.dials).where(D.decided < before).returning(D.id)
    return (await tx.execute(gone)).scalars().all()
