"""The figures are taken of a journal whose weeks are copies: its sums are held against those of every call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bench import years
from tests.unit.store.test_stats import marked_anew, rows, sums

from ringbridge.store import calls
from ringbridge.store.database import Database
from ringbridge.store.statistics import summaries


async def test_copied_weeks_are_counted_as_their_calls_one_by_one_would_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(years, "CLIENTS", 60)
    monkeypatch.setattr(years, "FREQUENT", 20)
    path = tmp_path / "years.db"
    made = await years.written(path, 320, a_week=110)
    async with await Database.open(f"sqlite:///{path}") as database:
        copied = await all_sums(database)
        async with database.reading() as tx:
            journal = await calls.page(tx, limit=1000)
        await marked_anew(database)
        await years.counted_anew(database)
        assert copied == await all_sums(database)
    starts = [entry.call.start for entry in journal.entries]
    assert (made.calls, len(starts), made.first <= min(starts)) == (330, 330, True)
    assert all(entry.key == f"office-{entry.call.id}" for entry in journal.entries)


async def all_sums(database: Database) -> dict[str, set[tuple[Any, ...]]]:
    marks = {tuple(row.items()) for row in await rows(database, summaries.call_marks)}
    return {**await sums(database), "call_marks": marks}
