"""Entities as the interface shows them, and as webhooks tell them.

Source: amoCRM API v4, "Contacts", "Companies", "Leads" (read models) and "Webhooks" (the older, flat form).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ringbridge.emulators.amocrm.account import Account, Row
from ringbridge.emulators.amocrm.entities import Entity, Kind


def href(account: Account, one: Entity) -> Row:
    return {"self": {"href": f"{account.address}/api/v4/{one.kind.value}/{one.id}"}}


def row(account: Account, one: Entity, with_: Collection[str] = ()) -> Row:
    """An entity. `with_` names what is embedded beside tags and companies."""
    common: Row = {
        "id": one.id,
        "name": one.name,
        "responsible_user_id": one.responsible_user_id,
        "group_id": 0,
        "created_by": one.created_by,
        "updated_by": one.updated_by,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "closest_task_at": closest_task(account, one),
        "is_deleted": one.is_deleted,
        "custom_fields_values": account.fields.written(one.values),
        "account_id": account.id,
        "_links": href(account, one),
        "_embedded": _embedded(account, one, with_),
    }
    match one.kind:
        case Kind.CONTACTS:
            return common | {
                "first_name": one.first_name,
                "last_name": one.last_name,
                "is_unsorted": one.is_unsorted,
            }
        case Kind.LEADS:
            return common | _lead(one, with_)
    return common


def _lead(one: Entity, with_: Collection[str]) -> Row:
    shown: Row = {
        "price": one.price,
        "status_id": one.status_id,
        "pipeline_id": one.pipeline_id,
        "loss_reason_id": one.loss_reason_id,
        "closed_at": one.closed_at,
        "score": None,
        "labor_cost": None,
    }
    if "source_id" in with_:
        shown["source_id"] = one.source_id
    if "is_price_modified_by_robot" in with_:
        shown["is_price_modified_by_robot"] = False
    return shown


def _embedded(account: Account, one: Entity, with_: Collection[str]) -> Row:
    tags = account.tags.get(one.kind.value, {})
    shown: Row = {"tags": [{"id": number, "name": tags[number], "color": None} for number in one.tags]}
    for kind in Kind:
        if kind is not one.kind and (kind is Kind.COMPANIES or kind.value in with_):
            shown[kind.value] = [
                _linked(account, one, kind, number)
                for number in one.linked(kind)
                if account.entities.rows[kind][number].shown
            ]
    if one.kind is Kind.LEADS:
        shown |= {"loss_reason": []} if "loss_reason" in with_ else {}
        shown |= {"source": one.source} if "source" in with_ and one.source else {}
    for name in ("customers", "catalog_elements"):
        if name in with_:
            shown[name] = []
    return shown


def _linked(account: Account, one: Entity, kind: Kind, number: int) -> Row:
    other = account.entities.rows[kind][number]
    shown: Row = {"id": number, "_links": href(account, other)}
    if one.kind is Kind.LEADS and kind is Kind.CONTACTS:
        shown["is_main"] = one.links[other.key]
    return shown


def closest_task(account: Account, one: Entity) -> int | None:
    """The deadline of its first open task."""
    return min(
        (
            task["complete_till"]
            for task in account.tasks.values()
            if (task["entity_type"], task["entity_id"]) == (one.kind.value, one.id) and not task["is_completed"]
        ),
        default=None,
    )


def hook_row(account: Account, one: Entity, **more: Any) -> Row:
    """The entity as a webhook's form has it."""
    told: Row = {
        "id": one.id,
        "name": one.name,
        "responsible_user_id": one.responsible_user_id,
        "date_create": one.created_at,
        "last_modified": one.updated_at,
        "created_user_id": one.created_by,
        "modified_user_id": one.updated_by,
        "account_id": account.id,
        "custom_fields": [_hook_field(field) for field in account.fields.written(one.values) or []],
        "created_at": one.created_at,
        "updated_at": one.updated_at,
    }
    if one.kind is Kind.LEADS:
        told |= {"price": one.price, "status_id": one.status_id, "pipeline_id": one.pipeline_id}
    else:
        told["type"] = one.kind.single
        told["linked_leads_id"] = {str(number): {"ID": number} for number in one.linked(Kind.LEADS)}
    return told | more


def hook_gone(one: Entity) -> Row:
    """What a webhook tells of one that was deleted."""
    if one.kind is Kind.LEADS:
        return {"id": one.id, "status_id": one.status_id, "pipeline_id": one.pipeline_id}
    return {"id": one.id, "type": one.kind.single}


def _hook_field(field: Row) -> Row:
    values = [
        {"value": one["value"], **({"enum": one["enum_id"]} if one.get("enum_id") else {})} for one in field["values"]
    ]
    code = {"code": field["field_code"]} if field["field_code"] else {}
    return {"id": field["field_id"], "name": field["field_name"], "values": values, **code}
