"""Bitrix24 as a `Crm`."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx2

from ringbridge.crm.bitrix24 import lines, users
from ringbridge.crm.bitrix24.activities import Activities
from ringbridge.crm.bitrix24.additions import Additions
from ringbridge.crm.bitrix24.auth import Application, Credentials, Key, Save, TokenKey, Webhook, WebhookKey
from ringbridge.crm.bitrix24.check import QUESTIONS, portal_info, works_with_leads
from ringbridge.crm.bitrix24.clients import by_duplicates, client_by_duplicates, clients_in, search, ways_to_write
from ringbridge.crm.bitrix24.commands import Commands
from ringbridge.crm.bitrix24.deals import Deals
from ringbridge.crm.bitrix24.desk import EventDesk
from ringbridge.crm.bitrix24.followup import FollowUp
from ringbridge.crm.bitrix24.hook_client import HookClient
from ringbridge.crm.bitrix24.installation import Installation
from ringbridge.crm.bitrix24.knowledge import Knowledge
from ringbridge.crm.bitrix24.ledger import Ledger
from ringbridge.crm.bitrix24.mirror import Mirror, made_by
from ringbridge.crm.bitrix24.preparation import Preparation
from ringbridge.crm.bitrix24.reconcile import Reconciliation
from ringbridge.crm.bitrix24.recordings import Recordings
from ringbridge.crm.bitrix24.rediscovery import Rediscovery
from ringbridge.crm.bitrix24.rest import Rest
from ringbridge.crm.bitrix24.sender import Sender
from ringbridge.crm.bitrix24.settings import REQUEST_LIMIT, Settings
from ringbridge.crm.bitrix24.tasks import Tasks
from ringbridge.crm.bitrix24.telephony import as_list, text
from ringbridge.crm.client import Door
from ringbridge.crm.contract import (
    Client,
    CrmError,
    CrmUser,
    Line,
    LinesReport,
    PortalInfo,
    QuotaUse,
    Receipt,
    RecordingSource,
    Rejected,
    Step,
    Unauthorized,
)
from ringbridge.crm.customise import AsTheyAre, Customise
from ringbridge.crm.mirroring import MirrorPage, Ref
from ringbridge.crm.pages import page_at
from ringbridge.crm.sales import SalesPage, Wanted
from ringbridge.routing.intents import Priority

PAGES = {kind: f"/crm/{kind}/details/%s/" for kind in ("contact", "company", "lead", "deal")}
"""As a portal's own lists link to them."""


class Bitrix24:
    """One portal. Make it inside the event loop that uses it, and `aclose` it."""

    request_limit = REQUEST_LIMIT  # the longest the portal works on one request

    def __init__(
        self,
        settings: Settings,
        credentials: Credentials,
        *,
        recordings: RecordingSource,
        save: Save,
        application: Application | None = None,
        customise: Customise | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """`save` stores credentials that changed (tokens renewed, portal moved) before they are used; `application`
        is needed with `Tokens`; `customise` is asked about requests; `transport` replaces the network by a portal in
        this process."""
        self._settings = settings
        self._customise = customise or AsTheyAre()
        self._recordings = recordings
        self._key = _key(settings, credentials, application, save)
        self._door = Door(
            portal=settings.portal,
            quota=settings.quota,
            reach=settings.reach,
            secrets=self._key.secrets,
            moved=self._key.moved,
            answer_within=REQUEST_LIMIT.total_seconds() + 5,
            transport=transport,
        )
        self._rest = Rest(self._door, self._key)
        self.desk = EventDesk(self._rest)
        self._rest.rider = self.desk.queue
        self.installation = Installation(self._key, self._rest, application, settings.authorization_server)
        self._sender = Sender(self._rest)
        self._mirror = Mirror(self._sender)
        self._deals = Deals(self._sender)
        self._knowledge = Knowledge(region=settings.region)

    async def check(self) -> PortalInfo:
        answers = await self._rest.batch(QUESTIONS, priority=Priority.FINISH)
        if (leads := works_with_leads(answers)) is not None:
            self._knowledge.leads = leads
        host = urlsplit(self._key.address("")).hostname or self._settings.portal
        return portal_info(host, answers, application=isinstance(self._key, TokenKey))

    async def users(self) -> Sequence[CrmUser]:
        """Departments come with the permission department, working days with timeman."""
        return await self._with_working_days(await self._read_staff(Priority.REST))

    async def find(self, number: str) -> Client | None:
        ways = ways_to_write(number, self._settings.region)
        questions = {f"n{n}": search(way) for n, way in enumerate(ways)}
        outcomes = await self._rest.batch(questions, priority=Priority.CARD)
        told = (self._sender.failure(question, outcomes[key]) for key, question in questions.items())
        failures = [error for error in told if error]
        if not failures:
            return next(iter(clients_in(outcome.result for outcome in outcomes.values())), None)
        if isinstance(failures[0], Unauthorized):
            # Perhaps only the telephony scope is missing; if it is the key itself, this says so.
            found = await self._rest.batch(by_duplicates(ways), priority=Priority.CARD)
            return client_by_duplicates(found)
        raise failures[0]

    async def sync_lines(self, wanted: Sequence[Line], *, change: bool = True) -> LinesReport:
        there = lines.lines_in((await self._rest.call(lines.GET, priority=Priority.REST)).result)
        found = lines.changes(wanted, there)
        failures: list[str] = []
        if found and change:
            commands = {f"l{n}": one.command for n, one in enumerate(found)}
            outcomes = await self._sender.many(commands, Priority.REST)
            told = (self._sender.failure(command, outcomes[key]) for key, command in commands.items())
            failures = [f"{one.words} {error}" for one, error in zip(found, told, strict=True) if error]
        return lines.report(found, lines.strangers(wanted, there), failures)

    async def carry_out(self, steps: Sequence[Step]) -> Sequence[Receipt | CrmError]:
        """As the contract says. A recording is sent before this returns, so give recordings a run of their own where
        the answers to other steps are waited for."""
        ledger = Ledger(steps)
        chat, customise = self._settings.add_to_chat, self._customise
        reconciliation = Reconciliation(ledger, self._sender, add_to_chat=chat)
        clients = Preparation(
            ledger, self._sender, self._knowledge, settings=self._settings, learn_staff=self._learn_staff
        )
        await reconciliation.clear_doubts()
        await clients.prepare()
        await Commands(ledger, self._sender, clients, self._knowledge, add_to_chat=chat, customise=customise).send()
        await reconciliation.find_lost_calls()
        await Rediscovery(ledger, self._sender).look()
        await FollowUp(ledger, self._sender, clients).follow()
        await Additions(ledger, self._sender, customise).make()
        await Activities(ledger, self._sender).complete()
        await Tasks(ledger, self._sender, self._knowledge, customise).send()
        recordings = Recordings(
            ledger, self._sender, source=self._recordings, settings=self._settings, customise=customise
        )
        await recordings.send()
        return ledger.results()

    async def mirror_page(self, cursor: str | None) -> MirrorPage:
        return await self._mirror.page(cursor)

    def mirror_made(self, step: Step, receipt: Receipt) -> Sequence[Ref]:
        return made_by(step, receipt)

    async def mirror_changed(self, refs: Sequence[Ref]) -> MirrorPage:
        return await self._mirror.changed(refs)

    async def sales_page(self, wanted: Wanted, cursor: str | None) -> SalesPage:
        return await self._deals.page(wanted, cursor)

    def page_of(self, ref: Ref) -> str:
        held = self._key.credentials
        return page_at(held.address if isinstance(held, Webhook) else held.endpoint, PAGES, ref)

    @property
    def client(self) -> HookClient:
        """What the office's hooks ask the portal through."""
        return HookClient(self._rest)

    @property
    def quota(self) -> QuotaUse:
        return self._door.quota

    async def aclose(self) -> None:
        await self._key.aclose()
        await self._door.aclose()

    async def _read_staff(self, priority: Priority) -> list[CrmUser]:
        """Everybody, with or without a number; remembered, so that no client is made of a colleague."""
        try:
            rows = await self._rest.everything(users.METHOD, users.PARAMS, priority=priority)
        except Unauthorized as error:
            await self._complain_of_scope(error)
            raise
        everyone = users.users_in(rows, await self._departments(priority))
        self._knowledge.learn_staff(everyone)
        return everyone

    async def _learn_staff(self) -> None:
        try:
            await self._read_staff(Priority.FINISH)
        except Rejected:
            self._knowledge.learn_staff(())  # not readable: `check` says so

    async def _complain_of_scope(self, error: Unauthorized) -> None:
        """Raises `Rejected` when the key is good, and only a permission is missing."""
        scopes = await self._scopes()
        if not scopes & set(users.SCOPES):
            raise Rejected(f"Employees cannot be read: add the permission user (or user_basic). {error}") from error

    async def _scopes(self) -> set[str]:
        reply = await self._rest.call("scope", priority=Priority.REST)
        return {text(scope).lower() for scope in as_list(reply.result)}

    async def _departments(self, priority: Priority) -> dict[str, str]:
        try:
            return users.departments_in(await self._rest.everything(users.DEPARTMENTS, {}, priority=priority))
        except (Unauthorized, Rejected):
            return {}  # `check` names the permission

    async def _with_working_days(self, employees: list[CrmUser]) -> list[CrmUser]:
        active = [user for user in employees if user.active]
        if not active or "timeman" not in await self._scopes():
            return employees
        questions = {f"u{user.id}": users.day_of(user) for user in active}
        outcomes = await self._sender.many(questions, Priority.REST)
        return [users.with_day(user, outcomes.get(f"u{user.id}")) for user in employees]


def _key(settings: Settings, credentials: Credentials, application: Application | None, save: Save) -> Key:
    if isinstance(credentials, Webhook):
        return WebhookKey(credentials, save=save)
    if application is None:
        raise ValueError("tokens are renewed with the application's client_id and client_secret: both are needed")
    return TokenKey(application, credentials, save=save, authorization_server=settings.authorization_server)
