"""The whole way on a bad day: whatever dies or is away, the portal ends with the same records."""

from __future__ import annotations

import asyncio

import pytest
from tests.office.company import Company, until
from tests.office.line import Line
from tests.office.office import Reach
from tests.office.scenarios import (
    CLIENT,
    LONG,
    SHORT,
    blind_transfer_by_phone,
    converse,
    inbound,
    inbound_answered,
    inbound_caller_gives_up,
    ring_group_answered,
)
from tests.office.truth import spoke

from ringbridge.emulators.bitrix24.faults import Fault, FaultKind

pytestmark = pytest.mark.asterisk


async def answered_and_talked(outside: Line, inside: Line) -> None:
    inside.answer()
    await outside.until_answered()
    await converse(outside, inside, seconds=LONG)
    await inside.hangup()
    await outside.until_ended()


async def test_ringbridge_killed_in_the_middle_of_a_talk_loses_and_doubles_nothing(company: Company) -> None:
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


async def test_a_call_that_rings_before_and_ends_after_a_restart_is_one_record(company: Company) -> None:
    office = company.office
    async with company.connector.running():
        outside = office.call_in(Reach.EMPLOYEE_101, client=CLIENT)
        (inside,) = await office.ring_of("101")
        await until(lambda: bool(company.portal.telephony.active))
    async with company.connector.running():
        await answered_and_talked(outside, inside)
        await company.holds_exactly(inbound(Reach.EMPLOYEE_101, rang=("101",), spoke=(spoke(inside),)))


async def test_a_call_that_began_before_ringbridge_was_started_is_recorded_whole(company: Company) -> None:
    outside = company.office.call_in(Reach.EMPLOYEE_101, client=CLIENT)
    (inside,) = await company.office.ring_of("101")
    async with company.connector.running():
        await answered_and_talked(outside, inside)
        await company.holds_exactly(inbound(Reach.EMPLOYEE_101, rang=("101",), spoke=(spoke(inside),)))


@pytest.mark.parametrize("kind", [FaultKind.UNAVAILABLE, FaultKind.CUT, FaultKind.LOSE_ANSWER, FaultKind.QUERY_LIMIT])
async def test_a_portal_that_fails_during_a_call_is_told_all_of_it_afterwards(
    company: Company, kind: FaultKind
) -> None:
    async with company.connector.running():
        company.portal.faults.add(Fault(kind=kind, times=2))
        await company.holds_exactly(await blind_transfer_by_phone(company.office))


async def test_a_pbx_that_is_restarted_between_calls_is_found_again(company: Company) -> None:
    async with company.connector.running() as log:
        first = await inbound_answered(company.office)
        links = log.links
        company.office.pbx.restart()
        await log.until_link_is_up(links + 1)
        await asyncio.gather(*(phone.register() for phone in company.office.phones.values()))
        await company.holds_exactly([*first, *await ring_group_answered(company.office)])


async def test_a_call_missed_while_the_portal_is_away_is_still_told(company: Company) -> None:
    async with company.connector.running():
        company.portal.faults.add(Fault(kind=FaultKind.UNAVAILABLE, times=3))
        await company.holds_exactly(await inbound_caller_gives_up(company.office))
