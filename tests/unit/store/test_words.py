"""Calls found by words: of a client's name in the CRM, of what was told about the call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from tests.stateful.sample_calls import NOON, PBX, SECOND, a_call

from ringbridge import migrations
from ringbridge.routing.clients import MirrorClient, Ref
from ringbridge.routing.intents import PortalId
from ringbridge.store import calls, mirror, retention, words
from ringbridge.store.calls import Cursor, Filters, StoryKind, StoryLine
from ringbridge.store.database import Database
from ringbridge.store.mirror import Mirror, Reading
from ringbridge.store.words import MOST_CLIENTS, is_named, named, names_of, words_of
from ringbridge.telephony.model import Call, Disposition

MAIN, OTHER = PortalId("main"), PortalId("other")
REGION = "RU"
DAY = timedelta(days=1)


def client(number: str, name: str, *phones: str, kind: str = "contact", company: str = "") -> MirrorClient:
    ref = Ref(kind=kind, id=number)
    return MirrorClient(ref=ref, name=name, responsible=None, phones=phones, company_name=company)


async def mirror_has(database: Database, *clients: MirrorClient, portal: PortalId = MAIN) -> None:
    kept = Mirror(database, portal, REGION)
    await kept.keep_reading(Reading(region=REGION, generation=1))
    await kept.keep(clients, 1)


async def numbers_of(database: Database, name: str) -> set[str]:
    async with database.reading() as tx:
        return set((await named(tx, name, REGION)).numbers)


def ended(n: int, *, minutes: float = 0, **more: object) -> Call:
    start = NOON + timedelta(minutes=minutes)
    return replace(
        a_call(n, start, end=start + 60 * SECOND, disposition=Disposition.MISSED),
        **more,  # type: ignore[arg-type]
    )


async def told_of(database: Database, call: Call, *lines: str, kind: StoryKind = StoryKind.DECIDED) -> None:
    async with database.transaction() as tx:
        await calls.record(
            tx, PBX, [call], {call.id: [StoryLine(at=call.start, kind=kind, text=line) for line in lines]}
        )


async def found(database: Database, filters: Filters, limit: int = 50) -> list[str]:
    """Numbers of the calls, page by page."""
    seen: list[str] = []
    before: Cursor | None = None
    while True:
        async with database.reading() as tx:
            page = await calls.page(tx, before, limit, filters)
        seen += [entry.call.id.rpartition(".")[2] for entry in page.entries]
        if (before := page.older) is None:
            return seen


# Names


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("Алёна Ёлкина", "елкина"),
        ("Елкина Алена", "Ёлкина алёна"),
        ("ООО «Ромашка-Север» №1", "ромашка север"),
        ("Андрей Йодль", "андрей йод"),
        ("Jürgen Müller", "muller jur"),
        ("O'Neil", "o neil"),
    ],
)
def test_name_is_known_whatever_its_spelling_and_the_order_of_its_words(name: str, asked: str) -> None:
    assert is_named(name, asked)


def test_name_is_not_known_by_the_middle_of_a_word_nor_by_no_word_at_all() -> None:
    assert not is_named("Иван Петров", "ван")
    assert not is_named("Иван Петров", "иван сидоров")
    assert not is_named("Иван Петров", " … ")


@given(st.text())
def test_words_have_one_spelling(name: str) -> None:
    assert words_of(" ".join(words_of(name))) == words_of(name)


async def test_clients_are_found_by_their_names_and_by_their_companys(database: Database) -> None:
    await mirror_has(
        database,
        client("1", "Иван Петров", "+7 912 555-11-22", "84951234567"),
        client("2", "Пётр Иванов", "79036667788", company="ООО Ромашка"),
        client("3", "Ромашка", "73432723033", kind="company"),
    )
    await mirror_has(database, client("1", "Иванна", "79001112233", kind="lead"), portal=OTHER)

    assert await numbers_of(database, "петр иван") == {"79125551122", "74951234567", "79036667788"}
    assert await numbers_of(database, "ромашка") == {"79036667788", "73432723033"}
    assert await numbers_of(database, "иванна") == {"79001112233"}
    assert await numbers_of(database, "сидоров") == await numbers_of(database, "«»") == set()


async def test_client_of_another_name_is_found_by_the_new_one_alone_and_still_by_number(database: Database) -> None:
    await mirror_has(database, client("1", "Анна Смирнова", "79125551122"))
    await mirror_has(database, client("1", "Анна Орлова", "79125551122"))
    assert await numbers_of(database, "смирнова") == set()
    assert await numbers_of(database, "орлова") == {"79125551122"}
    assert [one.name for one in await mirror.find(database, MAIN, "89125551122", REGION)] == ["Анна Орлова"]

    await Mirror(database, MAIN, REGION).remove([Ref(kind="contact", id="1")])
    async with database.reading() as tx:
        assert list(await tx.execute(text("SELECT * FROM mirror_keys"))) == []


async def test_numbers_have_the_names_of_their_clients_the_contacts_before_the_leads(database: Database) -> None:
    number = "79125551122"
    await mirror_has(
        database,
        client("1", "Заявка с сайта", number, kind="lead"),
        client("10", "Анна Ли", number),
        client("9", "Анна Смирнова", number),
        client("7", "", "79036667788"),
    )
    async with database.reading() as tx:
        asked = ["8 912 555-11-22", number, "79036667788", "79000000000", "anonymous", "", None]
        assert await names_of(tx, asked, REGION) == {"8 912 555-11-22": "Анна Смирнова", number: "Анна Смирнова"}
        assert await names_of(tx, [], REGION) == {}


async def test_of_very_many_clients_of_one_name_some_are_taken_and_it_is_said(database: Database) -> None:
    many = [client(str(n), f"Иван {n}", f"7912{n:07}") for n in range(MOST_CLIENTS + 5)]
    await mirror_has(database, *many)
    async with database.reading() as tx:
        some, one = await named(tx, "иван", REGION), await named(tx, "иван 17", REGION)
    assert (len(some.numbers), some.more) == (MOST_CLIENTS, True)
    assert (one.numbers[0], one.more) == ("79120000017", False)


async def test_calls_of_several_numbers_are_found_however_each_is_written(database: Database) -> None:
    for n, external in enumerate(("89125551122", "79125551122", "+79036667788", "79000000000", None)):
        await told_of(database, ended(n, minutes=n, external=external))
    numbers = ("79125551122", "79036667788")
    assert await found(database, Filters(numbers=numbers), limit=2) == ["2", "1", "0"]
    assert await found(database, Filters(numbers=numbers, until=NOON + timedelta(minutes=1))) == ["0"]
    assert await found(database, Filters(numbers=())) == []


# The story


@pytest.fixture(params=[0, 3, words.NEWEST], ids=["by the index", "by both", "among the newest"])
def looked_at(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls whose stories are read before the index is asked: what is found is the same."""
    monkeypatch.setattr(words, "NEWEST", request.param)


@pytest.mark.usefixtures("looked_at")
async def test_call_is_found_by_the_words_of_what_was_decided_about_it(database: Database) -> None:
    await told_of(database, ended(1), "b24: hook note.py said: Жалоба на доставку, ещё не решена")
    await told_of(database, ended(2, minutes=1), "b24: register the call", "b24: finish the call: answered, 74 s")

    assert await found(database, Filters(text="жалоба достав")) == ["1"]
    assert await found(database, Filters(text="еще")) == await found(database, Filters(text="ЕЩЁ")) == ["1"]
    assert await found(database, Filters(text="b24")) == ["2", "1"]
    assert await found(database, Filters(text="register answered")) == []  # no line has both
    assert await found(database, Filters(text="доставку OR register")) == []  # words, no language of queries
    assert await found(database, Filters(text='"*')) == []


@pytest.mark.usefixtures("looked_at")
async def test_of_what_asterisk_says_the_callers_name_is_found_and_no_channel(database: Database) -> None:
    said = (
        "Newchannel PJSIP/mango-00000007 from 79125551122 (ООО Ромашка) to 73432723033",
        "Ringing PJSIP/101-0000000a",
    )
    await told_of(database, ended(1), *said, kind=StoryKind.HEARD)
    assert await found(database, Filters(text="ромашка")) == ["1"]
    assert await found(database, Filters(text="ringing")) == []


@pytest.mark.usefixtures("looked_at")
async def test_words_and_everything_else_are_asked_for_together_page_by_page(database: Database) -> None:
    for n in range(12):
        call = ended(n, minutes=n, trunk="mango" if n % 2 else "mtt", external=f"7912555110{n % 3}")
        await told_of(database, call, f"b24: note {n}", "b24: twice told, one note")
    assert await found(database, Filters(text="note"), limit=5) == [str(n) for n in reversed(range(12))]
    assert await found(database, Filters(text="note", trunk="mango"), limit=2) == ["11", "9", "7", "5", "3", "1"]
    assert await found(database, Filters(text="note", trunk="mango", number="1100")) == ["9", "3"]
    assert await found(database, Filters(text="note", since=NOON + timedelta(minutes=10))) == ["11", "10"]
    assert await found(database, Filters(text="note", own=("777",))) == []
    async with database.reading() as tx:
        assert await calls.count(tx, Filters(text="note", trunk="mango")) == 6


async def test_of_many_lines_with_a_word_those_written_last_are_looked_at(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(12):
        await told_of(database, ended(n, minutes=n, trunk="mango" if n % 2 else "mtt"), f"b24: note {n}")
    monkeypatch.setattr("ringbridge.store.words.NEWEST", 0)
    monkeypatch.setattr("ringbridge.store.words.MOST_FOUND", 3)
    assert await found(database, Filters(text="note")) == ["11", "10", "9"]
    assert await found(database, Filters(text="note"), limit=2) == [str(n) for n in reversed(range(12))]
    monkeypatch.setattr("ringbridge.store.words.MOST_LINES", 5)
    assert await found(database, Filters(text="note", trunk="mtt")) == ["10", "8"]


async def test_beside_a_rare_word_one_of_every_call_is_asked_for_as_it_stands_there(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index would read all lines that have it."""
    monkeypatch.setattr("ringbridge.store.words.NEWEST", 4)
    for n in range(12):
        await told_of(database, ended(n, minutes=n), f"b24: note {n}", f"b24: notes {'олень' if n == 2 else n}")
    assert await found(database, Filters(text="оле notes")) == ["2"]
    assert await found(database, Filters(text="оле not")) == ["2"]
    assert await found(database, Filters(text="note"), limit=2) == [str(n) for n in reversed(range(12))]
    async with database.reading() as tx:
        newest = [entry.key for entry in (await calls.page(tx, limit=4)).entries]
        assert await words.told_of(tx, newest, "note not оле") == words.Told(
            calls=frozenset(), common={"note": ["note", "notes"], "not": ["note", "notes"]}
        )


async def test_what_begins_another_word_in_every_call_is_found_in_all_of_them(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a telephone number's beginning does."""
    monkeypatch.setattr("ringbridge.store.words.NEWEST", 30)
    for n in range(40):
        await told_of(database, ended(n, minutes=n), f"b24: from 79125550{n:03} {'олень' if n == 2 else ''}")
    assert await found(database, Filters(text="7912 олень")) == ["2"]


async def test_a_word_of_every_call_is_found_in_a_period_of_long_ago_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a line was written days after its call."""
    monkeypatch.setattr("ringbridge.store.words.NEWEST", 0)
    monkeypatch.setattr("ringbridge.store.words.MOST_LINES", 12)
    for n in range(40):
        await told_of(database, ended(n, minutes=n * 24 * 60), f"b24: note {n}")
        if n == 6:
            await told_of(database, ended(3, minutes=3 * 24 * 60), "b24: late")
    assert await found(database, Filters(text="note", until=NOON + 3 * DAY)) == ["2", "1", "0"]
    assert await found(database, Filters(text="late", since=NOON, until=NOON + 4 * DAY)) == ["3"]
    assert await found(database, Filters(text="note"), limit=2) == [str(n) for n in reversed(range(40))]
    async with database.reading() as tx:
        assert await calls.count(tx, Filters(text="note", until=NOON + 3 * DAY)) == 3


@pytest.mark.usefixtures("looked_at")
async def test_what_is_forgotten_is_found_no_more_and_leaves_no_word_behind(database: Database) -> None:
    await told_of(database, ended(1), "b24: an old complaint", "b24: nothing")
    await told_of(database, ended(2, minutes=60 * 24 * 40), "b24: a new complaint")
    async with database.transaction() as tx:
        assert await retention.forget(tx, NOON + DAY) == 1
    assert await found(database, Filters(text="complaint")) == ["2"]
    async with database.transaction() as tx:
        await tx.execute(text("INSERT INTO story_words (story_words, rank) VALUES ('integrity-check', 1)"))


# A journal and a mirror from before


def brought_up_to(revision: str, url: str, before: Iterable[str] = ()) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in before:
            connection.execute(text(statement))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


OLD_CALL = '{"id": "7.1", "direction": "inbound", "start": "2026-11-25T12:00:00Z"}'
OLDER = (
    f"INSERT INTO calls VALUES ('old-7.1', 'old', 0, 1, 'inbound', NULL, '', NULL, NULL, NULL, '', 0, '{OLD_CALL}')",
    "INSERT INTO story VALUES (1, 'old-7.1', 0, 'decided', 'b24: Ещё одна жалоба')",
    "INSERT INTO story VALUES (2, 'old-7.1', 0, 'heard', 'Ringing PJSIP/101')",
    """INSERT INTO mirror_things VALUES ('main', 'contact', '1', 'Алёна Ли', NULL, NULL, '', '["89125551122"]', 1)""",
    "INSERT INTO mirror_keys VALUES ('main', '79125551122', 'contact', '1')",
    "INSERT INTO mirror_readings (portal, region, generation, read, differing) VALUES ('main', 'RU', 1, 1, 0)",
)


async def test_stories_and_clients_of_an_older_version_are_found_too(url: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    brought_up_to("0013", url)
    brought_up_to("head", url, OLDER)
    async with await Database.open(url) as database:
        assert await found(database, Filters(text="еще жалоба")) == ["1"]
        assert await found(database, Filters(text="ringing")) == []
        assert await numbers_of(database, "алена") == {"79125551122"}
