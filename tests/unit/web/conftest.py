from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.unit.web.office_page import open_database

from ringbridge.store.database import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with await open_database(tmp_path) as opened:
        yield opened
