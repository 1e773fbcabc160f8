"""The router behind FastAGI: what is asked, what is answered, and a port that another program has."""

from __future__ import annotations

import asyncio
import socket
from datetime import datetime

import pytest
from tests.ports import free_port

from ringbridge.agi import Opened
from ringbridge.pbx.agi_call import asked_by_agi
from ringbridge.pbx.devices import Phones
from ringbridge.routing.distribution import LastTalk, Policy, RouteClient, RouteQuestion, Team
from ringbridge.service.config.distribution import DistributionConfig
from ringbridge.service.distribution import setup as route_setup
from ringbridge.service.distribution.agi import question_of
from ringbridge.service.distribution.lately import Lately
from ringbridge.service.distribution.router import Router, Setup
from ringbridge.service.distribution.setup import take_questions
from ringbridge.telephony.numbers import Number


class NoBook:
    async def known(self, number: Number) -> tuple[RouteClient, ...]:
        return ()

    async def asked(self, number: Number) -> tuple[RouteClient, ...]:
        return ()


async def nobody(number: Number, since: datetime) -> LastTalk | None:
    return None


def router() -> Router:
    setup = Setup(policy=Policy(enabled=True), team=Team())
    return Router(lambda: setup, book=NoBook(), phones=Phones(()), last_talk=nobody, lately=Lately())


CHANNEL = {
    "callerid": "79125551122",
    "channel": "PJSIP/comtel-00000001",
    "uniqueid": "1795471332.17",
    "dnid": "74951000600",
    "network_script": "route",
}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, ("74951000600", "comtel", "")),
        ({"arg_1": "74951000601", "arg_2": "2"}, ("74951000601", "comtel", "2")),
        ({"arg_1": "", "arg_2": "2"}, ("74951000600", "comtel", "2")),
        ({"network_script": "route?did=%2B74951000602&trunk=volga&choice=3"}, ("+74951000602", "volga", "3")),
        ({"dnid": "unknown", "channel": ""}, ("", "", "")),
    ],
)
def test_what_the_dialplan_does_not_say_the_channel_does(more: dict[str, str], expected: tuple[str, str, str]) -> None:
    did, trunk, choice = expected
    assert question_of(Opened(fields=CHANNEL | more)) == RouteQuestion(
        number="79125551122", did=did, trunk=trunk, uniqueid="1795471332.17", choice=choice
    )


async def test_a_port_that_another_program_has_is_tried_again_and_the_service_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(route_setup, "PORT_AGAIN", 0.01)
    with socket.create_server(("127.0.0.1", port := free_port())):
        serving = asyncio.create_task(take_questions(DistributionConfig(agi_port=port), router()))
        await asyncio.sleep(0)
        assert not serving.done()
    told = await answered(port)
    assert told["RINGBRIDGE_COUNT"] == "0"
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving


async def answered(port: int) -> dict[str, str]:
    async with asyncio.timeout(60):
        while True:
            try:
                return await asked_by_agi("127.0.0.1", port, CHANNEL, patience=5)
            except OSError:
                await asyncio.sleep(0.01)  # nobody listens yet
