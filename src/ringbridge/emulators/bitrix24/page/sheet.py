"""A client's page: who it is, how to call them, whose they are, their deals, and what happened; and the lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.emulators.bitrix24.page.board import client_address
from ringbridge.emulators.bitrix24.page.timeline import Moment, timeline_of
from ringbridge.emulators.bitrix24.phones import display
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.wire import many, whole

_NEWEST = 100
_OWNERS = {Kind.CONTACT: ("CONTACT_ID", "CONTACT_IDS"), Kind.COMPANY: ("COMPANY_ID",), Kind.LEAD: ("LEAD_ID",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    number: str  # for people
    dial: str  # as it is stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of a list of clients."""

    key: str  # kind and id, for the browser
    name: str
    address: str
    phones: tuple[Phone, ...]
    user: str
    source: str
    stage: str
    closed: bool
    amount: str
    created: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    kind: Kind
    entry: Entry
    emails: tuple[str, ...]
    comments: str
    source_description: str
    owners: tuple[Entry, ...]  # the contact, company or lead that it belongs to
    deals: tuple[Entry, ...]
    timeline: tuple[Moment, ...]


def sheet_of(portal: Portal, kind: Kind, number: int) -> Sheet | None:
    """None when there is no such client."""
    row = portal.clients.rows[kind].get(number)
    if row is None:
        return None
    return Sheet(
        kind=kind,
        entry=_entry(portal, kind, row),
        emails=tuple(one["VALUE"] for one in row.get("EMAIL") or ()),
        comments=row.get("COMMENTS") or "",
        source_description=row.get("SOURCE_DESCRIPTION") or "",
        owners=tuple(_owners(portal, row)),
        deals=tuple(_deals(portal, kind, number)),
        timeline=timeline_of(portal, kind, number),
    )


def newest(portal: Portal, kind: Kind) -> tuple[Entry, ...]:
    rows = islice(reversed(portal.clients.rows[kind].values()), _NEWEST)
    return tuple(_entry(portal, kind, row) for row in rows)


def _entry(portal: Portal, kind: Kind, row: dict[str, Any]) -> Entry:
    number = whole(row["ID"])
    stage = row.get("STATUS_ID") or row.get("STAGE_ID") or ""
    semantics = row.get("STATUS_SEMANTIC_ID") or row.get("STAGE_SEMANTIC_ID") or "P"
    amount = f"{row['OPPORTUNITY']} {row['CURRENCY_ID']}" if kind is Kind.DEAL else ""
    return Entry(
        key=f"{kind.lower()}-{number}",
        name=portal.clients.name(kind, number) or f"#{number}",
        address=client_address(kind, number),
        phones=tuple(Phone(number=display(one["VALUE"]), dial=one["VALUE"]) for one in row.get("PHONE") or ()),
        user=portal.user_name(whole(row["ASSIGNED_BY_ID"])),
        source=_name(portal, "SOURCE", row.get("SOURCE_ID") or ""),
        stage=_name(portal, "STATUS" if kind is Kind.LEAD else "DEAL_STAGE", stage),
        closed=semantics != "P",
        amount=amount,
        created=row["DATE_CREATE"],
    )


def _name(portal: Portal, directory: str, value: str) -> str:
    """What the directory calls a value; stages of other pipelines stand in directories with a number behind."""
    rows = portal.directories.statuses
    return next(
        (one["NAME"] for one in rows if one["STATUS_ID"] == value and one["ENTITY_ID"].startswith(directory)), value
    )


def _owners(portal: Portal, row: dict[str, Any]) -> Iterator[Entry]:
    for kind, names in _OWNERS.items():
        owner = portal.clients.rows[kind].get(whole(row.get(names[0])))
        if owner is not None:
            yield _entry(portal, kind, owner)


def _deals(portal: Portal, kind: Kind, number: int) -> Iterator[Entry]:
    for row in reversed(portal.clients.rows[Kind.DEAL].values()):
        ids = [whole(one) for name in _OWNERS.get(kind, ()) for one in many(row.get(name))]
        if number in ids:
            yield _entry(portal, Kind.DEAL, row)
