"""The portal's users as we last read them: employees are found while the portal is down."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import delete, select

from ringbridge.routing.intents import PortalId, UserId
from ringbridge.store import schema
from ringbridge.store.database import Transaction

U = schema.crm_users.c


class AnyUser(Protocol):
    """A user as a CRM adapter tells it."""

    @property
    def id(self) -> UserId: ...
    @property
    def name(self) -> str: ...
    @property
    def active(self) -> bool: ...
    @property
    def extensions(self) -> tuple[str, ...]: ...
    @property
    def phones(self) -> tuple[str, ...]: ...
    @property
    def departments(self) -> tuple[str, ...]: ...
    @property
    def working_day(self) -> str | None: ...
    @property
    def email(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryUser:
    id: UserId
    name: str
    active: bool
    extensions: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    working_day: str | None = None  # open, break, over; None where the CRM keeps none
    email: str = ""


async def replace(tx: Transaction, portal: PortalId, users: Iterable[AnyUser]) -> None:
    """These are now all users of the portal. Of two with one id the last counts."""
    rows = {
        user.id: {
            "portal": portal,
            "user": user.id,
            "name": user.name,
            "active": user.active,
            "extensions": json.dumps(user.extensions),
            "phones": json.dumps(user.phones),
            "departments": json.dumps(user.departments, ensure_ascii=False),
            "working_day": user.working_day,
            "email": user.email,
        }
        for user in users
    }
    await tx.execute(delete(schema.crm_users).where(U.portal == portal))
    if rows:
        await tx.execute(schema.crm_users.insert(), list(rows.values()))


async def read(tx: Transaction, portal: PortalId) -> list[DirectoryUser]:
    """The portal's users by name."""
    found = await tx.execute(select(schema.crm_users).where(U.portal == portal).order_by(U.name, U.user))
    return [
        DirectoryUser(
            id=UserId(row["user"]),
            name=row["name"],
            active=row["active"],
            extensions=tuple(json.loads(row["extensions"])),
            phones=tuple(json.loads(row["phones"])),
            departments=tuple(json.loads(row["departments"])),
            working_day=row["working_day"],
            email=row["email"],
        )
        for row in found.mappings()
    ]
