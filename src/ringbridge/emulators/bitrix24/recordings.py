"""telephony.externalCall.attachRecord and the one-time upload address.

Source: Bitrix24 REST docs, `telephony.externalCall.attachRecord`.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import httpx2
import structlog

from ringbridge.emulators.bitrix24.calls import CallRecord, StoredFile
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.refusals import Refusal
from ringbridge.emulators.bitrix24.request import Request, telephony_refusal
from ringbridge.emulators.bitrix24.settings import Wording

log = structlog.get_logger(__name__)

NOTHING_GIVEN = {
    Wording.DOCS: "Required parameters are not set. Request should contain either URL or FILENAME parameter",
    Wording.BOX: "Required parameters are not set. Request should contain or URL or FILENAME parameter",
}
NOT_FINISHED = "Call is not found in the statistic table. Looks like it is not finished yet."
EXTENSIONS = {".wav", ".mp3"}
FIELD_NAME = "file"
_PATIENCE = 30.0  # seconds for fetching a recording by its address


async def attach_record(request: Request) -> Any:
    """A recording for a finished call: by address, by content, or an address to upload it to."""
    portal, params = request.portal, request.params
    url = request.text("RECORD_URL")
    if not url and "FILENAME" not in params:
        raise telephony_refusal(portal, NOTHING_GIVEN[portal.settings.wording])
    record = portal.telephony.finished.get(request.text("CALL_ID"))
    if record is None:
        raise telephony_refusal(portal, NOT_FINISHED)
    if url:
        return {"FILE_ID": await fetch(portal, record, url, request.text("FILENAME"))}
    name = _checked_name(portal, request.text("FILENAME"))
    if "FILE_CONTENT" not in params:
        return _upload_ticket(request, record)
    return {"FILE_ID": store(portal, record, name, _decoded(portal, request.text("FILE_CONTENT")))}


async def fetch(portal: Portal, record: CallRecord, url: str, name: str = "") -> int:
    """Fetch the recording the way the portal does, without checking certificates; the file's id."""
    name = _checked_name(portal, name or unquote(PurePosixPath(urlsplit(url).path).name))
    try:
        async with httpx2.AsyncClient(
            timeout=_PATIENCE, verify=False, follow_redirects=True, trust_env=False
        ) as client:
            answer = await client.get(url)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise Refusal("SERVER_NOT_AVAILABLE", f"SERVER_NOT_AVAILABLE: {error or type(error).__name__}") from error
    if answer.status_code != httpx2.codes.OK:
        raise telephony_refusal(portal, f"Server returns HTTP error code {answer.status_code}")
    return store(portal, record, name, answer.content)


async def fetch_quietly(portal: Portal, record: CallRecord, url: str) -> None:
    """RECORD_URL of finish: fetched behind the answer, and nobody is told when it fails."""
    try:
        await fetch(portal, record, url)
    except Refusal as refusal:
        log.info("recording_not_fetched", reason=refusal.text)


def upload(portal: Portal, token: str, name: str | None, content: bytes) -> dict[str, int]:
    """The second step: the file itself. `name` is None when the form has no file."""
    call_id = portal.telephony.uploads.get(token)
    if call_id is None:
        raise Refusal("ERROR_CORE", "Error: wrong or used upload token", status=403)
    if name is None:
        raise Refusal("ERROR_CORE", f"Error: required parameter {FIELD_NAME} is not found")
    file_id = store(portal, portal.telephony.finished[call_id], _checked_name(portal, name), content)
    del portal.telephony.uploads[token]
    return {"FILE_ID": file_id}


def store(portal: Portal, record: CallRecord, name: str, content: bytes) -> int:
    """Keep the file; it takes the place of the call's earlier recording."""
    if not content:
        raise telephony_refusal(portal, "File content is empty.")
    files = portal.telephony.files
    file_id = portal.telephony.next_file_id()
    files[file_id] = StoredFile(id=file_id, name=name, content=content, call_id=record.call.call_id)
    if record.record_file_id is not None:
        files.pop(record.record_file_id, None)
    _forget_oldest(portal)
    record.record_file_id = file_id
    record.record_url = f"{portal.address}/rest/download.json?token={quote(f'telephony|{file_id}', safe='')}"
    if record.activity_id is not None and record.activity_id in portal.activities.rows:
        activity = portal.activities.rows[record.activity_id]
        activity["STORAGE_ELEMENT_IDS"] = [str(file_id)]
        activity["FILES"] = [{"id": file_id, "url": record.record_url}]
    return file_id


def _forget_oldest(portal: Portal) -> None:
    """A demonstration that runs for days must not fill the memory."""
    files = portal.telephony.files
    held = sum(len(one.content) for one in files.values())
    while held > portal.settings.file_bytes_kept and len(files) > 1:
        held -= len(files.pop(next(iter(files))).content)


def _checked_name(portal: Portal, name: str) -> str:
    if not name:
        raise telephony_refusal(portal, "File name is empty")
    if PurePosixPath(name).suffix.lower() not in EXTENSIONS:
        raise telephony_refusal(portal, "Wrong file extension. Only wav and mp3 are allowed")
    return name


def _decoded(portal: Portal, content: str) -> bytes:
    if not content:
        raise telephony_refusal(portal, "File content is empty.")
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        words = "File content is not properly encoded. Base64 encoding is expected."
        raise telephony_refusal(portal, words) from None


def _upload_ticket(request: Request, record: CallRecord) -> dict[str, str]:
    token = f"telephony|{secrets.token_hex(16)}"
    request.portal.telephony.uploads[token] = record.call.call_id
    auth = request.caller.access_token or secrets.token_hex(16)
    address = f"{request.portal.address}/rest/upload.json?auth={auth}&token={quote(token, safe='')}"
    return {"uploadUrl": address, "fieldName": FIELD_NAME}
