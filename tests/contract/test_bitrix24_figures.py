"""How many commands and requests a call takes: the table of docs/reference/bitrix24.md."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.contract.bitrix24_office import (
    CLIENT,
    MAKE,
    STRANGER,
    Office,
    attach,
    close_tasks,
    commands,
    complete,
    finish,
    hide,
    office,
    portal,
    register,
    show,
    task,
)

from ringbridge.crm.bitrix24.errors import BY_CODE
from ringbridge.crm.contract import Receipt, Step
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.emulators.bitrix24.people import User
from ringbridge.routing.intents import Creation, Intent, RecordKind, UserId
from ringbridge.routing.results import CallStatus
from ringbridge.routing.rules import Attach, Create

MISSED: dict[str, Any] = {"duration": 0, "status": CallStatus.MISSED}
SPEAKERS: dict[str, Any] = {"attach": Attach.SPEAKERS}
OWNER: dict[str, Any] = {"owner_first": True}
DEAL = Creation(what=Create.CONTACT_AND_DEAL, pipeline="1", title="Radio")
EVERYONE = [str(n) for n in range(10, 30)]


@dataclass(frozen=True)
class Scenario:
    """What arrives together is one stage; the table has its row under this name."""

    name: str
    stages: tuple[tuple[Intent, ...], ...]
    commands: int
    requests: int  # without the sending of a recording's bytes


SCENARIOS = [
    Scenario("inbound, answered on one phone", ((register(show=False), show("1")), (finish(),), (attach(),)), 4, 3),
    Scenario("outbound, answered", ((register(kind=RecordKind.OUTBOUND),), (finish(),), (attach(),)), 3, 3),
    Scenario(
        "ring-all of 20, answered",
        (
            (register(show=False), *(show(user, ring=user) for user in EVERYONE)),
            tuple(hide(user, ring=user) for user in EVERYONE if user != "15"),
            (finish(user=UserId("15")),),
            (attach(),),
        ),
        5,
        4,
    ),
    Scenario(
        "transferred: two records",
        (
            (register(1, show=False), show("1")),
            (register(2, kind=RecordKind.TRANSFERRED, user=UserId("2"), show=False),),
            (hide("2", ring="end"), finish(1), finish(2, user=UserId("2"))),
            (attach(1), attach(2)),
        ),
        8,
        4,
    ),
    Scenario(
        "missed, for the client's owner",
        ((register(show=False), show("1")), (hide("1", ring=1),), (finish(**OWNER, **MISSED),)),
        5,
        4,
    ),
    Scenario(
        "missed, with a task",
        ((register(show=False), show("1")), (hide("1", ring=1),), (finish(**OWNER, **MISSED), task())),
        7,
        6,
    ),
    Scenario(
        "called back: the task is done",
        ((register(kind=RecordKind.OUTBOUND),), (finish(), close_tasks()), (attach(),)),
        5,
        5,
    ),
    Scenario(
        "several companies, the speaker's own",
        ((register(user=UserId("4"), show=False, **SPEAKERS), show("4")), (finish(user=UserId("4"), **SPEAKERS),)),
        5,
        3,
    ),
    Scenario(
        "several companies, answered by another's owner",
        ((register(user=UserId("4"), show=False, **SPEAKERS), show("4")), (finish(user=UserId("5"), **SPEAKERS),)),
        7,
        4,
    ),
    Scenario(
        "unknown number, the portal's own lead",
        ((register(number=STRANGER, creation=MAKE),), (finish(),), (attach(),)),
        3,
        3,
    ),
    Scenario(
        "unknown number, contact and deal by rule",
        ((register(number=STRANGER, creation=DEAL),), (finish(),), (attach(),)),
        8,
        6,
    ),
    Scenario("with a text in the activity", ((register(),), (finish(),), (complete(),), (attach(),)), 5, 5),
    Scenario("over already when it is told", ((register(live=False), finish()), (attach(),)), 3, 2),
]


async def play(at: Office, scenario: Scenario) -> tuple[int, int]:
    """Commands and requests of a call, with the portal known and the employees read, as in a running office."""
    await at.crm.check()
    await at.crm.users()
    facts: dict[str, dict[str, Any]] = defaultdict(dict)
    begun, requests = len(at.portal.traffic.executed), at.portal.traffic.requests
    for stage in scenario.stages:
        answers = await at.crm.carry_out([Step(intent=intent, facts=facts[intent.record]) for intent in stage])
        for intent, answer in zip(stage, answers, strict=True):
            assert isinstance(answer, Receipt), answer
            facts[intent.record] |= answer.facts
    uploads = len(at.portal.telephony.files)
    return len(commands(at, begun)), at.portal.traffic.requests - requests - uploads


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
async def test_a_call_takes_the_commands_and_requests_of_the_table(scenario: Scenario) -> None:
    at_portal = portal()
    for n in range(10, 30):
        at_portal.staff.users[n] = User(id=n, name=f"User {n}", inner_phone=str(n))
    if "companies" in scenario.name:
        for owner in (4, 5):
            fields = {"TITLE": "Company", "PHONE": [{"VALUE": CLIENT}], "ASSIGNED_BY_ID": owner}
            at_portal.clients.add(Kind.COMPANY, fields, user_id=1, at="")
    if "task is done" in scenario.name:
        tag = f"ringbridge {CLIENT}"
        at_portal.tasks[1] = {
            "ID": "1",
            "TITLE": "T",
            "STATUS": "2",
            "TAGS": [tag],
            "RESPONSIBLE_ID": "1",
            "CREATED_BY": "1",
        }
    async with office(at_portal) as at:
        assert await play(at, scenario) == (scenario.commands, scenario.requests)


@pytest.mark.parametrize(("name", "most"), [("inbound, answered on one phone", 4), ("ring-all of 20, answered", 6)])
def test_the_promised_limits_hold(name: str, most: int) -> None:
    assert next(one for one in SCENARIOS if one.name == name).commands <= most


def test_the_documented_table_says_the_same() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "bitrix24.md").read_text()
    for one in SCENARIOS:
        assert f"| {one.name} | {one.commands} | {one.requests} |" in page


def test_every_refusal_we_know_stands_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "bitrix24.md").read_text().lower()
    assert [code for code in BY_CODE if f"`{code}`" not in page] == []


def test_every_way_to_make_a_client_stands_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "bitrix24.md").read_text()
    assert [one for one in Create if f"| `{one.value}`" not in page] == []
