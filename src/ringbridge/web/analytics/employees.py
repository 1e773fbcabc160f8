"""Calls by who took or made them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from ringbridge.store.database import Transaction
from ringbridge.store.statistics import analytics, callbacks
from ringbridge.store.statistics.analytics import Shares
from ringbridge.store.statistics.spans import Span
from ringbridge.telephony.model import Direction
from ringbridge.web.analytics.question import Question
from ringbridge.web.analytics.report import Column, Kind, Report, Row, Tile, mean, share
from ringbridge.web.words import N_

COLUMNS = (
    Column(title=N_("Employee"), kind=Kind.TEXT),
    Column(title=N_("Rang"), hint=N_("Clients' calls with which their phone rang")),
    Column(title=N_("Calls answered")),
    Column(title=N_("Calls missed"), hint=N_("That rang with them and that nobody took")),
    Column(title=N_("Wait"), kind=Kind.TIME, hint=N_("Until they took the call, on average")),
    Column(title=N_("Talk, incoming"), kind=Kind.TIME),
    Column(title=N_("Outgoing")),
    Column(title=N_("Of these answered")),
    Column(title=N_("Talk, outgoing"), kind=Kind.TIME),
    Column(title=N_("Called back"), hint=N_("Missed calls of this period whose clients they called and spoke with")),
)


def span_of(question: Question, own: Collection[str] | None) -> Span:
    """`own`: all that the visitor may see; None: everybody."""
    asked = question.fields["employee"]
    extensions = own if not asked else [asked] if own is None or asked in own else []
    return Span(since=question.since, until=question.until, extensions=extensions)


async def by_employee(
    tx: Transaction, question: Question, own: Collection[str] | None, employee: Callable[[str], str | None]
) -> Report:
    span = span_of(question, own)
    found = await analytics.by_employee(tx, span)
    back = await callbacks.by_employee(tx, replace(span, extensions=None))
    past = None
    if question.before is not None:
        since, until = question.before
        past = await analytics.by_employee(tx, replace(span, since=since, until=until))
    rows = [
        row_of(extension, found, back.get(extension, 0), employee(extension), question)
        for extension in dict.fromkeys(extension for extension, _ in found)
    ]
    rows.sort(key=lambda row: str(row.values[0]).casefold())
    return Report(columns=COLUMNS, rows=rows, tiles=tiles(found, past), bar=2)


def row_of(
    extension: str,
    found: Mapping[tuple[str, Direction], Shares],
    back: int,
    name: str | None,
    question: Question,
) -> Row:
    inbound = found.get((extension, Direction.INBOUND), Shares())
    outbound = found.get((extension, Direction.OUTBOUND), Shares())
    return Row(
        values=(
            f"{name} · {extension}" if name else extension,
            inbound.calls,
            inbound.answered,
            inbound.missed,
            mean(inbound.wait, inbound.answered),
            mean(inbound.talk, 1),
            outbound.calls,
            outbound.answered,
            mean(outbound.talk, 1),
            back,
        ),
        address=question.address("hours", employee=extension, source="", queue=""),
    )


def tiles(
    found: Mapping[tuple[str, Direction], Shares], past: Mapping[tuple[str, Direction], Shares] | None
) -> tuple[Tile, ...]:
    """Nothing that would count a call twice which rang with two."""
    inbound, outbound = total(found, Direction.INBOUND), total(found, Direction.OUTBOUND)
    was_in, was_out = (total(past or {}, way) for way in (Direction.INBOUND, Direction.OUTBOUND))
    none = past is None
    return (
        Tile(
            title=N_("Calls answered"),
            kind=Kind.COUNT,
            value=inbound.answered,
            before=None if none else was_in.answered,
        ),
        Tile(
            title=N_("Wait"),
            kind=Kind.TIME,
            value=mean(inbound.wait, inbound.answered),
            before=mean(was_in.wait, was_in.answered),
            more_is_better=False,
        ),
        Tile(
            title=N_("Talk a call"),
            kind=Kind.TIME,
            value=mean(inbound.talk + outbound.talk, inbound.answered + outbound.answered),
            before=mean(was_in.talk + was_out.talk, was_in.answered + was_out.answered),
            more_is_better=None,
        ),
        Tile(title=N_("Outgoing"), kind=Kind.COUNT, value=outbound.calls, before=None if none else was_out.calls),
        Tile(
            title=N_("Of these answered"),
            kind=Kind.SHARE,
            value=share(outbound.answered, outbound.calls),
            before=share(was_out.answered, was_out.calls),
        ),
    )


def total(found: Mapping[tuple[str, Direction], Shares], direction: Direction) -> Shares:
    sums = Shares()
    for (_, way), shares in found.items():
        sums = sums + shares if way is direction else sums
    return sums
