"""Dialling happens at most once, and each request has exactly one end in the CRM."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.service.dialing_twins import MAIN, PBX, START, Desk, Switchboard

from ringbridge.ami.errors import ActionRefused, AmiError, NotConnected
from ringbridge.ami.message import Action, Message
from ringbridge.ami.protocol import Answer
from ringbridge.routing.asked import NOT_RUNG
from ringbridge.routing.dialing import DialKind, DialRequest, Originate, Refusal
from ringbridge.routing.intents import UserId, idempotency_key
from ringbridge.routing.records import intents_of
from ringbridge.routing.results import CallStatus
from ringbridge.service.dialing.dialing import LOOKS
from ringbridge.store import calls, deliveries
from ringbridge.store.calls import call_key
from ringbridge.store.database import Database
from ringbridge.store.dials import DialState
from ringbridge.telephony.events import CallEnded
from ringbridge.telephony.tracker import CallTracker


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with await Database.open(f"sqlite:///{tmp_path}/ringbridge.db") as opened:
        yield opened


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database, Switchboard())


def names(told: list[Any]) -> list[str]:
    return [type(intent).__name__ for intent in told]


async def test_a_request_is_durable_before_the_pbx_hears_of_it_and_its_call_is_expected(desk: Desk) -> None:
    dial = await desk.dial()
    assert dial is not None
    assert await desk.states() == [DialState.SENT]
    assert desk.pbx.asked == []
    async with desk.running():
        await asyncio.wait_for(desk.pbx.dialled.wait(), 60)
    (action,) = desk.pbx.asked
    assert action.action_id == dial.id
    assert desk.crm.adopted[dial.id] == "call-1"
    assert await desk.told() == []


async def test_the_same_event_twice_is_one_request(desk: Desk) -> None:
    first = await desk.dial()
    assert first is not None
    assert await desk.dial() is None
    assert await desk.states() == [DialState.SENT]


async def test_a_restart_between_the_writing_and_the_dialling_never_dials(database: Database) -> None:
    killed = Desk(database, Switchboard())
    dial = await killed.dial()
    assert dial is not None
    again = Desk(database, Switchboard())
    await again.dialing.recall()
    async with again.running():
        again.now = START + timedelta(seconds=100)
        for _ in range(LOOKS):
            await again.dialing.look()
    assert again.pbx.asked == []
    adopted, finish = await again.told()
    assert (adopted.call_id, finish.status.value, finish.duration) == ("call-1", "503", 0)
    assert "nothing was heard" in finish.reason


async def test_after_a_restart_the_call_that_goes_on_is_still_the_one_that_was_asked_for(database: Database) -> None:
    dial = await Desk(database, Switchboard()).dial()
    assert dial is not None
    again = Desk(database, Switchboard())
    again.pbx.live = {dial.id}
    await again.dialing.recall()
    again.now = START + timedelta(minutes=5)
    for _ in range(LOOKS + 1):
        await again.dialing.look()
    assert again.crm.routing.adopted[dial.id] == "call-1"
    assert await again.told() == []


async def test_a_refused_request_ends_its_card_with_the_reason_and_nothing_is_dialled(desk: Desk) -> None:
    dial = await desk.dial(user=UserId("7"))
    assert dial is not None
    assert (dial.state, desk.crm.adopted) == (DialState.REFUSED, {})
    adopted, finish = await desk.told()
    assert (adopted.call_id, finish.status.value, finish.user) == ("call-1", "403", "7")
    assert "no phone is known" in finish.reason
    async with desk.running():
        await desk.dialing.look()
    assert desk.pbx.asked == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ActionRefused("Originate", "Extension does not exist."), "Extension does not exist"),
        (NotConnected("no link", sent=False), "no connection to the PBX"),
    ],
)
async def test_what_the_pbx_did_not_dial_for_certain_ends_at_once(desk: Desk, error: AmiError, words: str) -> None:
    desk.pbx.fails = error
    await desk.dial()
    async with desk.running():
        adopted, finish = await desk.until_told(2)
    assert (adopted.call_id, finish.status.value) == ("call-1", "503")
    assert words in finish.reason
    assert await desk.states() == [DialState.REFUSED]


async def test_an_answer_that_never_came_is_neither_repeated_nor_taken_for_a_failure(desk: Desk) -> None:
    desk.pbx.fails = NotConnected("the link broke before the answer", sent=True)
    dial = await desk.dial()
    assert dial is not None
    desk.pbx.live = {dial.id}
    async with desk.running():
        await asyncio.wait_for(desk.pbx.dialled.wait(), 60)
    desk.now += timedelta(minutes=3)
    for _ in range(LOOKS):
        await desk.dialing.look()
    assert await desk.told() == []
    desk.pbx.live.clear()
    for _ in range(LOOKS):
        await desk.dialing.look()
    assert names(await desk.told()) == ["AdoptCall", "FinishCall"]
    assert len(desk.pbx.asked) == 1


async def test_while_the_pbx_cannot_be_asked_nothing_is_given_up(desk: Desk) -> None:
    await desk.dial()
    desk.now += timedelta(hours=1)

    async def gone(action: Action) -> Answer:
        raise NotConnected("no link")

    desk.pbx.action = gone  # type: ignore[method-assign]
    for _ in range(LOOKS + 1):
        await desk.dialing.look()
    assert await desk.told() == []


async def test_a_call_that_is_in_the_journal_is_left_to_its_own_end(desk: Desk) -> None:
    dial = await desk.dial()
    assert dial is not None
    tracker = CallTracker(trunks=frozenset({"mango"}))
    *_, ended = tracker.feed(failed(dial.id), desk.now)
    async with desk.database.transaction() as tx:
        await calls.record(tx, PBX, [ended.call])
    desk.now += timedelta(minutes=3)
    for _ in range(LOOKS):
        await desk.dialing.look()
    assert await desk.states() == [DialState.SETTLED]
    assert await desk.told() == []


def failed(action: str, exten: str = "79125551122") -> Message:
    """As Asterisk tells of a phone that is off: no channel, only the action's name."""
    return Message(
        (
            ("Event", "OriginateResponse"),
            ("ActionID", action),
            ("Response", "Failure"),
            ("Channel", "PJSIP/101"),
            ("Context", "from-internal"),
            ("Exten", exten),
            ("Reason", "0"),
            ("Uniqueid", "<unknown>"),
        )
    )


async def test_whichever_end_comes_first_there_is_one_finish(desk: Desk) -> None:
    """The watch gives the call up, and then the PBX tells of it after all: the same record, the same steps."""
    dial = await desk.dial()
    assert dial is not None
    desk.now += timedelta(minutes=3)
    for _ in range(LOOKS):
        await desk.dialing.look()
    tracker = CallTracker(trunks=frozenset({"mango"}))
    *_, ended = tracker.feed(failed(dial.id), desk.now)
    assert isinstance(ended, CallEnded)
    intents, _ = intents_of(ended, desk.crm.routing, PBX)
    assert names(intents) == ["AdoptCall", "FinishCall"]
    async with desk.database.transaction() as tx:
        await calls.record(tx, PBX, [ended.call])
        assert await deliveries.enqueue(tx, MAIN, intents, call_key(PBX, ended.call.id), desk.now) == []
    assert names(await desk.told()) == ["AdoptCall", "FinishCall"]


@pytest.mark.parametrize("exten", ["79125551122", "104", "*43"])
async def test_a_phone_that_is_off_ends_the_card_whatever_was_to_be_dialled(desk: Desk, exten: str) -> None:
    dial = await desk.dial()
    assert dial is not None
    tracker = CallTracker(trunks=frozenset({"mango"}))
    told = tracker.feed(failed(dial.id, exten), desk.now)
    wanted = [intent for event in told for intent in intents_of(event, desk.crm.routing, PBX)[0]]
    assert names(list({idempotency_key(intent): intent for intent in wanted}.values())) == ["AdoptCall", "FinishCall"]
    assert wanted[-1].reason == NOT_RUNG


async def test_an_order_that_nobody_can_take_is_put_into_the_crm(desk: Desk) -> None:
    desk.pbx.fails = NotConnected("no link", sent=False)
    await desk.dial("order-1", kind=DialKind.CALLBACK, user=None, crm_call_id=None)
    async with desk.running():
        register, finish = await desk.until_told(2)
    assert (register.kind.value, register.number, register.live) == ("callback", "+79125551122", False)
    assert (finish.user, finish.status.value) == ("9", "503")


async def test_an_order_that_a_guard_refuses_leaves_nothing_in_the_crm(desk: Desk) -> None:
    await desk.dial("order-1", kind=DialKind.CALLBACK, user=None, crm_call_id=None)
    await desk.dial("order-2", kind=DialKind.CALLBACK, user=None, crm_call_id=None)
    assert await desk.states() == [DialState.SENT, DialState.REFUSED]
    assert await desk.told() == []


async def test_five_requests_at_once_are_five_calls(desk: Desk) -> None:
    asked = [desk.dial(f"call-{n}", number=f"+7912000000{n}") for n in range(5)]
    made = await asyncio.gather(*asked)
    async with desk.running():
        async with asyncio.timeout(60):
            while len(desk.pbx.asked) < 5:  # noqa: ASYNC110 - a count, not an event
                await asyncio.sleep(0.01)
    assert {action.action_id for action in desk.pbx.asked} == {dial.id for dial in made if dial}
    assert [desk.crm.adopted[dial.id] for dial in made if dial] == [f"call-{n}" for n in range(5)]


async def test_what_stands_before_the_dialling_may_change_the_call_and_the_changed_one_is_written(
    database: Database,
) -> None:
    async def by_the_other_phone(request: DialRequest, originate: Originate) -> Originate | Refusal:
        return replace(originate, channel="PJSIP/102", extension="102", caller_id=f"for {request.user}")

    desk = Desk(database, Switchboard(), prepare=by_the_other_phone)
    dial = await desk.dial()
    async with desk.running():
        await asyncio.wait_for(desk.pbx.dialled.wait(), 60)
    assert dial is not None
    assert dial.extension == "102"
    headers = dict(desk.pbx.asked[0].headers)
    assert (headers["Channel"], headers["CallerID"]) == ("PJSIP/102", "for 1")


async def test_what_stands_before_the_dialling_may_refuse_it_with_its_own_reason(database: Database) -> None:
    async def never(request: DialRequest, originate: Originate) -> Originate | Refusal:
        return Refusal(status=CallStatus.FORBIDDEN, reason="Not dialled: the client asked not to be called.")

    desk = Desk(database, Switchboard(), prepare=never)
    await desk.dial()
    _, finish = await desk.told()
    assert (finish.status, "asked not to be called" in finish.reason) == (CallStatus.FORBIDDEN, True)
    assert await desk.states() == [DialState.REFUSED]


async def test_of_two_clicks_that_are_prepared_at_the_same_time_one_is_dialled(
    database: Database,
) -> None:
    both = asyncio.Barrier(2)

    async def slowly(request: DialRequest, originate: Originate) -> Originate | Refusal:
        await both.wait()
        return originate

    desk = Desk(database, Switchboard(), prepare=slowly)
    async with asyncio.timeout(60):
        await asyncio.gather(desk.dial("click-1"), desk.dial("click-2"))
    assert sorted(await desk.states()) == [DialState.REFUSED, DialState.SENT]
