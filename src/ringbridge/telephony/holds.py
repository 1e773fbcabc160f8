"""When the client was on hold, and who had put him there."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field, replace
from datetime import datetime

from ringbridge.telephony.model import Extension, Hold

MOST_HOLDS = 100
"""Of one call; the oldest are forgotten first."""


@dataclass(slots=True, eq=False)
class Holds:
    """The holds of one call. One person holds the client once at a time: a second Hold means nothing new."""

    told: tuple[Hold, ...] = ()
    _seen_until: dict[Extension, datetime] = field(default_factory=dict)  # of those whose end may have been missed

    def begin(self, extension: Extension, at: datetime) -> None:
        if extension in self._seen_until:
            self._end({extension}, at)
        if extension not in self._going_on():
            self.told = (*self.told, Hold(extension=extension, start=at))[-MOST_HOLDS:]

    def end(self, extension: Extension, at: datetime) -> None:
        """They took the client back."""
        self._seen_until.pop(extension, None)
        self._end({extension}, at)

    def give_up(self, extension: Extension, at: datetime) -> None:
        """They hung up, and the client was not taken back."""
        self._end({extension}, at)

    def end_all(self, at: datetime) -> None:
        """The client was handed on, or is gone."""
        self._end(self._going_on(), at)

    def lost(self, at: datetime) -> None:
        """The connection is gone: whoever takes the client back now does so unseen. Where the end of a hold is never
        told, it is counted up to here."""
        self._seen_until |= {extension: at for extension in self._going_on() if extension not in self._seen_until}

    def _going_on(self) -> set[Extension]:
        return {hold.extension for hold in self.told if hold.end is None}

    def _end(self, extensions: Container[Extension], at: datetime) -> None:
        self.told = tuple(
            replace(hold, end=max(self._seen_until.pop(hold.extension, at), hold.start))
            if hold.end is None and hold.extension in extensions
            else hold
            for hold in self.told
        )
