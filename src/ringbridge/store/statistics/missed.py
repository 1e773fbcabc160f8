"""Missed calls, and when somebody spoke with the client after all: the next answered call, whoever called.

However late a call is heard of or corrected, what stands here is what the journal says.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, delete, literal_column, or_, select, update

from ringbridge.store import schema
from ringbridge.store.database import Transaction, insert
from ringbridge.store.documents import load_call
from ringbridge.store.keys import CallKey
from ringbridge.store.schema import MICROSECOND, Moment
from ringbridge.store.statistics import summaries
from ringbridge.store.statistics.counting import DIGITS, Ending, Lane, ending
from ringbridge.telephony.model import Disposition

CALLS, MISSED = schema.calls.c, summaries.stats_missed.c

# The sign keeps SQLite from walking a whole week of calls by their beginning: the few of one number are found by it.
STARTED = literal_column("+calls.started", Moment())

CALLED_BACK_WITHIN = timedelta(days=7)
"""A talk with the client that comes later has nothing to do with the missed call."""


async def take_out(tx: Transaction, endings: Mapping[CallKey, Ending]) -> None:
    """What one of these calls had answered waits again: the next answered call is looked for."""
    await tx.execute(FORGET_MISSED, [{"the_key": key} for key in endings])
    reopened: list[dict[str, Any]] = []
    for key in endings:
        found = await tx.execute(select(MISSED.call_key, MISSED.client, MISSED.at).where(MISSED.back_key == key))
        reopened += [dict(row) for row in found.mappings()]
    if reopened:
        await tx.execute(REOPEN, [{"the_key": row["call_key"]} for row in reopened])
    for row in reopened:
        await _look_for_answer(tx, row["call_key"], row["client"], row["at"], besides=endings)


async def put(tx: Transaction, endings: Mapping[CallKey, Ending], sources: Mapping[Lane, int]) -> None:
    missed = {key: ended for key, ended in endings.items() if ended.missed}
    if missed:
        rows = [_missed_row(key, ended, sources[ended.lane]) for key, ended in missed.items()]
        await tx.execute(insert(summaries.stats_missed).on_conflict_do_nothing(), rows)
    for key, ended in missed.items():
        if ended.client:
            await _look_for_answer(tx, key, ended.client, ended.start)
    answers = [_answer(key, ended) for key, ended in endings.items() if ended.answered and ended.client]
    if answers:
        await tx.execute(ANSWERED, answers)


def _missed_row(key: CallKey, ended: Ending, source: int) -> dict[str, Any]:
    return {
        "call_key": key,
        "at": ended.start,
        "client": ended.client,
        "source": source,
        "queue": ended.queue,
        "wait": ended.wait,
    }


def _answer(key: CallKey, ended: Ending) -> dict[str, Any]:
    return {
        "the_client": ended.client,
        "since": ended.start - CALLED_BACK_WITHIN,
        "the_back": ended.start,
        "the_key": key,
        "the_direction": ended.direction,
        "the_by": ended.by,
    }


async def _look_for_answer(
    tx: Transaction, key: CallKey, client: str, at: datetime, *, besides: Mapping[CallKey, Ending] | None = None
) -> None:
    """Among the calls that the journal has already: it was written late, or another answer went."""
    # A whole number may stand behind a country, a short one is all there is. After "9" comes ":", and "!" before "0".
    after = f"{client}:" if len(client) == DIGITS else f"{client}!"
    asked = {"client": client, "after": after, "later": at + MICROSECOND, "until": at + CALLED_BACK_WITHIN}
    for found in await tx.execute(LATER, asked):
        if found.key not in (besides or {}):
            ended = ending(load_call(found.snapshot))
            if ended is not None and ended.answered and ended.client == client:
                await tx.execute(ANSWERED, [_answer(found.key, ended)])
                return


LATER = (
    select(CALLS.key, CALLS.snapshot)
    .where(
        CALLS.number_reversed >= bindparam("client"),
        CALLS.number_reversed < bindparam("after"),
        STARTED.between(bindparam("later"), bindparam("until")),
        CALLS.disposition == Disposition.ANSWERED,
        CALLS.ended.is_not(None),
    )
    .order_by(STARTED, CALLS.key)
    .limit(20)
)
FORGET_MISSED = delete(summaries.stats_missed).where(MISSED.call_key == bindparam("the_key"))
REOPEN = (
    update(summaries.stats_missed)
    .where(MISSED.call_key == bindparam("the_key"))
    .values(back=None, back_key=None, back_direction=None, back_by=None)
)
ANSWERED = (
    update(summaries.stats_missed)
    .where(
        MISSED.client == bindparam("the_client"),
        MISSED.at >= bindparam("since"),
        MISSED.at < bindparam("the_back"),
        or_(
            MISSED.back.is_(None),
            MISSED.back > bindparam("the_back"),
            and_(MISSED.back == bindparam("the_back"), MISSED.back_key > bindparam("the_key")),
        ),
    )
    .values(
        back=bindparam("the_back"),
        back_key=bindparam("the_key"),
        back_direction=bindparam("the_direction"),
        back_by=bindparam("the_by"),
    )
)
