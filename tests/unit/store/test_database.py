from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, func, insert, select, text

from ringbridge.store import schema
from ringbridge.store.database import Database, Transaction
from ringbridge.store.errors import Damaged, DiskFull, InUse, NotWritable, SchemaTooNew, StoreError

OF_SQLITE = "story_words"
"""The index of words, and the tables that SQLite makes for it."""


async def add(tx: Transaction, name: str) -> None:
    await tx.execute(insert(schema.portals).values(portal=name))


async def portals(database: Database) -> set[str]:
    async with database.reading() as tx:
        return set((await tx.execute(select(schema.portals.c.portal))).scalars())


async def test_migrations_make_exactly_the_tables_that_the_code_speaks_of(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        opts = {"compare_type": True, "include_name": lambda name, kind, _: not str(name).startswith(OF_SQLITE)}
        context = MigrationContext.configure(connection, opts=opts)
        return list(compare_metadata(context, schema.metadata))

    with database._readers.connect() as connection:
        assert differences(connection) == []


async def test_partial_indexes_are_those_that_the_code_speaks_of(database: Database) -> None:
    """What a partial index holds is not compared by alembic, and a query that says it otherwise does not use it."""
    async with database.reading() as tx:
        made = (await tx.execute(text("SELECT sql FROM sqlite_master WHERE sql LIKE '%WHERE%'"))).scalars().all()
    for index in (i for t in schema.metadata.tables.values() for i in t.indexes):
        if (where := index.dialect_options["sqlite"]["where"]) is not None:
            assert [sql for sql in made if str(index.name) in sql and sql.endswith(f"WHERE {where}")]


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(url: str) -> None:
    async with await Database.open(url) as database, database.transaction() as tx:
        await add(tx, "b24")
        await tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNew, match="9999"):
        await Database.open(url)


async def test_a_half_made_schema_is_not_left_behind(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("alembic.operations.Operations.create_index", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await Database.open(url)
    async with await Database.open(url) as database:
        assert await portals(database) == set()


def test_processes_that_start_together_agree_on_one_schema(url: str) -> None:
    program = (
        "import asyncio, sys; from ringbridge.store.database import Database\n"
        "async def main():\n    async with await Database.open(sys.argv[1]): pass\n"
        "asyncio.run(main())"
    )
    started = [subprocess.Popen([sys.executable, "-c", program, url]) for _ in range(3)]
    assert [process.wait() for process in started] == [0, 0, 0]


async def test_the_file_is_durable_and_for_our_eyes_only(database: Database) -> None:
    async with database.reading() as tx:
        pragmas = {
            name: (await tx.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    assert database.path.stat().st_mode & 0o777 == 0o600


async def test_only_one_service_may_have_it_and_a_dead_one_does_not_count(url: str) -> None:
    async with await Database.open(url, sole=True):
        with pytest.raises(InUse, match="process"):
            await Database.open(url, sole=True)
        async with await Database.open(url):  # the command line
            pass
    async with await Database.open(url, sole=True):
        pass


@pytest.mark.parametrize("bad", ["postgresql://host/db", "sqlite://", "sqlite:///:memory:"])
async def test_an_address_that_is_no_file_is_refused(bad: str) -> None:
    with pytest.raises(StoreError, match=r"SQLite|file"):
        await Database.open(bad)


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotWritable, match=r"ringbridge\.db"):
        await Database.open(f"sqlite:///{tmp_path}/file/ringbridge.db")
    with pytest.raises(NotWritable, match=r"ringbridge\.db"):
        await Database.open("sqlite:////proc/nowhere/ringbridge.db")


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "ringbridge.db").write_text("these are the recordings of last year " * 99)
    with pytest.raises(Damaged, match=r"ringbridge\.db"):
        await Database.open(f"sqlite:///{tmp_path}/ringbridge.db")


async def test_many_writers_never_meet_a_lock_and_lose_nothing(url: str) -> None:
    async def write(database: Database, name: str) -> None:
        async with database.transaction() as tx:
            await add(tx, name)
            await portals(database)  # somebody reads meanwhile

    async with await Database.open(url) as one, await Database.open(url) as other:
        async with asyncio.TaskGroup() as tasks:
            for n in range(60):
                tasks.create_task(write(one if n % 3 else other, str(n)))
        assert await portals(one) == {str(n) for n in range(60)}


async def test_a_reader_does_not_wait_for_a_writer_and_sees_only_what_is_committed(database: Database) -> None:
    async with database.transaction() as tx:
        await add(tx, "b24")
        assert await portals(database) == set()
    assert await portals(database) == {"b24"}


async def test_more_readers_than_connections_take_turns(database: Database) -> None:
    async with database.transaction() as tx:
        await add(tx, "b24")
    assert await asyncio.gather(*(portals(database) for _ in range(40))) == [{"b24"}] * 40


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(StoreError):
        async with database.reading() as tx:
            await add(tx, "b24")


async def test_a_glance_sees_what_was_written_since_the_last_one_whoever_left_rows_unread(database: Database) -> None:
    async with database.transaction() as tx:
        await add(tx, "a")
        await add(tx, "b")
    for name in ("c", "d"):
        with database.glance() as tx:
            left = await tx.execute(select(schema.portals.c.portal).order_by(schema.portals.c.portal))
            next(iter(left))
        async with database.transaction() as tx:
            await add(tx, name)
        with database.glance() as tx:
            seen = (await tx.execute(select(schema.portals.c.portal))).scalars().all()
        assert name in seen


async def test_a_glance_cannot_write(database: Database) -> None:
    with pytest.raises(StoreError), database.glance() as tx:
        await add(tx, "b24")


async def test_what_raises_is_rolled_back_and_announced_to_nobody(database: Database) -> None:
    heard: list[str] = []

    async def fail() -> None:
        async with database.transaction() as tx:
            tx.after_commit(lambda: heard.append("rolled back"))
            await add(tx, "b24")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.transaction() as tx:
        tx.after_commit(lambda: heard.append("committed"))
        await add(tx, "amo")
        assert heard == []
    assert heard == ["committed"]
    assert await portals(database) == {"amo"}


async def test_a_cancelled_writer_leaves_all_or_nothing_and_holds_nobody_up(database: Database) -> None:
    announced: set[str] = set()

    async def write(name: str) -> None:
        async with database.transaction() as tx:
            tx.after_commit(lambda: announced.add(name))
            await add(tx, f"{name}a")
            await add(tx, f"{name}b")

    chance = random.Random(7)
    for n in range(80):
        task = asyncio.create_task(write(str(n)))
        for _ in range(chance.randrange(30)):
            await asyncio.sleep(0)
            await asyncio.to_thread(int)  # lets the driver's thread go on by a random bit
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await write("last")
    assert await portals(database) == {f"{name}{half}" for name in announced for half in "ab"}


async def test_a_full_disk_is_told_and_loses_nothing(database: Database) -> None:
    async with database.transaction() as tx:
        await add(tx, "b24")
        pages = (await tx.execute(text("PRAGMA page_count"))).scalar_one()
        await tx.execute(text(f"PRAGMA max_page_count = {pages + 3}"))
    stored = 0

    async def fill() -> None:
        nonlocal stored
        for n in range(100):
            async with database.transaction() as tx:
                await tx.execute(insert(schema.portals).values(portal=str(n), facts="x" * 4000))
            stored = n + 1

    with pytest.raises(DiskFull, match=r"ringbridge\.db is full: free some space"):
        await fill()
    assert await portals(database) == {"b24", *map(str, range(stored))}
    async with database.transaction() as tx:
        await tx.execute(text("PRAGMA max_page_count = 100000"))
        await add(tx, "again")
    async with database.reading() as tx:
        assert (await tx.execute(select(func.count()).select_from(schema.portals))).scalar_one() == stored + 2
        assert (await tx.execute(text("PRAGMA integrity_check"))).scalar_one() == "ok"
