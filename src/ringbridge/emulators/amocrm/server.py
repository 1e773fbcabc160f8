"""The account on a real port, inside an event loop that already runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from ringbridge.emulators.amocrm.account import Account
from ringbridge.emulators.amocrm.app import create_app
from ringbridge.emulators.common.server import serve_app


@asynccontextmanager
async def serve(account: Account, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve the account while the context lasts; gives its address, ``http://host:port``. Port 0: any free one."""

    def app(address: str) -> ASGIApp:
        account.serve_at(address)
        return create_app(account)

    async with serve_app(app, host=host, port=port) as address:
        yield address
