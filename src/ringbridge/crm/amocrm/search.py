"""Whom a number belongs to, which of their leads are open, and whether a call is written there already.

Source: amoCRM API v4: ``query`` is a full-text search, so what it finds is compared again; notes have no search at all,
so a call's note is looked for in what the client has.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime, timedelta

from ringbridge.crm.amocrm.entities import Entity, Kind, entity_of, has_number, query_for
from ringbridge.crm.amocrm.rest import API, PER_PAGE, Query, Rest, Row
from ringbridge.crm.amocrm.values import as_map, embedded, text, whole
from ringbridge.routing.intents import Priority
from ringbridge.telephony.numbers import parse_number

ONE_BY_ONE = 10  # leads that are read each for itself where filters are switched off
BEFORE = timedelta(minutes=1)  # clocks differ


class Search:
    def __init__(self, rest: Rest, *, region: str) -> None:
        self._rest = rest
        self._region = region

    async def clients(
        self, given: str, *, priority: Priority, both: bool = False, unseen: bool = False
    ) -> tuple[Entity, ...]:
        """Everybody with this number: contacts first, the oldest first. Companies are asked for when no contact has
        it, or when `both` are wanted. `unseen`: the account itself has found nobody, so that only a phone that it
        misreads is left to find; those are people's, and companies are not asked for again."""
        number = parse_number(given, self._region)
        query = query_for(number, self._region) if number else None
        if number is None or query is None:
            return ()
        found: list[Entity] = []
        for kind in (Kind.CONTACT, Kind.COMPANY):
            if kind is Kind.CONTACT or both or not (found or unseen):
                asked: Query = [("query", query), ("with", "leads")]
                rows = await self._rest.everything(f"{API}/{kind.path}", kind.path, asked, priority=priority)
                matching = (entity_of(kind, row) for row in rows if has_number(row, number, self._region))
                found += sorted(filter(None, matching), key=lambda one: one.id)
        return tuple(found)

    async def open_leads(self, client: Entity, *, priority: Priority) -> list[Entity]:
        """The client's leads at a stage that is neither won nor lost."""
        return [lead for lead in await self._leads(client.leads, priority) if not lead.is_closed]

    async def place(self, client: Entity, *, priority: Priority) -> Entity:
        """Where a call of this client is written: the only open lead, else the client (docs: "Calls")."""
        if client.kind not in {Kind.CONTACT, Kind.COMPANY} or not client.leads:
            return client
        leads = await self.open_leads(client, priority=priority)
        return leads[0] if len(leads) == 1 else client

    async def call_of(
        self, record: str, clients: Iterable[Entity], since: datetime, *, priority: Priority
    ) -> tuple[Entity, Row] | None:
        """Where the call with this `uniq` is written, and its note; None when it is at none of these clients."""
        for kind, ids in _with_leads(clients).items():
            async for row in self.notes(kind, ids, ("call_in", "call_out"), since, priority=priority):
                if text(as_map(row.get("params")).get("uniq")) == record:
                    return Entity(kind=kind, id=whole(row.get("entity_id")) or 0), row
        return None

    async def notes(
        self, kind: Kind, ids: Sequence[int], types: Sequence[str], since: datetime, *, priority: Priority
    ) -> AsyncIterator[Row]:
        """Notes of these types that were written since, the newest first."""
        asked: list[tuple[str, str | int]] = [("filter[entity_id][]", number) for number in ids]
        asked += [("filter[note_type][]", name) for name in types]
        asked.append(("order[updated_at]", "desc"))
        oldest = int((since - BEFORE).timestamp())
        path = f"{API}/{kind.path}/notes"
        async for rows in self._rest.pages(path, "notes", asked, priority=priority):
            # An account may ignore filters, so rows are checked.
            for row in rows:
                if (whole(row.get("updated_at")) or oldest) < oldest:
                    return
                if whole(row.get("entity_id")) in ids and text(row.get("note_type")) in types:
                    yield row

    async def _leads(self, ids: Sequence[int], priority: Priority) -> list[Entity]:
        query: Query = [*(("filter[id][]", number) for number in ids), ("limit", PER_PAGE)]
        body = await self._rest.get(f"{API}/leads", query, priority=priority) if ids else None
        rows = {whole(row.get("id")): row for row in embedded(body, "leads")}
        # Where filters are ignored, the page is of anybody's leads.
        ignored = any(number not in ids for number in rows)
        for number in [one for one in ids if one not in rows][:ONE_BY_ONE] if ignored else ():
            rows[number] = as_map(await self._rest.get(f"{API}/leads/{number}", priority=priority))
        return [lead for number in ids if (lead := entity_of(Kind.LEAD, rows.get(number, {})))]


def _with_leads(clients: Iterable[Entity]) -> dict[Kind, list[int]]:
    """Ids by kind, the clients' leads too."""
    found: dict[Kind, list[int]] = {}
    for client in clients:
        found.setdefault(client.kind, []).append(client.id)
        for lead in client.leads:
            found.setdefault(Kind.LEAD, []).append(lead)
    return found
