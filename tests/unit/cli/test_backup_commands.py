"""`ringbridge backup` and `ringbridge restore` as an administrator types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ringbridge.cli import main
from ringbridge.store.database import lock

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("RINGBRIDGE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("RINGBRIDGE_CONFIG", str(tmp_path / "none.toml"))
    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


def configured(run: Run, tmp_path: Path, name: str) -> None:
    file = tmp_path / "office.toml"
    file.write_text(f'[[pbx]]\nname = "{name}"\nusername = "ringbridge"\nsecret = "s"\n', encoding="utf-8")
    assert run("config", "import", file).exit_code == 0


def test_office_is_again_as_it_was_with_its_key(run: Run, tmp_path: Path) -> None:
    configured(run, tmp_path, "before")
    made = run("backup", tmp_path / "b.tar.gz")
    assert (made.exit_code, "The key is not in it" in made.stderr) == (0, True)
    configured(run, tmp_path, "after")
    done = run("restore", tmp_path / "b.tar.gz")
    assert done.exit_code == 0, done.output
    assert "What was there before is now" in done.stdout
    assert 'name = "before"' in run("config", "export").stdout


def test_whoever_puts_the_key_into_it_is_warned_and_a_missing_one_is_named(run: Run, tmp_path: Path) -> None:
    configured(run, tmp_path, "before")
    assert "can read every stored password" in run("backup", "--with-key", tmp_path / "with.tar.gz").stderr
    run("backup", tmp_path / "without.tar.gz")
    (tmp_path / "data" / "secret.key").rename(tmp_path / "kept.key")
    assert "There is no key file" in run("restore", tmp_path / "without.tar.gz").stderr
    assert "There is no key file" not in run("restore", tmp_path / "with.tar.gz").stderr
    assert 'name = "before"' in run("config", "export").stdout


def test_beside_a_running_service_a_backup_is_made_and_none_is_put_back(run: Run, tmp_path: Path) -> None:
    configured(run, tmp_path, "before")
    database = tmp_path / "data" / "ringbridge.db"
    with lock(database):
        assert run("backup", tmp_path / "b.tar.gz").exit_code == 0
        kept = database.read_bytes()
        refused = run("restore", tmp_path / "b.tar.gz")
    assert refused.exit_code == 1
    assert "stop it first" in refused.stderr
    assert database.read_bytes() == kept


def test_doctor_knows_of_a_backup_wherever_it_went(run: Run, tmp_path: Path) -> None:
    configured(run, tmp_path, "before")
    run("backup", tmp_path / "b.tar.gz")
    found = {each["subject"]: each for each in map(json.loads, run("doctor", "--json").stdout.splitlines())}
    assert found["Backup"]["verdict"] == "ok"
