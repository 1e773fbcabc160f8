"""Calls that an office has every day. Each scenario plays one through on a real PBX and returns what truly happened.

A talk lasts some seconds, and a different number for each who talks: a duration of nothing, or another's, must not pass
for the right one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from tests.office.line import Line
from tests.office.office import Office, Reach
from tests.office.truth import Spoke, Truth, spoke

from ringbridge.telephony.model import Direction, Disposition

Scenario = Callable[[Office], Awaitable[list[Truth]]]

SCENARIOS: dict[str, Scenario] = {}
CLIENT, OTHER_CLIENT = "79125551122", "79036667788"
SHORT, LONG = 2.5, 4.0  # seconds of talk


def scenario(play: Scenario) -> Scenario:
    SCENARIOS[getattr(play, "__name__", "")] = play
    return play


async def converse(*lines: Line, seconds: float) -> None:
    """Everybody hears somebody for that long."""
    await asyncio.gather(*(line.hear(seconds) for line in lines))


def now() -> datetime:
    return datetime.now(UTC)


def inbound(
    number: Reach,
    *,
    client: str = CLIENT,
    rang: tuple[str, ...] = (),
    spoke: tuple[Spoke, ...] = (),
    voicemail: bool = False,
) -> list[Truth]:
    return [
        Truth(
            direction=Direction.INBOUND,
            client=client,
            company=number.value,
            provider=number.provider,
            disposition=Disposition.ANSWERED if spoke else Disposition.MISSED,
            rang=rang,
            spoke=spoke,
            voicemail=voicemail,
        )
    ]


def outbound(
    disposition: Disposition, *, by: str = "101", spoke: tuple[Spoke, ...] = (), provider: str = "comtel"
) -> list[Truth]:
    return [
        Truth(
            direction=Direction.OUTBOUND,
            client=CLIENT,
            provider=provider,
            disposition=disposition,
            spoke=spoke,
            dialled_by=(by,),
        )
    ]


# --- a client calls an employee ---------------------------------------------------------------------------------------


@scenario
async def inbound_answered(office: Office) -> list[Truth]:
    outside, inside = await office.connected(Reach.EMPLOYEE_101, "101", client=CLIENT)
    await converse(outside, inside, seconds=SHORT)
    await outside.hangup()
    await inside.until_ended()
    return inbound(Reach.EMPLOYEE_101, rang=("101",), spoke=(spoke(inside),))


@scenario
async def inbound_by_the_second_provider_with_hold(office: Office) -> list[Truth]:
    outside, inside = await office.connected(Reach.VOLGA_103, "103", client=OTHER_CLIENT)
    await inside.hold()
    await outside.hear(SHORT)  # the music
    await inside.unhold()
    await converse(outside, inside, seconds=1)
    await inside.hangup()
    await outside.until_ended()
    return inbound(Reach.VOLGA_103, client=OTHER_CLIENT, rang=("103",), spoke=(spoke(inside),))


@scenario
async def inbound_caller_gives_up(office: Office) -> list[Truth]:
    outside = office.call_in(Reach.EMPLOYEE_101, client=CLIENT)
    (inside,) = await office.ring_of("101")
    await outside.until_ringing()
    await outside.hangup()
    await inside.until_ended()
    return inbound(Reach.EMPLOYEE_101, rang=("101",))


@scenario
async def inbound_employee_is_busy(office: Office) -> list[Truth]:
    outside = office.call_in(Reach.EMPLOYEE_101, client=CLIENT)
    inside = await office.phones["101"].arrives()
    inside.reject(486, "Busy Here")
    await outside.until_ended()
    return inbound(Reach.EMPLOYEE_101, rang=("101",))


@scenario
async def inbound_do_not_disturb(office: Office) -> list[Truth]:
    await office.phones["105"].dial("*78").until_ended()
    try:
        await office.call_in(Reach.EMPLOYEE_105, client=CLIENT).until_ended()
    finally:
        await office.phones["105"].dial("*79").until_ended()
    return inbound(Reach.EMPLOYEE_105)


@scenario
async def inbound_phone_not_registered(office: Office) -> list[Truth]:
    await office.phones["106"].unregister()
    await office.call_in(Reach.EMPLOYEE_106, client=CLIENT).until_ended()
    return inbound(Reach.EMPLOYEE_106)


@scenario
async def inbound_number_nobody_has(office: Office) -> list[Truth]:
    await office.call_in(Reach.NOBODY, client=CLIENT).until_ended()
    return inbound(Reach.NOBODY)


@scenario
async def missed_then_the_client_calls_again(office: Office) -> list[Truth]:
    return [*await inbound_caller_gives_up(office), *await inbound_answered(office)]


@scenario
async def one_client_two_calls_at_once(office: Office) -> list[Truth]:
    first, inside_first = await office.connected(Reach.EMPLOYEE_101, "101", client=CLIENT)
    second, inside_second = await office.connected(Reach.VOLGA_103, "103", client=CLIENT)
    await converse(first, second, inside_first, inside_second, seconds=SHORT)
    await first.hangup()
    await inside_first.until_ended()
    await converse(second, inside_second, seconds=SHORT)
    await second.hangup()
    await inside_second.until_ended()
    return [
        *inbound(Reach.EMPLOYEE_101, rang=("101",), spoke=(spoke(inside_first),)),
        *inbound(Reach.VOLGA_103, rang=("103",), spoke=(spoke(inside_second),)),
    ]


# --- groups, queues, the menu, the mailbox ----------------------------------------------------------------------------


@scenario
async def ring_group_answered(office: Office) -> list[Truth]:
    outside = office.call_in(Reach.RECEPTION, client=CLIENT)
    first, winner, third = await office.ring_of("101", "102", "103")
    winner.answer()
    await office.all_ended(first, third)
    await converse(outside, winner, seconds=SHORT)
    await winner.hangup()
    await outside.until_ended()
    return inbound(Reach.RECEPTION, rang=("101", "102", "103"), spoke=(spoke(winner),))


@scenario
async def ring_group_missed(office: Office) -> list[Truth]:
    outside = office.call_in(Reach.RECEPTION, client=CLIENT)
    phones = await office.ring_of("101", "102", "103")
    await outside.until_ringing()
    await outside.hangup()
    await office.all_ended(*phones)
    return inbound(Reach.RECEPTION, rang=("101", "102", "103"))


async def _queue(office: Office, number: Reach, loser: str, winner: str) -> list[Truth]:
    outside = office.call_in(number, client=CLIENT)
    ringing, answering = await office.ring_of(loser, winner)
    await outside.hear(1)  # the music of the queue
    answering.answer()
    await ringing.until_ended()
    await converse(outside, answering, seconds=SHORT)
    await outside.hangup()
    await answering.until_ended()
    return inbound(number, rang=(loser, winner), spoke=(spoke(answering),))


@scenario
async def queue_of_phones_answered(office: Office) -> list[Truth]:
    return await _queue(office, Reach.SALES, "101", "102")


@scenario
async def queue_of_local_members_answered(office: Office) -> list[Truth]:
    return await _queue(office, Reach.SUPPORT, "103", "104")


@scenario
async def queue_abandoned(office: Office) -> list[Truth]:
    outside = office.call_in(Reach.SUPPORT, client=CLIENT)
    phones = await office.ring_of("103", "104")
    await outside.hear(SHORT)
    await outside.hangup()
    await office.all_ended(*phones)
    return inbound(Reach.SUPPORT, rang=("103", "104"))


@scenario
async def menu_to_the_front_desk(office: Office) -> list[Truth]:
    outside = office.call_in(Reach.MENU, client=CLIENT)
    await outside.until_answered()
    await outside.hear(0.5)
    await outside.press("1")
    winner, *losers = await office.ring_of("101", "102", "103")
    winner.answer()
    await office.all_ended(*losers)
    await converse(outside, winner, seconds=SHORT)
    await winner.hangup()
    await outside.until_ended()
    return inbound(Reach.MENU, rang=("101", "102", "103"), spoke=(spoke(winner),))


@scenario
async def menu_hung_up(office: Office) -> list[Truth]:
    outside = office.call_in(Reach.MENU, client=CLIENT)
    await outside.until_answered()
    await outside.hear(SHORT)
    await outside.hangup()
    return inbound(Reach.MENU)


@scenario
async def mailbox_after_hours(office: Office) -> list[Truth]:
    outside = office.call_in(Reach.MAILBOX, client=CLIENT)
    await outside.until_answered()
    await asyncio.sleep(LONG)  # the client speaks after the beep; a mailbox says nothing, so there is nothing to hear
    await outside.hangup()
    return inbound(Reach.MAILBOX, voicemail=True)


# --- transfers, pickup, parking ---------------------------------------------------------------------------------------


async def _colleague_talks(office: Office, outside: Line, colleague: Line) -> None:
    await converse(outside, colleague, seconds=LONG)
    await outside.hangup()
    await colleague.until_ended()


@scenario
async def blind_transfer_by_feature_code(office: Office) -> list[Truth]:
    outside, inside = await office.connected(Reach.EMPLOYEE_101, "101", client=CLIENT)
    await converse(outside, inside, seconds=SHORT)
    await inside.press("##")
    await inside.hear(1)  # "Transfer"
    await inside.press("102")
    (colleague,) = await office.ring_of("102")
    await inside.until_ended()
    colleague.answer()
    await _colleague_talks(office, outside, colleague)
    return inbound(Reach.EMPLOYEE_101, rang=("101", "102"), spoke=(spoke(inside), spoke(colleague)))


@scenario
async def blind_transfer_by_phone(office: Office) -> list[Truth]:
    outside, inside = await office.connected(Reach.EMPLOYEE_101, "101", client=CLIENT)
    await converse(outside, inside, seconds=SHORT)
    await inside.transfer("102")
    parted = now()
    (colleague,) = await office.ring_of("102")
    await inside.hangup()
    colleague.answer()
    await _colleague_talks(office, outside, colleague)
    return inbound(Reach.EMPLOYEE_101, rang=("101", "102"), spoke=(spoke(inside, until=parted), spoke(colleague)))


@scenario
async def attended_transfer_by_feature_code(office: Office) -> list[Truth]:
    outside, inside = await office.connected(Reach.EMPLOYEE_101, "101", client=CLIENT)
    await converse(outside, inside, seconds=SHORT)
    parted = now()
    await inside.press("*2")
    await inside.hear(1)
    await inside.press("102")
    (colleague,) = await office.ring_of("102")
    colleague.answer()
    await converse(inside, colleague, seconds=1)
    joined = now()
    await inside.hangup()
    await _colleague_talks(office, outside, colleague)
    return inbound(
        Reach.EMPLOYEE_101,
        rang=("101", "102"),
        spoke=(spoke(inside, until=parted, consulted=True), spoke(colleague, since=joined)),
    )


@scenario
async def attended_transfer_by_phone(office: Office) -> list[Truth]:
    outside, inside = await office.connected(Reach.EMPLOYEE_101, "101", client=CLIENT)
    await converse(outside, inside, seconds=SHORT)
    parted = now()
    await inside.hold()
    second_line = office.phones["101"].dial("102")
    (colleague,) = await office.ring_of("102")
    colleague.answer()
    await second_line.until_answered()
    await converse(second_line, colleague, seconds=1)
    joined = now()
    await inside.transfer_to(second_line)
    await inside.until_transferred()
    await asyncio.gather(inside.hangup(), second_line.hangup())
    await _colleague_talks(office, outside, colleague)
    return inbound(
        Reach.EMPLOYEE_101,
        rang=("101", "102"),
        spoke=(spoke(inside, until=parted, consulted=True), spoke(colleague, since=joined)),
    )


@scenario
async def colleague_picks_up(office: Office) -> list[Truth]:
    outside = office.call_in(Reach.EMPLOYEE_101, client=CLIENT)
    (ringing,) = await office.ring_of("101")
    colleague = office.phones["104"].dial("*8101")
    await colleague.until_answered()
    await ringing.until_ended()
    await converse(outside, colleague, seconds=SHORT)
    await outside.hangup()
    await colleague.until_ended()
    return inbound(Reach.EMPLOYEE_101, rang=("101",), spoke=(spoke(colleague),))


@scenario
async def parked_and_fetched(office: Office) -> list[Truth]:
    outside, inside = await office.connected(Reach.EMPLOYEE_101, "101", client=CLIENT)
    await converse(outside, inside, seconds=SHORT)
    await inside.transfer("700")
    parted = now()
    await inside.until_transferred()
    await inside.hangup()
    fetching = office.phones["103"].dial("701")
    await fetching.until_answered()
    await _colleague_talks(office, outside, fetching)
    return inbound(Reach.EMPLOYEE_101, rang=("101",), spoke=(spoke(inside, until=parted), spoke(fetching)))


# --- an employee calls a client ---------------------------------------------------------------------------------------


@scenario
async def outbound_answered(office: Office) -> list[Truth]:
    inside = office.phones["101"].dial("89125551122")
    client = await office.providers["comtel"].rings()
    await inside.until_ringing()
    client.answer()
    await converse(inside, client, seconds=SHORT)
    await inside.hangup()
    await client.until_ended()
    return outbound(Disposition.ANSWERED, spoke=(spoke(inside),))


@scenario
async def outbound_by_the_second_provider(office: Office) -> list[Truth]:
    inside = office.phones["102"].dial("989125551122")
    client = await office.providers["volga"].rings()
    client.answer()
    await converse(inside, client, seconds=SHORT)
    await client.hangup()
    await inside.until_ended()
    return outbound(Disposition.ANSWERED, by="102", spoke=(spoke(inside),), provider="volga")


async def _refused(office: Office, code: int, reason: str) -> None:
    inside = office.phones["101"].dial("89125551122")
    client = await office.providers["comtel"].arrives()
    client.reject(code, reason)
    await inside.until_ended()


@scenario
async def outbound_client_is_busy(office: Office) -> list[Truth]:
    await _refused(office, 486, "Busy Here")
    return outbound(Disposition.BUSY)


@scenario
async def outbound_number_does_not_exist(office: Office) -> list[Truth]:
    await _refused(office, 404, "Not Found")
    return outbound(Disposition.FAILED)


@scenario
async def outbound_client_does_not_answer(office: Office) -> list[Truth]:
    inside = office.phones["101"].dial("89125551122")
    client = await office.providers["comtel"].rings()
    await inside.until_ringing()
    client.reject(480, "Temporarily Unavailable")
    await inside.until_ended()
    return outbound(Disposition.NO_ANSWER)


@scenario
async def outbound_employee_gives_up(office: Office) -> list[Truth]:
    inside = office.phones["101"].dial("89125551122")
    client = await office.providers["comtel"].rings()
    await inside.until_ringing()
    await inside.hangup()
    await client.until_ended()
    return outbound(Disposition.NO_ANSWER)


# --- what is nobody's business ----------------------------------------------------------------------------------------


@scenario
async def colleagues_among_themselves(office: Office) -> list[Truth]:
    caller = office.phones["101"].dial("102")
    (called,) = await office.ring_of("102")
    called.answer()
    await converse(caller, called, seconds=1)
    await caller.hangup()
    await called.until_ended()
    return []


@scenario
async def service_code(office: Office) -> list[Truth]:
    line = office.phones["101"].dial("*43")
    await line.until_answered()
    await line.hear(1)  # oneself
    await line.hangup()
    return []
