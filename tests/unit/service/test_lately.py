"""What our own tracker tells of the phones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ringbridge.routing.distribution import Reach, Rejected
from ringbridge.service.distribution.lately import REMEMBERED, Lately, SeenPhones
from ringbridge.store.keys import PbxId
from ringbridge.telephony.model import Call, CallId, Direction, Extension, Leg, LegResult, Talk

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MAIN = PbxId("main")
CLIENT = "79125551122"


def leg(extension: str, result: LegResult | None, *, ended: bool = True) -> Leg:
    return Leg(
        extension=Extension(extension),
        channel=f"1.{extension}",
        ring_start=NOW - timedelta(seconds=5),
        end=NOW if ended else None,
        result=result,
    )


def inbound(*legs: Leg, talks: tuple[Talk, ...] = (), ended: bool = False) -> Call:
    return Call(
        id=CallId("1.1"),
        direction=Direction.INBOUND,
        start=NOW - timedelta(seconds=9),
        end=NOW if ended else None,
        external=CLIENT,
        legs=legs,
        talks=talks,
    )


class Told:
    """A PBX that says this of every phone."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def reach(self, extension: str) -> Reach:
        return self._reach


def test_a_phone_is_busy_while_it_rings_or_speaks_and_free_when_the_call_is_over() -> None:
    lately = Lately()
    talk = Talk(extension=Extension("102"), start=NOW)
    call = inbound(leg("101", None, ended=False), leg("102", LegResult.ANSWERED, ended=False), talks=(talk,))
    lately.tell(MAIN, call)
    assert [lately.is_busy(phone) for phone in ("101", "102", "103")] == [True, True, False]
    lately.tell(MAIN, replace(call, end=NOW))
    assert not lately.is_busy("101")
    assert not lately.is_busy("102")


def test_who_calls_out_is_busy_from_the_first_moment() -> None:
    lately = Lately()
    lately.tell(MAIN, replace(inbound(), direction=Direction.OUTBOUND, caller=Extension("104")))
    assert lately.is_busy("104")


@pytest.mark.parametrize(
    ("told", "seen", "reach"),
    [
        (Reach.FREE, True, Reach.BUSY),
        (Reach.UNKNOWN, True, Reach.BUSY),
        (Reach.ABSENT, True, Reach.ABSENT),
        (Reach.FREE, False, Reach.FREE),
        (Reach.UNKNOWN, False, Reach.UNKNOWN),
    ],
)
def test_a_phone_is_busy_by_what_we_see_where_the_pbx_does_not_say_so(told: Reach, seen: bool, reach: Reach) -> None:
    lately = Lately()
    if seen:
        lately.tell(MAIN, inbound(leg("101", None, ended=False)))
    assert SeenPhones(Told(told), lately).reach("101") is reach


@pytest.mark.parametrize("result", [LegResult.BUSY, LegResult.DECLINED])
def test_a_phone_that_refused_is_remembered_for_its_caller_however_the_number_is_written(result: LegResult) -> None:
    lately = Lately()
    lately.tell(MAIN, inbound(leg("101", result), leg("102", LegResult.NO_ANSWER)))
    assert lately.rejected("8 912 555-11-22", NOW) == (Rejected(extension="101", at=NOW),)
    assert lately.rejected("79036667788", NOW) == ()


def test_refusals_do_not_pile_up_where_nobody_ever_asks_for_them() -> None:
    lately = Lately()
    lately.tell(MAIN, inbound(leg("101", LegResult.BUSY), ended=True))
    later = replace(leg("102", LegResult.BUSY), end=NOW + 2 * REMEMBERED)
    lately.tell(MAIN, replace(inbound(later), id=CallId("2.1")))
    assert [one.extension for one in lately.rejected(CLIENT, NOW)] == ["102"]


def test_a_refusal_is_forgotten_after_a_minute() -> None:
    lately = Lately()
    lately.tell(MAIN, inbound(leg("101", LegResult.BUSY), ended=True))
    assert lately.rejected(CLIENT, NOW + REMEMBERED)
    assert not lately.rejected(CLIENT, NOW + REMEMBERED + timedelta(seconds=1))
    assert not lately.rejected(CLIENT, NOW), "it is gone from memory, too"
