"""What the portal made for a call by itself, where the answer that told of it was lost.

Sources: Bitrix24 REST docs, telephony.externalCall.register (CRM_CREATED_ENTITIES), voximplant.statistic.get,
crm.lead.list and its like. Neither the statistics nor a second register tell what was made; they name the client of
the call. It was made for this very call if it is no older than the call, is still the registering or the finishing
user's, and if no other call in the statistics had it before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ringbridge.crm.bitrix24.batch import Outcome
from ringbridge.crm.bitrix24.entities import CONTACT, DEAL, LEAD, LINKS, Entity, rows_in
from ringbridge.crm.bitrix24.ledger import Ledger
from ringbridge.crm.bitrix24.sender import Sender, whole_failure
from ringbridge.crm.bitrix24.telephony import Command, as_list, as_map, text
from ringbridge.crm.contract import CrmError, Receipt, Transient
from ringbridge.routing.intents import Priority, RecordKey, RegisterCall

STATISTICS = "voximplant.statistic.get"
BY_PORTAL = frozenset({LEAD, CONTACT, DEAL})

Outcomes = Mapping[str, Outcome | CrmError]


class Rediscovery:
    """The stage of a run between the finishes and what follows from them."""

    def __init__(self, ledger: Ledger, sender: Sender) -> None:
        self._ledger = ledger
        self._sender = sender

    async def look(self) -> None:
        doubtful = {i: intent for i in self._ledger.answered_with(Receipt) if (intent := self._may_have_made(i))}
        questions = {key: question for i, intent in doubtful.items() for key, question in self._questions(i, intent)}
        if not questions:
            return
        outcomes = await self._sender.many(questions, Priority.FINISH)
        if failure := whole_failure(outcomes):
            self._leave_in_doubt({intent.record for intent in doubtful.values()}, failure)
            return
        for index, intent in doubtful.items():
            if made := self._made(index, intent, outcomes):
                self._ledger.add_facts(index, {"created": [entity.document() for entity in made]})

    def _may_have_made(self, index: int) -> RegisterCall | None:
        """The register of which it is not known what it made."""
        intent = self._ledger.intent(index)
        if not isinstance(intent, RegisterCall) or intent.creation is None or not self._ledger.step(index).uncertain:
            return None
        told = any(self._ledger.fact(intent.record, name) for name in ("created", "made"))
        return intent if not told and self._client(intent.record).kind in BY_PORTAL else None

    def _client(self, record: RecordKey) -> Entity:
        client = as_map(self._ledger.fact(record, "client"))
        return Entity(kind=text(client.get("kind")), id=text(client.get("id")))

    def _questions(self, index: int, intent: RegisterCall) -> Iterator[tuple[str, Command]]:
        client = self._client(intent.record)
        since = {">=DATE_CREATE": intent.started.isoformat(timespec="seconds")}
        yield f"x{index}", _listed(client.kind, {**since, "ID": client.id})
        if client.kind == CONTACT:
            yield f"d{index}", _listed(DEAL, {**since, LINKS[CONTACT]: client.id})
        whose = {"CRM_ENTITY_TYPE": client.kind.upper(), "CRM_ENTITY_ID": client.id}
        yield f"s{index}", Command(method=STATISTICS, params={"FILTER": whose, "SORT": "ID", "ORDER": "ASC"})

    def _made(self, index: int, intent: RegisterCall, outcomes: Outcomes) -> list[Entity]:
        client, record = self._client(intent.record), intent.record
        users = {intent.user, text(self._ledger.fact(record, "finished_by")) or intent.user}
        new = [one for one in rows_in(_result(outcomes[f"x{index}"]), client.kind) if one.id == client.id]
        calls = [as_map(row) for row in as_list(_result(outcomes[f"s{index}"]))]
        had_before = bool(calls) and text(calls[0].get("CALL_ID")) != self._ledger.call_id(record)
        if had_before or not any(one.owner in users for one in new):
            return []
        deals = _result(outcomes[f"d{index}"]) if f"d{index}" in outcomes else ()
        return [*new, *rows_in(deals, DEAL)]

    def _leave_in_doubt(self, records: set[RecordKey], failure: CrmError) -> None:
        for index in list(self._ledger.answered_with(Receipt)):
            if self._ledger.record(index) in records:
                self._ledger.refuse(index, Transient(str(failure), exchange=failure.exchange, maybe_done=True))


def _listed(kind: str, condition: Mapping[str, str]) -> Command:
    return Command(method=f"crm.{kind}.list", params={"filter": condition, "select": ["ID", "ASSIGNED_BY_ID"]})


def _result(outcome: Outcome | CrmError) -> Any:
    return outcome.result if isinstance(outcome, Outcome) else None
