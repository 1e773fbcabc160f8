"""What really became of steps whose answers were lost.

Source: Bitrix24 REST docs, voximplant.statistic.get: a row per finished call, found by EXTERNAL_CALL_ID (our record
key) or CALL_ID. A register that is repeated within half an hour finds its running call again by itself
(telephony.externalCall.register), so only a call that may be finished has to be asked about. Whatever the statistics
do not show is done again: cards and recordings replace what was there before.

A finish may also find that the portal knows no such call. When the statistics have it, the finish is done. When they
do not, the portal forgot the call before its end: it is registered once more, without a card, and finished.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringbridge.crm.bitrix24.batch import LARGEST, Outcome, call_id_of
from ringbridge.crm.bitrix24.errors import CallNotFound, is_rights
from ringbridge.crm.bitrix24.ledger import Ledger, Result
from ringbridge.crm.bitrix24.sender import Sender
from ringbridge.crm.bitrix24.telephony import (
    Command,
    as_list,
    as_map,
    command_of,
    entity,
    facts_of_finish,
    facts_of_register,
    register_again,
    text,
)
from ringbridge.crm.contract import CrmError, Exchange, Receipt, Step, Transient
from ringbridge.routing.intents import FinishCall, Priority, RecordKey, RegisterCall

STATISTICS = "voximplant.statistic.get"
PER_BATCH = LARGEST // 2  # each record takes two questions, or a register and a finish

Row = Mapping[str, Any]


class Reconciliation:
    """The stages of a run that find out instead of doing."""

    def __init__(self, ledger: Ledger, sender: Sender, *, add_to_chat: bool) -> None:
        self._ledger = ledger
        self._sender = sender
        self._add_to_chat = add_to_chat

    async def clear_doubts(self) -> None:
        """Before anything is sent: settle what the statistics prove done."""
        doubtful = [index for index in self._ledger.open() if _is_in_doubt(self._ledger.step(index))]
        findings = await self._look_up(list(dict.fromkeys(self._ledger.record(index) for index in doubtful)))
        for index in doubtful:
            finding = findings[self._ledger.record(index)]
            if finding.error:
                self._ledger.refuse(index, _still_in_doubt(finding.error))
            elif finding.row:
                self._ledger.settle(index, receipt_by(finding.row, self._ledger.step(index), finding.exchange))

    async def find_lost_calls(self) -> None:
        """After a finish found no running call."""
        lost = {self._ledger.record(index): index for index in self._ledger.answered_with(CallNotFound)}
        forgotten: list[int] = []
        for record, finding in (await self._look_up(list(lost))).items():
            index = lost[record]
            if finding.error:
                self._ledger.refuse(index, _still_in_doubt(finding.error))
            elif finding.row:
                self._ledger.settle(index, receipt_by(finding.row, self._ledger.step(index), finding.exchange))
            elif not finding.closed:
                forgotten.append(index)
            elif self._ledger.step(index).uncertain:
                # The statistics are closed to us; that a repeated finish finds no call means that the first one did.
                self._ledger.settle(index, Receipt(facts={"assumed": "finished"}, exchange=finding.exchange))
        for start in range(0, len(forgotten), PER_BATCH):
            await self._begin_again(forgotten[start : start + PER_BATCH])

    async def _look_up(self, records: list[RecordKey]) -> dict[RecordKey, Finding]:
        findings: dict[RecordKey, Finding] = {}
        for start in range(0, len(records), PER_BATCH):
            asked = records[start : start + PER_BATCH]
            questions = {
                f"{kind}{number}": command
                for number, record in enumerate(asked)
                for kind, command in _questions(record, self._ledger.call_id(record)).items()
            }
            outcomes = await self._sender.batch(questions, Priority.FINISH)
            for number, record in enumerate(asked):
                keys = [key for kind in ("k", "c") if (key := f"{kind}{number}") in questions]
                findings[record] = self._finding(record, [(questions[key], outcomes[key]) for key in keys])
        return findings

    def _finding(self, record: RecordKey, answers: list[tuple[Command, Outcome | CrmError]]) -> Finding:
        finding = Finding()
        for command, outcome in answers:
            finding.exchange = self._sender.story(command, outcome)
            if isinstance(outcome, Outcome) and outcome.refusal and is_rights(outcome.refusal):
                finding.closed = True
            elif failure := self._sender.failure(command, outcome):
                finding.error = failure
            elif isinstance(outcome, Outcome):
                row = finished_call(outcome.result, record=record, call_id=self._ledger.call_id(record))
                finding.row = finding.row or row
            if finding.row:
                finding.error = None
                break
        return finding

    async def _begin_again(self, indexes: list[int]) -> None:
        """Register and finish calls that the portal has forgotten."""
        pairs: dict[int, tuple[Command, Command]] = {}
        for index in indexes:
            registered = as_map(self._ledger.fact(self._ledger.record(index), "register"))
            if registered:  # else the portal had registered it itself: the refusal stands
                call_id = call_id_of(f"r{index}")
                finish = command_of([self._ledger.intent(index)], call_id, add_to_chat=self._add_to_chat)
                pairs[index] = (register_again(registered), finish)
        if not pairs:
            return
        commands = {f"r{index}": register for index, (register, _) in pairs.items()}
        commands |= {f"f{index}": finish for index, (_, finish) in pairs.items()}
        outcomes = await self._sender.batch(commands, Priority.FINISH)
        for index, (register, finish) in pairs.items():
            answer = self._begun(register, outcomes[f"r{index}"], finish, outcomes[f"f{index}"])
            self._ledger.put(index, answer)

    def _begun(
        self, register: Command, registered: Outcome | CrmError, finish: Command, finished: Outcome | CrmError
    ) -> Result:
        failure = self._sender.failure(register, registered) or self._sender.failure(finish, finished)
        if failure or not isinstance(registered, Outcome) or not isinstance(finished, Outcome):
            return failure or Transient("Bitrix24 did not answer", maybe_done=True)
        facts = {**facts_of_register(registered.result), **facts_of_finish(finished.result)}
        return Receipt(facts=facts, exchange=self._sender.story(finish, finished))


@dataclass(slots=True, kw_only=True)
class Finding:
    """What the statistics say of one record."""

    row: Row | None = None  # the finished call
    error: CrmError | None = None  # the question could not be asked
    closed: bool = False  # our key may not read them
    exchange: Exchange | None = None


def finished_call(result: Any, *, record: str, call_id: str | None) -> Row | None:
    """The row that answers the question. A portal drops filters it does not know silently, so rows are checked."""
    for row in map(as_map, as_list(result)):
        found = text(row.get("CALL_ID"))
        if found and (found == call_id or text(row.get("EXTERNAL_CALL_ID")) == record):
            return row
    return None


def receipt_by(row: Row, step: Step, exchange: Exchange | None) -> Receipt:
    """The receipt of a step that the statistics prove done."""
    facts: dict[str, Any] = {"call_id": text(row.get("CALL_ID"))}
    if isinstance(step.intent, FinishCall):
        facts |= facts_of_finish(row)
    elif client := entity(row):
        facts["client"] = client
    return Receipt(facts=facts, exchange=exchange)


def _is_in_doubt(step: Step) -> bool:
    return step.uncertain and isinstance(step.intent, RegisterCall | FinishCall)


def _questions(record: RecordKey, call_id: str | None) -> dict[str, Command]:
    """By our key, and by the portal's: a clicked number's call was registered by the portal without ours."""
    by_key = {"k": _question({"EXTERNAL_CALL_ID": record})}
    return {**by_key, "c": _question({"CALL_ID": call_id})} if call_id else by_key


def _question(condition: Mapping[str, str]) -> Command:
    return Command(method=STATISTICS, params={"FILTER": condition, "SORT": "ID", "ORDER": "ASC"})


def _still_in_doubt(error: CrmError) -> CrmError:
    if isinstance(error, Transient):
        words = f"Whether it was done could not be found out: {error}"
        return Transient(words, exchange=error.exchange, maybe_done=True)
    return error
