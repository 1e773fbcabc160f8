"""The four cases that offices ask for most, by the shipped examples of hooks and, where they can say it, by rules: a
real Asterisk, phones that speak, Ringbridge as its own process, and what the portal holds in the end.

Calls by the provider comtel meet hooks alone, those by volga rules alone.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import pytest
import pytest_asyncio
from tests.office.asterisk import Asterisk, Network
from tests.office.company import DEFAULT_USER, Company, until
from tests.office.connector import Connector, office_file
from tests.office.office import Reach, open_office

from ringbridge.emulators.bitrix24.calls import CallRecord
from ringbridge.emulators.bitrix24.clients import Row
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.server import serve

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

EXAMPLES = Path(str(files("ringbridge.hooks") / "examples"))
COMPANY = 4  # its kind's number in bindings
TIMES = r"\d:\d\d"

CONFIG = """
[[rule]]
name = "waiting time"
trunks = ["volga"]
activity = "Waited {wait}, talked {talk}."

[[rule]]
name = "holding"
trunks = ["volga"]
attach = "speakers"

[[rule]]
name = "spread"
trunks = ["volga"]
results = ["missed"]
missed_to = ["spread"]
spread = { extensions = ["104", "105"], how = "round_robin" }

[hooks.settings]
missed_to = ["4", "5"]
missed_how = "round_robin"
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def company(
    pbx: tuple[Asterisk, Network], pbx_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Company]:
    portal = Portal.demo()
    async with open_office(*pbx, recordings=pbx_folder / "recordings") as office, serve(portal):
        connector = Connector(tmp_path_factory.mktemp("four-cases"), host=office.address)
        file = office_file(office, webhook=portal.webhook_url, default_user=DEFAULT_USER)
        await connector.configure(file + CONFIG)
        connector.hooks.mkdir()
        async with connector.running():
            yield Company(office, portal, connector)


@contextmanager
def examples(company: Company, *names: str) -> Iterator[None]:
    """These and no other hooks, from the next call on."""
    for name in names:
        shutil.copy(EXAMPLES / f"{name}.py", company.connector.hooks)
    yield
    for name in names:
        (company.connector.hooks / f"{name}.py").unlink()


def add(portal: Portal, kind: Kind, phone: str, **fields: object) -> int:
    written = {**fields, "PHONE": [{"VALUE": f"+{phone}", "VALUE_TYPE": "WORK"}]}
    return portal.clients.add(kind, written, user_id=1, at=portal.local(portal.clock()))


def holding(portal: Portal, phone: str) -> dict[int, int]:
    """Three companies with one number: their ids, by the user who is responsible."""
    return {user: add(portal, Kind.COMPANY, phone, TITLE=f"Company {user}", ASSIGNED_BY_ID=user) for user in (6, 3, 1)}


async def answered(company: Company, number: Reach, extension: str, phone: str) -> CallRecord:
    outside, inside = await company.office.connected(number, extension, client=phone)
    await outside.hangup()
    await inside.until_ended()
    return await record_of(company, phone)


async def missed(company: Company, number: Reach, extension: str, phone: str) -> CallRecord:
    outside = company.office.call_in(number, client=phone)
    await company.office.ring_of(extension)
    await outside.hangup()
    return await record_of(company, phone)


async def record_of(company: Company, phone: str) -> CallRecord:
    (record,) = await records_of(company, phone)
    return record


async def records_of(company: Company, phone: str, count: int = 1) -> list[CallRecord]:
    """The calls' records at the portal, once they are there with their activities."""

    def found() -> list[CallRecord]:
        return [one for one in company.portal.telephony.finished.values() if phone in one.call.phone]

    await until(lambda: sum(one.activity_id is not None for one in found()) >= count)
    return found()


def activity_of(company: Company, record: CallRecord) -> Row:
    assert record.activity_id is not None
    return company.portal.activities.rows[record.activity_id]


async def becomes(company: Company, record: CallRecord, pattern: str) -> None:
    """The activity is completed after the call's end."""

    def text() -> str:
        return str(activity_of(company, record)["DESCRIPTION"] or "")

    await until(lambda: re.search(pattern, text()) is not None)
    assert re.search(pattern, text()), text()


async def belongs_to(company: Company, record: CallRecord, owner: int) -> None:
    def companies() -> list[int]:
        bound = activity_of(company, record)["BINDINGS"]
        return [int(one["OWNER_ID"]) for one in bound if int(one["OWNER_TYPE_ID"]) == COMPANY]

    await until(lambda: companies() == [owner])
    assert companies() == [owner]


# By hooks


async def test_by_hooks_the_call_of_a_holding_is_its_speakers_companys_and_tells_how_long_it_waited(company: Company):
    await company.office.clear()
    owned = holding(company.portal, "79031110001")
    with examples(company, "holding", "waiting_time"):
        record = await answered(company, Reach.EMPLOYEE_101, "101", "79031110001")
        await belongs_to(company, record, owned[1])
        await becomes(company, record, rf"Waited {TIMES}, spoke {TIMES}")


async def test_by_hooks_a_call_to_a_holding_is_its_callers_companys(company: Company):
    await company.office.clear()
    owned = holding(company.portal, "79031110002")
    with examples(company, "holding"):
        inside = company.office.phones["103"].dial("89031110002")
        client = await company.office.providers["comtel"].rings()
        client.answer()
        await asyncio.gather(inside.hear(1), client.hear(1))
        await client.hangup()
        await inside.until_ended()
        await belongs_to(company, await record_of(company, "79031110002"), owned[3])


async def test_by_hooks_missed_calls_are_dealt_over_a_list(company: Company):
    await company.office.clear()
    with examples(company, "spread_missed"):
        records = [await missed(company, Reach.EMPLOYEE_102, "102", f"7903111001{n}") for n in range(3)]
    assert [one.user_id for one in records] == [4, 5, 4]


async def test_by_hooks_whoever_talked_owns_the_lead_of_an_agency(company: Company):
    await company.office.clear()
    portal = company.portal
    junk = add(portal, Kind.LEAD, "79031110003", TITLE="Old", STATUS_ID="JUNK", ASSIGNED_BY_ID=5)
    with examples(company, "agency"):
        record = await answered(company, Reach.EMPLOYEE_102, "102", "79031110003")
        await until(lambda: portal.clients.rows[Kind.LEAD][junk]["ASSIGNED_BY_ID"] == "2")
        lead = portal.clients.rows[Kind.LEAD][junk]
        assert (lead["STATUS_ID"], lead["ASSIGNED_BY_ID"]) == ("NEW", "2")
        assert str(activity_of(company, record)["OWNER_ID"]) == str(junk)
        await answered(company, Reach.EMPLOYEE_101, "101", "79031110004")
        leads = portal.clients.rows[Kind.LEAD].values()
        new = next(one for one in leads if "79031110004" in str(one["PHONE"]))
        assert new["ASSIGNED_BY_ID"] == "1"


async def test_by_hooks_two_calls_at_once_of_an_agencys_new_client_are_one_lead_of_who_talked(company: Company):
    await company.office.clear()
    phone = "79031110006"
    with examples(company, "agency"):
        talking = company.office.call_in(Reach.EMPLOYEE_101, client=phone)
        giving_up = company.office.call_in(Reach.EMPLOYEE_102, client=phone)
        answering, ringing = await company.office.ring_of("101", "102")
        answering.answer()
        await asyncio.gather(talking.hear(1), answering.hear(1))
        await giving_up.hangup()
        await talking.hangup()
        await company.office.all_ended(answering, ringing)
        records = await records_of(company, phone, 2)
        leads = company.portal.clients.rows[Kind.LEAD]
        ((number, lead),) = ((n, one) for n, one in leads.items() if phone in str(one["PHONE"]))
        await until(lambda: leads[number]["ASSIGNED_BY_ID"] == "1")
        assert [str(activity_of(company, one)["OWNER_ID"]) for one in records] == [str(number)] * 2
        assert leads[number]["ASSIGNED_BY_ID"] == "1", lead


# By rules


async def test_by_rules_the_call_of_a_holding_is_its_speakers_companys_and_tells_how_long_it_waited(company: Company):
    await company.office.clear()
    owned = holding(company.portal, "79031110005")
    record = await answered(company, Reach.VOLGA_103, "103", "79031110005")
    await belongs_to(company, record, owned[3])
    await becomes(company, record, rf"Waited {TIMES}, talked {TIMES}\.")


async def test_by_rules_missed_calls_are_dealt_over_a_list(company: Company):
    await company.office.clear()
    records = [await missed(company, Reach.VOLGA_103, "103", f"7903111002{n}") for n in range(3)]
    assert [one.user_id for one in records] == [4, 5, 4]
