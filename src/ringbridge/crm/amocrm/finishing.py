"""The end of calls: whom each belongs to, what is made for it, and its record in the account.

The account itself looks a number up when a call is posted to it, so a known client costs one request and many calls go
in one. We look before that only where the decision is ours: whose client the caller is, which of several, whether a
call whose answer was lost is there already, and before anything is made. A call for which something was made is
written there directly: the account's own search may lag behind what was just made.

Sources: amoCRM API v4, "Calls" (263: nobody has the number), "Notes".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from ringbridge.crm.amocrm.calls import Finished
from ringbridge.crm.amocrm.entities import Entity, Kind
from ringbridge.crm.amocrm.knowledge import Knowledge
from ringbridge.crm.amocrm.ledger import Ledger, creation_in, kind_in, started_in
from ringbridge.crm.amocrm.making import Form, Making, form_for, wants_lead
from ringbridge.crm.amocrm.rest import API, Rest
from ringbridge.crm.amocrm.search import Search
from ringbridge.crm.amocrm.settings import Settings
from ringbridge.crm.amocrm.telling import Telling
from ringbridge.crm.amocrm.values import as_map, embedded, text, whole
from ringbridge.crm.contract import (
    CrmError,
    Receipt,
    RecordingAddresses,
    RecordingSource,
    Rejected,
)
from ringbridge.crm.customise import Customise
from ringbridge.routing.intents import FinishCall, RecordKind
from ringbridge.routing.rules import Attach
from ringbridge.telephony.numbers import parse_number

WITHHELD = "The caller's number is withheld: amoCRM keeps calls only of clients with a number."
NOBODY = "Nobody in amoCRM has the number, and the rules make nobody of it: there is no place for the call."
UNREGISTERED = "Nothing is known of this call's beginning, so amoCRM cannot be told of its end."


class Finishing:
    """The stage of a run that tells the account of calls that are over."""

    def __init__(
        self,
        ledger: Ledger,
        rest: Rest,
        search: Search,
        knowledge: Knowledge,
        *,
        settings: Settings,
        recordings: RecordingSource,
        customise: Customise,
    ) -> None:
        self._ledger = ledger
        self._rest = rest
        self._search = search
        self._knowledge = knowledge
        self._settings = settings
        self._recordings = recordings
        self._telling = Telling(ledger, rest, knowledge, customise)
        self._making = Making(rest, knowledge, settings, customise)

    async def finish(self) -> None:
        calls = [call for index in self._ledger.ready(FinishCall) if (call := self._begin(index))]
        calls = await self._each(self._clear_doubt, calls)
        calls = await self._each(self._look_up, calls)
        calls = await self._make([call for call in calls if self._is_to_make(call)], calls)
        await self._telling.write([call for call in calls if call.place])
        lost = await self._telling.post([call for call in self._left(calls) if call.place is None])
        lost = await self._each(self._search_again, lost)
        lost = await self._make([call for call in lost if self._is_to_make(call)], lost)
        await self._telling.write([call for call in lost if call.place])
        for call in self._left(lost):
            self._telling.settle(call, None, None, note=NOBODY)

    # What is known of each

    def _begin(self, index: int) -> Finished | None:
        """None where there is nothing to tell, which is then put down."""
        intent = self._ledger.intent(index)
        facts = self._ledger.facts(intent.record)
        if not isinstance(intent, FinishCall):
            return None
        number = parse_number(text(facts.get("number")), self._settings.region)
        if "number" not in facts:
            self._ledger.put(index, Rejected(UNREGISTERED))
            return None
        if number is None or not number.digits:
            self._ledger.put(index, Receipt(facts={"note": WITHHELD}))
            return None
        kind = kind_in(facts)
        if kind is RecordKind.TRANSFERRED:
            kind = self._knowledge.kinds.get(intent.call) or RecordKind.INBOUND
        call = Finished(
            index=index,
            intent=intent,
            number=str(number),
            kind=kind,
            started=started_in(facts, datetime.now(UTC)),
            line=text(facts.get("line")),
            creation=creation_in(facts),
            user=intent.user,
            source=self._settings.source,
            link=self._link(intent),
        )
        self._recall(call)
        return call

    def _recall(self, call: Finished) -> None:
        """What was made of the number a moment ago is there, whatever the account's search says."""
        if made := self._knowledge.made.get(self._knowledge.digits(call.number)):
            call.place, call.made = made[0], made
            if call.intent.owner_first and self._knowledge.works(made[0].owner):
                call.user = made[0].owner

    def _link(self, intent: FinishCall) -> str | None:
        if not intent.recorded or not isinstance(self._recordings, RecordingAddresses):
            return None
        expires = datetime.now(UTC) + self._settings.link_life
        return self._recordings.address(intent.record, f"{intent.record}.mp3", expires)

    def _asks(self, call: Finished) -> bool:
        """Whether the account must be searched before the call is posted."""
        if call.place is not None:
            return False
        intent = call.intent
        repeats = self._settings.repeat_deals and wants_lead(call.creation, self._settings)
        is_new = call.creation is not None and self._is_unseen(call)
        return intent.owner_first or intent.attach is Attach.SPEAKERS or repeats or is_new

    def _is_unseen(self, call: Finished) -> bool:
        """The pop-up's answer told that nobody has the number: a call posted now would only be sent back."""
        return bool(self._ledger.facts(call.intent.record).get("seen") == "nobody")

    def _is_to_make(self, call: Finished) -> bool:
        if call.place is not None or call.creation is None or self._telling.is_done(call):
            return False
        return call.clients == ()

    # Looking

    async def _clear_doubt(self, call: Finished) -> None:
        """An earlier answer was lost: whether the call is there."""
        if not self._ledger.step(call.index).uncertain:
            return
        priority = self._telling.priority(call)
        call.clients = await self._search.clients(call.number, priority=priority, both=True)
        places = (*call.clients, *call.made)
        if found := await self._search.call_of(call.intent.record, places, call.started, priority=priority):
            self._telling.settle(call, found[0], found[1])
        elif call.creation and form_for(call.creation, self._settings) is Form.UNSORTED and not call.clients:
            await self._find_unsorted(call)

    async def _find_unsorted(self, call: Finished) -> None:
        asked = [("filter[category][]", "sip"), ("order[created_at]", "desc")]
        oldest, priority = int(call.started.timestamp()) - 3600, self._telling.priority(call)
        async for rows in self._rest.pages(f"{API}/leads/unsorted", "unsorted", asked, priority=priority):
            for row in rows:
                if text(as_map(row.get("metadata")).get("uniq")) == call.intent.record:
                    call.unsorted = text(row.get("uid"))
                    lead = next((whole(one.get("id")) for one in embedded(row, "leads")), None)
                    self._telling.settle(call, Entity(kind=Kind.LEAD, id=lead) if lead else None, row)
                    return
            if all((whole(row.get("created_at")) or 0) < oldest for row in rows):
                return

    async def _look_up(self, call: Finished) -> None:
        if self._telling.is_done(call) or not (self._asks(call) or call.clients is not None):
            return
        priority, intent = self._telling.priority(call), call.intent
        speakers = intent.attach is Attach.SPEAKERS
        if call.clients is None:
            unseen = self._is_unseen(call)
            call.clients = await self._search.clients(call.number, priority=priority, both=speakers, unseen=unseen)
        if not call.clients:
            return
        owner = call.clients[0].owner
        if speakers and (own := next((one for one in call.clients if one.owner == intent.user), None)):
            call.place = await self._search.place(own, priority=priority)
        if intent.owner_first and self._knowledge.works(owner):
            call.user = owner
        if call.place is None and self._settings.repeat_deals and wants_lead(call.creation, self._settings):
            await self._repeat(call, call.clients[0])
        if call.place is None and self._is_unseen(call):
            call.place = await self._search.place(call.clients[0], priority=priority)

    async def _repeat(self, call: Finished, client: Entity) -> None:
        """A known client without an open lead gets a new one."""
        if await self._search.open_leads(client, priority=self._telling.priority(call)):
            return
        for error in (await self._making.make([call], self._telling.priority(call))).values():
            if not isinstance(error, Rejected):
                raise error
            call.warnings.append(f"The lead was not made. {error}")

    async def _search_again(self, call: Finished) -> None:
        """The account found nobody. A phone that it misses is found by its digits all the same: one with an extension
        behind it, two in one field."""
        if call.clients is None and call.creation is not None:
            priority = self._telling.priority(call)
            call.clients = await self._search.clients(call.number, priority=priority, unseen=True)
        if call.clients:
            call.place = await self._search.place(call.clients[0], priority=self._telling.priority(call))

    # Doing

    async def _make(self, calls: Sequence[Finished], among: Sequence[Finished]) -> list[Finished]:
        """Those `among` which something is left to be done for."""
        failed = await self._making.make(calls, self._telling.priority(*calls)) if calls else {}
        for call in calls:
            if error := failed.get(call.index):
                self._telling.refuse(call, error)
            elif call.is_told:
                self._telling.settle(call, call.place, None)
        return self._left(among)

    async def _each(self, work: Callable[[Finished], Awaitable[None]], calls: Sequence[Finished]) -> list[Finished]:
        """All at once; returns those which something is left to be done for."""

        async def one(call: Finished) -> None:
            try:
                await work(call)
            except CrmError as error:
                self._telling.refuse(call, error)

        async with asyncio.TaskGroup() as group:
            for call in calls:
                group.create_task(one(call))
        return self._left(calls)

    def _left(self, calls: Sequence[Finished]) -> list[Finished]:
        return [call for call in calls if not self._telling.is_done(call)]
