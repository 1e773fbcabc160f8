"""POST /api/v2/events, the pop-up of an incoming call, and GET /api/v4/events, the history.

Source: amoCRM developer documentation, "Call notification" and API v4, "Events".
"""

from __future__ import annotations

from typing import Any

from ringbridge.emulators.amocrm.account import Account, Ringing, Row
from ringbridge.emulators.amocrm.entities import Entity
from ringbridge.emulators.amocrm.history import EventType
from ringbridge.emulators.amocrm.listing import fits, ordered
from ringbridge.emulators.amocrm.problems import LegacyProblem
from ringbridge.emulators.amocrm.request import Answer, Endpoint, Request, absent

_ELEMENT_TYPES = {"contacts": 1, "leads": 2, "companies": 3}
_FILTERS = {"id": "id", "type": "type", "entity": "entity_type", "entity_id": "entity_id", "created_by": "created_by",
            "created_at": "created_at"}  # fmt: skip


def ring(request: Request) -> Answer:
    """Show a card to the users; to everybody where none are named."""
    account = request.account
    given = request.body.get("add") if isinstance(request.body, dict) else None
    if not isinstance(given, list) or not given:
        raise LegacyProblem(400, "Invalid parameters: add")
    shown = [_shown(account, one) for one in given]
    account.ringing += shown
    body = {"_links": request.href("/api/v2/events"), "_embedded": {"items": [_item(one) for one in shown]}}
    return Answer(status=account.settings.event_status, body=body)


def _shown(account: Account, given: Any) -> Ringing:
    if not isinstance(given, dict) or given.get("type") != "phone_call":
        raise LegacyProblem(400, "Invalid parameters: type")
    phone, users = given.get("phone_number"), given.get("users")
    if not isinstance(phone, str | int) or not str(phone):
        raise LegacyProblem(400, "Invalid parameters: phone_number")
    if users is not None and not isinstance(users, list):
        raise LegacyProblem(400, "Invalid parameters: users")
    active = [one.id for one in account.staff.users.values() if one.active]
    wanted = {int(one) for one in users if str(one).isdecimal()} if users else set(active)
    return Ringing(
        at=account.clock(),
        phone=str(phone),
        users=tuple(one for one in active if one in wanted),
        place=_place(account, str(phone)),
    )


def _place(account: Account, phone: str) -> Entity | None:
    settings = account.settings
    until = account.clock().timestamp() - settings.calls_lag.total_seconds()
    found = account.entities.by_phone(phone, digits=settings.event_digits, indexed_before=until)
    return account.entities.place_of_call(found[0]) if found else None


def _item(one: Ringing) -> Row:
    place = one.place
    return {
        "element_id": place.id if place else None,
        "element_type": _ELEMENT_TYPES[place.kind.value] if place else None,
        "uid": one.uid,
        "phone_number": one.phone,
    }


def listed(request: Request) -> Answer:
    rows = [one.row(request.account.id) for one in reversed(request.account.history)]
    rows = [one | {"_links": request.href(f"/api/v4/events/{one['id']}")} for one in rows]
    rows = [one for one in rows if fits(one, request.filter, _FILTERS)]
    order = request.query.get("order")
    return request.page("events", ordered(rows, order, ("created_at", "id")) if order else rows)


def one(request: Request) -> Answer:
    found = next((one for one in request.account.history if one.id == request.parts["id"]), None)
    if found is None:
        raise absent(request.account)
    return Answer(body=found.row(request.account.id) | {"_links": request.href(request.path)})


def types(request: Request) -> Answer:
    rows = [{"key": one.value, "type": 1, "lang": one.value.replace("_", " ").capitalize()} for one in EventType]
    return Answer(
        body={"_total_items": len(rows), "_links": request.href(request.path), "_embedded": {"events_types": rows}}
    )


ENDPOINTS = (
    Endpoint(path="/api/v2/events", handlers={"POST": ring}),
    Endpoint(path="/api/v4/events/types", handlers={"GET": types}),
    Endpoint(path="/api/v4/events/{id}", handlers={"GET": one}),
    Endpoint(path="/api/v4/events", handlers={"GET": listed}),
)
