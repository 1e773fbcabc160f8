"""A portal's contacts, companies, leads at work and open deals, read whole for the mirror.

Lists are read by id, each page from behind the last id of the one before, uncounted (``start=-1``): the way the
documentation names for much data. In a batch a page refers to the one before it, so that one request reads up to 2,500
things; how many pages a kind still has is known from its count at the beginning. What is new stands at the end, and
what is deleted moves nothing.

Source: Bitrix24 REST docs, "Working with big data", "batch"; that a reference to a row which is not there gives what
was found up to it, the on-premise edition.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ringbridge.crm.bitrix24.batch import LARGEST, Outcome, Reference
from ringbridge.crm.bitrix24.entities import entities_in
from ringbridge.crm.bitrix24.listings import FIELDS, PAGE, by_ids, listed, things_in
from ringbridge.crm.bitrix24.sender import Sender
from ringbridge.crm.bitrix24.telephony import Command, as_list
from ringbridge.crm.contract import CrmError, Receipt, Step, Transient
from ringbridge.crm.mirroring import MirrorClient, MirrorDeal, MirrorPage, Ref
from ringbridge.routing.intents import FinishCall, Priority, RegisterCall

QUICK = 15.0  # seconds: a portal that answers sooner may be asked for more at once


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


@dataclass(slots=True)
class _Read:
    """What a batch brought."""

    things: list[MirrorClient | MirrorDeal] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    failure: CrmError | None = None  # the first

    def page(self, cursor: str | None, total: int | None = None) -> MirrorPage:
        clients, deals = _sorted(self.things)
        return MirrorPage(clients=clients, deals=deals, cursor=cursor, total=total)


class Mirror:
    """Every method raises `CrmError`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._width = LARGEST  # commands in one batch: fewer for a portal that was too slow for as many

    async def page(self, cursor: str | None) -> MirrorPage:
        places = places_in(cursor) if cursor else None
        if not places or not places.keys() <= FIELDS.keys():
            return await self._first()
        plan = planned(places, self._width)
        commands = {
            f"{kind}{number}": listed(kind, after=previous)
            for kind, pages in plan.items()
            for number, previous in enumerate(_afters(kind, places[kind], pages))
        }
        outcomes = await self._ask(commands)
        read = _Read(places=dict(places))
        for kind, pages in plan.items():
            self._take(read, kind, [(commands[key], outcomes[key]) for key in (f"{kind}{n}" for n in range(pages))])
        if read.failure and not read.things and read.places == places:
            raise read.failure
        return read.page(cursor_of(read.places))

    async def _first(self) -> MirrorPage:
        """The first page of each kind, with its count."""
        commands = {kind: listed(kind, after=None) for kind in FIELDS}
        outcomes = await self._ask(commands)
        counts = {kind: outcomes[kind].total or 0 for kind in FIELDS}
        read = _Read(places={kind: Place(left=count) for kind, count in counts.items()})
        for kind, command in commands.items():
            self._take(read, kind, [(command, outcomes[kind])])
        if read.failure:
            raise read.failure
        return read.page(cursor_of(read.places), sum(counts.values()))

    async def changed(self, refs: Iterable[Ref]) -> MirrorPage:
        asked = {ref for ref in refs if ref.kind in FIELDS}
        commands = dict(by_ids(asked))
        found: list[MirrorClient | MirrorDeal] = []
        for part in _parts(commands, self._width):
            for key, outcome in (await self._ask(part)).items():
                if failure := self._sender.failure(part[key], outcome):
                    raise failure
                found += [thing for thing in things_in(key.rstrip("0123456789"), outcome) if thing.ref in asked]
        clients, deals = _sorted(found)
        gone = asked - {thing.ref for thing in found}
        return MirrorPage(clients=clients, deals=deals, gone=tuple(sorted(gone, key=lambda ref: (ref.kind, ref.id))))

    def _take(self, read: _Read, kind: str, answered: Sequence[tuple[Command, Outcome]]) -> None:
        """A kind's pages, up to its last or to the first that failed: what refers to a page that was not full, or not
        there, was asked in vain."""
        for command, outcome in answered:
            if failure := self._sender.failure(command, outcome):
                read.failure = read.failure or failure
                return
            rows = as_list(outcome.result)
            place = read.places[kind]
            fresh = [thing for thing in things_in(kind, outcome) if int(thing.ref.id) > place.last]
            read.things += fresh
            if len(rows) < PAGE:
                del read.places[kind]
                return
            if not fresh:
                read.failure = Transient(f"{command.method} gave the same rows again.")
                return
            last = max(int(thing.ref.id) for thing in fresh)
            read.places[kind] = replace(place, last=last, left=max(0, place.left - len(rows)))

    async def _ask(self, commands: Mapping[str, Command]) -> dict[str, Outcome]:
        """A portal kills what takes it too long: then it is asked for half as much, and for more when it is quick."""
        began = time.monotonic()
        try:
            outcomes = await self._sender.rest.batch(commands, priority=Priority.REST)
        except Transient:
            self._width = max(1, self._width // 2)
            raise
        if time.monotonic() - began < QUICK:
            self._width = min(self._width * 2, LARGEST)
        return outcomes


def made_by(step: Step, receipt: Receipt) -> list[Ref]:
    """What was made for a call changes hands when it is finished."""
    if not isinstance(step.intent, RegisterCall | FinishCall):
        return []
    known = (facts.get(name) for facts in (step.facts, receipt.facts) for name in ("created", "made"))
    return [Ref(kind=one.kind, id=one.id) for documents in known for one in entities_in(documents)]


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


def _parts(commands: Mapping[str, Command], width: int) -> Iterator[dict[str, Command]]:
    keys = list(commands)
    for start in range(0, len(keys), width):
        yield {key: commands[key] for key in keys[start : start + width]}


def _sorted(
    things: Iterable[MirrorClient | MirrorDeal],
) -> tuple[tuple[MirrorClient, ...], tuple[MirrorDeal, ...]]:
    clients: list[MirrorClient] = []
    deals: list[MirrorDeal] = []
    for thing in things:
        if isinstance(thing, MirrorDeal):
            deals.append(thing)
        else:
            clients.append(thing)
    return tuple(clients), tuple(deals)
