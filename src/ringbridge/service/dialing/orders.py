"""Client's orders for a call: each is dialled when it is due, and again until somebody spoke with the client.

An order is a row, changed in the transaction of what changed it: with the acceptance of its attempt, with the end of
the attempt's call, with any answered call of its number, whoever called whom. So nothing is forgotten in a restart, and
none of its attempts is made twice. What is dialled later is dialled in working hours.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NoReturn, Protocol

import structlog

from ringbridge.routing.dialing import MINUTE, DialPlan, DialRequest, Refusal, too_many
from ringbridge.routing.hours import WorkingHours
from ringbridge.routing.intents import PortalId
from ringbridge.routing.office import Portal, names_of, phone_key
from ringbridge.routing.orders import Wish, next_try, opening, reached, refusal_of, wish_for_missed
from ringbridge.routing.results import CallStatus
from ringbridge.routing.rules import CallbackPlan
from ringbridge.store import calls, orders
from ringbridge.store.calls import PbxId, StoryKind, StoryLine
from ringbridge.store.database import Database, Transaction
from ringbridge.store.dials import Dial
from ringbridge.store.errors import StoreError
from ringbridge.store.orders import Order, OrderState
from ringbridge.telephony.dialling import OURS
from ringbridge.telephony.model import Call
from ringbridge.telephony.numbers import masked

log = structlog.get_logger(__name__)

LOOK_EVERY = timedelta(seconds=60)  # at least; whatever makes an order due earlier wakes us
ON_THE_PHONE = timedelta(minutes=1)  # until the client is tried who speaks with the office already
LONGEST_CALL = timedelta(hours=4)
TOO_LATE = timedelta(days=1)
"""Nobody waits any more for a call that was due so long ago: we were not running."""

BEING_CALLED = Refusal(
    status=CallStatus.CANCELLED, reason="Not dialled: this number is being called at the moment.", told=False
)
OVER = Refusal(status=CallStatus.CANCELLED, reason="Not dialled: the order has ended meanwhile.", told=False)


class HasRouting(Protocol):
    """A portal, as far as orders go."""

    @property
    def routing(self) -> Portal: ...


class Orders:
    def __init__(
        self,
        plan: DialPlan,
        *,
        database: Database,
        portals: Mapping[PortalId, HasRouting],
        clock: Callable[[], datetime],
    ) -> None:
        self._plan = plan
        self._database = database
        self._portals = portals
        self._clock = clock
        self._changed = asyncio.Event()

    # How orders come

    async def place(self, request: DialRequest, due: datetime) -> Order | Refusal | None:
        """An order for later. None for one that has come before. Raises `StoreError`."""
        portal = self._portals[request.portal].routing
        if refusal := refusal_of(request, self._plan, portal):
            return refusal
        async with self._database.transaction() as tx:
            if await orders.count_since(tx, self._clock() - MINUTE) >= self._plan.per_minute:
                return too_many(self._plan)
            return await self._placed(tx, Wish(request=request, due=opening(due, portal.hours)))

    async def _placed(self, tx: Transaction, wish: Wish) -> Order | Refusal | None:
        request, now = wish.request, self._clock()
        number = phone_key(request.number, self._portals[request.portal].routing.region)
        if await orders.named(tx, request.portal, request.source):
            return None
        if wish.again and await orders.ordered_since(tx, number, now - wish.again):
            return None
        if refusal := await self._admitted(tx, number):
            return refusal
        order = Order(
            id=new_order(), request=request, number=number, state=OrderState.WAITING, due=wish.due, created=now
        )
        await orders.put(tx, order)
        log.info("order_placed", order=order.id, portal=request.portal, number=masked(number), due=str(wish.due))
        self._wake(tx)
        return order

    async def _admitted(self, tx: Transaction, number: str) -> Refusal | None:
        """A new order takes the place of one that waits; not of one whose attempt is out."""
        known = await orders.open_of_number(tx, number)
        if known is not None and known.state is OrderState.DIALLING:
            return BEING_CALLED
        if known is not None:
            await self._end(tx, known, OrderState.ENDED, "The call was ordered anew.")
        return None

    async def cancel(self, order: str, *, by: str) -> bool:
        """Nobody is called any more; False where nothing waits, an attempt that is out is not called off. Raises
        `StoreError`."""
        async with self._database.transaction() as tx:
            known = await orders.get(tx, order)
            if known is None or known.state is not OrderState.WAITING:
                return False
            await self._end(tx, known, OrderState.ENDED, f"It was cancelled by {by}.")
            return True

    # Its attempts, as `Dialing` accepts them

    async def admits(self, tx: Transaction, request: DialRequest) -> Refusal | None:
        """Whether this attempt may be made now."""
        number = phone_key(request.number, self._portals[request.portal].routing.region)
        known = await orders.get(tx, request.order)
        if known is None:
            return await self._admitted(tx, number)
        return None if known.state is OrderState.WAITING else OVER

    async def attempted(self, tx: Transaction, dial: Dial) -> None:
        """An attempt is on its way; the first one of an order that was for now makes the order."""
        known = await orders.get(tx, dial.request.order) or Order(
            id=dial.request.order,
            request=dial.request,
            number=dial.number,
            state=OrderState.DIALLING,
            due=dial.decided,
            created=dial.decided,
        )
        out = replace(known, state=OrderState.DIALLING, attempts=known.attempts + 1, dial=dial.id, due=dial.decided)
        await orders.put(tx, out)

    async def refused(self, tx: Transaction, request: DialRequest, reason: str) -> None:
        """A guard did not let the attempt pass: it will not another time."""
        known = await orders.get(tx, request.order)
        if known is not None and known.state is OrderState.WAITING:
            await self._end(tx, known, OrderState.ENDED, reason)

    async def failed(self, tx: Transaction, dial: Dial) -> str:
        """The attempt was not dialled. What becomes of the order, for the call's story."""
        known = await orders.open_of_dial(tx, [dial.id])
        return await self._again(tx, known) if known else ""

    # What becomes of calls

    async def call_ended(
        self, tx: Transaction, pbx: PbxId, call: Call, missed: tuple[PortalId, CallbackPlan] | None
    ) -> None:
        """`missed`: what the rules of a portal say about calling back. The call is in the journal."""
        if call.merged_into is not None:
            return  # the whole call will end as well
        if said := await self._after(tx, pbx, call, missed):
            await self._tell(tx, pbx, call, said)

    async def _tell(self, tx: Transaction, pbx: PbxId, call: Call, text: str) -> None:
        line = StoryLine(at=self._clock(), kind=StoryKind.DECIDED, text=text)
        await calls.record(tx, pbx, [], {call.id: [line]})

    async def _after(
        self, tx: Transaction, pbx: PbxId, call: Call, missed: tuple[PortalId, CallbackPlan] | None
    ) -> str:
        ours = [name for name in names_of(call) if name.startswith(OURS)]
        known = await orders.open_of_dial(tx, ours) if ours else None
        if known is not None and known.request.note:
            await self._tell(tx, pbx, call, f"The order said: {known.request.note}")
        if reached(call):
            known = known or await self._open_of(tx, call)
            return await self._end(tx, known, OrderState.REACHED, "Somebody spoke with the client.") if known else ""
        if known is not None:
            return await self._again(tx, known)
        return await self._called_back(tx, pbx, call, missed) if missed and not ours else ""

    async def _open_of(self, tx: Transaction, call: Call) -> Order | None:
        region = next((portal.routing.region for portal in self._portals.values()), None)
        if region is None or not call.external:
            return None
        known = await orders.open_of_number(tx, phone_key(call.external, region))
        is_later = known is not None and call.end is not None and call.end >= known.created
        return known if is_later else None  # a call of an imported history is no answer to an order of today

    async def _called_back(self, tx: Transaction, pbx: PbxId, call: Call, missed: tuple[PortalId, CallbackPlan]) -> str:
        portal, rule = missed
        routing = self._portals[portal].routing
        wish = wish_for_missed(call, rule, self._plan, routing, pbx, self._clock())
        if isinstance(wish, Refusal):
            return f"The client is not called back. {wish.reason}"
        if wish is None or await self._waits_already(tx, wish):
            return ""
        order = await self._placed(tx, wish)
        return f"The client is called back at {self._local(order)}." if isinstance(order, Order) else ""

    async def _waits_already(self, tx: Transaction, wish: Wish) -> bool:
        """What the client ordered, and when, goes before our own rule."""
        region = self._portals[wish.request.portal].routing.region
        return await orders.open_of_number(tx, phone_key(wish.request.number, region)) is not None

    async def _again(self, tx: Transaction, order: Order) -> str:
        due = next_try(order.attempts, self._plan, self._hours(order), self._clock())
        if due is None:
            return await self._end(
                tx, order, OrderState.ENDED, f"Nobody spoke with the client in {order.attempts} attempts."
            )
        again = replace(order, state=OrderState.WAITING, due=due)
        await orders.put(tx, again)
        self._wake(tx)
        return f"The client's order is dialled again at {self._local(again)}."

    async def _end(self, tx: Transaction, order: Order, state: OrderState, reason: str) -> str:
        await orders.put(tx, replace(order, state=state, ended=self._clock(), reason=reason))
        log.info("order_ended", order=order.id, state=str(state), attempts=order.attempts, reason=reason)
        self._wake(tx)
        return f"The client's order has ended: {reason}"

    def _local(self, order: Order) -> str:
        return f"{order.due.astimezone(self._hours(order).zone):%H:%M:%S on %d.%m.%Y}"

    def _hours(self, order: Order) -> WorkingHours:
        portal = self._portals.get(order.request.portal)
        return portal.routing.hours if portal else WorkingHours()

    def _wake(self, tx: Transaction) -> None:
        tx.after_commit(self._changed.set)

    # What is due

    async def run(self, dial: Callable[[DialRequest], Awaitable[object]]) -> NoReturn:
        """Dials what is due, until cancelled."""
        while True:
            self._changed.clear()
            try:
                patience = await self.look(dial)
            except StoreError as error:
                log.error("orders_not_looked_at", reason=str(error))
                patience = LOOK_EVERY
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience.total_seconds()):
                    await self._changed.wait()

    async def look(self, dial: Callable[[DialRequest], Awaitable[object]]) -> timedelta:
        """Dials what is due by now, as many as may be out; gives for how long nothing will be to do. The end of an
        attempt wakes us."""
        await self._give_up_the_lost()
        async with self._database.reading() as tx:
            waiting = await orders.due(tx, self._clock())
            free = self._plan.at_once - await orders.count_out(tx)
        for order in waiting:
            if free <= 0:
                return LOOK_EVERY
            if await self._is_due(order):
                await dial(attempt_of(order, self._clock()))
                free -= 1
        async with self._database.reading() as tx:
            following = await orders.next_due(tx)
        pause = following - self._clock() if following else LOOK_EVERY
        return max(timedelta(0), min(pause, LOOK_EVERY))

    async def _give_up_the_lost(self) -> None:
        """An attempt of whose end nobody will tell any more: its PBX was taken out of the office, for one."""
        before = self._clock() - LONGEST_CALL
        async with self._database.reading() as tx:
            lost = await orders.out_since_before(tx, before)
        for order in lost:
            async with self._database.transaction() as tx:
                if await orders.get(tx, order.id) == order:
                    await self._again(tx, order)

    async def _is_due(self, order: Order) -> bool:
        """Whether it is dialled now; else it was put off or ended."""
        now, portal = self._clock(), self._portals.get(order.request.portal)
        async with self._database.transaction() as tx:
            if await orders.get(tx, order.id) != order:
                return False  # it was changed meanwhile, and is looked at again
            if portal is None or now - order.due > TOO_LATE:
                reason = "It could not be dialled in time: Ringbridge did not run."
                await self._end(tx, order, OrderState.ENDED, reason)
                return False
            opens = opening(now, portal.routing.hours)
            busy = await orders.is_on_the_phone(tx, order.number, now - LONGEST_CALL)
            later = opens if opens > now else now + ON_THE_PHONE if busy else None
            if later is not None:
                await orders.put(tx, replace(order, due=later))
            return later is None

    async def forget(self, tx: Transaction, before: datetime) -> None:
        await orders.forget(tx, before)


def new_order() -> str:
    return f"order-{uuid.uuid4().hex}"


def attempt_of(order: Order, now: datetime) -> DialRequest:
    """The order's next attempt as a request of its own. Its name is the same until it was made: at most once."""
    return replace(
        order.request, order=order.id, source=f"{order.request.source}#{order.id}-{order.attempts + 1}", at=now
    )
