"""Tokens of programs that were made on the page, and when each token was shown last.

Of a token its digest is kept: a copy of the database opens nothing. Every change is in the settings' audit, under
``api token NAME``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, delete, select

from ringbridge.store import schema, settings
from ringbridge.store.database import Transaction, insert

T = schema.api_tokens.c
U = schema.api_token_uses.c


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredToken:
    name: str
    may: tuple[str, ...]  # permissions, by their names
    origins: tuple[str, ...]  # sites whose pages may use it
    created: datetime
    by: str  # who made it


async def everyone(tx: Transaction) -> list[StoredToken]:
    rows = (await tx.execute(select(schema.api_tokens).order_by(T.name))).mappings()
    return [token_of(row) for row in rows]


async def by_digest(tx: Transaction, digest: str) -> StoredToken | None:
    row = (await tx.execute(select(schema.api_tokens).where(T.digest == digest))).mappings().first()
    return token_of(row) if row else None


async def add(tx: Transaction, token: StoredToken, digest: str) -> bool:
    """False, and nothing is changed, where the name is taken."""
    if (await tx.execute(select(T.name).where(T.name == token.name))).first():
        return False
    row = {
        "name": token.name,
        "digest": digest,
        "may": json.dumps(token.may),
        "origins": json.dumps(token.origins),
        "created": token.created,
        "created_by": token.by,
    }
    await tx.execute(schema.api_tokens.insert().values(row))
    await settings.note(tx, section_of(token.name), None, told(token), by=token.by, now=token.created)
    return True


async def remove(tx: Transaction, name: str, *, by: str, now: datetime) -> bool:
    """False where none has this name."""
    row = (await tx.execute(select(schema.api_tokens).where(T.name == name))).mappings().first()
    if row is None:
        return False
    await tx.execute(delete(schema.api_tokens).where(T.name == name))
    await tx.execute(delete(schema.api_token_uses).where(U.token == name))
    await settings.note(tx, section_of(name), told(token_of(row)), None, by=by, now=now)
    return True


async def put_use(tx: Transaction, name: str, at: datetime) -> None:
    """It was shown, also where it is one of the configuration."""
    statement = insert(schema.api_token_uses).values(token=name, used=at)
    await tx.execute(statement.on_conflict_do_update(index_elements=["token"], set_={"used": at}))


async def uses(tx: Transaction) -> dict[str, datetime]:
    """By the token's name: when it was shown last."""
    return {row.token: row.used for row in await tx.execute(select(schema.api_token_uses))}


def section_of(name: str) -> str:
    return f"api token {name}"


def token_of(row: RowMapping) -> StoredToken:
    return StoredToken(
        name=row["name"],
        may=tuple(json.loads(row["may"])),
        origins=tuple(json.loads(row["origins"])),
        created=row["created"],
        by=row["created_by"],
    )


def told(token: StoredToken) -> str:
    return json.dumps({"may": token.may, "origins": token.origins}, ensure_ascii=False)
