"""What a person may do about deliveries. Each act stands in the audit with who did it, and in its calls' stories."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime

from ringbridge.delivery.local import LocalEngine
from ringbridge.routing.intents import PortalId
from ringbridge.store import interventions, portals, settings
from ringbridge.store.database import Database, Transaction
from ringbridge.store.keys import CallKey
from ringbridge.store.schema import story
from ringbridge.store.story import StoryKind

MOST_CALLS = 1000  # of one "all of them": a portal that refused more is looked at again


class Dispatch:
    def __init__(
        self, database: Database, engine: LocalEngine, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database, self._engine, self._clock = database, engine, clock

    async def try_now(self, portal: PortalId, *, by: str) -> None:
        """Nothing waits for a later moment, and a parked portal is asked again. If nothing was mended, its first
        answer parks it again and nothing is lost."""
        now = self._clock()
        async with self._database.transaction() as tx:
            parked = await portals.parked(tx, portal)
            await portals.unpark(tx, portal)
            hurried = await interventions.hurry(tx, portal, now)
            was = {"parked": parked.reason} if parked else None
            await self._note(tx, portal, was, {"tried now": hurried}, by, now)
            tx.after_commit(self._engine.wake)

    async def again(self, portal: PortalId, keys: Collection[CallKey] | None, *, by: str) -> int:
        """What was refused of these calls goes out once more; None: of every call. Gives how many steps that are."""
        now = self._clock()
        async with self._database.transaction() as tx:
            if keys is None:
                keys = await interventions.refused_calls(tx, portal, MOST_CALLS)
            steps = await interventions.try_again(tx, portal, keys, now)
            await self._tell(tx, portal, steps, "what was refused is tried again", by, now)
            tx.after_commit(self._engine.wake)
        return sum(steps.values())

    async def forget(self, portal: PortalId, keys: Collection[CallKey], *, by: str) -> int:
        """What was refused of these calls need not be sent. Gives how many steps that are."""
        now = self._clock()
        async with self._database.transaction() as tx:
            steps = await interventions.forget(tx, portal, keys, now)
            await self._tell(tx, portal, steps, "what was refused is forgotten", by, now)
        return sum(steps.values())

    async def _tell(
        self, tx: Transaction, portal: PortalId, steps: Mapping[CallKey, int], act: str, by: str, now: datetime
    ) -> None:
        if not steps:
            return
        rows = [
            {"call_key": key, "at": now, "kind": StoryKind.DECIDED, "text": f"{portal}: {act} ({by})"} for key in steps
        ]
        await tx.execute(story.insert(), rows)
        await self._note(tx, portal, None, {act: dict(steps)}, by, now)

    async def _note(self, tx: Transaction, portal: PortalId, was: object, done: object, by: str, now: datetime) -> None:
        before = json.dumps(was, ensure_ascii=False) if was else None
        await settings.note(tx, f"delivery {portal}", before, json.dumps(done, ensure_ascii=False), by=by, now=now)
