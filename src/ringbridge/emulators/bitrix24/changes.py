"""Clients and deals made, changed and deleted, by whomever: the portal tells of each.

Source: Bitrix24 REST docs, the events ONCRM…ADD, ONCRM…UPDATE and ONCRM…DELETE: they carry the id and nothing else.
"""

from __future__ import annotations

from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.wire import Params


def create(portal: Portal, kind: Kind, fields: Params, *, user_id: int) -> int:
    """A new object. Gives its id."""
    number = portal.clients.add(kind, fields, user_id=user_id, at=portal.local(portal.clock()))
    _tell(portal, kind, "ADD", number, user_id)
    return number


def change(portal: Portal, kind: Kind, number: int, fields: Params, *, user_id: int) -> bool:
    """False when there is no such object."""
    at = portal.local(portal.clock())
    changed = portal.clients.update(kind, number, fields, user_id=user_id, at=at)
    if changed:
        _tell(portal, kind, "UPDATE", number, user_id)
    return changed


def delete(portal: Portal, kind: Kind, number: int, *, user_id: int) -> bool:
    """False when there is no such object."""
    deleted = portal.clients.delete(kind, number)
    if deleted:
        _tell(portal, kind, "DELETE", number, user_id)
    return deleted


def _tell(portal: Portal, kind: Kind, what: str, number: int, user_id: int) -> None:
    portal.emit(f"ONCRM{kind}{what}", {"FIELDS": {"ID": number}}, user_id=user_id)
