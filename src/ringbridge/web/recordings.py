"""Recordings over HTTP: signed links that expire, ranges for players, readable from another origin (a CRM's page)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import quote

from starlette.responses import PlainTextResponse, Response, StreamingResponse

from ringbridge.pbx.recordings import BadLink, ExpiredLink, LinkSigner, SoundFile, part_of, stream
from ringbridge.routing.intents import RecordKey
from ringbridge.web.language import N_

PLAYER_LINK = timedelta(hours=12)  # a call's page may stay open for a working day

CROSS_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Range",
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


class Find(Protocol):
    async def __call__(self, record: RecordKey, *, mp3: bool = False) -> SoundFile | None:
        """The complete file of a record, or None when there is none (yet). `mp3`: as such, where one can be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recordings:
    """What our own page plays, and whoever has a signed link."""

    signer: LinkSigner
    find: Find

    def address(self, record: RecordKey, now: datetime) -> str:
        """For the player on our own page. The expiry is rounded up to an hour: an open page that is drawn again keeps
        its player's address, and with it the place in the recording."""
        expires = (now + PLAYER_LINK).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        return f"/recordings/{self.signer.sign(record, expires)}"

    async def answer(
        self, token: str, requested: str | None, now: datetime, *, name: str = "", say: Callable[[str], str] = str
    ) -> Response:
        """To a GET with this Range header; `say` translates what is wrong. A link that ends in `name` ….mp3 gives an
        mp3: it was made before anybody knew what the PBX records in."""
        try:
            record = self.signer.verify(token, now)
        except ExpiredLink as error:
            return PlainTextResponse(say(str(error)), status_code=410, headers=CROSS_ORIGIN)
        except BadLink as error:
            return PlainTextResponse(say(str(error)), status_code=404, headers=CROSS_ORIGIN)
        file = await self.find(record, mp3=name.lower().endswith(".mp3"))
        if file is None:
            return PlainTextResponse(say(N_("The recording is not there")), status_code=404, headers=CROSS_ORIGIN)
        return send(file, requested)


def permission(private: bool) -> Response:
    """The answer to a browser's question before a player on another origin asks; `private`: it asks whether it may look
    into the network in which we stand."""
    headers = {**CROSS_ORIGIN, "Access-Control-Allow-Methods": "GET, HEAD", "Access-Control-Max-Age": "600"}
    if private:
        headers["Access-Control-Allow-Private-Network"] = "true"
    return Response(status_code=204, headers=headers)


def send(file: SoundFile, requested: str | None) -> Response:
    part = part_of(requested, file.size)
    headers = {
        **CROSS_ORIGIN,
        **part.headers,
        "Content-Type": file.content_type,
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(file.name)}",
        "Cache-Control": "private, max-age=3600",
    }
    return StreamingResponse(stream(file.path, part), status_code=part.status, headers=headers)
