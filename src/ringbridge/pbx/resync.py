"""Reads what lives on the PBX at this moment: channels, and who is in a bridge with whom.

Needs any of the write classes call, reporting and system for the channels; bridges need none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import datetime

from ringbridge.ami.errors import ActionRefused
from ringbridge.ami.message import Action, Message
from ringbridge.ami.protocol import Answer
from ringbridge.pbx.inbox import BridgeState, Resync

Ask = Callable[[Action], Awaitable[Answer]]

_AT_ONCE = 50  # questions about bridges under way at a time


async def read_state(ask: Ask, *, at: datetime, wanted_variables: Collection[str]) -> Resync:
    """Asks for everything. A refused question is answered as well as the others allow; a lost link raises."""
    listed = await _rows(ask, Action(name="CoreShowChannels"))
    names = ",".join(sorted(wanted_variables))
    status = await _rows(ask, Action(name="Status", headers=(("Variables", names),) if names else ()))
    bridges = await _bridges(ask)
    if listed is None and status is None:
        in_bridges = tuple(channel for bridge in bridges for channel in bridge.channels)
        return Resync(channels=in_bridges, bridges=bridges, at=at, complete=False)
    return Resync(channels=_merged(listed or (), status or ()), bridges=bridges, at=at)


async def _rows(ask: Ask, action: Action) -> tuple[Message, ...] | None:
    try:
        return (await ask(action)).rows
    except ActionRefused:
        return None


async def _bridges(ask: Ask) -> tuple[BridgeState, ...]:
    listed = await _rows(ask, Action(name="BridgeList")) or ()
    filled = [row.get("BridgeUniqueid") for row in listed if row.get("BridgeNumChannels") != "0"]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def look(bridge: str) -> BridgeState | None:
        async with gate:
            try:
                answer = await ask(Action(name="BridgeInfo", headers=(("BridgeUniqueid", bridge),)))
            except ActionRefused:  # it was dissolved meanwhile
                return None
            return BridgeState(bridge=answer.ending or answer.response, channels=answer.rows)

    async with asyncio.TaskGroup() as group:
        looks = [group.create_task(look(bridge)) for bridge in filled]
    return tuple(state for state in (task.result() for task in looks) if state and state.channels)


def _merged(listed: Iterable[Message], status: Iterable[Message]) -> tuple[Message, ...]:
    """A row per channel: what the first list says, then what only the second knows."""
    rows = {row.get("Uniqueid"): row for row in listed}
    for more in status:
        uniqueid = more.get("Uniqueid")
        row = rows.get(uniqueid)
        if row is None:
            rows[uniqueid] = more
        else:
            extra = tuple(pair for pair in more.headers if pair[0] not in row)
            rows[uniqueid] = Message(row.headers + extra)
    return tuple(rows.values())
