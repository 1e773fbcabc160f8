"""Registers, cards and finishes, up to fifty in a batch.

Where a record's register is in the same batch, its other commands take the CALL_ID from the register's answer, so a
call that is over costs one request. Cards of a record that open or close one after the other become one command.

A deal that is made for a call goes along before its register. A client's owner who turns out to be dismissed does not
finish a call: it is finished by who was to do it otherwise.

A batch does not stop at a failure. What follows from one is decided here: without its register a record's other
commands were void; after a card that failed the record's later cards are repeated too, so that none stays open.
Everything else keeps its own answer.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from itertools import groupby

from ringbridge.crm.bitrix24.batch import LARGEST, Outcome, call_id_of
from ringbridge.crm.bitrix24.customs import HOOKS, customised
from ringbridge.crm.bitrix24.errors import is_user_gone
from ringbridge.crm.bitrix24.knowledge import Knowledge
from ringbridge.crm.bitrix24.ledger import Ledger
from ringbridge.crm.bitrix24.preparation import Preparation
from ringbridge.crm.bitrix24.sender import Sender, told, unsent
from ringbridge.crm.bitrix24.telephony import FINISH, Command, command_of, receipt_of, register
from ringbridge.crm.contract import CrmError, NotReached, Receipt
from ringbridge.crm.customise import CANCELLED, Customise
from ringbridge.routing.intents import (
    AttachRecording,
    CloseTasks,
    CompleteActivity,
    FinishCall,
    HideCard,
    Intent,
    MakeTask,
    RecordKey,
    RegisterCall,
    ShowCard,
    UserId,
)

ELSEWHERE = (AttachRecording, CompleteActivity, MakeTask, CloseTasks)  # stages of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One command and the steps it carries out, or the step for which it makes a deal."""

    steps: tuple[int, ...] = ()
    command: Command
    deal_for: int | None = None

    @property
    def concerns(self) -> tuple[int, ...]:
        return self.steps if self.deal_for is None else (self.deal_for,)


class Commands:
    """The stage of a run that sends them."""

    def __init__(
        self,
        ledger: Ledger,
        sender: Sender,
        clients: Preparation,
        knowledge: Knowledge,
        *,
        add_to_chat: bool,
        customise: Customise,
    ) -> None:
        self._ledger = ledger
        self._sender = sender
        self._clients = clients
        self._knowledge = knowledge
        self._add_to_chat = add_to_chat
        self._customise = customise

    async def send(self) -> None:
        waiting = deque(self._groups())
        while waiting:
            jobs = await self._customised(self._next_batch(waiting))
            if not jobs:
                continue
            priority = self._ledger.urgency(i for job in jobs.values() for i in job.steps)
            outcomes = await self._sender.batch({key: job.command for key, job in jobs.items()}, priority)
            again = [job.steps for key, job in jobs.items() if not self._take(job, outcomes[key])]
            waiting.extendleft(reversed(again))
            whole = next(iter(outcomes.values()))
            if isinstance(whole, CrmError):
                self._give_back(waiting, whole)
        for index in self._ledger.open():
            self._is_unwanted((index,))

    def _groups(self) -> list[tuple[int, ...]]:
        """Steps to send, those of one record together and in their order, the most urgent record first."""
        by_record: dict[RecordKey, list[int]] = {}
        for index in self._ledger.open():
            if not isinstance(self._ledger.intent(index), ELSEWHERE):
                by_record.setdefault(self._ledger.record(index), []).append(index)
        records = sorted(by_record.values(), key=lambda steps: self._ledger.urgency(steps).rank)
        return [tuple(group) for steps in records for _, group in groupby(steps, key=self._kind)]

    def _kind(self, index: int) -> object:
        intent = self._ledger.intent(index)
        return type(intent) if isinstance(intent, ShowCard | HideCard) else index

    def _next_batch(self, waiting: deque[tuple[int, ...]]) -> dict[str, Job]:
        jobs: dict[str, Job] = {}
        registered_by: dict[RecordKey, str] = {}
        while waiting and len(jobs) + self._size(waiting[0]) <= LARGEST:
            steps = waiting.popleft()
            if self._is_registered(steps[0]) or self._is_unwanted(steps):
                continue
            try:
                command = self._command(steps, registered_by.get(self._ledger.record(steps[0])))
            except CrmError as error:
                self._refuse(steps, error)
                continue
            if isinstance(self._ledger.intent(steps[0]), RegisterCall):
                if (plan := self._clients.plan(steps[0])) and plan.deal:
                    jobs[f"s{len(jobs)}"] = Job(command=plan.deal, deal_for=steps[0])
                registered_by[self._ledger.record(steps[0])] = f"s{len(jobs)}"
            jobs[f"s{len(jobs)}"] = Job(steps=steps, command=command)
        return jobs

    def _size(self, steps: tuple[int, ...]) -> int:
        """How many commands they may become: a register may bring a deal along."""
        plan = self._clients.plan(steps[0])
        return 2 if plan and plan.deal else 1

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
        first, *others = (self._ledger.intent(index) for index in steps)
        if isinstance(first, RegisterCall):
            command = self._register(steps[0], first)
        else:
            command = command_of([self._by_whom(first), *others], call_id or "", add_to_chat=self._add_to_chat)
        self._sender.check_open(command.method)
        return command

    # Hooks

    async def _customised(self, jobs: dict[str, Job]) -> dict[str, Job]:
        """As the office's hooks want them. Without its register, a record's other commands go as well."""
        asked = {key: (job.command, self._ledger.intent(job.steps[0])) for key, job in jobs.items() if job.steps}
        found = await customised(self._customise, asked)
        for key, command in found.items():
            if command is None:
                self._cancel(jobs[key])
        left: dict[str, Job] = {}
        for key, job in jobs.items():
            if command := found.get(key, job.command):
                left[key] = replace(job, command=self._in_a_living_name(job, command))
        return {key: job for key, job in left.items() if not self._is_unwanted(job.concerns)}

    def _cancel(self, job: Job) -> None:
        for index in job.steps:
            facts = {"cancelled": HOOKS[job.command.method], "note": CANCELLED}
            unwanted = {"unwanted": True} if isinstance(self._ledger.intent(index), RegisterCall) else {}
            self._ledger.settle(index, Receipt(facts={**facts, **unwanted}))

    def _is_unwanted(self, steps: tuple[int, ...]) -> bool:
        """Settles the steps of a call whose registration a hook cancelled: the portal knows nothing of it."""
        record = self._ledger.record(steps[0])
        if not self._ledger.fact(record, "unwanted") or self._ledger.call_id(record):
            return False
        for index in set(steps) & set(self._ledger.open()):
            self._ledger.settle(index, Receipt(facts={"note": CANCELLED}))
        return True

    def _in_a_living_name(self, job: Job, command: Command) -> Command:
        """A hook may name somebody for a finish who was found to be dismissed."""
        user = UserId(str(command.params.get("USER_ID", "")))
        if command.method != FINISH or user not in self._knowledge.dismissed:
            return command
        return replace(command, params={**command.params, "USER_ID": job.command.params["USER_ID"]})

    def _register(self, index: int, intent: RegisterCall) -> Command:
        plan = self._clients.plan(index)
        if plan is None:
            return register(intent, add_to_chat=self._add_to_chat, create=intent.creation is not None)
        client = (plan.entity.kind, plan.entity.id) if plan.entity else None
        return register(intent, add_to_chat=self._add_to_chat, client=client, create=plan.portal_makes)

    def _by_whom(self, intent: Intent) -> Intent:
        """A finish in the name of the client's owner, where they go first and still work there."""
        if not isinstance(intent, FinishCall) or not intent.owner_first:
            return intent
        owner = self._clients.owner(intent.record)
        return replace(intent, user=owner) if owner and owner not in self._knowledge.dismissed else intent

    def _take(self, job: Job, outcome: Outcome | CrmError) -> bool:
        """Settle a job's steps by what came back. False: they have to be sent once more."""
        if job.deal_for is not None:
            self._clients.take_deal(job.deal_for, job.command, outcome)
            return True
        first = job.steps[0]
        failure = self._sender.failure(job.command, outcome)
        if isinstance(outcome, Outcome):
            failure = self._void(first, job.command, outcome) or failure
            if failure is None:
                exchange = self._sender.story(job.command, outcome)
                receipt = receipt_of(self._ledger.intent(first), job.command, outcome.result, exchange)
                for index in job.steps:
                    self._ledger.put(index, receipt)
                if isinstance(receipt, Receipt) and isinstance(self._ledger.intent(first), RegisterCall):
                    self._ledger.add_facts(first, self._clients.facts(first))
                return True
            if outcome.refusal and is_user_gone(outcome.refusal) and self._spares(first, job.command):
                return False
        if failure is not None:
            self._refuse(job.steps, failure)
        return True

    def _spares(self, index: int, command: Command) -> bool:
        """Whether a finish was refused only because the owner in whose name it went is dismissed."""
        intent, user = self._ledger.intent(index), UserId(str(command.params.get("USER_ID", "")))
        if not isinstance(intent, FinishCall) or user == intent.user:
            return False
        self._knowledge.dismissed.add(user)
        return True

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
