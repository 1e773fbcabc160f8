"""Clients' calls by the queue they waited in."""

from __future__ import annotations

from ringbridge.store.database import Transaction
from ringbridge.store.statistics import analytics
from ringbridge.store.statistics.analytics import Sums, together
from ringbridge.web.analytics.question import Question
from ringbridge.web.analytics.report import Column, Kind, Report, Row, Tile, mean, share
from ringbridge.web.analytics.sources import Sources, before, span_of
from ringbridge.web.words import N_

COLUMNS = (
    Column(title=N_("Queue"), kind=Kind.TEXT),
    Column(title=N_("Incoming")),
    Column(title=N_("Calls answered")),
    Column(title=N_("Share answered"), kind=Kind.SHARE),
    Column(title=N_("Service level"), kind=Kind.SHARE, hint=N_("Answered within 20 seconds, of all calls")),
    Column(title=N_("Wait"), kind=Kind.TIME, hint=N_("Of answered calls, on average")),
    Column(title=N_("Gave up after"), kind=Kind.TIME, hint=N_("Of missed calls, on average")),
    Column(title=N_("Calls missed")),
)


async def by_queue(tx: Transaction, question: Question, sources: Sources) -> Report:
    span = span_of(question, sources)
    earlier = before(span, question)
    found = await analytics.by_queue(tx, span)
    past = await analytics.by_queue(tx, earlier) if earlier else None
    rows = [
        row_of(queue, sums, question.address("hours", queue=queue, employee=""))
        for queue, sums in sorted(found.items(), key=lambda one: -one[1].calls)
    ]
    was = together(past.values()) if past is not None else None
    return Report(columns=COLUMNS, rows=rows, tiles=tiles(together(found.values()), was), bar=1)


def row_of(queue: str, sums: Sums, address: str) -> Row:
    missed = sums.calls - sums.answered
    return Row(
        values=(
            queue,
            sums.calls,
            sums.answered,
            share(sums.answered, sums.calls),
            share(sums.quick, sums.calls),
            mean(sums.answered_wait, sums.answered),
            mean(sums.wait - sums.answered_wait, missed),
            missed,
        ),
        address=address,
    )


def tiles(now: Sums, past: Sums | None) -> tuple[Tile, ...]:
    was = past or Sums()
    return (
        Tile(title=N_("Incoming"), kind=Kind.COUNT, value=now.calls, before=past.calls if past else None),
        Tile(
            title=N_("Service level"),
            kind=Kind.SHARE,
            value=share(now.quick, now.calls),
            before=share(was.quick, was.calls),
        ),
        Tile(
            title=N_("Calls missed"),
            kind=Kind.COUNT,
            value=now.calls - now.answered,
            before=was.calls - was.answered if past else None,
            more_is_better=False,
        ),
        Tile(
            title=N_("Wait"),
            kind=Kind.TIME,
            value=mean(now.answered_wait, now.answered),
            before=mean(was.answered_wait, was.answered),
            more_is_better=False,
        ),
    )
