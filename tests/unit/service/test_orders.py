"""A client's order is dialled until somebody spoke with the client, each attempt once, and never two at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.service.dialing_twins import MAIN, PBX, START, Desk, Switchboard
from tests.unit.service.test_pipeline_keeps_what_it_hears import Crms, NoRecords, Played, heard

from ringbridge.ami.errors import NotConnected
from ringbridge.delivery.local import LocalEngine
from ringbridge.routing.dialing import DialKind, DialPlan, DialRequest, Refusal
from ringbridge.routing.intents import PortalId
from ringbridge.routing.rules import Answers, CallbackPlan, Rule
from ringbridge.service.config import ConfigError, document_of, office_of
from ringbridge.service.dialing.dialing import LOOKS
from ringbridge.service.pipeline import Pipeline
from ringbridge.store import calls, orders
from ringbridge.store.calls import call_key
from ringbridge.store.database import Database
from ringbridge.store.dials import Dial
from ringbridge.store.orders import Order, OrderState
from ringbridge.store.story import story
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension, Leg, Talk
from ringbridge.telephony.tracker import CallTracker

CLIENT, OTHER = "+79125551122", "+79990001122"
PLAN = DialPlan(callback_to="600", retries=(timedelta(seconds=60), timedelta(seconds=300)))
RULE = CallbackPlan()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with await Database.open(f"sqlite:///{tmp_path}/ringbridge.db") as opened:
        yield opened


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database, Switchboard(), PLAN)


async def ordered(desk: Desk, source: str = "order-1", **more: Any) -> Dial:
    dial = await desk.dial(source, **{"kind": DialKind.CALLBACK, "user": None, "crm_call_id": None, **more})
    assert dial is not None
    return dial


def wanted(source: str = "form-1", number: str = CLIENT) -> DialRequest:
    return DialRequest(portal=MAIN, source=source, number=number, at=START, kind=DialKind.CALLBACK)


def attempt(dial: Dial, *, at: datetime, spoke: bool = False) -> Call:
    """The call that became of an attempt."""
    talk = Talk(extension=Extension("101"), start=at, end=at + timedelta(seconds=30))
    return Call(
        id=CallId(dial.id),
        direction=Direction.OUTBOUND,
        start=at,
        end=at + timedelta(seconds=40),
        external=CLIENT.lstrip("+"),
        channels=(dial.id,),
        talks=(talk,) if spoke else (),
        disposition=Disposition.ANSWERED if spoke else Disposition.NO_ANSWER,
    )


def inbound(*, at: datetime, name: str = "1773144000.1", spoke: bool = False) -> Call:
    rung = Leg(extension=Extension("101"), channel="1773144000.2", ring_start=at)
    talk = Talk(extension=Extension("101"), start=at, end=at + timedelta(seconds=30))
    return Call(
        id=CallId(name),
        direction=Direction.INBOUND,
        start=at,
        end=at,
        external=CLIENT.lstrip("+"),
        legs=(rung,),
        talks=(talk,) if spoke else (),
        disposition=Disposition.ANSWERED if spoke else Disposition.MISSED,
    )


async def end(desk: Desk, call: Call, missed: tuple[PortalId, CallbackPlan] | None = None) -> str:
    """A call ends; what its story says of the order."""
    async with desk.database.transaction() as tx:
        await calls.record(tx, PBX, [call])
        await desk.dialing.orders.call_ended(tx, PBX, call, missed)
    async with desk.database.reading() as tx:
        return " ".join(line.text for line in await story(tx, call_key(PBX, call.id)))


async def look(desk: Desk) -> list[Dial]:
    """The orders are looked at; the attempts that were accepted then."""
    made: list[Dial] = []

    async def dial(request: DialRequest) -> None:
        if accepted := await desk.dialing.dial(request):
            made.append(accepted)

    await desk.dialing.orders.look(dial)
    return made


async def order_of(desk: Desk, dial: Dial) -> Order:
    async with desk.database.reading() as tx:
        order = await orders.get(tx, dial.request.order)
    assert order is not None
    return order


async def test_an_order_that_reached_nobody_is_dialled_again_by_the_schedule_until_the_last_attempt(desk: Desk) -> None:
    dial = await ordered(desk)
    assert (await order_of(desk, dial)).state is OrderState.DIALLING
    for number, pause in enumerate((60, 300), start=1):
        said = await end(desk, attempt(dial, at=desk.now))
        assert "dialled again" in said
        assert await look(desk) == []
        desk.now += timedelta(seconds=pause)
        (dial,) = await look(desk)
        assert (await order_of(desk, dial)).attempts == number + 1
        assert await look(desk) == []
    assert "in 3 attempts" in await end(desk, attempt(dial, at=desk.now))
    assert (await order_of(desk, dial)).state is OrderState.ENDED
    desk.now += timedelta(hours=1)
    assert await look(desk) == []


async def test_an_order_ends_when_its_attempt_reached_the_client(desk: Desk) -> None:
    dial = await ordered(desk)
    await end(desk, attempt(dial, at=desk.now, spoke=True))
    assert (await order_of(desk, dial)).state is OrderState.REACHED


async def test_an_order_ends_when_anybody_spoke_with_the_client_whoever_called(desk: Desk) -> None:
    dial = await ordered(desk)
    await end(desk, attempt(dial, at=desk.now))
    await end(desk, inbound(at=desk.now, spoke=True))
    assert (await order_of(desk, dial)).state is OrderState.REACHED
    desk.now += timedelta(minutes=5)
    assert await look(desk) == []


async def test_a_call_that_was_answered_before_the_order_came_is_no_answer_to_it(desk: Desk) -> None:
    dial = await ordered(desk)
    await end(desk, inbound(at=START - timedelta(days=30), spoke=True))
    assert (await order_of(desk, dial)).state is OrderState.DIALLING


async def test_an_attempt_of_whose_end_nobody_tells_does_not_hold_its_order_for_ever(desk: Desk) -> None:
    dial = await ordered(desk)
    desk.now += timedelta(hours=3)
    assert await look(desk) == []
    assert (await order_of(desk, dial)).state is OrderState.DIALLING
    desk.now += timedelta(hours=1, minutes=1)
    assert await look(desk) == []
    assert (await order_of(desk, dial)).state is OrderState.WAITING


async def test_an_attempt_that_could_not_be_dialled_is_followed_by_the_next(desk: Desk) -> None:
    desk.pbx.fails = NotConnected("no link", sent=False)
    dial = await ordered(desk)
    async with desk.running():
        await desk.until_told(2)
    order = await order_of(desk, dial)
    assert (order.state, order.due) == (OrderState.WAITING, START + timedelta(seconds=60))


async def test_a_restart_neither_repeats_an_attempt_nor_forgets_the_next(database: Database) -> None:
    dial = await ordered(Desk(database, Switchboard(), PLAN))
    again = Desk(database, Switchboard(), PLAN)
    await again.dialing.recall()
    assert await look(again) == []
    again.now += timedelta(minutes=2)
    for _ in range(LOOKS):
        await again.dialing.look()
    assert again.pbx.asked == []
    assert (await order_of(again, dial)).state is OrderState.WAITING
    again.now += timedelta(minutes=1)
    assert len(await look(again)) == 1


async def test_retries_wait_until_the_office_opens(desk: Desk) -> None:
    desk.now = START.replace(hour=17, minute=59, second=30)
    dial = await ordered(desk)
    await end(desk, attempt(dial, at=desk.now))
    assert (await order_of(desk, dial)).due == START.replace(hour=9) + timedelta(days=1)


async def test_an_order_that_was_due_while_nobody_ran_is_not_dialled_at_night(desk: Desk) -> None:
    await desk.dialing.orders.place(wanted(), START + timedelta(hours=1))
    desk.now = START.replace(hour=22)
    assert await look(desk) == []
    desk.now = START.replace(hour=9) + timedelta(days=1)
    assert len(await look(desk)) == 1


async def test_after_a_day_nobody_waits_for_the_call_any_more(desk: Desk) -> None:
    placed = await desk.dialing.orders.place(wanted(), START)
    assert isinstance(placed, Order)
    desk.now += timedelta(days=2)
    assert await look(desk) == []
    async with desk.database.reading() as tx:
        order = await orders.get(tx, placed.id)
    assert order is not None
    assert order.state is OrderState.ENDED


async def test_a_client_who_is_on_the_phone_is_dialled_later(desk: Desk) -> None:
    await desk.dialing.orders.place(wanted(), START)
    going_on = replace(inbound(at=START), end=None, disposition=None)
    async with desk.database.transaction() as tx:
        await calls.record(tx, PBX, [going_on])
    assert await look(desk) == []
    async with desk.database.transaction() as tx:
        await calls.record(tx, PBX, [replace(going_on, end=START)])
    desk.now += timedelta(minutes=1)
    assert len(await look(desk)) == 1


async def test_while_a_number_is_being_called_it_is_not_ordered_again(desk: Desk) -> None:
    await ordered(desk)
    desk.now += timedelta(minutes=10)
    second = await ordered(desk, "order-2")
    assert "being called" in second.reason
    assert isinstance(await desk.dialing.orders.place(wanted(), desk.now), Refusal)


async def test_a_new_order_takes_the_place_of_one_that_waits(desk: Desk) -> None:
    first = await ordered(desk)
    await end(desk, attempt(first, at=desk.now))
    desk.now += timedelta(minutes=6)
    second = await ordered(desk, "order-2")
    assert (await order_of(desk, first)).state is OrderState.ENDED
    assert (await order_of(desk, second)).state is OrderState.DIALLING
    assert await look(desk) == []


async def test_an_order_for_later_is_dialled_once_and_the_same_one_again_is_none(desk: Desk) -> None:
    placed = await desk.dialing.orders.place(wanted(), START + timedelta(minutes=30))
    assert isinstance(placed, Order)
    assert await desk.dialing.orders.place(wanted(), START + timedelta(minutes=30)) is None
    assert await look(desk) == []
    desk.now += timedelta(minutes=30)
    (dial,) = await look(desk)
    assert (dial.request.order, dial.extension) == (placed.id, "600")


async def test_an_order_of_which_we_hear_late_is_dialled_and_one_of_last_week_is_refused(desk: Desk) -> None:
    late = await desk.dialing.order(replace(wanted(), at=START - timedelta(minutes=20)), None)
    assert isinstance(late, Order)
    (dial,) = await look(desk)
    assert dial.request.order == late.id
    old = await desk.dialing.order(replace(wanted("form-2", OTHER), at=START - timedelta(days=7)), None)
    assert isinstance(old, Dial)
    assert "asked for" in old.reason


async def test_an_order_at_night_that_could_never_be_dialled_is_put_into_the_crm(database: Database) -> None:
    desk = Desk(database, Switchboard(), replace(PLAN, working_hours_only=True, callback_to=""))
    desk.now = START.replace(hour=22)
    refused = await desk.dialing.order(replace(wanted(), at=desk.now), None)
    assert isinstance(refused, Dial)
    register, finish = await desk.told()
    assert (register.kind.value, finish.status.value) == ("callback", "403")


async def test_what_may_never_be_dialled_is_no_order(desk: Desk) -> None:
    refused = await desk.dialing.orders.place(wanted(number="112"), START)
    assert isinstance(refused, Refusal)


async def test_orders_that_waited_for_the_morning_are_dialled_a_few_at_a_time(database: Database) -> None:
    desk = Desk(database, Switchboard(), replace(PLAN, at_once=2))
    for nth in range(5):
        await desk.dialing.orders.place(wanted(f"form-{nth}", f"+7912000000{nth}"), START)
    first, second = await look(desk)
    assert await look(desk) == []
    await end(desk, attempt(first, at=desk.now, spoke=True))
    (third,) = await look(desk)
    for dial in (second, third):
        await end(desk, replace(attempt(dial, at=desk.now, spoke=True), external=dial.number))
    assert len(await look(desk)) == 2


async def test_orders_for_later_are_limited_as_those_for_now_are(database: Database) -> None:
    desk = Desk(database, Switchboard(), replace(PLAN, per_minute=2))
    placed = [
        await desk.dialing.orders.place(wanted(f"form-{nth}", f"+7912000000{nth}"), START + timedelta(hours=1))
        for nth in range(3)
    ]
    assert [type(one) for one in placed] == [Order, Order, Refusal]
    desk.now += timedelta(minutes=1, seconds=1)
    assert isinstance(await desk.dialing.orders.place(wanted("form-9", "+79120000009"), START), Order)


# Missed calls


async def test_a_missed_call_is_called_back_by_the_rule_after_a_while(desk: Desk) -> None:
    said = await end(desk, inbound(at=START), (MAIN, RULE))
    assert "called back at 12:01:00" in said
    assert await look(desk) == []
    desk.now += RULE.after
    (dial,) = await look(desk)
    assert (dial.extension, dial.number) == ("101", CLIENT)


async def test_who_called_again_and_was_answered_is_not_called_back(desk: Desk) -> None:
    await end(desk, inbound(at=START), (MAIN, RULE))
    await end(desk, inbound(at=START, name="1773144000.9", spoke=True), (MAIN, RULE))
    desk.now += RULE.after
    assert await look(desk) == []


async def test_who_calls_in_vain_ten_times_is_called_back_once(desk: Desk) -> None:
    for nth in range(10):
        await end(desk, inbound(at=START, name=f"1773144000.{nth}"), (MAIN, RULE))
    desk.now += RULE.after
    (dial,) = await look(desk)
    await end(desk, attempt(dial, at=desk.now, spoke=True))
    await end(desk, inbound(at=desk.now, name="1773144999.1"), (MAIN, RULE))
    desk.now += RULE.after
    assert await look(desk) == []


async def test_a_callback_that_is_missed_makes_no_other(desk: Desk) -> None:
    await end(desk, inbound(at=START), (MAIN, RULE))
    desk.now += RULE.after
    (dial,) = await look(desk)
    missed = replace(attempt(dial, at=desk.now), direction=Direction.INBOUND, disposition=Disposition.MISSED)
    await end(desk, missed, (MAIN, RULE))
    assert (await order_of(desk, dial)).attempts == 1
    async with desk.database.reading() as tx:
        assert await orders.next_due(tx) == (await order_of(desk, dial)).due


async def test_a_number_that_may_not_be_dialled_is_not_called_back_and_the_story_says_why(database: Database) -> None:
    desk = Desk(database, Switchboard(), replace(PLAN, denied=("7912",)))
    assert "not allowed" in await end(desk, inbound(at=START), (MAIN, RULE))
    desk.now += RULE.after
    assert await look(desk) == []


async def test_a_missed_call_of_a_real_pbx_and_its_order_are_written_together(database: Database) -> None:
    rule = Rule(name="call back", answers=Answers(callback=True), results=frozenset({Disposition.MISSED}))
    desk, source, ended = Desk(database, Switchboard(), PLAN), Played(), asyncio.Event()
    source.say(*heard("inbound_missed_direct"))
    pipeline = Pipeline(
        PBX,
        tracker=CallTracker(trunks=frozenset({"mango"})),
        source=source,
        database=database,
        announcer=LocalEngine(database, [MAIN]),
        crms=Crms(replace(desk.crm.routing, rules=(rule,))),
        history=NoRecords(),
        orders=desk.dialing.orders,
        clock=lambda: source.last + timedelta(seconds=5),
    )
    pipeline.show = lambda pbx, call: ended.set() if call.end else None
    running = asyncio.create_task(pipeline.run())
    await asyncio.wait_for(ended.wait(), 20)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    async with database.reading() as tx:
        order = await orders.open_of_number(tx, CLIENT)
    assert order is not None
    assert (order.state, order.request.to, order.attempts) == (OrderState.WAITING, "101", 0)


def test_the_configuration_says_when_an_order_is_dialled_again_and_which_missed_call_is_called_back() -> None:
    rows = [
        {"name": "a", "callback": {"after_seconds": 30, "to": "600"}},
        {"name": "b", "callback": True},
        {"name": "c"},
    ]
    dialing = {"callback_retries": [60, 300], "callbacks_at_once": 2}
    office = office_of({"rule": rows, "dialing": dialing})
    assert office_of(document_of(office)) == office
    answers = [row.rule("RU").answers.callback for row in office.rule]
    assert answers == [CallbackPlan(after=timedelta(seconds=30), to="600"), True, None]
    plan = office.dialing.plan((), "RU")
    assert (plan.retries, plan.at_once) == ((timedelta(seconds=60), timedelta(seconds=300)), 2)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"dialing": {"callback_retries": [0]}}, "each pause is 1 to 86400 seconds"),
        ({"dialing": {"callback_retries": 60}}, "dialing.callback_retries: write a list"),
        ({"rule": [{"name": "a", "callback": {"to": "*72"}}]}, r"rule\[1\].callback.to"),
        ({"rule": [{"name": "a", "callback": {"after": 1}}]}, r"rule\[1\].callback.after: no such setting"),
    ],
)
def test_a_wrong_schedule_is_refused_with_its_place(document: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        office_of(document)
