"""A port for a test that has to know it beforehand, or takes the same one a second time."""

from __future__ import annotations

import socket
from contextlib import suppress
from random import SystemRandom


def free_port() -> int:
    """Nobody has it, and nobody gets it meanwhile by asking for any: those that Linux hands out begin at 32768."""
    for port in SystemRandom().sample(range(20000, 32000), 50):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise OSError("no free port between 20000 and 32000")
