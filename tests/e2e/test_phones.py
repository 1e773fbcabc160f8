"""What a real Asterisk tells of its phones, with the least rights, and what we make of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from tests.office.office import MANAGER, Office, Reach

from ringbridge.ami.message import Action
from ringbridge.pbx.devices import DeviceBoard
from ringbridge.pbx.link import Link, LinkState
from ringbridge.pbx.settings import PbxAddress
from ringbridge.routing.distribution import Reach as PhoneReach

pytestmark = pytest.mark.asterisk

FREE, BUSY, ABSENT = PhoneReach.FREE, PhoneReach.BUSY, PhoneReach.ABSENT
CLIENT = "79125551122"


class Watch:
    """A board on a link to the office."""

    def __init__(self, board: DeviceBoard, link: Link) -> None:
        self._board, self._link = board, link

    async def reach(self, extension: str) -> PhoneReach:
        """As it is now: the answer to the question stands behind all that the PBX has said."""
        await self._link.action(Action(name="Ping"))
        return self._board.reach(extension)

    async def until(self, extension: str, reach: PhoneReach) -> None:
        """The PBX works a state out a moment after its cause."""
        async with asyncio.timeout(60):
            while await self.reach(extension) is not reach:
                pass


@asynccontextmanager
async def watching(office: Office) -> AsyncIterator[Watch]:
    user, secret = MANAGER
    board = DeviceBoard()
    link = Link(PbxAddress(host=office.address, username=user, secret=secret), phones=board)
    running = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(60):
            await link.until(LinkState.READY)
        yield Watch(board, link)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_phones_are_known_at_the_login_in_the_middle_of_a_call(office: Office) -> None:
    await office.phones["104"].unregister()
    await office.connected(Reach.EMPLOYEE_101, "101", client=CLIENT)
    async with watching(office) as watch:
        await watch.until("101", BUSY)
        await watch.until("102", FREE)
        await watch.until("104", ABSENT)
        assert await watch.reach("199") is PhoneReach.UNKNOWN


async def test_a_phone_is_followed_as_it_rings_speaks_hangs_up_goes_and_comes_back(office: Office) -> None:
    async with watching(office) as watch:
        outside = office.call_in(Reach.EMPLOYEE_102, client=CLIENT)
        (inside,) = await office.ring_of("102")
        await watch.until("102", BUSY)
        inside.answer()
        await outside.until_answered()
        assert await watch.reach("102") is BUSY
        await outside.hangup()
        await watch.until("102", FREE)
        await office.phones["102"].unregister()
        await watch.until("102", ABSENT)
        await office.phones["102"].register()
        await watch.until("102", FREE)


async def test_do_not_disturb_as_freepbx_marks_it_and_a_queue_whose_members_pause(office: Office) -> None:
    async with watching(office) as watch:
        try:
            office.pbx.cli("devstate change Custom:DND101 INUSE")
            await watch.until("101", BUSY)
            await watch.until("sales", FREE)
            for phone in ("101", "102"):
                office.pbx.cli(f"queue pause member PJSIP/{phone} queue sales")
            await watch.until("sales", ABSENT)
        finally:
            office.pbx.cli("devstate change Custom:DND101 NOT_INUSE")
            for phone in ("101", "102"):
                office.pbx.cli(f"queue unpause member PJSIP/{phone} queue sales")
        await watch.until("101", FREE)
        await watch.until("sales", FREE)
