"""`ringbridge migrate-itgrix`: says what it would do, and does it when asked."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

from click.testing import Result
from tests.unit.cli.test_hook_commands import Person, person
from tests.unit.service.test_migrate_itgrix import BLACK_LIST, Disk

from ringbridge.service.itgrix.migration import RULE
from ringbridge.store import settings
from ringbridge.store.database import Database

__all__ = ["person"]


def itgrix(tmp_path: Path) -> Disk:
    disk = Disk(tmp_path / "itgrix")
    disk.writes("opt/itgrix_bx/customizer/actions/need_registration.php", BLACK_LIST)
    disk.writes("etc/itgrix_bx/fmc_patterns.txt", "8912345XXXX\n")
    return disk


def test_without_apply_nothing_is_changed(person: Person, tmp_path: Path):
    before = person.says("config", "export")
    said = person.says("migrate-itgrix", itgrix(tmp_path).root)
    assert "Nothing was changed" in said
    assert person.says("config", "export") == before
    assert not person.folder.exists()


def test_applied_it_copies_scripts_and_changes_the_settings_with_its_name_in_the_audit(person: Person, tmp_path: Path):
    root = itgrix(tmp_path).root
    assert "Done." in person.says("migrate-itgrix", root, "--apply")
    office = tomllib.loads(person.says("config", "export"))
    assert office["rule"][0] == {"name": RULE, "numbers": ["8912345XXXX"], "register": False}
    assert office["hooks"] == {"off": ["need_registration.php"]}
    listed = person.says("hooks", "list")
    assert "need_registration.php: need_registration (switched off in the settings)" in listed
    assert asyncio.run(audited(tmp_path)) == ["migrate-itgrix"]
    person.says("migrate-itgrix", root, "--apply")
    assert asyncio.run(audited(tmp_path)) == ["migrate-itgrix"]
    assert "There is nothing to be changed." in person.says("migrate-itgrix", root)


async def audited(tmp_path: Path) -> list[str]:
    """Who changed settings, but for the first import."""
    url = f"sqlite:///{tmp_path / 'data' / 'ringbridge.db'}"
    async with await Database.open(url) as database, database.reading() as tx:
        return [change.by for change in await settings.changes(tx)][:-1]


def test_before_anything_is_configured_a_plan_is_told_and_nothing_applied(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("RINGBRIDGE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("RINGBRIDGE_CONFIG", str(tmp_path / "none.toml"))
    somebody, root = Person(tmp_path), itgrix(tmp_path).root
    assert "need_registration.php: copied" in somebody.says("migrate-itgrix", root)
    refused = somebody.types("migrate-itgrix", root, "--apply")
    assert refused.exit_code == 1
    assert "Nothing is configured yet" in refused.stderr


def test_while_the_service_runs_it_is_not_applied(person: Person, tmp_path: Path):
    async def beside() -> Result:
        async with await Database.open(f"sqlite:///{tmp_path / 'data' / 'ringbridge.db'}", sole=True):
            return await asyncio.to_thread(person.types, "migrate-itgrix", itgrix(tmp_path).root, "--apply")

    refused = asyncio.run(beside())
    assert (refused.exit_code, "stop it first" in refused.stderr) == (1, True)
    assert not person.folder.exists()
