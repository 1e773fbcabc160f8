"""The answer to the dialplan comes within its budget, whatever the CRM does, and is always one that can be dialled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringbridge.crm.contract import Client, CrmError, Transient
from ringbridge.routing.clients import MirrorFound
from ringbridge.routing.distribution import (
    NORMAL,
    Colleague,
    LastTalk,
    LineRules,
    NewClients,
    Order,
    Policy,
    Reach,
    Reason,
    Route,
    RouteClient,
    RouteQuestion,
    Step,
    Team,
)
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.service.distribution.clients import Clients
from ringbridge.service.distribution.lately import Lately
from ringbridge.service.distribution.router import MOST_A_SECOND, MOST_OF_A_CALLER, Router, Setup
from ringbridge.store.keys import PbxId
from ringbridge.telephony.model import Call, CallId, Direction, Extension, Leg, LegResult
from ringbridge.telephony.numbers import Number

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
ACME, OTHER = PortalId("acme"), PortalId("other")
CLIENT = "79125551122"
ANNA = Colleague(name="Anna", phones=("101",), users={ACME: UserId("1"), OTHER: UserId("21")})
BORIS = Colleague(name="Boris", phones=("102",), users={ACME: UserId("2")})
KNOWN = RouteClient(portal=ACME, kind="contact", id="12", name="Пётр", responsible=UserId("1"))
POLICY = Policy(enabled=True, steps=(Step.RESPONSIBLE, Step.LAST_SPOKE))


class Book:
    """Clients by number in memory, and a CRM that is what `asks` makes of it."""

    def __init__(
        self, *known: RouteClient, asks: Callable[[], Awaitable[tuple[RouteClient, ...]]] | None = None
    ) -> None:
        self._known, self._asks = known, asks
        self.asked_for: list[Number] = []

    async def known(self, number: Number) -> tuple[RouteClient, ...]:
        return self._known

    async def asked(self, number: Number) -> tuple[RouteClient, ...]:
        self.asked_for.append(number)
        return await self._asks() if self._asks else ()


class Phones:
    def __init__(self, **reach: Reach) -> None:
        self._reach = reach

    def reach(self, extension: str) -> Reach:
        return self._reach.get(f"x{extension}", Reach.FREE)


async def nobody(number: Number, since: datetime) -> LastTalk | None:
    return None


async def boris(number: Number, since: datetime) -> LastTalk | None:
    return LastTalk(extension="102", at=NOW - timedelta(days=1))


async def hangs() -> tuple[RouteClient, ...]:
    await asyncio.Event().wait()
    return ()


def router(
    book: Book,
    *,
    policy: Policy = POLICY,
    last_talk: Callable[[Number, datetime], Awaitable[LastTalk | None]] = nobody,
    lately: Lately | None = None,
    budget: float = 5.0,
    phones: Phones | None = None,
) -> Router:
    setup = Setup(policy=policy, team=Team([ANNA, BORIS]), budget=timedelta(seconds=budget))
    return Router(
        lambda: setup,
        book=book,
        phones=phones or Phones(),
        last_talk=last_talk,
        lately=lately or Lately(),
        now=lambda: NOW,
    )


def ask(number: str = CLIENT, **more: str) -> RouteQuestion:
    return RouteQuestion(number=number, uniqueid="1795471332.17", **more)


def extensions(route: Route) -> list[str]:
    return [hop.extension for hop in route.hops]


async def test_a_client_of_the_mirror_reaches_their_responsible_and_no_crm_is_asked() -> None:
    book = Book(KNOWN)
    route = await router(book).ask(ask())
    assert extensions(route) == ["101"]
    assert route.caller_name == "Пётр"
    assert not book.asked_for


async def test_a_number_that_is_not_mirrored_is_asked_of_the_crm_in_e164() -> None:
    async def answers() -> tuple[RouteClient, ...]:
        return (KNOWN,)

    book = Book(asks=answers)
    assert extensions(await router(book).ask(ask("8 (912) 555-11-22"))) == ["101"]
    assert [number.e164 for number in book.asked_for] == [f"+{CLIENT}"]


async def test_a_crm_that_hangs_costs_the_budget_and_what_else_is_known_decides() -> None:
    route = await router(Book(asks=hangs), last_talk=boris, budget=0.01).ask(ask())
    assert extensions(route) == ["102"]
    assert "did not answer in time" in route.why


async def test_a_mirror_that_hangs_is_the_normal_route() -> None:
    class Stuck(Book):
        async def known(self, number: Number) -> tuple[RouteClient, ...]:
            return await hangs()

    assert (await router(Stuck(), budget=0.01).ask(ask())).hops == ()


async def test_a_crm_that_fails_is_the_normal_route_with_the_reason() -> None:
    async def fails() -> tuple[RouteClient, ...]:
        raise Transient("The portal does not answer")

    route = await router(Book(asks=fails)).ask(ask())
    assert route.hops == ()
    assert "The portal does not answer" in route.why


async def test_a_mistake_of_ours_is_the_normal_route() -> None:
    class Broken(Phones):
        def reach(self, extension: str) -> Reach:
            raise KeyError(extension)

    assert await router(Book(KNOWN), phones=Broken()).ask(ask()) == NORMAL


async def test_switched_off_is_the_normal_route_and_nobody_is_asked() -> None:
    book = Book(KNOWN)
    assert await router(book, policy=Policy(enabled=False)).ask(ask()) == NORMAL


@given(parts=st.lists(st.text(max_size=200), min_size=5, max_size=5))
async def test_whatever_is_asked_is_answered(parts: list[str]) -> None:
    number, did, trunk, uniqueid, choice = parts
    question = RouteQuestion(number=number, did=did, trunk=trunk, uniqueid=uniqueid, choice=choice)
    assert isinstance(await router(Book(KNOWN)).ask(question), Route)


@pytest.mark.parametrize("number", ["", "anonymous", "abc", "1" * 40, "101", "\0\n"])
async def test_what_is_no_clients_number_is_the_normal_route_and_no_crm_is_asked_about_it(number: str) -> None:
    book = Book()
    assert (await router(book).ask(ask(number))).hops == ()
    assert not book.asked_for


async def test_a_client_whose_number_no_countrys_plan_knows_is_known_all_the_same() -> None:
    assert extensions(await router(Book(KNOWN)).ask(ask("+7 000 123-45-67"))) == ["101"]


async def test_a_colleagues_extension_is_no_clients_number_even_where_a_client_has_it() -> None:
    assert (await router(Book(KNOWN)).ask(ask("102"))).hops == ()


async def test_the_phone_that_refused_this_caller_a_moment_ago_is_not_rung_again() -> None:
    lately = Lately()
    refused = Leg(
        extension=Extension("101"), channel="1.2", ring_start=NOW, end=NOW - timedelta(seconds=3), result=LegResult.BUSY
    )
    call = Call(id=CallId("1.1"), direction=Direction.INBOUND, start=NOW, end=NOW, external=CLIENT, legs=(refused,))
    lately.tell(PbxId("main"), call)
    route = await router(Book(KNOWN), lately=lately, last_talk=boris).ask(ask())
    assert extensions(route) == ["102"]
    assert "101" in route.skipped


async def test_one_caller_who_asks_too_often_gets_the_normal_route_and_others_do_not_notice() -> None:
    asked = router(Book(KNOWN))
    routes = [await asked.ask(ask()) for _ in range(MOST_OF_A_CALLER + 1)]
    assert [bool(route.hops) for route in routes] == [True] * MOST_OF_A_CALLER + [False]
    assert (await asked.ask(ask("79036667788"))).hops


async def test_no_more_questions_a_second_are_decided_than_an_office_can_have() -> None:
    asked = router(Book(KNOWN))
    routes = [await asked.ask(ask(f"7912000{number:04}")) for number in range(MOST_A_SECOND + 1)]
    assert [bool(route.hops) for route in routes] == [True] * MOST_A_SECOND + [False]


async def test_new_clients_are_dealt_out_by_turns() -> None:
    new = NewClients(extensions=("101", "102"), order=Order.ROUND_ROBIN)
    policy = Policy(enabled=True, other_lines=LineRules(new_clients=new))
    asked = router(Book(), policy=policy)
    firsts = [(await asked.ask(ask(f"7903666778{n}"))).hops[0] for n in range(4)]
    assert [hop.extension for hop in firsts] == ["101", "102", "101", "102"]
    assert {hop.reason for hop in firsts} == {Reason.NEW_CLIENT}


async def test_each_answer_stands_once_in_the_story_of_its_call() -> None:
    asked = router(Book(KNOWN))
    await asked.ask(ask(choice="2"))
    call = Call(
        id=CallId("1795471332.17"),
        direction=Direction.INBOUND,
        start=NOW,
        external=CLIENT,
        channels=("1795471332.17", "1795471332.18"),
    )
    (line,) = asked.log.story_of(call)
    assert "after the choice '2': 101 for" in line.text
    assert "Anna 101 (responsible)" in line.text
    assert asked.log.story_of(call) == []
    assert asked.log.answered[-1].question.choice == "2"


async def test_who_only_tries_whether_anybody_answers_stands_in_no_list() -> None:
    asked = router(Book())
    await asked.ask(RouteQuestion(number=""))
    await asked.ask(RouteQuestion(number="", uniqueid="1795471332.17"))
    assert [one.question.uniqueid for one in asked.log.answered] == ["1795471332.17"]


# Where the clients come from


class Mirror:
    def __init__(self, found: dict[PortalId, MirrorFound], whole: set[PortalId]) -> None:
        self._found, self._whole = found, whole

    async def clients(self, portal: PortalId, number: Number) -> tuple[MirrorFound, ...]:
        assert number.e164 == f"+{CLIENT}"
        return (self._found[portal],) if portal in self._found else ()

    def is_whole(self, portal: PortalId) -> bool:
        return portal in self._whole


class Crm:
    """As far as it is asked here."""

    def __init__(self, answer: Client | CrmError | None = None, *, hangs: bool = False) -> None:
        self._answer, self._hangs = answer, hangs

    async def find(self, number: str) -> Client | None:
        if self._hangs:
            await asyncio.Event().wait()
        if isinstance(self._answer, CrmError):
            raise self._answer
        return self._answer


class Portal:
    def __init__(self, name: PortalId, crm: Crm) -> None:
        self.id, self.crm = name, crm


def clients(mirror: Mirror, **crms: Crm) -> Clients:
    return Clients(mirror, [Portal(PortalId(name), crm) for name, crm in crms.items()])  # type: ignore[arg-type]


NUMBER = Number(given=CLIENT, e164=f"+{CLIENT}", digits=CLIENT)
FOUND = MirrorFound(kind="contact", id="12", name="Пётр", responsible=UserId("1"))
STRANGER = Client(kind="lead", id="5", name="Lead", responsible=None)


async def test_the_first_portal_whose_mirror_knows_the_number_names_the_client() -> None:
    book = clients(Mirror({OTHER: FOUND}, set()), acme=Crm(), other=Crm())
    assert [(one.portal, one.id) for one in await book.known(NUMBER)] == [(OTHER, "12")]


async def test_only_crms_whose_mirror_is_not_whole_are_asked() -> None:
    book = clients(Mirror({}, {ACME}), acme=Crm(hangs=True), other=Crm(STRANGER))
    assert [(one.portal, one.kind) for one in await book.asked(NUMBER)] == [(OTHER, "lead")]


async def test_a_crm_that_hangs_does_not_keep_another_ones_answer() -> None:
    book = clients(Mirror({}, set()), acme=Crm(hangs=True), other=Crm(STRANGER))
    assert [one.portal for one in await book.asked(NUMBER)] == [OTHER]


async def test_a_crm_that_fails_is_told_only_where_no_other_one_knows_the_number() -> None:
    broken = Transient("away")
    assert await clients(Mirror({}, set()), acme=Crm(broken), other=Crm(STRANGER)).asked(NUMBER)
    with pytest.raises(Transient):
        await clients(Mirror({}, set()), acme=Crm(broken), other=Crm()).asked(NUMBER)
