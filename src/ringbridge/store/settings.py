"""Settings: one JSON document for each section, its secrets sealed, every change kept with who made it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from ringbridge.store import schema
from ringbridge.store.database import Transaction, insert
from ringbridge.store.vault import Vault

S = schema.settings.c
SEALED = "$sealed"


class Secret(str):
    """A text that is sealed wherever it is kept. Its ``repr`` hides it; it is a str otherwise."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('…')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of the audit: documents as they are kept, secrets sealed. None: the section was not there."""

    id: int
    section: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    at: datetime
    by: str


async def save(
    tx: Transaction, vault: Vault, section: str, document: Mapping[str, Any], *, by: str, now: datetime
) -> None:
    """Put a document in place of the section's earlier one. JSON-ready values; each `Secret` within is sealed."""
    before = await kept(tx, section)
    text = await put(tx, section, sealed(dict(document), vault), by=by, now=now)
    await note(tx, section, before, text, by=by, now=now)


async def put(tx: Transaction, section: str, document: Mapping[str, Any], *, by: str, now: datetime) -> str:
    """As `save`, but of what is no setting: it holds no secrets, and the audit does not tell of it. Gives its text."""
    text = json.dumps(document, ensure_ascii=False)
    row = {"document": text, "changed": now, "changed_by": by}
    statement = insert(schema.settings).values(section=section, **row)
    await tx.execute(statement.on_conflict_do_update(index_elements=["section"], set_=row))
    return text


async def load(tx: Transaction, vault: Vault, section: str) -> dict[str, Any] | None:
    """The section's document, with its secrets as `Secret`; raises `SecretsLocked` when the key does not open them."""
    text = await kept(tx, section)
    return None if text is None else opened(json.loads(text), vault)


async def document_of(tx: Transaction, section: str) -> dict[str, Any]:
    """What was `put` there; empty where nothing was."""
    text = await kept(tx, section)
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


async def load_all(tx: Transaction, vault: Vault) -> dict[str, dict[str, Any]]:
    rows = await tx.execute(select(S.section, S.document).order_by(S.section))
    return {row.section: opened(json.loads(row.document), vault) for row in rows}


async def changed_at(tx: Transaction, section: str) -> datetime | None:
    """When the section was saved last; None where it is not there."""
    at: datetime | None = (await tx.execute(select(S.changed).where(S.section == section))).scalar_one_or_none()
    return at


async def remove(tx: Transaction, section: str, *, by: str, now: datetime) -> None:
    if (before := await kept(tx, section)) is not None:
        await tx.execute(delete(schema.settings).where(S.section == section))
        await note(tx, section, before, None, by=by, now=now)


async def changes(tx: Transaction, section: str | None = None, limit: int = 100) -> list[Change]:
    """Who changed what, newest first."""
    audit = schema.settings_audit
    wanted = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if section is not None:
        wanted = wanted.where(audit.c.section == section)
    return [
        Change(
            id=row["id"],
            section=row["section"],
            before=json.loads(row["before"]) if row["before"] else None,
            after=json.loads(row["after"]) if row["after"] else None,
            at=row["changed"],
            by=row["changed_by"],
        )
        for row in (await tx.execute(wanted)).mappings()
    ]


async def kept(tx: Transaction, section: str) -> str | None:
    text: str | None = (await tx.execute(select(S.document).where(S.section == section))).scalar_one_or_none()
    return text


async def note(tx: Transaction, section: str, before: str | None, after: str | None, *, by: str, now: datetime) -> None:
    row = {"section": section, "before": before, "after": after, "changed": now, "changed_by": by}
    await tx.execute(schema.settings_audit.insert().values(row))


async def holds_secrets(tx: Transaction) -> bool:
    """Whether anything is kept that only the key file opens."""
    in_settings = select(S.section).where(S.document.contains(f'"{SEALED}"', autoescape=True))
    in_portals = select(schema.portals.c.portal).where(schema.portals.c.tokens.is_not(None))
    return any([(await tx.execute(rows.limit(1))).first() for rows in (in_settings, in_portals)])


def sealed(value: Any, vault: Vault) -> Any:
    match value:
        case Secret():
            return {SEALED: vault.seal(value)}
        case Mapping():
            return {name: sealed(part, vault) for name, part in value.items()}
        case list() | tuple():
            return [sealed(part, vault) for part in value]
        case _:
            return value


def opened(value: Any, vault: Vault) -> Any:
    match value:
        case dict() if value.keys() == {SEALED}:
            return Secret(vault.unseal(value[SEALED]))
        case dict():
            return {name: opened(part, vault) for name, part in value.items()}
        case list():
            return [opened(part, vault) for part in value]
        case _:
            return value
