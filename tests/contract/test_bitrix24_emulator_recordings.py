"""Recordings, transcripts and statistics on the emulated portal."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from tests.contract.bitrix24_desk import ADMIN, ANNA, STRANGER, desk, listener

from ringbridge.emulators.bitrix24 import Wording

ATTACH = "telephony.externalCall.attachRecord"
SOUND = b"RIFF\x00\x00sound"
CONTENT = base64.b64encode(SOUND).decode()


async def test_a_recording_given_as_text_is_stored_on_the_activity_and_in_the_statistics() -> None:
    async with desk() as at:
        call_id = await at.registered()
        row = await at.finished(call_id)
        result = (await at.call(ATTACH, CALL_ID=call_id, FILENAME="a.wav", FILE_CONTENT=CONTENT)).result
        file_id = result["FILE_ID"]
        assert at.portal.telephony.files[file_id].content == SOUND
        activity = (await at.call("crm.activity.get", id=row["CRM_ACTIVITY_ID"])).result
        assert [one["id"] for one in activity["FILES"]] == [file_id]
        assert (await at.http.get(activity["FILES"][0]["url"])).content == SOUND
        (statistic,) = (await at.call("voximplant.statistic.get")).result
        assert statistic["RECORD_FILE_ID"] == file_id


async def test_a_second_recording_takes_the_place_of_the_first() -> None:
    async with desk() as at:
        call_id = await at.registered()
        await at.finished(call_id)
        await at.call(ATTACH, CALL_ID=call_id, FILENAME="a.wav", FILE_CONTENT=CONTENT)
        await at.call(ATTACH, CALL_ID=call_id, FILENAME="b.mp3", FILE_CONTENT=CONTENT)
        assert [one.name for one in at.portal.telephony.files.values()] == ["b.mp3"]


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({}, "Required parameters are not set. Request should contain either URL or FILENAME parameter"),
        ({"FILENAME": ""}, "File name is empty"),
        ({"FILENAME": "a.ogg"}, "Wrong file extension. Only wav and mp3 are allowed"),
        ({"FILENAME": "wav"}, "Wrong file extension. Only wav and mp3 are allowed"),
        ({"FILENAME": "a.wav", "FILE_CONTENT": ""}, "File content is empty."),
        (
            {"FILENAME": "a.wav", "FILE_CONTENT": "%%%"},
            "File content is not properly encoded. Base64 encoding is expected.",
        ),
        ({"RECORD_URL": "http://127.0.0.1:9/record"}, "Wrong file extension. Only wav and mp3 are allowed"),
    ],
)
async def test_attach_refuses_in_its_own_words(params: dict[str, Any], text: str) -> None:
    async with desk() as at:
        call_id = await at.registered()
        await at.finished(call_id)
        assert (await at.call(ATTACH, CALL_ID=call_id, **params)).refusal == (400, "ERROR_CORE", text)
        assert not at.portal.telephony.files


async def test_a_call_that_still_runs_takes_no_recording() -> None:
    async with desk(wording=Wording.BOX) as at:
        call_id = await at.registered()
        text = "Call is not found in the statistic table. Looks like it is not finished yet."
        assert (await at.call(ATTACH, CALL_ID=call_id, FILENAME="a.wav")).refusal == (400, "ERROR_CORE", text)
        nothing = (await at.call(ATTACH, CALL_ID=call_id)).refusal[2]
        assert nothing == "Required parameters are not set. Request should contain or URL or FILENAME parameter"


async def test_the_oldest_recordings_are_forgotten_when_there_are_too_many() -> None:
    async with desk(file_bytes_kept=2 * len(SOUND)) as at:
        for name in ("1.wav", "2.wav", "3.wav"):
            call_id = await at.registered()
            await at.finished(call_id)
            await at.call(ATTACH, CALL_ID=call_id, FILENAME=name, FILE_CONTENT=CONTENT)
        assert [one.name for one in at.portal.telephony.files.values()] == ["2.wav", "3.wav"]


# Upload.


async def test_a_name_alone_gives_an_address_that_takes_the_file_once() -> None:
    async with desk() as at:
        call_id = await at.registered()
        await at.finished(call_id)
        ticket = (await at.call(ATTACH, CALL_ID=call_id, FILENAME="whatever.wav")).result
        assert ticket["fieldName"] == "file"
        assert ticket["uploadUrl"].startswith("http://portal.test/rest/upload.json?auth=")
        assert "token=telephony%7C" in ticket["uploadUrl"]
        wrong = await at.http.post(ticket["uploadUrl"], files={"other": ("a.wav", SOUND)})
        bad_name = await at.http.post(ticket["uploadUrl"], files={"file": ("a.txt", SOUND)})
        good = await at.http.post(ticket["uploadUrl"], files={"file": ("call.mp3", SOUND)})
        again = await at.http.post(ticket["uploadUrl"], files={"file": ("call.mp3", SOUND)})
        assert wrong.json()["error_description"] == "Error: required parameter file is not found"
        assert bad_name.json()["error_description"] == "Wrong file extension. Only wav and mp3 are allowed"
        file_id = good.json()["result"]["FILE_ID"]
        assert at.portal.telephony.files[file_id].name == "call.mp3"
        assert at.portal.telephony.files[file_id].content == SOUND
        assert again.status_code == 403


# Fetching by address.


async def test_a_recording_is_fetched_by_its_address_and_named_by_filename_or_path() -> None:
    async with desk() as at, listener(content=SOUND) as pbx:
        call_id = await at.registered()
        await at.finished(call_id)
        url = f"{pbx.address}/records/1.wav"
        assert (await at.call(ATTACH, CALL_ID=call_id, RECORD_URL=url, FILE_CONTENT="ignored")).result["FILE_ID"] == 1
        assert [(one.name, one.content) for one in at.portal.telephony.files.values()] == [("1.wav", SOUND)]
        await at.call(ATTACH, CALL_ID=call_id, RECORD_URL=f"{pbx.address}/r", FILENAME="n.mp3")
        assert [path for path, _ in pbx.heard] == ["/records/1.wav", "/r"]
        assert [one.name for one in at.portal.telephony.files.values()] == ["n.mp3"]


async def test_an_address_that_answers_with_an_error_is_refused() -> None:
    async with desk() as at, listener(status=404) as pbx:
        call_id = await at.registered()
        await at.finished(call_id)
        refused = await at.call(ATTACH, CALL_ID=call_id, RECORD_URL=f"{pbx.address}/1.wav")
        assert refused.refusal == (400, "ERROR_CORE", "Server returns HTTP error code 404")


async def test_an_address_that_nobody_answers_is_refused() -> None:
    async with desk() as at:
        call_id = await at.registered()
        await at.finished(call_id)
        refused = await at.call(ATTACH, CALL_ID=call_id, RECORD_URL="http://127.0.0.1:1/1.wav")
        assert refused.refusal[:2] == (400, "SERVER_NOT_AVAILABLE")


async def test_the_address_given_to_finish_is_fetched_behind_the_answer() -> None:
    async with desk() as at, listener(content=SOUND) as pbx:
        await at.finished(await at.registered(), RECORD_URL=f"{pbx.address}/1.wav")
        assert not pbx.heard
        await at.portal.chores.finish_waiting()
        assert [one.content for one in at.portal.telephony.files.values()] == [SOUND]


# Statistics.


async def test_statistics_are_strings_or_null_and_filter_by_ids_and_dates() -> None:
    async with desk() as at:
        for number in range(3):
            call_id = await at.registered(EXTERNAL_CALL_ID=f"pbx-{number}", USER_ID=1 + number)
            await at.finished(call_id, USER_ID=1 + number, DURATION=number * 10)
            at.clock.forward(minutes=1)
        get = "voximplant.statistic.get"
        (one,) = (await at.call(get, FILTER={"EXTERNAL_CALL_ID": "pbx-1"})).result
        assert (one["CALL_DURATION"], one["CALL_TYPE"], one["COST"]) == ("10", "2", "0.0000")
        assert one["CALL_START_DATE"] == "2026-03-10T11:01:00+03:00"
        assert [k for k, v in one.items() if v is not None and not isinstance(v, str)] == []
        later = await at.call(get, FILTER={">CALL_START_DATE": "2026-03-10T08:00:30+00:00"})
        assert [row["ID"] for row in later.result] == ["2", "3"]
        assert later.body["total"] == 2
        both = await at.call(get, FILTER={"CALL_ID": [one["CALL_ID"], "x"]})
        assert [row["ID"] for row in both.result] == ["2"]
        between = await at.call(get, FILTER={"><CALL_DURATION": [5, 15]})
        assert [row["ID"] for row in between.result] == ["2"]
        assert len((await at.call(get, FILTER={"NO_SUCH": "x", "~CALL_ID": "y"})).result) == 3


async def test_statistics_are_sorted_only_when_sort_and_order_are_given() -> None:
    async with desk() as at:
        for duration in (5, 20, 10):
            await at.finished(await at.registered(), DURATION=duration)
        get = "voximplant.statistic.get"
        longest = (await at.call(get, SORT="CALL_DURATION", ORDER="DESC")).result
        assert [row["CALL_DURATION"] for row in longest] == ["20", "10", "5"]
        assert [row["ID"] for row in (await at.call(get, SORT="CALL_DURATION")).result] == ["1", "2", "3"]


async def test_statistics_are_denied_to_those_without_the_right() -> None:
    async with desk() as at:
        at.portal.staff.users[ADMIN].sees_statistics = False
        refused = await at.call("voximplant.statistic.get")
        assert refused.refusal == (403, "ACCESS_DENIED", "Access denied!")


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"CALL_ID": ""}, "CALL_ID should be set"),
        ({"MESSAGES": "x"}, "MESSAGES should be an array"),
        ({"MESSAGES": [{"SIDE": "Boss"}]}, "MESSAGES[0][SIDE] should be either Client or User"),
        (
            {"MESSAGES": [{"SIDE": "User", "START_TIME": -1}]},
            "MESSAGES[0][START_TIME] should be greater or equal to zero",
        ),
        ({"MESSAGES": [{"SIDE": "User", "STOP_TIME": 0}]}, "MESSAGES[0][STOP_TIME] should be greater than zero"),
        ({"MESSAGES": [{"SIDE": "User", "STOP_TIME": 1, "MESSAGE": ""}]}, "MESSAGES[0][MESSAGE] is empty"),
        ({"CALL_ID": "x"}, "Call x is not found. Is it finished?"),
    ],
)
async def test_a_transcript_is_refused_in_its_own_words(params: dict[str, Any], text: str) -> None:
    phrases = [{"SIDE": "Client", "START_TIME": 0, "STOP_TIME": 2, "MESSAGE": "Hello"}]
    async with desk() as at:
        call_id = await at.registered()
        await at.finished(call_id)
        good = {"CALL_ID": call_id, "MESSAGES": phrases}
        method = "telephony.call.attachTranscription"
        assert (await at.call(method, **{**good, **params})).refusal == (400, "ERROR_CORE", text)
        assert (await at.call(method, **good)).result == {"TRANSCRIPT_ID": 1}


async def test_a_call_that_a_line_did_not_bring_bears_the_applications_name() -> None:
    async with desk() as at:
        await at.finished(await at.registered(USER_ID=ANNA, PHONE_NUMBER=STRANGER))
        (row,) = (await at.call("voximplant.statistic.get")).result
        assert row["PORTAL_NUMBER"] == "REST_APP:1"
