"""An account's deals, read whole and followed, with the calls that brought them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from tests.contract.amocrm_office import KATE, Office, account, office
from tests.contract.sales_desk import DAY, MINUTE, TERMS, Hours, SalesDesk, sales_desk

from ringbridge.crm.contract import Rejected, Throttled
from ringbridge.crm.sales import SalesSource, Wanted
from ringbridge.emulators.amocrm import Account, Fault, FaultKind, Kind, deskwork
from ringbridge.emulators.amocrm import Settings as AccountSettings
from ringbridge.emulators.amocrm.demo import ADMIN_ID
from ringbridge.emulators.amocrm.entities import Entity
from ringbridge.emulators.amocrm.pipelines import LOST, WON
from ringbridge.store.statistics.counting import client_of

ANNA = "+79990000001"
LEADS = "/api/v4/leads"


@dataclass
class Shop:
    """An account, and what is kept of it."""

    office: Office
    desk: SalesDesk

    @property
    def account(self) -> Account:
        return self.office.account

    def lead(self, *clients: Entity, ago: timedelta = DAY, status: int = 0, price: int = 0) -> Entity:
        made = int((self.desk.hours.now - ago).timestamp())
        pipeline = self.account.pipelines.main
        closed = made if status in {WON, LOST} else None
        one = self.office.add(
            Kind.LEADS,
            pipeline_id=pipeline.id,
            status_id=status or pipeline.first.id,
            price=price,
            created_at=made,
            updated_at=made,
            closed_at=closed,
            responsible_user_id=int(KATE),
        )
        for client in clients:
            self.account.entities.link(one, client)
        return one

    def change(self, one: Entity, **changes: object) -> None:
        deskwork.change(self.account, Kind.LEADS, one.id, user_id=ADMIN_ID, **changes)


@pytest.fixture(params=[True, False], ids=["filters", "no_filters"])
async def shop(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shop]:
    hours = Hours()
    settings = AccountSettings(rate_limit=False, filters_enabled=request.param)
    async with (
        office(Account.demo(settings=settings, clock=hours)) as one,
        sales_desk(one.crm, hours, tmp_path) as desk,
    ):
        for demo in one.account.entities.rows[Kind.LEADS].values():
            demo.is_deleted = True
        yield Shop(office=one, desk=desk)


async def test_deals_are_kept_with_all_their_clients_and_sums(shop: Shop) -> None:
    anna, boris = shop.office.add(Kind.CONTACTS, "8 (999) 000-00-01"), shop.office.add(Kind.CONTACTS, "84951112233")
    firm = shop.office.add(Kind.COMPANIES, "8 812 000-00-01")
    await shop.desk.called("84951112233", before=3 * DAY)
    key = await shop.desk.called(ANNA, before=2 * DAY)
    one = shop.lead(boris, anna, firm, price=1500)
    won, lost = shop.lead(status=WON, price=20), shop.lead(status=LOST)
    shop.lead(ago=366 * DAY, price=1)
    await shop.desk.read_whole()
    assert isinstance(shop.office.crm, SalesSource)
    kept = await shop.desk.deals()
    assert kept.keys() == {f"deal {each.id}" for each in (one, won, lost)}
    row = kept[f"deal {one.id}"]
    assert (row["state"], row["amount"], row["currency"], row["responsible"]) == ("open", 150_000, "RUB", KATE)
    assert (row["client"], row["call_key"], row["closed"]) == (client_of(ANNA), key, None)
    assert f"company {firm.id}" in row["found_by"]
    closed = [(kept[f"deal {each.id}"]["state"], kept[f"deal {each.id}"]["closed"]) for each in (won, lost)]
    assert closed == [("won", shop.desk.hours.now - DAY), ("lost", shop.desk.hours.now - DAY)]


async def test_a_large_account_is_read_page_by_page_and_goes_on_after_a_stop_in_the_middle(shop: Shop) -> None:
    people = [shop.office.add(Kind.CONTACTS, f"8 999 {n:07}") for n in range(20)]
    leads = [shop.lead(people[n % 20], status=(0, WON, LOST)[n % 3]) for n in range(900)]
    for _ in range(4):
        await shop.desk.keeper.step()
    await shop.desk.restarted()
    for gone in leads[5:300:30]:
        deskwork.remove(shop.account, Kind.LEADS, gone.id, user_id=ADMIN_ID)
    stay = {f"deal {each.id}" for each in leads if not each.is_deleted}
    await shop.desk.read_whole()
    kept = await shop.desk.deals()
    assert stay <= kept.keys()
    assert all(kept[name]["client"] for name in stay)
    shop.desk.hours.now += DAY
    await shop.desk.read_whole()
    assert (await shop.desk.deals()).keys() == stay


async def test_what_changes_is_known_within_a_minute_though_nobody_tells_of_it(shop: Shop) -> None:
    anna = shop.office.add(Kind.CONTACTS, ANNA)
    first = shop.lead(anna)
    await shop.desk.read_whole()
    key = await shop.desk.called(ANNA, before=5 * MINUTE)
    new = shop.lead(anna, ago=timedelta(0), price=5)
    shop.change(first, status_id=WON, price=900)
    await shop.desk.read_changes()
    kept = await shop.desk.deals()
    assert (kept[f"deal {new.id}"]["call_key"], kept[f"deal {first.id}"]["call_key"]) == (key, None)
    assert (kept[f"deal {first.id}"]["state"], kept[f"deal {first.id}"]["amount"]) == ("won", 90_000)
    for _ in range(3):
        await shop.desk.read_changes()
    begun = len(shop.office.asked())
    await shop.desk.read_changes()
    assert len(shop.office.asked(begun)) == 1


async def test_more_changes_than_a_page_holds_are_all_read_while_others_go_on_changing(shop: Shop) -> None:
    leads = [shop.lead() for _ in range(600)]
    await shop.desk.read_whole()
    shop.desk.hours.now += MINUTE
    for one in leads:
        shop.change(one, price=1)
    await shop.desk.keeper.step()
    shop.desk.hours.now += timedelta(seconds=1)
    for one in leads[:50]:
        shop.change(one, price=2)
    while shop.desk.keeper.state().checked is None:
        await shop.desk.keeper.step()
    await shop.desk.read_changes()
    kept = await shop.desk.deals()
    assert [kept[f"deal {one.id}"]["amount"] for one in leads] == 50 * [200] + 550 * [100]


async def test_an_incoming_lead_that_nobody_has_accepted_is_no_deal_yet(shop: Shop) -> None:
    one = shop.lead()
    one.is_unsorted = True
    await shop.desk.read_whole()
    assert await shop.desk.deals() == {}
    one.is_unsorted = False
    shop.change(one, price=7)
    await shop.desk.read_changes()
    assert [row["amount"] for row in (await shop.desk.deals()).values()] == [700]


async def test_an_account_that_does_not_let_us_read_them_says_so_in_words() -> None:
    async with office(account()) as at:
        wanted = Wanted(created_since=Hours().now - TERMS.history)
        at.account.faults.add(Fault(kind=FaultKind.FORBIDDEN, path=LEADS))
        with pytest.raises(Rejected, match=r"Deals cannot be read.*rights"):
            await at.crm.sales_page(wanted, None)
        at.account.faults.add(Fault(kind=FaultKind.TOO_MANY, path=LEADS))
        with pytest.raises(Throttled):
            await at.crm.sales_page(wanted, None)
        assert (await at.crm.sales_page(wanted, "no cursor of ours")).cursor is None
