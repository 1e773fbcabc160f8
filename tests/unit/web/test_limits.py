"""Nobody sends us more than we take."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from ringbridge.supervisor import listening
from ringbridge.web.limits import LARGEST_MESSAGE, LimitedBodies


async def length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def fields(request: Request) -> PlainTextResponse:
    async with request.form() as form:
        return PlainTextResponse(str(len(form)))


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(str(len(await socket.receive_text())))
    await socket.close()


APP = Starlette(
    routes=[
        Route("/length", length, methods=["POST"]),
        Route("/fields", fields, methods=["POST"]),
        WebSocketRoute("/socket", echo),
    ],
    middleware=[Middleware(LimitedBodies, largest=1000)],
)


@pytest.fixture
async def address() -> AsyncIterator[str]:
    async with listening(APP, "127.0.0.1", 0) as address:
        yield address


async def pieces(size: int) -> AsyncIterator[bytes]:
    """A body of which nobody says how long it will be."""
    for _ in range(size // 100):
        yield b"a" * 100


@pytest.mark.parametrize("path", ["/length", "/fields"])
async def test_a_body_up_to_the_limit_is_taken_and_a_longer_one_refused_however_it_comes(
    address: str, path: str
) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    async with httpx2.AsyncClient(base_url=address, headers=form) as browser:
        assert (await browser.post(path, content=b"a" * 1000)).status_code == 200
        assert (await browser.post(path, content=pieces(1000))).status_code == 200
        assert (await browser.post(path, content=b"a" * 1001)).status_code == 413
        assert (await browser.post(path, content=pieces(1100))).status_code == 413
        assert (await browser.post(path, content=b"a")).status_code == 200


async def test_a_message_over_a_websocket_is_taken_up_to_a_few_kilobytes(address: str) -> None:
    socket = f"ws{address.removeprefix('http')}/socket"
    async with connect(socket) as connection:
        await connection.send("a" * LARGEST_MESSAGE)
        assert await connection.recv() == str(LARGEST_MESSAGE)
    async with connect(socket) as connection:
        await connection.send("a" * (LARGEST_MESSAGE + 1))
        with pytest.raises(ConnectionClosedError) as closed:
            await connection.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009  # RFC 6455, 7.4.1: too big to process
