"""How far a call is on its way into the CRM, step by step. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, select

from ringbridge.routing.intents import AttachRecording, PortalId, RecordKey
from ringbridge.store.database import Transaction
from ringbridge.store.keys import CallKey
from ringbridge.store.order import State
from ringbridge.store.schema import deliveries

D = deliveries.c
SETTLED = frozenset({State.DONE, State.GIVEN_UP, State.FORGOTTEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    portal: PortalId
    record: RecordKey
    part: int  # which record of the call: 1, and one more after each transfer
    name: str
    is_recording: bool
    state: State
    attempts: int  # tries that failed
    reason: str  # why it waits, was refused, or needed no request
    due: datetime | None  # the next try; None when there is none, or it follows another step
    settled: datetime | None


async def steps_of(tx: Transaction, key: CallKey) -> list[Step]:
    """Of one call, in the order they were decided."""
    found = select(deliveries).where(D.call_key == key).order_by(D.id)
    rows = (await tx.execute(found)).mappings().all()
    parts = {record: number for number, record in enumerate(dict.fromkeys(row["record"] for row in rows), start=1)}
    return [step(row, parts[row["record"]]) for row in rows]


def step(row: RowMapping, part: int) -> Step:
    state = State(row["state"])
    return Step(
        portal=PortalId(row["portal"]),
        record=RecordKey(row["record"]),
        part=part,
        name=row["step"],
        is_recording=row["kind"] == AttachRecording.__name__,
        state=state,
        attempts=row["attempts"],
        reason=row["reason"] or "",
        due=row["due"] if state is State.WAITING and row["head"] else None,
        settled=row["settled"],
    )
