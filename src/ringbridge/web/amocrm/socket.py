"""The widget's open line: its user's cards, pushed as they change.

The browser's first message is its session. After that only we speak: the whole view of the user whenever it has
changed, and a sign of life in between. What came late or was lost is in the next view.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from datetime import timedelta

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from ringbridge.crm.amocrm.widget_token import Visitor
from ringbridge.service.gate import Gate
from ringbridge.web.amocrm.desk import AmoDesk
from ringbridge.web.amocrm.visitors import Reception

log = structlog.get_logger(__name__)

SESSION_WITHIN = 10.0  # seconds for the first message
HEARTBEAT = 25.0  # seconds; proxies close a silent connection after a minute or so
LIVES = timedelta(hours=1).total_seconds()  # then the user proves again who they are
MOST_SOCKETS = 20  # of one user: as many windows as anybody has
LONGEST_MESSAGE = 200

# Close codes of our own (RFC 6455, section 7.4.2: 4000 to 4999), known to the widget.
NOT_ADMITTED, AGAIN, TOO_MANY = 4001, 4002, 4003
RESTART = 1012  # IANA's registry: the service restarts, come again


class Sockets:
    def __init__(self, portals: Mapping[str, AmoDesk], reception: Reception, gate: Gate) -> None:
        self._portals = portals
        self._reception = reception
        self._gate = gate

    async def serve(self, socket: WebSocket) -> None:
        desk = self._portals.get(socket.path_params["portal"])
        known = desk is not None and desk.is_page_of_account(socket.headers.get("origin", ""))
        if desk is None or not known or not self._gate.lets_in(socket.client.host if socket.client else ""):
            await socket.close()  # before it is accepted: the browser is answered 403
            return
        await socket.accept()
        with contextlib.suppress(WebSocketDisconnect):  # the window was closed
            await self._converse(socket, desk)

    async def _converse(self, socket: WebSocket, desk: AmoDesk) -> None:
        visitor = await self._admitted(socket, desk)
        if visitor is None:
            await socket.close(NOT_ADMITTED, "no session")
        elif desk.board.watchers(visitor.user) >= MOST_SOCKETS:
            await socket.close(TOO_MANY, "too many windows")
        else:
            log.info("widget_opened", portal=desk.portal, user=visitor.user)
            await self._push(socket, desk, visitor)

    async def _admitted(self, socket: WebSocket, desk: AmoDesk) -> Visitor | None:
        try:
            async with asyncio.timeout(SESSION_WITHIN):
                said = await socket.receive_text()
            session = json.loads(said)["session"] if len(said) <= LONGEST_MESSAGE else None
        except (TimeoutError, KeyError, TypeError, ValueError, RecursionError):
            return None
        return self._reception.admitted(desk, session) if isinstance(session, str) else None

    async def _push(self, socket: WebSocket, desk: AmoDesk, visitor: Visitor) -> None:
        """Until the browser leaves, the hour is over, or the server stops."""
        speaking = asyncio.create_task(speak(socket, desk, visitor))
        listening = asyncio.create_task(until_left(socket))
        try:
            async with asyncio.timeout(LIVES):
                await asyncio.wait({speaking, listening}, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            await _close(socket, AGAIN)
        finally:
            for task in (speaking, listening):
                task.cancel()
            ended = await asyncio.gather(speaking, listening, return_exceptions=True)
        for end in ended:
            if isinstance(end, Exception) and not isinstance(end, WebSocketDisconnect):
                raise end


async def speak(socket: WebSocket, desk: AmoDesk, visitor: Visitor) -> None:
    board = desk.board
    with board.watching(visitor.user) as changed:
        while not board.closed:
            changed.clear()
            await socket.send_json(board.view(visitor.user))
            while not changed.is_set():
                try:
                    async with asyncio.timeout(HEARTBEAT):
                        await changed.wait()
                except TimeoutError:
                    await socket.send_json({"type": "still"})
    await _close(socket, RESTART)


async def until_left(socket: WebSocket) -> None:
    """The browser has nothing more to say; whatever it says is not kept."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _close(socket: WebSocket, code: int) -> None:
    if socket.application_state is WebSocketState.CONNECTED:
        await socket.close(code)
