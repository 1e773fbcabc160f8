"""A portal's leads and deals, read whole and followed, with the calls that brought them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.contract.bitrix24_office import Office, office
from tests.contract.sales_desk import DAY, MAIN, MINUTE, Hours, SalesDesk, later, sales_desk

from ringbridge.crm.contract import Rejected, Throttled
from ringbridge.crm.mirroring import Ref
from ringbridge.crm.sales import SalesSource
from ringbridge.emulators.bitrix24 import Fault, FaultKind, Portal, changes, serve
from ringbridge.emulators.bitrix24 import Settings as PortalSettings
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.service.bootstrap import Bootstrap
from ringbridge.service.config import office_of
from ringbridge.service.runtime import open_runtime
from ringbridge.service.sales.keeper import EVERY
from ringbridge.service.settings import save_office
from ringbridge.store.database import Database
from ringbridge.store.statistics.counting import client_of
from ringbridge.store.vault import Vault

ANNA = "+79130000001"
DEALS, LEADS, CONTACTS = "crm.deal.list", "crm.lead.list", "crm.contact.list"


@dataclass
class Shop:
    """A portal, and what is kept of it."""

    office: Office
    desk: SalesDesk

    @property
    def portal(self) -> Portal:
        return self.office.portal

    def add(self, kind: Kind, *, ago: timedelta = timedelta(0), **fields: Any) -> int:
        at = self.portal.local(self.desk.hours.now - ago)
        return self.portal.clients.add(kind, fields, user_id=1, at=at)

    def change(self, kind: Kind, number: int, **fields: Any) -> None:
        assert changes.change(self.portal, kind, number, fields, user_id=1)

    def person(self, *numbers: str) -> int:
        return self.add(Kind.CONTACT, NAME="Anna", PHONE=[{"VALUE": number} for number in numbers])

    def requests(self) -> int:
        return self.portal.traffic.requests


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    hours = Hours()
    at = Portal.demo(settings=PortalSettings(rate_limit=False), clock=hours)
    async with office(at) as one, sales_desk(one.crm, hours, tmp_path) as desk:
        yield Shop(office=one, desk=desk)


async def test_leads_and_deals_are_kept_with_all_that_the_analytics_need(shop: Shop) -> None:
    anna = shop.person("8 (913) 000-00-01", "+7 913 000-00-02")
    firm = shop.add(Kind.COMPANY, TITLE="Oka", PHONE=[{"VALUE": "84951112244"}])
    key = await shop.desk.called(ANNA, before=3 * DAY)
    shop.add(Kind.DEAL, ago=2 * DAY, CONTACT_ID=anna, COMPANY_ID=firm, OPPORTUNITY="1500.5", ASSIGNED_BY_ID=4)
    shop.add(Kind.DEAL, ago=2 * DAY, STAGE_ID="C1:WON", CURRENCY_ID="USD", OPPORTUNITY=20)
    shop.add(Kind.DEAL, ago=2 * DAY, STAGE_ID="APOLOGY")
    lead = shop.add(Kind.LEAD, ago=2 * DAY, TITLE="Site", PHONE=[{"VALUE": "8 913 000 00 01"}], OPPORTUNITY=7)
    shop.change(Kind.LEAD, lead, STATUS_ID="CONVERTED")
    await shop.desk.read_whole()
    assert isinstance(shop.office.crm, SalesSource)
    kept = await shop.desk.deals()
    one = kept["deal 1"]
    assert (one["state"], one["amount"], one["currency"], one["responsible"]) == ("open", 150_050, "RUB", "4")
    assert (one["client"], one["call_key"], one["extension"], one["closed"]) == (client_of(ANNA), key, "101", None)
    assert f'"company {firm}": ["{client_of("84951112244")}"]' in one["found_by"]
    two, three = kept["deal 2"], kept["deal 3"]
    made = shop.desk.hours.now - 2 * DAY
    assert (two["state"], two["amount"], two["currency"], two["closed"]) == ("won", 2_000, "USD", made)
    assert (three["state"], three["call_key"], three["client"]) == ("lost", None, "")
    won = kept[f"lead {lead}"]
    assert (won["state"], won["closed"], won["changed"]) == ("won", shop.desk.hours.now, shop.desk.hours.now)
    assert (won["call_key"], won["created"]) == (key, made)


async def test_a_large_portal_is_read_in_few_requests_and_goes_on_after_a_stop_in_the_middle(shop: Shop) -> None:
    people = [shop.person(f"8 913 {n:07}") for n in range(60)]
    for n in range(2700):
        shop.add(Kind.DEAL, ago=DAY, CONTACT_ID=people[n % 60], STAGE_ID=("NEW", "WON", "LOSE")[n % 3])
    for n in range(120):
        shop.add(Kind.LEAD, ago=DAY, TITLE="Lead", PHONE=[{"VALUE": f"8 914 {n:07}"}])
    shop.add(Kind.DEAL, ago=366 * DAY, TITLE="Of another age")
    begun = shop.requests()
    for _ in range(3):
        await shop.desk.keeper.step()
    state = shop.desk.keeper.state()
    assert (state.whole, state.reading, state.total) == (False, True, 2820)
    await shop.desk.restarted()
    await shop.desk.read_whole()
    state = shop.desk.keeper.state()
    assert (state.whole, state.read) == (True, 2820)
    kept = await shop.desk.deals()
    assert len(kept) == 2820
    assert sum(one["state"] == "won" for one in kept.values()) == 900
    assert kept["deal 61"]["client"] == client_of("89130000000")
    # The first pages with their counts, 50 pages, the rest; with the clients of each.
    assert shop.requests() - begun == 3 + 3


async def test_what_changes_is_known_within_a_minute_though_nobody_tells_of_it(shop: Shop) -> None:
    anna = shop.person(ANNA)
    first = shop.add(Kind.DEAL, ago=DAY, CONTACT_ID=anna)
    await shop.desk.read_whole()
    key = await shop.desk.called(ANNA, before=5 * MINUTE)
    new = shop.add(Kind.DEAL, CONTACT_ID=anna)
    shop.change(Kind.DEAL, first, STAGE_ID="WON", OPPORTUNITY=900)
    await shop.desk.read_changes()
    kept = await shop.desk.deals()
    assert (kept[f"deal {new}"]["call_key"], kept[f"deal {first}"]["call_key"]) == (key, None)
    won = kept[f"deal {first}"]
    assert (won["state"], won["amount"], won["closed"]) == ("won", 90_000, shop.desk.hours.now - EVERY)
    for _ in range(10):
        await shop.desk.read_changes()
    begun = shop.requests()
    await shop.desk.read_changes()
    assert await shop.desk.keeper.step() > 0
    assert shop.requests() - begun == 1


async def test_what_changes_while_changes_are_read_is_met_the_next_time(shop: Shop) -> None:
    """Behind the reader's back, and so that another change looks newer."""
    numbers = [shop.add(Kind.DEAL, ago=DAY) for _ in range(120)]
    await shop.desk.read_whole()
    for number in numbers:
        shop.change(Kind.DEAL, number, OPPORTUNITY=1)
    shop.desk.hours.now += EVERY
    await shop.desk.keeper.step()
    shop.change(Kind.DEAL, numbers[0], OPPORTUNITY=2)
    shop.desk.hours.now += MINUTE
    shop.change(Kind.DEAL, numbers[-1], OPPORTUNITY=3)
    while shop.desk.keeper.state().checked is None:
        await shop.desk.keeper.step()
    shop.desk.hours.now += 10 * MINUTE
    await shop.desk.read_changes()
    kept = await shop.desk.deals()
    assert [kept[f"deal {numbers[n]}"]["amount"] for n in (0, 1, -1)] == [200, 100, 300]
    await shop.desk.restarted()
    shop.change(Kind.DEAL, numbers[5], OPPORTUNITY=4)
    await shop.desk.read_changes()
    assert (await shop.desk.deals())[f"deal {numbers[5]}"]["amount"] == 400


async def test_what_is_deleted_goes_at_once_where_the_portal_tells_else_with_the_next_whole_reading(shop: Shop) -> None:
    numbers = [shop.add(Kind.DEAL, ago=DAY) for _ in range(4)]
    await shop.desk.read_whole()
    for number in numbers[:2]:
        changes.delete(shop.portal, Kind.DEAL, number, user_id=1)
    shop.desk.keeper.gone([Ref(kind="deal", id=str(numbers[0])), Ref(kind="contact", id="1")])
    await shop.desk.keeper.step()
    assert (await shop.desk.deals()).keys() == {f"deal {number}" for number in numbers[1:]}
    shop.desk.hours.now += DAY
    shop.desk.hours.quiet = False
    await shop.desk.read_changes()
    assert len(await shop.desk.deals()) == 3, "the hour is busy"
    shop.desk.hours.quiet = True
    await shop.desk.read_whole()
    assert (await shop.desk.deals()).keys() == {f"deal {number}" for number in numbers[2:]}


@pytest.mark.parametrize("method", [DEALS, LEADS])
async def test_a_portal_that_does_not_let_us_read_them_is_told_in_words(shop: Shop, method: str) -> None:
    shop.portal.faults.add(Fault(kind=FaultKind.REFUSE, method=method, text="Access denied."))
    with pytest.raises(Rejected, match=r"Leads and deals cannot be read.*permission crm.*administrator"):
        await shop.desk.read_whole()


async def test_a_permission_that_is_missing_is_told_in_words(tmp_path: Path) -> None:
    hours = Hours()
    at = Portal.demo(settings=PortalSettings(rate_limit=False), clock=hours)
    at.access.applications[0].scopes = ("telephony", "user")
    async with office(at, oauth=True) as one, sales_desk(one.crm, hours, tmp_path) as desk:
        with pytest.raises(Rejected, match="add the permission crm"):
            await desk.read_whole()


async def test_a_list_that_the_portal_closes_for_a_while_goes_on_where_it_was(shop: Shop) -> None:
    for _ in range(1200):
        shop.add(Kind.DEAL, ago=DAY)
    await shop.desk.keeper.step()
    await shop.desk.keeper.step()
    shop.portal.faults.add(Fault(kind=FaultKind.OPERATION_LIMIT, method=DEALS, skip=10))
    await shop.desk.keeper.step()
    assert shop.desk.keeper.state().read == 550
    shop.portal.faults.add(Fault(kind=FaultKind.OPERATION_LIMIT, method=DEALS))
    with pytest.raises(Throttled):
        await shop.desk.keeper.step()
    await shop.desk.read_whole()
    assert len(await shop.desk.deals()) == 1200


async def test_other_terms_read_all_anew(shop: Shop) -> None:
    anna = shop.person(ANNA)
    key = await shop.desk.called(ANNA, before=30 * DAY)
    shop.add(Kind.DEAL, ago=DAY, CONTACT_ID=anna)
    shop.add(Kind.DEAL, ago=300 * DAY)
    await shop.desk.read_whole()
    assert (await shop.desk.deals())["deal 1"]["call_key"] == key
    await shop.desk.restarted(later(within=7 * DAY, history=100 * DAY))
    assert not shop.desk.keeper.state().whole
    await shop.desk.read_whole()
    kept = await shop.desk.deals()
    assert kept.keys() == {"deal 1"}
    assert kept["deal 1"]["call_key"] is None


async def test_phones_come_out_of_the_mirror_and_what_it_hears_is_followed(tmp_path: Path) -> None:
    hours = Hours()
    at = Portal.demo(settings=PortalSettings(rate_limit=False), clock=hours)
    first = at.clients.add(Kind.CONTACT, {"NAME": "A", "PHONE": [{"VALUE": ANNA}]}, user_id=1, at=at.local(hours.now))
    async with office(at) as one, sales_desk(one.crm, hours, tmp_path, mirrored=True) as desk:
        shop, mirror = Shop(office=one, desk=desk), desk.mirror
        assert mirror is not None
        key = await desk.called(ANNA, before=5 * MINUTE)
        shop.add(Kind.DEAL, ago=MINUTE, CONTACT_ID=first)
        asked = at.traffic.methods[CONTACTS]
        await desk.read_whole()
        assert ((await desk.deals())["deal 1"]["call_key"], at.traffic.methods[CONTACTS]) == (key, asked)
        # One who is not in the mirror yet is asked for.
        new = shop.person("8 913 000-00-02")
        deal = shop.add(Kind.DEAL, CONTACT_ID=new)
        mirror.changed([Ref(kind="deal", id=str(deal)), Ref(kind="contact", id=str(new))])
        hours.now += 10 * timedelta(seconds=1)
        await desk.keeper.step()
        assert (await desk.deals())[f"deal {deal}"]["client"] == client_of("89130000002")
        # A client's phone is another now.
        shop.change(Kind.CONTACT, new, PHONE=[{"VALUE": ANNA}])
        mirror.changed([Ref(kind="contact", id=str(new))])
        hours.now += 10 * timedelta(seconds=1)
        await desk.keeper.step()
        assert (await desk.deals())[f"deal {deal}"]["call_key"] == key
        mirror.gone([Ref(kind="deal", id=str(deal))])
        await desk.keeper.step()
        assert (await desk.deals()).keys() == {"deal 1"}


@pytest.mark.parametrize("wanted", [True, False])
async def test_the_service_reads_the_deals_of_its_portals_as_it_is_set(tmp_path: Path, wanted: bool) -> None:
    at = Portal.demo(settings=PortalSettings(rate_limit=False))
    at.clients.add(Kind.DEAL, {"OPPORTUNITY": 5}, user_id=1, at=at.local(at.clock()))
    bootstrap = Bootstrap(data=tmp_path, port=0)
    async with serve(at):
        config = {"name": "main", "webhook": at.webhook_url, "default_user": "1", "allow_http": True, "deals": wanted}
        office = office_of({"portal": [{**config, "allow_private": True}]})
        async with await Database.open(bootstrap.database) as database:
            await save_office(database, Vault.open(bootstrap.key), office, by="test")
        async with open_runtime(bootstrap) as runtime, asyncio.timeout(60):
            assert runtime.sales.states().keys() == ({MAIN} if wanted else set())
            task = asyncio.create_task(runtime.run())
            while wanted and not runtime.sales.states()[MAIN].whole:  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0.02)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert (at.traffic.methods[DEALS] > 0) is wanted
