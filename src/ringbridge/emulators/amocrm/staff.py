"""The people of an account and what they may do.

Source: amoCRM API v4, "Users": rights are letters, A all, G the group's, M mine, D none.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

ALL, GROUP, MINE, DENIED = "A", "G", "M", "D"
_ACTIONS = ("view", "edit", "add", "delete", "export")
_OF_ALL = dict.fromkeys(_ACTIONS, ALL)


@dataclass(slots=True, kw_only=True)
class User:
    id: int
    name: str
    email: str
    admin: bool = False
    active: bool = True
    group_id: int = 0
    role_id: int | None = None
    phone: str = ""
    lang: str = "ru"
    rights: dict[str, dict[str, str]] = field(default_factory=dict)  # by entity: what differs from "all"
    amojo_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))

    def may(self, action: str, entity: str, responsible: int) -> bool:
        """Whether this person may do it to an entity of that responsible. Groups count as one."""
        if self.admin:
            return True
        letter = self.rights.get(entity, _OF_ALL).get(action, ALL)
        return letter in {ALL, GROUP} or (letter == MINE and responsible == self.id)

    def row(self) -> dict[str, Any]:
        of = {kind: _OF_ALL | self.rights.get(kind, {}) for kind in ("leads", "contacts", "companies")}
        tasks = {
            name: value
            for name, value in (_OF_ALL | self.rights.get("tasks", {})).items()
            if name in {"edit", "delete"}
        }
        return {
            "id": self.id,
            "name": self.name,
            "email": self.email,
            "lang": self.lang,
            "rights": {
                **of,
                "tasks": tasks,
                "mail_access": False,
                "catalog_access": False,
                "files_access": False,
                "status_rights": [],
                "is_admin": self.admin,
                "is_free": False,
                "is_active": self.active,
                "group_id": self.group_id or None,
                "role_id": self.role_id,
            },
        }


@dataclass(slots=True, kw_only=True)
class Group:
    id: int
    name: str
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(slots=True, kw_only=True)
class Staff:
    users: dict[int, User] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)

    def active(self, user_id: Any) -> bool:
        user = self.users.get(user_id) if isinstance(user_id, int) else None
        return user is not None and user.active

    def name(self, user_id: int) -> str:
        user = self.users.get(user_id)
        return user.name if user else ("" if not user_id else f"#{user_id}")
