"""Permission across origins: which sites' pages a browser lets ask here.

Source: Fetch standard, "CORS protocol".
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ringbridge.web.api.answers import refused
from ringbridge.web.api.desk import ApiDesk
from ringbridge.web.api.refusals import ErrorCode

PERMISSION_LIVES = "600"  # seconds a browser need not ask again


def permission_for(request: Request, desk: ApiDesk) -> Response:
    """The answer to a browser's question before its request."""
    if not desk.is_page_of_ours(request.headers.get("origin", "")):
        return permitted(
            refused(ErrorCode.ORIGIN, "No form of this site may ask here: see origins.", 403), request, desk
        )
    headers = {
        "Access-Control-Allow-Methods": "POST, GET, DELETE",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": PERMISSION_LIVES,
    }
    return permitted(Response(status_code=204, headers=headers), request, desk)


def permitted(answer: Response, request: Request, desk: ApiDesk) -> Response:
    answer.headers.add_vary_header("Origin")
    answer.headers["Cache-Control"] = "no-store"
    origin = request.headers.get("origin", "")
    if desk.is_page_of_ours(origin):
        answer.headers["Access-Control-Allow-Origin"] = origin
        answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer
