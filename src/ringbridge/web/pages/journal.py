"""Journal: every call, searched and paged by where the page before it ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ringbridge.store import calls
from ringbridge.store.calls import Cursor, Filters, JournalEntry
from ringbridge.store.database import Transaction
from ringbridge.store.keys import CallKey
from ringbridge.store.users import Role
from ringbridge.store.words import named, names_of
from ringbridge.telephony.model import Call, Direction, Disposition, Extension
from ringbridge.web.auth.visitor import by_whom, visitor_of
from ringbridge.web.glance import concerned, talked, waited
from ringbridge.web.rendering import Pages
from ringbridge.web.search import Search, read_search

PAGE = 50
DIRECTIONS = (Direction.INBOUND, Direction.OUTBOUND, Direction.INTERNAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    key: CallKey
    call: Call
    name: str  # the client's in the CRM, where it is known
    day: date  # the office's
    people: tuple[Extension, ...]
    waited: timedelta
    talked: timedelta


class Journal:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._services = pages.services

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/journal", self.page),
            Route("/journal/sending", self.sending, methods=["GET"]),
            Route("/journal/sending", self.send_again, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        search = read_search(request.query_params, self._services.zone, self._services.region)
        visitor = visitor_of(request)
        before = request.query_params.get("before")
        async with self._services.database.reading() as tx:
            filters, unseen = await self._filters(tx, search)
            filters = replace(filters, own=visitor.own if visitor else ())
            try:
                found = await calls.page(tx, Cursor(before) if before else None, PAGE, filters)
            except ValueError:  # an address that no page of ours had: begin anew
                return RedirectResponse(search.address(), status_code=303)
            names = await names_of(tx, (entry.call.external for entry in found.entries), self._services.region)
        now = self._services.now()
        return await self._pages.page(
            request,
            "journal.html",
            rows=[self._row(entry, names.get(entry.call.external or "", ""), now) for entry in found.entries],
            older=search.address(before=found.older) if found.older else None,
            newest=search.address() if before else None,
            may_send=self._may_send(request),
            sending=self._services.resending.progress if self._services.resending else None,
            again=search.address().replace("/journal", "/journal/sending", 1),
            unseen=unseen,
            **choices(search),
        )

    async def sending(self, request: Request) -> Response:
        """The progress of a period that is sent again, as a part of the page."""
        if self._services.resending is None or not self._may_send(request):
            raise HTTPException(404)
        return await self._pages.page(request, "sending.html", sending=self._services.resending.progress)

    async def send_again(self, request: Request) -> Response:
        """POST: all calls of the search that stands in the address are decided anew, and what a CRM lacks is sent."""
        search = read_search(request.query_params, self._services.zone, self._services.region)
        if self._services.resending is None or not self._may_send(request) or not search.asks or search.mistaken:
            raise HTTPException(404)
        async with self._services.database.reading() as tx:
            filters, _ = await self._filters(tx, search)
        self._services.resending.ask(filters, by=by_whom(request))
        return RedirectResponse(search.address(), status_code=303)

    async def _filters(self, tx: Transaction, search: Search) -> tuple[Filters, bool]:
        """What is searched for, and whether there are clients of the name besides those whose calls are searched."""
        if not search.client:
            return search.of_people(self._services.phones(), None), False
        clients = await named(tx, search.client, self._services.region)
        return search.of_people(self._services.phones(), clients.numbers), clients.more

    def _may_send(self, request: Request) -> bool:
        visitor = visitor_of(request)
        return self._services.resending is not None and visitor is not None and visitor.may(Role.SUPERVISOR)

    def _row(self, entry: JournalEntry, name: str, now: datetime) -> Row:
        call = entry.call
        return Row(
            key=entry.key,
            call=call,
            name=name,
            day=call.start.astimezone(self._services.zone).date(),
            people=concerned(call),
            waited=waited(call, now),
            talked=talked(call),
        )


def choices(search: Search) -> dict[str, Any]:
    return {
        "search": search.fields,
        "searching": search.asks,
        "mistaken": search.mistaken,
        "directions": DIRECTIONS,
        "results": tuple(Disposition),
    }
