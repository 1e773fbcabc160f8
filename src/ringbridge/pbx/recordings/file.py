"""A complete recording, ready to be handed over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ringbridge.pbx.audio import MEDIA_TYPES
from ringbridge.pbx.recordings.links import LinkSigner
from ringbridge.pbx.recordings.streaming import part_of, stream
from ringbridge.routing.intents import RecordKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundFile:
    record: RecordKey  # whose recording it is
    path: Path  # on this machine
    name: str  # what to call it elsewhere
    size: int  # bytes
    seconds: float | None = None  # how long it plays; None when the format does not tell
    signer: LinkSigner | None = None

    @property
    def content_type(self) -> str:
        return MEDIA_TYPES.get(self.path.suffix.lower(), "application/octet-stream")

    def link(self, expires: datetime) -> str | None:
        """A signed address at which whoever has it can fetch the file until then; None when we have no address that
        can be reached from outside."""
        return self.signer.link(self.record, self.name, expires) if self.signer else None

    def read(self) -> AsyncIterator[bytes]:
        """The file from its beginning, in pieces; each call begins anew. Raises OSError."""
        return stream(self.path, part_of(None, self.size))
