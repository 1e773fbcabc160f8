"""Who of us last spoke with a client, as the journal knows it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, select

from ringbridge.routing.distribution import LastTalk
from ringbridge.store import schema
from ringbridge.store.calls import digits, has_number
from ringbridge.store.database import Transaction
from ringbridge.store.documents import load_call

CALLS = schema.calls.c

WHOLE = 10  # digits by which a number is told apart; a shorter one is no ending of another


async def last_spoke(tx: Transaction, number: str, since: datetime) -> LastTalk | None:
    """The last talk with this number in a call that began at `since` or later, whoever called whom; None: there was
    none. The number may be written in any way: its last ten digits tell it apart. Reads that number's calls alone."""
    if not digits(number):
        return None
    snapshot = (await tx.execute(_calls_with(number, since))).scalar()
    if snapshot is None:
        return None
    talk = load_call(snapshot).talks[-1]
    return LastTalk(extension=talk.extension, at=talk.end or talk.start)


def _calls_with(number: str, since: datetime) -> Select[tuple[str]]:
    written = digits(number)
    is_theirs = has_number(number) if len(written) >= WHOLE else CALLS.number_reversed == written[::-1]
    # Only whoever spoke for a second counts; every call with a talk has one.
    return (
        select(CALLS.snapshot)
        .where(is_theirs, CALLS.started >= since, CALLS.talk > 0)
        .order_by(CALLS.started.desc())
        .limit(1)
    )
