"""Calls by what brought them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from ringbridge.store.database import Database, Transaction
from ringbridge.store.statistics import analytics, callers
from ringbridge.store.statistics.analytics import Sums, together
from ringbridge.store.statistics.counting import Lane
from ringbridge.store.statistics.spans import Span
from ringbridge.telephony.model import Direction
from ringbridge.web.analytics.question import Question
from ringbridge.web.analytics.report import Column, Kind, Report, Row, Tile, mean, share
from ringbridge.web.words import N_

T = TypeVar("T")

NOWHERE = "–"  # the PBX named neither a trunk nor a number

COLUMNS = (
    Column(title=N_("Source"), kind=Kind.TEXT),
    Column(title=N_("Incoming")),
    Column(title=N_("Calls answered")),
    Column(title=N_("Share answered"), kind=Kind.SHARE),
    Column(title=N_("Calls missed")),
    Column(title=N_("Clients"), hint=N_("Different numbers that called")),
    Column(title=N_("Wait"), kind=Kind.TIME, hint=N_("Of answered calls, on average")),
    Column(title=N_("Talk"), kind=Kind.TIME, hint=N_("Of incoming and outgoing calls, together")),
    Column(title=N_("Outgoing")),
    Column(title=N_("Of these answered")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What people call the ways by which calls come; several may have one name."""

    names: Mapping[int, str]

    @classmethod
    def of(cls, lanes: Mapping[int, Lane], name: Callable[[str, str], str]) -> Sources:
        """`name`: of a trunk and a number called; empty where it has none."""
        return cls(names={id_: name(lane.trunk, lane.did) or plain(lane) for id_, lane in lanes.items()})

    @property
    def groups(self) -> dict[int, int]:
        """Each source -> the first one of its name."""
        first: dict[str, int] = {}
        return {id_: first.setdefault(name, id_) for id_, name in sorted(self.names.items())}

    @property
    def choices(self) -> list[str]:
        return sorted(set(self.names.values()), key=str.casefold)

    def named(self, name: str) -> list[int] | None:
        """The sources of this name; None: no name, all of them."""
        return [id_ for id_, known in self.names.items() if known == name] if name else None


def plain(lane: Lane) -> str:
    return " · ".join(filter(None, (lane.trunk, lane.did))) or NOWHERE


def span_of(question: Question, sources: Sources) -> Span:
    return Span(
        since=question.since,
        until=question.until,
        sources=sources.named(question.fields["source"]),
        queue=question.fields["queue"] or None,
    )


def before(span: Span, question: Question) -> Span | None:
    """The same of the period before."""
    if question.before is None:
        return None
    since, until = question.before
    return replace(span, since=since, until=until)


async def by_source(database: Database, question: Question, sources: Sources) -> Report:
    """What counts different clients takes longest: all is asked at once."""
    span = replace(span_of(question, sources), queue=None)
    earlier = before(span, question)
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(read(database, partial(analytics.by_source, span=span)))
        each = group.create_task(read(database, partial(callers.by_source, span=span, groups=sources.groups)))
        all_clients = group.create_task(read(database, partial(callers.in_all, span=span)))
        if earlier:
            was = group.create_task(read(database, partial(analytics.by_source, span=earlier)))
            were = group.create_task(read(database, partial(callers.in_all, span=earlier)))
    found, clients = asked.result(), each.result()
    past = (was.result(), were.result()) if earlier else (None, None)
    rows = []
    for first in dict.fromkeys(sources.groups.values()):
        ids = [id_ for id_, group in sources.groups.items() if group == first]
        inbound, outbound = directed(found, ids)
        if inbound.calls or outbound.calls:
            rows.append(row_of(sources.names[first], inbound, outbound, clients.get(first, 0), question))
    rows.sort(key=lambda row: -float(str(row.values[1])))
    return Report(
        columns=COLUMNS,
        rows=rows,
        tiles=tiles(directed(found), all_clients.result(), directed(past[0]) if past[0] is not None else None, past[1]),
        bar=1,
    )


async def read(database: Database, query: Callable[[Transaction], Awaitable[T]]) -> T:
    async with database.reading() as tx:
        return await query(tx)


def directed(found: Mapping[tuple[int, Direction], Sums], ids: Iterable[int] | None = None) -> tuple[Sums, Sums]:
    """Incoming and outgoing."""
    chosen = None if ids is None else set(ids)

    def those(direction: Direction) -> Sums:
        return together(
            sums for (id_, way), sums in found.items() if way is direction and (chosen is None or id_ in chosen)
        )

    return those(Direction.INBOUND), those(Direction.OUTBOUND)


def row_of(name: str, inbound: Sums, outbound: Sums, clients: int, question: Question) -> Row:
    return Row(
        values=(
            name,
            inbound.calls,
            inbound.answered,
            share(inbound.answered, inbound.calls),
            inbound.calls - inbound.answered,
            clients,
            mean(inbound.answered_wait, inbound.answered),
            mean(inbound.talk + outbound.talk, 1),
            outbound.calls,
            outbound.answered,
        ),
        address=question.address("hours", source=name),
    )


def tiles(
    now: tuple[Sums, Sums], clients: int, past: tuple[Sums, Sums] | None, past_clients: int | None
) -> tuple[Tile, ...]:
    (inbound, outbound), (was_in, was_out) = now, past or (None, None)
    return (
        Tile(title=N_("Incoming"), kind=Kind.COUNT, value=inbound.calls, before=was_in.calls if was_in else None),
        Tile(
            title=N_("Share answered"),
            kind=Kind.SHARE,
            value=share(inbound.answered, inbound.calls),
            before=share(was_in.answered, was_in.calls) if was_in else None,
        ),
        Tile(
            title=N_("Calls missed"),
            kind=Kind.COUNT,
            value=inbound.calls - inbound.answered,
            before=was_in.calls - was_in.answered if was_in else None,
            more_is_better=False,
        ),
        Tile(title=N_("Clients"), kind=Kind.COUNT, value=clients, before=past_clients),
        Tile(
            title=N_("Wait"),
            kind=Kind.TIME,
            value=mean(inbound.answered_wait, inbound.answered),
            before=mean(was_in.answered_wait, was_in.answered) if was_in else None,
            more_is_better=False,
        ),
        Tile(
            title=N_("Outgoing"),
            kind=Kind.COUNT,
            value=outbound.calls,
            before=was_out.calls if was_out else None,
            more_is_better=None,
        ),
    )
