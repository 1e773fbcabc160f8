"""Clients and deals that are made of a number nobody has, because the portal would not make them so by itself.

Sources: Bitrix24 REST docs, crm.lead.add, crm.contact.add, crm.deal.add, crm.deal.list. Each is made once: what an
earlier try made is found by ORIGINATOR_ID and ORIGIN_ID. A creation that the portal refuses leaves a warning, and the
call is registered as the portal likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ringbridge.crm.bitrix24.batch import Outcome
from ringbridge.crm.bitrix24.entities import COMPANY, CONTACT, DEAL, Entity, make, make_deal, open_deals
from ringbridge.crm.bitrix24.knowledge import Knowledge
from ringbridge.crm.bitrix24.sender import Sender, whole_failure
from ringbridge.crm.bitrix24.telephony import Command, as_list, as_map, text
from ringbridge.crm.contract import CrmError
from ringbridge.routing.intents import Creation, Priority, RegisterCall

COLLEAGUE = "The number belongs to an employee: no client was made of it."
OPEN_DEALS = "crm.deal.list"


@dataclass(slots=True, kw_only=True)
class Found:
    """Who had a number before the call, the best match first."""

    clients: tuple[Entity, ...] = ()
    by_portal: bool = False  # the portal finds one of them itself when it registers the call
    refused: str = ""  # the portal would not search: why


@dataclass(slots=True, kw_only=True)
class Plan:
    """How one call is registered."""

    intent: RegisterCall
    found: Found
    creation: Creation | None = None  # what to make here of a number that nobody has
    kinds: tuple[str, ...] = ()  # and of which kinds
    entity: Entity | None = None  # whom the call is about; None: whom the portal finds
    made: list[Entity] = field(default_factory=list)
    deal: Command | None = None  # to be made along with the register
    portal_makes: bool = False  # the portal makes a client of an unknown number
    warning: str = ""

    def complete(self, client: Entity) -> None:
        """There is a client; the deal may still be missing."""
        self.entity = client
        if self.creation and DEAL in self.kinds and not any(entity.kind == DEAL for entity in self.made):
            self.deal = make_deal(self.intent, self.creation, client)


class Making:
    """Makes them. `repeat_deals`: a known client without an open deal gets a new one."""

    def __init__(self, sender: Sender, knowledge: Knowledge, *, repeat_deals: bool) -> None:
        self._sender = sender
        self._knowledge = knowledge
        self._repeat_deals = repeat_deals

    async def make(self, plans: Iterable[Plan], priority: Priority) -> CrmError | None:
        """Complete the plans; several of one number get the same client. Returns why nothing is known of them, when
        the request failed as a whole."""
        leaders: dict[str, Plan] = {}
        followers = [plan for plan in plans if leaders.setdefault(plan.intent.number, plan) is not plan]
        asked = {f"m{n}": (plan, cmd) for n, plan in enumerate(leaders.values()) if (cmd := self._first_command(plan))}
        if asked:
            outcomes = await self._sender.many({key: command for key, (_, command) in asked.items()}, priority)
            if failure := whole_failure(outcomes):
                return failure
            for key, (plan, command) in asked.items():
                self._take(plan, command, outcomes[key])
        for plan in followers:
            plan.entity = leaders[plan.intent.number].entity
        return None

    def take_deal(self, plan: Plan, command: Command, outcome: Outcome | CrmError) -> None:
        """What became of the deal that went along with the register."""
        if isinstance(outcome, CrmError):
            return  # nothing is known of it: the register is tried again, and looks for it
        plan.deal = None
        if number := text(outcome.result):
            self._keep(plan, Entity(kind=DEAL, id=number, owner=_user(command)))
        else:
            plan.warning = f"The deal was not made. {self._sender.failure(command, outcome) or ''}"

    def _first_command(self, plan: Plan) -> Command | None:
        """Makes the client, or asks whether a known one has an open deal; None when there is nothing to make."""
        if plan.creation is None:
            return None
        known = next(iter(plan.found.clients), None)
        if self._knowledge.is_colleague(plan.intent.number):
            plan.warning = COLLEAGUE
        elif plan.found.refused:
            plan.portal_makes = True
            plan.warning = f"Whether the caller is known was not found out: {plan.found.refused}"
        elif made := next((entity for entity in plan.made if entity.kind != DEAL), None):
            plan.complete(made)
        elif known is None:
            return make(plan.kinds[0], plan.intent, plan.creation, deal_follows=DEAL in plan.kinds)
        elif self._repeat_deals and DEAL in plan.kinds and not plan.made and known.kind in {CONTACT, COMPANY}:
            plan.entity = plan.entity or known
            return open_deals(plan.entity)
        return None

    def _take(self, plan: Plan, command: Command, outcome: Outcome | CrmError) -> None:
        failure = self._sender.failure(command, outcome)
        result = outcome.result if isinstance(outcome, Outcome) else None
        if command.method == OPEN_DEALS:
            if failure is None and not as_list(result) and plan.entity:
                plan.complete(plan.entity)
        elif number := text(result):
            client = Entity(kind=plan.kinds[0], id=number, owner=_user(command))
            self._keep(plan, client)
            plan.complete(client)
        else:
            plan.portal_makes = True
            plan.warning = f"The client was made as the portal likes, as ours was refused. {failure or ''}"

    def _keep(self, plan: Plan, entity: Entity) -> None:
        plan.made.append(entity)
        self._knowledge.keep(plan.intent.record, plan.made)


def _user(command: Command) -> str:
    fields: Mapping[str, object] = as_map(command.params.get("fields"))
    return text(fields.get("ASSIGNED_BY_ID"))
