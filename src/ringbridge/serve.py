"""The service as one process: the runtime and its page in one event loop, stopped by a signal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial

import structlog

from ringbridge import __version__
from ringbridge.crm.amocrm.account import AmoCrm
from ringbridge.crm.pages import PageSource, Ref
from ringbridge.delivery.local import LocalEngine
from ringbridge.pbx.devices import Phones
from ringbridge.routing.intents import PortalId
from ringbridge.routing.office import Portal
from ringbridge.service.api_tokens import TokenBook
from ringbridge.service.bootstrap import Bootstrap
from ringbridge.service.config import ConfigError, Office
from ringbridge.service.config.sources import source_names
from ringbridge.service.dialing.asking import REMOVED
from ringbridge.service.dialing.hanging_up import HangingUp
from ringbridge.service.dispatch import Dispatch
from ringbridge.service.distribution.desk import DistributionDesk
from ringbridge.service.doctor.examination import examine, open_premises
from ringbridge.service.doctor.findings import Finding, failure
from ringbridge.service.garbage import spare_collections
from ringbridge.service.journal.reporting import OfficeTraces
from ringbridge.service.logs import TAIL
from ringbridge.service.portals.adapters import amo_application, amo_settings
from ringbridge.service.portals.extensions import EmployeeTable
from ringbridge.service.portals.office import OfficePortal
from ringbridge.service.runtime import Runtime, open_runtime, pbx_address, refresh
from ringbridge.status import status_of
from ringbridge.store import users
from ringbridge.store.dials import Dial
from ringbridge.store.errors import StoreError
from ringbridge.store.keys import CallKey, PbxId
from ringbridge.supervisor import NoPort, Opened, stop_signal, supervised
from ringbridge.telephony.model import Call
from ringbridge.telephony.opencall import LONGEST_INTERNAL
from ringbridge.web.amocrm import AmoDesk, CardBoard
from ringbridge.web.api import ApiDesk
from ringbridge.web.app import create_app
from ringbridge.web.live import LiveFeed
from ringbridge.web.recordings import Recordings
from ringbridge.web.route import RouteDesk
from ringbridge.web.services import Services, utc_now
from ringbridge.web.tally import Tally

__all__ = ["NoPort", "running", "serve", "stop_signal"]

log = structlog.get_logger(__name__)

LOOK_WITHIN = 20.0  # seconds that a person waits at the page


async def serve(bootstrap: Bootstrap) -> None:
    """Runs until SIGTERM or SIGINT. Raises `ConfigError`, `StoreError`, `NoPort`, alone or in a group."""
    async with running(bootstrap) as address:
        spare_collections()
        log.info("service_started", version=__version__, page=address)
        await stop_signal()
        log.info("service_stopping")


def running(bootstrap: Bootstrap) -> AbstractAsyncContextManager[str]:
    """The whole service, while the context lasts; gives the page's address."""
    return supervised(bootstrap, partial(opened, bootstrap))


@asynccontextmanager
async def opened(bootstrap: Bootstrap) -> AsyncIterator[Opened]:
    """The runtime of the office that is stored, and its page. Nothing runs yet."""
    boards = CardBoards()
    async with open_runtime(bootstrap, cards=boards.of) as runtime:
        boards.portals = {portal.id: portal for portal in runtime.portals}
        feed, tally = await LiveFeed.load(runtime.database, runtime.links), Tally()
        await say_what_is_to_do(runtime)

        def show(pbx: PbxId, call: Call) -> None:
            feed.tell(pbx, call)
            tally.tell(pbx, call)
            boards.tell(pbx, call)

        def close() -> None:
            feed.close()
            boards.close()

        for known in feed.calls:
            boards.tell(known.pbx, known.call)
        for pipeline in runtime.pipelines:
            pipeline.show = show
        for board in runtime.boards.values():
            board.changed = feed.wake
        if runtime.dialing is not None:
            runtime.dialing.told = boards.fail
        yield Opened(runtime=runtime, page=create_app(services_of(runtime, feed, tally, boards)), close=close)


async def say_what_is_to_do(runtime: Runtime) -> None:
    if not runtime.office.pbx and not runtime.office.portal:
        log.warning("nothing_configured", hint="open /config/master, or: ringbridge config import OFFICE.toml")
    async with runtime.database.reading() as tx:
        if not await users.anybody(tx):
            hint = "ringbridge user add NAME --role admin; until then the page opens on this machine only"
            log.info("nobody_has_an_account", hint=hint)


# What the page shows of the runtime


def services_of(runtime: Runtime, feed: LiveFeed, tally: Tally, boards: CardBoards) -> Services:
    def name_of(extension: str) -> str | None:
        names = (portal.routing.staff.name_of(extension) for portal in runtime.portals)
        return next((name for name in names if name != extension), None)

    book = TokenBook(runtime.database, runtime.office.api_token, utc_now)
    return Services(
        database=runtime.database,
        live=feed,
        status=lambda: status_of(runtime),
        recordings=Recordings(signer=runtime.signer, find=runtime.recordings.find),
        hooks=runtime.hook_desk,
        rules=runtime.rule_desk,
        settings=runtime.settings_desk,
        zone=runtime.office.zone,
        region=runtime.office.region,
        source=source_names(runtime.office),
        bitrix24={str(name): events for name, events in runtime.events.items()},
        amocrm=desks_of(runtime, boards),
        api=api_of(runtime, book),
        employee=name_of,
        route=route_desk(runtime, book),
        distribution=distribution_desk(runtime),
        tally=tally,
        dispatch=Dispatch(runtime.database, runtime.engine),
        send_again=partial(send_again, runtime),
        resending=runtime.resending,
        backups=runtime.backups,
        phones=partial(phones_of, runtime),
        reach=Phones(runtime.boards.values()).reach,
        hang_up=hanging_up(runtime).hang_up,
        look_again=partial(look_again, runtime),
        log_in_again=partial(log_in_again, runtime),
        log=TAIL,
        examine=partial(examined, runtime.bootstrap),
        office=lambda: runtime.office,
        sales=runtime.sales.states,
        card=partial(card_of, runtime),
        traces=OfficeTraces(runtime.tapes, runtime.office),
    )


async def examined(bootstrap: Bootstrap) -> Sequence[Finding]:
    try:
        async with open_premises(bootstrap) as premises:
            return await examine(premises)
    except ConfigError as error:
        return [failure("Configuration", str(error))]


def phones_of(runtime: Runtime) -> dict[str, str]:
    """Of employees, inner ones: extension -> its holder's name."""
    found: dict[str, str] = {}
    for portal in runtime.portals:
        staff = portal.routing.staff
        found |= {phone: staff.name_of(phone) for phone in staff.users if len(phone) <= LONGEST_INTERNAL}
    own = {phone: one.name for one in runtime.office.employee for phone in one.extensions}
    return found | own


def card_of(runtime: Runtime, portal: PortalId, ref: Ref) -> str:
    """Where the portal shows it to people; empty where that is not known."""
    crm = next((one.crm for one in runtime.portals if one.id == portal), None)
    return crm.page_of(ref) if isinstance(crm, PageSource) else ""


async def look_again(runtime: Runtime, name: PortalId) -> None:
    """Somebody says that it was mended: nobody has to wait until the portal is asked the next time."""
    portal = next((one for one in runtime.portals if one.id == name), None)
    if portal is not None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_WITHIN):
                await refresh(portal, runtime.engine)


def log_in_again(runtime: Runtime, pbx: str) -> None:
    """Where a right was missing: what manager.conf says since then counts from the next login on."""
    if (link := runtime.links.get(PbxId(pbx))) and link.status.missing:
        link.configure(next(pbx_address(one) for one in runtime.office.pbx if one.name == pbx))


def hanging_up(runtime: Runtime) -> HangingUp:
    return HangingUp(runtime.links, dict(zip(runtime.links, runtime.pipelines, strict=True)), runtime.database)


def api_of(runtime: Runtime, book: TokenBook) -> ApiDesk:
    dialing = runtime.office.dialing
    return ApiDesk(
        database=runtime.database,
        dialing=runtime.dialing,
        portals={portal.id: partial(routing_of, portal) for portal in runtime.portals},
        book=book,
        groups=frozenset(filter(None, (dialing.callback_to, *dialing.groups))),
    )


async def send_again(runtime: Runtime, keys: Sequence[CallKey], only: PortalId | None) -> int:
    """These calls are decided anew, and what portals do not have goes out; gives how many steps that are."""
    return (await runtime.reprocess.again(keys, only)).steps


def route_desk(runtime: Runtime, book: TokenBook) -> RouteDesk:
    token = runtime.office.distribution.token
    return RouteDesk(ask=runtime.router.ask, token=token.get_secret_value() if token else "", book=book)


def distribution_desk(runtime: Runtime) -> DistributionDesk:
    return DistributionDesk(
        office=lambda: runtime.portals[0].office if runtime.portals else runtime.office,
        database=runtime.database,
        router=runtime.router,
        address=runtime.bootstrap.nearby,
    )


class CardBoards:
    """The widgets' cards of each portal. The adapters get theirs before the portals are open, hence `portals`."""

    def __init__(self) -> None:
        self.portals: Mapping[PortalId, OfficePortal] = {}
        self._boards: dict[PortalId, CardBoard] = {}

    def of(self, portal: PortalId) -> CardBoard:
        if portal not in self._boards:
            self._boards[portal] = CardBoard(lambda: self.portals[portal].routing, utc_now)
        return self._boards[portal]

    def tell(self, pbx: PbxId, call: Call) -> None:
        for board in self._boards.values():
            board.tell(pbx, call)

    def fail(self, dial: Dial, reason: str) -> None:
        """A call that was asked for in a portal was not dialled after all."""
        if board := self._boards.get(dial.request.portal):
            board.fail(dial, reason)

    def close(self) -> None:
        for board in self._boards.values():
            board.close()


def desks_of(runtime: Runtime, boards: CardBoards) -> dict[str, AmoDesk]:
    """What the widget of each amoCRM account finds here."""

    async def changed(office: Office) -> None:
        for portal in runtime.portals:
            await portal.reconfigured(office)

    desks: dict[str, AmoDesk] = {}
    for config, portal in zip(runtime.office.portal, runtime.portals, strict=True):
        if config.amocrm is not None and isinstance(portal.crm, AmoCrm):
            desks[config.name] = AmoDesk(
                portal=portal.id,
                crm=portal.crm,
                application=amo_application(config, config.amocrm, runtime.office),
                routing=partial(routing_of, portal),
                board=boards.of(portal.id),
                table=EmployeeTable(portal.id, database=runtime.database, vault=runtime.vault, changed=changed),
                dialing=runtime.dialing,
                brand=config.amocrm.brand,
                domains=amo_settings(config, config.amocrm, runtime.office).domains,
                changes=runtime.changes.get(portal.id),
                connected=partial(welcome, portal, runtime),
                removed=partial(leave, portal, runtime.engine),
            )
    return desks


async def welcome(portal: OfficePortal, runtime: Runtime) -> None:
    """A portal took us back: perhaps it has forgotten what it is to tell us."""
    await refresh(portal, runtime.engine)
    if changes := runtime.changes.get(portal.id):
        changes.renew()


async def leave(portal: OfficePortal, engine: LocalEngine) -> None:
    """A portal that removed us is left alone, and shown as such, until it takes us back."""
    try:
        await engine.park(portal.id, None, REMOVED)
    except StoreError as error:
        log.error("portal_not_parked", portal=portal.id, reason=str(error))


def routing_of(portal: OfficePortal) -> Portal:
    return portal.routing
