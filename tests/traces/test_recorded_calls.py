"""Conversations of real Asterisks, replayed: every field of every client's call against what truly happened.

Each ``NAME.json`` says what the phones did and what a human would say of it (see README.md here); beside it lie the
bytes the manager client received. Each is replayed three times: whole, for a manager user that may not read the class
``dialplan`` (no VarSet), and with the CEL events left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ringbridge.ami.message import Message
from ringbridge.telephony.model import Call
from ringbridge.telephony.replay import ended_calls, everything, replay

HERE = Path(__file__).parent
TRUNKS = frozenset({"mango", "mtt", "provider"})
SCENARIOS = sorted(path for path in HERE.glob("*/*.json") if path.parent.name != "load")

SECONDS = 1.0  # a talk may be longer or shorter by so much: two clocks, and a phone hears of a hangup later
CONSULTATION = 10.0  # the client on hold while a colleague is asked: counted as talk or not

Truth = dict[str, Any]
Hears = Callable[[Message], bool]


def without_dialplan(message: Message) -> bool:
    return message.event not in {"VarSet", "Newexten"}


def without_cel(message: Message) -> bool:
    return message.event != "CEL"


def calls_of(scenario: Path, truth: Truth, hears: Hears) -> list[Call]:
    parts = truth.get("parts") or [f"{scenario.stem}.ami.gz"]
    paths = [scenario.parent / part for part in parts]
    return [call for call in ended_calls(replay(paths, trunks=TRUNKS, hears=hears)) if call.concerns_client]


# The comparison


def digits(number: str | None) -> str:
    """The last ten digits: however the provider writes the country."""
    return re.sub(r"\D", "", number or "")[-10:]


def seconds_by_extension(talks: Sequence[Truth]) -> dict[str, float]:
    total: dict[str, float] = {}
    for talk in talks:
        who = digits(talk["extension"])
        total[who] = total.get(who, 0.0) + talk["seconds"]
    return total


def wrong_talks(truth: Truth, call: Call) -> bool:
    want = seconds_by_extension(truth["talks"])
    have = seconds_by_extension(
        [{"extension": talk.extension, "seconds": talk.length.total_seconds()} for talk in call.talks]
    )
    if want.keys() != have.keys():
        return True
    consulted = {digits(transfer["by"]) for transfer in truth["transfers"] if transfer["type"] == "attended"}
    most = {who: CONSULTATION if who in consulted else SECONDS for who in want}
    return any(not -SECONDS <= have[who] - want[who] <= most[who] for who in want)


def wrong_legs(truth: Truth, call: Call) -> bool:
    """Of the company's own phones, each must have ended as it truly did.

    A mobile is no phone of the company's. Who picked a call up, fetched or dialled into it was not rung, and may be
    listed or not. Who was rung twice may be listed once.
    """
    if truth["direction"] != "inbound":
        return False
    want = results_by_extension((leg["extension"], leg["result"]) for leg in truth["legs"])
    have = results_by_extension((leg.extension, str(leg.result)) for leg in call.legs)
    unrung = set(truth["answered_by"])
    if want.keys() - unrung != have.keys() - unrung:
        return True
    return any(
        not want[who] & have[who] or ("answered" in want[who]) != ("answered" in have[who])
        for who in want.keys() & have.keys()
    )


def results_by_extension(legs: Iterator[tuple[str, str]]) -> dict[str, set[str]]:
    results: dict[str, set[str]] = {}
    for extension, result in legs:
        if len(extension) <= 6:
            one_of = {"answered_elsewhere", "no_answer"} if "_or_" in result else {result}
            results.setdefault(extension, set()).update(one_of)
    return results


def differences(truth: Truth, call: Call) -> dict[str, tuple[Any, Any]]:
    """Field: (what is told, what is true). A field that the truth leaves open (null) is not compared."""
    pairs: dict[str, tuple[Any, Any]] = {
        "direction": (call.direction, truth["direction"]),
        "external": (digits(call.external), digits(truth["external"])),
        "disposition": (call.disposition, truth["disposition"]),
        "interrupted": (call.interrupted, truth["interrupted"]),
        "answered_by": ([digits(who) for who in call.answered_by], [digits(who) for who in truth["answered_by"]]),
        "transfers": (
            [(move.type, digits(move.by), digits(move.to)) for move in call.transfers],
            [(move["type"], digits(move["by"]), digits(move["to"])) for move in truth["transfers"]],
        ),
        "click_to_call": (bool(call.click_to_call), bool(truth["click_to_call"])),
        "voicemail": (call.voicemail, truth["voicemail"]),
    }
    if isinstance(truth["click_to_call"], str):
        pairs["click_to_call"] = (call.click_to_call, truth["click_to_call"])
    if truth["did"] is not None:
        pairs["did"] = (digits(call.did), digits(truth["did"]))
    for name, told in (("trunk", call.trunk), ("queue", call.queue)):
        if truth[name] is not None:
            pairs[name] = (told, truth[name])
    if truth["disposition"] == "answered" and truth["recorded"] is not None:
        pairs["recorded"] = (bool(call.recordings), truth["recorded"])
    wrong = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    if truth["talks"] is not None and wrong_talks(truth, call):
        wrong["talks"] = (call.talks, truth["talks"])
    if truth["legs"] is not None and wrong_legs(truth, call):
        wrong["legs"] = (call.legs, truth["legs"])
    return wrong


def compare(truths: list[Truth], calls: list[Call]) -> list[dict[str, tuple[Any, Any]]]:
    """The differences of each true call from the call that is most like it."""
    rest, found = list(calls), []
    for truth in truths:
        nearest = min(rest, key=lambda call: len(differences(truth, call)))
        rest.remove(nearest)
        found.append(differences(truth, nearest))
    return [wrong for wrong in found if wrong]


# The tests


def read(scenario: Path) -> tuple[Truth, list[Truth]]:
    truth = json.loads(scenario.read_text(encoding="utf-8"))
    return truth, [call for call in truth["calls"] if call["direction"] in {"inbound", "outbound"}]


@pytest.mark.parametrize("hears", [everything, without_dialplan, without_cel], ids=lambda hears: hears.__name__)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_field_of_every_clients_call_is_what_truly_happened(scenario: Path, hears: Hears) -> None:
    truth, clients = read(scenario)

    calls = calls_of(scenario, truth, hears)

    assert len(calls) == len(clients), [(call.direction, call.external, call.disposition) for call in calls]
    assert compare(clients, calls) == []


def test_six_hundred_overlapping_calls_each_come_out_as_their_caller_ended_them() -> None:
    """600 callers in 60 seconds, some 290 channels up; the last digit of the caller's number says who is called:
    0 to 3 are answered, 7 is busy, 8 hangs up while it rings."""
    path = HERE / "load" / "ast22_600calls_crm.ami.gz"
    plan = json.loads(path.with_name("ast22_600calls_crm.json").read_text(encoding="utf-8"))
    called = plan["extension_by_last_digit"]

    calls = [call for call in ended_calls(replay([path], trunks=TRUNKS)) if call.concerns_client]

    answered = [call for call in calls if call.disposition == "answered"]
    assert len(answered) == plan["answered"]
    assert len(calls) == plan["answered"] + plan["busy"] + plan["abandoned"]
    assert len({call.external for call in calls}) == len(calls)
    for call in calls:
        assert call.external is not None
        expected = called[call.external[-1]]
        assert [leg.extension for leg in call.legs] == [expected]
        assert call.answered_by == ((expected,) if expected <= "104" else ())
        assert call.legs[0].result == {"105": "busy", "106": "no_answer"}.get(expected, "answered")
        assert call.did == "73432723033"
        assert not call.interrupted
