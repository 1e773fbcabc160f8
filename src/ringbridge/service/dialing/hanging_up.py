"""A supervisor ends a call: the client's channels are hung up, and the rest of the call ends with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

import structlog

from ringbridge.ami.errors import ActionRefused, AmiError
from ringbridge.ami.message import Action
from ringbridge.ami.protocol import Answer
from ringbridge.store import calls, settings
from ringbridge.store.calls import JournalEntry, StoryKind, StoryLine
from ringbridge.store.database import Database
from ringbridge.store.keys import PbxId

log = structlog.get_logger(__name__)

NORMAL = "16"  # Q.850: normal call clearing

OVER = "The call is over already."
NO_RIGHT = "The PBX does not let us hang up: add call to write = … of the manager user."


class Asks(Protocol):
    async def action(self, action: Action) -> Answer: ...


class Knows(Protocol):
    def channels_up(self, uniqueids: Sequence[str]) -> list[str]:
        """The names of those of these channels that are up."""
        ...


class HangingUp:
    """`links` and `pipelines` by PBX."""

    def __init__(
        self,
        links: Mapping[PbxId, Asks],
        pipelines: Mapping[PbxId, Knows],
        database: Database,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._links, self._pipelines = links, pipelines
        self._database, self._clock = database, clock

    async def hang_up(self, entry: JournalEntry, *, by: str) -> str:
        """Empty when the PBX has done it, else why not, for people. Raises `StoreError`."""
        pipeline, link = self._pipelines.get(entry.pbx), self._links.get(entry.pbx)
        call = entry.call
        known = pipeline.channels_up(call.client_channels) or pipeline.channels_up(call.channels) if pipeline else []
        if not known or link is None or call.end is not None:
            return OVER
        try:
            for channel in known:
                await link.action(Action(name="Hangup", headers=(("Channel", channel), ("Cause", NORMAL))))
        except ActionRefused as refusal:
            return NO_RIGHT if refusal.missing_right else f"The PBX refused: {refusal.reason}"
        except AmiError as error:
            return str(error)
        await self._note(entry, by)
        return ""

    async def _note(self, entry: JournalEntry, by: str) -> None:
        now, text = self._clock(), f"hung up from the page ({by})"
        async with self._database.transaction() as tx:
            line = StoryLine(at=now, kind=StoryKind.DECIDED, text=text)
            await calls.record(tx, entry.pbx, [], {entry.call.id: [line]})
            await settings.note(tx, f"call {entry.key}", None, json.dumps({"hung up": True}), by=by, now=now)
        log.info("call_hung_up_from_the_page", call=entry.call.id, user=by)
