"""An emulated account and a bare HTTP client before it: what the tests of the emulator itself speak through."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from tests.contract.bitrix24_desk import Clock

from ringbridge.emulators.amocrm import Account, Settings, create_app, demo

ADMIN, ANTON, KATE = demo.ADMIN_ID, demo.ADMIN_ID + 1, demo.ADMIN_ID + 2
CONTACT = "+7 912 555-11-22"  # Андрей Волков, the demonstration office's first contact
STRANGER = "+79990001122"


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    kind: str  # the content type

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What is embedded under its only name."""
        assert self.status in {200, 201, 202}, self
        (rows,) = self.body["_embedded"].values()
        found: list[dict[str, Any]] = rows
        return found

    @property
    def violations(self) -> dict[str, list[tuple[str, str]]]:
        """Code and path of what was wrong, by request_id."""
        assert (self.status, self.body["detail"]) == (400, "Request validation failed"), self
        return {
            one["request_id"]: [(each["code"], each["path"]) for each in one["errors"]]
            for one in self.body["validation-errors"]
        }


@dataclass
class Desk:
    account: Account
    clock: Clock
    http: httpx2.AsyncClient
    token: str = ""
    refresh: str = ""

    async def ask(self, method: str, path: str, /, *, token: str = "", **request: Any) -> Answer:
        headers = {"Authorization": f"Bearer {token or self.token}"}
        response = await self.http.request(method, path, headers=headers, **request)
        kind = response.headers.get("content-type", "")
        return Answer(response.status_code, response.json() if "json" in kind else response.text, kind)

    async def get(self, path: str, /, **params: Any) -> Answer:
        return await self.ask("GET", f"/api/v4/{path}", params=params)

    async def post(self, path: str, /, *items: Any) -> Answer:
        """A batch."""
        return await self.ask("POST", f"/api/v4/{path}", json=list(items))

    async def patch(self, path: str, body: Any) -> Answer:
        return await self.ask("PATCH", f"/api/v4/{path}", json=body)

    async def grant(self, **changes: Any) -> Answer:
        """Ask the token endpoint, by default to renew."""
        integration = self.account.access.integrations[0]
        body = {
            "client_id": integration.client_id,
            "client_secret": integration.client_secret,
            "grant_type": "refresh_token",
            "refresh_token": self.refresh,
            "redirect_uri": integration.redirect_uri,
        }
        response = await self.http.post("/oauth2/access_token", json=body | changes)
        return Answer(response.status_code, response.json(), response.headers["content-type"])

    def contact(self, at: int = 0) -> int:
        """The id of one of the demonstration office's contacts."""
        return list(self.account.entities.rows[demo.Kind.CONTACTS])[at]


def phone(*numbers: str) -> list[dict[str, Any]]:
    """`custom_fields_values` with these phones."""
    return [{"field_code": "PHONE", "values": [{"value": one, "enum_code": "WORK"} for one in numbers]}]


def call(**changes: Any) -> dict[str, Any]:
    usual = {"direction": "inbound", "duration": 42, "source": "ringbridge", "phone": CONTACT, "uniq": "1700.1"}
    return {**usual, "call_status": 4, "link": "http://pbx.test/1.mp3", **changes}


@asynccontextmanager
async def desk(**settings: Any) -> AsyncIterator[Desk]:
    """The demonstration office, its clock in the test's hand, without a quota unless the test wants one."""
    clock = Clock()
    account = Account.demo(settings=Settings(**{"rate_limit": False, **settings}), clock=clock)
    account.serve_at("http://example.test")
    transport = httpx2.ASGITransport(app=create_app(account))
    async with httpx2.AsyncClient(transport=transport, base_url=account.address) as http:
        access, refresh = account.issue(account.access.integrations[0], ADMIN)
        yield Desk(account=account, clock=clock, http=http, token=access, refresh=refresh)
