"""A call's whole story on one page: who was rung and spoke, what is in the CRM, what happened in which order."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ringbridge.service.journal.reporting import file_name
from ringbridge.store import calls
from ringbridge.store.errors import StoreError
from ringbridge.store.keys import CallKey, call_key
from ringbridge.store.story import story
from ringbridge.store.users import Role
from ringbridge.store.words import names_of
from ringbridge.web.auth.visitor import visitor_of
from ringbridge.web.glance import concerned, held, talked, waited
from ringbridge.web.pages.delivery import NOT_STORED
from ringbridge.web.pages.dial import form_of
from ringbridge.web.rendering import Pages, call_address
from ringbridge.web.steps import SETTLED, Step, steps_of
from ringbridge.web.timeline import timeline
from ringbridge.web.words import N_

NO_TRACE = (
    N_("There is no recording of what the PBX said"),
    N_("It is kept for some hours and gone when the service is started again (trace_hours of the PBX)."),
)
SHOWN = 2000  # lines of a story: a call that was tried for days still opens


class CallPage:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._services = pages.services

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/calls", self.send_again, methods=["POST"]),
            Route("/calls/trace", self.trace),
            Route("/calls/{key:path}", self.page),
        ]

    async def page(self, request: Request) -> Response:
        """Of a call that is somebody else's an employee is told that there is none."""
        key, visitor = CallKey(request.path_params["key"]), visitor_of(request)
        async with self._services.database.reading() as tx:
            entry = await calls.get(tx, key, own=visitor.own if visitor else ())
            if entry is None:
                raise HTTPException(404)
            lines = await story(tx, key)
            steps = await steps_of(tx, key)
            names = await names_of(tx, [entry.call.external], self._services.region)
        now, call = self._services.now(), entry.call
        return await self._pages.page(
            request,
            "call.html",
            key=key,
            call=call,
            whole=call_key(entry.pbx, call.merged_into) if call.merged_into else None,
            name=names.get(call.external or "", ""),
            persons=concerned(call),
            waited=waited(call, now),
            talked=talked(call),
            held=held(call, now),
            timeline=timeline(call, now),
            steps=steps,
            story=lines[-SHOWN:],
            recordings=await self._players(steps),
            **form_of(self._services, request),
            may_send=may_send(request) and call.end is not None and not call.merged_into,
            has_trace=may_send(request) and self._services.traces.has(entry),
            unsettled=call.end is None or any(step.state not in SETTLED for step in steps),
        )

    async def send_again(self, request: Request) -> Response:
        """POST `call`: it is decided anew, and what a CRM lacks of it is sent."""
        if not may_send(request):
            raise HTTPException(404)
        async with request.form(max_files=0, max_fields=8) as form:
            key = CallKey(str(form.get("call", "")))
        async with self._services.database.reading() as tx:
            if await calls.get(tx, key) is None:
                raise HTTPException(404)
        try:
            await self._services.send_again([key], None)
        except StoreError:
            return await self._pages.notice(request, 503, *NOT_STORED)
        return RedirectResponse(call_address(key), status_code=303)

    async def trace(self, request: Request) -> Response:
        """What the PBX said about `call`, as a file for a report; with `numbers` the real ones, for administrators."""
        disguised, key = "numbers" not in request.query_params, CallKey(request.query_params.get("call", ""))
        visitor = visitor_of(request)
        async with self._services.database.reading() as tx:
            entry = await calls.get(tx, key)
        if entry is None or not may_send(request) or not (disguised or (visitor and visitor.may(Role.ADMIN))):
            raise HTTPException(404)
        packed = self._services.traces.report(entry, disguised=disguised)
        if packed is None:
            return await self._pages.notice(request, 404, *NO_TRACE)
        name = f'attachment; filename="{file_name(entry.call)}"'
        return Response(packed, media_type="application/zip", headers={"Content-Disposition": name})

    async def _players(self, steps: Sequence[Step]) -> list[str]:
        """Addresses of the recordings that are there, each once however many portals get it."""
        recordings, now = self._services.recordings, self._services.now()
        records = dict.fromkeys(step.record for step in steps if step.is_recording)
        return [recordings.address(record, now) for record in records if await recordings.find(record)]


def may_send(request: Request) -> bool:
    visitor = visitor_of(request)
    return visitor is not None and visitor.may(Role.SUPERVISOR)
