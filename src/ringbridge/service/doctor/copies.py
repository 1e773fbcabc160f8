"""Whether what is copied from a portal, its clients and its leads and deals, can be read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from ringbridge.crm.contract import Crm, CrmError
from ringbridge.crm.mirroring import MirrorSource
from ringbridge.crm.sales import Wanted
from ringbridge.service.config import Office
from ringbridge.service.config.portal import Portal
from ringbridge.service.doctor.findings import Finding, warning
from ringbridge.service.mirror.mirrors import is_mirrored
from ringbridge.service.sales.all_sales import can_be_read
from ringbridge.store.waits import Wait


def told(subject: str, config: Portal, office: Office, waits: Mapping[str, Wait]) -> list[Finding]:
    """As the running service says."""
    found = []
    if is_mirrored(config, office) and (mirror := waits.get("mirror")):
        found.append(no_clients(subject, mirror.why))
    if config.deals and (sales := waits.get("sales")):
        found.append(no_deals(subject, sales.why))
    return found


async def asked(subject: str, config: Portal, office: Office, crm: Crm) -> list[Finding]:
    """Of the CRM itself, a piece of each."""
    found = []
    if is_mirrored(config, office) and isinstance(crm, MirrorSource):
        try:
            await crm.mirror_page(None)
        except CrmError as error:
            found.append(no_clients(subject, str(error)))
    if config.deals and can_be_read(crm):
        try:
            await crm.sales_page(Wanted(created_since=datetime.now(UTC)), None)
        except CrmError as error:
            found.append(no_deals(subject, str(error)))
    return found


def no_clients(subject: str, why: str) -> Finding:
    return warning(
        subject,
        f"its clients are not copied: {why}",
        "callers are looked up in the CRM meanwhile; mirror in the portal's settings switches the copy off",
    )


def no_deals(subject: str, why: str) -> Finding:
    return warning(
        subject,
        f"its leads and deals are not read: {why}",
        "the analytics of deals stay as they were; deals in the portal's settings switches the reading off",
    )
