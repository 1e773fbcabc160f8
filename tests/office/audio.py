"""What a phone says and hears: RTP with a steady 400 Hz tone in A-law, so that recordings are not silence.

RFC 3550 for the packets, RFC 4733 for the keys pressed, ITU-T G.711 for the samples.
"""

from __future__ import annotations

import asyncio
import math
import random
import socket
import struct
from collections.abc import Callable

PACKET_SECONDS = 0.02
SAMPLES = 160  # 20 ms at 8 kHz
ALAW, TELEPHONE_EVENT = 8, 101
KEYS = "0123456789*#ABCD"


def alaw(sample: int) -> int:
    """One linear sample (16 bit) as G.711 A-law."""
    mask = 0x55 if sample < 0 else 0xD5
    magnitude = min(abs(sample), 32635) >> 3
    segment = max(magnitude.bit_length() - 5, 0)
    value = magnitude >> 1 if segment == 0 else (segment << 4) | ((magnitude >> segment) & 0x0F)
    return (value ^ mask) & 0xFF


TONE = bytes(alaw(int(8000 * math.sin(2 * math.pi * 400 * i / 8000))) for i in range(SAMPLES))


class Audio:
    """The sound of one line: a socket, the tone that leaves it every 20 ms, and a count of what came."""

    def __init__(self, address: str, *, on_packet: Callable[[], None]) -> None:
        self.heard = 0  # packets
        self.remote: tuple[str, int] | None = None
        self._on_packet = on_packet
        self._sequence = random.randrange(1 << 15)
        self._timestamp = random.randrange(1 << 30)
        self._source = random.randrange(1 << 31)
        self._muted = False
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._socket = _bound_to_even_port(address)
        self.port: int = self._socket.getsockname()[1]
        self._loop.add_reader(self._socket, self._receive)

    def start(self) -> None:
        """Speak until `close`; does nothing when it already does."""
        if self._timer is None:
            self._speak(self._loop.time())

    def mute(self, muted: bool) -> None:
        self._muted = muted

    async def press(self, keys: str) -> None:
        """Press keys, each for 120 ms with a pause of 120 ms: what a quick thumb does."""
        for key in keys:
            self._muted = True
            for part in range(1, 7):
                self._send(TELEPHONE_EVENT, struct.pack("!BBH", KEYS.index(key), 10, part * SAMPLES), marker=part == 1)
                await asyncio.sleep(PACKET_SECONDS)
            for _ in range(3):  # the end of a key is said three times, RFC 4733 2.5.1.4
                self._send(TELEPHONE_EVENT, struct.pack("!BBH", KEYS.index(key), 0x80 | 10, 7 * SAMPLES))
            self._muted = False
            await asyncio.sleep(6 * PACKET_SECONDS)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _speak(self, due: float) -> None:
        if not self._muted:
            self._timestamp += SAMPLES
            self._send(ALAW, TONE)
        following = max(due + PACKET_SECONDS, self._loop.time() - 1)  # after a stall, catch up a second at most
        self._timer = self._loop.call_at(following, self._speak, following)

    def _send(self, kind: int, payload: bytes, *, marker: bool = False) -> None:
        if self.remote is None:
            return
        self._sequence = (self._sequence + 1) & 0xFFFF
        header = struct.pack(
            "!BBHII", 0x80, (marker << 7) | kind, self._sequence, self._timestamp & 0xFFFFFFFF, self._source
        )
        self._socket.sendto(header + payload, self.remote)

    def _receive(self) -> None:
        try:
            self._socket.recv(2048)
        except (BlockingIOError, ConnectionRefusedError):  # refused: the other side has hung up already
            return
        self.heard += 1
        self._on_packet()


def _bound_to_even_port(address: str) -> socket.socket:
    for port in random.sample(range(20000, 39998, 2), 50):
        candidate = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        candidate.setblocking(False)
        try:
            candidate.bind((address, port))
        except OSError:
            candidate.close()
        else:
            return candidate
    raise OSError(f"no free RTP port on {address}")
