"""Who may open the page: names, roles, passwords' hashes, and the sessions of those who logged in.

Every change is in the settings' audit, under ``user NAME``: role and extensions, never a hash.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import RowMapping, delete, select, update

from ringbridge.store import schema, settings
from ringbridge.store.database import Transaction

U = schema.users.c
S = schema.sessions.c


class Role(StrEnum):
    ADMIN = "admin"  # everything
    SUPERVISOR = "supervisor"  # every call, the state of the links; no settings
    EMPLOYEE = "employee"  # the calls of their own extensions


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    name: str  # as `plain` spells it
    role: Role
    extensions: tuple[str, ...] = ()  # an employee's


def plain(name: str) -> str:
    """One spelling of a name, however it is typed."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


async def anybody(tx: Transaction) -> bool:
    """False: nobody has an account yet."""
    return (await tx.execute(select(U.name).limit(1))).first() is not None


async def everybody(tx: Transaction) -> list[User]:
    return [user_of(row) for row in (await tx.execute(select(schema.users).order_by(U.name))).mappings()]


async def get(tx: Transaction, name: str) -> User | None:
    row = (await tx.execute(select(schema.users).where(U.name == name))).mappings().first()
    return user_of(row) if row else None


async def password_of(tx: Transaction, name: str) -> str | None:
    """The hash; None where nobody has this name."""
    found: str | None = (await tx.execute(select(U.password).where(U.name == name))).scalar_one_or_none()
    return found


async def add(tx: Transaction, user: User, password: str, *, by: str, now: datetime) -> bool:
    """`password`: its hash. False, and nothing is changed, where the name is taken."""
    if await get(tx, user.name) is not None:
        return False
    row = {
        "name": user.name,
        "role": user.role,
        "extensions": json.dumps(user.extensions),
        "password": password,
        "created": now,
    }
    await tx.execute(schema.users.insert().values(row))
    await note(tx, user.name, None, told(user), by=by, now=now)
    return True


async def change(tx: Transaction, user: User, *, by: str, now: datetime) -> bool:
    """Another role or other extensions; sessions go on with them. False where nobody has this name."""
    before = await get(tx, user.name)
    if before is None:
        return False
    row = {"role": user.role, "extensions": json.dumps(user.extensions)}
    await tx.execute(update(schema.users).where(U.name == user.name).values(row))
    await note(tx, user.name, told(before), told(user), by=by, now=now)
    return True


async def change_password(tx: Transaction, name: str, password: str, *, by: str, now: datetime) -> bool:
    """`password`: its hash. Ends every session of this user. False where nobody has this name."""
    user = await get(tx, name)
    if user is None:
        return False
    await tx.execute(update(schema.users).where(U.name == name).values(password=password))
    await tx.execute(delete(schema.sessions).where(S.user == name))
    await note(tx, name, told(user), told(user) | {"password": "changed"}, by=by, now=now)
    return True


async def renew_hash(tx: Transaction, name: str, before: str, after: str) -> None:
    """The same password, hashed by today's measure; nothing when it was changed meanwhile."""
    await tx.execute(update(schema.users).where(U.name == name, U.password == before).values(password=after))


async def remove(tx: Transaction, name: str, *, by: str, now: datetime) -> bool:
    """With every session. False where nobody has this name."""
    user = await get(tx, name)
    if user is None:
        return False
    await tx.execute(delete(schema.users).where(U.name == name))
    await note(tx, name, told(user), None, by=by, now=now)
    return True


# Sessions


async def open_session(tx: Transaction, name: str, digest: str, *, now: datetime, ends: datetime) -> None:
    """Those that are over are swept out with it. `digest`: of the token that the browser gets."""
    await tx.execute(delete(schema.sessions).where(S.ends <= now))
    await tx.execute(schema.sessions.insert().values(digest=digest, user=name, started=now, ends=ends))


async def session_user(tx: Transaction, digest: str, now: datetime) -> User | None:
    """Whose session this is; None when it is over, was ended or never was."""
    joined = select(schema.users).join(schema.sessions, S.user == U.name)
    row = (await tx.execute(joined.where(S.digest == digest, S.ends > now))).mappings().first()
    return user_of(row) if row else None


async def close_session(tx: Transaction, digest: str) -> None:
    await tx.execute(delete(schema.sessions).where(S.digest == digest))


def user_of(row: RowMapping) -> User:
    return User(name=row["name"], role=Role(row["role"]), extensions=tuple(json.loads(row["extensions"])))


def told(user: User) -> dict[str, object]:
    return {"role": user.role, "extensions": list(user.extensions)}


async def note(
    tx: Transaction,
    name: str,
    before: dict[str, object] | None,
    after: dict[str, object] | None,
    *,
    by: str,
    now: datetime,
) -> None:
    texts = [None if document is None else json.dumps(document, ensure_ascii=False) for document in (before, after)]
    await settings.note(tx, f"user {name}", *texts, by=by, now=now)
