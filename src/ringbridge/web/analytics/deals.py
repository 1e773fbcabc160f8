"""Leads, deals and money, by what brought the clients' calls or by who spoke with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from ringbridge.store.database import Database
from ringbridge.store.statistics import analytics, callers, conversion
from ringbridge.store.statistics.conversion import Takings, Which
from ringbridge.store.statistics.spans import Span
from ringbridge.telephony.model import Direction
from ringbridge.web.analytics.question import Question
from ringbridge.web.analytics.report import Column, Kind, Report, Row, Tile, money, share
from ringbridge.web.analytics.sources import Sources, before, read, span_of
from ringbridge.web.words import N_

BY_EMPLOYEE = "employee"  # else by source
NO_CALL = N_("No call before it")
NOBODY = N_("Nobody spoke")

COUNTS = {Which.LEADS: 2, Which.DEALS: 3, Which.WON: 5}
"""At which place of a row the number of them is: it leads to their list."""

TO_DEALS, TO_SALES = N_("Conversion to deals"), N_("Conversion to sales")
AMOUNT = N_("Sum of deals won")
LEADS = Column(title=N_("Leads"))
DEALS = Column(title=N_("Deals"), hint=N_("Open, won and lost ones"))
WON = Column(title=N_("Deals won"))
OF_SOURCES = (
    Column(title=N_("Source"), kind=Kind.TEXT),
    Column(title=N_("Clients"), hint=N_("Different numbers that called")),
    LEADS,
    DEALS,
    Column(title=TO_DEALS, kind=Kind.SHARE, hint=N_("Clients with a deal, of all that called")),
    WON,
    Column(title=TO_SALES, kind=Kind.SHARE, hint=N_("Clients with a deal won, of all that called")),
)
OF_EMPLOYEES = (
    Column(title=N_("Employee"), kind=Kind.TEXT),
    Column(title=N_("Calls answered"), hint=N_("Of incoming ones")),
    LEADS,
    DEALS,
    Column(title=N_("Calls with a deal"), kind=Kind.SHARE, hint=N_("Calls that brought a deal, of those answered")),
    WON,
    Column(title=N_("Calls with a sale"), kind=Kind.SHARE, hint=N_("Calls that brought a deal won, of those answered")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What the calls of a period brought, and how many clients they were of."""

    takings: Takings
    clients: int


async def by_source(database: Database, question: Question, sources: Sources, say: Callable[[str], str]) -> Report:
    """`say` translates. All is asked at once, as `sources.by_source` does."""
    span, groups = replace(span_of(question, sources), queue=None), sources.groups
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(read(database, partial(conversion.by_source, span=span, groups=groups)))
        who = group.create_task(read(database, partial(callers.by_source, span=span, groups=groups)))
        total = group.create_task(brought(database, question, span))
    found, clients = asked.result(), who.result()
    currencies = currencies_of(found.values())
    shown = [first for first in dict.fromkeys(groups.values()) if first in found or first in clients]
    rows = [
        row_of_source(sources.names[first], found.get(first, Takings()), clients.get(first, 0), currencies, question)
        for first in shown
    ]
    rows.sort(key=lambda row: (-int(str(row.values[3])), -int(str(row.values[1]))))
    if None in found:
        rows.append(row_of_the_rest(say(NO_CALL), found[None], currencies))
    return report(OF_SOURCES, rows, currencies, tiles(*total.result()))


async def by_employee(
    database: Database, question: Question, employee: Callable[[str], str | None], say: Callable[[str], str]
) -> Report:
    span = Span(since=question.since, until=question.until)
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(read(database, partial(conversion.by_employee, span=span)))
        calls = group.create_task(read(database, partial(analytics.by_employee, span=span)))
        total = group.create_task(brought(database, question, span))
    found, currencies = asked.result(), currencies_of(asked.result().values())
    taken = {
        phone: shares.answered
        for (phone, direction), shares in calls.result().items()
        if direction is Direction.INBOUND and shares.answered
    }
    rows = []
    for phone in dict.fromkeys([*filter(None, found), *taken]):
        name, takings = employee(phone), found.get(phone, Takings())
        shown = f"{name} · {phone}" if name else phone
        rows.append(row_of_employee(shown, phone, takings, taken.get(phone, 0), currencies, question))
    rows.sort(key=lambda row: (-int(str(row.values[3])), str(row.values[0]).casefold()))
    if None in found:
        rows.append(row_of_the_rest(say(NOBODY), found[None], currencies))
    return report(OF_EMPLOYEES, rows, currencies, tiles(*total.result()))


async def brought(database: Database, question: Question, span: Span) -> tuple[Brought, Brought | None]:
    """Of this period and of that before it."""

    async def of(one: Span) -> Brought:
        async with asyncio.TaskGroup() as group:
            takings = group.create_task(read(database, partial(conversion.in_all, span=one)))
            clients = group.create_task(read(database, partial(callers.in_all, span=one)))
        return Brought(takings=takings.result(), clients=clients.result())

    earlier = before(span, question)
    return await of(span), await of(earlier) if earlier else None


def currencies_of(found: Iterable[Takings]) -> list[str]:
    return sorted({currency for takings in found for currency in takings.money})


def report(
    columns: Sequence[Column], rows: Sequence[Row], currencies: Sequence[str], tiles: tuple[Tile, ...]
) -> Report:
    amounts = (Column(title=AMOUNT, kind=Kind.MONEY, unit=currency) for currency in currencies)
    return Report(columns=(*columns, *amounts), rows=rows, tiles=tiles)


def row_of_source(name: str, takings: Takings, clients: int, currencies: Sequence[str], question: Question) -> Row:
    return Row(
        values=(
            name,
            clients,
            takings.leads,
            takings.deals,
            share(takings.with_deal, clients),
            takings.won,
            share(takings.with_won, clients),
            *sums(takings, currencies),
        ),
        address=question.address("hours", source=name, by=""),
        links=lists(takings, question, source=name),
    )


def row_of_employee(
    name: str, phone: str, takings: Takings, answered: int, currencies: Sequence[str], question: Question
) -> Row:
    return Row(
        values=(
            name,
            answered,
            takings.leads,
            takings.deals,
            share(takings.with_deal, answered),
            takings.won,
            share(takings.with_won, answered),
            *sums(takings, currencies),
        ),
        address=question.address("hours", employee=phone, source="", by=""),
        links=lists(takings, question, employee=phone),
    )


def row_of_the_rest(name: str, takings: Takings, currencies: Sequence[str]) -> Row:
    """Of deals without a call, or of calls in which nobody spoke: there is nothing that they are a share of."""
    return Row(values=(name, None, takings.leads, takings.deals, None, takings.won, None, *sums(takings, currencies)))


def lists(takings: Takings, question: Question, **of: str) -> dict[int, str]:
    """Where the numbers of a row lead."""
    numbers = {Which.LEADS: takings.leads, Which.DEALS: takings.deals, Which.WON: takings.won}
    return {COUNTS[which]: question.address(deals=which, **of) for which, number in numbers.items() if number}


def sums(takings: Takings, currencies: Sequence[str]) -> Iterator[Decimal]:
    return (money(takings.money.get(currency, 0)) for currency in currencies)


def tiles(now: Brought, past: Brought | None) -> tuple[Tile, ...]:
    """Of what calls brought."""
    this, that = now.takings, past.takings if past else None
    amounts = (
        Tile(
            title=AMOUNT,
            kind=Kind.MONEY,
            value=money(amount),
            before=money(that.money.get(currency, 0)) if that else None,
            unit=currency,
        )
        for currency, amount in sorted(this.money.items())
    )
    return (
        Tile(title=LEADS.title, kind=Kind.COUNT, value=this.leads, before=that.leads if that else None),
        Tile(title=DEALS.title, kind=Kind.COUNT, value=this.deals, before=that.deals if that else None),
        Tile(
            title=TO_DEALS,
            kind=Kind.SHARE,
            value=share(this.with_deal, now.clients),
            before=share(that.with_deal, past.clients) if that and past else None,
        ),
        Tile(title=WON.title, kind=Kind.COUNT, value=this.won, before=that.won if that else None),
        Tile(
            title=TO_SALES,
            kind=Kind.SHARE,
            value=share(this.with_won, now.clients),
            before=share(that.with_won, past.clients) if that and past else None,
        ),
        *amounts,
    )
