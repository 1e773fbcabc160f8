"""crm.lead / contact / company / deal, their fields, and crm.duplicate.findbycomm.

Source: Bitrix24 REST docs, "CRM" (classic methods), `crm.duplicate.findbycomm`. Errors of these methods carry the
empty code, so only their words tell them apart.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from itertools import islice
from typing import Any

from ringbridge.emulators.bitrix24 import changes
from ringbridge.emulators.bitrix24.fields import MULTI_FIELDS, TYPE_IDS, Kind
from ringbridge.emulators.bitrix24.listing import passing, select_rows, sort_rows
from ringbridge.emulators.bitrix24.refusals import Refusal
from ringbridge.emulators.bitrix24.request import Method, Page, Request
from ringbridge.emulators.bitrix24.settings import CrmMode
from ringbridge.emulators.bitrix24.wire import PAGE, Params, many, mapping, text, whole

MAX_VALUES = 20
NOT_FOUND = "Not found"
BAD_ID = "ID is not defined or invalid"


def refusal(words: str) -> Refusal:
    return Refusal("", words)


def fields_of(request: Request) -> Params:
    """The `fields` parameter, which must be a map or PHP's empty array."""
    fields = request.params.get("fields")
    if not isinstance(fields, dict | list):
        raise refusal("Parameter 'fields' must be array.")
    return mapping(fields)


def id_of(request: Request) -> int:
    number = whole(request.params.get("id", request.params.get("ID")))
    if number <= 0:
        raise refusal(BAD_ID)
    return number


async def add(request: Request, kind: Kind) -> int:
    return changes.create(request.portal, kind, fields_of(request), user_id=request.caller.user_id)


async def update(request: Request, kind: Kind) -> bool:
    number, user_id = id_of(request), request.caller.user_id
    if not changes.change(request.portal, kind, number, fields_of(request), user_id=user_id):
        raise refusal(NOT_FOUND)
    return True


async def get(request: Request, kind: Kind) -> Params:
    row = request.portal.clients.rows[kind].get(id_of(request))
    if row is None:
        raise refusal(NOT_FOUND)
    return row


async def delete(request: Request, kind: Kind) -> bool:
    if not changes.delete(request.portal, kind, id_of(request), user_id=request.caller.user_id):
        raise refusal(NOT_FOUND)
    return True


async def describe(request: Request, kind: Kind) -> Params:
    return {name: field.describe() for name, field in request.portal.clients.fields(kind).items()}


async def list_rows(request: Request, kind: Kind) -> Page:
    """AND only; multi-fields match by the exact stored text and are shown only when selected by name."""
    names = list(request.portal.clients.fields(kind))
    rows = _listed(request, kind, names)
    shown = _shown(names, many(request.params.get("select")))
    page = Page.cut(rows, whole(request.params.get("start")))
    return Page(rows=[pick(row, shown) for row in page.rows], total=page.total, next=page.next)


def _listed(request: Request, kind: Kind, names: list[str]) -> list[Any]:
    """All that the filter lets pass; where nobody counts them and the order is by id, as many as the page holds."""
    condition, order = request.params.get("filter"), request.params.get("order") or {"ID": "ASC"}
    candidates = _after(request.portal.clients.rows[kind], mapping(condition).get(">ID"))
    if whole(request.params.get("start")) < 0 and order == {"ID": "ASC"}:
        return list(islice(passing(candidates, condition, fields=names), PAGE))
    return sort_rows(select_rows(candidates, condition, fields=names), order, fields=names)


def _after(rows: Mapping[int, Params], last: Any) -> Iterable[Params]:
    """The rows beyond an id, without a look at all those before it: a portal has an index too. Rows stand by id."""
    if not isinstance(last, str | int):
        return rows.values()
    numbers = list(rows)
    return (rows[number] for number in numbers[bisect_right(numbers, whole(last)) :])


def _shown(names: list[str], wanted: list[Any]) -> list[str]:
    plain = [name for name in names if name not in MULTI_FIELDS and not name.startswith("UF_")]
    if not wanted or wanted == [""]:
        return plain
    masks = {"*": plain, "UF_*": [name for name in names if name.startswith("UF_")]}
    return ["ID", *(name for mask in wanted for name in masks.get(text(mask), [text(mask)]))]


def pick(row: Params, names: list[str]) -> Params:
    """These fields, in this order, those the row does not have left out."""
    return {name: row[name] for name in names if name in row}


async def find_by_communication(request: Request) -> Any:
    """Ids by phone or e-mail; when one kind fills the twenty, the later ones are not looked for."""
    kind_of_value = request.text("type").upper()
    if not kind_of_value:
        raise refusal("Communication type is not defined")
    if kind_of_value not in {"PHONE", "EMAIL"}:
        raise refusal(f"Communication type '{kind_of_value}' is not supported in current context")
    values = [text(value) for value in many(request.params.get("values")) if text(value)][:MAX_VALUES]
    if not values:
        raise refusal("Communication values is not defined")
    wanted = request.text("entity_type").upper()
    found: Params = {}
    for kind in (Kind.LEAD, Kind.CONTACT, Kind.COMPANY):
        ids = request.portal.clients.find(kind, kind_of_value, values) if wanted in {"", kind} else []
        if ids:
            found[kind.value] = ids[:MAX_VALUES]
        if len(ids) >= MAX_VALUES:
            break
    return found


async def statuses(request: Request) -> Page:
    """crm.status.list: all rows, not paged."""
    every: list[Any] = request.portal.directories.statuses
    names = list(every[0])
    rows = select_rows(every, request.params.get("filter"), fields=names)
    rows = sort_rows(rows, request.params.get("order") or {"SORT": "ASC"}, fields=names)
    return Page(rows=rows, total=len(rows))


async def categories(request: Request) -> Page:
    kind = request.whole("entityTypeId")
    if kind != TYPE_IDS[Kind.DEAL]:
        raise Refusal("ENTITY_TYPE_NOT_SUPPORTED", f"Entity type {kind} is not supported")
    rows = [one.as_json() for one in request.portal.directories.pipelines]
    return Page(rows={"categories": rows}, total=len(rows))


async def mode(request: Request) -> int:
    """1: with leads, 2: without."""
    return 1 if request.portal.settings.mode is CrmMode.CLASSIC else 2


async def comment(request: Request) -> int:
    """crm.timeline.comment.add; the key must be `fields`, in lower case."""
    fields = fields_of(request)
    kind, number = text(fields.get("ENTITY_TYPE")).upper(), whole(fields.get("ENTITY_ID"))
    if not text(fields.get("COMMENT")):
        raise refusal("The field COMMENT is not defined or empty")
    if kind not in set(Kind) or number not in request.portal.clients.rows[Kind(kind)]:
        raise refusal("ENTITY_ID or ENTITY_TYPE is not defined or invalid")
    portal, comments = request.portal, request.portal.comments
    made = {"ID": str(len(comments) + 1), "AUTHOR_ID": str(request.caller.user_id)}
    comments.append({**fields, **made, "CREATED": portal.local(portal.clock())})
    return len(comments)


_VERBS: dict[str, Callable[..., Awaitable[Any]]] = {
    "add": add,
    "update": update,
    "get": get,
    "list": list_rows,
    "delete": delete,
    "fields": describe,
}
_SCOPE = ("crm",)

METHODS = (
    *(
        Method(name=f"crm.{kind.lower()}.{verb}", run=partial(run, kind=kind), scopes=_SCOPE)
        for kind in Kind
        for verb, run in _VERBS.items()
    ),
    Method(name="crm.duplicate.findbycomm", run=find_by_communication, scopes=_SCOPE),
    Method(name="crm.status.list", run=statuses, scopes=_SCOPE),
    Method(name="crm.category.list", run=categories, scopes=_SCOPE),
    Method(name="crm.settings.mode.get", run=mode, scopes=_SCOPE),
    Method(name="crm.timeline.comment.add", run=comment, scopes=_SCOPE),
)
