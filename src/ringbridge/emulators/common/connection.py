"""The wire under the answers: hanging up without one, and keeping the client waiting.

A connection can only be cut where the server passes its transport on; `Cuttable` does, around the application.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

HangUp = Callable[[], None]

_KEY = "ringbridge.cuttable"


class NotServed(RuntimeError):
    """Faults of the connection need the real server: use `serve`."""


class Silent(Response):
    """No answer at all: the connection is gone."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        return


class Cuttable:
    """Lets the application close the connection it serves, under uvicorn's own HTTP protocol."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.waiting: set[HangUp] = set()  # connections whose clients are kept waiting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            cycle: Any = getattr(send, "__self__", None)
            scope[_KEY] = (cycle.transport.abort, self.waiting)
        await self.app(scope, receive, send)

    def release(self) -> None:
        """Hang up on everybody who is kept waiting."""
        for hang_up in list(self.waiting):
            hang_up()


def _connection(http: Request) -> tuple[HangUp, set[HangUp]]:
    if _KEY not in http.scope:
        raise NotServed("this fault is one of the connection: it works only behind the emulator's serve")
    connection: tuple[HangUp, set[HangUp]] = http.scope[_KEY]
    return connection


async def cut(http: Request) -> Response:
    """Close the connection before a byte of an answer."""
    hang_up, _ = _connection(http)
    hang_up()
    return await hang(http)


async def hang(http: Request) -> Response:
    """Say nothing until the client has gone away."""
    hang_up, waiting = _connection(http)
    waiting.add(hang_up)
    try:
        while (await http.receive())["type"] != "http.disconnect":
            continue
    finally:
        waiting.discard(hang_up)
    return Silent()
