from __future__ import annotations

import re

import pytest

from ringbridge.ami.noise import NOISE, WANTED_VARIABLES
from ringbridge.emulators.asterisk.users import Filters
from ringbridge.pbx.filters import filter_actions


@pytest.fixture
def filters() -> Filters:
    filters = Filters()
    for action in filter_actions(WANTED_VARIABLES):
        assert filters.add(dict(action.headers)["Filter"])
    return filters


@pytest.mark.parametrize(
    "event",
    [
        "Newchannel",
        "Newstate",
        "NewCallerid",
        "NewConnectedLine",
        "DialBegin",
        "DialEnd",
        "BridgeEnter",
        "BridgeMerge",
        "Hangup",
        "HangupRequest",
        "AttendedTransfer",
        "BlindTransfer",
        "Pickup",
        "ParkedCall",
        "ParkedCallTimeOut",
        "UnParkedCall",
        "QueueCallerAbandon",
        "AgentConnect",
        "Cdr",
        "CEL",
        "OriginateResponse",
        "LocalBridge",
        "LocalOptimizationBegin",
        "MixMonitorStart",
        "ConfbridgeJoin",
        "Hold",
        "Unhold",
        "Shutdown",
        "Reload",
        "Rename",
    ],
)
def test_events_that_tell_of_calls_pass_the_filters(filters: Filters, event: str) -> None:
    assert filters.pass_on(f"Event: {event}\r\nChannel: PJSIP/101-1\r\n\r\n")


@pytest.mark.parametrize("event", sorted(NOISE))
def test_noise_stays_at_the_pbx(filters: Filters, event: str) -> None:
    assert not filters.pass_on(f"Event: {event}\r\nPrivilege: x,all\r\nChannel: PJSIP/101-1\r\n\r\n")


def test_of_the_variables_only_the_wanted_pass(filters: Filters) -> None:
    def varset(name: str) -> str:
        return f"Event: VarSet\r\nChannel: PJSIP/101-1\r\nVariable: {name}\r\nValue: 1\r\n\r\n"

    assert filters.pass_on(varset("MIXMONITOR_FILENAME"))
    assert filters.pass_on(varset("__FROM_DID"))
    assert not filters.pass_on(varset("AMPUSERCIDNAME"))
    assert not filters.pass_on(varset("AMPDBPASS"))


def test_no_filter_is_longer_than_the_line_asterisk_reads() -> None:
    names = {f"VARIABLE_NUMBER_{number}" for number in range(200)}
    actions = filter_actions(names)
    assert all(len(dict(action.headers)["Filter"]) < 1000 for action in actions)
    patterns = [re.compile(dict(action.headers)["Filter"].replace("[[:space:]]", r"\s")) for action in actions]
    assert all(any(pattern.search(f"Variable: {name}\r\n") for pattern in patterns) for name in names)
