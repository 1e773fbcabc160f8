"""/api/v4/contacts, /companies, /leads: lists with search and filters, one, batches, links, tags.

Source: amoCRM API v4, "Contacts", "Companies", "Leads", "Entity links", "Tags".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ringbridge.emulators.amocrm import making
from ringbridge.emulators.amocrm.account import Row
from ringbridge.emulators.amocrm.entities import Entity, Kind
from ringbridge.emulators.amocrm.history import EventType
from ringbridge.emulators.amocrm.listing import fits, ordered
from ringbridge.emulators.amocrm.problems import Violation, invalid, not_a_choice
from ringbridge.emulators.amocrm.request import NOTHING, Answer, Endpoint, Handler, Request
from ringbridge.emulators.amocrm.rows import href, row
from ringbridge.emulators.amocrm.validation import anything, item, mapping, one_of, text, whole

_FILTERS = {
    "id": "id", "name": "name", "created_by": "created_by", "updated_by": "updated_by",
    "responsible_user_id": "responsible_user_id", "created_at": "created_at", "updated_at": "updated_at",
    "closest_task_at": "closest_task_at", "price": "price", "closed_at": "closed_at", "pipeline_id": "pipeline_id",
}  # fmt: skip
_ORDERS = {
    Kind.CONTACTS: ("updated_at", "id"),
    Kind.COMPANIES: ("updated_at", "id"),
    Kind.LEADS: ("created_at", "updated_at", "id"),
}


def of(kind: Kind, handler: Callable[[Request, Kind], Answer]) -> Handler:
    return lambda request: handler(request, kind)


def listed(request: Request, kind: Kind) -> Answer:
    account, query = request.account, str(request.query.get("query", ""))
    found_until = account.clock().timestamp() - account.settings.search_lag.total_seconds()
    found = [
        one
        for one in account.entities.shown(kind)
        if request.user.may("view", kind.value, one.responsible_user_id)
        and (not query or (one.indexed_at <= found_until and account.entities.found_by(one, query)))
    ]
    rows = [row(account, one, request.with_) for one in found]
    rows = [one for one in rows if fits(one, request.filter, _FILTERS) and _statuses(one, request.filter)]
    rows = [one for one in rows if _values(one, request.filter.get("custom_fields_values"))]
    return request.page(kind.value, ordered(rows, request.query.get("order"), _ORDERS[kind]))


def _statuses(one: Row, wanted: Row) -> bool:
    """`filter[statuses][0][pipeline_id]=…&filter[statuses][0][status_id]=…`: any of the pairs."""
    pairs = wanted.get("statuses")
    if pairs is None:
        return True
    pairs = pairs.values() if isinstance(pairs, dict) else pairs
    return any(
        all(str(one[name]) == str(pair[name]) for name in ("pipeline_id", "status_id") if name in pair)
        for pair in pairs
        if isinstance(pair, dict)
    )


def _values(one: Row, wanted: Any) -> bool:
    """`filter[custom_fields_values][ID][]=value`: any of the values, exactly."""
    if not isinstance(wanted, dict):
        return True
    values = {str(field["field_id"]): {str(each["value"]) for each in field["values"]}
              for field in one["custom_fields_values"] or []}  # fmt: skip
    return all(
        values.get(number, set()) & {str(each) for each in (given if isinstance(given, list) else [given])}
        for number, given in wanted.items()
    )


def one(request: Request, kind: Kind) -> Answer:
    found = request.entity(kind)
    request.permit("view", kind.value, found.responsible_user_id)
    return Answer(body=row(request.account, found, request.with_))


def create(request: Request, kind: Kind) -> Answer:
    request.permit("add", kind.value, request.user.id)
    items = request.items(making.rule(request.account, kind, strict=request.strict))
    made = [(making.create(request.account, kind, given, request.caller), given) for given in items]
    return request.made(kind.value, [_made(request, *pair) for pair in made])


def update_many(request: Request, kind: Kind) -> Answer:
    rule = making.rule(request.account, kind, strict=request.strict, update=True)
    items = request.items(lambda given: making.id_rule(given) or rule(given))
    there = [(request.account.entities.get(kind, given["id"]), given) for given in items]
    found = [(given["request_id"], _updatable(request, known, given)) for known, given in there]
    if any(violations for _, violations in found):
        raise invalid(found)
    changed = [(known, given) for known, given in there if known is not None]
    for known, given in changed:
        making.update(request.account, known, given, request.caller)
    return request.made(kind.value, [_made(request, *pair, updated=True) for pair in changed])


def _updatable(request: Request, known: Entity | None, given: Row) -> list[Violation]:
    if known is None:
        return [not_a_choice("id")]
    request.permit("edit", known.kind.value, known.responsible_user_id)
    return making.check_update(request.account, known, given)


def update_one(request: Request, kind: Kind) -> Answer:
    known = request.entity(kind)
    given = request.item(making.rule(request.account, kind, strict=request.strict, update=True))
    violations = _updatable(request, known, given)
    if violations:
        raise invalid([("0", violations)])
    making.update(request.account, known, given, request.caller)
    return Answer(body={"id": known.id, "updated_at": known.updated_at, "_links": href(request.account, known)})


def _made(request: Request, known: Entity, given: Row, *, updated: bool = False) -> Row:
    shown: Row = {"id": known.id, "request_id": given["request_id"], "_links": href(request.account, known)}
    if updated:
        shown |= {"name": known.name, "updated_at": known.updated_at}
    return shown


def links(request: Request, kind: Kind) -> Answer:
    known = request.entity(kind)
    rows = [
        {"to_entity_id": number, "to_entity_type": other.value, "metadata": {"main_contact": main} if other is
         Kind.CONTACTS and kind is Kind.LEADS else None}
        for (other, number), main in known.links.items()
    ]  # fmt: skip
    if not rows:
        return NOTHING
    return Answer(body={"_total_items": len(rows), "_links": request.href(request.path), "_embedded": {"links": rows}})


def link(request: Request, kind: Kind) -> Answer:
    return _relink(request, kind, EventType.ENTITY_LINKED)


def unlink(request: Request, kind: Kind) -> Answer:
    return _relink(request, kind, EventType.ENTITY_UNLINKED)


def _relink(request: Request, kind: Kind, event: EventType) -> Answer:
    known, entities = request.entity(kind), request.account.entities
    request.permit("edit", kind.value, known.responsible_user_id)
    fields = {
        "to_entity_id": whole(least=1), "to_entity_type": one_of([one.value for one in Kind if one is not kind]),
        "metadata": mapping, "request_id": anything,
    }  # fmt: skip
    shape = item(fields, required=("to_entity_id", "to_entity_type"), strict=request.strict)

    def rule(given: Any) -> list[Violation]:
        found = shape(given)
        if not found and entities.get(Kind(given["to_entity_type"]), given["to_entity_id"]) is None:
            found = [not_a_choice("to_entity_id")]
        return found

    items = request.items(rule)
    for given in items:
        other = entities.rows[Kind(given["to_entity_type"])][given["to_entity_id"]]
        if event is EventType.ENTITY_LINKED:
            entities.link(known, other, main=bool((given.get("metadata") or {}).get("is_main")))
        else:
            entities.unlink(known, other)
        after = [{"link": {"entity": {"id": other.id, "type": other.kind.single}}}]
        request.account.note_event(event, (kind.single, known.id), request.user.id, after=after)
    if event is EventType.ENTITY_UNLINKED:
        return NOTHING
    rows = [{key: value for key, value in given.items() if key != "request_id"} for given in items]
    return Answer(body={"_total_items": len(rows), "_links": request.href(request.path), "_embedded": {"links": rows}})


def tags(request: Request, kind: Kind) -> Answer:
    query, wanted = str(request.query.get("query", "")).casefold(), request.filter.get("name")
    known = request.account.tags.get(kind.value, {})
    rows = [
        {"id": number, "name": name, "color": None}
        for number, name in known.items()
        if query in name.casefold() and wanted in {None, name}
    ]
    return request.page("tags", rows)


def create_tags(request: Request, kind: Kind) -> Answer:
    fields = {"name": text(longest=255, blank=False), "color": anything, "request_id": anything}
    items = request.items(item(fields, required=("name",), strict=request.strict))
    rows = [
        {
            "id": making.tag_id(request.account, kind, given),
            "name": given["name"],
            "color": None,
            "request_id": given["request_id"],
        }
        for given in items
    ]
    return request.made("tags", rows, _total_items=len(rows))


def _endpoints(kind: Kind) -> tuple[Endpoint, ...]:
    base = f"/api/v4/{kind.value}"
    return (
        Endpoint(path=f"{base}/tags", handlers={"GET": of(kind, tags), "POST": of(kind, create_tags)}),
        Endpoint(path=f"{base}/{{id:int}}/links", handlers={"GET": of(kind, links)}),
        Endpoint(path=f"{base}/{{id:int}}/link", handlers={"POST": of(kind, link)}),
        Endpoint(path=f"{base}/{{id:int}}/unlink", handlers={"POST": of(kind, unlink)}),
        Endpoint(path=f"{base}/{{id:int}}", handlers={"GET": of(kind, one), "PATCH": of(kind, update_one)}),
        Endpoint(
            path=base,
            handlers={"GET": of(kind, listed), "POST": of(kind, create), "PATCH": of(kind, update_many)},
        ),
    )


ENDPOINTS = tuple(endpoint for kind in Kind for endpoint in _endpoints(kind))
