"""The page of the portal: what its employees would see on their screens, live.

The page asks `/_emulator/board` every second or so and changes only what changed, so a recording that plays goes on
playing. Nothing is loaded from elsewhere.
"""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ringbridge.emulators.bitrix24.calls import ActiveCall, CallRecord, CallType
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.emulators.bitrix24.people import User
from ringbridge.emulators.bitrix24.phones import display
from ringbridge.emulators.bitrix24.portal import Portal

_FOLDER = Path(__file__).parent / "page"
_NEWEST = 100

WORDS = {
    "en": {
        "title": "Emulated Bitrix24",
        "about": "What the company's employees would see on their portal.",
        "language": "Русский",
        "screens": "On the screens now",
        "quiet": "no open card",
        "calls": "Calls",
        "no_calls": "No finished call yet.",
        "missed": "Missed, to be called back",
        "running": "Running",
        "finished": "Finished",
        "requests": "REST requests",
        "leads": "Leads",
        "no_leads": "No leads yet.",
        "contacts": "Contacts",
        "when": "When",
        "kind": "Call",
        "number": "Number",
        "employee": "Employee",
        "duration": "Talk",
        "status": "Status",
        "line": "Line",
        "client": "Client",
        "recording": "Recording",
        "responsible": "Responsible",
        "source": "Source",
        "unknown": "unknown client",
        "in": "incoming",
        "out": "outgoing",
        "transferred": "transferred",
        "callback": "callback",
        "info": "info",
        "lost": "The portal does not answer. Trying again…",
        "click": "Call from the portal",
        "call": "Call",
    },
    "ru": {
        "title": "Эмулятор Битрикс24",
        "about": "Что сотрудники компании видят на своём портале.",
        "language": "English",
        "screens": "Сейчас на экранах",
        "quiet": "карточек нет",
        "calls": "Звонки",
        "no_calls": "Завершённых звонков пока нет.",
        "missed": "Пропущено, ждут звонка",
        "running": "Идёт",
        "finished": "Завершено",
        "requests": "Запросов REST",
        "leads": "Лиды",
        "no_leads": "Лидов пока нет.",
        "contacts": "Контакты",
        "when": "Когда",
        "kind": "Звонок",
        "number": "Номер",
        "employee": "Сотрудник",
        "duration": "Разговор",
        "status": "Статус",
        "line": "Линия",
        "client": "Клиент",
        "recording": "Запись",
        "responsible": "Ответственный",
        "source": "Источник",
        "unknown": "неизвестный клиент",
        "in": "входящий",
        "out": "исходящий",
        "transferred": "переведён",
        "callback": "обратный",
        "info": "инфо",
        "lost": "Портал не отвечает. Пробуем ещё…",
        "click": "Позвонить с портала",
        "call": "Позвонить",
    },
}
STATUSES = {
    "en": {
        "200": "answered", "304": "missed", "402": "no funds", "403": "forbidden", "404": "wrong number",
        "423": "blocked", "480": "no answer", "484": "unavailable", "486": "busy", "503": "unavailable",
        "603": "declined", "603-S": "cancelled",
    },
    "ru": {
        "200": "успешный", "304": "пропущен", "402": "нет средств", "403": "запрещён", "404": "неверный номер",
        "423": "заблокирован", "480": "не ответили", "484": "недоступен", "486": "занято", "503": "недоступен",
        "603": "отклонён", "603-S": "отменён",
    },
}  # fmt: skip
_KIND_WORDS = {
    CallType.OUTGOING: "out",
    CallType.INCOMING: "in",
    CallType.REDIRECTED: "transferred",
    CallType.CALLBACK: "callback",
    CallType.INFO: "info",
}


def language_of(http: Request) -> str:
    """``lang`` of the address, else the first of Accept-Language that there is, else English."""
    chosen = http.query_params.get("lang")
    if chosen in WORDS:
        return chosen
    for part in http.headers.get("accept-language", "").split(","):
        wanted = part.partition(";")[0].strip().lower()[:2]
        if wanted in WORDS:
            return wanted
    return "en"


async def page(http: Request) -> Response:
    language = language_of(http)
    words = WORDS[language] | {"statuses": STATUSES[language], "lang": language}
    html = (_FOLDER / "portal.html").read_text(encoding="utf-8")
    for name, word in WORDS[language].items():
        html = html.replace(f"{{{{ {name} }}}}", word)
    html = html.replace("{{ lang }}", language).replace("{{ other }}", "en" if language == "ru" else "ru")
    return HTMLResponse(html.replace("{{ words }}", json.dumps(words, ensure_ascii=False).replace("<", "\\u003c")))


async def board(http: Request) -> Response:
    portal: Portal = http.app.state.portal
    return JSONResponse(seen(portal))


def seen(portal: Portal) -> dict[str, Any]:
    """What the page shows."""
    telephony = portal.telephony
    newest = islice(reversed(telephony.finished.values()), _NEWEST)
    return {
        "running": len(telephony.active),
        "finished": len(telephony.finished),
        "missed": sum(one.closed_by is None for one in telephony.missed),
        "requests": portal.traffic.requests,
        "screens": [_screen(portal, user) for user in portal.staff.users.values() if user.active],
        "calls": [_call(portal, record) for record in newest],
        "leads": [_client(portal, Kind.LEAD, row) for row in _latest(portal, Kind.LEAD)],
        "contacts": [_client(portal, Kind.CONTACT, row) for row in _latest(portal, Kind.CONTACT)],
        "click": any(handler.event == "ONEXTERNALCALLSTART" for handler in portal.bus.handlers),
    }


def _latest(portal: Portal, kind: Kind) -> list[dict[str, Any]]:
    return list(islice(reversed(portal.clients.rows[kind].values()), _NEWEST))


def _screen(portal: Portal, user: User) -> dict[str, Any]:
    cards = []
    for call_id in portal.telephony.cards.shown.get(user.id, []):
        call = portal.telephony.active.get(call_id)
        record = portal.telephony.finished.get(call_id)
        if call is not None or record is not None:
            cards.append({**_shown(portal, call or record.call), "over": call is None})  # type: ignore[union-attr]
    return {"id": user.id, "name": user.full_name, "inner": user.inner_phone, "cards": cards}


def _shown(portal: Portal, call: ActiveCall) -> dict[str, Any]:
    kind, client = call.primary or (None, None)
    return {
        "id": call.call_id,
        "kind": _KIND_WORDS[call.type],
        "number": display(call.written),
        "line": call.line.number if call.line else "",
        "started": call.started.isoformat(),
        "client": portal.clients.name(Kind(kind), client) if kind and client else "",
        "anchor": f"{kind.lower()}-{client}" if kind else "",
    }


def _call(portal: Portal, record: CallRecord) -> dict[str, Any]:
    return {
        **_shown(portal, record.call),
        "user": portal.user_name(record.user_id),
        "duration": record.duration,
        "code": record.code,
        "file": record.record_file_id,
    }


def _client(portal: Portal, kind: Kind, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"{kind.lower()}-{row['ID']}",
        "name": portal.clients.name(kind, int(row["ID"])),
        "phones": [display(phone["VALUE"]) for phone in row.get("PHONE", [])],
        "source": row.get("SOURCE_ID") or "",
        "user": portal.user_name(int(row["ASSIGNED_BY_ID"])),
        "created": row["DATE_CREATE"],
    }


ROUTES = [
    Route("/", page),
    Route("/_emulator/board", board),
    Mount("/_emulator/page", StaticFiles(directory=_FOLDER)),
]
