"""Kill -9 at any point, hundreds of times, on a busy day: nothing is lost and nothing is told twice.

In the end the portal and the journal must have every call that the office played exactly once, with the right number,
direction and result; each record finished once, no recording and no client doubled, nothing left to be sent. Employees,
lengths and recordings must be right where one life of the process heard the whole call. What cannot hold, in principle,
for the others:

- who spoke with the client only while nobody listened, and handed the call on before the next life began, is not told
  by the channels that are still alive: such a call has fewer records, and whoever they name has spoken;
- a talk that began unheard has an estimated beginning; the records of the PBX have whole seconds;
- the recording of a call that nobody heard is unknown where the records of the PBX do not name it, as Asterisk's own
  do not.

``RINGBRIDGE_KILLS`` and ``RINGBRIDGE_SEED`` choose other days.
"""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

from tests.stateful.killing.comparison import differences, in_the_journal
from tests.stateful.killing.world import World

KILLS = int(os.environ.get("RINGBRIDGE_KILLS", "200"))
SEED = int(os.environ.get("RINGBRIDGE_SEED", "1"))
LONGEST = 2100.0  # seconds: something hangs


async def test_killed_at_any_moment_no_call_is_lost_and_none_is_told_twice(tmp_path: Path) -> None:
    world = World(tmp_path, random.Random(SEED))
    async with asyncio.timeout(LONGEST), world.open() as asterisk:
        while world.kills.total() < KILLS:
            await world.live_and_die()
        async with world.last_life(asterisk.office):
            await world.everything_told()
    wrong = differences(world.portal, world.played, world.heard_whole)
    wrong += in_the_journal(world.journal(), world.played)
    wrong += [f"not sent: {row}" for row in world.unsent()]
    whole = sum(map(world.heard_whole, world.played))
    summary = (
        f"seed {SEED}: {world.kills.total()} kills, {len(world.played)} calls, {whole} heard whole, "
        f"{len(world.portal.telephony.finished)} records, {world.faults.struck} of {world.portal.traffic.requests} "
        f"requests struck"
    )
    print(summary, dict(world.kills), sep="\n")
    assert whole, "no call was heard whole: employees, lengths and recordings were not compared"
    assert not wrong, "\n".join([summary, *wrong])
