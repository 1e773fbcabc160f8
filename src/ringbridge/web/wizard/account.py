"""The first step: an administrator's account, who is logged in by it at once."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ringbridge.service.passwords import PasswordCheck, weakness
from ringbridge.store import users
from ringbridge.store.users import Role, User
from ringbridge.web.auth.accounts import Accounts, Session
from ringbridge.web.auth.pages import entering
from ringbridge.web.auth.visitor import NOBODY, address_of, by_whom
from ringbridge.web.wizard.frame import Frame, given
from ringbridge.web.wizard.steps import Step
from ringbridge.web.words import N_

NO_NAME = N_("Type a name.")
TWO_WAYS = N_("The new password was typed in two ways.")
WEAK = N_("The new password is too short, too long, or the name.")
TAKEN = N_("This name has an account already.")
LONGEST_NAME = 64


class AccountStep:
    def __init__(self, frame: Frame, accounts: Accounts) -> None:
        self._frame, self._accounts = frame, accounts
        self._passwords = PasswordCheck()

    async def page(self, request: Request) -> Response:
        return await self._shown(request)

    async def save(self, request: Request) -> Response:
        """POST: `name`, `new`, `again`: an administrator."""
        form = await given(request)
        name, password = users.plain(form.get("name", ""))[:LONGEST_NAME], form.get("new", "")
        refused = "" if name else NO_NAME
        if not refused and password != form.get("again", ""):
            refused = TWO_WAYS
        if not refused and weakness(password, name):
            refused = WEAK
        if not refused and not await self._added(request, name, password):
            refused = TAKEN
        if refused:
            return await self._shown(request, name=name, refused=refused, code=422)
        answer = await self._frame.passed(request, Step.ACCOUNT)
        if by_whom(request) != NOBODY:  # who adds a colleague stays who they are
            return answer
        session = await self._accounts.login(name, password, address_of(request.scope))
        return entering(request, answer, session) if isinstance(session, Session) else answer

    async def _added(self, request: Request, name: str, password: str) -> bool:
        hashed = await self._passwords.hashed(password)
        async with self._frame.database.transaction() as tx:
            user = User(name=name, role=Role.ADMIN)
            return await users.add(tx, user, hashed, by=by_whom(request), now=self._frame.services.now())

    async def _shown(self, request: Request, *, name: str = "", refused: str = "", code: int = 200) -> Response:
        async with self._frame.database.reading() as tx:
            accounts = await users.everybody(tx)
        return await self._frame.page(request, Step.ACCOUNT, code=code, accounts=accounts, name=name, refused=refused)
