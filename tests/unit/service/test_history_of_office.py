"""What the office's configuration names as the PBX's records is what is read after an absence."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.unit.conftest import LoggedBy

from ringbridge.pbx.history import CEL_COLUMNS
from ringbridge.service import history as history_module
from ringbridge.service.config import ConfigError, Office, office_of
from ringbridge.service.history import History

TRANSFER = json.loads((Path(__file__).parents[1] / "pbx" / "records" / "ast16_xfer_attended_refer.json").read_text())
SINCE, UNTIL = datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)


def office(**records: str) -> Office:
    pbx = {"name": "office", "username": "ringbridge", "secret": "s", **records}
    return office_of({"timezone": "UTC", "pbx": [pbx], "trunk": [{"name": "mango"}, {"name": "mtt"}]})


def local(epoch: str) -> str:
    """As a PBX writes its time by default."""
    return datetime.fromtimestamp(float(epoch), UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def history(**records: str) -> History:
    given = office(**records)
    return History.of(given.pbx[0], given)


async def test_the_channel_events_tell_everyone_who_spoke_before_and_after_a_transfer(tmp_path: Path) -> None:
    file = tmp_path / "cel.csv"
    with file.open("w", newline="") as out:
        lines = csv.DictWriter(out, CEL_COLUMNS, restval="", quoting=csv.QUOTE_ALL, lineterminator="\n")
        lines.writerows(TRANSFER["cel"])
    told = await history(cel=str(file)).between(SINCE, UNTIL)
    (truth,) = [call for call in TRANSFER["truth"] if call["external"]]
    (call,) = [call for call in told if call.external]
    assert [talk.extension for talk in call.talks] == [extension for extension, _ in truth["talks"]]
    assert len(call.transfers) == len(truth["transfers"]) == 1


@pytest.mark.parametrize(("zone", "hours"), [({}, 0), ({"timezone": "Asia/Yekaterinburg"}, 5)])
async def test_records_are_read_in_the_time_zone_of_their_pbx(tmp_path: Path, zone: dict[str, str], hours: int) -> None:
    """And in the office's, which is UTC here, where none is named."""
    file = tmp_path / "cel.csv"
    with file.open("w", newline="") as out:
        lines = csv.DictWriter(out, CEL_COLUMNS, restval="", quoting=csv.QUOTE_ALL, lineterminator="\n")
        lines.writerows({**row, "eventtime": local(row["eventtime"])} for row in TRANSFER["cel"])
    as_utc = await history(cel=str(file)).between(SINCE, UNTIL)
    told = await history(cel=str(file), **zone).between(SINCE, UNTIL)
    assert [call.start for call in told] == [call.start - timedelta(hours=hours) for call in as_utc] != []


async def test_a_time_zone_that_is_none_is_refused_in_words() -> None:
    with pytest.raises(ConfigError, match="'Moscow' is no time zone, such as Europe/Moscow"):
        office(timezone="Moscow")


async def test_without_records_nothing_is_known(tmp_path: Path) -> None:
    assert await history().between(SINCE, UNTIL) == []
    assert await history(cdr=str(tmp_path / "none"), cel=str(tmp_path / "none")).between(SINCE, UNTIL) == []


async def test_records_that_cannot_be_read_are_named_in_the_log(tmp_path: Path, logged_by: LoggedBy) -> None:
    with logged_by(history_module) as lines:
        assert await history(cel=str(tmp_path)).between(SINCE, UNTIL) == []
    assert [(line["event"], line["path"]) for line in lines] == [("history_not_read", str(tmp_path))]
