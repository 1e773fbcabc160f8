from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import sqlite

from ringbridge.routing.clients import MirrorClient, MirrorDeal, MirrorFound, Ref
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.store import mirror, mirrored
from ringbridge.store.database import Database
from ringbridge.store.mirror import Mirror, Reading

MAIN, OTHER = PortalId("main"), PortalId("other")
REGION = "RU"
ANNA, OLEG = UserId("2"), UserId("3")


def contact(number: str, *phones: str, **more: object) -> MirrorClient:
    client = MirrorClient(ref=Ref(kind="contact", id=number), name=f"Contact {number}", responsible=ANNA, phones=phones)
    return replace(client, **more)  # type: ignore[arg-type]


def company(number: str, *phones: str) -> MirrorClient:
    return MirrorClient(ref=Ref(kind="company", id=number), name=f"Company {number}", responsible=OLEG, phones=phones)


def deal(number: str, *clients: Ref, responsible: UserId = OLEG) -> MirrorDeal:
    return MirrorDeal(ref=Ref(kind="deal", id=number), title=f"Deal {number}", responsible=responsible, clients=clients)


async def kept(
    database: Database, *things: MirrorClient | MirrorDeal, portal: PortalId = MAIN, generation: int = 1
) -> int:
    async with database.transaction() as tx:
        return await mirrored.replace(tx, portal, things, generation=generation, region=REGION)


async def removed(database: Database, *refs: Ref) -> int:
    async with database.transaction() as tx:
        return await mirrored.remove(tx, MAIN, refs, region=REGION)


async def found(database: Database, number: str, portal: PortalId = MAIN) -> list[str]:
    return [f"{one.kind} {one.id}" for one in await mirror.find(database, portal, number, REGION)]


SPELLINGS = ["+7 912 555-11-22", "8 (912) 555 11 22", "9125551122", "79125551122", "tel:+79125551122", "0079125551122"]


@pytest.mark.parametrize("written", SPELLINGS)
async def test_a_number_is_found_however_the_portal_and_the_caller_write_it(database: Database, written: str) -> None:
    await kept(database, contact("1", written))
    assert [await found(database, asked) for asked in SPELLINGS] == [["contact 1"]] * len(SPELLINGS)


async def test_numbers_that_no_country_knows_meet_as_well(database: Database) -> None:
    await kept(database, contact("1", "8 (000) 123-45-67"), contact("2", "113"), contact("3", "аноним", ""))
    assert await found(database, "+70001234567") == ["contact 1"]
    assert await found(database, "113") == ["contact 2"]
    assert await found(database, "") == await found(database, "anonymous") == []


async def test_of_several_the_contact_comes_first_then_the_company_then_the_lead(database: Database) -> None:
    lead = MirrorClient(ref=Ref(kind="lead", id="1"), name="Lead", responsible=None, phones=("112233",))
    await kept(database, lead, company("1", "112233"), contact("10", "112233"), contact("9", "112233"))
    assert await found(database, "11-22-33") == ["contact 9", "contact 10", "company 1", "lead 1"]


async def test_a_number_of_a_whole_company_brings_a_few_of_its_people(database: Database) -> None:
    await kept(database, *(contact(str(number), "112233") for number in range(50)))
    assert len(await found(database, "112233")) == mirror.MOST_FOUND


async def test_a_client_comes_with_their_company_and_their_latest_deal(database: Database) -> None:
    one = contact("1", "+79125551122", company=Ref(kind="company", id="5"))
    deals = [deal("9", one.ref), deal("10", one.ref, responsible=ANNA), deal("11", Ref(kind="company", id="1"))]
    await kept(database, one, company("5"), *deals)
    (there,) = await mirror.find(database, MAIN, "+79125551122", REGION)
    assert there == MirrorFound(
        kind="contact",
        id="1",
        name="Contact 1",
        responsible=ANNA,
        company="Company 5",
        company_responsible=OLEG,
        deal="Deal 10",
        deal_responsible=ANNA,
    )


async def test_a_company_that_is_not_mirrored_goes_by_the_name_that_came_with_the_client(database: Database) -> None:
    await kept(database, contact("1", "112233", company=Ref(kind="company", id="5"), company_name="Volga"))
    (there,) = await mirror.find(database, MAIN, "112233", REGION)
    assert (there.company, there.deal, there.deal_responsible) == ("Volga", None, None)


async def test_a_client_who_changed_is_found_by_the_new_numbers_alone(database: Database) -> None:
    await kept(database, contact("1", "112233", "445566"))
    assert await kept(database, contact("1", "445566", "778899")) == 1
    assert [await found(database, number) for number in ("112233", "445566", "778899")] == [
        [],
        ["contact 1"],
        ["contact 1"],
    ]


async def test_two_spellings_of_one_number_are_one_key_and_it_goes_with_the_last_of_them(database: Database) -> None:
    await kept(database, contact("1", "+7 912 555-11-22", "8 912 555 11 22"))
    await kept(database, contact("1", "8 912 555 11 22"))
    assert await found(database, "+79125551122") == ["contact 1"]
    await kept(database, contact("1"))
    assert await found(database, "+79125551122") == []


async def test_what_is_as_it_was_kept_does_not_count_as_different(database: Database) -> None:
    assert await kept(database, contact("1", "112233"), deal("1")) == 2
    assert await kept(database, contact("1", "112233"), deal("1"), generation=2) == 0
    assert await kept(database, contact("1", "112233", name="Maria"), deal("1"), generation=3) == 1


async def test_of_two_with_one_id_the_last_counts(database: Database) -> None:
    await kept(database, contact("1", "112233"), contact("1", "445566"))
    assert await found(database, "112233") == []
    assert await found(database, "445566") == ["contact 1"]


async def test_what_is_removed_is_found_no_more(database: Database) -> None:
    one = contact("1", "112233")
    await kept(database, one, contact("2", "112233"), deal("7", one.ref))
    assert await removed(database, Ref(kind="deal", id="7"), Ref(kind="deal", id="8")) == 1
    assert (await mirror.find(database, MAIN, "112233", REGION))[0].deal is None
    assert await removed(database, one.ref, one.ref) == 1
    assert await found(database, "112233") == ["contact 2"]


async def test_portals_know_nothing_of_each_other(database: Database) -> None:
    await kept(database, contact("1", "112233"), portal=OTHER)
    assert await removed(database, Ref(kind="contact", id="1")) == 0
    assert (await found(database, "112233"), await found(database, "112233", OTHER)) == ([], ["contact 1"])


async def test_what_a_reading_did_not_see_can_be_told(database: Database) -> None:
    await kept(database, contact("1"), contact("2"), deal("1"))
    await kept(database, contact("2"), generation=2)
    async with database.reading() as tx:
        assert await mirrored.unseen(tx, MAIN, 2, 10) == [Ref(kind="contact", id="1"), Ref(kind="deal", id="1")]
        assert len(await mirrored.unseen(tx, MAIN, 2, 1)) == 1
        assert await mirrored.unseen(tx, MAIN, 1, 10) == []
        assert await mirrored.count(tx, MAIN) == 3


async def test_how_far_a_reading_is_survives(database: Database) -> None:
    now = datetime(2026, 3, 10, 8, tzinfo=UTC)
    first = Reading(region=REGION, generation=1, begun=now, cursor="50", read=2500, total=100_000)
    last = replace(first, begun=None, cursor=None, read=100_000, differing=3, finished=now, drift=3)
    async with database.transaction() as tx:
        assert await mirror.reading(tx, MAIN) is None
        await mirror.keep_reading(tx, MAIN, first)
        assert await mirror.reading(tx, MAIN) == first
        await mirror.keep_reading(tx, MAIN, last)
        assert await mirror.reading(tx, MAIN) == last
        assert await mirror.strangers(tx, [OTHER]) == [MAIN]
    await mirror.forget(database, MAIN)
    async with database.reading() as tx:
        assert await mirror.strangers(tx, []) == []


async def test_a_look_up_goes_by_primary_keys_alone(database: Database) -> None:
    """A million numbers are no reason to read more than the few that are asked for."""
    asked = mirror.SEARCH.params(portal="main", number="112233")
    written = asked.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    async with database.reading() as tx:
        plan = [row.detail for row in await tx.execute(text(f"EXPLAIN QUERY PLAN {written}"))]
    assert plan
    assert not [line for line in plan if line.startswith("SCAN")], plan


async def test_another_country_reads_the_numbers_anew(database: Database) -> None:
    """A national number is another one there: what was kept is forgotten, and a reading begins."""
    russian, german = Mirror(database, MAIN, "RU"), Mirror(database, MAIN, "DE")
    await russian.keep([contact(str(number), f"8 912 555-1{number:03}") for number in range(250)], 1)
    await russian.keep_reading(Reading(region="RU", generation=1, finished=datetime(2026, 3, 10, tzinfo=UTC)))
    assert (await russian.recall()).finished
    assert await found(database, "+79125551001") == ["contact 1"]
    assert await german.recall() == Reading(region="DE")
    assert await found(database, "+79125551001") == []
    async with database.reading() as tx:
        assert await mirrored.count(tx, MAIN) == 0


async def test_what_a_reading_did_not_see_is_removed_however_much_it_is(database: Database) -> None:
    one = Mirror(database, MAIN, REGION)
    await one.keep([contact(str(number), f"1122{number:04}") for number in range(2500)], 1)
    await one.keep([contact("7", "11220007")], 2)
    assert await one.remove_unseen(2) == 2499
    assert (await found(database, "11220007"), await found(database, "11220008")) == (["contact 7"], [])
