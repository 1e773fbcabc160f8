"""A call's story: what Asterisk said, what was decided, what was sent to the CRM, what came back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import RowMapping, select

from ringbridge.store import schema
from ringbridge.store.database import Transaction
from ringbridge.store.keys import CallKey
from ringbridge.store.order import REFUSED, State


class StoryKind(StrEnum):
    HEARD = "heard"  # from Asterisk
    DECIDED = "decided"
    SENT = "sent"  # to the CRM
    ANSWERED = "answered"  # by the CRM
    WAITING = "waiting"  # will be tried again: why
    DONE = "done"  # without a request of its own: why
    GIVEN_UP = "given_up"  # will never be sent: why


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryLine:
    at: datetime
    kind: StoryKind
    text: str
    step: str | None = None  # of which delivery, e.g. "RegisterCall"
    portal: str | None = None


async def story(tx: Transaction, key: CallKey) -> list[StoryLine]:
    """All that happened with a call, in the order of time; what happened at one moment in the order it was written."""
    told = select(schema.story).where(schema.story.c.call_key == key).order_by(schema.story.c.id)
    sent = select(schema.deliveries).where(schema.deliveries.c.call_key == key).order_by(schema.deliveries.c.id)
    lines = [
        StoryLine(at=row["at"], kind=StoryKind(row["kind"]), text=row["text"])
        for row in (await tx.execute(told)).mappings()
    ]
    for row in (await tx.execute(sent)).mappings():
        lines += delivery_lines(row)
    return sorted(lines, key=lambda line: line.at)


def delivery_lines(row: RowMapping) -> Iterator[StoryLine]:
    def line(at: datetime, kind: StoryKind, text: str) -> StoryLine:
        return StoryLine(at=at, kind=kind, text=text, step=row["step"], portal=row["portal"])

    state, reason = State(row["state"]), row["reason"]
    told_at = row["settled"] or row["answered_at"] or row["created"]
    if row["sent"] is not None:
        yield line(row["sent_at"], StoryKind.SENT, row["sent"])
    elif state is State.SENDING:
        yield line(row["sent_at"], StoryKind.SENT, row["intent"])
    if row["answered"] is not None:
        yield line(row["answered_at"], StoryKind.ANSWERED, row["answered"])
    if state is State.WAITING and reason:
        yield line(told_at, StoryKind.WAITING, reason)
    if state is State.DONE and row["sent"] is None:
        yield line(told_at, StoryKind.DONE, reason or "done")
    if state in REFUSED:
        yield line(told_at, StoryKind.GIVEN_UP, reason or "")
