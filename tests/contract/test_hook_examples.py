"""The shipped examples do what they say, at the emulated portals."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from tests.contract import amocrm_office
from tests.contract.bitrix24_office import STRANGER, Office, finish, office, register
from tests.contract.hooked_office import HookedOffice, hooked, journal_call

from ringbridge.crm.contract import Receipt, Transient
from ringbridge.emulators.bitrix24.faults import Fault, FaultKind
from ringbridge.hooks.context import Surroundings
from ringbridge.hooks.runner import Hooks, HookSettings
from ringbridge.routing.intents import UserId
from ringbridge.routing.results import CallStatus
from ringbridge.service.hooks.hooking import OfficeHooks

EXAMPLES = Path(str(files("ringbridge.hooks") / "examples"))
USERS = ["3", "4", "5"]


@asynccontextmanager
async def with_example(
    folder: Path, name: str, *calls: Any, settings: dict[str, Any] | None = None
) -> AsyncIterator[tuple[Office, HookedOffice]]:
    async with hooked(folder) as office_with, office_of_bitrix24(office_with, settings) as portal:
        shutil.copy(EXAMPLES / f"{name}.py", office_with.folder)
        await office_with.journalled(*calls)
        yield portal, office_with


@asynccontextmanager
async def office_of_bitrix24(there: HookedOffice, settings: dict[str, Any] | None) -> AsyncIterator[Office]:
    surroundings = Surroundings(settings=settings or {})
    hooks = Hooks(HookSettings(folder=there.folder, surroundings=surroundings))
    there.hooks = OfficeHooks(hooks, there.database)
    async with office(customise=there.of_portal) as portal:
        there.opened(portal.crm)
        yield portal
    hooks.close()


async def call(portal: Office, method: str, **params: Any) -> Any:
    return await portal.crm.client.call(method, params)


async def answered(portal: Office, number: str = STRANGER, *, n: int = 1, user: str = "2") -> dict[str, Any]:
    """Registered at its ring, finished at its end; the facts of both."""
    ring = register(n, number=number, user=UserId(user), show=False)
    (registered,) = await portal.do(ring)
    assert isinstance(registered, Receipt), registered
    (finished,) = await portal.do(finish(n, user=UserId(user)), facts=dict(registered.facts))
    assert isinstance(finished, Receipt), finished
    return {**registered.facts, **finished.facts}


# Waiting time


async def test_the_clients_waiting_and_talking_time_stand_in_the_calls_description(tmp_path: Path):
    async with with_example(tmp_path, "waiting_time") as (portal, _):
        facts = await answered(portal, "+79125551122")
        activity = await call(portal, "crm.activity.get", id=facts["activity"])
        assert activity["DESCRIPTION"].splitlines()[-1] == "Waited 0:12, spoke 0:30"


async def test_the_clients_waiting_and_talking_time_stand_in_amocrms_call(tmp_path: Path):
    async with hooked(tmp_path) as there, amocrm_office.office(customise=there.of_portal) as account:
        there.opened(account.crm)
        shutil.copy(EXAMPLES / "waiting_time.py", there.folder)
        await account.done(amocrm_office.register(), amocrm_office.finish())
        (note,) = account.calls
        assert note["params"]["call_result"] == "Waited 0:12, spoke 0:30"


# Missed calls


@pytest.mark.parametrize("how", ["round_robin", "least_loaded"])
async def test_missed_calls_are_spread_evenly_over_a_list(tmp_path: Path, how: str):
    calls = [journal_call(n, f"+7999000112{n}", answered_by=None) for n in range(1, 7)]
    settings = {"missed_to": USERS, "missed_how": how}
    async with with_example(tmp_path, "spread_missed", *calls, settings=settings) as (portal, _):
        for n in range(1, 7):
            number = f"+7999000112{n}"
            await portal.do(register(n, number=number), finish(n, status=CallStatus.MISSED, duration=0))
        assert sorted(one.user_id for one in portal.finished) == [3, 3, 4, 4, 5, 5]


async def test_missed_calls_that_end_together_are_spread_evenly_too(tmp_path: Path):
    numbers = {n: f"+799900011{n:02}" for n in range(1, 10)}
    calls = [journal_call(n, number, answered_by=None) for n, number in numbers.items()]
    settings = {"missed_to": USERS, "missed_how": "round_robin"}
    async with with_example(tmp_path, "spread_missed", *calls, settings=settings) as (portal, _):
        rings = [register(n, number=number) for n, number in numbers.items()]
        await portal.do(*rings, *(finish(n, status=CallStatus.MISSED, duration=0) for n in numbers))
        assert sorted(one.user_id for one in portal.finished) == [3, 3, 3, 4, 4, 4, 5, 5, 5]


async def test_missed_calls_are_spread_at_random_as_published(tmp_path: Path):
    missed = journal_call(1, answered_by=None)
    async with with_example(tmp_path, "spread_missed", missed, settings={"missed_to": USERS}) as (portal, _):
        await portal.do(register(), finish(status=CallStatus.MISSED, duration=0))
        (finished,) = portal.finished
        assert str(finished.user_id) in USERS


async def test_an_answered_call_stays_with_who_answered(tmp_path: Path):
    async with with_example(tmp_path, "spread_missed", settings={"missed_to": USERS}) as (portal, _):
        await answered(portal)
        assert [one.user_id for one in portal.finished] == [2]


# The agency


async def add_lead(portal: Office, *, status: str = "NEW", owner: int = 5) -> str:
    fields = {
        "TITLE": "Old",
        "STATUS_ID": status,
        "ASSIGNED_BY_ID": owner,
        "PHONE": [{"VALUE": STRANGER, "VALUE_TYPE": "WORK"}],
    }
    return str(await call(portal, "crm.lead.add", fields=fields))


async def leads(portal: Office) -> dict[str, dict[str, Any]]:
    rows = await call(portal, "crm.lead.list", filter={}, order={"ID": "ASC"})
    return {row["ID"]: row for row in rows}


def put_on(facts: dict[str, Any]) -> tuple[str, str]:
    return facts["client"]["kind"], str(facts["client"]["id"])


STRANGERS = journal_call(1, STRANGER)  # answered by 102, user 2
UNANSWERED = journal_call(1, STRANGER, answered_by=None)


async def test_a_client_without_a_lead_gets_one_owned_by_who_talked(tmp_path: Path):
    async with with_example(tmp_path, "agency", STRANGERS) as (portal, _):
        facts = await answered(portal, user="1")
        ((number, lead),) = (await leads(portal)).items()
        assert put_on(facts) == ("lead", number)
        assert lead["ASSIGNED_BY_ID"] == "2"


async def test_a_lead_that_nobody_processed_goes_to_who_talked(tmp_path: Path):
    async with with_example(tmp_path, "agency", STRANGERS) as (portal, _):
        number = await add_lead(portal)
        assert put_on(await answered(portal)) == ("lead", number)
        assert (await leads(portal))[number]["ASSIGNED_BY_ID"] == "2"


async def test_a_lead_in_work_keeps_its_owner(tmp_path: Path):
    async with with_example(tmp_path, "agency", STRANGERS) as (portal, _):
        number = await add_lead(portal, status="IN_PROCESS")
        assert put_on(await answered(portal)) == ("lead", number)
        assert (await leads(portal))[number]["ASSIGNED_BY_ID"] == "5"


async def test_beside_a_converted_lead_a_new_one_is_made(tmp_path: Path):
    async with with_example(tmp_path, "agency", STRANGERS) as (portal, _):
        old = await add_lead(portal, status="CONVERTED")
        kind, number = put_on(await answered(portal))
        assert (kind, number == old) == ("lead", False)
        assert (await leads(portal))[number]["ASSIGNED_BY_ID"] == "2"


async def test_a_junk_lead_is_opened_again_for_who_talked(tmp_path: Path):
    async with with_example(tmp_path, "agency", STRANGERS) as (portal, _):
        number = await add_lead(portal, status="JUNK")
        assert put_on(await answered(portal)) == ("lead", number)
        lead = (await leads(portal))[number]
        assert (lead["STATUS_ID"], lead["ASSIGNED_BY_ID"]) == ("NEW", "2")


async def test_of_several_leads_the_oldest_is_the_clients(tmp_path: Path):
    async with with_example(tmp_path, "agency", STRANGERS) as (portal, _):
        first, _second = await add_lead(portal), await add_lead(portal, status="IN_PROCESS")
        assert put_on(await answered(portal)) == ("lead", first)


async def test_an_older_lead_that_is_converted_does_not_hide_the_one_at_work(tmp_path: Path):
    async with with_example(tmp_path, "agency", STRANGERS) as (portal, _):
        await add_lead(portal, status="CONVERTED")
        number = await add_lead(portal, status="IN_PROCESS")
        assert put_on(await answered(portal)) == ("lead", number)
        assert len(await leads(portal)) == 2


async def test_the_table_of_the_agency_is_the_offices_to_change(tmp_path: Path):
    async with with_example(tmp_path, "agency", STRANGERS) as (portal, there):
        there.edit("agency.py", '"junk": REOPEN', '"junk": CREATE')
        there.edit("agency.py", '"in work": NOTE', '"in work": TAKE')
        await add_lead(portal, status="JUNK")
        number = await add_lead(portal, status="IN_PROCESS")
        assert put_on(await answered(portal)) == ("lead", number)
        assert (await leads(portal))[number]["ASSIGNED_BY_ID"] == "2"


@pytest.mark.parametrize("kind", ["contact", "company"])
async def test_a_client_with_a_deal_at_work_keeps_everybody(tmp_path: Path, kind: str):
    async with with_example(tmp_path, "agency", STRANGERS) as (portal, _):
        number = await add_lead(portal)
        client = await with_deal(portal, kind, STAGE_ID="NEW")
        assert put_on(await answered(portal)) == (kind, client)
        assert (await leads(portal))[number]["ASSIGNED_BY_ID"] == "5"


async def test_a_deal_that_is_won_or_lost_holds_nothing_up(tmp_path: Path):
    async with with_example(tmp_path, "agency", STRANGERS) as (portal, _):
        number = await add_lead(portal)
        await with_deal(portal, "contact", STAGE_ID="WON")
        await with_deal(portal, "company", STAGE_ID="LOSE")
        assert put_on(await answered(portal)) == ("lead", number)
        assert (await leads(portal))[number]["ASSIGNED_BY_ID"] == "2"


async def with_deal(portal: Office, kind: str, **fields: Any) -> str:
    phone = [{"VALUE": STRANGER, "VALUE_TYPE": "WORK"}]
    client = await call(portal, f"crm.{kind}.add", fields={"TITLE": "A", "ASSIGNED_BY_ID": 5, "PHONE": phone})
    await call(portal, "crm.deal.add", fields={"TITLE": "Deal", f"{kind.upper()}_ID": client, **fields})
    return str(client)


async def test_two_calls_of_one_client_at_once_make_one_lead(tmp_path: Path):
    calls = [journal_call(1, STRANGER), journal_call(2, "8" + STRANGER[2:])]
    async with with_example(tmp_path, "agency", *calls) as (portal, _):
        await portal.do(register(1, number=STRANGER), register(2, number=STRANGER))
        (number,) = await leads(portal)
        assert [one.primary for one in portal.running] == [("LEAD", int(number))] * 2


async def test_who_talked_and_is_no_user_of_the_portal_takes_no_lead(tmp_path: Path):
    async with with_example(tmp_path, "agency", journal_call(1, STRANGER, answered_by="199")) as (portal, _):
        number = await add_lead(portal)
        await answered(portal)
        assert (await leads(portal))[number]["ASSIGNED_BY_ID"] == "5"


async def test_a_missed_call_is_noted_on_the_lead_and_changes_nothing_in_it(tmp_path: Path):
    async with with_example(tmp_path, "agency", UNANSWERED) as (portal, _):
        number = await add_lead(portal, status="JUNK")
        first, second = await portal.do(
            register(number=STRANGER, user=UserId("1")), finish(status=CallStatus.MISSED, duration=0)
        )
        assert put_on({**first.facts, **second.facts}) == ("lead", number)
        lead = (await leads(portal))[number]
        assert (lead["STATUS_ID"], lead["ASSIGNED_BY_ID"]) == ("JUNK", "5")


async def test_a_registration_whose_answer_was_lost_makes_no_second_lead_after_a_restart(tmp_path: Path):
    async with with_example(tmp_path, "agency", STRANGERS) as (portal, there):
        portal.portal.faults.add(Fault(kind=FaultKind.LOSE_ANSWER, method="telephony.externalCall.register"))
        (lost,) = await portal.do(register(number=STRANGER))
        assert isinstance(lost, Transient)
        there.edit("agency.py", "PATIENCE = 5", "PATIENCE = 6")  # no answer of before is remembered of a new version
        facts = await portal.registered(register(number=STRANGER), uncertain=True)
        (number,) = await leads(portal)
        assert put_on(facts) == ("lead", number)


async def test_a_lead_whose_making_got_no_answer_is_the_calls_all_the_same(tmp_path: Path):
    async with with_example(tmp_path, "agency", STRANGERS) as (portal, there):
        portal.portal.faults.add(Fault(kind=FaultKind.LOSE_ANSWER, method="crm.lead.add"))
        facts = await answered(portal, user="1")
        ((number, lead),) = (await leads(portal)).items()
        assert put_on(facts) == ("lead", number)
        assert lead["ASSIGNED_BY_ID"] == "2"
        assert any("hook failed, unchanged: process_registration_params" in line for line in await there.story())


# The holding


async def test_a_call_belongs_to_the_company_whose_responsible_spoke(tmp_path: Path):
    async with with_example(tmp_path, "holding", STRANGERS) as (portal, _):
        phone = [{"VALUE": STRANGER, "VALUE_TYPE": "WORK"}]
        ids = [
            await call(portal, "crm.company.add", fields={"TITLE": f"Co {n}", "ASSIGNED_BY_ID": n, "PHONE": phone})
            for n in (5, 2, 4)
        ]
        facts = await answered(portal)
        bound = await call(portal, "crm.activity.binding.list", activityId=facts["activity"])
        companies = [int(one["entityId"]) for one in bound if int(one["entityTypeId"]) == 4]
        assert companies == [int(ids[1])]


async def test_where_no_responsible_spoke_the_portals_choice_stands(tmp_path: Path):
    async with with_example(tmp_path, "holding", STRANGERS) as (portal, _):
        phone = [{"VALUE": STRANGER, "VALUE_TYPE": "WORK"}]
        company = await call(portal, "crm.company.add", fields={"TITLE": "Co", "ASSIGNED_BY_ID": 5, "PHONE": phone})
        assert put_on(await answered(portal)) == ("company", str(company))


def test_every_example_is_tried_here():
    names = {path.stem for path in EXAMPLES.glob("*.py")} - {"__init__"}
    text = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{name}"' in text for name in names), names
