from __future__ import annotations

from pathlib import Path

import httpx2

from ringbridge.serve import running
from ringbridge.service.bootstrap import Bootstrap


async def test_service_runs_before_anything_is_configured_and_its_page_says_what_to_do(tmp_path: Path) -> None:
    async with running(Bootstrap(data=tmp_path, port=0)) as address, httpx2.AsyncClient(base_url=address) as browser:
        assert (await browser.get("/healthz")).text == "ok"
        assert "ringbridge config import" in (await browser.get("/config")).text
        assert (await browser.get("/status")).json()["app_status"] == "Error"
        assert "ringbridge_started_seconds" in (await browser.get("/metrics")).text
