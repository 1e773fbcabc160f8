"""Clients that the portal makes of unknown numbers.

Source: Bitrix24 REST docs, `telephony.externalCall.register` (CRM_CREATE); titles and exceptions, the on-premise
edition.
"""

from __future__ import annotations

from ringbridge.emulators.bitrix24.calls import ActiveCall, CallType, Entity
from ringbridge.emulators.bitrix24.changes import create
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.emulators.bitrix24.phones import display, normalise
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.settings import CrmMode, Language
from ringbridge.emulators.bitrix24.wire import Params

LOCAL_USER = "Lead creation is disabled for local users"

_TITLES = {
    Language.EN: {CallType.OUTGOING: "Outgoing call", CallType.CALLBACK: "Callback"},
    Language.RU: {CallType.OUTGOING: "Исходящий звонок", CallType.CALLBACK: "Обратный звонок"},
}
_INCOMING = {Language.EN: "Incoming call", Language.RU: "Входящий звонок"}
_SOURCES = {Language.EN: "Call to line {line}", Language.RU: "Звонок на линию {line}"}


def create_for(portal: Portal, call: ActiveCall, *, source: str) -> None:
    """What CRM_CREATE makes for this call; where it may not, `call.lead_error` says why."""
    if call.created or (call.primary and call.primary[0] == Kind.LEAD):
        return
    if call.bindings and (call.type is CallType.OUTGOING or not portal.settings.repeat_for_known_clients):
        return
    if _belongs_to_employee(portal, call.written):
        call.lead_error = LOCAL_USER
        return
    fields = _fields(portal, call, source)
    if portal.settings.mode is CrmMode.CLASSIC:
        lead = create(portal, Kind.LEAD, fields, user_id=call.user_id)
        call.created_lead, call.created = lead, [(Kind.LEAD.value, lead)]
    else:
        call.created = _contact_and_deal(portal, call, fields)
    call.bindings = call.created + call.bindings


def _belongs_to_employee(portal: Portal, written: str) -> bool:
    key = normalise(written)
    return any(
        normalise(number) == key for user in portal.staff.users.values() if user.active for number in user.phones
    )


def _fields(portal: Portal, call: ActiveCall, source: str) -> Params:
    language = portal.settings.language
    title = _TITLES[language].get(call.type, _INCOMING[language])
    if not portal.directories.has("SOURCE", source):
        source = "CALL" if portal.directories.has("SOURCE", "CALL") else "OTHER"
    fields: Params = {
        "TITLE": f"{display(call.written)} - {title}",
        "PHONE": [{"VALUE": call.written if call.written.startswith("+") else call.phone, "VALUE_TYPE": "WORK"}],
        "SOURCE_ID": source,
        "OPENED": "Y",
        "IS_RETURN_CUSTOMER": "Y" if call.bindings else "N",
        "ASSIGNED_BY_ID": call.user_id,
    }
    if call.line is not None:
        fields["SOURCE_DESCRIPTION"] = _SOURCES[language].format(line=call.line.name or call.line.number)
    return fields


def _contact_and_deal(portal: Portal, call: ActiveCall, fields: Params) -> list[Entity]:
    contact = create(portal, Kind.CONTACT, {**fields, "NAME": display(call.written)}, user_id=call.user_id)
    deal = create(portal, Kind.DEAL, {**fields, "CONTACT_ID": contact}, user_id=call.user_id)
    made = {"CONTACT": ("CONTACT", contact), "DEAL": ("DEAL", deal)}
    return [made[kind] for kind in portal.settings.simple_mode_order]
