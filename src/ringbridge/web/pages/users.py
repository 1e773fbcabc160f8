"""Who may open the page: accounts are added, changed and taken away by an administrator."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ringbridge.service.passwords import PasswordCheck, weakness
from ringbridge.store import users
from ringbridge.store.database import Transaction
from ringbridge.store.errors import StoreError
from ringbridge.store.users import Role, User
from ringbridge.web.auth.visitor import by_whom
from ringbridge.web.pages.delivery import NOT_STORED
from ringbridge.web.rendering import Pages
from ringbridge.web.words import N_

NO_NAME = N_("Type a name.")
WEAK = N_("The new password is too short, too long, or the name.")
TAKEN = N_("This name has an account already.")
GONE = N_("This account is not there any more.")
LAST = N_("This is the last administrator: make somebody else one first.")
NO_PHONES = N_("An employee sees the calls of their own phones: name them.")
LONGEST_NAME = 64


class UsersPage:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._database, self._now = pages.services.database, pages.services.now
        self._passwords = PasswordCheck()

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/config/users", self.page, methods=["GET"]),
            Route("/config/users", self.act, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        return await self._shown(request)

    async def act(self, request: Request) -> Response:
        """POST: `act` (add, change, remove), `name`, `role`, `extensions`, `new`: the password, empty: as it is."""
        async with request.form(max_files=0, max_fields=8, max_part_size=4096) as form:
            given = {name: str(value).strip() for name, value in form.items()}
        try:
            refused = await self._done(given, by_whom(request))
        except StoreError:
            return await self._pages.notice(request, 503, *NOT_STORED)
        if refused:
            return await self._shown(request, given, refused, code=422)
        return RedirectResponse("/config/users", status_code=303)

    async def _done(self, given: Mapping[str, str], by: str) -> str:
        """Why not; empty when it is done."""
        act, user, password = given.get("act", ""), user_of(given), given.get("new", "")
        if not user.name:
            return NO_NAME
        if (act == "add" or password) and weakness(password, user.name):
            return WEAK
        if user.role is Role.EMPLOYEE and not user.extensions and act != "remove":
            return NO_PHONES
        hashed = await self._passwords.hashed(password) if password else ""
        async with self._database.transaction() as tx:
            if act == "add":
                return "" if await users.add(tx, user, hashed, by=by, now=self._now()) else TAKEN
            before = await users.get(tx, user.name)
            if before is None:
                return GONE
            if await is_last(tx, user.name) and (act == "remove" or user.role is not Role.ADMIN):
                return LAST
            if act == "remove":
                await users.remove(tx, user.name, by=by, now=self._now())
            elif before != user:
                await users.change(tx, user, by=by, now=self._now())
            if hashed and act != "remove":
                await users.change_password(tx, user.name, hashed, by=by, now=self._now())
        return ""

    async def _shown(
        self, request: Request, given: Mapping[str, str] | None = None, refused: str = "", *, code: int = 200
    ) -> Response:
        async with self._database.reading() as tx:
            accounts = await users.everybody(tx)
        return await self._pages.page(
            request,
            "users.html",
            code=code,
            accounts=accounts,
            roles=tuple(Role),
            typed=given if given and given.get("act") == "add" else {},
            refused=refused,
        )


def user_of(given: Mapping[str, str]) -> User:
    role = given.get("role", "")
    return User(
        name=users.plain(given.get("name", ""))[:LONGEST_NAME],
        role=Role(role) if role in list(Role) else Role.EMPLOYEE,
        extensions=tuple(given.get("extensions", "").replace(",", " ").split()),
    )


async def is_last(tx: Transaction, name: str) -> bool:
    """Whether they are the only administrator."""
    return [user.name for user in await users.everybody(tx) if user.role is Role.ADMIN] == [name]
