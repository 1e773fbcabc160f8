"""The report of a week by e-mail, sent once.

It is due from its hour on and as long as its week is the last one: a service that was off on Monday morning sends it
when it is started. That it was sent is kept. Killed between the two, it sends the report again; none is left out.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import structlog

from ringbridge.service.config import Office
from ringbridge.service.config.report import ReportConfig
from ringbridge.service.config.sources import source_names
from ringbridge.service.letters.letter import Figures, letter
from ringbridge.service.letters.mailing import MailError, send
from ringbridge.store import settings
from ringbridge.store.database import Database, Transaction
from ringbridge.store.errors import StoreError
from ringbridge.store.statistics import analytics, callbacks, callers, conversion
from ringbridge.store.statistics.analytics import Sums, together
from ringbridge.store.statistics.counting import Lane
from ringbridge.store.statistics.spans import Span
from ringbridge.telephony.model import Direction

log = structlog.get_logger(__name__)

SECTION = "weekly report"
LOOK_EVERY = timedelta(minutes=1)
AFTER_TROUBLE = timedelta(minutes=15)
DAY, WEEK = timedelta(days=1), timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """By its Monday; days are the office's."""

    monday: date
    zone: tzinfo

    @property
    def before(self) -> Week:
        return Week(monday=self.monday - WEEK, zone=self.zone)

    @property
    def since(self) -> datetime:
        return self._start(self.monday)

    @property
    def until(self) -> datetime:
        return self._start(self.monday + WEEK)

    @property
    def span(self) -> Span:
        return Span(since=self.since, until=self.until)

    def _start(self, day: date) -> datetime:
        return datetime.combine(day, time.min, self.zone).astimezone(UTC)


def due(config: ReportConfig, now: datetime, zone: tzinfo) -> Week:
    """The last week whose report's hour has come."""
    local = now.astimezone(zone)
    monday = local.date() - local.weekday() * DAY
    hour = datetime.combine(monday + config.weekday.number * DAY, config.at, zone)
    return Week(monday=monday - WEEK if now >= hour else monday - 2 * WEEK, zone=zone)


class WeeklyReport:
    def __init__(
        self,
        database: Database,
        config: ReportConfig,
        *,
        zone: tzinfo,
        source: Callable[[str, str], str],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`source` names what brings the calls of a trunk and a number called."""
        self._database, self._config, self._zone = database, config, zone
        self._source, self._clock = source, clock

    async def run(self) -> None:
        """Until cancelled; at once where nobody wants a report."""
        while self._config.to:
            try:
                await self.look()
                pause = LOOK_EVERY
            except (MailError, StoreError) as error:
                log.error("weekly_report_not_sent", reason=str(error))
                pause = AFTER_TROUBLE
            await asyncio.sleep(pause.total_seconds())

    async def look(self) -> bool:
        """Send what is due and was not sent; tells whether it did. Raises `MailError`, `StoreError`."""
        week = due(self._config, self._clock(), self._zone)
        async with self._database.reading() as tx:
            sent = await settings.kept(tx, SECTION)
            if sent is not None and json.loads(sent)["monday"] >= week.monday.isoformat():
                return False
            if sent is None and not await self._had_calls(tx, week):
                return False  # it was installed this week
            now, before = await self._figures(tx, week), await self._figures(tx, week.before)
        refused = await send(letter(self._config, week.monday, now, before), self._config)
        if refused:
            log.warning("weekly_report_not_taken_for", addresses=len(refused), hint="look at to of [report]")
        async with self._database.transaction() as tx:
            document = {"monday": week.monday.isoformat()}
            await settings.put(tx, SECTION, document, by="the service", now=self._clock())
        log.info("weekly_report_sent", week=week.monday.isoformat(), to=len(self._config.to))
        return True

    async def _had_calls(self, tx: Transaction, week: Week) -> bool:
        return bool(await analytics.by_source(tx, week.span))

    async def _figures(self, tx: Transaction, week: Week) -> Figures:
        found = await analytics.by_source(tx, week.span)
        names = {id_: self._name_of(lane) for id_, lane in (await analytics.lanes(tx)).items()}
        by_name: dict[str, Sums] = {}
        for (source, direction), sums in found.items():
            if direction is Direction.INBOUND:
                by_name[names[source]] = by_name.get(names[source], Sums()) + sums
        deals = Counter[str]()
        for brought_by, takings in (await conversion.by_source(tx, week.span, {})).items():
            if brought_by is not None and takings.deals:
                deals[names[brought_by]] += takings.deals
        return Figures(
            inbound=together(sums for (_, way), sums in found.items() if way is Direction.INBOUND),
            outbound=together(sums for (_, way), sums in found.items() if way is Direction.OUTBOUND),
            clients=await callers.in_all(tx, week.span),
            callbacks=await callbacks.in_all(tx, week.span),
            sources=dict(sorted(by_name.items(), key=lambda one: -one[1].calls)),
            brought=await conversion.in_all(tx, week.span),
            won=await conversion.closed(tx, week.since, week.until),
            deals=deals,
        )

    def _name_of(self, lane: Lane) -> str:
        return self._source(lane.trunk, lane.did) or " · ".join(filter(None, (lane.trunk, lane.did)))


def weekly_report(office: Office, database: Database) -> WeeklyReport:
    return WeeklyReport(database, office.report, zone=office.zone, source=source_names(office))
