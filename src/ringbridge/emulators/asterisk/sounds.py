"""The recordings that the emulated Asterisk leaves on disk, as MixMonitor does with FreePBX's options.

The file is there from the ring on, 44 bytes of header; it grows only while the channel is in a bridge, and so stays
that short for a call nobody answered. It is complete when the channel hangs up. The sound is a beep a second, so that
a person who plays it hears at once how long it is.
"""

from __future__ import annotations

import math
import wave
from array import array
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ringbridge.ami.message import Message

_RATE = 8000  # samples a second, 16 bits, as Asterisk's format wav


@dataclass(slots=True)
class _Recording:
    path: Path
    channel: str
    bridged_since: datetime | None = None
    length: timedelta = timedelta(0)


class Recorder:
    """``see`` every event that is sent. Writes what the PBX calls ``announced``/… into ``folder``/….

    A path outside of ``announced`` is not written.
    """

    def __init__(self, folder: Path, announced: str) -> None:
        self._folder, self._announced = folder, announced.rstrip("/") + "/"
        self._open: list[_Recording] = []
        self._bridged: dict[str, datetime] = {}

    def see(self, event: Message, at: datetime) -> None:
        channel = event.get("Uniqueid")
        match event.event:
            case "VarSet" if event.get("Variable") == "MIXMONITOR_FILENAME":
                self._begin(channel, event.get("Value"))
            case "BridgeEnter":
                self._bridged[channel] = at
                for recording in self._of(channel):
                    recording.bridged_since = at
            case "BridgeLeave":
                self._pause(channel, at)
            case "Hangup":
                self._pause(channel, at)
                self._finish(channel)

    def _of(self, channel: str) -> list[_Recording]:
        return [recording for recording in self._open if recording.channel == channel]

    def _begin(self, channel: str, name: str) -> None:
        if not name.startswith(self._announced) or ".." in name:
            return
        path = self._folder / name.removeprefix(self._announced)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_beeps(path, timedelta(0))
        self._open.append(_Recording(path=path, channel=channel, bridged_since=self._bridged.get(channel)))

    def _pause(self, channel: str, at: datetime) -> None:
        self._bridged.pop(channel, None)
        for recording in self._of(channel):
            if recording.bridged_since is not None:
                recording.length += at - recording.bridged_since
                recording.bridged_since = None

    def _finish(self, channel: str) -> None:
        for recording in self._of(channel):
            if recording.length:
                write_beeps(recording.path, recording.length)
            self._open.remove(recording)


def write_beeps(path: Path, length: timedelta) -> None:
    """A WAV file of that length: a short tone at the beginning of each second."""
    second = array("h", (_sample(number) for number in range(_RATE)))
    count = round(length.total_seconds() * _RATE)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        for start in range(0, count, _RATE):
            file.writeframes(second[: count - start].tobytes())


def _sample(number: int) -> int:
    loudness = 8000 if number < _RATE // 5 else 400
    return int(loudness * math.sin(2 * math.pi * 440 * number / _RATE))
