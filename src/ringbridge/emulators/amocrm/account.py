"""One account of amoCRM or Kommo in memory: everything it knows, and nothing on disk."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from ringbridge.emulators.amocrm import demo, jwt
from ringbridge.emulators.amocrm.entities import Entities, Entity
from ringbridge.emulators.amocrm.faults import Faults
from ringbridge.emulators.amocrm.fields import Fields
from ringbridge.emulators.amocrm.history import Event, EventType, event_id
from ringbridge.emulators.amocrm.limits import Throttle
from ringbridge.emulators.amocrm.oauth import Access, Integration
from ringbridge.emulators.amocrm.pipelines import Pipelines
from ringbridge.emulators.amocrm.settings import Settings
from ringbridge.emulators.amocrm.staff import Staff
from ringbridge.emulators.amocrm.traffic import Traffic
from ringbridge.emulators.amocrm.widget import Widget
from ringbridge.emulators.common.chores import Chores

Clock = Callable[[], datetime]
Row = dict[str, Any]

_FIRST_ID = 40401001


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ringing:
    """A pop-up of an incoming call, as POST /api/v2/events ordered it."""

    at: datetime
    phone: str
    users: tuple[int, ...]  # who sees it
    place: Entity | None  # the card that it opens; None offers to create a contact
    uid: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(slots=True, kw_only=True)
class Account:
    """State and settings. `clock` gives aware datetimes and drives quotas and tokens: tests move it by hand."""

    settings: Settings = field(default_factory=Settings)
    clock: Clock = utc_now
    id: int = 12345678
    name: str = "Example"
    subdomain: str = "example"
    address: str = "https://example.amocrm.ru"  # scheme and host, no slash; the server sets its own
    former: set[str] = field(default_factory=set)  # hosts at which the account lived before
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    amojo_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: int = 1_600_000_000
    staff: Staff = field(default_factory=Staff)
    fields: Fields = field(default_factory=Fields)
    pipelines: Pipelines = field(default_factory=Pipelines)
    tags: dict[str, dict[int, str]] = field(default_factory=dict)  # by entity: id -> name
    notes: dict[int, Row] = field(default_factory=dict)
    tasks: dict[int, Row] = field(default_factory=dict)
    sources: dict[int, Row] = field(default_factory=dict)
    unsorted: dict[str, Row] = field(default_factory=dict)
    sorted: list[Row] = field(default_factory=list)  # accepted and declined incoming leads
    webhooks: dict[int, Row] = field(default_factory=dict)
    delivered: list[tuple[str, str, int]] = field(default_factory=list)  # what, address, answered status (0: none)
    history: list[Event] = field(default_factory=list)
    ringing: list[Ringing] = field(default_factory=list)
    widget: Widget | None = None
    chores: Chores = field(default_factory=Chores)
    traffic: Traffic = field(default_factory=Traffic)
    faults: Faults = field(default_factory=Faults)
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(_FIRST_ID))
    entities: Entities = field(init=False)
    access: Access = field(init=False)
    throttle: Throttle = field(init=False)
    first_host: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self.entities = Entities(fields=self.fields)
        self.access = Access(settings=self.settings)
        self.throttle = Throttle(settings=self.settings)
        self.serve_at(self.address)

    @classmethod
    def demo(cls, *, settings: Settings | None = None, clock: Clock = utc_now) -> Account:
        """A small office: five employees, one integration, two pipelines, a few contacts."""
        account = cls(settings=settings or Settings(), clock=clock)
        demo.furnish(account)
        return account

    def serve_at(self, address: str) -> None:
        """It lives here from the start: nothing is left at another host."""
        self.address = address
        self.first_host = self.host

    def move(self, address: str) -> None:
        """It gets another host; the former one answers that no account is there."""
        self.former.add(self.host)
        self.address = address
        self.subdomain = self.host.partition(".")[0]
        self.former.discard(self.host)

    @property
    def host(self) -> str:
        return urlsplit(self.address).netloc

    @property
    def api_domain(self) -> str:
        """Where the account can always be asked for, whatever it is called now."""
        return self.settings.api_domain or self.first_host

    def now(self) -> int:
        return int(self.clock().timestamp())

    def next_id(self) -> int:
        return next(self.ids)

    def claims(self) -> Row:
        """What an access token says of the account."""
        return {
            "account_id": self.id,
            "base_domain": self.settings.brand.value,
            "api_domain": self.api_domain,
        }

    def issue(self, integration: Integration, user_id: int) -> tuple[str, str]:
        """A pair of tokens."""
        return self.access.issue(integration, user_id, self.clock(), self.claims())

    def long_lived_token(self, integration: Integration, user_id: int, *, days: int = 365) -> str:
        return self.access.issue_long_lived(integration, user_id, self.clock(), self.claims(), days=days)

    def one_time_token(self, integration: Integration, user_id: int, **claims: Any) -> str:
        """What `$authorizedAjax` sends as X-Auth-Token. `claims` replace some, for tokens that must be refused."""
        at = self.now()
        user = self.staff.users.get(user_id)
        said = {
            "iss": self.address,
            "aud": integration.origin,
            "jti": str(uuid.uuid4()),
            "iat": at,
            "nbf": at,
            "exp": at + int(self.settings.one_time_token_lifetime.total_seconds()),
            "account_id": self.id,
            "subdomain": self.subdomain,
            "client_uuid": integration.client_id,
            "user_id": user_id,
            "is_admin": bool(user and user.admin),
        }
        return jwt.by_secret(said | claims, integration.client_secret)

    def note_event(
        self, kind: EventType, entity: tuple[str, int], by: int, *, before: list[Row] | None = None,
        after: list[Row] | None = None,
    ) -> None:  # fmt: skip
        """Write it into the history; `entity` is a single word and an id."""
        self.history.append(
            Event(
                id=event_id(),
                type=kind,
                entity_type=entity[0],
                entity_id=entity[1],
                created_by=by,
                created_at=self.now(),
                before=before or (),
                after=after or (),
            )
        )
