"""Whose card is open follows from each snapshot of a call alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.web.amocrm_company import ANTON, KATE, MAIN, PBX, answered, changed, ended, inbound

from ringbridge.crm.amocrm.cards import Card as ShownCard
from ringbridge.routing.dialing import DialRequest
from ringbridge.routing.intents import RecordKey, RecordKind, UserId
from ringbridge.routing.office import Portal, Staff
from ringbridge.routing.rules import Answers, Rule
from ringbridge.store.dials import Dial, DialState
from ringbridge.store.keys import CallKey, call_key
from ringbridge.telephony.model import Call, CallId, Direction, Extension, Leg, LegResult, Talk
from ringbridge.web.amocrm.cards import MISSED_FOR, CardBoard, cards_of, missed_of
from ringbridge.web.amocrm.failures import TOLD_FOR

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
STAFF = Staff(
    default=UserId("9"),
    users={"101": ANTON, "102": KATE, "121": ANTON},
    names={"101": "Антон Громов", "102": "Kate Miller"},
)
PORTAL = Portal(id=MAIN, staff=STAFF, lines={"volga": "Volga"})
KEY = CallKey("office-1")


def cards(call: Call, portal: Portal = PORTAL) -> dict[UserId, str]:
    return {user: card.state for user, card in cards_of(KEY, call, portal).items()}


def test_everybody_whose_phone_rings_has_a_card_that_names_the_others() -> None:
    found = cards_of(KEY, inbound(NOW, "101", "102", "150"), PORTAL)
    assert {user: card.others for user, card in found.items()} == {
        ANTON: ("Kate Miller", "150"),
        KATE: ("Антон Громов", "150"),
    }
    assert found[ANTON].number == "+79125551122"
    assert (found[ANTON].line, found[ANTON].state) == ("Volga", "ringing")


def test_who_answered_keeps_the_card_and_the_others_lose_it() -> None:
    call = answered(inbound(NOW, "101", "102"), "102", NOW)
    assert cards(call) == {KATE: "talking"}


def test_second_phone_of_the_same_person_is_no_other_and_does_not_close_the_card() -> None:
    call = inbound(NOW, "101", "121")
    (card,) = cards_of(KEY, call, PORTAL).values()
    assert card.others == ()
    left = changed(call, legs=(replace(call.legs[0], result=LegResult.DECLINED, end=NOW), call.legs[1]))
    assert cards(left) == {ANTON: "ringing"}


def test_transfer_opens_the_card_of_who_is_called_and_closes_that_of_who_has_left() -> None:
    talking = answered(inbound(NOW, "101"), "101", NOW)
    to_kate = Leg(extension=Extension("102"), channel="2.102", ring_start=NOW)
    consulting = changed(talking, legs=(*talking.legs, to_kate))
    assert cards(consulting) == {ANTON: "talking", KATE: "ringing"}
    moved = changed(
        consulting,
        talks=(
            Talk(extension=Extension("101"), start=NOW, end=NOW),
            Talk(extension=Extension("102"), start=NOW),
        ),
        legs=(talking.legs[0], replace(to_kate, answer=NOW, result=LegResult.ANSWERED)),
    )
    assert cards(moved) == {KATE: "talking"}


def test_outgoing_call_shows_a_card_to_the_caller_alone_until_somebody_speaks() -> None:
    own = Leg(extension=Extension("101"), channel="1.101", ring_start=NOW)
    call = changed(inbound(NOW), direction=Direction.OUTBOUND, caller=Extension("101"), legs=(own,))
    assert cards(call) == {ANTON: "calling"}
    assert cards(answered(call, "101", NOW)) == {ANTON: "talking"}


def test_calls_without_a_client_parts_of_other_calls_and_calls_that_rules_leave_out_have_no_card() -> None:
    call = inbound(NOW, "101")
    assert cards(changed(call, direction=Direction.INTERNAL)) == {}
    assert cards(changed(call, merged_into=CallId("7"))) == {}
    silent = Rule(name="private", answers=Answers(register=False), numbers=frozenset({"+79125551122"}))
    assert cards(call, replace(PORTAL, rules=(silent,))) == {}
    assert cards(changed(call, external="79990001122"), replace(PORTAL, rules=(silent,))) == {ANTON: "ringing"}


def test_missed_call_is_told_to_those_whose_phones_rang_and_an_answered_one_to_nobody() -> None:
    call = inbound(NOW, "101", "102")
    missed = missed_of(KEY, ended(call, NOW), PORTAL)
    assert missed
    assert missed.users == {ANTON, KATE}
    assert missed_of(KEY, ended(answered(call, "101", NOW), NOW), PORTAL) is None
    assert missed_of(KEY, call, PORTAL) is None
    assert missed_of(KEY, ended(changed(call, legs=()), NOW), PORTAL) is None


PHONES = st.sampled_from(["101", "102", "121", "150"])


@st.composite
def any_call(draw: st.DrawFn) -> Call:
    legs = tuple(
        Leg(extension=Extension(draw(PHONES)), channel=f"1.{n}", ring_start=NOW,
            result=draw(st.sampled_from([None, *LegResult])))
        for n in range(draw(st.integers(0, 4)))
    )  # fmt: skip
    talks = tuple(
        Talk(extension=Extension(draw(PHONES)), start=NOW, end=draw(st.sampled_from([None, NOW])))
        for _ in range(draw(st.integers(0, 3)))
    )
    return changed(
        inbound(NOW),
        id=CallId("1.1"),
        direction=draw(st.sampled_from(list(Direction))),
        external=draw(st.sampled_from([None, "", "79125551122", "<sip:x@y>", "0"])),
        caller=draw(st.sampled_from([None, Extension("101")])),
        end=draw(st.sampled_from([None, NOW])),
        legs=legs,
        talks=talks,
    )


@given(st.lists(any_call(), max_size=8))
def test_board_shows_what_the_last_snapshot_says_whatever_came_before(calls: list[Call]) -> None:
    board = CardBoard(lambda: PORTAL, lambda: NOW)
    for call in calls:
        board.tell(PBX, call)
    shown = {user: [card["state"] for card in board.view(user)["cards"]] for user in (ANTON, KATE)}
    last = cards(calls[-1]) if calls else {}
    assert shown == {user: [last[user]] if user in last else [] for user in (ANTON, KATE)}


def test_missed_call_is_told_to_who_comes_within_minutes_and_not_later() -> None:
    now = NOW
    board = CardBoard(lambda: PORTAL, lambda: now)
    call = inbound(NOW, "101")
    board.tell(PBX, ended(call, NOW))
    assert [one["number"] for one in board.view(ANTON)["missed"]] == ["+79125551122"]
    assert board.view(KATE)["missed"] == []
    now = NOW + MISSED_FOR + timedelta(seconds=1)
    assert board.view(ANTON)["missed"] == []


def test_only_those_whose_view_has_changed_are_woken() -> None:
    board = CardBoard(lambda: PORTAL, lambda: NOW)
    with board.watching(ANTON) as anton, board.watching(KATE) as kate:
        call = inbound(NOW, "101")
        board.tell(PBX, call)
        assert (anton.is_set(), kate.is_set()) == (True, False)
        anton.clear()
        board.tell(PBX, call)
        assert not anton.is_set()
        board.close()
        assert (anton.is_set(), kate.is_set()) == (True, True)
    assert board.watchers(ANTON) == 0


def test_client_that_the_adapter_found_stands_on_the_card() -> None:
    board = CardBoard(lambda: PORTAL, lambda: NOW)
    call = inbound(NOW, "101")
    card = ShownCard(
        record=RecordKey(call_key(PBX, call.id)), call=call.id, users=(ANTON,), number="+79125551122", line="",
        kind=RecordKind.INBOUND, entity=("contacts", 42),
    )  # fmt: skip
    board.show(card)
    board.tell(PBX, call)
    assert board.view(ANTON)["cards"][0]["entity"] == ("contacts", 42)
    board.hide(card)
    assert len(board.view(ANTON)["cards"]) == 1


def asked(*legs: Leg, **more: Any) -> Call:
    """A call that the holder of 101 asked for, at its end."""
    name = "ringbridge-1773144000-0123456789abcdef"
    values = {"direction": Direction.OUTBOUND, "caller": Extension("101"), "legs": legs, "end": NOW}
    return changed(inbound(NOW), **{**values, "id": CallId(name), "click_to_call": name, **more})


RUNG = Leg(extension=Extension("101"), channel="1.1", ring_start=NOW)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (asked(), "not_rung"),
        (asked(RUNG), "not_taken"),
        (asked(replace(RUNG, answer=NOW)), None),
        (asked(client_channels=("1.2",)), None),
        (asked(end=None), None),
        (asked(click_to_call=None), None),
        (asked(click_to_call="another program's"), None),
        (asked(caller=Extension("150")), None),
    ],
)
def test_whose_own_phone_was_not_answered_is_told_why_and_nobody_else_is(call: Call, code: str | None) -> None:
    board = CardBoard(lambda: PORTAL, lambda: NOW)
    board.tell(PBX, call)
    assert [one["code"] for one in board.view(ANTON)["failed"]] == ([code] if code else [])
    assert board.view(KATE)["failed"] == []


def test_what_the_pbx_did_not_dial_is_told_with_its_reason_for_a_minute() -> None:
    now = NOW
    board = CardBoard(lambda: PORTAL, lambda: now)
    request = DialRequest(portal=MAIN, source="widget-1", number="+79125551122", at=NOW, user=ANTON)
    dial = Dial(
        id="ringbridge-1", request=request, number=request.number, pbx=PBX, state=DialState.REFUSED, decided=NOW
    )
    with board.watching(ANTON) as changed_view:
        board.fail(dial, "The PBX did not dial: Extension does not exist.")
        assert changed_view.is_set()
    (told,) = board.view(ANTON)["failed"]
    assert (told["code"], told["text"]) == ("not_dialled", "The PBX did not dial: Extension does not exist.")
    now = NOW + TOLD_FOR
    assert board.view(ANTON)["failed"] == []
