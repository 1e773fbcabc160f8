"""The real office: one Asterisk for the whole run, its phones anew for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.office.asterisk import Asterisk, Network
from tests.office.office import Office, open_office, running_pbx


@pytest.fixture(scope="session")
def pbx_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("office")


@pytest.fixture(scope="session")
def pbx(pbx_folder: Path) -> Iterator[tuple[Asterisk, Network]]:
    with running_pbx(pbx_folder) as running:
        yield running


@pytest.fixture
async def office(pbx: tuple[Asterisk, Network], pbx_folder: Path) -> AsyncIterator[Office]:
    async with open_office(*pbx, recordings=pbx_folder / "recordings") as office:
        yield office
