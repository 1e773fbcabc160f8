"""A backup is whole whatever is written meanwhile, and comes back as it was."""

from __future__ import annotations

import asyncio
import io
import sqlite3
import tarfile
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from ringbridge import migrations
from ringbridge.routing.intents import PortalId, RecordKey, ShowCard, UserId
from ringbridge.service.backup.archive import NoBackup, Premises, make, manifest_of
from ringbridge.service.backup.folder import Backups, Stopped, last_made
from ringbridge.service.backup.restore import restore
from ringbridge.service.config.backup import BackupConfig
from ringbridge.service.doctor.backup import findings_of
from ringbridge.service.doctor.findings import told
from ringbridge.store import calls, deliveries, schema, settings
from ringbridge.store.database import Database
from ringbridge.store.errors import InUse, NotWritable, SchemaTooNew
from ringbridge.store.keys import PbxId, call_key
from ringbridge.store.vault import Vault
from ringbridge.telephony.model import Call, CallId, Direction

NOW = datetime(2026, 11, 26, 1, 0, tzinfo=UTC)
MOSCOW = ZoneInfo("Europe/Moscow")


@pytest.fixture
def premises(tmp_path: Path) -> Premises:
    data = tmp_path / "data"
    (data / "hooks" / "lib").mkdir(parents=True)
    (data / "hooks" / "lib" / "names.py").write_text("NAMES = {}\n")
    config = tmp_path / "ringbridge.toml"
    config.write_text("port = 8077\n")
    return Premises(database=data / "ringbridge.db", key=data / "secret.key", config=config, hooks=data / "hooks")


def url(premises: Premises) -> str:
    return f"sqlite:///{premises.database}"


async def opened(premises: Premises, *, sole: bool = False) -> Database:
    premises.key.parent.mkdir(exist_ok=True)
    Vault.open(premises.key)
    return await Database.open(url(premises), sole=sole)


async def put(database: Database, section: str, value: int) -> None:
    async with database.transaction() as tx:
        await settings.put(tx, section, {"value": value}, by="test", now=NOW)


def values_in(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return dict(copy.execute("SELECT section, document FROM settings"))


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def found_in(folder: Path, pattern: str) -> list[Path]:
    return list(folder.rglob(pattern))


def unpacked(file: Path, name: str) -> bytes:
    with tarfile.open(file) as archive:
        inside = archive.extractfile(name)
        assert inside is not None
        return inside.read()


async def test_backup_made_while_the_service_writes_is_of_one_moment(premises: Premises, tmp_path: Path) -> None:
    """Two rows are always written together: no copy has one without the other, and none of what came later."""
    target = tmp_path / "b.tar.gz"
    async with await opened(premises, sole=True) as database:
        await put(database, "bulk", 0)
        async with database.transaction() as tx:
            rows = [
                {"section": f"fill {n}", "document": "x" * 4000, "changed": NOW, "changed_by": ""} for n in range(2000)
            ]
            await tx.execute(schema.settings.insert(), rows)
        begun, written, ended = threading.Event(), threading.Event(), asyncio.Event()

        def look() -> None:
            """The copy has begun: it goes on when something has been written beside it."""
            begun.set()
            written.wait(60)

        async def write() -> None:
            number = 0
            while not ended.is_set():
                number += 1
                async with database.transaction() as tx:
                    for one in ("one", "two"):
                        await settings.put(tx, one, {"value": number}, by="test", now=NOW)
                if begun.is_set():
                    written.set()
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            group.create_task(write())
            await asyncio.to_thread(make, premises, target, with_key=False, now=NOW, look=look)
            ended.set()
        async with database.reading() as tx:
            newest = await settings.document_of(tx, "one")
    (tmp_path / "copy.db").write_bytes(unpacked(target, "ringbridge.db"))
    found = values_in(tmp_path / "copy.db")
    assert found.get("one") == found.get("two")
    assert found.get("one") != str(newest)
    assert len(found) >= 2001


async def test_backup_has_hooks_and_configuration_and_the_key_where_it_is_wanted(
    premises: Premises, tmp_path: Path
) -> None:
    await (await opened(premises)).aclose()
    without, with_key = tmp_path / "without.tar.gz", tmp_path / "with.tar.gz"
    make(premises, without, with_key=False, now=NOW)
    make(premises, with_key, with_key=True, now=NOW)
    always = ["manifest.json", "ringbridge.db", "ringbridge.toml", "hooks/lib/names.py"]
    with tarfile.open(without) as archive:
        assert archive.getnames() == always
    assert unpacked(with_key, "secret.key") == premises.key.read_bytes()
    assert without.stat().st_mode & 0o777 == 0o600
    assert manifest_of(without).schema_revision == migrations.HEAD
    assert names_in(tmp_path) == {"data", "ringbridge.toml", "without.tar.gz", "with.tar.gz"}


async def test_what_is_no_backup_is_not_overwritten_and_a_backup_is(premises: Premises, tmp_path: Path) -> None:
    await (await opened(premises)).aclose()
    letter = tmp_path / "letter"
    letter.write_text("Dear Anna")
    with pytest.raises(NoBackup, match="not overwritten"):
        make(premises, letter, with_key=False, now=NOW)
    assert letter.read_text() == "Dear Anna"
    target = tmp_path / "b.tar.gz"
    make(premises, target, with_key=False, now=NOW)
    make(premises, target, with_key=False, now=NOW + timedelta(days=1))
    assert manifest_of(target).made == NOW + timedelta(days=1)


def test_backup_of_nothing_or_to_nowhere_is_refused_in_words(premises: Premises, tmp_path: Path) -> None:
    with pytest.raises(NotWritable, match="no database"):
        make(premises, tmp_path / "b.tar.gz", with_key=False, now=NOW)
    with pytest.raises(NotWritable, match="cannot be written"):
        make(premises, tmp_path / "nowhere" / "b.tar.gz", with_key=False, now=NOW)
    assert not premises.database.exists()


async def test_backup_that_is_broken_off_leaves_nothing(premises: Premises, tmp_path: Path) -> None:
    await (await opened(premises)).aclose()

    def look() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        make(premises, tmp_path / "b.tar.gz", with_key=False, now=NOW, look=look)
    assert names_in(tmp_path) == {"data", "ringbridge.toml"}


# Put back


async def backed_up(premises: Premises, target: Path, *, with_key: bool = False) -> None:
    async with await opened(premises) as database:
        await put(database, "one", 1)
    make(premises, target, with_key=with_key, now=NOW)


async def test_restored_data_are_those_of_the_backup_and_the_present_ones_stay_beside_it(
    premises: Premises, tmp_path: Path
) -> None:
    target = tmp_path / "b.tar.gz"
    await backed_up(premises, target)
    async with await opened(premises) as database:
        await put(database, "one", 2)
    done = restore(target, premises, now=NOW)
    (aside,) = done.aside
    assert (values_in(premises.database)["one"], values_in(aside)["one"]) == ('{"value": 1}', '{"value": 2}')
    assert names_in(premises.database.parent) == {
        "hooks",
        "secret.key",
        "ringbridge.db",
        "ringbridge.db.lock",
        aside.name,
    }
    async with await opened(premises, sole=True) as database, database.reading() as tx:
        assert await settings.document_of(tx, "one") == {"value": 1}


async def test_what_a_killed_service_had_not_moved_into_the_file_yet_stays_with_the_present_data(
    premises: Premises, tmp_path: Path
) -> None:
    target = tmp_path / "b.tar.gz"
    await backed_up(premises, target)
    killed = sqlite3.connect(premises.database, isolation_level=None)  # never closed: its last write is in the log
    killed.execute("PRAGMA wal_autocheckpoint=0")
    killed.execute("UPDATE settings SET document = '{}' WHERE section = 'one'")
    beside = [premises.database.with_name(premises.database.name + ending) for ending in ("", "-wal")]
    kept = [path.read_bytes() for path in beside]
    killed.close()
    for path, content in zip(beside, kept, strict=True):
        path.write_bytes(content)
    (aside,) = restore(target, premises, now=NOW).aside
    assert (values_in(premises.database)["one"], values_in(aside)["one"]) == ('{"value": 1}', "{}")


async def test_running_service_is_not_restored(premises: Premises, tmp_path: Path) -> None:
    target = tmp_path / "b.tar.gz"
    await backed_up(premises, target)
    async with await opened(premises, sole=True) as database:
        await put(database, "one", 2)
        with pytest.raises(InUse, match="stop it first"):
            restore(target, premises, now=NOW)
        async with database.reading() as tx:
            assert await settings.document_of(tx, "one") == {"value": 2}


async def test_on_a_new_machine_everything_is_there_again(premises: Premises, tmp_path: Path) -> None:
    target = tmp_path / "b.tar.gz"
    await backed_up(premises, target, with_key=True)
    there = tmp_path / "there"
    new = Premises(
        database=there / "ringbridge.db", key=there / "secret.key", config=there / "none.toml", hooks=there / "hooks"
    )
    done = restore(target, new, now=NOW)
    assert (done.aside, done.key, done.hooks, done.config_differs) == ((), True, True, True)
    assert new.key.read_bytes() == premises.key.read_bytes()
    assert new.key.stat().st_mode & 0o777 == 0o600
    assert (new.hooks / "lib" / "names.py").read_text() == "NAMES = {}\n"
    assert values_in(new.database)["one"] == '{"value": 1}'


async def test_another_key_makes_room_and_hooks_that_are_there_stay(premises: Premises, tmp_path: Path) -> None:
    target = tmp_path / "b.tar.gz"
    await backed_up(premises, target, with_key=True)
    right = premises.key.read_bytes()
    premises.key.unlink()
    wrong = Vault.open(premises.key) and premises.key.read_bytes()
    (premises.hooks / "lib" / "names.py").write_text("NAMES = {1: 2}\n")
    done = restore(target, premises, now=NOW)
    assert [path.name for path in done.aside] == [
        "secret.key.before-20261126T010000Z",
        "ringbridge.db.before-20261126T010000Z",
    ]
    assert (premises.key.read_bytes(), done.aside[0].read_bytes()) == (right, wrong)
    assert (done.hooks, (premises.hooks / "lib" / "names.py").read_text()) == (False, "NAMES = {1: 2}\n")


def at_revision(path: Path, revision: str) -> None:
    """A database as an older version left it."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


@pytest.mark.parametrize("revision", ["0001", "0007"])
async def test_backup_of_an_older_version_is_restored_and_brought_up_to_date(
    premises: Premises, tmp_path: Path, revision: str
) -> None:
    at_revision(premises.database, revision)
    with closing(sqlite3.connect(premises.database)) as old, old:
        old.execute("INSERT INTO settings VALUES ('one', '{\"value\": 1}', 0, 'an older version')")
    target = tmp_path / "b.tar.gz"
    assert make(premises, target, with_key=False, now=NOW).schema_revision == revision
    premises.database.unlink()
    restore(target, premises, now=NOW)
    async with await opened(premises) as database, database.reading() as tx:
        for table in schema.metadata.sorted_tables:
            await tx.execute(table.select())
        assert await settings.document_of(tx, "one") == {"value": 1}
    make(premises, target, with_key=False, now=NOW)
    assert manifest_of(target).schema_revision == migrations.HEAD


async def test_what_may_have_happened_since_is_not_done_blindly_again(premises: Premises, tmp_path: Path) -> None:
    """Orders that were due are not dialled, open steps are looked up first, and everybody logs in anew."""
    target = tmp_path / "b.tar.gz"
    order = {"portal": "main", "request": "{}", "attempts": 0, "created": NOW}
    async with await opened(premises) as database, database.transaction() as tx:
        for name, hours in (("past", -1), ("later", 1)):
            due = NOW + timedelta(hours=hours)
            row = order | {"id": name, "source": name, "number": name, "state": "waiting", "due": due}
            await tx.execute(schema.orders.insert().values(row))
        user = {"name": "anna", "role": "admin", "extensions": "[]", "password": "", "created": NOW}
        await tx.execute(schema.users.insert().values(user))
        session = {"digest": "d", "user": "anna", "started": NOW, "ends": NOW + timedelta(days=1)}
        await tx.execute(schema.sessions.insert().values(session))
        call = call_key(PbxId("office"), CallId("1.1"))
        await calls.record(tx, PbxId("office"), [Call(id=CallId("1.1"), direction=Direction.INBOUND, start=NOW)])
        wanted = ShowCard(record=RecordKey(call), call=CallId("1.1"), users=(UserId("7"),), ring="1")
        await deliveries.enqueue(tx, PortalId("main"), [wanted], call, NOW)
    make(premises, target, with_key=False, now=NOW - timedelta(hours=2))
    assert restore(target, premises, now=NOW).orders_ended == 1
    async with await opened(premises) as database, database.reading() as tx:
        states = {row.id: row.state for row in await tx.execute(schema.orders.select())}
        sessions = (await tx.execute(schema.sessions.select())).all()
        doubts = [row.uncertain for row in await tx.execute(schema.deliveries.select())]
    assert doubts == [True]
    assert (states, sessions) == ({"past": "ended", "later": "waiting"}, [])


def repacked(file: Path, target: Path, **changed: bytes) -> None:
    """The same archive with other contents under these names, ``_`` for a dot or a slash."""
    with tarfile.open(file) as old, tarfile.open(target, "w:gz") as new:
        for member in old:
            inside = old.extractfile(member)
            assert inside is not None
            content = changed.get(member.name.replace(".", "_"), inside.read())
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))


async def test_newer_or_broken_backup_changes_nothing(premises: Premises, tmp_path: Path) -> None:
    good, bad = tmp_path / "b.tar.gz", tmp_path / "bad.tar.gz"
    await backed_up(premises, good)
    manifest = unpacked(good, "manifest.json")
    before = premises.database.read_bytes()

    def refused(words: str, kind: type[Exception] = NoBackup) -> None:
        with pytest.raises(kind, match=words):
            restore(bad, premises, now=NOW)
        assert premises.database.read_bytes() == before
        assert not found_in(premises.database.parent, "*restoring*")

    repacked(good, bad, manifest_json=manifest.replace(f'"{migrations.HEAD}"'.encode(), b'"9999"'))
    refused("A newer Ringbridge wrote", SchemaTooNew)
    repacked(good, bad, ringbridge_db=unpacked(good, "ringbridge.db")[:-4096])
    refused("not what it says")
    bad.write_bytes(good.read_bytes()[:-2000])
    refused("broken")
    bad.write_bytes(b"Dear Anna")
    refused("no backup of Ringbridge")
    bad.unlink()
    refused("There is no file")


async def test_archive_made_by_somebody_else_writes_nowhere_else(premises: Premises, tmp_path: Path) -> None:
    good, bad = tmp_path / "b.tar.gz", tmp_path / "bad.tar.gz"
    await backed_up(premises, good)
    with tarfile.open(good) as old, tarfile.open(bad, "w:gz") as new:
        for member in old:
            new.addfile(member, old.extractfile(member))
        for name in ("hooks/../../../evil", "../evil", "/evil"):
            info = tarfile.TarInfo(name)
            info.size = 4
            new.addfile(info, io.BytesIO(b"evil"))
    with pytest.raises(NoBackup, match="outside"):
        restore(bad, premises, now=NOW)
    assert not found_in(tmp_path, "evil*")


# Every day


async def test_what_a_killed_service_left_of_a_backup_goes_with_the_next(premises: Premises, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    (folder / ".backup-killed").mkdir(parents=True)
    async with await opened(premises) as database:
        await Backups(BackupConfig(), premises, database, folder=folder, zone=MOSCOW, clock=lambda: NOW).make()
    assert names_in(folder) == {"ringbridge-20261126T010000Z.tar.gz"}


@pytest.fixture
def clock() -> list[datetime]:
    return [NOW]


async def test_one_is_due_every_day_and_the_oldest_go(
    premises: Premises, tmp_path: Path, clock: list[datetime]
) -> None:
    """03:30 in Moscow is 00:30 UTC."""
    async with await opened(premises) as database:
        config = BackupConfig(daily=True, keep=2)
        folder = tmp_path / "backups"
        backups = Backups(config, premises, database, folder=folder, zone=MOSCOW, clock=lambda: clock[0])
        assert backups.is_due(), "none was ever made"
        first = await backups.make()
        assert not backups.is_due()
        clock[0] += timedelta(hours=23, minutes=29)
        assert not backups.is_due()
        clock[0] += timedelta(minutes=1)
        assert backups.is_due()
        second = await backups.make()
        clock[0] += timedelta(days=1)
        third = await backups.make()
        assert [one.name for one in backups.kept()] == [third.name, second.name]
        assert not first.path.exists()
        assert await last_made(database) == third.made
        (folder / "notes.txt").touch()
        assert len(backups.kept()) == 2


async def test_scheduled_backup_is_made_by_itself_where_it_is_wanted(premises: Premises, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    async with await opened(premises) as database:
        backups = Backups(BackupConfig(daily=True), premises, database, folder=folder, zone=MOSCOW)
        running = asyncio.create_task(backups.run())
        async with asyncio.timeout(60):
            while not await last_made(database):  # noqa: ASYNC110 - a row tells nobody that it was written
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert len(backups.kept()) == 1
        await Backups(BackupConfig(), premises, database, folder=folder, zone=MOSCOW).run()  # ends at once


@pytest.mark.parametrize(
    ("config", "age", "said"),
    [
        (BackupConfig(), None, "warning  Backup: none was made yet"),
        (BackupConfig(daily=True), timedelta(hours=35), "ok       Backup: the last one is of 2026-11-24 17:00"),
        (
            BackupConfig(daily=True),
            timedelta(hours=37),
            "failure  Backup: the last one is of 2026-11-24 15:00, and one",
        ),
        (BackupConfig(), timedelta(days=7), "ok       Backup: the last one is of 2026-11-19 04:00"),
        (BackupConfig(), timedelta(days=9), "warning  Backup: the last one is of 2026-11-17 04:00"),
    ],
)
def test_doctor_tells_how_old_the_last_one_is(
    tmp_path: Path, config: BackupConfig, age: timedelta | None, said: str
) -> None:
    noted = NOW - age if age else None
    (line, *_) = told(findings_of(config, tmp_path / "none", noted, NOW, MOSCOW))
    assert line.startswith(said)
