"""Two CRMs of one office: each call lands once in the Bitrix24 portal and once in the amoCRM account, in the name of
the same employee, who is another user in each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.office.account import OWNER as ACCOUNT_OWNER
from tests.office.account import Book, account_part, contacts, furnished
from tests.office.asterisk import Asterisk, Network
from tests.office.company import DEFAULT_USER, Company, until
from tests.office.company import OWNER as PORTAL_OWNER
from tests.office.connector import Connector, pbx_part, portal_part
from tests.office.office import open_office
from tests.office.scenarios import CLIENT, SCENARIOS

from ringbridge.emulators import amocrm, bitrix24
from ringbridge.emulators.amocrm import Fault, FaultKind

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

DONE = "5"  # a task's status in Bitrix24
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

TASKS = """
[[rule]]
name = "missed"
results = ["missed"]
task = true
"""


@dataclass(frozen=True, slots=True)
class Both:
    company: Company
    book: Book

    async def hold_exactly(self, scenario: str) -> None:
        await self.company.office.clear()
        truths = await SCENARIOS[scenario](self.company.office)
        await self.company.holds_exactly(truths)
        await self.book.comes_to_hold(truths)

    async def come_to_owe(self, portal: int, account: int) -> None:
        """As many open tasks for the known client, each on the client's own employee."""
        await until(lambda: (len(self.portal_tasks()), len(self.account_tasks())) == (portal, account))
        assert [task["RESPONSIBLE_ID"] for task in self.portal_tasks()] == [str(PORTAL_OWNER)] * portal
        assert [task["responsible_user_id"] for task in self.account_tasks()] == [ACCOUNT_OWNER] * account

    def portal_tasks(self) -> list[dict[str, Any]]:
        tasks = self.company.portal.tasks.values()
        return [task for task in tasks if task["STATUS"] != DONE and task["UF_CRM_TASK"] == ["C_1"]]

    def account_tasks(self) -> list[dict[str, Any]]:
        (client,) = contacts(self.book.account, CLIENT)
        tasks = self.book.account.tasks.values()
        return [task for task in tasks if not task["is_completed"] and task["entity_id"] == client.id]


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
            + TASKS
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


async def test_a_client_who_is_missed_twice_is_one_task_in_each_until_somebody_speaks_with_them(both: Both) -> None:
    await both.hold_exactly("inbound_answered")
    await both.come_to_owe(0, 0)
    await both.hold_exactly("inbound_caller_gives_up")
    await both.come_to_owe(1, 1)
    await both.hold_exactly("inbound_caller_gives_up")
    await both.come_to_owe(1, 1)
    await both.hold_exactly("outbound_answered")
    await both.come_to_owe(0, 0)
