"""Client's orders for a call: when the next attempt is due, and which missed call makes an order. Pure.

An order is made by the client (a form of the company's site, a CRM's callback widget) or by the office's own rule for
missed calls. It is dialled at most so many times as the plan says, and ends at once when anybody has spoken with the
client, whoever called whom.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ringbridge.routing.dialing import DialKind, DialPlan, DialRequest, Refusal, dialled_as, not_allowed, who_is_rung
from ringbridge.routing.hours import WorkingHours
from ringbridge.routing.office import Portal
from ringbridge.routing.rules import CallbackPlan
from ringbridge.telephony.model import Call, Direction, Disposition
from ringbridge.telephony.numbers import is_internal

NO_NEWS = timedelta(hours=1)
"""A call that was missed so long ago, and is heard of only now, is called back by nobody who expects it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An order that is to be made."""

    request: DialRequest
    due: datetime
    again: timedelta = timedelta(0)  # not where the number was ordered within this time


def next_try(attempts: int, plan: DialPlan, hours: WorkingHours, now: datetime) -> datetime | None:
    """When an order is dialled again after so many attempts; None when that was the last."""
    if attempts > len(plan.retries):
        return None
    return opening(now + plan.retries[attempts - 1], hours)


def opening(at: datetime, hours: WorkingHours) -> datetime:
    """The moment itself where the office is open then, else the next one at which it is."""
    return hours.after(at, timedelta(0))


def reached(call: Call) -> bool:
    """Somebody of the office spoke with the client."""
    return call.concerns_client and (bool(call.talks) or call.disposition is Disposition.ANSWERED)


def refusal_of(request: DialRequest, plan: DialPlan, portal: Portal) -> Refusal | None:
    """Why this order could never be dialled, whenever that was."""
    number = dialled_as(request.number, plan, portal)
    if isinstance(number, Refusal):
        return number
    first = who_is_rung(request, plan, portal)
    return first if isinstance(first, Refusal) else not_allowed(request, plan, portal)


def wish_for_missed(
    call: Call, rule: CallbackPlan, plan: DialPlan, portal: Portal, pbx: str, now: datetime
) -> Wish | Refusal | None:
    """The order that a missed call makes by the office's rule; None for a call that is none."""
    if not is_missed(call) or call.end is None or now - call.end > NO_NEWS:
        return None
    request = DialRequest(
        portal=portal.id,
        source=f"missed-{pbx}-{call.id}",
        number=call.external or "",
        at=call.end,
        kind=DialKind.CALLBACK,
        to=rule.to or who_was_called(call) or plan.callback_to,
        line=portal.line_of(call.trunk, call.did) or "",
    )
    due = opening(call.end + rule.after, portal.hours)
    return refusal_of(request, plan, portal) or Wish(request=request, due=due, again=rule.again)


def is_missed(call: Call) -> bool:
    """A client's own call, not one of ours to them, that nobody took."""
    return (
        call.direction is Direction.INBOUND
        and call.disposition is Disposition.MISSED
        and call.merged_into is None
        and call.click_to_call is None
        and call.external is not None
    )


def who_was_called(call: Call) -> str:
    """The queue, group or phone that rang, by a number that the dialplan knows; empty where there is none."""
    return next((name for name in _called(call) if is_internal(name)), "")


def _called(call: Call) -> Iterator[str]:
    yield from filter(None, (call.queue, call.group))
    yield from (leg.extension for leg in reversed(call.legs))
