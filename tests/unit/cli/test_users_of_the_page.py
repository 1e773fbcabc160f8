"""Accounts, as an administrator gives and takes them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ringbridge.cli import main
from ringbridge.service.passwords import verified
from ringbridge.store import settings, users
from ringbridge.store.database import Database

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("RINGBRIDGE_DATA", str(tmp_path))
    monkeypatch.setenv("RINGBRIDGE_CONFIG", str(tmp_path / "none.toml"))

    def invoke(*arguments: str, typed: str = "") -> Result:
        return CliRunner().invoke(main, ["user", *arguments], input=typed)

    return invoke


def opens(folder: Path, name: str, password: str) -> bool:
    async def ask() -> str | None:
        async with await Database.open(f"sqlite:///{folder}/ringbridge.db") as database, database.reading() as tx:
            return await users.password_of(tx, name)

    stored = asyncio.run(ask())
    return stored is not None and verified(password, stored)


def test_a_made_up_password_is_printed_once_and_opens_the_account(tmp_path: Path, run: Run) -> None:
    done = run("add", "Anna", "--role", "admin", "--generate")
    assert done.exit_code == 0, done.output
    password = done.stdout.split("Password: ")[1].strip()
    assert opens(tmp_path, "anna", password)
    assert password not in (tmp_path / "ringbridge.db").read_bytes().decode("latin-1")
    assert run("list").stdout == "anna\tadmin\n"


def test_a_typed_password_opens_the_account_and_a_weak_one_makes_none(tmp_path: Path, run: Run) -> None:
    weak = run("add", "anna", "--role", "admin", typed="short\nshort\n")
    assert (weak.exit_code, "at least 10 characters" in weak.output) == (1, True)
    done = run("add", "anna", "--role", "admin", typed="a long word\na long word\n")
    assert done.exit_code == 0, done.output
    assert "a long word" not in done.output
    assert opens(tmp_path, "anna", "a long word")


def test_accounts_are_changed_renewed_and_removed_and_the_audit_says_by_whom(tmp_path: Path, run: Run) -> None:
    assert run("add", "boris", "--role", "employee", "--extension", "101", "--generate").exit_code == 0
    assert run("change", "boris", "--role", "employee", "--extension", "101", "--extension", "102").exit_code == 0
    assert run("list").stdout == "boris\temployee\t101\t102\n"
    renewed = run("password", "boris", "--generate").stdout.split("Password: ")[1].strip()
    assert opens(tmp_path, "boris", renewed)
    assert run("remove", "boris").exit_code == 0
    assert "Nobody has an account yet" in run("list").stderr

    async def audit() -> list[str]:
        async with await Database.open(f"sqlite:///{tmp_path}/ringbridge.db") as database, database.reading() as tx:
            return [change.by for change in await settings.changes(tx, "user boris")]

    assert [by.partition(",")[0] for by in asyncio.run(audit())] == ["command line"] * 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "anna", "--role", "employee", "--generate"), "--extension"),
        (("add", "anna", "--role", "admin", "--extension", "101", "--generate"), "sees every call"),
        (("add", " ", "--role", "admin", "--generate"), "1 to 100 characters"),
        (("remove", "anna"), "Nobody has an account by the name anna"),
        (("password", "anna", "--generate"), "Nobody has an account by the name anna"),
        (("change", "anna", "--role", "admin"), "Nobody has an account by the name anna"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(run: Run, arguments: tuple[str, ...], words: str) -> None:
    refused = run(*arguments)
    assert refused.exit_code != 0
    assert words in refused.output
    assert "Traceback" not in refused.output


def test_a_name_that_is_taken_keeps_its_password(tmp_path: Path, run: Run) -> None:
    first = run("add", "anna", "--role", "admin", "--generate").stdout.split("Password: ")[1].strip()
    assert "has an account already" in run("add", "ANNA", "--role", "admin", "--generate").output
    assert opens(tmp_path, "anna", first)
