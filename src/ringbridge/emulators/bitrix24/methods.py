"""Every REST method that the portal knows."""

from __future__ import annotations

from typing import Any

from ringbridge.emulators.bitrix24 import (
    activities,
    batch,
    crm,
    events,
    finishing,
    lines,
    offline,
    placements,
    recordings,
    statistics,
    system,
    tasks,
    telephony,
    users,
)
from ringbridge.emulators.bitrix24.request import Method, Request
from ringbridge.emulators.bitrix24.wire import text

_TELEPHONY = ("telephony",)
_USERS = ("user", "user_basic", "user_brief")


async def _batch(request: Request) -> Any:
    return await batch.run(request, METHODS)


async def _method_get(request: Request) -> Any:
    """Whether a method exists, and whether the caller's scopes open it."""
    method = METHODS.get(text(request.params.get("name")).lower())
    opened = method is not None and (not method.scopes or bool(set(method.scopes) & set(request.caller.scopes)))
    return {"isExisting": method is not None, "isAvailable": opened}


async def _methods(_: Request) -> Any:
    return sorted(METHODS)


_ALL = (
    Method(name="batch", run=_batch, in_batch=False, counted=False),
    Method(name="telephony.externalCall.register", run=telephony.register, scopes=_TELEPHONY, telephony=True),
    Method(name="telephony.externalCall.finish", run=finishing.finish, scopes=_TELEPHONY, telephony=True),
    Method(name="telephony.externalCall.show", run=telephony.show, scopes=_TELEPHONY),
    Method(name="telephony.externalCall.hide", run=telephony.hide, scopes=_TELEPHONY),
    Method(name="telephony.externalCall.attachRecord", run=recordings.attach_record, scopes=_TELEPHONY),
    Method(name="telephony.externalCall.searchCrmEntities", run=telephony.search_crm_entities, scopes=_TELEPHONY),
    Method(name="telephony.externalLine.add", run=lines.add, scopes=_TELEPHONY, telephony=True),
    Method(name="telephony.externalLine.get", run=lines.get, scopes=_TELEPHONY, telephony=True),
    Method(name="telephony.externalLine.update", run=lines.update, scopes=_TELEPHONY, telephony=True),
    Method(name="telephony.externalLine.delete", run=lines.delete, scopes=_TELEPHONY, telephony=True),
    Method(name="telephony.call.attachTranscription", run=statistics.attach_transcription, scopes=_TELEPHONY),
    Method(name="voximplant.statistic.get", run=statistics.get, scopes=_TELEPHONY),
    Method(name="user.get", run=users.get, scopes=_USERS),
    Method(name="user.current", run=users.current, scopes=_USERS),
    Method(name="user.search", run=users.search, scopes=_USERS),
    Method(name="department.get", run=users.departments, scopes=("department",)),
    Method(name="timeman.status", run=users.working_day, scopes=("timeman",)),
    Method(name="app.info", run=system.app_info),
    Method(name="profile", run=system.profile),
    Method(name="scope", run=system.scope),
    Method(name="server.time", run=system.server_time),
    Method(name="feature.get", run=system.feature_get),
    Method(name="method.get", run=_method_get),
    Method(name="methods", run=_methods),
    *crm.METHODS,
    *activities.METHODS,
    *tasks.METHODS,
    *events.METHODS,
    *offline.METHODS,
    *placements.METHODS,
)

METHODS = {method.name.lower(): method for method in _ALL}
