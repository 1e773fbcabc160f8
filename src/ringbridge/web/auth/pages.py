"""Login, logout, and one's own account."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ringbridge.service.passwords import weakness
from ringbridge.web.auth.accounts import COOKIE, LIFETIME, Accounts, Refused, Session
from ringbridge.web.auth.visitor import address_of, visitor_of
from ringbridge.web.pages.preferences import own_address
from ringbridge.web.rendering import Pages
from ringbridge.web.words import N_

REFUSED = {
    Refused.WRONG: (401, N_("The name or the password is wrong.")),
    Refused.TOO_OFTEN: (429, N_("Too many tries. Wait ten minutes.")),
}
LONGEST_NAME = 200
LONGEST_ADDRESS = 2000


class AccountPages:
    def __init__(self, pages: Pages, accounts: Accounts) -> None:
        self._pages, self._accounts = pages, accounts

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/login", self.door, methods=["GET"]),
            Route("/login", self.login, methods=["POST"]),
            Route("/logout", self.logout, methods=["POST"]),
            Route("/account", self.account, methods=["GET"]),
            Route("/account", self.change, methods=["POST"]),
        ]

    async def door(self, request: Request) -> Response:
        after = own_address(request.query_params.get("next", "/")[:LONGEST_ADDRESS])
        if visitor_of(request) is not None:
            return RedirectResponse(after, status_code=303)
        return await self._pages.page(request, "login.html", name="", after=after, refused="")

    async def login(self, request: Request) -> Response:
        async with request.form(max_files=0, max_fields=8, max_part_size=4096) as form:
            name, password = str(form.get("name", ""))[:LONGEST_NAME], str(form.get("password", ""))
            after = own_address(str(form.get("next", ""))[:LONGEST_ADDRESS])
        before = request.cookies.get(COOKIE)
        session = await self._accounts.login(name, password, address_of(request.scope), before=before)
        if isinstance(session, Refused):
            code, words = REFUSED[session]
            return await self._pages.page(request, "login.html", code=code, name=name, after=after, refused=words)
        return entering(request, RedirectResponse(after, status_code=303), session)

    async def logout(self, request: Request) -> Response:
        await self._accounts.logout(request.cookies.get(COOKIE))
        return leaving("/login")

    async def account(self, request: Request) -> Response:
        return await self._pages.page(request, "account.html", refused="")

    async def change(self, request: Request) -> Response:
        """Another password. Every browser, this one too, has to log in with it."""
        visitor = visitor_of(request)
        async with request.form(max_files=0, max_fields=8, max_part_size=4096) as form:
            old, new, again = (str(form.get(name, "")) for name in ("old", "new", "again"))
        if visitor is None or not visitor.name:
            return leaving("/login")
        refused = "" if new == again else N_("The new password was typed in two ways.")
        if not refused and weakness(new, visitor.name):
            refused = N_("The new password is too short, too long, or the name.")
        if not refused and (why := await self._accounts.change_password(visitor, old, new, address_of(request.scope))):
            refused = REFUSED[why][1]
        if refused:
            return await self._pages.page(request, "account.html", code=422, refused=refused)
        return leaving("/login")


def entering(request: Request, answer: Response, session: Session) -> Response:
    """The answer, by which the browser gets the session."""
    answer.set_cookie(
        COOKIE,
        session.token,
        max_age=int(LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


def leaving(address: str) -> Response:
    answer = RedirectResponse(address, status_code=303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return answer
