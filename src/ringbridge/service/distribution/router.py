"""Answers the dialplan: whom is this call for? A caller waits meanwhile, so the answer has a budget, whatever happens.

What is known of the caller is gathered in the order of its price: the mirror, who spoke with them last, and, where the
mirror is not whole, the CRM. When the budget is spent, it is decided with what is there. No answer is an error: the
least of them is the normal route.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from ringbridge.crm.contract import CrmError
from ringbridge.routing.distribution import (
    NORMAL,
    Availability,
    LastTalk,
    Policy,
    Rejected,
    Route,
    RouteClient,
    RouteQuestion,
    Step,
    Team,
    decide,
)
from ringbridge.service.distribution.dealt import Dealt
from ringbridge.service.distribution.lately import Lately, SeenPhones
from ringbridge.service.distribution.log import Answered, RouteLog
from ringbridge.service.gate import Gate
from ringbridge.store.errors import StoreError
from ringbridge.telephony.numbers import Number, masked, parse_number

log = structlog.get_logger(__name__)

MOST_A_SECOND = 200  # questions of all callers: more than an office's trunks can bring
MOST_OF_A_CALLER = 10  # questions in ten seconds: each call asks once, and once more after each menu
TEN_SECONDS = timedelta(seconds=10)
LONGEST = 128  # letters of any part of a question that are looked at

GATHERING, CUSTOMISING = 0.85, 0.95
"""Shares of the budget after which no CRM, and then no hook is waited for any more: the answer has a way to go too."""


class ClientBook(Protocol):
    """Who has a number, as far as it is known without waiting, and as the CRMs say."""

    async def known(self, number: Number) -> tuple[RouteClient, ...]:
        """From memory or our own disk."""
        ...

    async def asked(self, number: Number) -> tuple[RouteClient, ...]:
        """Of the CRMs whose copy is not whole. Raises `CrmError`, and takes as long as they do."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The office, as far as its calls are distributed; read anew for each question."""

    policy: Policy
    team: Team
    budget: timedelta = timedelta(milliseconds=300)


@dataclass(slots=True, kw_only=True)
class _Facts:
    """What has been gathered so far."""

    clients: tuple[RouteClient, ...] = ()
    last_talk: LastTalk | None = None
    remark: str = ""  # for people: what could not be found out


Customised = Callable[[RouteQuestion, Route, Policy], Awaitable[Route]]


async def as_decided(question: RouteQuestion, route: Route, policy: Policy) -> Route:
    return route


class Router:
    """`last_talk` tells who of us last spoke with a number, since a moment."""

    def __init__(
        self,
        setup: Callable[[], Setup],
        *,
        book: ClientBook,
        phones: Availability,
        last_talk: Callable[[Number, datetime], Awaitable[LastTalk | None]],
        lately: Lately,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._setup = setup
        self._book = book
        self.phones = SeenPhones(phones, lately)
        self._last_talk = last_talk
        self._lately = lately
        self._now = now
        self._everybody = Gate(now, most=MOST_A_SECOND, within=timedelta(seconds=1))
        self._callers = Gate(now, most=MOST_OF_A_CALLER, within=TEN_SECONDS)
        self.dealt = Dealt()
        self.log = RouteLog()
        self.customise: Customised = as_decided

    async def ask(self, question: RouteQuestion) -> Route:
        """Never raises, and takes no longer than the budget."""
        began, question = time.monotonic(), shortened(question)
        try:
            route = await self._customised(question, await self._answer(question, began), began)
        except Exception:  # a mistake of ours about one call must not keep it from its normal way
            log.exception("route_not_decided", number=masked(question.number))
            route = NORMAL
        took = timedelta(seconds=time.monotonic() - began)
        self.log.note(Answered(at=self._now(), question=question, route=route, took=took))
        return route

    async def _customised(self, question: RouteQuestion, route: Route, began: float) -> Route:
        """As the office's hooks want it, if they say so before the budget is spent."""
        setup = self._setup()
        if self.customise is as_decided or not setup.policy.enabled:
            return route
        try:
            async with asyncio.timeout(_left(setup.budget * CUSTOMISING, began)):
                return await self.customise(question, route, setup.policy)
        except TimeoutError:
            return replace(route, why=f"{route.why} The office's hook did not answer in time.".strip())

    async def _answer(self, question: RouteQuestion, began: float) -> Route:
        setup, now = self._setup(), self._now()
        if not setup.policy.enabled:
            return NORMAL
        if not (self._everybody.lets_in() and self._callers.lets_in(question.number)):
            log.warning("route_questions_too_many", number=masked(question.number))
            return Route(why="Too many questions at once: normal route.")
        facts = await self._gathered(question, setup, began)
        today = now.astimezone(setup.policy.zone).date()
        route = decide(
            question,
            facts.clients,
            setup.team,
            self.phones,
            setup.policy,
            now,
            last_talk=facts.last_talk,
            rejected=self._rejected(question, now),
            dealt=self.dealt.on(today),
        )
        self.dealt.note(route, today)
        return replace(route, why=f"{route.why} {facts.remark.rstrip('.')}.") if facts.remark else route

    def _rejected(self, question: RouteQuestion, now: datetime) -> Sequence[Rejected]:
        return self._lately.rejected(question.number, now) if question.number else ()

    async def _gathered(self, question: RouteQuestion, setup: Setup, began: float) -> _Facts:
        facts = _Facts()
        number = parse_number(question.number, setup.policy.region)
        if number is None:
            return facts
        try:
            async with asyncio.timeout(_left(setup.budget * GATHERING, began)):
                await self._gather(facts, number, setup.policy)
        except TimeoutError:
            facts.remark = "The CRM did not answer in time"
        except (CrmError, StoreError) as error:
            facts.remark = str(error)
        return facts

    async def _gather(self, facts: _Facts, number: Number, policy: Policy) -> None:
        """No CRM is asked about what is no telephone number; that a client has it all the same may be known."""
        facts.clients = await self._book.known(number)
        if not (number.valid or facts.clients):
            return
        if Step.LAST_SPOKE in policy.steps:
            facts.last_talk = await self._last_talk(number, self._now() - policy.last_spoke_within)
        if not facts.clients:
            facts.clients = await self._book.asked(number)


def _left(share: timedelta, began: float) -> float:
    """Seconds."""
    return max(0.0, began + share.total_seconds() - time.monotonic())


def shortened(question: RouteQuestion) -> RouteQuestion:
    """Whatever was asked, only so much of it is looked at and kept."""
    return RouteQuestion(**{part.name: getattr(question, part.name)[:LONGEST].strip() for part in fields(question)})
