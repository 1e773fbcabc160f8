"""From the office's rules to what the portal holds in the end: calls as the PBX tells them, decided and carried out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.contract.bitrix24_office import CLIENT, STRANGER, Office, office, portal

from ringbridge.crm.contract import Receipt, Step
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.routing.office import Portal, Staff
from ringbridge.routing.records import intents_of
from ringbridge.routing.rules import Answers, Attach, Create, Responsible, Rule, TaskPlan
from ringbridge.service.config import office_of
from ringbridge.service.portals.office import routing_of
from ringbridge.telephony.events import CallAnswered, CallEnded, CallEvent, LegRinging
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension, Leg, LegResult, Talk

START = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
USERS = {f"10{n}": UserId(str(n)) for n in range(1, 7)}


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def our_office(*rules: Rule) -> Portal:
    staff = Staff(default=UserId("1"), users=USERS, names={"102": "Anna", "103": "Олег"})
    return Portal(id=PortalId("main"), staff=staff, rules=rules)


def leg(extension: str, *, answer: float | None = None) -> Leg:
    return Leg(
        extension=Extension(extension),
        channel=f"c-{extension}",
        ring_start=at(1),
        answer=at(answer) if answer else None,
        end=at(60),
        result=LegResult.ANSWERED if answer else LegResult.NO_ANSWER,
    )


def call(number: str, n: int, *legs: Leg, talks: Sequence[Talk] = (), trunk: str = "mango") -> Call:
    return Call(
        id=CallId(f"1764090000.{n}"),
        direction=Direction.INBOUND,
        start=at(0),
        end=at(60),
        external=number,
        did="74951112233",
        trunk=trunk,
        legs=legs,
        talks=tuple(talks),
        disposition=Disposition.ANSWERED if talks else Disposition.MISSED,
    )


async def tell(there: Office, ours: Portal, *events: CallEvent) -> None:
    """Each event's intents as one run, with the facts of the runs before it; a step that is done is not repeated."""
    facts: dict[str, dict[str, Any]] = defaultdict(dict)
    done: set[tuple[str, str]] = set()
    for event in events:
        wanted = [i for i in intents_of(event, ours, "pbx")[0] if (i.record, i.step) not in done]
        answers = await there.crm.carry_out([Step(intent=i, facts=facts[i.record]) for i in wanted])
        for intent, answer in zip(wanted, answers, strict=True):
            assert isinstance(answer, Receipt), answer
            facts[intent.record] |= answer.facts
            done.add((intent.record, intent.step))


async def through(there: Office, ours: Portal, ended: Call) -> None:
    """A whole call: its rings, its talks, its end."""
    rings = [
        LegRinging(call=replace(ended, talks=(), end=None, disposition=None), at=at(1), leg=one) for one in ended.legs
    ]
    answers = [CallAnswered(call=replace(ended, end=None), at=one.start, talk=one) for one in ended.talks]
    await tell(there, ours, *rings, *answers, CallEnded(call=ended, at=at(60)))


RADIO = Rule(
    name="radio",
    trunks=frozenset({"radio"}),
    answers=Answers(
        create=Create.CONTACT_AND_DEAL,
        source="ADVERTISING",
        title="Radio: {number}",
        pipeline="1",
        stage="NEW",
        activity="Waited {wait}. Rung: {rung}.",
        new_to=(Responsible.FIRST_RUNG,),
    ),
)
TASKS = Rule(name="tasks", answers=Answers(task=TaskPlan(title="Call {number} back", text="Rung: {rung}")))


async def test_a_new_client_from_the_radio_gets_a_deal_for_whom_the_rules_name_and_a_text() -> None:
    async with office() as there:
        talk = Talk(extension=Extension("103"), start=at(12), end=at(60))
        await through(
            there, our_office(RADIO), call(STRANGER, 1, leg("102"), leg("103", answer=12), talks=[talk], trunk="radio")
        )
        (deal,) = there.portal.clients.rows[Kind.DEAL].values()
        assert (deal["TITLE"], deal["CATEGORY_ID"], deal["SOURCE_ID"]) == (f"Radio: {STRANGER}", "1", "ADVERTISING")
        assert deal["ASSIGNED_BY_ID"] == "2"
        (record,) = there.finished
        assert (record.user_id, record.duration) == (3, 48)
        (activity,) = there.portal.activities.rows.values()
        assert activity["DESCRIPTION"] == "Waited 0:12. Rung: Anna, Олег."


def configured(**more: Any) -> Portal:
    """A line for the radio's number and a trunk for the site, as an administrator writes them down."""
    config = office_of(
        {
            "trunk": [{"name": "mango", "lead": {"source": "WEB"}}],
            "number": [{"number": "8 495 111-22-33", "title": "Radio", "lead": {"source": "ADVERTISING"}}],
            "portal": [
                {"name": "main", "webhook": "https://acme.example/rest/1/abcdefghijklmnop/", "default_user": "1"}
            ],
            "employee": [
                {"name": phone, "extensions": [phone], "users": {"main": user}} for phone, user in USERS.items()
            ],
            **more,
        }
    )
    return routing_of(config.portal[0], config, ())[0]


@pytest.mark.parametrize(
    ("create", "kinds"),
    [
        ("client", [Kind.LEAD]),  # the portal makes it itself
        ("contact", [Kind.CONTACT]),
        ("lead_and_deal", [Kind.LEAD, Kind.DEAL]),
        ("contact_and_deal", [Kind.CONTACT, Kind.DEAL]),
    ],
)
async def test_the_source_of_the_number_called_or_else_of_the_trunk_is_that_of_all_that_is_made(
    create: str, kinds: list[Kind]
) -> None:
    async with office() as there:
        before = {kind: set(there.portal.clients.rows[kind]) for kind in kinds}
        ours = configured(rule=[{"name": "made", "create": create}])
        await through(there, ours, call(STRANGER, 1, leg("102")))  # 74951112233: the radio's
        other = replace(call("+79990003344", 2, leg("102")), did="74959999999")
        await through(there, ours, other)
        for kind in kinds:
            made = [row for key, row in there.portal.clients.rows[kind].items() if key not in before[kind]]
            assert [row["SOURCE_ID"] for row in made] == ["ADVERTISING", "WEB"], kind


async def test_the_pipeline_of_a_number_makes_a_deal_there_and_its_line_is_told() -> None:
    async with office() as there:
        number = {"number": "74951112233", "line": "radio", "lead": {"pipeline": "1", "stage": "NEW"}}
        await through(there, configured(number=[number]), call(STRANGER, 1, leg("102")))
        (deal,) = there.portal.clients.rows[Kind.DEAL].values()
        assert (deal["CATEGORY_ID"], deal["STAGE_ID"], deal["SOURCE_ID"]) == ("1", "C1:NEW", "WEB")
        assert there.finished[0].portal_number == "radio"


async def test_missed_calls_make_one_task_for_the_owner_and_a_talk_with_the_client_completes_it() -> None:
    async with office() as there:
        ours = our_office(TASKS)
        for n in (1, 2):
            await through(there, ours, call(CLIENT, n, leg("105"), leg("106")))
        (task,) = there.portal.tasks.values()
        assert (task["TITLE"], task["RESPONSIBLE_ID"], task["STATUS"]) == (f"Call {CLIENT} back", "2", "2")
        assert [record.user_id for record in there.finished] == [2, 2]
        talk = Talk(extension=Extension("105"), start=at(5), end=at(60))
        await through(there, ours, call(CLIENT, 3, leg("105", answer=5), talks=[talk]))
        assert task["STATUS"] == "5"


async def test_in_a_holding_each_speaker_of_a_transferred_call_has_it_at_their_own_company() -> None:
    holding = portal()
    for owner in (4, 5):
        fields = {"TITLE": f"Company of {owner}", "PHONE": [{"VALUE": CLIENT}], "ASSIGNED_BY_ID": owner}
        holding.clients.add(Kind.COMPANY, fields, user_id=1, at="")
    ours = our_office(Rule(name="holding", answers=Answers(attach=Attach.SPEAKERS)))
    talks = [
        Talk(extension=Extension("104"), start=at(10), end=at(30)),
        Talk(extension=Extension("105"), start=at(30), end=at(60)),
    ]
    async with office(holding) as there:
        await through(there, ours, call(CLIENT, 1, leg("106"), leg("104", answer=10), talks=talks))
        bound = {
            row["RESPONSIBLE_ID"]: [(one["OWNER_TYPE_ID"], one["OWNER_ID"]) for one in row["BINDINGS"]]
            for row in there.portal.activities.rows.values()
        }
        assert bound == {"4": [("4", "1")], "5": [("4", "2")]}


async def test_a_colleagues_mobile_is_recorded_and_never_a_client() -> None:
    async with office() as there:
        there.portal.staff.users[6].personal_mobile = "8 999 000-11-22"
        contacts = len(there.portal.clients.rows[Kind.CONTACT])
        await through(there, our_office(RADIO), call(STRANGER, 1, leg("102"), trunk="radio"))
        assert len(there.finished) == 1
        assert len(there.portal.clients.rows[Kind.CONTACT]) == contacts
        assert not there.portal.clients.rows[Kind.LEAD]
        assert not there.portal.clients.rows[Kind.DEAL]
