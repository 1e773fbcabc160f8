"""A call downloaded for a report replays as the call that it was."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from ringbridge.pbx.tape import Tape
from ringbridge.service.config import office_of
from ringbridge.service.journal.reporting import OfficeTraces, file_name
from ringbridge.store.calls import JournalEntry
from ringbridge.store.keys import PbxId, call_key
from ringbridge.telephony.model import Call
from ringbridge.telephony.replay import ended_calls, replay
from ringbridge.telephony.trace import read_trace

TRACE = Path("tests/traces/ast22/inbound_answered.ami.gz")
TRUNKS = frozenset({"mango", "mtt"})
OFFICE = PbxId("office")
CONFIG = office_of({"trunk": [{"name": name} for name in TRUNKS]})


def heard() -> Tape:
    tape = Tape(hours=1)
    for portion in read_trace(TRACE):
        tape.record(portion.data, portion.at)
    return tape


def entry(call: Call) -> JournalEntry:
    return JournalEntry(key=call_key(OFFICE, call.id), pbx=OFFICE, call=call)


@pytest.mark.parametrize("disguised", [True, False])
def test_the_file_tells_the_call_again_with_or_without_its_numbers(tmp_path: Path, disguised: bool) -> None:
    (call,) = ended_calls(replay([TRACE], trunks=TRUNKS))
    traces = OfficeTraces({OFFICE: heard()}, CONFIG)
    packed = traces.report(entry(call), disguised=disguised)
    assert packed
    zipfile.ZipFile(io.BytesIO(packed)).extractall(tmp_path)
    (again,) = ended_calls(replay([tmp_path / "call.ami.gz"], trunks=TRUNKS))
    assert (again.id, again.answered_by, again.disposition) == (call.id, call.answered_by, call.disposition)
    assert (again.external == call.external) is not disguised
    told = (tmp_path / "call.json").read_text() + (tmp_path / "README.txt").read_text()
    assert (str(call.external)[-10:] in told) is not disguised
    assert ("real telephone numbers" in told) is not disguised


def test_a_call_that_is_not_on_the_tape_any_more_gives_no_file() -> None:
    (call,) = ended_calls(replay([TRACE], trunks=TRUNKS))
    for traces in (OfficeTraces({OFFICE: Tape(hours=1)}, CONFIG), OfficeTraces({}, CONFIG)):
        assert not traces.has(entry(call))
        assert traces.report(entry(call), disguised=True) is None


def test_the_files_name_is_the_calls_and_harmless() -> None:
    (call,) = ended_calls(replay([TRACE], trunks=TRUNKS))
    assert file_name(call) == f"call-{call.id}.zip"
