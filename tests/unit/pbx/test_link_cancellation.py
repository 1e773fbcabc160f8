"""A loss leaves nothing behind in the link's task that would end it later."""

from __future__ import annotations

import asyncio
import contextlib

from ringbridge.emulators.asterisk.server import Server
from ringbridge.emulators.asterisk.users import User
from ringbridge.pbx.backoff import Backoff
from ringbridge.pbx.link import Link, LinkState
from ringbridge.pbx.settings import PbxAddress


async def test_a_lost_connection_does_not_leave_the_task_marked_as_to_be_cancelled() -> None:
    async with Server([User(name="office", secret="s")], refusal_delay=0).listen() as server:
        address = PbxAddress(host="127.0.0.1", port=server.port, username="office", secret="s")
        link = Link(address, lost=Backoff(first=0.001, longest=0.001))
        task = asyncio.create_task(link.run())
        async with asyncio.timeout(60):
            await link.until(LinkState.READY)
            server.disconnect()
            await link.until(LinkState.WAITING)
            await link.until(LinkState.READY)
        assert task.cancelling() == 0
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
