"""Different clients who called: by source and in all.

A source is a way by which calls come: a trunk and the number called. Several of them may be one to people, shown under
one name; `groups` says which: each source's id -> the id under which it is put together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, case, distinct, func, or_, select

from ringbridge.store.database import Transaction
from ringbridge.store.statistics import summaries
from ringbridge.store.statistics.spans import Span, of_hours

CLIENTS, KNOWN = summaries.stats_clients.c, summaries.stats_known.c


async def by_source(tx: Transaction, span: Span, groups: Mapping[int, int]) -> dict[int, int]:
    """How many different clients called, by group of sources."""
    sizes = Counter(groups.values())
    several = [source for source, group in groups.items() if sizes[group] > 1]
    table, conditions = clients_of(span)
    alone = [*conditions, *of_new(span, CLIENTS.last), *([table.c.source.not_in(several)] if several else [])]
    found = {row.source: row.clients for row in await tx.execute(counted_by_source(table, alone))}
    if several:
        group = case({one: groups[one] for one in several}, value=table.c.source)
        told_apart = select(group.label("source"), func.count(distinct(table.c.client)).label("clients"))
        rows = await tx.execute(told_apart.where(*conditions, table.c.source.in_(several)).group_by(group))
        found |= {row.source: row.clients for row in rows}
    return found


def counted_by_source(table: Table, conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """By hour first, as the rows lie: so they need not be sorted."""
    source, by = table.c.source, [table.c.hour] if "hour" in table.c else []
    each = select(source, func.count().label("clients")).where(*conditions).group_by(*by, source)
    if not by:
        return each
    hours = each.subquery()
    return select(hours.c.source, func.sum(hours.c.clients).label("clients")).group_by(hours.c.source)


async def in_all(tx: Transaction, span: Span) -> int:
    """How many different clients called, by whatever source."""
    table, conditions = clients_of(span)
    if span.sources is None and not span.is_all_time:
        counted = select(func.count()).select_from(table).where(*conditions, *of_new(span, CLIENTS.last_any))
    else:
        different = select(table.c.client).where(*conditions).distinct().subquery()
        counted = select(func.count()).select_from(different)
    return int((await tx.execute(counted)).scalar_one())


def of_new(span: Span, last: ColumnElement[int | None]) -> Iterator[ColumnElement[bool]]:
    """A client's first row in the period. Over all time there is one row of each source."""
    if not span.is_all_time:
        yield last.is_(None) if span.first is None else or_(last.is_(None), last < span.first)


def clients_of(span: Span) -> tuple[Table, list[ColumnElement[bool]]]:
    if span.is_all_time:
        return summaries.stats_known, list(of_sources(span, KNOWN.source))
    return summaries.stats_clients, [*of_hours(span, CLIENTS.hour), *of_sources(span, CLIENTS.source)]


def of_sources(span: Span, source: ColumnElement[int]) -> Iterator[ColumnElement[bool]]:
    if span.sources is not None:
        yield source.in_(span.sources)
