"""Long lists of a portal, several kinds of things together, read whole.

A list is read by id, each page from behind the last id of the one before, uncounted (``start=-1``): the way the
documentation names for much data. In a batch a page refers to the one before it, so that one request reads up to 2,500
things; how many pages a kind still has is known from its count at the beginning. What is new stands at the end, and
what is deleted moves nothing.

Source: Bitrix24 REST docs, "Working with big data", "batch"; that a reference to a row which is not there gives what
was found up to it, the on-premise edition.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ringbridge.crm.bitrix24.batch import LARGEST, Outcome, Reference
from ringbridge.crm.bitrix24.sender import Sender
from ringbridge.crm.bitrix24.telephony import Command, as_list, as_map, text
from ringbridge.crm.contract import CrmError, Rejected, Transient, Unauthorized
from ringbridge.routing.intents import Priority

PAGE = 50  # rows that a list gives at once
QUICK = 15.0  # seconds: a portal that answers sooner may be asked for more at once

Row = Mapping[str, Any]
Listed = Callable[[int | Reference | None], Command]
"""Asks for the page of a list behind an id; None: for the first one, with the count of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far one kind has been read."""

    last: int = 0  # the highest id so far
    left: int = 0  # rows that are still there, by the count at the beginning

    @property
    def pages(self) -> int:
        """The last of them is not full: that is how the end is known."""
        return self.left // PAGE + 1


Places = Mapping[str, Place]
"""By kind; one that is read to its end stands there no more."""


def cursor_of(places: Places) -> str | None:
    """None: everything has been read."""
    return json.dumps({kind: [place.last, place.left] for kind, place in places.items()}) if places else None


def places_in(cursor: str) -> dict[str, Place] | None:
    """None: this is no cursor of ours, as where another CRM had the portal's name before."""
    try:
        return {kind: Place(last=int(last), left=int(left)) for kind, (last, left) in json.loads(cursor).items()}
    except (ValueError, TypeError, AttributeError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    rows: Sequence[tuple[str, Row]]  # with their kinds
    cursor: str | None  # where the next piece begins; None: that was the last one
    total: int | None = None  # of all kinds, with the first piece


@dataclass(slots=True)
class _Read:
    """What a batch brought."""

    rows: list[tuple[str, Row]] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    failure: CrmError | None = None  # the first

    def piece(self, total: int | None = None) -> Piece:
        return Piece(rows=self.rows, cursor=cursor_of(self.places), total=total)


class Reading:
    """Every method raises `CrmError`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self.width = LARGEST  # commands in one batch: fewer for a portal that was too slow for as many

    async def piece(self, lists: Mapping[str, Listed], cursor: str | None) -> Piece:
        """`lists` by kind; in their order they are read."""
        places = places_in(cursor) if cursor else None
        if not places or not places.keys() <= lists.keys():
            return await self._first(lists)
        plan = planned(places, self.width)
        commands = {
            f"{kind}{number}": lists[kind](previous)
            for kind, pages in plan.items()
            for number, previous in enumerate(_afters(kind, places[kind], pages))
        }
        outcomes = await self.ask(commands)
        read = _Read(places=dict(places))
        for kind, pages in plan.items():
            self._take(read, kind, [(commands[key], outcomes[key]) for key in (f"{kind}{n}" for n in range(pages))])
        if read.failure and not read.rows and read.places == places:
            raise read.failure
        return read.piece()

    async def _first(self, lists: Mapping[str, Listed]) -> Piece:
        """The first page of each kind, with its count."""
        commands = {kind: listed(None) for kind, listed in lists.items()}
        outcomes = await self.ask(commands)
        counts = {kind: outcomes[kind].total or 0 for kind in lists}
        read = _Read(places={kind: Place(left=count) for kind, count in counts.items()})
        for kind, command in commands.items():
            self._take(read, kind, [(command, outcomes[kind])])
        if read.failure:
            raise read.failure
        return read.piece(sum(counts.values()))

    def _take(self, read: _Read, kind: str, answered: Sequence[tuple[Command, Outcome]]) -> None:
        """A kind's pages, up to its last or to the first that failed: what refers to a page that was not full, or not
        there, was asked in vain."""
        for command, outcome in answered:
            if failure := self._sender.failure(command, outcome):
                read.failure = read.failure or refused(failure)
                return
            rows = as_list(outcome.result)
            place = read.places[kind]
            fresh = [row for row in map(as_map, rows) if id_of(row) > place.last]
            read.rows += [(kind, row) for row in fresh]
            if len(rows) < PAGE:
                del read.places[kind]
                return
            if not fresh:
                read.failure = Transient(f"{command.method} gave the same rows again.")
                return
            last = max(map(id_of, fresh))
            read.places[kind] = replace(place, last=last, left=max(0, place.left - len(rows)))

    async def ask(self, commands: Mapping[str, Command]) -> dict[str, Outcome]:
        """A portal kills what takes it too long: then it is asked for half as much, and for more when it is quick."""
        began = time.monotonic()
        try:
            outcomes = await self._sender.rest.batch(commands, priority=Priority.REST)
        except Transient:
            self.width = max(1, self.width // 2)
            raise
        if time.monotonic() - began < QUICK:
            self.width = min(self.width * 2, LARGEST)
        return outcomes


def refused(failure: CrmError) -> CrmError:
    """A list that our key does not open is another matter than a key that opens nothing."""
    if not isinstance(failure, Unauthorized):
        return failure
    words = f"The connection has no right to read this: add the permission crm. {failure}"
    return Rejected(words, exchange=failure.exchange)


def id_of(row: Row) -> int:
    """0 where there is none."""
    number = text(row.get("ID"))
    return int(number) if number.isdecimal() else 0


def planned(places: Places, width: int) -> dict[str, int]:
    """How many pages of each kind to ask for, `width` in all, in the order of the kinds."""
    plan: dict[str, int] = {}
    for kind, place in places.items():
        room = width - sum(plan.values())
        if room > 0:
            plan[kind] = min(place.pages, room)
    return plan


def _afters(kind: str, place: Place, pages: int) -> Iterator[int | Reference]:
    """Behind which id each page begins."""
    yield place.last
    for number in range(pages - 1):
        yield Reference(f"$result[{kind}{number}][{PAGE - 1}][ID]")
