"""The test call: somebody calls, and each station of the call lights up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from ringbridge.store import calls
from ringbridge.store.calls import JournalEntry
from ringbridge.store.keys import PbxId, call_key
from ringbridge.store.order import State
from ringbridge.web.services import LinkState, Status
from ringbridge.web.steps import Step as Sending
from ringbridge.web.steps import steps_of
from ringbridge.web.wizard.frame import Frame
from ringbridge.web.wizard.steps import Step
from ringbridge.web.words import N_

LAST = "FinishCall"  # the step after which the CRM has the whole call


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    text: str
    on: bool
    trouble: str = ""  # why it does not come on


LINKED = N_("Asterisk is connected")
SEEN = N_("The call is seen")
RANG = N_("A phone rings")
ANSWERED = N_("Somebody answers")
ENDED = N_("The call has ended and is in the journal")
TOLD = N_("The call is in the CRM")


class TrialStep:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def page(self, request: Request) -> Response:
        """`since`: calls that began earlier are none of this trial; `part`: only the lights."""
        since = moment_of(request.query_params.get("since", "")) or self._frame.services.now()
        entry = await self._newest(since)
        status = await self._frame.services.status()
        return await self._frame.page(
            request,
            Step.TEST,
            since=int(since.timestamp()),
            entry=entry,
            lights=await self._lights(status, entry),
            crm=bool(status.portals),
        )

    async def save(self, request: Request) -> Response:
        return await self._frame.passed(request, Step.TEST)

    async def _newest(self, since: datetime) -> JournalEntry | None:
        """The client's call that began last; one in progress before those that have ended."""
        office = await self._frame.desk.office()
        async with self._frame.database.reading() as tx:
            found = list((await calls.page(tx, limit=20)).entries)
            for pbx in office.pbx:
                name = PbxId(pbx.name)
                open_now = await calls.open_calls(tx, name)
                found += [JournalEntry(key=call_key(name, call.id), pbx=name, call=call) for call in open_now]
        clients = [one for one in found if one.call.concerns_client and one.call.start >= since]
        return max(clients, key=lambda one: one.call.start, default=None)

    async def _lights(self, status: Status, entry: JournalEntry | None) -> list[Light]:
        call = entry.call if entry else None
        sent: list[Sending] = []
        if entry is not None:
            async with self._frame.database.reading() as tx:
                sent = list(await steps_of(tx, entry.key))
        linked = bool(status.pbxs) and all(pbx.state is LinkState.UP for pbx in status.pbxs)
        down = next((pbx.detail for pbx in status.pbxs if pbx.state is not LinkState.UP), "")
        lights = [
            Light(text=LINKED, on=linked, trouble=down),
            Light(text=SEEN, on=call is not None),
            Light(text=RANG, on=call is not None and any(leg.ring_start for leg in call.legs)),
            Light(text=ANSWERED, on=call is not None and bool(call.talks)),
            Light(text=ENDED, on=call is not None and call.end is not None),
        ]
        if status.portals:
            parked = next((portal.parked for portal in status.portals if portal.parked), "") or ""
            lights.append(Light(text=TOLD, on=is_told(sent), trouble=parked or refusal(sent)))
        return lights


def moment_of(text: str) -> datetime | None:
    return datetime.fromtimestamp(int(text), UTC) if text.isdecimal() and len(text) < 12 else None


def is_told(sent: Iterable[Sending]) -> bool:
    return any(one.name.partition(" ")[0] == LAST and one.state is State.DONE for one in sent)


def refusal(sent: Iterable[Sending]) -> str:
    """Why a step waits or was refused."""
    return next((one.reason for one in sent if one.state is not State.DONE and one.reason), "")
