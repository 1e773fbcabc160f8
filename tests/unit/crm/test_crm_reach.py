from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from ringbridge.crm.client import Door, Request
from ringbridge.crm.contract import Unauthorized
from ringbridge.crm.limits import Quota
from ringbridge.crm.reach import Reach, is_private, refusal
from ringbridge.routing.intents import Priority

QUOTA = Quota(rate=10, burst=10, first=10, places=4, reserves={})


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("192.168.0.10", True),
        ("172.16.5.5", True),
        ("169.254.169.254", True),
        ("100.64.0.1", True),
        ("0.0.0.0", True),
        ("224.0.0.1", True),
        ("::1", True),
        ("fe80::1%eth0", True),
        ("fd00::1", True),
        ("::ffff:10.0.0.1", True),
        ("8.8.8.8", False),
        ("2606:4700::1111", False),
    ],
)
def test_addresses_of_closed_networks_are_known(address: str, private: bool) -> None:
    assert is_private(address) is private


@pytest.mark.parametrize(
    "url", ["http://b24.example/rest/", "ftp://b24.example/", "https:///rest/", "file:///etc/passwd"]
)
def test_only_web_addresses_over_tls_pass(url: str) -> None:
    assert refusal(httpx2.URL(url), Reach())


def test_https_passes_and_http_when_it_is_allowed() -> None:
    assert refusal(httpx2.URL("https://b24.example/"), Reach()) is None
    assert refusal(httpx2.URL("http://b24.example/"), Reach(allow_http=True)) is None


async def test_a_public_name_that_resolves_inwards_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise AssertionError("the closed network was reached")

    server = await asyncio.start_server(nobody, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()

    async def resolve(host: str, port: int, **_: Any) -> list[Any]:
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    door = Door(portal="main", quota=QUOTA, reach=Reach(allow_http=True))
    async with server:
        with pytest.raises(Unauthorized, match="allow_private"):
            await door.send(lambda: Request(url=f"http://portal.example:{port}/rest/"), priority=Priority.CARD)
        await door.aclose()


async def test_what_is_no_address_is_said_in_words() -> None:
    door = Door(portal="main", quota=QUOTA)
    with pytest.raises(Unauthorized, match="address"):
        await door.send(lambda: Request(url="https://b24.example:port/"), priority=Priority.CARD)
    await door.aclose()
