"""The employees of the portal."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class WorkingDay(StrEnum):
    OPENED = "OPENED"
    CLOSED = "CLOSED"
    PAUSED = "PAUSED"
    EXPIRED = "EXPIRED"
    UNAVAILABLE = "UNAVAILABLE"  # not tracked for this employee
    NOT_INSTALLED = "NOT_INSTALLED"


@dataclass(slots=True, kw_only=True)
class User:
    id: int
    name: str
    last_name: str = ""
    active: bool = True
    admin: bool = False
    inner_phone: str = ""
    work_phone: str = ""
    personal_phone: str = ""
    personal_mobile: str = ""
    email: str = ""
    position: str = ""
    departments: list[int] = field(default_factory=lambda: [1])
    user_type: str = "employee"
    online: bool = True
    working_day: WorkingDay = WorkingDay.OPENED
    sees_statistics: bool = True

    @property
    def full_name(self) -> str:
        return f"{self.name} {self.last_name}".strip()

    @property
    def phones(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.inner_phone, self.work_phone, self.personal_phone, self.personal_mobile)))


@dataclass(slots=True, kw_only=True)
class Department:
    id: int
    name: str
    parent: int | None = None
    head: int | None = None


@dataclass(slots=True)
class Staff:
    users: dict[int, User] = field(default_factory=dict)
    departments: dict[int, Department] = field(default_factory=dict)

    def active(self, user_id: int) -> User | None:
        """A real employee who still works here."""
        user = self.users.get(user_id)
        return user if user is not None and user.active and user.user_type == "employee" else None

    def by_inner_phone(self, number: str) -> User | None:
        if not number:
            return None
        return next((user for user in self.users.values() if user.active and user.inner_phone == number), None)
