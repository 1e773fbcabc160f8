"""What happened while nobody listened, from the PBX's own records."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

import structlog

from ringbridge.pbx.history import CsvHistory, Sides, calls_between
from ringbridge.service.config import Office, Pbx
from ringbridge.telephony.model import Call

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One PBX's CDR and CEL files; with neither, nothing is known of the time between."""

    source: CsvHistory
    sides: Sides
    is_kept: bool  # a file is named

    @classmethod
    def of(cls, pbx: Pbx, office: Office) -> History:
        sides = Sides(trunks=frozenset(trunk.name for trunk in office.trunk), region=office.region)
        source = CsvHistory(cdr=pbx.cdr, cel=pbx.cel, zone=office.zone_of(pbx))
        return cls(source=source, sides=sides, is_kept=bool(pbx.cdr or pbx.cel))

    async def between(self, since: datetime, until: datetime) -> list[Call]:
        """The calls that ended between the two."""
        try:
            return await asyncio.to_thread(calls_between, self.source, since, until, self.sides)
        except OSError as error:
            log.error("history_not_read", path=error.filename, reason=error.strerror)
            return []
