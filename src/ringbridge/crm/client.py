"""The one door to a portal: every request to it goes through here, and nothing about any particular CRM is in here.

A door keeps the portal's quota, follows a portal that moved to another address, knows whether a request that failed
may have been carried out all the same, and lets no key out into a log or a story. What an answer means is the
adapter's business.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Generic, TypeVar

import httpx2
import structlog

from ringbridge import __version__
from ringbridge.crm.contract import CrmError, Exchange, QuotaUse, Transient, Unauthorized
from ringbridge.crm.limits import Quota
from ringbridge.crm.masking import masked, without_digits
from ringbridge.crm.reach import AddressRefused, GuardedTransport, Reach, refusal
from ringbridge.crm.turnstile import Turnstile
from ringbridge.routing.intents import Priority

log = structlog.get_logger(__name__)

# These libraries log whole addresses, and ours hold keys.
for _name in ("httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)

USER_AGENT = f"Ringbridge/{__version__}"
MOST_MOVES = 2
LARGEST_ANSWER = 16 * 1024 * 1024
LONGEST_STORY = 4000
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

# Failures before the first byte of a request could arrive: it was certainly not carried out.
_NEVER_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request. The body is `json`, or `content` with its own headers, or nothing."""

    url: str
    method: str = "POST"
    json: Any = None
    content: Callable[[], AsyncIterator[bytes]] | None = None  # called again when the request must be repeated
    headers: Mapping[str, str] = field(default_factory=dict)
    within: float | None = None  # seconds, where a large body takes longer than the door's usual time


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, whatever its status. `json` is None when the body is no JSON (a maintenance page, mostly)."""

    status: int
    text: str
    json: Any
    headers: Mapping[str, str]  # names in lower case

    @property
    def brief(self) -> str:
        """The beginning of the body on one line, for messages to people."""
        return " ".join(self.text.split())[:200]


Moved = Callable[[str, str], Awaitable[None]]
"""Told when the portal answers at another origin (``https://host[:port]``): from the old one to the new one."""


class Door:
    """To one portal. Make it inside the event loop that uses it, and `aclose` it."""

    def __init__(
        self,
        *,
        portal: str,
        quota: Quota,
        reach: Reach | None = None,
        secrets: Callable[[], Iterable[str]] = tuple,
        moved: Moved | None = None,
        answer_within: float = 65.0,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """`secrets` names the keys to mask; `answer_within` is the time of one request in seconds, a little more than
        the portal itself allows; `transport` replaces the network by a server in this process."""
        self._log = log.bind(portal=portal)
        self._reach = reach or Reach()
        self._secrets = secrets
        self._moved = moved
        self._answer_within = answer_within
        self._turnstile = Turnstile(quota)
        self._http = httpx2.AsyncClient(
            transport=transport or GuardedTransport(self._reach, connections=quota.places + 2),
            follow_redirects=False,
            trust_env=False,  # a netrc file must not add keys of its own
            headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
            # A session cookie would queue our requests behind each other at a PHP server.
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        )

    async def send(self, make: Callable[[], Request], *, priority: Priority) -> Answer:
        """Ask the portal: waits for its quota, follows it when it has moved.

        `make` is called when the turn has come, so that the request carries the key and address of that moment.
        Raises `Transient` when no answer came (``maybe_done`` tells whether it may have been carried out) and
        `Unauthorized` when the settings do not allow the address.
        """
        async with self._turnstile.turn(priority):
            request = make()
            asked = url = _address(request)
            answer = await self._exchange(request, url)
        for _ in range(MOST_MOVES):
            if answer.status not in _REDIRECTS:
                break
            url = self._next_address(url, answer)
            async with self._turnstile.turn(priority):
                answer = await self._exchange(request, url)
        if answer.status in _REDIRECTS:
            raise Transient(f"{asked.host} and {url.host} send us to each other: nothing was done")
        await self._report_move(asked, url, answer)
        return answer

    async def send_elsewhere(self, request: Request) -> Answer:
        """Ask a server that is not the portal (its authorization server): outside the quota, never redirected."""
        return await self._exchange(request, _address(request))

    def hold(self, seconds: float) -> None:
        """The portal complained about too many requests: send it none for so long."""
        self._turnstile.close_for(seconds)

    @property
    def quota(self) -> QuotaUse:
        return QuotaUse(used=self._turnstile.used, waiting=self._turnstile.waiting)

    def mask(self, text: str) -> str:
        return masked(text, self._secrets())

    def story(self, sent: str, answered: str) -> Exchange:
        """Both sides of a step as they may be shown and kept."""
        return Exchange(sent=self.mask(sent)[:LONGEST_STORY], answered=self.mask(answered)[:LONGEST_STORY])

    async def aclose(self) -> None:
        self._turnstile.aclose()
        await self._http.aclose()

    async def _exchange(self, request: Request, url: httpx2.URL) -> Answer:
        if why := refusal(url, self._reach):
            raise Unauthorized(f"Not asked: {why}.")
        shown = without_digits(self.mask(f"{url.host}{url.path}"))
        try:
            async with asyncio.timeout(request.within or self._answer_within):
                answer = await self._transfer(request, url)
        except (httpx2.HTTPError, httpx2.StreamError, TimeoutError) as error:
            failure = _failure(error, str(url.host))
            self._log.warning("crm_request_failed", address=shown, error=self.mask(str(failure)))
            raise failure from error
        self._log.debug("crm_request_answered", address=shown, status=answer.status)
        return answer

    async def _transfer(self, request: Request, url: httpx2.URL) -> Answer:
        body: dict[str, Any] = {"timeout": httpx2.Timeout(request.within or self._answer_within, connect=10.0)}
        if request.content is not None:
            body["content"] = request.content()
        elif request.json is not None:
            body["json"] = request.json
        async with self._http.stream(request.method, url, headers=dict(request.headers), **body) as response:
            data = await _read(response)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(
            status=response.status_code, text=data.decode("utf-8", "replace"), json=_parsed(data), headers=headers
        )

    def _next_address(self, url: httpx2.URL, answer: Answer) -> httpx2.URL:
        """Where the portal lives now. Only its origin is taken from a redirect: a portal that moved keeps its paths,
        and a login page or a provider's notice does not get our key."""
        try:
            target = url.join(answer.headers.get("location", ""))
        except (httpx2.InvalidURL, ValueError) as error:
            raise Transient(f"{url.host} redirected us to something that is no address") from error
        if target.path.split("/")[1:2] != url.path.split("/")[1:2] or _origin(target) == _origin(url):
            raise Transient(
                f"{url.host} redirected us to {target.host}{self.mask(target.path)}, which is not the same service at "
                "another address: a login or maintenance page? Nothing was done"
            )
        if url.scheme == "https" and target.scheme != "https":
            raise Unauthorized(f"{url.host} redirected us to plain http at {target.host}: our key stays here.")
        return url.copy_with(scheme=target.scheme, host=target.host, port=target.port)

    async def _report_move(self, old: httpx2.URL, new: httpx2.URL, answer: Answer) -> None:
        # Believed once the new address speaks the service's language.
        if new == old or answer.json is None:
            return
        self._log.warning("portal_moved", old=_origin(old), new=_origin(new))
        if self._moved:
            await self._moved(_origin(old), _origin(new))


class SingleFlight(Generic[T]):
    """Work that many ask for at the same time and that is done once for all of them.

    It runs to its end even when everyone who asked has left: a renewed key that nobody stores is a lost key.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[T] | None = None

    async def join(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(work())
            self._task.add_done_callback(_note_failure)
        return await asyncio.shield(self._task)

    async def aclose(self) -> None:
        """Waits for work under way."""
        if self._task is not None:
            await asyncio.wait([self._task])


def _note_failure(task: asyncio.Task[Any]) -> None:
    # Whoever waits gets the error as well; without this line it would be reported as unseen when nobody does.
    if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, CrmError):
        log.error("shared_work_failed", error=repr(error))


def _address(request: Request) -> httpx2.URL:
    try:
        return httpx2.URL(request.url)
    except httpx2.InvalidURL as error:
        raise Unauthorized(f"The portal's address is no address: {error}.") from error


def _failure(error: Exception, host: str) -> CrmError:
    if isinstance(error.__cause__, AddressRefused):
        return Unauthorized(f"Not asked: {error.__cause__}.")
    sent = not isinstance(error, _NEVER_SENT)
    if isinstance(error, TimeoutError | httpx2.TimeoutException):
        what = f"{host} did not answer in time" if sent else f"{host} could not be reached in time"
    else:
        what = f"The connection to {host} broke before the answer" if sent else f"{host} could not be reached"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        what = f"{host} shows a certificate that is not trusted: is it out of date, or of an authority of your own?"
    detail = f": {error}" if str(error) else ""
    return Transient(what + detail, maybe_done=sent)


async def _read(response: httpx2.Response) -> bytes:
    data = bytearray()
    async for chunk in response.aiter_bytes():
        data += chunk
        if len(data) > LARGEST_ANSWER:
            raise httpx2.ReadError(f"the answer is longer than {LARGEST_ANSWER} bytes")
    return bytes(data)


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _origin(url: httpx2.URL) -> str:
    port = f":{url.port}" if url.port else ""
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{url.scheme}://{host}{port}"
