"""An account's contacts, companies and open leads, read whole for the mirror.

What was changed behind the reader's back is read again at the end, by the time of its change.

Source: amoCRM API v4, "Contacts", "Companies", "Leads", "Filtration": ``filter[id][]``, ``filter[statuses]``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ringbridge.crm.amocrm.entities import CLOSED, Kind, phones_written
from ringbridge.crm.amocrm.lists import Lists, Piece, Reached, along
from ringbridge.crm.amocrm.rest import API, PER_PAGE, Query, Rest, Row
from ringbridge.crm.amocrm.search import BEFORE
from ringbridge.crm.amocrm.values import as_map, embedded, text, whole
from ringbridge.crm.mirroring import MirrorClient, MirrorDeal, MirrorPage, Ref
from ringbridge.routing.intents import Priority, UserId

KINDS = {"contact": Kind.CONTACT, "company": Kind.COMPANY, "deal": Kind.LEAD}
NAMES = {kind: name for name, kind in KINDS.items()}
MOST_IDS = 200  # in one address: web servers refuse one that is longer than 8 kB
MOST_STAGES = 60  # the same; an account with more open stages is read with its closed leads
STAGES = f"{API}/leads/pipelines"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far the reading is. Its text is the cursor."""

    began: int  # Unix seconds, when the first piece was asked for
    step: int = 0  # of `STEPS`
    read: int = 0  # rows of the list
    last: int = 0  # id of the last of these rows

    def __str__(self) -> str:
        return f"{self.began} {self.step} {self.read} {self.last}"

    @classmethod
    def of(cls, cursor: str | None) -> Place:
        """The beginning, for None and for what is no cursor of ours."""
        parts = [whole(part) or 0 for part in (cursor or "").split()]
        if len(parts) == 4 and parts[0] > 0 and parts[1] < len(STEPS):
            return cls(began=parts[0], step=parts[1], read=parts[2], last=parts[3])
        return cls(began=int((datetime.now(UTC) - BEFORE).timestamp()))

    @property
    def reached(self) -> Reached:
        return Reached(read=self.read, last=self.last)

    def next(self) -> Place | None:
        """The beginning of the next list; None after the last."""
        return Place(began=self.began, step=self.step + 1) if self.step + 1 < len(STEPS) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One list."""

    kind: Kind
    changes: bool = False  # only what was changed since the reading began


STEPS = (*(Step(kind=kind) for kind in NAMES), *(Step(kind=kind, changes=True) for kind in NAMES))


class Mirror:
    """Raises `CrmError`."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._lists = Lists(rest)
        self._stages: Query | None = None  # the filter of open leads; None: not asked yet

    async def page(self, cursor: str | None) -> MirrorPage:
        place = Place.of(cursor)
        step = STEPS[place.step]
        return await (self._changes(place, step.kind) if step.changes else self._piece(place, step.kind))

    async def changed(self, refs: Sequence[Ref]) -> MirrorPage:
        rows: list[tuple[Kind, Row]] = []
        for kind, ids in by_kind(refs).items():
            for start in range(0, len(ids), MOST_IDS):
                rows += [(kind, row) for row in await self._some(kind, ids[start : start + MOST_IDS])]
        page = page_of(rows)
        there = {client.ref for client in page.clients} | {deal.ref for deal in page.deals}
        return replace(page, gone=tuple(ref for ref in dict.fromkeys(refs) if ref not in there))

    async def _piece(self, place: Place, kind: Kind) -> MirrorPage:
        """The list from its beginning to its end."""
        query = await self._open_leads(anew=place.read == 0) if kind is Kind.LEAD else ()
        return after(place, kind, await self._lists.piece(kind, place.reached, query))

    async def _changes(self, place: Place, kind: Kind) -> MirrorPage:
        return after(place, kind, await self._lists.changed(kind, place.began, place.reached))

    async def _some(self, kind: Kind, ids: list[int]) -> list[Row]:
        """Those of them that are there."""
        rows, _ = await self._lists.rows(kind, [*(("filter[id][]", number) for number in ids), ("limit", PER_PAGE)])
        found = {whole(row.get("id")): row for row in rows}
        # Where filters are ignored, the page is of anybody.
        ignored = not found.keys() <= set(ids)
        for number in [one for one in ids if one not in found] if ignored else ():
            row = await self._rest.get(f"{API}/{kind.path}/{number}", along(kind), priority=Priority.REST)
            found[number] = as_map(row)
        return [found[number] for number in ids if number in found]

    async def _open_leads(self, *, anew: bool) -> Query:
        """The filter by stages that leaves closed leads out: most accounts have many more of them."""
        if self._stages is None or anew:
            body = await self._rest.get(STAGES, priority=Priority.REST)
            self._stages = stages_filter(embedded(body, "pipelines"))
        return self._stages


def by_kind(refs: Iterable[Ref]) -> dict[Kind, list[int]]:
    """Ids of what an account can have."""
    found: dict[Kind, list[int]] = {}
    for ref in dict.fromkeys(refs):
        if ref.kind in KINDS and (number := whole(ref.id)):
            found.setdefault(KINDS[ref.kind], []).append(number)
    return found


def stages_filter(pipelines: Iterable[Row]) -> Query:
    """For leads that are neither won nor lost; none where the stages are too many for an address."""
    stages = [
        (pipeline.get("id"), stage.get("id"))
        for pipeline in pipelines
        for stage in embedded(pipeline, "statuses")
        if whole(stage.get("id")) not in CLOSED
    ]
    if len(stages) > MOST_STAGES:
        return []
    return [
        (f"filter[statuses][{at}][{name}]", text(value))
        for at, stage in enumerate(stages)
        for name, value in zip(("pipeline_id", "status_id"), stage, strict=True)
    ]


def after(place: Place, kind: Kind, piece: Piece) -> MirrorPage:
    """What a piece brought, and the place behind it."""
    reached = piece.after
    here = replace(place, read=reached.read, last=reached.last) if reached else place.next()
    return replace(page_of((kind, row) for row in piece.rows), cursor=str(here) if here else None)


def page_of(rows: Iterable[tuple[Kind, Row]]) -> MirrorPage:
    clients: list[MirrorClient] = []
    deals: list[MirrorDeal] = []
    gone: list[Ref] = []
    for kind, row in rows:
        if (number := whole(row.get("id"))) is None:
            continue
        ref = Ref(kind=NAMES[kind], id=str(number))
        if row.get("is_deleted") is True or (kind is Kind.LEAD and whole(row.get("status_id")) in CLOSED):
            gone.append(ref)
        elif kind is Kind.LEAD:
            deals.append(deal_of(ref, row))
        else:
            clients.append(client_of(ref, row))
    return MirrorPage(clients=tuple(clients), deals=tuple(deals), gone=tuple(gone))


def client_of(ref: Ref, row: Row) -> MirrorClient:
    company = next(linked(row, "company", Kind.COMPANY), None) if ref.kind == "contact" else None
    return MirrorClient(
        ref=ref,
        name=text(row.get("name")),
        responsible=responsible_of(row),
        phones=phones_written(row),
        company=company,
    )


def deal_of(ref: Ref, row: Row) -> MirrorDeal:
    """Its main contact first."""
    clients = (*linked(row, "contact", Kind.CONTACT), *linked(row, "company", Kind.COMPANY))
    return MirrorDeal(ref=ref, title=text(row.get("name")), responsible=responsible_of(row), clients=clients)


def responsible_of(row: Row) -> UserId | None:
    number = whole(row.get("responsible_user_id"))
    return UserId(str(number)) if number else None


def linked(row: Row, name: str, kind: Kind) -> Iterator[Ref]:
    others = sorted(embedded(row, kind.path), key=lambda other: other.get("is_main") is not True)
    return (Ref(kind=name, id=str(number)) for other in others if (number := whole(other.get("id"))))
