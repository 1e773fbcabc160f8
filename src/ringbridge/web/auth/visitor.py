"""Who asks, and from where."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Scope

from ringbridge.store.users import Role, User

RANKS = (Role.EMPLOYEE, Role.SUPERVISOR, Role.ADMIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    name: str  # empty: whoever sits at this machine before anybody has an account
    role: Role
    extensions: tuple[str, ...] = ()

    @property
    def own(self) -> tuple[str, ...] | None:
        """The extensions whose calls they see; None: everybody's."""
        return self.extensions if self.role is Role.EMPLOYEE else None

    def may(self, role: Role) -> bool:
        """What this role may."""
        return RANKS.index(self.role) >= RANKS.index(role)

    @classmethod
    def of(cls, user: User) -> Visitor:
        return cls(name=user.name, role=user.role, extensions=user.extensions)


FIRST = Visitor(name="", role=Role.ADMIN)
"""Before anybody has an account, whoever sits at this machine."""


def visitor_of(request: HTTPConnection) -> Visitor | None:
    """As the guard found them; None where it lets everybody in, on the login page for one."""
    visitor: Visitor | None = request.scope.get("visitor")
    return visitor


NOBODY = "this machine"


def by_whom(request: HTTPConnection) -> str:
    """Who acts, for the audit. Before anybody has an account: whoever sits at the machine."""
    visitor = visitor_of(request)
    return visitor.name if visitor and visitor.name else NOBODY


PASSED_ON = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


def sits_here(scope: Scope) -> bool:
    """Asked from this machine, and not through a proxy on it.

    A proxy comes from this machine too, for somebody else. It names them in a header (RFC 7239 or the older ones), asks
    for the name they asked for, or speaks HTTP/1.0 (nginx with nothing set, ngx_http_proxy_module). The name also
    keeps out foreign pages whose host has been pointed at this machine (DNS rebinding).
    """
    headers = Headers(scope=scope)
    return (
        is_loopback(address_of(scope))
        and not any(name in headers for name in PASSED_ON)
        and is_loopback(urlsplit(f"//{headers.get('host', '')}").hostname or "")
        and scope.get("http_version") != "1.0"
    )


def address_of(scope: Scope) -> str:
    """The visitor's; behind a proxy on this machine the one it names (uvicorn reads X-Forwarded-For from there)."""
    client: tuple[str, Any] | None = scope.get("client")
    return client[0] if client else ""


def is_loopback(host: str) -> bool:
    """By name or address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def neighbourhood(address: str) -> str:
    """By what logins are counted: an address, of IPv6 the network that one customer has (64 bits)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))
