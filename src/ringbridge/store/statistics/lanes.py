"""Ways by which calls come and go, numbered: the sources of the summaries."""

from __future__ import annotations

from collections.abc import Iterable

from ringbridge.store.database import Transaction, insert
from ringbridge.store.statistics import summaries
from ringbridge.store.statistics.counting import Lane


async def numbered(tx: Transaction, lanes: Iterable[Lane]) -> dict[Lane, int]:
    """The id of each; a new one gets its own."""
    known = {}
    for lane in lanes:
        row = {"trunk": lane.trunk, "did": lane.did}
        known[lane] = int((await tx.execute(SOURCE, row)).scalar_one())
    return known


# Written once: to put a statement together takes longer than to carry it out.
SOURCE = (
    insert(summaries.stats_sources)
    .on_conflict_do_update(
        index_elements=["trunk", "did"], set_={"trunk": insert(summaries.stats_sources).excluded.trunk}
    )
    .returning(summaries.stats_sources.c.id)
)
