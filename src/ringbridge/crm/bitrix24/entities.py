"""Leads, contacts, companies and deals: what is made of an unknown number, and with which fields.

Sources: Bitrix24 REST docs, "Main entities fields", crm.lead.add, crm.contact.add, crm.deal.add, crm.enum.ownertype.
Clients and deals of Bitrix24 have no tags: ours go into their comments, each with a ``#``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ringbridge.crm.bitrix24.telephony import Command, as_list, as_map, text
from ringbridge.crm.contract import Client
from ringbridge.routing.intents import Creation, RegisterCall
from ringbridge.routing.rules import Create

LEAD, CONTACT, COMPANY, DEAL = "lead", "contact", "company", "deal"
TYPE_IDS = {LEAD: 1, DEAL: 2, CONTACT: 3, COMPANY: 4}
PREFIXES = {LEAD: "L", DEAL: "D", CONTACT: "C", COMPANY: "CO"}  # in the fields that hold entities of any kind

MADE = (LEAD, CONTACT, DEAL)  # what we make

ORIGINATOR = "ringbridge"
DEFAULT_SOURCE = "CALL"
LINKS = {CONTACT: "CONTACT_ID", COMPANY: "COMPANY_ID", LEAD: "LEAD_ID"}  # fields of a deal that name its client


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    kind: str
    id: str
    owner: str = ""

    def document(self) -> dict[str, str]:
        return asdict(self)


def entities_in(documents: Any) -> tuple[Entity, ...]:
    """Entities as facts keep them."""
    rows = (as_map(one) for one in as_list(documents))
    return tuple(
        Entity(kind=text(row.get("kind")), id=text(row.get("id")), owner=text(row.get("owner")))
        for row in rows
        if text(row.get("kind")) in TYPE_IDS and text(row.get("id"))
    )


def entity_of(client: Client) -> Entity:
    return Entity(kind=client.kind, id=client.id, owner=client.responsible or "")


def planned(creation: Creation, *, leads: bool) -> tuple[str, ...]:
    """The kinds to make, a deal last. Without leads, a wanted lead is a contact with a deal, as the portal itself
    does it; a pipeline is a deal's, so where one is named for a client of whichever kind, it gets a deal."""
    match creation.what:
        case Create.CONTACT:
            return (CONTACT,)
        case Create.LEAD if leads:
            return (LEAD,)
        case Create.LEAD_AND_DEAL if leads:
            return (LEAD, DEAL)
        case Create.CLIENT | Create.UNSORTED if leads and not creation.pipeline:
            return (LEAD,)
    return (CONTACT, DEAL)


def is_left_to_portal(creation: Creation, *, leads: bool | None) -> bool:
    """Whether the portal makes the very same by itself when a call is registered. None: its mode is not known."""
    if creation.title or creation.pipeline or creation.stage or creation.tags:
        return False
    plain = Creation(what=Create.CLIENT)
    if leads is None:
        return creation.what in {Create.CLIENT, Create.UNSORTED}
    return planned(creation, leads=leads) == planned(plain, leads=leads)


def make(kind: str, intent: RegisterCall, creation: Creation, *, deal_follows: bool = False) -> Command:
    """A lead or a contact with the caller's number."""
    fields = {**_common(intent, creation), "PHONE": [{"VALUE": intent.number, "VALUE_TYPE": "WORK"}]}
    if kind == LEAD:
        fields["TITLE"] = creation.title or intent.number
        if creation.stage and not deal_follows:
            fields["STATUS_ID"] = creation.stage
    else:
        fields["NAME"] = intent.number
    return _add(kind, fields)


def make_deal(intent: RegisterCall, creation: Creation, client: Entity) -> Command:
    fields = {
        **_common(intent, creation),
        "TITLE": creation.title or intent.number,
        LINKS[client.kind]: client.id,
    }
    if creation.pipeline:
        fields["CATEGORY_ID"] = creation.pipeline
    if creation.stage:
        fields["STAGE_ID"] = stage_id(creation)
    return _add(DEAL, fields)


def stage_id(creation: Creation) -> str:
    """Stages of every pipeline but the first carry its number: ``C1:NEW``."""
    first = creation.pipeline in {"", "0"}
    return creation.stage if first or ":" in creation.stage else f"C{creation.pipeline}:{creation.stage}"


def made_for(kind: str, record: str) -> Command:
    """Finds what was made for this record."""
    condition = {"ORIGINATOR_ID": ORIGINATOR, "ORIGIN_ID": record}
    return Command(method=f"crm.{kind}.list", params={"filter": condition, "select": ["ID", "ASSIGNED_BY_ID"]})


def open_deals(client: Entity) -> Command:
    condition = {LINKS[client.kind]: client.id, "CLOSED": "N"}
    return Command(method="crm.deal.list", params={"filter": condition, "select": ["ID"], "start": -1})


def give_to(entity: Entity, user: str) -> Command:
    return Command(method=f"crm.{entity.kind}.update", params={"id": entity.id, "fields": {"ASSIGNED_BY_ID": user}})


def rows_in(result: Any, kind: str) -> tuple[Entity, ...]:
    """The entities of one kind in the answer of its list method."""
    rows = (as_map(row) for row in as_list(result))
    return tuple(
        Entity(kind=kind, id=number, owner=text(row.get("ASSIGNED_BY_ID")))
        for row in rows
        if (number := text(row.get("ID")))
    )


def _common(intent: RegisterCall, creation: Creation) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "SOURCE_ID": creation.source or DEFAULT_SOURCE,
        "OPENED": "Y",
        "ASSIGNED_BY_ID": intent.user,
        "ORIGINATOR_ID": ORIGINATOR,
        "ORIGIN_ID": intent.record,
    }
    if intent.line:
        fields["SOURCE_DESCRIPTION"] = intent.line
    if creation.tags:
        fields["COMMENTS"] = " ".join(f"#{tag.strip().replace(' ', '_')}" for tag in creation.tags)
    return fields


def _add(kind: str, fields: Mapping[str, Any]) -> Command:
    return Command(method=f"crm.{kind}.add", params={"fields": fields, "params": {"REGISTER_SONET_EVENT": "Y"}})
