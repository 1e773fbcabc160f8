"""One Bitrix24 portal in memory: everything it knows, and nothing on disk."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timezone
from typing import Any

import httpx2

from ringbridge.emulators.bitrix24 import demo
from ringbridge.emulators.bitrix24.bus import Bus, Handler
from ringbridge.emulators.bitrix24.calls import Telephony
from ringbridge.emulators.bitrix24.clients import Activities, Clients
from ringbridge.emulators.bitrix24.directories import Directories
from ringbridge.emulators.bitrix24.faults import Faults
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.emulators.bitrix24.limits import LeakyBucket, OperatingTime
from ringbridge.emulators.bitrix24.oauth import Access, Application, Webhook
from ringbridge.emulators.bitrix24.people import Staff, User
from ringbridge.emulators.bitrix24.settings import Settings
from ringbridge.emulators.bitrix24.traffic import Traffic
from ringbridge.emulators.bitrix24.wire import Params
from ringbridge.emulators.common.chores import Chores
from ringbridge.emulators.common.forms import flatten

Clock = Callable[[], datetime]

_EVENT_PATIENCE = 5.0  # seconds the portal waits for an event handler


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class Portal:
    """State and settings. `clock` gives aware datetimes and drives quotas and tokens: tests move it by hand."""

    settings: Settings = field(default_factory=Settings)
    clock: Clock = utc_now
    address: str = "http://portal.example"  # scheme and host, no slash; the server sets its own
    member_id: str = field(default_factory=lambda: secrets.token_hex(16))
    moved_to: str | None = None  # every request is answered with 302 to this scheme and host
    staff: Staff = field(default_factory=Staff)
    telephony: Telephony = field(default_factory=Telephony)
    clients: Clients = field(default_factory=Clients)
    activities: Activities = field(default_factory=Activities)
    directories: Directories = field(default_factory=Directories)
    tasks: dict[int, Params] = field(default_factory=dict)
    comments: list[Params] = field(default_factory=list)  # in timelines
    notifications: list[Params] = field(default_factory=list)
    placements: list[Params] = field(default_factory=list)
    bus: Bus = field(default_factory=Bus)
    chores: Chores = field(default_factory=Chores)
    traffic: Traffic = field(default_factory=Traffic)
    faults: Faults = field(default_factory=Faults)
    bucket: LeakyBucket = field(default_factory=LeakyBucket)
    operating: OperatingTime = field(default_factory=OperatingTime)
    access: Access = field(init=False)

    def __post_init__(self) -> None:
        self.access = Access(settings=self.settings)

    @classmethod
    def demo(cls, *, settings: Settings | None = None, clock: Clock = utc_now) -> Portal:
        """A small office: six employees on 101 to 106, one webhook, one application, a few contacts."""
        portal = cls(settings=settings or Settings(), clock=clock)
        portal.staff.users.update({user.id: user for user in demo.users()})
        portal.staff.departments.update({one.id: one for one in demo.departments()})
        portal.access.webhooks.append(Webhook(user_id=demo.ADMIN_ID, secret=demo.WEBHOOK_SECRET))
        portal.access.applications.append(Application(id=1, client_id=demo.CLIENT_ID, client_secret=demo.CLIENT_SECRET))
        for contact in demo.contacts():
            portal.clients.add(Kind.CONTACT, contact, user_id=demo.ADMIN_ID, at=portal.local(portal.clock()))
        return portal

    @property
    def webhook_url(self) -> str:
        """The address of the first incoming webhook, with its slash."""
        hook = self.access.webhooks[0]
        return f"{self.address}/rest/{hook.user_id}/{hook.secret}/"

    @property
    def domain(self) -> str:
        return self.address.partition("://")[2]

    def local(self, at: datetime) -> str:
        """A moment as the portal writes it."""
        return at.astimezone(timezone(self.settings.utc_offset)).isoformat(timespec="seconds")

    def application(self, number: int | None) -> Application | None:
        return next((one for one in self.access.applications if one.id == number), None)

    def emit(self, event: str, data: Params, *, user_id: int | None = None, only: int | None = None) -> None:
        """Tell everybody who asked for this event; with `only`, that application alone."""
        queued: set[int] = set()
        for handler in [one for one in self.bus.handlers if one.event == event]:
            if only is not None and handler.application_id != only:
                continue
            application = self.application(handler.application_id)
            if application is not None and not application.installed:
                continue
            if not handler.offline:
                self.post(handler, data, user_id)
            elif handler.application_id is not None and handler.application_id not in queued:
                queued.add(handler.application_id)
                self.bus.queue(handler.application_id, event, data, self.clock())

    def event_auth(self, handler: Handler, user_id: int | None) -> Params:
        """The `auth` block of an event: tokens only when a person caused it and an application hears it."""
        application = self.application(handler.application_id)
        auth: Params = {
            "domain": self.domain,
            "server_endpoint": f"{self.address}/rest/",
            "client_endpoint": f"{self.address}/rest/",
            "member_id": self.member_id,
            "application_token": application.application_token if application else handler.application_token,
        }
        if application is None or user_id is None:
            return auth
        access, refresh = self.access.issue(application, handler.auth_type or user_id, self.clock())
        lifetime = int(self.settings.access_token_lifetime.total_seconds())
        between = " " if handler.event == "ONAPPINSTALL" else ","
        scope = between.join(application.scopes)
        auth |= {"access_token": access, "expires_in": lifetime, "scope": scope, "status": "L"}
        if self.settings.refresh_token_in_events or handler.event in {"ONAPPINSTALL", "ONAPPUPDATE"}:
            auth["refresh_token"] = refresh
        return auth

    def emit_to_outgoing_webhooks(self, event: str, data: Params) -> None:
        """Tell the handlers that belong to no application."""
        for handler in [one for one in self.bus.handlers if one.event == event and one.application_id is None]:
            self.post(handler, data, None)

    def post(self, handler: Handler, data: Params, user_id: int | None) -> None:
        """Send one event, once; the portal does it behind its answers."""
        form = {
            "event": handler.event,
            "event_handler_id": handler.id,
            "data": data,
            "ts": int(self.clock().timestamp()),
            "auth": self.event_auth(handler, user_id),
        }

        async def send() -> None:
            try:
                async with httpx2.AsyncClient(timeout=_EVENT_PATIENCE, trust_env=False) as client:
                    answer = await client.post(handler.url, data=_as_form(flatten(form)))
                status = answer.status_code
            except httpx2.HTTPError:
                status = 0  # one attempt only, and nobody is told
            self.bus.delivered.append((handler.event, handler.url, status))

        self.chores.add(send)

    def user_name(self, user_id: int) -> str:
        user = self.staff.users.get(user_id)
        return user.full_name if user else f"#{user_id}"

    def user(self, user_id: int) -> User | None:
        return self.staff.users.get(user_id)


def _as_form(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    return dict(pairs)
