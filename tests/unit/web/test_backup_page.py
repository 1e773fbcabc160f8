"""Backups are made and downloaded on the page, by administrators."""

from __future__ import annotations

import io
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
import pytest
from tests.unit.web.office_page import NOW, client, services
from tests.unit.web.visitors import BOSS, HEAD, accounts, session

from ringbridge.service.backup.archive import Premises
from ringbridge.service.backup.folder import Backups
from ringbridge.service.config.backup import BackupConfig
from ringbridge.store.database import Database
from ringbridge.web.app import create_app

NAME = "ringbridge-20261124T150000Z.tar.gz"


@dataclass(slots=True)
class Page:
    browser: httpx2.AsyncClient  # the administrator's
    database: Database
    folder: Path


@pytest.fixture
async def page(database: Database, tmp_path: Path) -> AsyncIterator[Page]:
    await accounts(database)
    premises = Premises(
        database=database.path, key=tmp_path / "secret.key", config=tmp_path / "none.toml", hooks=tmp_path / "hooks"
    )
    folder = tmp_path / "backups"
    given = services(database)
    backups = Backups(BackupConfig(), premises, database, folder=folder, zone=given.zone, clock=lambda: NOW)
    async with client(create_app(replace(given, backups=backups))) as browser:
        browser.headers.update(await session(database, BOSS))
        yield Page(browser, database, folder)


async def test_backup_is_made_listed_and_downloaded(page: Page) -> None:
    assert "None yet." in (await page.browser.get("/config/backup")).text
    assert (await page.browser.post("/config/backup")).status_code == 303
    assert f'href="/config/backup/{NAME}"' in (await page.browser.get("/config/backup")).text
    got = await page.browser.get(f"/config/backup/{NAME}", headers={"Accept-Encoding": "gzip"})
    assert got.headers["content-disposition"] == f'attachment; filename="{NAME}"'
    assert "content-encoding" not in got.headers
    with tarfile.open(fileobj=io.BytesIO(got.content)) as archive:
        assert archive.getnames() == ["manifest.json", "ringbridge.db"]


async def test_only_backups_can_be_downloaded(page: Page) -> None:
    page.folder.mkdir()
    (page.folder / "secret.key").write_text("hush")
    for name in ("secret.key", "..%2Fpage.db", "%2e%2e", NAME):
        assert (await page.browser.get(f"/config/backup/{name}")).status_code == 404


async def test_why_none_can_be_made_is_said(page: Page) -> None:
    page.folder.write_text("a file where the folder should be")
    answer = await page.browser.post("/config/backup")
    assert answer.status_code == 503
    assert "look whose it is" in answer.text


async def test_backups_are_for_administrators(page: Page) -> None:
    await page.browser.post("/config/backup")
    page.browser.headers.update(await session(page.database, HEAD))
    for answer in (
        await page.browser.get("/config/backup"),
        await page.browser.get(f"/config/backup/{NAME}"),
        await page.browser.post("/config/backup"),
    ):
        assert answer.status_code == 403
