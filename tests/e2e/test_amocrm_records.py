"""The whole way with amoCRM: a real Asterisk, phones that speak, Ringbridge as its own process, and an account.

After each scenario the account holds exactly the calls that took place: as many, of the right clients and employees,
with the right durations and results, and each answered one with a link under which its recording can be played.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.office.account import USERS, AccountCompany, account_company, contacts
from tests.office.asterisk import Asterisk, Network
from tests.office.company import until
from tests.office.office import Reach, open_office
from tests.office.scenarios import CLIENT, SCENARIOS, Scenario, inbound

from ringbridge.emulators.amocrm import Kind

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

STRANGER = "79161234567"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def company(
    pbx: tuple[Asterisk, Network], pbx_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[AccountCompany]:
    """A company whose Ringbridge runs all day: one for all tests of this file."""
    async with (
        open_office(*pbx, recordings=pbx_folder / "recordings") as office,
        account_company(office, tmp_path_factory.mktemp("account")) as company,
        company.connector.running(),
    ):
        yield company


@pytest.mark.parametrize("play", SCENARIOS.values(), ids=SCENARIOS)
async def test_the_account_ends_with_exactly_the_calls_that_took_place(company: AccountCompany, play: Scenario) -> None:
    await company.office.clear()
    await company.holds_exactly(await play(company.office))


async def test_a_stranger_who_is_missed_twice_is_one_new_contact_with_one_lead_and_two_calls(
    company: AccountCompany,
) -> None:
    await company.office.clear()
    account, truths = company.book.account, []
    for _ in range(2):
        outside = company.office.call_in(Reach.EMPLOYEE_101, client=STRANGER)
        (inside,) = await company.office.ring_of("101")
        await outside.hangup()
        await inside.until_ended()
        truths += inbound(Reach.EMPLOYEE_101, client=STRANGER, rang=("101",))
    await company.holds_exactly(truths)
    (contact,) = contacts(account, STRANGER)
    (lead,) = contact.linked(Kind.LEADS)
    assert contact.responsible_user_id == account.entities.rows[Kind.LEADS][lead].responsible_user_id == USERS["101"]


async def test_who_is_rung_sees_the_callers_card_while_it_rings_and_once(company: AccountCompany) -> None:
    await company.office.clear()
    shown = company.book.account.ringing
    before = len(shown)
    outside = company.office.call_in(Reach.RECEPTION, client=CLIENT)
    phones = await company.office.ring_of("101", "102", "103")
    rung = {USERS[extension] for extension in ("101", "102", "103")}
    await until(lambda: {user for one in shown[before:] for user in one.users} >= rung)
    seen = [user for one in shown[before:] for user in one.users]
    assert sorted(seen) == sorted(rung)
    assert {one.place.key for one in shown[before:] if one.place} == {contacts(company.book.account, CLIENT)[0].key}
    await outside.hangup()
    await company.office.all_ended(*phones)
    await company.holds_exactly(inbound(Reach.RECEPTION, rang=("101", "102", "103")))
    assert len([user for one in shown[before:] for user in one.users if user in rung]) == len(rung)
