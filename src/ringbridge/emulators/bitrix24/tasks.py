"""tasks.task.*: what somebody shall do, such as calling back.

Source: Bitrix24 REST docs, `tasks.task.add`, `get`, `update`, `list`, `complete`. Fields go in in upper case and come
out in camelCase. How tags come out is not documented: `task_tags_as_rows` switches it.
"""

from __future__ import annotations

from typing import Any

from ringbridge.emulators.bitrix24.listing import select_rows, sort_rows
from ringbridge.emulators.bitrix24.refusals import Refusal, missing_parameter
from ringbridge.emulators.bitrix24.request import Method, Page, Request
from ringbridge.emulators.bitrix24.wire import Params, many, mapping, text, whole

_WAITING, _COMPLETED = "2", "5"
_TEXTS = ("TITLE", "DESCRIPTION", "DEADLINE", "PRIORITY", "GROUP_ID", "PARENT_ID", "START_DATE_PLAN", "END_DATE_PLAN",
          "RESPONSIBLE_ID", "CREATED_BY", "STATUS")  # fmt: skip
_LISTS = ("ACCOMPLICES", "AUDITORS", "TAGS", "UF_CRM_TASK")

_ONLY_IN_FILTERS = ("TAG", "REAL_STATUS")


async def add(request: Request) -> Params:
    fields = _fields(request)
    responsible = whole(fields.get("RESPONSIBLE_ID"))
    if not text(fields.get("TITLE")).strip():
        raise Refusal("ERROR_CORE", "Task title is not specified<br>")
    if not responsible:
        raise Refusal("ERROR_CORE", "Responsible person is not specified<br>")
    _check_responsible(request, responsible)
    portal = request.portal
    number = max(portal.tasks, default=0) + 1
    now = portal.local(portal.clock())
    portal.tasks[number] = {
        "ID": str(number),
        "DESCRIPTION": "",
        "PRIORITY": "1",
        "STATUS": _WAITING,
        "DEADLINE": None,
        "GROUP_ID": "0",
        "PARENT_ID": None,
        "CREATED_BY": str(request.caller.user_id),
        "CREATED_DATE": now,
        "CHANGED_DATE": now,
        "CLOSED_DATE": None,
        **_written(fields),
    }
    portal.emit("ONTASKADD", {"FIELDS_AFTER": {"ID": number}}, user_id=request.caller.user_id)
    return {"task": _camel(request, portal.tasks[number])}


def _fields(request: Request) -> Params:
    if "fields" not in request.params:
        raise missing_parameter("fields")
    return mapping(request.params["fields"])


def _check_responsible(request: Request, user_id: int) -> None:
    if request.portal.staff.active(user_id) is None:
        raise Refusal("ERROR_CORE", 'User specified in the "Responsible" field not found')


def _written(fields: Params) -> Params:
    written: Params = {name: text(fields[name]) for name in _TEXTS if name in fields}
    return written | {name: [text(one) for one in many(fields[name])] for name in _LISTS if name in fields}


async def get(request: Request) -> Params:
    return {"task": _camel(request, _task(request))}


async def update(request: Request) -> Params:
    task, fields = _task(request), _fields(request)
    if "RESPONSIBLE_ID" in fields:
        _check_responsible(request, whole(fields["RESPONSIBLE_ID"]))
    return _change(request, task, _written(fields))


async def complete(request: Request) -> Params:
    closed = request.portal.local(request.portal.clock())
    return _change(request, _task(request), {"STATUS": _COMPLETED, "CLOSED_DATE": closed})


def _change(request: Request, task: Params, changes: Params) -> Params:
    task |= changes | {"CHANGED_DATE": request.portal.local(request.portal.clock())}
    request.portal.emit("ONTASKUPDATE", {"FIELDS_AFTER": {"ID": whole(task["ID"])}}, user_id=request.caller.user_id)
    return {"task": _camel(request, task)}


def _task(request: Request) -> Params:
    if "taskId" not in request.params:
        raise missing_parameter("taskId")
    task = request.portal.tasks.get(request.whole("taskId"))
    if task is None:
        raise Refusal("ERROR_CORE", "Task not found or access denied")
    return task


async def list_rows(request: Request) -> Page:
    every: list[Any] = [_searchable(task) for task in request.portal.tasks.values()]
    names = ["ID", *_TEXTS, *_LISTS, *_ONLY_IN_FILTERS, "CREATED_DATE", "CHANGED_DATE", "CLOSED_DATE"]
    rows: list[Any] = select_rows(every, request.params.get("filter"), fields=names)
    rows = sort_rows(rows, request.params.get("order") or {"ID": "ASC"}, fields=names)
    page = Page.cut(rows, whole(request.params.get("start")))
    shown = [_camel(request, {n: v for n, v in row.items() if n not in _ONLY_IN_FILTERS}) for row in page.rows]
    return Page(rows={"tasks": shown}, total=page.total, next=page.next)


def _searchable(task: Params) -> Params:
    return {**task, "TAG": task.get("TAGS", []), "REAL_STATUS": task["STATUS"]}


def _camel(request: Request, task: Params) -> Params:
    shown = {_camel_name(name): value for name, value in task.items()}
    if request.portal.settings.task_tags_as_rows and "tags" in shown:
        shown["tags"] = {str(n): {"id": n, "title": tag} for n, tag in enumerate(shown["tags"], start=1)}
    shown["creator"] = _person(request, whole(task["CREATED_BY"]))
    shown["responsible"] = _person(request, whole(task["RESPONSIBLE_ID"]))
    return shown


def _camel_name(name: str) -> str:
    first, *rest = name.lower().split("_")
    return first + "".join(part.capitalize() for part in rest)


def _person(request: Request, user_id: int) -> Params:
    user = request.portal.user(user_id)
    return {
        "id": str(user_id),
        "name": request.portal.user_name(user_id),
        "link": f"/company/personal/user/{user_id}/",
        "icon": "",
        "workPosition": user.position if user else "",
    }


_SCOPE = ("task",)

METHODS = (
    Method(name="tasks.task.add", run=add, scopes=_SCOPE),
    Method(name="tasks.task.get", run=get, scopes=_SCOPE),
    Method(name="tasks.task.update", run=update, scopes=_SCOPE),
    Method(name="tasks.task.complete", run=complete, scopes=_SCOPE),
    Method(name="tasks.task.list", run=list_rows, scopes=_SCOPE),
)
