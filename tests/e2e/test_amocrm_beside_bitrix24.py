"""Two CRMs of one office: each call lands once in the Bitrix24 portal and once in the amoCRM account, in the name of
the same employee, who is another user in each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from tests.office.account import Book, account_part, furnished
from tests.office.asterisk import Asterisk, Network
from tests.office.company import DEFAULT_USER, Company
from tests.office.connector import Connector, pbx_part, portal_part
from tests.office.office import open_office
from tests.office.scenarios import SCENARIOS

from ringbridge.emulators import amocrm, bitrix24
from ringbridge.emulators.amocrm import Fault, FaultKind

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

PLAYED = (
    "inbound_answered",
    "inbound_by_the_second_provider_with_hold",  # of somebody whom neither CRM knows
    "inbound_caller_gives_up",
    "queue_of_local_members_answered",
    "blind_transfer_by_phone",
    "attended_transfer_by_phone",
    "outbound_answered",
    "outbound_client_is_busy",
    "colleagues_among_themselves",
)


@dataclass(frozen=True, slots=True)
class Both:
    company: Company
    book: Book

    async def hold_exactly(self, scenario: str) -> None:
        await self.company.office.clear()
        truths = await SCENARIOS[scenario](self.company.office)
        await self.company.holds_exactly(truths)
        await self.book.comes_to_hold(truths)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(
    pbx: tuple[Asterisk, Network], pbx_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Both]:
    portal, account = bitrix24.Portal.demo(), furnished()
    async with (
        open_office(*pbx, recordings=pbx_folder / "recordings") as office,
        bitrix24.serve(portal),
        amocrm.serve(account),
    ):
        connector = Connector(tmp_path_factory.mktemp("both"), host=office.address)
        await connector.configure(
            pbx_part(office, public_address=connector.address)
            + portal_part(webhook=portal.webhook_url, default_user=DEFAULT_USER)
            + account_part(account)
        )
        async with connector.running():
            yield Both(Company(office, portal, connector), Book(account, address=connector.address))


@pytest.mark.parametrize("scenario", PLAYED)
async def test_both_crms_end_with_exactly_the_records_of_what_took_place(both: Both, scenario: str) -> None:
    await both.hold_exactly(scenario)


@pytest.mark.parametrize("kind", [FaultKind.UNAVAILABLE, FaultKind.LOSE_ANSWER, FaultKind.TOO_MANY])
async def test_a_bad_day_of_one_crm_is_none_of_the_others_and_both_end_with_the_same_records(
    both: Both, kind: FaultKind
) -> None:
    both.book.account.faults.add(Fault(kind=kind, times=2))
    await both.hold_exactly("ring_group_answered")
    assert not both.book.account.faults.waiting
