"""The link to one PBX: it is either there, or it says why not and comes back by itself.

::

    connecting ──> logged_in ──> ready          the live state has been re-read and handed on
        │              │           │
        ├──────────────┴───────────┴──> waiting     lost or not reachable: again after a pause that grows
        └─────────────────────────────> refused     name or password are wrong: again after minutes, or at once when
                                                    the settings change

An action is sent once. It is answered, refused (ActionRefused) or its fate is unknown (NotConnected with ``sent``);
it is never sent again, not even after a reconnect.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NoReturn

import structlog

from ringbridge.ami.errors import ActionRefused, AmiError, LoginRefused, NotConnected
from ringbridge.ami.message import Action
from ringbridge.ami.noise import WANTED_VARIABLES
from ringbridge.ami.protocol import Answer
from ringbridge.pbx.backoff import LOST, REFUSED, Backoff
from ringbridge.pbx.devices import DeviceBoard, questions
from ringbridge.pbx.filters import filter_actions
from ringbridge.pbx.inbox import Inbox, Item, Lost
from ringbridge.pbx.resync import read_state
from ringbridge.pbx.rights import MissingRight
from ringbridge.pbx.session import Session
from ringbridge.pbx.settings import Patience, PbxAddress
from ringbridge.pbx.tape import Tape

log = structlog.get_logger(__name__)


class LinkState(StrEnum):
    STOPPED = "stopped"
    CONNECTING = "connecting"
    LOGGED_IN = "logged_in"
    READY = "ready"
    WAITING = "waiting"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStatus:
    """How the link stands. ``reason`` says in words why it is not there; ``retry_at`` when it is tried again."""

    state: LinkState
    since: datetime
    reason: str = ""
    retry_at: datetime | None = None
    interface: str = ""  # the AMI version the PBX greeted with
    missing: tuple[MissingRight, ...] = ()


class _SettingsChanged(AmiError):
    """The connection is given up for the new settings."""


def _utcnow() -> datetime:
    return datetime.now(UTC)


class Link:
    """``run`` keeps the link up until it is cancelled; ``batches`` hands out what comes; ``action`` asks. ``phones`` is
    kept up to date, and ``tape`` records what the PBX says, where there is one; without
    ``needs_phones`` a right that lacks for them is not worth a word."""

    def __init__(
        self,
        address: PbxAddress,
        *,
        wanted_variables: Collection[str] = WANTED_VARIABLES,
        patience: Patience | None = None,
        phones: DeviceBoard | None = None,
        needs_phones: bool = True,
        tape: Tape | None = None,
        lost: Backoff = LOST,
        refused: Backoff = REFUSED,
        clock: Callable[[], datetime] = _utcnow,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._address = address
        self._wanted = wanted_variables
        self._patience = patience or Patience()
        self._phones, self._needs_phones = phones, needs_phones
        self._tape = tape or Tape(hours=0)
        self._lost, self._refused = lost, refused
        self._clock, self._chance = clock, chance
        self._inbox = Inbox()
        self._session: Session | None = None
        self._heard_at = clock()
        self._reconfigured = asyncio.Event()
        self._status_changed = asyncio.Event()
        self._status = LinkStatus(state=LinkState.STOPPED, since=clock())
        self._log = log.bind(pbx=address.name or address.host)

    # What others see

    @property
    def status(self) -> LinkStatus:
        return self._status

    async def changed(self) -> LinkStatus:
        """Waits for the next change of the status."""
        await self._status_changed.wait()
        return self._status

    async def until(self, *states: LinkState) -> LinkStatus:
        """Waits until the link is in one of the states."""
        while self._status.state not in states:
            await self.changed()
        return self._status

    async def batches(self) -> AsyncIterator[list[Item]]:
        """Everything that has arrived, in order, as one list each time; for one reader."""
        while True:
            yield await self._inbox.take()

    async def take(self) -> list[Item]:
        """The next of these batches."""
        return await self._inbox.take()

    async def action(self, action: Action, *, patience: float | None = None) -> Answer:
        """Raises ActionRefused or NotConnected; see the module's text."""
        if self._session is None or self._status.state not in {LinkState.LOGGED_IN, LinkState.READY}:
            raise NotConnected(f"{action.name}: no link to the PBX ({self._status.reason or self._status.state})")
        return await self._session.action(action, patience=patience)

    def configure(self, address: PbxAddress) -> None:
        """Takes new settings at once, also out of a pause."""
        self._address = address
        self._log = log.bind(pbx=address.name or address.host)
        self._reconfigured.set()

    # The life of the link

    async def run(self) -> NoReturn:
        lost = refused = 0
        try:
            while True:
                self._reconfigured.clear()
                self._enter(LinkState.CONNECTING)
                try:
                    await self._connection(self._address)
                except _SettingsChanged:
                    lost = refused = 0
                except LoginRefused as error:
                    await self._pause(
                        LinkState.REFUSED, _why_refused(error), self._refused.pause(refused, self._chance)
                    )
                    refused += 1
                except (AmiError, OSError) as error:
                    lost = 0 if self._status.state is LinkState.READY else lost
                    await self._pause(
                        LinkState.WAITING, _why(error, self._address), self._lost.pause(lost, self._chance)
                    )
                    lost += 1
        finally:
            self._enter(LinkState.STOPPED)

    async def _connection(self, address: PbxAddress) -> NoReturn:
        """One connection from beginning to end, which is always an exception."""
        async with asyncio.timeout(self._patience.connect):
            reader, writer = await asyncio.open_connection(address.host, address.port, ssl=address.tls_context())
        self._tape.begin(self._clock())
        session = Session(
            reader,
            writer,
            inbox=self._inbox,
            clock=self._clock,
            patience=self._patience,
            wanted_variables=self._wanted,
            overhear=self._phones.feed if self._phones else lambda message: None,
            record=self._tape.record,
        )
        session.rights.phones = self._phones is not None and self._needs_phones
        session.on_rights = lambda: self._show_rights(session)
        asked_to_stop = _requests_to_stop()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(session.read())
                group.create_task(self._tend(session, address))
                group.create_task(self._settings_changed())
        except BaseExceptionGroup as errors:
            _forget_own_request(asked_to_stop)
            raise _cause(errors) from None
        finally:
            session.close()
            if self._phones:
                self._phones.forget()
            self._log.info("pbx_connection_ended", **asdict(session.counters))
            self._heard_at = session.heard_at
            self._session = None
            self._inbox.release()
        raise AssertionError("a connection ends by an exception")

    async def _settings_changed(self) -> NoReturn:
        await self._reconfigured.wait()
        raise _SettingsChanged

    async def _tend(self, session: Session, address: PbxAddress) -> NoReturn:
        self._inbox.hold()
        greeting = await session.login(address)
        self._session = session
        self._enter(LinkState.LOGGED_IN, interface=greeting.version)
        await self._learn_rights(session, address)
        await self._set_filters(session)
        resync = await read_state(session.action, at=self._clock(), wanted_variables=self._wanted)
        self._inbox.release(resync)
        await self._learn_phones(session)
        self._enter(LinkState.READY, interface=greeting.version)
        self._show_rights(session)
        await session.watch()

    async def _learn_rights(self, session: Session, address: PbxAddress) -> None:
        with contextlib.suppress(ActionRefused):
            session.rights.note_commands((await session.action(Action(name="ListCommands"))).response)
        if session.rights.may("Command"):
            with contextlib.suppress(ActionRefused):
                command = f"manager show user {address.username}"
                answer = await session.action(Action(name="Command", headers=(("Command", command),)))
                session.rights.note_user(answer.output)

    async def _set_filters(self, session: Session) -> None:
        """Only spares the network and the PBX: without the right to set them the noise is dropped here."""
        if not session.rights.may("Filter"):
            return
        for action in filter_actions(self._wanted):
            try:
                await session.action(action)
            except ActionRefused as refusal:
                self._log.info("ami_filter_refused", reason=refusal.reason)
                return

    async def _learn_phones(self, session: Session) -> None:
        """The board overhears the answers. Without them less is known of the phones; the link is as good as before."""
        for question in questions() if self._phones else ():
            if not session.rights.may(question.name):
                continue
            try:
                await session.action(question)
            except ActionRefused as refusal:
                self._log.info("phones_not_listed", question=question.name, reason=refusal.reason)
            except NotConnected as silence:
                self._log.warning("phones_not_listed", question=question.name, reason=str(silence))
                return

    # The ladder

    def _enter(
        self, state: LinkState, *, reason: str = "", retry_at: datetime | None = None, interface: str = ""
    ) -> None:
        status = LinkStatus(
            state=state,
            since=self._clock(),
            reason=reason,
            retry_at=retry_at,
            interface=interface,
            missing=() if state is LinkState.CONNECTING else self._status.missing,
        )
        self._log.info("pbx_link_changed", state=str(state), reason=reason)
        self._publish(status)

    def _show_rights(self, session: Session) -> None:
        missing = session.rights.missing()
        if missing != self._status.missing:
            for right in missing:
                self._log.warning("pbx_right_missing", right=str(right))
            self._publish(replace(self._status, missing=missing))

    def _publish(self, status: LinkStatus) -> None:
        self._status = status
        changed, self._status_changed = self._status_changed, asyncio.Event()
        changed.set()

    async def _pause(self, state: LinkState, reason: str, seconds: float) -> None:
        """Tells of the loss and waits, or less when the settings change."""
        now = self._clock()
        if self._status.state in {LinkState.LOGGED_IN, LinkState.READY}:
            self._inbox.put(Lost(reason=reason, at=now, heard=self._heard_at))
        self._enter(state, reason=reason, retry_at=now + timedelta(seconds=seconds))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._reconfigured.wait()


def _requests_to_stop() -> int:
    task = asyncio.current_task()
    return task.cancelling() if task else 0


def _forget_own_request(before: int) -> None:
    """A TaskGroup whose child failed asks its own task to stop, and before Python 3.13 does not take that back. With
    Python 3.11.2 (Debian 12) the next timeout then ends as a cancellation: the link would be gone without a word."""
    task = asyncio.current_task()
    if task and task.cancelling() > before:
        task.uncancel()


def _cause(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error in the group; the tasks that fell with it were only cancelled."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _why_refused(error: LoginRefused) -> str:
    return (
        f"the PBX refused the login: {error}. Check the name and secret in manager.conf, and that permit = … allows "
        "this machine's address; after changes there run: manager reload"
    )


def _why(error: AmiError | OSError, address: PbxAddress) -> str:
    """In words an administrator can act on."""
    where = f"{address.host}:{address.port}"
    match error:
        case AmiError():
            return str(error)
        case TimeoutError():
            return f"{where} does not answer: check the address, the port and the firewall between"
        case ConnectionRefusedError():
            return f"nothing listens on {where}: check enabled, bindaddr and port in manager.conf"
        case socket.gaierror():
            return f"the name {address.host} is not known to DNS"
        case ssl.SSLCertVerificationError():
            return f"the certificate of {where} is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"no TLS with {where} ({error.reason}): is it the TLS port (usually 5039)?"
        case _:
            return f"{where}: {error}"
