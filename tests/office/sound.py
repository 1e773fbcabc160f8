"""What is in a recording: can it be played, how long is it, and is there anything to hear?"""

from __future__ import annotations

import array
import asyncio
import math
import sys
import wave
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Self

RATE = 8000  # samples per second that mp3 files are decoded to


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    seconds: float
    loudness: float  # root mean square of the 16-bit samples: silence is below 10, our tone some thousands

    @classmethod
    def of_wav(cls, content: bytes) -> Self:
        """Raises wave.Error or EOFError when this is no playable WAV file."""
        with wave.open(BytesIO(content)) as source:
            rate, frames = source.getframerate(), source.readframes(source.getnframes())
        samples = array.array("h", frames)
        if sys.byteorder == "big":
            samples.byteswap()
        power = sum(sample * sample for sample in samples) / max(len(samples), 1)
        return cls(seconds=len(samples) / rate, loudness=math.sqrt(power))

    @classmethod
    async def of_recording(cls, content: bytes) -> Self:
        """Raises an AssertionError when this is neither a WAV nor an mp3 file that can be played."""
        if content[:4] == b"RIFF":
            return cls.of_wav(content)
        decoder = await asyncio.create_subprocess_exec(
            *("sox", "-t", "mp3", "-", "-t", "raw", "-e", "signed", "-b", "16", "-L", "-c", "1", "-r", str(RATE), "-"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        frames, complaint = await decoder.communicate(content)
        assert decoder.returncode == 0, complaint.decode()
        return cls.of_wav(wav_of(frames))


def wav_of(frames: bytes) -> bytes:
    """A WAV file of these samples."""
    target = BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(frames)
    return target.getvalue()


async def finished_wav(path: Path) -> bytes:
    """The content of a recording when the PBX has closed it: only then does its header tell the true length. The PBX
    does so a moment after the channel's end, and announces it to nobody."""
    async with asyncio.timeout(60):
        while True:
            content = await asyncio.to_thread(path.read_bytes)
            if len(content) > 44 and int.from_bytes(content[4:8], "little") + 8 == len(content):
                return content
            await asyncio.sleep(0.02)
