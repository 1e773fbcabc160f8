"""crm.activity.*: reading what calls left behind, and adding to it.

Source: Bitrix24 REST docs, `crm.activity.add`, `get`, `list`, `update`, `delete`, `crm.activity.binding.*`,
`crm.activity.todo.add`.
"""

from __future__ import annotations

from typing import Any

from ringbridge.emulators.bitrix24.crm import BAD_ID, fields_of, id_of, pick, refusal
from ringbridge.emulators.bitrix24.fields import KINDS
from ringbridge.emulators.bitrix24.listing import select_rows, sort_rows
from ringbridge.emulators.bitrix24.refusals import Refusal, missing_parameter
from ringbridge.emulators.bitrix24.request import Method, Page, Request
from ringbridge.emulators.bitrix24.wire import Params, many, mapping, parse_date, text, whole

_TASK = 3
_ONE_CONTACT = {1: "meeting", 2: "call"}
_HIDDEN = ("COMMUNICATIONS", "BINDINGS")  # not in get and list unless selected
_WRITABLE = (
    "SUBJECT", "START_TIME", "END_TIME", "DEADLINE", "COMPLETED", "RESPONSIBLE_ID", "PRIORITY", "NOTIFY_TYPE",
    "NOTIFY_VALUE", "DESCRIPTION", "DESCRIPTION_TYPE", "DIRECTION", "LOCATION", "SETTINGS", "ORIGINATOR_ID",
    "ORIGIN_ID", "PROVIDER_PARAMS", "PROVIDER_DATA", "PROVIDER_ID", "PROVIDER_TYPE_ID", "RESULT_MARK",
    "RESULT_VALUE", "RESULT_STREAM",
)  # fmt: skip
_EMPTY: Params = {
    "PROVIDER_ID": "", "PROVIDER_TYPE_ID": "", "PROVIDER_GROUP_ID": None, "ASSOCIATED_ENTITY_ID": "0",
    "START_TIME": None, "END_TIME": None, "DEADLINE": None, "COMPLETED": "N", "STATUS": "1", "PRIORITY": "2",
    "NOTIFY_TYPE": "0", "NOTIFY_VALUE": "0", "DESCRIPTION": "", "DESCRIPTION_TYPE": "1", "DIRECTION": "0",
    "LOCATION": "", "SETTINGS": {}, "ORIGINATOR_ID": None, "ORIGIN_ID": None, "PROVIDER_PARAMS": {},
    "PROVIDER_DATA": None, "RESULT_MARK": "0", "RESULT_VALUE": None, "RESULT_STREAM": "0", "AUTOCOMPLETE_RULE": "0",
    "STORAGE_ELEMENT_IDS": [], "FILES": [],
}  # fmt: skip


async def add(request: Request) -> int:
    """A new activity for one owner; tasks are not made this way."""
    fields = fields_of(request)
    kind, owner_type, owner = (whole(fields.get(name)) for name in ("TYPE_ID", "OWNER_TYPE_ID", "OWNER_ID"))
    communications = [mapping(one) for one in many(fields.get("COMMUNICATIONS"))]
    _check(fields, kind, communications)
    if not _exists(request, owner_type, owner):
        raise refusal("Could not build binding. Please ensure that owner info and communications are defined correctly")
    row = {**_EMPTY, **_written(fields), **_stamps(request)}
    row |= {
        "TYPE_ID": str(kind),
        "OWNER_TYPE_ID": str(owner_type),
        "OWNER_ID": str(owner),
        "AUTHOR_ID": str(request.caller.user_id),
        "CREATED": row["LAST_UPDATED"],
        "COMMUNICATIONS": communications,
        "BINDINGS": [{"OWNER_TYPE_ID": str(owner_type), "OWNER_ID": str(owner)}],
    }
    number = request.portal.activities.add(row)
    _tell(request, "ADD", number)
    return number


def _check(fields: Params, kind: int, communications: list[Params]) -> None:
    if not text(fields.get("SUBJECT")):
        raise refusal("The field SUBJECT is not defined or empty")
    if whole(fields.get("RESPONSIBLE_ID")) <= 0:
        raise refusal("The field RESPONSIBLE_ID is not defined or invalid")
    if kind <= 0 or kind == _TASK:
        raise refusal("The field TYPE_ID is not defined or invalid")
    if not communications:
        raise refusal("The field COMMUNICATIONS is not defined or invalid")
    if kind in _ONE_CONTACT and len(communications) > 1:
        raise refusal("The only one communication is allowed for activity of specified type")


def _written(fields: Params) -> Params:
    written = {
        name: value if isinstance(value, list | dict) else text(value)
        for name, value in pick(fields, list(_WRITABLE)).items()
    }
    if "COMPLETED" in written:
        written["STATUS"] = "2" if written["COMPLETED"] == "Y" else "1"
    return written


def _stamps(request: Request) -> Params:
    now = request.portal.local(request.portal.clock())
    return {"LAST_UPDATED": now, "EDITOR_ID": str(request.caller.user_id)}


def _exists(request: Request, kind: int, number: int) -> bool:
    return kind in KINDS and number in request.portal.clients.rows[KINDS[kind]]


def _tell(request: Request, what: str, number: int) -> None:
    request.portal.emit(f"ONCRMACTIVITY{what}", {"FIELDS": {"ID": number}}, user_id=request.caller.user_id)


async def get(request: Request) -> Params:
    return {name: value for name, value in _row(request).items() if name not in _HIDDEN}


async def list_rows(request: Request) -> Page:
    every: list[Any] = list(request.portal.activities.rows.values())
    names = ["ID", "TYPE_ID", "OWNER_TYPE_ID", "OWNER_ID", "AUTHOR_ID", "EDITOR_ID", "CREATED", "LAST_UPDATED", *_EMPTY]
    names = [*names, "SUBJECT", "RESPONSIBLE_ID"]
    rows: list[Any] = select_rows(every, request.params.get("filter"), fields=names)
    rows = sort_rows(rows, request.params.get("order") or {"ID": "ASC"}, fields=names)
    wanted = [text(name) for name in many(request.params.get("select")) if text(name) not in {"", "*"}]
    if "*" in many(request.params.get("select")) or not wanted:
        wanted += names
    page = Page.cut(rows, whole(request.params.get("start")))
    return Page(rows=[pick(row, wanted) for row in page.rows], total=page.total, next=page.next)


async def update(request: Request) -> bool:
    row = _row(request)
    row |= _written(fields_of(request)) | _stamps(request)
    _tell(request, "UPDATE", whole(row["ID"]))
    return True


async def delete(request: Request) -> bool:
    number = whole(_row(request)["ID"])
    del request.portal.activities.rows[number]
    _tell(request, "DELETE", number)
    return True


def _row(request: Request) -> Params:
    row = request.portal.activities.rows.get(id_of(request))
    if row is None:
        raise refusal(BAD_ID)
    return row


async def binding_add(request: Request) -> bool:
    row, binding = _bound(request)
    if binding in row["BINDINGS"]:
        raise Refusal("ACTIVITY_IS_ALREADY_BOUND", "Activity is already bound to this entity")
    row["BINDINGS"].append(binding)
    return True


async def binding_list(request: Request) -> Any:
    row = _activity(request)
    return [
        {"entityTypeId": whole(one["OWNER_TYPE_ID"]), "entityId": whole(one["OWNER_ID"])} for one in row["BINDINGS"]
    ]


async def binding_delete(request: Request) -> bool:
    row, binding = _bound(request)
    if binding not in row["BINDINGS"]:
        raise Refusal("NOT_FOUND", "Binding not found")
    row["BINDINGS"].remove(binding)
    if row["BINDINGS"] and (row["OWNER_TYPE_ID"], row["OWNER_ID"]) == tuple(binding.values()):
        row |= row["BINDINGS"][0]  # the next one owns it
    return True


def _activity(request: Request) -> Params:
    if "activityId" not in request.params:
        raise missing_parameter("activityId")
    row = request.portal.activities.rows.get(request.whole("activityId"))
    if row is None:
        raise Refusal("NOT_FOUND", "Activity not found")
    return row


def _bound(request: Request) -> tuple[Params, Params]:
    row = _activity(request)
    for name in ("entityTypeId", "entityId"):
        if name not in request.params:
            raise missing_parameter(name)
    kind, number = request.whole("entityTypeId"), request.whole("entityId")
    if not _exists(request, kind, number):
        raise Refusal("OWNER_NOT_FOUND", "Owner not found")
    return row, {"OWNER_TYPE_ID": str(kind), "OWNER_ID": str(number)}


async def todo_add(request: Request) -> Params:
    """A universal to-do on a client's timeline."""
    for name in ("ownerTypeId", "ownerId", "deadline"):
        if name not in request.params:
            raise missing_parameter(name)
    kind, owner = request.whole("ownerTypeId"), request.whole("ownerId")
    if not _exists(request, kind, owner):
        raise Refusal("OWNER_NOT_FOUND", "Owner not found")
    if parse_date(request.text("deadline")) is None:
        raise Refusal("WRONG_DATETIME_FORMAT", "Wrong datetime format")
    responsible = request.whole("responsibleId") or request.caller.user_id
    row = {
        **_EMPTY,
        **_stamps(request),
        "TYPE_ID": "6",
        "PROVIDER_ID": "CRM_TODO",
        "PROVIDER_TYPE_ID": "TODO",
        "SUBJECT": request.text("title") or "To do",
        "DESCRIPTION": request.text("description"),
        "DEADLINE": request.text("deadline"),
        "RESPONSIBLE_ID": str(responsible),
        "AUTHOR_ID": str(request.caller.user_id),
        "OWNER_TYPE_ID": str(kind),
        "OWNER_ID": str(owner),
        "COMMUNICATIONS": [],
        "BINDINGS": [{"OWNER_TYPE_ID": str(kind), "OWNER_ID": str(owner)}],
    }
    number = request.portal.activities.add({**row, "CREATED": row["LAST_UPDATED"]})
    _tell(request, "ADD", number)
    return {"id": number}


_SCOPE = ("crm",)

METHODS = (
    Method(name="crm.activity.add", run=add, scopes=_SCOPE),
    Method(name="crm.activity.get", run=get, scopes=_SCOPE),
    Method(name="crm.activity.list", run=list_rows, scopes=_SCOPE),
    Method(name="crm.activity.update", run=update, scopes=_SCOPE),
    Method(name="crm.activity.delete", run=delete, scopes=_SCOPE),
    Method(name="crm.activity.binding.add", run=binding_add, scopes=_SCOPE),
    Method(name="crm.activity.binding.list", run=binding_list, scopes=_SCOPE),
    Method(name="crm.activity.binding.delete", run=binding_delete, scopes=_SCOPE),
    Method(name="crm.activity.todo.add", run=todo_add, scopes=_SCOPE),
)
