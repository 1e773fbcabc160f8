"""Calls decided anew: what the portal has is not doubled, what it lacks is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.contract.hooked_office import MAIN, PBX, START, HookedOffice, OpenPortal, hooked, journal_call

from ringbridge.crm.contract import Crm
from ringbridge.routing.intents import PortalId
from ringbridge.routing.office import Portal
from ringbridge.routing.rules import Answers, ClientKnown, Rule
from ringbridge.service.hooks.advice import HookAdvisers, NoAdvisers
from ringbridge.service.journal.reprocess import Reprocess, Resent
from ringbridge.service.journal.resending import Resending
from ringbridge.store import calls, deliveries, schema, settings
from ringbridge.store.calls import Filters, call_key
from ringbridge.store.database import Transaction
from ringbridge.store.outcome import Done, GiveUp, Outcome
from ringbridge.telephony.model import CallId

CALL = journal_call()
KEY = call_key(PBX, CALL.id)
STEPS = ["RegisterCall", "FinishCall"]
SOON = 60  # seconds: a test that waits so long has failed


class Asked:
    kind = "bitrix24"

    async def call(self, method: str, params: object = None) -> None:
        raise AssertionError(method)


class Connected:
    """A portal that hooks may ask, though these do not."""

    client = Asked()


class Crms:
    """One portal, which knows these clients."""

    def __init__(self, portal: Portal, *known: str) -> None:
        self.portal, self.known = portal, known

    def portals(self) -> list[Portal]:
        return [self.portal]

    async def knows(self, portal: PortalId, number: str) -> bool:
        return number in self.known

    async def dealt(self, tx: Transaction, portal: PortalId, extension: str) -> None:
        raise AssertionError("nobody's turn is spent on a call of the past")


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[HookedOffice]:
    async with hooked(tmp_path) as opened:
        yield opened


def portal(*rules: Rule) -> Portal:
    connected: Crm = Connected()  # type: ignore[assignment]
    return replace(OpenPortal(connected).routing, rules=rules)


def reprocess(office: HookedOffice, *rules: Rule, known: tuple[str, ...] = ()) -> Reprocess:
    return Reprocess(office.database, Crms(portal(*rules), *known), NoAdvisers(), lambda: None)


async def sent(office: HookedOffice, outcome: Outcome | None = None) -> list[str]:
    """What the portal is handed now; all of it has this outcome."""
    found: list[str] = []
    while True:
        async with office.database.transaction() as tx:
            batch = await deliveries.claim(tx, MAIN, START.replace(year=2100), 50)
        if not batch:
            return found
        found += [row.intent.step for row in batch]
        async with office.database.transaction() as tx:
            await deliveries.settle(tx, MAIN, {row.id: outcome or Done() for row in batch}, START)


async def test_a_call_that_no_portal_was_told_of_is_sent_whole_without_cards(office: HookedOffice) -> None:
    assert await reprocess(office).again([KEY]) == Resent(calls=1, steps=2)
    assert await sent(office) == STEPS
    assert "main: RegisterCall (user 2), FinishCall (user 2)" in await office.story()


async def test_a_call_that_is_in_the_crm_is_not_doubled_however_often_it_is_sent_again(office: HookedOffice) -> None:
    again = reprocess(office)
    await again.again([KEY])
    assert await sent(office) == STEPS
    results = await asyncio.gather(*(again.again([KEY]) for _ in range(3)))
    assert results == [Resent(calls=1, steps=0)] * 3
    assert await sent(office) == []


async def test_what_the_portal_refused_goes_out_once_more_with_what_depended_on_it(office: HookedOffice) -> None:
    await reprocess(office).again([KEY])
    assert await sent(office, GiveUp(reason="no such line")) == STEPS
    assert await reprocess(office).again([KEY, KEY]) == Resent(calls=2, steps=2)
    assert await sent(office) == STEPS


async def test_the_rules_of_now_decide(office: HookedOffice) -> None:
    silent = Rule(name="nothing", answers=Answers(register=False))
    assert await reprocess(office, silent).again([KEY]) == Resent(calls=1, steps=0)
    strangers = Rule(name="known only", client=ClientKnown.UNKNOWN, answers=Answers(register=False))
    assert (await reprocess(office, strangers).again([KEY])).steps == 0
    assert (await reprocess(office, strangers, known=("+79125551122",)).again([KEY])).steps == 2


async def test_hooks_are_asked_as_they_are_when_a_call_ends(office: HookedOffice) -> None:
    office.opened(Connected())  # type: ignore[arg-type]
    office.write("h.py", "def need_registration(result, call):\n    return call.trunk != 'mango'\n")
    advised = Reprocess(office.database, Crms(portal()), HookAdvisers(office.hooks), lambda: None)
    assert await advised.again([KEY]) == Resent(calls=1, steps=0)


@pytest.mark.parametrize("change", [{"end": None, "talks": ()}, {"merged_into": CallId("9.9")}])
async def test_a_call_that_goes_on_or_is_part_of_another_is_left_alone(office: HookedOffice, change: dict) -> None:
    await office.journalled(replace(CALL, **change))
    assert await reprocess(office).again([KEY]) == Resent(calls=1, steps=0)


async def test_only_the_portal_that_was_named_is_told_and_an_unknown_call_is_passed_over(office: HookedOffice) -> None:
    again = reprocess(office)
    assert await again.again([KEY], PortalId("other")) == Resent(calls=1, steps=0)
    assert await again.again([call_key(PBX, CallId("0.0"))]) == Resent()
    assert await again.again([KEY], MAIN) == Resent(calls=1, steps=2)


async def test_a_period_is_sent_in_the_background_with_its_progress_and_who_asked(office: HookedOffice) -> None:
    await office.journalled(*(journal_call(n) for n in range(2, 6)))
    resending = Resending(office.database, reprocess(office))
    running = asyncio.create_task(resending.run())
    try:
        assert resending.ask(Filters(), by="boss")
        assert not resending.ask(Filters(), by="boss"), "one at a time"
        async with asyncio.timeout(SOON):
            while resending.goes_on:
                await asyncio.to_thread(int)
    finally:
        running.cancel()
    assert resending.progress is not None
    assert (resending.progress.total, resending.progress.done) == (5, Resent(calls=5, steps=10))
    async with office.database.reading() as tx:
        (change,) = await settings.changes(tx, "delivery")
        keys = (await tx.execute(select(schema.deliveries.c.key))).scalars().all()
        assert await calls.count(tx) == 5
    assert (change.by, change.after and change.after["sent again"]["calls"]) == ("boss", 5)
    assert len(keys) == len(set(keys)) == 10
