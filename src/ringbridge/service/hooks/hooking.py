"""The office's hooks at their places: where a call is decided, where a CRM is told, where a call is dialled.

What hooks did to a call, and what went wrong with them, stands in the call's story.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

import structlog
from sqlalchemy import select

from ringbridge.crm.contract import Crm, CrmError, Receipt, Step
from ringbridge.hooks.context import Asked, CrmClient
from ringbridge.hooks.facts import phone_call, stage_reached
from ringbridge.hooks.outcome import HookOutcome
from ringbridge.hooks.runner import Hooks
from ringbridge.hooks.specs import SPECS
from ringbridge.hooks.values import PhoneCall
from ringbridge.routing.dialing import DialRequest, Originate
from ringbridge.routing.distribution import Hop, Policy, Reason, Route, RouteQuestion
from ringbridge.routing.intents import AttachRecording, Intent, PortalId, RegisterCall, idempotency_key
from ringbridge.routing.office import Portal
from ringbridge.store import calls, schema
from ringbridge.store.calls import Filters, PbxId, StoryKind, StoryLine, call_key
from ringbridge.store.database import Database
from ringbridge.store.errors import StoreError
from ringbridge.telephony.model import Call, CallId, Direction

log = structlog.get_logger(__name__)


@runtime_checkable
class AsksForHooks(Protocol):
    """An adapter through which hooks may ask its CRM."""

    @property
    def client(self) -> CrmClient: ...


class OpenPortal(Protocol):
    """A portal, as far as hooks need it."""

    @property
    def id(self) -> PortalId: ...

    @property
    def crm(self) -> Crm: ...

    @property
    def routing(self) -> Portal: ...


class OfficeHooks:
    """All portals' access to one set of hooks. Portals are added once they are open: their adapters are given
    `PortalHooks` when they are made."""

    def __init__(self, hooks: Hooks, database: Database) -> None:
        self.hooks = hooks
        self._database = database
        self._portals: dict[PortalId, PortalHooks] = {}

    def add(self, portal: OpenPortal) -> None:
        self.of(portal.id).open(portal)

    async def path_of(self, intent: AttachRecording) -> AttachRecording:
        """Where a recording is, as the hooks say. One portal is asked for all, as the file is the same."""
        for portal in self._portals.values():
            if await portal.wants("process_record_file_path"):
                outcome = await portal.about_step("process_record_file_path", intent.path, intent, {})
                return replace(intent, path=outcome.value)
        return intent

    async def carried_out(self, portal: PortalId, steps: Sequence[Step], answers: Sequence[Receipt | CrmError]) -> None:
        """The CRM knows of these calls now."""
        hooks = self.of(portal)
        if not await hooks.wants("post_registration"):
            return
        told = [
            hooks.about_step("post_registration", dict(answer.facts), step.intent, {})
            for step, answer in zip(steps, answers, strict=True)
            if isinstance(step.intent, RegisterCall) and isinstance(answer, Receipt) and "cancelled" not in answer.facts
        ]
        await asyncio.gather(*told)

    async def prepare(self, request: DialRequest, originate: Originate) -> Originate:
        """What is dialled, as the hooks want it; what they say nothing of stays."""
        hooks = self.of(request.portal)
        if not await hooks.wants("process_originate_params"):
            return originate
        asked = {"number": request.number, "line": request.line, "user": request.user or "", "to": request.to}
        outcome = await hooks.ask_without_call(
            "process_originate_params", params_of(originate), {"request": {**asked, "extension": originate.extension}}
        )
        for told in (*outcome.notes, *outcome.errors):
            log.info("originate_customised", portal=request.portal, told=told)
        return originate_of(originate, outcome.value)

    async def route(self, question: RouteQuestion, route: Route, policy: Policy) -> Route:
        """Where an incoming call is sent, as the hooks want it."""
        portal = route.client.portal if route.client else next(iter(self._portals), None)
        if portal is None or not await self.of(portal).wants("customize_autodistribution"):
            return route
        decided = route.hops[0].extension if route.hops else ""
        outcome = await self.of(portal).ask(
            "customize_autodistribution", decided, incoming(question), PbxId(""), {"client": client_of(route)}
        )
        if outcome.value == decided:
            return route
        told = " ".join(outcome.notes)
        if not outcome.value:
            return replace(route, hops=(), why=told)
        hop = Hop(extension=outcome.value, seconds=policy.ring_seconds, reason=Reason.HOOK)
        return replace(route, hops=(hop, *route.hops[1:]), why=told)

    def of(self, portal: PortalId) -> PortalHooks:
        if portal not in self._portals:
            self._portals[portal] = PortalHooks(portal, self.hooks, self._database)
        return self._portals[portal]


class PortalHooks:
    """One portal's hooks: a `crm.customise.Customise`."""

    def __init__(self, portal: PortalId, hooks: Hooks, database: Database) -> None:
        self._name = portal
        self._hooks = hooks
        self._database = database
        self._portal: OpenPortal | None = None
        self._client: CrmClient | None = None

    def open(self, portal: OpenPortal) -> None:
        """From now on hooks are asked, where its adapter lets them ask the CRM."""
        self._portal = portal
        self._client = portal.crm.client if isinstance(portal.crm, AsksForHooks) else None

    async def wants(self, hook: str) -> bool:
        return self._client is not None and await self._hooks.wants(hook, self._client.kind)

    async def __call__(
        self, hook: str, params: Mapping[str, Any], intent: Intent, /, **about: Any
    ) -> Mapping[str, Any] | None:
        outcome = await self.about_step(hook, dict(params), intent, about)
        return None if outcome.cancelled else outcome.value

    async def is_told(self, pbx: PbxId, call: CallId) -> bool:
        """Whether this portal was told anything of a call: by an earlier run of the service, too. It may have been,
        where that cannot be read: telling an end too many is better than leaving a call open."""
        told = schema.deliveries.c
        wanted = select(told.id).where(told.call_key == call_key(pbx, call), told.portal == self._name).limit(1)
        try:
            async with self._database.reading() as tx:
                return (await tx.execute(wanted)).first() is not None
        except StoreError as error:
            log.warning("deliveries_not_read", call=call, reason=str(error))
            return True

    async def about_step(self, hook: str, value: Any, intent: Intent, about: Mapping[str, Any]) -> HookOutcome:
        """Of a step of a call that is in the journal; the story is told. Anything else is left as it is."""
        unchanged = HookOutcome(value=value)
        if not await self.wants(hook):
            return unchanged
        pbx = pbx_of(intent)
        call = await self._call(pbx, intent)
        if call is None:
            return unchanged
        outcome = await self.ask(hook, value, call, pbx, about, once=idempotency_key(intent))
        await self._tell(pbx, call, lines_of(outcome, self._name))
        return outcome

    async def ask(
        self, hook: str, value: Any, call: Call, pbx: PbxId, about: Mapping[str, Any], *, once: str = ""
    ) -> HookOutcome:
        """Of any call; whoever asks tells the story."""
        seen = self.seen(call, pbx)
        possible = {"call": seen, "stage": stage_reached(call), **about}
        spec = SPECS[hook]
        given = {name: possible[name] for name in spec.arguments if name in possible and name != spec.value}
        return await self._hooks.apply(hook, value, given, self.asked(seen.id), once=once)

    async def ask_without_call(self, hook: str, value: Any, about: Mapping[str, Any]) -> HookOutcome:
        return await self._hooks.apply(hook, value, about, self.asked(""))

    def seen(self, call: Call, pbx: PbxId) -> PhoneCall:
        if self._portal is None:
            raise RuntimeError(f"the portal {self._name} is not open yet")
        return phone_call(call, pbx=pbx, portal=self._portal.routing)

    def asked(self, call: str) -> Asked:
        if self._client is None:
            raise RuntimeError(f"the portal {self._name} cannot be asked by hooks")
        return Asked(portal=self._name, crm=self._client, journal=HookJournal(self._database, self), call=call)

    async def _call(self, pbx: PbxId, intent: Intent) -> Call | None:
        try:
            async with self._database.reading() as tx:
                entry = await calls.get(tx, call_key(pbx, intent.call))
        except StoreError as error:
            log.warning("hook_not_asked", call=intent.call, reason=str(error))
            return None
        return entry.call if entry else None

    async def _tell(self, pbx: PbxId, call: Call, lines: Sequence[StoryLine]) -> None:
        """A story that cannot be written holds up no step."""
        if not lines:
            return
        try:
            async with self._database.transaction() as tx:
                await calls.record(tx, pbx, [], {call.id: lines})
        except StoreError as error:
            log.warning("hook_not_told", call=call.id, reason=str(error))


class HookJournal:
    """The journal, as hooks of one portal see it."""

    def __init__(self, database: Database, portal: PortalHooks) -> None:
        self._database = database
        self._portal = portal

    async def calls(self, number: str, limit: int = 20) -> list[PhoneCall]:
        async with self._database.reading() as tx:
            page = await calls.page(tx, limit=max(1, min(limit, 100)), filters=Filters(number=number))
        return [self._portal.seen(entry.call, entry.pbx) for entry in page.entries]


def incoming(question: RouteQuestion) -> Call:
    """A call of which nothing is known but that it has come."""
    return Call(
        id=CallId(question.uniqueid),
        direction=Direction.INBOUND,
        start=datetime.now(UTC),
        external=question.number or None,
        did=question.did or None,
        trunk=question.trunk or None,
        menu=question.choice,
    )


def client_of(route: Route) -> dict[str, str]:
    client = route.client
    if client is None:
        return {}
    return {"kind": client.kind, "id": client.id, "name": client.name, "responsible": client.responsible or ""}


def params_of(originate: Originate) -> dict[str, Any]:
    return {
        "caller_id": originate.caller_id,
        "channel": originate.channel,
        "context": originate.context,
        "extension": originate.exten,
        "priority": originate.priority,
    }


def originate_of(decided: Originate, params: Mapping[str, Any]) -> Originate:
    wanted = {**params_of(decided), **{name: str(value) for name, value in params.items()}}
    return replace(decided, exten=wanted.pop("extension"), **wanted)


def pbx_of(intent: Intent) -> PbxId:
    """A record's key begins with its call's, and that with the PBX's name."""
    return PbxId(intent.record.partition(f"-{intent.call}")[0])


def lines_of(outcome: HookOutcome, portal: PortalId) -> list[StoryLine]:
    now = datetime.now(UTC)
    told: Iterable[str] = (*outcome.notes, *(f"hook failed, unchanged: {error}" for error in outcome.errors))
    return [StoryLine(at=now, kind=StoryKind.DECIDED, text=f"{portal}: {text}") for text in told]
