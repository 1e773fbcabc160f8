"""What becomes of a delivery after it was tried: pure decisions, returned as values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NewType, Protocol

from ringbridge.crm.contract import CrmError, Facts, NotReached, Receipt, Rejected, Throttled, Transient, Unauthorized
from ringbridge.routing.intents import Intent, PortalId

DeliveryId = NewType("DeliveryId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One intent on its way to one portal, as the store keeps it."""

    id: DeliveryId
    portal: PortalId
    intent: Intent
    facts: Facts = field(default_factory=dict)  # receipts of the record's earlier steps
    attempts: int = 0  # tries that count
    uncertain: bool = False  # a try was begun and its answer never came


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    at: datetime
    reason: str
    counts: bool  # whether the try uses one of the attempts
    uncertain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Park:
    """The whole portal waits; the delivery waits with it and has lost nothing."""

    reason: str
    until: datetime | None = None  # None: until a person mends it


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    reason: str


Outcome = Done | Retry | Park | GiveUp

FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=10)


def wait_before(attempt: int) -> timedelta:
    """2 s, 4 s, 8 s … 10 min: an outage of hours is survived without a stampede at its end."""
    return min(FIRST_WAIT * 2 ** min(attempt, 20), LONGEST_WAIT)


def decide(answer: Receipt | CrmError, *, attempts: int, now: datetime, request_limit: timedelta) -> Outcome:
    """What becomes of a delivery whose `attempts` earlier tries counted.

    There is no last attempt: a call is never given up because a CRM is down, only when the CRM says that it will never
    take it. `request_limit` is the longest a portal may work on one request (Bitrix24: 60 s): after a lost answer
    nothing is tried before that, or the question whether it was done could be asked too early.
    """
    match answer:
        case Receipt():
            return Done(facts=answer.facts)
        case NotReached():
            return Retry(at=now, reason=str(answer), counts=False)
        case Throttled():
            return Retry(at=answer.until, reason=str(answer), counts=False)
        case Unauthorized():
            return Park(reason=str(answer))
        case Rejected():
            return GiveUp(reason=str(answer))
        case Transient(maybe_done=True):
            return Retry(
                at=now + max(request_limit, wait_before(attempts)), reason=str(answer), counts=True, uncertain=True
            )
        case _:
            return Retry(at=now + wait_before(attempts), reason=str(answer), counts=True)


class Engine(Protocol):
    """Who wakes the worker. `announce` runs inside the transaction that wrote the rows."""

    async def announce(self, tx: Any, deliveries: Sequence[DeliveryId]) -> None: ...

    async def run(self, deliver: Callable[[Sequence[Delivery]], Awaitable[Sequence[Outcome]]]) -> None: ...

    async def park(self, portal: PortalId, until: datetime | None) -> None: ...
