"""Missed calls: whether and how soon somebody spoke with the client after all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from ringbridge.store.database import Transaction
from ringbridge.store.statistics import callbacks
from ringbridge.store.statistics.callbacks import Callbacks, MissedCall
from ringbridge.web.analytics.question import Question
from ringbridge.web.analytics.report import Column, Kind, Report, Row, Tile, mean, share
from ringbridge.web.analytics.sources import Sources, before, span_of
from ringbridge.web.words import N_

SHOWN = 100
MOST_IN_A_FILE = 20_000

COLUMNS = (
    Column(title=N_("Missed at"), kind=Kind.TEXT),
    Column(title=N_("Client"), kind=Kind.TEXT),
    Column(title=N_("Source"), kind=Kind.TEXT),
    Column(title=N_("Queue"), kind=Kind.TEXT),
    Column(title=N_("Waited"), kind=Kind.TIME),
    Column(title=N_("Spoken with after"), kind=Kind.TIME),
    Column(title=N_("Employee"), kind=Kind.TEXT),
)


async def figures(tx: Transaction, question: Question, sources: Sources) -> tuple[Tile, ...]:
    span = span_of(question, sources)
    earlier = before(span, question)
    now = await callbacks.in_all(tx, span)
    past = await callbacks.in_all(tx, earlier) if earlier else None
    return tiles(now, past)


async def calls(
    tx: Transaction, question: Question, sources: Sources, *, waiting: bool, most: int
) -> Sequence[MissedCall]:
    return await callbacks.latest(tx, span_of(question, sources), waiting=waiting, most=most)


def report(
    found: Sequence[MissedCall],
    sources: Sources,
    *,
    written: Callable[[datetime], str],
    phone: Callable[[str | None], str],
    employee: Callable[[str], str | None],
    address: Callable[[str], str],
) -> Report:
    rows = [
        Row(
            values=(
                written(call.at),
                phone(call.external),
                sources.names.get(call.source, ""),
                call.queue,
                mean(call.wait, 1),
                call.back - call.at if call.back else None,
                (employee(call.back_by) or call.back_by) if call.back_by else "",
            ),
            address=address(call.key),
        )
        for call in found
    ]
    return Report(columns=COLUMNS, rows=rows)


def tiles(now: Callbacks, past: Callbacks | None) -> tuple[Tile, ...]:
    def waiting(of: Callbacks) -> int:
        return of.missed - of.spoken - of.withheld

    return (
        Tile(
            title=N_("Calls missed"),
            kind=Kind.COUNT,
            value=now.missed,
            before=past.missed if past else None,
            more_is_better=False,
        ),
        Tile(
            title=N_("Nobody spoke with them since"),
            kind=Kind.COUNT,
            value=waiting(now),
            before=waiting(past) if past else None,
            more_is_better=False,
        ),
        Tile(
            title=N_("Spoken with after all"),
            kind=Kind.SHARE,
            value=share(now.spoken, now.missed - now.withheld),
            before=share(past.spoken, past.missed - past.withheld) if past else None,
        ),
        Tile(
            title=N_("Within an hour"),
            kind=Kind.SHARE,
            value=share(now.within_hour, now.missed - now.withheld),
            before=share(past.within_hour, past.missed - past.withheld) if past else None,
        ),
        Tile(
            title=N_("We called"),
            kind=Kind.SHARE,
            value=share(now.by_us, now.spoken),
            before=share(past.by_us, past.spoken) if past else None,
        ),
        Tile(
            title=N_("Spoken with after, on average"),
            kind=Kind.TIME,
            value=mean(now.delay, now.spoken),
            before=mean(past.delay, past.spoken) if past else None,
            more_is_better=False,
        ),
    )
