"""Registers, cards and finishes, up to fifty in a batch.

Where a record's register is in the same batch, its other commands take the CALL_ID from the register's answer, so a
call that is over costs one request. Cards of a record that open or close one after the other become one command.

A batch does not stop at a failure. What follows from one is decided here: without its register a record's other
commands were void; after a card that failed the record's later cards are repeated too, so that none stays open.
Everything else keeps its own answer.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import groupby

from ringbridge.crm.bitrix24.batch import LARGEST, Outcome, call_id_of
from ringbridge.crm.bitrix24.ledger import Ledger
from ringbridge.crm.bitrix24.sender import Sender, told, unsent
from ringbridge.crm.bitrix24.telephony import Command, command_of, receipt_of
from ringbridge.crm.contract import CrmError, NotReached, Receipt
from ringbridge.routing.intents import AttachRecording, HideCard, Priority, RecordKey, RegisterCall, ShowCard


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One command and the steps it carries out."""

    steps: tuple[int, ...]
    command: Command


class Commands:
    """The stage of a run that sends them."""

    def __init__(self, ledger: Ledger, sender: Sender, *, add_to_chat: bool) -> None:
        self._ledger = ledger
        self._sender = sender
        self._add_to_chat = add_to_chat

    async def send(self) -> None:
        waiting = deque(self._groups())
        while waiting:
            jobs = self._next_batch(waiting)
            if not jobs:
                continue
            priority = min((self._ledger.priority(i) for job in jobs.values() for i in job.steps), key=_rank)
            outcomes = await self._sender.batch({key: job.command for key, job in jobs.items()}, priority)
            for key, job in jobs.items():
                self._take(job, outcomes[key])
            whole = next(iter(outcomes.values()))
            if isinstance(whole, CrmError):
                self._give_back(waiting, whole)

    def _groups(self) -> list[tuple[int, ...]]:
        """Steps to send, those of one record together and in their order, the most urgent record first."""
        by_record: dict[RecordKey, list[int]] = {}
        for index in self._ledger.open():
            if not isinstance(self._ledger.intent(index), AttachRecording):
                by_record.setdefault(self._ledger.record(index), []).append(index)
        records = sorted(by_record.values(), key=lambda steps: min(_rank(self._ledger.priority(i)) for i in steps))
        return [tuple(group) for steps in records for _, group in groupby(steps, key=self._kind)]

    def _kind(self, index: int) -> object:
        intent = self._ledger.intent(index)
        return type(intent) if isinstance(intent, ShowCard | HideCard) else index

    def _next_batch(self, waiting: deque[tuple[int, ...]]) -> dict[str, Job]:
        jobs: dict[str, Job] = {}
        registered_by: dict[RecordKey, str] = {}
        while waiting and len(jobs) < LARGEST:
            steps = waiting.popleft()
            if self._is_registered(steps[0]):
                continue
            key = f"s{len(jobs)}"
            try:
                command = self._command(steps, registered_by.get(self._ledger.record(steps[0])))
            except CrmError as error:
                self._refuse(steps, error)
                continue
            if isinstance(self._ledger.intent(steps[0]), RegisterCall):
                registered_by[self._ledger.record(steps[0])] = key
            jobs[key] = Job(steps=steps, command=command)
        return jobs

    def _is_registered(self, index: int) -> bool:
        """Settles the register of a call that has its CALL_ID already: a second one would double it."""
        call_id = self._ledger.call_id(self._ledger.record(index))
        if call_id is None or not isinstance(self._ledger.intent(index), RegisterCall):
            return False
        self._ledger.settle(index, Receipt(facts={"call_id": call_id}))
        return True

    def _command(self, steps: tuple[int, ...], registered_by: str | None) -> Command:
        """Raises `CrmError` when there is nothing to send."""
        self._ledger.check_order(steps[0], registering=registered_by is not None)
        call_id = self._ledger.call_id(self._ledger.record(steps[0]))
        if call_id is None and registered_by is not None:
            call_id = call_id_of(registered_by)
        intents = [self._ledger.intent(index) for index in steps]
        command = command_of(intents, call_id or "", add_to_chat=self._add_to_chat)
        self._sender.check_open(command.method)
        return command

    def _take(self, job: Job, outcome: Outcome | CrmError) -> None:
        """Settle a job's steps by what came back."""
        first = job.steps[0]
        failure = self._sender.failure(job.command, outcome)
        if isinstance(outcome, Outcome):
            failure = self._void(first, job.command, outcome) or failure
            if failure is None:
                exchange = self._sender.story(job.command, outcome)
                receipt = receipt_of(self._ledger.intent(first), job.command, outcome.result, exchange)
                for index in job.steps:
                    self._ledger.put(index, receipt)
                return
        if failure is not None:
            self._refuse(job.steps, failure)

    def _void(self, index: int, command: Command, outcome: Outcome) -> CrmError | None:
        """Whether the failure of an earlier step of the same batch made this command void."""
        try:
            self._ledger.check_order(index)
        except NotReached as error:
            return told(error, self._sender.story(command, outcome))
        return None

    def _refuse(self, steps: tuple[int, ...], error: CrmError) -> None:
        for index in steps:
            self._ledger.refuse(index, error)

    def _give_back(self, waiting: deque[tuple[int, ...]], failure: CrmError) -> None:
        while waiting:
            self._refuse(waiting.popleft(), unsent(failure))


def _rank(priority: Priority) -> int:
    return priority.rank
