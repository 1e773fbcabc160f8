"""Calls and what is wanted of the CRM for them, as tests of the store and of delivery write them down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ringbridge.routing.intents import (
    AttachRecording,
    FinishCall,
    HideCard,
    Intent,
    PortalId,
    RecordKey,
    RecordKind,
    RegisterCall,
    ShowCard,
    UserId,
)
from ringbridge.routing.results import CallStatus
from ringbridge.store import calls, deliveries
from ringbridge.store.database import Database
from ringbridge.store.keys import CallKey, PbxId, call_key
from ringbridge.store.outcome import Delivery, DeliveryId
from ringbridge.telephony.model import Call, CallId, Direction

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PBX = PbxId("office")
PORTAL = PortalId("b24")
SECOND = timedelta(seconds=1)


def a_call(n: int = 1, start: datetime = NOON, **more: object) -> Call:
    values = {
        "id": CallId(f"1700000000.{n}"),
        "direction": Direction.INBOUND,
        "start": start,
        "external": "+79161234567",
    }
    return Call(**values | more)  # type: ignore[arg-type]


class Record:
    """The intents of one record of a call."""

    def __init__(self, call: int = 1, nth: int = 1) -> None:
        self.call = a_call(call).id
        self.key = RecordKey(call_key(PBX, self.call) + (f"-{nth}" if nth > 1 else ""))

    def register(self, user: str = "1", *, live: bool = True, show: bool = True) -> RegisterCall:
        return RegisterCall(
            record=self.key,
            call=self.call,
            kind=RecordKind.INBOUND,
            number="+79161234567",
            user=UserId(user),
            started=NOON,
            live=live,
            show=show,
        )

    def show(self, *users: str, ring: str = "1") -> ShowCard:
        return ShowCard(record=self.key, call=self.call, users=tuple(map(UserId, users)), ring=ring)

    def hide(self, *users: str, ring: str = "1") -> HideCard:
        return HideCard(record=self.key, call=self.call, users=tuple(map(UserId, users)), ring=ring)

    def finish(self, user: str = "1") -> FinishCall:
        return FinishCall(record=self.key, call=self.call, user=UserId(user), duration=20, status=CallStatus.ANSWERED)

    def attach(self, path: str = "a.wav") -> AttachRecording:
        return AttachRecording(
            record=self.key, call=self.call, path=path, channel="1700000000.1", started=NOON, duration=20
        )


async def decide_on(
    database: Database, call: int, intents: list[Intent], now: datetime = NOON, portal: PortalId = PORTAL
) -> list[DeliveryId]:
    """Journal the call and what is wanted for it, in one transaction, as the pipeline does."""
    journalled = a_call(call)
    async with database.transaction() as tx:
        await calls.record(tx, PBX, [journalled])
        return await deliveries.enqueue(tx, portal, intents, key_of(call), now)


async def claimed(
    database: Database, now: datetime = NOON, limit: int = 50, portal: PortalId = PORTAL, **more: object
) -> list[Delivery]:
    async with database.transaction() as tx:
        return await deliveries.claim(tx, portal, now, limit, **more)  # type: ignore[arg-type]


def key_of(call: int) -> CallKey:
    return call_key(PBX, a_call(call).id)


def steps(rows: list[Delivery]) -> list[str]:
    return [row.intent.step for row in rows]
