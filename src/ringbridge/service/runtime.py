"""The running service: a link and a pipeline for each PBX, an adapter for each portal, one delivery engine, one
database. Everything runs in one task group: what must not fail alone takes the rest down, and is started anew whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from ringbridge.crm.amocrm.cards import CardFeed
from ringbridge.crm.contract import CrmError, Receipt, Step
from ringbridge.delivery.local import LocalEngine
from ringbridge.delivery.portal_queue import Pace
from ringbridge.delivery.worker import CarriedOut, Worker
from ringbridge.hooks.runner import Hooks
from ringbridge.pbx.devices import DeviceBoard, Phones
from ringbridge.pbx.link import Link
from ringbridge.pbx.recordings import LinkSigner
from ringbridge.pbx.settings import PbxAddress
from ringbridge.pbx.tape import Tape
from ringbridge.routing.intents import PortalId
from ringbridge.service.backup.folder import Backups, backups_of
from ringbridge.service.bootstrap import Bootstrap, open_vault
from ringbridge.service.config import Office, Pbx
from ringbridge.service.dialing.asking import is_busy, open_dialing, open_events
from ringbridge.service.dialing.dialing import Dialing
from ringbridge.service.dialing.orders import Orders
from ringbridge.service.distribution.lately import Lately
from ringbridge.service.distribution.router import Router
from ringbridge.service.distribution.setup import open_router, take_questions
from ringbridge.service.editing import OfficeEditor, reconfigured
from ringbridge.service.history import History
from ringbridge.service.hooks.advice import HookAdvisers
from ringbridge.service.hooks.desk import HookDesk
from ringbridge.service.hooks.hooking import OfficeHooks
from ringbridge.service.journal.reprocess import Reprocess
from ringbridge.service.journal.resending import Resending
from ringbridge.service.journal.retention import forget_old_calls
from ringbridge.service.journal.stats import count_older_calls
from ringbridge.service.letters.weekly import weekly_report
from ringbridge.service.mirror.changes import AccountChanges, open_all_changes
from ringbridge.service.mirror.mirrors import Mirrors, open_mirrors
from ringbridge.service.pipeline import Pipeline
from ringbridge.service.portals.events import PortalEvents
from ringbridge.service.portals.office import OfficePortal, OfficePortals, open_portal
from ringbridge.service.portals.watch import look_after
from ringbridge.service.portals.watch import refresh as refresh
from ringbridge.service.recordings import OfficeRecordings
from ringbridge.service.reopening import OfficeWatch
from ringbridge.service.rules.desk import RuleDesk
from ringbridge.service.sales.all_sales import AllSales, open_sales
from ringbridge.service.settings import configured_at, load_office
from ringbridge.service.settings_desk import SettingsDesk
from ringbridge.service.views import OfficeView
from ringbridge.store.database import Database
from ringbridge.store.keys import PbxId
from ringbridge.store.vault import Vault
from ringbridge.telephony.tracker import CallTracker

log = structlog.get_logger(__name__)

FIRST_LOOK = 10.0  # seconds the portals' users are waited for before calls are taken, at the first start


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What runs. `run` serves until cancelled."""

    bootstrap: Bootstrap
    office: Office
    database: Database
    vault: Vault
    portals: tuple[OfficePortal, ...]
    links: dict[PbxId, Link]
    tapes: dict[PbxId, Tape]
    boards: dict[PbxId, DeviceBoard]
    pipelines: tuple[Pipeline, ...]
    dialing: Dialing | None
    events: dict[PortalId, PortalEvents]
    mirrors: Mirrors
    sales: AllSales
    changes: dict[PortalId, AccountChanges]
    engine: LocalEngine
    worker: Worker
    recordings: OfficeRecordings
    hooks: OfficeHooks
    hook_desk: HookDesk
    rule_desk: RuleDesk
    signer: LinkSigner
    router: Router
    reprocess: Reprocess
    resending: Resending
    backups: Backups
    watch: OfficeWatch
    settings_desk: SettingsDesk
    started: datetime

    async def run(self) -> None:
        await self._look_around()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.engine.run(self.worker.deliver))
            for portal in self.portals:
                group.create_task(look_after(portal, self.engine, self.office))
            for pipeline in self.pipelines:
                group.create_task(pipeline.run())
            for link in self.links.values():
                group.create_task(link.run())
            for events in self.events.values():
                group.create_task(events.run())
            for changes in self.changes.values():
                group.create_task(changes.run())
            group.create_task(self.mirrors.run())
            group.create_task(self.sales.run())
            group.create_task(self.recordings.keep_tidy())
            group.create_task(self.resending.run())
            group.create_task(self.backups.run())
            group.create_task(count_older_calls(self.database))
            group.create_task(weekly_report(self.office, self.database).run())
            group.create_task(forget_old_calls(self.database, self.office.keep_calls_days))
            group.create_task(self.router.dealt.keep(self.database))
            if self.office.distribution.enabled and self.office.distribution.agi:
                group.create_task(take_questions(self.office.distribution, self.router))
            if self.dialing is not None:
                group.create_task(self.dialing.run())

    async def _look_around(self) -> None:
        """A call is better put on the right employee: at the very first start the portals' users are read before a
        call is taken, where the portals answer soon. Later those that were read last will do, and no call waits."""
        try:
            async with asyncio.timeout(FIRST_LOOK):
                await asyncio.gather(*(refresh(one, self.engine) for one in self.portals if not one.users_known))
        except TimeoutError:
            log.warning("portal_users_not_read_in_time", seconds=FIRST_LOOK)


@asynccontextmanager
async def open_runtime(
    bootstrap: Bootstrap, *, cards: Callable[[PortalId], CardFeed | None] = lambda portal: None
) -> AsyncIterator[Runtime]:
    """`cards` gives what pushes a portal's cards to our widget. Before anything is configured it is an office without a
    PBX: the page opens all the same. Raises `ConfigError`, `StoreError`."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(await Database.open(bootstrap.database, sole=True))
        vault = await open_vault(bootstrap, database)
        office = await load_office(database, vault) or Office()
        signer = LinkSigner(office.public_address or address_of(bootstrap), *vault.derived("recording links"))
        recordings = OfficeRecordings(office, data=bootstrap.data, signer=signer, database=database)
        settings = office.hooks.hook_settings(bootstrap.data, office.zone)
        hooks = OfficeHooks(Hooks(settings), database)
        stack.callback(hooks.hooks.close)
        portals = await open_portals(
            office, database=database, vault=vault, recordings=recordings, cards=cards, hooks=hooks
        )
        recordings.path_of = hooks.path_of
        for portal in portals:
            stack.push_async_callback(portal.crm.aclose)
        configured = await configured_at(database)
        limit = timedelta(seconds=max((config.request_limit for config in office.portal), default=60.0))
        engine = LocalEngine(database, [portal.id for portal in portals], Pace(request_limit=limit))
        boards = {PbxId(pbx.name): DeviceBoard() for pbx in office.pbx}
        tapes = {PbxId(pbx.name): Tape(pbx.trace_hours) for pbx in office.pbx}
        links = open_links(office, boards, tapes)
        dialing = open_dialing(
            office, links=links, portals=portals, database=database, engine=engine, prepare=hooks.prepare
        )
        orders = dialing.orders if dialing else None
        pipelines = open_pipelines(
            office, links, portals, database=database, engine=engine, orders=orders, configured=configured
        )
        if dialing is not None:
            await dialing.recall()
        lately = Lately(office.region)
        phones = Phones(boards.values())
        busy = partial(is_busy, database)
        mirrors = await open_mirrors(office, portals, database=database, is_busy=busy)
        sales = await open_sales(office, portals, database=database, mirrors=mirrors, is_busy=busy)
        router = open_router(office, portals, mirror=mirrors, phones=phones, lately=lately, database=database)
        router.customise = hooks.route
        await router.dealt.recall(database, datetime.now(office.zone).date())
        for pipeline in pipelines:
            pipeline.advisers = HookAdvisers(hooks)
            pipeline.remarks, pipeline.overhear = router.log.story_of, lately.tell
        events = open_all_events(office, portals, dialing=dialing, database=database, engine=engine, mirrors=mirrors)
        editor = OfficeEditor(database, vault, partial(reconfigured, portals, hooks.hooks))
        watch = OfficeWatch(database, vault, office, partial(reconfigured, portals, hooks.hooks))
        reprocess = Reprocess(database, OfficePortals(portals), HookAdvisers(hooks), engine.wake)
        yield Runtime(
            bootstrap=bootstrap,
            office=office,
            database=database,
            vault=vault,
            portals=tuple(portals),
            links=links,
            tapes=tapes,
            boards=boards,
            pipelines=pipelines,
            dialing=dialing,
            events=events,
            mirrors=mirrors,
            sales=sales,
            changes=open_all_changes(office, portals, vault=vault, mirrors=mirrors),
            engine=engine,
            worker=Worker(
                {portal.id: portal.crm for portal in portals},
                request_limit=limit,
                carried_out=told_to(mirrors, hooks),
            ),
            hooks=hooks,
            hook_desk=HookDesk(hooks.hooks, OfficeView(office, database), editor),
            rule_desk=RuleDesk(editor),
            recordings=recordings,
            signer=signer,
            router=router,
            reprocess=reprocess,
            resending=Resending(database, reprocess),
            backups=backups_of(office, bootstrap, database),
            watch=watch,
            settings_desk=SettingsDesk(editor, vault, watch.look),
            started=datetime.now(UTC),
        )


async def open_portals(
    office: Office,
    *,
    database: Database,
    vault: Vault,
    recordings: OfficeRecordings,
    cards: Callable[[PortalId], CardFeed | None],
    hooks: OfficeHooks,
) -> list[OfficePortal]:
    """Each with its hooks, in the office's order."""
    opened: list[OfficePortal] = []
    for config in office.portal:
        name = PortalId(config.name)
        portal = await open_portal(
            config,
            office,
            database=database,
            vault=vault,
            recordings=recordings,
            cards=cards(name),
            customise=hooks.of(name),
        )
        hooks.add(portal)
        opened.append(portal)
    return opened


def open_links(office: Office, boards: Mapping[PbxId, DeviceBoard], tapes: Mapping[PbxId, Tape]) -> dict[PbxId, Link]:
    """One for each PBX; what it hears goes to its board of phones and its tape as well."""
    return {
        name: Link(pbx_address(pbx), phones=boards[name], needs_phones=office.distribution.enabled, tape=tapes[name])
        for pbx in office.pbx
        for name in (PbxId(pbx.name),)
    }


def told_to(mirrors: Mirrors, hooks: OfficeHooks) -> CarriedOut:
    """Who wants to know what became of the steps of calls."""

    async def tell(portal: PortalId, steps: Sequence[Step], answers: Sequence[Receipt | CrmError]) -> None:
        mirrors.carried_out(portal, steps, answers)
        await hooks.carried_out(portal, steps, answers)

    return tell


def open_pipelines(
    office: Office,
    links: Mapping[PbxId, Link],
    portals: Sequence[OfficePortal],
    *,
    database: Database,
    engine: LocalEngine,
    orders: Orders | None,
    configured: datetime | None,
) -> tuple[Pipeline, ...]:
    """One for each PBX, in the office's order."""
    return tuple(
        Pipeline(
            PbxId(pbx.name),
            tracker=CallTracker(trunks=frozenset(trunk.name for trunk in office.trunk)),
            source=links[PbxId(pbx.name)],
            database=database,
            announcer=engine,
            crms=OfficePortals(portals),
            history=History.of(pbx, office),
            orders=orders,
            configured=configured,
        )
        for pbx in office.pbx
    )


def open_all_events(
    office: Office,
    portals: Sequence[OfficePortal],
    *,
    dialing: Dialing | None,
    database: Database,
    engine: LocalEngine,
    mirrors: Mirrors,
) -> dict[PortalId, PortalEvents]:
    """Of those portals that have events."""
    opened = {
        portal.id: open_events(
            config,
            portal,
            office,
            dialing=dialing,
            database=database,
            engine=engine,
            welcome=partial(refresh, portal, engine),
            mirror=mirrors.of(portal.id),
        )
        for config, portal in zip(office.portal, portals, strict=True)
    }
    return {portal: events for portal, events in opened.items() if events is not None}


def address_of(bootstrap: Bootstrap) -> str:
    return f"http://{bootstrap.host}:{bootstrap.port}"


def pbx_address(pbx: Pbx) -> PbxAddress:
    return PbxAddress(
        name=pbx.name,
        host=pbx.host,
        port=pbx.port,
        username=pbx.username,
        secret=pbx.secret.get_secret_value(),
        tls=pbx.tls,
        tls_ca=pbx.tls_ca,
        tls_verify=pbx.tls_verify,
    )
