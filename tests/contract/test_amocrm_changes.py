"""An account is asked to tell us what changes in it: the subscription is made, kept, moved and taken away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.contract.amocrm_office import Office, office

from ringbridge.crm.amocrm.webhooks import WANTED
from ringbridge.emulators.amocrm import Fault, FaultKind
from ringbridge.routing.intents import PortalId
from ringbridge.service.mirror.changes import UNREACHABLE, AccountChanges, Tell

MAIN = PortalId("main")
SECRET, FORMER = "5ec2e7" * 8, "0ld5ec" * 8
PUBLIC = "https://calls.example.com"


def changes_of(
    at: Office, *, public: str | None = PUBLIC, tell: Tell | None = lambda changed, gone: None
) -> AccountChanges:
    return AccountChanges(MAIN, at.crm, public_address=public, secrets=(SECRET, FORMER), tell=tell)


@asynccontextmanager
async def at_work(changes: AccountChanges, at: Office, requests: int) -> AsyncIterator[None]:
    """Runs until the account was asked so often."""
    asked = len(at.asked())
    task = asyncio.create_task(changes.run())
    async with asyncio.timeout(60):
        while len(at.asked()) < asked + requests:  # noqa: ASYNC110 - the account is another party, seen from outside
            await asyncio.sleep(0.01)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def hooks(at: Office) -> dict[str, list[str]]:
    return {one["destination"]: one["settings"] for one in at.account.webhooks.values()}


def place(secret: str = SECRET, public: str = PUBLIC) -> str:
    return f"{public}/amocrm/main/webhooks/{secret}"


async def test_the_account_is_asked_once_to_tell_what_changes() -> None:
    async with office() as at:
        changes = changes_of(at)
        async with at_work(changes, at, requests=2):
            assert hooks(at) == {place(): list(WANTED)}
        async with at_work(changes, at, requests=1):
            assert changes.missing == ()
        assert at.asked() == ["GET /api/v4/webhooks", "POST /api/v4/webhooks", "GET /api/v4/webhooks"]


async def test_former_addresses_of_ours_are_taken_away_and_those_of_others_stay() -> None:
    async with office() as at:
        mine = [place(FORMER), place(SECRET, "https://old.example.com")]
        others = ["https://shop.example/hook", place("a" * 48)]
        for address in (*mine, *others):
            await at.crm.webhooks.keep(address, is_ours=lambda destination: False)
        async with at_work(changes_of(at), at, requests=4):
            assert set(hooks(at)) == {*others, place()}


async def test_a_mirror_that_is_switched_off_ends_the_subscription() -> None:
    async with office() as at:
        await at.crm.webhooks.keep(place(), is_ours=lambda destination: False)
        changes = changes_of(at, tell=None)
        async with at_work(changes, at, requests=2):
            assert hooks(at) == {}
            assert changes.missing == ()


@pytest.mark.parametrize("public", [None, "http://calls.example.com"])
async def test_without_https_nothing_is_subscribed_and_that_is_said(public: str | None) -> None:
    async with office() as at:
        changes = changes_of(at, public=public)
        async with at_work(changes, at, requests=1):
            assert (hooks(at), changes.missing) == ({}, (UNREACHABLE,))


async def test_a_subscription_that_the_account_switched_off_is_made_anew() -> None:
    async with office() as at:
        await at.crm.webhooks.keep(place(), is_ours=lambda destination: False)
        (hook,) = at.account.webhooks.values()
        hook["disabled"] = True
        async with at_work(changes_of(at), at, requests=3):
            (hook,) = at.account.webhooks.values()
            assert hook["disabled"] is False


async def test_an_account_that_takes_us_back_is_asked_again() -> None:
    async with office() as at:
        changes = changes_of(at)
        async with at_work(changes, at, requests=2):
            at.account.webhooks.clear()
            changes.renew()
            async with asyncio.timeout(60):
                while not hooks(at):  # noqa: ASYNC110 - the account is another party, seen from outside
                    await asyncio.sleep(0.01)


async def test_a_refusal_is_shown_in_words() -> None:
    async with office() as at:
        at.account.faults.add(Fault(kind=FaultKind.FORBIDDEN, path="/api/v4/webhooks"))
        changes = changes_of(at)
        async with at_work(changes, at, requests=1):
            async with asyncio.timeout(60):
                while not changes.missing:  # noqa: ASYNC110 - set after the answer
                    await asyncio.sleep(0.01)
            (words,) = changes.missing
            assert words.startswith("The account does not tell us what changes in it. amoCRM refused: HTTP 403")
