"""A client's call finds the client's own employee, who stands in for them, or its normal way: on a real Asterisk, by
the dialplan that Ringbridge hands out."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from tests.office.asterisk import Asterisk, Network
from tests.office.company import DEFAULT_USER, PATIENCE, Company, until
from tests.office.connector import Connector, office_file
from tests.office.line import Line
from tests.office.office import Office, Reach, open_office
from tests.office.scenarios import CLIENT, OTHER_CLIENT, converse, inbound
from tests.office.truth import spoke

from ringbridge.emulators.bitrix24.faults import Fault, FaultKind
from ringbridge.emulators.bitrix24.people import WorkingDay
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.server import serve

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

# The portal's clients: whose they are, and who stands in for those.
OF_102, OF_103, OF_104, OF_105 = CLIENT, "74951234567", "14155552671", "79037008090"
VIP = "79031112233"
MOBILE = "79037031122"  # Maria's
STRANGER = "79265550199"  # never called before: whoever did is a client of the CRM by now
NORMAL = "106"
STEP = re.compile(r"^\[(\S+ \S+?)\] .*Executing \[(\w+)@ringbridge-route:(\d+)\]", re.MULTILINE)

DISTRIBUTION = """
[[employee]]
name = "Anna"
extensions = ["102"]
deputy = "104"

[[employee]]
name = "Oleg"
extensions = ["103"]
deputy = "105"

[[employee]]
name = "Maria"
extensions = ["104"]
mobiles = ["+{mobile}"]

[[employee]]
name = "Pavel"
extensions = ["105"]
deputy = "104"

[[distribution.vip]]
numbers = ["{vip}"]
extensions = ["600", "104"]

[distribution]
enabled = true
steps = ["responsible", "deputy", "group"]
group = "600"
mobiles = "instead"
agi_host = "{address}"

[dialing]
context = "click-to-call"
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("distribution")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def company(pbx: tuple[Asterisk, Network], pbx_folder: Path, folder: Path) -> AsyncIterator[Company]:
    """Oleg (103) has gone home; everybody else works."""
    portal = Portal.demo()
    portal.staff.users[3].working_day = WorkingDay.CLOSED
    async with open_office(*pbx, recordings=pbx_folder / "recordings") as office, serve(portal):
        connector = Connector(folder, host=office.address)
        settings = office_file(office, webhook=portal.webhook_url, default_user=DEFAULT_USER)
        await connector.configure(settings + DISTRIBUTION.format(address=office.address, vip=VIP, mobile=MOBILE))
        async with connector.running():
            company = Company(office, portal, connector)
            await shown(company, "/status", "Compared with the CRM: ")  # its clients are copied: nobody waits for it
            yield company


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def office(company: Company) -> Office:
    await all_free(company)
    return company.office


async def all_free(company: Company) -> None:
    """Nobody speaks, everybody is at their phone, and Ringbridge knows."""
    await company.office.clear()
    await seen(company, "free", *company.office.phones)


async def seen(company: Company, doing: str, *extensions: str) -> None:
    """Until Ringbridge knows what these phones are about: the PBX tells it a moment after the phones themselves."""
    await shown(company, "/live", *(f'doing-{doing}" id="person-{extension}"' for extension in extensions))


async def shown(company: Company, path: str, *texts: str) -> None:
    """Until all of them are on this page of Ringbridge."""
    headers = {"Accept": "text/html"}
    async with httpx2.AsyncClient(base_url=company.connector.address, headers=headers, trust_env=False) as page:
        async with asyncio.timeout(PATIENCE):
            text = ""
            while not all(each in text for each in texts):
                text = (await page.get(path)).text


async def ends(outside: Line, *inside: Line) -> None:
    await outside.hangup()
    await asyncio.gather(*(line.until_ended() for line in inside))


async def rings_alone(office: Office, extension: str) -> Line:
    """This phone rings, and no other one did for this call."""
    (line,) = await office.ring_of(extension)
    rung = {name for name, phone in office.phones.items() if phone.lines}
    assert rung == {extension}
    return line


@pytest.mark.parametrize("number", [Reach.ROUTED, Reach.ROUTED_BY_AGI], ids=["by CURL", "by FastAGI"])
async def test_a_client_reaches_their_own_employee_and_no_other_phone_rings(
    company: Company, folder: Path, number: Reach
) -> None:
    outside = company.office.call_in(number, client=OF_102)
    inside = await rings_alone(company.office, "102")
    assert "Волков" in inside.name, "the phone shows who calls"
    inside.answer()
    await converse(outside, inside, seconds=1)
    await ends(outside, inside)
    await company.holds_exactly(inbound(number, rang=("102",), spoke=(spoke(inside),)))
    assert any("Anna 102 (responsible)" in line for line in story(folder)), "the call's page says why"


async def test_who_refuses_is_followed_by_the_deputy_then_by_the_group(company: Company) -> None:
    office = company.office
    outside = office.call_in(Reach.ROUTED, client=OF_105)
    (await office.phones["105"].arrives()).reject(486, "Busy Here")
    (await office.phones["104"].arrives()).reject(603, "Decline")
    ringing = await office.ring_of("101", "102", "103")
    ringing[0].answer()
    await converse(outside, ringing[0], seconds=1)
    await ends(outside, *ringing)
    truth = inbound(Reach.ROUTED, client=OF_105, rang=("101", "102", "103", "104", "105"), spoke=(spoke(ringing[0]),))
    await company.holds_exactly(truth)


async def test_behind_a_group_that_does_not_want_the_call_the_next_phone_rings(company: Company) -> None:
    office = company.office
    outside = office.call_in(Reach.ROUTED, client=VIP)
    for line in await office.ring_of("101", "102", "103"):
        line.reject(603, "Decline")
    (last,) = await office.ring_of("104")
    last.answer()
    await converse(outside, last, seconds=1)
    await ends(outside, last)
    truth = inbound(Reach.ROUTED, client=VIP, rang=("101", "102", "103", "104"), spoke=(spoke(last),))
    await company.holds_exactly(truth)


async def test_the_same_on_a_freepbx_by_its_own_devices_and_recording_check(company: Company) -> None:
    office = company.office
    for extension in ("102", "104"):
        office.pbx.cli(f"database put AMPUSER {extension}/device {extension}")
        office.pbx.cli(f"database put DEVICE {extension}/dial PJSIP/{extension}")
    outside = office.call_in(Reach.ROUTED_AS_FREEPBX, client=OF_102)
    inside = await rings_alone(office, "102")
    inside.answer()
    await converse(outside, inside, seconds=1)
    await ends(outside, inside)
    await company.holds_exactly(inbound(Reach.ROUTED_AS_FREEPBX, rang=("102",), spoke=(spoke(inside),)))


async def test_who_has_no_phone_at_the_office_is_rung_on_their_mobile(company: Company) -> None:
    office = company.office
    await office.phones["104"].unregister()
    await seen(company, "absent", "104")
    outside = office.call_in(Reach.ROUTED, client=OF_104)
    mobile = await office.providers["comtel"].rings()
    assert mobile.dialled == MOBILE
    mobile.answer()
    await converse(outside, mobile, seconds=1)
    await ends(outside, mobile)
    on_mobile = replace(spoke(mobile), extension="104")
    await company.holds_exactly(inbound(Reach.ROUTED, client=OF_104, rang=("104",), spoke=(on_mobile,)))


async def test_who_has_gone_home_or_is_not_registered_or_speaks_is_not_rung_but_their_deputy(company: Company) -> None:
    office = company.office
    outside = office.call_in(Reach.ROUTED, client=OF_103)
    await ends(outside, await rings_alone(office, "105"))

    await all_free(company)
    await office.phones["102"].unregister()
    await seen(company, "absent", "102")
    outside = office.call_in(Reach.ROUTED, client=OF_102)
    await ends(outside, await rings_alone(office, "104"))

    await all_free(company)
    other, speaking = await office.connected(Reach.EMPLOYEE_102, "102", client=OTHER_CLIENT)
    await seen(company, "talking", "102")
    outside = office.call_in(Reach.ROUTED, client=OF_102)
    (deputy,) = await office.ring_of("104")
    assert len(office.phones["102"].lines) == 1
    await ends(outside, deputy)
    await ends(other, speaking)


async def test_after_a_menu_the_choice_is_part_of_the_question(office: Office, folder: Path) -> None:
    outside = office.call_in(Reach.ROUTED_BY_MENU, client=OF_102)
    await outside.hear(0.5)
    await outside.press("2")
    inside = await rings_alone(office, "102")
    inside.answer()
    await converse(outside, inside, seconds=0.5)
    await ends(outside, inside)


async def test_a_number_that_nobody_knows_takes_the_normal_route(office: Office) -> None:
    outside = office.call_in(Reach.ROUTED, client=STRANGER)
    inside = await rings_alone(office, NORMAL)
    await ends(outside, inside)


async def test_who_has_just_refused_a_caller_is_not_rung_when_they_call_again(company: Company) -> None:
    office, finished = company.office, company.portal.telephony.finished
    before = set(finished)
    outside = office.call_in(Reach.ROUTED, client=OF_104)
    (await office.phones["104"].arrives()).reject(603, "Decline")
    await ends(outside, *await office.ring_of("101", "102", "103"))
    # Whoever tells the portal of the call's end has heard of the refusal before.
    await until(lambda: any(OF_104 in finished[call].call.phone for call in finished.keys() - before))

    await all_free(company)
    outside = office.call_in(Reach.ROUTED, client=OF_104)
    again = await office.ring_of("101", "102", "103")
    assert not office.phones["104"].lines
    await ends(outside, *again)


async def test_do_not_disturb_of_a_freepbx_phone_leads_to_the_deputy(office: Office) -> None:
    office.pbx.cli("database put DND 102 YES")
    outside = office.call_in(Reach.ROUTED_AS_FREEPBX, client=OF_102)
    await ends(outside, await rings_alone(office, "104"))
    office.pbx.cli("database del DND 102")


async def test_while_the_crm_hangs_calls_are_distributed_by_the_mirror(company: Company) -> None:
    office = company.office
    company.portal.faults.add(Fault(kind=FaultKind.HANG, times=1000))
    try:
        outside = office.call_in(Reach.ROUTED, client=OF_102)
        await ends(outside, await rings_alone(office, "102"))
        await all_free(company)
        outside = office.call_in(Reach.ROUTED, client="79990001122")
        await ends(outside, await rings_alone(office, NORMAL))
    finally:
        company.portal.faults.clear()


async def test_the_doctor_sees_the_dialplan_and_says_whom_a_call_would_reach(company: Company) -> None:
    code, told = await company.connector.command("doctor", "--json", "--number", f"+{OF_102}")
    found = [json.loads(line) for line in told.splitlines()]
    words = {finding["words"] for finding in found}
    assert "the dialplan asks us (ringbridge-route, RINGBRIDGE_DIALPLAN=2)" in words
    assert "its clock agrees with this machine's" in words
    assert any("Anna 102 (responsible)" in each for each in words)
    assert {finding["subject"] for finding in found} >= {"Service", "PBX main", "Portal bitrix", "Route", "FastAGI"}
    assert [finding for finding in found if finding["verdict"] == "failure"] == []
    assert code == 0


async def test_the_doctor_says_where_the_pbx_cannot_ask_as_its_dialplan_does(company: Company) -> None:
    company.office.pbx.cli("module unload func_curl.so")
    code, told = await company.connector.command("doctor", "--json")
    company.office.pbx.cli("module load func_curl.so")
    failed = [json.loads(line) for line in told.splitlines() if '"failure"' in line]
    assert [finding["words"] for finding in failed] == [
        "the dialplan asks by CURL, and func_curl is not loaded: every call takes its normal route"
    ]
    assert code == 1


async def test_a_ringbridge_that_hangs_costs_a_caller_a_second_at_most_then_the_normal_route(company: Company) -> None:
    office = company.office
    with company.connector.frozen():
        outside = office.call_in(Reach.ROUTED, client=OF_102)
        inside = await rings_alone(office, NORMAL)
    await ends(outside, inside)
    waited = seconds_of_the_question(office.pbx.log())
    assert waited < 1.5, "Asterisk's own clock: the limit of a second, and room for a busy machine"


async def test_without_a_ringbridge_a_call_takes_its_normal_route_at_once(company: Company) -> None:
    company.connector.kill()
    for number in (Reach.ROUTED, Reach.ROUTED_BY_AGI, Reach.ROUTED_BY_MENU, Reach.ROUTED_AS_FREEPBX):
        await company.office.clear()
        outside = company.office.call_in(number, client=OF_102)
        if number is Reach.ROUTED_BY_MENU:
            await outside.hear(0.5)
            await outside.press("2")
        await ends(outside, await rings_alone(company.office, NORMAL))
        assert seconds_of_the_question(company.office.pbx.log()) < 1.5


def seconds_of_the_question(log: str) -> float:
    """From the last CURL's beginning to the dialplan's next step, by Asterisk's clock."""
    steps = STEP.findall(log)
    last = max(at for at, (_, name, priority) in enumerate(steps) if (name, priority) == ("ask", "11"))
    before, after = (datetime.fromisoformat(steps[at][0]) for at in (last - 1, last))
    return (after - before) / timedelta(seconds=1)


def story(folder: Path) -> list[str]:
    """What the journal says of routes."""
    with closing(sqlite3.connect(folder / "ringbridge.db")) as database:
        rows = database.execute("SELECT text FROM story WHERE text LIKE 'The dialplan asked%'")
        return [text for (text,) in rows]
