from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.stateful.sample_calls import PORTAL, Record

from ringbridge.delivery.coalesce import Plan, coalesce
from ringbridge.delivery.policy import Delivery, DeliveryId
from ringbridge.routing.intents import FinishCall, HideCard, Intent, RegisterCall, ShowCard

R = Record()
USERS = st.lists(st.sampled_from("1234"), min_size=1, max_size=3, unique=True)


def batch(*intents: Intent, uncertain: bool = False) -> list[Delivery]:
    return [
        Delivery(id=DeliveryId(n), portal=PORTAL, intent=intent, facts={"call_id": "x"}, uncertain=uncertain)
        for n, intent in enumerate(intents)
    ]


def said(plan: Plan) -> list[tuple[str, tuple[str, ...]]]:
    return [(type(e.step.intent).__name__, getattr(e.step.intent, "users", ())) for e in plan.errands]


def test_the_cards_of_twenty_phones_are_two_commands() -> None:
    phones = [str(n) for n in range(20)]
    opened = [R.show(phone, ring=phone) for phone in phones]
    closed = [R.hide(phone, ring=phone) for phone in phones[1:]]
    assert said(coalesce(batch(*opened))) == [("ShowCard", tuple(phones))]
    assert said(coalesce(batch(*closed))) == [("HideCard", tuple(phones[1:]))]
    assert coalesce(batch(*opened)).errands[0].settles == tuple(range(20))


def test_a_card_that_is_alone_goes_as_it_is() -> None:
    row = batch(R.show("1", "2", ring="7"))[0]
    plan = coalesce([row])
    assert plan.errands[0].step.intent == row.intent
    assert plan.errands[0].step.facts == row.facts


def test_what_was_opened_and_closed_before_the_call_was_registered_is_not_sent() -> None:
    plan = coalesce(batch(R.register("1"), R.show("2"), R.hide("2"), R.hide("1", ring="2")))
    assert said(plan) == [("RegisterCall", ()), ("HideCard", ("1",))]
    assert set(plan.needless) == {1, 2}


def test_a_card_that_may_be_open_already_is_closed() -> None:
    """The registration went out before: an earlier card of this user may have opened."""
    assert said(coalesce(batch(R.show("2"), R.hide("2")))) == [("HideCard", ("2",))]
    assert said(coalesce(batch(R.register(), R.show("2"), R.hide("2"), uncertain=True)))[1:] == [("HideCard", ("2",))]


def test_phones_that_rang_while_nobody_listened_have_no_cards_to_close() -> None:
    """The call is met when they fall silent: it was never registered, and nothing has to be repeated or refused."""
    rows = [replace(row, facts={}, uncertain=True) for row in batch(R.hide("2"), R.register("1"))]
    plan = coalesce(rows)
    assert said(plan) == [("RegisterCall", ())]
    assert set(plan.needless) == {rows[0].id}


def test_the_last_word_counts() -> None:
    plan = coalesce(
        batch(R.show("1"), R.hide("1"), R.show("1", ring="2"), R.show("2", ring="3"), R.hide("2", ring="4"))
    )
    assert said(plan) == [("ShowCard", ("1",)), ("HideCard", ("2",))]


def test_a_call_that_is_over_opens_no_card() -> None:
    plan = coalesce(batch(R.register("1"), R.show("2"), R.hide("2"), R.show("3", ring="2"), R.finish()))
    assert said(plan) == [("RegisterCall", ()), ("FinishCall", ())]
    registration = plan.errands[0].step.intent
    assert isinstance(registration, RegisterCall)
    assert (registration.show, registration.live) == (False, False)
    assert all("over" in why for why in plan.needless.values())


def test_a_doubt_about_one_card_is_a_doubt_about_the_command_that_carries_it() -> None:
    sure, doubtful = batch(R.show("1"))[0], batch(R.hide("9"), R.show("2", ring="2"), uncertain=True)[1]
    plan = coalesce([sure, doubtful])
    assert [e.step.uncertain for e in plan.errands] == [True]


def test_cards_of_different_records_are_never_one_command() -> None:
    other = Record(2)
    plan = coalesce(batch(R.show("1"), other.show("2"), R.show("3", ring="2"), other.hide("2", ring="2")))
    assert [(e.step.intent.record, name) for e, (name, _) in zip(plan.errands, said(plan), strict=True)] == [
        (R.key, "ShowCard"),
        (other.key, "HideCard"),
    ]


@st.composite
def batches(draw: st.DrawFn) -> list[Delivery]:
    intents: list[Intent] = [R.register("1", show=draw(st.booleans()))] if draw(st.booleans()) else []
    for n in range(draw(st.integers(0, 8))):
        make = draw(st.sampled_from([R.show, R.hide]))
        intents.append(make(*draw(USERS), ring=str(n)))
    if draw(st.booleans()):
        intents.append(R.finish())
    return batch(*intents, uncertain=draw(st.booleans()))


def cards_after(intents: list[Intent], open_before: set[str]) -> set[str]:
    cards = set(open_before)
    for intent in intents:
        match intent:
            case RegisterCall(show=True, user=user):
                cards.add(user)
            case ShowCard(users=users):
                cards |= set(users)
            case HideCard(users=users):
                cards -= set(users)
    return cards


@given(batches(), st.sets(st.sampled_from("1234")))
def test_the_cards_end_as_if_every_step_had_been_sent(rows: list[Delivery], open_before: set[str]) -> None:
    fresh = any(isinstance(row.intent, RegisterCall) and not row.uncertain for row in rows)
    before = set() if fresh else open_before
    planned = cards_after([errand.step.intent for errand in coalesce(rows).errands], before)
    sent_one_by_one = cards_after([row.intent for row in rows], before)
    if any(isinstance(row.intent, FinishCall) for row in rows):
        assert planned <= sent_one_by_one | before
        assert not (planned - sent_one_by_one)
    else:
        assert planned == sent_one_by_one


@given(batches())
def test_every_row_is_settled_once_and_what_is_no_card_goes_in_its_order(rows: list[Delivery]) -> None:
    plan = coalesce(rows)
    settled = [i for errand in plan.errands for i in errand.settles] + list(plan.needless)
    assert sorted(settled) == [row.id for row in rows]
    others = [row.id for row in rows if not isinstance(row.intent, ShowCard | HideCard)]
    assert [e.settles[0] for e in plan.errands if not isinstance(e.step.intent, ShowCard | HideCard)] == others
    assert len(plan.errands) - len(others) <= 2
