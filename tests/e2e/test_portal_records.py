"""The whole way: a real Asterisk, phones that speak, Ringbridge as its own process, and the portal at the end of it.

After each scenario the portal holds exactly the records of what took place: as many, of the right employees and
directions, with the right durations and results, and each answered one with a recording that can be played.
"""

from __future__ import annotations

import pytest
from tests.office.company import Company
from tests.office.scenarios import SCENARIOS, Scenario

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("play", SCENARIOS.values(), ids=SCENARIOS)
async def test_the_portal_ends_with_exactly_the_records_of_what_took_place(
    working_company: Company, play: Scenario
) -> None:
    await working_company.office.clear()
    await working_company.holds_exactly(await play(working_company.office))
