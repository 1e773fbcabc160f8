"""Work that goes through a whole journal, piece by piece in the order in which the calls began: what a new version
keeps of every call has to be made of those that were there before it.

How far it is stands in `stats_state`, written with the piece. So the service goes on meanwhile, and may be stopped at
any moment. A call behind that place waits until the walk comes to it; for every other one the work is done when it is
written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from sqlalchemy import and_, bindparam, func, or_, select, update

from ringbridge.store import schema
from ringbridge.store.database import Transaction, insert
from ringbridge.store.keys import CallKey
from ringbridge.store.schema import EPOCH
from ringbridge.store.statistics import summaries
from ringbridge.telephony.model import Call

CALLS, STATE = schema.calls.c, summaries.stats_state.c


class Walk(IntEnum):
    """By its row of `stats_state`."""

    SUMS = 1  # of `store.statistics.stats`
    MARKS = 2  # of `store.statistics.marks`


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far it is. `upto`: the place behind the last call that is done; None: all are."""

    upto: tuple[datetime, str] | None
    counted: int
    total: int

    def reaches(self, key: CallKey, call: Call) -> bool:
        """Whether the place has passed this call, so that its work is done when it is written."""
        return self.upto is None or (call.start, key) <= self.upto


async def progress(tx: Transaction, walk: Walk) -> Progress:
    row = (await tx.execute(PLACE, {"the_walk": walk})).mappings().first()
    if row is None:
        return Progress(upto=None, counted=0, total=0)
    upto = None if row["started"] is None else (row["started"], row["key"])
    return Progress(upto=upto, counted=row["counted"], total=row["total"])


# Written once: to put a statement together takes longer than to carry it out.
PLACE = select(summaries.stats_state).where(STATE.id == bindparam("the_walk"))


async def begin(tx: Transaction, walk: Walk) -> None:
    """From the first call on."""
    total = int((await tx.execute(select(func.count()).select_from(schema.calls))).scalar_one())
    put = insert(summaries.stats_state)
    row = {"id": walk, "started": EPOCH if total else None, "key": "", "counted": 0, "total": total}
    await tx.execute(put.on_conflict_do_update(index_elements=["id"], set_=row), row)


async def next_calls(
    tx: Transaction, walk: Walk, upto: tuple[datetime, str], columns: Sequence[str], most: int
) -> list[Mapping[str, Any]]:
    """The next rows of the journal, with `key`, `started` and these columns; the walk is then behind them."""
    started, key = upto
    behind = or_(CALLS.started > started, and_(CALLS.started == started, CALLS.key > key))
    # Said twice, the first time so that the index is entered at the place.
    found = (
        select(CALLS.key, CALLS.started, *(CALLS[name] for name in columns))
        .where(CALLS.started >= started, behind)
        .order_by(CALLS.started, CALLS.key)
        .limit(most)
    )
    rows = list((await tx.execute(found)).mappings())
    last = rows[-1] if len(rows) == most else None
    place = {"started": last["started"] if last else None, "key": last["key"] if last else ""}
    gone = update(summaries.stats_state).where(STATE.id == walk)
    await tx.execute(gone.values(**place, counted=STATE.counted + len(rows)))
    return [dict(row) for row in rows]
