"""Leads and deals are read whole and followed by a keeper who waits when it cannot, and says why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.contract.sales_desk import SalesDesk, sales_desk
from tests.unit.service.mirror_twins import DAY, MAIN, Hours

from ringbridge.crm.contract import Rejected, Transient
from ringbridge.crm.mirroring import MirrorClient, MirrorPage, Ref
from ringbridge.crm.sales import Sale, SalesPage, SaleState, Wanted, hundredths
from ringbridge.service import patience
from ringbridge.service.config import office_of
from ringbridge.service.mirror.keeper import SETTLE
from ringbridge.service.sales.all_sales import AllSales, can_be_read, terms_of
from ringbridge.service.sales.keeper import EVERY, KINDS
from ringbridge.store.database import Database

CONTACT = Ref(kind="contact", id="1")
ANNA = "+79161234567"


@dataclass
class TwinCrm:
    """Gives `size` deals a page, by id; `fails` are raised by the next requests, one each."""

    sales: dict[str, Sale] = field(default_factory=dict)
    phones: dict[Ref, tuple[str, ...]] = field(default_factory=lambda: {CONTACT: (ANNA,)})
    size: int = 3
    fails: list[Exception] = field(default_factory=list)
    asked: list[Wanted] = field(default_factory=list)
    asked_clients: list[Sequence[Ref]] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None  # happens while an answer is on its way

    def put(self, hours: Hours, *numbers: int, ago: timedelta = timedelta(0), amount: int = 0) -> None:
        for n in numbers:
            made = self.sales[str(n)].created if str(n) in self.sales else hours.now - ago
            self.sales[str(n)] = Sale(
                ref=Ref(kind="deal", id=str(n)),
                state=SaleState.OPEN,
                created=made,
                changed=hours.now - ago,
                amount=amount,
                clients=(CONTACT,),
            )

    async def sales_page(self, wanted: Wanted, cursor: str | None) -> SalesPage:
        self.asked.append(wanted)
        if self.fails:
            raise self.fails.pop(0)
        since = wanted.changed_since
        there = sorted((one for one in self.sales.values() if not since or one.changed >= since), key=number_of)
        found = [one for one in there if number_of(one) > int(cursor or 0)][: self.size]
        more = found and number_of(found[-1]) < number_of(there[-1])
        self.meanwhile()
        return SalesPage(
            sales=tuple(found), cursor=found[-1].ref.id if more else None, total=None if cursor else len(there)
        )

    async def mirror_page(self, cursor: str | None) -> MirrorPage:
        raise NotImplementedError

    async def mirror_changed(self, refs: Sequence[Ref]) -> MirrorPage:
        self.asked_clients.append(refs)
        clients = [
            MirrorClient(ref=ref, name="", responsible=None, phones=self.phones[ref])
            for ref in refs
            if ref in self.phones
        ]
        return MirrorPage(clients=tuple(clients), gone=tuple(ref for ref in refs if ref not in self.phones))


def number_of(sale: Sale) -> int:
    return int(sale.ref.id)


@dataclass
class Kept:
    crm: TwinCrm
    desk: SalesDesk

    @property
    def hours(self) -> Hours:
        return self.desk.hours

    async def amounts(self) -> dict[str, int]:
        return {name.removeprefix("deal "): row["amount"] for name, row in (await self.desk.deals()).items()}


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    """Seven deals in three pages."""
    crm, hours = TwinCrm(), Hours()
    crm.put(hours, *range(1, 8), ago=DAY)
    async with sales_desk(crm, hours, tmp_path) as desk:
        yield Kept(crm=crm, desk=desk)


async def test_a_reading_takes_a_page_a_step_and_goes_on_after_a_stop(kept: Kept) -> None:
    kept.hours.quiet = False
    await kept.desk.keeper.step()
    await kept.desk.keeper.step()
    state = kept.desk.keeper.state()
    assert (state.reading, state.whole, state.read, state.total) == (True, False, 3, 7)
    await kept.desk.restarted()
    await kept.desk.read_whole()
    state = kept.desk.keeper.state()
    assert (state.reading, state.whole, state.read, state.finished) == (False, True, 7, kept.hours.now)
    assert len(kept.crm.asked) == 3
    assert {wanted.created_since for wanted in kept.crm.asked} == {kept.hours.now - 365 * DAY}


async def test_the_beginning_of_the_history_stays_where_it_was(kept: Kept) -> None:
    """Whatever was read once is followed for ever."""
    begun = kept.hours.now
    await kept.desk.read_whole()
    kept.hours.now += 400 * DAY
    await kept.desk.restarted()
    await kept.desk.read_whole()
    assert kept.crm.asked[-1].created_since == begun - 365 * DAY
    assert len(await kept.amounts()) == 7


async def test_changes_are_asked_for_every_minute_and_earlier_when_the_crm_tells(kept: Kept) -> None:
    await kept.desk.read_whole()
    await kept.desk.keeper.step()
    assert await kept.desk.keeper.step() == EVERY.total_seconds()
    kept.crm.put(kept.hours, 8)
    kept.desk.keeper.changed([Ref(kind="deal", id="8")])
    assert await kept.desk.keeper.step() == SETTLE.total_seconds()
    kept.hours.now += SETTLE
    await kept.desk.keeper.step()
    assert "8" in await kept.amounts()


async def test_a_change_of_a_client_who_has_no_deals_costs_no_request(kept: Kept) -> None:
    await kept.desk.read_whole()
    await kept.desk.keeper.step()
    del kept.crm.asked_clients[:]
    kept.desk.keeper.changed([Ref(kind="contact", id="9"), CONTACT])
    kept.crm.phones[CONTACT] = ("+79990000000",)
    kept.hours.now += SETTLE
    await kept.desk.keeper.step()
    assert kept.crm.asked_clients == [[CONTACT]]
    assert {row["client"] for row in (await kept.desk.deals()).values()} == {"0000000999"}


async def test_what_could_not_be_read_is_read_later(kept: Kept) -> None:
    kept.crm.size = 10
    await kept.desk.read_whole()
    kept.crm.put(kept.hours, 3, amount=700)
    kept.crm.fails = [Transient("Away.")]
    kept.hours.now += EVERY
    with pytest.raises(Transient):
        await kept.desk.keeper.step()
    await kept.desk.keeper.step()
    assert (await kept.amounts())["3"] == 700


async def test_a_whole_reading_looks_for_what_was_deleted_in_a_quiet_hour_but_does_not_wait_for_ever(
    kept: Kept,
) -> None:
    await kept.desk.read_whole()
    del kept.crm.sales["2"]
    kept.hours.quiet, kept.hours.now = False, kept.hours.now + DAY
    await kept.desk.read_changes()
    assert "2" in await kept.amounts()
    kept.hours.now += DAY
    await kept.desk.read_whole()
    assert (await kept.amounts()).keys() == set("134567")


@asynccontextmanager
async def running(kept: Kept) -> AsyncIterator[None]:
    task = asyncio.create_task(kept.desk.keeper.run())
    try:
        async with asyncio.timeout(60):
            yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_crm_that_refuses_is_asked_once_and_the_reason_is_told(kept: Kept) -> None:
    kept.crm.fails = [Rejected("Leads and deals cannot be read.")]
    async with running(kept):
        while (trouble := kept.desk.keeper.state().trouble) is None:  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
    assert (trouble, len(kept.crm.asked)) == ("Leads and deals cannot be read.", 1)
    assert patience.REFUSED >= 3600


async def test_news_wake_a_keeper_who_rests(kept: Kept) -> None:
    await kept.desk.read_whole()
    await kept.desk.keeper.step()
    async with running(kept):
        await asyncio.sleep(0)
        kept.desk.keeper.gone([Ref(kind="deal", id="1")])
        while "1" in await kept.amounts():  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0)


async def test_what_is_read_no_more_is_forgotten(kept: Kept) -> None:
    await kept.desk.read_whole()
    every = AllSales([kept.desk.keeper], kept.desk.database)
    assert every.of(MAIN) is kept.desk.keeper
    await AllSales([], kept.desk.database).run()
    assert await kept.desk.deals() == {}


async def test_a_minute_without_news_writes_nothing(kept: Kept) -> None:
    await kept.desk.read_whole()
    for _ in range(2):
        await kept.desk.read_changes()

    def version(database: Database) -> bytes:
        wal = database.path.with_name(f"{database.path.name}-wal")
        return database.path.read_bytes() + (wal.read_bytes() if wal.exists() else b"")

    before = version(kept.desk.database)
    await kept.desk.read_changes()
    assert version(kept.desk.database) == before


def test_what_is_read_is_as_it_is_set() -> None:
    config = {"name": "main", "webhook": "https://portal.example/rest/1/secret/", "default_user": "1"}
    office = office_of({"portal": [config]})
    terms = terms_of(office.portal[0], office)
    assert (office.portal[0].deals, str(terms)) == (True, "portal.example RU 365 90")
    others = [replace(terms, within=7 * DAY), replace(terms, history=DAY), replace(terms, account="other.example")]
    assert len({str(each) for each in (terms, *others)}) == 4
    assert can_be_read(TwinCrm())
    assert not can_be_read(object())
    assert {"lead", "deal"} == KINDS


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("1500.50", 150_050),
        (1500, 150_000),
        ("0.005", 1),
        ("-3", -300),
        (None, 0),
        ("", 0),
        ("NaN", 0),
        ("1e30", 10**15),
    ],
)
def test_a_sum_is_read_however_it_is_written(written: object, amount: int) -> None:
    assert hundredths(written) == amount
