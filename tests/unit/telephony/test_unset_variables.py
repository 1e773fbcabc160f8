"""What Asterisk answers for a variable that a channel does not have, in the listing after a login."""

from __future__ import annotations

from datetime import UTC, datetime

from ringbridge.ami.message import Message
from ringbridge.telephony.replay import ended_calls
from ringbridge.telephony.tracker import CallTracker

AT = datetime(2026, 11, 25, 20, 0, 30, tzinfo=UTC)


def status_row(**more: str) -> list[tuple[str, str]]:
    """A client's channel that waits in the dialplan, as Asterisk 22 lists it."""
    row = {
        "Event": "Status",
        "Channel": "PJSIP/comtel-00000000",
        "ChannelState": "4",
        "ChannelStateDesc": "Ring",
        "CallerIDNum": "79125551122",
        "Context": "employee",
        "Exten": "101",
        "Uniqueid": "1795636773.0",
        "Linkedid": "1795636773.0",
        "Seconds": "7",
        **more,
    }
    return list(row.items())


def test_a_variable_that_is_not_set_is_neither_a_number_called_nor_a_recording() -> None:
    unset = [("Variable", "FROM_DID=(null)"), ("Variable", "MIXMONITOR_FILENAME=(null)")]
    row = Message([*status_row(DNID="74951000101"), *unset])
    tracker = CallTracker(trunks=frozenset({"comtel"}))
    (call,) = ended_calls([*tracker.resync([row], AT), *tracker.finish(AT)])
    assert call.did == "74951000101"
    assert call.recordings == ()
