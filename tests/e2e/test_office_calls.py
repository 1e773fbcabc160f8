"""The test office itself: what its people and their phones see is what a real office would see."""

from __future__ import annotations

import asyncio

import pytest
from tests.office.line import EndedTooSoon, Line
from tests.office.office import Office, Reach
from tests.office.sound import Sound, finished_wav
from tests.office.truth import MARGIN, spoke

pytestmark = pytest.mark.asterisk

CLIENT = "79125551122"
OUTBOUND = (("89125551122", "comtel", "74951000100"), ("989125551122", "volga", "78432000100"))


async def converse(*lines: Line, seconds: float = 1.0) -> None:
    """All of them hear each other for that long."""
    await asyncio.gather(*(line.hear(seconds) for line in lines))


async def test_every_phone_registers_and_the_pbx_loaded_what_the_office_needs(office: Office) -> None:
    contacts = office.pbx.cli("pjsip show contacts")
    assert all(f"{extension}/sip:{extension}@" in contacts for extension in office.phones)
    assert "declined to load" not in office.pbx.log()
    assert "Error loading module" not in office.pbx.log()


async def test_a_clients_call_rings_is_answered_and_both_sides_hear_each_other(office: Office) -> None:
    outside = office.call_in(Reach.EMPLOYEE_101, client=CLIENT, name="ООО «Ромашка»")
    (inside,) = await office.ring_of("101")
    await outside.until_ringing()
    assert (inside.number, inside.name) == (CLIENT, "ООО «Ромашка»")
    inside.answer()
    await outside.until_answered()
    await converse(outside, inside)
    await outside.hangup()
    await inside.until_ended()


async def test_an_answered_call_leaves_a_playable_recording_with_something_to_hear(office: Office) -> None:
    before = set(office.recordings.iterdir())
    outside, inside = await office.connected(Reach.EMPLOYEE_101, "101", client=CLIENT)
    await converse(outside, inside)
    await inside.hangup()
    await outside.until_ended()
    await office.idle()
    (recording,) = set(office.recordings.iterdir()) - before
    sound = Sound.of_wav(await finished_wav(recording))
    assert sound.loudness > 1000
    assert spoke(inside).is_in(sound.seconds), sound.seconds
    assert sound.seconds < inside.talked.total_seconds() + MARGIN


async def test_a_caller_who_gives_up_stops_the_ringing(office: Office) -> None:
    outside = office.call_in(Reach.EMPLOYEE_101, client=CLIENT)
    (inside,) = await office.ring_of("101")
    await outside.until_ringing()
    await outside.hangup()
    await inside.until_ended()
    assert not inside.answered_elsewhere


async def test_the_ring_group_rings_three_phones_and_the_losers_learn_who_won(office: Office) -> None:
    outside = office.call_in(Reach.RECEPTION, client=CLIENT)
    first, second, third = await office.ring_of("101", "102", "103")
    second.answer()
    await office.all_ended(first, third)
    assert first.answered_elsewhere
    assert third.answered_elsewhere
    await converse(outside, second)


@pytest.mark.parametrize(
    ("queue", "members"), [(Reach.SALES, ("101", "102")), (Reach.SUPPORT, ("103", "104"))], ids=["phones", "local"]
)
async def test_a_queue_rings_its_members_until_one_answers(
    office: Office, queue: Reach, members: tuple[str, str]
) -> None:
    outside = office.call_in(queue, client=CLIENT)
    loser, winner = await office.ring_of(*members)
    winner.answer()
    await loser.until_ended()
    await converse(outside, winner)


async def test_the_menu_leads_to_the_front_desk(office: Office) -> None:
    outside = office.call_in(Reach.MENU, client=CLIENT)
    await outside.until_answered()
    await outside.hear(0.5)
    await outside.press("1")
    winner, *_ = await office.ring_of("101", "102", "103")
    winner.answer()
    await converse(outside, winner)


async def test_the_mailbox_answers_after_hours(office: Office) -> None:
    outside = office.call_in(Reach.MAILBOX, client=CLIENT)
    await outside.until_answered()
    await outside.hear(0.3)
    await outside.hangup()


async def test_a_number_nobody_has_is_refused(office: Office) -> None:
    outside = office.call_in(Reach.NOBODY, client=CLIENT)
    await outside.until_ended()
    assert outside.answered_at is None


async def test_an_outbound_call_leaves_by_the_chosen_provider_with_its_number(office: Office) -> None:
    for dialled, provider, number in (
        ("89125551122", "comtel", "74951000100"),
        ("989125551122", "volga", "78432000100"),
    ):
        inside = office.phones["101"].dial(dialled)
        client = await office.providers[provider].rings()
        assert (client.dialled, client.number) == (CLIENT, number)
        client.answer()
        await converse(inside, client)
        await client.hangup()
        await inside.until_ended()


async def test_a_blind_transfer_by_the_feature_code_reaches_the_colleague(office: Office) -> None:
    outside, inside = await office.connected(Reach.EMPLOYEE_101, "101", client=CLIENT)
    await inside.press("##")
    await inside.hear(1)  # "Transfer"
    await inside.press("102")
    (colleague,) = await office.ring_of("102")
    colleague.answer()
    await inside.until_ended()
    await converse(outside, colleague)


async def test_a_blind_transfer_by_the_phones_button_reaches_the_colleague(office: Office) -> None:
    outside, inside = await office.connected(Reach.EMPLOYEE_101, "101", client=CLIENT)
    await inside.transfer("102")
    (colleague,) = await office.ring_of("102")
    colleague.answer()
    await converse(outside, colleague)


async def test_an_attended_transfer_by_the_feature_code_joins_client_and_colleague(office: Office) -> None:
    outside, inside = await office.connected(Reach.EMPLOYEE_101, "101", client=CLIENT)
    await inside.press("*2")
    await inside.hear(1)
    await inside.press("102")
    (colleague,) = await office.ring_of("102")
    colleague.answer()
    await converse(inside, colleague)
    await inside.hangup()
    await converse(outside, colleague)


async def test_an_attended_transfer_by_the_phones_button_joins_client_and_colleague(office: Office) -> None:
    outside, inside = await office.connected(Reach.EMPLOYEE_101, "101", client=CLIENT)
    await inside.hold()
    second_line = office.phones["101"].dial("102")
    (colleague,) = await office.ring_of("102")
    colleague.answer()
    await second_line.until_answered()
    await inside.transfer_to(second_line)
    await inside.until_transferred()
    await converse(outside, colleague)


async def test_a_colleague_picks_up_the_call_that_rings_next_door(office: Office) -> None:
    outside = office.call_in(Reach.EMPLOYEE_101, client=CLIENT)
    (ringing,) = await office.ring_of("101")
    picked = office.phones["104"].dial("*8101")
    await picked.until_answered()
    await ringing.until_ended()
    await converse(outside, picked)


async def test_a_parked_client_is_fetched_by_a_colleague(office: Office) -> None:
    outside, inside = await office.connected(Reach.EMPLOYEE_101, "101", client=CLIENT)
    await inside.transfer("700")
    await inside.until_transferred()
    fetched = office.phones["103"].dial("701")
    await fetched.until_answered()
    await converse(outside, fetched)


async def test_do_not_disturb_refuses_a_call_and_nothing_rings(office: Office) -> None:
    switch = office.phones["105"].dial("*78")
    await switch.until_ended()
    outside = office.call_in(Reach.EMPLOYEE_105, client=CLIENT)
    await outside.until_ended()
    assert office.phones["105"].lines == [switch]
    back = office.phones["105"].dial("*79")
    await back.until_ended()


async def test_a_phone_that_is_not_registered_does_not_ring(office: Office) -> None:
    await office.phones["106"].unregister()
    outside = office.call_in(Reach.EMPLOYEE_106, client=CLIENT)
    with pytest.raises(EndedTooSoon):
        await outside.until_answered()
    assert office.phones["106"].lines == []
