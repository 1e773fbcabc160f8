"""What the office's page shows: figures, screens with their cards, the newest calls."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any

from ringbridge.emulators.bitrix24.calls import ActiveCall, CallRecord, CallType, MissedCall
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.emulators.bitrix24.people import User
from ringbridge.emulators.bitrix24.phones import display
from ringbridge.emulators.bitrix24.portal import Portal

_NEWEST = 100
KIND_WORDS = {
    CallType.OUTGOING: "out",
    CallType.INCOMING: "in",
    CallType.REDIRECTED: "transferred",
    CallType.CALLBACK: "callback",
    CallType.INFO: "info",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCall:
    id: str
    kind: str  # one of KIND_WORDS
    number: str  # for people
    dial: str  # for a click
    line: str  # its name where it has one
    started: str  # ISO 8601, as all times of the page
    client: str  # "" when nobody is known by this number
    address: str  # of the client's page


@dataclass(frozen=True, slots=True, kw_only=True)
class Card(ShownCall):
    over: bool
    others: tuple[str, ...]  # who has the card on the screen as well


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished(ShownCall):
    user: str
    duration: int  # seconds
    code: str
    file: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Who is to be called back."""

    number: str
    dial: str
    client: str
    times: int  # missed attempts that nobody has answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    id: int
    name: str
    inner: str
    cards: tuple[Card, ...]
    missed: tuple[Missed, ...]
    notes: tuple[str, ...]  # the latest notifications


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    running: int
    finished: int
    missed: int
    requests: int
    screens: tuple[Screen, ...]
    calls: tuple[Finished, ...]


def board_of(portal: Portal) -> Board:
    telephony = portal.telephony
    return Board(
        running=len(telephony.active),
        finished=len(telephony.finished),
        missed=sum(one.closed_by is None for one in telephony.missed),
        requests=portal.traffic.requests,
        screens=tuple(screen_of(portal, user) for user in portal.staff.users.values() if user.active),
        calls=tuple(_finished(portal, record) for record in islice(reversed(telephony.finished.values()), _NEWEST)),
    )


def screen_of(portal: Portal, user: User) -> Screen:
    shown = portal.telephony.cards.shown.get(user.id, ())
    cards = (_card(portal, call_id, user) for call_id in shown)
    notes = [one["message"] for one in portal.notifications if one["user_id"] == user.id]
    return Screen(
        id=user.id,
        name=user.full_name,
        inner=user.inner_phone,
        cards=tuple(card for card in cards if card is not None),
        missed=tuple(_missed(portal, user)),
        notes=tuple(notes[-2:]),
    )


def _card(portal: Portal, call_id: str, user: User) -> Card | None:
    call, record = portal.telephony.active.get(call_id), portal.telephony.finished.get(call_id)
    shown = call or (record.call if record else None)
    if shown is None:
        return None
    others = (portal.user_name(one) for one in portal.telephony.cards.viewers(call_id) if one != user.id)
    return Card(**_common(portal, shown), over=call is None, others=tuple(others))


def _missed(portal: Portal, user: User) -> list[Missed]:
    """Newest first, one row per number."""
    waiting: dict[str, list[MissedCall]] = {}
    for one in reversed(portal.telephony.missed):
        if one.user_id == user.id and one.closed_by is None:
            waiting.setdefault(one.phone, []).append(one)
    rows = []
    for calls in waiting.values():
        record = portal.telephony.finished[calls[0].call_id]
        common = _common(portal, record.call)
        rows.append(
            Missed(number=common["number"], dial=common["dial"], client=common["client"], times=len(calls)),
        )
    return rows


def _finished(portal: Portal, record: CallRecord) -> Finished:
    return Finished(
        **_common(portal, record.call),
        user=portal.user_name(record.user_id),
        duration=record.duration,
        code=record.code,
        file=record.record_file_id,
    )


def _common(portal: Portal, call: ActiveCall) -> dict[str, Any]:
    kind, client = call.primary or ("", 0)
    known = bool(kind) and client in portal.clients.rows[Kind(kind)]
    return {
        "id": call.call_id,
        "kind": KIND_WORDS[call.type],
        "number": display(call.written),
        "dial": call.written,
        "line": line_name(call),
        "started": call.started.isoformat(),
        "client": portal.clients.name(Kind(kind), client) if known else "",
        "address": client_address(kind, client) if known else "",
    }


def line_name(call: ActiveCall) -> str:
    return (call.line.name or call.line.number) if call.line else ""


def client_address(kind: str, number: int) -> str:
    """The page of a client, under the address that the real portal gives it."""
    return f"/crm/{kind.lower()}/details/{number}/"
