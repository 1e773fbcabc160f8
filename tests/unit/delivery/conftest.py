from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringbridge.store.database import Database


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'data' / 'ringbridge.db'}"


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with await Database.open(url) as opened:
        yield opened
