from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from tests.stateful.sample_calls import NOON, PORTAL, SECOND

from ringbridge.crm.contract import CrmUser
from ringbridge.routing.intents import UserId
from ringbridge.store import directory, portals, schema, settings
from ringbridge.store.database import Database
from ringbridge.store.errors import SecretsLocked
from ringbridge.store.settings import Secret
from ringbridge.store.vault import Vault

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.text().map(Secret),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.open(tmp_path / "keys" / "secret.key")


def test_the_key_is_made_once_and_only_we_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "secret.key"
    sealed = Vault.open(path).seal("пароль")
    assert "пароль" not in sealed
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["secret.key"]
    assert Vault.open(path).unseal(sealed) == "пароль"


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    Vault.open(tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(SecretsLocked, match="chmod 600"):
        Vault.open(tmp_path / "key")


@pytest.mark.parametrize("content", [b"", b"hunter2\n", b"\xff\xfe\x00"])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(SecretsLocked, match="not a key file"):
        Vault.open(tmp_path / "key")


def test_a_key_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SecretsLocked, match="cannot be used"):
        Vault.open(tmp_path / "file" / "key")


def test_a_key_that_is_needed_and_missing_is_asked_for_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(SecretsLocked, match="Put it back from the backup"):
        Vault.open(tmp_path / "secret.key", needed=True)
    assert list(tmp_path.iterdir()) == []


async def test_it_is_known_whether_a_key_is_needed(database: Database, vault: Vault) -> None:
    async with database.transaction() as tx:
        await settings.save(tx, vault, "pbx", {"host": "pbx"}, by="admin", now=NOON)
        assert not await settings.holds_secrets(tx)
        await settings.save(tx, vault, "pbx", {"pbx": [{"password": Secret("x")}]}, by="admin", now=NOON)
        assert await settings.holds_secrets(tx)
        await settings.remove(tx, "pbx", by="admin", now=NOON)
        assert not await settings.holds_secrets(tx)
        await portals.save_tokens(tx, vault, PORTAL, {"access": "x"})
        assert await settings.holds_secrets(tx)


def test_a_new_key_in_front_seals_and_the_old_one_behind_it_still_opens(tmp_path: Path) -> None:
    path = tmp_path / "key"
    old = Vault.open(path).seal("old")
    first = path.read_bytes()
    path.write_bytes(Fernet.generate_key() + b"\n" + first)
    rotated = Vault.open(path)
    assert rotated.unseal(old) == "old"
    path.write_bytes(path.read_bytes().split(b"\n")[0])
    assert Vault.open(path).unseal(rotated.seal("new")) == "new"


def test_a_key_of_another_database_says_what_to_do(tmp_path: Path) -> None:
    sealed = Vault.open(tmp_path / "one").seal("x")
    with pytest.raises(SecretsLocked, match="put back"):
        Vault.open(tmp_path / "other").unseal(sealed)


@given(document=st.dictionaries(st.text(), JSON, max_size=4))
def test_any_document_comes_back_with_its_secrets_and_is_kept_without(
    document: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    vault = Vault.open(tmp_path_factory.getbasetemp() / "key")
    kept = settings.sealed(document, vault)
    assert settings.opened(kept, vault) == document
    assert types(settings.opened(kept, vault)) == types(document)
    assert Secret not in types(kept)


def types(value: object) -> set[type]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {type(value)}.union(*(types(part) for part in inner))


def test_a_secret_is_not_shown_by_accident() -> None:
    assert "hunter2" not in repr({"password": Secret("hunter2")})


async def test_a_changed_section_is_kept_with_who_changed_it_and_no_secret_is_readable(
    database: Database, vault: Vault
) -> None:
    documents = [{"host": "pbx", "password": Secret("hunter2")}, {"host": "pbx2", "password": Secret("hunter3")}]
    async with database.transaction() as tx:
        assert await settings.load(tx, vault, "pbx") is None
        for n, document in enumerate(documents):
            await settings.save(tx, vault, "pbx", document, by=f"admin{n}", now=NOON + n * SECOND)
        await settings.save(tx, vault, "rules", {"rows": [1, None]}, by="admin", now=NOON)
    async with database.reading() as tx:
        assert await settings.load(tx, vault, "pbx") == documents[1]
        assert await settings.load_all(tx, vault) == {"pbx": documents[1], "rules": {"rows": [1, None]}}
        newest, first = await settings.changes(tx, "pbx")
        kept = [*(await tx.execute(select(schema.settings))), *(await tx.execute(select(schema.settings_audit)))]
    assert (newest.by, newest.at, first.before) == ("admin1", NOON + SECOND, None)
    assert newest.before == first.after
    assert "hunter" not in str(kept)


async def test_a_removed_section_is_gone_and_the_audit_still_knows_it(database: Database, vault: Vault) -> None:
    async with database.transaction() as tx:
        await settings.save(tx, vault, "pbx", {"host": "pbx"}, by="admin", now=NOON)
        await settings.remove(tx, "pbx", by="other", now=NOON)
        await settings.remove(tx, "pbx", by="other", now=NOON)
        assert await settings.load(tx, vault, "pbx") is None
        assert [(c.by, c.before, c.after) for c in await settings.changes(tx)] == [
            ("other", {"host": "pbx"}, None),
            ("admin", None, {"host": "pbx"}),
        ]


async def test_tokens_are_sealed_and_the_last_ones_count(database: Database, vault: Vault) -> None:
    async with database.transaction() as tx:
        assert await portals.tokens(tx, vault, PORTAL) is None
        for token in ("first", "second"):
            await portals.save_tokens(tx, vault, PORTAL, {"refresh_token": token})
        assert await portals.tokens(tx, vault, PORTAL) == {"refresh_token": "second"}
        assert "second" not in str((await tx.execute(select(schema.portals))).all())


async def test_what_is_learned_of_a_portal_is_added_up_and_parking_leaves_it(database: Database) -> None:
    async with database.transaction() as tx:
        await portals.learn(tx, PORTAL, {"domain": "old.example", "plan": "basic"})
        await portals.learn(tx, PORTAL, {"domain": "new.example", "plan": None})
        await portals.park(tx, PORTAL, reason="the key is refused", until=None, now=NOON)
        await portals.park(tx, PORTAL, reason="still refused", until=None, now=NOON + SECOND)
        assert await portals.learned(tx, PORTAL) == {"domain": "new.example"}
        assert await portals.parked(tx, PORTAL) == portals.Parked(since=NOON, reason="still refused")
        await portals.unpark(tx, PORTAL)
        assert await portals.parked(tx, PORTAL) is None
        assert await portals.learned(tx, PORTAL) == {"domain": "new.example"}


async def test_a_portals_users_are_replaced_as_a_whole_and_others_are_left_alone(database: Database) -> None:
    anna = CrmUser(
        id=UserId("1"), name="Анна", active=True, extensions=("101",), phones=("+7 916",), email="a@example.com"
    )
    boris = CrmUser(id=UserId("2"), name="Борис", active=False)
    async with database.transaction() as tx:
        await directory.replace(tx, portals.PortalId("amo"), [boris])
        await directory.replace(tx, PORTAL, [boris])
        await directory.replace(tx, PORTAL, [anna, boris, anna])
        read = await directory.read(tx, PORTAL)
        assert [(u.id, u.name, u.active, u.extensions, u.phones, u.email) for u in read] == [
            ("1", "Анна", True, ("101",), ("+7 916",), "a@example.com"),
            ("2", "Борис", False, (), (), ""),
        ]
        await directory.replace(tx, PORTAL, [])
        assert await directory.read(tx, PORTAL) == []
        assert len(await directory.read(tx, portals.PortalId("amo"))) == 1
