"""Events: who asked for them, what waits to be sent, what waits to be fetched.

Source: Bitrix24 REST docs, "Events" (online delivery, offline queue). Online events are posted once, as a form; a
failed one is not repeated.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ringbridge.emulators.bitrix24.wire import Params

_CRM = tuple(f"ONCRM{kind}{what}" for kind in ("LEAD", "CONTACT", "COMPANY", "DEAL", "ACTIVITY") for what in
             ("ADD", "UPDATE", "DELETE"))  # fmt: skip
KNOWN_EVENTS = (
    "ONAPPINSTALL", "ONAPPUNINSTALL", "ONAPPUPDATE", "ONOFFLINEEVENT",
    "ONEXTERNALCALLSTART", "ONEXTERNALCALLBACKSTART",
    "ONVOXIMPLANTCALLINIT", "ONVOXIMPLANTCALLSTART", "ONVOXIMPLANTCALLEND",
    "ONTASKADD", "ONTASKUPDATE", "ONUSERADD", *_CRM,
)  # fmt: skip

SCOPES = {"ONCRM": "crm", "ONEXTERNALCALL": "telephony", "ONVOXIMPLANT": "telephony", "ONTASK": "task"}
"""By how an event's name begins: without this scope an application knows of no such event."""


@dataclass(slots=True, kw_only=True)
class Handler:
    id: int
    event: str
    application_id: int | None  # None: an outgoing webhook that a person set up
    url: str = ""
    offline: bool = False
    auth_type: int = 0
    application_token: str = ""


@dataclass(slots=True, kw_only=True)
class OfflineEvent:
    """One row of the queue that an application fetches."""

    id: int
    application_id: int
    event: str
    data: Params
    at: datetime
    message_id: str
    process_id: str = ""
    error: bool = False


@dataclass(slots=True, kw_only=True)
class Bus:
    handlers: list[Handler] = field(default_factory=list)
    offline: list[OfflineEvent] = field(default_factory=list)
    delivered: list[tuple[str, str, int]] = field(default_factory=list)  # event, address, answered status (0: none)
    last_handler_id: int = 0
    last_offline_id: int = 0

    def bind(self, event: str, **details: Any) -> Handler:
        self.last_handler_id += 1
        handler = Handler(id=self.last_handler_id, event=event.upper(), **details)
        self.handlers.append(handler)
        return handler

    def queue(self, application_id: int, event: str, data: Params, at: datetime) -> None:
        """Put into the offline queue; an event with the same data takes the place of one that is not reserved."""
        told = json.dumps([event, data], sort_keys=True, default=str)
        message_id = hashlib.md5(told.encode(), usedforsecurity=False).hexdigest()
        self.offline = [
            row
            for row in self.offline
            if row.process_id or (row.application_id, row.message_id) != (application_id, message_id)
        ]
        self.last_offline_id += 1
        self.offline.append(
            OfflineEvent(
                id=self.last_offline_id,
                application_id=application_id,
                event=event,
                data=data,
                at=at,
                message_id=message_id,
            )
        )
