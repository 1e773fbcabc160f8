"""What the office's configuration and its CRMs' users make of distribution."""

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ringbridge.routing.distribution import (
    Colleague,
    NamePart,
    Order,
    RouteQuestion,
    Step,
    Team,
    Unreachable,
)
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.service.config import ConfigError, office_of, write_office
from ringbridge.service.distribution.office import distribution_policy, team_of
from ringbridge.service.portals.watch import users_every
from ringbridge.store.directory import DirectoryUser
from ringbridge.telephony.numbers import parse_number

MAIN, AMO = PortalId("main"), PortalId("amo")
MONDAY_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MONDAY_NIGHT = datetime(2026, 11, 23, 22, tzinfo=UTC)

OFFICE = """
timezone = "UTC"

[[trunk]]
name = "mango"
title = "Advertising"
line = "73432723033"
numbers = ["8 343 272-30-44"]
new_clients = { extensions = ["101", "102"], order = "round_robin" }
hours = { opens = "08:00", closes = "20:00", holidays = ["2026-11-24"] }

[[trunk]]
name = "mtt"

[[portal]]
name = "main"
webhook = "https://example.bitrix24.ru/rest/1/hook-secret/"
default_user = "1"

[[employee]]
name = "Ivan"
extensions = ["101"]
mobiles = ["8 912 555-00-01"]
users = { main = "5" }
deputy = "102"
group = "601"
absent_from = 2026-12-01
absent_until = 2026-12-14

[[employee]]
name = "Anna"
extensions = ["102"]

[distribution]
enabled = true
steps = ["last_spoke", "responsible", "department", "group"]
last_spoke_days = 7
busy = "ring"
group = "600"
caller_name = ["trunk", "client"]
outside_hours = "700"
choices = { 1 = "", 2 = "602" }

[[distribution.vip]]
numbers = ["8912555XXXX"]
extensions = ["101"]
"""


def office(text=OFFICE, **parts):
    return office_of({**tomllib.loads(text), **parts})


def user(number, name="", **more):
    facts = {"active": True, "extensions": (), "departments": (), "working_day": None} | more
    return DirectoryUser(id=UserId(number), name=name or f"User {number}", **facts)


def test_what_is_said_of_distribution_survives_export_and_import():
    assert office(write_office(office())) == office()


def test_distribution_is_off_until_somebody_switches_it_on():
    assert not distribution_policy(office_of({})).enabled


def test_every_setting_reaches_the_policy():
    policy = distribution_policy(office())
    assert policy.enabled
    assert policy.steps == (Step.LAST_SPOKE, Step.RESPONSIBLE, Step.DEPARTMENT, Step.GROUP)
    assert (policy.busy, policy.off_shift) == (Unreachable.RING, Unreachable.SKIP)
    assert (policy.group, policy.outside_hours, policy.choices) == ("600", "700", {"1": "", "2": "602"})
    assert policy.last_spoke_within == timedelta(days=7)
    assert policy.caller_name == (NamePart.TRUNK, NamePart.CLIENT)
    assert policy.vip_extensions(parse_number("79125551122", "RU")) == ("101",)


@pytest.mark.parametrize(
    ("did", "trunk"),
    [("", "mango"), ("83432723044", "?"), ("+73432723033", "?"), ("3432723033", "mtt")],
)
def test_a_line_is_known_by_its_trunk_and_by_any_spelling_of_its_numbers(did, trunk):
    line = distribution_policy(office()).line_of(RouteQuestion(number="1", did=did, trunk=trunk))
    assert (line.title, line.new_clients.extensions, line.new_clients.order) == (
        "Advertising",
        ("101", "102"),
        Order.ROUND_ROBIN,
    )


def test_a_line_has_its_own_hours_or_the_offices_or_is_always_open():
    mango, mtt = (RouteQuestion(number="1", trunk=name) for name in ("mango", "mtt"))
    policy = distribution_policy(office())
    assert policy.line_of(mango).hours.open_at(MONDAY_NOON)
    assert not policy.line_of(mango).hours.open_at(MONDAY_NOON + timedelta(days=1))
    assert policy.line_of(mtt).hours is None
    strict = office().distribution.model_copy(update={"working_hours_only": True})
    policy = distribution_policy(office().model_copy(update={"distribution": strict}))
    assert not policy.line_of(mtt).hours.open_at(MONDAY_NIGHT)
    assert not policy.line_of(RouteQuestion(number="1", trunk="unknown")).hours.open_at(MONDAY_NIGHT)


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (
            {"employee": [{"name": "Ivan", "extensions": ["101"], "deputy": "199"}]},
            "employee Ivan: the deputy's extension 199 stands with no employee",
        ),
        (
            {"employee": [{"name": "Ivan", "extensions": ["101"], "deputy": "101"}]},
            "employee Ivan would stand in for themselves",
        ),
        (
            {"employee": [{"name": "Ivan", "absent_from": "2026-12-02", "absent_until": "2026-12-01"}]},
            "absent_until is before absent_from",
        ),
        ({"distribution": {"steps": ["responsible", "responsible"]}}, "distribution.steps: responsible stands twice"),
        ({"distribution": {"steps": ["boss"]}}, "distribution.steps[1]: Input should be 'last_spoke', 'responsible'"),
        ({"distribution": {"group": "600,1(x)"}}, "distribution.group: '600,1(x)' is no extension"),
        ({"distribution": {"vip": [{"numbers": ["Ivan"], "extensions": ["101"]}]}}, "write digits and X"),
        ({"distribution": {"vip": [{"numbers": ["8912"], "extensions": []}]}}, "distribution.vip[1].extensions"),
        (
            {"trunk": [{"name": "mango", "new_clients": {"extension": "101"}}]},
            "trunk[1].new_clients.extension: no such",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_to_do(parts, told):
    with pytest.raises(ConfigError, match=r".+") as refused:
        office(**parts)
    assert told in str(refused.value)


def test_deputies_in_a_circle_are_no_mistake():
    pair = [{"name": "A", "extensions": ["1"], "deputy": "2"}, {"name": "B", "extensions": ["2"], "deputy": "1"}]
    assert [one.deputy for one in office(employee=pair).employee] == ["2", "1"]


# The team


def team(*users, of=MAIN, **more):
    return team_of(office(), {of: users, **more})


def told_of(colleague: Colleague | None):
    return colleague and (colleague.name, colleague.phones)


def test_an_employee_has_what_the_office_says_and_what_their_crm_adds():
    ivan = team(user("5", "Иван", extensions=("901",), departments=("Sales",), working_day="over")).user(MAIN, "5")
    assert told_of(ivan) == ("Ivan", ("101",))
    assert (ivan.deputy, ivan.group) == ("102", "601")
    assert ivan.mobiles == {"+79125550001": "79125550001"}
    assert (ivan.departments, ivan.off_shift) == ({(MAIN, "Sales")}, True)
    assert ivan.absent_on(date(2026, 12, 14))
    assert not ivan.absent_on(date(2026, 12, 15))


def test_an_employee_whose_user_is_not_named_is_found_by_a_phone():
    found = team(user("7", extensions=("102",))).user(MAIN, "7")
    assert told_of(found) == ("Anna", ("102",))


def test_whom_only_a_crm_knows_is_one_of_us_too():
    assert told_of(team(user("9", "Oleg", extensions=("103",))).user(MAIN, "9")) == ("Oleg", ("103",))


def test_a_phone_that_two_claim_is_the_offices_and_no_colleagues_twice():
    both = team(user("9", "Oleg", extensions=("103", "101")))
    assert told_of(both.holder("101")) == ("Ivan", ("101",))
    assert told_of(both.holder("103")) == ("Oleg", ("103",))


def test_who_was_dismissed_in_the_crm_is_not_rung_for_it():
    assert team(user("5", active=False)).user(MAIN, "5").dismissed
    assert not team(user("5")).user(MAIN, "5").dismissed


@pytest.mark.parametrize(
    ("days", "off"),
    [
        ((None,), False),
        (("open",), False),
        (("over",), True),
        (("break",), True),
        (("over", None), True),
        (("over", "open"), False),
    ],
)
def test_off_shift_is_who_is_so_at_every_crm_that_tells(days, off):
    users = {
        portal: [user("7", extensions=("102",), working_day=day)]
        for portal, day in zip((MAIN, AMO), days, strict=False)
    }
    anna = team_of(office(), users).holder("102")
    assert anna.off_shift == off


def test_a_team_keeps_the_first_claim_to_a_user():
    first = Colleague(name="A", phones=("1",), users={MAIN: UserId("5")})
    assert Team([first, replace(first, name="B", phones=("2",))]).user(MAIN, "5").name == "A"


# How fresh it is


def test_where_working_days_decide_who_rings_they_are_read_every_few_minutes_else_hourly():
    working, silent = user("5", working_day="over"), user("5")
    assert users_every([working], office()) == timedelta(minutes=5)
    assert users_every([silent], office()) == timedelta(hours=1)
    assert users_every([working], office_of({})) == timedelta(hours=1)
    anyway = office().distribution.model_copy(update={"off_shift": Unreachable.RING})
    assert users_every([working], office().model_copy(update={"distribution": anyway})) == timedelta(hours=1)


def test_the_example_of_the_documentation_can_be_switched_on():
    lines = Path("docs/office.example.toml").read_text(encoding="utf-8").splitlines()
    first = lines.index("# [distribution]")
    section = "\n".join(line.removeprefix("# ") for line in lines[first : lines.index("", first)])
    assert distribution_policy(office_of(tomllib.loads(section))).enabled
