"""Client's orders for a call, from the wish until somebody spoke with the client or the last attempt was in vain.

An order is `waiting` until it is due and `dialling` while an attempt is out. A number has one open order at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import TypeAdapter
from sqlalchemy import RowMapping, delete, func, select

from ringbridge.routing.dialing import DialRequest
from ringbridge.routing.intents import PortalId
from ringbridge.store import schema
from ringbridge.store.calls import CALLS, has_number
from ringbridge.store.database import Transaction, insert
from ringbridge.store.schema import OPEN_ORDERS, WAITING_ORDERS

O = schema.orders.c  # noqa: E741 - the table's columns, as D of the dials
REQUEST = TypeAdapter(DialRequest)


class OrderState(StrEnum):
    WAITING = "waiting"
    DIALLING = "dialling"
    REACHED = "reached"  # somebody spoke with the client
    ENDED = "ended"  # nobody did; the reason says why no more is tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    id: str
    request: DialRequest  # as it was ordered; each attempt is a request of its own
    number: str  # one spelling for each number
    state: OrderState
    due: datetime  # of the next attempt; of one that is out, when it went
    created: datetime
    attempts: int = 0
    dial: str | None = None  # the last attempt
    ended: datetime | None = None
    reason: str = ""


async def put(tx: Transaction, order: Order) -> None:
    """Write the order as it is now."""
    values = {
        "id": order.id,
        "portal": order.request.portal,
        "source": order.request.source,
        "number": order.number,
        "request": REQUEST.dump_json(order.request).decode(),
        "state": order.state,
        "attempts": order.attempts,
        "due": order.due,
        "dial": order.dial,
        "created": order.created,
        "ended": order.ended,
        "reason": order.reason or None,
    }
    written = insert(schema.orders).values(**values)
    await tx.execute(written.on_conflict_do_update(index_elements=["id"], set_=values))


async def get(tx: Transaction, order: str) -> Order | None:
    return _first(await _found(tx, O.id == order))


async def named(tx: Transaction, portal: PortalId, source: str) -> Order | None:
    """The order that came by this name."""
    return _first(await _found(tx, O.portal == portal, O.source == source))


async def open_of_number(tx: Transaction, number: str) -> Order | None:
    return _first(await _found(tx, O.number == number, OPEN_ORDERS))


async def open_of_dial(tx: Transaction, names: Sequence[str]) -> Order | None:
    """The order one of whose attempts has one of these names and is out."""
    return _first(await _found(tx, O.dial.in_(names), O.state == OrderState.DIALLING))


async def count_out(tx: Transaction) -> int:
    """Orders an attempt of which is out."""
    counted = select(func.count()).where(OPEN_ORDERS, O.state == OrderState.DIALLING)
    return int((await tx.execute(counted)).scalar_one())


async def out_since_before(tx: Transaction, moment: datetime) -> list[Order]:
    """Orders whose attempt went out before then."""
    return await _found(tx, OPEN_ORDERS, O.state == OrderState.DIALLING, O.due < moment)


async def count_since(tx: Transaction, moment: datetime) -> int:
    """Orders that came since then and wait."""
    counted = select(func.count()).where(WAITING_ORDERS, O.created >= moment)
    return int((await tx.execute(counted)).scalar_one())


async def ordered_since(tx: Transaction, number: str, moment: datetime) -> bool:
    found = select(O.id).where(O.number == number, O.created >= moment).limit(1)
    return (await tx.execute(found)).first() is not None


async def due(tx: Transaction, now: datetime) -> list[Order]:
    """What is to be dialled by now, the longest due first."""
    return sorted(await _found(tx, WAITING_ORDERS, O.due <= now), key=lambda order: order.due)


async def waiting(tx: Transaction, limit: int) -> list[Order]:
    """The orders that wait, the first due first."""
    found = select(schema.orders).where(WAITING_ORDERS).order_by(O.due).limit(limit)
    return [_order(row) for row in (await tx.execute(found)).mappings()]


async def next_due(tx: Transaction) -> datetime | None:
    earliest = select(func.min(O.due)).where(WAITING_ORDERS)
    return (await tx.execute(earliest)).scalar_one_or_none()


async def is_on_the_phone(tx: Transaction, number: str, since: datetime) -> bool:
    """Whether a call of this number goes on that began since then."""
    found = select(CALLS.key).where(has_number(number), CALLS.ended.is_(None), CALLS.started >= since).limit(1)
    return (await tx.execute(found)).first() is not None


async def forget(tx: Transaction, before: datetime) -> None:
    """Drop what ended before then."""
    await tx.execute(delete(schema.orders).where(O.ended < before))


async def _found(tx: Transaction, *conditions: object) -> list[Order]:
    rows = await tx.execute(select(schema.orders).where(*conditions))  # type: ignore[arg-type]
    return [_order(row) for row in rows.mappings()]


def _first(found: Sequence[Order]) -> Order | None:
    return found[0] if found else None


def _order(row: RowMapping) -> Order:
    return Order(
        id=row["id"],
        request=REQUEST.validate_json(row["request"]),
        number=row["number"],
        state=OrderState(row["state"]),
        due=row["due"],
        created=row["created"],
        attempts=row["attempts"],
        dial=row["dial"],
        ended=row["ended"],
        reason=row["reason"] or "",
    )
