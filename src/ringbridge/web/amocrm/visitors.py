"""Who asks: one-time tokens of the platform, and the short sessions by which a browser opens its socket.

Source: Kommo developer documentation, "One-time tokens". A WebSocket cannot carry the token's header, and a token in an
address would stand in every log: so the widget gets a session by an ordinary request, and sends it as the socket's
first message.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from ringbridge.crm.amocrm.widget_token import BadToken, Seen, Visitor, verify
from ringbridge.routing.intents import PortalId
from ringbridge.web.amocrm.desk import AmoDesk, same_account

SESSION_LIVES = timedelta(seconds=60)
MOST_SESSIONS = 1000

CODES = {
    "it is another integration's": "token_integration",
    "it is meant for another server": "token_audience",
    "it is another account's": "token_account",
    "it is not signed with our integration's secret": "token_signature",
    "it has expired": "token_expired",
    "it is not good yet: is this machine's clock right?": "token_early",
}
"""Why a token is refused, as the widget's texts name it; whatever else is wrong with one is `token_bad`."""


class NotLetIn(Exception):
    """The text is for people, `code` for the widget, which says it in the user's language."""

    def __init__(self, code: str, text: str, status: int = 401) -> None:
        super().__init__(text)
        self.code, self.status = code, status


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    portal: PortalId
    visitor: Visitor
    until: datetime


class Reception:
    """Remembers tokens that were shown and sessions that were given."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._seen = Seen()
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def visitor(self, desk: AmoDesk, token: str) -> Visitor:
        """Who shows this token, for the first time. Raises `NotLetIn`."""
        if desk.application is None:
            text = "The integration's id, secret and redirect address are not entered on the server."
            raise NotLetIn("no_application", text, 409)
        if not token:
            raise NotLetIn("token_missing", "The request carries no X-Auth-Token.")
        now = self._now()
        try:
            visitor = verify(token, application=desk.application, account=desk.account, now=now)
        except BadToken as error:
            raise NotLetIn(CODES.get(str(error), "token_bad"), f"The token is refused: {error}.") from error
        if not desk.is_connected:
            raise NotLetIn("not_connected", "The account is not connected to this server.", 409)
        if desk.account is None and not same_account(_origin(visitor.address), desk.address):
            raise NotLetIn("token_account", "The token is refused: it is another account's.")
        if not self._seen.first_time(visitor, now):
            raise NotLetIn("token_replayed", "The token is refused: it was used before.")
        return visitor

    def session(self, desk: AmoDesk, visitor: Visitor) -> str:
        session = secrets.token_urlsafe(24)
        self._sessions[session] = Session(portal=desk.portal, visitor=visitor, until=self._now() + SESSION_LIVES)
        while len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def admitted(self, desk: AmoDesk, session: str) -> Visitor | None:
        """Whose session it is; a session opens one socket, once."""
        held = self._sessions.pop(session, None)
        if held is None or held.portal != desk.portal or held.until <= self._now():
            return None
        return held.visitor


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
