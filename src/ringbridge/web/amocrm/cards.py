"""Calls as our widget shows them: whose card is open, and what stands on it.

A card follows the call's own snapshots, not the queue of deliveries: it opens while the first ring sounds, also when
the account's interface is slow or shut, and each snapshot puts the whole picture right, whatever was missed before.
Whether there is a card at all is decided by the office's rules, as for every other CRM. What the adapter learns on its
way, whose number it is, is added: it spares the widget a search.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ringbridge.crm.amocrm.cards import Card as ShownCard
from ringbridge.routing.intents import UserId
from ringbridge.routing.office import Portal
from ringbridge.routing.rules import decide
from ringbridge.store.dials import Dial
from ringbridge.store.keys import CallKey, PbxId, call_key
from ringbridge.telephony.model import Call, Direction, Disposition
from ringbridge.telephony.numbers import parse_number
from ringbridge.web.amocrm.failures import TOLD_FOR, Failed, failed_dial, failed_of

MISSED_FOR = timedelta(minutes=10)
"""How long a missed call is told to whoever was not connected when it happened."""

MOST_KEPT = 500  # missed calls, and clients of calls


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    key: CallKey
    state: str  # ringing, calling (an outgoing call that nobody answered yet), talking
    direction: Direction
    number: str  # E.164 where it could be read; empty: withheld
    name: str  # as the telephone network told it
    line: str
    queue: str  # or ring group
    started: datetime
    answered: datetime | None
    others: tuple[str, ...]  # colleagues whose phones ring too

    def document(self) -> dict[str, Any]:
        """JSON-ready; times in Unix seconds."""
        return {
            "key": self.key,
            "state": self.state,
            "direction": self.direction.value,
            "number": self.number,
            "name": self.name,
            "line": self.line,
            "queue": self.queue,
            "started": self.started.timestamp(),
            "answered": self.answered.timestamp() if self.answered else None,
            "others": list(self.others),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    key: CallKey
    number: str
    name: str
    line: str
    at: datetime
    users: frozenset[UserId]  # whose phones rang

    def document(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "number": self.number,
            "name": self.name,
            "line": self.line,
            "at": self.at.timestamp(),
        }


def cards_of(key: CallKey, call: Call, portal: Portal) -> dict[UserId, Card]:
    """Each user's card of this call, now."""
    if call.end is not None or not _is_told(call, portal):
        return {}
    phones = {user: phone for phone in _phones(call) if (user := portal.staff.user_of(phone))}
    return {user: _card(key, call, portal, user) for user in phones}


def missed_of(key: CallKey, call: Call, portal: Portal) -> Missed | None:
    """What the users whose phones rang in vain are told of it."""
    if call.end is None or call.disposition is not Disposition.MISSED or not _is_told(call, portal):
        return None
    users = frozenset(user for leg in call.legs if (user := portal.staff.user_of(leg.extension)))
    if not users:
        return None
    return Missed(
        key=key,
        number=_number(call, portal),
        name=call.external_name or "",
        line=portal.line_of(call.trunk, call.did) or "",
        at=call.start,
        users=users,
    )


def _is_told(call: Call, portal: Portal) -> bool:
    if not call.concerns_client or call.merged_into is not None:
        return False
    return decide(portal.rules, portal.facts_of(call)).register


def _phones(call: Call) -> Iterator[str]:
    """Phones whose holders see the call: those that speak, the one that calls, those that ring."""
    speaking = [talk.extension for talk in call.talks if talk.end is None]
    yield from speaking
    if call.direction is Direction.OUTBOUND and call.caller and not call.talks:
        yield call.caller
    if call.direction is Direction.INBOUND or call.talks:
        yield from call.ringing


def _card(key: CallKey, call: Call, portal: Portal, user: UserId) -> Card:
    staff = portal.staff
    own = [talk.start for talk in call.talks if talk.end is None and staff.user_of(talk.extension) == user]
    waiting = "calling" if call.direction is Direction.OUTBOUND and not call.talks else "ringing"
    others = (phone for phone in call.ringing if staff.user_of(phone) != user)
    return Card(
        key=key,
        state="talking" if own else waiting,
        direction=call.direction,
        number=_number(call, portal),
        name=call.external_name or "",
        line=portal.line_of(call.trunk, call.did) or "",
        queue=call.queue or call.group or "",
        started=call.start,
        answered=min(own) if own else None,
        others=tuple(dict.fromkeys(staff.name_of(phone) for phone in others)) if not own else (),
    )


def _number(call: Call, portal: Portal) -> str:
    number = parse_number(call.external, portal.region)
    return str(number) if number else ""


class CardBoard:
    """Every open card of one portal, and who looks. It is the adapter's `CardFeed` as well. Not thread-safe: it belongs
    to the event loop."""

    def __init__(self, portal: Callable[[], Portal], now: Callable[[], datetime]) -> None:
        self._portal = portal
        self._now = now
        self._open: dict[CallKey, Mapping[UserId, Card]] = {}
        self._missed: OrderedDict[CallKey, Missed] = OrderedDict()
        self._failed: OrderedDict[CallKey, Failed] = OrderedDict()
        self._clients: OrderedDict[str, tuple[str, int]] = OrderedDict()  # by the call's first record
        self._watchers: defaultdict[UserId, set[asyncio.Event]] = defaultdict(set)
        self.closed = False

    def tell(self, pbx: PbxId, call: Call) -> None:
        """The call is now as this snapshot says. Every call may be told."""
        key, portal = call_key(pbx, call.id), self._portal()
        before = self._open.pop(key, {})
        if cards := cards_of(key, call, portal):
            self._open[key] = cards
        touched = {user for user in (*before, *cards) if before.get(user) != cards.get(user)}
        if missed := missed_of(key, call, portal):
            self._missed[key] = missed
            touched |= missed.users
            while len(self._missed) > MOST_KEPT:
                self._missed.popitem(last=False)
        for user in touched:
            self._wake(user)
        if failed := failed_of(key, call, self._portal()):
            self._tell_failed(failed)

    def fail(self, dial: Dial, reason: str) -> None:
        """A call that somebody asked for was not dialled after all: the PBX will tell nothing of it."""
        if failed := failed_dial(dial, reason, self._now()):
            self._tell_failed(failed)

    def _tell_failed(self, failed: Failed) -> None:
        self._failed[failed.key] = failed
        while len(self._failed) > MOST_KEPT:
            self._failed.popitem(last=False)
        self._wake(failed.user)

    def show(self, card: ShownCard) -> None:
        """The adapter tells whose number it is, where it knows."""
        if card.entity is None or self._clients.get(card.record) == card.entity:
            return
        self._clients[card.record] = card.entity
        while len(self._clients) > MOST_KEPT:
            self._clients.popitem(last=False)
        for user in card.users:
            self._wake(user)

    def hide(self, card: ShownCard) -> None:
        """The call's own snapshot has closed it already."""

    def view(self, user: UserId) -> dict[str, Any]:
        """All that a user's widget shows, JSON-ready: open cards, the oldest first, calls missed lately, and those
        that the user asked for in vain."""
        now = self._now()
        cards = sorted((held[user] for held in self._open.values() if user in held), key=lambda card: card.started)
        missed = [one for one in self._missed.values() if user in one.users and now - one.at < MISSED_FOR]
        failed = [one for one in self._failed.values() if user == one.user and now - one.at < TOLD_FOR]
        return {
            "type": "state",
            "now": now.timestamp(),
            "cards": [card.document() | {"entity": self._clients.get(card.key)} for card in cards],
            "missed": [one.document() for one in missed],
            "failed": [one.document() for one in failed],
        }

    @contextmanager
    def watching(self, user: UserId) -> Iterator[asyncio.Event]:
        """The event is set when the user's view has changed, and when the board is closed."""
        changed = asyncio.Event()
        self._watchers[user].add(changed)
        try:
            yield changed
        finally:
            self._watchers[user].discard(changed)
            if not self._watchers[user]:
                del self._watchers[user]

    def watchers(self, user: UserId) -> int:
        return len(self._watchers[user]) if user in self._watchers else 0

    def close(self) -> None:
        """Ends every open connection, so that the server can stop."""
        self.closed = True
        for user in list(self._watchers):
            self._wake(user)

    def _wake(self, user: UserId) -> None:
        for changed in self._watchers.get(user, ()):
            changed.set()
