"""Whom a call is put through to: the office's steps, and what they may never do."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringbridge.routing.distribution import (
    Colleague,
    HopKind,
    LastTalk,
    LineRules,
    Mobiles,
    NamePart,
    NewClients,
    Order,
    Policy,
    Reach,
    Reason,
    Rejected,
    RouteClient,
    RouteQuestion,
    Step,
    Team,
    Unreachable,
    Vip,
    decide,
)
from ringbridge.routing.hours import WorkingHours
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.telephony.numbers import compile_patterns

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)  # a Wednesday
B24, AMO = PortalId("b24"), PortalId("amo")
NUMBER = "79125551122"
CALL = RouteQuestion(number=NUMBER, did="73432723033", trunk="mango", uniqueid="1795471332.7")
SALES, SERVICE = frozenset({(B24, "Sales")}), frozenset({(B24, "Service")})
IVAN = Colleague(name="Ivan", phones=("101",), users={B24: UserId("1"), AMO: UserId("901")}, departments=SALES)
ANNA = Colleague(name="Anna", phones=("102",), users={B24: UserId("2")}, departments=SALES)
OLEG = Colleague(name="Oleg", phones=("103",), users={B24: UserId("3")}, departments=SERVICE)
MARIA = Colleague(name="Maria", phones=("104", "204"), users={B24: UserId("4")}, departments=SALES)
CLIENT = RouteClient(portal=B24, kind="contact", id="7", name="Пётр Кузнецов", responsible=UserId("1"))
ON = Policy(enabled=True, group="600")


class Phones:
    """The phones as they are in this test; the rest is free."""

    def __init__(self, **reaches):
        self._reaches = {name.removeprefix("p"): reach for name, reach in reaches.items()}

    def reach(self, extension):
        return self._reaches.get(extension, Reach.FREE)


def routed(*clients, people=(IVAN, ANNA, OLEG, MARIA), phones=None, policy=ON, call=CALL, **facts):
    return decide(call, clients, Team(people), phones or Phones(), policy, NOW, **facts)


def rung(route):
    return [hop.extension for hop in route.hops]


# The steps


def test_the_responsible_rings_first_and_their_group_next():
    route = routed(CLIENT)
    assert [(hop.extension, hop.reason, hop.user, hop.kind) for hop in route.hops] == [
        ("101", Reason.RESPONSIBLE, "1", HopKind.PHONE),
        ("600", Reason.GROUP, None, HopKind.GROUP),
    ]
    assert route.why == "Пётр Кузнецов (contact) calls: Ivan 101 (responsible), then 600 (group)."


def test_the_responsible_is_found_at_the_portal_that_knows_the_client():
    assert rung(routed(replace(CLIENT, portal=AMO, responsible=UserId("901"))))[0] == "101"


def test_the_phones_of_one_person_ring_one_after_the_other():
    assert rung(routed(replace(CLIENT, responsible=UserId("4")))) == ["104", "204", "600"]


MOBILE = {"+79125550001": "89125550001"}


@pytest.mark.parametrize(
    ("mobiles", "phones", "expected"),
    [
        (Mobiles.NEVER, Phones(), ["104", "204"]),
        (Mobiles.NEVER, Phones(p104=Reach.ABSENT, p204=Reach.ABSENT), []),
        (Mobiles.INSTEAD, Phones(), ["104", "204"]),
        (Mobiles.INSTEAD, Phones(p204=Reach.ABSENT), ["104"]),
        (Mobiles.INSTEAD, Phones(p104=Reach.ABSENT, p204=Reach.ABSENT), ["89125550001"]),
        (Mobiles.AFTER, Phones(p104=Reach.ABSENT), ["204", "89125550001"]),
        (Mobiles.AFTER, Phones(p104=Reach.BUSY), []),
    ],
)
def test_a_mobile_rings_as_the_office_wants_it(mobiles, phones, expected):
    people = (replace(MARIA, mobiles=MOBILE),)
    policy, client = replace(ON, mobiles=mobiles, group=""), replace(CLIENT, responsible=UserId("4"))
    assert rung(routed(client, people=people, phones=phones, policy=policy)) == expected


def test_a_responsible_who_has_a_mobile_alone_is_rung_there_and_told_without_the_whole_number():
    people = (replace(IVAN, phones=(), mobiles=MOBILE), ANNA)
    assert rung(routed(CLIENT, people=people)) == ["600"]
    route = routed(CLIENT, people=people, policy=replace(ON, mobiles=Mobiles.INSTEAD))
    first = route.hops[0]
    assert (first.extension, first.kind, first.user) == ("89125550001", HopKind.MOBILE, "1")
    assert "Ivan" in route.why
    assert "89125550001" not in route.why


def test_who_calls_from_a_mobile_is_not_called_there():
    people = (replace(IVAN, mobiles={"+" + NUMBER: NUMBER}),)
    assert rung(routed(CLIENT, people=people, policy=replace(ON, mobiles=Mobiles.AFTER))) == ["600"]


def test_who_last_spoke_on_a_mobile_is_found_by_it():
    people = (replace(IVAN, phones=(), mobiles=MOBILE), ANNA)
    policy = replace(ON, steps=(Step.LAST_SPOKE,), mobiles=Mobiles.INSTEAD)
    talk = LastTalk(extension="+79125550001", at=NOW)
    assert rung(routed(people=people, policy=policy, last_talk=talk)) == ["89125550001"]


@pytest.mark.parametrize(
    ("people", "phones", "words"),
    [
        ((IVAN, ANNA), Phones(p101=Reach.ABSENT), "not registered"),
        ((IVAN, ANNA), Phones(p101=Reach.BUSY), "in another call"),
        ((replace(IVAN, off_shift=True), ANNA), None, "is off shift"),
        ((replace(IVAN, dismissed=True), ANNA), None, "is dismissed"),
        ((replace(IVAN, absent_until=date(2026, 11, 25)), ANNA), None, "is absent"),
        ((replace(IVAN, absent_from=date(2026, 11, 25)), ANNA), None, "is absent"),
    ],
)
def test_who_cannot_be_rung_is_passed_over_for_the_deputy(people, phones, words):
    ivan, *others = people
    route = routed(CLIENT, people=(replace(ivan, deputy="102"), *others), phones=phones)
    assert rung(route) == ["102", "600"]
    assert (route.hops[0].reason, route.skipped) == (Reason.DEPUTY, {"101": f"Ivan: {words}"})


def test_a_phone_of_which_nothing_is_known_is_worth_a_try():
    assert rung(routed(CLIENT, phones=Phones(p101=Reach.UNKNOWN)))[0] == "101"


def test_who_speaks_on_one_of_their_phones_is_not_rung_on_the_other():
    assert rung(routed(replace(CLIENT, responsible=UserId("4")), phones=Phones(p204=Reach.BUSY))) == ["600"]


def test_absence_begins_and_ends_with_its_days_in_the_offices_time():
    vacation = replace(IVAN, absent_from=date(2026, 11, 26), absent_until=date(2026, 11, 30))
    assert rung(routed(CLIENT, people=(vacation,))) == ["101", "600"]
    assert rung(routed(CLIENT, people=(replace(vacation, absent_until=None, absent_from=date(2026, 11, 1)),))) == [
        "600"
    ]
    assert rung(routed(CLIENT, people=(replace(IVAN, absent_until=date(2026, 11, 24)),))) == ["101", "600"]


def test_a_busy_or_resting_phone_rings_where_the_office_wants_it():
    policy = replace(ON, busy=Unreachable.RING, off_shift=Unreachable.RING)
    assert rung(routed(CLIENT, people=(replace(IVAN, off_shift=True),), phones=Phones(p101=Reach.BUSY), policy=policy))[
        0
    ] == ("101")


def test_deputies_who_stand_in_for_each_other_end():
    circle = (replace(IVAN, deputy="102"), replace(ANNA, deputy="103"), replace(OLEG, deputy="101"))
    absent = Phones(p101=Reach.ABSENT, p102=Reach.ABSENT, p103=Reach.ABSENT)
    assert rung(routed(CLIENT, people=circle, phones=absent)) == ["600"]
    assert rung(routed(CLIENT, people=circle, phones=Phones(p102=Reach.ABSENT))) == ["101", "103", "600"]


def test_colleagues_of_the_department_ring_and_who_is_surely_free_goes_first():
    policy = replace(ON, steps=(Step.RESPONSIBLE, Step.DEPARTMENT))
    phones = Phones(p101=Reach.ABSENT, p102=Reach.UNKNOWN)
    route = routed(CLIENT, policy=policy, phones=phones)
    assert rung(route) == ["104", "204", "102"]
    assert {hop.reason for hop in route.hops} == {Reason.DEPARTMENT}


def test_no_more_people_ring_than_the_office_wants_and_the_group_still_does():
    policy = replace(ON, steps=(Step.RESPONSIBLE, Step.DEPARTMENT, Step.GROUP), most_people=2)
    assert rung(routed(CLIENT, policy=policy)) == ["101", "102", "600"]


def test_the_order_of_the_steps_is_the_offices():
    policy = replace(ON, steps=(Step.GROUP, Step.LAST_SPOKE, Step.RESPONSIBLE))
    talk = LastTalk(extension="103", at=NOW - timedelta(days=2))
    assert rung(routed(CLIENT, policy=policy, last_talk=talk)) == ["600", "103", "101"]


def test_who_spoke_too_long_ago_is_forgotten():
    policy = replace(ON, steps=(Step.LAST_SPOKE,), last_spoke_within=timedelta(days=7))
    assert rung(routed(CLIENT, policy=policy, last_talk=LastTalk(extension="103", at=NOW - timedelta(days=8)))) == []


def test_a_number_that_no_crm_knows_reaches_who_spoke_with_it():
    policy = replace(ON, steps=(Step.RESPONSIBLE, Step.LAST_SPOKE, Step.GROUP))
    route = routed(policy=policy, last_talk=LastTalk(extension="103", at=NOW))
    assert [(hop.extension, hop.reason) for hop in route.hops] == [("103", Reason.LAST_SPOKE)]


def test_a_group_of_their_own_stands_in_for_the_offices():
    assert rung(routed(CLIENT, people=(replace(IVAN, group="601"),))) == ["101", "601"]


def test_a_queue_to_which_nobody_is_logged_in_is_passed_over_and_one_where_all_speak_is_not():
    empty = routed(CLIENT, phones=Phones(p600=Reach.ABSENT))
    assert (rung(empty), empty.skipped) == (["101"], {"600": "nobody takes calls there"})
    assert rung(routed(CLIENT, phones=Phones(p600=Reach.BUSY))) == ["101", "600"]


# Whose client it is


def test_the_deals_responsible_goes_before_the_contacts_where_the_office_wants_it():
    client = replace(CLIENT, deal_responsible=UserId("3"))
    assert rung(routed(client))[0] == "103"
    assert rung(routed(client, policy=replace(ON, deal_first=False)))[0] == "101"


def test_a_contact_without_a_responsible_is_the_companys():
    assert rung(routed(replace(CLIENT, responsible=None, company_responsible=UserId("2"))))[0] == "102"


def test_a_responsible_without_a_phone_here_leaves_it_to_the_next():
    assert rung(routed(replace(CLIENT, deal_responsible=UserId("99"))))[0] == "101"


def test_of_several_clients_the_contact_goes_first_and_then_one_whose_responsible_is_there():
    lead = RouteClient(portal=B24, kind="lead", id="1", name="Lead", responsible=UserId("2"))
    company = RouteClient(portal=B24, kind="company", id="2", name="Company", responsible=UserId("3"))
    assert routed(lead, company, CLIENT).client == CLIENT
    assert routed(lead, company, CLIENT, phones=Phones(p101=Reach.ABSENT)).client == company
    nobody = Phones(p101=Reach.ABSENT, p102=Reach.ABSENT, p103=Reach.ABSENT)
    assert routed(lead, company, CLIENT, phones=nobody).client == CLIENT


# Before the steps


@pytest.mark.parametrize(
    "number", ["", "  ", "101", "s", "anonymous", "Иван", "1" * 40, "\x00\r\n", "+", "104@from-internal", "\ud800", "²"]
)
def test_what_is_no_clients_number_takes_the_normal_route(number):
    route = routed(CLIENT, call=replace(CALL, number=number))
    assert (route.hops, route.caller_name) == ((), "")
    assert route.why.endswith("normal route.")


def test_a_number_that_no_countrys_plan_knows_is_a_clients_where_a_client_has_it():
    odd = replace(CALL, number="+7 000 123-45-67")
    assert rung(routed(CLIENT, call=odd)) == ["101", "600"]
    assert routed(call=odd).why == "The caller's number is no complete telephone number: normal route."


def test_nothing_is_decided_while_distribution_is_off():
    assert routed(CLIENT, policy=replace(ON, enabled=False)).hops == ()


def test_a_phone_of_any_length_that_an_employee_has_is_no_client():
    long = replace(IVAN, phones=(NUMBER,))
    assert routed(CLIENT, people=(long,)).hops == ()


def test_the_vip_list_goes_before_working_hours_and_steps():
    closed = LineRules(hours=WorkingHours(opens=time(1), closes=time(2)))
    vip = Vip(numbers=compile_patterns("8912555XXXX"), extensions=("103", "600"))
    route = routed(CLIENT, policy=replace(ON, vips=(vip,), other_lines=closed))
    assert [(hop.extension, hop.reason) for hop in route.hops] == [("103", Reason.VIP), ("600", Reason.VIP)]


def test_a_vip_whose_people_cannot_be_rung_is_a_client_like_others():
    vip = Vip(numbers=compile_patterns(NUMBER), extensions=("103",))
    assert rung(routed(CLIENT, policy=replace(ON, vips=(vip,)), phones=Phones(p103=Reach.ABSENT))) == ["101", "600"]


def test_outside_of_the_lines_hours_the_pbx_decides_or_an_extension_stands_for_it():
    night = LineRules(hours=WorkingHours(opens=time(20), closes=time(21)))
    policy = replace(ON, lines={"mango": night})
    assert routed(CLIENT, policy=policy).why == "Outside of working hours: normal route."
    assert rung(routed(CLIENT, policy=replace(policy, outside_hours="700"))) == ["700"]
    assert rung(routed(CLIENT, policy=policy, call=replace(CALL, trunk="mtt"))) == ["101", "600"]


def test_the_number_that_was_called_says_more_than_its_trunk():
    lines = {"+73432723033": LineRules(new_clients=NewClients(extensions=("103",))), "mango": LineRules()}
    assert rung(routed(policy=replace(ON, lines=lines))) == ["103"]
    assert rung(routed(policy=replace(ON, lines=lines), call=replace(CALL, did="3432723033"))) == ["103"]
    assert rung(routed(policy=replace(ON, lines=lines), call=replace(CALL, did=""))) == []


def test_a_choice_in_the_menu_means_a_group_or_wants_the_responsible_or_neither():
    policy = replace(ON, choices={"1": "", "2": "602"})
    assert rung(routed(CLIENT, policy=policy, call=replace(CALL, choice="2"))) == ["602"]
    assert rung(routed(CLIENT, policy=policy, call=replace(CALL, choice="1"))) == ["101", "600"]
    assert rung(routed(CLIENT, policy=policy, call=replace(CALL, choice="3"))) == []
    assert rung(routed(CLIENT, policy=policy)) == ["101", "600"]
    assert rung(routed(CLIENT, call=replace(CALL, choice="3"))) == ["101", "600"]


# New clients


@pytest.mark.parametrize(
    ("order", "dealt", "expected"),
    [
        (Order.LISTED, {"101": 5}, ["101", "102", "103"]),
        (Order.ROUND_ROBIN, {}, ["101", "102", "103"]),
        (Order.ROUND_ROBIN, {"101": 1}, ["102", "103", "101"]),
        (Order.ROUND_ROBIN, {"101": 1, "102": 1, "555": 9}, ["103", "101", "102"]),
        (Order.LEAST_LOADED, {"101": 2, "102": 1}, ["103", "102", "101"]),
    ],
)
def test_new_clients_ring_in_the_order_of_the_line(order, dealt, expected):
    line = LineRules(new_clients=NewClients(extensions=("101", "102", "103"), order=order))
    assert rung(routed(policy=replace(ON, other_lines=line), dealt=dealt)) == expected


def test_a_new_client_by_lot_is_dealt_alike_as_often_as_one_asks():
    line = LineRules(new_clients=NewClients(extensions=("101", "102", "103"), order=Order.RANDOM))
    policy = replace(ON, other_lines=line)
    first = rung(routed(policy=policy))
    assert sorted(first) == ["101", "102", "103"]
    assert rung(routed(policy=policy)) == first


def test_a_known_client_is_never_dealt_out_as_a_new_one():
    line = LineRules(new_clients=NewClients(extensions=("102",)))
    assert rung(routed(replace(CLIENT, responsible=None), policy=replace(ON, group="", other_lines=line))) == []


# Never


def test_a_phone_that_did_not_take_this_call_a_moment_ago_is_not_rung_again():
    moment, long_ago = (NOW - timedelta(seconds=seconds) for seconds in (5, 300))
    assert rung(routed(CLIENT, rejected=[Rejected(extension="101", at=moment)])) == ["600"]
    assert rung(routed(CLIENT, rejected=[Rejected(extension="600", at=moment)])) == ["101"]
    assert rung(routed(CLIENT, rejected=[Rejected(extension="101", at=long_ago)])) == ["101", "600"]


def test_an_employee_who_calls_from_their_mobile_does_not_reach_their_own_phone():
    ivan = replace(IVAN, mobiles={"+" + NUMBER: NUMBER})
    assert routed(CLIENT, people=(ivan, ANNA)).skipped == {"101": "Ivan: is the caller"}


# The phone's display


def test_the_display_shows_the_parts_in_the_offices_order():
    client = replace(CLIENT, company="ООО «Ромашка»")
    policy = replace(
        ON,
        caller_name=(NamePart.TRUNK, NamePart.CLIENT, NamePart.COMPANY),
        other_lines=LineRules(title="Ads"),
    )
    assert routed(client, policy=policy).caller_name == "Ads - Пётр Кузнецов - ООО «Ромашка»"
    assert routed(policy=policy).caller_name == "Ads"
    assert routed(client, policy=replace(policy, caller_name=())).caller_name == ""


def test_a_name_with_quotes_line_breaks_or_dialplan_signs_becomes_one_plain_line():
    nasty = replace(CLIENT, name='  "Ив\x00ан"\r\n<${SHELL(rm)}>\tО\'Брайен; ' + "я" * 200)
    shown = routed(nasty, policy=replace(ON, caller_name=(NamePart.CLIENT,))).caller_name
    assert shown.startswith("Ив ан SHELL(rm) О'Брайен яяя")
    assert len(shown) == 80


# Whatever the facts

extensions = st.sampled_from(["101", "102", "103", "104", "204", "600", "601", "700", ""])
texts = st.one_of(st.text(max_size=12), st.sampled_from([NUMBER, "+79125551122", "89125551122", "101", "1" * 40]))
days = st.none() | st.dates(date(2026, 11, 20), date(2026, 11, 30))
users = st.none() | st.sampled_from([UserId(str(n)) for n in range(6)])
colleagues = st.builds(
    Colleague,
    name=st.text(max_size=5),
    phones=st.lists(extensions, max_size=3).map(tuple),
    mobiles=st.sampled_from([{}, {"+79125551122": "79125551122"}, {"+79125550001": "79125550001"}]),
    users=users.map(lambda user: {B24: user} if user else {}),
    departments=st.sampled_from([frozenset(), SALES, SERVICE]),
    deputy=extensions,
    group=extensions,
    absent_from=days,
    absent_until=days,
    off_shift=st.booleans(),
    dismissed=st.booleans(),
)
clients = st.builds(
    RouteClient,
    portal=st.just(B24),
    kind=st.sampled_from(["contact", "company", "lead", "?"]),
    id=texts,
    name=texts,
    responsible=users,
    company=texts,
    company_responsible=users,
    deal_responsible=users,
)
moments = st.integers(0, 120).map(lambda seconds: NOW - timedelta(seconds=seconds))
lines = st.builds(
    LineRules,
    title=texts,
    hours=st.sampled_from([None, WorkingHours(), WorkingHours(days=frozenset())]),
    new_clients=st.builds(
        NewClients, extensions=st.lists(extensions, max_size=4).map(tuple), order=st.sampled_from(Order)
    ),
)
policies = st.builds(
    Policy,
    enabled=st.just(True),
    mobiles=st.sampled_from(Mobiles),
    steps=st.permutations(list(Step)).map(tuple),
    deal_first=st.booleans(),
    busy=st.sampled_from(Unreachable),
    off_shift=st.sampled_from(Unreachable),
    group=extensions,
    most_people=st.integers(1, 5),
    outside_hours=extensions,
    vips=st.sampled_from([(), (Vip(numbers=compile_patterns("8912XXXXXXX"), extensions=("101", "600", "101")),)]),
    choices=st.dictionaries(texts, extensions, max_size=2),
    lines=st.dictionaries(st.sampled_from(["mango", "+73432723033"]), lines, max_size=2),
    other_lines=lines,
    caller_name=st.permutations(list(NamePart)).map(tuple),
)
questions = st.builds(RouteQuestion, number=texts, did=texts, trunk=texts, uniqueid=texts, choice=texts)


@given(
    question=questions,
    known=st.lists(clients, max_size=3),
    people=st.lists(colleagues, max_size=5),
    reaches=st.dictionaries(extensions, st.sampled_from(Reach)),
    policy=policies,
    talk=st.none() | st.builds(LastTalk, extension=extensions, at=moments),
    rejected=st.lists(st.builds(Rejected, extension=extensions, at=moments), max_size=3),
    dealt=st.dictionaries(extensions, st.integers(0, 9)),
)
@settings(max_examples=200, deadline=None)
def test_whatever_the_facts_only_who_can_be_rung_rings_and_once(
    question, known, people, reaches, policy, talk, rejected, dealt
):
    team, phones = Team(people), Phones(**reaches)
    facts = {"last_talk": talk, "rejected": rejected, "dealt": dealt}
    route = decide(question, known, team, phones, policy, NOW, **facts)
    assert len(set(rung(route))) == len(route.hops)
    assert set(rung(route)).isdisjoint(route.skipped)
    unwilling = {one.extension for one in rejected if NOW - one.at <= policy.rejected_within}
    for hop in route.hops:
        assert hop.extension
        assert hop.extension not in unwilling
        assert phones.reach(hop.extension) is not Reach.ABSENT
        holder = team.holder(hop.extension) or team.owner_of_mobile(hop.extension)
        assert (hop.kind is not HopKind.GROUP) == (holder is not None)
        assert hop.kind is not HopKind.MOBILE or policy.mobiles is not Mobiles.NEVER
        if holder is not None:
            assert not holder.dismissed
            assert not holder.absent_on(NOW.date())
            assert not holder.off_shift or policy.off_shift is Unreachable.RING
            assert phones.reach(hop.extension) is not Reach.BUSY or policy.busy is Unreachable.RING
            assert question.number.strip() != hop.extension
    people_rung = [team.holder(hop.extension) or team.owner_of_mobile(hop.extension) for hop in route.hops]
    assert len(set(people_rung) - {None}) <= policy.most_people
    assert route.caller_name == " ".join(route.caller_name.split())
    assert len(route.caller_name) <= 80
