"""Tasks for missed calls: one open task for a client, done when somebody has reached them.

Source: amoCRM API v4, "Tasks". A task has no key of ours, so the client's number stands in the last line of its text:
by that our open tasks are found again. They are listed once and remembered from then on, so that a call for which
there is no task costs no request.
"""

from __future__ import annotations

from typing import Any

from ringbridge.crm.amocrm.entities import entity_in
from ringbridge.crm.amocrm.errors import with_story
from ringbridge.crm.amocrm.knowledge import Knowledge
from ringbridge.crm.amocrm.ledger import Ledger
from ringbridge.crm.amocrm.rest import API, Rest, Row
from ringbridge.crm.amocrm.values import as_map, text, whole, written
from ringbridge.crm.contract import CrmError, Receipt, Rejected
from ringbridge.crm.customise import CANCELLED, Customise
from ringbridge.routing.intents import CloseTasks, MakeTask, Priority

TASKS = f"{API}/tasks"
HOOK = "process_task_creation_params"
MARK = "☎"
CALL_BACK = 1  # the usual type, "call"
REACHED = "Not made: the client was reached meanwhile."
JOINED = "Not made: the client has an open task already."


class Tasks:
    """The stage of a run that makes and completes them."""

    def __init__(self, ledger: Ledger, rest: Rest, knowledge: Knowledge, customise: Customise) -> None:
        self._ledger = ledger
        self._rest = rest
        self._knowledge = knowledge
        self._customise = customise

    async def send(self) -> None:
        mine = self._ledger.ready(MakeTask, CloseTasks)
        if not mine:
            return
        async with self._knowledge.tasks:
            try:
                if self._knowledge.open_tasks is None or any(self._is_in_doubt(index) for index in mine):
                    await self._list(self._ledger.urgency(mine))
                for index in mine:
                    await self._carry_out(index, mine)
            except CrmError as error:
                for index in mine:
                    if not self._ledger.is_answered(index):
                        self._ledger.put(index, with_story(error, error.exchange))

    def _is_in_doubt(self, index: int) -> bool:
        return self._ledger.step(index).uncertain

    async def _list(self, priority: Priority) -> None:
        """Every open task that carries our mark."""
        if self._knowledge.user is None:
            account = as_map(await self._rest.get(f"{API}/account", priority=priority))
            self._knowledge.user = whole(account.get("current_user_id"))
        asked: list[tuple[str, str | int]] = [("filter[is_completed]", 0)]
        if self._knowledge.user:
            asked.append(("filter[created_by]", self._knowledge.user))
        found: dict[str, list[int]] = {}
        async for rows in self._rest.pages(TASKS, "tasks", asked, priority=priority):
            for row in rows:
                number, marked = whole(row.get("id")), marked_in(text(row.get("text")))
                # An account may ignore filters: no task of somebody else's shall be completed.
                if number and marked and row.get("is_completed") is not True:
                    found.setdefault(self._knowledge.digits(marked), []).append(number)
        self._knowledge.open_tasks = found

    async def _carry_out(self, index: int, among: list[int]) -> None:
        intent = self._ledger.intent(index)
        known = self._knowledge.open_tasks
        if known is None or not isinstance(intent, MakeTask | CloseTasks):
            return
        number = self._knowledge.digits(intent.number)
        if isinstance(intent, CloseTasks):
            await self._close(index, number, known)
        elif self._is_reached_later(index, number, among):
            self._ledger.put(index, Receipt(facts={"note": REACHED}))
        elif task := await self._still_open(number, known):
            self._ledger.put(index, Receipt(facts={"note": JOINED, "task": task}))
        else:
            await self._make(index, intent, number, known)

    def _is_reached_later(self, index: int, number: str, among: list[int]) -> bool:
        later = (self._ledger.intent(one) for one in among if one > index)
        return any(isinstance(one, CloseTasks) and self._knowledge.digits(one.number) == number for one in later)

    async def _still_open(self, number: str, known: dict[str, list[int]]) -> int | None:
        """A task that is remembered as open; employees complete them by hand, too."""
        for task in list(known.get(number, ())):
            row = as_map(await self._rest.get(f"{TASKS}/{task}", priority=Priority.FINISH))
            if whole(row.get("id")) == task and row.get("is_completed") is not True:
                return task
            known[number].remove(task)
        return None

    async def _make(self, index: int, intent: MakeTask, number: str, known: dict[str, list[int]]) -> None:
        facts = self._ledger.facts(intent.record)
        # The record was finished in the name of the client's owner, if there is one who works there.
        responsible = text(facts.get("user")) if intent.owner_first and facts.get("user") else intent.responsible
        item = await self._wanted(intent, task_item(intent, responsible, facts.get("entity")))
        if item is None:
            self._ledger.put(index, Receipt(facts={"cancelled": HOOK, "note": CANCELLED}))
            return
        answer = await self._post(item)
        if isinstance(answer, Rejected):
            # An employee or an entity that is gone: the task itself matters more.
            answer = await self._post(task_item(intent, "", None))
        sent = f"POST {TASKS} {written(item)}"
        if isinstance(answer, CrmError):
            self._ledger.put(index, with_story(answer, self._rest.door.story(sent, str(answer))))
            return
        task = whole(answer.get("id"))
        if task:
            known.setdefault(number, []).append(task)
        self._ledger.put(index, Receipt(facts={"task": task}, exchange=self._rest.door.story(sent, written(answer))))

    async def _wanted(self, intent: MakeTask, item: dict[str, Any]) -> dict[str, Any] | None:
        """As the office's hooks want it. Our mark stays: by it the task is found again."""
        if not await self._customise.wants(HOOK):
            return item
        found = await self._customise(HOOK, item, intent)
        if not found:
            return None
        words, mark = text(found.get("text")), mark_of(intent.number)
        return {**found, "text": words if marked_in(words) == intent.number else f"{words}\n{mark}"}

    async def _post(self, item: Row) -> Row | CrmError:
        return (await self._rest.post_many(TASKS, "tasks", {"0": item}, priority=Priority.FINISH))["0"]

    async def _close(self, index: int, number: str, known: dict[str, list[int]]) -> None:
        tasks = list(known.get(number, ()))
        sent, answered = [], []
        for task in tasks:
            body = {"is_completed": True, "result": {"text": "☎ ✓"}}
            sent.append(f"PATCH {TASKS}/{task}")
            try:
                answered.append(
                    written((await self._rest.call("PATCH", f"{TASKS}/{task}", body, priority=Priority.FINISH)).body)
                )
            except Rejected as error:
                answered.append(str(error))  # deleted meanwhile: there is nothing to complete
            known[number].remove(task)
        known.pop(number, None)
        story = self._rest.door.story("\n".join(sent), "\n".join(answered)) if sent else None
        self._ledger.put(index, Receipt(facts={"tasks_closed": len(tasks)}, exchange=story))


def task_item(intent: MakeTask, responsible: str, entity: Any) -> dict[str, Any]:
    words = "\n".join(part for part in (intent.title or f"Call back {intent.number}", intent.text) if part)
    item: dict[str, Any] = {
        "text": f"{words}\n{mark_of(intent.number)}",
        "complete_till": int(intent.deadline.timestamp()),
        "task_type_id": CALL_BACK,
    }
    if user := whole(responsible):
        item["responsible_user_id"] = user
    if place := entity_in(entity):
        item |= {"entity_id": place.id, "entity_type": place.kind.path}
    return item


def mark_of(number: str) -> str:
    return f"{MARK} {number}"


def marked_in(words: str) -> str:
    """The number in the last line of a task of ours; empty for anybody else's."""
    last = words.rstrip().rpartition("\n")[2].strip()
    return last.removeprefix(MARK).strip() if last.startswith(MARK) else ""
