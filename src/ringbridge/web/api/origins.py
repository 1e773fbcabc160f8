"""Permission across origins: which sites' pages a browser lets ask here.

Source: Fetch standard, "CORS protocol".
"""

from __future__ import annotations

import structlog
from starlette.requests import Request
from starlette.responses import Response

from ringbridge.service.api_tokens import TokenBook
from ringbridge.store.errors import StoreError
from ringbridge.web.api.answers import refused
from ringbridge.web.api.refusals import ErrorCode

log = structlog.get_logger(__name__)

PERMISSION_LIVES = "600"  # seconds a browser need not ask again


async def permission_for(request: Request, book: TokenBook) -> Response:
    """The answer to a browser's question before its request."""
    if not await is_ours(request, book):
        answer = refused(ErrorCode.ORIGIN, "No form of this site may ask here: see origins.", 403)
        return await permitted(answer, request, book)
    headers = {
        "Access-Control-Allow-Methods": "POST, GET, DELETE",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": PERMISSION_LIVES,
    }
    return await permitted(Response(status_code=204, headers=headers), request, book)


async def permitted(answer: Response, request: Request, book: TokenBook) -> Response:
    answer.headers.add_vary_header("Origin")
    answer.headers["Cache-Control"] = "no-store"
    if await is_ours(request, book):
        answer.headers["Access-Control-Allow-Origin"] = request.headers["origin"]
        answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


async def is_ours(request: Request, book: TokenBook) -> bool:
    """Whether it comes from a site whose forms may order calls. Where that cannot be read, it does not."""
    origin = request.headers.get("origin")
    try:
        return origin is not None and await book.is_page_of_ours(origin)
    except StoreError as error:
        log.error("origins_not_read", reason=str(error))
        return False
