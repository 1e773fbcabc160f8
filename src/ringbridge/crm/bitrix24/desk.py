"""Where events come from: handlers that we bind on the portal, and the queue that we fetch (`offline`).

Source: Bitrix24 REST docs, event.bind, event.unbind, event.get. A portal that cannot reach us keeps events in a queue
of the application; telephony events come there too. Only an administrator's key may bind so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from ringbridge.crm.bitrix24.batch import LARGEST, Outcome
from ringbridge.crm.bitrix24.errors import error_of
from ringbridge.crm.bitrix24.events import CHANGES, CLICK, ORDER, UNINSTALLED
from ringbridge.crm.bitrix24.offline import OfflineQueue
from ringbridge.crm.bitrix24.rest import Rest
from ringbridge.crm.bitrix24.telephony import Command, as_list, as_map, text
from ringbridge.crm.bitrix24.users import is_yes
from ringbridge.routing.intents import Priority

log = structlog.get_logger(__name__)

BOUND_ALREADY = "ERROR_EVENT_BINDING_EXISTS"
OURS = frozenset({CLICK, ORDER, UNINSTALLED, *CHANGES})


@dataclass(frozen=True, slots=True, order=True)
class Binding:
    """One event of our application: posted to a handler, or queued where there is none."""

    event: str
    handler: str = ""

    @property
    def offline(self) -> bool:
        return not self.handler

    @property
    def params(self) -> Mapping[str, str]:
        where = {"event_type": "offline"} if self.offline else {"handler": self.handler}
        return {"event": self.event, **where}


def wanted_bindings(handler: str | None, *, changes: bool = False) -> set[Binding]:
    """`handler`: our address for events; None: they are fetched. A removed application's queue is fetched by nobody.
    `changes`: those of clients and deals as well."""
    wanted = (CLICK, ORDER, *(CHANGES if changes else ()))
    if handler is None:
        return {Binding(event) for event in wanted}
    return {Binding(event, handler) for event in (*wanted, UNINSTALLED)}


def bindings_in(rows: Iterable[Any]) -> set[Binding]:
    """What ``event.get`` tells, of the events that are ours to bind."""
    found: set[Binding] = set()
    for row in map(as_map, rows):
        event = text(row.get("event")).upper()
        if event in OURS:
            found.add(Binding(event, "" if is_yes(row.get("offline")) else text(row.get("handler"))))
    return found


class EventDesk:
    """The application's events at one portal. Every method raises `CrmError`."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self.queue = OfflineQueue(rest)

    async def bind(self, handler: str | None, *, changes: bool = False) -> None:
        """Events come to this address from now on, or into the queue; what was bound otherwise is no more. Changes of
        clients that the portal does not want to tell are done without: a mirror is swept all the same."""
        self.queue.renew()
        await self._change(wanted_bindings(handler, changes=changes))

    async def unbind(self) -> None:
        await self._change(set())

    async def _change(self, wanted: set[Binding]) -> None:
        bound = bindings_in(as_list((await self._rest.call("event.get", priority=Priority.REST)).result))
        new = sorted(wanted - bound)
        commands = {f"b{n}": Command(method="event.bind", params=one.params) for n, one in enumerate(new)}
        gone = sorted(bound - wanted)
        commands |= {f"u{n}": Command(method="event.unbind", params=one.params) for n, one in enumerate(gone)}
        if not commands:
            return
        for key, outcome in (await self._outcomes(commands)).items():
            if outcome.refusal is None or outcome.refusal.code.upper() == BOUND_ALREADY:
                continue
            error = error_of(outcome.refusal, now=datetime.now(UTC))
            event = text(commands[key].params["event"])
            if event not in CHANGES:
                raise error
            log.warning("portal_change_not_told", event_name=event, reason=str(error))
        log.info("portal_events_bound", bound=sorted(one.event for one in wanted), unbound=len(gone))

    async def _outcomes(self, commands: Mapping[str, Command]) -> dict[str, Outcome]:
        """More than a batch holds may be bound from former addresses."""
        found: dict[str, Outcome] = {}
        keys = list(commands)
        for start in range(0, len(keys), LARGEST):
            part = {key: commands[key] for key in keys[start : start + LARGEST]}
            found |= await self._rest.batch(part, priority=Priority.REST)
        return found
