"""What hooks set in the activity and in the client of a finished call.

Source: Bitrix24 REST docs, crm.activity.get and .update, crm.lead.get and .update and their like. Both are read for
the hooks only where there are any. An update says how fields shall be, so it may be repeated; one that the portal
refuses leaves a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringbridge.crm.bitrix24.batch import Outcome
from ringbridge.crm.bitrix24.entities import COMPANY, CONTACT, LEAD
from ringbridge.crm.bitrix24.ledger import Ledger
from ringbridge.crm.bitrix24.sender import Sender, whole_failure
from ringbridge.crm.bitrix24.telephony import Command, as_map, text
from ringbridge.crm.contract import CrmError, Receipt, Transient
from ringbridge.crm.customise import Customise
from ringbridge.routing.intents import FinishCall, Priority

ACTIVITY, ENTITY = "customize_activity", "customize_entity"
CLIENTS = (LEAD, CONTACT, COMPANY)


class Additions:
    """The stage of a run that makes them."""

    def __init__(self, ledger: Ledger, sender: Sender, customise: Customise) -> None:
        self._ledger = ledger
        self._sender = sender
        self._customise = customise

    async def make(self) -> None:
        finished = [i for i in self._ledger.answered_with(Receipt) if isinstance(self._ledger.intent(i), FinishCall)]
        reads = {key: read for hook in (ACTIVITY, ENTITY) for key, read in (await self._reads(hook, finished)).items()}
        found = await self._sent(reads)
        updates = {key: update for key, read in reads.items() if (update := await self._update(key, read, found))}
        await self._sent(updates)

    async def _reads(self, hook: str, finished: list[int]) -> dict[str, Command]:
        if not finished or not await self._customise.wants(hook):
            return {}
        asked = {f"{hook} {index}": self._read(hook, index) for index in finished}
        return {key: command for key, command in asked.items() if command}

    def _read(self, hook: str, index: int) -> Command | None:
        record = self._ledger.record(index)
        if hook == ACTIVITY:
            activity = text(self._ledger.fact(record, "activity"))
            return Command(method="crm.activity.get", params={"id": activity}) if activity else None
        client = as_map(self._ledger.fact(record, "client"))
        kind, number = text(client.get("kind")), text(client.get("id"))
        return Command(method=f"crm.{kind}.get", params={"id": number}) if kind in CLIENTS and number else None

    async def _update(self, key: str, read: Command, found: Mapping[str, Outcome | CrmError]) -> Command | None:
        outcome = found[key]
        row = as_map(outcome.result) if isinstance(outcome, Outcome) else {}
        if not row:
            return None
        hook, index = key.split()
        kind = read.method.split(".")[1]
        about: dict[str, Any] = {"activity": row} if hook == ACTIVITY else {"entity": row, "kind": kind}
        fields = await self._customise(hook, {}, self._ledger.intent(int(index)), **about)
        if not fields:
            return None
        return Command(method=f"crm.{kind}.update", params={"id": read.params["id"], "fields": dict(fields)})

    async def _sent(self, commands: Mapping[str, Command]) -> dict[str, Outcome | CrmError]:
        """A refusal is a warning at its call; after a request that failed as a whole, all is done once more."""
        outcomes = await self._sender.many(commands, Priority.FINISH) if commands else {}
        whole = whole_failure(outcomes)
        for key, command in commands.items():
            index = int(key.split()[1])
            if whole:
                self._ledger.refuse(index, Transient(str(whole), exchange=whole.exchange, maybe_done=True))
            elif failure := self._sender.failure(command, outcomes[key]):
                self._ledger.add_facts(index, {"warning": f"{command.method}: {failure}"})
        return outcomes
