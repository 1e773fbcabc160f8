"""A recording on its way to the portal: as a link to fetch, or as a file sent to an address the portal names.

Source: Bitrix24 REST docs, telephony.externalCall.attachRecord. With a FILENAME alone the portal answers ``uploadUrl``
and ``fieldName``; the address is good for one file, so a broken upload begins with a new one. A recording that is
attached again replaces the earlier one.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

from ringbridge.crm.bitrix24.rest import Rest
from ringbridge.crm.bitrix24.telephony import as_map, text
from ringbridge.crm.client import Request
from ringbridge.crm.contract import CrmError, Exchange, Receipt, RecordingFile, Transient
from ringbridge.routing.intents import Priority
from ringbridge.routing.recordings import Absent

SLOWEST_UPLOAD = 32 * 1024  # bytes per second: what an office's slow line carries
SHORTEST_TIME = 65.0


async def upload(rest: Rest, file: RecordingFile, offer: Any, exchange: Exchange) -> Receipt | CrmError:
    """Send the file where the portal's `offer` says."""
    terms = as_map(offer)
    if text(terms.get("FILE_ID")):
        return attached(offer, exchange)
    url, field = text(terms.get("uploadUrl")), text(terms.get("fieldName")) or "file"
    if not urlsplit(url).hostname:
        return Transient("Bitrix24 named no address to send the recording to", exchange=exchange)
    form = _Form(file, field)
    request = Request(
        url=url, content=form.body, headers=form.headers, within=max(SHORTEST_TIME, file.size / SLOWEST_UPLOAD)
    )
    try:
        answer = await rest.door.send(lambda: request, priority=Priority.RECORDING)
        return attached(rest.accept(answer), rest.door.story(exchange.sent, f"{exchange.answered}\n{answer.text}"))
    except CrmError as error:
        error.exchange = exchange
        return error
    except OSError as error:
        return Transient(f"The recording {file.name} could not be read: {error}", exchange=exchange)


def attached(result: Any, exchange: Exchange) -> Receipt:
    file_id = text(as_map(result).get("FILE_ID"))
    return Receipt(facts={"recording": "attached", **({"file": file_id} if file_id else {})}, exchange=exchange)


def nothing_recorded(why: Absent) -> Receipt:
    """Nothing to send is an answer: the step is done."""
    return Receipt(facts={"recording": "absent", "reason": why.reason})


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
            # A file that changes under our hands breaks this promise, and the portal gets nothing rather than half.
            "Content-Length": str(len(self._head) + file.size + len(self._tail)),
        }

    async def body(self) -> AsyncIterator[bytes]:
        yield self._head
        async for piece in self._file.read():
            yield piece
        yield self._tail
