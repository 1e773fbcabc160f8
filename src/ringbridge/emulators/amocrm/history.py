"""What happened in the account, as GET /api/v4/events tells it.

Source: amoCRM API v4, "Events".
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class EventType(StrEnum):
    LEAD_ADDED = "lead_added"
    LEAD_DELETED = "lead_deleted"
    LEAD_RESTORED = "lead_restored"
    LEAD_STATUS_CHANGED = "lead_status_changed"
    CONTACT_ADDED = "contact_added"
    CONTACT_DELETED = "contact_deleted"
    CONTACT_RESTORED = "contact_restored"
    COMPANY_ADDED = "company_added"
    COMPANY_DELETED = "company_deleted"
    COMPANY_RESTORED = "company_restored"
    ENTITY_RESPONSIBLE_CHANGED = "entity_responsible_changed"
    ENTITY_LINKED = "entity_linked"
    ENTITY_UNLINKED = "entity_unlinked"
    ENTITY_TAG_ADDED = "entity_tag_added"
    INCOMING_CALL = "incoming_call"
    OUTGOING_CALL = "outgoing_call"
    COMMON_NOTE_ADDED = "common_note_added"
    SERVICE_NOTE_ADDED = "service_note_added"
    TASK_ADDED = "task_added"
    TASK_COMPLETED = "task_completed"
    NAME_FIELD_CHANGED = "name_field_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    id: str
    type: EventType
    entity_id: int
    entity_type: str  # "contact"
    created_by: int
    created_at: int
    before: Sequence[dict[str, Any]] = ()
    after: Sequence[dict[str, Any]] = ()

    def row(self, account_id: int) -> dict[str, Any]:
        return {
            "id": self.id,
            "type": self.type.value,
            "entity_id": self.entity_id,
            "entity_type": self.entity_type,
            "created_by": self.created_by,
            "created_at": self.created_at,
            "value_after": list(self.after),
            "value_before": list(self.before),
            "account_id": account_id,
        }


def event_id() -> str:
    return f"01{secrets.token_hex(12)}"
