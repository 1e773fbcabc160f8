"""The page as one ASGI application, to be run in the service's own event loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from ringbridge.store.users import Role
from ringbridge.web.amocrm import AmoPages
from ringbridge.web.api import ApiPages, Description
from ringbridge.web.auth.accounts import Accounts
from ringbridge.web.auth.guard import Guard
from ringbridge.web.auth.pages import AccountPages
from ringbridge.web.auth.visitor import visitor_of
from ringbridge.web.bitrix24 import BitrixPages
from ringbridge.web.limits import LimitedBodies
from ringbridge.web.monitoring import Monitoring
from ringbridge.web.pages import preferences
from ringbridge.web.pages.analytics import Analytics
from ringbridge.web.pages.backup import BackupPage
from ringbridge.web.pages.call import CallPage
from ringbridge.web.pages.delivery import DeliveryPage
from ringbridge.web.pages.dial import DialPage
from ringbridge.web.pages.distribution import DistributionPage
from ringbridge.web.pages.examination import ExaminationPages
from ringbridge.web.pages.hooks import HooksPage
from ringbridge.web.pages.journal import Journal
from ringbridge.web.pages.live import Live
from ringbridge.web.pages.orders import OrdersPart
from ringbridge.web.pages.rules import RulesPage
from ringbridge.web.pages.setup import SetupPage
from ringbridge.web.pages.status import StatusPage
from ringbridge.web.pages.tokens import TokensPage
from ringbridge.web.pages.users import UsersPage
from ringbridge.web.programs import OPERATIONS
from ringbridge.web.reasons import telling
from ringbridge.web.recordings import permission
from ringbridge.web.rendering import STATIC, Pages
from ringbridge.web.route import InAHurry, RoutePage
from ringbridge.web.security import HEADERS, SameOrigin, SecurityHeaders
from ringbridge.web.services import Services
from ringbridge.web.settings import SettingsPages
from ringbridge.web.wizard import WizardPages
from ringbridge.web.words import N_

FOR_PLAYERS = ["GET", "HEAD", "OPTIONS"]

BUILT = STATIC / "vendor" / "tabler.min.css"

ERRORS = {
    404: (N_("There is nothing here"), N_("The address is wrong, or what it showed has been removed.")),
    405: (N_("That is not done this way"), N_("Open the page again and use its buttons.")),
    500: (N_("Something went wrong"), N_("It was written to the log. Calls are not affected; try again.")),
}


class AssetsMissing(Exception):
    """The page's CSS and JavaScript were not built."""


class Files(StaticFiles):
    """An address with a version (see `asset`) is kept by browsers for ever, any other is asked about again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        versioned = scope["query_string"].startswith(b"v=")
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable" if versioned else "no-cache"
        return answer


def create_app(services: Services) -> Starlette:
    """The whole page. Before the server stops, `services.live.close()` ends the open streams.

    Raises `AssetsMissing` in a checkout where the assets were not built.
    """
    if not BUILT.is_file():
        raise AssetsMissing("The page's CSS and JavaScript are not built: run python scripts/build_assets.py")
    pages = Pages(services)
    accounts = Accounts(services.database, services.now)
    monitoring = Monitoring(services, accounts)
    error = error_handler(pages)
    route = RoutePage(services.route)
    return Starlette(
        routes=[
            *route.routes,
            Route("/", front_of(services)),
            *Live(pages, accounts).routes,
            *Journal(pages).routes,
            *Analytics(pages).routes,
            *CallPage(pages).routes,
            *DialPage(pages).routes,
            *OrdersPart(pages).routes,
            *DeliveryPage(pages).routes,
            *DistributionPage(pages).routes,
            *StatusPage(pages, monitoring).routes,
            *ExaminationPages(pages).routes,
            *AccountPages(pages, accounts).routes,
            *SetupPage(pages).routes,
            *UsersPage(pages).routes,
            *TokensPage(pages).routes,
            *BackupPage(pages).routes,
            *SettingsPages(pages).routes,
            *WizardPages(pages, accounts).routes,
            *HooksPage(pages).routes,
            *RulesPage(pages).routes,
            *monitoring.routes,
            *preferences.routes,
            *BitrixPages(services.bitrix24, now=services.now).routes,
            *AmoPages(services.amocrm, now=services.now).routes,
            *Description(OPERATIONS).routes,
            *(ApiPages(services.api, now=services.now).routes if services.api else ()),
            Route("/recordings/{token}", recording_handler(services), methods=FOR_PLAYERS),
            Route("/recordings/{token}/{name:path}", recording_handler(services), methods=FOR_PLAYERS),
            Mount("/static", Files(directory=STATIC)),
        ],
        middleware=[
            Middleware(InAHurry, page=route),
            Middleware(SecurityHeaders),
            Middleware(LimitedBodies),
            Middleware(SameOrigin),
            Middleware(Guard, accounts=accounts, pages=pages),
            Middleware(GZipMiddleware, compresslevel=6),
        ],
        exception_handlers={404: error, 405: error, 500: error},
    )


def front_of(services: Services) -> Callable[[Request], Awaitable[Response]]:
    """The calls; before anything is set up, for whoever may do it, the set-up."""

    async def front(request: Request) -> Response:
        visitor = visitor_of(request)
        begins = not services.office().pbx and visitor is not None and visitor.may(Role.ADMIN)
        return RedirectResponse("/config/master" if begins else "/live")

    return front


def recording_handler(services: Services) -> Callable[[Request], Awaitable[Response]]:
    async def recording(request: Request) -> Response:
        if request.method == "OPTIONS":
            return permission(request.headers.get("access-control-request-private-network") == "true")
        token, requested = request.path_params["token"], request.headers.get("range")
        name = request.path_params.get("name", "")
        return await services.recordings.answer(token, requested, services.now(), name=name, say=telling(request))

    return recording


def error_handler(pages: Pages) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def error(request: Request, exception: Exception) -> Response:
        code = exception.status_code if isinstance(exception, HTTPException) else 500
        answer = await pages.notice(request, code, *ERRORS[code])
        answer.headers.update(HEADERS)  # a 500 is written outside of all middleware
        return answer

    return error
