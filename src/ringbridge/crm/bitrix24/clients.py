"""Whom a number belongs to.

Sources: Bitrix24 REST docs, telephony.externalCall.searchCrmEntities (needs the telephony scope and answers with the
responsible), crm.duplicate.findbycomm (needs crm only). Both compare whole normalised numbers: a client whose number
was written the national way is another one for the portal, so that spelling is asked for as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ringbridge.crm.bitrix24.batch import Outcome, Reference
from ringbridge.crm.bitrix24.telephony import Command, as_list, as_map, text
from ringbridge.crm.contract import Client
from ringbridge.routing.intents import UserId
from ringbridge.telephony.numbers import parse_number, spellings

SEARCH = "telephony.externalCall.searchCrmEntities"

KINDS = ("contact", "company", "lead")  # in this order one is chosen where several match

FULL_LENGTH = 10  # from so many digits on, the portal takes prefixes off
OF_A_CALL = re.compile(r"\+?\d(?:[ ()-]*\d){9,}(?: - |$)")  # "+7 912 555-11-22 - Incoming call"


def ways_to_write(number: str, region: str) -> list[str]:
    """The number itself, then the spellings that the portal holds for other numbers."""
    parsed = parse_number(number, region)
    if parsed is None or parsed.e164 is None:
        return [number]
    ways = {key_of(number): number}
    for other in sorted(spellings(parsed, region) - {parsed.digits}):  # without its plus, +86… would be a Russian 8…
        ways.setdefault(key_of(other), other)
    return list(ways.values())


def key_of(number: str) -> str:
    """By what the portal compares numbers. Source: seen on the on-premise edition."""
    digits = re.sub(r"\D", "", number)
    if number.startswith("+8") or len(digits) < FULL_LENGTH or digits[:2] in {"80", "81", "82"}:
        return digits
    for prefix, instead in (("011", ""), ("00", ""), ("8", "7"), ("0", "")):
        if digits.startswith(prefix):
            return instead + digits.removeprefix(prefix)
    return digits


def search(number: str) -> Command:
    return Command(method=SEARCH, params={"PHONE_NUMBER": number})


def clients_in(results: Iterable[Any]) -> tuple[Client, ...]:
    """Everybody in the answers of searchCrmEntities, the best match first."""
    found = {
        (client.kind, client.id): client
        for result in results
        for row in as_list(result)
        if (client := _client(as_map(row)))
    }
    return tuple(sorted(found.values(), key=lambda client: KINDS.index(client.kind)))


def client_in(result: Any) -> Client | None:
    """The best match of searchCrmEntities."""
    return next(iter(clients_in([result])), None)


def by_duplicates(numbers: Sequence[str]) -> dict[str, Command]:
    """The same question for a key without the telephony scope, as one batch."""
    values = {"type": "PHONE", "values": list(numbers)}
    reads = {
        kind: Command(method=f"crm.{kind}.get", params={"id": Reference(f"$result[found][{kind.upper()}][0]")})
        for kind in KINDS
    }
    return {"found": Command(method="crm.duplicate.findbycomm", params=values), **reads}


def client_by_duplicates(outcomes: Mapping[str, Outcome]) -> Client | None:
    """The best match in that batch. A kind without a match has a refusal where its entity would be."""
    matches = as_map(outcomes["found"].result)
    for kind in KINDS:
        ids, row = as_list(matches.get(kind.upper())), as_map(outcomes[kind].result)
        if ids and text(row.get("ID")) == text(ids[0]):
            return Client(kind=kind, id=text(ids[0]), name=name_of(row), responsible=user_of(row.get("ASSIGNED_BY_ID")))
    return None


def _client(row: Mapping[str, Any]) -> Client | None:
    kind, number = text(row.get("CRM_ENTITY_TYPE")).lower(), text(row.get("CRM_ENTITY_ID"))
    if kind not in KINDS or not number:
        return None
    responsible = user_of(row.get("ASSIGNED_BY_ID")) or user_of(as_map(row.get("ASSIGNED_BY")).get("ID"))
    return Client(kind=kind, id=number, name=text(row.get("NAME")), responsible=responsible)


def user_of(value: Any) -> UserId | None:
    return UserId(found) if (found := text(value)) else None


def name_of(row: Mapping[str, Any]) -> str:
    """Empty where nobody has given one: the portal calls a lead that a call made by its number and direction."""
    person = " ".join(part for field in ("NAME", "LAST_NAME") if (part := text(row.get(field))))
    title = text(row.get("TITLE"))
    return person or ("" if OF_A_CALL.match(title) else title)
