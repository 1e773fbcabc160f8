"""How much anybody may send us at once.

What a portal or a program posts has a smaller limit of its own where it is read; this one stands before everything, so
that no page, not even that of the login, takes in whatever a stranger sends.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 1024 * 1024  # bytes: the form of a thousand employees is some 200 kB
LARGEST_MESSAGE = 16 * 1024  # bytes over a WebSocket: the widget says who it is, in 2 kB, and nothing else


class TooMuch(Exception):
    """More came than may."""


class LimitedBodies:
    """ASGI middleware: a longer body is refused with 413, at once where it says how long it is."""

    def __init__(self, app: ASGIApp, largest: int = LARGEST_BODY) -> None:
        self.app = app
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        taken, answered = 0, False

        async def receive_within_limit() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._largest:
                raise TooMuch
            return message

        async def noted(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            if announced(scope) > self._largest:
                raise TooMuch
            await self.app(scope, receive_within_limit, noted)
        except TooMuch:
            if answered:
                raise  # the connection is broken off: there is nothing left to say
            await PlainTextResponse("This is more than a page takes.", status_code=413)(scope, receive, send)


def announced(scope: Scope) -> int:
    """How long the body is to be, as its header says; 0 where it does not."""
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isascii() and length.isdecimal() else 0
