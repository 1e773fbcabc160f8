"""A mirror is filled, follows what it is told, and finds by itself what it was not told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.service.mirror_twins import (
    DAY,
    MAIN,
    OLEG,
    Hours,
    Kept,
    TwinCrm,
    contact,
    read_changes,
    read_whole,
    who_has,
)

from ringbridge.crm.contract import Rejected, Throttled, Transient, Unauthorized
from ringbridge.crm.mirroring import MirrorDeal, Ref
from ringbridge.routing.intents import PortalId
from ringbridge.service import patience
from ringbridge.service.config import office_of
from ringbridge.service.mirror import keeper as keeping
from ringbridge.service.mirror.keeper import MirrorKeeper
from ringbridge.service.mirror.mirrors import Mirrors, is_mirrored
from ringbridge.service.patience import pause_after
from ringbridge.store.database import Database
from ringbridge.store.errors import StoreError


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    """Seven clients in three pages."""
    async with await Database.open(f"sqlite:///{tmp_path}/ringbridge.db") as database:
        crm = TwinCrm()
        crm.put(*(contact(number) for number in range(1, 8)))
        yield Kept(crm=crm, hours=Hours(), database=database)


async def test_the_first_reading_begins_at_once_and_takes_a_page_a_step(kept: Kept) -> None:
    kept.hours.quiet = False
    keeper = await kept.keeper()
    assert not keeper.whole
    await keeper.step()
    for read in (3, 6):
        await keeper.step()
        state = keeper.state()
        assert (state.reading, state.whole, state.read, state.total) == (True, False, read, 7)
        assert await who_has(keeper, "112203") == ["3"]
    await keeper.step()
    state = keeper.state()
    assert (state.reading, state.whole, state.read, state.drift) == (False, True, 7, None)
    assert state.finished == kept.hours.now
    assert [await who_has(keeper, f"1122{number:02}") for number in range(1, 8)] == [[str(n)] for n in range(1, 8)]


async def test_a_reading_goes_on_where_it_was_when_the_service_stopped(kept: Kept) -> None:
    keeper = await kept.keeper()
    await keeper.step()
    await keeper.step()
    again = await kept.keeper()
    await read_whole(again)
    assert kept.crm.asked == [None, "3", "6"]
    assert (again.state().read, again.whole) == (7, True)


async def test_what_changed_is_read_and_found(kept: Kept) -> None:
    keeper = await kept.filled()
    kept.crm.put(contact(7, "445566", responsible=OLEG), contact(8))
    keeper.changed([Ref(kind="contact", id="7"), Ref(kind="contact", id="8")])
    assert keeper.state().waiting == 2
    told = kept.hours.now
    await read_changes(keeper, kept.hours)
    assert [await who_has(keeper, number) for number in ("112207", "445566", "112208")] == [[], ["7"], ["8"]]
    assert (await keeper.find("445566"))[0].responsible == OLEG
    assert (keeper.state().waiting, keeper.state().heard) == (0, told)


async def test_changes_that_come_together_cost_one_request(kept: Kept) -> None:
    keeper = await kept.filled()
    del kept.crm.asked[:]
    for number in (1, 2, 1, 3):
        keeper.changed([Ref(kind="contact", id=str(number))])
        await keeper.step()
    assert kept.crm.asked == []
    await read_changes(keeper, kept.hours)
    assert kept.crm.asked == [[Ref(kind="contact", id=str(number)) for number in (1, 2, 3)]]


async def test_who_is_not_found_is_nobody_once_the_crm_tells_what_is_new(kept: Kept) -> None:
    keeper = await kept.keeper()
    mirrors = Mirrors([keeper], kept.database)
    keeper.changed([Ref(kind="contact", id="1")])
    assert not mirrors.is_whole(MAIN), "it is not read yet"
    await read_whole(keeper)
    assert mirrors.is_whole(MAIN)
    deaf = await kept.keeper()
    assert deaf.whole
    assert not Mirrors([deaf], kept.database).is_whole(MAIN), "a client of today may be unknown to it"


async def test_what_was_deleted_is_forgotten_without_a_request(kept: Kept) -> None:
    keeper = await kept.filled()
    del kept.crm.asked[:]
    ref = Ref(kind="contact", id="7")
    keeper.changed([ref])
    keeper.gone([ref])
    await keeper.step()
    assert (await who_has(keeper, "112207"), kept.crm.asked) == ([], [])


async def test_a_deal_that_was_closed_is_gone(kept: Kept) -> None:
    deal = MirrorDeal(
        ref=Ref(kind="deal", id="1"), title="Fence", responsible=OLEG, clients=(Ref(kind="contact", id="1"),)
    )
    kept.crm.put(deal)
    keeper = await kept.filled()
    assert (await keeper.find("112201"))[0].deal == "Fence"
    del kept.crm.things[deal.ref]
    keeper.changed([deal.ref])
    await read_changes(keeper, kept.hours)
    assert (await keeper.find("112201"))[0].deal is None


async def test_what_was_deleted_while_its_page_was_on_the_way_stays_deleted(kept: Kept) -> None:
    keeper = await kept.keeper()
    await keeper.step()
    kept.crm.meanwhile = lambda: keeper.gone([Ref(kind="contact", id="1")])
    await keeper.step()
    assert await who_has(keeper, "112201") == ["1"]
    kept.crm.meanwhile = lambda: None
    await keeper.step()
    assert await who_has(keeper, "112201") == []


async def test_what_changed_while_it_was_read_is_read_again(kept: Kept) -> None:
    keeper = await kept.filled()
    ref = Ref(kind="contact", id="1")
    keeper.changed([ref])
    kept.crm.meanwhile = lambda: keeper.changed([ref])
    await read_changes(keeper, kept.hours)
    kept.crm.meanwhile = lambda: None
    assert keeper.state().waiting == 1
    await read_changes(keeper, kept.hours)
    assert keeper.state().waiting == 0


async def test_a_change_that_could_not_be_read_is_not_forgotten(kept: Kept) -> None:
    keeper = await kept.filled()
    kept.crm.put(contact(8))
    kept.crm.fails = [Transient("away")]
    keeper.changed([Ref(kind="contact", id="8")])
    with pytest.raises(Transient):
        await read_changes(keeper, kept.hours)
    assert keeper.state().waiting == 1
    await keeper.step()
    assert await who_has(keeper, "112208") == ["8"]


async def test_a_sweep_finds_what_nobody_told(kept: Kept) -> None:
    keeper = await kept.filled()
    kept.crm.put(contact(8), contact(2, "445566"))
    del kept.crm.things[Ref(kind="contact", id="1")]
    assert await keeper.step() == DAY.total_seconds()
    kept.hours.now += DAY
    await read_whole(keeper)
    assert [await who_has(keeper, number) for number in ("112201", "112202", "445566", "112208")] == [
        [],
        [],
        ["2"],
        ["8"],
    ]
    assert keeper.state().drift == 3
    kept.hours.now += DAY
    await read_whole(keeper)
    assert keeper.state().drift == 0


async def test_a_sweep_waits_for_a_quiet_hour_but_not_for_ever(kept: Kept) -> None:
    keeper = await kept.filled()
    kept.hours.quiet = False
    kept.hours.now += DAY
    assert await keeper.step() == keeping.LOOK
    kept.hours.now += DAY
    await keeper.step()
    assert keeper.state().reading
    assert keeper.whole  # what is known stays known meanwhile


async def test_what_happened_while_we_were_away_is_looked_for_after_a_start(kept: Kept) -> None:
    await kept.filled()
    kept.crm.put(contact(8))
    kept.hours.now += timedelta(minutes=5)
    keeper = await kept.keeper()
    assert keeper.whole
    await read_whole(keeper)
    assert await who_has(keeper, "112208") == ["8"]
    assert await keeper.step() == DAY.total_seconds()


async def test_more_changes_than_can_be_remembered_are_found_by_a_sweep(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "MOST_WAITING", 5)
    keeper = await kept.filled()
    kept.crm.put(contact(8))
    keeper.changed(Ref(kind="contact", id=str(number)) for number in range(20))
    await read_whole(keeper)
    assert await who_has(keeper, "112208") == ["8"]
    assert keeper.state().waiting == 0


@asynccontextmanager
async def running(keeper: MirrorKeeper) -> AsyncIterator[None]:
    task = asyncio.create_task(keeper.run())
    try:
        async with asyncio.timeout(60):
            yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(happened: Callable[[], bool]) -> None:
    while not happened():  # noqa: ASYNC110 - nobody is told of it
        await asyncio.sleep(0)


async def test_a_portal_that_is_away_is_waited_for_and_the_reason_is_told(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "QUICKEST", 0.0)
    kept.crm.fails = [Transient("The portal does not answer."), Transient("Still not.")]
    keeper = await kept.keeper()
    told = list[str | None]()
    kept.crm.meanwhile = lambda: told.append(keeper.state().trouble)
    async with running(keeper):
        await until(lambda: keeper.whole)
    assert kept.crm.asked == [None, None, None, "3", "6"]
    assert told == ["Still not.", None, None]


async def test_an_adapter_that_breaks_takes_nothing_with_it(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "REFUSED", 0.0)
    kept.crm.fails = [KeyError("ID")]
    keeper = await kept.keeper()
    told = list[str | None]()
    kept.crm.meanwhile = lambda: told.append(keeper.state().trouble)
    async with running(keeper):
        await until(lambda: keeper.whole)
    assert "KeyError" in (told[0] or "")


async def test_news_wake_a_keeper_who_rests_till_the_next_sweep(kept: Kept) -> None:
    keeper = await kept.filled()
    kept.hours.quiet, kept.hours.now = False, kept.hours.now + DAY
    news = [Ref(kind="contact", id="1"), Ref(kind="contact", id="2")]
    resting = asyncio.Event()

    def meanwhile() -> None:
        """One comes while the keeper makes up its mind to rest, the other while it rests."""
        keeper.gone(news[:1] if len(news) == 2 else [])
        del news[1:]
        resting.set()

    kept.hours.meanwhile = meanwhile
    async with running(keeper):
        await resting.wait()
        keeper.gone([Ref(kind="contact", id="2")])
        while await who_has(keeper, "112201") or await who_has(keeper, "112202"):  # noqa: ASYNC110
            await asyncio.sleep(0)


def test_how_long_a_failure_is_waited_for_is_told_by_its_kind() -> None:
    now = Hours().now
    until = Throttled("Closed.", until=now + timedelta(seconds=90))
    assert pause_after(until, failures=3, now=now) == 90
    assert pause_after(Unauthorized("No."), failures=9, now=now) == patience.PATIENCE
    assert pause_after(StoreError("Full."), failures=9, now=now) == patience.PATIENCE
    assert pause_after(Rejected("Never."), failures=1, now=now) == patience.REFUSED
    growing = [pause_after(Transient("Away."), failures=failures, now=now) for failures in range(1, 12)]
    assert growing == sorted(growing)
    assert (growing[0], growing[-1]) == (patience.QUICKEST, patience.SLOWEST)


@pytest.mark.parametrize(
    ("mirror", "distributed", "kept"),
    [(None, False, False), (None, True, True), (False, True, False), (True, False, True)],
)
def test_clients_are_copied_where_calls_are_distributed_or_somebody_wants_it(
    mirror: bool | None, distributed: bool, kept: bool
) -> None:
    config = {"name": "main", "webhook": "https://portal.example/rest/1/secret/", "default_user": "1"}
    wanted = {} if mirror is None else {"mirror": mirror}
    office = office_of({"portal": [{**config, **wanted}], "distribution": {"enabled": distributed}})
    assert is_mirrored(office.portal[0], office) is kept


async def test_all_mirrors_answer_together_and_forget_a_portal_that_is_mirrored_no_more(kept: Kept) -> None:
    keeper = await kept.filled()
    mirrors = Mirrors([keeper], kept.database)
    assert [one.id for one in await mirrors.clients(MAIN, "112201")] == ["1"]
    assert await mirrors.clients(PortalId("other"), "112201") == ()
    assert not mirrors.is_whole(PortalId("other"))
    await Mirrors([], kept.database).run()
    assert await keeper.find("112201") == ()
