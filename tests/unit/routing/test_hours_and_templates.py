"""Working hours and the templates of texts."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringbridge.routing.hours import WorkingHours
from ringbridge.routing.intents import UserId
from ringbridge.routing.office import Staff
from ringbridge.routing.templates import FIELDS, BadTemplate, check, fill, values_of
from ringbridge.telephony.model import (
    Call,
    CallId,
    Direction,
    Disposition,
    Extension,
    Leg,
    Talk,
    Transfer,
    TransferType,
)

MOSCOW = ZoneInfo("Europe/Moscow")
OFFICE = WorkingHours(zone=MOSCOW, holidays=frozenset({date(2026, 3, 9)}))


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=MOSCOW)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        (local(2026, 3, 10, 9, 0), True),
        (local(2026, 3, 10, 8, 59), False),
        (local(2026, 3, 10, 18, 0), False),
        (local(2026, 3, 14, 12, 0), False),  # Saturday
        (local(2026, 3, 9, 12, 0), False),  # a holiday
        (datetime(2026, 3, 10, 6, 0, tzinfo=UTC), True),  # nine in Moscow
    ],
)
def test_the_office_is_open_when_its_clock_says_so(at, is_open):
    assert OFFICE.open_at(at) is is_open


def test_a_span_may_pass_midnight():
    night = WorkingHours(opens=time(20), closes=time(4), zone=MOSCOW)
    assert night.open_at(local(2026, 3, 11, 3, 59))
    assert night.open_at(local(2026, 3, 14, 2, 0))  # the rest of Friday's night
    assert not night.open_at(local(2026, 3, 11, 12, 0))


@pytest.mark.parametrize(
    ("start", "hours", "deadline"),
    [
        (local(2026, 3, 10, 10, 0), 1, local(2026, 3, 10, 11, 0)),
        (local(2026, 3, 10, 17, 30), 1, local(2026, 3, 11, 9, 30)),
        (local(2026, 3, 6, 17, 30), 1, local(2026, 3, 10, 9, 30)),  # Friday; Monday is a holiday
        (local(2026, 3, 10, 3, 0), 2, local(2026, 3, 10, 11, 0)),
        (local(2026, 3, 10, 9, 0), 20, local(2026, 3, 12, 11, 0)),
    ],
)
def test_a_deadline_counts_working_time(start, hours, deadline):
    assert OFFICE.after(start, timedelta(hours=hours)) == deadline


def test_an_office_that_never_opens_has_deadlines_all_the_same():
    closed = WorkingHours(days=frozenset(), zone=MOSCOW)
    assert closed.after(local(2026, 3, 10, 9, 0), timedelta(hours=1)) == local(2026, 3, 10, 10, 0)


@given(
    st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2027, 1, 1)),  # noqa: DTZ001 - hypothesis wants naive
    st.integers(1, 3000),
)
def test_a_deadline_is_in_working_time_or_at_its_end(start, minutes):
    deadline = OFFICE.after(start.replace(tzinfo=UTC), timedelta(minutes=minutes))
    assert deadline - start.replace(tzinfo=UTC) >= timedelta(minutes=minutes)
    assert OFFICE.open_at(deadline - timedelta(microseconds=1))


CALL = Call(
    id=CallId("1.1"),
    direction=Direction.INBOUND,
    start=datetime(2026, 3, 10, 6, 5, tzinfo=UTC),
    end=datetime(2026, 3, 10, 6, 8, tzinfo=UTC),
    external="89125551122",
    trunk="mango",
    disposition=Disposition.ANSWERED,
    legs=(Leg(extension=Extension("101"), channel="a", ring_start=datetime(2026, 3, 10, 6, 5, tzinfo=UTC)),),
    talks=(
        Talk(
            extension=Extension("101"),
            start=datetime(2026, 3, 10, 6, 5, 12, tzinfo=UTC),
            end=datetime(2026, 3, 10, 6, 8, tzinfo=UTC),
        ),
    ),
    transfers=(
        Transfer(type=TransferType.BLIND, by=Extension("101"), to="102", at=datetime(2026, 3, 10, 6, 8, tzinfo=UTC)),
    ),
)
STAFF = Staff(default=UserId("1"), names={"101": "Иван Петров"})


def test_every_field_of_a_template_can_be_filled():
    assert values_of(CALL, STAFF, line="73432723033", zone=MOSCOW).keys() == FIELDS.keys()


def test_a_template_is_filled_with_what_a_person_would_say():
    values = values_of(CALL, STAFF, line="73432723033", zone=MOSCOW)
    text = "{number} at {time}: waited {wait}, talked {talk}; {speakers}; {transfers}"
    assert fill(text, values) == "+79125551122 at 09:05: waited 0:12, talked 2:48; Иван Петров; Иван Петров → 102"


def test_a_hole_that_nothing_fills_is_refused_with_what_there_is():
    with pytest.raises(BadTemplate, match=r"\{phone\}.*number"):
        check("Call {phone}")


@given(st.text())
def test_no_template_makes_filling_fail(text):
    fill(text, values_of(CALL, STAFF, line=None, zone=MOSCOW))
