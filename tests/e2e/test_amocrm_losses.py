"""The whole way with amoCRM on a bad day: whatever dies or is lost, the account ends with each call once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.office.account import AccountCompany, account_company, contacts
from tests.office.office import Office, Reach
from tests.office.scenarios import (
    CLIENT,
    LONG,
    OTHER_CLIENT,
    SHORT,
    blind_transfer_by_phone,
    converse,
    inbound,
    inbound_by_the_second_provider_with_hold,
)
from tests.office.truth import spoke

from ringbridge.emulators.amocrm import Fault, FaultKind, Kind

pytestmark = pytest.mark.asterisk


@pytest.fixture
async def company(office: Office, tmp_path: Path) -> AsyncIterator[AccountCompany]:
    """A new company, whose Ringbridge the test runs."""
    async with account_company(office, tmp_path) as company:
        yield company


async def test_ringbridge_killed_in_the_middle_of_a_talk_loses_and_doubles_nothing(company: AccountCompany) -> None:
    office = company.office
    async with company.connector.running():
        outside, inside = await office.connected(Reach.EMPLOYEE_101, "101", client=CLIENT)
        await converse(outside, inside, seconds=SHORT)
        company.connector.kill()
    async with company.connector.running():
        await converse(outside, inside, seconds=LONG)
        await outside.hangup()
        await inside.until_ended()
        await company.holds_exactly(inbound(Reach.EMPLOYEE_101, rang=("101",), spoke=(spoke(inside),)))


async def test_a_call_whose_answer_is_lost_is_not_written_twice(company: AccountCompany) -> None:
    async with company.connector.running():
        company.book.account.faults.add(Fault(kind=FaultKind.LOSE_ANSWER, path="/api/v4/calls"))
        await company.holds_exactly(await blind_transfer_by_phone(company.office))
        assert not company.book.account.faults.waiting


async def test_a_stranger_whose_making_is_not_answered_is_made_once(company: AccountCompany) -> None:
    async with company.connector.running():
        company.book.account.faults.add(Fault(kind=FaultKind.LOSE_ANSWER, path="/api/v4/leads/complex"))
        await company.holds_exactly(await inbound_by_the_second_provider_with_hold(company.office))
        assert not company.book.account.faults.waiting
    (contact,) = contacts(company.book.account, OTHER_CLIENT)
    assert len(contact.linked(Kind.LEADS)) == 1
