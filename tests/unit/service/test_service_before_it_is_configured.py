from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from ringbridge.serve import running
from ringbridge.service.bootstrap import Bootstrap, open_vault
from ringbridge.service.config import office_of
from ringbridge.service.runtime import open_runtime
from ringbridge.service.settings import save_office
from ringbridge.store.database import Database
from ringbridge.store.errors import SecretsLocked


async def test_service_runs_before_anything_is_configured_and_its_page_says_what_to_do(tmp_path: Path) -> None:
    async with running(Bootstrap(data=tmp_path, port=0)) as address, httpx2.AsyncClient(base_url=address) as browser:
        assert (await browser.get("/healthz")).text == "ok"
        assert "ringbridge config import" in (await browser.get("/config")).text
        assert (await browser.get("/status")).json()["app_status"] == "Error"
        assert "ringbridge_started_seconds" in (await browser.get("/metrics")).text


async def test_service_whose_key_file_is_missing_does_not_start_and_makes_none(tmp_path: Path) -> None:
    bootstrap = Bootstrap(data=tmp_path, port=0)
    portal = {"name": "main", "webhook": "https://company.bitrix24.ru/rest/1/secret/", "default_user": "1"}
    async with await Database.open(bootstrap.database) as database:
        vault = await open_vault(bootstrap, database)
        await save_office(database, vault, office_of({"portal": [portal]}), by="test")
    bootstrap.key.unlink()
    with pytest.raises(SecretsLocked, match="RINGBRIDGE_KEY_FILE"):
        async with open_runtime(bootstrap):
            raise AssertionError("it started")
    assert not bootstrap.key.exists()
