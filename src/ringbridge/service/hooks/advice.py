"""What hooks say while a call is decided: is the CRM told of it, by which number, and whose is a phone."""

from __future__ import annotations

import asyncio
from collections import ChainMap
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ringbridge.hooks.facts import stage_of
from ringbridge.hooks.values import Stage
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.routing.office import Portal
from ringbridge.service.hooks.hooking import OfficeHooks, PortalHooks, lines_of
from ringbridge.store.calls import PbxId, StoryLine
from ringbridge.telephony.events import CallEvent
from ringbridge.telephony.model import Call, CallId

DECIDING = ("need_registration", "process_client_phone", "process_user_phone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Of one portal, about one event."""

    register: bool = True
    number: str | None = None  # the client's, instead of the PBX's
    users: Mapping[str, UserId] = field(default_factory=dict)  # phone -> who is behind it, where a hook changed that
    lines: tuple[StoryLine, ...] = ()

    def of_call(self, call: Call) -> Call:
        return call if self.number is None else replace(call, external=self.number)

    def of_event(self, event: CallEvent) -> CallEvent:
        return event if self.number is None else replace(event, call=self.of_call(event.call))

    def of_portal(self, portal: Portal) -> Portal:
        if not self.users:
            return portal
        users = ChainMap(dict(self.users), dict(portal.staff.users))
        return replace(portal, staff=replace(portal.staff, users=users))


NO_ADVICE = Advice()


class Advisers(Protocol):
    async def advise(
        self, event: CallEvent, pbx: PbxId, portals: Sequence[Portal], told: Collection[PortalId]
    ) -> Mapping[PortalId, Advice]:
        """Of each portal that has something to say. `told`: which of them know of the call already."""
        ...


class NoAdvisers:
    async def advise(
        self, event: CallEvent, pbx: PbxId, portals: Sequence[Portal], told: Collection[PortalId]
    ) -> Mapping[PortalId, Advice]:
        return {}


async def advise_all(
    events: Sequence[CallEvent], ask: Callable[[CallEvent], Awaitable[Mapping[PortalId, Advice]]]
) -> list[Mapping[PortalId, Advice]]:
    """All calls at once, the events of a call in their order: a slow hook holds a batch of events up once."""
    found: dict[int, Mapping[PortalId, Advice]] = {}
    of_calls: dict[CallId, list[int]] = {}
    for nth, event in enumerate(events):
        of_calls.setdefault(event.call.id, []).append(nth)

    async def ask_in_order(places: Iterable[int]) -> None:
        for nth in places:
            found[nth] = await ask(events[nth])

    async with asyncio.TaskGroup() as group:
        for places in of_calls.values():
            group.create_task(ask_in_order(places))
    return [found[nth] for nth in range(len(events))]


@dataclass(slots=True)
class _Known:
    """What hooks have said of an open call at one portal: each question is put once."""

    number: str | None = None
    users: dict[str, UserId] = field(default_factory=dict)
    phones: set[str] = field(default_factory=set)  # that were asked about
    registers: dict[Stage, bool] = field(default_factory=dict)
    asked_number: str | None = None


class HookAdvisers:
    """`afresh`: as if no portal had been told of any call yet."""

    def __init__(self, hooks: OfficeHooks, *, afresh: bool = False) -> None:
        self._hooks = hooks
        self._afresh = afresh
        self._known: dict[CallId, dict[PortalId, _Known]] = {}

    async def advise(
        self, event: CallEvent, pbx: PbxId, portals: Sequence[Portal], told: Collection[PortalId]
    ) -> Mapping[PortalId, Advice]:
        call = event.call
        known = self._known.setdefault(call.id, {})
        found: dict[PortalId, Advice] = {}
        for portal in portals:
            hooks = self._hooks.of(portal.id)
            wanted = [hook for hook in DECIDING if await hooks.wants(hook)]
            if wanted and call.concerns_client:
                of_portal = known.setdefault(portal.id, _Known())
                found[portal.id] = await _advice(
                    event, pbx, portal, hooks, wanted, of_portal, told=portal.id in told, afresh=self._afresh
                )
        if stage_of(event) is Stage.CALL_ENDED:
            self._known.pop(call.id, None)
        return found


async def _advice(
    event: CallEvent,
    pbx: PbxId,
    portal: Portal,
    hooks: PortalHooks,
    wanted: Sequence[str],
    known: _Known,
    *,
    told: bool,
    afresh: bool,
) -> Advice:
    call, stage = event.call, stage_of(event)
    lines: list[StoryLine] = []

    async def ask(hook: str, value: object) -> object:
        outcome = await hooks.ask(hook, value, call, pbx, {"stage": stage})
        lines.extend(lines_of(outcome, portal.id))
        return outcome.value

    if "need_registration" in wanted and not told and stage not in known.registers:
        wanted_there = bool(await ask("need_registration", value=True))
        known.registers[stage] = wanted_there or (not afresh and await hooks.is_told(pbx, call.id))
    if "process_client_phone" in wanted and call.external and known.asked_number != call.external:
        known.asked_number = call.external
        number = str(await ask("process_client_phone", call.external))
        known.number = number if number != call.external else None
    if "process_user_phone" in wanted:
        for phone in phones_of(call):
            if phone not in known.phones:
                known.phones.add(phone)
                user = portal.staff.user_of(str(await ask("process_user_phone", phone)))
                if user is not None and user != portal.staff.user_of(phone):
                    known.users[phone] = user
    return Advice(
        register=told or known.registers.get(stage, True),
        number=known.number,
        users=dict(known.users),
        lines=tuple(lines),
    )


def phones_of(call: Call) -> list[str]:
    """Employees' phones in a call, as far as it has come."""
    named = [call.caller, *(leg.extension for leg in call.legs), *(talk.extension for talk in call.talks)]
    return list(dict.fromkeys(phone for phone in named if phone))
