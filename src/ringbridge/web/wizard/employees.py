"""Who sits at which phone: matched by what the CRM knows, what does not match first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from ringbridge.routing.intents import PortalId, UserId
from ringbridge.service.config import Office, document_of
from ringbridge.service.config.portal import Portal
from ringbridge.service.portals.extensions import TableRefused, table_of, with_extensions
from ringbridge.service.settings_desk import Document, OfficeChanged, OfficeRefused, validated, version_of
from ringbridge.store import directory
from ringbridge.store.directory import DirectoryUser
from ringbridge.web.wizard.frame import Frame, address_of, given
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
    """Of one portal at a time: the address names it, else it is the first."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def page(self, request: Request) -> Response:
        office = await self._frame.desk.office()
        return await self._shown(request, portal_in(office, request.query_params.get("portal", "")))

    async def save(self, request: Request) -> Response:
        """POST: `portal`, `version`; `user ID` for each user, its phones; `default_user`. Or `look`: a portal."""
        form = await given(request)
        if look := form.get("look"):
            return await self._frame.looked_again(look, f"{address_of(Step.EMPLOYEES)}?portal={quote(look)}")
        portal = portal_in(await self._frame.desk.office(), form.get("portal", ""))
        if portal is None:
            return await self._frame.passed(request, Step.EMPLOYEES)
        users = await self._users(portal)
        wanted = {
            user.id: tuple(form[f"user {user.id}"].replace(",", " ").split())
            for user in users
            if f"user {user.id}" in form
        }

        def alter(before: Document) -> Document:
            return document_of(
                with_people(validated(before), portal, users, wanted, form.get("default_user", "")),
            )

        try:
            await self._frame.change(request, form, partial(people_of, portal=portal.name), alter)
        except (TableRefused, OfficeRefused, OfficeChanged) as refusal:
            return await self._shown(request, portal, typed=wanted, refused=str(refusal), code=422)
        further = portal_after(await self._frame.desk.office(), portal)
        to = f"{address_of(Step.EMPLOYEES)}?portal={further.name}" if further else ""
        return await self._frame.passed(request, Step.EMPLOYEES, to=to)

    async def _shown(
        self,
        request: Request,
        portal: Portal | None,
        *,
        typed: Mapping[UserId, tuple[str, ...]] | None = None,
        refused: str = "",
        code: int = 200,
    ) -> Response:
        office, progress = await self._frame.desk.office(), await self._frame.progress()
        portal = portal_in(office, portal.name) if portal else None
        users = await self._users(portal) if portal else []
        status = await self._frame.services.status()
        return await self._frame.page(
            request,
            Step.EMPLOYEES,
            code=code,
            match=matched(office, portal, users, progress.extensions, typed or {}),
            portal=portal,
            portals=office.portal,
            standing=next((one for one in status.portals if portal and one.name == portal.name), None),
            waits=portal is not None and portal.name in await self._frame.waiting(office),
            version=version_of(people_of(document_of(office), portal=portal.name)) if portal else "",
            extensions=progress.extensions,
            refused=refused,
        )

    async def _users(self, portal: Portal) -> Sequence[DirectoryUser]:
        async with self._frame.database.reading() as tx:
            found = await directory.read(tx, PortalId(portal.name))
        return [user for user in found if user.active]


def portal_in(office: Office, name: str) -> Portal | None:
    """The named one, else the first."""
    return next((portal for portal in office.portal if portal.name == name), next(iter(office.portal), None))


def portal_after(office: Office, portal: Portal) -> Portal | None:
    names = [one.name for one in office.portal]
    return next(iter(office.portal[names.index(portal.name) + 1 :]), None)


def people_of(document: Document, *, portal: str) -> Any:
    """What this step changes of the office."""
    stand_ins = [one["default_user"] for one in document.get("portal", ()) if one["name"] == portal]
    return [document.get("employee", []), stand_ins]


def matched(
    office: Office,
    portal: Portal | None,
    users: Iterable[DirectoryUser],
    extensions: Sequence[str],
    typed: Mapping[UserId, tuple[str, ...]] | None = None,
) -> Match:
    """`typed`: phones of users as somebody has just typed them."""
    users = list(users)
    of_portal = table_of(office, PortalId(portal.name if portal else ""), users)
    rows = {row.user: row for row in of_portal.rows}
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
    office: Office,
    portal: Portal,
    users: Sequence[DirectoryUser],
    wanted: Mapping[UserId, tuple[str, ...]],
    default_user: str,
) -> Office:
    """Only what the CRM does not know itself is written down. Raises `TableRefused`."""
    own = {user.id: user.extensions for user in users}
    held = {UserId(one.users.get(portal.name, "")) for one in office.employee}
    said = {user: phones for user, phones in wanted.items() if phones != own[user] or user in held}
    changed = with_extensions(office, PortalId(portal.name), users, said)
    if default_user:
        portals = [
            one.model_copy(update={"default_user": default_user}) if one.name == portal.name else one
            for one in office.portal
        ]
        changed = changed.model_copy(update={"portal": tuple(portals)})
    return changed
