"""The queue in which a portal that cannot reach us keeps its events for us.

Source: Bitrix24 REST docs, "Offline events", event.offline.get, .list, .clear. Events are reserved (``clear=0``), acted
upon, and then confirmed (``event.offline.clear``). When an answer is lost, or we die in between, they stay reserved
under a process of which we know nothing: ``event.offline.list`` names it. So an event may come twice, and none gets
lost. A plan without ``rest_offline_extended`` refuses to reserve; there events are forgotten as they are given.

Clicks are asked for before changes of clients, of which an import may leave thousands: by name, ONEXTERNALCALL… stands
behind ONCRM….
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog

from ringbridge.crm.bitrix24.batch import Outcome
from ringbridge.crm.bitrix24.events import Event, NotAnEvent, event_in_row
from ringbridge.crm.bitrix24.rest import Rest
from ringbridge.crm.bitrix24.telephony import Command, as_list, as_map, text
from ringbridge.crm.contract import CrmError, Rejected
from ringbridge.routing.intents import Priority

log = structlog.get_logger(__name__)

MOST = 100
GET, LIST, CLEAR = "event.offline.get", "event.offline.list", "event.offline.clear"
CLICKS_FIRST = {"EVENT_NAME": "DESC", "TIMESTAMP_X": "ASC"}
RESERVED_FIRST = {"PROCESS_ID": "DESC", "ID": "ASC"}
WORKS_ON = 90.0
"""Seconds after which a request whose answer was lost has certainly reserved what it will reserve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """Events out of the queue; the portal keeps them until they are confirmed."""

    events: Sequence[Event] = ()
    reserved: Mapping[str, Sequence[str]] = field(
        default_factory=dict
    )  # process: ids of rows; none where it keeps none


class OfflineQueue:
    """Every method that waits raises `CrmError`."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._brought: asyncio.Queue[Fetched] = asyncio.Queue()
        self._asked_at = time.monotonic()
        self._reserves = True  # until the portal says that its plan has no such thing
        self._looks = [0.0]  # when to look for what is reserved and was never confirmed; also at a start
        self.every: float | None = None  # seconds between two fetches; None: nothing is fetched
        self.more = False  # the last fetch was full: more is waiting

    def renew(self) -> None:
        """The portal is connected anew: its plan may be another one."""
        self._reserves = True

    async def next(self) -> Fetched:
        """What comes next: brought by a batch, or fetched when it is time."""
        while True:
            left = self._asked_at + (self.every or 60.0) - time.monotonic()
            try:
                async with asyncio.timeout(max(0.0, left)):
                    return await self._brought.get()
            except TimeoutError:
                if self.every is not None and time.monotonic() >= self._asked_at + self.every:
                    return await self.fetch()

    async def fetch(self, priority: Priority = Priority.CARD) -> Fetched:
        """Somebody may be waiting with the receiver in their hand: this goes before everything else but cards."""
        self._asked_at = time.monotonic()
        try:
            found = await self._left_over(priority) if self._is_to_look() else Fetched()
            if not found.reserved:
                found = await self._get(priority)
        except (CrmError, asyncio.CancelledError):
            self.lost()
            raise
        self._asked_at = time.monotonic()
        return found

    async def confirm(self, fetched: Fetched) -> None:
        """They were acted upon: the portal may forget them."""
        try:
            for process, ids in fetched.reserved.items():
                await self._rest.call(CLEAR, {"process_id": process, "id": list(ids)}, priority=Priority.CARD)
        except (CrmError, asyncio.CancelledError):
            self.lost()
            raise

    def lost(self) -> None:
        """An answer was lost, or what it brought was not acted upon: it is looked for, now and once more later."""
        now = time.monotonic()
        self._looks = [now, now + WORKS_ON]

    # On a batch that goes to the portal anyway

    def command(self) -> Command | None:
        """The question to put with a batch, when it would be asked soon."""
        if self.every is None or self._is_to_look() or time.monotonic() < self._asked_at + self.every / 2:
            return None
        self._asked_at = time.monotonic()
        return Command(method=GET, params=self._question())

    def take(self, outcome: Outcome) -> None:
        if outcome.refusal is not None:
            self._asked_at = -math.inf  # it is asked by itself, which tells why
            return
        found = self._fetched(outcome.result)
        if found.events or found.reserved:
            self._brought.put_nowait(found)

    # What is asked

    def _is_to_look(self) -> bool:
        return self._reserves and bool(self._looks) and self._looks[0] <= time.monotonic()

    async def _left_over(self, priority: Priority) -> Fetched:
        self._looks.pop(0)
        rows = as_list((await self._rest.call(LIST, {"order": RESERVED_FIRST}, priority=priority)).result)
        reserved: dict[str, list[Any]] = {}
        for row in rows:
            reserved.setdefault(text(as_map(row).get("PROCESS_ID")), []).append(row)
        if rows and "" not in reserved:  # a page, and perhaps not the last one
            self._looks.insert(0, time.monotonic())
        reserved.pop("", None)
        if reserved:
            log.info("portal_events_left_over", events=sum(map(len, reserved.values())))
        return Fetched(
            events=_events_in([row for rows in reserved.values() for row in rows]),
            reserved={process: _ids(rows) for process, rows in reserved.items()},
        )

    async def _get(self, priority: Priority) -> Fetched:
        try:
            return self._fetched((await self._rest.call(GET, self._question(), priority=priority)).result)
        except Rejected as error:
            if not self._reserves:
                raise
            self._reserves = False
            log.warning("portal_events_not_reserved", reason=str(error))
        return self._fetched((await self._rest.call(GET, self._question(), priority=priority)).result)

    def _question(self) -> Mapping[str, Any]:
        return {"limit": MOST, "order": CLICKS_FIRST, "clear": int(not self._reserves)}

    def _fetched(self, result: Any) -> Fetched:
        rows = as_list(as_map(result).get("events"))
        self.more = len(rows) >= MOST
        process = text(as_map(result).get("process_id"))
        return Fetched(events=_events_in(rows), reserved={process: _ids(rows)} if process and rows else {})


def _ids(rows: Sequence[Any]) -> list[str]:
    return [text(as_map(row).get("ID")) for row in rows]


def _events_in(rows: Sequence[Any]) -> list[Event]:
    found: list[Event] = []
    now = datetime.now(UTC)
    for row in rows:
        try:
            event = event_in_row(row, now=now)
        except NotAnEvent as error:
            log.warning("portal_event_not_understood", reason=str(error))
            continue
        if event is not None:
            found.append(event)
    return found
