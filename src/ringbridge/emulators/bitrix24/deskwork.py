"""What people do on the portal that reaches an application: clicking a number, ordering a callback, installing.

Source: Bitrix24 REST docs, `OnExternalCallStart`, `OnExternalCallBackStart`, `OnAppInstall`, `OnAppUninstall`.
"""

from __future__ import annotations

import secrets

from ringbridge.emulators.bitrix24 import leads
from ringbridge.emulators.bitrix24.bus import Handler
from ringbridge.emulators.bitrix24.calls import ActiveCall, CallType, Line
from ringbridge.emulators.bitrix24.oauth import Application
from ringbridge.emulators.bitrix24.phones import normalise, strip_letters
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.telephony import clients_of
from ringbridge.emulators.common.control import NobodyThere


class NoSuchApplication(NobodyThere):
    """The portal has no application to tell."""


def click(portal: Portal, *, user_id: int, number: str, line: str = "", application: Application | None = None) -> str:
    """An employee clicks a number: the portal registers the call itself and tells the line's application.

    Returns the CALL_ID that the application shall finish.
    """
    application = application or _first(portal)
    digits, _, extension = number.partition(";")
    chosen = _line(portal, application, line)
    now = portal.clock()
    call = ActiveCall(
        call_id=f"externalCall.{secrets.token_hex(16)}.{int(now.timestamp())}",
        user_id=user_id,
        phone=strip_letters(digits),
        written=digits.strip(),
        type=CallType.OUTGOING,
        started=now,
        registered=now,
        application_id=application.id,
        line=chosen,
        bindings=clients_of(portal, digits),
    )
    if chosen is None or chosen.crm_auto_create == "Y":
        leads.create_for(portal, call, source="CALL")
    portal.telephony.active[call.call_id] = call
    portal.telephony.cards.show(user_id, call.call_id, now, "click")
    kind, client = call.primary or ("", "")
    data = {
        "PHONE_NUMBER": digits.strip(),
        "PHONE_NUMBER_INTERNATIONAL": f"+{normalise(digits)}",
        "EXTENSION": extension,
        "USER_ID": user_id,
        "CALL_LIST_ID": 0,
        "LINE_NUMBER": chosen.number if chosen else "",
        "IS_MOBILE": 0,
        "CALL_ID": call.call_id,
        "CRM_ENTITY_TYPE": kind,
        "CRM_ENTITY_ID": client,
        "CRM_CREATED_LEAD": call.created_lead,
        "CRM_CREATED_ENTITIES": [{"ENTITY_TYPE": one, "ENTITY_ID": n} for one, n in call.created],
    }
    portal.emit("ONEXTERNALCALLSTART", data, user_id=user_id, only=application.id)
    if portal.settings.start_event_by_outgoing_webhook:
        portal.emit_to_outgoing_webhooks("ONEXTERNALCALLSTART", data)
    return call.call_id


def order_callback(portal: Portal, *, number: str, text: str = "", line: str = "") -> None:
    """A visitor leaves a number in a form: the application must register the call itself, as TYPE 4."""
    kind, client = next(iter(clients_of(portal, number)), ("", 0))
    data = {
        "PHONE_NUMBER": number,
        "TEXT": text,
        "VOICE": "ruinternalfemale",
        "CRM_ENTITY_TYPE": kind,
        "CRM_ENTITY_ID": client or "",
        "LINE_NUMBER": line,
    }
    portal.emit("ONEXTERNALCALLBACKSTART", data)


def install(portal: Portal, url: str, *, user_id: int, application: Application | None = None) -> None:
    """An administrator adds the application: its installation address gets the tokens."""
    application = application or _first(portal)
    application.installed = True
    data = {"VERSION": 1, "ACTIVE": "Y", "INSTALLED": "Y", "LANGUAGE_ID": portal.settings.language.value}
    handler = Handler(id=0, event="ONAPPINSTALL", application_id=application.id, url=url)
    portal.post(handler, data, user_id)


def uninstall(portal: Portal, *, clean: bool = False, application: Application | None = None) -> None:
    """It is removed: tokens die, handlers and lines go, and it is told so without a token."""
    application = application or _first(portal)
    portal.emit(
        "ONAPPUNINSTALL", {"LANGUAGE_ID": portal.settings.language.value, "CLEAN": int(clean)}, only=application.id
    )
    application.installed = False
    access = portal.access
    for tokens in (access.access, access.refresh, access.codes):
        for name in [name for name, token in tokens.items() if token.application is application]:
            del tokens[name]
    portal.bus.handlers = [one for one in portal.bus.handlers if one.application_id != application.id]
    portal.telephony.lines = [one for one in portal.telephony.lines if one.application_id != application.id]


def _first(portal: Portal) -> Application:
    if not portal.access.applications:
        raise NoSuchApplication("this portal has no application")
    return portal.access.applications[0]


def _line(portal: Portal, application: Application, number: str) -> Line | None:
    lines = portal.telephony.lines
    return next((one for one in lines if (one.number, one.application_id) == (number, application.id)), None)
