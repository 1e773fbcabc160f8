"""What keeps work beside the calls from going on is known to who looks at the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ringbridge.routing.intents import PortalId
from ringbridge.store import portals
from ringbridge.store.database import Database
from ringbridge.store.waits import Wait, keep, waits

MAIN, OTHER = PortalId("main"), PortalId("other")
NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
REFUSED = Wait(why="Нет права читать сделки.", until=NOW + timedelta(hours=1))
AWAY = Wait(why="The portal does not answer.", until=NOW + timedelta(seconds=5))


async def test_each_work_of_each_portal_waits_for_itself(database: Database) -> None:
    async with database.transaction() as tx:
        await portals.learn(tx, MAIN, {"domain": "new.example"})
        await keep(tx, MAIN, "sales", REFUSED)
        await keep(tx, MAIN, "mirror", AWAY)
        await keep(tx, OTHER, "sales", None)
    async with database.reading() as tx:
        assert await waits(tx, MAIN) == {"sales": REFUSED, "mirror": AWAY}
        assert await waits(tx, OTHER) == {}


async def test_what_goes_on_again_leaves_nothing_behind(database: Database) -> None:
    async with database.transaction() as tx:
        await portals.learn(tx, MAIN, {"domain": "new.example"})
        for wait in (AWAY, REFUSED, None):
            await keep(tx, MAIN, "sales", wait)
        assert await portals.learned(tx, MAIN) == {"domain": "new.example"}
