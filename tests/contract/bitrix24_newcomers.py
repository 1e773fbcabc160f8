"""Calls of numbers that nobody has, and what is made of them on the portal."""

from __future__ import annotations

from typing import Any

from tests.contract.bitrix24_office import STRANGER, Office, register

from ringbridge.emulators.bitrix24 import Portal
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.routing.intents import Creation
from ringbridge.routing.rules import Attach, Create

DEAL = Creation(
    what=Create.CONTACT_AND_DEAL,
    source="ADVERTISING",
    title="Call of +7 999",
    pipeline="1",
    stage="PREPARATION",
    tags=("radio", "night shift"),
)


SPEAKERS: dict[str, Any] = {"attach": Attach.SPEAKERS}


def rows(at: Office, kind: Kind) -> list[dict[str, Any]]:
    return list(at.portal.clients.rows[kind].values())


def made(at: Office) -> dict[str, int]:
    """New entities of each kind: the demonstration office has contacts of its own."""
    ours = {kind: [row for row in rows(at, kind) if row["ORIGINATOR_ID"] or row["PHONE"]] for kind in (Kind.LEAD,)}
    contacts = [row for row in rows(at, Kind.CONTACT) if row["ORIGINATOR_ID"] == "ringbridge"]
    return {"lead": len(ours[Kind.LEAD]), "contact": len(contacts), "deal": len(rows(at, Kind.DEAL))}


def add(at_portal: Portal, kind: Kind, phone: str, owner: int, **fields: Any) -> int:
    values = {"PHONE": [{"VALUE": phone}], "TITLE": f"{kind} of {owner}", "ASSIGNED_BY_ID": owner, **fields}
    return at_portal.clients.add(kind, values, user_id=1, at=at_portal.local(at_portal.clock()))


def unknown(creation: Creation, n: int = 1, **changes: Any) -> Any:
    return register(n, **{"number": STRANGER, "creation": creation, **changes})
