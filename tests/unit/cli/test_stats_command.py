from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, func, select
from tests.stateful.sample_calls import NOON, PBX, SECOND, a_call

from ringbridge.cli import main
from ringbridge.service.bootstrap import read_bootstrap
from ringbridge.store import calls
from ringbridge.store.database import Database
from ringbridge.store.statistics import summaries
from ringbridge.telephony.model import Disposition


def test_the_summaries_are_made_anew_from_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBRIDGE_DATA", str(tmp_path))
    url = read_bootstrap().database

    async def spoil() -> None:
        ended = [a_call(n, end=NOON + 9 * SECOND, disposition=Disposition.MISSED) for n in range(5)]
        async with await Database.open(url) as database, database.transaction() as tx:
            await calls.record(tx, PBX, ended)
            await tx.execute(delete(summaries.stats_calls))

    async def counted() -> int:
        async with await Database.open(url) as database, database.reading() as tx:
            return int((await tx.execute(select(func.sum(summaries.stats_calls.c.missed)))).scalar_one())

    asyncio.run(spoil())
    told = CliRunner().invoke(main, ["stats", "rebuild"], catch_exceptions=False)
    assert (told.exit_code, told.output.splitlines()[-1]) == (0, "5 calls are counted.")
    assert asyncio.run(counted()) == 5
