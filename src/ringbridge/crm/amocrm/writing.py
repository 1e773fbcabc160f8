"""What is written to a call's client after the call: the completing text, and a recording's link that came too late.

Source: amoCRM API v4, "Notes", type ``common``. A note has no key of ours: after a lost answer its text is looked for.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ringbridge.crm.amocrm.entities import Entity, entity_in
from ringbridge.crm.amocrm.errors import with_story
from ringbridge.crm.amocrm.ledger import Ledger, started_in
from ringbridge.crm.amocrm.rest import API, Rest
from ringbridge.crm.amocrm.search import Search
from ringbridge.crm.amocrm.settings import Settings
from ringbridge.crm.amocrm.values import as_map, text, whole, written
from ringbridge.crm.contract import Absent, CrmError, NotYet, Receipt, RecordingSource, Throttled, Transient
from ringbridge.routing.intents import AttachRecording, CompleteActivity

NO_PLACE = "amoCRM keeps nothing of this call: nobody has the number."
LINKED = "linked"


class Writing:
    """The stages of a run that write notes."""

    def __init__(
        self, ledger: Ledger, rest: Rest, search: Search, *, settings: Settings, recordings: RecordingSource
    ) -> None:
        self._ledger = ledger
        self._rest = rest
        self._search = search
        self._settings = settings
        self._recordings = recordings

    async def complete(self) -> None:
        wanted: dict[int, str] = {}
        for index in self._ledger.ready(CompleteActivity):
            intent = self._ledger.intent(index)
            if isinstance(intent, CompleteActivity):
                wanted[index] = intent.text
        await self._write(wanted, {})

    async def attach(self) -> None:
        """A recording's link stands in the call where we could tell it beforehand; else it is written below."""
        wanted: dict[int, str] = {}
        for index in self._ledger.ready(AttachRecording):
            if self._ledger.facts(self._ledger.intent(index).record).get("link"):
                self._ledger.put(index, Receipt(facts={"recording": LINKED}))
            elif link := await self._link(index):
                wanted[index] = self._settings.recording_note.replace("{link}", link)
        await self._write(wanted, {"recording": LINKED})

    async def _link(self, index: int) -> str | None:
        """None where there is none to write, which is then put down."""
        intent = self._ledger.intent(index)
        if not isinstance(intent, AttachRecording):
            return None
        try:
            found = await self._recordings.fetch(intent)
        except OSError as error:
            self._ledger.put(index, Transient(f"The recording cannot be read: {error}"))
            return None
        match found:
            case NotYet():
                self._ledger.put(index, Throttled(f"The recording is not ready: {found.reason}", until=found.until))
                return None
            case Absent():
                self._ledger.put(index, Receipt(facts={"recording": "absent", "reason": found.reason}))
                return None
        if link := found.link(datetime.now(UTC) + self._settings.link_life):
            return link
        words = "amoCRM plays recordings from our address only, and no address of ours can be reached from outside."
        self._ledger.put(index, Receipt(facts={"recording": "no address", "reason": words}))
        return None

    async def _write(self, wanted: dict[int, str], facts: dict[str, Any]) -> None:
        """Each text below its call's client."""
        places: dict[int, Entity] = {}
        for index, words in wanted.items():
            place = entity_in(self._ledger.facts(self._ledger.intent(index).record).get("entity"))
            if place is None:
                self._ledger.put(index, Receipt(facts={"note": NO_PLACE}))
            elif not await self._is_written(index, place, words):
                places[index] = place
        for kind in {place.kind for place in places.values()}:
            mine = [index for index, place in places.items() if place.kind is kind]
            items = {str(index): note(places[index], wanted[index]) for index in mine}
            priority, path = self._ledger.urgency(mine), f"{API}/{kind.path}/notes"
            answers = await self._rest.post_many(path, "notes", items, priority=priority)
            for index in mine:
                answer, sent = answers[str(index)], f"POST {path} {written(items[str(index)])}"
                if isinstance(answer, CrmError):
                    self._ledger.put(index, with_story(answer, self._rest.door.story(sent, str(answer))))
                else:
                    told = {**facts, "note": whole(answer.get("id"))}
                    self._ledger.put(index, Receipt(facts=told, exchange=self._rest.door.story(sent, written(answer))))

    async def _is_written(self, index: int, place: Entity, words: str) -> bool:
        """By an earlier try whose answer was lost; put down then."""
        step = self._ledger.step(index)
        if not step.uncertain:
            return False
        since = started_in(self._ledger.facts(step.intent.record), datetime.now(UTC))
        priority = step.intent.priority
        try:
            async for row in self._search.notes(place.kind, [place.id], ("common",), since, priority=priority):
                if text(as_map(row.get("params")).get("text")) == words.strip():
                    self._ledger.put(index, Receipt(facts={"note": whole(row.get("id"))}))
                    return True
        except CrmError as error:
            self._ledger.put(index, with_story(error, None))
            return True
        return False


def note(place: Entity, words: str) -> dict[str, Any]:
    return {"entity_id": place.id, "note_type": "common", "params": {"text": words}}
