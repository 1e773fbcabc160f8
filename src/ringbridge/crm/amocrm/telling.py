"""Finished calls on their way out: where each goes, and what became of it.

Sources: amoCRM API v4, "Calls" (the account chooses the entity; 263: nobody has the number), "Notes" (we choose it).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from ringbridge.crm.amocrm.calls import PEOPLE, Finished, call_item, nameless, note_item
from ringbridge.crm.amocrm.customs import CALL, call_as_wanted
from ringbridge.crm.amocrm.entities import Entity, Kind
from ringbridge.crm.amocrm.errors import Invalid, NobodyFound, with_story
from ringbridge.crm.amocrm.knowledge import Knowledge
from ringbridge.crm.amocrm.ledger import Ledger
from ringbridge.crm.amocrm.rest import API, Rest, Row
from ringbridge.crm.amocrm.values import text, whole, written
from ringbridge.crm.contract import CrmError, Receipt, Rejected, Throttled, Transient
from ringbridge.crm.customise import CANCELLED, Customise
from ringbridge.routing.intents import Priority

CALLS = f"{API}/calls"


class Telling:
    """Posts calls, and puts down what became of them."""

    def __init__(self, ledger: Ledger, rest: Rest, knowledge: Knowledge, customise: Customise) -> None:
        self._ledger = ledger
        self._rest = rest
        self._knowledge = knowledge
        self._customise = customise

    def is_done(self, call: Finished) -> bool:
        return self._ledger.is_answered(call.index)

    def priority(self, *calls: Finished) -> Priority:
        return self._ledger.urgency(call.index for call in calls)

    async def write(self, calls: Sequence[Finished]) -> None:
        """Onto the entity that was chosen for each. One that is gone meanwhile leaves the choice to the account."""
        for kind in Kind:
            places = {call.index: call.place for call in calls if call.place and call.place.kind is kind}
            mine = [call for call in calls if call.index in places]
            items = await self._wanted({call.index: note_item(call, places[call.index]) for call in mine}, mine)
            mine = [call for call in mine if call.index in items]
            answers = await self._post(f"{API}/{kind.path}/notes", "notes", mine, items)
            for call in mine:
                answer = answers[call.index]
                if not isinstance(answer, CrmError):
                    self.settle(call, call.place, answer)
                elif isinstance(answer, Rejected) and not call.is_new:
                    self._knowledge.made.drop(self._knowledge.digits(call.number))
                    call.warnings.append(f"The call has another place than was wanted. {answer}")
                    call.place, call.made = None, ()
                else:
                    self.refuse(call, answer)

    async def post(self, calls: Sequence[Finished]) -> list[Finished]:
        """To where the account wants them; returns those whose number nobody has."""
        items = await self._wanted({call.index: call_item(call) for call in calls}, calls)
        calls = [call for call in calls if call.index in items]
        answers = await self._post(CALLS, "calls", calls, items)
        lost: list[Finished] = []
        for call in calls:
            answer = answers[call.index]
            if isinstance(answer, NobodyFound):
                lost.append(call)
            elif isinstance(answer, CrmError):
                self.refuse(call, answer)
            else:
                kind, number = text(answer.get("entity_type")), whole(answer.get("entity_id"))
                place = Entity(kind=Kind(kind), id=number) if number and kind in set(Kind) else None
                self.settle(call, place, answer)
        return lost

    async def _wanted(self, items: dict[int, dict[str, Any]], calls: Sequence[Finished]) -> dict[int, dict[str, Any]]:
        """As the office's hooks want them, without those that they cancelled."""
        found = await asyncio.gather(*(call_as_wanted(self._customise, call, items[call.index]) for call in calls))
        for call, item in zip(calls, found, strict=True):
            if item is None:
                self._ledger.put(call.index, Receipt(facts={"cancelled": CALL, "note": CANCELLED}))
        return {call.index: item for call, item in zip(calls, found, strict=True) if item is not None}

    def settle(self, call: Finished, place: Entity | None, row: Row | None, *, note: str = "") -> None:
        facts: dict[str, Any] = {"user": call.user, "link": bool(call.link), "seen": None}
        if place:
            facts["entity"] = place.document()
        if row and (number := whole(row.get("id"))):
            facts["call_note"] = number
        if call.made:
            facts["made"] = [one.document() for one in call.made]
        if call.unsorted:
            facts["unsorted"] = call.unsorted
        if note:
            facts["note"] = note
        if call.warnings:
            facts["warning"] = " ".join(dict.fromkeys(call.warnings))
        exchange = self._rest.door.story(call.sent, written(row)) if call.sent else None
        self._ledger.put(call.index, Receipt(facts=facts, exchange=exchange))

    def refuse(self, call: Finished, error: CrmError) -> None:
        exchange = self._rest.door.story(call.sent, str(error)) if call.sent else error.exchange
        if call.is_new and isinstance(error, Throttled | Transient):
            # What was made is remembered here only: after a restart, the next try must look for it first.
            self._ledger.put(call.index, Transient(str(error), exchange=exchange, maybe_done=True))
        else:
            self._ledger.put(call.index, with_story(error, exchange))

    async def _post(
        self, path: str, name: str, calls: Sequence[Finished], bodies: dict[int, dict[str, Any]]
    ) -> dict[int, Row | CrmError]:
        """An employee who was dismissed meanwhile costs no call: it goes once more without a name."""
        if not calls:
            return {}
        items: dict[str, Row] = {str(index): body for index, body in bodies.items()}
        priority = self.priority(*calls)
        answers = await self._rest.post_many(path, name, items, priority=priority)
        unnamed: dict[str, Row] = {}
        for call in calls:
            key = str(call.index)
            call.sent = f"POST {path} {written(items[key])}"
            if isinstance(refusal := answers[key], Invalid) and refusal.concerns(*PEOPLE):
                unnamed[key] = nameless(items[key])
                call.warnings.append(f"The call is in nobody's name, as its employee was refused. {refusal}")
        if unnamed:
            answers |= await self._rest.post_many(path, name, unnamed, priority=priority)
        return {int(key): answer for key, answer in answers.items()}
