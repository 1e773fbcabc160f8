"""The office's portals: the adapter that speaks to each, and what is decided for it."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime

import structlog

from ringbridge.crm.amocrm.cards import CardFeed
from ringbridge.crm.contract import Crm, CrmError, Line, LinesKeeper, LinesReport, RecordingSource, SourcesKeeper
from ringbridge.crm.customise import Customise
from ringbridge.routing.dialing import DialKind, DialRequest
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.routing.office import Portal as RoutingPortal
from ringbridge.routing.office import staff_of
from ringbridge.service.config import ConfigError, Office
from ringbridge.service.config.portal import Portal
from ringbridge.service.config.sources import lead_rules
from ringbridge.service.portals import adapters
from ringbridge.store import directory
from ringbridge.store import portals as kept
from ringbridge.store.database import Database, Transaction
from ringbridge.store.directory import DirectoryUser
from ringbridge.store.vault import Vault
from ringbridge.telephony.numbers import comparable, parse_number

log = structlog.get_logger(__name__)


FIND_WITHIN = 1.0  # seconds: a call that rings does not wait longer to be told to the CRM


class OfficePortal:
    """One portal of the office."""

    def __init__(self, config: Portal, office: Office, crm: Crm, database: Database) -> None:
        self.id = PortalId(config.name)
        self.crm = crm
        self._config = config
        self._office = office
        self._database = database
        self.dealt: Counter[str] = Counter()  # missed calls that were dealt out today, by phone
        self._dealt_on: date | None = None
        self.adopted: dict[str, str] = {}  # channels of calls that were clicked -> the CRM's ids of these calls
        self.ordered: set[str] = set()  # channels of calls that clients ordered
        self.conflicts: tuple[str, ...] = ()
        self.missing: tuple[str, ...] = ()  # what the connection does not give
        self.unread = ""  # why nobody knows who works there, when it was last asked in vain
        self.lines = LinesReport()
        self.users: tuple[DirectoryUser, ...] = ()  # as they were last read
        self.routing = self._routing(())

    @property
    def users_known(self) -> bool:
        """They were read once, in this life or an earlier one."""
        return bool(self.users)

    @property
    def office(self) -> Office:
        """As it is configured now."""
        return self._office

    async def recall(self) -> None:
        """The users as they were last read, and what was dealt out today."""
        async with self._database.reading() as tx:
            users = await directory.read(tx, self.id)
            facts = await kept.learned(tx, self.id)
        self.users = tuple(users)
        if (stored := facts.get("dealt")) and self._dealt_on is None:
            self._dealt_on = date.fromisoformat(stored["on"])
            self.dealt.update(stored["to"])
        self.routing = self._routing(users)

    async def _keep_lines(self) -> None:
        """The portal's lines are those of the trunks and numbers, where the connection may keep them."""
        wanted = list(lines_of(self._office))
        if not (self._config.lines and wanted and isinstance(self.crm, LinesKeeper)):
            return
        try:
            self.lines = await self.crm.sync_lines(wanted)
        except CrmError as error:
            self.lines = LinesReport(failures=(f"The lines could not be kept: {error}",))
        for words in (*self.lines.drift, *self.lines.strange, *self.lines.failures):
            log.info("portal_lines_differed", portal=self.id, words=words)

    async def _keep_sources(self) -> None:
        """What the rules, trunks and numbers name as sources is there, where the CRM has to be told of them."""
        if not isinstance(self.crm, SourcesKeeper):
            return
        try:
            added = await self.crm.add_sources({rule.answers.source or "" for rule in self.routing.rules} - {""})
        except CrmError as error:
            log.warning("portal_sources_not_kept", portal=self.id, reason=str(error))
            return
        if added:
            log.info("portal_sources_added", portal=self.id, names=list(added))

    async def knows(self, number: str) -> bool | None:
        parsed = parse_number(number, self._office.region)
        if parsed is None or parsed.e164 is None:
            return False
        try:
            async with asyncio.timeout(FIND_WITHIN):
                return await self.crm.find(parsed.e164) is not None
        except (CrmError, TimeoutError) as error:
            log.info("client_not_found_out", portal=self.id, reason=str(error) or "no answer in time")
            return None

    async def deal(self, tx: Transaction, extension: str) -> None:
        """Counted from the day's first call on; kept, so that a restart gives nobody two turns."""
        today = datetime.now(self._office.zone).date()
        if today != self._dealt_on:
            self._dealt_on = today
            self.dealt.clear()
        self.dealt[extension] += 1
        await kept.learn(tx, self.id, {"dealt": {"on": today.isoformat(), "to": dict(self.dealt)}})

    async def reconfigured(self, office: Office) -> None:
        """The office's lists of employees, trunks or rules were changed while we run."""
        self._office = office
        await self.recall()

    async def refresh(self) -> None:
        """Asks the portal who works there and what this connection can do. Raises `CrmError`."""
        info = await self.crm.check()
        self.missing = info.missing
        users = await self.crm.users()
        self.unread = ""
        await self._keep_lines()
        await self._keep_sources()
        async with self._database.transaction() as tx:
            await directory.replace(tx, self.id, users)
            await kept.learn(tx, self.id, {"choices": asdict(info.choices)})
        await self.recall()
        log.info("portal_users_read", portal=self.id, users=len(users), conflicts=len(self.conflicts))

    def _routing(self, users: Sequence[DirectoryUser]) -> RoutingPortal:
        routing, self.conflicts = routing_of(self._config, self._office, users)
        return replace(routing, dealt=self.dealt, adopted=self.adopted, ordered=self.ordered)

    def expect(self, channels: tuple[str, ...], request: DialRequest) -> None:
        """A call on one of these channels is the one that was asked for."""
        if request.crm_call_id:
            self.adopted.update(dict.fromkeys(channels, request.crm_call_id))
        elif request.kind is DialKind.CALLBACK:
            self.ordered.update(channels)

    def forget(self, channels: tuple[str, ...]) -> None:
        for channel in channels:
            self.adopted.pop(channel, None)
            self.ordered.discard(channel)


def routing_of(config: Portal, office: Office, users: Sequence[DirectoryUser]) -> tuple[RoutingPortal, tuple[str, ...]]:
    """What is decided for a portal, and the phones that two users claim."""
    portal = PortalId(config.name)
    staff, conflicts = staff_of(
        (*_configured(office, portal), *_known(users), *_followed(office, portal, users)),
        default=UserId(config.default_user),
        names=_names(office, users),
        region=office.region,
    )
    routing = RoutingPortal(
        id=portal,
        staff=staff,
        rules=(*(row.rule(office.region) for row in office.rule), *lead_rules(office)),
        lines={trunk.name: trunk.line for trunk in office.trunk if trunk.line},
        numbers={comparable(one.number, office.region): one.own_line for one in office.number},
        transfers=config.transfers,
        hours=office.hours.hours(office.zone),
        region=office.region,
    )
    return routing, conflicts


def lines_of(office: Office) -> Iterator[Line]:
    for trunk in office.trunk:
        if trunk.line:
            yield Line(number=trunk.line, name=trunk.title, auto_create=trunk.auto_create)
    for one in office.number:
        if one.own_line:
            yield Line(number=one.own_line, name=one.title, auto_create=one.auto_create)


class OfficePortals:
    """All of them, as the pipelines see them."""

    def __init__(self, portals: Sequence[OfficePortal]) -> None:
        self._portals = {portal.id: portal for portal in portals}

    def portals(self) -> list[RoutingPortal]:
        return [portal.routing for portal in self._portals.values()]

    async def knows(self, portal: PortalId, number: str) -> bool | None:
        return await self._portals[portal].knows(number)

    async def dealt(self, tx: Transaction, portal: PortalId, extension: str) -> None:
        await self._portals[portal].deal(tx, extension)


def _configured(office: Office, portal: PortalId) -> Iterable[tuple[str, UserId]]:
    for employee in office.employee:
        if user := employee.users.get(portal):
            yield from ((phone, UserId(user)) for phone in (*employee.extensions, *employee.mobiles))


def _followed(office: Office, portal: PortalId, users: Iterable[DirectoryUser]) -> Iterable[tuple[str, UserId]]:
    """The phones of employees whom the portal knows by one of them, and the office by no user's id."""
    by_extension = {phone: user.id for user in users if user.active for phone in user.extensions}
    for employee in office.employee:
        known = (by_extension[phone] for phone in employee.extensions if phone in by_extension)
        if portal not in employee.users and (user := next(known, None)):
            yield from ((phone, user) for phone in (*employee.extensions, *employee.mobiles))


def _names(office: Office, users: Iterable[DirectoryUser]) -> dict[str, str]:
    """Who holds a phone: as the office calls them, else as the CRM does."""
    names = {phone: user.name for user in users for phone in (*user.phones, *user.extensions)}
    return names | {phone: one.name for one in office.employee for phone in (*one.mobiles, *one.extensions)}


def _known(users: Iterable[DirectoryUser]) -> Iterable[tuple[str, UserId]]:
    """Inner numbers are surer than other phones, which colleagues may share."""
    active = [user for user in users if user.active]
    yield from ((phone, user.id) for user in active for phone in user.extensions)
    yield from ((phone, user.id) for user in active for phone in user.phones)


async def open_portal(
    config: Portal,
    office: Office,
    *,
    database: Database,
    vault: Vault,
    recordings: RecordingSource,
    cards: CardFeed | None = None,
    customise: Customise | None = None,
) -> OfficePortal:
    """With the key that was stored last, where there is one of the configured key. `cards` pushes our widget's;
    `customise` is asked about requests. Raises `ConfigError`, `StoreError`."""
    portal = PortalId(config.name)
    given = hashlib.sha256(adapters.secret_of(config).encode()).hexdigest()
    async with database.reading() as tx:
        stored = await kept.tokens(tx, vault, portal)

    async def save(changed: adapters.Credentials) -> None:
        async with database.transaction() as tx:
            await kept.save_tokens(tx, vault, portal, adapters.document_of(changed) | {"given": given})
        log.info("portal_key_stored", portal=portal)

    key = {name: value for name, value in stored.items() if name != "given"} if stored else None
    try:
        crm = adapters.open_crm(
            config,
            office,
            stored=key if stored and stored["given"] == given else None,
            save=save,
            recordings=recordings,
            cards=cards,
            customise=customise,
        )
    except OSError as error:
        why = error.strerror or str(error)
        raise ConfigError(f"portal {portal}: ca_file {config.ca_file} cannot be used ({why})") from error
    opened = OfficePortal(config, office, crm, database)
    await opened.recall()
    return opened
