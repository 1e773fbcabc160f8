"""Tasks for missed calls: one open task for a client, done when somebody has reached them.

Source: Bitrix24 REST docs, tasks.task.add, tasks.task.list, tasks.task.complete. A tag of ours holds the number, by
which its open task is found; before one is made it is looked for, so a step whose answer was lost may be repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ringbridge.crm.bitrix24.batch import Outcome
from ringbridge.crm.bitrix24.entities import PREFIXES, Entity, entities_in
from ringbridge.crm.bitrix24.knowledge import Knowledge
from ringbridge.crm.bitrix24.ledger import Ledger
from ringbridge.crm.bitrix24.sender import Sender, given_up
from ringbridge.crm.bitrix24.telephony import Command, as_list, as_map, text
from ringbridge.crm.contract import CrmError, Exchange, Receipt
from ringbridge.crm.customise import CANCELLED, Customise
from ringbridge.routing.intents import CloseTasks, MakeTask, Priority

LIST, ADD, COMPLETE = "tasks.task.list", "tasks.task.add", "tasks.task.complete"
COMPLETED = "5"
TASK_HOOK = "process_task_creation_params"
REACHED = "Not made: the client was reached meanwhile."
JOINED = "Not made: the client has an open task already."


@dataclass(slots=True, kw_only=True)
class Number:
    """One client's tasks, as the steps of this run go along."""

    open: list[str]
    steps: list[int] = field(default_factory=list)
    pending: int | None = None  # the step whose task is about to be made


class Tasks:
    """The stage of a run that makes and completes them."""

    def __init__(self, ledger: Ledger, sender: Sender, knowledge: Knowledge, customise: Customise) -> None:
        self._ledger = ledger
        self._sender = sender
        self._knowledge = knowledge
        self._customise = customise

    async def send(self) -> None:
        if not any(self._is_mine(index) for index in self._ledger.open()):
            return
        # Two missed calls of one client at once make one task.
        async with self._knowledge.tasks:
            numbers = await self._look_up()
            commands: dict[str, tuple[int, Command]] = {}
            for number in numbers.values():
                self._plan(number, commands)
            await self._carry_out(await self._customised(commands))

    def _is_mine(self, index: int) -> bool:
        return isinstance(self._ledger.intent(index), MakeTask | CloseTasks)

    def _number(self, index: int) -> str:
        intent = self._ledger.intent(index)
        return intent.number if isinstance(intent, MakeTask | CloseTasks) else ""

    async def _look_up(self) -> dict[str, Number]:
        """The open tasks of each number, and the steps that are about it."""
        steps: dict[str, list[int]] = {}
        for index in filter(self._is_mine, self._ledger.open()):
            try:
                self._ledger.check_reached(index)
            except CrmError as error:
                self._ledger.refuse(index, error)
            else:
                steps.setdefault(self._number(index), []).append(index)
        questions = {f"t{n}": find(number) for n, number in enumerate(steps)}
        outcomes = await self._sender.many(questions, Priority.FINISH) if questions else {}
        numbers: dict[str, Number] = {}
        for (key, command), (number, indexes) in zip(questions.items(), steps.items(), strict=True):
            outcome = outcomes[key]
            if failure := self._sender.failure(command, outcome):
                self._refuse(indexes, failure, outcome)
            elif isinstance(outcome, Outcome):
                numbers[number] = Number(open=open_tasks(outcome.result, number), steps=indexes)
        return numbers

    def _plan(self, number: Number, commands: dict[str, tuple[int, Command]]) -> None:
        """Go through the steps in their order; what is left to send is put among the commands."""
        for index in number.steps:
            intent = self._ledger.intent(index)
            if isinstance(intent, CloseTasks):
                if number.pending is not None:
                    commands.pop(f"m{number.pending}")
                    self._done(number.pending, {"note": REACHED})
                closes = {f"c{task}": (index, complete(task)) for task in number.open}
                commands |= closes
                number.open, number.pending = [], None
                if not closes:
                    self._done(index, {"tasks_closed": 0})
            elif isinstance(intent, MakeTask):
                if number.open or number.pending is not None:
                    self._done(index, {"note": JOINED, **({"task": number.open[0]} if number.open else {})})
                else:
                    number.pending = index
                    commands[f"m{index}"] = (index, self._make(intent))

    async def _customised(self, commands: Mapping[str, tuple[int, Command]]) -> dict[str, tuple[int, Command]]:
        """New tasks as the office's hooks want them. Our tag stays: by it the task is found again."""
        left: dict[str, tuple[int, Command]] = {}
        for key, (index, command) in commands.items():
            given = as_map(command.params.get("fields"))
            if command.method != ADD or not await self._customise.wants(TASK_HOOK):
                left[key] = (index, command)
            elif fields := await self._customise(TASK_HOOK, given, self._ledger.intent(index)):
                tags = list(dict.fromkeys((*given["TAGS"], *tags_in(fields.get("TAGS")))))
                left[key] = (index, Command(method=ADD, params={"fields": {**fields, "TAGS": tags}}))
            else:
                self._done(index, {"cancelled": TASK_HOOK, "note": CANCELLED})
        return left

    def _make(self, intent: MakeTask) -> Command:
        # The record was finished in the name of the client's owner, if there is one who works there.
        finished_by = text(self._ledger.fact(intent.record, "finished_by"))
        responsible = finished_by if intent.owner_first and finished_by else intent.responsible
        client = entities_in([self._ledger.fact(intent.record, "client")])
        made = (*entities_in(self._ledger.fact(intent.record, "created")), *self._made(intent))
        return make(intent, responsible, {(one.kind, one.id): one for one in (*client, *made)}.values())

    def _made(self, intent: MakeTask) -> tuple[Entity, ...]:
        return entities_in(self._ledger.fact(intent.record, "made"))

    async def _carry_out(self, planned: Mapping[str, tuple[int, Command]]) -> None:
        if not planned:
            return
        commands = {key: command for key, (_, command) in planned.items()}
        outcomes = await self._sender.many(commands, Priority.FINISH)
        for index in dict.fromkeys(index for index, _ in planned.values()):
            keys = [key for key, (owner, _) in planned.items() if owner == index]
            failed = next((key for key in keys if self._sender.failure(commands[key], outcomes[key])), None)
            shown = failed or keys[-1]
            if failed and (failure := self._sender.failure(commands[failed], outcomes[failed])):
                self._refuse([index], failure, outcomes[failed])
            else:
                exchange = self._sender.story(commands[shown], outcomes[shown])
                self._done(index, self._facts(index, outcomes[shown], len(keys)), exchange)

    def _facts(self, index: int, outcome: Outcome | CrmError, count: int) -> dict[str, Any]:
        if isinstance(self._ledger.intent(index), CloseTasks):
            return {"tasks_closed": count}
        task = text(as_map(as_map(outcome.result).get("task")).get("id")) if isinstance(outcome, Outcome) else ""
        return {"task": task} if task else {}

    def _refuse(self, indexes: Iterable[int], failure: CrmError, outcome: Outcome | CrmError) -> None:
        for index in indexes:
            self._ledger.refuse(index, given_up(failure, outcome, scope="task"))

    def _done(self, index: int, facts: dict[str, Any], exchange: Exchange | None = None) -> None:
        self._ledger.settle(index, Receipt(facts=facts, exchange=exchange))


def tag_of(number: str) -> str:
    return f"ringbridge {number}"


def find(number: str) -> Command:
    params = {
        "filter": {"TAG": tag_of(number), "!STATUS": COMPLETED},
        "select": ["ID", "STATUS", "TAGS"],
        "order": {"ID": "DESC"},
    }
    return Command(method=LIST, params=params)


def make(intent: MakeTask, responsible: str, clients: Iterable[Entity]) -> Command:
    fields: dict[str, Any] = {
        "TITLE": intent.title or f"Call back {intent.number}",
        "DESCRIPTION": intent.text,
        "DEADLINE": intent.deadline.isoformat(timespec="seconds"),
        "RESPONSIBLE_ID": responsible,
        "TAGS": [tag_of(intent.number)],
    }
    if bound := [f"{PREFIXES[one.kind]}_{one.id}" for one in clients]:
        fields["UF_CRM_TASK"] = bound
    return Command(method=ADD, params={"fields": fields})


def complete(task: str) -> Command:
    return Command(method=COMPLETE, params={"taskId": task})


def open_tasks(result: Any, number: str) -> list[str]:
    """Ids. A portal drops filters that it does not know silently, so rows are checked: no task of somebody else's
    shall be completed."""
    rows = map(as_map, as_list(as_map(result).get("tasks")))
    return [
        text(row.get("id"))
        for row in rows
        if text(row.get("id")) and text(row.get("status")) != COMPLETED and tag_of(number) in tags_in(row.get("tags"))
    ]


def tags_in(value: Any) -> list[str]:
    """Tags come as texts, or as rows with a title."""
    return [text(as_map(tag).get("title")) if isinstance(tag, dict) else text(tag) for tag in as_list(value)]
