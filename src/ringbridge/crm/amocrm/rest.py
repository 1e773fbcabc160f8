"""One request to an account's API through its door: key, envelope, pages, batches, refusals.

Source: amoCRM API v4, "General information": 204 without a body stands for an empty list; a list goes on while its
page has ``_links.next``; the items of a batch carry a ``request_id`` that the answer's rows and errors repeat; one bad
item refuses the whole batch.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from ringbridge.crm.amocrm.auth import Key
from ringbridge.crm.amocrm.errors import Invalid, KeyExpired, error_of, is_account_gone, refusals_in
from ringbridge.crm.amocrm.values import as_list, as_map, embedded
from ringbridge.crm.client import Answer, Door, Request
from ringbridge.crm.contract import CrmError, Rejected, Throttled, Transient, Unauthorized
from ringbridge.routing.intents import Priority

API = "/api/v4"
PER_PAGE = 250
MOST_PAGES = 200
PER_BATCH = 50

Row = Mapping[str, Any]
Query = Sequence[tuple[str, str | int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int
    body: Any  # None where there was none


class Rest:
    """Every method raises `CrmError`, except `post_many`."""

    def __init__(self, door: Door, key: Key) -> None:
        self.door = door
        self.key = key
        self._refused = 0  # answers of "too many" in a row

    async def get(self, path: str, query: Query = (), *, priority: Priority) -> Any:
        """The body; None for an empty list or what is not there."""
        address = f"{path}?{urlencode(query)}" if query else path
        return (await self.call("GET", address, priority=priority)).body

    async def call(self, method: str, path: str, body: Any = None, *, priority: Priority) -> Reply:
        """An expired key is renewed and the request repeated once."""
        sent: list[Mapping[str, str]] = []  # the key each try went with

        def make() -> Request:
            sent.append(self.key.headers())
            return Request(method=method, url=self.key.address(path), json=body, headers=sent[-1])

        if self.key.is_stale:
            await self.key.renew(self.key.headers(), self.door)
        try:
            return self._accept(await self._send(make, method, priority), method)
        except KeyExpired:
            await self.key.renew(sent[-1], self.door)
        try:
            return self._accept(await self._send(make, method, priority), method)
        except KeyExpired as error:
            raise Unauthorized(f"The account does not take the renewed key either. {error}") from error

    async def pages(self, path: str, name: str, query: Query = (), *, priority: Priority) -> AsyncIterator[list[Row]]:
        """The rows of a list, page by page: stop asking and no more is fetched."""
        for page in range(1, MOST_PAGES + 1):
            body = await self.get(path, [*query, ("page", page), ("limit", PER_PAGE)], priority=priority)
            if rows := embedded(body, name):
                yield rows
            if not rows or not as_map(as_map(body).get("_links")).get("next"):
                return
        raise Transient(f"{path} never came to its last page")

    async def everything(self, path: str, name: str, query: Query = (), *, priority: Priority) -> list[Row]:
        return [row async for rows in self.pages(path, name, query, priority=priority) for row in rows]

    async def post_many(
        self, path: str, name: str, items: Mapping[str, Row], *, priority: Priority
    ) -> dict[str, Row | CrmError]:
        """What became of each item, by its key: the row that was made of it, or why none was. Items that are refused
        take no others with them. After a request that failed as a whole no other is sent."""
        found: dict[str, Row | CrmError] = {}
        keys = list(items)
        waiting = [keys[start : start + PER_BATCH] for start in range(0, len(keys), PER_BATCH)]
        while waiting:
            part = waiting.pop(0)
            body = [{**items[key], "request_id": key} for key in part]
            try:
                reply = await self.call("POST", path, body, priority=priority)
            except Rejected as error:
                found |= (named := _blamed(error, part))
                waiting[0:0] = _again(part, named)
            except CrmError as error:
                found |= dict.fromkeys(part, error)
                return found | {key: _unsent(error) for rest in waiting for key in rest}
            else:
                found |= (answered := _answered(reply, name, part))
                if left := [key for key in part if key not in answered]:
                    waiting.insert(0, left)
        return found

    async def _send(self, make: Any, method: str, priority: Priority) -> Answer:
        try:
            return await self.door.send(make, priority=priority)
        except Transient as error:
            error.maybe_done = error.maybe_done and method != "GET"
            raise

    def _accept(self, answer: Answer, method: str) -> Reply:
        """Raises the refusal that an answer is. The 400 of `calls` is an answer: it says what became of each."""
        if answer.status == 204 or (answer.status == 404 and method == "GET" and not is_account_gone(answer)):
            return self._taken(Reply(status=204, body=None))
        is_json = isinstance(answer.json, dict | list)
        if is_json and (answer.status < 300 or (answer.status == 400 and refusals_in(answer.json))):
            return self._taken(Reply(status=answer.status, body=answer.json))
        if answer.status in {200, 201, 202} and not answer.text.strip():
            return self._taken(Reply(status=answer.status, body=None))
        now = datetime.now(UTC)
        error = error_of(answer, now=now, reading=method == "GET", refused=self._refused)
        if isinstance(error, Throttled):
            self._refused += 1
            self.door.hold((error.until - now).total_seconds())
        raise error

    def _taken(self, reply: Reply) -> Reply:
        self._refused = 0
        return reply


def _blamed(error: Rejected, part: Sequence[str]) -> dict[str, CrmError]:
    """Whom a refused batch was refused for; a lone item is to blame itself."""
    if isinstance(error, Invalid) and (named := [key for key in part if key in error.complaints]):
        return {key: error.about(key) for key in named}
    return {part[0]: error} if len(part) == 1 else {}


def _again(part: Sequence[str], named: Iterable[str]) -> list[list[str]]:
    """The others once more; in halves, while nobody was named."""
    left = [key for key in part if key not in set(named)]
    if len(left) < len(part) or not left:
        return [left] if left else []
    middle = len(left) // 2
    return [left[:middle], left[middle:]]


def _answered(reply: Reply, name: str, part: Sequence[str]) -> dict[str, Row | CrmError]:
    """What an answer says of the items. Whom a refusal does not mention was not done and is left out; whom an
    acceptance does not mention may have been."""
    refused = {key: error for key, error in refusals_in(reply.body).items() if key in part}
    rows = [as_map(row) for row in as_list(reply.body)] if isinstance(reply.body, list) else embedded(reply.body, name)
    made = {key: row for row in rows if (key := _request_id(row)) in part}
    if not made and not refused and len(rows) == len(part):
        made = dict(zip(part, rows, strict=True))  # an answer without our keys keeps the order
    if reply.status < 300 or not (made or refused):
        lost = Transient("amoCRM did not say what became of it", maybe_done=True)
        return {key: made.get(key) or refused.get(key) or lost for key in part}
    return {**made, **refused}


def _request_id(row: Row) -> str:
    """`leads/complex` answers with a list of one."""
    given = row.get("request_id")
    first = given[0] if isinstance(given, list) and given else given
    return "" if first is None else str(first)


def _unsent(error: CrmError) -> CrmError:
    """For what waits behind a request that failed as a whole."""
    if isinstance(error, Throttled | Unauthorized):
        return error
    return Transient(f"Not sent, as the request before it failed: {error}")
