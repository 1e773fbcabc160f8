"""Sound files as Asterisk writes them: how long they play, whether they are whole, and how to make an mp3 of one.

Asterisk keeps 32 KiB of a recording in memory and writes the lengths into the WAV header when it closes the file
(`formats/format_wav.c`, `main/file.c` of Asterisk), so a header that agrees with the file's size means: closed. A PBX
that was killed leaves a header without lengths before good sound; `mend_wav` writes them.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

MEDIA_TYPES = {
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
    ".flac": "audio/flac",
    ".gsm": "audio/x-gsm",
    ".ulaw": "audio/basic",
    ".alaw": "audio/x-alaw-basic",
    ".sln": "application/octet-stream",
    ".sln16": "application/octet-stream",
    ".g722": "audio/G722",
}
"""What Asterisk and the usual after-work of recordings write. `.WAV` is GSM in a WAV file."""

CONVERSION_LIMIT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wav:
    """What a WAV file says of itself, and what is there."""

    data_at: int  # offset of the sound
    declared: int  # bytes of sound by the header
    present: int  # bytes of sound in the file
    byte_rate: int  # bytes a second
    riff: int  # the length in the RIFF header; 0 while Asterisk has the file open

    @property
    def closed(self) -> bool:
        """Header and file agree: whoever wrote it has finished."""
        return self.riff > 0 and self.declared <= self.present <= self.declared + 1

    @property
    def seconds(self) -> float:
        return self.present / self.byte_rate if self.byte_rate else 0.0


def read_wav(path: Path) -> Wav | None:
    """The header of a RIFF/WAVE file; None when it is none (yet). Raises OSError."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(12)
        if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return None
        byte_rate = 0
        while len(chunk := file.read(8)) == 8:
            name, length = chunk[:4], int.from_bytes(chunk[4:], "little")
            if name == b"data":
                at = file.tell()
                riff = int.from_bytes(head[4:8], "little")
                return Wav(data_at=at, declared=length, present=size - at, byte_rate=byte_rate, riff=riff)
            body = file.read(min(length, 64))
            if name == b"fmt " and len(body) >= 16:
                byte_rate = struct.unpack_from("<I", body, 8)[0]
            file.seek(length - len(body) + length % 2, 1)
    return None


def mend_wav(source: Path, target: Path) -> None:
    """A copy of a WAV file with the lengths it really has. Raises OSError, or ValueError when it is no WAV file."""
    wav = read_wav(source)
    if wav is None:
        raise ValueError(f"{source} is no WAV file")
    part = target.with_suffix(".part")
    shutil.copyfile(source, part)
    with part.open("r+b") as file:
        file.seek(4)
        file.write(struct.pack("<I", wav.data_at - 8 + wav.present))
        file.seek(wav.data_at - 4)
        file.write(struct.pack("<I", wav.present))
    part.replace(target)


class ConversionFailed(Exception):
    """No mp3 could be made. The text is for people: which program said what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """A program that makes mp3 files. In its arguments `{source}` and `{target}` stand for the files."""

    program: str
    arguments: str

    def command(self, source: Path, target: Path) -> list[str]:
        return [self.program, *(part.format(source=source, target=target) for part in self.arguments.split())]


# 16 kHz because browsers' players are sure of MPEG-2 only, not of the 8 kHz of MPEG-2.5. 32 kbit/s is 4 kB a second,
# a quarter of Asterisk's WAV. In the order in which they are tried: the one that reads most formats first.
ENCODERS = (
    Encoder(
        program="ffmpeg",
        arguments="-nostdin -loglevel error -y -i {source} -ac 1 -ar 16000 -b:a 32k -f mp3 {target}",
    ),
    Encoder(program="lame", arguments="--quiet -m m --resample 16 -b 32 {source} {target}"),
    Encoder(program="sox", arguments="-V1 {source} -t mp3 -C 32 -c 1 -r 16000 {target}"),
)


def installed_encoders(search_path: str | None = None) -> tuple[Encoder, ...]:
    """Those that this machine has. `search_path` as in ``PATH``; None: the process's own."""
    found = ((shutil.which(encoder.program, path=search_path), encoder) for encoder in ENCODERS)
    return tuple(Encoder(program=program, arguments=encoder.arguments) for program, encoder in found if program)


async def make_mp3(
    source: Path, target: Path, encoders: Sequence[Encoder], *, limit: timedelta = CONVERSION_LIMIT
) -> None:
    """Writes `target` whole or not at all, with the first program that succeeds. Raises `ConversionFailed`."""
    if not encoders:
        raise ConversionFailed("To send mp3, install ffmpeg, lame or sox (with libsox-fmt-mp3) on this machine")
    part = target.with_suffix(".part")
    complaints = []
    try:
        for encoder in encoders:
            complaint = await _run(encoder.command(source, part), limit)
            if not complaint and part.exists() and part.stat().st_size:
                part.replace(target)
                return
            complaints.append(f"{Path(encoder.program).name}: {complaint or 'wrote nothing'}")
    finally:
        part.unlink(missing_ok=True)
    raise ConversionFailed(f"No mp3 could be made of {source.name}: {'; '.join(complaints)}")


async def _run(command: list[str], limit: timedelta) -> str:
    """Runs a program out of the way of the PBX's voice; what went wrong, or nothing."""
    if nice := shutil.which("nice"):
        command = [nice, "-n", "10", *command]
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        return str(error)
    try:
        async with asyncio.timeout(limit.total_seconds()):
            _, said = await process.communicate()
    except TimeoutError:
        return f"not ready after {limit.total_seconds():.0f} s"
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)  # with whatever a script of the administrator's has started
            # The pipe is drained and the child reaped also when we are being cancelled.
            await process.communicate()
    if process.returncode == 0:
        return ""
    return said.decode(errors="replace").strip()[-300:] or f"ended with {process.returncode}"
