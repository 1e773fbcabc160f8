"""The account itself, its users, pipelines, custom fields and sources.

Source: amoCRM API v4, "Account parameters", "Users", "Lead pipelines and stages", "Custom fields", "Sources".
"""

from __future__ import annotations

from typing import Any

from ringbridge.emulators.amocrm.account import Row
from ringbridge.emulators.amocrm.fields import TYPES as FIELD_TYPES
from ringbridge.emulators.amocrm.fields import CustomField
from ringbridge.emulators.amocrm.pipelines import Pipeline
from ringbridge.emulators.amocrm.problems import Violation, invalid
from ringbridge.emulators.amocrm.request import NOTHING, Answer, Endpoint, Request, absent
from ringbridge.emulators.amocrm.staff import User
from ringbridge.emulators.amocrm.tasks import TYPES as TASK_TYPES
from ringbridge.emulators.amocrm.validation import (
    Rule,
    anything,
    every,
    flag,
    item,
    mapping,
    nullable,
    one_of,
    text,
    whole,
)

_MOST_SOURCES = 100


def account(request: Request) -> Answer:
    one, with_ = request.account, request.with_
    body: Row = {
        "id": one.id,
        "name": one.name,
        "subdomain": one.subdomain,
        "created_at": one.created_at,
        "created_by": 0,
        "updated_at": one.created_at,
        "updated_by": 0,
        "current_user_id": request.user.id,
        "country": "RU",
        "currency": "RUB",
        "currency_symbol": "₽",
        "customers_mode": one.settings.customers_mode,
        "is_unsorted_on": one.pipelines.main.unsorted_on,
        "is_loss_reason_enabled": True,
        "is_helpbot_enabled": False,
        "is_technical_account": False,
        "contact_name_display_order": 1,
        "mobile_feature_version": 0,
    }
    optional = {
        "amojo_id": one.amojo_id,
        "uuid": one.uuid,
        "version": 11,
        "drive_url": f"{one.address}/drive",
        "is_api_filter_enabled": one.settings.filters_enabled,
    }
    body |= {name: value for name, value in optional.items() if name in with_}
    embedded: Row = {
        "users_groups": [{"id": each.id, "name": each.name, "uuid": each.uuid} for each in one.staff.groups],
        "task_types": list(TASK_TYPES),
        "datetime_settings": {
            "date_pattern": "d.m.Y H:i",
            "short_date_pattern": "d.m.Y",
            "date_format": "d.m.Y",
            "time_format": "H:i:s",
            "timezone": "Europe/Moscow",
            "timezone_offset": "+03:00",
        },
    }
    embedded = {name: value for name, value in embedded.items() if name in with_}
    body |= {"_links": request.href(request.path)} | ({"_embedded": embedded} if embedded else {})
    return Answer(body=body)


def users(request: Request) -> Answer:
    if request.account.settings.users_for_admins_only:
        request.admin_only()
    rows = [_user(request, one) for one in request.account.staff.users.values()]
    return request.page("users", rows, total=True)


def user(request: Request) -> Answer:
    if request.account.settings.users_for_admins_only:
        request.admin_only()
    found = request.account.staff.users.get(request.parts["id"])
    if found is None:
        raise absent(request.account)
    return Answer(body=_user(request, found))


def _user(request: Request, one: User) -> Row:
    with_ = request.with_
    shown = one.row() | {"_links": request.href(f"/api/v4/users/{one.id}")}
    optional: Row = {
        "amojo_id": one.amojo_id, "uuid": one.uuid, "user_rank": "newbie", "phone_number": one.phone or None,
    }  # fmt: skip
    shown |= {name: value for name, value in optional.items() if name in with_}
    if "group" in with_:
        shown["_embedded"] = {
            "groups": [
                {"id": each.id, "name": each.name} for each in request.account.staff.groups if each.id == one.group_id
            ]
        }
    if "role" in with_:
        shown.setdefault("_embedded", {})["roles"] = []
    return shown


def pipelines(request: Request) -> Answer:
    rows = [_pipeline(request, one) for one in request.account.pipelines.rows]
    body = {"_total_items": len(rows), "_links": request.href(request.path), "_embedded": {"pipelines": rows}}
    return Answer(body=body) if rows else NOTHING


def pipeline(request: Request) -> Answer:
    return Answer(body=_pipeline(request, _known_pipeline(request)))


def statuses(request: Request) -> Answer:
    rows = _pipeline(request, _known_pipeline(request))["_embedded"]["statuses"]
    return Answer(body={"_total_items": len(rows), "_embedded": {"statuses": rows}})


def _known_pipeline(request: Request) -> Pipeline:
    found = request.account.pipelines.get(request.parts["id"])
    if found is None:
        raise absent(request.account)
    return found


def _pipeline(request: Request, one: Pipeline) -> Row:
    link = f"/api/v4/leads/pipelines/{one.id}"
    rows = [
        each.row(one.id, request.account.id) | {"_links": request.href(f"{link}/statuses/{each.id}")}
        for each in one.statuses
    ]
    return {
        "id": one.id,
        "name": one.name,
        "sort": one.sort,
        "is_main": one.main,
        "is_unsorted_on": one.unsorted_on,
        "is_archive": one.archived,
        "account_id": request.account.id,
        "_links": request.href(link),
        "_embedded": {"statuses": rows},
    }


def custom_fields(request: Request) -> Answer:
    rows = [_field(request, one) for one in request.account.fields.of(request.kind.value)]
    return request.page("custom_fields", rows, total=True)


def custom_field(request: Request) -> Answer:
    found = request.account.fields.rows.get(request.parts["id"])
    if found is None or found.entity != request.kind.value:
        raise absent(request.account)
    return Answer(body=_field(request, found))


def create_fields(request: Request) -> Answer:
    request.admin_only()
    enum = item({"value": text(blank=False), "sort": whole()}, required=("value",), strict=False)
    fields: dict[str, Rule] = {
        "name": text(longest=255, blank=False),
        "type": one_of(FIELD_TYPES),
        "code": nullable(text(longest=255)),
        "sort": whole(),
        "enums": nullable(every(enum)),
        "request_id": anything,
        "is_api_only": flag,
    }
    account, made = request.account, []
    for given in request.items(item(fields, required=("name", "type"), strict=request.strict)):
        one = CustomField(
            id=account.next_id(),
            entity=request.kind.value,
            name=given["name"],
            code=given.get("code"),
            type=given["type"],
            sort=given.get("sort", 500),
            enums={account.next_id(): each["value"] for each in given.get("enums") or ()},
        )
        account.fields.rows[one.id] = one
        made.append(_field(request, one) | {"request_id": given["request_id"]})
    return request.made("custom_fields", made, status=201, _total_items=len(made))


def _field(request: Request, one: CustomField) -> Row:
    return one.row(request.account.id) | {"_links": request.href(f"/api/v4/{one.entity}/custom_fields/{one.id}")}


def _source_rule(request: Request, *, update: bool) -> Rule:
    fields: dict[str, Rule] = {
        "name": text(longest=255, blank=False),
        "external_id": text(longest=40, blank=False),
        "pipeline_id": one_of(lambda number: request.account.pipelines.get(number) is not None),
        "default": flag,
        "origin_code": nullable(text()),
        "services": nullable(every(mapping)),
        "request_id": anything,
    }
    if update:
        fields["id"] = one_of(request.account.sources)
    return item(fields, required=() if update else ("name", "external_id"), strict=request.strict)


def sources(request: Request) -> Answer:
    wanted = request.filter.get("external_id")
    rows = [one for one in _own_sources(request) if wanted is None or one["external_id"] in _many(wanted)]
    return request.page("sources", [_source(request, one) for one in rows], total=True)


def _many(given: Any) -> list[str]:
    return [str(one) for one in (given if isinstance(given, list) else [given])]


def _own_sources(request: Request) -> list[Row]:
    """An integration sees its own sources only."""
    return [one for one in request.account.sources.values() if one["owner"] == request.caller.owner]


def create_sources(request: Request) -> Answer:
    own = _own_sources(request)
    items = request.items(_source_rule(request, update=False), most=_MOST_SOURCES - len(own) or 1)
    taken = {one["external_id"] for one in own}
    found = [
        (given["request_id"], [Violation(code="Duplicate", path="external_id", detail="This value is already used.")])
        for given in items
        if given["external_id"] in taken
    ]
    if found:
        raise invalid(found)
    made = []
    for given in items:
        row: Row = {
            "id": request.account.next_id(),
            "name": given["name"],
            "external_id": given["external_id"],
            "pipeline_id": given.get("pipeline_id", request.account.pipelines.main.id),
            "default": given.get("default", False),
            "origin_code": given.get("origin_code"),
            "services": given.get("services") or [],
            "owner": request.caller.owner,
        }
        request.account.sources[row["id"]] = row
        made.append(_source(request, row) | {"request_id": given["request_id"]})
    return request.made("sources", made, _total_items=len(made))


def update_source(request: Request) -> Answer:
    row = _known_source(request)
    given = request.item(_source_rule(request, update=True))
    row |= {name: value for name, value in given.items() if name not in {"id", "request_id"}}
    return Answer(body=_source(request, row))


def source(request: Request) -> Answer:
    return Answer(body=_source(request, _known_source(request)))


def delete_source(request: Request) -> Answer:
    del request.account.sources[_known_source(request)["id"]]
    return NOTHING


def _known_source(request: Request) -> Row:
    found = next((one for one in _own_sources(request) if one["id"] == request.parts["id"]), None)
    if found is None:
        raise absent(request.account)
    return found


def _source(request: Request, row: Row) -> Row:
    shown = {name: value for name, value in row.items() if name != "owner"}
    return shown | {"_links": request.href(f"/api/v4/sources/{row['id']}")}


ENDPOINTS = (
    Endpoint(path="/api/v4/account", handlers={"GET": account}),
    Endpoint(path="/api/v4/users", handlers={"GET": users}),
    Endpoint(path="/api/v4/users/{id:int}", handlers={"GET": user}),
    Endpoint(path="/api/v4/leads/pipelines", handlers={"GET": pipelines}),
    Endpoint(path="/api/v4/leads/pipelines/{id:int}", handlers={"GET": pipeline}),
    Endpoint(path="/api/v4/leads/pipelines/{id:int}/statuses", handlers={"GET": statuses}),
    Endpoint(path="/api/v4/{kind}/custom_fields", handlers={"GET": custom_fields, "POST": create_fields}),
    Endpoint(path="/api/v4/{kind}/custom_fields/{id:int}", handlers={"GET": custom_field}),
    Endpoint(path="/api/v4/sources", handlers={"GET": sources, "POST": create_sources}),
    Endpoint(
        path="/api/v4/sources/{id:int}",
        handlers={"GET": source, "PATCH": update_source, "DELETE": delete_source},
    ),
)
