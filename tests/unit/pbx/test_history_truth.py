"""What real PBXs wrote into CDR and CEL, read back, is what truly happened.

`records/` holds, for each kind of call, the rows that an Asterisk 16 or 22 or a FreePBX 15 or 17 wrote and, beside
them, what the telephones themselves did. Here the rows go through files as Asterisk writes them.
"""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ringbridge.pbx.history import CEL_COLUMNS, CsvHistory, Sides, calls_between
from ringbridge.pbx.history.columns import CDR_COLUMNS, NEWER_CDR_COLUMNS
from ringbridge.telephony.model import Call, Disposition

RECORDS = {
    path.stem: json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "records").glob("*.json"))
}
WITH_CEL = [name for name, record in RECORDS.items() if record["cel"]]
WITH_CDR = [name for name, record in RECORDS.items() if record["cdr"]]

SIDES = Sides(trunks=frozenset({"mango", "mtt", "provider"}))
ZONE = ZoneInfo("UTC")
CUSTOM_CDR = (*CDR_COLUMNS, "uniqueid", "linkedid", "did", "recordingfile")
SINCE, UNTIL = datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)

# What detail records alone cannot tell: field by field, for these kinds.
UNKNOWN_TO_CDR = {
    "ast22_outbound_invalid": {"disposition"},  # NO ANSWER, as for a phone that nobody picks up
    "ast22_inbound_ext_decline": {"legs"},  # the same
    "ast22_restart_kill_during_call": {"calls"},  # the killed PBX wrote no record
}
BILLED_FROM_AN_EARLIER_ANSWER = {
    # The employee's own phone answered a click-to-call, or the client was answered before the transfer.
    *("ast22_c2c_local_answered", "ast22_c2c_pjsip_answered", "ast22_xfer_blind_refer", "ast22_xfer_outbound_blind"),
    *("ast22_xfer_blind_to_external", "ast22_xfer_attended_feature"),
}


def quoted(columns, rows) -> str:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([[row.get(column, "") for column in columns] for row in rows])
    return text.getvalue()


def cdr_lines(record, columns) -> str:
    """FreePBX's database calls the start `calldate` and keeps no end."""
    rows = [{**row, "start": row.get("start") or row["calldate"]} for row in record["cdr"]]
    return quoted(columns, rows)


def read(tmp_path, record, *, cdr=True, cel=True) -> list[Call]:
    (tmp_path / "cdr.csv").write_text(cdr_lines(record, CUSTOM_CDR))
    (tmp_path / "cel.csv").write_text(quoted(CEL_COLUMNS, record["cel"]))
    source = CsvHistory(
        cdr=tmp_path / "cdr.csv" if cdr else None,
        cel=tmp_path / "cel.csv" if cel else None,
        zone=ZONE,
        cdr_columns=CUSTOM_CDR,
    )
    calls = calls_between(source, SINCE, UNTIL, SIDES)
    assert source.problems == []
    return calls


def tail(number) -> str | None:
    return None if number is None else "".join(c for c in number if c.isdigit())[-10:]


def told(call: Call) -> dict[str, object]:
    return {
        "direction": call.direction,
        "external": tail(call.external),
        "trunk": call.trunk,
        "disposition": call.disposition,
        "answered_by": [tail(extension) for extension in call.answered_by],
        "voicemail": call.voicemail,
    }


def truth_of(call) -> dict[str, object]:
    return {
        "direction": call["direction"],
        "external": tail(call["external"]),
        "trunk": call["trunk"],
        "disposition": call["disposition"],
        "answered_by": [tail(extension) for extension in call["answered_by"]],
        "voicemail": call["voicemail"],
    }


def clients(calls: list[Call]) -> list[Call]:
    return [call for call in calls if call.concerns_client]


def true_clients(record):
    return [call for call in record["truth"] if call["direction"] in {"inbound", "outbound"}]


def talk_seconds(pairs) -> dict[str, float]:
    total: dict[str, float] = {}
    for extension, seconds in pairs:
        total[tail(extension)] = total.get(tail(extension), 0) + seconds
    return total


def check_talks(call: Call, truth) -> None:
    got = talk_seconds((talk.extension, talk.length.total_seconds()) for talk in call.talks)
    expected = talk_seconds(truth["talks"])
    assert got.keys() == expected.keys()
    consulted = {tail(by) for kind, by, _ in truth["transfers"] if kind == "attended"}
    for extension, seconds in expected.items():
        # A consultation, while the client is on hold, counts as the consulting employee's talk.
        assert -1.1 <= got[extension] - seconds <= (10 if extension in consulted else 1.1), extension


def check_legs(call: Call, truth) -> None:
    spoke = {tail(extension) for extension in truth["answered_by"]}
    got = {(tail(leg.extension), leg.result) for leg in call.legs}
    for extension, result in truth["legs"]:
        if len(extension) <= 6 and not (extension in spoke and result == "answered"):
            either = {"answered_elsewhere", "no_answer"} if "_or_" in result else {result}
            assert {r for e, r in got if e == extension} & either, (extension, result, got)


@pytest.mark.parametrize("name", WITH_CEL)
@pytest.mark.parametrize("with_cdr", [True, False], ids=["cel+cdr", "cel"])
def test_channel_events_tell_what_truly_happened(tmp_path, name, with_cdr):
    record = RECORDS[name]
    calls = clients(read(tmp_path, record, cdr=with_cdr))
    truths = true_clients(record)
    assert [told(call) for call in calls] == [truth_of(call) for call in truths]
    for call, truth in zip(calls, truths, strict=True):
        assert call.interrupted == truth["interrupted"]
        assert [[t.type, t.by, tail(t.to)] for t in call.transfers] == [
            [k, by, tail(to)] for k, by, to in truth["transfers"]
        ]
        if not call.interrupted:  # when a killed PBX stopped nobody wrote down
            check_talks(call, truth)
        if call.direction == "inbound":
            check_legs(call, truth)
            assert tail(call.did) == tail(truth["did"])
            if with_cdr:
                assert call.queue == truth["queue"]


@pytest.mark.parametrize("name", WITH_CDR)
def test_detail_records_alone_tell_what_they_can(tmp_path, name):
    record = RECORDS[name]
    unknown = UNKNOWN_TO_CDR.get(name, set())
    calls = clients(read(tmp_path, record, cel=False))
    truths = [call for call in true_clients(record) if "calls" not in unknown or not call["interrupted"]]
    assert len(calls) == len(truths)
    for call, truth in zip(calls, truths, strict=True):
        expected = truth_of(truth)
        got = {field: value for field, value in told(call).items() if field not in unknown}
        assert got == {field: value for field, value in expected.items() if field not in unknown}
        if name not in BILLED_FROM_AN_EARLIER_ANSWER:
            check_talks(call, truth)
        if call.direction == "inbound":
            assert call.queue == truth["queue"]
            if "legs" not in unknown:
                check_legs(call, truth)


def test_what_detail_records_cannot_tell_is_wrong_without_channel_events_and_right_with_them(tmp_path):
    record = RECORDS["ast22_outbound_invalid"]
    (alone,) = clients(read(tmp_path, record, cel=False))
    (both,) = clients(read(tmp_path, record))
    assert alone.disposition == Disposition.NO_ANSWER
    assert both.disposition == Disposition.FAILED
    assert both.hangup_cause == 1


@pytest.mark.parametrize(
    "optional",
    [("uniqueid",), ("uniqueid", "userfield"), ("uniqueid", "userfield", *NEWER_CDR_COLUMNS), ("userfield",), ()],
    ids=lambda columns: "+".join(columns) or "bare",
)
@pytest.mark.parametrize(
    "name",
    [
        *(
            "ast22_inbound_answered",
            "ast22_inbound_missed_direct",
            "ast22_inbound_anonymous",
            "ast22_outbound_answered",
        ),
        *("ast22_inbound_ringgroup_answered", "ast22_inbound_queue_answered", "ast22_inbound_queue_abandoned"),
        *("ast22_outbound_busy", "ast22_fwd_cf_local", "ast22_xfer_outbound_blind", "ast22_inbound_ivr_hangup"),
        *("ast22_xfer_attended_refer", "ast22_inbound_afterhours_voicemail", "ast22_c2c_local_answered"),
    ],
)
def test_asterisks_own_master_csv_is_read_with_whichever_columns_it_was_told_to_write(tmp_path, name, optional):
    record = RECORDS[name]
    (tmp_path / "Master.csv").write_text(cdr_lines(record, (*CDR_COLUMNS, *optional)))
    source = CsvHistory(cdr=tmp_path / "Master.csv", zone=ZONE)
    (call,) = clients(calls_between(source, SINCE, UNTIL, SIDES))
    assert source.problems == []
    assert told(call) == truth_of(true_clients(record)[0])


def test_calls_among_ourselves_and_service_codes_are_not_a_clients(tmp_path):
    for name, direction in (("ast22_internal_answered", "internal"), ("ast22_internal_service_code", "service")):
        for cdr, cel in ((True, True), (False, True), (True, False)):
            (call,) = read(tmp_path, RECORDS[name], cdr=cdr, cel=cel)
            assert call.direction == direction
            assert not call.concerns_client


def test_only_calls_that_ended_in_the_period_are_given(tmp_path):
    record = RECORDS["ast22_missed_then_client_calls_again"]
    first, second = clients(read(tmp_path, record))
    assert first.end
    assert second.end
    source = CsvHistory(cel=tmp_path / "cel.csv", zone=ZONE)
    assert [c.id for c in calls_between(source, SINCE, first.end, SIDES)] == [first.id]
    after = first.end + timedelta(milliseconds=1)
    assert [c.id for c in calls_between(source, after, UNTIL, SIDES)] == [second.id]


def test_a_call_that_still_goes_on_is_left_for_the_next_time(tmp_path):
    record = RECORDS["ast22_inbound_answered"]
    cut = {**record, "cel": record["cel"][:6], "cdr": []}
    assert read(tmp_path, cut) == []


def test_recordings_come_from_the_detail_records(tmp_path):
    (call,) = clients(read(tmp_path, RECORDS["freepbx15_in_answered"]))
    (recording,) = call.recordings
    assert recording.path.startswith("external-101-")
    assert recording.path.endswith(f"{recording.channel}.wav")


def test_without_a_list_of_trunks_a_peer_that_is_no_extension_is_one(tmp_path):
    for name in ("ast22_inbound_answered", "ast22_outbound_answered", "freepbx17_queue_abandoned"):
        record = RECORDS[name]
        read(tmp_path, record)
        source = CsvHistory(cdr=tmp_path / "cdr.csv", cel=tmp_path / "cel.csv", zone=ZONE, cdr_columns=CUSTOM_CDR)
        calls = clients(calls_between(source, SINCE, UNTIL, Sides()))
        assert [told(call) for call in calls] == [truth_of(call) for call in true_clients(record)]


def test_the_order_of_other_calls_events_between_does_not_matter(tmp_path):
    """Every recorded office at once, as one file: each call is told as if it had been alone."""
    names = [name for name in WITH_CEL if name.startswith("ast22") and "restart" not in name]
    rows, expected, seen = [], [], set()
    for name in names:
        record = RECORDS[name]
        ids = {row["uniqueid"] for row in record["cel"]}
        if not ids & seen:  # two recordings may have begun in the same second of two Asterisks
            seen |= ids
            rows += record["cel"]
            expected += [truth_of(call) for call in true_clients(record)]
    rows.sort(key=lambda row: float(row["eventtime"]))
    calls = clients(read(tmp_path, {"cel": rows, "cdr": []}))
    assert sorted(json.dumps(told(call)) for call in calls) == sorted(json.dumps(each) for each in expected)


def another_call(rows):
    """The same call once more, of other channels; the parking lot is the same."""
    other = json.dumps(rows)
    for was, now in (
        ("1795471426.", "1795471426.9"),
        ("1795471434.", "1795471434.9"),
        ("PJSIP/mango-00000018", "PJSIP/mango-00000918"),
        ("PJSIP/101", "PJSIP/105"),
        ("PJSIP/102-0000001a", "PJSIP/106-0000091a"),
        ("79125551122", "79125559999"),
        ("f071f574", "a071f574"),
        ("629b6b84", "b29b6b84"),
    ):
        other = other.replace(was, now)
    return json.loads(other)


def test_two_clients_in_one_parking_lot_are_two_calls(tmp_path):
    rows = RECORDS["ast22_park_retrieve"]["cel"]
    both = sorted(rows + another_call(rows), key=lambda row: float(row["eventtime"]))
    calls = clients(read(tmp_path, {"cel": both, "cdr": []}))
    assert {call.external: call.answered_by for call in calls} == {
        "79125551122": ("101", "102"),
        "79125559999": ("105", "106"),
    }
    assert [[(t.by, t.to) for t in call.transfers] for call in calls] == [[("101", "102")], [("105", "106")]]


def test_an_agent_who_waits_beside_the_client_does_not_talk(tmp_path):
    rows = json.loads(json.dumps(RECORDS["ast22_inbound_answered"]["cel"]).replace("simple_bridge", "holding_bridge"))
    (call,) = read(tmp_path, {"cel": rows, "cdr": []})
    assert call.disposition == Disposition.MISSED
