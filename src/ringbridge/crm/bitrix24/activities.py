"""The text that completes a call's activity.

Source: Bitrix24 REST docs, crm.activity.list, crm.activity.update; the activity of a call has the ORIGIN_ID
``VI_<CALL_ID>``. What an employee wrote into it meanwhile stays: ours is put below, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringbridge.crm.bitrix24.batch import Outcome
from ringbridge.crm.bitrix24.ledger import Ledger
from ringbridge.crm.bitrix24.sender import Sender, given_up
from ringbridge.crm.bitrix24.telephony import Command, as_list, as_map, text
from ringbridge.crm.contract import CrmError, Exchange, Receipt
from ringbridge.routing.intents import CompleteActivity

NONE = "Bitrix24 keeps no activity of this call: nobody it knows has the number."


class Activities:
    """The stage of a run that writes them."""

    def __init__(self, ledger: Ledger, sender: Sender) -> None:
        self._ledger = ledger
        self._sender = sender

    async def complete(self) -> None:
        asked = {f"a{index}": command for index in self._ledger.open() if (command := self._find(index))}
        if not asked:
            return
        found = await self._sender.many(asked, self._urgency(asked))
        updates: dict[str, Command] = {}
        for key, command in asked.items():
            index, failure = int(key[1:]), self._sender.failure(command, found[key])
            if failure:
                self._ledger.refuse(index, given_up(failure, found[key], scope="crm"))
            elif update := self._update(index, found[key]):
                updates[key] = update
            else:
                self._done(index, {"note": NONE}, self._sender.story(command, found[key]))
        written = await self._sender.many(updates, self._urgency(updates)) if updates else {}
        for key, command in updates.items():
            self._take(int(key[1:]), command, written[key])

    def _find(self, index: int) -> Command | None:
        intent = self._ledger.intent(index)
        if not isinstance(intent, CompleteActivity):
            return None
        try:
            self._ledger.check_reached(index)
        except CrmError as error:
            self._ledger.refuse(index, error)
            return None
        call_id = self._ledger.call_id(intent.record)
        if call_id is None:
            self._done(index, {"note": "The call is not in Bitrix24."}, None)
            return None
        known = text(self._ledger.fact(intent.record, "activity"))
        condition = {"ID": known} if known else {"ORIGIN_ID": origin_of(call_id)}
        select = ["ID", "ORIGIN_ID", "DESCRIPTION"]
        return Command(method="crm.activity.list", params={"filter": condition, "select": select, "start": -1})

    def _update(self, index: int, outcome: Outcome | CrmError) -> Command | None:
        intent = self._ledger.intent(index)
        rows = as_list(outcome.result) if isinstance(outcome, Outcome) else []
        row = next((row for row in map(as_map, rows) if self._is_ours(index, row)), None)
        if row is None or not isinstance(intent, CompleteActivity):
            return None
        fields = {"DESCRIPTION": completed(text(row.get("DESCRIPTION")), intent.text)}
        return Command(method="crm.activity.update", params={"id": text(row.get("ID")), "fields": fields})

    def _is_ours(self, index: int, row: Mapping[str, Any]) -> bool:
        """A portal drops filters that it does not know silently, so rows are checked."""
        record = self._ledger.record(index)
        known, call_id = text(self._ledger.fact(record, "activity")), self._ledger.call_id(record) or ""
        return text(row.get("ID")) == known or text(row.get("ORIGIN_ID")) == origin_of(call_id)

    def _take(self, index: int, command: Command, outcome: Outcome | CrmError) -> None:
        if failure := self._sender.failure(command, outcome):
            self._ledger.refuse(index, given_up(failure, outcome, scope="crm"))
        else:
            self._done(index, {"activity": command.params["id"]}, self._sender.story(command, outcome))

    def _done(self, index: int, facts: dict[str, Any], exchange: Exchange | None) -> None:
        self._ledger.settle(index, Receipt(facts=facts, exchange=exchange))

    def _urgency(self, keys: Mapping[str, Command]) -> Any:
        return self._ledger.urgency(int(key[1:]) for key in keys)


def origin_of(call_id: str) -> str:
    return f"VI_{call_id}"


def completed(written: str, ours: str) -> str:
    if ours in written:
        return written
    return f"{written}\n{ours}" if written else ours
