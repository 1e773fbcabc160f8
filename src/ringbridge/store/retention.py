"""What of the journal is forgotten: calls that ended long ago, their stories, and what was sent to the CRM for them.

Sums of the past stay (`store.statistics.summaries`): so nothing is forgotten before it is counted.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, exists, select

from ringbridge.store import schema
from ringbridge.store.database import Transaction
from ringbridge.store.schema import OPEN
from ringbridge.store.statistics import marks, stats

CALLS, DELIVERIES = schema.calls.c, schema.deliveries.c

A_FEW = 100  # calls in one transaction: other writers come between


async def forget(tx: Transaction, before: datetime, most: int = A_FEW) -> int:
    """Remove calls that began and ended before then, the oldest first, at most so many; gives how many. One of which
    the CRM has something still to get stays, whatever its age."""
    if (await stats.progress(tx)).upto is not None:
        return 0
    unsettled = exists(select(DELIVERIES.id).where(DELIVERIES.call_key == CALLS.key, OPEN))
    told = (CALLS.key, CALLS.started, *(CALLS[name] for name in marks.MARKED))
    old = select(*told).where(CALLS.started < before, CALLS.ended < before, ~unsettled).order_by(CALLS.started)
    rows = [dict(row) for row in (await tx.execute(old.limit(most))).mappings()]
    if rows:
        keys = [row["key"] for row in rows]
        await tx.execute(delete(schema.calls).where(CALLS.key.in_(keys)))  # stories and deliveries go with their call
        await marks.take_away(tx, rows)
    return len(rows)
