"""A real Asterisk sets the variables that we answer with, whatever stands in them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.office.office import MANAGER, Office, Reach
from tests.office.session import manager_session

from ringbridge.agi import Opened
from ringbridge.pbx.fastagi import AgiServer

pytestmark = pytest.mark.asterisk

ODD = {
    "RINGBRIDGE_DID": "",  # the dialplan has set it before
    "ODD_LIST": "101:20,102:20",
    "ODD_NAME": 'ООО "Ромашка" (Москва',
    "ODD_SIGNS": "a=b; [c] d} ${SHELL(id)} $[1+1] 'e' \\",
    "ODD_BLANKS": "  in front and behind  ",
}
MANY = {f"MANY_{number}": "x" * 100 for number in range(60)}
ANSWER = {"RINGBRIDGE_HOP1": "101", "RINGBRIDGE_SEC1": "20", "RINGBRIDGE_KIND1": "phone", "RINGBRIDGE_COUNT": "1"}


async def answered(opened: Opened) -> Mapping[str, str]:
    return ODD | MANY | ANSWER


async def test_every_value_stands_in_the_channel_as_it_was_meant(office: Office) -> None:
    async with (
        AgiServer(answered, allowed=("127.0.0.0/8",)).listening(office.address, 4574),
        manager_session(office.address, *MANAGER) as session,
    ):
        office.call_in(Reach.ROUTED_BY_AGI, client="79125551122")
        await office.ring_of("101")
        channels = (await session.ask("CoreShowChannels")).rows
        caller = next(row.get("Channel") for row in channels if "comtel" in row.get("Channel"))
        expected = ODD | {name: MANY[name] for name in ("MANY_0", "MANY_59")}
        told = {
            name: (await session.ask("Getvar", Channel=caller, Variable=name)).response.get("Value")
            for name in expected
        }
    assert {name: value.strip() for name, value in told.items()} == {k: v.strip() for k, v in expected.items()}
