"""Logs are read on from where we were: nothing twice, nothing lost, and what cannot be read is named."""

import csv
import io
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ringbridge.pbx.history import CEL_COLUMNS, BadRow, CsvHistory, LogFile, Sides, calls_between, calls_of
from ringbridge.pbx.history.columns import CDR_COLUMNS, cdr_columns, cdr_row, cel_row

# A busy machine is no reason to fail.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

SIDES = Sides(trunks=frozenset({"mango"}))
LONG_AGO, FAR = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def line(*values: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(values)
    return text.getvalue().encode()


def values_of(log: LogFile) -> list[list[str]]:
    return [record.values for record in log.read()]


def test_a_file_is_read_on_from_where_we_were(tmp_path):
    path = tmp_path / "Master.csv"
    path.write_bytes(line("1") + line("2"))
    log = LogFile(path)
    assert values_of(log) == [["1"], ["2"]]
    assert values_of(log) == []
    with path.open("ab") as file:
        file.write(line("3"))
    assert values_of(LogFile(path, position=log.position)) == [["3"]], "also after our own restart"


def test_a_file_that_is_not_there_yet_is_empty(tmp_path):
    log = LogFile(tmp_path / "Master.csv")
    assert values_of(log) == []
    (tmp_path / "Master.csv").write_bytes(line("1"))
    assert values_of(log) == [["1"]]


@UNHURRIED
@given(cut=st.integers(0, 200))
def test_a_torn_record_is_left_until_its_end_is_written(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("torn") / "Master.csv"
    rows = [["1", "Иван «Ромашка» №1"], ["2", 'she said "hello", and\nhung up'], ["3", ""]]
    whole = b"".join(line(*row) for row in rows)
    path.write_bytes(whole[:cut])
    log = LogFile(path)
    first = values_of(log)
    with path.open("ab") as file:
        file.write(whole[cut:])
    assert first + values_of(log) == rows
    assert log.problems == []


@pytest.mark.parametrize("name", ["Master.csv.1", "Master.csv-20261124"])
def test_what_was_written_before_the_rotation_is_not_lost(tmp_path, name):
    path = tmp_path / "Master.csv"
    path.write_bytes(line("1"))
    log = LogFile(path)
    assert values_of(log) == [["1"]]
    with path.open("ab") as file:
        file.write(line("2"))
    path.rename(tmp_path / name)
    path.write_bytes(line("3"))
    assert values_of(log) == [["2"], ["3"]]
    assert values_of(log) == []


def test_a_rotated_file_that_was_removed_costs_only_itself(tmp_path):
    path = tmp_path / "Master.csv"
    path.write_bytes(line("1") * 10)
    log = LogFile(path)
    values_of(log)
    (tmp_path / "new").write_bytes(line("2"))
    (tmp_path / "new").replace(path)
    assert values_of(log) == [["2"]]


def test_a_file_emptied_in_its_place_is_read_from_its_beginning(tmp_path):
    path = tmp_path / "Master.csv"
    path.write_bytes(line("1") * 10)
    log = LogFile(path)
    values_of(log)
    os.truncate(path, 0)
    with path.open("ab") as file:
        file.write(line("2"))
    assert values_of(log) == [["2"]]
    assert log.position.line == 1


def test_a_quote_that_is_never_closed_costs_one_line_and_is_named(tmp_path):
    path = tmp_path / "Master.csv"
    path.write_bytes(line("1") + b'"broken,2\n' + b"".join(line(str(n)) for n in range(3, 60)))
    log = LogFile(path)
    assert values_of(log) == [["1"], *[[str(n)] for n in range(3, 60)]]
    assert log.problems == [f"{path}, line 2: a quote is never closed"]


def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path):
    path = tmp_path / "Master.csv"
    path.write_bytes(b"x" * 200_000 + b"\n" + line("2"))
    log = LogFile(path)
    assert values_of(log)[-1] == ["2"]
    assert log.bad >= 3


def test_only_the_first_hundred_problems_are_kept_and_all_are_counted(tmp_path):
    path = tmp_path / "cel.csv"
    path.write_bytes(line("CHAN_START", "not a time") * 150)
    source = CsvHistory(cel=path)
    assert list(source.cel(LONG_AGO, FAR)) == []
    assert len(source.problems) == 100
    assert source.problems[0] == f"{path}, line 1: 2 columns instead of {len(CEL_COLUMNS)}"


def cdr_values(**changes: str) -> list[str]:
    values = dict.fromkeys(CDR_COLUMNS, "")
    values |= {
        "src": "79125551122",
        "dst": "101",
        "channel": "PJSIP/mango-00000000",
        "dstchannel": "PJSIP/101-00000001",
    }
    values |= {"start": "2026-11-23 22:02:12", "answer": "2026-11-23 22:02:14", "end": "2026-11-23 22:02:18"}
    values |= {"lastapp": "Dial", "duration": "6", "billsec": "4", "disposition": "ANSWERED"}
    return list((values | changes).values())


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"start": "yesterday"}, "start is no time: 'yesterday'"),
        ({"start": ""}, "no start"),
        ({"end": "2026-13-45 00:00:00"}, "end is no time"),
        ({"channel": ""}, "no channel"),
        ({"billsec": "four"}, "billsec is no number: 'four'"),
        ({"duration": "inf"}, "duration is no number: 'inf'"),
    ],
)
def test_a_bad_line_is_named_and_its_neighbours_are_read(tmp_path, broken, reason):
    path = tmp_path / "Master.csv"
    path.write_bytes(line(*cdr_values()) + line(*cdr_values(**broken)) + line(*cdr_values()))
    source = CsvHistory(cdr=path)
    assert len(list(source.cdr(LONG_AGO, FAR))) == 2
    (problem,) = source.problems
    assert problem.startswith(f"{path}, line 2: {reason}")


def test_an_hour_of_a_long_log_is_found_without_reading_the_years_before(tmp_path):
    path = tmp_path / "Master.csv"
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    times = [begin + timedelta(minutes=n) for n in range(9_000)]
    with path.open("wb") as file:
        for n, time in enumerate(times):
            name = f'"Анна,\n{n}" <7912>'  # every record has two lines
            stamp = time.strftime("%Y-%m-%d %H:%M:%S")
            file.write(line(*cdr_values(start=stamp, end=stamp, clid=name, lastdata=str(n))))
        file.write(line("broken"))
    since, until = times[7_000], times[7_060]
    source = CsvHistory(cdr=path, zone=UTC)
    assert [row.lastdata for row in source.cdr(since, until)] == [str(n) for n in range(7_000, 7_061)]
    (problem,) = source.problems
    number = int(problem.split(", line ")[1].split()[0])
    offset = int(problem.split("after byte ")[1].split(":")[0])
    assert offset > path.stat().st_size // 2
    with path.open("rb") as file:
        file.seek(offset)
        assert file.read().splitlines()[number - 1] == b'"broken"'
    assert [row.lastdata for row in source.cdr(LONG_AGO, begin)] == ["0"]
    assert list(source.cdr(FAR, FAR)) == []


def test_a_number_of_columns_that_asterisk_never_writes_asks_for_their_names(tmp_path):
    with pytest.raises(BadRow, match=r"25 columns.*name the file's columns"):
        cdr_columns(["x"] * 25)
    with pytest.raises(BadRow, match="12 columns"):
        cdr_columns(["x"] * 12)


def test_an_office_s_own_layout_is_read_by_the_names_of_its_columns(tmp_path):
    path = tmp_path / "custom.csv"
    columns = ("CallDate", "Source", "Destination", "channel", "dstchannel", "duration", "billsec", "disposition")
    path.write_bytes(
        line(
            "2026-11-23 22:02:12", "7912", "101", "PJSIP/mango-0", "PJSIP/101-1", "6", "4", "NOANSWER", "more", "still"
        )
    )
    (row,) = CsvHistory(cdr=path, cdr_columns=columns, zone=UTC).cdr(LONG_AGO, FAR)
    assert row.start == datetime(2026, 11, 23, 22, 2, 12, tzinfo=UTC)
    assert row.end == datetime(2026, 11, 23, 22, 2, 18, tzinfo=UTC)
    assert (row.src, row.dst, row.disposition) == ("7912", "101", "NO ANSWER")


def test_times_are_the_pbxs_and_come_out_as_utc():
    base = {"channel": "PJSIP/mango-0", "start": "2026-11-23 22:02:12"}
    assert cdr_row(base, ZoneInfo("Asia/Yekaterinburg")).start == datetime(2026, 11, 23, 17, 2, 12, tzinfo=UTC)
    event = {"eventtype": "answer", "uniqueid": "1.1"}
    for text in ("1795471332.308717", "2026-11-23 22:02:12.308717"):
        assert cel_row({**event, "eventtime": text}, UTC).time == datetime(2026, 11, 23, 22, 2, 12, 308717, tzinfo=UTC)


@pytest.mark.parametrize("extra", ["", "{", "[1]", "26,,", '{"a": ' * 5000, "null"])
def test_extra_data_that_is_no_object_is_none(extra):
    row = cel_row({"eventtype": "HANGUP", "eventtime": "1795471332", "uniqueid": "1.1", "extra": extra}, UTC)
    assert row.said("hangupcause") == ""


def test_names_in_cp1251_do_not_hide_the_call(tmp_path):
    path = tmp_path / "Master.csv"
    row = cdr_values(clid='"NAME" <79125551122>')
    path.write_bytes(line(*row).replace(b"NAME", "Иван Петров".encode("cp1251")))
    (call,) = calls_between(CsvHistory(cdr=path, zone=UTC), LONG_AGO, FAR, SIDES)
    assert call.external == "79125551122"
    assert call.answered_by == ("101",)


def test_no_files_are_no_calls():
    assert calls_between(CsvHistory(), LONG_AGO, FAR, SIDES) == []


def test_a_file_that_may_not_be_read_is_an_error_and_not_an_empty_history(tmp_path):
    (tmp_path / "Master.csv").mkdir()
    with pytest.raises(IsADirectoryError):
        list(CsvHistory(cdr=tmp_path / "Master.csv").cdr(LONG_AGO, FAR))


@UNHURRIED
@given(st.binary(max_size=2000))
def test_no_file_is_too_strange(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("strange") / "Master.csv"
    path.write_bytes(content)
    source = CsvHistory(cdr=path, cel=path)
    calls_between(source, LONG_AGO, FAR, SIDES)


EVENTS = st.sampled_from(
    ["CHAN_START", "ANSWER", "BRIDGE_ENTER", "BRIDGE_EXIT", "HANGUP", "CHAN_END", "BLINDTRANSFER", "PARK_START"]
) | st.sampled_from(["ATTENDEDTRANSFER", "PARK_END", "PICKUP", "LOCAL_OPTIMIZE", "USER_DEFINED"])
CHANNELS = st.sampled_from(
    ["PJSIP/mango-1", "PJSIP/101-2", "PJSIP/102-3", "Local/103@x-4;1", "Local/103@x-4;2", "PJSIP/mango-5", "", "junk"]
)
EXTRA = st.fixed_dictionaries({"bridge_id": st.sampled_from(["a", "b"])}) | st.dictionaries(
    st.sampled_from(["hangupcause", "dialstatus", "extension", "retriever", "parker_dial_string"]),
    st.none() | st.integers(-5, 200) | st.text(max_size=5),
)


@UNHURRIED
@given(
    st.lists(st.tuples(EVENTS, st.integers(0, 50), CHANNELS, st.integers(1, 4), st.integers(1, 3), EXTRA), max_size=25)
)
@example([("HANGUP", 0, "PJSIP/mango-1", 1, 1, {"hangupcause": "¹"})])  # a digit, and no number to Python
def test_no_sequence_of_events_is_too_strange_and_every_talk_lies_within_them(events):
    rows = [
        cel_row({"eventtype": event, "eventtime": str(1795471332 + at), "uniqueid": f"1795471332.{u}"}, UTC)
        for event, at, _, u, _, _ in sorted(events, key=lambda each: each[1])
    ]
    full = [
        replace(row, channel=channel, linkedid=f"1795471332.{linked}", extra=extra)
        for row, (_, _, channel, _, linked, extra) in zip(rows, sorted(events, key=lambda each: each[1]), strict=True)
    ]
    for call in calls_of([], full, SIDES):
        for talk in call.talks:
            assert talk.end is not None
            assert full[0].time <= talk.start <= talk.end <= full[-1].time


@UNHURRIED
@given(
    st.lists(
        st.tuples(
            CHANNELS, CHANNELS, st.sampled_from(["ANSWERED", "NO ANSWER", "BUSY", "FAILED", "what"]), st.integers(0, 90)
        ),
        max_size=8,
    )
)
def test_no_set_of_records_is_too_strange_and_no_record_is_in_two_calls(legs):
    rows = [
        cdr_row(
            {
                "start": "2026-11-23 22:02:12",
                "duration": str(seconds),
                "billsec": str(seconds),
                "channel": a or "x",
                "dstchannel": b,
                "disposition": disposition,
                "src": "79125551122",
                "uniqueid": f"1.{index}",
            },
            UTC,
        )
        for index, (a, b, disposition, seconds) in enumerate(legs)
    ]
    calls = calls_of(rows, [], SIDES)
    per_client = [(call.client_channels, call.trunk) for call in calls if call.direction == "inbound"]
    assert len(per_client) == len(set(per_client))
    assert {channel for call in calls for channel in call.channels} == {row.uniqueid for row in rows}
