"""What lives on the emulated PBX at the moment: channels and bridges, learned from the events it sends.

So a client that logs in in the middle of a call is told the truth of that moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ringbridge.ami.message import Headers, Message

SNAPSHOT = (
    "Channel",
    "ChannelState",
    "ChannelStateDesc",
    "CallerIDNum",
    "CallerIDName",
    "ConnectedLineNum",
    "ConnectedLineName",
    "Language",
    "AccountCode",
    "Context",
    "Exten",
    "Priority",
    "Uniqueid",
    "Linkedid",
)
"""The headers of a channel, in Asterisk's order; in many events also with a prefix such as ``Dest``."""

BRIDGE = (
    "BridgeUniqueid",
    "BridgeType",
    "BridgeTechnology",
    "BridgeCreator",
    "BridgeName",
    "BridgeNumChannels",
    "BridgeVideoSourceMode",
)

_PREFIXES = (
    "",
    "Dest",
    "LocalOne",
    "LocalTwo",
    "Source",
    "Target",
    "Transferer",
    "Transferee",
    "OrigTransferer",
    "SecondTransferer",
    "TransferTarget",
    "Parkee",
    "Retriever",
)


@dataclass(slots=True)
class Channel:
    """``headers`` is the latest snapshot; ``variables`` those whose setting was seen."""

    headers: dict[str, str]
    born: datetime
    bridge: str = ""
    application: str = ""
    data: str = ""
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.headers["Channel"]

    @property
    def snapshot(self) -> Headers:
        return tuple((name, self.headers.get(name, "")) for name in SNAPSHOT)


class Channels:
    """``see`` every event in the order it is sent."""

    def __init__(self) -> None:
        self.alive: dict[str, Channel] = {}  # by Uniqueid
        self.bridges: dict[str, dict[str, str]] = {}  # by BridgeUniqueid

    def see(self, event: Message, at: datetime) -> None:
        if event.event == "Newchannel":
            self.alive[event.get("Uniqueid")] = Channel(headers=_snapshot(event, ""), born=at)
        self._refresh(event)
        if event.event.startswith("Bridge"):
            self._see_bridge(event)
        elif channel := self.alive.get(event.get("Uniqueid")):
            self._see_channel(channel, event)

    def _see_channel(self, channel: Channel, event: Message) -> None:
        match event.event:
            case "Newexten":
                channel.application, channel.data = event.get("Application"), event.get("AppData")
            case "VarSet":
                channel.variables[event.get("Variable").lstrip("_")] = event.get("Value")
            case "Rename":
                channel.headers["Channel"] = event.get("Newname")
            case "Hangup":
                del self.alive[event.get("Uniqueid")]

    def _see_bridge(self, event: Message) -> None:
        name = event.get("BridgeUniqueid")
        channel = self.alive.get(event.get("Uniqueid"))
        match event.event:
            case "BridgeCreate":
                self.bridges[name] = {header: event.get(header) for header in BRIDGE}
            case "BridgeDestroy":
                self.bridges.pop(name, None)
            case "BridgeEnter" if channel:
                channel.bridge = name
                if swapped := self.alive.get(event.get("SwapUniqueid")):
                    swapped.bridge = ""
            case "BridgeLeave" if channel and channel.bridge == name:
                channel.bridge = ""
                if event.get("BridgeType") == "parking" and not self.members(name):
                    del self.bridges[name]  # a real one stays for ever; here each playing has its own

    def _refresh(self, event: Message) -> None:
        for prefix in _PREFIXES:
            channel = self.alive.get(event.get(f"{prefix}Uniqueid"))
            if channel and f"{prefix}Channel" in event:
                channel.headers.update(_snapshot(event, prefix))

    def named(self, name: str) -> Channel | None:
        return next((channel for channel in self.alive.values() if channel.name == name), None)

    def members(self, bridge: str) -> list[Channel]:
        return [channel for channel in self.alive.values() if channel.bridge == bridge]

    def bridge_headers(self, bridge: str) -> Headers:
        headers = {**self.bridges[bridge], "BridgeNumChannels": str(len(self.members(bridge)))}
        return tuple(headers.items())


def _snapshot(event: Message, prefix: str) -> dict[str, str]:
    return {name: event.get(prefix + name) for name in SNAPSHOT if prefix + name in event}
