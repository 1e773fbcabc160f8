"""The office's AMI user has the least rights that serve Ringbridge, and no more."""

from __future__ import annotations

import pytest
from tests.office.office import MANAGER, Office, Reach
from tests.office.session import manager_session

pytestmark = pytest.mark.asterisk

SECRETS = {"Filename": "manager.conf"}
TOLD_OF_A_CALL = ("Newchannel", "DialBegin", "DialEnd", "BridgeEnter", "Hangup", "MixMonitorStart", "Cdr")


async def test_the_manager_user_sees_a_call_but_not_the_dialplans_variables(office: Office) -> None:
    async with manager_session(office.address, *MANAGER) as session:
        _, inside = await office.connected(Reach.EMPLOYEE_101, "101", client="79125551122")
        await inside.hangup()
        for name in TOLD_OF_A_CALL:  # a Cdr may come before the Hangup
            await session.until(name)
        assert not {event.event for event in session.events} & {"VarSet", "Newexten"}


async def test_the_manager_user_may_list_channels_read_a_variable_and_originate(office: Office) -> None:
    async with manager_session(office.address, *MANAGER) as session:
        await office.connected(Reach.EMPLOYEE_101, "101", client="79125551122")
        channels = await session.ask("CoreShowChannels")
        assert len(channels.rows) == 2
        caller = next(row for row in channels.rows if "comtel" in row.get("Channel"))
        path = await session.ask("Getvar", Channel=caller.get("Channel"), Variable="MIXMONITOR_FILENAME")
        assert path.response.get("Value") == f"{office.recordings}/{caller.get('Uniqueid')}.wav"
        started = await session.ask(
            "Originate", Channel="PJSIP/102", Context="click-to-call", Exten="89125551122", Priority="1", Async="true"
        )
        assert started.ok
        (employee,) = await office.ring_of("102")
        employee.answer()
        client = await office.providers["comtel"].rings()
        assert client.dialled == "79125551122"


@pytest.mark.parametrize(("name", "headers"), [("Command", {"Command": "core show version"}), ("GetConfig", SECRETS)])
async def test_the_manager_user_may_not_run_commands_or_read_the_configuration(
    office: Office, name: str, headers: dict[str, str]
) -> None:
    async with manager_session(office.address, *MANAGER) as session:
        answer = await session.ask(name, **headers)
        assert not answer.ok
        assert answer.text == "Permission denied"
