"""A portal that answers at once and writes down when what arrived: a measuring instrument, not an emulator.

It answers what Bitrix24 answers when all goes well (Bitrix24 REST docs: batch, telephony.externalCall.register and
finish, user.get) and refuses nothing, so that what is measured is the time on our side of the wire.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

REGISTER, FINISH = "telephony.externalCall.register", "telephony.externalCall.finish"
EXTENSIONS = ("101", "102", "103", "104", "105", "106")


class InstantPortal:
    """`registered`: client's number -> when the whole request with its register had arrived (`time.perf_counter`)."""

    def __init__(self) -> None:
        self.registered: dict[str, float] = {}
        self.methods: Counter[str] = Counter()
        self.requests = 0
        self.port = 0
        self._ids = itertools.count(1)
        self._changed = asyncio.Event()

    @contextlib.asynccontextmanager
    async def listen(self) -> AsyncIterator[InstantPortal]:
        server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def until(self, method: str, count: int) -> None:
        """Waits until the method was called so often. Raises `TimeoutError` when it is not within a minute."""
        async with asyncio.timeout(60):
            while self.methods[method] < count:
                self._changed.clear()
                await self._changed.wait()

    def answer(self, method: str, params: Any, at: float) -> Any:
        self.requests += 1
        if method != "batch":
            return self._result(method, params)
        calls = [(key, *written.split("?", 1)) for key, written in params["cmd"].items()]
        results = {key: self._result(name, _query(query), at) for key, name, query in calls}
        self._changed.set()
        return {"result": results, "result_error": [], "result_time": {}, "result_next": [], "result_total": []}

    def _result(self, method: str, params: dict[str, Any], at: float = 0.0) -> Any:
        self.methods[method] += 1
        match method:
            case "telephony.externalCall.register":
                self.registered.setdefault(params["PHONE_NUMBER"].lstrip("+"), at)
                return {
                    "CALL_ID": f"externalCall.{next(self._ids):032x}",
                    "CRM_ENTITY_TYPE": "LEAD",
                    "CRM_ENTITY_ID": 1,
                }
            case "telephony.externalCall.finish":
                return {"CALL_ID": params["CALL_ID"], "CRM_ACTIVITY_ID": "1"}
            case "user.get":
                return [{"ID": number, "ACTIVE": True, "UF_PHONE_INNER": e} for number, e in enumerate(EXTENSIONS, 1)]
            case "scope":
                return ["crm", "telephony", "user", "task"]
            case "profile":
                return {"ADMIN": True}
        return True


def _query(written: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(written, keep_blank_values=True).items()}


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with Content-Length and kept connections: all that our client sends."""

    def __init__(self, portal: InstantPortal) -> None:
        self._portal = portal
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        at = time.perf_counter()
        self._data += data
        while request := self._whole():
            path, body = request
            method = path.rpartition("/")[2].removesuffix(".json")
            result = self._portal.answer(method, json.loads(body or b"{}"), at)
            answer = json.dumps({"result": result, "time": {}}).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n"
            self._transport.write(head.encode() + answer)  # type: ignore[attr-defined]

    def _whole(self) -> tuple[str, bytes] | None:
        head, end, rest = self._data.partition(b"\r\n\r\n")
        if not end:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return None
        self._data = rest[length:]
        return first.split(" ")[1], rest[:length]
