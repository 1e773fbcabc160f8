"""A recording on its way to the portal: as a link to fetch, or as a file sent to an address the portal names.

Source: Bitrix24 REST docs, telephony.externalCall.attachRecord. With a FILENAME alone the portal answers ``uploadUrl``
and ``fieldName``; the address is good for one file, so a broken upload begins with a new one. A recording that is
attached again replaces the earlier one.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

from ringbridge.crm.bitrix24.batch import Outcome
from ringbridge.crm.bitrix24.customs import HOOKS, customised
from ringbridge.crm.bitrix24.errors import NotFinished
from ringbridge.crm.bitrix24.ledger import Ledger, Result
from ringbridge.crm.bitrix24.sender import Sender
from ringbridge.crm.bitrix24.settings import RecordingMode, Settings
from ringbridge.crm.bitrix24.telephony import Command, as_map, attach, refusal_of, text
from ringbridge.crm.client import Request
from ringbridge.crm.contract import (
    CrmError,
    Exchange,
    NotReached,
    Receipt,
    RecordingFile,
    RecordingSource,
    Rejected,
    Throttled,
    Transient,
    Unauthorized,
)
from ringbridge.crm.customise import CANCELLED, Customise
from ringbridge.routing.intents import AttachRecording, FinishCall, Priority
from ringbridge.routing.recordings import Absent, NotYet

PER_BATCH = 10  # fetching links keeps the portal busy, and a request is killed after a minute
LONGEST_UNFINISHED = timedelta(days=1)  # after that, a recording whose call was never finished is given up
SLOWEST_UPLOAD = 32 * 1024  # bytes per second: what an office's slow line carries
SHORTEST_TIME = 65.0


class Recordings:
    """The stage of a run that sends them, in batches of their own: no card should wait for a file."""

    def __init__(
        self,
        ledger: Ledger,
        sender: Sender,
        *,
        source: RecordingSource,
        settings: Settings,
        customise: Customise,
    ) -> None:
        self._ledger = ledger
        self._customise = customise
        self._sender = sender
        self._source = source
        self._settings = settings

    async def send(self) -> None:
        waiting = [
            (index, intent)
            for index in self._ledger.open()
            if isinstance(intent := self._ledger.intent(index), AttachRecording)
        ]
        for start in range(0, len(waiting), PER_BATCH):
            await self._send_some(waiting[start : start + PER_BATCH])

    async def _send_some(self, waiting: list[tuple[int, AttachRecording]]) -> None:
        files: dict[int, RecordingFile] = {}
        for index, intent in waiting:
            found = await self._find(index, intent)
            if isinstance(found, Receipt | CrmError):
                self._ledger.put(index, found)
            else:
                files[index] = found
        if not files:
            return
        commands = await self._customised({index: self._command(index, file) for index, file in files.items()})
        files = {index: file for index, file in files.items() if index in commands}
        if not files:
            return
        outcomes = await self._sender.batch({f"r{i}": command for i, command in commands.items()}, Priority.RECORDING)
        async with asyncio.TaskGroup() as group:
            for index, file in files.items():
                group.create_task(self._hand_over(index, file, commands[index], outcomes[f"r{index}"]))

    async def _find(self, index: int, intent: AttachRecording) -> RecordingFile | Result:
        """The file to send, or what the step is answered with when there is none."""
        try:
            self._ledger.check_order(index)
            if isinstance(finish := self._ledger.answer_to(intent.record, FinishCall), CrmError):
                raise NotReached(f"The call is not finished: {finish}")
            found = await self._source.fetch(intent)
        except CrmError as error:
            return error
        except OSError as error:
            return Transient(f"The recording cannot be read: {error}")
        match found:
            case NotYet():
                return Throttled(f"The recording is not ready: {found.reason}", until=found.until)
            case Absent():
                # Nothing to send is an answer, not a failure: the step is done.
                return Receipt(facts={"recording": "absent", "reason": found.reason})
        return refusal_of(found) or self._too_large(found) or found

    def _too_large(self, file: RecordingFile) -> Receipt | None:
        largest = self._settings.largest_upload
        if largest is None or file.size <= largest or self._link(file):
            return None
        words = (
            f"The recording has {_megabytes(file.size)} MB; at most {_megabytes(largest)} MB are sent, and there is no "
            "address of ours at which the portal could fetch it."
        )
        return Receipt(facts={"recording": "too large", "reason": words})

    def _command(self, index: int, file: RecordingFile) -> Command:
        return attach(file, self._ledger.call_id(self._ledger.record(index)) or "", self._link(file))

    async def _customised(self, commands: Mapping[int, Command]) -> dict[int, Command]:
        """As the office's hooks want them, without those that they cancelled."""
        asked = {str(index): (command, self._ledger.intent(index)) for index, command in commands.items()}
        found = await customised(self._customise, asked)
        for index, command in commands.items():
            if found[str(index)] is None:
                facts = {"recording": "cancelled", "cancelled": HOOKS[command.method], "note": CANCELLED}
                self._ledger.settle(index, Receipt(facts=facts))
        return {int(index): command for index, command in found.items() if command}

    def _link(self, file: RecordingFile) -> str | None:
        """In link mode, and for what is too large to send. Without an address of ours that the portal can reach, the
        file is sent instead."""
        largest = self._settings.largest_upload
        is_large = largest is not None and file.size > largest
        if self._settings.recordings is not RecordingMode.LINK and not is_large:
            return None
        return file.link(datetime.now(UTC) + self._settings.link_life)

    async def _hand_over(self, index: int, file: RecordingFile, command: Command, outcome: Outcome | CrmError) -> None:
        failure = self._sender.failure(command, outcome)
        if failure is None and isinstance(outcome, Outcome):
            exchange = self._sender.story(command, outcome)
            if "RECORD_URL" in command.params:
                self._ledger.settle(index, _attached(outcome.result, exchange))
            else:
                self._ledger.put(index, await self._upload(file, outcome.result, exchange))
        elif isinstance(failure, Unauthorized) and isinstance(outcome, Outcome):
            # Only recordings are refused: they wait for the right, and the calls' cards do not wait with them.
            self._ledger.refuse(index, Transient(str(failure), exchange=failure.exchange))
        elif isinstance(failure, NotFinished) and self._is_old(index):
            words = f"The call was never finished, so its recording has no place. {failure}"
            self._ledger.refuse(index, Rejected(words, exchange=failure.exchange))
        elif failure is not None:
            self._ledger.refuse(index, failure)

    def _is_old(self, index: int) -> bool:
        intent = self._ledger.intent(index)
        return isinstance(intent, AttachRecording) and datetime.now(UTC) - intent.started > LONGEST_UNFINISHED

    async def _upload(self, file: RecordingFile, offer: Any, exchange: Exchange) -> Result:
        """Send the file where the portal's `offer` says."""
        terms = as_map(offer)
        url, field = text(terms.get("uploadUrl")), text(terms.get("fieldName")) or "file"
        if not urlsplit(url).hostname:
            return Transient("Bitrix24 named no address to send the recording to", exchange=exchange)
        form = _Form(file, field)
        within = max(SHORTEST_TIME, file.size / SLOWEST_UPLOAD)
        rest = self._sender.rest
        request = Request(url=rest.own_address(url), content=form.body, headers=form.headers, within=within)
        try:
            answer = await rest.door.send(lambda: request, priority=Priority.RECORDING)
            return _attached(rest.accept(answer), rest.door.story(exchange.sent, f"{exchange.answered}\n{answer.text}"))
        except Unauthorized as error:
            # The address lives as long as the key it was made with: the next try asks for a fresh one.
            return Transient(str(error), exchange=exchange)
        except CrmError as error:
            error.exchange = exchange
            return error
        except OSError as error:
            return Transient(f"The recording {file.name} could not be read: {error}", exchange=exchange)


def _megabytes(size: int) -> int:
    return max(1, round(size / 2**20))


def _attached(result: Any, exchange: Exchange) -> Receipt:
    file_id = text(as_map(result).get("FILE_ID"))
    return Receipt(facts={"recording": "attached", **({"file": file_id} if file_id else {})}, exchange=exchange)


class _Form:
    """A multipart form of one file, read in pieces while it is sent (RFC 7578)."""

    def __init__(self, file: RecordingFile, field: str) -> None:
        boundary = f"ringbridge-{secrets.token_hex(12)}"
        name = PurePath(file.name).name.replace('"', "_").replace("\r", "_").replace("\n", "_")
        self._file = file
        self._head = (
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
            f"Content-Type: {file.content_type}\r\n\r\n"
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self.headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(self._head) + file.size + len(self._tail)),
        }

    async def body(self) -> AsyncIterator[bytes]:
        yield self._head
        left = self._file.size
        async for piece in self._file.read():
            left -= len(piece)
            if left < 0:
                break
            yield piece
        if left:
            # The form is left without its end: the portal keeps nothing rather than half.
            raise OSError(f"it is not the {self._file.size} bytes long that it was")
        yield self._tail
