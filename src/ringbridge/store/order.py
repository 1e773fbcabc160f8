"""In which order the deliveries of one call may leave.

A call's rows stand in *lanes*, and leave a lane strictly one after the other, retries included:

- one lane for the whole call holds what people wait for: cards and finishes. A transfer's second record follows the
  first;
- each record has a lane for its recordings and one for the rest. They wait until every card and finish of their record
  is settled, and never hold those of another record back: a recording may take its time.

The first row of a lane is its *head*. Only heads are looked for by a claim; rows right behind a head, of the same
record, may leave together with it. When a record could not be registered, its other rows are *doomed*.

A card of a call that is over helps nobody: once the finish of its record waits too, it has no more haste than that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import takewhile

from ringbridge.routing.intents import FinishCall, Priority, RegisterCall


class State(StrEnum):
    WAITING = "waiting"
    SENDING = "sending"
    DONE = "done"
    GIVEN_UP = "given_up"
    FORGOTTEN = "forgotten"  # given up, and a person said that it need not be sent


REFUSED = frozenset({State.GIVEN_UP, State.FORGOTTEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A delivery, as far as its order goes."""

    id: int
    record: str
    kind: str
    rank: int
    state: State
    due: datetime
    head: bool = False
    reason: str | None = None

    @property
    def open(self) -> bool:
        return self.state in {State.WAITING, State.SENDING}

    @property
    def lane(self) -> tuple[str, int]:
        return ("", 0) if self.rank <= Priority.FINISH.rank else (self.record, self.rank)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    heads: frozenset[int]
    doomed: dict[int, str]  # why each will never be sent
    demoted: frozenset[int]  # cards whose call is over


def arrange(rows: Sequence[Row]) -> Arrangement:
    """Order one call's rows at one portal: its open ones and the registrations that were given up, by id."""
    refused = {r.record: r.reason for r in rows if r.kind == RegisterCall.__name__ and r.state in REFUSED}
    doomed = {
        r.id: f"not sent: its call could not be registered ({refused[r.record]})"
        for r in rows
        if r.open and r.record in refused
    }
    waiting = [r for r in rows if r.open and r.id not in doomed]
    over = {r.record for r in waiting if r.kind == FinishCall.__name__}
    return Arrangement(
        heads=frozenset(heads(waiting)),
        doomed=doomed,
        demoted=frozenset(r.id for r in waiting if r.rank == Priority.CARD.rank and r.record in over),
    )


def heads(rows: Sequence[Row]) -> Iterator[int]:
    urgent = {r.record for r in rows if r.rank <= Priority.FINISH.rank}
    seen = set()
    for row in rows:
        if row.lane in seen:
            continue
        seen.add(row.lane)
        if row.rank <= Priority.FINISH.rank or row.record not in urgent:
            yield row.id


def together(head: int, rows: Sequence[Row], now: datetime) -> list[int]:
    """The rows that may leave in one go: the head and what stands right behind it, all of one record and all due."""
    first = next(r for r in rows if r.id == head)
    lane = (r for r in rows if r.lane == first.lane and r.id >= head and r.open)
    return [
        r.id for r in takewhile(lambda r: r.record == first.record and r.state is State.WAITING and r.due <= now, lane)
    ]
