"""What a PBX has, found out with the least rights: its kind and version, extensions, trunks, queues, and the folder of
its recordings.

A device is a phone or a trunk; Asterisk itself makes no difference between them. What tells, the surest first:

1. We log in there (PJSIP ``OutboundAuths``): a trunk.
2. A hint names it, or it is a queue's member: a phone, under the hint's extension.
3. Its name: up to six digits are an extension, everything else is a provider's or a gateway's.

A person confirms the result, so a wrong guess costs a click.

Sources: Asterisk 16 and 22, res_pjsip (EndpointList), chan_sip.c (PeerEntry), app_queue.c, recordings of both; FreePBX
15 and 17, whose dialplan sets the globals AMPMGRUSER, ASTSPOOLDIR and MIXMON_DIR.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from ringbridge.ami.errors import ActionRefused
from ringbridge.ami.message import Action, Message
from ringbridge.ami.protocol import Answer
from ringbridge.pbx.devices import TECHNOLOGIES

EXTENSION = re.compile(r"\d{1,6}")
LISTS = ("DeviceStateList", "ExtensionStateList", "QueueStatus", "PJSIPShowEndpoints", "SIPpeers")
GLOBALS = ("AMPMGRUSER", "ASTSPOOLDIR", "MIXMON_DIR")
MONITOR = "/var/spool/asterisk/monitor"
NOBODYS = frozenset({"anonymous", "dpma_endpoint", "default"})
"""Endpoints that are neither a phone nor a trunk: guests, and provisioning of Digium's phones in FreePBX."""
NO_QUEUE = "default"  # FreePBX's template in queues.conf


class Kind(StrEnum):
    ASTERISK = "asterisk"  # a dialplan of one's own
    FREEPBX = "freepbx"  # or its kin: Issabel, Elastix


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    version: str = ""
    kind: Kind = Kind.ASTERISK
    extensions: tuple[str, ...] = ()
    trunks: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    recordings: str = MONITOR  # as the PBX names it


class Asking(Protocol):
    async def action(self, action: Action) -> Answer: ...


async def discover(pbx: Asking) -> Found:
    """What the manager user may not ask is left out. Raises `NotConnected`."""
    rows: list[Message] = []
    for name in LISTS:
        with suppress(ActionRefused):
            rows += (await pbx.action(Action(name=name))).rows
    variables = {}
    for name in GLOBALS:
        with suppress(ActionRefused):
            answer = await pbx.action(Action(name="Getvar", headers=(("Variable", name),)))
            variables[name] = answer.response.get("Value")
    version = ""
    with suppress(ActionRefused):
        version = (await pbx.action(Action(name="CoreSettings"))).response.get("AsteriskVersion")
    return found_in(rows, variables, version)


def found_in(rows: Iterable[Message], variables: Mapping[str, str], version: str = "") -> Found:
    """Of the lists' rows and the PBX's global variables."""
    notes = _Notes()
    for row in rows:
        notes.take(row)
    devices = {device: device.partition("/")[2] for device in notes.devices}
    trunks = [name for device, name in devices.items() if notes.is_trunk(device, name)]
    phones = [notes.extension(device, name) for device, name in devices.items() if not notes.is_trunk(device, name)]
    spool = variables.get("ASTSPOOLDIR", "")
    return Found(
        version=version,
        kind=Kind.FREEPBX if variables.get("AMPMGRUSER") else Kind.ASTERISK,
        extensions=tuple(sorted(set(phones), key=_by_number)),
        trunks=tuple(sorted(set(trunks))),
        queues=tuple(sorted(notes.queues - {NO_QUEUE}, key=_by_number)),
        recordings=variables.get("MIXMON_DIR") or (f"{spool}/monitor" if spool else MONITOR),
    )


@dataclass(slots=True)
class _Notes:
    devices: dict[str, None] = field(default_factory=dict)  # in the order of their coming
    logged_in: set[str] = field(default_factory=set)  # where we log in
    members: set[str] = field(default_factory=set)
    hints: dict[str, str] = field(default_factory=dict)  # device -> extension
    queues: set[str] = field(default_factory=set)

    def take(self, row: Message) -> None:
        match row.event:
            case "DeviceStateChange":
                self._device(row.get("Device"))
            case "EndpointList":
                device = f"PJSIP/{row.get('ObjectName')}"
                self._device(device)
                if row.get("OutboundAuths"):
                    self.logged_in.add(device)
            case "PeerEntry":
                self._device(f"SIP/{row.get('ObjectName')}")
            case "ExtensionStatus":
                for part in row.get("Hint").partition(",")[0].split("&"):
                    self.hints.setdefault(part, row.get("Exten"))
            case "QueueParams":
                self.queues.add(row.get("Queue"))
            case "QueueMember":
                self.members |= {row.get("Location"), row.get("StateInterface")}

    def is_trunk(self, device: str, name: str) -> bool:
        if device in self.logged_in:
            return True
        if device in self.hints or device in self.members:
            return False
        return EXTENSION.fullmatch(name) is None

    def extension(self, device: str, name: str) -> str:
        return self.hints.get(device, name)

    def _device(self, device: str) -> None:
        technology, _, name = device.partition("/")
        if technology in TECHNOLOGIES and name not in NOBODYS:
            self.devices[device] = None


def _by_number(name: str) -> tuple[bool, int, str]:
    return (not name.isdecimal(), int(name) if name.isdecimal() else 0, name)
