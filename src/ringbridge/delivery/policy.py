"""What becomes of a delivery after it was tried: pure decisions, returned as values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from ringbridge.crm.contract import CrmError, NotReached, Receipt, Rejected, Throttled, Transient, Unauthorized
from ringbridge.routing.intents import PortalId
from ringbridge.store.database import Transaction
from ringbridge.store.outcome import Delivery as Delivery
from ringbridge.store.outcome import DeliveryId as DeliveryId
from ringbridge.store.outcome import Done as Done
from ringbridge.store.outcome import GiveUp as GiveUp
from ringbridge.store.outcome import Outcome as Outcome
from ringbridge.store.outcome import Park as Park
from ringbridge.store.outcome import Retry as Retry

FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=10)
SHORTEST_WAIT = timedelta(milliseconds=100)  # an answer that asks for no wait at all must not become a busy loop
REQUEST_LIMIT = timedelta(seconds=60)


def utc_now() -> datetime:
    return datetime.now(UTC)


def wait_before(attempt: int) -> timedelta:
    """2 s, 4 s, 8 s … 10 min: an outage of hours is survived without a stampede at its end."""
    return min(FIRST_WAIT * (1 << min(attempt, 20)), LONGEST_WAIT)


def decide(answer: Receipt | CrmError, *, attempts: int, now: datetime, request_limit: timedelta) -> Outcome:
    """What becomes of a delivery whose `attempts` earlier tries counted.

    There is no last attempt: a call is never given up because a CRM is down, only when the CRM says that it will never
    take it. `request_limit` is the longest a portal may work on one request (Bitrix24: 60 s): after a lost answer
    nothing is tried before that, or the question whether it was done could be asked too early.
    """
    reason = str(answer)
    sent, answered = (answer.exchange.sent, answer.exchange.answered) if answer.exchange else (None, None)
    match answer:
        case Receipt():
            return Done(facts=answer.facts, sent=sent, answered=answered)
        case NotReached():
            return Retry(at=now + SHORTEST_WAIT, reason=reason, counts=False, sent=sent, answered=answered)
        case Throttled():
            return Retry(
                at=max(answer.until, now + SHORTEST_WAIT), reason=reason, counts=False, sent=sent, answered=answered
            )
        case Unauthorized():
            return Park(reason=reason, sent=sent, answered=answered)
        case Rejected():
            return GiveUp(reason=reason, sent=sent, answered=answered)
        case Transient(maybe_done=True):
            at = now + max(request_limit, wait_before(attempts))
            return Retry(at=at, reason=reason, counts=True, uncertain=True, sent=sent, answered=answered)
        case _:
            return Retry(at=now + wait_before(attempts), reason=reason, counts=True, sent=sent, answered=answered)


def is_down(outcomes: Collection[Outcome]) -> bool | None:
    """Whether a portal cannot be worked with, by what became of one batch; None where this tells nothing."""
    if any(isinstance(one, Done) and not one.note for one in outcomes):
        return False
    return True if any(isinstance(one, Retry) and one.counts for one in outcomes) else None


class Engine(Protocol):
    """Who wakes the worker."""

    async def announce(self, tx: Transaction, deliveries: Sequence[DeliveryId]) -> None:
        """New rows wait: inside the transaction that wrote them."""
        ...

    async def run(self, deliver: Callable[[Sequence[Delivery]], Awaitable[Sequence[Outcome]]]) -> None:
        """Hand out what is due, always of one portal, and settle what `deliver` returns for each; until cancelled."""
        ...

    async def park(self, portal: PortalId, until: datetime | None) -> None:
        """Hand out nothing of this portal until then; None: until it is unparked."""
        ...
