"""For programs that watch us: `/metrics` for Prometheus; `/status` and `/pbx/read_call` as Itgrix has them, so that
scripts written for it go on. What its fields mean: its documentation of the `status` request.

They are open to programs on this machine, and with the name and password (HTTP Basic) of an administrator or a
supervisor, or with a token (HTTP Bearer).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace

from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ringbridge.routing.intents import PortalId
from ringbridge.service.config.api import Permission
from ringbridge.store import calls
from ringbridge.store.calls import Filters
from ringbridge.store.keys import CallKey, PbxId, call_key
from ringbridge.store.users import Role
from ringbridge.telephony.model import CallId
from ringbridge.web.api.operation import Answer, Door, Operation
from ringbridge.web.auth.accounts import Accounts, Refused
from ringbridge.web.auth.visitor import Visitor, address_of, sits_here, visitor_of
from ringbridge.web.itgrix import AskedStatus, ItgrixStatus, NoElement, element, itgrix_status
from ringbridge.web.metrics import figures
from ringbridge.web.read_call import AskedCalls, NotSent, SentAgain, asked, period
from ringbridge.web.security import is_foreign
from ringbridge.web.services import Services

MOST_CALLS = 10_000  # of one request: a longer period is asked for in parts


REFUSAL = {401: Answer(words="Asked from elsewhere without an account or a token that may")}
OF_READING = REFUSAL | {
    200: Answer(words="What the CRM had not got is on its way", model=SentAgain),
    400: Answer(words="Not understood: the words say what", model=NotSent),
    403: Answer(words="Asked by another site's page"),
}

METRICS = Operation(
    name="metrics",
    method="GET",
    path="/metrics",
    title="Figures for Prometheus",
    door=Door.HERE_OR_ACCOUNT,
    permission=Permission.WATCH,
    answers=REFUSAL | {200: Answer(words="Text exposition format 0.0.4")},
)
STATUS = Operation(
    name="status",
    method="GET",
    path="/status",
    title="How things stand, in Itgrix's words",
    text="JSON for every program that does not ask for HTML.",
    door=Door.HERE_OR_ACCOUNT,
    permission=Permission.WATCH,
    query=AskedStatus,
    answers=REFUSAL
    | {
        200: Answer(words="The whole, or the element that path names", model=ItgrixStatus | JsonValue),
        404: Answer(words="There is no such element", model=NoElement),
    },
)
READ_CALL = Operation(
    name="readCall",
    method="GET",
    path="/pbx/read_call",
    title="Send calls again, as Itgrix does",
    text="What the CRM refused of these calls is sent once more; what reached it is not repeated.",
    door=Door.HERE_OR_ACCOUNT,
    permission=Permission.WATCH,
    query=AskedCalls,
    answers=OF_READING,
)
READ_CALLS = replace(READ_CALL, name="readCalls", method="POST", query=None, body=AskedCalls)


class Monitoring:
    operations = (METRICS, STATUS, READ_CALL, READ_CALLS)

    def __init__(self, services: Services, accounts: Accounts) -> None:
        self._services, self._accounts = services, accounts

    @property
    def routes(self) -> list[Route]:
        return [
            Route(METRICS.path, self.metrics),
            Route(READ_CALL.path, self.read_call, methods=[READ_CALL.method, READ_CALLS.method]),
        ]

    async def metrics(self, request: Request) -> Response:
        if not await self._may(request):
            return REFUSED
        registry = figures(await self._services.status(), self._services.tally, self._services.live.calls)
        return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def status(self, request: Request) -> Response:
        """Itgrix's: the whole, or the element that `path` names (``app.crm.host``)."""
        if not await self._may(request):
            return REFUSED
        whole = itgrix_status(await self._services.status(), len(self._services.live.calls))
        try:
            return JSONResponse(element(whole, AskedStatus.model_validate(dict(request.query_params)).path))
        except LookupError as error:
            return JSONResponse(NoElement(error=f"no such element: {error}"), status_code=404)

    async def read_call(self, request: Request) -> Response:
        """These calls are decided anew and sent: `id` (also several), or `start_date` and `end_date`; to all portals,
        or to the one named by `portal`. What reached the CRM is not repeated."""
        if is_foreign(request.headers):
            return PlainTextResponse("This request came from another site's page.", status_code=403)
        if not await self._may(request):
            return REFUSED
        try:
            wanted = await asked(request)
            keys = await self._keys(wanted)
            only = await self._portal(wanted.portal)
        except ValueError as error:
            return JSONResponse(NotSent(state="error", error=str(error)), status_code=400)
        steps = await self._services.send_again(keys, only)
        return JSONResponse(SentAgain(state="success", calls=len(keys), steps=steps))

    async def _keys(self, wanted: AskedCalls) -> list[CallKey]:
        """Of the calls that are in the journal."""
        async with self._services.database.reading() as tx:
            if named := wanted.ids[:MOST_CALLS]:
                pbxs = [PbxId(pbx.name) for pbx in (await self._services.status()).pbxs]
                keys = [call_key(pbx, CallId(each)) for each in named for pbx in pbxs]
                return [key for key in keys if await calls.get(tx, key) is not None]
            since, until = period(wanted, self._services.zone, self._services.now())
            found = await calls.page(tx, limit=MOST_CALLS, filters=Filters(since=since, until=until))
        if found.older:
            raise ValueError(f"more than {MOST_CALLS} calls: ask for a shorter period")
        return [entry.key for entry in found.entries]

    async def _portal(self, name: str | None) -> PortalId | None:
        known = {portal.name for portal in (await self._services.status()).portals}
        if name and name not in known:
            raise ValueError(f"no portal is named {name}")
        return PortalId(name) if name else None

    async def _may(self, request: Request) -> bool:
        if sits_here(request.scope):
            return True
        visitor = visitor_of(request) or await self._named(request)
        return (isinstance(visitor, Visitor) and visitor.may(Role.SUPERVISOR)) or await self._shows_token(request)

    async def _named(self, request: Request) -> Visitor | Refused | None:
        """By HTTP Basic (RFC 7617)."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        name, _, password = basic(given).partition(":")
        return await self._accounts.known(name, password, address_of(request.scope))

    async def _shows_token(self, request: Request) -> bool:
        """One that may watch (RFC 6750)."""
        api = self._services.api
        program = await api.program_of(request.headers.get("authorization", "")) if api else None
        if api is None or program is None or Permission.WATCH not in program.may:
            return False
        await api.book.note_use(program)
        return True


REFUSED = PlainTextResponse(
    "Name and password of an administrator or a supervisor, please, or ask from the machine itself.\n",
    status_code=401,
    headers={"WWW-Authenticate": 'Basic realm="Ringbridge", charset="UTF-8"'},
)


def basic(given: str) -> str:
    try:
        return base64.b64decode(given, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
