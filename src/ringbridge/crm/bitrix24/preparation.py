"""Before calls are registered and finished: whose number it is, and whose client that is.

Sources: Bitrix24 REST docs, telephony.externalCall.register (CRM_ENTITY_TYPE, CRM_ENTITY_ID), crm.settings.mode.get.
What the portal does by itself is left to it, and costs nothing here. A call goes before its ornaments: a search that
the portal refuses holds back no call.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import nullcontext

from ringbridge.crm.bitrix24.batch import Outcome
from ringbridge.crm.bitrix24.check import CLASSIC_MODE
from ringbridge.crm.bitrix24.clients import clients_in, search, ways_to_write
from ringbridge.crm.bitrix24.entities import (
    DEAL,
    MADE,
    Entity,
    entities_in,
    entity_of,
    is_left_to_portal,
    made_for,
    planned,
    rows_in,
)
from ringbridge.crm.bitrix24.knowledge import Knowledge
from ringbridge.crm.bitrix24.ledger import Ledger
from ringbridge.crm.bitrix24.making import Found, Making, Plan
from ringbridge.crm.bitrix24.sender import Sender, whole_failure
from ringbridge.crm.bitrix24.settings import Settings
from ringbridge.crm.bitrix24.telephony import Command, as_map, text
from ringbridge.crm.contract import CrmError, Receipt, Transient
from ringbridge.routing.intents import Creation, FinishCall, RecordKey, RegisterCall, UserId
from ringbridge.routing.rules import Attach

MODE = "mode"
Outcomes = Mapping[str, Outcome | CrmError]


class Preparation:
    """The stage of a run that finds out whom its calls are about. Before it ran, nobody is known."""

    def __init__(
        self,
        ledger: Ledger,
        sender: Sender,
        knowledge: Knowledge,
        *,
        settings: Settings,
        learn_staff: Callable[[], Awaitable[None]],
    ) -> None:
        self._ledger = ledger
        self._sender = sender
        self._knowledge = knowledge
        self._settings = settings
        self._learn_staff = learn_staff
        self._making = Making(sender, knowledge, repeat_deals=settings.repeat_deals)
        self._found: dict[RecordKey, Found] = {}
        self._plans: dict[int, Plan] = {}

    async def prepare(self) -> None:
        making = {index: creation for index in self._ledger.open() if (creation := self._made_here(index))}
        asking = [index for index in self._ledger.open() if index in making or self._asks(index)]
        await self._recover()
        if not asking:
            return
        # Two calls of one number at once make one client.
        async with self._knowledge.making if making else nullcontext():
            try:
                if making and self._knowledge.phones is None:
                    await self._learn_staff()
                await self._look_up(asking, making)
            except CrmError as error:
                # A question that got no answer has done nothing.
                self._refuse(asking, Transient(str(error)) if isinstance(error, Transient) else error)
                return
            plans = [self._plans[index] for index in making]
            if plans and (failure := await self._making.make(plans, self._ledger.urgency(making))):
                self._refuse(making, failure)

    async def _recover(self) -> None:
        """What was made for calls of which only the statistics told that they are registered: it is put right after
        their finish like everything else."""
        proven = [index for index in self._ledger.answered_with(Receipt) if self._may_have_made(index)]
        questions = {f"o{index}{kind}": made_for(kind, self._ledger.record(index)) for index in proven for kind in MADE}
        if not questions:
            return
        outcomes = await self._sender.many(questions, self._ledger.urgency(proven))
        if failure := whole_failure(outcomes):
            records = {self._ledger.record(index) for index in proven}
            steps = [i for i in self._ledger.answered_with(Receipt) if self._ledger.record(i) in records]
            self._refuse(steps, Transient(str(failure), exchange=failure.exchange, maybe_done=True))
            return
        for index in proven:
            if made := self._made_before(index, outcomes):
                self._ledger.add_facts(index, {"made": [entity.document() for entity in made]})

    def _may_have_made(self, index: int) -> bool:
        step, intent = self._ledger.step(index), self._ledger.intent(index)
        if not isinstance(intent, RegisterCall) or intent.creation is None or not step.uncertain:
            return False
        return not is_left_to_portal(intent.creation, leads=self._knowledge.leads) or self._settings.repeat_deals

    # What the other stages ask

    def plan(self, index: int) -> Plan | None:
        """How to register a call, where that is not left to the portal."""
        return self._plans.get(index)

    def facts(self, index: int) -> dict[str, object]:
        """What is remembered of a call that is registered now."""
        record, facts = self._ledger.record(index), dict[str, object]()
        self._knowledge.made.pop(record, None)
        if (found := self._found.get(record)) and not found.refused:
            facts["matches"] = [client.document() for client in found.clients]
        if (plan := self.plan(index)) and plan.made:
            facts["made"] = [entity.document() for entity in plan.made]
        if plan and plan.warning:
            facts["warning"] = plan.warning
        return facts

    def take_deal(self, index: int, command: Command, outcome: Outcome | CrmError) -> None:
        """What became of the deal that went along."""
        self._making.take_deal(self._plans[index], command, outcome)

    def matches(self, record: RecordKey) -> tuple[Entity, ...]:
        """Everybody who had the caller's number before the call, as far as that was asked."""
        if (known := self._ledger.fact(record, "matches")) is not None:
            return entities_in(known)
        return self._found[record].clients if record in self._found else ()

    def owner(self, record: RecordKey) -> UserId | None:
        """Whose client the caller is; nobody's, where the client was made for this very call."""
        if self._was_made(record):
            return None
        matches, client = self.matches(record), as_map(self._ledger.fact(record, "client"))
        primary = next((one for one in matches if (one.kind, one.id) == (client.get("kind"), client.get("id"))), None)
        chosen = primary or next(iter(matches), None)
        return UserId(chosen.owner) if chosen and chosen.owner else None

    # What has to be asked

    def _asks(self, index: int) -> bool:
        """Whether somebody wants to know who has the caller's number, and it is not known."""
        intent = self._ledger.intent(index)
        match intent:
            case RegisterCall(attach=Attach.SPEAKERS):
                wanted = self._ledger.call_id(intent.record) is None
            case FinishCall():
                wanted = (intent.owner_first or intent.attach is Attach.SPEAKERS) and not self._was_made(intent.record)
                wanted = wanted and self._ledger.fact(intent.record, "matches") is None
            case _:
                return False
        return wanted and _is_dialled(self._number(intent.record))

    def _made_here(self, index: int) -> Creation | None:
        """What is to be made of an unknown number, where it is not left to the portal."""
        intent = self._ledger.intent(index)
        if not isinstance(intent, RegisterCall) or intent.creation is None or not _is_dialled(intent.number):
            return None
        leads = self._knowledge.leads
        repeats = self._settings.repeat_deals and DEAL in planned(intent.creation, leads=leads is not False)
        left = is_left_to_portal(intent.creation, leads=leads) and not repeats
        return None if left or self._ledger.call_id(intent.record) else intent.creation

    def _was_made(self, record: RecordKey) -> bool:
        return any(self._ledger.fact(record, name) for name in ("created", "made"))

    def _number(self, record: RecordKey) -> str:
        """The caller's number, from this run or from what was registered before."""
        return self._ledger.number(record) or text(as_map(self._ledger.fact(record, "register")).get("PHONE_NUMBER"))

    async def _look_up(self, asking: list[int], making: Mapping[int, Creation]) -> None:
        """Raises the failure of the request as a whole."""
        records = list(dict.fromkeys(self._ledger.record(index) for index in asking))
        searches = {record: [search(way) for way in self._ways(record)] for record in records}
        commands = {f"n{i}w{j}": one for i, r in enumerate(records) for j, one in enumerate(searches[r])}
        if making and self._knowledge.leads is None:
            commands[MODE] = Command(method="crm.settings.mode.get")
        for index in making:
            if self._ledger.step(index).uncertain:
                record = self._ledger.record(index)
                commands |= {f"o{index}{kind}": made_for(kind, record) for kind in MADE}
        outcomes = await self._sender.many(commands, self._ledger.urgency(asking))
        if failure := whole_failure(outcomes):
            raise failure
        self._read_mode(outcomes.get(MODE))
        for i, record in enumerate(records):
            keys = [f"n{i}w{j}" for j in range(len(searches[record]))]
            self._found[record] = self._found_in([(commands[key], outcomes[key]) for key in keys])
        for index in asking:
            self._choose(index, making.get(index), outcomes)

    def _ways(self, record: RecordKey) -> list[str]:
        """A client whom the portal found by the number as it stands is found by it again."""
        number = self._number(record)
        return [number] if self._ledger.fact(record, "client") else ways_to_write(number, self._settings.region)

    def _read_mode(self, outcome: Outcome | CrmError | None) -> None:
        if outcome and (mode := text(_result(outcome))):
            self._knowledge.leads = mode == CLASSIC_MODE

    def _found_in(self, answers: list[tuple[Command, Outcome | CrmError]]) -> Found:
        told = [self._sender.failure(command, outcome) for command, outcome in answers]
        results = [_result(outcome) for _, outcome in answers]
        return Found(
            clients=tuple(map(entity_of, clients_in(results))),
            by_portal=bool(clients_in(results[:1])),
            refused=str(told[0]) if all(told) else "",
        )

    def _choose(self, index: int, creation: Creation | None, outcomes: Outcomes) -> None:
        """Whom a call is about. Where several have the number, the one whose owner speaks, if that is wanted. The
        portal's own choice stands unless it would not find them."""
        intent = self._ledger.intent(index)
        if not isinstance(intent, RegisterCall):
            return
        found = self._found[intent.record]
        plan = Plan(intent=intent, found=found, creation=creation)
        if creation is None:
            plan.portal_makes = intent.creation is not None
        else:
            plan.kinds = planned(creation, leads=self._knowledge.leads is not False)
            plan.made = self._made_before(index, outcomes)
            ours = {(entity.kind, entity.id) for entity in plan.made}
            found.clients = tuple(client for client in found.clients if (client.kind, client.id) not in ours)
        if intent.attach is Attach.SPEAKERS:
            plan.entity = next((client for client in found.clients if client.owner == intent.user), None)
        if plan.entity is None and found.clients and not found.by_portal:
            plan.entity = found.clients[0]
        self._plans[index] = plan

    def _made_before(self, index: int, outcomes: Outcomes) -> list[Entity]:
        """By an earlier try of this step."""
        made = list(self._knowledge.made.get(self._ledger.record(index), ()))
        for kind in MADE:
            if outcome := outcomes.get(f"o{index}{kind}"):
                made += rows_in(_result(outcome), kind)
        return list({(entity.kind, entity.id): entity for entity in made}.values())

    def _refuse(self, indexes: Iterable[int], error: CrmError) -> None:
        for index in indexes:
            self._ledger.refuse(index, error)


def _is_dialled(number: str) -> bool:
    """Whether it is a number at all: a withheld one is nobody's."""
    return any(sign.isdecimal() for sign in number)


def _result(outcome: Outcome | CrmError) -> object:
    return outcome.result if isinstance(outcome, Outcome) else None
