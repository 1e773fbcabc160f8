"""What is thrown away at the door, before it is decoded.

On a PBX whose manager user reads the ``dialplan`` class nine bytes of ten are ``VarSet`` and ``Newexten``. A block is
judged by its first line; of the ``VarSet`` only those pass that set a variable somebody asked for.

A ``VarSet`` on no channel sets a global variable. On every dialplan reload FreePBX sends all of them, the passwords of
its database and of its manager among them, in clear. Those never pass, whatever is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ringbridge.ami.message import Message

NOISE: frozenset[str] = frozenset(
    {
        "AGIExecEnd",
        "AGIExecStart",
        "ChallengeResponseFailed",
        "ChallengeSent",
        "DTMFBegin",
        "InvalidAccountID",
        "InvalidPassword",
        "Newexten",
        "RTCPReceived",
        "RTCPSent",
        "RequestNotAllowed",
        "SuccessfulAuth",
        "TestEvent",
    }
)
"""Events that say nothing about a call (classes dialplan, dtmf, reporting and security)."""

WANTED_VARIABLES: frozenset[str] = frozenset(
    {"ANSWEREDTIME_MS", "FROM_DID", "MIXMONITOR_FILENAME", "VMSTATUS", "VM_MESSAGEFILE"}
)
"""What the tracker reads of channel variables, without the underscores that tell how far they are inherited."""

_VARSET = b"Event: VarSet"
_VARIABLE = b"\r\nVariable: "
_NOWHERE = b"\r\nChannel: none\r\n"


class Door:
    """Decides over undecoded blocks: which come in?

    ``wanted_variables=None`` lets every channel variable pass (for diagnosis); ``noise`` names the events to drop.
    """

    __slots__ = ("_noise", "_wanted")

    def __init__(self, *, wanted_variables: Collection[str] | None, noise: Collection[str]) -> None:
        self._noise = frozenset(f"Event: {name}".encode() for name in noise)
        self._wanted = None if wanted_variables is None else frozenset(name.encode() for name in wanted_variables)

    def admitted(self, blocks: Iterable[bytes]) -> list[bytes]:
        """Those that pass, in their order."""
        noise = self._noise
        return [
            block
            for block in blocks
            if (first := block[: block.find(b"\r\n")]) not in noise
            and (first != _VARSET or self._admits_variable(block))
        ]

    def _admits_variable(self, block: bytes) -> bool:
        if self._wanted is not None:
            start = block.find(_VARIABLE) + len(_VARIABLE)
            if block[start : block.find(b"\r\n", start)].lstrip(b"_") not in self._wanted:
                return False
        return _NOWHERE not in block


def is_global_variable(message: Message) -> bool:
    """The same judgement on a decoded message, for a block that dodged the look at its bytes."""
    return message.event.lower() == "varset" and message.get("Channel", "none").strip().lower() in {"", "none"}
