"""`ringbridge reprocess` and `ringbridge import-history`, beside a running service and without one."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result
from tests.stateful.sample_calls import PBX, a_call

from ringbridge.cli import main
from ringbridge.pbx.history import CEL_COLUMNS
from ringbridge.serve import running
from ringbridge.service.bootstrap import Bootstrap, read_bootstrap
from ringbridge.store import calls
from ringbridge.store.database import Database

RECORDS = json.loads((Path(__file__).parents[1] / "pbx" / "records" / "ast16_xfer_attended_refer.json").read_text())
OFFICE = """
timezone = "UTC"
[[pbx]]
name = "office"
host = "127.0.0.1"
port = 9
username = "ringbridge"
secret = "pbx-secret"
cel = "{cel}"
[[trunk]]
name = "mango"
[[trunk]]
name = "mtt"
[[portal]]
name = "main"
webhook = "https://127.0.0.1:9/rest/1/hook-secret/"
default_user = "1"
"""
Invoke = Callable[..., Result]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """In an office that is configured, and whose service does not run."""
    monkeypatch.setenv("RINGBRIDGE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("RINGBRIDGE_CONFIG", str(tmp_path / "none.toml"))
    monkeypatch.setenv("RINGBRIDGE_PORT", "9")  # nobody listens there (discard)
    cel = tmp_path / "cel.csv"
    with cel.open("w", newline="") as out:
        lines = csv.DictWriter(out, CEL_COLUMNS, restval="", quoting=csv.QUOTE_ALL, lineterminator="\n")
        lines.writerows(RECORDS["cel"])
    file = tmp_path / "office.toml"
    file.write_text(OFFICE.format(cel=cel), encoding="utf-8")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    assert run("config", "import", str(file)).exit_code == 0
    return run


async def journal() -> list[str]:
    async with await Database.open(read_bootstrap().database) as database, database.reading() as tx:
        return [entry.call.id for entry in (await calls.page(tx)).entries]


def test_calls_before_the_first_installation_are_taken_over_and_nobody_is_told(invoke: Invoke) -> None:
    done = invoke("import-history", "--from", "2026-11-23", "--to", "2026-11-24")
    assert done.exit_code == 0, done.output
    taken = asyncio.run(journal())
    assert f"{len(taken)} calls were taken over into the journal." in done.output
    assert len(taken) == len(RECORDS["truth"])
    again = invoke("import-history", "--from", "2026-11-23", "--to", "2026-11-24")
    assert "0 calls were taken over" in again.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("reprocess", "--from", "2026-11-23"), "start it first"),
        (("reprocess", "--from", "2026-11-23", "--to", "2026-11-22"), "--to must be after --from"),
        (("reprocess",), "--from"),
        (("import-history", "--from", "2026-11-23", "--pbx", "other"), "No PBX is named other"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(invoke: Invoke, arguments: tuple[str, ...], words: str) -> None:
    refused = invoke(*arguments)
    assert refused.exit_code != 0
    assert words in refused.output
    assert "Traceback" not in refused.output


async def test_the_running_service_sends_a_period_again_and_nothing_twice(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = datetime.now(UTC) - timedelta(hours=2)
    async with await Database.open(read_bootstrap().database) as database, database.transaction() as tx:
        await calls.record(tx, PBX, [a_call(n, start, end=start + timedelta(minutes=1)) for n in (1, 2)])
    period = ("--from", f"{start - timedelta(hours=1):%Y-%m-%dT%H:%M:%S}")
    async with running(Bootstrap(data=tmp_path / "data", port=0)) as address:
        monkeypatch.setenv("RINGBRIDGE_PORT", str(urlsplit(address).port))
        first = await asyncio.to_thread(invoke, "reprocess", *period)
        second = await asyncio.to_thread(invoke, "reprocess", *period, "--portal", "main")
        wrong = await asyncio.to_thread(invoke, "reprocess", *period, "--portal", "other")
    assert "2 calls were looked at, 4 steps will be sent." in first.output, first.output
    assert "2 calls were looked at, 0 steps will be sent." in second.output
    assert wrong.exit_code == 1
    assert "no portal is named other" in wrong.output
