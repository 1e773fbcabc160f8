"""What calls brought in: leads, deals and money, by the call that brought each (`store.sales.brought`).

A deal stands in the hour of that call, so that it belongs to the period in which its client called, however much later
it is made or won. So of the clients of a period, a deal is some part's and never more than all of them have one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, TextClause, case, distinct, func, null, select

from ringbridge.routing.sales import SaleState
from ringbridge.store import schema
from ringbridge.store.database import Transaction
from ringbridge.store.statistics import summaries
from ringbridge.store.statistics.spans import Span, of_hours

DEALS, JOURNAL = summaries.stats_deals.c, schema.calls.c
BROUGHT = DEALS.source.is_not(None)  # by any call
Condition = ColumnElement[bool] | TextClause


class Which(StrEnum):
    """Of leads and deals."""

    LEADS = "leads"
    DEALS = "deals"
    WON = "won"

    @property
    def condition(self) -> ColumnElement[bool]:
        match self:
            case Which.LEADS:
                return DEALS.kind == "lead"
            case Which.DEALS:
                return DEALS.kind == "deal"
            case Which.WON:
                return (DEALS.kind == "deal") & (DEALS.state == SaleState.WON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Takings:
    """What some calls brought in."""

    leads: int = 0
    deals: int = 0  # won, lost and open ones
    won: int = 0
    with_deal: int = 0  # different clients, of an employee different calls, that have a deal
    with_won: int = 0  # that have one won
    money: Mapping[str, int] = field(default_factory=dict)  # of the deals won: currency -> hundredths of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Sold:
    """A lead or a deal, and the call that brought it."""

    portal: str
    kind: str
    id: str
    state: SaleState
    created: datetime
    amount: int  # hundredths of the currency
    currency: str
    client: str  # the last digits, backwards
    external: str | None  # the client's number as the call has it; None: the call is forgotten
    source: int
    extension: str | None
    call_key: str
    called: datetime


async def by_source(tx: Transaction, span: Span, groups: Mapping[int, int]) -> dict[int | None, Takings]:
    """By group of sources; None: no call brought it. Several sources of one group count each client once."""
    several = {source: group for source, group in groups.items() if source != group}
    group = case(several, value=DEALS.source, else_=DEALS.source) if several else DEALS.source
    return await _takings(tx, list(of_deals(span)), group, DEALS.client)


async def by_employee(tx: Transaction, span: Span) -> dict[str | None, Takings]:
    """By who spoke first in the call; None: nobody did."""
    return await _takings(tx, [*of_deals(span), summaries.BROUGHT], DEALS.extension, DEALS.call_key)


async def in_all(tx: Transaction, span: Span) -> Takings:
    """That any call brought."""
    found = await _takings(tx, [*of_deals(span), BROUGHT], None, DEALS.client)
    return found.get(None, Takings())


async def closed(tx: Transaction, since: datetime, until: datetime) -> Takings:
    """Deals won within that time, whenever the call was that brought them."""
    within = (BROUGHT, Which.WON.condition, DEALS.closed >= since, DEALS.closed < until)
    found = await _takings(tx, within, None, DEALS.client)
    return found.get(None, Takings())


async def sold(tx: Transaction, span: Span, which: Which, most: int) -> list[Sold]:
    """The latest call first."""
    found = (
        select(JOURNAL.external, *(DEALS[name] for name in TOLD))
        .join_from(summaries.stats_deals, schema.calls, JOURNAL.key == DEALS.call_key, isouter=True)
        .where(*of_deals(span), which.condition, BROUGHT)
        .order_by(DEALS.called.desc(), DEALS.portal, DEALS.kind, DEALS.id)
        .limit(most)
    )
    rows = (await tx.execute(found)).mappings()
    return [Sold(**{**row, "state": SaleState(row["state"])}) for row in rows]


TOLD = [one.name for one in fields(Sold) if one.name != "external"]


async def _takings(
    tx: Transaction,
    conditions: Sequence[Condition],
    by: ColumnElement[Any] | None,
    each: ColumnElement[Any],
) -> dict[Any, Takings]:
    """Of all (None), or by something. Who has a deal counts once for `each` client or call."""
    counts, with_deal, with_won, money = statements(conditions, by, each)
    takings: dict[Any, dict[str, Any]] = defaultdict(dict)
    for row in await tx.execute(counts):
        takings[row.of] |= {which: row._mapping[which] for which in Which}
    for name, asked in (("with_deal", with_deal), ("with_won", with_won)):
        for row in await tx.execute(asked):
            takings[row.of][name] = row.number
    for row in await tx.execute(money):
        takings[row.of].setdefault("money", {})[row.currency] = row.amount
    return {of: Takings(**found) for of, found in takings.items()}


def statements(
    conditions: Sequence[Condition], by: ColumnElement[Any] | None, each: ColumnElement[Any]
) -> tuple[Select[Any], Select[Any], Select[Any], Select[Any]]:
    """Each by itself: so an index is walked in its order, and nothing is sorted."""
    counts = _grouped(by, *(_counted(which).label(which) for which in Which))
    different = _grouped(by, func.count(distinct(each)).label("number")).where(each > "")  # an empty client is nobody
    money = _grouped(by, DEALS.currency, func.sum(DEALS.amount).label("amount")).group_by(DEALS.currency)
    return (
        counts.where(*conditions),
        different.where(*conditions, Which.DEALS.condition),
        different.where(*conditions, Which.WON.condition),
        money.where(*conditions, Which.WON.condition),
    )


def _grouped(by: ColumnElement[Any] | None, *columns: ColumnElement[Any]) -> Select[Any]:
    of = null() if by is None else by
    asked = select(of.label("of"), *columns)
    return asked if by is None else asked.group_by("of")


def of_deals(span: Span) -> Iterator[ColumnElement[bool]]:
    yield from of_hours(span, DEALS.hour)
    if span.sources is not None:
        yield DEALS.source.in_(span.sources)
    if span.extensions is not None:
        yield DEALS.extension.in_(span.extensions)


def _counted(which: Which) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((which.condition, 1), else_=0)), 0)
