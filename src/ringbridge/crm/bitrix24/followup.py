"""After a call is finished: whose its new client is, and to which of several clients it belongs.

Sources: Bitrix24 REST docs, telephony.externalCall.finish (entities created by the call go to the finishing user),
crm.activity.binding.add and .delete, crm.lead.update and its like. Every command says how things shall be, so that it
may be repeated. What the portal refuses leaves a warning: the call itself is recorded.
"""

from __future__ import annotations

from collections.abc import Mapping

from ringbridge.crm.bitrix24.batch import Outcome
from ringbridge.crm.bitrix24.entities import DEAL, TYPE_IDS, Entity, entities_in, give_to
from ringbridge.crm.bitrix24.ledger import Ledger
from ringbridge.crm.bitrix24.preparation import Preparation
from ringbridge.crm.bitrix24.sender import Sender, whole_failure
from ringbridge.crm.bitrix24.telephony import Command, as_map, text
from ringbridge.crm.contract import CrmError, Receipt, Transient
from ringbridge.routing.intents import FinishCall, Priority
from ringbridge.routing.rules import Attach

BOUND_ALREADY = frozenset({"ACTIVITY_IS_ALREADY_BOUND", "NOT_FOUND"})  # it is as it shall be


class FollowUp:
    """The stage of a run that puts things right around the calls it finished."""

    def __init__(self, ledger: Ledger, sender: Sender, clients: Preparation) -> None:
        self._ledger = ledger
        self._sender = sender
        self._clients = clients

    async def follow(self) -> None:
        finished = [i for i in self._ledger.answered_with(Receipt) if isinstance(self._ledger.intent(i), FinishCall)]
        commands = {f"f{i}c{n}": command for i in finished for n, command in enumerate(self._commands(i))}
        if not commands:
            return
        outcomes = await self._sender.many(commands, Priority.FINISH)
        failure = whole_failure(outcomes)
        for index in finished:
            keys = [key for key in commands if key.startswith(f"f{index}c")]
            if keys and failure:
                # The call is finished. The next try finds that out, and does this once more.
                self._ledger.refuse(index, Transient(str(failure), exchange=failure.exchange, maybe_done=True))
            elif words := [w for key in keys if (w := self._refusal(commands[key], outcomes[key]))]:
                self._ledger.add_facts(index, {"warning": " ".join(words)})

    def _refusal(self, command: Command, outcome: Outcome | CrmError) -> str:
        if isinstance(outcome, Outcome) and outcome.refusal and outcome.refusal.code in BOUND_ALREADY:
            return ""
        failure = self._sender.failure(command, outcome)
        return f"{command.method}: {failure}" if failure else ""

    def _commands(self, index: int) -> list[Command]:
        intent = self._ledger.intent(index)
        if not isinstance(intent, FinishCall):
            return []
        record = intent.record
        finisher = text(self._ledger.fact(record, "finished_by")) or intent.user
        made = entities_in(self._ledger.fact(record, "made"))
        by_portal = entities_in(self._ledger.fact(record, "created"))
        owner = intent.new_owner or finisher
        wanted = [give_to(one, owner) for one in made if one.owner != owner]
        # Those of a register that was answered go to the finishing user by themselves; of others the owner is told.
        wanted += [give_to(one, owner) for one in by_portal if owner != (one.owner or finisher)]
        if activity := text(self._ledger.fact(record, "activity")):
            wanted += [_bind(activity, one) for one in made if one.kind == DEAL]
            if intent.attach is Attach.SPEAKERS and not made and not by_portal:
                wanted += self._move(intent, activity, finisher)
        return wanted

    def _move(self, intent: FinishCall, activity: str, finisher: str) -> list[Command]:
        """To the client whose owner spoke, away from the others with the same number."""
        matches = self._clients.matches(intent.record)
        client = as_map(self._ledger.fact(intent.record, "client"))
        given = text(as_map(self._ledger.fact(intent.record, "register")).get("CRM_ENTITY_ID"))
        # Where the portal was given no client, it has bound the call to everybody who has the number.
        bound = [one for one in matches if not given or _is(one, client)]
        own = [one for one in matches if one.owner == finisher]
        if not own:
            return []
        mine = next((one for one in own if _is(one, client)), own[0])
        others = [_unbind(activity, one) for one in bound if one != mine]
        return [_bind(activity, mine), *others] if others or mine not in bound else []


def _is(entity: Entity, client: Mapping[str, object]) -> bool:
    return (entity.kind, entity.id) == (client.get("kind"), client.get("id"))


def _bind(activity: str, entity: Entity) -> Command:
    return Command(method="crm.activity.binding.add", params=_binding(activity, entity))


def _unbind(activity: str, entity: Entity) -> Command:
    return Command(method="crm.activity.binding.delete", params=_binding(activity, entity))


def _binding(activity: str, entity: Entity) -> dict[str, object]:
    return {"activityId": activity, "entityTypeId": TYPE_IDS[entity.kind], "entityId": entity.id}
