"""Answers to actions, in the words of Asterisk 22 (taken from a real 22.10.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ringbridge.ami.message import Headers, Message
from ringbridge.emulators.asterisk.channels import Channel, Channels
from ringbridge.emulators.asterisk.devices import Devices
from ringbridge.emulators.asterisk.dialplan import Priority, totals
from ringbridge.emulators.asterisk.users import Filters, User

Reply = list[Headers]

_ANY = ("system", "call", "reporting")

PRIVILEGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "bridgeinfo": ("BridgeInfo", ()),
    "bridgelist": ("BridgeList", ()),
    "challenge": ("Challenge", ()),
    "command": ("Command", ("command",)),
    "coresettings": ("CoreSettings", ("system", "reporting")),
    "coreshowchannels": ("CoreShowChannels", ("system", "reporting")),
    "devicestatelist": ("DeviceStateList", ("call", "reporting")),
    "events": ("Events", ()),
    "extensionstatelist": ("ExtensionStateList", ("call", "reporting")),
    "filter": ("Filter", ("system",)),
    "getvar": ("Getvar", ("call", "reporting")),
    "listcommands": ("ListCommands", ()),
    "login": ("Login", ()),
    "logoff": ("Logoff", ()),
    "originate": ("Originate", ("originate",)),
    "ping": ("Ping", ()),
    "pjsipshowendpoints": ("PJSIPShowEndpoints", ("system",)),
    "showdialplan": ("ShowDialPlan", ("config", "reporting")),
    "status": ("Status", _ANY),
}
"""The actions that are known, by name in lower case, with the write classes of which any allows them."""


def permitted(action: str, user: User) -> bool:
    needed = PRIVILEGES[action][1]
    return not needed or bool(user.write & {*needed, "all"})


@dataclass(slots=True, kw_only=True)
class Desk:
    """Answers the actions of one session that do not change the session itself, but for its filters.

    ``originate`` places a call and returns None, or the text of an error.
    """

    user: User
    channels: Channels
    devices: Devices
    dialplan: Sequence[Priority]
    filters: Filters
    clock: Callable[[], datetime]
    originate: Callable[[Message], str | None]

    def answer(self, action: Message) -> Reply:
        name = action.get("Action")
        if not name:
            return [error("Missing action in request")]
        if name.lower() not in PRIVILEGES:
            unknown = f"Invalid/unknown command: {name}. Use Action: ListCommands to show available commands."
            return [error(unknown)]
        if not permitted(name.lower(), self.user):
            return [error("Permission denied")]
        handler: Callable[[Message], Reply] = getattr(self, f"_{name.lower()}")
        return handler(action)

    def _ping(self, action: Message) -> Reply:
        return [(("Response", "Success"), ("Ping", "Pong"), ("Timestamp", f"{self.clock().timestamp():.6f}"))]

    def _events(self, action: Message) -> Reply:
        return [(("Response", "Success"), ("Events", "On" if action.get("EventMask") != "off" else "Off"))]

    def _login(self, action: Message) -> Reply:
        return [error("Already logged in")]

    def _challenge(self, action: Message) -> Reply:
        return [(("Response", "Success"), ("Challenge", "278585355"))]

    def _logoff(self, action: Message) -> Reply:
        return [(("Response", "Goodbye"), ("Message", "Thanks for all the fish."))]

    def _listcommands(self, action: Message) -> Reply:
        may = [entry for name, entry in sorted(PRIVILEGES.items()) if permitted(name, self.user)]
        lines = ((name, f"{name}.  (Priv: {','.join(needed) or '<none>'})") for name, needed in may)
        return [(("Response", "Success"), *lines)]

    def _filter(self, action: Message) -> Reply:
        if action.get("Operation").lower() != "add":
            return [error("Unknown operation")]
        if not self.filters.add(action.get("Filter")):
            return [error("Filter did not compile.  Check the syntax of the filter given.")]
        return [(("Response", "Success"), ("Message", "Success"))]

    def _command(self, action: Message) -> Reply:
        words = action.get("Command").split()
        if words[:3] == ["manager", "show", "user"] and words[3:] == [self.user.name]:
            lines = self.user.show()
        elif words == ["core", "show", "version"]:
            lines = ["Asterisk 22.10.1 (emulated)"]
        else:
            lines = [f"No such command '{action.get('Command')}' (type 'core show help {words[0] if words else ''}')"]
        output = (("Output", line) for line in lines)
        return [(("Response", "Success"), ("Message", "Command output follows"), *output)]

    def _coresettings(self, action: Message) -> Reply:
        return [(("Response", "Success"), ("AMIversion", "11.0.0"), ("AsteriskVersion", "22.10.1"), ("SystemName", ""))]

    # Live state

    def _coreshowchannels(self, action: Message) -> Reply:
        rows = (
            (
                ("Event", "CoreShowChannel"),
                *channel.snapshot,
                ("Application", channel.application),
                ("ApplicationData", channel.data),
                ("Duration", _clock_face(self._age(channel))),
                ("BridgeId", channel.bridge),
            )
            for channel in self.channels.alive.values()
        )
        return listing("Channels will follow", "CoreShowChannelsComplete", *rows)

    def _status(self, action: Message) -> Reply:
        wanted = action.get("Channel")
        if wanted and self.channels.named(wanted) is None:
            return [error("No such channel")]
        names = [name for name in action.get("Variables").split(",") if name]
        if action.get("AllVariables").lower() == "true":
            names = ["*"]
        rows = [
            self._status_row(channel, names) for channel in self.channels.alive.values() if wanted in {"", channel.name}
        ]
        return listing("Channel status will follow", "StatusComplete", *rows, last=(("Items", str(len(rows))),))

    def _status_row(self, channel: Channel, names: list[str]) -> Headers:
        known = channel.variables
        variables = [(name, known.get(name, "")) for name in (known if names == ["*"] else names)]
        return (
            ("Event", "Status"),
            ("Privilege", "Call"),
            *channel.snapshot,
            ("Type", channel.name.partition("/")[0]),
            ("DNID", known.get("FROM_DID", "")),
            ("BridgeID", channel.bridge),
            ("Application", channel.application),
            ("Data", channel.data),
            ("Seconds", str(self._age(channel))),
            *(("Variable", f"{name}={value}") for name, value in variables),
        )

    def _bridgelist(self, action: Message) -> Reply:
        rows = ((("Event", "BridgeListItem"), *self.channels.bridge_headers(name)) for name in self.channels.bridges)
        return listing("Bridge listing will follow", "BridgeListComplete", *rows)

    def _bridgeinfo(self, action: Message) -> Reply:
        name = action.get("BridgeUniqueid")
        if not name:
            return [error("BridgeUniqueid must be provided")]
        if name not in self.channels.bridges:
            return [error("Specified BridgeUniqueid not found")]
        rows = ((("Event", "BridgeInfoChannel"), *channel.snapshot) for channel in self.channels.members(name))
        return listing(
            "Bridge channel listing will follow",
            "BridgeInfoComplete",
            *rows,
            last=self.channels.bridge_headers(name),
        )

    def _devicestatelist(self, action: Message) -> Reply:
        return listing("Device State Changes will follow", "DeviceStateListComplete", *self.devices.device_rows())

    def _extensionstatelist(self, action: Message) -> Reply:
        return listing("Extension Statuses will follow", "ExtensionStateListComplete", *self.devices.extension_rows())

    def _pjsipshowendpoints(self, action: Message) -> Reply:
        rows = list(self.devices.endpoint_rows())
        if not rows:
            return [error("No endpoints found")]
        title = "A listing of Endpoints follows, presented as EndpointList events"
        return listing(title, "EndpointListComplete", *rows)

    def _showdialplan(self, action: Message) -> Reply:
        context = action.get("Context")
        shown = [step for step in self.dialplan if context in {"", step.context}]
        if context and not shown:
            return [error(f"Did not find context {context}")]
        rows = (step.row for step in shown)
        return listing("DialPlan list will follow", "ShowDialPlanComplete", *rows, last=totals(shown))

    def _getvar(self, action: Message) -> Reply:
        name, variable = action.get("Channel"), action.get("Variable")
        if not variable:
            return [error("No variable specified")]
        channel = self.channels.named(name)
        if name and channel is None:
            return [error("No such channel")]
        value = _value(channel, variable) if channel else ""
        return [(("Response", "Success"), ("Variable", variable), ("Value", value))]

    def _age(self, channel: Channel) -> int:
        return max(0, int((self.clock() - channel.born).total_seconds()))

    # Acting

    def _originate(self, action: Message) -> Reply:
        if not action.get("Channel"):
            return [error("Channel not specified")]
        if not action.get("Application") and not (action.get("Context") and action.get("Priority")):
            return [error("Originate with 'Exten' requires 'Context' and 'Priority'")]
        if refusal := self.originate(action):
            return [error(refusal)]
        return [(("Response", "Success"), ("Message", "Originate successfully queued"))]


def error(text: str) -> Headers:
    return (("Response", "Error"), ("Message", text))


def listing(title: str, ending: str, *rows: Headers, last: Headers = ()) -> Reply:
    complete = (("Event", ending), ("EventList", "Complete"), ("ListItems", str(len(rows))), *last)
    return [(("Response", "Success"), ("EventList", "start"), ("Message", title)), *rows, complete]


def _value(channel: Channel, variable: str) -> str:
    if variable.upper() == "CDR(RECORDINGFILE)":
        return channel.variables.get("MIXMONITOR_FILENAME", "").rpartition("/")[2]
    return channel.variables.get(variable.lstrip("_"), "")


def _clock_face(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
