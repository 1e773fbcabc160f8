"""Making and changing contacts, companies and leads: from the items of a request, with all that follows from it.

Source: amoCRM API v4, "Contacts", "Companies", "Leads", "Tags".
"""

from __future__ import annotations

from typing import Any

from ringbridge.emulators.amocrm.account import Account, Row
from ringbridge.emulators.amocrm.entities import Entity, Kind
from ringbridge.emulators.amocrm.history import EventType
from ringbridge.emulators.amocrm.oauth import Caller
from ringbridge.emulators.amocrm.pipelines import CLOSED, Pipeline
from ringbridge.emulators.amocrm.problems import Violation, missing, not_a_choice
from ringbridge.emulators.amocrm.rows import hook_row
from ringbridge.emulators.amocrm.validation import (
    Rule,
    anything,
    either,
    every,
    flag,
    item,
    mapping,
    nullable,
    one_of,
    text,
    whole,
)
from ringbridge.emulators.amocrm.webhooks import tell

_ADDED = {
    Kind.CONTACTS: EventType.CONTACT_ADDED,
    Kind.COMPANIES: EventType.COMPANY_ADDED,
    Kind.LEADS: EventType.LEAD_ADDED,
}
_PLAIN = ("name", "first_name", "last_name", "responsible_user_id", "updated_by", "updated_at", "price",
          "status_id", "pipeline_id", "closed_at", "loss_reason_id")  # fmt: skip
_TAG = item({"id": whole(), "name": text(longest=255, blank=False), "color": anything, "request_id": anything})


def user_rule(account: Account) -> Rule:
    """Somebody who works here; 0 is the robot."""
    return either(one_of(lambda number: number == 0 or account.staff.active(number)))


def rule(account: Account, kind: Kind, *, strict: bool, update: bool = False, inline: bool = False) -> Rule:
    """What an item that makes or changes an entity must look like. `inline`: its contacts are made with it."""
    user = user_rule(account)
    fields: dict[str, Rule] = {
        "name": text(longest=255),
        "responsible_user_id": user,
        "created_by": user,
        "updated_by": user,
        "created_at": whole(),
        "updated_at": whole(),
        "custom_fields_values": lambda given: account.fields.check(kind.value, given),
        "request_id": either(text(), whole()),
        "tags_to_add": every(_TAG),
        "tags_to_delete": every(_TAG),
        "_embedded": item(_embedded(account, kind, strict=strict, inline=inline), strict=strict),
    }
    if update:
        fields["id"] = whole(least=1)
    if kind is Kind.CONTACTS:
        fields |= {"first_name": text(longest=255), "last_name": text(longest=255), "is_main": flag}
    if kind is Kind.LEADS:
        fields |= {
            "price": whole(),
            "status_id": whole(),
            "pipeline_id": one_of(lambda number: account.pipelines.get(number) is not None),
            "closed_at": nullable(whole()),
            "loss_reason_id": nullable(whole()),
            "visitor_uid": nullable(text()),
        }
    check = item(fields, strict=strict)
    return lambda given: check(given) or (_stage(account, given) if kind is Kind.LEADS and not update else [])


def _embedded(account: Account, kind: Kind, *, strict: bool, inline: bool) -> dict[str, Rule]:
    fields: dict[str, Rule] = {"tags": nullable(every(_TAG)), "metadata": mapping}
    for other in (Kind.CONTACTS, Kind.COMPANIES, Kind.LEADS):
        if other is kind:
            continue
        if inline and other is not Kind.LEADS:
            fields[other.value] = every(_inline(account, other, strict=strict), most=1)
        else:
            fields[other.value] = every(_reference(account, other))
    if kind is Kind.LEADS:
        fields["source"] = nullable(mapping)
    return fields


def _reference(account: Account, kind: Kind) -> Rule:
    there = one_of(lambda number: account.entities.get(kind, number) is not None)
    return item({"id": there, "is_main": flag, "_links": anything}, required=("id",))


def _inline(account: Account, kind: Kind, *, strict: bool) -> Rule:
    """Either the id of one that is there, or what makes one."""
    reference, fresh = _reference(account, kind), rule(account, kind, strict=strict)
    return lambda given: reference(given) if isinstance(given, dict) and "id" in given else fresh(given)


def _stage(account: Account, given: Row) -> list[Violation]:
    """The stage must be one of the pipeline."""
    if "status_id" not in given:
        return []
    pipeline = _pipeline(account, given)
    return [] if pipeline.status(given["status_id"]) else [not_a_choice("status_id")]


def _pipeline(account: Account, given: Row) -> Pipeline:
    named = account.pipelines.get(given.get("pipeline_id"))
    return named or account.pipelines.with_status(given.get("status_id")) or account.pipelines.main


def create(account: Account, kind: Kind, given: Row, by: Caller, *, unsorted: bool = False) -> Entity:
    """A new entity of a checked item, with its tags and links; told to history and webhooks unless it is hidden."""
    at = account.now()
    one = Entity(kind=kind, id=account.next_id(), created_at=given.get("created_at", at), updated_at=at)
    one.is_unsorted = unsorted
    one.created_by = given.get("created_by", by.user_id)
    one.updated_by = given.get("updated_by", one.created_by)
    one.responsible_user_id = given.get("responsible_user_id", by.user_id)
    if kind is Kind.LEADS:
        _place(account, one, given, unsorted=unsorted)
    account.entities.rows[kind][one.id] = one
    _fill(account, one, given)
    if not unsorted:
        announce(account, one, by)
    return one


def announce(account: Account, one: Entity, by: Caller) -> None:
    """Tell that it is there."""
    account.note_event(_ADDED[one.kind], (one.kind.single, one.id), one.created_by)
    tell(account, f"add_{one.kind.single}", hook_top(one.kind), hook_row(account, one), by)


def hook_top(kind: Kind) -> str:
    return "leads" if kind is Kind.LEADS else "contacts"


def _place(account: Account, one: Entity, given: Row, *, unsorted: bool) -> None:
    pipeline = _pipeline(account, given)
    one.pipeline_id = pipeline.id
    one.status_id = pipeline.incoming.id if unsorted else given.get("status_id", pipeline.first.id)
    one.price = given.get("price", 0)
    if one.status_id in CLOSED:
        one.closed_at = given.get("closed_at") or account.now()
    one.source = (given.get("_embedded") or {}).get("source")
    external = (one.source or {}).get("external_id")
    known = next((row for row in account.sources.values() if row["external_id"] == external), None)
    one.source_id = known["id"] if known else None


def _fill(account: Account, one: Entity, given: Row) -> None:
    """Names, values, tags and links of an item, and the time at which the search may find them."""
    one.first_name = given.get("first_name", one.first_name)
    one.last_name = given.get("last_name", one.last_name)
    joined = " ".join(part for part in (one.first_name, one.last_name) if part)
    one.name = given.get("name") or one.name or joined or (f"Сделка #{one.id}" if one.kind is Kind.LEADS else "")
    one.values.update(account.fields.stored(one.kind.value, given.get("custom_fields_values")))
    embedded = given.get("_embedded") or {}
    if embedded.get("tags") is not None and "tags" in embedded:
        one.tags = [tag_id(account, one.kind, tag) for tag in embedded["tags"]]
    for tag in given.get("tags_to_add") or ():
        one.tags += [number for number in [tag_id(account, one.kind, tag)] if number not in one.tags]
    gone = {tag_id(account, one.kind, tag) for tag in given.get("tags_to_delete") or ()}
    one.tags = [number for number in one.tags if number not in gone]
    for other in Kind:
        for link in embedded.get(other.value) or ():
            if "id" in link:
                account.entities.link(one, account.entities.rows[other][link["id"]], main=link.get("is_main", False))
    one.indexed_at = account.clock().timestamp()


def tag_id(account: Account, kind: Kind, tag: Row) -> int:
    """The tag meant by `id` or `name`; a new name makes a new one."""
    tags = account.tags.setdefault(kind.value, {})
    if tag.get("id") in tags:
        return int(tag["id"])
    name = str(tag.get("name", tag.get("id")))
    for number, known in tags.items():
        if known.casefold() == name.casefold():
            return number
    number = account.next_id()
    tags[number] = name
    return number


def check_update(account: Account, one: Entity, given: Row) -> list[Violation]:
    """What only shows against the entity that is changed: its stage."""
    if one.kind is not Kind.LEADS or "status_id" not in given:
        return []
    pipeline = account.pipelines.get(given.get("pipeline_id", one.pipeline_id))
    moved = pipeline if pipeline and pipeline.status(given["status_id"]) else None
    if moved is None and "pipeline_id" not in given:
        moved = account.pipelines.with_status(given["status_id"])
    return [] if moved else [not_a_choice("status_id")]


def update(account: Account, one: Entity, given: Row, by: Caller) -> None:
    """Change an entity by a checked item."""
    before = {"status_id": one.status_id, "pipeline_id": one.pipeline_id, "responsible": one.responsible_user_id}
    one.updated_by, one.updated_at = by.user_id, account.now()
    if "status_id" in given and "pipeline_id" not in given:
        pipeline = account.pipelines.get(one.pipeline_id)
        if pipeline is None or not pipeline.status(given["status_id"]):
            given = given | {"pipeline_id": _pipeline(account, given).id}
    for name in _PLAIN:
        if name in given:
            setattr(one, name, given[name])
    _fill(account, one, given)
    if one.kind is Kind.LEADS:
        _closed(account, one, given)
    _tell_changes(account, one, before, by)


def _closed(account: Account, one: Entity, given: Row) -> None:
    if one.status_id not in CLOSED:
        one.closed_at = None
    elif one.closed_at is None or "closed_at" in given:
        one.closed_at = given.get("closed_at") or account.now()


def _tell_changes(account: Account, one: Entity, before: dict[str, Any], by: Caller) -> None:
    key, single, top = (one.kind.single, one.id), one.kind.single, hook_top(one.kind)
    if one.kind is Kind.LEADS and before["status_id"] != one.status_id:
        account.note_event(
            EventType.LEAD_STATUS_CHANGED, key, by.user_id,
            before=[{"lead_status": {"id": before["status_id"], "pipeline_id": before["pipeline_id"]}}],
            after=[{"lead_status": {"id": one.status_id, "pipeline_id": one.pipeline_id}}],
        )  # fmt: skip
        old = {"old_status_id": before["status_id"], "old_pipeline_id": before["pipeline_id"]}
        tell(account, "status_lead", top, hook_row(account, one, **old), by)
    if before["responsible"] != one.responsible_user_id:
        account.note_event(
            EventType.ENTITY_RESPONSIBLE_CHANGED, key, by.user_id,
            before=[{"responsible_user": {"id": before["responsible"]}}],
            after=[{"responsible_user": {"id": one.responsible_user_id}}],
        )  # fmt: skip
        old = {"old_responsible_user_id": before["responsible"]}
        tell(account, f"responsible_{single}", top, hook_row(account, one, **old), by)
    tell(account, f"update_{single}", top, hook_row(account, one), by)


def id_rule(given: Any) -> list[Violation]:
    return [] if isinstance(given, dict) and "id" in given else [missing("id")]
