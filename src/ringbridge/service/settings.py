"""The office in the database: read, replaced as a whole, its secrets sealed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from ringbridge.service.config import Office, document_of, office_of
from ringbridge.store import settings
from ringbridge.store.database import Database
from ringbridge.store.settings import Secret
from ringbridge.store.vault import Vault

SECTION = "office"


async def load_office(database: Database, vault: Vault) -> Office | None:
    """None before anything was configured. Raises `SecretsLocked`, `ConfigError`."""
    async with database.reading() as tx:
        document = await settings.load(tx, vault, SECTION)
    return None if document is None else office_of(_as_text(document), "the stored configuration")


async def configured_at(database: Database) -> datetime | None:
    """When the office was configured last."""
    async with database.reading() as tx:
        changes = await settings.changes(tx, SECTION, limit=1)
    return changes[0].at if changes else None


async def save_office(database: Database, vault: Vault, office: Office, *, by: str) -> None:
    document = _sealing(document_of(office), office.model_dump(by_alias=True, exclude_defaults=True))
    async with database.transaction() as tx:
        await settings.save(tx, vault, SECTION, document, by=by, now=datetime.now(UTC))


def _sealing(plain: Any, model: Any) -> Any:
    """The plain document with what the model holds as secret marked to be sealed."""
    match model:
        case SecretStr():
            return Secret(plain)
        case dict():
            return {name: _sealing(value, model[name]) for name, value in plain.items()}
        case list() | tuple():
            return [_sealing(each, part) for each, part in zip(plain, model, strict=True)]
    return plain


def _as_text(value: Any) -> Any:
    match value:
        case Secret():
            return str.__str__(value)
        case dict():
            return {name: _as_text(each) for name, each in value.items()}
        case list():
            return [_as_text(each) for each in value]
    return value
