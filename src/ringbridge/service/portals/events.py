"""A Bitrix24 portal's events on their way in: posted to us or fetched, proven, and acted upon.

A posted event is believed when it carries the secret that the portal gave our application. A fetched one came over our
own connection, which is proof enough, and tells that secret. What an event asks for is `dialing`'s business.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog

from ringbridge.crm.bitrix24.desk import EventDesk
from ringbridge.crm.bitrix24.events import Changed, Clicked, Event, Installed, Ordered, Uninstalled, event_in, form_of
from ringbridge.crm.bitrix24.install import NoOffer, Offer, offer_in_auth, offer_in_frame
from ringbridge.crm.bitrix24.installation import Installation
from ringbridge.crm.bitrix24.offline import Fetched
from ringbridge.crm.contract import CrmError, Throttled
from ringbridge.routing.dialing import DialKind, DialRequest
from ringbridge.routing.hours import WorkingHours
from ringbridge.routing.intents import PortalId
from ringbridge.service.dialing.dialing import Dialing
from ringbridge.service.gate import Gate
from ringbridge.service.mirror.keeper import MirrorKeeper
from ringbridge.store.errors import StoreError

log = structlog.get_logger(__name__)

QUICK, SLOW, LONGEST = 2.5, 15.0, 60.0  # seconds between two fetches
RETRY = timedelta(minutes=1)
MINUTE = timedelta(minutes=1)
MOST_OFFERS, MOST_DOUBTS = 10, 30
STALE = timedelta(minutes=10)
"""An older farewell is no news: the portal says it once, at once."""


class Verdict(StrEnum):
    TAKEN = "taken"
    IGNORED = "ignored"  # genuine, and none of ours
    REFUSED = "refused"


class Sense(StrEnum):
    """How a portal's events come."""

    POSTED = "posted"
    FETCHED = "fetched"
    OFF = "off"


def pause_before_fetch(*, in_haste: bool, failures: int) -> float:
    """Seconds. Quick while somebody may click, or more is waiting: 2.5 s take a fifth of a portal's 2 requests a
    second."""
    return min((QUICK if in_haste else SLOW) * (1 << min(failures, 6)), LONGEST)


class PortalEvents:
    """`handler` is our address for the portal's events; None where they are fetched. `connected` and `removed` are
    awaited when the portal's key has come or gone, by whoever brought it; `welcome` takes its time afterwards.
    `is_busy` tells whether there have been calls lately; `mirror` hears of changes of clients, where there is one."""

    def __init__(
        self,
        portal: PortalId,
        *,
        desk: EventDesk,
        installation: Installation,
        dialing: Dialing | None,
        sense: Sense,
        handler: str | None,
        hours: WorkingHours,
        connected: Callable[[], Awaitable[None]],
        removed: Callable[[], Awaitable[None]],
        welcome: Callable[[], Awaitable[object]],
        is_busy: Callable[[], Awaitable[bool]],
        mirror: MirrorKeeper | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.portal = portal
        self.installation = installation
        self.trouble: str | None = None  # why events do not come, for people
        self.sense = sense
        self._desk = desk
        self._dialing = dialing
        self._handler = handler
        self._hours = hours
        self._connected, self._removed, self._welcome = connected, removed, welcome
        self._is_new = False  # the key has just come
        self._is_busy = is_busy
        self._mirror = mirror
        self._clock = clock
        self._changed = asyncio.Event()  # the key came or went
        # Anyone may post an offer, and each is asked about elsewhere.
        self._offers = Gate(clock, most=MOST_OFFERS, within=MINUTE)
        self._doubts = Gate(clock, most=MOST_DOUBTS, within=MINUTE)
        self._log = log.bind(portal=portal)

    async def run(self) -> None:
        """Keeps the handlers bound and the queue empty, until cancelled. A webhook has no events."""
        if not self.installation.possible:
            return
        while True:
            self._changed.clear()
            patience = await self._serve() if self.installation.done else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._changed.wait()

    async def _serve(self) -> float | None:
        """With a key: until it changes, or until nothing is to be done but to wait; gives for how many seconds."""
        if not await self._bind():
            return RETRY.total_seconds()
        if self._is_new:
            self._is_new = False
            await self._welcome()
        if self.sense is Sense.FETCHED:
            await self._fetch()
        return None

    async def _bind(self) -> bool:
        try:
            if self.sense is Sense.OFF:
                await self._desk.unbind()
            else:
                handler = self._handler if self.sense is Sense.POSTED else None
                await self._desk.bind(handler, changes=self._mirror is not None)
        except CrmError as error:
            self.trouble = f"Clicks on numbers do not reach us: {error}"
            self._log.warning("portal_events_not_bound", reason=str(error))
            return False
        self.trouble = None
        return True

    async def _fetch(self) -> None:
        failures, queue = 0, self._desk.queue
        while not self._changed.is_set():
            in_haste = queue.more or self._hours.open_at(self._clock()) or await self._busy()
            queue.every = pause_before_fetch(in_haste=in_haste, failures=failures)
            try:
                fetched = await queue.next()
                failures, self.trouble = 0, None
                await self._take_in(fetched)
            except Throttled as error:
                queue.every = max(QUICK, (error.until - self._clock()).total_seconds())
            except CrmError as error:
                failures += 1
                self.trouble = f"Clicks on numbers are not fetched: {error}"
                self._log.warning("portal_events_not_fetched", reason=str(error), failures=failures)
        queue.every = None

    async def _take_in(self, fetched: Fetched) -> None:
        """Events that come a second time are acted upon once: a click and an order are known by their source, a
        change is read from the portal as often as it is told."""
        taken = [await self._take_fetched(event) for event in fetched.events]
        if all(taken):
            await self._desk.queue.confirm(fetched)
        else:
            self._desk.queue.lost()

    async def _busy(self) -> bool:
        try:
            return await self._is_busy()
        except StoreError:
            return True

    async def _take_fetched(self, event: Event) -> bool:
        token = event.proof.application_token
        if token and not self.installation.is_from_portal(event.proof):
            try:
                await self.installation.take_token(token)
            except (CrmError, StoreError) as error:
                self._log.warning("application_token_not_stored", reason=str(error))
        try:
            await self._act(event)
        except StoreError as error:
            self._log.error("portal_event_not_taken", reason=str(error))
            return False
        return True

    # What is posted

    async def receive(self, body: bytes) -> Verdict:
        """Raises `NotAnEvent`, `NoOffer`; `CrmError` of an installation; `StoreError`."""
        event = event_in(form_of(body))
        if event is None:
            return Verdict.IGNORED
        if isinstance(event, Installed):
            await self._take(offer_in_auth(event.auth))
            return Verdict.TAKEN
        if not await self._is_genuine(event):
            self._log.warning("portal_event_refused", kind=type(event).__name__)
            return Verdict.REFUSED
        await self._act(event)
        return Verdict.TAKEN

    async def _is_genuine(self, event: Event) -> bool:
        if self.installation.knows_token:
            return self.installation.is_from_portal(event.proof)
        return self._doubts.lets_in() and await self.installation.vouch(event.proof)

    async def _act(self, event: Event) -> None:
        match event:
            case Clicked() if self._dialing is not None:
                await self._dialing.dial(request_of(event, self.portal))
            case Ordered() if self._dialing is not None:
                await self._dialing.order(request_of(event, self.portal), None)
            case Changed(ref=ref, gone=gone) if self._mirror is not None:
                (self._mirror.gone if gone else self._mirror.changed)([ref])
            case Uninstalled(at=at) if self._clock() - at <= STALE:
                await self._farewell()

    async def _farewell(self) -> None:
        """Believed when our key opens the portal no more."""
        if await self.installation.opens():
            self._log.warning("portal_says_removed_and_is_not")
            return
        await self.installation.remove()
        self._log.warning("application_removed_from_portal")
        self._changed.set()
        await self._removed()

    # How the keys come

    async def install(self, query: Mapping[str, Any], form: Mapping[str, Any]) -> None:
        """The portal opened our page in its frame. Raises `NoOffer`, `CrmError`, `StoreError`."""
        await self._take(offer_in_frame(query, form))

    async def authorize(self, code: str) -> None:
        """A browser came back from the portal's authorization page. Raises `CrmError`, `StoreError`."""
        await self.installation.take_code(code)
        await self._came()

    async def _take(self, offer: Offer) -> None:
        if not self._offers.lets_in():
            raise NoOffer("Keys were brought too often within a minute: try again in a while.")
        await self.installation.take(offer)
        await self._came()

    async def _came(self) -> None:
        self._log.info("application_installed")
        self._is_new = True
        self._changed.set()
        await self._connected()


def request_of(event: Clicked | Ordered, portal: PortalId) -> DialRequest:
    if isinstance(event, Clicked):
        behind = f"extension {event.extension}" if event.extension else ""
        return DialRequest(
            portal=portal,
            source=event.call_id,
            number=event.number,
            at=event.at,
            user=event.user,
            line=event.line,
            crm_call_id=event.call_id,
            entity=event.entity,
            note=behind,
        )
    return DialRequest(
        portal=portal,
        source=event.source,
        number=event.number,
        at=event.at,
        kind=DialKind.CALLBACK,
        line=event.line,
        entity=event.entity,
        note=event.text,
    )
