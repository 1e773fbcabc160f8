"""A number is clicked in the portal: the employee's phone rings, then the client's, and the one record of it is the
call that the portal itself began. With a real Asterisk, events posted and fetched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from tests.office.asterisk import Asterisk, Network
from tests.office.clicking import AUTO_ANSWER, GROUP, MISSED_CLIENT, MOBILE, TOKEN, Clicking, clicking
from tests.office.company import until
from tests.office.line import Line
from tests.office.office import Reach, open_office
from tests.office.phone import Phone
from tests.office.scenarios import CLIENT, LONG, OTHER_CLIENT, SHORT, converse
from tests.office.sound import Sound
from tests.office.truth import spoke

from ringbridge.emulators.bitrix24 import deskwork
from ringbridge.emulators.bitrix24.calls import CallRecord, CallType

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

NUMBER = f"+{CLIENT}"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["online", "offline"])
async def company(
    request: pytest.FixtureRequest,
    pbx: tuple[Asterisk, Network],
    pbx_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Clicking]:
    async with (
        open_office(*pbx, recordings=pbx_folder / "recordings") as office,
        clicking(office, tmp_path_factory.mktemp("clicking"), events=request.param, ring=5) as company,
    ):
        yield company


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def quiet(company: Clicking) -> AsyncIterator[None]:
    """Before each test nobody speaks; after it no card waits for its end."""
    await company.office.clear()
    company.portal.telephony.finished.clear()
    yield
    assert not company.portal.telephony.active


def users_of(records: list[CallRecord]) -> list[int]:
    return [record.user_id for record in records]


async def test_a_click_rings_the_employee_then_the_client_and_is_one_record(company: Clicking) -> None:
    call_id = company.click("101", NUMBER)
    (inside,) = await company.office.ring_of("101")
    assert inside.number == f"8{CLIENT[1:]}", "the phone shows whom it is about"
    assert inside.invited_with("Call-Info") == AUTO_ANSWER.partition(": ")[2]
    inside.answer()
    outside = await company.office.providers["comtel"].rings()
    assert outside.dialled == CLIENT
    outside.answer()
    await converse(inside, outside, seconds=LONG)
    await outside.hangup()
    await inside.until_ended()
    (record,) = await company.finished(call_id)
    assert (record.code, record.user_id, record.call.type) == ("200", 1, CallType.OUTGOING)
    assert spoke(inside, since=outside.answered_at).lasted(record.duration)
    await company.recorded(record)
    assert record.record_file_id is not None
    sound = Sound.of_wav(company.portal.telephony.files[record.record_file_id].content)
    assert sound.loudness > 1000
    assert list(company.portal.telephony.finished) == [call_id]


async def test_the_client_is_called_by_the_line_that_was_chosen_in_the_card(company: Clicking) -> None:
    call_id = company.click("102", NUMBER, line="Volga")
    inside, outside = await company.dialled("102", by="volga")
    await converse(inside, outside, seconds=1)
    await inside.hangup()
    await outside.until_ended()
    (record,) = await company.finished(call_id)
    assert (record.code, record.portal_number) == ("200", "Volga")


async def test_an_employee_who_does_not_answer_ends_the_card_and_the_client_is_not_called(company: Clicking) -> None:
    call_id = company.click("101", NUMBER)
    (inside,) = await company.office.ring_of("101")
    await inside.until_ended()
    (record,) = await company.finished(call_id)
    assert (record.code, record.duration) == ("603-S", 0)
    assert "did not answer" in record.reason
    assert not company.office.providers["comtel"].lines


async def test_a_phone_that_is_off_ends_the_card_at_once(company: Clicking) -> None:
    await company.office.phones["105"].unregister()
    call_id = company.click("105", NUMBER)
    (record,) = await company.finished(call_id)
    assert (record.code, record.user_id) == ("603-S", 5)
    assert "registered" in record.reason


async def test_a_client_who_is_busy_is_told_as_busy(company: Clicking) -> None:
    call_id = company.click("101", NUMBER)
    (inside,) = await company.office.ring_of("101")
    inside.answer()
    outside = await company.office.providers["comtel"].arrives()
    outside.reject(486, "Busy Here")
    await inside.until_ended()
    (record,) = await company.finished(call_id)
    assert (record.code, record.duration, record.reason) == ("486", 0, "")


async def test_twenty_clicks_at_once_each_end_their_own_card(company: Clicking) -> None:
    """Each of five employees clicks four numbers (one, where clicks are fetched): no call is taken for another."""
    clicked = {
        f"7912000{extension}{nth}": (extension, company.click(extension, f"+7912000{extension}{nth}"))
        for nth in range(1 if company.offline else 4)
        for extension in ("101", "102", "103", "104", "105")
    }
    phones = [company.office.phones[extension] for extension, _ in clicked.values()]
    providers = [company.office.providers["comtel"]] * len(clicked)
    inside, outside = await asyncio.gather(answered(*phones), answered(*providers))
    assert {(line.phone.name, f"7{line.number[1:]}") for line in inside} == {
        (extension, number) for number, (extension, _) in clicked.items()
    }, "each phone shows the numbers that were clicked by its own employee"
    assert {line.dialled for line in outside} == set(clicked)
    await converse(*inside, *outside, seconds=0.5)
    await asyncio.gather(*(line.hangup() for line in outside))
    await asyncio.gather(*(line.until_ended() for line in inside))
    records = await company.finished(*(call_id for _, call_id in clicked.values()))
    assert [str(record.user_id) for record in records] == [extension[-1] for extension, _ in clicked.values()]
    assert [record.call.phone.lstrip("+") for record in records] == list(clicked)
    assert {record.code for record in records} == {"200"}
    sample = records[:5]  # uploads are few a second
    await asyncio.gather(*(company.recorded(record) for record in sample))
    assert len({record.record_file_id for record in sample} - {None}) == len(sample)


async def answered(*phones: Phone) -> list[Line]:
    """Each of these phones rings once for each time it is named, and is picked up as soon as it rings."""

    async def picked_up(phone: Phone) -> Line:
        line = await phone.rings()
        line.answer()
        return line

    return list(await asyncio.gather(*(picked_up(phone) for phone in phones)))


async def test_a_number_that_is_clicked_twice_rings_once(company: Clicking) -> None:
    first, second = company.click("103", NUMBER), company.click("103", NUMBER)
    inside, outside = await company.dialled("103")
    await converse(inside, outside, seconds=1)
    await inside.hangup()
    await outside.until_ended()
    answered, refused = await company.finished(first, second)
    assert (answered.code, refused.code) == ("200", "603-S")
    assert "a moment ago" in refused.reason
    assert len(company.office.phones["103"].lines) == 1


async def test_an_ordered_call_rings_the_office_then_the_client_and_is_a_callback(company: Clicking) -> None:
    deskwork.order_callback(company.portal, number=f"+{OTHER_CLIENT}", text="Call me")
    inside, outside = await company.dialled(GROUP)
    assert outside.dialled == OTHER_CLIENT
    await converse(inside, outside, seconds=SHORT)
    await outside.hangup()
    await inside.until_ended()
    record = await company.one_finished()
    assert (record.call.type, record.code, record.user_id) == (CallType.CALLBACK, "200", 2)
    assert spoke(inside, since=outside.answered_at).lasted(record.duration)


async def test_an_order_that_nobody_here_takes_is_a_missed_call_and_is_dialled_once_more(company: Clicking) -> None:
    deskwork.order_callback(company.portal, number="+79990005566")
    (inside,) = await company.office.ring_of(GROUP)
    await inside.until_ended()
    record = await company.one_finished()
    assert (record.call.type, record.code, record.duration) == (CallType.CALLBACK, "304", 0)
    assert record.call.phone.endswith("9990005566")
    assert not company.office.providers["comtel"].lines
    inside, outside = await company.dialled(GROUP)
    await converse(inside, outside, seconds=1)
    await outside.hangup()
    await inside.until_ended()
    await until(lambda: len(company.portal.telephony.finished) == 2)
    *_, record = company.portal.telephony.finished.values()
    assert (record.call.type, record.code) == (CallType.CALLBACK, "200")


async def test_a_missed_call_is_called_back_by_the_rule_on_the_phone_that_rang(company: Clicking) -> None:
    client = company.office.call_in(Reach.EMPLOYEE_105, client=MISSED_CLIENT)
    await company.office.ring_of("105")
    await client.hangup()
    inside, outside = await company.dialled("105")
    assert outside.dialled == MISSED_CLIENT
    await converse(inside, outside, seconds=1)
    await outside.hangup()
    await inside.until_ended()
    await until(lambda: len(company.portal.telephony.finished) == 2)
    missed, called = sorted(company.portal.telephony.finished.values(), key=lambda record: record.call.started)
    assert (missed.call.type, missed.code) == (CallType.INCOMING, "304")
    assert (called.call.type, called.code, called.user_id) == (CallType.CALLBACK, "200", 5)


async def test_a_colleagues_number_that_is_clicked_rings_both(company: Clicking) -> None:
    call_id = company.click("101", "104")
    (inside,) = await company.office.ring_of("101")
    inside.answer()
    (colleague,) = await company.office.ring_of("104")
    colleague.answer()
    await converse(inside, colleague, seconds=SHORT)
    await inside.hangup()
    await colleague.until_ended()
    (record,) = await company.finished(call_id)
    assert (record.code, record.user_id) == ("200", 1)
    assert spoke(colleague).lasted(record.duration)


async def test_a_number_that_the_dialplan_does_not_know_ends_the_card_with_the_pbxs_words(company: Clicking) -> None:
    call_id = company.click("101", "+1 415 555 2671")
    (record,) = await company.finished(call_id)
    assert (record.code, record.duration) == ("503", 0)
    assert "Extension does not exist" in record.reason
    assert not company.office.phones["101"].lines


async def test_a_program_rings_an_employees_mobile_then_the_client_and_learns_the_result(company: Clicking) -> None:
    provider = company.office.providers["comtel"]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx2.AsyncClient(base_url=f"{company.connector.address}/api/v1", headers=headers) as program:
        dial = (await program.post("/calls", json={"number": "+79031234567", "employee": f"+{MOBILE}"})).json()
        mobile = await provider.rings()
        assert mobile.dialled == MOBILE
        mobile.answer()
        outside = await provider.rings()
        assert outside.dialled == "79031234567"
        outside.answer()
        await converse(mobile, outside, seconds=1)
        await outside.hangup()
        await mobile.until_ended()
        record = await company.one_finished()
        assert (record.call.type, record.code, record.user_id) == (CallType.OUTGOING, "200", 6)
        assert record.call.phone.endswith("9031234567")
        told = (await program.get(f"/calls/{dial['id']}")).json()
    assert (told["state"], told["call"]["result"], told["call"]["reached"]) == ("ended", "answered", True)
