"""Which employee sits at which phone, as a table that an administrator of the CRM edits there. It is the office's own
list of employees, seen from one portal: there is no other copy of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from ringbridge.routing.intents import PortalId, UserId
from ringbridge.service.config import ConfigError, Employee, Office
from ringbridge.service.settings import load_office, save_office
from ringbridge.store import directory
from ringbridge.store.database import Database
from ringbridge.store.directory import DirectoryUser
from ringbridge.store.vault import Vault

log = structlog.get_logger(__name__)

EXTENSION = re.compile(r"[A-Za-z0-9._*#+-]{1,32}")
MOST = 10  # phones of one employee

Wanted = Mapping[UserId, tuple[str, ...]]


class TableRefused(Exception):
    """The table is not saved. `code` names why, `subject` whom or what it is about."""

    def __init__(self, code: str, text: str, subject: str = "") -> None:
        super().__init__(text)
        self.code, self.subject = code, subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    user: UserId
    name: str
    active: bool  # False: dismissed, and still named for a phone
    extensions: tuple[str, ...] = ()
    suggested: tuple[str, ...] = ()  # phones of an employee who is no user of the portal yet and seems to be this one


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    rows: tuple[Row, ...]

    @property
    def version(self) -> str:
        """Another one after every change: nobody overwrites what they have not seen."""
        told = repr([(row.user, row.extensions) for row in self.rows])
        return hashlib.sha256(told.encode()).hexdigest()[:16]


class EmployeeTable:
    """`changed` is awaited with the office as it is from now on."""

    def __init__(
        self, portal: PortalId, *, database: Database, vault: Vault, changed: Callable[[Office], Awaitable[None]]
    ) -> None:
        self._portal = portal
        self._database = database
        self._vault = vault
        self._changed = changed
        self._saving = asyncio.Lock()

    async def read(self) -> Table:
        """Raises `StoreError`, `ConfigError`."""
        return table_of(await self._office(), self._portal, await self._users())

    async def save(self, wanted: Wanted, *, version: str, by: str) -> Table:
        """Puts these phones in place of each named user's earlier ones; users who are not named keep theirs. Raises
        `TableRefused`, `StoreError`, `ConfigError`."""
        async with self._saving:
            office, users = await self._office(), await self._users()
            if table_of(office, self._portal, users).version != version:
                raise TableRefused("changed", "Somebody else has changed the table meanwhile: look at it again.")
            changed = with_extensions(office, self._portal, users, wanted)
            await save_office(self._database, self._vault, changed, by=by)
            await self._changed(changed)
        log.info("employee_table_saved", portal=self._portal, by=by, users=len(wanted))
        return table_of(changed, self._portal, users)

    async def _office(self) -> Office:
        office = await load_office(self._database, self._vault)
        if office is None:
            raise ConfigError("Nothing is configured yet: ringbridge config import OFFICE.toml")
        return office

    async def _users(self) -> Sequence[DirectoryUser]:
        async with self._database.reading() as tx:
            return await directory.read(tx, self._portal)


def table_of(office: Office, portal: PortalId, users: Iterable[DirectoryUser]) -> Table:
    """Who works there, by name, and who is gone and still has a phone."""
    rows = [_row(office, portal, user) for user in users]
    return Table(rows=tuple(row for row in rows if row.active or row.extensions))


def _row(office: Office, portal: PortalId, user: DirectoryUser) -> Row:
    held = [one for one in office.employee if one.users.get(portal) == user.id]
    extensions = tuple(dict.fromkeys(phone for one in held for phone in one.extensions))
    suggested = () if extensions or not user.active else _suggested(office, portal, user)
    return Row(user=user.id, name=user.name, active=user.active, extensions=extensions, suggested=suggested)


def _suggested(office: Office, portal: PortalId, user: DirectoryUser) -> tuple[str, ...]:
    """An e-mail address is one person's; a name may be two persons', and then none is suggested."""
    free = [one for one in office.employee if portal not in one.users]
    by_email = [one for one in free if user.email and one.email.casefold() == user.email.casefold()]
    found = by_email or [one for one in free if _key(one.name) == _key(user.name)]
    return found[0].extensions if len(found) == 1 else ()


def _key(name: str) -> tuple[str, ...]:
    """Names are written in either order."""
    return tuple(sorted(name.casefold().split()))


def with_extensions(office: Office, portal: PortalId, users: Iterable[DirectoryUser], wanted: Wanted) -> Office:
    """The office with these phones. An employee who is known by a phone already is the same person at this portal too.
    Raises `TableRefused`."""
    names = {user.id: user.name for user in users}
    _check_wanted(names, wanted)
    employees = list(office.employee)
    taken = set(wanted)
    for at, one in enumerate(employees):
        user = UserId(one.users.get(portal, ""))
        if user in wanted:
            phones = wanted[user] if user in taken else ()
            taken.discard(user)
            employees[at] = one.model_copy(update={"extensions": phones})
    for user in (user for user in wanted if user in taken and wanted[user]):
        _name(employees, portal, user, names[user], wanted[user])
    _check_holders(employees)
    return office.model_copy(update={"employee": tuple(employees)})


def _name(employees: list[Employee], portal: PortalId, user: UserId, name: str, phones: tuple[str, ...]) -> None:
    """A user whom the office did not know yet gets phones."""
    for at, one in enumerate(employees):
        if portal not in one.users and not set(one.extensions).isdisjoint(phones):
            employees[at] = one.model_copy(update={"extensions": phones, "users": {**one.users, portal: user}})
            return
    employees.append(Employee(name=name or f"User {user}", extensions=phones, users={portal: user}))


def _check_wanted(names: Mapping[UserId, str], wanted: Wanted) -> None:
    for user, phones in wanted.items():
        if user not in names:
            raise TableRefused("unknown_user", f"The account has no user {user}.", str(user))
        if len(phones) > MOST:
            raise TableRefused("too_many", f"{names[user]} has more than {MOST} phones.", names[user])
        for phone in phones:
            if not EXTENSION.fullmatch(phone):
                raise TableRefused("not_an_extension", f"{phone[:40]!r} is no extension.", phone[:40])


def _check_holders(employees: Iterable[Employee]) -> None:
    """Those who are no users of this portal have phones too."""
    holders: dict[str, str] = {}
    for one in employees:
        for phone in one.extensions:
            if phone in holders:
                text = f"Extension {phone} stands with both {holders[phone]} and {one.name}."
                raise TableRefused("twice", text, phone)
            holders[phone] = one.name
