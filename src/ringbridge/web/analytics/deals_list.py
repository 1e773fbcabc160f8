"""Leads and deals one by one, each with the call that brought it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ringbridge.routing.clients import Ref
from ringbridge.routing.intents import PortalId
from ringbridge.routing.sales import SaleState
from ringbridge.store.database import Transaction
from ringbridge.store.statistics import conversion
from ringbridge.store.statistics.conversion import Sold, Which
from ringbridge.store.statistics.spans import Span
from ringbridge.web.analytics.question import Question
from ringbridge.web.analytics.report import Column, Kind, Report, Row, money
from ringbridge.web.analytics.sources import Sources
from ringbridge.web.rendering import call_address
from ringbridge.web.search import one_of
from ringbridge.web.words import N_

SHOWN = 200
MOST_IN_A_FILE = 20_000

TITLES = {Which.LEADS: N_("Leads"), Which.DEALS: N_("Deals"), Which.WON: N_("Deals won")}
KINDS = {"lead": N_("Lead %s"), "deal": N_("Deal %s")}
IN_THE_CRM = 4  # at which place of a row it is: it leads there
STATES = {SaleState.OPEN: N_("open"), SaleState.WON: N_("won"), SaleState.LOST: N_("lost")}
COLUMNS = (
    Column(title=N_("Call that brought it"), kind=Kind.TEXT, hint=N_("The client's last one before it was made")),
    Column(title=N_("Client"), kind=Kind.TEXT),
    Column(title=N_("Source"), kind=Kind.TEXT),
    Column(title=N_("Employee"), kind=Kind.TEXT, hint=N_("Who spoke with the client first")),
    Column(title=N_("In the CRM"), kind=Kind.TEXT),
    Column(title=N_("Made"), kind=Kind.TEXT),
    Column(title=N_("State"), kind=Kind.TEXT),
    Column(title=N_("Sum"), kind=Kind.MONEY),
    Column(title=N_("Currency"), kind=Kind.TEXT),
)


def which_of(question: Question) -> Which | None:
    """What is listed; None: nothing, the sums are shown."""
    return one_of(Which, question.fields["deals"])


async def report(
    tx: Transaction,
    question: Question,
    which: Which,
    sources: Sources,
    most: int,
    *,
    say: Callable[[str], str],
    written: Callable[[datetime], str],
    phone: Callable[[str], str],
    employee: Callable[[str], str | None],
    card: Callable[[PortalId, Ref], str],
) -> Report:
    """`say` translates, `written` and `phone` write a moment and a client, `employee` names an extension, `card` tells
    where a CRM shows a lead or a deal."""
    asked = question.fields["employee"]
    span = Span(
        since=question.since,
        until=question.until,
        sources=sources.named(question.fields["source"]),
        extensions=[asked] if asked else None,
    )

    def row_of(sold: Sold) -> Row:
        shown = card(PortalId(sold.portal), Ref(kind=sold.kind, id=sold.id))
        return Row(
            values=(
                written(sold.called),
                phone(sold.external or sold.client[::-1]),
                sources.names.get(sold.source, ""),
                (employee(sold.extension) or sold.extension) if sold.extension else "",
                say(KINDS[sold.kind]) % sold.id,
                written(sold.created),
                say(STATES[sold.state]),
                money(sold.amount),
                sold.currency,
            ),
            address=call_address(sold.call_key),
            links={IN_THE_CRM: shown} if shown else {},
        )

    return Report(columns=COLUMNS, rows=[row_of(sold) for sold in await conversion.sold(tx, span, which, most)])
