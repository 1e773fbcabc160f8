"""The CRM: which one, its key, and whether the key opens it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ringbridge.routing.intents import PortalId
from ringbridge.service.config import Office, document_of
from ringbridge.service.config.portal import Portal
from ringbridge.service.portals.trial import Tried, can_be_tried, try_portal
from ringbridge.service.settings_desk import Document, OfficeRefused, validated
from ringbridge.store import portals
from ringbridge.web import language as languages
from ringbridge.web.auth.visitor import by_whom
from ringbridge.web.wizard import ways
from ringbridge.web.wizard.drawings import shown
from ringbridge.web.wizard.frame import Frame, given
from ringbridge.web.wizard.steps import Step

EXAMPLE = "https://calls.example.com"
HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class CrmStep:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def page(self, request: Request) -> Response:
        return await self._shown(request, {}, None)

    async def save(self, request: Request) -> Response:
        """POST: `kind` and the key's inputs. A key that can be tried is kept only when it opens the portal."""
        form = await given(request)
        office = await self._frame.desk.office()
        known = any(portal.kind == form.get("kind") for portal in office.portal)
        try:
            wanted = validated(with_portal(document_of(office), form))
            portal = portal_of(wanted, form)
            tried = await try_portal(portal, wanted) if can_be_tried(portal) else Tried()
            if tried.trouble:
                return await self._shown(request, form, tried, code=422)
            stand_in = portal.default_user if known else tried.user or portal.default_user
            await self._frame.desk.change(
                lambda before: with_portal(before, {**form, "default_user": stand_in}), by=by_whom(request)
            )
        except OfficeRefused as refusal:
            return await self._shown(request, form, Tried(trouble=str(refusal)), code=422)
        if form.get("act") == "save" and not tried.missing and can_be_tried(portal):
            return await self._frame.passed(request, Step.CRM)
        return await self._shown(request, {}, tried)  # what is kept is not shown again

    async def _shown(
        self, request: Request, form: Mapping[str, str], tried: Tried | None, *, code: int = 200
    ) -> Response:
        office, status = await self._frame.desk.office(), await self._frame.services.status()
        address = office.public_address or reachable(request) or EXAMPLE
        say = languages.translations(languages.language_of(request)).gettext
        names = {kind: name_of(office, kind) for kind in ("bitrix24", "amocrm")}
        return await self._frame.page(
            request,
            Step.CRM,
            code=code,
            form=form,
            tried=tried,
            portals=office.portal,
            standing={portal.name: portal for portal in status.portals},
            waiting=await self._waiting(office),
            own_address=address,
            is_example=address == EXAMPLE,
            public_address=office.public_address or "",
            names=names,
            ways={
                "application": shown(ways.local_application(f"{address}/bitrix24/{names['bitrix24']}/install"), say),
                "webhook": shown(ways.incoming_webhook(), say),
                "amocrm": shown(ways.amocrm_integration(f"{address}/amocrm/{names['amocrm']}/oauth"), say),
            },
        )

    async def _waiting(self, office: Office) -> set[str]:
        """Portals that have not let us in yet: nothing was ever read of them."""
        async with self._frame.database.reading() as tx:
            return {
                portal.name
                for portal in office.portal
                if not can_be_tried(portal) and "choices" not in await portals.learned(tx, PortalId(portal.name))
            }


def reachable(request: Request) -> str:
    """The address by which the page was opened, where that may be reached from another machine as well."""
    host = request.url.hostname or ""
    return "" if host in HERE else str(request.base_url).rstrip("/")


def name_of(office: Office, kind: str) -> str:
    """Of the portal that there is of this kind, or will be."""
    return next((portal.name for portal in office.portal if portal.kind == kind), kind)


def portal_of(office: Office, form: Mapping[str, str]) -> Portal:
    return next(portal for portal in office.portal if portal.kind == form.get("kind", "bitrix24"))


def with_portal(document: Document, form: Mapping[str, str]) -> Document:
    """The office with this portal in place of its first of the kind, the rest of whose settings stay."""
    kind = form.get("kind", "bitrix24")
    present: list[dict[str, Any]] = list(document.get("portal", ()))
    at = next((n for n, one in enumerate(present) if one.get("kind", "bitrix24") == kind), len(present))
    portal: dict[str, Any] = dict(present[at]) if at < len(present) else {"name": kind}
    for key in ("webhook", "oauth", "amocrm"):
        portal.pop(key, None)
    portal |= {"kind": kind, **key_in(kind, form)}
    portal["default_user"] = form.get("default_user") or portal.get("default_user") or "1"
    if form.get("closed"):
        portal |= {"allow_http": True, "allow_private": True}
    present[at : at + 1] = [portal]
    address = {"public_address": form["public_address"]} if form.get("public_address") else {}
    return document | {"portal": present} | address


def key_in(kind: str, form: Mapping[str, str]) -> dict[str, Any]:
    names = ("address", "token", "client_id", "client_secret")
    if kind == "amocrm":
        found = {name: form[f"amo_{name}"] for name in names if form.get(f"amo_{name}")}
        return {"amocrm": found | ({"local": True} if form.get("closed") else {})}
    if form.get("webhook"):
        return {"webhook": form["webhook"]}
    return {"oauth": {name: form.get(name, "") for name in ("client_id", "client_secret")}}
