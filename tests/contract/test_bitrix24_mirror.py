"""A portal's clients and deals, read whole and kept up to date by what it tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from tests.contract.bitrix24_entrance import Entrance, entrance, keeper_of
from tests.contract.bitrix24_office import MAKE, STRANGER, Office, finish, office, portal, register
from tests.unit.service.dialing_twins import MAIN

from ringbridge.crm.bitrix24.events import CHANGES
from ringbridge.crm.contract import Receipt, Step, Throttled, Transient
from ringbridge.crm.mirroring import MirrorClient, MirrorDeal, MirrorPage, MirrorSource, Ref
from ringbridge.emulators.bitrix24 import Fault, FaultKind, Portal, changes, deskwork, serve
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.routing.intents import UserId
from ringbridge.service.bootstrap import Bootstrap
from ringbridge.service.config import office_of
from ringbridge.service.mirror import keeper as keeping
from ringbridge.service.mirror.mirrors import Mirrors
from ringbridge.service.portals import events as listening
from ringbridge.service.portals.events import Sense
from ringbridge.service.runtime import open_runtime
from ringbridge.service.settings import save_office
from ringbridge.status import UNTOLD, portal_status
from ringbridge.store.database import Database
from ringbridge.store.vault import Vault

CLICK = "ONEXTERNALCALLSTART"
LIST = "crm.contact.list"


def add(at: Portal, kind: Kind, **fields: Any) -> int:
    return at.clients.add(kind, fields, user_id=1, at=at.local(at.clock()))


def phone(number: str) -> list[dict[str, str]]:
    return [{"VALUE": number, "VALUE_TYPE": "WORK"}]


def crowd(size: int) -> Portal:
    """So many contacts, two companies, leads and deals; some ids are free, as on any portal."""
    at = portal()
    contacts = at.clients.rows[Kind.CONTACT]
    while len(contacts) < size:
        number = add(at, Kind.CONTACT, NAME="Client", PHONE=phone(f"8 913 {len(contacts):07}"), ASSIGNED_BY_ID=2)
        if number % 7 == 3:
            at.clients.delete(Kind.CONTACT, number)
    for number in list(contacts)[size:]:
        at.clients.delete(Kind.CONTACT, number)
    for title, mine in (("Volga", "N"), ("Ourselves", "Y")):
        add(at, Kind.COMPANY, TITLE=title, IS_MY_COMPANY=mine, PHONE=phone("+7 495 111-22-33"), ASSIGNED_BY_ID=3)
    for status in ("NEW", "CONVERTED", "JUNK"):
        add(at, Kind.LEAD, TITLE=f"Lead {status}", STATUS_ID=status, COMPANY_TITLE="Oka", PHONE=phone("84951112244"))
    for stage in ("NEW", "WON", "C1:LOSE"):
        add(at, Kind.DEAL, TITLE=f"Deal {stage}", STAGE_ID=stage, CONTACT_ID=1, COMPANY_ID=1, ASSIGNED_BY_ID=4)
    return at


def there(at: Portal) -> set[Ref]:
    """What a mirror of this portal has to have."""
    rows = at.clients.rows
    return (
        {Ref(kind="contact", id=str(number)) for number in rows[Kind.CONTACT]}
        | {Ref(kind="company", id=n["ID"]) for n in rows[Kind.COMPANY].values() if n["IS_MY_COMPANY"] == "N"}
        | {Ref(kind="lead", id=n["ID"]) for n in rows[Kind.LEAD].values() if n["STATUS_SEMANTIC_ID"] == "P"}
        | {Ref(kind="deal", id=n["ID"]) for n in rows[Kind.DEAL].values() if n["CLOSED"] == "N"}
    )


async def read(crm: MirrorSource, cursor: str | None = None) -> AsyncIterator[MirrorPage]:
    while True:
        page = await crm.mirror_page(cursor)
        yield page
        cursor = page.cursor
        if cursor is None:
            return


def things(*pages: MirrorPage) -> list[MirrorClient | MirrorDeal]:
    found: list[MirrorClient | MirrorDeal] = []
    for page in pages:
        found += (*page.clients, *page.deals)
    return found


def refs(found: Sequence[MirrorClient | MirrorDeal]) -> list[Ref]:
    return sorted((thing.ref for thing in found), key=lambda ref: (ref.kind, int(ref.id)))


async def whole(at: Office) -> list[MirrorPage]:
    """All pages of a reading."""
    return [page async for page in read(at.crm)]


@pytest.mark.parametrize("size", [0, 49, 50, 51, 2550])
async def test_everything_is_read_once_whatever_the_pages_end_with(size: int) -> None:
    async with office(crowd(size)) as at:
        pages = await whole(at)
        found = things(*pages)
        assert refs(found) == sorted(there(at.portal), key=lambda ref: (ref.kind, int(ref.id)))
        assert pages[0].total == len(found)


async def test_a_request_reads_two_and_a_half_thousand_and_none_is_wasted() -> None:
    async with office(crowd(2740)) as at:
        begun = at.portal.traffic.requests
        await whole(at)
        assert at.portal.traffic.requests - begun == 3  # the first page with its count, 2,500, what is left
        assert at.executed(LIST) == 55


async def test_clients_and_deals_come_with_all_that_a_call_needs() -> None:
    at_portal = portal()
    add(at_portal, Kind.COMPANY, TITLE="Volga", ASSIGNED_BY_ID=3)
    numbers = [{"VALUE": "8 (913) 000-00-01"}, {"VALUE": "+7 913 000-00-02", "VALUE_TYPE": "MOBILE"}]
    contact = add(at_portal, Kind.CONTACT, NAME="Мария", LAST_NAME="Иванова", COMPANY_ID=1, PHONE=numbers)
    lead = add(at_portal, Kind.LEAD, TITLE="From the site", COMPANY_TITLE="Oka")
    deal = add(at_portal, Kind.DEAL, TITLE="Fence", CONTACT_ID=contact, COMPANY_ID=1, ASSIGNED_BY_ID=4)
    async with office(at_portal) as at:
        found = {thing.ref: thing for thing in things(*await whole(at))}
    volga = Ref(kind="company", id="1")
    one = Ref(kind="contact", id=str(contact))
    assert found[one] == MirrorClient(
        ref=one,
        name="Мария Иванова",
        responsible="1",  # type: ignore[arg-type]
        phones=("8 (913) 000-00-01", "+7 913 000-00-02"),
        company=volga,
    )
    assert found[Ref(kind="lead", id=str(lead))].company_name == "Oka"  # type: ignore[union-attr]
    assert found[Ref(kind="deal", id=str(deal))] == MirrorDeal(
        ref=Ref(kind="deal", id=str(deal)),
        title="Fence",
        responsible="4",  # type: ignore[arg-type]
        clients=(one, volga),
    )


async def test_what_comes_and_goes_while_it_is_read_hides_nobody_else() -> None:
    async with office(crowd(2740)) as at:
        stay = there(at.portal)
        found = list[MirrorClient | MirrorDeal]()
        async for page in read(at.crm):
            found += things(page)
            for number in list(at.portal.clients.rows[Kind.CONTACT])[::9]:
                stay.discard(Ref(kind="contact", id=str(number)))
                at.portal.clients.delete(Kind.CONTACT, number)
            add(at.portal, Kind.CONTACT, NAME="New")
        assert stay <= set(refs(found))


async def test_a_method_that_the_portal_closes_in_the_middle_leaves_what_came_before() -> None:
    """The running time of a method is short long before a million clients are read."""
    async with office(crowd(1200)) as at:
        first = await at.crm.mirror_page(None)
        at.portal.faults.add(Fault(kind=FaultKind.OPERATION_LIMIT, method=LIST, skip=10))
        part = await at.crm.mirror_page(first.cursor)
        assert len(part.clients) >= 500
        rest = [page async for page in read(at.crm, part.cursor)]
        assert set(refs(things(first, part, *rest))) == there(at.portal)


async def test_a_closed_method_is_said_with_its_time() -> None:
    async with office(crowd(200)) as at:
        at.portal.faults.add(Fault(kind=FaultKind.OPERATION_LIMIT, method=LIST))
        with pytest.raises(Throttled):
            await at.crm.mirror_page(None)


async def test_a_portal_that_is_too_slow_for_fifty_lists_is_asked_for_fewer() -> None:
    async with office(crowd(2600)) as at:
        first = await at.crm.mirror_page(None)
        at.portal.faults.add(Fault(kind=FaultKind.GATEWAY_TIMEOUT, times=1))
        with pytest.raises(Transient):
            await at.crm.mirror_page(first.cursor)
        assert len((await at.crm.mirror_page(first.cursor)).clients) == 1250
        assert len((await at.crm.mirror_page(first.cursor)).clients) == 2500


async def test_what_changed_is_read_in_one_request_and_what_is_not_at_work_is_gone() -> None:
    async with office(crowd(300)) as at:
        begun = at.portal.traffic.requests
        asked = [Ref(kind="contact", id=str(number)) for number in range(1, 201)]
        asked += [Ref(kind=kind, id=str(number)) for kind in ("company", "lead", "deal") for number in (1, 2, 3)]
        page = await at.crm.mirror_changed(asked)
        assert at.portal.traffic.requests - begun == 1
        assert set(refs(things(page))) == there(at.portal) & set(asked)
        assert set(page.gone) == set(asked) - there(at.portal)


# With the keeper


async def filled(at: Entrance) -> None:
    await at.mirror.step()
    while at.mirror.state().reading:
        await at.mirror.step()


async def who(at: Entrance, number: str) -> list[str]:
    return [f"{one.kind} {one.id}" for one in await at.mirror.find(number)]


async def until_heard(at: Entrance, count: int) -> None:
    async with asyncio.timeout(60):
        while at.mirror.state().waiting < count:  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0.01)


async def until_changes_are_bound(at: Entrance) -> None:
    async with asyncio.timeout(60):
        while not any(one.event == "ONCRMDEALDELETE" for one in at.portal.bus.handlers):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@asynccontextmanager
async def mirrored(folder: Path, monkeypatch: pytest.MonkeyPatch, sense: Sense) -> AsyncIterator[Entrance]:
    """Filled, and listening; changes settle at once, and the queue is fetched all the time."""
    monkeypatch.setattr(listening, "QUICK", 0.05)
    monkeypatch.setattr(keeping, "SETTLE", timedelta(0))
    async with entrance(folder, sense=sense, mirrored=True) as at, at.running():
        await filled(at)
        await until_changes_are_bound(at)
        yield at


async def test_a_fill_goes_on_after_a_stop_in_the_middle(tmp_path: Path) -> None:
    async with entrance(tmp_path, mirrored=True) as at:
        for number in range(2600):
            add(at.portal, Kind.CONTACT, NAME=f"Client {number}", PHONE=phone(f"8 913 {number:07}"))
        for _ in range(3):
            await at.mirror.step()
        begun = at.portal.traffic.methods[LIST]
        again = await at.restarted()
        while again.state().reading:
            await again.step()
        assert (again.whole, again.state().read, again.state().total) == (True, 2604, 2604)
        assert at.portal.traffic.methods[LIST] - begun == 2  # 54 left: one page and the end
        assert [len(await again.find(f"+7913{number:07}")) for number in (0, 1500, 2599)] == [1, 1, 1]


@pytest.mark.parametrize("sense", [Sense.POSTED, Sense.FETCHED])
async def test_what_the_portal_tells_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sense: Sense) -> None:
    async with mirrored(tmp_path, monkeypatch, sense) as at:
        new = changes.create(at.portal, Kind.CONTACT, {"NAME": "New", "PHONE": phone("8 913 000-00-01")}, user_id=1)
        changes.change(at.portal, Kind.CONTACT, 1, {"ASSIGNED_BY_ID": 5}, user_id=1)
        changes.create(at.portal, Kind.DEAL, {"TITLE": "Fence", "CONTACT_ID": new, "ASSIGNED_BY_ID": 6}, user_id=1)
        changes.delete(at.portal, Kind.CONTACT, 2, user_id=1)
        await until_heard(at, 4)
        await at.mirror.step()
        (one,) = await at.mirror.find("+79130000001")
        assert (one.id, one.deal, one.deal_responsible) == (str(new), "Fence", "6")
        assert (await at.mirror.find("+79125551122"))[0].responsible == "5"
        assert at.mirror.state().waiting == 0
        deal = changes.change(at.portal, Kind.DEAL, 1, {"STAGE_ID": "WON"}, user_id=1)
        assert deal
        await until_heard(at, 1)
        await at.mirror.step()
        assert (await at.mirror.find("+79130000001"))[0].deal is None


async def test_a_click_is_dialled_before_a_thousand_changes_that_wait_in_the_queue(
    tmp_path: Path,
) -> None:
    async with entrance(tmp_path, sense=Sense.FETCHED, mirrored=True) as at:
        await at.crm.desk.bind(None, changes=True)
        for number in range(1000):
            changes.create(at.portal, Kind.CONTACT, {"NAME": f"Import {number}"}, user_id=1)
        call_id = deskwork.click(at.portal, user_id=1, number="+7 912 555-11-22")
        first = (await at.crm.desk.queue.fetch()).events[0]
        assert first.call_id == call_id  # type: ignore[union-attr]
        assert at.crm.desk.queue.more


async def test_an_application_that_may_not_hear_of_clients_hears_of_clicks(tmp_path: Path) -> None:
    async with entrance(tmp_path, mirrored=True) as at:
        application = at.portal.access.applications[0]
        application.scopes = tuple(scope for scope in application.scopes if scope != "crm")
        assert await at.events._bind()
        assert {one.event for one in at.portal.bus.handlers} == {CLICK, "ONEXTERNALCALLBACKSTART", "ONAPPUNINSTALL"}


async def test_a_portal_without_a_mirror_is_not_asked_to_tell_of_clients(tmp_path: Path) -> None:
    async with entrance(tmp_path, mirrored=True) as at:
        await at.events._bind()
        assert len(at.portal.bus.handlers) == 15
        await at.crm.desk.bind(f"{at.address}/bitrix24/main/events")
        assert len(at.portal.bus.handlers) == 3


async def test_whatever_was_bound_for_former_addresses_is_unbound(tmp_path: Path) -> None:
    async with entrance(tmp_path, mirrored=True) as at:
        await at.crm.desk.bind(None, changes=True)
        for number, event in product(range(4), CHANGES):  # more than one batch can take away
            at.portal.bus.bind(event, application_id=1, url=f"https://old{number}.example")
        assert await at.events._bind()
        assert len(at.portal.bus.handlers) == 15


@pytest.mark.parametrize("cursor", ["1764090000 0 250 7", "{}", '{"contact": 1}', '{"customer": [1, 2]}', "[1]"])
async def test_a_cursor_of_another_crm_begins_anew(cursor: str) -> None:
    async with office(crowd(60)) as at:
        page = await at.crm.mirror_page(cursor)
        assert page == await at.crm.mirror_page(None)


async def test_a_sweep_finds_what_the_portal_did_not_tell(tmp_path: Path) -> None:
    async with entrance(tmp_path, mirrored=True) as at:
        await filled(at)
        new = add(at.portal, Kind.CONTACT, NAME="New", PHONE=phone("8 (913) 000-00-01"))
        at.portal.clients.delete(Kind.CONTACT, 1)
        again = await at.restarted()
        await again.step()
        while again.state().reading:
            await again.step()
        assert again.state().drift == 2
        spelled = ["+79130000001", "89130000001", "9130000001", "79130000001"]
        assert [[one.id for one in await again.find(number)] for number in spelled] == [[str(new)]] * 4
        assert await again.find("+79125551122") == ()


async def test_a_client_whom_our_own_call_made_is_known_at_the_next_call_though_the_portal_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "SETTLE", timedelta(0))
    async with office() as at, await Database.open(f"sqlite:///{tmp_path}/ringbridge.db") as database:
        keeper = keeper_of(at.crm, database)
        await keeper.step()
        await keeper.step()
        mirrors = Mirrors([keeper], database)
        begun = Step(intent=register(number=STRANGER, creation=MAKE))
        (receipt,) = await at.crm.carry_out([begun])
        assert isinstance(receipt, Receipt)
        mirrors.carried_out(MAIN, [begun], [receipt])
        await keeper.step()
        assert [one.responsible for one in await mirrors.clients(MAIN, STRANGER)] == ["1"]
        ended = Step(intent=finish(user=UserId("3")), facts=receipt.facts)
        mirrors.carried_out(MAIN, [ended], await at.crm.carry_out([ended]))
        await keeper.step()
        assert [one.responsible for one in await mirrors.clients(MAIN, STRANGER)] == ["3"]
        assert keeper.state().heard is None


async def test_the_service_fills_the_mirror_and_says_that_a_webhook_tells_of_no_changes(tmp_path: Path) -> None:
    at = portal()
    bootstrap = Bootstrap(data=tmp_path, port=0)
    async with serve(at):
        config = {"name": "main", "webhook": at.webhook_url, "default_user": "1", "allow_http": True, "mirror": True}
        office = office_of({"portal": [{**config, "allow_private": True}]})
        async with await Database.open(bootstrap.database) as database:
            await save_office(database, Vault.open(bootstrap.key), office, by="test")
        async with open_runtime(bootstrap) as runtime, asyncio.timeout(60):
            task = asyncio.create_task(runtime.run())
            keeper = runtime.mirrors.of(MAIN)
            while keeper is None or not keeper.whole:  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0.02)
            status = await portal_status(runtime.portals[0], runtime)
            (found,) = await runtime.mirrors.clients(MAIN, "8 (912) 555-11-22")
            assert not runtime.mirrors.is_whole(MAIN), "who is not found may be new"
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert found.kind == "contact"
    assert status.mirror is not None
    assert (status.mirror.whole, status.mirror.read) == (True, 4)
    assert UNTOLD in status.missing
