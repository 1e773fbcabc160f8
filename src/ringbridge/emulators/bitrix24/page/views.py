"""The addresses of the pages."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.emulators.bitrix24.page.actions import act
from ringbridge.emulators.bitrix24.page.badday import latest_commands, mishaps_of
from ringbridge.emulators.bitrix24.page.board import board_of
from ringbridge.emulators.bitrix24.page.rendering import STATIC, page
from ringbridge.emulators.bitrix24.page.sheet import newest, sheet_of
from ringbridge.emulators.bitrix24.page.telephony import (
    applications_of,
    deliveries_of,
    installation_address,
    lines_of,
)
from ringbridge.emulators.bitrix24.page.timeline import bound_to, task_of
from ringbridge.emulators.bitrix24.portal import Portal


def _portal(http: Request) -> Portal:
    portal: Portal = http.app.state.portal
    return portal


async def office(http: Request) -> Response:
    return page(http, "office.html", board=board_of(_portal(http)))


async def board(http: Request) -> Response:
    """What the office's page shows, as JSON."""
    return JSONResponse(asdict(board_of(_portal(http))))


async def clients(http: Request) -> Response:
    kinds = (Kind.LEAD, Kind.CONTACT, Kind.COMPANY, Kind.DEAL)
    return page(http, "clients.html", lists={kind: newest(_portal(http), kind) for kind in kinds})


async def client(http: Request) -> Response:
    name = http.path_params["kind"].upper()
    sheet = sheet_of(_portal(http), Kind(name), http.path_params["number"]) if name in set(Kind) else None
    if sheet is None:
        return page(http, "missing.html", status=404)
    return page(http, "client.html", sheet=sheet)


async def tasks(http: Request) -> Response:
    portal = _portal(http)
    rows = [(task_of(portal, row), bound_to(portal, row)) for row in reversed(portal.tasks.values())]
    return page(
        http,
        "tasks.html",
        open_tasks=[row for row in rows if not row[0].done],
        closed_tasks=[row for row in rows if row[0].done],
    )


async def telephony(http: Request) -> Response:
    portal = _portal(http)
    return page(
        http,
        "telephony.html",
        lines=lines_of(portal),
        applications=applications_of(portal),
        deliveries=deliveries_of(portal),
        installation_address=installation_address(portal),
    )


async def bad_day(http: Request) -> Response:
    portal = _portal(http)
    return page(
        http,
        "bad_day.html",
        mishaps=mishaps_of(portal),
        commands=latest_commands(portal),
        answers=sorted(portal.traffic.statuses.items()),
        renewed=portal.access.refreshes,
    )


ROUTES = [
    Route("/", office),
    Route("/crm/", clients),
    Route("/crm/{kind}/details/{number:int}/", client),
    Route("/tasks/", tasks),
    Route("/telephony/", telephony),
    Route("/bad-day/", bad_day),
    Route("/act/{action}", act, methods=["POST"]),
    Route("/_emulator/board", board),
    Mount("/_emulator/page", StaticFiles(directory=STATIC)),
]
