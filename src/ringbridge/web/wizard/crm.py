"""The CRM: which one, its key, and whether the key opens it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from ringbridge.crm.amocrm.connection import Brand
from ringbridge.service.config import Office, document_of
from ringbridge.service.config.portal import Portal
from ringbridge.service.portals.trial import Tried, can_be_tried, try_portal
from ringbridge.service.settings_desk import Document, OfficeRefused, validated
from ringbridge.web import language as languages
from ringbridge.web.auth.visitor import by_whom
from ringbridge.web.wizard import ways
from ringbridge.web.wizard.drawings import Stop, shown
from ringbridge.web.wizard.frame import Frame, address_of, given
from ringbridge.web.wizard.steps import Step
from ringbridge.web.words import N_

KINDS = ("bitrix24", "amocrm")
WAYS: Mapping[str, tuple[str, str, Callable[[str], tuple[Stop, ...]]]] = {
    "application": ("bitrix24", "install", ways.local_application),
    "webhook": ("bitrix24", "", lambda address: ways.incoming_webhook()),
    "amocrm": ("amocrm", "oauth", ways.amocrm_integration),
}
"""Of each way the CRM, where the CRM comes in by it, and its steps."""
MEANWHILE = N_(
    "Meanwhile somebody has connected a CRM on this step: it stands below. If this is a further one, save once more."
)
KOMMO = ".kommo.com"  # its accounts are asked on a page of its own whether they let us in
EXAMPLE = "https://calls.example.com"
HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class CrmStep:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def page(self, request: Request) -> Response:
        """`portal`: that one gets another key; without it one more is connected."""
        return await self._shown(request, {"portal": request.query_params.get("portal", "")}, None)

    async def save(self, request: Request) -> Response:
        """POST: `portal`, `kind` and the key's inputs; `new`: the page was shown where that portal was not there yet.
        A key that can be tried is kept only when it opens the portal. Or `look`: a portal that was mended."""
        form = await given(request)
        if form.get("look"):
            return await self._frame.looked_again(form["look"], address_of(Step.CRM))
        office = await self._frame.desk.office()
        known = portal_named(office, form.get("portal", ""))
        try:
            wanted = validated(with_portal(document_of(office), form))
            portal = portal_of(wanted, form)
            if known and form.get("new") and not same_key(known, portal):  # by another tab, or another administrator
                return await self._shown(request, {**form, "portal": ""}, None, refused=MEANWHILE, code=409)
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
        self,
        request: Request,
        form: Mapping[str, str],
        tried: Tried | None,
        *,
        refused: str = "",
        code: int = 200,
    ) -> Response:
        office, status = await self._frame.desk.office(), await self._frame.services.status()
        address = office.public_address or reachable(request) or EXAMPLE
        say = languages.translations(languages.language_of(request)).gettext
        chosen = portal_named(office, form.get("portal", ""))
        names = {kind: free_name(office, kind) for kind in KINDS}
        if chosen is not None:
            names = {chosen.kind: chosen.name}
        return await self._frame.page(
            request,
            Step.CRM,
            code=code,
            form=form,
            tried=tried,
            refused=refused,
            chosen=chosen,
            portals=office.portal,
            standing={portal.name: portal for portal in status.portals},
            waiting=await self._frame.waiting(office),
            own_address=address,
            is_example=address == EXAMPLE,
            public_address=office.public_address or "",
            names=names,
            ways={
                way: shown(stops(f"{address}/{kind}/{names[kind]}/{at}"), say)
                for way, (kind, at, stops) in WAYS.items()
                if kind in names
            },
        )


def reachable(request: Request) -> str:
    """The address by which the page was opened, where that may be reached from another machine as well."""
    host = request.url.hostname or ""
    return "" if host in HERE else str(request.base_url).rstrip("/")


def portal_named(office: Office, name: str) -> Portal | None:
    return next((portal for portal in office.portal if portal.name == name), None)


def free_name(office: Office, kind: str) -> str:
    """Of a portal that is still to come: the kind's, for further ones with a number behind it."""
    taken = {portal.name for portal in office.portal}
    names = (kind, *(f"{kind}-{n}" for n in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def portal_of(office: Office, form: Mapping[str, str]) -> Portal:
    """The one that the form is about, which is the last of its kind when it is a new one without a name."""
    name = form.get("portal", "")
    kind = form.get("kind", "bitrix24")
    return portal_named(office, name) or [portal for portal in office.portal if portal.kind == kind][-1]


def same_key(one: Portal, other: Portal) -> bool:
    """Pressed twice, for one."""
    return (one.webhook, one.oauth, one.amocrm) == (other.webhook, other.oauth, other.amocrm)


def with_portal(document: Document, form: Mapping[str, str]) -> Document:
    """The office with this portal, in its former place where it is there already; the rest of its settings stay."""
    kind = form.get("kind", "bitrix24")
    present: list[dict[str, Any]] = list(document.get("portal", ()))
    name = form.get("portal") or free_name(validated(document), kind)
    at = next((n for n, one in enumerate(present) if one["name"] == name), len(present))
    portal: dict[str, Any] = dict(present[at]) if at < len(present) else {"name": name}
    for key in ("webhook", "oauth", "amocrm"):
        portal.pop(key, None)
    portal |= {"kind": kind, **key_in(kind, form)}
    portal["default_user"] = form.get("default_user") or portal.get("default_user") or "1"
    if form.get("closed"):
        portal |= {"allow_http": True, "allow_private": True}
    present[at : at + 1] = [portal]
    public = web_address(form.get("public_address", "")).rstrip("/")
    address = {"public_address": public} if public else {}
    return document | {"portal": present} | address


def web_address(text: str) -> str:
    """As it was typed, or copied without its beginning."""
    return text if "://" in text or not text else f"https://{text}"


def key_in(kind: str, form: Mapping[str, str]) -> dict[str, Any]:
    names = ("address", "token", "client_id", "client_secret")
    if kind == "amocrm":
        found = {name: form[f"amo_{name}"] for name in names if form.get(f"amo_{name}")}
        address = urlsplit(web_address(found.get("address", "")))
        if address.netloc:
            found["address"] = f"{address.scheme}://{address.netloc}"
        if (address.hostname or "").endswith(KOMMO):
            found["brand"] = Brand.KOMMO
        return {"amocrm": found | ({"local": True} if form.get("closed") else {})}
    if form.get("webhook"):
        return {"webhook": form["webhook"]}
    return {"oauth": {name: form.get(name, "") for name in ("client_id", "client_secret")}}
