"""Who has a number: first the portals' mirrors, in the office's order; the CRMs themselves where one is not whole."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from ringbridge.crm.contract import Client, Crm, CrmError
from ringbridge.routing.clients import MirrorFound
from ringbridge.routing.distribution import RouteClient
from ringbridge.routing.intents import PortalId
from ringbridge.telephony.numbers import Number

log = structlog.get_logger(__name__)


class Mirror(Protocol):
    """The copies of all portals, as far as this goes."""

    async def clients(self, portal: PortalId, number: Number) -> tuple[MirrorFound, ...]:
        """Whose number this is; none where the portal has no mirror."""
        ...

    def is_whole(self, portal: PortalId) -> bool:
        """Whether it has them all, so that a number which is not in it is nobody's."""
        ...


class Portal(Protocol):
    @property
    def id(self) -> PortalId: ...

    @property
    def crm(self) -> Crm: ...


class Clients:
    def __init__(self, mirror: Mirror, portals: Sequence[Portal]) -> None:
        self._mirror, self._portals = mirror, portals

    async def known(self, number: Number) -> tuple[RouteClient, ...]:
        """Of the first portal whose mirror has the number. Raises `StoreError`."""
        for portal in self._portals:
            if found := await self._mirror.clients(portal.id, number):
                return tuple(of_mirror(portal.id, one) for one in found)
        return ()

    async def asked(self, number: Number) -> tuple[RouteClient, ...]:
        """Of the portal that says first that it knows it, all being asked at once. Raises `CrmError` where none does
        and one could not say."""
        failures: list[CrmError] = []
        async with asyncio.TaskGroup() as group:
            asking = [group.create_task(_ask(portal, number)) for portal in self._portals if self._may_know(portal)]
            for answer in asyncio.as_completed(asking):
                match await answer:
                    case RouteClient() as found:
                        for task in asking:
                            task.cancel()
                        return (found,)
                    case CrmError() as failure:
                        failures.append(failure)
        if failures:
            raise failures[0]
        return ()

    def _may_know(self, portal: Portal) -> bool:
        return not self._mirror.is_whole(portal.id)


async def _ask(portal: Portal, number: Number) -> RouteClient | CrmError | None:
    try:
        found = await portal.crm.find(str(number))
    except CrmError as error:
        log.info("client_not_found_out", portal=portal.id, reason=str(error))
        return error
    return _of_crm(portal.id, found) if found else None


def of_mirror(portal: PortalId, found: MirrorFound) -> RouteClient:
    return RouteClient(
        portal=portal,
        kind=found.kind,
        id=found.id,
        name=found.name,
        responsible=found.responsible,
        company=found.company,
        company_responsible=found.company_responsible,
        deal_responsible=found.deal_responsible,
    )


def _of_crm(portal: PortalId, client: Client) -> RouteClient:
    return RouteClient(portal=portal, kind=client.kind, id=client.id, name=client.name, responsible=client.responsible)
