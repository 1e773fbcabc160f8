"""Event filters that keep the noise at the PBX: set anew in each session, since they end with it.

Filters of the old form (one regular expression over the whole text of the event) work from Asterisk 16 to 22. As soon
as there is one that includes, everything that no filter includes stays away; so one names the events that tell of
calls, and another lets the wanted channel variables through. Expressions are POSIX extended, without look-ahead.

Source: manager.conf.sample, "eventfilter"; action Filter (needs write = system).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from ringbridge.ami.message import Action

# Beginnings of names: "Dial" is DialBegin, DialState and DialEnd.
_EVENTS = (
    "Agent",
    "Alarm",
    "AttendedTransfer",
    "BlindTransfer",
    "Bridge",
    "Cdr",
    "CEL",
    "Conf",
    "ContactStatus",
    "DTMFEnd",
    "DeviceState",
    "Dial",
    "ExtensionStatus",
    "FullyBooted",
    "Hangup",
    "Hold",
    "Local",
    "Masquerade",
    "MessageWaiting",
    "MiniVoiceMail",
    "MixMonitor",
    "MusicOnHold",
    "New(Account|Caller|Connected|channel|state)",
    "Originate",
    "Parked",
    "PeerStatus",
    "Pickup",
    "Queue",
    "Registry",
    "Reload",
    "Rename",
    "Shutdown",
    "SoftHangup",
    "UnPark",
    "Unhold",
    "UserEvent",
    "VoicemailPasswordChange",
)

_LONGEST = 900  # an action's line ends at 1,024 bytes


def filter_actions(wanted_variables: Collection[str]) -> list[Action]:
    """The actions to send after a login."""
    names = (re.escape(name) for name in sorted(wanted_variables))
    filters = [
        *(f"Event: ({part})" for part in _portions(iter(_EVENTS))),
        *(f"Variable: _*({part})[[:space:]]" for part in _portions(names)),
    ]
    return [Action(name="Filter", headers=(("Operation", "Add"), ("Filter", text))) for text in filters]


def _portions(names: Iterator[str]) -> Iterator[str]:
    portion = ""
    for name in names:
        if portion and len(portion) + len(name) > _LONGEST:
            yield portion
            portion = ""
        portion = f"{portion}|{name}" if portion else name
    if portion:
        yield portion
