"""What all steps share: the frame of the page, the office, how far the set-up is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ringbridge.routing.intents import PortalId
from ringbridge.service.config import Office
from ringbridge.service.portals.trial import can_be_tried
from ringbridge.service.settings_desk import Document, OfficeChanged, SettingsDesk, version_of
from ringbridge.store import portals, users
from ringbridge.web.auth.visitor import by_whom
from ringbridge.web.rendering import Pages
from ringbridge.web.wizard.steps import Progress, Stage, Step, following, read_progress, save_progress, stages
from ringbridge.web.words import N_

Alter = Callable[[Document], Document]

MEANWHILE = N_("Somebody has changed this meanwhile. Look at it once more; what is saved now counts.")
MOST_FIELDS, LONGEST = 4000, 16 * 1024


def address_of(step: Step) -> str:
    return f"/config/master/{step}"


class Frame:
    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.services = pages.services
        self.database = pages.services.database

    @property
    def desk(self) -> SettingsDesk:
        desk = self.services.settings
        if desk is None:
            raise HTTPException(404)
        return desk

    async def stages(self) -> tuple[Stage, ...]:
        async with self.database.reading() as tx:
            accounts = await users.anybody(tx)
        office = await self.desk.office()
        waiting = await self.waiting(office)
        return stages(office, await self.progress(), accounts=accounts, waiting=waiting)

    async def waiting(self, office: Office) -> frozenset[str]:
        """Portals that have not let us in yet: nothing was ever read of them."""
        async with self.database.reading() as tx:
            return frozenset(
                [
                    portal.name
                    for portal in office.portal
                    if not can_be_tried(portal) and "choices" not in await portals.learned(tx, PortalId(portal.name))
                ]
            )

    async def change(
        self, request: Request, form: Mapping[str, str], part: Callable[[Document], Any], alter: Alter
    ) -> None:
        """Nobody overwrites what they have not seen: `part` of the office is as it was on the form (its `version`), or
        `alter` changes nothing of it. Raises `OfficeChanged`, `OfficeRefused`, `StoreError`."""

        def altered(before: Document) -> Document:
            after = alter(before)
            if form.get("version", now := version_of(part(before))) != now and version_of(part(after)) != now:
                raise OfficeChanged(MEANWHILE)
            return after

        await self.desk.change(altered, by=by_whom(request))

    async def progress(self) -> Progress:
        return await read_progress(self.database)

    async def page(self, request: Request, step: Step, *, code: int = 200, **context: Any) -> Response:
        """The step's own template, inside the frame."""
        if "form" in context:  # an input that was not sent is empty
            context["form"] = defaultdict(str, context["form"])
        found = {"stages": await self.stages(), "step": step, "following": address_of(following(step))}
        return await self.pages.page(request, f"wizard_{step}.html", code=code, **found, **context)

    async def keep(self, request: Request, progress: Progress) -> None:
        await save_progress(self.database, progress, now=self.services.now(), by=by_whom(request))

    async def looked_again(self, portal: str, to: str) -> Response:
        await self.services.look_again(PortalId(portal))
        return RedirectResponse(to, status_code=303)

    async def passed(self, request: Request, step: Step, progress: Progress | None = None, *, to: str = "") -> Response:
        """On to the next step, or to another address."""
        await self.keep(request, (progress or await self.progress()).after(step))
        return RedirectResponse(to or address_of(following(step)), status_code=303)


async def given(request: Request) -> Mapping[str, str]:
    """What was typed. Of several inputs with one name the last counts."""
    async with request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=LONGEST) as form:
        return {name: str(value).strip() for name, value in form.items()}
