"""When the client was on hold, from conversations of real Asterisks: the seconds are those of the phones' own logs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ringbridge.ami.message import Message
from ringbridge.store.documents import dump_call, load_call
from ringbridge.telephony.events import CallHeld
from ringbridge.telephony.holds import MOST_HOLDS, Holds
from ringbridge.telephony.model import Call, Extension
from ringbridge.telephony.replay import ended_calls, everything, replay

TRACES = Path(__file__).parents[2] / "traces"
TRUNKS = frozenset({"mango", "mtt", "provider"})
AT = datetime(2026, 11, 25, 20, 0, tzinfo=UTC)
PHONE = Extension("101")
NEARLY = 0.3  # seconds


def calls_of(name: str, hears: Callable[[Message], bool] = everything) -> list[Call]:
    parts = sorted(TRACES.glob(f"{name}.part*.ami.gz"))
    told = replay([*parts, TRACES / f"{name}.ami.gz"], trunks=TRUNKS, hears=hears)
    return [call for call in ended_calls(told) if call.concerns_client]


def held(call: Call) -> list[tuple[str, float]]:
    return [(hold.extension, hold.length.total_seconds()) for hold in call.holds]


@pytest.mark.parametrize(
    ("name", "who", "seconds"),
    [
        ("ast22/inbound_hold", "101", 3.0),
        ("ast16/inbound_hold", "101", 3.0),
        ("freepbx15/hold", "101", 4.0),
        ("freepbx17/hold", "101", 4.0),
        ("ast22/xfer_attended_cancelled", "101", 4.0),  # a colleague was asked meanwhile
        ("ast22/xfer_attended_refer", "101", 4.5),  # asked, and then the client was handed on
        ("ast22/xfer_attended_feature", "101", 7.6),  # by the PBX's own code, which never says Unhold
        ("more22/queue700_xfer_att_feature", "103", 4.4),  # behind Local channels
        ("more22/mobile_att", "79125550001", 4.4),  # the employee's mobile
        ("more22/consult_outside_returns", "101", 2.6),
    ],
)
def test_client_was_on_hold_as_long_as_the_phone_held_him(name: str, who: str, seconds: float) -> None:
    (held_for,) = [hold for call in calls_of(name) for hold in held(call)]

    assert held_for == (who, pytest.approx(seconds, abs=NEARLY))


def test_each_who_asks_a_colleague_before_handing_the_client_on_holds_him_once() -> None:
    (call,) = calls_of("more22/att_refer_twice")

    assert [who for who, _ in held(call)] == ["101", "102"]
    assert all(hold.end and hold.end <= transfer.at for hold, transfer in zip(call.holds, call.transfers, strict=True))


def test_hold_within_a_talk_is_part_of_it() -> None:
    (call,) = calls_of("ast22/inbound_hold")
    (talk,), (hold,) = call.talks, call.holds

    assert hold.end is not None
    assert talk.end is not None
    assert talk.start < hold.start < hold.end < talk.end
    assert talk.length > hold.length + timedelta(seconds=3)


def test_of_two_calls_on_one_phone_only_the_held_one_was_on_hold() -> None:
    holds = {call.trunk: held(call) for call in calls_of("more22/call_waiting")}

    assert holds["mtt"] == []
    assert [who for who, _ in holds["mango"]] == ["101"]


def test_what_is_told_of_a_hold_carries_it_and_the_journal_keeps_it() -> None:
    told = list(replay([TRACES / "ast22/inbound_hold.ami.gz"], trunks=TRUNKS))
    on, off = (event for event in told if isinstance(event, CallHeld))

    assert on.call.holds[0].end is None
    assert off.call.holds[0].end == off.at
    assert load_call(dump_call(on.call)).holds == on.call.holds


def test_hold_whose_end_was_missed_is_counted_up_to_the_loss_of_the_connection() -> None:
    holds = Holds()
    holds.begin(PHONE, AT)
    holds.lost(AT + timedelta(seconds=5))
    holds.end_all(AT + timedelta(minutes=5))

    assert [hold.length for hold in holds.told] == [timedelta(seconds=5)]


def test_hold_that_outlasted_the_loss_of_the_connection_is_whole() -> None:
    holds = Holds()
    holds.begin(PHONE, AT)
    holds.lost(AT + timedelta(seconds=5))
    holds.end(PHONE, AT + timedelta(seconds=40))
    holds.end_all(AT + timedelta(minutes=5))

    assert [hold.length for hold in holds.told] == [timedelta(seconds=40)]


def test_new_hold_after_the_loss_of_the_connection_ends_the_old_one_at_the_loss() -> None:
    holds = Holds()
    holds.begin(PHONE, AT)
    holds.lost(AT + timedelta(seconds=5))
    holds.begin(PHONE, AT + timedelta(seconds=30))
    holds.end(PHONE, AT + timedelta(seconds=40))

    assert [hold.length for hold in holds.told] == [timedelta(seconds=5), timedelta(seconds=10)]


def test_phone_that_holds_the_client_for_hours_again_and_again_does_not_make_the_call_grow() -> None:
    holds = Holds()
    for minute in range(3 * MOST_HOLDS):
        holds.begin(PHONE, AT + timedelta(minutes=minute))
        holds.begin(PHONE, AT + timedelta(minutes=minute, seconds=10))  # said twice
        holds.end(PHONE, AT + timedelta(minutes=minute, seconds=20))

    assert len(holds.told) == MOST_HOLDS
    assert {hold.length for hold in holds.told} == {timedelta(seconds=20)}
