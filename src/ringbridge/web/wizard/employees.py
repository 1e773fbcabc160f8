"""Who sits at which phone: matched by what the CRM knows, what does not match first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from ringbridge.routing.intents import PortalId, UserId
from ringbridge.service.config import Office, document_of
from ringbridge.service.portals.extensions import TableRefused, table_of, with_extensions
from ringbridge.service.settings_desk import OfficeRefused
from ringbridge.store import directory
from ringbridge.store.directory import DirectoryUser
from ringbridge.web.auth.visitor import by_whom
from ringbridge.web.wizard.frame import Frame, given
from ringbridge.web.wizard.steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """`phones`: as they will count; `own`: the CRM told them, so nothing has to be said here."""

    user: UserId
    name: str
    phones: tuple[str, ...] = ()
    own: bool = False
    conflict: bool = False  # somebody else has one of these phones too, or the PBX has none of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    people: tuple[Person, ...]  # conflicts first, then those with a phone
    nobodys: tuple[str, ...]  # phones of the PBX that belong to nobody


class EmployeesStep:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def page(self, request: Request) -> Response:
        return await self._shown(request)

    async def save(self, request: Request) -> Response:
        """POST: `user ID` for each user of the first portal, its phones; `default_user`."""
        form = await given(request)
        office = await self._frame.desk.office()
        if not office.portal:
            return await self._frame.passed(request, Step.EMPLOYEES)
        users = await self._users(office)
        wanted = {
            user.id: tuple(form[f"user {user.id}"].replace(",", " ").split())
            for user in users
            if f"user {user.id}" in form
        }
        try:
            await self._frame.desk.change(
                lambda _: document_of(with_people(office, users, wanted, form.get("default_user", ""))),
                by=by_whom(request),
            )
        except (TableRefused, OfficeRefused) as refusal:
            return await self._shown(request, typed=wanted, refused=str(refusal), code=422)
        return await self._frame.passed(request, Step.EMPLOYEES)

    async def _shown(
        self,
        request: Request,
        *,
        typed: Mapping[UserId, tuple[str, ...]] | None = None,
        refused: str = "",
        code: int = 200,
    ) -> Response:
        office, progress = await self._frame.desk.office(), await self._frame.progress()
        users = await self._users(office) if office.portal else []
        return await self._frame.page(
            request,
            Step.EMPLOYEES,
            code=code,
            match=matched(office, users, progress.extensions, typed or {}),
            portal=office.portal[0] if office.portal else None,
            refused=refused,
        )

    async def _users(self, office: Office) -> Sequence[DirectoryUser]:
        async with self._frame.database.reading() as tx:
            found = await directory.read(tx, PortalId(office.portal[0].name))
        return [user for user in found if user.active]


def matched(
    office: Office,
    users: Iterable[DirectoryUser],
    extensions: Sequence[str],
    typed: Mapping[UserId, tuple[str, ...]] | None = None,
) -> Match:
    """`typed`: phones of users as somebody has just typed them."""
    users = list(users)
    portal = PortalId(office.portal[0].name) if office.portal else PortalId("")
    rows = {row.user: row for row in table_of(office, portal, users).rows}
    phones = {user.id: rows[user.id].extensions or user.extensions or rows[user.id].suggested for user in users}
    phones |= typed or {}
    holders = Counter(phone for held in phones.values() for phone in held)
    people = [
        Person(
            user=user.id,
            name=user.name,
            phones=phones[user.id],
            own=phones[user.id] == user.extensions,
            conflict=any(holders[one] > 1 or (extensions and one not in extensions) for one in phones[user.id]),
        )
        for user in users
    ]
    named = {phone for employee in office.employee for phone in employee.extensions}
    return Match(
        people=tuple(sorted(people, key=lambda one: (not one.conflict, not one.phones, one.name))),
        nobodys=tuple(phone for phone in extensions if phone not in holders and phone not in named),
    )


def with_people(
    office: Office, users: Sequence[DirectoryUser], wanted: Mapping[UserId, tuple[str, ...]], default_user: str
) -> Office:
    """Only what the CRM does not know itself is written down. Raises `TableRefused`."""
    portal = office.portal[0]
    own = {user.id: user.extensions for user in users}
    held = {UserId(one.users.get(portal.name, "")) for one in office.employee}
    said = {user: phones for user, phones in wanted.items() if phones != own[user] or user in held}
    changed = with_extensions(office, PortalId(portal.name), users, said)
    if default_user:
        portals = (portal.model_copy(update={"default_user": default_user}), *office.portal[1:])
        changed = changed.model_copy(update={"portal": portals})
    return changed
