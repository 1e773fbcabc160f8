"""The test call: somebody calls, and each station of the call lights up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ringbridge.store import calls
from ringbridge.store.calls import JournalEntry
from ringbridge.store.keys import PbxId, call_key
from ringbridge.store.order import State
from ringbridge.web.services import LinkState, PortalStatus, Status
from ringbridge.web.steps import Step as Sending
from ringbridge.web.steps import steps_of
from ringbridge.web.wizard.frame import Frame, address_of
from ringbridge.web.wizard.steps import TITLES, Step
from ringbridge.web.words import N_

LAST = "FinishCall"  # the step after which the CRM has the whole call


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """`advice`: what to do, or to look at, while it is the first that is dark; `step`: where to mend it."""

    text: str
    on: bool
    trouble: str = ""  # why it does not come on
    advice: str = ""
    step: str = ""
    portal: str = ""  # which CRM, where there are several


LINKED = N_("Asterisk is connected")
SEEN = N_("The call is seen")
RANG = N_("A phone rings")
ANSWERED = N_("Somebody answers")
ENDED = N_("The call has ended and is in the journal")
TOLD = N_("The call is in the CRM")

NO_PBX = N_("No Asterisk is connected yet.")
CALL_NOW = N_(
    "Call now. If this stays dark while it rings, the call goes past this Asterisk, or the manager user may not read "
    "calls: look at the step Asterisk for what is missing."
)
NOT_A_CLIENT = N_(
    "A call was seen, but no client's: it was between two phones of the office, or came by a trunk that is not ticked "
    "at the step Trunks. Call from a mobile."
)
NO_PHONE = N_(
    "A greeting or a menu may be playing: choose a phone in it. If none rings, Asterisk itself reaches none: the "
    "number leads nowhere, nobody is in the queue, or the phone is switched off."
)
ANSWER = N_("Pick up the phone.")
HANG_UP = N_("Speak a word, and hang up.")
IS_SENT = N_(
    "It is sent now: some seconds. The story of the call, linked below, tells each step, or why there is none."
)


class TrialStep:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def page(self, request: Request) -> Response:
        """`since`: calls that began earlier are none of this trial. It stands in the address, so that a page that is
        loaded again tells of the same call."""
        since = moment_of(request.query_params.get("since", ""))
        if since is None:
            now = int(self._frame.services.now().timestamp())
            return RedirectResponse(f"{address_of(Step.TEST)}?since={now}", status_code=303)
        newest = await self._newest(since)
        entry = next((one for one in newest if one.call.concerns_client), None)
        status = await self._frame.services.status()
        lights = await self._lights(status, entry, others=bool(newest))
        return await self._frame.page(
            request,
            Step.TEST,
            since=int(since.timestamp()),
            entry=entry,
            lights=lights,
            dark=next((light for light in lights if not light.on), None),
            titles=TITLES,
            crm=bool(status.portals),
        )

    async def save(self, request: Request) -> Response:
        return await self._frame.passed(request, Step.TEST, to="/")

    async def _newest(self, since: datetime) -> list[JournalEntry]:
        """Of calls that began since then the last first, those in progress among them."""
        office = await self._frame.desk.office()
        async with self._frame.database.reading() as tx:
            found = list((await calls.page(tx, limit=20)).entries)
            for pbx in office.pbx:
                name = PbxId(pbx.name)
                open_now = await calls.open_calls(tx, name)
                found += [JournalEntry(key=call_key(name, call.id), pbx=name, call=call) for call in open_now]
        return sorted((one for one in found if one.call.start >= since), key=lambda one: one.call.start, reverse=True)

    async def _lights(self, status: Status, entry: JournalEntry | None, *, others: bool) -> list[Light]:
        """`others`: there were calls, if no client's."""
        call = entry.call if entry else None
        sent: list[Sending] = []
        if entry is not None:
            async with self._frame.database.reading() as tx:
                sent = list(await steps_of(tx, entry.key))
        linked = bool(status.pbxs) and all(pbx.state is LinkState.UP for pbx in status.pbxs)
        down = next((pbx.detail for pbx in status.pbxs if pbx.state is not LinkState.UP), "")
        if not status.pbxs:
            down = NO_PBX
        lacking = next((words for pbx in status.pbxs for words in pbx.missing), "")
        advice, step = (NOT_A_CLIENT, Step.TRUNKS) if others else (CALL_NOW, Step.ASTERISK)
        return [
            Light(text=LINKED, on=linked, trouble=down, step=Step.ASTERISK),
            Light(text=SEEN, on=call is not None, trouble="" if others else lacking, advice=advice, step=step),
            Light(text=RANG, on=call is not None and any(leg.ring_start for leg in call.legs), advice=NO_PHONE),
            Light(text=ANSWERED, on=call is not None and bool(call.talks), advice=ANSWER),
            Light(text=ENDED, on=call is not None and call.end is not None, advice=HANG_UP),
            *(told(portal, sent, several=len(status.portals) > 1) for portal in status.portals),
        ]


def told(portal: PortalStatus, sent: Iterable[Sending], *, several: bool) -> Light:
    """Whether this CRM has the call."""
    here = [one for one in sent if one.portal == portal.name]
    return Light(
        text=TOLD,
        on=is_told(here),
        trouble=portal.parked or refusal(here),
        advice=IS_SENT,
        step=Step.CRM if portal.parked else "",
        portal=portal.name if several else "",
    )


def moment_of(text: str) -> datetime | None:
    return datetime.fromtimestamp(int(text), UTC) if text.isdecimal() and len(text) < 12 else None


def is_told(sent: Iterable[Sending]) -> bool:
    return any(one.name.partition(" ")[0] == LAST and one.state is State.DONE for one in sent)


def refusal(sent: Iterable[Sending]) -> str:
    """Why a step waits or was refused."""
    return next((one.reason for one in sent if one.state is not State.DONE and one.reason), "")
