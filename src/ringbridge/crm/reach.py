"""Which addresses a door may open: public ones over TLS, unless the office says otherwise.

The check stands where the connection is made, on the very address that is connected to, so a name that resolves to
something else the second time opens nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpcore2
import httpx2


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What is allowed beyond public addresses over https, for portals inside a closed network."""

    allow_http: bool = False
    allow_private: bool = False
    ca_file: Path | None = None  # certificates to trust besides the system's


class AddressRefused(httpcore2.ConnectError):
    """The settings do not allow a connection to this address."""


def refusal(url: httpx2.URL, reach: Reach) -> str | None:
    """Why this address may not be asked, judged by its looks; None when it may."""
    if url.scheme not in {"http", "https"} or not url.host:
        return f"{url.scheme}://{url.host} is no web address"
    if url.scheme == "http" and not reach.allow_http:
        return (
            f"{url.host} would be asked over plain http, where everybody on the way can read the key: allow_http is off"
        )
    return None


def is_private(address: str) -> bool:
    """Whether an IP address belongs to this machine or a closed network rather than to the internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return not ip.is_global or ip.is_multicast


class _Guarded(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that `reach` allows, and to no others."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._backend = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        if self._reach.allow_private:
            return await self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in await _resolve(host, port, within=timeout):
            if is_private(address):
                failure = AddressRefused(
                    f"{host} is {address}, an address inside a closed network: allow_private is off"
                )
                continue
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure


async def _resolve(host: str, port: int, *, within: float | None) -> list[str]:
    try:
        async with asyncio.timeout(within):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError as error:
        raise httpcore2.ConnectTimeout(f"the name {host} was not resolved in time") from error
    except OSError as error:
        raise httpcore2.ConnectError(f"the name {host} was not resolved: {error.strerror}") from error
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class GuardedTransport(httpx2.AsyncHTTPTransport):
    """httpx's own transport over connections that `reach` allows."""

    def __init__(self, reach: Reach, *, connections: int) -> None:
        trusted = ssl.create_default_context()
        if reach.ca_file:
            trusted.load_verify_locations(reach.ca_file)
        super().__init__(verify=trusted)
        # The transport has no parameter for how its pool connects. Idle connections are dropped before a server
        # does (nginx: 75 s): one closed in the middle of our sending leaves the answer in doubt.
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=trusted,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=20.0,
            network_backend=_Guarded(reach),
        )
