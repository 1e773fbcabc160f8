"""The PBX: where it is and how to log in; tried at once, and asked what it has."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ringbridge.pbx.discovery import Found, Kind
from ringbridge.pbx.settings import PbxAddress
from ringbridge.service.config import Office
from ringbridge.service.runtime import pbx_address
from ringbridge.service.settings_desk import Document, OfficeRefused
from ringbridge.service.survey import Survey, is_readable, manager_lines, survey
from ringbridge.web import language as languages
from ringbridge.web.auth.visitor import by_whom
from ringbridge.web.wizard.drawings import shown
from ringbridge.web.wizard.frame import Frame, given
from ringbridge.web.wizard.steps import Step
from ringbridge.web.wizard.ways import freepbx_manager

USUAL = {"name": "office", "host": "127.0.0.1", "port": "5038", "username": "ringbridge"}
FREEPBX_VARIABLES = {"REALCALLERIDNUM": "{extension}", "AMPUSER": "{extension}"}
"""By them FreePBX knows whose call a click is: recordings and records are the employee's."""


class AsteriskStep:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def page(self, request: Request) -> Response:
        """The form; of a PBX that is set up already what it has and lacks, asked now."""
        office = await self._frame.desk.office()
        if not office.pbx:
            return await self._shown(request, {**USUAL, "secret": self._proposed}, None)
        seen = await survey(pbx_address(office.pbx[0]))
        status = await self._frame.services.status()
        known = next((one.missing for one in status.pbxs if one.name == office.pbx[0].name), ())
        return await self._shown(request, values_of(office), seen, known=() if seen.trouble else known)

    async def save(self, request: Request) -> Response:
        """POST: the form's inputs. Kept when the login works; `act` test stays on this page."""
        form = USUAL | {name: text for name, text in (await given(request)).items() if text}
        office = await self._frame.desk.office()
        if not form.get("secret"):
            form["secret"] = office.pbx[0].secret.get_secret_value() if office.pbx else self._proposed
        seen = await survey(address_in(form, office))
        if seen.trouble:
            return await self._shown(request, form, seen, code=422)
        try:
            await self._frame.desk.change(lambda before: with_pbx(before, form, seen.found), by=by_whom(request))
        except OfficeRefused as refusal:
            return await self._shown(request, form, replace(seen, trouble=str(refusal)), code=422)
        self._frame.services.log_in_again(form["name"])
        found = seen.found
        progress = replace(
            await self._frame.progress(), extensions=found.extensions, trunks=found.trunks, queues=found.queues
        )
        if form.get("act") == "save":
            return await self._frame.passed(request, Step.ASTERISK, progress)
        await self._frame.keep(request, progress)
        return await self._shown(request, form, seen)

    @property
    def _proposed(self) -> str:
        """The lines of manager.conf may have been copied a day before, or by another tab."""
        return self._frame.desk.proposed_secret("manager user")

    async def _shown(
        self,
        request: Request,
        form: Mapping[str, str],
        seen: Survey | None,
        *,
        known: Iterable[str] = (),
        code: int = 200,
    ) -> Response:
        """`known`: what lacks as the running link has seen it, which a moment's look may not."""
        folder = form.get("recordings") or (seen.found.recordings if seen else "")
        username, permit = form.get("username") or USUAL["username"], await own_address(address_in(form))
        say = languages.translations(languages.language_of(request)).gettext
        return await self._frame.page(
            request,
            Step.ASTERISK,
            code=code,
            form=form,
            seen=seen,
            missing=tuple(dict.fromkeys((*(map(str, seen.missing) if seen else ()), *known))),
            lines=manager_lines(
                username,
                form.get("secret", "") if seen is None or seen.trouble else "…",
                permit,
                seen.missing if seen else (),
            ),
            freepbx=shown(freepbx_manager(username, permit), say),
            folder=folder,
            readable=bool(folder) and await asyncio.to_thread(is_readable, folder),
            is_set_up=bool((await self._frame.desk.office()).pbx),
            is_freepbx=seen is not None and seen.found.kind is Kind.FREEPBX,
        )


def values_of(office: Office) -> dict[str, str]:
    """Without the secret, which goes one way."""
    pbx = office.pbx[0]
    folder = pbx.recordings[0].here or pbx.recordings[0].pbx if pbx.recordings else ""
    return {
        "name": pbx.name,
        "host": pbx.host,
        "port": str(pbx.port),
        "username": pbx.username,
        "recordings": folder,
        "context": office.dialing.context,
    }


def address_in(form: Mapping[str, str], office: Office | None = None) -> PbxAddress:
    """With what the form does not show, TLS, as the office's first PBX has it."""
    port = form.get("port", "")
    address = PbxAddress(
        name=form.get("name", ""),
        host=form.get("host") or USUAL["host"],
        port=int(port) if port.isdecimal() and int(port) < 65536 else int(USUAL["port"]),
        username=form.get("username", ""),
        secret=form.get("secret", ""),
    )
    if office is None or not office.pbx:
        return address
    pbx = office.pbx[0]
    return replace(address, tls=pbx.tls, tls_ca=pbx.tls_ca, tls_verify=pbx.tls_verify)


def with_pbx(document: Document, form: Mapping[str, str], found: Found) -> Document:
    """The office with this PBX in place of its first, the rest of whose settings stay."""
    present: list[dict[str, Any]] = list(document.get("pbx", ()))
    pbx = dict(present[0]) if present else {}
    pbx |= {name: form[name] for name in ("name", "host", "port", "username", "secret") if form.get(name)}
    folder = form.get("recordings") or found.recordings
    if not pbx.get("recordings") or form.get("recordings"):
        pbx["recordings"] = [{"pbx": folder}]
    dialing = dict(document.get("dialing", {}))
    if form.get("context"):
        dialing["context"] = form["context"]
    if found.kind is Kind.FREEPBX and "variables" not in dialing:
        dialing["variables"] = FREEPBX_VARIABLES
    return document | {"pbx": [pbx, *present[1:]], "dialing": dialing}


async def own_address(pbx: PbxAddress) -> str:
    """This machine's address as the PBX sees it, for `permit`. No packet is sent."""
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(pbx.host, pbx.port))
    except OSError:
        return "127.0.0.1"
    try:
        return str(transport.get_extra_info("sockname")[0])
    finally:
        transport.close()
