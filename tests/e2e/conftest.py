"""The real office: one Asterisk for the whole run, its phones anew for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from tests.office.asterisk import Asterisk, Network
from tests.office.company import DEFAULT_USER, Company
from tests.office.connector import Connector, office_file
from tests.office.office import Office, open_office, running_pbx

from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.server import serve


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


@asynccontextmanager
async def configured(office: Office, folder: Path) -> AsyncIterator[Company]:
    """The office with its portal and a configured Ringbridge, not running yet."""
    portal = Portal.demo()
    async with serve(portal):
        connector = Connector(folder, host=office.address)
        await connector.configure(office_file(office, webhook=portal.webhook_url, default_user=DEFAULT_USER))
        yield Company(office, portal, connector)


@pytest.fixture
async def company(office: Office, tmp_path: Path) -> AsyncIterator[Company]:
    """A new company, whose Ringbridge the test runs."""
    async with configured(office, tmp_path) as company:
        yield company


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def working_company(
    pbx: tuple[Asterisk, Network], pbx_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Company]:
    """A company whose Ringbridge runs all day: one for all tests of a file, which share its event loop."""
    async with (
        open_office(*pbx, recordings=pbx_folder / "recordings") as office,
        configured(office, tmp_path_factory.mktemp("company")) as company,
        company.connector.running(),
    ):
        yield company
