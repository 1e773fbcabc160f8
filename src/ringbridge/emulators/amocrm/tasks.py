"""/api/v4/tasks. Source: amoCRM API v4, "Tasks"."""

from __future__ import annotations

from typing import Any

from ringbridge.emulators.amocrm.account import Account, Row
from ringbridge.emulators.amocrm.entities import Kind
from ringbridge.emulators.amocrm.history import EventType
from ringbridge.emulators.amocrm.listing import fits, ordered
from ringbridge.emulators.amocrm.making import user_rule
from ringbridge.emulators.amocrm.problems import Violation, missing, not_a_choice
from ringbridge.emulators.amocrm.request import Answer, Endpoint, Request, absent
from ringbridge.emulators.amocrm.validation import Rule, anything, flag, item, one_of, text, whole
from ringbridge.emulators.amocrm.webhooks import tell

TYPES = ({"id": 1, "name": "Связаться", "color": None, "icon_id": None, "code": "FOLLOW_UP"},
         {"id": 2, "name": "Встреча", "color": None, "icon_id": None, "code": "MEETING"})  # fmt: skip
_FILTERS = {
    "id": "id", "created_by": "created_by", "responsible_user_id": "responsible_user_id",
    "is_completed": "is_completed", "task_type": "task_type_id", "task_type_id": "task_type_id",
    "entity_type": "entity_type", "entity_id": "entity_id", "updated_at": "updated_at",
}  # fmt: skip
_CHANGED = ("text", "complete_till", "task_type_id", "duration", "responsible_user_id", "entity_id", "entity_type")


def _rule(account: Account, *, strict: bool, update: bool) -> Rule:
    known = user_rule(account)
    fields: dict[str, Rule] = {
        "text": text(blank=False),
        "complete_till": whole(least=1),
        "entity_id": whole(least=1),
        "entity_type": one_of([kind.value for kind in Kind]),
        "responsible_user_id": known,
        "task_type_id": one_of([one["id"] for one in TYPES]),
        "duration": whole(),
        "created_by": known,
        "updated_by": known,
        "created_at": whole(),
        "updated_at": whole(),
        "is_completed": flag,
        "result": item({"text": text()}, required=("text",), strict=strict),
        "request_id": anything,
    }
    if update:
        fields["id"] = whole(least=1)
    shape = item(fields, required=() if update else ("text", "complete_till"), strict=strict)
    return lambda given: shape(given) or _place(account, given)


def _place(account: Account, given: Row) -> list[Violation]:
    """A task hangs on an entity that is there, or on none."""
    if "entity_id" not in given:
        return []
    if "entity_type" not in given:
        return [missing("entity_type")]
    there = account.entities.get(Kind(given["entity_type"]), given["entity_id"])
    return [] if there else [not_a_choice("entity_id")]


def create(request: Request) -> Answer:
    account, at = request.account, request.account.now()
    made = []
    for given in request.items(_rule(account, strict=request.strict, update=False)):
        task: Row = {
            "id": account.next_id(),
            "created_by": given.get("created_by", request.user.id),
            "updated_by": given.get("updated_by", request.user.id),
            "created_at": given.get("created_at", at),
            "updated_at": at,
            "responsible_user_id": given.get("responsible_user_id", request.user.id),
            "group_id": 0,
            "entity_id": given.get("entity_id"),
            "entity_type": given.get("entity_type"),
            "duration": given.get("duration", 0),
            "is_completed": given.get("is_completed", False),
            "task_type_id": given.get("task_type_id", 1),
            "text": given["text"],
            "result": given.get("result", []),
            "complete_till": given["complete_till"],
            "account_id": account.id,
        }
        account.tasks[task["id"]] = task
        _told(request, "add_task", task)
        account.note_event(EventType.TASK_ADDED, ("task", task["id"]), task["created_by"])
        made.append({"id": task["id"], "request_id": given["request_id"], "_links": _href(request, task)})
    return request.made("tasks", made)


def update_many(request: Request) -> Answer:
    account = request.account
    shape = _rule(account, strict=request.strict, update=True)
    there = one_of(lambda number: number in account.tasks)

    def rule(given: Any) -> list[Violation]:
        return shape(given) or [one.under("id") for one in there(given.get("id"))]

    items = request.items(rule)
    rows = [
        _update(request, account.tasks[given["id"]], given) | {"request_id": given["request_id"]} for given in items
    ]
    return request.made("tasks", rows)


def update_one(request: Request) -> Answer:
    task = _known(request)
    return Answer(body=_update(request, task, request.item(_rule(request.account, strict=request.strict, update=True))))


def _update(request: Request, task: Row, given: Row) -> Row:
    completed = bool(given.get("is_completed")) and not task["is_completed"]
    task |= {name: given[name] for name in (*_CHANGED, "is_completed", "result") if name in given}
    task |= {"updated_at": request.account.now(), "updated_by": request.user.id}
    _told(request, "update_task", task)
    if completed:
        request.account.note_event(EventType.TASK_COMPLETED, ("task", task["id"]), request.user.id)
    return {"id": task["id"], "updated_at": task["updated_at"], "_links": _href(request, task)}


def _told(request: Request, event: str, task: Row) -> None:
    row = {name: value for name, value in task.items() if name != "result"}
    row |= {"element_id": task["entity_id"], "status": int(task["is_completed"])}
    tell(request.account, event, "task", row, request.caller)


def _known(request: Request) -> Row:
    task = request.account.tasks.get(request.parts["id"])
    if task is None:
        raise absent(request.account)
    return task


def _href(request: Request, task: Row) -> Row:
    return request.href(f"/api/v4/tasks/{task['id']}")


def one(request: Request) -> Answer:
    task = _known(request)
    return Answer(body=task | {"_links": _href(request, task)})


def listed(request: Request) -> Answer:
    tasks = [one for one in request.account.tasks.values() if fits(one, request.filter, _FILTERS)]
    rows = [one | {"_links": _href(request, one)} for one in tasks]
    return request.page("tasks", ordered(rows, request.query.get("order"), ("created_at", "complete_till", "id")))


ENDPOINTS = (
    Endpoint(path="/api/v4/tasks/{id:int}", handlers={"GET": one, "PATCH": update_one}),
    Endpoint(path="/api/v4/tasks", handlers={"GET": listed, "POST": create, "PATCH": update_many}),
)
