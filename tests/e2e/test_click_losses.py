"""Clicks on a bad day: Ringbridge dies in the middle, or was away when the number was clicked."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.office.clicking import Clicking, clicking
from tests.office.office import Office
from tests.office.scenarios import CLIENT, LONG, OTHER_CLIENT, SHORT, converse
from tests.office.truth import spoke

pytestmark = pytest.mark.asterisk

NUMBER = f"+{CLIENT}"


async def assert_is_the_one_record(company: Clicking, call_id: str) -> None:
    (record,) = await company.finished(call_id)
    assert (record.code, record.user_id) == ("200", 1)
    assert list(company.portal.telephony.finished) == [call_id]
    assert not company.portal.telephony.active


async def test_ringbridge_killed_while_the_employees_phone_rings_dials_no_second_time(
    office: Office, tmp_path: Path
) -> None:
    async with clicking(office, tmp_path, events="online") as company:
        call_id = company.click("101", NUMBER)
        (inside,) = await office.ring_of("101")
        company.connector.kill()
        async with company.connector.running():
            inside.answer()
            outside = await office.providers["comtel"].rings()
            outside.answer()
            await converse(inside, outside, seconds=LONG)
            await outside.hangup()
            await inside.until_ended()
            await assert_is_the_one_record(company, call_id)
            record = company.portal.telephony.finished[call_id]
            assert spoke(inside, since=outside.answered_at).lasted(record.duration)
            assert len(office.phones["101"].lines) == 1


async def test_ringbridge_killed_in_the_talk_that_was_clicked_ends_its_card(office: Office, tmp_path: Path) -> None:
    async with clicking(office, tmp_path, events="online") as company:
        call_id = company.click("101", NUMBER)
        inside, outside = await company.dialled("101")
        await converse(inside, outside, seconds=SHORT)
        company.connector.kill()
        async with company.connector.running():
            await converse(inside, outside, seconds=SHORT)
            await outside.hangup()
            await inside.until_ended()
            await assert_is_the_one_record(company, call_id)


async def test_a_number_that_was_clicked_while_ringbridge_was_away_is_dialled_when_it_is_back(
    office: Office, tmp_path: Path
) -> None:
    async with clicking(office, tmp_path, events="offline") as company:
        company.connector.kill()
        call_id = company.click("101", NUMBER)
        async with company.connector.running():
            inside, outside = await company.dialled("101")
            await converse(inside, outside, seconds=1)
            await outside.hangup()
            await inside.until_ended()
            await assert_is_the_one_record(company, call_id)


async def test_a_phone_that_is_rung_through_the_dialplan_ends_the_same_card(office: Office, tmp_path: Path) -> None:
    local = "Local/{extension}@from-phones/n"
    async with clicking(office, tmp_path, events="online", channel=local, ring=5) as company:
        call_id = company.click("101", NUMBER)
        inside, outside = await company.dialled("101")
        await converse(inside, outside, seconds=SHORT)
        await outside.hangup()
        await inside.until_ended()
        await assert_is_the_one_record(company, call_id)
        record = company.portal.telephony.finished[call_id]
        assert spoke(inside, since=outside.answered_at).lasted(record.duration)
        missed = company.click("101", f"+{OTHER_CLIENT}")
        (inside,) = await office.ring_of("101")
        await inside.until_ended()
        (record,) = await company.finished(missed)
        assert (record.code, record.duration) == ("603-S", 0)
        assert not company.portal.telephony.active
