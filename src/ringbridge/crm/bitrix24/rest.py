"""One method call of Bitrix24's REST API through the portal's door: key, envelope, refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from ringbridge.crm.bitrix24.auth import Key
from ringbridge.crm.bitrix24.batch import LARGEST, Outcome, body_of, outcomes_in
from ringbridge.crm.bitrix24.errors import KeyExpired, error_of, is_method_closed, no_json, said_in
from ringbridge.crm.bitrix24.telephony import Command, as_list
from ringbridge.crm.client import Answer, Door, Request
from ringbridge.crm.contract import CrmError, Throttled, Transient, Unauthorized
from ringbridge.routing.intents import Priority

MOST_PAGES = 400
LONGEST_HOLD = timedelta(
    seconds=10
)  # what a request may be kept waiting; a portal that is closed for longer is said so


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    result: Any
    next: int | None = None  # where a list goes on
    total: int | None = None


class Rider(Protocol):
    """Has a question for each batch, or none."""

    def command(self) -> Command | None: ...

    def take(self, outcome: Outcome) -> None: ...

    def lost(self) -> None:
        """The batch failed: whether the question was answered is not known."""
        ...


RIDER = "rider"


class Rest:
    """Calls methods; every one raises `CrmError`."""

    def __init__(self, door: Door, key: Key) -> None:
        self.door = door
        self._key = key
        self._closed: Throttled | None = None
        self.rider: Rider | None = None

    async def call(self, method: str, params: Mapping[str, Any] | None = None, *, priority: Priority) -> Reply:
        """One method. An expired key is renewed and the request repeated once."""
        if self._closed and self._closed.until > datetime.now(UTC):
            raise Throttled(str(self._closed), until=self._closed.until)
        sent: list[Mapping[str, str]] = []  # the key each try went with

        def make() -> Request:
            sent.append(self._key.parameters())
            return Request(url=self._key.address(method), json={**(params or {}), **sent[-1]})

        try:
            return self._reply(await self.door.send(make, priority=priority))
        except KeyExpired:
            await self._key.renew(sent[-1], self.door)
        try:
            return self._reply(await self.door.send(make, priority=priority))
        except KeyExpired as error:
            raise Unauthorized(f"The portal calls the renewed key expired too. {error}") from error

    async def batch(self, commands: Mapping[str, Command], *, priority: Priority) -> dict[str, Outcome]:
        """Several commands at once; what became of each, by its key. A question that is asked every few seconds may
        ride along."""
        riding = self.rider.command() if self.rider and len(commands) < LARGEST else None
        sent = {**commands, RIDER: riding} if riding else commands
        try:
            reply = await self.call("batch", body_of(sent), priority=priority)
        except (CrmError, asyncio.CancelledError):
            if self.rider and riding:
                self.rider.lost()
            raise
        outcomes = outcomes_in(sent, reply.result)
        if self.rider and riding:
            self.rider.take(outcomes.pop(RIDER))
        return outcomes

    async def everything(self, method: str, params: Mapping[str, Any], *, priority: Priority) -> list[Any]:
        """All pages of a list."""
        rows: list[Any] = []
        start = 0
        for _ in range(MOST_PAGES):
            reply = await self.call(method, {**params, "start": start}, priority=priority)
            rows += as_list(reply.result)
            if reply.next is None or reply.next <= start:
                return rows
            start = reply.next
        raise Transient(f"{method} never came to its last page")

    def own_address(self, url: str) -> str:
        """An address that the portal names, as we reach the portal: behind a proxy it may not know its own scheme
        and port."""
        named, ours = urlsplit(url), urlsplit(self._key.address(""))
        if named.hostname != ours.hostname:
            return url
        return urlunsplit((ours.scheme, ours.netloc, named.path, named.query, ""))

    def accept(self, answer: Answer) -> Any:
        """The ``result`` in an answer; raises the refusal that it is."""
        said = said_in(answer.json, answer.status)
        if said is None and isinstance(answer.json, dict) and "result" in answer.json and answer.status < 400:
            return answer.json["result"]
        said = said or no_json(answer.status, answer.brief)
        now = datetime.now(UTC)
        error = error_of(said, now=now, free_at=_free_at(answer))
        if isinstance(error, Throttled) and not is_method_closed(said):
            if error.until - now <= LONGEST_HOLD:
                self.door.hold((error.until - now).total_seconds())
            else:
                self._closed = error
        raise error

    def _reply(self, answer: Answer) -> Reply:
        result = self.accept(answer)
        return Reply(result=result, next=_number(answer.json.get("next")), total=_number(answer.json.get("total")))


def _number(value: Any) -> int | None:
    return int(value) if str(value).isdecimal() else None


def _free_at(answer: Answer) -> datetime | None:
    time = answer.json.get("time") if isinstance(answer.json, dict) else None
    reset = _number(time.get("operating_reset_at")) if isinstance(time, dict) else None
    return datetime.fromtimestamp(reset, UTC) if reset else None
