"""amoCRM (Kommo) as a `Crm`."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from urllib.parse import urlsplit

import httpx2

from ringbridge.crm.amocrm.additions import Additions
from ringbridge.crm.amocrm.auth import Application, Credentials, Key, LongLived, LongLivedKey, Save, TokenKey, Tokens
from ringbridge.crm.amocrm.cards import CardFeed, Cards
from ringbridge.crm.amocrm.check import ask, portal_info
from ringbridge.crm.amocrm.connection import Connection
from ringbridge.crm.amocrm.deals import Deals
from ringbridge.crm.amocrm.finishing import Finishing
from ringbridge.crm.amocrm.hook_client import HookClient
from ringbridge.crm.amocrm.knowledge import Knowledge
from ringbridge.crm.amocrm.ledger import Ledger
from ringbridge.crm.amocrm.mirror import Mirror
from ringbridge.crm.amocrm.rest import Rest
from ringbridge.crm.amocrm.search import Search
from ringbridge.crm.amocrm.settings import REQUEST_LIMIT, Settings
from ringbridge.crm.amocrm.sources import add_missing
from ringbridge.crm.amocrm.tasks import Tasks
from ringbridge.crm.amocrm.users import USERS, WITH, users_in
from ringbridge.crm.amocrm.webhooks import Webhooks
from ringbridge.crm.amocrm.writing import Writing
from ringbridge.crm.client import Door
from ringbridge.crm.contract import (
    Client,
    CrmError,
    CrmUser,
    PortalInfo,
    QuotaUse,
    Receipt,
    RecordingSource,
    Step,
)
from ringbridge.crm.customise import AsTheyAre, Customise
from ringbridge.crm.mirroring import MirrorPage, Ref
from ringbridge.crm.pages import page_at
from ringbridge.crm.sales import SalesPage, Wanted
from ringbridge.routing.intents import Priority, UserId

PAGES = {
    "contact": "/contacts/detail/%s",
    "company": "/companies/detail/%s",
    "lead": "/leads/detail/%s",
    "deal": "/leads/detail/%s",
}
"""As an account's own lists link to them; its leads are deals in other words."""


class AmoCrm:
    """One account. Make it inside the event loop that uses it, and `aclose` it."""

    request_limit = REQUEST_LIMIT  # the longest the account works on one request

    def __init__(
        self,
        settings: Settings,
        credentials: Credentials,
        *,
        recordings: RecordingSource,
        save: Save,
        application: Application | None = None,
        cards: CardFeed | None = None,
        customise: Customise | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`save` stores credentials that changed (tokens renewed, account moved) before they are used; `application`
        is needed with `Tokens`; `cards` pushes our widget's cards; `customise` is asked about requests; `recordings`
        that are `RecordingAddresses` too let a call carry its recording's link at once; `transport` replaces the
        network by an account in this process."""
        self._settings = settings
        self._recordings = recordings
        self._cards = cards
        self._customise = customise or AsTheyAre()
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
        self._search = Search(self._rest, region=settings.region)
        self._knowledge = Knowledge(settings.region, clock)
        self._mirror = Mirror(self._rest)
        self._deals = Deals(self._rest)
        self.webhooks = Webhooks(self._rest)
        self.connection = Connection(self._key, self._door) if isinstance(self._key, TokenKey) else None

    @property
    def credentials(self) -> Credentials:
        """What opens the account now."""
        return self._key.credentials

    @property
    def account(self) -> int | None:
        """The account's own id, where it is known: it stays the same when the address changes."""
        held = self.credentials
        return held.account if isinstance(held, Tokens) else None

    @property
    def is_connected(self) -> bool:
        held = self.credentials
        return bool(held.refresh) if isinstance(held, Tokens) else bool(held.token)

    async def check(self) -> PortalInfo:
        findings = await ask(self._rest)
        self._knowledge.user = findings.user
        return portal_info(urlsplit(self._key.address("")).hostname or self._settings.portal, findings)

    async def users(self) -> Sequence[CrmUser]:
        """Everybody who works or worked there, with a phone or without."""
        everyone = users_in(await self._rest.everything(USERS, "users", [WITH], priority=Priority.REST))
        self._knowledge.learn_staff(everyone)
        return everyone

    async def find(self, number: str) -> Client | None:
        """A contact, else a company; of several, the oldest. Answers are good for a minute."""
        digits = self._knowledge.digits(number)
        found = self._knowledge.found.get(digits)
        if found is None:
            found = await self._search.clients(number, priority=Priority.CARD)
            self._knowledge.found.put(digits, found)
        found = found or self._knowledge.made.get(digits) or ()
        if not found:
            return None
        best = found[0]
        return Client(
            kind=best.kind.value,
            id=str(best.id),
            name=best.name,
            responsible=UserId(best.owner) if best.owner else None,
        )

    async def carry_out(self, steps: Sequence[Step]) -> Sequence[Receipt | CrmError]:
        ledger = Ledger(steps)
        writing = Writing(ledger, self._rest, self._search, settings=self._settings, recordings=self._recordings)
        await Cards(ledger, self._rest, self._knowledge, self._cards).send()
        finishing = Finishing(
            ledger,
            self._rest,
            self._search,
            self._knowledge,
            settings=self._settings,
            recordings=self._recordings,
            customise=self._customise,
        )
        await finishing.finish()
        await Additions(ledger, self._rest, self._customise).make()
        await writing.complete()
        await Tasks(ledger, self._rest, self._knowledge, self._customise).send()
        await writing.attach()
        return ledger.results()

    async def mirror_page(self, cursor: str | None) -> MirrorPage:
        """Contacts, companies, open leads; then what was changed meanwhile."""
        return await self._mirror.page(cursor)

    async def mirror_changed(self, refs: Sequence[Ref]) -> MirrorPage:
        return await self._mirror.changed(refs)

    async def sales_page(self, wanted: Wanted, cursor: str | None) -> SalesPage:
        return await self._deals.page(wanted, cursor)

    def page_of(self, ref: Ref) -> str:
        return page_at(self.credentials.address, PAGES, ref)

    async def add_sources(self, names: Collection[str]) -> Sequence[str]:
        return await add_missing(self._rest, names)

    @property
    def client(self) -> HookClient:
        """What the office's hooks ask the account through."""
        return HookClient(self._rest)

    @property
    def quota(self) -> QuotaUse:
        return self._door.quota

    async def aclose(self) -> None:
        await self._key.aclose()
        await self._door.aclose()


def _key(settings: Settings, credentials: Credentials, application: Application | None, save: Save) -> Key:
    if isinstance(credentials, LongLived):
        return LongLivedKey(credentials, save=save)
    if application is None:
        raise ValueError("tokens are renewed with the integration's client_id and client_secret: both are needed")
    return TokenKey(application, credentials, save=save, domains=settings.domains)
