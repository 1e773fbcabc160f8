"""While a phone rings: the account's own pop-up, and the card of our widget.

Source: amoCRM developer documentation, "Call notification" (``POST /api/v2/events``): every event makes another pop-up.
So each user gets one a call, all who ring together get theirs in one request, and none is repeated in doubt. The answer
may tell whom the number belongs to; that it does is not promised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ringbridge.crm.amocrm.entities import Entity, Kind, entity_in
from ringbridge.crm.amocrm.errors import with_story
from ringbridge.crm.amocrm.knowledge import Knowledge
from ringbridge.crm.amocrm.ledger import Ledger, facts_of, kind_in
from ringbridge.crm.amocrm.rest import Rest
from ringbridge.crm.amocrm.values import as_list, as_map, embedded, text, whole, written
from ringbridge.crm.contract import CrmError, Receipt, Rejected
from ringbridge.routing.intents import (
    AdoptCall,
    FinishCall,
    HideCard,
    RecordKey,
    RecordKind,
    RegisterCall,
    ShowCard,
    UserId,
)
from ringbridge.telephony.model import CallId
from ringbridge.telephony.numbers import parse_number

EVENTS = "/api/v2/events"
KINDS = {"1": Kind.CONTACT, "2": Kind.LEAD, "3": Kind.COMPANY, "12": Kind.CUSTOMER}
ASKED_ALREADY = "Not sent again: whether the pop-up opened is not known, and a second one would stand beside it."
OPEN_ALREADY = "Not sent again: a queue rings the same phones over and over, and the pop-up of this call is open."
WITHHELD = "The number is withheld: amoCRM opens no pop-up for it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What the widget shows to these users, or shows no longer."""

    record: RecordKey
    call: CallId
    users: tuple[UserId, ...]
    number: str  # as it was registered; "anonymous" where it is withheld
    line: str
    kind: RecordKind
    entity: tuple[str, int] | None = None  # kind and id of whose number it is, as far as that is known


class CardFeed(Protocol):
    """Pushes cards to browsers. Called from the event loop, at once: it must not wait for anybody. The same card may be
    shown twice."""

    def show(self, card: Card) -> None: ...

    def hide(self, card: Card) -> None: ...


class Cards:
    """The stage of a run for what happens before a call is over."""

    def __init__(self, ledger: Ledger, rest: Rest, knowledge: Knowledge, feed: CardFeed | None) -> None:
        self._ledger = ledger
        self._rest = rest
        self._knowledge = knowledge
        self._feed = feed

    async def send(self) -> None:
        self._register()
        self._hide()
        items: dict[int, dict[str, Any]] = {}
        for index in self._ledger.ready(ShowCard):
            if item := self._ring(index):
                items[index] = item
        await self._post(items)

    def _register(self) -> None:
        """Nothing is asked of the account: what it will need to know is kept for the call's end."""
        for index in self._ledger.open(RegisterCall, AdoptCall):
            intent = self._ledger.intent(index)
            if isinstance(intent, AdoptCall):
                self._ledger.put(index, Receipt(facts={"call_id": intent.call_id}))
            elif isinstance(intent, RegisterCall):
                self._knowledge.learn_kind(intent.call, intent.kind)
                self._ledger.put(index, Receipt(facts=facts_of(intent)))
                if self._feed and intent.show and intent.live:
                    self._feed.show(self._card(intent.record, intent.call, (intent.user,)))

    def _hide(self) -> None:
        """Our own cards close; the account's pop-ups go by themselves."""
        for index in self._ledger.open(HideCard):
            intent = self._ledger.intent(index)
            if isinstance(intent, HideCard):
                self._close(intent.record, intent.call, intent.users)
                self._ledger.put(index, Receipt())
        for index in self._ledger.open(FinishCall):
            intent = self._ledger.intent(index)
            if isinstance(intent, FinishCall):
                self._close(intent.record, intent.call, (intent.user,))

    def _close(self, record: RecordKey, call: CallId, users: tuple[UserId, ...]) -> None:
        if self._feed:
            self._feed.hide(self._card(record, call, users))

    def _ring(self, index: int) -> dict[str, Any] | None:
        """The event to post; None where there is none, which is then put down."""
        intent = self._ledger.intent(index)
        if not isinstance(intent, ShowCard):
            return None
        card = self._card(intent.record, intent.call, intent.users)
        number = parse_number(card.number, self._knowledge.region)
        users = [user for one in intent.users if (user := whole(one))]
        fresh = [user for user in dict.fromkeys(users) if not self._knowledge.rung.get(f"{intent.record} {user}")]
        if self._feed:
            self._feed.show(card)
        if self._ledger.step(index).uncertain:
            self._ledger.put(index, Receipt(facts={"card": ASKED_ALREADY}))
        elif number is None or not number.digits:
            self._ledger.put(index, Receipt(facts={"card": WITHHELD}))
        elif not users:
            # An event without users opens for everybody.
            named = ", ".join(intent.users) or "nobody"
            self._ledger.put(index, Rejected(f"amoCRM's users have numbers for ids, not {named}: map the extension."))
        elif not fresh:
            self._ledger.put(index, Receipt(facts={"card": OPEN_ALREADY}))
        else:
            return {"type": "phone_call", "phone_number": str(number), "users": fresh}
        return None

    async def _post(self, items: Mapping[int, dict[str, Any]]) -> None:
        """All that ring now, in one request; each for itself once one of them is refused."""
        if not items:
            return
        body = {"add": list(items.values())}
        try:
            reply = await self._rest.call("POST", EVENTS, body, priority=self._ledger.urgency(items))
        except Rejected as error:
            if len(items) > 1:
                for index, item in items.items():
                    await self._post({index: item})
                return
            self._refuse(items, error)
        except CrmError as error:
            self._refuse(items, error)
        else:
            seen = seen_in(reply.body, items)
            for index, item in items.items():
                story = self._rest.door.story(f"POST {EVENTS} {written(item)}", written(reply.body))
                self._ledger.put(index, Receipt(facts={"seen": seen.get(index)}, exchange=story))
                for user in item["users"]:
                    self._knowledge.rung.put(f"{self._ledger.intent(index).record} {user}", True)

    def _refuse(self, items: Mapping[int, dict[str, Any]], error: CrmError) -> None:
        for index, item in items.items():
            story = self._rest.door.story(f"POST {EVENTS} {written(item)}", str(error))
            self._ledger.put(index, with_story(error, story))

    def _card(self, record: RecordKey, call: CallId, users: tuple[UserId, ...]) -> Card:
        facts = self._ledger.facts(record)
        number = text(facts.get("number"))
        entity = entity_in(facts.get("entity")) or entity_in(facts.get("seen")) or self._known(number)
        return Card(
            record=record,
            call=call,
            users=users,
            number=number,
            line=text(facts.get("line")),
            kind=kind_in(facts),
            entity=(entity.kind.value, entity.id) if entity else None,
        )

    def _known(self, number: str) -> Entity | None:
        digits = self._knowledge.digits(number)
        known = self._knowledge.made.get(digits) or self._knowledge.found.get(digits) if digits else None
        return known[0] if known else None


def seen_in(body: Any, items: Mapping[int, Mapping[str, Any]]) -> dict[int, Any]:
    """Whom the account found by each number: an entity, ``nobody``; nothing where its answer does not say."""
    rows = embedded(body, "items")
    if len(rows) != len(items):
        return {}
    found: dict[int, Any] = {}
    for (index, item), row in zip(items.items(), map(as_map, as_list(rows)), strict=True):
        if text(row.get("phone_number")) != item["phone_number"] or "element_id" not in row:
            continue
        kind, number = KINDS.get(text(row.get("element_type"))), whole(row.get("element_id"))
        if kind and number:
            found[index] = {"kind": kind.value, "id": number}
        elif row.get("element_id") in {None, 0, "0", ""}:
            found[index] = "nobody"
    return found
