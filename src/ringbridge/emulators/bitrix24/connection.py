"""The wire under the answers: hanging up without one, and keeping the client waiting.

A connection can only be cut where the server passes its transport on; `Cuttable` does, around the application.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

_KEY = "ringbridge.hang_up"


class NotServed(RuntimeError):
    """Faults of the connection need the real server: use `serve`."""


class Silent(Response):
    """No answer at all: the connection is gone."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        return


class Cuttable:
    """Gives the application a way to close the connection it serves, under uvicorn's own HTTP protocol."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            cycle: Any = getattr(send, "__self__", None)
            scope[_KEY] = cycle.transport.abort
        await self.app(scope, receive, send)


async def cut(http: Request) -> Response:
    """Close the connection before a byte of an answer."""
    hang_up = http.scope.get(_KEY)
    if hang_up is None:
        raise NotServed("this fault cuts the connection: it works only behind bitrix24.serve")
    hang_up()
    return await hang(http)


async def hang(http: Request) -> Response:
    """Say nothing until the client has gone away."""
    if _KEY not in http.scope:
        raise NotServed("this fault leaves the client waiting: it works only behind bitrix24.serve")
    while (await http.receive())["type"] != "http.disconnect":
        continue
    return Silent()
