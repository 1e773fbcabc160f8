"""Calls from before the first installation, taken over from the PBX's own records into the journal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from ringbridge.service.absence import Past, unheard
from ringbridge.service.config import ConfigError, Office, Pbx
from ringbridge.store import calls
from ringbridge.store.calls import Cursor, Filters, StoryKind, StoryLine
from ringbridge.store.database import Database
from ringbridge.store.keys import PbxId
from ringbridge.telephony.model import Call

DAY = timedelta(days=1)
SETTLED = timedelta(minutes=5)  # younger calls may still be going on, or be on their way to the journal
IMPORTED = "Taken over from the PBX's own records"


def read_pbxs(office: Office, only: str | None = None) -> list[Pbx]:
    """Those whose records can be read. Raises `ConfigError` where there is none."""
    named = [pbx for pbx in office.pbx if only in {None, pbx.name}]
    if not named:
        raise ConfigError(f"No PBX is named {only}" if only else "No PBX is configured")
    with_records = [pbx for pbx in named if pbx.cdr or pbx.cel]
    if not with_records:
        raise ConfigError("No records are named: set cdr or cel of the PBX to its CSV file, then import again")
    for path in [path for pbx in with_records for path in (pbx.cdr, pbx.cel) if path]:
        if not os.access(path, os.R_OK):
            raise ConfigError(f"{path} cannot be read: let the service's user read it, or correct cdr and cel")
    return with_records


def days_of(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    while since < until:
        yield since, min(since + DAY, until)
        since += DAY


async def import_day(database: Database, pbx: str, history: Past, since: datetime, until: datetime) -> int:
    """The calls that ended in this time and that the journal does not know. Gives how many. Raises `StoreError`."""
    name, until = PbxId(pbx), min(until, datetime.now(UTC) - SETTLED)
    if until <= since:
        return 0
    told = await history.between(since, until)
    new = without_known(told, await journal_of(database, name, told))
    lines = {call.id: [StoryLine(at=call.start, kind=StoryKind.HEARD, text=IMPORTED)] for call in new}
    async with database.transaction() as tx:
        await calls.record(tx, name, new, lines)
    return len(new)


def without_known(told: list[Call], journal: list[Call]) -> list[Call]:
    """Also a call that the journal has as open is left alone: a service that runs sees to its end."""
    known = {call.id for call in journal}
    return [call for call in unheard(told, journal) if call.id not in known]


async def journal_of(database: Database, pbx: PbxId, told: list[Call]) -> list[Call]:
    """What the journal has of the time of these calls."""
    if not told:
        return []
    first, last = min(call.start for call in told), max(call.start for call in told)
    filters = Filters(since=first - timedelta(minutes=5), until=last + timedelta(minutes=5), pbx=pbx)
    found: list[Call] = []
    before: Cursor | None = None
    async with database.reading() as tx:
        while True:
            page = await calls.page(tx, before, 500, filters)
            found += [entry.call for entry in page.entries]
            if (before := page.older) is None:
                return found
