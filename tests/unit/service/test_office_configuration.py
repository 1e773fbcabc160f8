"""The office's configuration: read, refused with reasons, written and read again, kept with its secrets sealed."""

import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringbridge.service.config import ConfigError, document_of, office_of, read_office, write_office
from ringbridge.service.settings import load_office, save_office
from ringbridge.store.database import Database
from ringbridge.store.vault import Vault

EXAMPLE = Path("docs/office.example.toml")

SMALL = {
    "pbx": [{"name": "office", "username": "ringbridge", "secret": "pbx-secret"}],
    "trunk": [{"name": "mango", "line": "73432723033"}],
    "portal": [{"name": "main", "webhook": "https://example.bitrix24.ru/rest/1/hook-secret/", "default_user": "1"}],
    "employee": [{"name": "Иван Петров", "extensions": ["101"], "users": {"main": "5"}}],
    "rule": [{"name": "no spam", "numbers": ["+79991112233"], "register": False}],
}


def changed(**parts: object) -> dict[str, object]:
    return {**SMALL, **parts}


def test_what_is_exported_imports_to_the_same_office():
    office = office_of(SMALL)
    assert office_of(tomllib.loads(write_office(office))) == office


def test_the_example_in_the_documentation_is_an_office_with_a_pbx_and_a_portal():
    office = read_office(EXAMPLE)
    assert (len(office.pbx), len(office.portal)) == (1, 1)
    assert office_of(tomllib.loads(write_office(office))) == office


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (
            {"pbx": [{"name": "office", "user": "x", "secret": "y"}]},
            ["pbx[1].username: is missing", "pbx[1].user: no such"],
        ),
        (
            {"pbx": [{"name": "Main Office", "username": "x", "secret": "y"}]},
            ["pbx[1].name: 'Main Office' is no name: small Latin letters"],
        ),
        (
            {"pbx": [{"name": "office", "username": "x", "secret": "y", "port": "many"}]},
            ["pbx[1].port: write a whole number (given: 'many')"],
        ),
        (
            {"employee": [{"name": 5, "extensions": "101"}]},
            ["employee[1].name: write a text in quotes", "employee[1].extensions: write a list"],
        ),
        ({"rule": [{"name": "x", "task": {"titel": "y"}}]}, ["rule[1].task.titel: no such setting"]),
        ({"trunk": [{"name": "mango"}, {"name": "mango"}]}, ["trunk mango stands twice"]),
        ({"portal": [{"name": "main", "default_user": "1"}]}, ["give webhook or oauth, one of the two"]),
        ({"portal": [{"name": "main", "default_user": "1", "kind": "amocrm"}]}, ["give amocrm"]),
        (
            {"portal": [{"name": "main", "default_user": "1", "kind": "amocrm", "amocrm": {}}]},
            ["portal[1].amocrm: give a long-lived token"],
        ),
        ({"portal": [{"name": "main", "default_user": "1", "webhook": "example.bitrix24.ru"}]}, ["https://portal"]),
        ({"employee": [{"name": "A", "users": {"other": "1"}}]}, ["no portal is named other"]),
        (
            {"employee": [{"name": "A", "extensions": ["101"]}, {"name": "B", "extensions": ["101"]}]},
            ["101 stands twice"],
        ),
        ({"rule": [{"name": "x", "create": "everything"}]}, ["rule[1].create"]),
        ({"region": "Russia"}, ["region", "RU"]),
        ({"timezone": "Mars/Olympus"}, ["time zone"]),
        ({"potral": []}, ["potral: no such setting"]),
    ],
)
def test_each_mistake_is_told_with_its_place(parts, told):
    with pytest.raises(ConfigError) as refused:
        office_of(changed(**parts), "office.toml")
    text = str(refused.value)
    assert text.startswith("office.toml: ")
    for words in told:
        assert words in text


def test_a_mistake_in_a_task_is_told_once():
    with pytest.raises(ConfigError) as refused:
        office_of(changed(rule=[{"name": "x", "task": {"titel": "y"}}]))
    assert len(str(refused.value).splitlines()) == 1


def test_recordings_by_link_need_an_address_from_outside():
    portal = {**SMALL["portal"][0], "recordings": "link"}
    with pytest.raises(ConfigError, match="public_address"):
        office_of(changed(portal=[portal]))
    assert office_of(changed(portal=[portal], public_address="https://calls.example.com"))


def test_a_refusal_repeats_no_secret():
    with pytest.raises(ConfigError) as refused:
        office_of(changed(portal=[{"name": "main", "default_user": "1", "webhook": ["hook-secret"]}]))
    assert "hook-secret" not in str(refused.value)


def test_secrets_do_not_show_when_the_office_is_printed():
    office = office_of(SMALL)
    assert "secret" not in repr(office).replace("secret=", "").replace("SecretStr", "")
    assert "hook-secret" not in write_office(office, secrets=False)


@pytest.mark.parametrize("text", ["", "[[pbx]\n", "\x00", "region = 7\n", "pbx = 3\n", "[portal]\nname='x'\n"])
def test_any_broken_file_is_refused_in_words(tmp_path, text):
    file = tmp_path / "office.toml"
    file.write_text(text)
    if text == "":
        assert read_office(file).pbx == ()
        return
    with pytest.raises(ConfigError, match=r"office\.toml"):
        read_office(file)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["pbx", "trunk", "portal", "employee", "rule", "region", "x"]), json_like))
def test_no_document_makes_it_fail_otherwise(document):
    try:
        office = office_of(document)
    except ConfigError:
        return
    assert document_of(office) is not None


async def test_the_stored_office_is_the_same_and_its_secrets_are_sealed(tmp_path):
    office = office_of(SMALL)
    vault = Vault.open(tmp_path / "secret.key")
    async with await Database.open(f"sqlite:///{tmp_path}/ringbridge.db") as database:
        assert await load_office(database, vault) is None
        await save_office(database, vault, office, by="test")
        assert await load_office(database, vault) == office
    written = b"".join(path.read_bytes() for path in tmp_path.glob("ringbridge.db*"))
    assert b"hook-secret" not in written
    assert b"pbx-secret" not in written
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
