"""The account as a web application: the interface, tokens, its pages, and what tests steer it by."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import Route

from ringbridge.emulators.amocrm import (
    calls,
    clients,
    complexleads,
    control,
    directory,
    events,
    host,
    notes,
    page,
    tasks,
    tokens,
    unsorted,
    webhooks,
)
from ringbridge.emulators.amocrm.account import Account
from ringbridge.emulators.amocrm.door import door
from ringbridge.emulators.amocrm.request import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    *complexleads.ENDPOINTS,
    *unsorted.ENDPOINTS,
    *directory.ENDPOINTS,
    *notes.ENDPOINTS,
    *clients.ENDPOINTS,
    *tasks.ENDPOINTS,
    *calls.ENDPOINTS,
    *events.ENDPOINTS,
    *webhooks.ENDPOINTS,
)
_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]


def create_app(account: Account) -> Starlette:
    """The account's web side. The server's lifespan sends webhooks; else `account.chores.finish_waiting()` does."""
    app = Starlette(
        lifespan=account.chores.lifespan,
        routes=[
            *(Route(one.path, door(one.handlers), methods=_METHODS) for one in ENDPOINTS),
            Route("/api/{path:path}", door({}), methods=_METHODS),
            *tokens.ROUTES,
            *control.ROUTES,
            *host.ROUTES,
            *page.ROUTES,
        ],
    )
    app.state.account = account
    return app
