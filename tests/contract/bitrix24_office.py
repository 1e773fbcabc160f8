"""A Bitrix24 portal and our adapter, wired together, with the words the contract tests speak."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ringbridge.crm.bitrix24 import Application, Bitrix24, Credentials, RecordingMode, Settings, Tokens, Webhook
from ringbridge.crm.contract import Receipt, RecordingFile, Step
from ringbridge.crm.reach import Reach
from ringbridge.emulators.bitrix24 import Portal, demo, serve
from ringbridge.emulators.bitrix24 import Settings as PortalSettings
from ringbridge.routing.intents import (
    AttachRecording,
    CloseTasks,
    CompleteActivity,
    Creation,
    FinishCall,
    HideCard,
    Intent,
    MakeTask,
    PortalId,
    RecordKey,
    RecordKind,
    RegisterCall,
    ShowCard,
    UserId,
)
from ringbridge.routing.recordings import Absent, NotYet
from ringbridge.routing.results import CallStatus
from ringbridge.routing.rules import Create
from ringbridge.telephony.model import CallId

CLIENT = "+79125551122"  # a contact of the demonstration office
STRANGER = "+79990001122"


@dataclass(frozen=True)
class Sound:
    """A recording in memory."""

    name: str = "call.mp3"
    content: bytes = b"ID3 sound"
    claims: int | None = None  # a size other than the true one
    address: str | None = None
    content_type: str = "audio/mpeg"

    @property
    def size(self) -> int:
        return len(self.content) if self.claims is None else self.claims

    def link(self, expires: datetime) -> str | None:
        return self.address

    async def read(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.content), 4096):
            yield self.content[start : start + 4096]


@dataclass
class Shelf:
    """Where the adapter gets recordings from: `found`, for every call."""

    found: RecordingFile | NotYet | Absent = field(default_factory=Sound)
    fetched: int = 0

    async def fetch(self, intent: AttachRecording) -> RecordingFile | NotYet | Absent:
        self.fetched += 1
        return self.found


@dataclass
class Office:
    portal: Portal
    crm: Bitrix24
    shelf: Shelf
    saved: list[Credentials]

    async def do(self, *intents: Intent, facts: dict[str, Any] | None = None, uncertain: bool = False) -> list[Any]:
        steps = [Step(intent=intent, facts=facts or {}, uncertain=uncertain) for intent in intents]
        return list(await self.crm.carry_out(steps))

    async def registered(self, intent: RegisterCall | None = None, *, uncertain: bool = False) -> dict[str, Any]:
        """The facts of a call that runs."""
        (receipt,) = await self.do(intent or register(), uncertain=uncertain)
        assert isinstance(receipt, Receipt), receipt
        return dict(receipt.facts)

    @property
    def running(self) -> list[Any]:
        return list(self.portal.telephony.active.values())

    @property
    def finished(self) -> list[Any]:
        return list(self.portal.telephony.finished.values())

    def executed(self, method: str) -> int:
        return self.portal.traffic.methods[method.lower()]


def portal(**settings: Any) -> Portal:
    """An office without a quota, unless a test wants one."""
    return Portal.demo(settings=PortalSettings(**{"rate_limit": False, **settings}))


def credentials(portal: Portal, *, oauth: bool) -> Credentials:
    if not oauth:
        return Webhook.parse(portal.webhook_url)
    access, refresh = portal.access.issue(portal.access.applications[0], demo.ADMIN_ID, portal.clock())
    return Tokens(
        access=access,
        refresh=refresh,
        endpoint=f"{portal.address}/rest/",
        server=f"{portal.address}/rest/",
        member=portal.member_id,
    )


def adapter(
    portal: Portal,
    shelf: Shelf,
    saved: list[Credentials],
    *,
    oauth: bool = False,
    key: Credentials | None = None,
    recordings: RecordingMode = RecordingMode.UPLOAD,
    **more: Any,
) -> Bitrix24:
    async def save(credentials: Credentials) -> None:
        saved.append(credentials)

    settings = Settings(
        portal=PortalId("main"),
        recordings=recordings,
        reach=Reach(allow_http=True, allow_private=True),
        authorization_server=portal.address,
        **{"rate": 1000.0, "burst": 1000, **more.pop("settings", {})},
    )
    application = Application(client_id=demo.CLIENT_ID, client_secret=demo.CLIENT_SECRET)
    return Bitrix24(
        settings,
        key or credentials(portal, oauth=oauth),
        recordings=shelf,
        save=save,
        application=application,
        **more,
    )


@asynccontextmanager
async def office(at: Portal | None = None, **options: Any) -> AsyncIterator[Office]:
    """A portal on a real port and an adapter that is connected to it."""
    at = at or portal()
    shelf, saved = Shelf(), []
    async with serve(at):
        crm = adapter(at, shelf, saved, **options)
        try:
            yield Office(portal=at, crm=crm, shelf=shelf, saved=saved)
        finally:
            await crm.aclose()


MAKE = Creation(what=Create.CLIENT, source="CALL")


def record(number: int = 1) -> RecordKey:
    return RecordKey(f"pbx-1764090000.{number}")


def _common(number: int) -> dict[str, Any]:
    return {"record": record(number), "call": CallId(f"1764090000.{number}")}


def register(n: int = 1, /, **changes: Any) -> RegisterCall:
    values: dict[str, Any] = {
        "kind": RecordKind.INBOUND,
        "number": CLIENT,
        "user": UserId("1"),
        "started": datetime.now(UTC),
        "line": "+74951112233",
    }
    return RegisterCall(**{**_common(n), **values, **changes})


def finish(n: int = 1, /, **changes: Any) -> FinishCall:
    values: dict[str, Any] = {"user": UserId("1"), "duration": 42, "status": CallStatus.ANSWERED}
    return FinishCall(**{**_common(n), **values, **changes})


def show(*users: str, ring: object = 0, n: int = 1) -> ShowCard:
    return ShowCard(**_common(n), users=tuple(map(UserId, users)), ring=str(ring))


def hide(*users: str, ring: object = 0, n: int = 1) -> HideCard:
    return HideCard(**_common(n), users=tuple(map(UserId, users)), ring=str(ring))


def attach(n: int = 1, /, **changes: Any) -> AttachRecording:
    values: dict[str, Any] = {
        "path": "call.wav",
        "channel": f"1764090000.{n}",
        "started": datetime.now(UTC),
        "duration": 42,
    }
    return AttachRecording(**{**_common(n), **values, **changes})


def hours_ago(hours: float) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)


def complete(text: str = "Waited 0:12.", n: int = 1) -> CompleteActivity:
    return CompleteActivity(**_common(n), text=text)


def task(n: int = 1, /, **changes: Any) -> MakeTask:
    values: dict[str, Any] = {
        "number": CLIENT,
        "responsible": UserId("3"),
        "owner_first": True,
        "title": "Call back Мария",
        "text": "Rung: 101, 102. Waited 0:30.",
        "deadline": datetime(2026, 3, 10, 12, 30, tzinfo=UTC),
    }
    return MakeTask(**{**_common(n), **values, **changes})


def close_tasks(n: int = 1, number: str = CLIENT) -> CloseTasks:
    return CloseTasks(**_common(n), number=number)


def commands(at: Office, begun: int = 0) -> list[str]:
    """What was executed since, batches themselves not counted."""
    executed = at.portal.traffic.executed[begun:]
    return [one.method for one in executed if one.method != "batch"]
