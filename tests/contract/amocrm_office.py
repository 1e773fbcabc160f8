"""An amoCRM account and our adapter, wired together, with the words the contract tests speak."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from tests.contract.bitrix24_office import Shelf, Sound, attach, complete, hours_ago
from tests.contract.bitrix24_office import close_tasks as close_tasks
from tests.contract.bitrix24_office import finish as any_finish
from tests.contract.bitrix24_office import hide as hide
from tests.contract.bitrix24_office import record as record
from tests.contract.bitrix24_office import register as any_register
from tests.contract.bitrix24_office import show as show
from tests.contract.bitrix24_office import task as any_task

from ringbridge.crm.amocrm import AmoCrm, Application, Card, Credentials, LongLived, Settings, Tokens
from ringbridge.crm.contract import CrmError, Receipt, Step, Throttled, Transient
from ringbridge.crm.reach import Reach
from ringbridge.emulators.amocrm import Account, Integration, Kind, serve
from ringbridge.emulators.amocrm import Settings as AccountSettings
from ringbridge.emulators.amocrm.demo import ADMIN_ID
from ringbridge.emulators.amocrm.entities import Entity
from ringbridge.routing.intents import (
    Creation,
    FinishCall,
    Intent,
    MakeTask,
    PortalId,
    RecordKey,
    RegisterCall,
    UserId,
)
from ringbridge.routing.rules import Create

CLIENT = "+79125551122"  # the oldest contact of the demonstration office
STRANGER = "+79990001122"
ANTON, KATE = str(ADMIN_ID + 1), str(ADMIN_ID + 2)
ADDRESS = "https://calls.example.com"

__all__ = ["attach", "complete", "hours_ago"]


@dataclass
class Addresses(Shelf):
    """Recordings whose address is known beforehand."""

    def address(self, record: RecordKey, name: str, expires: datetime) -> str | None:
        return f"{ADDRESS}/recordings/{record}/{name}"


@dataclass
class Feed:
    """The widget's cards as they were pushed."""

    shown: list[Card] = field(default_factory=list)
    hidden: list[Card] = field(default_factory=list)

    def show(self, card: Card) -> None:
        self.shown.append(card)

    def hide(self, card: Card) -> None:
        self.hidden.append(card)


@dataclass
class Office:
    account: Account
    crm: AmoCrm
    shelf: Shelf
    saved: list[Credentials]
    feed: Feed

    async def do(self, *intents: Intent, facts: dict[str, Any] | None = None, uncertain: bool = False) -> list[Any]:
        steps = [Step(intent=intent, facts=facts or {}, uncertain=uncertain) for intent in intents]
        return list(await self.crm.carry_out(steps))

    async def done(self, *intents: Intent, facts: dict[str, Any] | None = None) -> dict[str, Any]:
        """All the facts of steps that must succeed."""
        known = dict(facts or {})
        for answer in await self.do(*intents, facts=facts):
            assert isinstance(answer, Receipt), answer
            known |= answer.facts
        return known

    async def deliver(self, *intents: Intent, tries: int = 8) -> dict[str, Any]:
        """The way a durable worker does it: what failed is tried again, in doubt where it was in doubt."""
        facts: dict[str, Any] = {}
        waiting = [(intent, False) for intent in intents]
        for _ in range(tries):
            steps = [Step(intent=intent, facts=facts, uncertain=doubt) for intent, doubt in waiting]
            answers = await self.crm.carry_out(steps)
            again = []
            for (intent, doubt), answer in zip(waiting, answers, strict=True):
                if isinstance(answer, Receipt):
                    facts = {**facts, **answer.facts}
                    continue
                assert isinstance(answer, Transient | Throttled), answer
                again.append((intent, doubt or (isinstance(answer, Transient) and answer.maybe_done)))
            waiting = again
            if not waiting:
                return facts
        raise AssertionError(f"never delivered: {waiting}")

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Every call that is written somewhere, with its place."""
        return [note for note in self.account.notes.values() if note["note_type"] in {"call_in", "call_out"}]

    @property
    def texts(self) -> list[str]:
        return [note["params"]["text"] for note in self.account.notes.values() if note["note_type"] == "common"]

    @property
    def tasks(self) -> list[dict[str, Any]]:
        return list(self.account.tasks.values())

    def contacts(self, number: str) -> list[Entity]:
        entities = self.account.entities
        found = entities.by_phone(number, digits=10, indexed_before=float("inf"))
        return [one for one in found if one.kind is Kind.CONTACTS]

    def asked(self, since: int = 0) -> list[str]:
        """Method and path of every request."""
        return [f"{one.method} {one.path}" for one in list(self.account.traffic.asked)[since:]]

    def add(self, kind: Kind, *phones: str, **changes: Any) -> Entity:
        """Somebody new in the account, with these phones as they are written."""
        account = self.account
        one = Entity(kind=kind, id=account.next_id(), name="Somebody", responsible_user_id=ADMIN_ID)
        for name, value in changes.items():
            setattr(one, name, value)
        phone = account.fields.by_code(kind.value, "PHONE")
        if phone and phones:
            enum = next(iter(phone.enums))
            one.values[phone.id] = [{"value": value, "enum_id": enum, "enum_code": "WORK"} for value in phones]
        account.entities.rows[kind][one.id] = one
        return one

    def add_lead(self, client: Entity, *, closed: bool = False) -> Entity:
        pipeline = self.account.pipelines.main
        lead = self.add(Kind.LEADS, pipeline_id=pipeline.id, status_id=143 if closed else pipeline.first.id)
        self.account.entities.link(lead, client)
        return lead


def account(**settings: Any) -> Account:
    """An office without a quota, unless a test wants one."""
    return Account.demo(settings=AccountSettings(**{"rate_limit": False, **settings}))


def application_of(account: Account) -> Application:
    one: Integration = account.access.integrations[0]
    return Application(client_id=one.client_id, client_secret=one.client_secret, redirect_uri=one.redirect_uri)


def tokens(account: Account) -> Tokens:
    access, refresh = account.issue(account.access.integrations[0], ADMIN_ID)
    return Tokens(address=account.address, access=access, refresh=refresh, account=account.id)


def long_lived(account: Account) -> LongLived:
    return LongLived(address=account.address, token=account.long_lived_token(account.access.integrations[0], ADMIN_ID))


def adapter(
    account: Account,
    shelf: Shelf,
    saved: list[Credentials],
    *,
    key: Credentials | None = None,
    **more: Any,
) -> AmoCrm:
    async def save(credentials: Credentials) -> None:
        saved.append(credentials)

    host = urlsplit(account.address).hostname or ""
    settings = Settings(
        portal=PortalId("main"),
        reach=Reach(allow_http=True, allow_private=True),
        domains=(host, "localhost"),
        **{"rate": 1000.0, **more.pop("settings", {})},
    )
    more = {"save": save, **more}
    return AmoCrm(settings, key or tokens(account), recordings=shelf, application=application_of(account), **more)


@asynccontextmanager
async def office(at: Account | None = None, *, shelf: Shelf | None = None, **options: Any) -> AsyncIterator[Office]:
    """An account on a real port and an adapter that is connected to it."""
    at = at or account()
    shelf, saved, feed = shelf or Shelf(), [], Feed()
    async with serve(at):
        key = options.pop("key", None)
        crm = adapter(at, shelf, saved, key=key(at) if key else None, cards=feed, **options)
        try:
            yield Office(account=at, crm=crm, shelf=shelf, saved=saved, feed=feed)
        finally:
            await crm.aclose()


MAKE = Creation(what=Create.CLIENT)


def create(what: Create, **more: Any) -> Creation:
    return Creation(what=what, **more)


def register(n: int = 1, /, **changes: Any) -> RegisterCall:
    return any_register(n, **{"user": UserId(ANTON), "number": CLIENT, "creation": MAKE, "show": False, **changes})


def finish(n: int = 1, /, **changes: Any) -> FinishCall:
    return any_finish(n, **{"user": UserId(ANTON), **changes})


def task(n: int = 1, /, **changes: Any) -> MakeTask:
    return any_task(n, **{"number": CLIENT, "responsible": UserId(KATE), **changes})


def only(answers: list[Any]) -> Receipt:
    (answer,) = answers
    assert isinstance(answer, Receipt), answer
    return answer


def error_in(answers: list[Any]) -> CrmError:
    (answer,) = answers
    assert isinstance(answer, CrmError), answer
    return answer


SOUND = Sound(address=f"{ADDRESS}/late.mp3")
