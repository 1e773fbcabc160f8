"""The door of the interface: who is there, may they pass now, what shall go wrong; then the work.

Source: amoCRM API v4, "General information", "Error codes", "Limitations". Requests over the limit are answered by
what stands in front of the account, in plain words and not in JSON.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from ringbridge.emulators.amocrm.account import Account
from ringbridge.emulators.amocrm.faults import Fault, FaultKind
from ringbridge.emulators.amocrm.limits import Verdict
from ringbridge.emulators.amocrm.oauth import Caller
from ringbridge.emulators.amocrm.problems import LegacyProblem, Problem, not_found, unauthorized
from ringbridge.emulators.amocrm.request import NOTHING, Answer, Handler, Request
from ringbridge.emulators.amocrm.traffic import Asked
from ringbridge.emulators.common.connection import Silent, cut, hang
from ringbridge.emulators.common.forms import parse_query
from ringbridge.emulators.common.webserver import webpage

SESSION = "session_user"
"""The cookie of a person who is logged in to the account."""

HAL, PROBLEM = "application/hal+json", "application/problem+json"
_HTML = {
    FaultKind.HTML_500: (500, "500 Internal Server Error"),
    FaultKind.UNAVAILABLE: (503, "503 Service Temporarily Unavailable"),
    FaultKind.HTML_200: (200, "Technical works"),
    FaultKind.GATEWAY_TIMEOUT: (504, "504 Gateway Time-out"),
    FaultKind.GATEWAY_REFUSED: (504, "504 Gateway Time-out"),
    FaultKind.BLOCKED: (403, "403 Forbidden"),
}


def door(handlers: dict[str, Handler]) -> Callable[[HttpRequest], Awaitable[Response]]:
    """What serves one path; a method that it does not know is 405."""

    async def serve(http: HttpRequest) -> Response:
        return await _Visit(http, handlers).answer()

    return serve


class _Visit:
    """One request on its way through the door."""

    def __init__(self, http: HttpRequest, handlers: dict[str, Handler]) -> None:
        self.http = http
        self.account: Account = http.app.state.account
        self.handlers = handlers
        self.executed = False
        self.caller: Caller | None = None
        self.body: Any = None
        self.given: Any = None

    async def answer(self) -> Response:
        raw = await self.http.body()
        try:
            response = await self._respond(raw)
        except Problem as problem:
            response = refused(problem)
        self._note(response)
        return response

    async def _respond(self, raw: bytes) -> Response:
        account, http = self.account, self.http
        fault = account.faults.for_request(http.method, http.url.path)
        if fault is not None and (struck := await self._strike(fault)) is not None:
            return struck
        try:
            response = self._work(raw)
        except Problem as problem:
            response = refused(problem)
        if fault is not None and fault.kind is FaultKind.LOSE_ANSWER:
            return await cut(http)
        if fault is not None and fault.kind is FaultKind.GATEWAY_TIMEOUT:
            return html(fault.kind)
        return response

    async def _strike(self, fault: Fault) -> Response | None:
        """What the fault does before anything is executed; None when its time comes later."""
        if fault.kind is FaultKind.REVOKED:
            caller = self._known()
            if caller.integration is not None:
                self.account.access.revoke(caller.integration)
        if (problem := fault.problem()) is not None:
            return refused(problem)
        match fault.kind:
            case FaultKind.TOO_MANY:
                return too_many()
            case FaultKind.HANG:
                return await hang(self.http)
            case FaultKind.CUT:
                return await cut(self.http)
            case FaultKind.LOSE_ANSWER | FaultKind.GATEWAY_TIMEOUT:
                return None
        return html(fault.kind)

    def _work(self, raw: bytes) -> Response:
        account, http = self.account, self.http
        if len(http.url.path) + len(http.url.query) > account.settings.longest_address:
            return webpage(414, "414 Request-URI Too Large")
        if http.url.netloc in account.former:
            raise Problem(account.settings.moved_status, "Account not found")
        caller = self._known()
        match account.throttle.ask(caller.owner, account.clock().timestamp()):
            case Verdict.TOO_MANY:
                return too_many()
            case Verdict.BLOCKED if account.settings.block_as_html:
                return html(FaultKind.BLOCKED)
            case Verdict.BLOCKED:
                raise Problem(403, "Forbidden")
        handler = self.handlers.get(http.method)
        if handler is None:
            raise Problem(405, "Method Not Allowed") if self.handlers else not_found()
        self.body = _parsed(raw)
        request = Request(
            account=account,
            caller=caller,
            method=http.method,
            path=http.url.path,
            parts=dict(http.path_params),
            query=parse_query(http.url.query),
            body=self.body,
        )
        answer = handler(request)
        self.executed = True
        self.given = answer.body
        return written(answer)

    def _known(self) -> Caller:
        """Whom the token or the browser's session speaks for. Raises 401."""
        scheme, _, token = self.http.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            caller = self.account.access.by_token(token.strip(), self.account.clock())
        else:
            caller = self._session()
        if not self.account.staff.active(caller.user_id):
            raise unauthorized()
        self.caller = caller
        return caller

    def _session(self) -> Caller:
        """A page of the account asks for itself: the cookie, and the header that no foreign page may send."""
        who = self.http.cookies.get(SESSION, "")
        if not who.isdecimal() or self.http.headers.get("x-requested-with") != "XMLHttpRequest":
            raise unauthorized()
        return Caller(user_id=int(who))

    def _note(self, response: Response) -> None:
        integration = self.caller.integration if self.caller else None
        self.account.traffic.add(
            Asked(
                at=self.account.clock(),
                method=self.http.method,
                path=self.http.url.path,
                query=self.http.url.query,
                body=self.body,
                status=0 if isinstance(response, Silent) else response.status_code,
                executed=self.executed,
                integration=integration.client_id if integration else "",
                answer=self.given,
            )
        )


def _parsed(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        raise Problem(400, "Invalid JSON") from None


def written(answer: Answer) -> Response:
    if answer.body is None:
        return Response(status_code=answer.status)
    return JSONResponse(answer.body, status_code=answer.status, media_type=HAL)


def refused(problem: Problem) -> Response:
    if problem.status == NOTHING.status:
        return Response(status_code=problem.status)
    media_type = "application/json" if isinstance(problem, LegacyProblem) else PROBLEM
    return JSONResponse(problem.body(), status_code=problem.status, media_type=media_type)


def too_many() -> Response:
    return PlainTextResponse("Too Many Requests", status_code=429)


def html(kind: FaultKind) -> Response:
    return webpage(*_HTML[kind])
