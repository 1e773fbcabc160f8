"""Whom a number belongs to.

Sources: Bitrix24 REST docs, telephony.externalCall.searchCrmEntities (needs the telephony scope and answers with the
responsible), crm.duplicate.findbycomm (needs crm only). Both compare whole normalised numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringbridge.crm.bitrix24.batch import Outcome, Reference
from ringbridge.crm.bitrix24.telephony import Command, as_list, as_map, text
from ringbridge.crm.contract import Client
from ringbridge.routing.intents import UserId

SEARCH = "telephony.externalCall.searchCrmEntities"

KINDS = ("contact", "company", "lead")  # in this order one is chosen where several match


def client_in(result: Any) -> Client | None:
    """The best match of searchCrmEntities."""
    found = [client for row in as_list(result) if (client := _client(as_map(row)))]
    return min(found, key=lambda client: KINDS.index(client.kind), default=None)


def by_duplicates(number: str) -> dict[str, Command]:
    """The same question for a key without the telephony scope, as one batch."""
    search = Command(method="crm.duplicate.findbycomm", params={"type": "PHONE", "values": [number]})
    reads = {
        kind: Command(method=f"crm.{kind}.get", params={"id": Reference(f"$result[found][{kind.upper()}][0]")})
        for kind in KINDS
    }
    return {"found": search, **reads}


def client_by_duplicates(outcomes: Mapping[str, Outcome]) -> Client | None:
    """The best match in that batch. A kind without a match has a refusal where its entity would be."""
    matches = as_map(outcomes["found"].result)
    for kind in KINDS:
        ids, row = as_list(matches.get(kind.upper())), as_map(outcomes[kind].result)
        if ids and text(row.get("ID")) == text(ids[0]):
            return Client(kind=kind, id=text(ids[0]), name=_name(row), responsible=_user(row.get("ASSIGNED_BY_ID")))
    return None


def _client(row: Mapping[str, Any]) -> Client | None:
    kind, number = text(row.get("CRM_ENTITY_TYPE")).lower(), text(row.get("CRM_ENTITY_ID"))
    if kind not in KINDS or not number:
        return None
    responsible = _user(row.get("ASSIGNED_BY_ID")) or _user(as_map(row.get("ASSIGNED_BY")).get("ID"))
    return Client(kind=kind, id=number, name=text(row.get("NAME")), responsible=responsible)


def _user(value: Any) -> UserId | None:
    return UserId(found) if (found := text(value)) else None


def _name(row: Mapping[str, Any]) -> str:
    person = " ".join(part for field in ("NAME", "LAST_NAME") if (part := text(row.get(field))))
    return person or text(row.get("TITLE"))
