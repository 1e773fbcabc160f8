"""The integration's own lead sources, by which an account tells what brought a lead.

Source: amoCRM API v4, "Sources" (an integration sees its own, at most a hundred; external_id of up to 40 signs).
"""

from __future__ import annotations

from collections.abc import Iterable

from ringbridge.crm.amocrm.rest import API, Rest
from ringbridge.crm.amocrm.values import text
from ringbridge.routing.intents import Priority

SOURCES = f"{API}/sources"
LONGEST = 40


def external_id(name: str) -> str:
    return name.strip()[:LONGEST]


async def add_missing(rest: Rest, names: Iterable[str]) -> tuple[str, ...]:
    """A source of each name is there afterwards; gives those that are new. Raises `CrmError`."""
    wanted = {external_id(name): name.strip() for name in names if name.strip()}
    if not wanted:
        return ()
    known = {text(row.get("external_id")) for row in await rest.everything(SOURCES, "sources", priority=Priority.REST)}
    missing = {key: name for key, name in wanted.items() if key not in known}
    if missing:
        rows = [{"name": name, "external_id": key} for key, name in missing.items()]
        await rest.call("POST", SOURCES, rows, priority=Priority.REST)
    return tuple(missing.values())
