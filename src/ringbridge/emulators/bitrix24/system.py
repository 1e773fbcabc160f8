"""Methods about the portal and the connection itself.

Source: Bitrix24 REST docs, "Common methods" (app.info, profile, scope, server.time, method.get, feature.get).
"""

from __future__ import annotations

from typing import Any

from ringbridge.emulators.bitrix24 import refusals
from ringbridge.emulators.bitrix24.oauth import ALL_SCOPES
from ringbridge.emulators.bitrix24.request import Request
from ringbridge.emulators.bitrix24.wire import truthy


async def app_info(request: Request) -> Any:
    application = request.application
    if application is None:
        raise refusals.ACCESS_DENIED.refusal("Access denied! Application context required")
    return {
        "ID": application.id,
        "CODE": application.client_id,
        "VERSION": 1,
        "STATUS": "L",
        "INSTALLED": application.installed,
        "PAYMENT_EXPIRED": "N" if application.paid else "Y",
        "DAYS": None,
        "LANGUAGE_ID": request.portal.settings.language.value,
        "LICENSE": "ru_pro100",
        "LICENSE_TYPE": "pro100",
        "LICENSE_FAMILY": "pro",
    }


async def profile(request: Request) -> Any:
    user = request.user
    if user is None:
        raise refusals.NO_AUTH_FOUND.refusal()
    return {
        "ID": str(user.id),
        "ADMIN": user.admin,
        "NAME": user.name,
        "LAST_NAME": user.last_name,
        "PERSONAL_GENDER": "",
        "TIME_ZONE": "",
    }


async def scope(request: Request) -> Any:
    return list(ALL_SCOPES if truthy(request.params.get("full")) else request.caller.scopes)


async def server_time(request: Request) -> Any:
    return request.portal.local(request.portal.clock())


async def feature_get(request: Request) -> Any:
    code = request.upper().get("CODE")
    if not code:
        raise refusals.missing_argument("CODE")
    has = code == "rest_offline_extended" and request.portal.settings.offline_confirmation
    return {"value": "Y" if has else "N"}
