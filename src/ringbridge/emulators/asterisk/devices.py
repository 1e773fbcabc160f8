"""The phones of the emulated PBX as devices: registered or not, and busy with the channels that live.

As Asterisk does it, a state is told when it changes, and its lists tell what is at the moment. A phone's extension has
FreePBX's hint, ``PJSIP/101&Custom:DND101``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ringbridge.ami.message import Headers, Message
from ringbridge.emulators.asterisk.channels import Channel

DOWN, RINGING = "0", "5"  # ChannelState
TOLD_BY = frozenset({"Newchannel", "Newstate", "Hangup", "Rename", "Hold", "Unhold"})
WORDS = {
    "NOT_INUSE": ("Not in use", "0", "Idle"),
    "INUSE": ("In use", "1", "InUse"),
    "UNAVAILABLE": ("Unavailable", "4", "Unavailable"),
    "RINGING": ("Ringing", "8", "Ringing"),
    "RINGINUSE": ("Ring+Inuse", "9", "InUse&Ringing"),
    "ONHOLD": ("On Hold", "16", "Hold"),
}
"""A state in a list of endpoints, and as the status and text of a hint."""


class Devices:
    def __init__(self, phones: Iterable[str] = (), trunks: Iterable[str] = ()) -> None:
        self._trunks = frozenset(trunks)
        self._states = dict.fromkeys((*phones, *trunks), "NOT_INUSE")
        self._silent: set[str] = set()  # not registered
        self._wanted_peace: set[str] = set()  # on do-not-disturb
        self._held: set[str] = set()  # channels whose phone put the other side on hold

    def see(self, event: Message, alive: Iterable[Channel]) -> list[Message]:
        """What is told of the phones behind an event."""
        if event.event not in TOLD_BY or not self._states:
            return []
        match event.event:
            case "Hold":
                self._held.add(event.get("Channel"))
            case "Unhold" | "Hangup":
                self._held.discard(event.get("Channel"))
        return list(self._changes(alive))

    def register(self, phone: str, alive: Iterable[Channel], *, there: bool) -> list[Message]:
        """A phone goes or comes back; what is told of it."""
        (self._silent.discard if there else self._silent.add)(phone)
        peer = (("ChannelType", "PJSIP"), ("Peer", f"PJSIP/{phone}"))
        told = Message(_event("PeerStatus", "system", *peer, ("PeerStatus", "Reachable" if there else "Unreachable")))
        return [told, *self._changes(alive)]

    def disturb(self, phone: str, *, not_wanted: bool) -> list[Message]:
        """Somebody switches do-not-disturb on or off."""
        (self._wanted_peace.add if not_wanted else self._wanted_peace.discard)(phone)
        return [_change(f"Custom:DND{phone}", self._mark(phone))]

    def _changes(self, alive: Iterable[Channel]) -> Iterator[Message]:
        channels = list(alive)
        for phone, before in self._states.items():
            now = self._state(phone, channels)
            if now != before:
                self._states[phone] = now
                yield _change(f"PJSIP/{phone}", now)

    def _state(self, phone: str, alive: list[Channel]) -> str:
        """A channel that is not even dialled yet occupies nobody (ast_state_chan2dev in main/devicestate.c)."""
        own = [channel for channel in alive if channel.name.startswith(f"PJSIP/{phone}-")]
        own = [channel for channel in own if channel.headers.get("ChannelState") != DOWN]
        if not own:
            return "UNAVAILABLE" if phone in self._silent else "NOT_INUSE"
        ringing = [channel.headers.get("ChannelState") == RINGING for channel in own]
        if any(ringing):
            return "RINGING" if all(ringing) else "RINGINUSE"
        return "ONHOLD" if all(channel.name in self._held for channel in own) else "INUSE"

    def _mark(self, phone: str) -> str:
        return "INUSE" if phone in self._wanted_peace else "NOT_INUSE"

    # The rows of lists

    def device_rows(self) -> Iterator[Headers]:
        for phone, state in self._states.items():
            yield ("Event", "DeviceStateChange"), ("Device", f"PJSIP/{phone}"), ("State", state)
        for phone in sorted(self._wanted_peace):
            yield ("Event", "DeviceStateChange"), ("Device", f"Custom:DND{phone}"), ("State", self._mark(phone))

    def extension_rows(self) -> Iterator[Headers]:
        for phone, state in self._states.items():
            if phone in self._trunks:
                continue
            _, status, words = WORDS["INUSE" if phone in self._wanted_peace and state == "NOT_INUSE" else state]
            yield (
                ("Event", "ExtensionStatus"),
                ("Exten", phone),
                ("Context", "ext-local"),
                ("Hint", f"PJSIP/{phone}&Custom:DND{phone}"),
                ("Status", status),
                ("StatusText", words),
            )

    def endpoint_rows(self) -> Iterator[Headers]:
        for phone, state in self._states.items():
            yield (
                ("Event", "EndpointList"),
                ("ObjectType", "endpoint"),
                ("ObjectName", phone),
                ("Aor", phone),
                ("Auths", "" if phone in self._trunks else phone),
                ("OutboundAuths", phone if phone in self._trunks else ""),
                ("DeviceState", WORDS[state][0]),
            )


def _change(device: str, state: str) -> Message:
    return Message(_event("DeviceStateChange", "call", ("Device", device), ("State", state)))


def _event(name: str, read: str, *headers: tuple[str, str]) -> Headers:
    return (("Event", name), ("Privilege", f"{read},all"), *headers)
