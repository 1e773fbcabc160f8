"""What a program is told of its requests. Times are ISO 8601, UTC."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from ringbridge.routing.asked import why_not_reached
from ringbridge.routing.orders import reached
from ringbridge.store import calls
from ringbridge.store.calls import call_key
from ringbridge.store.database import Transaction
from ringbridge.store.dials import Dial, DialState
from ringbridge.store.orders import Order, OrderState
from ringbridge.telephony.model import Call, CallId, Disposition

Instant = Annotated[
    datetime,
    PlainSerializer(datetime.isoformat, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]


class Told(BaseModel):
    """An answer. What was not set is left out of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @property
    def given(self) -> dict[str, Any]:
        """What was set."""
        return {name: getattr(self, name) for name in self.model_fields_set}

    def plain(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude_unset=True)


class CallState(StrEnum):
    DIALLING = "dialling"
    GOING_ON = "going_on"
    ENDED = "ended"
    REFUSED = "refused"


class ToldCall(Told):
    """The call that came of a request."""

    key: str = Field(description="Of the call in the journal.")
    result: Disposition | None = Field(description="null while it goes on.")
    started: Instant
    ended: Instant | None = Field(description="null while it goes on.")
    reached: bool = Field(description="Whether somebody of the office spoke with the client.")
    talked_seconds: int
    talked: tuple[str, ...] = Field(description="The phones that spoke.")
    reason: str = Field(description="Why the client was not reached, for people; else empty.")


class ToldDial(Told):
    """What became of a call that was asked for."""

    id: str
    state: CallState
    extension: str = Field(description="The phone that rings first.")
    reason: str = Field("", description="Why it was not dialled, for people; left out else.")
    call: ToldCall | None = Field(None, description="Left out until the PBX tells of it.")


class ToldOrder(Told):
    """How an order stands."""

    id: str
    state: OrderState
    attempts: int = Field(0, description="How often it was dialled.")
    due: Instant | None = Field(None, description="When it is dialled; left out unless it waits.")
    reason: str = Field("", description="Why it ended, for people; left out else.")


class DialAgain(ToldDial):
    """The call of the request that came by this source before."""

    again: bool = True


class OrderAgain(ToldOrder):
    """The order that came by this source before."""

    again: bool = True


async def told_of_dial(tx: Transaction, dial: Dial) -> ToldDial:
    """What became of a request."""
    entry = await calls.get(tx, call_key(dial.pbx, CallId(dial.id)))
    call = entry.call if entry else None
    if call and call.merged_into and (whole := await calls.get(tx, call_key(dial.pbx, call.merged_into))):
        call = whole.call
    more: dict[str, Any] = {"reason": dial.reason} if dial.reason else {}
    if call is not None and dial.state is not DialState.REFUSED:
        more["call"] = told_of_call(call, dial)
    return ToldDial(id=dial.id, state=state_of(dial, call), extension=dial.extension, **more)


def state_of(dial: Dial, call: Call | None) -> CallState:
    if dial.state is DialState.REFUSED:
        return CallState.REFUSED
    if call is None:
        return CallState.DIALLING
    return CallState.GOING_ON if call.end is None else CallState.ENDED


def told_of_call(call: Call, dial: Dial) -> ToldCall:
    return ToldCall(
        key=call_key(dial.pbx, call.id),
        result=call.disposition,
        started=call.start,
        ended=call.end,
        reached=reached(call),
        talked_seconds=round(sum((talk.length for talk in call.talks), timedelta()).total_seconds()),
        talked=call.answered_by,
        reason=why_not_reached(call) if call.end else "",
    )


def told_of_order(order: Order) -> ToldOrder:
    more: dict[str, Any] = {"due": order.due} if order.state is OrderState.WAITING else {}
    if order.reason:
        more["reason"] = order.reason
    return ToldOrder(id=order.id, state=order.state, attempts=order.attempts, **more)
