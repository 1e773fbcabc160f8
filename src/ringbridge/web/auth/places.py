"""Which addresses of the page are for whom.

Some keep a door of their own: what a portal posts is proven by what it posts, a recording's link is signed, the
dialplan, programs and monitoring have their tokens. All others need a session; an address that is not named here
is for administrators, so that a new page is not open by oversight.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import Scope

from ringbridge.store.users import Role

OWN_DOOR = ("/bitrix24/", "/amocrm/", "/recordings/", "/api/", "/static/")
OWN_DOOR_EXACTLY = frozenset(
    {"/route", "/healthz", "/metrics", "/pbx/read_call", "/login", "/preferences", "/favicon.ico"}
)
NAMELESS = frozenset({"route", "healthz", "recordings", "static"})
"""Among them, by their first part, those for which nobody's session matters and which are asked often."""

PLACES: tuple[tuple[str, Role], ...] = (
    ("/live", Role.EMPLOYEE),
    ("/journal", Role.EMPLOYEE),
    ("/calls", Role.EMPLOYEE),
    ("/dials", Role.EMPLOYEE),
    ("/orders", Role.SUPERVISOR),
    ("/analytics", Role.EMPLOYEE),  # of their own calls: see the page
    ("/account", Role.EMPLOYEE),
    ("/logout", Role.EMPLOYEE),
    ("/delivery", Role.SUPERVISOR),
    ("/distribution", Role.SUPERVISOR),
    ("/status", Role.SUPERVISOR),
)


def has_own_door(path: str) -> bool:
    return path.startswith(OWN_DOOR) or path in OWN_DOOR_EXACTLY


def is_nameless(path: str) -> bool:
    return path.removeprefix("/").partition("/")[0] in NAMELESS


def needed(path: str) -> Role:
    """The least role that may open it."""
    if path == "/":
        return Role.EMPLOYEE
    return next((role for place, role in PLACES if path == place or path.startswith(f"{place}/")), Role.ADMIN)


def is_for_programs(scope: Scope) -> bool:
    """`/status` is a page to a browser, which asks for HTML, and JSON with its own door to every other program."""
    if scope["type"] != "http" or scope["path"] != "/status":
        return False
    headers = Headers(scope=scope)
    return "text/html" not in headers.get("accept", "") and "hx-request" not in headers
