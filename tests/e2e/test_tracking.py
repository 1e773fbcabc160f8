"""A real Asterisk's live stream, read with the least rights, becomes exactly the calls that took place."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from tests.office.office import MANAGER, PROVIDERS, Office
from tests.office.scenarios import SCENARIOS, Scenario
from tests.office.truth import Truth

from ringbridge.ami.message import Action
from ringbridge.pbx.inbox import Item, Received, Resync
from ringbridge.pbx.link import Link, LinkState
from ringbridge.pbx.settings import PbxAddress
from ringbridge.telephony.model import Call
from ringbridge.telephony.replay import ended_calls
from ringbridge.telephony.tracker import CallTracker

pytestmark = pytest.mark.asterisk


async def heard_while(play: Scenario, office: Office) -> tuple[list[Truth], list[Item]]:
    """The scenario's truth, and everything that the link brought of it."""
    user, secret = MANAGER
    link = Link(PbxAddress(host=office.address, username=user, secret=secret))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(link.run())
        await link.until(LinkState.READY)
        truth = await play(office)
        await office.idle()
        items: list[Item] = []
        await link.action(Action(name="Ping"))  # its answer comes behind most of what happened before
        async for batch in link.batches():
            items += batch
            if not channels_up(items):
                break
        running.cancel()
    return truth, items


def channels_up(items: Sequence[Item]) -> set[str]:
    """Whose hang-up has not been told yet: Asterisk's own threads may be behind with it."""
    messages = [message for item in items if isinstance(item, Received) for message in item.messages]
    named = {
        name: {message.get("Uniqueid") for message in messages if message.event == name}
        for name in ("Newchannel", "Hangup")
    }
    return named["Newchannel"] - named["Hangup"]


def tracked(items: Sequence[Item]) -> list[Call]:
    """The clients' calls in these items."""
    tracker = CallTracker(trunks=frozenset(PROVIDERS))
    events = []
    for item in items:
        match item:
            case Resync():
                tracker.connected()
                events += tracker.resync(item.channels, item.at)
            case Received():
                for message in item.messages:
                    events += tracker.feed(message, item.at)
    events += tracker.expire(datetime.now(UTC) + timedelta(minutes=1))
    assert len(tracker) == 0
    return [call for call in ended_calls(events) if call.concerns_client]


@pytest.mark.parametrize("play", SCENARIOS.values(), ids=SCENARIOS)
async def test_the_stream_of_a_scenario_becomes_its_calls(office: Office, play: Scenario) -> None:
    truths, items = await heard_while(play, office)
    calls = sorted(tracked(items), key=lambda call: call.start)
    assert [_facts(call) for call in calls] == [_expected(truth) for truth in truths]
    for call, truth in zip(calls, truths, strict=True):
        assert {leg.extension for leg in call.legs} == set(truth.rang)
        assert bool(call.recordings) or not truth.spoke
        for talk, said in zip(call.talks, truth.spoke, strict=True):
            assert said.lasted(talk.length.total_seconds()), (talk, said)


async def test_what_the_client_pressed_in_the_menu_is_told(office: Office) -> None:
    _, items = await heard_while(SCENARIOS["menu_to_the_front_desk"], office)
    (call,) = tracked(items)
    assert call.menu == "1"


def _facts(call: Call) -> dict[str, object]:
    return {
        "direction": call.direction,
        "client": call.external,
        "company": call.did,
        "provider": call.trunk,
        "disposition": call.disposition,
        "answered by": call.answered_by,
        "voicemail": call.voicemail,
        "interrupted": call.interrupted,
    }


def _expected(truth: Truth) -> dict[str, object]:
    return {
        "direction": truth.direction,
        "client": truth.client,
        "company": truth.company,
        "provider": truth.provider,
        "disposition": truth.disposition,
        "answered by": truth.answered_by,
        "voicemail": truth.voicemail,
        "interrupted": False,
    }
