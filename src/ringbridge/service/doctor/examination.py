"""Examines the whole installation, beside a service that may be running, and says in words what is missing.

Each row of `CHECKS` stands for itself: it looks at one thing, changes nothing, and tells what it found. A portal is
asked only when no service runs: a key that is renewed by two programs at once is lost.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode, urlsplit

from ringbridge.crm.contract import CrmError
from ringbridge.pbx.agi_call import asked_by_agi
from ringbridge.pbx.recordings import LinkSigner
from ringbridge.routing.intents import PortalId
from ringbridge.service.backup.folder import last_made
from ringbridge.service.bootstrap import Bootstrap, open_vault
from ringbridge.service.config import ConfigError, Office
from ringbridge.service.config.portal import Portal
from ringbridge.service.doctor import copies
from ringbridge.service.doctor.backup import findings_of as findings_of_backup
from ringbridge.service.doctor.certificate import findings_of as findings_of_certificate
from ringbridge.service.doctor.findings import Finding, failure, ok, warning
from ringbridge.service.doctor.hooks import findings_of
from ringbridge.service.doctor.pbx import PbxExamination
from ringbridge.service.portals.office import open_portal, routing_of
from ringbridge.service.recordings import OfficeRecordings
from ringbridge.service.runtime import pbx_address
from ringbridge.service.settings import load_office
from ringbridge.store import deliveries, directory, portals
from ringbridge.store import waits as kept_waits
from ringbridge.store.database import Database
from ringbridge.store.directory import DirectoryUser
from ringbridge.store.errors import InUse
from ringbridge.store.vault import Vault

PATIENCE = 3.0  # seconds for our own service to answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """What is examined."""

    bootstrap: Bootstrap
    office: Office
    database: Database
    vault: Vault
    users: Mapping[PortalId, Sequence[DirectoryUser]]  # as they were last read
    runs: bool  # the service
    number: str = ""  # whose route is asked


Check = Callable[[Premises], Awaitable[Sequence[Finding]]]


async def examine(premises: Premises) -> tuple[Finding, ...]:
    """Everything, at once; told in the table's order."""
    found = await asyncio.gather(*(check(premises) for check in CHECKS.values()))
    return tuple(finding for findings in found for finding in findings)


async def service(premises: Premises) -> Sequence[Finding]:
    if not premises.runs:
        return [failure("Service", "it does not run", "systemctl start ringbridge, or: ringbridge run")]
    try:
        code, _ = await asyncio.to_thread(_page, premises, "/healthz")
    except OSError as error:
        address = premises.bootstrap.nearby
        return [failure("Service", f"it runs, but its page does not answer at {address}: {error}")]
    return [ok("Service", f"it runs, and its page answers at {premises.bootstrap.nearby} ({code})")]


async def pbxs(premises: Premises) -> Sequence[Finding]:
    office = premises.office
    if not office.pbx:
        return [failure("PBX", "none is configured", "[[pbx]] in the configuration, see docs/office.example.toml")]
    known = {trunk.name for trunk in office.trunk} | {phone for one in office.employee for phone in one.extensions}
    known |= {phone for users in premises.users.values() for user in users for phone in user.extensions}
    examinations = (
        PbxExamination(pbx_address(pbx), known=known, distributes=office.distribution.enabled) for pbx in office.pbx
    )
    return [finding for each in examinations for finding in await each.findings()]


async def crms(premises: Premises) -> Sequence[Finding]:
    if not premises.office.portal:
        return [failure("CRM", "none is configured", "[[portal]] in the configuration, see docs/office.example.toml")]
    told = [await (_as_told if premises.runs else _asked)(premises, config) for config in premises.office.portal]
    return [finding for findings in told for finding in findings]


async def _asked(premises: Premises, config: Portal) -> list[Finding]:
    subject, office = f"Portal {config.name}", premises.office
    signer = LinkSigner(office.public_address or premises.bootstrap.nearby, *premises.vault.derived("recording links"))
    recordings = OfficeRecordings(office, data=premises.bootstrap.data, signer=signer, database=premises.database)
    portal = await open_portal(config, office, database=premises.database, vault=premises.vault, recordings=recordings)
    try:
        info = await portal.crm.check()
        unread = await copies.asked(subject, config, office, portal.crm)
    except CrmError as error:
        return [failure(subject, str(error))]
    finally:
        await portal.crm.aclose()
    return [ok(subject, f"it answers ({info.name})"), *(warning(subject, words) for words in info.missing), *unread]


async def _as_told(premises: Premises, config: Portal) -> list[Finding]:
    """As the running service left it in the database."""
    portal, now = PortalId(config.name), datetime.now(UTC)
    async with premises.database.reading() as tx:
        parked = await portals.parked(tx, portal)
        failed = await deliveries.given_up(tx, portal)
        waits = await kept_waits.waits(tx, portal)
    subject, users = f"Portal {portal}", premises.users[portal]
    found = [ok(subject, f"users read: {len(users)}")] if users else [warning(subject, "no user was read yet")]
    if parked is not None and parked.holds(now):
        found.append(failure(subject, f"nothing is sent to it: {parked.reason}"))
    if failed:
        found.append(
            warning(
                subject,
                f"steps that the portal refused: {failed}",
                "the page Delivery shows them, and sends them again",
            )
        )
    return found + copies.told(subject, config, premises.office, waits)


async def employees(premises: Premises) -> Sequence[Finding]:
    found = []
    for config in premises.office.portal:
        _, conflicts = routing_of(config, premises.office, premises.users[PortalId(config.name)])
        found += [warning(f"Portal {config.name}", words, "name the phone for one of them") for words in conflicts]
    return found


async def folders(premises: Premises) -> Sequence[Finding]:
    wanted = [Path(folder.here or folder.pbx) for pbx in premises.office.pbx for folder in pbx.recordings]
    return [_folder(path) for path in dict.fromkeys(wanted)]


def _folder(path: Path) -> Finding:
    subject = f"Recordings {path}"
    if not path.is_dir():
        return warning(subject, "there is no such folder here", "[[pbx.recordings]]: name where it is mounted")
    if not os.access(path, os.R_OK | os.X_OK):
        return failure(subject, "it cannot be read", "give the service's user the group of Asterisk")
    return ok(subject, "it can be read")


async def routes(premises: Premises) -> Sequence[Finding]:
    """As the dialplan asks: by HTTP, and by FastAGI where that is on."""
    config = premises.office.distribution
    if not config.enabled or not premises.runs:
        return []
    found = [await _by_http(premises)]
    if config.agi:
        found.append(await _by_agi(config.agi_host, config.agi_port))
    return found


async def _by_http(premises: Premises) -> Finding:
    query = urlencode({"number": premises.number, "format": "json"})
    try:
        code, body = await asyncio.to_thread(_page, premises, f"/route?{query}")
        told: dict[str, Any] = json.loads(body) if code == http.client.OK else {}
    except (OSError, ValueError) as error:
        return failure("Route", f"the page does not answer the dialplan: {error}")
    if code != http.client.OK:
        return failure("Route", f"the page does not answer the dialplan: {body.strip()} ({code})")
    if not premises.number:
        return ok("Route", "the page answers the dialplan; --number +79125551122 asks for somebody")
    hops = ", ".join(f"{hop['extension']} for {hop['seconds']} s" for hop in told["hops"]) or "the normal route"
    skipped = "".join(f" {phone} was passed over: {why}." for phone, why in told["skipped"].items())
    return ok("Route", f"{hops}. {told['why']}{skipped}")


async def _by_agi(host: str, port: int) -> Finding:
    try:
        told = await asked_by_agi(host, port, {"callerid": "unknown"}, patience=PATIENCE)
    except (OSError, TimeoutError) as error:
        advice = "another program may have the port: distribution.agi_port; the service's log says more"
        return failure("FastAGI", f"{host}:{port} does not answer ({error or 'silence'})", advice)
    if "RINGBRIDGE_COUNT" not in told:
        return failure("FastAGI", f"what answers on {host}:{port} is not Ringbridge, or agi_peers keeps us out")
    return ok("FastAGI", f"{host}:{port} answers")


async def hooks(premises: Premises) -> Sequence[Finding]:
    settings = premises.office.hooks.hook_settings(premises.bootstrap.data, premises.office.zone)
    return list(findings_of(settings))


async def certificate(premises: Premises) -> Sequence[Finding]:
    def found() -> list[Finding]:
        return list(findings_of_certificate(premises.bootstrap, runs=premises.runs, now=datetime.now(UTC)))

    return await asyncio.to_thread(found)


async def backups(premises: Premises) -> Sequence[Finding]:
    config = premises.office.backup
    folder, noted = config.folder_in(premises.bootstrap.data), await last_made(premises.database)
    return list(findings_of_backup(config, folder, noted, datetime.now(UTC), premises.office.zone))


CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "service": service,
        "pbx": pbxs,
        "crm": crms,
        "employees": employees,
        "recordings": folders,
        "route": routes,
        "hooks": hooks,
        "certificate": certificate,
        "backup": backups,
    }
)


def _page(premises: Premises, path: str) -> tuple[int, str]:
    """What our own page answers. Raises `OSError`."""
    address = urlsplit(premises.bootstrap.nearby)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except http.client.HTTPException as error:
        raise OSError(f"it is no HTTP: {error!r}") from error
    finally:
        connection.close()


@asynccontextmanager
async def open_premises(bootstrap: Bootstrap, *, number: str = "") -> AsyncIterator[Premises]:
    """Raises `ConfigError` where nothing is configured, `StoreError`."""
    try:
        database, runs = await Database.open(bootstrap.database, sole=True), False
    except InUse:
        database, runs = await Database.open(bootstrap.database), True
    async with database:
        vault = await open_vault(bootstrap, database)
        office = await load_office(database, vault)
        if office is None:
            raise ConfigError("Nothing is configured yet: ringbridge config import OFFICE.toml")
        async with database.reading() as tx:
            users = {PortalId(one.name): await directory.read(tx, PortalId(one.name)) for one in office.portal}
        yield Premises(
            bootstrap=bootstrap,
            office=office,
            database=database,
            vault=vault,
            users=users,
            runs=runs,
            number=number,
        )
