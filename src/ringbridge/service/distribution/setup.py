"""The router of an office, put together: what it knows of the office is made anew only when the office changed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NoReturn
from urllib.parse import urlsplit

import structlog

from ringbridge.pbx.fastagi import AgiServer, NoAgiPort
from ringbridge.routing.dialplan import DialplanWords
from ringbridge.routing.distribution import Availability, LastTalk
from ringbridge.service.config import Office
from ringbridge.service.config.distribution import DistributionConfig
from ringbridge.service.distribution.agi import answering
from ringbridge.service.distribution.clients import Clients, Mirror
from ringbridge.service.distribution.lately import Lately
from ringbridge.service.distribution.office import distribution_policy, team_of
from ringbridge.service.distribution.router import Router, Setup
from ringbridge.service.portals.office import OfficePortal
from ringbridge.store.database import Database
from ringbridge.store.spoken import last_spoke
from ringbridge.telephony.numbers import Number

log = structlog.get_logger(__name__)

PORT_AGAIN = 15.0  # seconds after which a port that was taken is tried again


class OfficeSetup:
    """The office's policy and people as they are now: portals read their users anew, and lists are edited."""

    def __init__(self, office: Office, portals: Sequence[OfficePortal]) -> None:
        self._office, self._portals = office, portals
        self._made_of: tuple[object, ...] = ()
        self._setup = self._made()

    def __call__(self) -> Setup:
        made_of = (self._present, *(portal.users for portal in self._portals))
        if any(new is not old for new, old in zip(made_of, self._made_of, strict=True)):
            self._setup = self._made()
        return self._setup

    @property
    def _present(self) -> Office:
        return self._portals[0].office if self._portals else self._office

    def _made(self) -> Setup:
        office = self._present
        self._made_of = (office, *(portal.users for portal in self._portals))
        return Setup(
            policy=distribution_policy(office),
            team=team_of(office, {portal.id: portal.users for portal in self._portals}),
            budget=timedelta(milliseconds=office.distribution.budget_ms),
        )


def open_router(
    office: Office,
    portals: Sequence[OfficePortal],
    *,
    mirror: Mirror,
    phones: Availability,
    lately: Lately,
    database: Database,
) -> Router:
    setup = OfficeSetup(office, portals)
    return Router(
        setup,
        book=Clients(mirror, portals),
        phones=phones,
        last_talk=LastTalks(database),
        lately=lately,
    )


class LastTalks:
    """Who of us last spoke with a number, by the journal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, number: Number, since: datetime) -> LastTalk | None:
        """Raises `StoreError`."""
        async with self._database.reading() as tx:
            return await last_spoke(tx, str(number), since)


def words_of(office: Office, address: str) -> DialplanWords:
    """What the dialplan says of this office; `address` is the page's, as the PBX reaches it."""
    config = office.distribution
    host = urlsplit(address).hostname or "127.0.0.1"
    agi_host = host if config.agi_host in {"", "0.0.0.0", "::"} else config.agi_host  # noqa: S104 the setting for all
    return DialplanWords(
        address=address.rstrip("/"),
        agi=f"agi://{agi_host}:{config.agi_port}",
        token=config.token.get_secret_value() if config.token else "",
        phone=config.phone,
        options=config.dial_options,
        groups=config.group_context,
        outside=office.dialing.context,
    )


async def take_questions(config: DistributionConfig, router: Router) -> NoReturn:
    """By FastAGI. A port that another program has is not worth a call: it is said, and tried again."""
    server = AgiServer(answering(router), allowed=config.agi_peers)
    while True:
        try:
            async with server.listening(config.agi_host, config.agi_port) as (host, port):
                log.info("route_questions_taken", host=host, port=port)
                await asyncio.Event().wait()
        except NoAgiPort as error:
            log.error("route_questions_not_taken", reason=str(error), again_in=PORT_AGAIN)
            await asyncio.sleep(PORT_AGAIN)
