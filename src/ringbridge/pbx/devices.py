"""Which phones can be rung, from what the PBX says of its devices.

A device is a phone as the PBX names it, ``PJSIP/101``. Its state comes by DeviceStateChange: Asterisk works it out of
registration and calls, and sends it only when it changes. Of a device that did not change since the PBX booted nothing
may be known, so after each login lists are asked for; `questions` names them.

Which devices an extension has is told by its hint, ``PJSIP/101&Custom:DND101,CustomPresence:101``; without hints the
phone is expected to have the extension's name. The state of the whole hint is used only where no device of it is known:
Asterisk takes the liveliest state of its parts, so that an unregistered phone with do-not-disturb off is "Idle".

Registration (PeerStatus) counts only where no state is known: a phone that becomes unreachable in the middle of a call
stays in use, and no further event tells so.

Sources: Asterisk 22 and 16, main/devicestate.c (states and their texts), include/asterisk/pbx.h (bits of a hint's
status), apps/app_queue.c, channels/chan_sip.c (PeerEntry), and recordings of both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ringbridge.ami.message import Action, Message
from ringbridge.routing.distribution import Reach

TECHNOLOGIES = ("PJSIP", "SIP", "IAX2", "SCCP", "DAHDI", "UNISTIM", "Skinny", "MGCP")
MARK = "Custom:"  # a switch of the dialplan's, such as FreePBX's do-not-disturb

# By letters alone: DeviceStateChange writes NOT_INUSE, EndpointList "Not in use". Unknown and invalid are left out.
STATES: Mapping[str, Reach] = MappingProxyType(
    {
        "NOTINUSE": Reach.FREE,
        "INUSE": Reach.BUSY,
        "BUSY": Reach.BUSY,
        "RINGING": Reach.BUSY,
        "RINGINUSE": Reach.BUSY,
        "ONHOLD": Reach.BUSY,
        "UNAVAILABLE": Reach.ABSENT,
    }
)
# A queue member's Status is the state's number.
NUMBERED: Mapping[str, Reach] = MappingProxyType(
    {"1": Reach.FREE, "5": Reach.ABSENT, **dict.fromkeys(("2", "3", "6", "7", "8"), Reach.BUSY)}
)
REGISTRATIONS: Mapping[str, Reach] = MappingProxyType(
    {
        "Registered": Reach.FREE,
        "Reachable": Reach.FREE,
        "Lagged": Reach.FREE,
        "Unregistered": Reach.ABSENT,
        "Unreachable": Reach.ABSENT,
        "Rejected": Reach.ABSENT,
    }
)
HINT_IDLE, HINT_UNAVAILABLE = "0", "4"
HINT_GONE = frozenset({"-1", "-2"})  # the extension was removed, or its hint


def questions() -> tuple[Action, ...]:
    """What is asked after a login; the answers' rows are fed like events. A later list completes an earlier one."""
    names = ("DeviceStateList", "ExtensionStateList", "QueueStatus", "PJSIPShowEndpoints", "SIPpeers")
    return tuple(Action(name=name) for name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hint:
    devices: tuple[str, ...]
    marks: tuple[str, ...]
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    reach: Reach
    paused: bool


class DeviceBoard:
    """``feed`` it everything that the PBX says, in order; ``forget`` when the link is lost. Set ``changed`` to be told
    that something may be otherwise now."""

    def __init__(self) -> None:
        self.changed: Callable[[], None] = lambda: None
        self._states: dict[str, Reach] = {}
        self._registered: dict[str, Reach] = {}
        self._hints: dict[str, _Hint] = {}
        self._queues: dict[str, dict[str, _Member]] = {}

    def forget(self) -> None:
        for known in (self._states, self._registered, self._hints, self._queues):
            known.clear()
        self.changed()

    # What is asked

    def reach(self, extension: str) -> Reach:
        """Of a phone, or of a queue by its name: FREE where one of its members is."""
        hint = self._hints.get(extension)
        devices, marks = (hint.devices, hint.marks) if hint else self._expected(extension)
        states = [self._state(device) for device in devices]
        if states and all(state is Reach.ABSENT for state in states):
            return Reach.ABSENT
        if Reach.BUSY in states or any(self._states.get(mark) is Reach.BUSY for mark in marks):
            return Reach.BUSY
        if Reach.FREE in states:
            return Reach.FREE
        if hint:
            return _of_hint(hint.status)
        return self._of_queue(extension)

    def _expected(self, extension: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Devices of that name, and FreePBX's do-not-disturb for it."""
        named = (f"{technology}/{extension}" for technology in TECHNOLOGIES)
        return tuple(name for name in named if self._state(name) is not None), (f"{MARK}DND{extension}",)

    def _state(self, device: str) -> Reach | None:
        return self._states.get(device) or self._registered.get(device)

    def _of_queue(self, name: str) -> Reach:
        if name not in self._queues:
            return Reach.UNKNOWN
        working = {member.reach for member in self._queues[name].values() if not member.paused}
        order = (Reach.FREE, Reach.UNKNOWN, Reach.BUSY)
        return next((reach for reach in order if reach in working), Reach.ABSENT)

    # What is told

    def feed(self, message: Message) -> None:
        """An event, or a row of an answer. What tells nothing of a phone is passed over."""
        match message.event:
            case "DeviceStateChange":
                self._note(message.get("Device"), message.get("State"))
            case "EndpointList":
                self._note(f"PJSIP/{message.get('ObjectName')}", message.get("DeviceState"))
            case "ExtensionStatus":
                self._note_hint(message)
            case "PeerStatus" if registration := REGISTRATIONS.get(message.get("PeerStatus")):
                self._registered[message.get("Peer")] = registration
            case "PeerEntry":
                self._note_peer(message)
            case "QueueParams":
                self._queues.setdefault(message.get("Queue"), {})
            case "QueueMember":
                self._note_member(message, message.get("Location"))
            case "QueueMemberStatus" | "QueueMemberAdded" | "QueueMemberPause":
                self._note_member(message, message.get("Interface"))
            case "QueueMemberRemoved":
                self._queues.get(message.get("Queue"), {}).pop(message.get("Interface"), None)
            case _:
                return
        self.changed()

    def _note(self, device: str, state: str) -> None:
        if device.partition("/")[0] not in TECHNOLOGIES and not device.startswith(MARK):
            return  # a Local channel, a trunk's mailbox, a parking place
        reach = STATES.get("".join(filter(str.isalpha, state)).upper())
        if reach:
            self._states[device] = reach
        else:
            self._states.pop(device, None)

    def _note_hint(self, message: Message) -> None:
        """The hint stands in the event since Asterisk 1.8; one that names no phone (a parking place) is not kept."""
        extension, status = message.get("Exten"), message.get("Status")
        parts = message.get("Hint").partition(",")[0].split("&")
        devices = tuple(part for part in parts if part.partition("/")[0] in TECHNOLOGIES)
        if devices and status not in HINT_GONE:
            marks = tuple(part for part in parts if part.startswith(MARK))
            self._hints[extension] = _Hint(devices=devices, marks=marks, status=status)
        elif status in HINT_GONE:
            self._hints.pop(extension, None)

    def _note_peer(self, message: Message) -> None:
        """Of chan_sip. UNKNOWN is a phone that never registered; one that is not qualified has at least an address."""
        device = f"SIP/{message.get('ObjectName')}"
        silent = message.get("Status").startswith(("UNREACHABLE", "UNKNOWN"))
        nowhere = message.get("IPaddress") in {"", "-none-", "(null)"}
        self._registered[device] = Reach.ABSENT if silent or nowhere else Reach.FREE

    def _note_member(self, message: Message, interface: str) -> None:
        member = _Member(reach=NUMBERED.get(message.get("Status"), Reach.UNKNOWN), paused=message.get("Paused") == "1")
        self._queues.setdefault(message.get("Queue"), {})[interface] = member


def _of_hint(status: str) -> Reach:
    """Idle, unavailable, or something is going on."""
    if not status.isdigit():
        return Reach.UNKNOWN
    return {HINT_IDLE: Reach.FREE, HINT_UNAVAILABLE: Reach.ABSENT}.get(status, Reach.BUSY)


_LIVELIEST = (Reach.BUSY, Reach.FREE, Reach.ABSENT)


class Phones:
    """The phones of an office with several PBXs: an extension is the PBX's that knows it."""

    def __init__(self, boards: Iterable[DeviceBoard]) -> None:
        self._boards = tuple(boards)

    def reach(self, extension: str) -> Reach:
        """Where several know it, what keeps it most occupied counts."""
        told = {board.reach(extension) for board in self._boards}
        return next((reach for reach in _LIVELIEST if reach in told), Reach.UNKNOWN)
