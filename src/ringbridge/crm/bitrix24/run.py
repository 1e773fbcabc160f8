"""Steps on their way to the portal, in as few requests as it takes.

1. Doubts: for a register or finish whose answer was lost, the statistics are asked whether the call is there.
2. Commands: registers, cards and finishes, up to fifty in a batch. Where a record's register is in the same batch, its
   other commands take the CALL_ID from its answer, so a call that is over costs one request. Cards of a record that
   open or close one after the other become one command.
3. Lost calls: a finish that found no running call is done when the statistics have the call.
4. Recordings, in batches of their own: fetching them keeps the portal busy, and no card should wait for it.

A batch does not stop at a failure. What follows from one is decided here: without its register a record's other
commands were void; after a card that failed the record's later cards are repeated too, so that none stays open; a
recording waits for its finish. Everything else keeps its own answer.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from ringbridge.crm.bitrix24 import reconcile
from ringbridge.crm.bitrix24.batch import LARGEST, Outcome, call_id_of
from ringbridge.crm.bitrix24.errors import CallNotFound, KeyExpired, NotFinished, error_of, is_method_closed, is_rights
from ringbridge.crm.bitrix24.recordings import attached, nothing_recorded, upload
from ringbridge.crm.bitrix24.rest import Rest
from ringbridge.crm.bitrix24.settings import RecordingMode, Settings
from ringbridge.crm.bitrix24.telephony import Command, attach, command_of, receipt_of, refusal_of
from ringbridge.crm.contract import (
    CrmError,
    Exchange,
    NotReached,
    Receipt,
    RecordingFile,
    RecordingSource,
    Rejected,
    Step,
    Throttled,
    Transient,
    Unauthorized,
)
from ringbridge.routing.intents import (
    AttachRecording,
    FinishCall,
    HideCard,
    Priority,
    RecordKey,
    RegisterCall,
    ShowCard,
)
from ringbridge.routing.recordings import Absent, NotYet

LARGEST_OF_RECORDINGS = 10
LONGEST_UNFINISHED = timedelta(days=1)  # after that, a recording whose call was never finished is given up

Result = Receipt | CrmError


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One command and the steps it carries out."""

    steps: tuple[int, ...]
    command: Command


class Run:
    """One `carry_out`."""

    def __init__(
        self,
        steps: Sequence[Step],
        *,
        rest: Rest,
        settings: Settings,
        recordings: RecordingSource,
        closed: dict[str, datetime],
    ) -> None:
        """`closed` remembers over all runs which methods the portal closed until when."""
        self._steps = steps
        self._rest = rest
        self._settings = settings
        self._recordings = recordings
        self._closed = closed
        self._answers: dict[int, Result] = {}
        self._call_ids = {s.intent.record: str(s.facts["call_id"]) for s in steps if s.facts.get("call_id")}
        self._cards_broken: set[RecordKey] = set()

    async def carry_out(self) -> list[Result]:
        await self._clear_doubts()
        await self._send_commands()
        await self._find_lost_calls()
        await self._send_recordings()
        return [self._final(index) for index in range(len(self._steps))]

    def _final(self, index: int) -> Result:
        answer = self._answers[index]
        if self._steps[index].uncertain and isinstance(answer, Transient) and not isinstance(answer, NotReached):
            answer.maybe_done = True
        return answer

    # Doubts

    async def _clear_doubts(self) -> None:
        doubtful = [index for index, step in enumerate(self._steps) if reconcile.is_in_doubt(step)]
        by_record: dict[RecordKey, list[int]] = {}
        for index in doubtful:
            by_record.setdefault(self._record(index), []).append(index)
        for record, outcome, exchange in await self._look_up(list(by_record)):
            for index in by_record[record]:
                self._apply_finding(index, outcome, exchange)

    def _apply_finding(self, index: int, outcome: Outcome | CrmError, exchange: Exchange) -> None:
        if isinstance(outcome, CrmError):
            self._answers[index] = _still_in_doubt(outcome)
            return
        record = self._record(index)
        row = reconcile.finished_call(outcome.result, record=record, call_id=self._call_ids.get(record))
        if row is not None:
            self._settle(index, reconcile.receipt_by(row, self._steps[index], exchange))

    async def _find_lost_calls(self) -> None:
        lost = {
            self._record(index): index for index, answer in self._answers.items() if isinstance(answer, CallNotFound)
        }
        for record, outcome, exchange in await self._look_up(list(lost)):
            index = lost[record]
            if isinstance(outcome, CrmError):
                self._answers[index] = _still_in_doubt(outcome)
                continue
            row = reconcile.finished_call(outcome.result, record=record, call_id=self._call_ids.get(record))
            if row is not None:
                self._settle(index, reconcile.receipt_by(row, self._steps[index], exchange))
            elif outcome.refusal and self._steps[index].uncertain:
                # The statistics are closed to us; that a repeated finish finds no call means that the first one did.
                self._settle(index, Receipt(facts={"assumed": "finished"}, exchange=exchange))

    async def _look_up(self, records: list[RecordKey]) -> list[tuple[RecordKey, Outcome | CrmError, Exchange]]:
        """What the statistics say of these records. Statistics that our key may not read are an outcome with a
        refusal; any other failure is an error."""
        findings: list[tuple[RecordKey, Outcome | CrmError, Exchange]] = []
        for start in range(0, len(records), LARGEST):
            asked = records[start : start + LARGEST]
            commands = {
                f"q{number}": reconcile.question(record=record, call_id=self._call_ids.get(record))
                for number, record in enumerate(asked)
            }
            answers = await self._batch(commands, Priority.FINISH)
            for (key, command), record in zip(commands.items(), asked, strict=True):
                outcome = answers if isinstance(answers, CrmError) else answers[key]
                findings.append((record, self._checked(outcome), self._story(command, outcome)))
        return findings

    def _checked(self, outcome: Outcome | CrmError) -> Outcome | CrmError:
        if isinstance(outcome, CrmError) or (outcome.reached and outcome.refusal is None):
            return outcome
        if outcome.refusal and is_rights(outcome.refusal):
            return outcome
        if outcome.refusal:
            return error_of(outcome.refusal, now=datetime.now(UTC), free_at=outcome.free_at)
        return Transient("Bitrix24 did not answer what became of the call")

    # Registers, cards, finishes

    async def _send_commands(self) -> None:
        waiting = deque(self._groups())
        while waiting:
            jobs = self._next_batch(waiting)
            if not jobs:
                continue
            priority = min((self._steps[i].intent.priority for job in jobs.values() for i in job.steps), key=_rank)
            outcomes = await self._batch({key: job.command for key, job in jobs.items()}, priority)
            for key, job in jobs.items():
                self._take(job, outcomes if isinstance(outcomes, CrmError) else outcomes[key])
            if isinstance(outcomes, CrmError):
                self._give_back(waiting, outcomes)

    def _groups(self) -> list[tuple[int, ...]]:
        """Steps to send, those of one record together and in their order, the most urgent record first."""
        by_record: dict[RecordKey, list[int]] = {}
        for index, step in enumerate(self._steps):
            if index not in self._answers and not isinstance(step.intent, AttachRecording):
                by_record.setdefault(step.intent.record, []).append(index)
        records = sorted(by_record.values(), key=lambda steps: min(_rank(self._priority(index)) for index in steps))
        return [tuple(group) for steps in records for _, group in groupby(steps, key=self._kind)]

    def _kind(self, index: int) -> object:
        intent = self._steps[index].intent
        return type(intent) if isinstance(intent, ShowCard | HideCard) else index

    def _next_batch(self, waiting: deque[tuple[int, ...]]) -> dict[str, Job]:
        jobs: dict[str, Job] = {}
        registered_by: dict[RecordKey, str] = {}
        while waiting and len(jobs) < LARGEST:
            steps = waiting.popleft()
            record, intents = self._record(steps[0]), [self._steps[index].intent for index in steps]
            call_id = self._call_ids.get(record)
            if call_id is None and record in registered_by:
                call_id = call_id_of(registered_by[record])
            key = f"s{len(jobs)}"
            try:
                self._check_order(steps[0], call_id)
                command = command_of(intents, call_id or "", add_to_chat=self._settings.add_to_chat)
                self._check_open(command.method)
            except CrmError as error:
                self._refuse(steps, error)
                continue
            if isinstance(intents[0], RegisterCall):
                if call_id is not None:
                    self._settle(steps[0], Receipt(facts={"call_id": call_id}))
                    continue
                registered_by[record] = key
            jobs[key] = Job(steps=steps, command=command)
        return jobs

    def _check_order(self, index: int, call_id: str | None) -> None:
        """Whether a step can be sent after what became of those before it."""
        intent = self._steps[index].intent
        if isinstance(intent, RegisterCall):
            return
        if call_id is None:
            raise self._unregistered(intent.record)
        if isinstance(intent, ShowCard | HideCard) and intent.record in self._cards_broken:
            raise NotReached("An earlier card of this call has to be repeated first")

    def _unregistered(self, record: RecordKey) -> CrmError:
        register = self._answer_to(record, RegisterCall)
        if isinstance(register, CrmError):
            return NotReached(f"The call is not registered: {register}")
        return Rejected("The call was never registered with Bitrix24, so nothing can be added to it.")

    def _check_open(self, method: str) -> None:
        until = self._closed.get(method)
        if until and until > datetime.now(UTC):
            raise Throttled(f"Bitrix24 closed {method} until {until:%H:%M:%S} UTC for its running time", until=until)

    def _take(self, job: Job, outcome: Outcome | CrmError) -> None:
        """Settle a job's steps by what came back."""
        record = self._record(job.steps[0])
        exchange = self._story(job.command, outcome)
        answer = self._read(job, outcome, exchange)
        if not isinstance(outcome, CrmError):
            try:
                self._check_order(job.steps[0], self._call_ids.get(record))
            except NotReached as error:
                answer = _told(error, exchange)
        if isinstance(answer, CrmError):
            self._refuse(job.steps, answer)
        else:
            for index in job.steps:
                self._settle(index, answer)

    def _read(self, job: Job, outcome: Outcome | CrmError, exchange: Exchange) -> Result:
        if isinstance(outcome, CrmError):
            return _told(outcome, exchange)
        if not outcome.reached:
            return Transient("Bitrix24 ended the batch before this command", exchange=exchange, maybe_done=True)
        if outcome.refusal is None:
            return receipt_of(self._steps[job.steps[0]].intent, outcome.result, exchange)
        error = error_of(outcome.refusal, now=datetime.now(UTC), free_at=outcome.free_at)
        if is_method_closed(outcome.refusal) and isinstance(error, Throttled):
            self._closed[job.command.method] = error.until
        if isinstance(error, KeyExpired):
            error = Transient(str(error))
        return _told(error, exchange)

    def _give_back(self, waiting: deque[tuple[int, ...]], failure: CrmError) -> None:
        """After a request that failed as a whole nothing more is sent: it would go the same way."""
        while waiting:
            steps = waiting.popleft()
            self._refuse(steps, _unsent(failure))

    # Recordings

    async def _send_recordings(self) -> None:
        waiting = [
            index
            for index, step in enumerate(self._steps)
            if index not in self._answers and isinstance(step.intent, AttachRecording)
        ]
        for start in range(0, len(waiting), LARGEST_OF_RECORDINGS):
            await self._send_some_recordings(waiting[start : start + LARGEST_OF_RECORDINGS])

    async def _send_some_recordings(self, indexes: list[int]) -> None:
        files = {index: file for index in indexes if (file := await self._file(index)) is not None}
        commands = {f"r{index}": self._attach(index, file) for index, file in files.items()}
        if not commands:
            return
        outcomes = await self._batch(commands, Priority.RECORDING)
        async with asyncio.TaskGroup() as group:
            for index, file in files.items():
                outcome = outcomes if isinstance(outcomes, CrmError) else outcomes[f"r{index}"]
                group.create_task(self._hand_over(index, file, commands[f"r{index}"], outcome))

    async def _file(self, index: int) -> RecordingFile | None:
        """The file to send; None when the step is settled without one."""
        intent = self._steps[index].intent
        if not isinstance(intent, AttachRecording):
            raise TypeError(f"{intent} has no recording")
        try:
            self._check_order(index, self._call_ids.get(intent.record))
            if isinstance(finish := self._answer_to(intent.record, FinishCall), CrmError):
                raise NotReached(f"The call is not finished: {finish}")
            found = await self._recordings.fetch(intent)
        except CrmError as error:
            self._answers[index] = error
            return None
        except OSError as error:
            self._answers[index] = Transient(f"The recording cannot be read: {error}")
            return None
        match found:
            case NotYet():
                self._answers[index] = Throttled(f"The recording is not ready: {found.reason}", until=found.until)
            case Absent():
                self._answers[index] = nothing_recorded(found)
            case _ if refusal := refusal_of(found):
                self._answers[index] = refusal
            case _:
                return found
        return None

    def _attach(self, index: int, file: RecordingFile) -> Command:
        link = None
        if self._settings.recordings is RecordingMode.LINK:
            # Without an address of ours that the portal can reach, the file is sent instead.
            link = file.link(datetime.now(UTC) + self._settings.link_life)
        return attach(file, self._call_ids[self._record(index)], link)

    async def _hand_over(self, index: int, file: RecordingFile, command: Command, outcome: Outcome | CrmError) -> None:
        exchange = self._story(command, outcome)
        job = Job(steps=(index,), command=command)
        answer = self._read(job, outcome, exchange)
        if isinstance(answer, NotFinished):
            answer = self._given_up(index, answer)
        elif isinstance(answer, Receipt) and isinstance(outcome, Outcome):
            offered = "RECORD_URL" not in command.params
            answer = (
                await upload(self._rest, file, outcome.result, exchange)
                if offered
                else attached(outcome.result, exchange)
            )
        self._answers[index] = answer

    def _given_up(self, index: int, error: NotFinished) -> CrmError:
        intent = self._steps[index].intent
        if isinstance(intent, AttachRecording) and datetime.now(UTC) - intent.started > LONGEST_UNFINISHED:
            return Rejected(f"The call was never finished. {error}", exchange=error.exchange)
        return error

    # Common

    async def _batch(self, commands: Mapping[str, Command], priority: Priority) -> dict[str, Outcome] | CrmError:
        try:
            return await self._rest.batch(commands, priority=priority)
        except Rejected as error:
            # A whole batch that is refused says nothing about any of its calls: none is given up for it.
            return Transient(str(error))
        except CrmError as error:
            return error

    def _settle(self, index: int, receipt: Receipt) -> None:
        self._answers[index] = receipt
        if call_id := receipt.facts.get("call_id"):
            self._call_ids[self._record(index)] = call_id

    def _refuse(self, steps: tuple[int, ...], error: CrmError) -> None:
        for index in steps:
            self._answers[index] = error
            if isinstance(self._steps[index].intent, ShowCard | HideCard):
                self._cards_broken.add(self._record(index))

    def _answer_to(self, record: RecordKey, kind: type) -> Result | None:
        for index, answer in self._answers.items():
            if self._record(index) == record and isinstance(self._steps[index].intent, kind):
                return answer
        return None

    def _record(self, index: int) -> RecordKey:
        return self._steps[index].intent.record

    def _priority(self, index: int) -> Priority:
        return self._steps[index].intent.priority

    def _story(self, command: Command, outcome: Outcome | CrmError) -> Exchange:
        if isinstance(outcome, CrmError):
            answered = str(outcome)
        elif outcome.refusal:
            answered = str(outcome.refusal)
        else:
            answered = _json(outcome.result) if outcome.reached else "nothing"
        return self._rest.door.story(f"{command.method} {_json(command.params)}", answered)


def _rank(priority: Priority) -> int:
    return priority.rank


def _told(error: CrmError, exchange: Exchange) -> CrmError:
    """The error with a step's own story: a batch that fails is one error for many steps."""
    match error:
        case Throttled():
            return Throttled(str(error), until=error.until, exchange=exchange)
        case Transient():
            return type(error)(str(error), exchange=exchange, maybe_done=error.maybe_done)
    return type(error)(str(error), exchange=exchange)


def _still_in_doubt(error: CrmError) -> CrmError:
    """The question could not be asked, so the doubt stays."""
    if isinstance(error, Transient):
        return Transient(f"Whether it was done could not be found out: {error}", maybe_done=True)
    return error


def _unsent(failure: CrmError) -> CrmError:
    if isinstance(failure, Throttled | Unauthorized):
        return failure
    return Transient(f"Not sent, as the request before it failed: {failure}")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
