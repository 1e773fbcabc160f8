"""A call cut out of a PBX's conversation tells the same call again, with or without its real numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ringbridge.telephony.disguise import Disguise
from ringbridge.telephony.excerpt import excerpt, files_of
from ringbridge.telephony.model import Call
from ringbridge.telephony.replay import ended_calls, plain, replay
from ringbridge.telephony.trace import Portion, read_trace

TRACES = Path("tests/traces")
TRUNKS = frozenset({"mango", "mtt"})
NAMES = [
    "ast22/inbound_answered",
    "ast22/c2c_local_answered",
    "ast22/conf_dialin",
    "ast22/c2c_agent_noanswer",
    "ast22/fwd_cf_local",
    "ast22/connect_midcall",
]
KEY = b"only for the tests"


def calls_in(*paths: Path) -> list[Call]:
    return list(ended_calls(replay(paths, trunks=TRUNKS)))


def lately(portions: Iterable[Portion], call: Call) -> list[Portion]:
    """A few seconds around it."""
    since, until = call.start - timedelta(seconds=5), (call.end or call.start) + timedelta(seconds=5)
    return [portion for portion in portions if since <= portion.at <= until]


def written(folder: Path, portions: Iterable[Portion]) -> Path:
    files, path = files_of(portions), folder / "cut.ami.gz"
    path.write_bytes(files.ami)
    (folder / "cut.times.gz").write_bytes(files.times)
    return path


def told(call: Call, disguise: Disguise | None = None) -> dict[str, Any]:
    """How it went, without whose call it was."""
    shown = {name: value for name, value in plain(call).items() if name not in {"external", "external_name", "did"}}
    text = json.dumps(shown)
    return json.loads(disguise.of(text) if disguise else text)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", NAMES)
def test_each_call_of_a_recording_is_told_as_it_was_from_its_own_part(tmp_path: Path, name: str) -> None:
    path = TRACES / f"{name}.ami.gz"
    for call in calls_in(path):
        (again,) = [one for one in calls_in(written(tmp_path, excerpt(read_trace(path), call))) if one.id == call.id]
        assert plain(again) == plain(call)


def test_a_call_among_six_hundred_is_cut_out_without_the_others(tmp_path: Path) -> None:
    (path,) = (TRACES / "load").glob("*.ami.gz")
    portions = list(read_trace(path))
    for call in calls_in(path)[100:600:240]:
        cut = excerpt(lately(portions, call), call)
        (again,) = calls_in(written(tmp_path, cut))
        assert plain(again) == plain(call)
        assert sum(len(each.data) for each in cut) < sum(len(each.data) for each in portions) / 100


@pytest.mark.parametrize("name", NAMES)
def test_a_disguised_call_has_nobodys_number_and_still_goes_the_same_way(tmp_path: Path, name: str) -> None:
    path, disguise = TRACES / f"{name}.ami.gz", Disguise(KEY, keep=TRUNKS)
    for call in calls_in(path):
        cut = excerpt(read_trace(path), call)
        hidden = [Portion(at=one.at, data=disguise.of(one.data.decode("latin-1")).encode("latin-1")) for one in cut]
        (again,) = [one for one in calls_in(written(tmp_path, hidden)) if one.id == call.id]
        assert told(again) == told(call, disguise)
        whole = b"".join(one.data for one in hidden)
        for number in filter(None, (call.external, call.did)):
            assert len(number) < 7 or number.encode() not in whole


def test_one_number_in_several_spellings_stays_one_number() -> None:
    disguise = Disguise(KEY)
    spellings = ("+79125551122", "89125551122", "9125551122", "tel:79125551122;x")
    tails = {re.sub(r"\D", "", disguise.of(spelled))[-7:] for spelled in spellings}
    assert len(tails) == 1
    assert tails != {"5551122"}
    assert disguise.of("89125551122").startswith("8912")


def test_names_secrets_and_numbers_go_and_what_the_tracker_needs_stays() -> None:
    disguise = Disguise(KEY, keep={"4951234567"})
    text = (
        "Event: Newchannel\r\nUniqueid: 1795471332.17\r\nCallerIDName: Иван Петров\r\n"
        "Channel: PJSIP/4951234567-0000000a\r\n"
        "Secret: hunter2\r\nExten: 101\r\nAppData: hello Иван Петров\r\nTimestamp: 1795471332.123456\r\n"
    )
    hidden = disguise.of(text)
    assert "Иван" not in hidden
    assert "hunter2" not in hidden
    assert "AppData: hello Name 1" in hidden
    for kept in ("1795471332.17", "PJSIP/4951234567-0000000a", "Exten: 101", "1795471332.123456"):
        assert kept in hidden


def test_a_conversation_without_the_call_gives_nothing() -> None:
    (call, *_) = calls_in(TRACES / "ast22/inbound_answered.ami.gz")
    assert excerpt([], call) == []
    assert excerpt(read_trace(TRACES / "ast22/fwd_cf_local.ami.gz"), call) == []
