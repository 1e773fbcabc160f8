"""The portal as a web application: REST, tokens, files, and what tests steer it by.

Source: Bitrix24 REST docs, "General principles", "Domain change", "OAuth 2.0".
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from ringbridge.emulators.bitrix24 import control, page, recordings, refusals
from ringbridge.emulators.bitrix24.batch import FILE_METHODS, called_methods
from ringbridge.emulators.bitrix24.execution import envelope, execute
from ringbridge.emulators.bitrix24.faults import Fault, FaultKind
from ringbridge.emulators.bitrix24.methods import METHODS
from ringbridge.emulators.bitrix24.oauth import Caller
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.refusals import Refusal
from ringbridge.emulators.bitrix24.wire import Params, parse_json, text, write
from ringbridge.emulators.common.connection import cut, hang
from ringbridge.emulators.common.forms import nest, parse_query
from ringbridge.emulators.common.webserver import webpage

_HTML = {
    FaultKind.UNAVAILABLE: (503, "503 Service Temporarily Unavailable"),
    FaultKind.HTML_500: (500, "500 Internal Server Error"),
    FaultKind.HTML_200: (200, "The portal is being updated"),
    FaultKind.GATEWAY_TIMEOUT: (504, "504 Gateway Time-out"),
}


def create_app(portal: Portal) -> Starlette:
    """The portal's web side. The server's lifespan sends events; without one, `portal.chores.finish_waiting()` does."""
    app = Starlette(
        lifespan=portal.chores.lifespan,
        routes=[
            Route("/rest/{path:path}", rest, methods=["GET", "POST"]),
            Route("/oauth/authorize/", oauth_authorize),
            Route("/oauth/token/", oauth_token, methods=["GET", "POST"]),
            Route("/oauth/token", oauth_token, methods=["GET", "POST"]),
            *control.ROUTES,
            *page.ROUTES,
        ],
    )
    app.state.portal = portal
    return app


async def rest(http: HttpRequest) -> Response:
    """Everything under /rest/: the door, then the fault that is due, then the method."""
    portal: Portal = http.app.state.portal
    portal.traffic.requests += 1
    response = await _rest(portal, http)
    portal.traffic.statuses[response.status_code] += 1
    return response


async def _rest(portal: Portal, http: HttpRequest) -> Response:
    if portal.moved_to is not None and urlsplit(portal.moved_to).netloc != http.url.netloc:
        return _moved(http, portal.moved_to)
    path = [part for part in http.path_params["path"].split("/") if part]
    name = path[-1].removesuffix(".json") if path else ""
    params, files = await decode(http)
    fault = portal.faults.for_request({name.lower()} | (called_methods(params) if name.lower() == "batch" else set()))
    try:
        if fault is not None and (struck := await _strike(portal, http, fault)) is not None:
            return struck
        response = await _answer(portal, http, path, name, params, files)
    except Refusal as refusal:
        response = _json(portal, refusal.body(), refusal.status)
    if fault is not None and fault.kind is FaultKind.LOSE_ANSWER:
        return await cut(http)
    if fault is not None and fault.kind is FaultKind.GATEWAY_TIMEOUT:
        return webpage(*_HTML[fault.kind])
    return response


async def _strike(portal: Portal, http: HttpRequest, fault: Fault) -> Response | None:
    """What the fault does before anything is executed; None when its time comes later."""
    refusal = fault.refusal(portal_deleted_status=portal.settings.portal_deleted_status)
    if refusal is not None:
        raise refusal
    match fault.kind:
        case FaultKind.MOVED:
            return _moved(http, fault.location or portal.address)
        case FaultKind.HANG:
            return await hang(http)
        case FaultKind.CUT:
            return await cut(http)
        case FaultKind.UNAVAILABLE | FaultKind.HTML_500 | FaultKind.HTML_200:
            return webpage(*_HTML[fault.kind])
    return None


async def _answer(
    portal: Portal, http: HttpRequest, path: list[str], name: str, params: Params, files: Params
) -> Response:
    if portal.settings.https_required and http.url.scheme != "https":
        raise refusals.HTTPS_REQUIRED.refusal()
    _count(portal, http)
    if name.lower() in FILE_METHODS:
        return await _file(portal, name.lower(), params, files)
    caller = _caller(portal, path, params)
    done = await execute(portal, METHODS, caller, name, params)
    return _json(portal, envelope(done))


def _count(portal: Portal, http: HttpRequest) -> None:
    settings = portal.settings
    address = http.client.host if http.client else ""
    if settings.rate_limit and not portal.bucket.admits(
        address, portal.clock(), drain=settings.drain_per_second, threshold=settings.threshold
    ):
        raise refusals.QUERY_LIMIT.refusal()


def _caller(portal: Portal, path: list[str], params: Params) -> Caller:
    """Who calls: by user and secret in the path, else by the token in `auth`, which is no parameter of the method."""
    token = text(params.pop("auth", ""))
    match path:
        case [user_id, secret, _]:
            return portal.access.by_webhook(user_id, secret, portal.clock())
        case [_]:
            return portal.access.by_token(token, portal.clock())
    raise refusals.METHOD_NOT_FOUND.refusal()


async def decode(http: HttpRequest) -> tuple[Params, dict[str, tuple[str, bytes]]]:
    """Parameters, and uploaded files by field: query string, then form fields, then, without a form, JSON."""
    params = parse_query(http.url.query)
    kind = http.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        fields, files = await _multipart(http)
        return {**params, **nest(fields)}, files
    body = await http.body()
    if kind == "application/x-www-form-urlencoded":
        return {**params, **parse_query(body.decode("utf-8", "replace"))}, {}
    return {**params, **parse_json(body)}, {}


async def _multipart(http: HttpRequest) -> tuple[list[tuple[str, Any]], dict[str, tuple[str, bytes]]]:
    fields: list[tuple[str, Any]] = []
    files: dict[str, tuple[str, bytes]] = {}
    async with http.form() as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                files[name] = (value.filename or "", await value.read())
            else:
                fields.append((name, value))
    return fields, files


async def _file(portal: Portal, name: str, params: Params, files: dict[str, tuple[str, bytes]]) -> Response:
    token = text(params.get("token"))
    if name == "download":
        number = token.removeprefix("telephony|")
        stored = portal.telephony.files.get(int(number)) if number.isdecimal() else None
        if stored is None:
            return Response("File not found", status_code=404)
        return Response(stored.content, media_type=stored.media_type)
    file_name, content = files.get(recordings.FIELD_NAME, (None, b""))
    result = recordings.upload(portal, token, file_name, content)
    now = portal.clock()
    time = {"start": now.timestamp(), "finish": now.timestamp(), "duration": 0.0, "date_start": portal.local(now)}
    return _json(portal, {"result": result, "time": time})


async def oauth_authorize(http: HttpRequest) -> Response:
    """The authorization page, for a browser whose user has agreed; what is wrong is said here, never redirected."""
    portal: Portal = http.app.state.portal
    client_id = http.query_params.get("client_id", "")
    application = next((one for one in portal.access.applications if one.client_id == client_id), None)
    if application is None or not application.installed:
        return PlainTextResponse("Application not found", status_code=404)
    if not application.redirect_uri:
        return PlainTextResponse("The application has no redirect address", status_code=400)
    query = {
        "code": portal.access.issue_code(application, min(portal.staff.users, default=0), portal.clock()),
        "state": http.query_params.get("state", ""),
        "domain": portal.domain,
        "member_id": portal.member_id,
        "scope": ",".join(application.scopes),
        "server_domain": "oauth.bitrix.info",
    }
    return RedirectResponse(f"{application.redirect_uri}?{urlencode(query)}", status_code=302)


async def oauth_token(http: HttpRequest) -> Response:
    """The authorization server: a code or a refresh token for a fresh pair."""
    portal: Portal = http.app.state.portal
    params, _ = await decode(http)
    now = portal.clock()
    try:
        grant = portal.access.exchange(params, now)
    except Refusal as refusal:
        return _json(portal, refusal.body(), refusal.status)
    access, refresh = portal.access.issue(grant.application, grant.user_id, now)
    lifetime = portal.settings.access_token_lifetime
    return _json(
        portal,
        {
            "access_token": access,
            "expires": int((now + lifetime).timestamp()),
            "expires_in": int(lifetime.total_seconds()),
            "refresh_token": refresh,
            "scope": ",".join(grant.application.scopes),
            "domain": "oauth.bitrix.info",
            "server_endpoint": f"{portal.address}/rest/",
            "client_endpoint": f"{portal.address}/rest/",
            "member_id": portal.member_id,
            "status": "L",
            "user_id": grant.user_id,
        },
    )


def _json(portal: Portal, body: Params, status: int = 200) -> Response:
    body = write(body, empty_map_as_list=portal.settings.empty_map_as_list)
    return JSONResponse(
        body,
        status_code=status,
        media_type="application/json; charset=utf-8",
        headers={"Access-Control-Allow-Origin": "*"},
    )


def _moved(http: HttpRequest, to: str) -> Response:
    query = f"?{http.url.query}" if http.url.query else ""
    return RedirectResponse(f"{to.rstrip('/')}{http.url.path}{query}", status_code=302)
