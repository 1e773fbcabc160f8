"""What calls brought in: leads, deals and money, by the call that brought each (`store.brought`).

A deal stands in the hour of that call, so that it belongs to the period in which its client called, however much later
it is made or won. So of the clients of a period, a deal is some part's and never more than all of them have one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, case, distinct, func, literal, select

from ringbridge.routing.sales import SaleState
from ringbridge.store import schema, summaries
from ringbridge.store.database import Transaction
from ringbridge.store.spans import Span, of_hours

DEALS, JOURNAL = summaries.stats_deals.c, schema.calls.c
LEAD, DEAL = "lead", "deal"
WON = (DEALS.kind == DEAL) & (DEALS.state == SaleState.WON)
BROUGHT = DEALS.call_key.is_not(None)  # by any call


class Which(StrEnum):
    """Of leads and deals."""

    LEADS = "leads"
    DEALS = "deals"
    WON = "won"

    @property
    def condition(self) -> ColumnElement[bool]:
        match self:
            case Which.LEADS:
                return DEALS.kind == LEAD
            case Which.DEALS:
                return DEALS.kind == DEAL
            case Which.WON:
                return WON


@dataclass(frozen=True, slots=True, kw_only=True)
class Takings:
    """What some calls brought in."""

    leads: int = 0
    deals: int = 0  # won, lost and open ones
    won: int = 0
    money: Mapping[str, int] = field(default_factory=dict)  # of the deals won: currency -> hundredths of it
    clients: int = 0  # different ones that have a deal
    buyers: int = 0  # that have a won one
    calls: int = 0  # different ones that brought a deal


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
    group = case(dict(groups), value=DEALS.source, else_=DEALS.source) if groups else DEALS.source
    return await _takings(tx, span, group)


async def by_employee(tx: Transaction, span: Span) -> dict[str | None, Takings]:
    """By who spoke first in the call; None: nobody did."""
    return await _takings(tx, span, DEALS.extension, BROUGHT)


async def in_all(tx: Transaction, span: Span) -> Takings:
    """That any call brought."""
    found = await _takings(tx, span, literal(1), BROUGHT)
    return found.get(1, Takings())


async def closed(tx: Transaction, since: datetime, until: datetime) -> Takings:
    """Deals won within that time, whenever the call was that brought them."""
    within = (DEALS.closed >= since, DEALS.closed < until, BROUGHT)
    found = await _takings(tx, Span(), literal(1), WON, *within)
    return found.get(1, Takings())


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
    tx: Transaction, span: Span, by: ColumnElement[Any], *more: ColumnElement[bool]
) -> dict[Any, Takings]:
    conditions = (*of_deals(span), *more)
    counts = select(
        by.label("of"),
        counted(DEALS.kind == LEAD).label("leads"),
        counted(DEALS.kind == DEAL).label("deals"),
        counted(WON).label("won"),
        different(DEALS.client, DEALS.kind == DEAL).label("clients"),
        different(DEALS.client, WON).label("buyers"),
        different(DEALS.call_key, DEALS.kind == DEAL).label("calls"),
    )
    money = select(by.label("of"), DEALS.currency, func.sum(DEALS.amount).label("amount")).where(WON)
    sums: dict[Any, dict[str, int]] = {}
    for row in await tx.execute(money.where(*conditions).group_by(by, DEALS.currency)):
        sums.setdefault(row.of, {})[row.currency] = row.amount
    rows = (await tx.execute(counts.where(*conditions).group_by(by))).mappings()
    return {
        row["of"]: Takings(**{name: n for name, n in row.items() if name != "of"}, money=sums.get(row["of"], {}))
        for row in rows
    }


def of_deals(span: Span) -> Iterator[ColumnElement[bool]]:
    yield from of_hours(span, DEALS.hour)
    if span.sources is not None:
        yield DEALS.source.in_(span.sources)
    if span.extensions is not None:
        yield DEALS.extension.in_(span.extensions)


def counted(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def different(column: ColumnElement[str], condition: ColumnElement[bool]) -> ColumnElement[int]:
    """Values of a column where the condition holds; an empty one is nobody's."""
    return func.count(distinct(case((condition & (column != ""), column))))
