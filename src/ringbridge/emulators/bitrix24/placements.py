"""placement.bind, get, unbind, list, and im.notify: where an application shows itself and speaks.

Source: Bitrix24 REST docs, "Widgets" (`placement.*`) and "Notifications" (`im.notify*`).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ringbridge.emulators.bitrix24 import refusals
from ringbridge.emulators.bitrix24.refusals import Refusal
from ringbridge.emulators.bitrix24.request import Method, Request
from ringbridge.emulators.bitrix24.wire import Params, mapping, text, whole

WORKER = "PAGE_BACKGROUND_WORKER"
PLACEMENTS = (
    "CALL_CARD", "TELEPHONY_ANALYTICS_MENU", WORKER, "LEFT_MENU", "CRM_LEAD_DETAIL_TAB", "CRM_DEAL_DETAIL_TAB",
    "CRM_CONTACT_DETAIL_TAB", "CRM_COMPANY_DETAIL_TAB",
)  # fmt: skip
_IN_BODY = 200  # these errors come with a good status


async def bind(request: Request) -> bool:
    params = request.upper()
    place, handler = text(params.get("PLACEMENT")).upper(), text(params.get("HANDLER"))
    for name, value in (("PLACEMENT", place), ("HANDLER", handler)):
        if not value:
            raise refusals.missing_argument(name)
    if not request.is_admin:
        raise refusals.ACCESS_DENIED.refusal()
    if place not in PLACEMENTS:
        raise Refusal("ERROR_PLACEMENT_NOT_FOUND", "Placement not found", status=_IN_BODY)
    _check_worker(request, place, params)
    number = request.application.id if request.application else 0
    bound = request.portal.placements
    if any((one["application_id"], one["placement"], one["handler"]) == (number, place, handler) for one in bound):
        raise Refusal("ERROR_CORE", "Unable to set placement handler: Handler already binded")
    bound.append(
        {
            "application_id": number,
            "placement": place,
            "userId": whole(params.get("USER_ID")),
            "handler": handler,
            "options": mapping(params.get("OPTIONS")),
            "title": text(params.get("TITLE")),
            "description": text(params.get("DESCRIPTION")),
            "langAll": mapping(params.get("LANG_ALL")),
        }
    )
    return True


def _check_worker(request: Request, place: str, params: Params) -> None:
    if whole(params.get("USER_ID")) and place != WORKER:
        raise Refusal("ERROR_PLACEMENT_USER_MODE", "User mode is not available for this placement", status=_IN_BODY)
    if place != WORKER:
        return
    if not urlsplit(text(mapping(params.get("OPTIONS")).get("errorHandlerUrl"))).scheme:
        raise Refusal("EMPTY_ERROR_HANDLER_URL", "errorHandlerUrl is empty", status=_IN_BODY)
    if any(one["placement"] == WORKER for one in _own(request)):
        raise Refusal("ERROR_PLACEMENT_MAX_COUNT", "Placement max count exceeded", status=_IN_BODY)


def _own(request: Request) -> list[Params]:
    number = request.application.id if request.application else 0
    return [one for one in request.portal.placements if one["application_id"] == number]


async def get(request: Request) -> Any:
    return [{name: value for name, value in one.items() if name != "application_id"} for one in _own(request)]


async def unbind(request: Request) -> Params:
    params = request.upper()
    place, handler = text(params.get("PLACEMENT")).upper(), text(params.get("HANDLER"))
    if not place:
        raise refusals.missing_argument("PLACEMENT")
    gone = [one for one in _own(request) if one["placement"] == place and handler in {"", one["handler"]}]
    for one in gone:
        request.portal.placements.remove(one)
    return {"count": len(gone)}


async def names(_: Request) -> Any:
    return list(PLACEMENTS)


async def notify(request: Request) -> int:
    """A notification for one employee; a repeated TAG takes the place of the older one."""
    params = request.upper()
    user_id, message, tag = (
        whole(params.get("USER_ID", params.get("TO"))),
        text(params.get("MESSAGE")),
        params.get("TAG"),
    )
    if request.portal.staff.active(user_id) is None:
        raise Refusal("USER_ID_EMPTY", "User ID can't be empty")
    if not message:
        raise Refusal("MESSAGE_EMPTY", "Message can't be empty")
    notes = request.portal.notifications
    number = max((one["id"] for one in notes), default=0) + 1
    if tag is not None:
        notes[:] = [one for one in notes if one["tag"] != tag]
    notes.append({"id": number, "user_id": user_id, "message": message, "tag": tag})
    return number


_IM = ("im",)
_PLACEMENT = ("placement",)

METHODS = (
    Method(name="placement.bind", run=bind, scopes=_PLACEMENT, application_only=True),
    Method(name="placement.get", run=get, scopes=_PLACEMENT, application_only=True),
    Method(name="placement.unbind", run=unbind, scopes=_PLACEMENT, application_only=True),
    Method(name="placement.list", run=names, scopes=_PLACEMENT, application_only=True),
    Method(name="im.notify", run=notify, scopes=_IM),
    Method(name="im.notify.personal.add", run=notify, scopes=_IM),
    Method(name="im.notify.system.add", run=notify, scopes=_IM),
)
